//! Comparing: which rows of the log's entries the store does not have as they, or something later, left them.

use super::CqlStore;
use super::Inner;
use super::entries::EntryRow;
use super::link::{Lane, rows};
use super::period::{Class, Family, Period};
use super::periods::Place;
use super::statements::{Found, Shape, Statements, found, stored_partition};
use crate::error::Result;
use crate::store::{Key, Range, Table, Write, tables};
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Reads that are on their way at once: somebody may wait for a page meanwhile.
const READS_AT_ONCE: usize = 8;

/// A row that is not as an entry of the log left it, and not as something later did.
#[derive(Debug, Clone, PartialEq)]
pub struct Differs {
    /// As it should be.
    pub row: EntryRow,
    /// There is such a row.
    pub there: bool,
}

/// Rows that are read together.
struct Look<'a> {
    /// None: nobody would find them, wherever they are.
    statements: Option<Arc<Statements>>,
    rows: Vec<&'a EntryRow>,
}

impl CqlStore {
    /// Which of these rows the store does not have as they, or something with a later stamp, left them. Of one row, only
    /// its last change may be among them.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn differing(&self, rows: &[EntryRow]) -> Result<Vec<Differs>> {
        let inner = &*self.inner;
        let looks = inner.looks(rows).await?;
        let reads: Vec<_> = looks.iter().map(|look| inner.look(look)).collect();
        let differing: Vec<Vec<Differs>> = futures_util::stream::iter(reads).buffer_unordered(READS_AT_ONCE).try_collect().await?;
        Ok(differing.into_iter().flatten().collect())
    }

    /// Writes rows as the log has them, each with its stamp.
    ///
    /// # Errors
    /// The store does not answer, or refuses something.
    pub async fn write_rows(&self, rows: &[EntryRow]) -> Result<()> {
        // What was noted of their partitions may be among what was lost.
        let notes: HashSet<(Key, Place)> = rows.iter().filter_map(place_of).collect();
        for (partition, place) in notes {
            self.inner.periods.note_anew(&self.inner.link, &partition, place).await?;
        }
        self.inner.write_entry_rows(rows).await
    }
}

impl Inner {
    /// The reads that show these rows.
    async fn looks<'a>(&self, rows: &'a [EntryRow]) -> Result<Vec<Look<'a>>> {
        let mut looks = Vec::new();
        let mut by_period: HashMap<Key, Vec<(Family, &EntryRow)>> = HashMap::new();
        for row in rows {
            let (table, partition, _) = row.write.place();
            match Family::of(table) {
                Some(family) => by_period.entry(partition).or_default().push((family, row)),
                None => looks.push(Look { statements: Some(self.table(table)?.clone()), rows: vec![row] }),
            }
        }
        for (partition, rows) in by_period {
            let noted = self.periods.read(&self.link, &partition).await?;
            let mut records: HashMap<Period, Vec<&EntryRow>> = HashMap::new();
            for (family, row) in rows {
                let place = (family, Class::Ever, Class::Ever.period(row.at_ms));
                match (&row.write, family) {
                    (Write::Delete(..), _) => {
                        for statements in self.periods.of(&self.link, &self.clock, family, &partition).await? {
                            looks.push(Look { statements: Some(statements), rows: vec![row] });
                        }
                    }
                    // A row of a period that is not noted for its partition is found by nobody some days later.
                    (Write::Put(..), _) if !noted.contains(&place) => looks.push(Look { statements: None, rows: vec![row] }),
                    (Write::Put(..), Family::Messages) => records.entry(place.2).or_default().push(row),
                    (Write::Put(..), Family::Changes) => {
                        looks.push(Look { statements: self.periods.table(&self.link, place).await?, rows: vec![row] });
                    }
                }
            }
            for (period, rows) in records {
                let statements = self.periods.table(&self.link, (Family::Messages, Class::Ever, period)).await?;
                looks.push(Look { statements, rows });
            }
        }
        Ok(looks)
    }

    /// Reads, and says which rows differ.
    async fn look(&self, look: &Look<'_>) -> Result<Vec<Differs>> {
        let differs = |row: &EntryRow, there| Differs { row: row.clone(), there };
        let Some(statements) = &look.statements else {
            return Ok(look.rows.iter().map(|row| differs(row, false)).collect());
        };
        let places: Vec<(Table, Key, Key)> = look.rows.iter().map(|row| row.write.place()).collect();
        let (Some((_, partition, _)), Some(first), Some(last)) =
            (places.first(), places.iter().map(|(.., row)| row).min(), places.iter().map(|(.., row)| row).max())
        else {
            return Ok(Vec::new());
        };
        if statements.shape == Shape::Cursor {
            // They only move on, and say so by themselves.
            return Ok(Vec::new());
        }
        let stored = stored_partition(partition);
        let there = if let [(.., row)] = places.as_slice() {
            let mut get = statements.get.clone();
            get.set_execution_profile_handle(Some(self.link.profile(Lane::Bulk)));
            found(&rows(self.link.execute("audit", &get, (stored.as_slice(), row.as_slice())).await?)?, statements.shape, false)?
        } else {
            // Records of a chat that stand together in the log are numbers without a hole.
            let between = tables::read_u64(last, 0).unwrap_or(0).saturating_sub(tables::read_u64(first, 0).unwrap_or(0));
            self.scan(statements, &stored, &Range::between(first.clone(), last.clone(), between as usize + 1)).await?
        };
        let there: HashMap<&[u8], &Found> = there.iter().map(|found| (found.row.as_slice(), found)).collect();
        let mut differing = Vec::new();
        for (row, (.., key)) in look.rows.iter().zip(&places) {
            let found = there.get(key.as_slice());
            if !stands(row, found.copied()) {
                differing.push(differs(row, found.is_some()));
            }
        }
        Ok(differing)
    }
}

/// Where a record stands: its partition, and its table by period.
fn place_of(row: &EntryRow) -> Option<(Key, Place)> {
    let (table, partition, _) = row.write.place();
    matches!(row.write, Write::Put(..)).then_some(())?;
    Some((partition, (Family::of(table)?, Class::Ever, Class::Ever.period(row.at_ms))))
}

/// The row is as it was left, or something later has changed it.
fn stands(row: &EntryRow, found: Option<&Found>) -> bool {
    match (&row.write, found) {
        (Write::Put(.., value), Some(found)) => found.written > row.stamp_us || (found.written == row.stamp_us && found.value == *value),
        (Write::Put(..), None) => false,
        (Write::Delete(..), Some(found)) => found.written > row.stamp_us,
        (Write::Delete(..), None) => true,
    }
}
