//! The store of a cluster dies while people chat: they go on, and it has everything when it is back.

use super::{Settings, node, settings};
use crate::support::servers::Servers;
use crate::support::{Client, PATIENCE, Server, http, text_message, text_of};
use clarion::clock::Clock;
use clarion::log::Record;
use clarion::store::cql::{CqlSettings, CqlStore};
use clarion::store::{Store as _, Table};
use protocol::command::{CreateGroup, GetChat, History, React, UpdateChat};
use protocol::error::ErrorCode;
use protocol::ids::ChatId;
use protocol::record::Change;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn page(chat_id: ChatId, before: Option<u64>, limit: u64) -> History {
    History { chat_id, before, after: None, around: None, limit: Some(limit as u32) }
}

/// Messages that a node had taken to write them when it died are given to others half a minute later, and perhaps to one that has died too.
async fn until_stored(server: &Server) {
    let started = Instant::now();
    while server.metric("store_overlay_bytes").await > 0.0 || server.metric("store_lag_messages").await > 0.0 {
        assert!(started.elapsed() < 6 * PATIENCE, "the store does not follow: {}", server.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Texts of every message that stands in the store itself.
async fn stored(store: &CqlStore) -> BTreeSet<String> {
    let rows = store.all(Table::Messages).await.unwrap_or_default();
    let records = rows.iter().filter_map(|(_, _, value)| Record::decode(value.get(8..)?).ok());
    let texts = records.filter_map(|record| match &record.message()?.content {
        protocol::content::Content::Text(text) => Some(text.text.clone()),
        _ => None,
    });
    texts.collect()
}

/// Servers that this test may kill, and settings for nodes on them.
struct OwnCluster {
    servers: Arc<Servers>,
    scylla: Vec<String>,
    settings: Settings,
}

async fn own_cluster(name: &'static str, keyspace: &'static str) -> OwnCluster {
    let (servers, scylla, nats) = tokio::task::spawn_blocking(move || {
        let servers = Servers::own(name, &[]);
        let (scylla, nats) = (servers.up("scylla"), servers.up("nats"));
        (Arc::new(servers), scylla, nats)
    })
    .await
    .expect("the servers come up");
    let mut settings = settings().await;
    settings.retain(|(name, _)| !["CLARION_NATS", "CLARION_SCYLLA", "CLARION_SCYLLA_KEYSPACE", "CLARION_HEARTBEAT_SECONDS"].contains(name));
    settings.extend([
        ("CLARION_NATS", nats.join(",")),
        ("CLARION_SCYLLA", scylla.join(",")),
        ("CLARION_SCYLLA_KEYSPACE", keyspace.into()),
        ("CLARION_COMMANDS_PER_SECOND", "10000".into()),
    ]);
    OwnCluster { servers, scylla, settings }
}

impl OwnCluster {
    async fn kill_store(&self) {
        let servers = self.servers.clone();
        let killed = tokio::task::spawn_blocking(move || servers.down("scylla", &[("SERVERS_SIGNAL", "KILL")]));
        killed.await.expect("the store is killed");
    }

    async fn bring_store_back(&self) {
        let servers = self.servers.clone();
        let back = tokio::task::spawn_blocking(move || drop(servers.up("scylla")));
        back.await.expect("the store comes back");
    }
}

#[tokio::test]
async fn people_go_on_while_the_store_is_away_and_nothing_is_missing_afterwards() {
    let cluster = own_cluster("store-load", "clarion_load").await;
    let server = node(&cluster.settings).await;
    let mut reader = server.client("e1001").await;
    let user_ids = (1002..=1006).map(|number| format!("e{number}")).collect();
    let group = CreateGroup { client_message_id: "g".into(), name: "Load".into(), user_ids, ..CreateGroup::default() };
    let chat = reader.must(group).await.chat_id;
    let mut writers: Vec<Client> = Vec::new();
    for number in 1002..=1006 {
        writers.push(server.client(&format!("e{number}")).await);
    }
    let mut expected = BTreeSet::new();
    let mut last = 0;
    // More than is known by heart of one chat, and than is read from the log while the store is away.
    for round in 0..120 {
        for (number, writer) in writers.iter_mut().enumerate() {
            let text = format!("before {round} of {number}");
            last = writer.say(chat, &text).await.seq;
            expected.insert(text);
        }
    }
    let liked = writers[0].say(chat, "liked").await;
    writers[1].must(React { message_id: liked.message_id, emoji: "OK".into() }).await;
    expected.insert("liked".into());
    until_stored(&server).await;
    let long_ago = 30;

    let away = Instant::now();
    cluster.kill_store().await;
    // What was said before is shown with what was done to it.
    let before = reader.must(page(chat, None, 40)).await;
    let at = before.records.iter().position(|record| record.seq == liked.seq).expect("the last message is there");
    let Change::Message(message) = &before.records[at].change else { panic!("{:?}", before.records[at]) };
    assert_eq!(message.reactions.iter().map(|one| (one.emoji.as_str(), one.count)).collect::<Vec<_>>(), [("OK", 1)]);
    assert!(before.records.iter().any(|record| record.seq == last), "{before:?}");
    let mut round = 0;
    let (mut recent_pages, mut refused_pages) = (0, 0);
    while away.elapsed() < Duration::from_secs(20) {
        round += 1;
        let mut newest = None;
        for (number, writer) in writers.iter_mut().enumerate() {
            let text = format!("away {round} of {number}");
            newest = Some(writer.say(chat, &text).await);
            expected.insert(text);
        }
        let newest = newest.expect("somebody writes");
        writers[0].must(React { message_id: newest.message_id, emoji: "OK".into() }).await;
        // What was said lately is shown with what was done to it; what is older is refused so that it is asked for again.
        let recent = reader.ask(page(chat, None, 4)).await;
        let recent = recent.unwrap_or_else(|refused| panic!("in round {round}: {refused:?}\n{}", server.log()));
        assert!(recent.records.iter().any(|record| record.seq == newest.seq), "the page ends with the newest message");
        recent_pages += 1;
        let asked = Instant::now();
        let refused = reader.ask(page(chat, Some(long_ago), 20)).await.expect_err("the store is away");
        assert_eq!((refused.code, refused.retry_after_ms.is_some()), (ErrorCode::StorageUnavailable.number(), true), "{refused:?}");
        // The first ones after the death may take the time that a read has.
        assert!(asked.elapsed() < Duration::from_secs(10), "it hangs");
        refused_pages += 1;
    }
    assert!(recent_pages > 20 && refused_pages > 20, "{recent_pages} pages were read while the store was away");
    // Everything was handed out while it was away.
    let mut told = BTreeSet::new();
    while told.len() < expected.len() {
        told.insert(text_of(&reader.message().await.1).to_owned());
    }
    assert_eq!(told, expected);

    cluster.bring_store_back().await;
    until_stored(&server).await;
    let clarion =
        CqlSettings { addresses: cluster.scylla.clone(), keyspace: "clarion_load".into(), replication_factor: 1, ..CqlSettings::default() };
    let store = CqlStore::open(clarion, Clock::default()).await.expect("the settings are right");
    let started = Instant::now();
    loop {
        let there = stored(&store).await;
        let missing: Vec<&String> = expected.difference(&there).collect();
        if missing.is_empty() {
            break;
        }
        assert!(started.elapsed() < 3 * PATIENCE, "{} messages are missing in the store, {missing:?}", missing.len());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // Anew: the other ones were silent while the store was waited for.
    let mut reader = server.client("e1001").await;
    let older = reader.must(page(chat, Some(long_ago), 20)).await;
    assert_eq!(older.records.len(), 20);
}

/// Says something as a client does that is told to come again.
async fn said_at_last(client: &mut Client, chat: ChatId, id: &str, text: &str, node: &Server) {
    let started = Instant::now();
    while let Err(refused) = client.ask(text_message(chat, id, text)).await {
        assert!(started.elapsed() < PATIENCE, "{refused:?}\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whoever is on another node than the home of a chat changes it, and then a home dies: chats go on, although what they are
/// made of cannot be read.
#[tokio::test]
async fn groups_change_and_a_node_dies_while_the_store_is_away_and_every_chat_goes_on() {
    let cluster = own_cluster("store-nodes", "clarion_store_nodes").await;
    let settings = &cluster.settings;
    let (mut first, second, _third) = tokio::join!(node(settings), node(settings), node(settings));
    let (mut one, mut other) = (first.client("e1001").await, second.client("e1002").await);
    let mut chats = Vec::new();
    for number in 0..8 {
        let user_ids = vec!["e1002".into(), "e1003".into()];
        let name = format!("Group {number}");
        let chat = one.must(CreateGroup { client_message_id: name.clone(), name, user_ids, ..CreateGroup::default() }).await.chat_id;
        one.say(chat, "before").await;
        other.say(chat, "before").await;
        chats.push(chat);
    }
    until_stored(&first).await;
    cluster.kill_store().await;

    for (number, chat) in chats.iter().enumerate() {
        let name = format!("Called otherwise {number}");
        one.must(UpdateChat { chat_id: *chat, name: Some(name), ..UpdateChat::default() }).await;
        // Wherever the home is, one of these two is not there.
        for (client, id) in [(&mut other, "other"), (&mut one, "one")] {
            said_at_last(client, *chat, &format!("{id}-{number}"), "after the change", &second).await;
        }
    }
    first.kill();
    for chat in &chats {
        said_at_last(&mut other, *chat, &format!("death-{chat}"), "after the death", &second).await;
    }
    cluster.bring_store_back().await;
    until_stored(&second).await;
    let mut anew = second.client("e1001").await;
    for (number, chat) in chats.iter().enumerate() {
        let seen = anew.must(GetChat { chat_id: *chat }).await;
        assert_eq!(seen.name, format!("Called otherwise {number}"));
        assert_eq!(super::texts(&mut anew, *chat).await, ["before", "before", "after the change", "after the change", "after the death"]);
    }
}

#[tokio::test]
async fn a_node_whose_store_goes_away_in_the_middle_of_its_start_waits_and_goes_on_when_it_is_back() {
    let cluster = own_cluster("store-start", "clarion_start").await;
    let servers = cluster.servers.clone();
    let down = tokio::task::spawn_blocking(move || servers.down("nats", &[("SERVERS_SIGNAL", "KILL")]));
    down.await.expect("the log is killed");
    let settings: Vec<(&str, &str)> = cluster.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let node = Server::start_waiting(&settings).await;
    let becomes = async |what: &str, holds: &(dyn Fn(u16, &str) -> bool + Sync)| {
        let started = Instant::now();
        loop {
            let answer = http().get(node.url("/readyz")).send().await.expect("the server answers");
            let (status, why) = (answer.status().as_u16(), answer.text().await.expect("the answer is whole"));
            if holds(status, &why) {
                break;
            }
            assert!(started.elapsed() < 3 * PATIENCE, "{what}: {status} {why}\n{}", node.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // It has its store, and waits for the log alone.
    becomes("the store is there", &|_, why| why.contains("the log is waited for") && !why.contains("the cluster store")).await;
    cluster.kill_store().await;
    let servers = cluster.servers.clone();
    tokio::task::spawn_blocking(move || drop(servers.up("nats"))).await.expect("the log comes back");
    becomes("the store is away", &|status, why| status == 503 && why.contains("the cluster store is waited for")).await;
    cluster.bring_store_back().await;
    becomes("both are there", &|status, _| status == 200).await;
    let mut client = node.client("e1001").await;
    let chat = client.direct("e1002").await;
    client.say(chat, "there at last").await;
}
