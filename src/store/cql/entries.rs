//! Writes: lists of changes in order, and what the followers of the log bring.

use super::Inner;
use super::compare::Differs;
use super::link::Lane;
use super::period::{Class, Family, Period};
use super::statements::Statements;
use super::writes::{Change, batches, make, parts};
use super::{CqlStore, Table};
use crate::error::Result;
use crate::store::{Answer, EntryStore, Key, Range, Store as _, Write, tables};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Batches of a follower that are on their way at once: enough to keep a store of a few nodes busy, few enough that pages
/// are read beside them.
const BATCHES_AT_ONCE: usize = 32;

/// A record with the rows that go with it, as a follower of the log brings it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// Write timestamp of everything in it, µs since 1970; grows strictly within a chat. Of two entries that change one
    /// row, the one with the larger stamp counts, in whatever order they are written.
    pub stamp_us: i64,
    /// Time of the record, ms since 1970; it decides the period and never changes.
    pub at_ms: u64,
    /// The chat.
    pub chat: u64,
    /// Seq of the record.
    pub seq: u64,
    /// Seq of what the record changes, when it changes something.
    pub target: Option<u64>,
    /// The record as [`Table::Messages`] has it.
    pub value: Vec<u8>,
    /// Rows that go with it, in order.
    pub writes: Vec<Write>,
}

/// A row as an entry of the log leaves it.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryRow {
    /// The change.
    pub write: Write,
    /// Its write timestamp, µs since 1970.
    pub stamp_us: i64,
    /// Time of its record, ms since 1970.
    pub at_ms: u64,
}

impl StoredEntry {
    /// Its rows, in order.
    pub fn rows(&self) -> Vec<EntryRow> {
        let row = |write| EntryRow { write, stamp_us: self.stamp_us, at_ms: self.at_ms };
        let record = |table, of_seq, row| Write::Put(table, tables::bucket_key(self.chat, of_seq), row, self.value.clone());
        let mut rows = Vec::with_capacity(self.writes.len() + 2);
        rows.push(row(record(Table::Messages, self.seq, tables::u64_key(self.seq))));
        if let Some(target) = self.target {
            let of_change = tables::KeyMaker::default().u64(target).u64(self.seq).done();
            rows.push(row(record(Table::Changes, target, of_change)));
        }
        rows.extend(self.writes.iter().cloned().map(row));
        rows
    }
}

/// A change of a row in a table by period or another, before its statements are known.
struct Wanted<'a> {
    table: Table,
    partition: Key,
    row: Key,
    value: Option<&'a [u8]>,
    timestamp: i64,
    at_ms: u64,
}

impl<'a> Wanted<'a> {
    fn of(write: &'a Write, timestamp: i64, at_ms: u64) -> Self {
        match write {
            Write::Put(table, partition, row, value) => {
                Self { table: *table, partition: partition.clone(), row: row.clone(), value: Some(value), timestamp, at_ms }
            }
            Write::Delete(table, partition, row) => {
                Self { table: *table, partition: partition.clone(), row: row.clone(), value: None, timestamp, at_ms }
            }
        }
    }

    /// Where a row by period is put.
    fn place(&self) -> Option<(Family, Class, Period)> {
        Family::of(self.table).map(|family| (family, Class::Ever, Class::Ever.period(self.at_ms)))
    }
}

impl CqlStore {
    /// Writes entries of the log. Any of them may be written any number of times, by several nodes at once, in any order:
    /// what stands afterwards is the same. They are not written in their order, and a failure leaves some of them
    /// unwritten, so whoever gets an error brings all of them again.
    ///
    /// # Errors
    /// The store does not answer, or refuses something.
    pub async fn write_entries(&self, entries: &[StoredEntry]) -> Result<()> {
        let rows: Vec<EntryRow> = entries.iter().flat_map(StoredEntry::rows).collect();
        self.inner.write_entry_rows(&rows).await
    }
}

impl Inner {
    /// Makes changes one after the other, in parts that are each all or nothing. Rows by period belong to now.
    pub(super) async fn write(&self, writes: &[Write]) -> Result<()> {
        let at_ms = self.clock.now_ms();
        // Cursors are each for itself and only move on, so nothing has to be kept together.
        if writes.iter().all(|write| matches!(write, Write::Put(Table::Cursors, ..))) {
            let wanted: Vec<Wanted> = writes.iter().map(|write| Wanted::of(write, 0, at_ms)).collect();
            return self.write_in_any_order("write", Lane::Normal, &wanted).await;
        }
        let wanted: Vec<Wanted> = writes.iter().map(|write| Wanted::of(write, self.stamps.next(), at_ms)).collect();
        self.make_places(&wanted).await?;
        let mut changes = Vec::with_capacity(wanted.len());
        for wanted in &wanted {
            self.changes_of(wanted, &mut changes).await?;
        }
        for part in parts(changes) {
            let outcome = make(&self.link, "write", Lane::Normal, &part).await;
            self.written(&wanted);
            outcome?;
        }
        Ok(())
    }

    /// Makes what entries of the log leave, in any order.
    pub(super) async fn write_entry_rows(&self, rows: &[EntryRow]) -> Result<()> {
        let wanted: Vec<Wanted> = rows.iter().map(|row| Wanted::of(&row.write, row.stamp_us, row.at_ms)).collect();
        self.write_in_any_order("write_entries", Lane::Bulk, &wanted).await
    }

    /// Makes changes by partition, many at once. Of those of one row, the one with the largest timestamp is made.
    async fn write_in_any_order(&self, what: &'static str, lane: Lane, wanted: &[Wanted<'_>]) -> Result<()> {
        self.make_places(wanted).await?;
        let mut changes = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            self.changes_of(wanted, &mut changes).await?;
        }
        let outcome = futures_util::stream::iter(batches(changes))
            .map(Ok)
            .try_for_each_concurrent(BATCHES_AT_ONCE, |batch| async move { make(&self.link, what, lane, &batch).await })
            .await;
        self.written(wanted);
        outcome
    }

    /// Makes the tables by period that changes need, and notes them for their partitions.
    async fn make_places(&self, wanted: &[Wanted<'_>]) -> Result<()> {
        let mut notes = BTreeSet::new();
        for wanted in wanted.iter().filter(|wanted| wanted.value.is_some()) {
            if let Some(place) = wanted.place() {
                notes.insert((wanted.partition.clone(), place));
            }
        }
        let periods: BTreeSet<(Class, Period)> = notes.iter().map(|(_, (_, class, period))| (*class, *period)).collect();
        for (class, period) in periods {
            self.periods.ready(&self.schema(), class, period).await?;
        }
        futures_util::stream::iter(notes)
            .map(Ok)
            .try_for_each_concurrent(
                BATCHES_AT_ONCE,
                |(partition, place)| async move { self.periods.note(&self.link, &partition, place).await },
            )
            .await
    }

    /// The changes of one row: one, but for a row by period that goes, which may be in several tables.
    async fn changes_of<'a>(&self, wanted: &Wanted<'a>, into: &mut Vec<Change<'a>>) -> Result<()> {
        let mut push = |statements: Arc<Statements>| {
            into.push(Change::new(statements, &wanted.partition, wanted.row.clone(), wanted.value, wanted.timestamp)?);
            Ok(())
        };
        match (wanted.place(), wanted.value) {
            (None, _) => push(self.table(wanted.table)?.clone()),
            (Some(place), Some(_)) => push(self.periods.made(place)?),
            (Some((family, ..)), None) => {
                let tables = self.periods.of(&self.link, &self.clock, family, &wanted.partition).await?;
                tables.into_iter().try_for_each(push)
            }
        }
    }

    /// Reads from now on see what was written.
    fn written(&self, wanted: &[Wanted<'_>]) {
        for wanted in wanted {
            self.shared.written(wanted.table, &wanted.partition);
        }
    }
}

impl EntryStore for CqlStore {
    fn write_entries(&self, entries: Vec<StoredEntry>) -> Answer<'_, ()> {
        Box::pin(async move { Self::write_entries(self, &entries).await })
    }

    fn differing(&self, rows: Vec<EntryRow>) -> Answer<'_, Vec<Differs>> {
        Box::pin(async move { Self::differing(self, &rows).await })
    }

    fn write_rows(&self, rows: Vec<EntryRow>) -> Answer<'_, ()> {
        Box::pin(async move { Self::write_rows(self, &rows).await })
    }

    fn last_seq(&self, chat: u64) -> Answer<'_, u64> {
        Box::pin(async move {
            let last_of = async |bucket: u64| {
                let partition = tables::bucket_key(chat, bucket * tables::BUCKET_SEQS);
                let last = self.scan(Table::Messages, partition, Range::last(1)).await?;
                crate::error::Result::Ok(last.first().and_then(|(row, _)| tables::read_u64(row, 0)))
            };
            // Buckets are filled one after the other. Nearly every chat has one; of others the last is found by halving.
            let Some(mut seq) = last_of(0).await? else { return Ok(0) };
            let (mut full, mut empty) = (0, 1);
            while let Some(last) = last_of(empty).await? {
                (seq, full, empty) = (last, empty, empty * 2);
            }
            while empty - full > 1 {
                let middle = full + (empty - full) / 2;
                match last_of(middle).await? {
                    Some(last) => (seq, full) = (last, middle),
                    None => empty = middle,
                }
            }
            Ok(seq)
        })
    }

    fn healthy(&self) -> bool {
        Self::healthy(self)
    }
}
