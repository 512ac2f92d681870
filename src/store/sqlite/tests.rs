//! Readers and crashes, while the database follows.

use super::*;
use crate::store::tables;
use std::ops::Bound;

fn put(row: u64, value: &str) -> Write {
    Write::Put(Table::Threads, tables::u32_key(1), tables::u64_key(row), value.as_bytes().to_vec())
}

fn gone(row: u64) -> Write {
    Write::Delete(Table::Threads, tables::u32_key(1), tables::u64_key(row))
}

fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// Everything that was committed is in the database after this.
async fn followed(store: &SqliteStore) {
    store.chore(|_| Ok(())).await.unwrap();
}

async fn rows(store: &SqliteStore) -> Vec<(u64, String)> {
    let rows = store.scan(Table::Threads, tables::u32_key(1), Range::first(100_000)).await.unwrap();
    rows.into_iter().map(|(row, value)| (tables::read_u64(&row, 0).unwrap(), String::from_utf8(value).unwrap())).collect()
}

#[tokio::test]
async fn a_page_is_the_same_whether_the_database_has_followed_or_not() {
    for seed in 0..60 {
        let mut next = numbers(seed);
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let mut model = std::collections::BTreeMap::new();
        for number in 0..60 {
            let row = next(25);
            let write = if next(4) == 0 { gone(row) } else { put(row, &number.to_string()) };
            match &write {
                Write::Put(_, _, _, value) => drop(model.insert(row, String::from_utf8(value.clone()).unwrap())),
                Write::Delete(..) => drop(model.remove(&row)),
            }
            // Somebody else's partitions, before and behind.
            let beside = Write::Put(Table::Threads, tables::u64_key(next(3) << 32), tables::u64_key(row), Vec::new());
            store.write(vec![beside, write]).await.unwrap();
            if next(9) == 0 {
                followed(&store).await;
            }
            let bound = |kind: u64, row: u64| match kind {
                0 => Bound::Unbounded,
                1 => Bound::Included(tables::u64_key(row)),
                _ => Bound::Excluded(tables::u64_key(row)),
            };
            let (from, to) = (bound(next(3), next(25)), bound(next(3), next(25)));
            let range = Range { from: from.clone(), to: to.clone(), backward: next(2) == 0, limit: next(12) as usize + 1 };
            let within = |row: u64| {
                let key = tables::u64_key(row);
                let after = match &from {
                    Bound::Unbounded => true,
                    Bound::Included(from) => key >= *from,
                    Bound::Excluded(from) => key > *from,
                };
                after
                    && match &to {
                        Bound::Unbounded => true,
                        Bound::Included(to) => key <= *to,
                        Bound::Excluded(to) => key < *to,
                    }
            };
            let mut expected: Vec<_> = model.iter().filter(|(row, _)| within(**row)).collect();
            if range.backward {
                expected.reverse();
            }
            expected.truncate(range.limit);
            let found = store.scan(Table::Threads, tables::u32_key(1), range.clone()).await.unwrap();
            let found: Vec<_> = found.iter().map(|(row, value)| (tables::read_u64(row, 0).unwrap(), value.as_slice())).collect();
            let expected: Vec<_> = expected.into_iter().map(|(row, value)| (*row, value.as_bytes())).collect();
            assert_eq!(found, expected, "seed {seed}, write {number}, {range:?}");
            let one = next(25);
            let got = store.get(Table::Threads, tables::u32_key(1), tables::u64_key(one)).await.unwrap();
            assert_eq!(got.as_deref(), model.get(&one).map(String::as_bytes), "seed {seed}, write {number}, row {one}");
        }
        let all = store.all(Table::Threads).await.unwrap();
        assert!(all.is_sorted());
        assert_eq!(all.iter().filter(|(partition, ..)| *partition == tables::u32_key(1)).count(), model.len(), "seed {seed}");
        let before = rows(&store).await;
        store.close();
        assert!(!SqliteStore::has_journal(folder.path()), "the database has everything");
        let again = SqliteStore::open(folder.path()).unwrap();
        assert_eq!(rows(&again).await, before, "seed {seed}");
        again.close();
    }
}

/// The files as a process leaves them that is killed at this moment.
fn killed_now(store: &SqliteStore, folder: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    // Neither a commit nor the end of a storing is within; SQLite's own files may be caught at any moment.
    let _journal = store.shared.journal.lock();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
        }
    }
    left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_however_the_process_ends() {
    for seed in 0..12 {
        let mut next = numbers(seed);
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        let mut written = 0;
        for _ in 0..6 {
            for _ in 0..next(40) {
                written += 1;
                store.write(vec![put(written, "x"), put(1_000_000 + written % 7, &written.to_string())]).await.unwrap();
                if next(30) == 0 {
                    followed(&store).await;
                }
            }
            let left = killed_now(&store, folder.path());
            let again = SqliteStore::open(left.path()).unwrap_or_else(|why| panic!("seed {seed}, {written}: {why}"));
            assert_eq!(rows(&again).await, rows(&store).await, "seed {seed}, {written}");
            again.close();
        }
        store.close();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_the_database_delays_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let holder = Connection::open(folder.path().join("clarion.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 1..=200 {
        store.write(vec![put(number, "x")]).await.unwrap();
        if number % 50 == 0 {
            // Longer than commits are let come together.
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    assert_eq!(rows(&store).await.len(), 200);
    let in_database = || holder.query_row("SELECT count(*) FROM threads", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(in_database(), 0);
    holder.execute_batch("ROLLBACK").unwrap();
    followed(&store).await;
    assert_eq!(in_database(), 200);
    store.close();
}

#[tokio::test]
async fn a_folder_is_opened_once_and_a_journal_stays_with_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    assert!(SqliteStore::open(folder.path()).err().unwrap().contains("another one has opened it"));
    store.write(vec![put(1, "x")]).await.unwrap();
    let left = killed_now(&store, folder.path());
    let other = tempfile::tempdir().unwrap();
    SqliteStore::open(other.path()).unwrap().close();
    for name in ["journal-0", "journal-1"] {
        std::fs::copy(left.path().join(name), other.path().join(name)).unwrap();
    }
    let sentence = SqliteStore::open(other.path()).err().unwrap();
    assert!(sentence.contains("belongs to another database"), "{sentence}");
    store.close();
    assert!(store.write(vec![put(2, "x")]).await.is_err() && store.chore(|_| Ok(())).await.is_err());
}
