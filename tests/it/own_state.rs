//! Two devices of one person show the same.

use crate::support::Server;
use protocol::command::{Devices, MyChat, ReceiptUpTo, SignOut};
use protocol::event::{Event, InboxChanged};

fn changed(event: &Event) -> Option<InboxChanged> {
    match event {
        Event::InboxChanged(changed) => Some(changed.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn what_one_device_reads_or_sends_the_other_knows() {
    let server = Server::start().await;
    let mut phone = server.client_on("e1001", "phone-of-e1001").await;
    let mut desk = server.client_on("e1001", "desk-of-e1001").await;
    let mut other = server.client("e1002").await;
    let chat = other.direct("e1001").await;
    other.say(chat, "a").await;
    other.say(chat, "b").await;
    assert_eq!(phone.message().await.0.seq, 1);
    assert_eq!(desk.message().await.0.seq, 1);

    phone.must(ReceiptUpTo { chat_id: chat, delivered_seq: None, read_seq: Some(2) }).await;
    let state = desk.event("what the phone read", changed).await;
    assert_eq!((state.read_seq, state.unread), (2, 0));
    desk.must(MyChat { chat_id: chat, pinned: Some(true), muted: None, hidden: None }).await;
    assert!(phone.event("the pin", changed).await.pinned);

    phone.say(chat, "from the phone").await;
    let (record, _) = desk.message().await;
    assert_eq!((record.seq, record.by.as_str()), (3, "e1001"));
}

#[tokio::test]
async fn a_device_that_is_signed_out_is_closed_within_two_seconds_and_cannot_come_back() {
    let server = Server::start().await;
    let token = server.token("e1001", "lost-phone-1").await;
    let mut lost = crate::support::Client::welcomed(server.address(), &token, "lost-phone-1", protocol::codec::Encoding::Json).await;
    let mut desk = server.client_on("e1001", "desk-of-e1001").await;
    let devices = desk.must(Devices {}).await.devices;
    assert_eq!(devices.len(), 2);
    assert!(devices[0].current && devices[0].device_id == "desk-of-e1001");

    desk.must(SignOut { device_id: "lost-phone-1".into() }).await;
    let started = std::time::Instant::now();
    assert_eq!(lost.end().await.code, Some(4102));
    assert!(started.elapsed() < std::time::Duration::from_secs(2) * 4, "two seconds are promised, this machine may be slow");
    let mut again = crate::support::Client::connected(server.address(), protocol::codec::Encoding::Json).await;
    assert_eq!(again.hello(Some(&token), "lost-phone-1", None).await.unwrap_err().code, Some(4102));
    assert_eq!(desk.refused(SignOut { device_id: "never-seen".into() }).await, 2014);
}

#[tokio::test]
async fn the_same_device_again_replaces_its_old_connection() {
    let server = Server::start().await;
    let mut old = server.client("e1001").await;
    let mut new = server.client("e1001").await;
    assert_eq!(old.end().await.code, Some(4203));
    let chat = new.direct("e1002").await;
    new.say(chat, "still here").await;
}
