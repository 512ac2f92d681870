//! A disk that takes nothing more: senders are told to try again, reading goes on, and all is well when there is room.

use crate::support::{Server, text_message};
use protocol::command::History;

/// Sets the largest size a file of the process may grow to: writing beyond it fails as on a full disk.
fn file_size_max(pid: u32, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit lives through the call; the old one is not asked for.
    let outcome = unsafe { libc::prlimit(pid as libc::pid_t, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
    assert_eq!(outcome, 0, "the limit could not be set: {}", std::io::Error::last_os_error());
}

#[tokio::test]
async fn senders_are_told_and_reading_goes_on() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let chat = one.direct("e1002").await;
    one.say(chat, "before").await;

    file_size_max(server.pid(), 16_384);
    let text = "x".repeat(40_000);
    let error = one.ask(text_message(chat, "full", &text)).await.unwrap_err();
    assert_eq!(error.code, 3003);
    assert!(error.retry_after_ms.is_some());
    let page = one.must(History { chat_id: chat, ..History::default() }).await;
    assert_eq!(page.to_seq, 1, "reading goes on, and nothing half is there");

    file_size_max(server.pid(), libc::RLIM_INFINITY);
    let mut tries = 0;
    let sent = loop {
        match one.ask(text_message(chat, "full", &text)).await {
            Ok(sent) => break sent,
            Err(error) => assert_eq!(error.code, 3003),
        }
        tries += 1;
        assert!(tries < 200, "the server does not recover");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(sent.seq, 2, "the failed try left no hole");
}
