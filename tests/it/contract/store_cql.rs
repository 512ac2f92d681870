//! What only the cluster's store has to do: entries of the log in any order, cursors from several nodes, tables by period,
//! one read for many, and a store that goes away.

use super::store::cursor;
use super::stores::{cql, runtime, settings, some_chat, some_partition};
use crate::support::servers::Servers;
use crate::support::{PATIENCE, keyspaces};
use clarion::clock::Clock;
use clarion::store::cql::{CqlSettings, CqlStore, StoredEntry};
use clarion::store::{Key, Range, Store, Table, Write, tables};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The end of 2026, ms since 1970.
const NEW_YEAR_MS: u64 = 1_798_761_600_000;

fn entry(chat: u64, seq: u64, at_ms: u64) -> StoredEntry {
    let value = [seq.to_be_bytes().as_slice(), format!("record {seq}").as_bytes()].concat();
    StoredEntry { stamp_us: at_ms as i64 * 1_000 + seq as i64, at_ms, chat, seq, target: None, value, writes: Vec::new() }
}

async fn seqs(store: &CqlStore, chat: u64, range: Range) -> Vec<u64> {
    let rows = store.scan(Table::Messages, tables::bucket_key(chat, 0), range).await.unwrap();
    rows.iter().map(|(row, _)| tables::read_u64(row, 0).unwrap()).collect()
}

/// A store of its own on the keyspace of the run, as another node has it.
async fn another_node(clock: Clock) -> CqlStore {
    CqlStore::open(settings().clone(), clock).await.unwrap()
}

/// A random entry: seq, target, and which of three rows it puts or deletes.
type Sketch = (Option<u64>, Vec<(u8, bool)>);

fn entries_of(chat: u64, sketches: &[Sketch]) -> Vec<StoredEntry> {
    let mut entries = Vec::new();
    for (index, (target, writes)) in sketches.iter().enumerate() {
        let seq = index as u64 + 1;
        let mut entry = entry(chat, seq, 1_790_000_000_000);
        entry.target = *target;
        entry.writes = writes
            .iter()
            .map(|(row, put)| {
                let row = Key::from_slice(&[*row]);
                let partition = tables::u64_key(chat);
                if *put {
                    Write::Put(Table::ChatParts, partition, row, seq.to_be_bytes().to_vec())
                } else {
                    Write::Delete(Table::ChatParts, partition, row)
                }
            })
            .collect();
        entries.push(entry);
    }
    entries
}

#[test]
fn entries_of_the_log_may_come_in_any_order_and_any_number_of_times() {
    let sketch = (proptest::option::of(1..50_u64), proptest::collection::vec((0..3_u8, any::<bool>()), 0..4));
    let sketches = proptest::collection::vec(sketch, 1..25);
    let plan = (sketches, any::<prop::sample::Index>(), any::<u64>());
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&plan, |(sketches, again, order)| {
        let chat = some_chat();
        let in_order = entries_of(chat, &sketches);
        // Twice some of them, and all in an order that the number decides.
        let mut entries = in_order.clone();
        entries.extend_from_slice(&in_order[..=again.index(in_order.len())]);
        let mut state = order | 1;
        for index in (1..entries.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            entries.swap(index, (state >> 33) as usize % (index + 1));
        }
        let mut rows: BTreeMap<u8, u64> = BTreeMap::new();
        for (index, (_, writes)) in sketches.iter().enumerate() {
            for (row, put) in writes {
                if *put {
                    rows.insert(*row, index as u64 + 1)
                } else {
                    rows.remove(row)
                };
            }
        }
        runtime().block_on(async {
            let store = cql();
            let half = entries.len() / 2;
            let (first, second) = entries.split_at(half);
            let (one, other) = tokio::join!(store.write_entries(first), store.write_entries(second));
            one.and(other).unwrap();
            let found = store.scan(Table::Messages, tables::bucket_key(chat, 0), Range::first(100)).await.unwrap();
            let expected: Vec<_> = in_order.iter().map(|entry| (tables::u64_key(entry.seq), entry.value.clone())).collect();
            assert_eq!(found, expected);
            let found = store.scan(Table::Changes, tables::bucket_key(chat, 0), Range::first(100)).await.unwrap();
            let mut expected: Vec<_> = in_order
                .iter()
                .filter_map(|entry| Some((tables::KeyMaker::default().u64(entry.target?).u64(entry.seq).done(), entry.value.clone())))
                .collect();
            expected.sort();
            assert_eq!(found, expected);
            let found = store.scan(Table::ChatParts, tables::u64_key(chat), Range::first(100)).await.unwrap();
            let found: BTreeMap<u8, u64> = found.iter().map(|(row, value)| (row[0], tables::read_u64(value, 0).unwrap())).collect();
            assert_eq!(found, rows);
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn a_cursor_never_goes_back_whichever_node_writes_last() {
    runtime().block_on(async {
        let (one, other) = (cql(), another_node(Clock::default()).await);
        let chat = some_partition();
        let at = |value| vec![Write::Put(Table::Cursors, chat.clone(), tables::u32_key(7), value)];
        one.write(at(cursor(9, 4))).await.unwrap();
        other.write(at(cursor(5, 5))).await.unwrap();
        one.write(at(cursor(8, 3))).await.unwrap();
        let kept = other.get(Table::Cursors, chat.clone(), tables::u32_key(7)).await.unwrap();
        assert_eq!(kept, Some(cursor(9, 5)), "each of the two as far as somebody has said");
    });
}

#[test]
fn who_has_read_a_row_of_a_node_whose_clock_is_ahead_can_change_it() {
    runtime().block_on(async {
        let ahead = Clock::default();
        ahead.turn(20_000);
        let (one, other) = (another_node(ahead).await, another_node(Clock::default()).await);
        let (chat, row) = (some_partition(), tables::text_key("a"));
        let put = |value: &[u8]| vec![Write::Put(Table::Personal, chat.clone(), row.clone(), value.to_vec())];
        one.write(put(b"ahead")).await.unwrap();
        assert_eq!(other.get(Table::Personal, chat.clone(), row.clone()).await.unwrap().as_deref(), Some(b"ahead".as_slice()));
        other.write(put(b"after")).await.unwrap();
        assert_eq!(one.get(Table::Personal, chat.clone(), row.clone()).await.unwrap().as_deref(), Some(b"after".as_slice()));
        other.write(vec![Write::Delete(Table::Personal, chat.clone(), row.clone())]).await.unwrap();
        assert_eq!(one.get(Table::Personal, chat.clone(), row.clone()).await.unwrap(), None);
    });
}

#[test]
fn a_page_over_the_end_of_a_year_is_whole() {
    runtime().block_on(async {
        let clock = Clock::default();
        let to = |clock: &Clock, at_ms: u64| clock.turn(at_ms as i64 - clock.now_ms() as i64);
        to(&clock, NEW_YEAR_MS - 60_000);
        let (one, other) = (another_node(clock.clone()).await, another_node(clock.clone()).await);
        let chat = some_chat();
        let before: Vec<_> = (1..=3).map(|seq| entry(chat, seq, NEW_YEAR_MS - 10_000 + seq)).collect();
        one.write_entries(&before).await.unwrap();
        assert_eq!(seqs(&other, chat, Range::first(10)).await, [1, 2, 3]);
        // The other node remembers the periods of the chat from before; the first one writes on in the new year.
        to(&clock, NEW_YEAR_MS + 60_000);
        let after: Vec<_> = (4..=6).map(|seq| entry(chat, seq, NEW_YEAR_MS + seq)).collect();
        one.write_entries(&after).await.unwrap();
        for store in [&one, &other] {
            assert_eq!(seqs(store, chat, Range::first(10)).await, [1, 2, 3, 4, 5, 6]);
            assert_eq!(seqs(store, chat, Range::last(4)).await, [6, 5, 4, 3]);
            assert_eq!(seqs(store, chat, Range::between(tables::u64_key(3), tables::u64_key(4), 9)).await, [3, 4]);
            let found = store.get(Table::Messages, tables::bucket_key(chat, 2), tables::u64_key(2)).await.unwrap();
            assert_eq!(found, Some(before[1].value.clone()));
        }
        // Years later, a node that knows nothing yet finds them all the same, and so does a change of one of them.
        to(&clock, NEW_YEAR_MS + 5 * 366 * 86_400_000);
        let late = another_node(clock).await;
        assert_eq!(seqs(&late, chat, Range::first(10)).await, [1, 2, 3, 4, 5, 6]);
        let mut edit = entry(chat, 7, NEW_YEAR_MS + 5 * 366 * 86_400_000);
        edit.target = Some(2);
        late.write_entries(std::slice::from_ref(&edit)).await.unwrap();
        let changes = late.scan(Table::Changes, tables::bucket_key(chat, 2), Range::first(10)).await.unwrap();
        assert_eq!(changes, [(tables::KeyMaker::default().u64(2).u64(7).done(), edit.value.clone())]);
        let gone = Write::Delete(Table::Changes, tables::bucket_key(chat, 2), tables::KeyMaker::default().u64(2).u64(7).done());
        late.write(vec![gone]).await.unwrap();
        assert!(late.scan(Table::Changes, tables::bucket_key(chat, 2), Range::first(10)).await.unwrap().is_empty());
        assert_eq!(seqs(&late, chat, Range::last(1)).await, [7]);
    });
}

#[test]
fn ten_thousand_who_open_the_same_page_at_once_cost_at_most_ten_reads() {
    runtime().block_on(async {
        let store = another_node(Clock::default()).await;
        let chat = some_chat();
        store.write_entries(&(1..=60).map(|seq| entry(chat, seq, 1_790_000_000_000)).collect::<Vec<_>>()).await.unwrap();
        seqs(&store, chat, Range::last(1)).await;
        let before = store.reads();
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..10_000 {
            let store = store.clone();
            asking.spawn(async move { seqs(&store, chat, Range::last(50)).await.len() });
        }
        while let Some(found) = asking.join_next().await {
            assert_eq!(found.unwrap(), 50);
        }
        let reads = store.reads() - before;
        assert!((1..=10).contains(&reads), "{reads} reads");
        // Nobody is shown less than what this node has written.
        for seq in 61..100 {
            let next = [entry(chat, seq, 1_790_000_000_000)];
            let (_, written) = tokio::join!(seqs(&store, chat, Range::last(50)), store.write_entries(&next));
            written.unwrap();
            assert_eq!(seqs(&store, chat, Range::last(1)).await, [seq]);
        }
    });
}

#[test]
fn nodes_that_start_at_once_make_the_schema_once() {
    let settings = CqlSettings { keyspace: keyspaces::name(), ..settings().clone() };
    runtime().block_on(async {
        let clock = Clock::default();
        let starts = (0..4).map(|_| CqlStore::migrate(&settings, &clock));
        let outcomes = futures_util::future::try_join_all(starts).await.unwrap();
        let applied: Vec<i32> = outcomes.iter().flat_map(|(applied, _)| applied.clone()).collect();
        assert_eq!(applied, (1..=clarion::store::cql::newest()).collect::<Vec<_>>(), "by one of them");
        assert!(outcomes.iter().all(|(_, version)| *version == clarion::store::cql::newest()));
        let again = CqlStore::migrate(&settings, &clock).await.unwrap();
        assert_eq!(again.0, [0; 0]);
        let store = CqlStore::open(settings.clone(), clock).await.unwrap();
        let row = Write::Put(Table::Facts, Key::new(), tables::text_key("a"), b"1".to_vec());
        store.write(vec![row]).await.unwrap();
    });
    keyspaces::drop(&settings.keyspace);
}

#[test]
fn the_operator_prints_the_schema_and_applies_it_beside_a_running_server() {
    let keyspace = keyspaces::name();
    let schema = |arguments: &[&str]| {
        let mut command = crate::support::clarion();
        command
            .arg("schema")
            .args(arguments)
            .env("CLARION_SCYLLA_KEYSPACE", &keyspace)
            .env("CLARION_SCYLLA_REPLICATION", settings().replication_factor.to_string());
        let output = command.env("CLARION_SCYLLA", settings().addresses.join(",")).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (fine, printed, complaint) = schema(&["--print", "--for", "cassandra"]);
    assert!(fine && printed.contains(&format!("CREATE TABLE IF NOT EXISTS {keyspace}.messages_ever_")), "{printed}{complaint}");
    let (fine, said, complaint) = schema(&["--apply"]);
    assert!(fine && said.contains("version 1: applied"), "{said}{complaint}");
    let (fine, said, _) = schema(&["--apply"]);
    assert!(fine && said.contains("nothing was missing"), "{said}");
    let (fine, _, complaint) = schema(&[]);
    assert!(!fine && complaint.contains("--apply"), "{complaint}");
    keyspaces::drop(&keyspace);
}

/// Waits until something holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE * 3;
    while !holds().await {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn while_the_store_is_away_calls_fail_at_once_and_afterwards_nothing_is_missing() {
    let servers = Servers::own("contract", &[("CASSANDRA_SYNC", "batch")]);
    let addresses = servers.up("scylla");
    let settings = CqlSettings { addresses, replication_factor: 1, ..CqlSettings::default() };
    runtime().block_on(async {
        let store = CqlStore::open(settings, Clock::default()).await.unwrap();
        let chat = some_chat();
        let mut written = 0;
        for signal in ["KILL", "STOP"] {
            for seq in written + 1..=written + 200 {
                store.write_entries(&[entry(chat, seq, 1_790_000_000_000)]).await.unwrap();
            }
            written += 200;
            servers.down("scylla", &[("SERVERS_SIGNAL", signal)]);
            let get = || store.get(Table::Chats, tables::u64_key(chat), tables::none());
            until("it is noticed that the store is away", async || {
                let _ = get().await;
                !store.healthy()
            })
            .await;
            // Each for itself would need its time limit: all of them together would take hours.
            for _ in 0..5_000 {
                let error = get().await.unwrap_err();
                assert!(error.retry_after_ms.is_some(), "{error}");
            }
            assert!(store.write_entries(&[entry(chat, written + 1, 1_790_000_000_000)]).await.is_err());
            if signal == "STOP" {
                servers.down("scylla", &[("SERVERS_SIGNAL", "CONT")]);
            } else {
                servers.up("scylla");
            }
            until("the store is found again", async || store.healthy()).await;
            let found = seqs(&store, chat, Range::first(10_000)).await;
            let missing: Vec<u64> = (1..=written).filter(|seq| !found.contains(seq)).collect();
            assert!(missing.is_empty(), "{missing:?} were acknowledged");
        }
    });
}
