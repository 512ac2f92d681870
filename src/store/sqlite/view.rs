//! What is kept as it is now: the database, and what it has not taken yet laid over it.

use super::layer::Layer;
use crate::store::merge::{covers, merge};
use crate::store::tables::{Key, Table};
use crate::store::{Range, Row};
use rusqlite::{Connection, OptionalExtension, Statement};
use std::ops::Bound;

/// Everything that is committed, to be read.
pub struct View<'a> {
    pub(super) layer: &'a Layer,
    pub(super) connection: &'a Connection,
}

/// A row with its partition.
type Placed = (Key, Key, Vec<u8>);

impl View<'_> {
    /// One row, or none.
    pub fn get(&self, table: Table, partition: &Key, row: &Key) -> rusqlite::Result<Option<Vec<u8>>> {
        // First what waits: what the database takes meanwhile is then found there.
        match self.layer.get(table, partition, row) {
            Some(value) => Ok(value.map(|value| value.to_vec())),
            None => get(self.connection, table, partition, row),
        }
    }

    /// The last row of these partitions, the last one included. Only for tables whose last row is never removed.
    pub fn last_row(&self, table: Table, from: &Key, to: &Key) -> rusqlite::Result<Option<Key>> {
        if let Some(row) = self.layer.last(table, from, to) {
            return Ok(Some(row));
        }
        let sql =
            format!("SELECT row FROM {} WHERE partition >= ?1 AND partition <= ?2 ORDER BY partition DESC, row DESC LIMIT 1", table.name());
        self.connection
            .prepare_cached(&sql)?
            .query_row((from.as_slice(), to.as_slice()), |row| Ok(Key::from_slice(row.get_ref(0)?.as_blob()?)))
            .optional()
    }

    /// Rows of a partition, in order, all as they were at one moment.
    pub(super) fn scan(&self, table: Table, partition: &Key, range: &Range) -> rusqlite::Result<Vec<Row>> {
        let mut sql = format!("SELECT row, value FROM {} WHERE partition = ?1", table.name());
        let from = bound(&range.from, &mut sql, "> ?2", ">= ?2");
        let to = bound(&range.to, &mut sql, "< ?3", "<= ?3");
        sql.push_str(if range.backward { " ORDER BY row DESC LIMIT ?4" } else { " ORDER BY row LIMIT ?4" });
        loop {
            let (step, waiting) = self.layer.rows(table, partition, range);
            if covers(&waiting, range) {
                let there = waiting.into_iter().filter_map(|(row, value)| Some((row, value?.to_vec())));
                return Ok(there.take(range.limit).collect());
            }
            // Rows that are gone up here must not make the page shorter.
            let asked = range.limit.saturating_add(waiting.iter().filter(|(_, value)| value.is_none()).count());
            let mut statement = self.connection.prepare_cached(&sql)?;
            let read = |row: &rusqlite::Row<'_>| Ok((Key::from_slice(row.get_ref(0)?.as_blob()?), row.get(1)?));
            if let Some(below) = self.within(step, &mut statement, (partition.as_slice(), &from, &to, asked as i64), read)? {
                return Ok(merge(below, waiting, range.backward, range.limit, asked));
            }
        }
    }

    /// Every row of a table, in order, all as they were at one moment.
    pub(super) fn all(&self, table: Table) -> rusqlite::Result<Vec<Placed>> {
        let mut statement =
            self.connection.prepare(&format!("SELECT partition, row, value FROM {} ORDER BY partition, row", table.name()))?;
        loop {
            let (step, waiting) = self.layer.all(table);
            let key = |row: &rusqlite::Row<'_>, at| Ok::<_, rusqlite::Error>(Key::from_slice(row.get_ref(at)?.as_blob()?));
            let read = |row: &rusqlite::Row<'_>| Ok(((key(row, 0)?, key(row, 1)?), row.get(2)?));
            if let Some(below) = self.within(step, &mut statement, [], read)? {
                let all = merge(below, waiting, false, usize::MAX, usize::MAX);
                return Ok(all.into_iter().map(|((partition, row), value)| (partition, row, value)).collect());
            }
        }
    }

    /// Rows of a statement, which sees the database as it is when its first row is read. None: that was in a later step than
    /// what was read of the layer.
    fn within<T>(
        &self,
        step: u64,
        statement: &mut Statement<'_>,
        parameters: impl rusqlite::Params,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<Vec<T>>> {
        let mut rows = statement.query(parameters)?;
        let mut found = Vec::new();
        if let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        if self.layer.step() != step {
            return Ok(None);
        }
        // After the end, a statement would begin anew.
        if !found.is_empty() {
            while let Some(row) = rows.next()? {
                found.push(read(row)?);
            }
        }
        Ok(Some(found))
    }
}

/// One row of the database itself.
pub fn get(connection: &Connection, table: Table, partition: &[u8], row: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(&format!("SELECT value FROM {} WHERE partition = ? AND row = ?", table.name()))?
        .query_row((partition, row), |found| found.get(0))
        .optional()
}

/// Adds a bound to the statement. An unbounded side leaves its parameter unused but numbered, so it is bound to null.
fn bound(bound: &Bound<Key>, sql: &mut String, excluded: &str, included: &str) -> Option<Vec<u8>> {
    let (condition, key) = match bound {
        Bound::Unbounded => return None,
        Bound::Excluded(key) => (excluded, key),
        Bound::Included(key) => (included, key),
    };
    sql.push_str(" AND row ");
    sql.push_str(condition);
    Some(key.to_vec())
}
