//! What this node last knew of the rows that heads of chats, and lists of chats, are made of, for as long as the store does
//! not answer.
//!
//! A head that another node's change has broken is made anew from the store, and so is one that moves to another home. While
//! the store is away it is made from here: whole partitions as they were read, kept true by every record that the node
//! follows. So it knows a partition either as it is at the place in the log that the node has reached, or not at all; but for
//! requests to join, which come beside the log: one that another node has taken since may be missing. The least used go when
//! there is no room.

use super::tables::{Key, Table};
use super::{Range, Row, Write};
use crate::limits;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem::take;
use std::ops::RangeBounds as _;

/// Changes that are remembered, to see whether one of them was made to what was being read.
const CHANGES_REMEMBERED: usize = 1_024;
/// Bytes of a partition beside its rows, about.
const PARTITION_BYTES: usize = 96;

type Place = (Table, Key);

/// The rows of a partition in their order, each as the length and the bytes of its key, then of its value: there are many
/// partitions, and of many small rows.
struct Packed(Box<[u8]>);

#[derive(Default)]
struct Generation {
    partitions: HashMap<Place, Packed>,
    bytes: usize,
}

#[derive(Default)]
struct Known {
    young: Generation,
    old: Generation,
    /// How many changes there were.
    changes: u64,
    /// Where the last ones were made.
    changed: VecDeque<Place>,
}

/// Partitions by heart.
#[derive(Default)]
pub(super) struct LastKnown(Mutex<Known>);

impl LastKnown {
    /// Is this table one of those that are kept here? Rows of these come with records, and each partition is small.
    pub fn keeps(table: Table) -> bool {
        matches!(table, Table::Chats | Table::Members | Table::Recalled | Table::JoinRequests | Table::Memberships)
    }

    /// Grows with every change. Who reads from the store asks before, and says it when it notes what it has found.
    pub fn changes(&self) -> u64 {
        self.0.lock().changes
    }

    /// All rows of a partition were read. They are not true any more when the partition was changed since the reading began.
    pub fn note(&self, changes_before: u64, table: Table, partition: Key, rows: &[Row]) {
        let mut known = self.0.lock();
        let place = (table, partition);
        let since = known.changes.saturating_sub(changes_before) as usize;
        if since <= known.changed.len() && !known.changed.iter().rev().take(since).any(|changed| *changed == place) {
            known.put(place, Packed::of(rows.iter().map(|(row, value)| (row.as_slice(), value.as_slice()))));
        }
    }

    /// A row was changed: by a record that was followed, in the order of the log, or by this node itself.
    pub fn apply(&self, write: &Write) {
        let (table, partition, row) = write.place();
        if !Self::keeps(table) {
            return;
        }
        let mut known = self.0.lock();
        let place = (table, partition);
        known.changes += 1;
        if known.changed.len() >= CHANGES_REMEMBERED {
            known.changed.pop_front();
        }
        known.changed.push_back(place.clone());
        let Some(packed) = known.out(&place) else { return };
        let mut rows: BTreeMap<&[u8], &[u8]> = packed.rows().collect();
        match write {
            Write::Put(.., value) => drop(rows.insert(&row, value)),
            Write::Delete(..) => drop(rows.remove(row.as_slice())),
        }
        let packed = Packed::of(rows.into_iter());
        known.put(place, packed);
    }

    /// Rows of a partition that is known.
    pub fn rows(&self, table: Table, partition: &Key, range: &Range) -> Option<Vec<Row>> {
        let mut known = self.0.lock();
        let place = (table, partition.clone());
        let packed = known.out(&place)?;
        let bounds = (range.from.as_ref(), range.to.as_ref());
        let mut found: Vec<Row> = packed
            .rows()
            .map(|(row, value)| (Key::from_slice(row), value))
            .filter(|(row, _)| bounds.contains(row))
            .map(|(row, value)| (row, value.to_vec()))
            .collect();
        if range.backward {
            found.reverse();
        }
        found.truncate(range.limit);
        known.put(place, packed);
        Some(found)
    }

    /// Records may have been missed.
    pub fn forget(&self) {
        let mut known = self.0.lock();
        *known = Known { changes: known.changes + 1, ..Known::default() };
    }
}

impl Known {
    /// Takes a partition out; whoever uses it puts it back among the young.
    fn out(&mut self, place: &Place) -> Option<Packed> {
        [&mut self.young, &mut self.old].into_iter().find_map(|generation| {
            let packed = generation.partitions.remove(place)?;
            generation.bytes -= packed.bytes();
            Some(packed)
        })
    }

    fn put(&mut self, place: Place, packed: Packed) {
        self.out(&place);
        if self.young.bytes > limits::LAST_KNOWN_BYTES_MAX / 2 {
            self.old = take(&mut self.young);
        }
        self.young.bytes += packed.bytes();
        self.young.partitions.insert(place, packed);
    }
}

impl Packed {
    fn of<'a>(rows: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut bytes = Vec::new();
        for (row, value) in rows {
            for part in [row, value] {
                bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
                bytes.extend_from_slice(part);
            }
        }
        Self(bytes.into())
    }

    fn rows(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest: &[u8] = &self.0;
        let mut part = move || {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let (part, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = behind;
            Some(part)
        };
        std::iter::from_fn(move || Some((part()?, part()?)))
    }

    fn bytes(&self) -> usize {
        PARTITION_BYTES + self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables;
    use super::*;

    fn put(chat: u64, row: u64, value: &str) -> Write {
        Write::Put(Table::Recalled, tables::u64_key(chat), tables::u64_key(row), value.as_bytes().to_vec())
    }

    fn row(row: u64, value: &str) -> Row {
        (tables::u64_key(row), value.as_bytes().to_vec())
    }

    fn known(known: &LastKnown, chat: u64) -> Option<Vec<Row>> {
        known.rows(Table::Recalled, &tables::u64_key(chat), &Range::first(10))
    }

    #[test]
    fn a_partition_is_known_as_it_is_now_or_not_at_all() {
        let last = LastKnown::default();
        last.apply(&put(1, 5, "five"));
        assert_eq!(known(&last, 1), None, "the other rows of it are not known");
        let before = last.changes();
        last.note(before, Table::Recalled, tables::u64_key(1), &[row(3, "three"), row(5, "five")]);
        last.apply(&put(1, 4, "four"));
        last.apply(&Write::Delete(Table::Recalled, tables::u64_key(1), tables::u64_key(3)));
        assert_eq!(known(&last, 1), Some(vec![row(4, "four"), row(5, "five")]));
        last.note(before, Table::Recalled, tables::u64_key(1), &[row(3, "three"), row(5, "five")]);
        assert_eq!(known(&last, 1), Some(vec![row(4, "four"), row(5, "five")]), "what was read before a change is not true any more");
        last.note(before, Table::Recalled, tables::u64_key(2), &[row(8, "eight")]);
        assert_eq!(known(&last, 2), Some(vec![row(8, "eight")]), "a change elsewhere is none");
        let backward = Range { backward: true, ..Range::first(1) };
        assert_eq!(last.rows(Table::Recalled, &tables::u64_key(1), &backward), Some(vec![row(5, "five")]));
        last.forget();
        assert_eq!(known(&last, 1), None);
    }

    #[test]
    fn the_least_used_go_when_there_is_no_room() {
        let last = LastKnown::default();
        let large = "x".repeat(1 << 20);
        let chats = (3 * limits::LAST_KNOWN_BYTES_MAX as u64) >> 20;
        for chat in 0..chats {
            last.note(last.changes(), Table::Recalled, tables::u64_key(chat), &[row(1, &large)]);
            assert!(known(&last, 0).is_some(), "the one that is used stays");
        }
        let held = {
            let known = last.0.lock();
            known.young.partitions.len() + known.old.partitions.len()
        };
        assert!((2..=1 + (limits::LAST_KNOWN_BYTES_MAX >> 20)).contains(&held), "{held}");
        assert!(known(&last, chats - 1).is_some(), "the newest stays");
    }
}
