//! Rows that the log has committed and the store has not taken yet, laid over the store.
//!
//! In a cluster the store follows the log a moment later, or hours later when it is down. Whoever reads gets what was
//! committed all the same: a row that waits here hides the one below. A row is let go when the store has everything up
//! to its place in the log.

use super::last_known::LastKnown;
use super::merge::{covers, empty, merge};
use super::tables::{self, Key, Table};
use super::{Answer, EntryStore, Range, Row, Store, Write};
use crate::error::Result;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Bytes of an entry beside its keys and value, about.
const ENTRY_BYTES: usize = 160;

struct Laid {
    /// None: the row is gone.
    value: Option<Arc<[u8]>>,
    stamp_us: u64,
    group: usize,
    offset: u64,
    /// It stays until then although the store has everything up to it.
    kept_until: Option<Instant>,
}

#[derive(Default)]
struct Rows(HashMap<Key, BTreeMap<Key, Laid>>);

/// A row that goes when the store has reached its place.
struct Leaves {
    offset: u64,
    table: Table,
    partition: Key,
    row: Key,
}

#[derive(Default)]
struct Layer {
    tables: HashMap<Table, Rows>,
    /// By group, in the order in which they came, which is nearly that of their offsets.
    leaving: HashMap<usize, VecDeque<Leaves>>,
    /// Rows that were laid again, nearly in the order of their ends.
    again: VecDeque<Leaves>,
    /// What the store has of each group.
    stored: HashMap<usize, u64>,
}

impl Layer {
    fn laid(&self, Leaves { table, partition, row, .. }: &Leaves) -> Option<&Laid> {
        self.tables.get(table)?.0.get(partition)?.get(row)
    }

    fn laid_mut(&mut self, Leaves { table, partition, row, .. }: &Leaves) -> Option<&mut Laid> {
        self.tables.get_mut(table)?.0.get_mut(partition)?.get_mut(row)
    }
}

/// A store with what the log has committed laid over it.
pub struct Overlay {
    below: Arc<dyn EntryStore>,
    layer: RwLock<Layer>,
    bytes: AtomicUsize,
    last_known: LastKnown,
}

/// Where rows stand in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// Group of the log.
    pub group: usize,
    /// Offset in it.
    pub offset: u64,
    /// Time of the write, in µs since 1970; of two writes of a row the later one counts.
    pub stamp_us: u64,
}

impl Overlay {
    /// Over this store.
    pub fn new(below: Arc<dyn EntryStore>) -> Self {
        Self { below, layer: RwLock::default(), bytes: AtomicUsize::new(0), last_known: LastKnown::default() }
    }

    /// The store below.
    pub fn below(&self) -> &Arc<dyn EntryStore> {
        &self.below
    }

    /// Bytes that wait here, about.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Lays committed rows over the store. Doing so again is harmless.
    pub fn lay(&self, place: LogPlace, writes: impl IntoIterator<Item = Write>) {
        let mut layer = self.layer.write();
        if layer.stored.get(&place.group).is_some_and(|stored| *stored >= place.offset) {
            return;
        }
        self.put(&mut layer, place, writes, None);
    }

    /// The same for rows that the store has had, while it cannot be asked or has forgotten them. They stay until a time.
    pub fn lay_again(&self, place: LogPlace, writes: impl IntoIterator<Item = Write>, until: Instant) {
        self.put(&mut self.layer.write(), place, writes, Some(until));
    }

    /// A record was followed, after those before it: what is known by heart goes along.
    pub fn followed<'a>(&self, writes: impl IntoIterator<Item = &'a Write>) {
        writes.into_iter().for_each(|write| self.last_known.apply(write));
    }

    /// Records are gone that were not followed.
    pub fn missed(&self) {
        self.last_known.forget();
    }

    /// Does a row wait here?
    pub fn waits(&self, table: Table, partition: &Key, row: &Key) -> bool {
        self.waiting(table, partition, row).is_some()
    }

    fn put(&self, layer: &mut Layer, place: LogPlace, writes: impl IntoIterator<Item = Write>, kept_until: Option<Instant>) {
        for write in writes {
            let (table, partition, row, value) = match write {
                Write::Put(table, partition, row, value) => (table, partition, row, Some(Arc::from(value))),
                Write::Delete(table, partition, row) => (table, partition, row, None),
            };
            let laid = Laid { value, stamp_us: place.stamp_us, group: place.group, offset: place.offset, kept_until };
            let rows = layer.tables.entry(table).or_default().0.entry(partition.clone()).or_default();
            let size = laid.bytes(&partition, &row);
            match rows.get_mut(&row) {
                // At the same place, it is the same write once more.
                Some(before) if before.stamp_us >= laid.stamp_us => {
                    before.kept_until = before.kept_until.max(kept_until);
                    if kept_until.is_some() {
                        layer.again.push_back(Leaves { offset: place.offset, table, partition, row });
                    }
                    continue;
                }
                Some(before) => {
                    self.bytes.fetch_sub(before.bytes(&partition, &row), Ordering::Relaxed);
                    *before = laid;
                }
                None => drop(rows.insert(row.clone(), laid)),
            }
            self.bytes.fetch_add(size, Ordering::Relaxed);
            let leaves = Leaves { offset: place.offset, table, partition, row };
            match kept_until {
                None => layer.leaving.entry(place.group).or_default().push_back(leaves),
                Some(_) => layer.again.push_back(leaves),
            }
        }
    }

    /// The store has everything of a group up to here.
    pub fn stored(&self, group: usize, offset: u64) {
        let mut layer = self.layer.write();
        let reached = layer.stored.entry(group).or_default();
        *reached = (*reached).max(offset);
        let now = Instant::now();
        while let Some(first) = layer.leaving.get_mut(&group).and_then(|leaving| leaving.pop_front_if(|first| first.offset <= offset)) {
            // A later write of the same row waits on, and one that was laid again goes at its own time.
            self.let_go(&mut layer, first, |laid| laid.group == group && laid.offset <= offset && laid.kept_until.is_none());
        }
        while let Some(first) = layer.again.front() {
            if layer.laid(first).and_then(|laid| laid.kept_until).is_some_and(|until| until > now) {
                break;
            }
            let Some(first) = layer.again.pop_front() else { break };
            let Some(laid) = layer.laid_mut(&first) else { continue };
            laid.kept_until = None;
            let of_group = laid.group;
            let floor = layer.stored.get(&of_group).copied().unwrap_or(0);
            // What the store has not got yet waits on as before.
            self.let_go(&mut layer, first, |laid| laid.offset <= floor);
        }
    }

    fn let_go(&self, layer: &mut Layer, Leaves { table, partition, row, .. }: Leaves, may: impl Fn(&Laid) -> bool) {
        let Some(rows) = layer.tables.get_mut(&table) else { return };
        let Some(of_partition) = rows.0.get_mut(&partition) else { return };
        if of_partition.get(&row).is_some_and(may)
            && let Some(laid) = of_partition.remove(&row)
        {
            self.bytes.fetch_sub(laid.bytes(&partition, &row), Ordering::Relaxed);
            if of_partition.is_empty() {
                rows.0.remove(&partition);
            }
        }
    }

    /// A row as it waits here: none when nothing waits, `Some(None)` when it is to be removed.
    fn waiting(&self, table: Table, partition: &Key, row: &Key) -> Option<Option<Arc<[u8]>>> {
        let layer = self.layer.read();
        layer.tables.get(&table)?.0.get(partition)?.get(row).map(|laid| laid.value.clone())
    }

    /// Rows of a partition that wait here, in the order of a range.
    fn waiting_in(&self, table: Table, partition: &Key, range: &Range) -> Vec<(Key, Option<Arc<[u8]>>)> {
        let layer = self.layer.read();
        let Some(rows) = layer.tables.get(&table).and_then(|rows| rows.0.get(partition)) else { return Vec::new() };
        if empty(&range.from, &range.to) {
            return Vec::new();
        }
        let within = rows.range((range.from.clone(), range.to.clone())).map(|(row, laid)| (row.clone(), laid.value.clone()));
        if range.backward { within.rev().collect() } else { within.collect() }
    }

    /// Does everything wait here that was done to the records from the beginning of this range on? So it is when the first of
    /// them waits itself: what changes a record stands behind it, in the same group of the log.
    fn has_all_changes(&self, partition: &Key, range: &Range) -> bool {
        let (Bound::Included(from), Some(bucket)) = (&range.from, tables::read_u32(partition, 8)) else { return false };
        let Some(seq) = tables::read_u64(from, 0) else { return false };
        let first = seq.max(u64::from(bucket) * tables::BUCKET_SEQS);
        matches!(self.waiting(Table::Messages, partition, &tables::u64_key(first)), Some(Some(_)))
    }

    async fn scan_both(&self, table: Table, partition: Key, range: Range) -> Result<Vec<Row>> {
        let known = LastKnown::keeps(table).then(|| self.last_known.changes());
        let waiting = self.waiting_in(table, &partition, &range);
        if covers(&waiting, &range) || (table == Table::Changes && self.has_all_changes(&partition, &range)) {
            return Ok(waiting.into_iter().filter_map(|(row, value)| Some((row, value?.to_vec()))).take(range.limit).collect());
        }
        // Rows that are gone up here must not make the page shorter.
        let asked = range.limit.saturating_add(waiting.iter().filter(|(_, value)| value.is_none()).count());
        let backward = range.backward;
        let limit = range.limit;
        let Some(changes) = known else {
            let below = self.below.scan(table, partition, Range { limit: asked, ..range }).await?;
            return Ok(merge(below, waiting, backward, limit, asked));
        };
        let below = match self.below.scan(table, partition.clone(), Range { limit: asked, ..range.clone() }).await {
            Err(error) if error.is_unavailable() => return self.last_known.rows(table, &partition, &range).ok_or(error),
            below => below?,
        };
        let merged = merge(below, waiting, backward, limit, asked);
        let from_end_to_end = !backward && (&range.from, &range.to) == (&Bound::Unbounded, &Bound::Unbounded);
        if from_end_to_end && merged.len() < limit {
            self.last_known.note(changes, table, partition, &merged);
        }
        Ok(merged)
    }

    /// A row of a table that is known by heart while the store is away.
    async fn get_known(&self, table: Table, partition: Key, row: Key) -> Result<Option<Vec<u8>>> {
        let changes = self.last_known.changes();
        let found = match self.waiting(table, &partition, &row) {
            Some(value) => Ok(value.map(|value| value.to_vec())),
            None => self.below.get(table, partition.clone(), row.clone()).await,
        };
        match found {
            Err(error) if error.is_unavailable() => {
                let rows = self.last_known.rows(table, &partition, &Range::between(row.clone(), row, 1));
                rows.map(|mut rows| rows.pop().map(|(_, value)| value)).ok_or(error)
            }
            Ok(found) => {
                if matches!(table, Table::Chats | Table::Members) {
                    // These have one row, or none.
                    let rows: Vec<Row> = found.iter().map(|value| (row.clone(), value.clone())).collect();
                    self.last_known.note(changes, table, partition, &rows);
                }
                Ok(found)
            }
            Err(error) => Err(error),
        }
    }
}

impl Laid {
    fn bytes(&self, partition: &Key, row: &Key) -> usize {
        ENTRY_BYTES + 2 * (partition.len() + row.len()) + self.value.as_ref().map_or(0, |value| value.len())
    }
}

impl Store for Overlay {
    fn turn(&self, name: &'static str) -> Answer<'_, Option<super::Turn>> {
        self.below.turn(name)
    }

    fn shared(&self) -> bool {
        self.below.shared()
    }

    fn get(&self, table: Table, partition: Key, row: Key) -> Answer<'_, Option<Vec<u8>>> {
        if LastKnown::keeps(table) {
            return Box::pin(self.get_known(table, partition, row));
        }
        match self.waiting(table, &partition, &row) {
            Some(value) => Box::pin(async move { Ok(value.map(|value| value.to_vec())) }),
            None => self.below.get(table, partition, row),
        }
    }

    fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>> {
        Box::pin(self.scan_both(table, partition, range))
    }

    fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>> {
        // First what waits: what the store takes meanwhile is then in both.
        let mut waiting = Vec::new();
        if let Some(rows) = self.layer.read().tables.get(&table) {
            for (partition, rows) in &rows.0 {
                waiting.extend(rows.iter().map(|(row, laid)| ((partition.clone(), row.clone()), laid.value.clone())));
            }
        }
        Box::pin(async move {
            let below = self.below.all(table).await?;
            let mut all: BTreeMap<(Key, Key), Vec<u8>> =
                below.into_iter().map(|(partition, row, value)| ((partition, row), value)).collect();
            for (key, value) in waiting {
                match value {
                    Some(value) => drop(all.insert(key, value.to_vec())),
                    None => drop(all.remove(&key)),
                }
            }
            Ok(all.into_iter().map(|((partition, row), value)| (partition, row, value)).collect())
        })
    }

    fn write(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        let rows: Vec<(Table, Key, Key)> = writes.iter().map(Write::place).collect();
        Box::pin(async move {
            let known: Vec<Write> = writes.iter().filter(|write| LastKnown::keeps(write.place().0)).cloned().collect();
            self.below.write(writes).await?;
            self.followed(&known);
            // What was committed before this write, and is not stored yet, counts no more: the store sees to it by the time.
            let mut layer = self.layer.write();
            for (table, partition, row) in rows {
                if let Some(laid) = layer.tables.get_mut(&table).and_then(|rows| rows.0.get_mut(&partition)?.remove(&row)) {
                    self.bytes.fetch_sub(laid.bytes(&partition, &row), Ordering::Relaxed);
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Differs, EntryRow, SqliteStore, StoredEntry, tables};
    use super::*;

    /// Takes what it is given only when it is told to, as a store that follows a moment later.
    struct Later(SqliteStore);

    impl Store for Later {
        fn get(&self, table: Table, partition: Key, row: Key) -> Answer<'_, Option<Vec<u8>>> {
            self.0.get(table, partition, row)
        }
        fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>> {
            self.0.scan(table, partition, range)
        }
        fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>> {
            self.0.all(table)
        }
        fn write(&self, writes: Vec<Write>) -> Answer<'_, ()> {
            self.0.write(writes)
        }
    }

    impl EntryStore for Later {
        fn write_entries(&self, entries: Vec<StoredEntry>) -> Answer<'_, ()> {
            self.0.write(entries.into_iter().flat_map(|entry| entry.writes).collect())
        }
        fn differing(&self, _rows: Vec<EntryRow>) -> Answer<'_, Vec<Differs>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn write_rows(&self, rows: Vec<EntryRow>) -> Answer<'_, ()> {
            self.0.write(rows.into_iter().map(|row| row.write).collect())
        }
        fn last_seq(&self, _chat: u64) -> Answer<'_, u64> {
            Box::pin(async { Ok(0) })
        }
        fn healthy(&self) -> bool {
            true
        }
    }

    fn put(row: u64, value: &str) -> Write {
        Write::Put(Table::Threads, tables::u32_key(1), tables::u64_key(row), value.as_bytes().to_vec())
    }

    fn gone(row: u64) -> Write {
        Write::Delete(Table::Threads, tables::u32_key(1), tables::u64_key(row))
    }

    fn place(offset: u64) -> LogPlace {
        LogPlace { group: 0, offset, stamp_us: offset }
    }

    #[tokio::test]
    async fn what_was_laid_again_stays_until_its_time_and_what_the_store_has_not_got_waits_on() {
        let folder = tempfile::tempdir().unwrap();
        let overlay = Overlay::new(Arc::new(Later(SqliteStore::open(folder.path()).unwrap())));
        let there = |row: u64| overlay.waits(Table::Threads, &tables::u32_key(1), &tables::u64_key(row));
        overlay.stored(0, 5);
        overlay.lay(place(7), [put(7, "seven")]);
        let soon = Instant::now() + std::time::Duration::from_millis(60);
        overlay.lay_again(place(3), [put(3, "three")], soon);
        overlay.lay_again(place(7), [put(7, "seven")], soon);
        overlay.stored(0, 6);
        assert!(there(3) && there(7));
        tokio::time::sleep(std::time::Duration::from_millis(80)).await;
        overlay.stored(0, 6);
        assert!(!there(3) && there(7), "the store has not got it");
        overlay.stored(0, 7);
        assert!(!there(7));
        assert_eq!(overlay.bytes(), 0);
    }

    #[tokio::test]
    async fn a_page_is_the_same_whether_the_store_has_followed_or_not() {
        for seed in 0..300u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut next = move |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let folder = tempfile::tempdir().unwrap();
            let (whole, half) = (SqliteStore::open(folder.path()).unwrap(), tempfile::tempdir().unwrap());
            let below: Arc<dyn EntryStore> = Arc::new(Later(SqliteStore::open(half.path()).unwrap()));
            let overlay = Overlay::new(below.clone());
            let writes: Vec<Write> = (0..40)
                .map(|number| {
                    let row = next(25);
                    if next(4) == 0 { gone(row) } else { put(row, &number.to_string()) }
                })
                .collect();
            let stored = next(41);
            for (offset, write) in (1..).zip(&writes) {
                whole.write(vec![write.clone()]).await.unwrap();
                overlay.lay(place(offset), [write.clone()]);
                if offset <= stored {
                    below.write(vec![write.clone()]).await.unwrap();
                }
            }
            overlay.stored(0, stored);
            for _ in 0..20 {
                let bound = |kind: u64, row: u64| match kind {
                    0 => Bound::Unbounded,
                    1 => Bound::Included(tables::u64_key(row)),
                    _ => Bound::Excluded(tables::u64_key(row)),
                };
                let range = Range {
                    from: bound(next(3), next(25)),
                    to: bound(next(3), next(25)),
                    backward: next(2) == 0,
                    limit: next(12) as usize + 1,
                };
                let expected = whole.scan(Table::Threads, tables::u32_key(1), range.clone()).await.unwrap();
                let found = overlay.scan(Table::Threads, tables::u32_key(1), range.clone()).await.unwrap();
                assert_eq!(found, expected, "seed {seed}, stored {stored}, {range:?}");
            }
            let sorted = |mut all: Vec<(Key, Key, Vec<u8>)>| {
                all.sort();
                all
            };
            assert_eq!(sorted(overlay.all(Table::Threads).await.unwrap()), sorted(whole.all(Table::Threads).await.unwrap()), "seed {seed}");
            for write in &writes {
                below.write(vec![write.clone()]).await.unwrap();
            }
            overlay.stored(0, 40);
            assert_eq!(overlay.bytes(), 0, "nothing waits when the store has everything");
        }
    }

    #[tokio::test]
    async fn what_was_done_to_records_that_wait_is_known_without_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let below = SqliteStore::open(folder.path()).unwrap();
        let overlay = Overlay::new(Arc::new(Later(below.clone())));
        let change = |target: u64, seq: u64, value: &str| {
            let row = tables::KeyMaker::default().u64(target).u64(seq).done();
            Write::Put(Table::Changes, tables::bucket_key(7, target), row, value.as_bytes().to_vec())
        };
        let record = |seq: u64| Write::Put(Table::Messages, tables::bucket_key(7, seq), tables::u64_key(seq), Vec::new());
        below.write(vec![record(1), change(1, 2, "stored")]).await.unwrap();
        // Of the second record, the store has nothing; this would show that it was asked.
        below.write(vec![change(3, 9, "not of the log")]).await.unwrap();
        overlay.lay(place(3), [record(3)]);
        overlay.lay(place(4), [change(1, 4, "waits"), change(3, 4, "waits")]);
        let of = async |from: u64, to: u64| {
            let to = tables::KeyMaker::default().u64(to).u64(u64::MAX).done();
            let rows =
                overlay.scan(Table::Changes, tables::bucket_key(7, from), Range::between(tables::u64_key(from), to, 9)).await.unwrap();
            rows.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(of(3, 3).await, ["waits"]);
        assert_eq!(of(1, 1).await, ["stored", "waits"], "an older record's changes are asked for");
    }

    #[tokio::test]
    async fn what_is_written_past_the_log_counts_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let overlay = Overlay::new(Arc::new(Later(SqliteStore::open(folder.path()).unwrap())));
        overlay.lay(place(1), [put(1, "logged"), put(2, "logged")]);
        overlay.write(vec![put(1, "direct"), gone(2)]).await.unwrap();
        let all = overlay.scan(Table::Threads, tables::u32_key(1), Range::first(9)).await.unwrap();
        assert_eq!(all, [(tables::u64_key(1), b"direct".to_vec())]);
        assert_eq!(overlay.bytes(), 0);
    }
}
