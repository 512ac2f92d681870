//! SIGTERM: everybody is told when to come back, what was accepted is kept, and the server ends well.

use crate::support::{Server, text_message};
use protocol::command::History;
use protocol::error::CloseCode;
use protocol::event::Event;

#[tokio::test]
async fn a_drained_server_keeps_what_it_accepted_and_says_when_to_come_back() {
    let mut server = Server::start().await;
    let mut one = server.client("e1001").await;
    let mut idle = server.client("e1002").await;
    let chat = one.direct("e1002").await;
    let mut posted = Vec::new();
    for number in 0..20 {
        posted.push(one.post(&text_message(chat, &format!("d-{number}"), "x")).await);
    }
    one.reply::<protocol::command::Send>(posted[0]).await.unwrap();
    server.signal("TERM");
    let told = idle
        .event("drain", |event| match event {
            Event::Drain(drain) => Some(drain.after_ms),
            _ => None,
        })
        .await;
    assert!(told > 0);
    let ended = idle.end().await;
    assert_eq!(ended.code, Some(4000));
    assert!(CloseCode::after_ms(&ended.reason).is_some());
    let mut acknowledged = 1;
    for id in posted.into_iter().skip(1) {
        match one.reply_or_end::<protocol::command::Send>(id).await {
            Ok(Ok(_)) => acknowledged += 1,
            Ok(Err(error)) => assert!(error.retry_after_ms.is_some()),
            Err(_) => break,
        }
    }
    assert_eq!(server.terminate().await, Some(0));
    server.restart().await;
    let mut one = server.client("e1001").await;
    let page = one.must(History { chat_id: chat, ..History::default() }).await;
    assert!(page.to_seq >= acknowledged, "{acknowledged} were acknowledged, {} are there", page.to_seq);
    let check = {
        assert_eq!(server.terminate().await, Some(0));
        server.operator(&["check"])
    };
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
