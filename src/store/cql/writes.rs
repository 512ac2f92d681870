//! How changes of rows become statements and batches.

use super::link::{Lane, Link};
use super::statements::{Shape, Statements, Values, cursor_parts, stored_partition};
use crate::error::{Error, Result};
use crate::store::Key;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest value of one row: half of what one request may have with the server's defaults.
pub(super) const VALUE_BYTES_MAX: usize = 8 << 20;
/// Bytes of a batch over several partitions: Cassandra refuses more than 50 KiB.
const LOGGED_BYTES: usize = 40 << 10;
/// Bytes of a batch within one partition; there is no such limit for it, so this keeps single requests short.
const UNLOGGED_BYTES: usize = 512 << 10;
/// Changes in one batch.
const BATCH_CHANGES: usize = 100;

/// One row's change, ready to be made of statements.
#[derive(Clone)]
pub(super) struct Change<'a> {
    pub(super) table: Arc<Statements>,
    /// As CQL has it.
    pub(super) partition: Key,
    pub(super) row: Key,
    /// None: the row goes.
    pub(super) value: Option<&'a [u8]>,
    /// µs since 1970. Of cursors it is not used.
    pub(super) timestamp: i64,
}

impl<'a> Change<'a> {
    pub(super) fn new(table: Arc<Statements>, partition: &[u8], row: Key, value: Option<&'a [u8]>, timestamp: i64) -> Result<Self> {
        if let Some(value) = value {
            if value.len() > VALUE_BYTES_MAX {
                return Err(Error::too_large("a row of the store", value.len() as u64, VALUE_BYTES_MAX as u64, "bytes"));
            }
            if table.shape == Shape::Cursor {
                cursor_parts(value)?;
            }
        } else if table.shape == Shape::Cursor {
            return Err(Error::storage("a cursor only moves on; it is not deleted"));
        }
        Ok(Self { table, partition: stored_partition(partition), row, value, timestamp })
    }

    /// The same place of the store.
    fn same_row(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table) && self.partition == other.partition && self.row == other.row
    }

    pub(super) fn same_partition(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.table, &other.table) && self.partition == other.partition
    }

    /// Its statements with their values.
    fn statements<'b>(&'b self, into: &mut Vec<(PreparedStatement, Values<'b>)>) -> Result<()> {
        let (partition, row) = (self.partition.as_slice(), self.row.as_slice());
        match (self.value, self.table.shape) {
            (None, _) => into.push((self.table.delete.clone(), Values::Delete { partition, row, timestamp: self.timestamp })),
            (Some(value), Shape::Value) => {
                into.push((self.table.puts[0].clone(), Values::Put { partition, row, value, timestamp: self.timestamp }));
            }
            (Some(value), Shape::Cursor) => {
                let (delivered, read, reading) = cursor_parts(value)?;
                let (delivered, read) = (delivered as i64, read as i64);
                into.push((self.table.puts[0].clone(), Values::Delivered { partition, row, seq: delivered, timestamp: delivered }));
                into.push((self.table.puts[1].clone(), Values::Put { partition, row, value: reading, timestamp: read }));
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        64 + self.partition.len() + self.row.len() + self.value.map_or(0, <[u8]>::len)
    }
}

/// Cuts changes into parts that are made one after the other, each all or nothing. A row that is changed twice in one part
/// keeps its last change only: two changes with one timestamp would be decided by their values.
pub(super) fn parts(changes: Vec<Change<'_>>) -> Vec<Vec<Change<'_>>> {
    let mut parts: Vec<Vec<Change>> = Vec::new();
    let mut bytes = 0;
    let mut one_partition = true;
    for change in changes {
        let size = change.bytes();
        if let Some(part) = parts.last_mut() {
            let alike = one_partition && part[0].same_partition(&change);
            let fits = bytes + size <= if alike { UNLOGGED_BYTES } else { LOGGED_BYTES } && part.len() < BATCH_CHANGES;
            if fits {
                if let Some(earlier) = part.iter().position(|earlier| earlier.same_row(&change)) {
                    part.remove(earlier);
                }
                part.push(change);
                (bytes, one_partition) = (bytes + size, alike);
                continue;
            }
        }
        parts.push(vec![change]);
        (bytes, one_partition) = (size, true);
    }
    parts
}

/// Sorts changes into batches of one partition each. Of those of one row, the one with the largest timestamp is left, and
/// of two with the same, the later one.
pub(super) fn batches(changes: Vec<Change<'_>>) -> Vec<Vec<Change<'_>>> {
    let mut newest: HashMap<(*const Statements, Key, Key), usize> = HashMap::with_capacity(changes.len());
    let mut partitions: HashMap<(*const Statements, Key), Vec<usize>> = HashMap::new();
    for (index, change) in changes.iter().enumerate() {
        let table = Arc::as_ptr(&change.table);
        if change.table.shape == Shape::Cursor {
            partitions.entry((table, change.partition.clone())).or_default().push(index);
            continue;
        }
        // Of one entry, the later change counts.
        let slot = newest.entry((table, change.partition.clone(), change.row.clone())).or_insert(index);
        if change.timestamp >= changes[*slot].timestamp {
            *slot = index;
        }
    }
    for ((table, partition, _), index) in newest {
        partitions.entry((table, partition)).or_default().push(index);
    }
    let mut changes: Vec<Option<Change>> = changes.into_iter().map(Some).collect();
    let mut batches = Vec::with_capacity(partitions.len());
    for indexes in partitions.into_values() {
        let mut batch: Vec<Change> = Vec::new();
        let mut bytes = 0;
        for change in indexes.into_iter().filter_map(|index| changes[index].take()) {
            if batch.len() >= BATCH_CHANGES || (bytes + change.bytes() > UNLOGGED_BYTES && !batch.is_empty()) {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += change.bytes();
            batch.push(change);
        }
        batches.push(batch);
    }
    batches
}

/// Makes the changes of one part, all or nothing.
pub(super) async fn make(link: &Link, what: &'static str, lane: Lane, part: &[Change<'_>]) -> Result<()> {
    let mut made = Vec::with_capacity(part.len());
    for change in part {
        change.statements(&mut made)?;
    }
    let one_partition = part.iter().all(|change| change.same_partition(&part[0]));
    if let [(statement, values)] = made.as_slice() {
        return link.execute(what, statement, values).await.map(drop);
    }
    let kind = if one_partition { BatchType::Unlogged } else { BatchType::Logged };
    let (statements, values): (Vec<_>, Vec<_>) = made.into_iter().unzip();
    let mut batch = Batch::new_with_statements(kind, statements.into_iter().map(Into::into).collect());
    // Every statement has its own timestamp, so making the batch twice changes nothing.
    batch.set_is_idempotent(true);
    batch.set_execution_profile_handle(Some(link.profile(lane)));
    link.batch(what, &batch, values).await
}
