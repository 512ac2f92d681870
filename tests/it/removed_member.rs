//! Somebody removed sees nothing new at once, and nothing old either.

use crate::support::{Server, text_message};
use protocol::command::{CreateGroup, GetChat, History, Inbox, Members, React, RemoveMembers, Sync};
use protocol::event::Event;
use std::time::Duration;

#[tokio::test]
async fn nothing_reaches_the_one_who_was_removed() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut removed = server.client("e1002").await;
    let cursor = removed.welcome.cursor.clone();
    let chat = owner
        .must(CreateGroup {
            client_message_id: "g".into(),
            name: "G".into(),
            user_ids: vec!["e1002".into(), "e1003".into()],
            ..CreateGroup::default()
        })
        .await
        .chat_id;
    let sent = owner.say(chat, "still with us").await;
    removed.message().await;

    owner.must(RemoveMembers { chat_id: chat, user_ids: vec!["e1002".into()] }).await;
    let left = removed.event("chat_left", |event| matches!(event, Event::ChatLeft(left) if left.chat_id == chat).then_some(())).await;
    assert_eq!(left, ());
    owner.say(chat, "secret").await;
    let events = removed.events_within(Duration::from_millis(500)).await;
    assert!(events.is_empty(), "nothing more of the chat: {events:?}");

    assert_eq!(removed.refused(History { chat_id: chat, ..History::default() }).await, 2001);
    assert_eq!(removed.refused(GetChat { chat_id: chat }).await, 2001);
    assert_eq!(removed.refused(Members { chat_id: chat, ..Members::default() }).await, 2001);
    assert_eq!(removed.refused(text_message(chat, "x", "x")).await, 2001);
    let code = removed.refused(React { message_id: sent.message_id, emoji: "OK".into() }).await;
    assert!(code == 2001 || code == 2003);
    assert!(removed.must(Inbox::default()).await.entries.is_empty());
    let synced = removed.must(Sync { cursor, page: None }).await;
    assert!(synced.records.is_empty(), "no record of a chat that one is not in any more");
    assert_eq!(synced.left, [chat]);
}
