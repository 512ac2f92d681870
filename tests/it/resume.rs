//! Whoever was away gets everything that was missed, or is told plainly to reload.

use crate::support::{Client, Server, text_message};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, MyChat, Sync, Synced};
use protocol::record::Record;
use std::time::Duration;

async fn all_pages(client: &mut Client, cursor: &str) -> Synced {
    let mut whole = Synced::default();
    let mut page = None;
    loop {
        let part = client.must(Sync { cursor: cursor.to_owned(), page }).await;
        whole.records.extend(part.records);
        whole.too_long.extend(part.too_long);
        whole.entries.extend(part.entries);
        whole.left.extend(part.left);
        whole.too_long_all |= part.too_long_all;
        page = part.next;
        if page.is_none() {
            whole.cursor = part.cursor;
            return whole;
        }
    }
}

fn seqs(records: &[Record], chat: protocol::ids::ChatId) -> Vec<u64> {
    records.iter().filter(|record| record.chat_id == chat).map(|record| record.seq).collect()
}

#[tokio::test]
async fn a_device_that_was_away_misses_nothing() {
    let mut server = Server::start_with(&[("CLARION_HEARTBEAT_SECONDS", "1")]).await;
    let mut one = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    let chat = one.direct("e1002").await;
    one.say(chat, "before").await;
    other.message().await;
    // A heartbeat behind the message carries a cursor that has it.
    tokio::join!(other.events_within(Duration::from_millis(2500)), one.events_within(Duration::from_millis(2500)));
    let cursor = other.cursor.clone();
    drop(other);

    for number in 0..30 {
        one.say(chat, &number.to_string()).await;
    }
    let group = one
        .must(CreateGroup {
            client_message_id: "new".into(),
            name: "Group".into(),
            user_ids: vec!["e1002".into()],
            ..CreateGroup::default()
        })
        .await
        .chat_id;
    one.say(group, "in the group").await;
    server.kill_and_restart().await;

    let token = server.token("e1002", "device-of-e1002").await;
    let mut other = Client::connected(server.address(), Encoding::Msgpack).await;
    other.hello(Some(&token), "device-of-e1002", Some(&cursor)).await.unwrap();
    assert!(other.welcome.resumable);
    let synced = all_pages(&mut other, &cursor).await;
    assert_eq!(seqs(&synced.records, chat), (2..=31).collect::<Vec<_>>());
    assert_eq!(seqs(&synced.records, group), [1, 2]);
    assert!(synced.entries.iter().any(|entry| entry.chat.chat_id == group), "a new chat comes with its entry");
    assert!(synced.too_long.is_empty() && !synced.too_long_all);
    let again = all_pages(&mut other, &synced.cursor.unwrap()).await;
    assert!(again.records.is_empty(), "nothing is told twice from the new cursor");
}

#[tokio::test]
async fn no_heartbeat_passes_over_what_a_device_has_not_asked_for_yet() {
    let server = Server::start_with(&[("CLARION_HEARTBEAT_SECONDS", "1")]).await;
    let mut one = server.client("e1001").await;
    let other = server.client("e1002").await;
    let cursor = other.welcome.cursor.clone();
    drop(other);
    let chat = one.direct("e1002").await;
    one.say(chat, "missed").await;

    let token = server.token("e1002", "device-of-e1002").await;
    let mut other = Client::connected(server.address(), Encoding::Msgpack).await;
    other.hello(Some(&token), "device-of-e1002", Some(&cursor)).await.unwrap();
    assert!(other.welcome.resumable);
    let before = other.cursor.clone();
    let beats = Duration::from_millis(2500);
    tokio::join!(other.events_within(beats), one.events_within(beats));
    assert_eq!(other.cursor, before, "a heartbeat that came with a cursor would have made the device forget that it missed something");
    let synced = all_pages(&mut other, &cursor).await;
    assert_eq!(seqs(&synced.records, chat), [1]);
    tokio::join!(other.events_within(beats), one.events_within(beats));
    assert_ne!(other.cursor, before, "from then on heartbeats carry one");
}

#[tokio::test]
async fn too_much_of_one_chat_is_told_as_such_and_the_others_still_come_whole() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "10000")]).await;
    let mut one = server.client("e1001").await;
    let other = server.client("e1002").await;
    let cursor = other.welcome.cursor.clone();
    drop(other);
    let chat = one.direct("e1002").await;
    let mut waiting = std::collections::VecDeque::new();
    for number in 0..400 {
        waiting.push_back(one.post(&text_message(chat, &format!("many-{number}"), "x")).await);
        if waiting.len() == 50 {
            one.reply::<protocol::command::Send>(waiting.pop_front().unwrap()).await.unwrap();
        }
    }
    while let Some(id) = waiting.pop_front() {
        one.reply::<protocol::command::Send>(id).await.unwrap();
    }
    let group = one
        .must(CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() })
        .await
        .chat_id;

    let mut other = server.client("e1002").await;
    let synced = all_pages(&mut other, &cursor).await;
    assert_eq!(synced.too_long.len(), 1);
    assert_eq!((synced.too_long[0].chat.chat_id, synced.too_long[0].unread), (chat, 400));
    assert!(seqs(&synced.records, chat).is_empty());
    assert_eq!(seqs(&synced.records, group), [1]);
}

#[tokio::test]
async fn a_cursor_of_another_world_means_to_load_everything_anew() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let future = Sync { cursor: "ffffffff-0".into(), page: None };
    assert!(one.must(future).await.too_long_all);
    assert_eq!(one.refused(Sync { cursor: "rubbish".into(), page: None }).await, 1004);
}

#[tokio::test]
async fn my_settings_of_a_chat_reach_a_device_that_was_away() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let chat = one.direct("e1002").await;
    one.say(chat, "x").await;
    let away = server.client_on("e1001", "second-device").await;
    let cursor = away.welcome.cursor.clone();
    drop(away);
    one.must(MyChat { chat_id: chat, pinned: Some(true), muted: Some(true), hidden: None }).await;
    let mut back = server.client_on("e1001", "second-device").await;
    let synced = all_pages(&mut back, &cursor).await;
    assert_eq!(synced.entries.len(), 1);
    assert!(synced.entries[0].pinned && synced.entries[0].muted);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_sending_loses_and_doubles_nothing() {
    let server = Server::start().await;
    let mut receiver = server.client("e1002").await;
    let token = server.token("e1001", "device-of-e1001").await;
    let mut sender = Client::welcomed(server.address(), &token, "device-of-e1001", Encoding::Msgpack).await;
    let chat = sender.direct("e1002").await;
    let mut unanswered: Vec<u32> = (0..50).collect();
    let mut round = 0;
    while !unanswered.is_empty() {
        // Sends all that has no answer, reads a few answers, and is cut.
        let posted: Vec<(u32, u32)> = {
            let mut posted = Vec::new();
            for number in &unanswered {
                posted.push((*number, sender.post(&text_message(chat, &format!("cut-{number}"), &number.to_string())).await));
            }
            posted
        };
        let answers = if round == 4 { posted.len() } else { 5.min(posted.len()) };
        for (number, id) in posted.into_iter().take(answers) {
            if sender.reply::<protocol::command::Send>(id).await.is_ok() {
                unanswered.retain(|other| *other != number);
            }
        }
        drop(sender);
        sender = Client::welcomed(server.address(), &token, "device-of-e1001", Encoding::Msgpack).await;
        round += 1;
    }
    let mut texts = Vec::new();
    for seq in 1..=50 {
        let (record, message) = receiver.message().await;
        assert_eq!(record.seq, seq, "one order without holes");
        texts.push(crate::support::text_of(&message).parse::<u32>().unwrap());
    }
    assert_eq!(texts, (0..50).collect::<Vec<_>>(), "each once, in the order in which they were sent");
    assert!(receiver.events_within(Duration::from_millis(300)).await.is_empty());
}
