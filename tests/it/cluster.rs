//! A cluster: several nodes on one log and one store, and people who do not notice on which of them they are.

use crate::support::{Client, Server, servers, text_of};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, GetChat, History, Sync, UpdateChat};
use protocol::ids::ChatId;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Settings of the nodes of a cluster that no other test has.
pub fn settings() -> Vec<(&'static str, String)> {
    let name = rand::random::<u32>();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis();
    vec![
        ("CLARION_SCYLLA", servers::scylla().join(",")),
        ("CLARION_NATS", servers::nats().join(",")),
        // By this name the tests find what earlier runs have left.
        ("CLARION_SCYLLA_KEYSPACE", format!("clarion_test_{now_ms}_{name:08x}")),
        ("CLARION_NATS_PREFIX", format!("t{name:08x}")),
        ("CLARION_SCYLLA_REPLICATION", "1".into()),
        ("CLARION_LOG_REPLICAS", "1".into()),
        ("CLARION_LOG_GROUPS", "2".into()),
        ("CLARION_HEARTBEAT_SECONDS", "1".into()),
    ]
}

pub async fn node(settings: &[(&'static str, String)]) -> Server {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start_with(&settings).await
}

async fn texts(client: &mut Client, chat_id: ChatId) -> Vec<String> {
    let page = client.must(History { chat_id, before: None, after: None, around: None, limit: Some(100) }).await;
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    for record in page.records {
        if let protocol::record::Change::Message(message) = record.change {
            texts.insert(record.seq, text_of(&message).to_owned());
        }
    }
    texts.into_values().collect()
}

#[tokio::test]
async fn people_on_two_nodes_chat_as_if_they_were_on_one() {
    let settings = tokio::task::spawn_blocking(settings).await.expect("the servers come up");
    // At once, on nothing: one of them makes the schema, the keys and the organisation.
    let (first, mut second) = tokio::join!(node(&settings), node(&settings));
    let mut one = first.client("e1001").await;
    let mut other = second.client("e1002").await;
    let group =
        CreateGroup { client_message_id: "g".into(), name: "Both".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() };
    let chat = one.must(group).await.chat_id;

    // In turns, each on their own node: both are told everything, in one order.
    let mut expected = Vec::new();
    for round in 0..10 {
        for client in [&mut one, &mut other] {
            let text = format!("{round} of {}", client.welcome.me.user_id);
            client.say(chat, &text).await;
            expected.push(text);
        }
    }
    for client in [&mut one, &mut other] {
        let mut told = Vec::new();
        while told.len() < expected.len() {
            told.push(text_of(&client.message().await.1).to_owned());
        }
        assert_eq!(told, expected);
        assert_eq!(texts(client, chat).await, expected);
    }

    // Both at once: whoever is second is put behind, and nothing is lost or doubled.
    let (mine, theirs) = tokio::join!(
        async {
            for number in 0..25 {
                one.say(chat, &format!("a{number}")).await;
            }
        },
        async {
            for number in 0..25 {
                other.say(chat, &format!("b{number}")).await;
            }
        }
    );
    let ((), ()) = (mine, theirs);
    let all = texts(&mut one, chat).await;
    assert_eq!(all, texts(&mut other, chat).await, "both nodes tell the same");
    for who in ["a", "b"] {
        let said: Vec<&String> = all.iter().filter(|text| text.starts_with(who)).collect();
        assert_eq!(said, (0..25).map(|number| format!("{who}{number}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    }

    // What is changed on one is so on the other.
    one.must(UpdateChat { chat_id: chat, name: Some("Renamed".into()), ..UpdateChat::default() }).await;
    assert_eq!(other.must(GetChat { chat_id: chat }).await.name, "Renamed");

    // A node dies; its people go on, on the other one, where they were.
    tokio::join!(other.events_within(Duration::from_millis(2500)), one.events_within(Duration::from_millis(2500)));
    let cursor = other.cursor.clone();
    second.kill();
    for number in 0..5 {
        one.say(chat, &format!("away {number}")).await;
    }
    let token = first.token("e1002", "device-of-e1002").await;
    let mut other = Client::connected(first.address(), Encoding::Msgpack).await;
    other.hello(Some(&token), "device-of-e1002", Some(&cursor)).await.expect("who is signed in is welcome on every node");
    assert!(other.welcome.resumable, "a cursor is good on every node");
    let synced = other.must(Sync { cursor, page: None }).await;
    assert!(!synced.too_long_all && synced.next.is_none());
    assert_eq!(synced.records.iter().filter(|record| record.chat_id == chat).count(), 5);

    // And it comes back, with nothing of its own.
    second.restart().await;
    let mut back = second.client("e1002").await;
    assert_eq!(texts(&mut back, chat).await.len(), expected.len() + 50 + 5);
}
