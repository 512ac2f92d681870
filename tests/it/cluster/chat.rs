//! Chatting from different nodes, also while one of them dies.

use super::{node, settings, texts};
use crate::support::{Client, text_of};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, GetChat, MyChat, RemoveMembers, Sync, UpdateChat};
use protocol::event::Event;
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

/// Who comes back on another node is told what happened meanwhile, and nothing of that is read for this person alone; so it is when
/// all nodes were killed meanwhile.
#[tokio::test]
async fn a_device_comes_back_on_another_node_and_knows_what_its_person_did_elsewhere() {
    let settings = settings().await;
    let (mut first, mut second) = tokio::join!(node(&settings), node(&settings));
    for restarted in [false, true] {
        let mut owner = first.client("e1005").await;
        let mut laptop = first.client_on("e1006", "laptop-of-e1006").await;
        let group = |name: &str| CreateGroup {
            client_message_id: format!("{name} of cursors {restarted}"),
            name: name.into(),
            user_ids: vec!["e1006".into()],
            ..CreateGroup::default()
        };
        let (kept, lost) = (owner.must(group("Kept")).await.chat_id, owner.must(group("Lost")).await.chat_id);
        owner.say(kept, "before").await;
        laptop.message().await;
        let phone = first.client_on("e1006", "phone-of-e1006").await;
        let cursor = phone.welcome.cursor.clone();
        drop(phone);

        laptop.must(MyChat { chat_id: kept, muted: Some(true), ..MyChat::default() }).await;
        owner.must(RemoveMembers { chat_id: lost, user_ids: vec!["e1006".into()] }).await;
        let new = owner.must(group("New")).await.chat_id;
        if restarted {
            first.kill();
            second.kill();
            tokio::join!(first.restart(), second.restart());
        }
        let read_before = second.metric("store_reads_total{table=\"memberships\"}").await;
        let personal_before = second.metric("store_reads_total{table=\"personal\"}").await;

        // It is told by the node that has followed up to there, or a moment later.
        let token = second.token("e1006", "phone-of-e1006").await;
        let mut phone = Client::connected(second.address(), Encoding::Msgpack).await;
        phone.hello(Some(&token), "phone-of-e1006", Some(&cursor)).await.expect("the node has followed that far");
        let mut at = cursor;
        let (mut entries, mut left) = (Vec::new(), Vec::new());
        for _ in 0..50 {
            let synced = phone.must(Sync { cursor: at, page: None }).await;
            assert!(!synced.too_long_all && synced.next.is_none());
            entries.extend(synced.entries.into_iter().map(|entry| (entry.chat.chat_id, entry.muted)));
            left.extend(synced.left);
            at = synced.cursor.expect("the last page has a cursor");
            let told = |chat| entries.iter().any(|(chat_id, _)| *chat_id == chat);
            if !left.is_empty() && told(new) && told(kept) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(entries.contains(&(kept, true)), "restarted: {restarted}: {entries:?}");
        assert!(entries.contains(&(new, false)), "restarted: {restarted}: {entries:?}");
        assert_eq!(left, [lost]);
        let read = second.metric("store_reads_total{table=\"memberships\"}").await;
        assert_eq!(read, read_before, "restarted: {restarted}: nobody's chats were read");
        let read = second.metric("store_reads_total{table=\"personal\"}").await - personal_before;
        assert!(read <= entries.len() as f64, "restarted: {restarted}: only the settings of chats that were told: {read} for {entries:?}");
        assert_eq!(second.metric("chat_memberships_read_total").await, 0.0, "restarted: {restarted}");
    }
}

/// Changes of one's own settings are told on every node, also where a device has come a moment before.
#[tokio::test]
async fn what_somebody_changes_for_themselves_is_told_to_a_device_that_has_just_come_to_another_node() {
    let settings = settings().await;
    let (first, second) = tokio::join!(node(&settings), node(&settings));
    let mut laptop = first.client_on("e1007", "laptop-of-e1007").await;
    let chat = laptop.direct("e1008").await;
    laptop.say(chat, "x").await;
    for pinned in [true, false, true] {
        let mut phone = second.client_on("e1007", "phone-of-e1007").await;
        laptop.must(MyChat { chat_id: chat, pinned: Some(pinned), ..MyChat::default() }).await;
        let told = phone.event("the pin", |event| match event {
            Event::InboxChanged(changed) => Some(changed.pinned),
            _ => None,
        });
        assert_eq!(told.await, pinned);
    }
}
