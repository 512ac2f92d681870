//! The auditor: a store that has forgotten or changed what it had acknowledged gets it from the log again.

use super::logs::{More, Place, message, settings, until};
use super::stores::{cql, runtime, some_chat};
use crate::support::servers::{self, Servers};
use clarion::clock::Clock;
use clarion::log::{Appended, JetStreamSettings, Record};
use clarion::store::cql::{CqlSettings, CqlStore};
use clarion::store::{Answer, Differs, EntryRow, EntryStore, Key, Range, Row, Store, StoredEntry, Table, Write, tables};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A store that says that it has everything, and has not.
#[derive(Clone)]
struct Forgetful {
    store: CqlStore,
    /// What becomes of a record by its seq.
    forgets: fn(u64) -> Forgets,
    /// Rows that were found to differ.
    found: Arc<AtomicU64>,
    /// The auditor finds nothing, as if it had not been there yet.
    unseen: Arc<AtomicBool>,
    /// It does not answer.
    away: Arc<AtomicBool>,
}

enum Forgets {
    Nothing,
    /// The record and its rows.
    Everything,
    /// What goes with the record.
    Rows,
    /// It has something older instead.
    What,
}

impl Forgetful {
    fn new(store: CqlStore, forgets: fn(u64) -> Forgets) -> Self {
        Self { store, forgets, found: Arc::default(), unseen: Arc::default(), away: Arc::default() }
    }
}

impl Store for Forgetful {
    fn get(&self, table: Table, partition: Key, row: Key) -> Answer<'_, Option<Vec<u8>>> {
        self.store.get(table, partition, row)
    }
    fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>> {
        self.store.scan(table, partition, range)
    }
    fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>> {
        self.store.all(table)
    }
    fn write(&self, writes: Vec<Write>) -> Answer<'_, ()> {
        self.store.write(writes)
    }
}

impl EntryStore for Forgetful {
    fn write_entries(&self, entries: Vec<StoredEntry>) -> Answer<'_, ()> {
        let kept = entries.into_iter().filter_map(|mut entry| match (self.forgets)(entry.seq) {
            Forgets::Nothing => Some(entry),
            Forgets::Everything => None,
            Forgets::Rows => {
                entry.writes.clear();
                Some(entry)
            }
            Forgets::What => {
                entry.stamp_us -= 1;
                entry.value.truncate(8);
                Some(entry)
            }
        });
        EntryStore::write_entries(&self.store, kept.collect())
    }
    fn differing(&self, rows: Vec<EntryRow>) -> Answer<'_, Vec<Differs>> {
        Box::pin(async move {
            if self.unseen.load(Ordering::Relaxed) {
                return Ok(Vec::new());
            }
            let differing = EntryStore::differing(&self.store, rows).await?;
            self.found.fetch_add(differing.len() as u64, Ordering::Relaxed);
            Ok(differing)
        })
    }
    fn write_rows(&self, rows: Vec<EntryRow>) -> Answer<'_, ()> {
        EntryStore::write_rows(&self.store, rows)
    }
    fn last_seq(&self, chat: u64) -> Answer<'_, u64> {
        self.store.last_seq(chat)
    }
    fn healthy(&self) -> bool {
        self.store.healthy() && !self.away.load(Ordering::Relaxed)
    }
}

/// Seqs of the records that stand whole in the store itself.
async fn stored(store: &CqlStore, chat: u64) -> Vec<u64> {
    let rows = store.scan(Table::Messages, tables::bucket_key(chat, 0), Range::first(5_000)).await.unwrap_or_default();
    let whole = rows.iter().filter_map(|(row, value)| {
        let record = Record::decode(value.get(8..)?).ok()?;
        (tables::u64_key(record.seq) == *row).then_some(record.seq)
    });
    whole.collect()
}

fn part(chat: u64, name: &str, value: &[u8]) -> Write {
    Write::Put(Table::ChatParts, tables::u64_key(chat), tables::text_key(name), value.to_vec())
}

fn mention(chat: u64, seq: u64) -> (Table, Key, Key) {
    (Table::Mentions, tables::u64_key(chat), tables::u64_key(seq))
}

#[test]
fn what_the_store_has_lost_is_found_and_written_again_and_what_was_changed_since_stays() {
    runtime().block_on(async {
        let forgets = |seq| match seq % 10 {
            3 => Forgets::Everything,
            5 => Forgets::Rows,
            7 => Forgets::What,
            _ => Forgets::Nothing,
        };
        let store = Forgetful::new(cql().clone(), forgets);
        let all_the_time = JetStreamSettings { audit_rows_per_second: 100_000, ..settings(servers::nats()) };
        let place = Place::on(all_the_time, store.clone()).await;
        let chats: Vec<u64> = (0..5).map(|_| some_chat()).collect();
        for seq in 1..=60 {
            for chat in &chats {
                let (table, partition, row) = mention(*chat, seq);
                let mut writes = vec![part(*chat, "last", &seq.to_be_bytes()), part(*chat, &format!("of {seq}"), b"logged")];
                writes.push(Write::Put(table, partition, row, Vec::new()));
                // A mention is taken away again by the record behind the next one.
                if seq > 2 && seq % 2 == 0 {
                    let (table, partition, row) = mention(*chat, seq - 2);
                    writes.push(Write::Delete(table, partition, row));
                }
                let more = More { writes, client_message_id: Some(&format!("{chat}-{seq}")) };
                assert_eq!(place.append(message(*chat, seq, 5, "x"), 1, more).await, Ok(Appended::New));
            }
        }
        // Past the log, and later than it.
        store.write(vec![part(chats[0], "of 3", b"changed"), part(chats[0], "of 20", b"changed")]).await.unwrap();
        for chat in &chats {
            until("the store has every record", async || (stored(cql(), *chat).await == (1..=60).collect::<Vec<_>>()).then_some(())).await;
            for seq in 1..=60 {
                let expected: &[u8] = if *chat == chats[0] && [3, 20].contains(&seq) { b"changed" } else { b"logged" };
                let row = tables::text_key(&format!("of {seq}"));
                until("the store has what goes with a record", async || {
                    let found = cql().get(Table::ChatParts, tables::u64_key(*chat), row.clone()).await.unwrap();
                    (found.as_deref() == Some(expected)).then_some(())
                })
                .await;
            }
            let last = cql().get(Table::ChatParts, tables::u64_key(*chat), tables::text_key("last")).await.unwrap();
            assert_eq!(last, Some(60_u64.to_be_bytes().to_vec()));
        }
        let found = store.found.load(Ordering::Relaxed);
        assert!(found >= 5 * 6 * 3, "{found} rows were found to differ");
        // Once more around, with everything in its place: what was deleted stays deleted, and nothing differs any more.
        until("nothing differs any more", async || {
            let before = store.found.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(2)).await;
            (store.found.load(Ordering::Relaxed) == before).then_some(())
        })
        .await;
        for chat in &chats {
            let rows = cql().scan(Table::Mentions, tables::u64_key(*chat), Range::first(100)).await.unwrap();
            let there: BTreeSet<u64> = rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)).collect();
            let expected: BTreeSet<u64> = (1..=60).filter(|seq| seq % 2 == 1 || *seq == 60).collect();
            assert_eq!(there, expected);
        }
    });
}

#[test]
fn what_the_store_has_forgotten_is_read_from_the_log_also_at_the_end_of_a_chat() {
    runtime().block_on(async {
        let forgets = |seq| if seq == 4 || seq >= 9 { Forgets::Everything } else { Forgets::Nothing };
        let store = Forgetful::new(cql().clone(), forgets);
        store.unseen.store(true, Ordering::Relaxed);
        let one = Place::on(settings(servers::nats()), store.clone()).await;
        let chat = some_chat();
        for seq in 1..=10 {
            assert_eq!(one.append(message(chat, seq, 5, "x"), 1, More::default()).await, Ok(Appended::New));
        }
        // Nothing waits for the store any more: it has said that it has everything.
        until("the store has taken everything", async || {
            let rows = one.store.scan(Table::Messages, tables::bucket_key(chat, 0), Range::first(100)).await.unwrap();
            let seqs: Vec<u64> = rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)).collect();
            (seqs == [1, 2, 3, 5, 6, 7, 8]).then_some(())
        })
        .await;
        // Another node does not know where the chat ends.
        let other = Place::on(one.settings(), store).await;
        for place in [&one, &other] {
            let seqs = async |from, to| {
                let found = place.log.read(chat, from, to, 100).await.unwrap();
                found.iter().map(|entry| entry.record.seq).collect::<Vec<_>>()
            };
            assert_eq!(seqs(9, 12).await, [9, 10]);
            assert_eq!(seqs(6, 9).await, [6, 7, 8, 9]);
            assert_eq!(seqs(1, 10).await, (1..=10).collect::<Vec<_>>());
            assert_eq!(place.log.last(chat).await.unwrap().unwrap().record.seq, 10);
        }
    });
}

#[test]
fn what_a_store_took_before_its_node_had_followed_so_far_is_found_too() {
    runtime().block_on(async {
        let forgets = |seq| if seq > 290 { Forgets::Everything } else { Forgets::Nothing };
        let store = Forgetful::new(cql().clone(), forgets);
        store.unseen.store(true, Ordering::Relaxed);
        // Nobody takes what it hands out, so it stops following long before the end; what is written goes on.
        let place = Place::on(settings(servers::nats()), store.clone()).await;
        let chat = some_chat();
        for seq in 1..=300 {
            let said = Record { at_ms: Clock::default().now_ms(), ..message(chat, seq, 5, "x") };
            assert_eq!(place.append(said, 1, More::default()).await, Ok(Appended::New));
        }
        until("the store takes the records", async || (stored(cql(), chat).await.len() == 290).then_some(())).await;
        store.away.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(500)).await;
        store.unseen.store(false, Ordering::Relaxed);
        store.away.store(false, Ordering::Relaxed);
        until("what it forgot is found", async || (stored(cql(), chat).await.len() == 300).then_some(())).await;
    });
}

#[test]
fn a_store_that_forgets_what_it_acknowledged_last_gets_it_from_the_log_again() {
    // As it comes, a single Cassandra acknowledges before its disk has something.
    let servers = Servers::own("store-forgets", &[]);
    let (scylla, nats) = (servers.up("scylla"), servers.up("nats"));
    runtime().block_on(async {
        let of_store =
            CqlSettings { addresses: scylla, keyspace: "clarion_forgets".into(), replication_factor: 1, ..CqlSettings::default() };
        let below = CqlStore::open(of_store, Clock::default()).await.expect("the settings are right");
        let store = Forgetful::new(below.clone(), |_| Forgets::Nothing);
        // What is older than what a store that was away is looked at for, is found by the pass over everything.
        let all_the_time = JetStreamSettings { audit_rows_per_second: 100_000, ..settings(&nats) };
        let place = Place::on(all_the_time, store.clone()).await;
        let chats: Vec<u64> = (0..40).map(|_| some_chat()).collect();
        let append = async |seqs: std::ops::RangeInclusive<u64>| {
            for seq in seqs {
                let more = |chat: &u64| More { writes: vec![part(*chat, &format!("of {seq}"), b"logged")], ..More::default() };
                let waiting: Vec<_> = chats.iter().map(|chat| place.begin(message(*chat, seq, 5, "x"), 1, more(chat))).collect();
                for outcome in waiting {
                    assert_eq!(outcome.await.unwrap(), Ok(Appended::New), "seq {seq}");
                }
            }
        };
        let whole = async |last: u64| {
            for chat in &chats {
                until("the store has every record", async || (stored(&below, *chat).await == (1..=last).collect::<Vec<_>>()).then_some(()))
                    .await;
                until("the store has what goes with the records", async || {
                    let rows = below.scan(Table::ChatParts, tables::u64_key(*chat), Range::first(5_000)).await.unwrap_or_default();
                    (rows.len() as u64 == last).then_some(())
                })
                .await;
            }
        };
        append(1..=50).await;
        whole(50).await;
        // In the midst of writing: what was acknowledged in the last moment may be gone.
        append(51..=60).await;
        servers.down("scylla", &[("SERVERS_SIGNAL", "KILL")]);
        append(61..=70).await;
        servers.up("scylla");
        whole(70).await;
        // And as after a loss of power: what the disk had not got yet is gone altogether.
        servers.down("scylla", &[("SERVERS_SIGNAL", "KILL")]);
        let forgotten = servers.forget_what_is_not_on_disk();
        let before = store.found.load(Ordering::Relaxed);
        append(71..=80).await;
        servers.up("scylla");
        whole(80).await;
        let found = store.found.load(Ordering::Relaxed) - before;
        // What it had when it came back the first time, it has put on disk then.
        assert!(!forgotten || found >= 40 * 10, "{found} rows were missing");
    });
}
