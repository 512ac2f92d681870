//! Who has received, who has read, and that it only grows.

use crate::support::Server;
use protocol::command::{CreateGroup, Inbox, Readers, ReceiptUpTo};
use protocol::event::Event;

#[tokio::test]
async fn the_sender_sees_who_has_read() {
    let server = Server::start().await;
    let mut sender = server.client("e1001").await;
    let mut reader = server.client("e1002").await;
    let chat = sender
        .must(CreateGroup {
            client_message_id: "g".into(),
            name: "G".into(),
            user_ids: vec!["e1002".into(), "e1003".into()],
            ..CreateGroup::default()
        })
        .await
        .chat_id;
    let first = sender.say(chat, "one").await;
    let second = sender.say(chat, "two").await;

    let before = sender.must(Readers { message_id: first.message_id, ..Readers::default() }).await;
    assert_eq!((before.read_count, before.unread_count), (0, 2));
    reader.must(ReceiptUpTo { chat_id: chat, delivered_seq: Some(second.seq), read_seq: Some(first.seq) }).await;
    let told = sender
        .event("a receipt", |event| match event {
            Event::Receipt(receipt) => Some(receipt.clone()),
            _ => None,
        })
        .await;
    assert_eq!((told.user_id.as_str(), told.delivered_seq, told.read_seq), ("e1002", second.seq, first.seq));

    let readers = sender.must(Readers { message_id: first.message_id, ..Readers::default() }).await;
    assert_eq!((readers.read_count, readers.unread_count), (1, 1));
    assert_eq!(readers.readers[0].person.user_id, "e1002");
    let missing = sender.must(Readers { message_id: first.message_id, unread: true, ..Readers::default() }).await;
    assert_eq!(missing.readers.iter().map(|reader| reader.person.user_id.as_str()).collect::<Vec<_>>(), ["e1003"]);
    assert_eq!(sender.must(Readers { message_id: second.message_id, ..Readers::default() }).await.read_count, 0);

    // A smaller one does not take anything back, one beyond the end is cut to it.
    reader.must(ReceiptUpTo { chat_id: chat, delivered_seq: Some(1), read_seq: Some(1) }).await;
    reader.must(ReceiptUpTo { chat_id: chat, delivered_seq: None, read_seq: Some(1_000_000) }).await;
    let entry = reader.must(Inbox::default()).await.entries.pop().unwrap();
    assert_eq!((entry.read_seq, entry.unread), (second.seq, 0));
}

#[tokio::test]
async fn receipts_survive_a_restart() {
    let mut server = Server::start().await;
    let mut sender = server.client("e1001").await;
    let mut reader = server.client("e1002").await;
    let chat = sender.direct("e1002").await;
    for _ in 0..5 {
        sender.say(chat, "x").await;
    }
    reader.must(ReceiptUpTo { chat_id: chat, delivered_seq: None, read_seq: Some(3) }).await;
    assert_eq!(server.terminate().await, Some(0));
    server.restart().await;
    let mut reader = server.client("e1002").await;
    let entry = reader.must(Inbox::default()).await.entries.pop().unwrap();
    assert_eq!((entry.read_seq, entry.unread), (3, 2));
    let mut sender = server.client("e1001").await;
    let entry = sender.must(Inbox::default()).await.entries.pop().unwrap();
    assert_eq!(entry.peer_read_seq, Some(3));
}
