//! Who is here: told to those who watch, and to nobody when it is hidden.

use crate::support::Server;
use protocol::command::{CreateGroup, OnlineCount, SetPresence, TypingIn, Watch};
use protocol::event::Event;
use protocol::person::PresenceState;

fn state(event: &Event) -> Option<PresenceState> {
    match event {
        Event::Presence(presence) => Some(presence.state),
        _ => None,
    }
}

#[tokio::test]
async fn a_watcher_sees_people_come_go_and_hide() {
    let server = Server::start().await;
    let mut watcher = server.client("e1001").await;
    let now = watcher.must(Watch { user_ids: vec!["e1002".into(), "nobody".into()] }).await;
    assert_eq!(now.presences.len(), 1);
    assert_eq!(now.presences[0].state, PresenceState::Offline);

    let mut other = server.client("e1002").await;
    assert_eq!(watcher.event("online", state).await, PresenceState::Online);
    other.must(SetPresence { state: PresenceState::Away, hidden: None }).await;
    assert_eq!(watcher.event("away", state).await, PresenceState::Away);
    other.must(SetPresence { state: PresenceState::Online, hidden: Some(true) }).await;
    assert_eq!(watcher.event("hidden", state).await, PresenceState::Hidden);
    let chat = watcher
        .must(CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() })
        .await
        .chat_id;
    assert_eq!(watcher.must(OnlineCount { chat_id: chat }).await.online, 1, "who hides is not counted");
    other.must(SetPresence { state: PresenceState::Online, hidden: Some(false) }).await;
    assert_eq!(watcher.event("shown again", state).await, PresenceState::Online);
    assert_eq!(watcher.must(OnlineCount { chat_id: chat }).await.online, 2);
    drop(other);
    assert_eq!(watcher.event("offline", state).await, PresenceState::Offline);
    let now = watcher.must(Watch { user_ids: vec!["e1002".into()] }).await;
    assert!(now.presences[0].last_seen_ms.is_some());
    assert_eq!(watcher.refused(Watch { user_ids: vec!["e1002".into(); 201] }).await, 1003);
}

#[tokio::test]
async fn writing_is_shown_to_the_others() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    let chat = one.direct("e1002").await;
    one.must(TypingIn { chat_id: chat }).await;
    let who = other
        .event("typing", |event| match event {
            Event::Typing(typing) => Some(typing.user_id.clone()),
            _ => None,
        })
        .await;
    assert_eq!(who, "e1001");
}
