//! Two people write to each other: one chat whoever starts, one order, unread counted by the server.

use crate::support::{Client, Server, text_of};
use protocol::chat::ChatKind;
use protocol::codec::Encoding;
use protocol::command::{Edit, Edits, Forward, History, Inbox, Pin, Pins, React, Recall, ReceiptUpTo, Send, Thread, Unreact};
use protocol::content::{Content, Text};
use protocol::record::Change;

#[tokio::test]
async fn both_see_the_same_messages_in_the_same_order() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let token = server.token("e1002", "device-of-e1002").await;
    let mut other = Client::welcomed(server.address(), &token, "device-of-e1002", Encoding::Json).await;

    let chat = one.direct("e1002").await;
    assert_eq!(chat, other.direct("e1001").await, "one chat a pair, whoever starts");

    let first = one.say(chat, "你好").await;
    let second = other.say(chat, "hello").await;
    assert_eq!((first.seq, second.seq), (1, 2));
    for client in [&mut one, &mut other] {
        let (record, message) = client.message().await;
        assert_eq!((record.seq, record.position, text_of(&message)), (1, 1, "你好"));
        let (record, message) = client.message().await;
        assert_eq!((record.seq, record.by.as_str(), text_of(&message)), (2, "e1002", "hello"));
    }

    let page = one.must(History { chat_id: chat, ..History::default() }).await;
    assert_eq!((page.from_seq, page.to_seq, page.start, page.end), (1, 2, true, true));
    assert_eq!(page.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 2]);
    assert!(page.people.iter().any(|person| person.user_id == "e1002"), "a page names the people in it");
}

#[tokio::test]
async fn the_list_of_chats_counts_what_is_unread() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    assert!(other.must(Inbox::default()).await.entries.is_empty());

    let chat = one.direct("e1002").await;
    for text in ["a", "b", "c"] {
        one.say(chat, text).await;
    }
    let inbox = other.must(Inbox::default()).await;
    assert_eq!(inbox.unread, Some(3));
    let entry = &inbox.entries[0];
    assert_eq!((entry.chat.kind, entry.chat.peer.as_deref(), entry.unread, entry.read_seq), (ChatKind::Direct, Some("e1001"), 3, 0));
    assert!(matches!(&entry.last.as_ref().unwrap().change, Change::Message(message) if text_of(message) == "c"));

    other.must(ReceiptUpTo { chat_id: chat, read_seq: Some(2), delivered_seq: None }).await;
    assert_eq!(other.must(Inbox::default()).await.entries[0].unread, 1);
    // What was recalled is not unread.
    let last = one.must(History { chat_id: chat, ..History::default() }).await.records.pop().unwrap();
    let Change::Message(message) = last.change else { panic!("the last record is a message") };
    one.must(Recall { message_id: message.message_id }).await;
    assert_eq!(other.must(Inbox::default()).await.entries[0].unread, 0);
    // Whoever answers has read.
    let mine = one.must(Inbox::default()).await;
    assert_eq!(mine.entries[0].unread, 0);
}

#[tokio::test]
async fn a_message_is_edited_reacted_to_answered_pinned_and_recalled() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    let chat = one.direct("e1002").await;
    let sent = one.say(chat, "draft").await;
    let message_id = sent.message_id;

    one.must(Edit { message_id, content: Content::Text(Text { text: "final".into() }), ..Edit::default() }).await;
    assert_eq!(other.refused(Edit { message_id, content: Content::Text(Text { text: "mine now".into() }), ..Edit::default() }).await, 2002);
    let versions = other.must(Edits { message_id }).await.versions;
    assert_eq!(versions.len(), 2);

    other.must(React { message_id, emoji: "THUMBSUP".into() }).await;
    other.must(React { message_id, emoji: "THUMBSUP".into() }).await;
    one.must(React { message_id, emoji: "THUMBSUP".into() }).await;
    one.must(Unreact { message_id, emoji: "THUMBSUP".into() }).await;
    other.must(Pin { message_id }).await;
    let reply = other
        .must(Send {
            chat_id: chat,
            client_message_id: "answer".into(),
            content: Content::Text(Text { text: "well".into() }),
            reply_to: Some(message_id),
            in_thread: true,
            ..Send::default()
        })
        .await;

    let page = other.must(History { chat_id: chat, ..History::default() }).await;
    let Change::Message(message) = &page.records[0].change else { panic!("the first record is a message") };
    assert_eq!(text_of(message), "final");
    assert!(message.edited_at_ms.is_some() && message.pinned);
    assert_eq!(message.thread_count, Some(1));
    assert_eq!(message.reactions.len(), 1);
    assert_eq!(
        (message.reactions[0].count, message.reactions[0].mine, message.reactions[0].users.as_slice()),
        (1, true, ["e1002".to_owned()].as_slice())
    );
    assert_eq!(page.records.len(), 2, "what was done to messages is in them and not listed");
    assert_eq!(page.to_seq, reply.seq);

    let thread = one.must(Thread { message_id, page: None }).await;
    assert_eq!(thread.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, reply.seq]);
    assert_eq!(one.must(Pins { chat_id: chat }).await.records.len(), 1);

    let forwarded = one.must(Forward { message_ids: vec![message_id], chat_id: chat, client_message_id: "fwd".into(), form: None }).await;
    assert_eq!(forwarded.sent.len(), 1);

    one.must(Recall { message_id }).await;
    let page = other.must(History { chat_id: chat, ..History::default() }).await;
    let Change::Message(message) = &page.records[0].change else { panic!("the first record is a message") };
    assert_eq!(text_of(message), "");
    assert_eq!(message.recalled_by.as_deref(), Some("e1001"));
    assert!(message.reactions.is_empty() && !message.pinned);
    let Change::Message(answer) = &page.records[1].change else { panic!("the second shown record is a message") };
    let quote = answer.reply_to.as_ref().unwrap();
    assert!(quote.recalled && quote.preview.is_empty(), "a quote of a recalled message tells nothing");
    assert_eq!(other.refused(React { message_id, emoji: "OK".into() }).await, 2007);
    assert_eq!(other.refused(Edits { message_id }).await, 2007);
}

#[tokio::test]
async fn pages_before_after_and_around_cover_a_chat_without_a_hole() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let chat = one.direct("e1002").await;
    for number in 1..=120 {
        one.say(chat, &number.to_string()).await;
    }
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = one.must(History { chat_id: chat, before, limit: Some(50), ..History::default() }).await;
        let mut seqs: Vec<u64> = page.records.iter().map(|record| record.seq).collect();
        assert_eq!(seqs, (page.from_seq..=page.to_seq).collect::<Vec<_>>());
        seqs.append(&mut seen);
        seen = seqs;
        before = Some(page.from_seq);
        if page.start {
            break;
        }
    }
    assert_eq!(seen, (1..=120).collect::<Vec<_>>());
    let after = one.must(History { chat_id: chat, after: Some(100), limit: Some(50), ..History::default() }).await;
    assert_eq!((after.from_seq, after.to_seq, after.end), (101, 120, true));
    let around = one.must(History { chat_id: chat, around: Some(60), limit: Some(20), ..History::default() }).await;
    assert!(around.from_seq <= 60 && around.to_seq >= 60 && !around.start && !around.end);
    let beyond = one.must(History { chat_id: chat, after: Some(500), ..History::default() }).await;
    assert!(beyond.records.is_empty() && beyond.end);
    assert_eq!(one.refused(History { chat_id: chat, before: Some(3), after: Some(1), ..History::default() }).await, 1004);
}
