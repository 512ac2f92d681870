//! Somebody else's chat, message and file: nothing, and no way to tell them from what does not exist.

use crate::support::{Server, text_message};
use protocol::command::{
    AddMembers, CreateGroup, Edits, Forward, GetChat, History, Inbox, Leave, Members, MyChat, OnlineCount, Pin, Pins, React, Readers,
    Recall, ReceiptUpTo, Thread, TypingIn, UpdateChat,
};
use protocol::ids::{ChatId, MessageId};

#[tokio::test]
async fn every_command_on_a_chat_of_others_is_refused_alike() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat_id = owner
        .must(CreateGroup { client_message_id: "g".into(), name: "Ours".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() })
        .await
        .chat_id;
    let message_id = owner.say(chat_id, "not for you").await.message_id;
    let direct = owner.direct("e1002").await;
    owner.say(direct, "between us").await;

    let mut stranger = server.client("e1005").await;
    let own = stranger.direct("e1006").await;
    for chat_id in [chat_id, direct, ChatId([9; 16])] {
        assert_eq!(stranger.refused(GetChat { chat_id }).await, 2001);
        assert_eq!(stranger.refused(History { chat_id, ..History::default() }).await, 2001);
        assert_eq!(stranger.refused(Members { chat_id, ..Members::default() }).await, 2001);
        assert_eq!(stranger.refused(text_message(chat_id, "x", "x")).await, 2001);
        assert_eq!(stranger.refused(Pins { chat_id }).await, 2001);
        assert_eq!(stranger.refused(ReceiptUpTo { chat_id, read_seq: Some(1), delivered_seq: None }).await, 2001);
        assert_eq!(stranger.refused(TypingIn { chat_id }).await, 2001);
        assert_eq!(stranger.refused(OnlineCount { chat_id }).await, 2001);
        assert_eq!(stranger.refused(MyChat { chat_id, pinned: Some(true), muted: None, hidden: None }).await, 2001);
        assert_eq!(stranger.refused(Inbox { chat_ids: vec![chat_id], ..Inbox::default() }).await, 2001);
    }
    for chat_id in [chat_id, ChatId([9; 16])] {
        assert_eq!(stranger.refused(AddMembers { chat_id, user_ids: vec!["e1005".into()], ..AddMembers::default() }).await, 2001);
        assert_eq!(stranger.refused(UpdateChat { chat_id, name: Some("x".into()), ..UpdateChat::default() }).await, 2001);
        assert_eq!(stranger.refused(Leave { chat_id }).await, 2001);
    }
    for message_id in [message_id, MessageId([9; 16])] {
        for code in [
            stranger.refused(Readers { message_id, ..Readers::default() }).await,
            stranger.refused(Edits { message_id }).await,
            stranger.refused(Recall { message_id }).await,
            stranger.refused(React { message_id, emoji: "OK".into() }).await,
            stranger.refused(Pin { message_id }).await,
            stranger.refused(Thread { message_id, page: None }).await,
            stranger.refused(Forward { message_ids: vec![message_id], chat_id: own, client_message_id: "f".into(), form: None }).await,
        ] {
            assert_eq!(code, 2003);
        }
    }
    assert_eq!(owner.must(History { chat_id, ..History::default() }).await.to_seq, 2, "nothing was changed");
}
