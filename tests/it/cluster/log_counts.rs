//! What nodes cost their log: subscriptions and readers are of nodes and groups, whatever the number of people and chats.

use super::{node, settings};
use crate::support::servers::Servers;
use crate::support::{Client, PATIENCE, http};
use protocol::command::CreateGroup;
use serde_json::Value;
use std::time::{Duration, Instant};

/// What the server of the log tells of itself.
async fn monitor(host: &str, path: &str) -> Value {
    let answer = http().get(format!("http://{host}:28222/{path}")).send().await.expect("the server of the log tells of itself");
    answer.json().await.expect("it tells in JSON")
}

/// Subscriptions of all nodes.
async fn subscriptions(host: &str) -> u64 {
    let connections = monitor(host, "connz?limit=1024").await;
    let connections = connections["connections"].as_array().expect("connections are listed");
    let nodes = connections.iter().filter(|connection| connection["name"] == "clarion");
    nodes.map(|connection| connection["subscriptions"].as_u64().expect("they are counted")).sum()
}

async fn readers(host: &str) -> u64 {
    monitor(host, "jsz").await["consumers"].as_u64().expect("readers are counted")
}

/// Makes groups of everybody, and says something in each.
async fn chat(mut client: Client, everybody: Vec<String>, groups: std::ops::Range<usize>) -> Client {
    for number in groups {
        let group = CreateGroup {
            client_message_id: format!("g{number}"),
            name: format!("Group {number}"),
            user_ids: everybody.clone(),
            ..CreateGroup::default()
        };
        let chat = client.must(group).await.chat_id;
        client.say(chat, "hello").await;
    }
    client
}

#[tokio::test]
async fn subscriptions_and_readers_of_nodes_do_not_grow_with_people_and_chats() {
    let servers = tokio::task::spawn_blocking(|| Servers::own("log-counts", &[])).await.expect("a folder is made");
    let (servers, addresses) = tokio::task::spawn_blocking(move || {
        let addresses = servers.up("nats");
        (servers, addresses)
    })
    .await
    .expect("the log comes up");
    let host = addresses[0].split(':').next().expect("an address has a host").to_owned();
    let mut settings = settings().await;
    settings.retain(|(name, _)| !["CLARION_NATS", "CLARION_HEARTBEAT_SECONDS"].contains(name));
    settings.extend([("CLARION_NATS", addresses.join(",")), ("CLARION_COMMANDS_PER_SECOND", "10000".into())]);
    let (one, other) = tokio::join!(node(&settings), node(&settings));
    let everybody: Vec<String> = (1001..=1060).map(|number| format!("e{number}")).collect();
    // Everything that a node does now and then is done once.
    drop(chat(one.client("e1060").await, everybody.clone(), 0..1).await);
    let mut before = 0;
    for _ in 0..30 {
        before = before.max(subscriptions(&host).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let readers_before = readers(&host).await;

    let mut chatting = Vec::new();
    for number in 0..50 {
        let node = if number % 2 == 0 { &one } else { &other };
        let client = node.client(&everybody[number]).await;
        chatting.push(chat(client, everybody.clone(), number * 10..(number + 1) * 10));
    }
    // They stay signed in.
    let clients = futures_util::future::join_all(chatting).await;
    let started = Instant::now();
    loop {
        let now = subscriptions(&host).await;
        // Reads that are on their way have a subscription each, for a moment.
        if now <= before {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{before} subscriptions became {now} with 500 chats of 60 people");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(readers(&host).await, readers_before);
    assert_eq!(readers_before, 3, "one for each of the two groups of the log and one for urgents, whatever the number of nodes");
    drop((clients, one, other, servers));
}
