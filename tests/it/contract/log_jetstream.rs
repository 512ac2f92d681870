//! What only the log of a cluster must do: several nodes on one log, and servers that die.

use super::logs::{More, Place, message, settings, until};
use super::stores::{runtime, some_chat};
use crate::support::servers::{self, Servers};
use clarion::clock::Clock;
use clarion::log::{Appended, Record, Refused};
use clarion::store::cql::{CqlSettings, CqlStore};
use clarion::store::{Range, Store, Table, tables};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn two_nodes_that_write_to_one_chat_agree_on_its_order() {
    runtime().block_on(async {
        let mut one = Place::jetstream().await;
        let mut other = Place::node(one.settings()).await;
        let chat = some_chat();
        let mut stands: BTreeMap<u64, u32> = BTreeMap::new();
        // Each takes its next seq from what it believes to be the end, as two homes of one chat would.
        for round in 0..30u64 {
            let ends = [&one, &other].map(|place| place.log.last(chat));
            let [first, second] = ends;
            let (first, second) = tokio::join!(first, second);
            let seq = |last: clarion::error::Result<Option<clarion::log::Entry>>| last.unwrap().map_or(1, |entry| entry.record.seq + 1);
            let (first, second) = (seq(first), seq(second));
            let (mine, theirs) = tokio::join!(
                one.append(message(chat, first, 1, "one"), 10 + round, More::default()),
                other.append(message(chat, second, 2, "other"), 10 + round, More::default()),
            );
            for (outcome, seq, by) in [(mine, first, 1), (theirs, second, 2)] {
                match outcome {
                    Ok(Appended::New) => assert_eq!(stands.insert(seq, by), None, "seq {seq} was given twice"),
                    Err(Refused::Conflict) => {}
                    outcome => panic!("{outcome:?}"),
                }
            }
        }
        assert!(stands.len() >= 30, "each round one of them comes through");
        for place in [&mut one, &mut other] {
            let committed = place.committed(stands.len()).await;
            let found: BTreeMap<u64, u32> = committed.iter().map(|one| (one.record.seq, one.record.by)).collect();
            assert_eq!(found, stands);
            assert_eq!(place.seqs(chat).await, (1..=stands.len() as u64).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_send_that_is_repeated_on_another_node_is_one_message() {
    runtime().block_on(async {
        let one = Place::jetstream().await;
        let other = Place::node(one.settings()).await;
        let (chat, sender) = (some_chat(), rand::random());
        let once = || More { client_message_id: Some("m"), ..More::default() };
        one.append(message(chat, 1, sender, "x"), 1, once()).await.unwrap();
        let repeated = other.append(message(chat, 2, sender, "x"), 2, once()).await;
        // The other node may not have followed yet: then the place is taken, and the next try knows.
        assert!(matches!(repeated, Ok(Appended::Duplicate { chat: found, seq: 1 }) if found == chat), "{repeated:?}");
    });
}

#[test]
fn subscriptions_and_readers_are_as_many_as_groups_whatever_the_number_of_chats() {
    runtime().block_on(async {
        let mut place = Place::jetstream().await;
        for _ in 0..500 {
            place.append(message(some_chat(), 1, 5, "x"), 1, More::default()).await.unwrap();
        }
        place.committed(500).await;
        let client = async_nats::connect(servers::nats()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        for group in 0..place.settings().groups {
            let stream = context.get_stream(format!("{}-log-{group}", place.settings().prefix)).await.unwrap();
            assert_eq!(stream.cached_info().state.consumer_count, 1);
        }
    });
}

#[test]
fn the_store_gets_everything_and_nothing_waits_then() {
    runtime().block_on(async {
        let mut place = Place::jetstream().await;
        let chats: Vec<u64> = (0..20).map(|_| some_chat()).collect();
        for seq in 1..=10 {
            for chat in &chats {
                place.append(message(*chat, seq, 5, "x"), 1, More::default()).await.unwrap();
            }
        }
        place.committed(200).await;
        let store = super::stores::cql();
        for chat in &chats {
            until("the store has the chat", async || {
                use clarion::store::EntryStore as _;
                (store.last_seq(*chat).await.unwrap() == 10).then_some(())
            })
            .await;
        }
    });
}

#[test]
fn a_server_that_is_killed_and_comes_back_loses_and_doubles_nothing() {
    let servers = Servers::own("log-killed", &[]);
    let addresses = servers.up("nats");
    runtime().block_on(async {
        let mut place = Place::node(settings(&addresses)).await;
        let chats: Vec<u64> = (0..50).map(|_| some_chat()).collect();
        let mut ends: BTreeMap<u64, u64> = chats.iter().map(|chat| (*chat, 0)).collect();
        let mut acknowledged = 0;
        let mut killed = false;
        for round in 0..200u64 {
            if round == 60 {
                killed = true;
                servers.down("nats", &[("SERVERS_SIGNAL", "KILL")]);
            }
            let waiting: Vec<_> = ends
                .iter()
                .map(|(chat, end)| (*chat, place.begin(message(*chat, end + 1, 5, "x"), 1_000 + round, More::default())))
                .collect();
            if std::mem::take(&mut killed) {
                // They are on their way while nobody is there.
                tokio::time::sleep(Duration::from_millis(300)).await;
                servers.up("nats");
            }
            for (chat, outcome) in waiting {
                match outcome.await.unwrap() {
                    Ok(Appended::New) => {
                        acknowledged += 1;
                        *ends.get_mut(&chat).unwrap() += 1;
                    }
                    // Not acknowledged is not lost: where the chat ends is asked for before the next try.
                    Err(_) => {
                        let last = until("the log answers", async || place.log.last(chat).await.ok()).await;
                        *ends.get_mut(&chat).unwrap() = last.map_or(0, |entry| entry.record.seq);
                    }
                    outcome => panic!("{outcome:?}"),
                }
            }
        }
        let total: u64 = ends.values().sum();
        assert!(total >= acknowledged && acknowledged > 8_000, "{acknowledged} were acknowledged, {total} stand");
        let handed_out = place.committed_seqs(total as usize).await;
        for (chat, end) in &ends {
            assert_eq!(handed_out[chat], (1..=*end).collect::<Vec<_>>());
            assert_eq!(place.seqs(*chat).await, (1..=*end).collect::<Vec<_>>());
        }
    });
}

#[test]
fn chat_goes_on_while_the_store_is_away_and_the_store_has_everything_afterwards() {
    // As it comes, a single Cassandra forgets what it has acknowledged in its last moments.
    let servers = Servers::own("store-away", &[]);
    let (scylla, nats) = (servers.up("scylla"), servers.up("nats"));
    runtime().block_on(async {
        let of_store = CqlSettings { addresses: scylla, keyspace: "clarion_away".into(), replication_factor: 1, ..CqlSettings::default() };
        let store = CqlStore::open(of_store, Clock::default()).await.expect("the settings are right");
        let mut place = Place::on(settings(&nats), store.clone()).await;
        let chats: Vec<u64> = (0..20).map(|_| some_chat()).collect();
        let append = async |seqs: std::ops::RangeInclusive<u64>| {
            for seq in seqs {
                // Of now: how far back it is looked is told by the time of the records.
                let said = |chat: &u64| Record { at_ms: Clock::default().now_ms(), ..message(*chat, seq, 5, "x") };
                let waiting: Vec<_> = chats.iter().map(|chat| place.begin(said(chat), 1, More::default())).collect();
                for outcome in waiting {
                    assert_eq!(outcome.await.unwrap(), Ok(Appended::New), "seq {seq}");
                }
            }
        };
        let rows = async |chat: u64| -> Option<usize> {
            let rows = store.scan(Table::Messages, tables::bucket_key(chat, 0), Range::first(1_000)).await;
            rows.ok().map(|rows| rows.len())
        };
        append(1..=50).await;
        for chat in &chats {
            until("the store follows", async || (rows(*chat).await == Some(50)).then_some(())).await;
        }
        append(51..=60).await;
        servers.down("scylla", &[("SERVERS_SIGNAL", "KILL")]);
        append(61..=100).await;
        for chat in &chats {
            let recent = place.log.read(*chat, 91, 100, 10).await.expect("what was said lately is read from the log");
            assert_eq!(recent.len(), 10);
        }
        // And what the store had long taken, when it is not too far back.
        until("older pages are read from the log", async || place.log.read(chats[0], 1, 10, 10).await.ok().filter(|read| read.len() == 10))
            .await;
        servers.up("scylla");
        let handed_out = place.committed_seqs(2_000).await;
        assert!(chats.iter().all(|chat| handed_out[chat] == (1..=100).collect::<Vec<_>>()), "delivery went on");
        for (index, chat) in chats.iter().enumerate() {
            until(&format!("the store has everything of chat {index}"), async || (rows(*chat).await == Some(100)).then_some(())).await;
            assert_eq!(place.seqs(*chat).await, (1..=100).collect::<Vec<_>>());
        }
    });
}
