//! The prepared statements of one table, and how its rows stand in CQL.

use super::link::{Lane, Link, unreadable};
use crate::error::{Error, Result};
use crate::store::Key;
use scylla::errors::PrepareError;
use scylla::response::query_result::QueryRowsResult;
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::prepared::PreparedStatement;
use std::ops::Bound;

/// How the value of a row stands in CQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// In one column. The last write wins.
    Value,
    /// A cursor: how far delivered, and how far read with what belongs to it. Each of the two has its own write timestamp,
    /// which is the seq itself, so the largest wins in whatever order nodes write.
    Cursor,
}

impl Shape {
    /// The columns, for a statement that makes the table.
    pub(super) fn columns(self) -> &'static str {
        match self {
            Self::Value => "partition blob, row blob, value blob, PRIMARY KEY (partition, row)",
            Self::Cursor => "partition blob, row blob, delivered bigint, reading blob, PRIMARY KEY (partition, row)",
        }
    }

    fn selected(self) -> &'static str {
        match self {
            Self::Value => "row, value, WRITETIME(value)",
            Self::Cursor => "row, delivered, reading",
        }
    }
}

/// The statements of a table, prepared.
pub(super) struct Statements {
    pub(super) shape: Shape,
    pub(super) get: PreparedStatement,
    /// Ascending; the second one has an upper bound.
    up: [PreparedStatement; 2],
    /// Descending, in the same way.
    down: [PreparedStatement; 2],
    pub(super) puts: Vec<PreparedStatement>,
    pub(super) delete: PreparedStatement,
    /// Every row of an interval of tokens.
    pub(super) all: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(
        link: &Link,
        keyspace: &str,
        name: &str,
        shape: Shape,
        lane: Lane,
    ) -> std::result::Result<Self, PrepareError> {
        let table = format!("{keyspace}.{name}");
        let columns = shape.selected();
        let scan = |bound: &str, order: &str| {
            format!("SELECT {columns} FROM {table} WHERE partition = ? AND row >= ?{bound} ORDER BY row {order}")
        };
        let puts = match shape {
            Shape::Value => vec![format!("INSERT INTO {table} (partition, row, value) VALUES (?, ?, ?) USING TIMESTAMP ?")],
            Shape::Cursor => ["delivered", "reading"]
                .map(|column| format!("INSERT INTO {table} (partition, row, {column}) VALUES (?, ?, ?) USING TIMESTAMP ?"))
                .into(),
        };
        let mut prepared = Vec::with_capacity(puts.len());
        for put in puts {
            prepared.push(link.prepare(put, Lane::Normal).await?);
        }
        Ok(Self {
            shape,
            get: link.prepare(format!("SELECT {columns} FROM {table} WHERE partition = ? AND row = ?"), lane).await?,
            up: [link.prepare(scan("", "ASC"), lane).await?, link.prepare(scan(" AND row < ?", "ASC"), lane).await?],
            down: [link.prepare(scan("", "DESC"), lane).await?, link.prepare(scan(" AND row < ?", "DESC"), lane).await?],
            puts: prepared,
            delete: link.prepare(format!("DELETE FROM {table} USING TIMESTAMP ? WHERE partition = ? AND row = ?"), Lane::Normal).await?,
            all: link
                .prepare(
                    format!("SELECT partition, {columns} FROM {table} WHERE token(partition) >= ? AND token(partition) <= ?"),
                    Lane::Bulk,
                )
                .await?,
        })
    }

    /// The statement that reads rows in this direction, with or without an upper bound.
    pub(super) fn scan(&self, backward: bool, bounded: bool) -> &PreparedStatement {
        let direction = if backward { &self.down } else { &self.up };
        &direction[usize::from(bounded)]
    }
}

/// The partition as CQL has it. An empty one is refused there, so a partition that is nothing but zeros, or nothing at
/// all, has one zero more.
pub(super) fn stored_partition(partition: &[u8]) -> Key {
    let mut stored = Key::from_slice(partition);
    if partition.iter().all(|byte| *byte == 0) {
        stored.push(0);
    }
    stored
}

/// The partition that stands in CQL like this.
pub(super) fn partition_of(stored: &[u8]) -> Key {
    let partition = if stored.iter().all(|byte| *byte == 0) { stored.get(1..).unwrap_or_default() } else { stored };
    Key::from_slice(partition)
}

/// The least row that a range begins with. The next one behind a row in the order of bytes is the row with a zero more.
pub(super) fn least(from: &Bound<Key>) -> Key {
    match from {
        Bound::Unbounded => Key::new(),
        Bound::Included(row) => row.clone(),
        Bound::Excluded(row) => behind(row),
    }
}

/// The least row behind the end of a range; none when it has no end.
pub(super) fn end(to: &Bound<Key>) -> Option<Key> {
    match to {
        Bound::Unbounded => None,
        Bound::Included(row) => Some(behind(row)),
        Bound::Excluded(row) => Some(row.clone()),
    }
}

fn behind(row: &Key) -> Key {
    let mut next = row.clone();
    next.push(0);
    next
}

/// The values of one statement that changes a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values<'a> {
    Put { partition: &'a [u8], row: &'a [u8], value: &'a [u8], timestamp: i64 },
    Delivered { partition: &'a [u8], row: &'a [u8], seq: i64, timestamp: i64 },
    Delete { partition: &'a [u8], row: &'a [u8], timestamp: i64 },
}

impl SerializeRow for Values<'_> {
    fn serialize(&self, context: &RowSerializationContext<'_>, writer: &mut RowWriter) -> std::result::Result<(), SerializationError> {
        match *self {
            Self::Put { partition, row, value, timestamp } => (partition, row, value, timestamp).serialize(context, writer),
            Self::Delivered { partition, row, seq, timestamp } => (partition, row, seq, timestamp).serialize(context, writer),
            Self::Delete { partition, row, timestamp } => (timestamp, partition, row).serialize(context, writer),
        }
    }

    fn is_empty(&self) -> bool {
        false
    }
}

/// A row as it was read, with its partition when that was asked for.
pub(super) struct Found {
    pub(super) partition: Key,
    pub(super) row: Key,
    pub(super) value: Vec<u8>,
    /// When it was written, µs since 1970; 0 for cursors.
    pub(super) written: i64,
}

/// Reads the rows of a page.
pub(super) fn found(page: &QueryRowsResult, shape: Shape, with_partition: bool) -> Result<Vec<Found>> {
    let mut found = Vec::with_capacity(page.rows_num());
    match (shape, with_partition) {
        (Shape::Value, false) => {
            for row in page.rows::<(&[u8], Option<&[u8]>, Option<i64>)>().map_err(|error| unreadable(&error))? {
                let (row, value, written) = row.map_err(|error| unreadable(&error))?;
                found.extend(whole(&[], row, value, written));
            }
        }
        (Shape::Value, true) => {
            for row in page.rows::<(&[u8], &[u8], Option<&[u8]>, Option<i64>)>().map_err(|error| unreadable(&error))? {
                let (partition, row, value, written) = row.map_err(|error| unreadable(&error))?;
                found.extend(whole(partition, row, value, written));
            }
        }
        (Shape::Cursor, false) => {
            for row in page.rows::<(&[u8], Option<i64>, Option<&[u8]>)>().map_err(|error| unreadable(&error))? {
                let (row, delivered, reading) = row.map_err(|error| unreadable(&error))?;
                found.push(cursor(&[], row, delivered, reading));
            }
        }
        (Shape::Cursor, true) => {
            for row in page.rows::<(&[u8], &[u8], Option<i64>, Option<&[u8]>)>().map_err(|error| unreadable(&error))? {
                let (partition, row, delivered, reading) = row.map_err(|error| unreadable(&error))?;
                found.push(cursor(partition, row, delivered, reading));
            }
        }
    }
    Ok(found)
}

/// A row without a value is no row of ours.
fn whole(partition: &[u8], row: &[u8], value: Option<&[u8]>, written: Option<i64>) -> Option<Found> {
    Some(Found { partition: partition_of(partition), row: Key::from_slice(row), value: value?.to_vec(), written: written.unwrap_or(0) })
}

fn cursor(partition: &[u8], row: &[u8], delivered: Option<i64>, reading: Option<&[u8]>) -> Found {
    let mut value = delivered.unwrap_or(0).to_be_bytes().to_vec();
    value.extend_from_slice(reading.unwrap_or(&[0; CURSOR_READING]));
    Found { partition: partition_of(partition), row: Key::from_slice(row), value, written: 0 }
}

/// Bytes of a cursor behind its delivered seq: read seq, read position, time of the reading.
const CURSOR_READING: usize = 24;

/// A cursor's delivered seq, and the rest of it with the read seq in front.
pub(super) fn cursor_parts(value: &[u8]) -> Result<(u64, u64, &[u8])> {
    let parts = || Some((crate::store::tables::read_u64(value, 0)?, crate::store::tables::read_u64(value, 8)?, value.get(8..)?));
    match parts() {
        Some(parts) if value.len() == 8 + CURSOR_READING => Ok(parts),
        _ => Err(Error::storage(format!("a cursor has {} bytes, not {}", value.len(), 8 + CURSOR_READING))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_own_place() {
        let partitions: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"a", b"a\0", b"\0a"];
        let mut stored: Vec<Key> = partitions.iter().map(|partition| stored_partition(partition)).collect();
        for (partition, stored) in partitions.iter().zip(&stored) {
            assert!(!stored.is_empty());
            assert_eq!(partition_of(stored).as_slice(), *partition);
        }
        stored.sort();
        stored.dedup();
        assert_eq!(stored.len(), partitions.len());
    }
}
