//! Chatting from different nodes, also while one of them dies.

use super::{node, settings, texts};
use crate::support::{Client, text_of};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, GetChat, Sync, UpdateChat};
use protocol::record::Change;
use std::time::Duration;

#[tokio::test]
async fn people_on_two_nodes_chat_as_if_they_were_on_one() {
    let settings = settings().await;
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

    // One of the two nodes is at home for the chat, and the other one has sent its people's messages by it.
    let mut forwarded = 0.0;
    for server in [&first, &second] {
        forwarded += server.metric("chat_forwarded_total{outcome=\"answered\"}").await;
    }
    assert!(forwarded >= 30.0, "{forwarded}");

    // What is changed on one is so on the other.
    one.must(UpdateChat { chat_id: chat, name: Some("Renamed".into()), ..UpdateChat::default() }).await;
    while matches!(other.record().await.change, Change::Message(_)) {}
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
