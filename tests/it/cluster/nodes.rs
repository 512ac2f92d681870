//! What people see of each other over the nodes: who is here, who writes, who has read; and what they see when a node dies.

use super::{node, settings};
use crate::support::{Client, PATIENCE, text_of};
use protocol::command::{CreateGroup, OnlineCount, ReceiptUpTo, SetPresence, TypingIn, Watch};
use protocol::error::CloseCode;
use protocol::event::Event;
use protocol::person::PresenceState;
use std::time::{Duration, Instant};

fn state(event: &Event) -> Option<PresenceState> {
    match event {
        Event::Presence(presence) => Some(presence.state),
        _ => None,
    }
}

/// Waits until somebody is seen to be online; a node that has just started is told by the others in a moment.
async fn until_online(client: &mut Client, user_id: &str) {
    let started = Instant::now();
    while client.must(Watch { user_ids: vec![user_id.into()] }).await.presences[0].state != PresenceState::Online {
        assert!(started.elapsed() < PATIENCE, "{user_id} is not seen to be online");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn people_see_each_other_come_write_read_and_go_whichever_node_they_are_on() {
    let settings = settings().await;
    let (first, mut second) = tokio::join!(node(&settings), node(&settings));
    let mut one = first.client("e1001").await;
    one.must(Watch { user_ids: vec!["e1002".into()] }).await;
    let mut other = second.client("e1002").await;
    assert_eq!(one.event("online", state).await, PresenceState::Online);
    other.must(SetPresence { state: PresenceState::Away, hidden: None }).await;
    assert_eq!(one.event("away", state).await, PresenceState::Away);
    other.must(SetPresence { state: PresenceState::Online, hidden: None }).await;
    assert_eq!(one.event("online again", state).await, PresenceState::Online);
    until_online(&mut other, "e1001").await;
    let group = CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() };
    let chat = one.must(group).await.chat_id;
    assert_eq!(one.must(OnlineCount { chat_id: chat }).await.online, 2);

    // Writing, and reading.
    one.must(TypingIn { chat_id: chat }).await;
    let writes = |event: &Event| if let Event::Typing(typing) = event { Some(typing.user_id.clone()) } else { None };
    assert_eq!(other.event("typing", writes).await, "e1001");
    let sent = one.say(chat, "hello").await;
    assert_eq!(text_of(&other.message().await.1), "hello");
    other.must(ReceiptUpTo { chat_id: chat, delivered_seq: None, read_seq: Some(sent.seq) }).await;
    let read = |event: &Event| if let Event::Receipt(receipt) = event { Some((receipt.user_id.clone(), receipt.read_seq)) } else { None };
    while one.event("receipt", read).await != ("e1002".to_owned(), sent.seq) {}

    // A second device, on the other node: what is read on one is read on both.
    let mut phone = first.client_on("e1002", "phone-of-e1002").await;
    let sent = one.say(chat, "again").await;
    phone.must(ReceiptUpTo { chat_id: chat, delivered_seq: None, read_seq: Some(sent.seq) }).await;
    let changed = |event: &Event| if let Event::InboxChanged(changed) = event { Some(changed.chat_id) } else { None };
    assert_eq!(other.event("read on the phone", changed).await, chat);

    // The device comes anew, to the other node: the session before is over.
    let mut anew = first.client_on("e1002", "device-of-e1002").await;
    assert_eq!(other.end().await.code, Some(CloseCode::Replaced.number()));
    drop(phone);
    drop(anew.events_within(Duration::from_millis(10)).await);
    drop(anew);
    assert_eq!(one.event("offline on both", state).await, PresenceState::Offline);

    // A node dies with all who were on it.
    let mut third = second.client("e1003").await;
    one.must(Watch { user_ids: vec!["e1003".into()] }).await;
    third.must(SetPresence { state: PresenceState::Online, hidden: None }).await;
    until_online(&mut one, "e1003").await;
    second.kill();
    assert_eq!(one.event("offline with the node", state).await, PresenceState::Offline);
}
