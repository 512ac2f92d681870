//! The same client_message_id is one message: at once, over another connection, after a crash.

use crate::support::{Server, text_message};
use protocol::command::History;

#[tokio::test]
async fn sending_again_gives_the_first_answer() {
    let mut server = Server::start().await;
    let mut one = server.client("e1001").await;
    let chat = one.direct("e1002").await;
    let first = one.must(text_message(chat, "same", "hello")).await;
    assert_eq!(one.must(text_message(chat, "same", "hello")).await, first);

    let mut second_device = server.client_on("e1001", "another-device").await;
    assert_eq!(second_device.must(text_message(chat, "same", "hello")).await, first);

    server.kill_and_restart().await;
    let mut one = server.client("e1001").await;
    assert_eq!(one.must(text_message(chat, "same", "hello")).await, first);
    // Somebody else may choose the same id.
    let mut other = server.client("e1002").await;
    assert_eq!(other.must(text_message(chat, "same", "mine")).await.seq, 2);
    // In another chat it is a mistake, and is told.
    let third = one.direct("e1003").await;
    assert_eq!(one.refused(text_message(third, "same", "hello")).await, 2009);
    let page = one.must(History { chat_id: chat, ..History::default() }).await;
    assert_eq!(page.to_seq, 2);
}

#[tokio::test]
async fn repeats_in_the_middle_of_a_burst_leave_no_hole() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let chat = one.direct("e1002").await;
    // Every third one is a repeat of the one before it; none of them waits for a reply.
    let mut waiting = Vec::new();
    for number in 0..60 {
        let id = if number % 3 == 2 { number - 1 } else { number };
        waiting.push((id, one.post(&text_message(chat, &format!("burst-{id}"), "x")).await));
    }
    let mut seqs = std::collections::BTreeMap::new();
    for (id, command) in waiting {
        let sent = one.reply::<protocol::command::Send>(command).await.expect("every send is acknowledged");
        assert_eq!(*seqs.entry(id).or_insert(sent.seq), sent.seq, "a repeat has the same place");
    }
    let mut places: Vec<u64> = seqs.values().copied().collect();
    assert!(places.is_sorted(), "sends of one connection keep their order");
    places.sort_unstable();
    assert_eq!(places, (1..=40).collect::<Vec<_>>());
}
