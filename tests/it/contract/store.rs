//! The store: the same cases on SQLite and on CQL.

use super::stores::{cql, runtime, some_chat, some_partition, sqlite};
use clarion::store::{Key, Range, Store, Table, Write, tables};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds as _};

macro_rules! on_each_engine {
    ($($case:ident)*) => {
        mod sqlite_engine {
            $(#[test] fn $case() { let (store, _folder) = super::sqlite(); super::runtime().block_on(super::$case(&store)); store.close(); })*
        }
        mod cql_engine {
            $(#[test] fn $case() { super::runtime().block_on(super::$case(super::cql())); })*
        }
    };
}

on_each_engine! {
    a_row_is_what_was_put_last_until_it_is_deleted
    rows_come_in_the_order_of_their_bytes_within_every_bound
    a_scan_of_many_rows_is_whole_and_goes_on_where_a_page_ended
    keys_and_values_may_be_any_bytes
    a_value_may_have_a_megabyte
    changes_in_one_list_are_made_in_their_order
    a_refused_list_changes_nothing
    everything_is_found_by_reading_the_whole_table
    a_cursor_is_as_far_as_it_was_moved
    who_writes_at_the_same_time_loses_nothing
    records_are_found_in_their_bucket
}

fn key(text: &str) -> Key {
    tables::text_key(text)
}

fn put(partition: &Key, row: &str, value: &[u8]) -> Write {
    Write::Put(Table::Personal, partition.clone(), key(row), value.to_vec())
}

fn delete(partition: &Key, row: &str) -> Write {
    Write::Delete(Table::Personal, partition.clone(), key(row))
}

async fn rows(store: &dyn Store, partition: &Key, range: Range) -> Vec<String> {
    let rows = store.scan(Table::Personal, partition.clone(), range).await.expect("a scan succeeds");
    rows.into_iter().map(|(row, _)| String::from_utf8(row.to_vec()).expect("these rows are texts")).collect()
}

async fn a_row_is_what_was_put_last_until_it_is_deleted(store: &dyn Store) {
    let chat = some_partition();
    let get = || async { store.get(Table::Personal, chat.clone(), key("a")).await.unwrap() };
    assert_eq!(get().await, None);
    for value in [b"1".as_slice(), b"", b"0", b"22"] {
        store.write(vec![put(&chat, "a", value)]).await.unwrap();
        assert_eq!(get().await.as_deref(), Some(value), "the last write counts, not the largest value");
    }
    for _ in 0..2 {
        store.write(vec![delete(&chat, "a")]).await.unwrap();
        assert_eq!(get().await, None);
    }
    store.write(vec![put(&chat, "a", b"back")]).await.unwrap();
    assert_eq!(get().await.as_deref(), Some(b"back".as_slice()));
}

async fn rows_come_in_the_order_of_their_bytes_within_every_bound(store: &dyn Store) {
    let chat = some_partition();
    store.write(["b", "", "ab", "a", "a\0", "é", "z"].iter().map(|row| put(&chat, row, row.as_bytes())).collect()).await.unwrap();
    let all = ["", "a", "a\0", "ab", "b", "z", "é"];
    assert_eq!(rows(store, &chat, Range::first(10)).await, all);
    assert_eq!(rows(store, &chat, Range::last(3)).await, ["é", "z", "b"]);
    assert_eq!(rows(store, &chat, Range::after(key("a"), 2)).await, ["a\0", "ab"]);
    assert_eq!(rows(store, &chat, Range::after(key(""), 1)).await, ["a"]);
    assert_eq!(rows(store, &chat, Range::between(key("a"), key("b"), 10)).await, ["a", "a\0", "ab", "b"]);
    assert_eq!(rows(store, &chat, Range::first(0)).await, [""; 0]);
    assert_eq!(rows(store, &chat, Range::between(key("b"), key("a"), 10)).await, [""; 0]);
    assert_eq!(rows(store, &some_partition(), Range::first(10)).await, [""; 0]);
    let bounds = |row: &str| [Bound::Unbounded, Bound::Included(tables::text_key(row)), Bound::Excluded(tables::text_key(row))].into_iter();
    for from in bounds("a") {
        for to in bounds("b") {
            for backward in [false, true] {
                for limit in [1, 3, 99] {
                    let range = Range { from: from.clone(), to: to.clone(), backward, limit };
                    let mut expected: Vec<&str> = all.into_iter().filter(|row| (from.clone(), to.clone()).contains(&key(row))).collect();
                    if backward {
                        expected.reverse();
                    }
                    expected.truncate(limit);
                    assert_eq!(rows(store, &chat, range.clone()).await, expected, "{range:?}");
                }
            }
        }
    }
}

async fn a_scan_of_many_rows_is_whole_and_goes_on_where_a_page_ended(store: &dyn Store) {
    const ROWS: u64 = 2_345;
    let chat = some_partition();
    let value = vec![b'x'; 700];
    for part in (0..ROWS).collect::<Vec<_>>().chunks(500) {
        let writes = part.iter().map(|row| Write::Put(Table::Threads, chat.clone(), tables::u64_key(*row), value.clone())).collect();
        store.write(writes).await.unwrap();
    }
    let numbers = |rows: Vec<(Key, Vec<u8>)>| rows.iter().map(|(row, _)| tables::read_u64(row, 0).unwrap()).collect::<Vec<_>>();
    let all = numbers(store.scan(Table::Threads, chat.clone(), Range::first(10_000)).await.unwrap());
    assert_eq!(all, (0..ROWS).collect::<Vec<_>>());
    let last = numbers(store.scan(Table::Threads, chat.clone(), Range::last(1_001)).await.unwrap());
    assert_eq!(last, (ROWS - 1_001..ROWS).rev().collect::<Vec<_>>());
    for page in [1, 99, 100, 101, 1_000] {
        let mut read = Vec::new();
        let mut range = Range::first(page);
        loop {
            let rows = store.scan(Table::Threads, chat.clone(), range.clone()).await.unwrap();
            assert!(rows.len() <= page);
            let Some((last, _)) = rows.last() else { break };
            range = Range::after(last.clone(), page);
            read.extend(numbers(rows));
            if page == 1 && read.len() == 50 {
                break;
            }
        }
        let expected = if page == 1 { 50 } else { ROWS };
        assert_eq!(read, (0..expected).collect::<Vec<_>>(), "in pages of {page}");
    }
}

async fn keys_and_values_may_be_any_bytes(store: &dyn Store) {
    let marker = some_chat().to_be_bytes();
    let keys: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\xff\xff", b"'; DROP TABLE chats; --", "组织 🦀".as_bytes(), b"\xc3\x28", &[7; 300]];
    let partition = |bytes: &[u8]| Key::from_slice(&[marker.as_slice(), bytes].concat());
    for (index, bytes) in keys.iter().enumerate() {
        for row in keys {
            let value = [bytes, row].concat();
            store.write(vec![Write::Put(Table::Personal, partition(bytes), Key::from_slice(row), value)]).await.unwrap();
        }
        let found = store.scan(Table::Personal, partition(bytes), Range::first(100)).await.unwrap();
        let mut expected: Vec<(Key, Vec<u8>)> = keys.iter().map(|row| (Key::from_slice(row), [bytes, *row].concat())).collect();
        expected.sort();
        assert_eq!(found, expected, "{index}");
    }
    // Partitions that are nothing but zeros, or nothing at all, are places of their own.
    let row = Key::from_slice(&marker);
    for zeros in 0..4_usize {
        store.write(vec![Write::Put(Table::FileChats, Key::from_elem(0, zeros), row.clone(), vec![zeros as u8])]).await.unwrap();
    }
    for zeros in 0..4_usize {
        let found = store.get(Table::FileChats, Key::from_elem(0, zeros), row.clone()).await.unwrap();
        assert_eq!(found, Some(vec![zeros as u8]));
        let whole = store.all(Table::FileChats).await.unwrap();
        assert!(whole.contains(&(Key::from_elem(0, zeros), row.clone(), vec![zeros as u8])));
        store.write(vec![Write::Delete(Table::FileChats, Key::from_elem(0, zeros), row.clone())]).await.unwrap();
    }
}

async fn a_value_may_have_a_megabyte(store: &dyn Store) {
    let chat = some_partition();
    let value: Vec<u8> = (0..1 << 20).map(|byte: u32| (byte * 31 % 251) as u8).collect();
    let rows: Vec<String> = (0..12).map(|row| format!("{row:02}")).collect();
    for row in &rows {
        store.write(vec![put(&chat, row, &value)]).await.unwrap();
    }
    // With small rows beside it, in one list.
    store.write(vec![put(&chat, "a", b"1"), put(&chat, "b", &value), put(&chat, "c", b"2")]).await.unwrap();
    assert!(store.get(Table::Personal, chat.clone(), key("07")).await.unwrap().as_ref() == Some(&value));
    let found = store.scan(Table::Personal, chat.clone(), Range::first(100)).await.unwrap();
    assert_eq!(found.len(), 15);
    assert!(found[..12].iter().all(|(_, found)| *found == value));
}

async fn changes_in_one_list_are_made_in_their_order(store: &dyn Store) {
    let (one, other) = (some_partition(), some_partition());
    store
        .write(vec![
            put(&one, "a", b"1"),
            delete(&one, "a"),
            put(&one, "a", b"0"),
            put(&one, "b", b"2"),
            put(&other, "a", b"3"),
            delete(&one, "b"),
            put(&other, "a", b"2"),
        ])
        .await
        .unwrap();
    assert_eq!(store.get(Table::Personal, one.clone(), key("a")).await.unwrap().as_deref(), Some(b"0".as_slice()));
    assert_eq!(store.get(Table::Personal, one.clone(), key("b")).await.unwrap(), None);
    assert_eq!(store.get(Table::Personal, other, key("a")).await.unwrap().as_deref(), Some(b"2".as_slice()));
    store.write(Vec::new()).await.unwrap();
    // Longer than any batch, and the last change counts.
    let mut writes: Vec<Write> = (0..700).map(|row| put(&some_partition(), "x", format!("{row}").as_bytes())).collect();
    for value in 0..400 {
        writes.push(put(&one, "again", format!("{value}").as_bytes()));
    }
    store.write(writes).await.unwrap();
    assert_eq!(store.get(Table::Personal, one, key("again")).await.unwrap().as_deref(), Some(b"399".as_slice()));
}

async fn a_refused_list_changes_nothing(store: &dyn Store) {
    let chat = some_partition();
    // Larger than what a row may have in either engine.
    let huge = vec![0; 1_100_000_000];
    let outcome = store.write(vec![put(&chat, "a", b"1"), Write::Put(Table::Personal, chat.clone(), key("b"), huge)]).await;
    assert!(outcome.is_err());
    assert_eq!(rows(store, &chat, Range::first(10)).await, [""; 0]);
}

async fn everything_is_found_by_reading_the_whole_table(store: &dyn Store) {
    let mut expected = Vec::new();
    for partition in 0..40 {
        let chat = some_partition();
        for row in 0..partition % 5 + 1 {
            expected.push((chat.clone(), tables::u32_key(row), vec![partition as u8; 100]));
        }
    }
    let writes = expected.iter().map(|(partition, row, value)| Write::Put(Table::Mentions, partition.clone(), row.clone(), value.clone()));
    store.write(writes.collect()).await.unwrap();
    expected.sort();
    let mut found = store.all(Table::Mentions).await.unwrap();
    assert!(found.is_sorted_by(|one, other| (&one.0, &one.1) < (&other.0, &other.1)), "by partition and row");
    found.retain(|row| expected.contains(row));
    assert_eq!(found, expected);
}

/// A cursor as it is kept.
pub fn cursor(delivered: u64, read: u64) -> Vec<u8> {
    [delivered, read, read, read * 1_000].iter().flat_map(|number| number.to_be_bytes()).collect()
}

async fn a_cursor_is_as_far_as_it_was_moved(store: &dyn Store) {
    let chat = some_partition();
    let at = |user: u32, value| Write::Put(Table::Cursors, chat.clone(), tables::u32_key(user), value);
    store.write(vec![at(1, cursor(5, 3)), at(2, cursor(0, 0))]).await.unwrap();
    store.write((3..700).map(|user| at(user, cursor(user.into(), 1))).collect()).await.unwrap();
    store.write(vec![at(1, cursor(9, 8))]).await.unwrap();
    assert_eq!(store.get(Table::Cursors, chat.clone(), tables::u32_key(1)).await.unwrap(), Some(cursor(9, 8)));
    let found = store.scan(Table::Cursors, chat.clone(), Range::first(50_000)).await.unwrap();
    assert_eq!(found.len(), 699);
    assert_eq!(found[1], (tables::u32_key(2), cursor(0, 0)));
    assert_eq!(found[698], (tables::u32_key(699), cursor(699, 1)));
    assert_eq!(store.get(Table::Cursors, chat, tables::u32_key(9_999)).await.unwrap(), None);
}

async fn who_writes_at_the_same_time_loses_nothing(store: &dyn Store) {
    let chat = some_partition();
    let writers = (0..20).map(|writer: u32| {
        let chat = chat.clone();
        async move {
            for turn in 0..20_u32 {
                let own = tables::KeyMaker::default().u32(writer).u32(turn).done();
                let writes = vec![
                    Write::Put(Table::Personal, chat.clone(), own.clone(), turn.to_be_bytes().to_vec()),
                    Write::Put(Table::Personal, chat.clone(), tables::u32_key(u32::MAX), own.to_vec()),
                ];
                store.write(writes).await.unwrap();
                let read = store.get(Table::Personal, chat.clone(), own).await.unwrap();
                assert_eq!(read, Some(turn.to_be_bytes().to_vec()), "who has written sees it");
            }
        }
    });
    futures_util::future::join_all(writers).await;
    let found = store.scan(Table::Personal, chat.clone(), Range::first(1_000)).await.unwrap();
    assert_eq!(found.len(), 20 * 20 + 1);
}

async fn records_are_found_in_their_bucket(store: &dyn Store) {
    let chat = some_chat();
    let seqs = [1, 2, 4_999, 5_000, 5_001, 12_345];
    let writes =
        seqs.iter().map(|seq| Write::Put(Table::Messages, tables::bucket_key(chat, *seq), tables::u64_key(*seq), vec![*seq as u8]));
    store.write(writes.collect()).await.unwrap();
    for (bucket, expected) in [(0, vec![1, 2, 4_999]), (5_000, vec![5_000, 5_001]), (10_000, vec![12_345]), (15_000, vec![])] {
        let found = store.scan(Table::Messages, tables::bucket_key(chat, bucket), Range::first(100)).await.unwrap();
        assert_eq!(found.iter().map(|(row, _)| tables::read_u64(row, 0).unwrap()).collect::<Vec<_>>(), expected);
    }
    let last = store.scan(Table::Messages, tables::bucket_key(chat, 4_999), Range::last(2)).await.unwrap();
    assert_eq!(last, [(tables::u64_key(4_999), vec![4_999_u64 as u8]), (tables::u64_key(2), vec![2])]);
    // What replaces an earlier change takes it away.
    let row = |seq| tables::KeyMaker::default().u64(2).u64(seq).done();
    let partition = tables::bucket_key(chat, 2);
    store.write(vec![Write::Put(Table::Changes, partition.clone(), row(3), b"first".to_vec())]).await.unwrap();
    store
        .write(vec![
            Write::Put(Table::Changes, partition.clone(), row(4), b"second".to_vec()),
            Write::Delete(Table::Changes, partition.clone(), row(3)),
        ])
        .await
        .unwrap();
    let found = store.scan(Table::Changes, partition, Range::first(10)).await.unwrap();
    assert_eq!(found, [(row(4), b"second".to_vec())]);
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<(u8, u8, Option<Vec<u8>>)>),
    Scan { partition: u8, from: Bound<u8>, to: Bound<u8>, backward: bool, limit: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bound = || prop_oneof![Just(Bound::Unbounded), (0..6_u8).prop_map(Bound::Included), (0..6_u8).prop_map(Bound::Excluded)];
    let value = prop_oneof![1 => Just(None), 4 => vec(any::<u8>(), 0..9).prop_map(Some), 1 => (0..50_000_usize).prop_map(|size| Some(vec![1; size]))];
    let step = prop_oneof![
        vec((0..3_u8, 0..6_u8, value), 0..8).prop_map(Step::Write),
        (0..3_u8, bound(), bound(), any::<bool>(), 0..7_usize).prop_map(|(partition, from, to, backward, limit)| Step::Scan {
            partition,
            from,
            to,
            backward,
            limit
        }),
    ];
    vec(step, 1..30)
}

async fn follow(store: &dyn Store, steps: Vec<Step>) {
    let marker = some_chat();
    let place = |partition: u8| tables::KeyMaker::default().u64(marker).bytes(&[partition]).done();
    let mut model: BTreeMap<(u8, u8), Vec<u8>> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Write(changes) => {
                let writes = changes.iter().map(|(partition, row, value)| match value {
                    Some(value) => Write::Put(Table::Personal, place(*partition), Key::from_slice(&[*row]), value.clone()),
                    None => Write::Delete(Table::Personal, place(*partition), Key::from_slice(&[*row])),
                });
                store.write(writes.collect()).await.unwrap();
                for (partition, row, value) in changes {
                    match value {
                        Some(value) => model.insert((partition, row), value),
                        None => model.remove(&(partition, row)),
                    };
                }
            }
            Step::Scan { partition, from, to, backward, limit } => {
                let as_key = |bound: Bound<u8>| bound.map(|row| Key::from_slice(&[row]));
                let range = Range { from: as_key(from), to: as_key(to), backward, limit };
                let found = store.scan(Table::Personal, place(partition), range.clone()).await.unwrap();
                let mut expected: Vec<(Key, Vec<u8>)> = model
                    .iter()
                    .filter(|((of, row), _)| *of == partition && (from, to).contains(row))
                    .map(|((_, row), value)| (Key::from_slice(&[*row]), value.clone()))
                    .collect();
                if backward {
                    expected.reverse();
                }
                expected.truncate(limit);
                assert!(found == expected, "{range:?} of {partition}");
            }
        }
    }
}

fn any_history_reads_as_the_model_does(store: &dyn Store, cases: u32) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |steps| {
        runtime().block_on(follow(store, steps));
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn any_history_reads_as_the_model_does_on_sqlite() {
    let (store, _folder) = sqlite();
    any_history_reads_as_the_model_does(&store, 64);
    store.close();
}

#[test]
fn any_history_reads_as_the_model_does_on_cql() {
    any_history_reads_as_the_model_does(cql(), 48);
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let chat = some_partition();
    let (store, folder) = sqlite();
    runtime().block_on(async {
        store.write(vec![put(&chat, "a", b"1")]).await.unwrap();
        store.close();
        let again = clarion::store::SqliteStore::open(folder.path()).unwrap();
        assert_eq!(again.get(Table::Personal, chat.clone(), key("a")).await.unwrap().as_deref(), Some(b"1".as_slice()));
        again.close();
        cql().write(vec![put(&chat, "a", b"1")]).await.unwrap();
        let again = clarion::store::cql::CqlStore::open(super::stores::settings().clone(), clarion::clock::Clock::default()).await.unwrap();
        assert_eq!(again.get(Table::Personal, chat.clone(), key("a")).await.unwrap().as_deref(), Some(b"1".as_slice()));
    });
}
