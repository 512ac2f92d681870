//! A reader that stops reading holds up nobody, is told of the gap, and is whole again after `sync`.

use crate::support::{Client, Server};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, History, Sync};
use protocol::event::Event;
use std::time::Duration;

#[tokio::test]
async fn a_stalled_reader_gets_a_gap_and_then_everything() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "10000"), ("CLARION_HEARTBEAT_SECONDS", "300")]).await;
    let mut sender = server.client("e1001").await;
    let mut quick = server.client("e1002").await;
    let slow_token = server.token("e1003", "slow-device").await;
    let mut slow = Client::welcomed(server.address(), &slow_token, "slow-device", Encoding::Msgpack).await;
    let cursor = slow.cursor.clone();
    let chat = sender
        .must(CreateGroup {
            client_message_id: "g".into(),
            name: "G".into(),
            user_ids: vec!["e1002".into(), "e1003".into()],
            ..CreateGroup::default()
        })
        .await
        .chat_id;
    // The slow one does not read; the kernel's buffers of both sides fill up, then the outbox.
    let text = "x".repeat(100_000);
    let mut sent = 0;
    while server.metric("session_gaps_total").await == 0.0 {
        sender.say(chat, &text).await;
        quick.message().await;
        sent += 1;
        assert!(sent < 1_000, "100 MB were taken for a reader that does not read");
    }
    assert!(server.metric("session_outbox_bytes").await < 200_000.0, "a stalled reader costs tens of KiB");

    let dropped = slow
        .event("the gap", |event| match event {
            Event::Gap(gap) => Some(gap.dropped),
            _ => None,
        })
        .await;
    assert!(dropped > 0);
    let synced = slow.must(Sync { cursor, page: None }).await;
    let last = sender.must(History { chat_id: chat, limit: Some(1), ..History::default() }).await.to_seq;
    let whole = synced.records.iter().any(|record| record.seq == last) || !synced.too_long.is_empty() || synced.next.is_some();
    assert!(whole, "what was left out is there, or it is said that it is too much");
    slow.say(chat, "back").await;
    slow.events_within(Duration::from_millis(200)).await;
}
