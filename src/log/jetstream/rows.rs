//! The rows of an entry: its record as the store has it, and what the appender gave along.

use super::envelope::{Envelope, Logged};
use super::{Inner, offset_of};
use crate::store::tables::{self, Table};
use crate::store::{StoredEntry, Write};

/// A record as `Messages` and `Changes` have it.
fn value(entry: &Logged, offset: u64) -> Vec<u8> {
    let mut value = Vec::with_capacity(8 + entry.body.len());
    value.extend_from_slice(&offset.to_be_bytes());
    value.extend_from_slice(&entry.body);
    value
}

/// The row that recognises a repeated send.
fn dedupe(entry: &Logged) -> Option<Write> {
    let key = entry.dedupe?;
    let made = tables::KeyMaker::default().u64(entry.record.chat).u64(entry.record.seq).done();
    Some(Write::Put(Table::Dedupe, tables::u32_key(key.sender), tables::Key::from_slice(&key.hash), made.to_vec()))
}

/// Every row of an entry.
pub fn of(entry: &Logged, offset: u64) -> Vec<Write> {
    let record = &entry.record;
    let value = value(entry, offset);
    let mut rows = Vec::with_capacity(entry.writes.len() + 3);
    if let Some(target) = record.target() {
        let row = tables::KeyMaker::default().u64(target).u64(record.seq).done();
        rows.push(Write::Put(Table::Changes, tables::bucket_key(record.chat, target), row, value.clone()));
    }
    rows.push(Write::Put(Table::Messages, tables::bucket_key(record.chat, record.seq), tables::u64_key(record.seq), value));
    rows.extend(dedupe(entry));
    rows.extend(entry.writes.iter().cloned());
    rows
}

impl Inner {
    /// A message of the log as the store takes it.
    pub fn stored_entries(&self, sequence: u64, envelope: Envelope) -> Vec<StoredEntry> {
        let stored = |(index, entry): (usize, Logged)| StoredEntry {
            stamp_us: entry.stamp_us as i64,
            at_ms: entry.record.at_ms,
            chat: entry.record.chat,
            seq: entry.record.seq,
            target: entry.record.target(),
            value: value(&entry, offset_of(sequence, index)),
            writes: dedupe(&entry).into_iter().chain(entry.writes).collect(),
        };
        envelope.entries.into_iter().enumerate().map(stored).collect()
    }
}
