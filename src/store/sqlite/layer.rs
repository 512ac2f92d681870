//! What the journal has and the database has not taken yet, laid over the database.
//!
//! Two generations: the young one takes what is committed now, the old one is what the database is taking. A reader sees both
//! over the database, as one state of a moment.

use super::change::{Change, LogEntry};
use crate::store::Range;
use crate::store::merge::{Value, empty};
use crate::store::tables::{Key, Table};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Bytes of a row here beside its keys and value, about.
const ROW_BYTES: usize = 160;

/// A row's place in its table: partition and row.
type Place = (Key, Key);

/// Changes of many commits: of each row only the last.
#[derive(Debug, Default)]
pub(super) struct Generation {
    tables: BTreeMap<usize, BTreeMap<Place, Value>>,
    /// Records of the log, in their order.
    pub entries: Vec<LogEntry>,
    /// Bytes, about.
    pub bytes: usize,
}

impl Generation {
    /// Adds what was committed.
    pub fn lay(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Row(table, partition, row, value) => self.put(table, partition, row, value),
                Change::Entry(entry) => {
                    entry.rows().for_each(|(table, partition, row, value)| self.put(table, partition, row, Some(value)));
                    self.entries.push(entry);
                }
            }
        }
    }

    fn put(&mut self, table: Table, partition: Key, row: Key, value: Value) {
        self.bytes += ROW_BYTES + partition.len() + row.len() + value.as_ref().map_or(0, |value| value.len());
        self.tables.entry(table as usize).or_default().insert((partition, row), value);
    }

    /// Nothing was committed.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.entries.is_empty()
    }

    /// Rows by table, each table's in its order.
    pub fn tables(&self) -> impl Iterator<Item = (Table, &BTreeMap<Place, Value>)> {
        Table::ALL.iter().filter_map(|table| Some((*table, self.of(*table)?)))
    }

    fn of(&self, table: Table) -> Option<&BTreeMap<Place, Value>> {
        self.tables.get(&(table as usize))
    }
}

#[derive(Default)]
struct State {
    young: Generation,
    old: Arc<Generation>,
    /// Moves on when a generation becomes old and when the database has it: what is read of both within one step fits together.
    step: u64,
}

impl State {
    /// Both generations of a table, the older one first.
    fn both(&self, table: Table) -> impl Iterator<Item = &BTreeMap<Place, Value>> {
        [self.old.of(table), self.young.of(table)].into_iter().flatten()
    }
}

/// The two generations.
#[derive(Default)]
pub(super) struct Layer(RwLock<State>);

impl Layer {
    /// Lays over the database what was committed. Gives the bytes that wait for their turn, about.
    pub fn lay(&self, changes: Vec<Change>) -> usize {
        let mut state = self.0.write();
        state.young.lay(changes);
        state.young.bytes
    }

    /// The young generation becomes the old one, which the database takes next. The one before must be gone.
    pub fn turn(&self) -> Arc<Generation> {
        let mut state = self.0.write();
        state.old = Arc::new(std::mem::take(&mut state.young));
        state.step += 1;
        state.old.clone()
    }

    /// The database has the old generation.
    pub fn let_go(&self) {
        let mut state = self.0.write();
        let gone = std::mem::take(&mut state.old);
        state.step += 1;
        drop(state);
        // Outside the lock: it may be large.
        drop(gone);
    }

    /// Bytes that wait for their turn, about.
    pub fn young_bytes(&self) -> usize {
        self.0.read().young.bytes
    }

    /// Which step it is.
    pub fn step(&self) -> u64 {
        self.0.read().step
    }

    /// A row as it waits here; none: nothing waits.
    pub fn get(&self, table: Table, partition: &Key, row: &Key) -> Option<Value> {
        let state = self.0.read();
        let place = (partition.clone(), row.clone());
        [state.young.of(table), state.old.of(table)].into_iter().flatten().find_map(|rows| rows.get(&place)).cloned()
    }

    /// Rows of a partition that wait here, in the order of a range, and the step of which they are.
    pub fn rows(&self, table: Table, partition: &Key, range: &Range) -> (u64, Vec<(Key, Value)>) {
        let state = self.0.read();
        if empty(&range.from, &range.to) {
            return (state.step, Vec::new());
        }
        let from = match &range.from {
            Bound::Unbounded => Bound::Included((partition.clone(), Key::new())),
            Bound::Included(row) => Bound::Included((partition.clone(), row.clone())),
            Bound::Excluded(row) => Bound::Excluded((partition.clone(), row.clone())),
        };
        let to = match &range.to {
            Bound::Unbounded => Bound::Excluded((behind(partition), Key::new())),
            Bound::Included(row) => Bound::Included((partition.clone(), row.clone())),
            Bound::Excluded(row) => Bound::Excluded((partition.clone(), row.clone())),
        };
        let mut found = BTreeMap::new();
        for rows in state.both(table) {
            found.extend(rows.range((from.clone(), to.clone())).map(|((_, row), value)| (row.clone(), value.clone())));
        }
        (state.step, if range.backward { found.into_iter().rev().collect() } else { found.into_iter().collect() })
    }

    /// All rows of a table that wait here, in their order, and the step of which they are.
    pub fn all(&self, table: Table) -> (u64, Vec<(Place, Value)>) {
        let state = self.0.read();
        let mut found = BTreeMap::new();
        for rows in state.both(table) {
            found.extend(rows.iter().map(|(place, value)| (place.clone(), value.clone())));
        }
        (state.step, found.into_iter().collect())
    }

    /// The last row that waits here, and is not to be removed, of these partitions, the last one included.
    pub fn last(&self, table: Table, from: &Key, to: &Key) -> Option<Key> {
        let state = self.0.read();
        let (from, to) = ((from.clone(), Key::new()), (behind(to), Key::new()));
        let last = |rows: &BTreeMap<Place, Value>| {
            let mut within = rows.range(from.clone()..to.clone()).rev().filter(|(_, value)| value.is_some());
            within.next().map(|(place, _)| place.clone())
        };
        state.both(table).filter_map(last).max().map(|(_, row)| row)
    }
}

/// The first key behind this one.
fn behind(key: &Key) -> Key {
    let mut behind = key.clone();
    behind.push(0);
    behind
}
