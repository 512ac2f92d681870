//! What a commit changes, and how it stands in the journal.

use crate::store::Write;
use crate::store::tables::{self, Key, KeyMaker, Table};
use std::sync::Arc;

/// One change that a job makes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A row has this value from now on; none: it is gone.
    Row(Table, Key, Key, Option<Arc<[u8]>>),
    /// A record of the log of one machine, with the rows that every record has.
    Entry(LogEntry),
}

/// A record of the log of one machine, as the database keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Its place in the log.
    pub offset: u64,
    /// Its chat.
    pub chat: u64,
    /// Its place in the chat.
    pub seq: u64,
    /// Seq of the record that it changes.
    pub target: Option<u64>,
    /// Sender and hash of the client_message_id by which the record is recognised when it comes again.
    pub dedupe: Option<(u32, [u8; 16])>,
    /// The offset and the record, as the table of messages has them.
    pub value: Arc<[u8]>,
}

impl From<Write> for Change {
    fn from(write: Write) -> Self {
        match write {
            Write::Put(table, partition, row, value) => Self::Row(table, partition, row, Some(value.into())),
            Write::Delete(table, partition, row) => Self::Row(table, partition, row, None),
        }
    }
}

impl LogEntry {
    /// A record at an offset.
    pub fn new(offset: u64, (chat, seq): (u64, u64), body: &[u8]) -> Self {
        let mut value = Vec::with_capacity(8 + body.len());
        value.extend_from_slice(&offset.to_be_bytes());
        value.extend_from_slice(body);
        Self { offset, chat, seq, target: None, dedupe: None, value: value.into() }
    }

    /// The record.
    pub fn body(&self) -> &[u8] {
        self.value.get(8..).unwrap_or_default()
    }

    /// Partition and row of its dedupe row, one behind the other.
    pub fn dedupe_key(&self) -> Option<Key> {
        self.dedupe.map(|(sender, hash)| KeyMaker::default().u32(sender).bytes(&hash).done())
    }

    /// Its rows: among the messages, beside the record that it changes, and the one by which it is recognised.
    pub fn rows(&self) -> impl Iterator<Item = (Table, Key, Key, Arc<[u8]>)> {
        let message = (Table::Messages, tables::bucket_key(self.chat, self.seq), tables::u64_key(self.seq), self.value.clone());
        let change = self.target.map(|target| {
            let row = KeyMaker::default().u64(target).u64(self.seq).done();
            (Table::Changes, tables::bucket_key(self.chat, target), row, self.value.clone())
        });
        let dedupe = self.dedupe.map(|(sender, hash)| {
            let made = KeyMaker::default().u64(self.chat).u64(self.seq).done();
            (Table::Dedupe, tables::u32_key(sender), KeyMaker::default().bytes(&hash).done(), Arc::from(made.as_slice()))
        });
        [Some(message), change, dedupe].into_iter().flatten()
    }
}

const PUT: u8 = 1;
const DELETE: u8 = 2;
const ENTRY: u8 = 3;

/// Adds a change to a frame of the journal. Tables go by name: a later version reads what an earlier one has left.
pub(super) fn encode(change: &Change, frame: &mut Vec<u8>) {
    match change {
        Change::Row(table, partition, row, value) => {
            frame.push(if value.is_some() { PUT } else { DELETE });
            part(frame, table.name().as_bytes());
            part(frame, partition);
            part(frame, row);
            if let Some(value) = value {
                part(frame, value);
            }
        }
        Change::Entry(entry) => {
            frame.push(ENTRY);
            for number in [entry.offset, entry.chat, entry.seq] {
                frame.extend_from_slice(&number.to_be_bytes());
            }
            part(frame, entry.target.map(u64::to_be_bytes).as_ref().map_or(&[][..], |target| target));
            part(frame, entry.dedupe_key().as_deref().unwrap_or_default());
            part(frame, entry.body());
        }
    }
}

fn part(frame: &mut Vec<u8>, bytes: &[u8]) {
    // A change is far below 4 GiB: a frame is.
    frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    frame.extend_from_slice(bytes);
}

/// Reads the next change of a frame. None: there is none, or it is not one.
pub(super) fn decode(frame: &mut &[u8]) -> Option<Change> {
    let kind = take(frame, 1)?[0];
    match kind {
        PUT | DELETE => {
            let name = take_part(frame)?;
            let table = Table::ALL.iter().find(|table| table.name().as_bytes() == name).copied()?;
            let (partition, row) = (Key::from_slice(take_part(frame)?), Key::from_slice(take_part(frame)?));
            let value = if kind == PUT { Some(take_part(frame)?.into()) } else { None };
            Some(Change::Row(table, partition, row, value))
        }
        ENTRY => {
            let (offset, chat, seq) = (take_u64(frame)?, take_u64(frame)?, take_u64(frame)?);
            let target = tables::read_u64(take_part(frame)?, 0);
            let dedupe = match take_part(frame)? {
                [] => None,
                key => Some((tables::read_u32(key, 0)?, key.get(4..)?.try_into().ok()?)),
            };
            Some(Change::Entry(LogEntry { target, dedupe, ..LogEntry::new(offset, (chat, seq), take_part(frame)?) }))
        }
        _ => None,
    }
}

fn take<'a>(frame: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = frame.split_at_checked(count)?;
    *frame = rest;
    Some(taken)
}

fn take_u64(frame: &mut &[u8]) -> Option<u64> {
    tables::read_u64(take(frame, 8)?, 0)
}

fn take_part<'a>(frame: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = tables::read_u32(take(frame, 4)?, 0)?;
    take(frame, count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_comes_back_as_it_went() {
        let row = |value| Change::Row(Table::Personal, tables::u32_key(7), tables::text_key("a"), value);
        let entry = LogEntry::new(9, (u64::MAX, 3), b"body");
        let changes = [
            row(Some(Arc::from(b"value".as_slice()))),
            row(Some(Arc::from(b"".as_slice()))),
            row(None),
            Change::Entry(entry.clone()),
            Change::Entry(LogEntry { target: Some(0), dedupe: Some((4, [5; 16])), ..entry }),
        ];
        let mut frame = Vec::new();
        changes.iter().for_each(|change| encode(change, &mut frame));
        let mut rest = frame.as_slice();
        for change in &changes {
            assert_eq!(decode(&mut rest).as_ref(), Some(change));
        }
        assert_eq!((rest, decode(&mut rest)), (&[][..], None));
        for end in 0..frame.len() {
            let mut cut = &frame[..end];
            while decode(&mut cut).is_some() {}
        }
    }
}
