//! Cards that change: for everybody, by a press, and for one person only; and the bubbles below a message.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, content, id, message_id};
use protocol::command::{Edits, GotEphemeral, History, Recall};
use protocol::content::{Card, Content};
use protocol::event::{Ephemeral, Event};
use protocol::record::Change;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

fn card(text: &str) -> Value {
    json!({ "config": { "update_multi": true }, "elements": [{ "tag": "markdown", "content": text }] })
}

#[tokio::test]
async fn a_card_that_changes_a_hundred_times_is_seen_as_it_stands() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let sent = message_id(&app.send(&chat, "interactive", card("0 %")).await);
    let path = format!("im/v1/messages/{sent}");
    for percent in 1..=100 {
        app.must(Method::PATCH, &path, json!({ "content": card(&format!("{percent} %")).to_string() })).await;
    }
    let edited = person
        .event("the last edit", |event| match event {
            Event::Record(record) => match &record.change {
                Change::Edited(edited) if matches!(&edited.content, Content::Card(Card { card, .. }) if card.contains("100 %")) => {
                    Some(edited.clone())
                }
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(edited.message_id.to_string(), sent);
    server.kill_and_restart().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let read = app.must(Method::GET, &path, json!({})).await["items"][0].clone();
    assert_eq!((content(&read)["elements"][0][0]["text"].as_str(), &read["updated"]), (Some("100 %"), &json!(true)));
    let page = person.must(History { chat_id: id(&chat), ..History::default() }).await;
    assert_eq!(page.records.len(), 2, "edits are folded into the message");
    let versions = person.must(Edits { message_id: sent.parse().expect("an id") }).await.versions;
    assert_eq!(versions.len(), 2, "what was sent, and what stands: not each step");
    server.terminate().await;
    let audit = server.operator(&["check"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[tokio::test]
async fn a_card_is_changed_only_by_its_sender_only_to_a_card_and_only_when_it_is_shared() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let body = json!({ "name": "G", "user_id_list": ["e1001"], "bot_id_list": [OTHER_APP.0] });
    let chat = message_chat(&app.must(Method::POST, "im/v1/chats?user_id_type=user_id", body).await);
    let mut person = server.client("e1001").await;
    let sent = message_id(&app.send(&chat, "interactive", card("a")).await);
    let text = message_id(&app.send(&chat, "text", json!({ "text": "no card" })).await);
    let single = message_id(&app.send(&chat, "interactive", json!({ "elements": [{ "tag": "hr" }] })).await);
    let second = message_id(&app.send(&chat, "interactive", json!({ "schema": "2.0", "body": { "elements": [] } })).await);
    let patch = |to: &str| format!("im/v1/messages/{to}");
    let content_of = |card: Value| json!({ "content": card.to_string() });
    assert_eq!(other.refused(Method::PATCH, &patch(&sent), content_of(card("b"))).await, 230_012);
    assert_eq!(app.refused(Method::PATCH, &patch(&text), content_of(card("b"))).await, 230_001);
    assert_eq!(app.refused(Method::PATCH, &patch(&single), content_of(card("b"))).await, 230_099);
    assert_eq!(app.refused(Method::PATCH, &patch(&sent), content_of(json!({ "elements": [] }))).await, 230_099);
    assert_eq!(app.refused(Method::PATCH, &patch(&sent), content_of(json!({ "schema": "2.0" }))).await, 230_099);
    assert_eq!(app.refused(Method::PATCH, &patch(&sent), json!({ "content": "no card" })).await, 230_001);
    assert_eq!(app.refused(Method::PATCH, &patch(&sent), json!({})).await, 99_992_402);
    assert_eq!(app.refused(Method::PATCH, &patch(&sent), content_of(card(&"x".repeat(101 << 10)))).await, 230_025);
    assert_eq!(
        app.refused(Method::PUT, &patch(&sent), json!({ "msg_type": "text", "content": "{\"text\":\"x\"}" })).await,
        230_001,
        "a card stays one"
    );
    app.must(Method::PATCH, &patch(&second), content_of(json!({ "schema": "2.0", "body": { "elements": [{ "tag": "hr" }] } }))).await;
    app.must(Method::DELETE, &patch(&sent), json!({})).await;
    assert_eq!(app.refused(Method::PATCH, &patch(&sent), content_of(card("b"))).await, 230_011);
    drop(person.message().await);
}

fn message_chat(chat: &Value) -> String {
    chat["chat_id"].as_str().expect("a chat_id").to_owned()
}

/// The seal of a server's identifiers, read from its folder as the server itself does.
fn seal(server: &Server) -> clarion::ids::Seal {
    let database = rusqlite::Connection::open_with_flags(server.data().join("clarion.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the database opens");
    let key: Vec<u8> =
        database.query_row("SELECT value FROM facts WHERE row = ?", [b"seal_key".as_slice()], |row| row.get(0)).expect("the key is there");
    clarion::ids::Seal::new(key.try_into().expect("16 bytes"))
}

#[tokio::test]
async fn a_token_of_a_press_changes_its_card_twice_and_no_other() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001"]).await;
    let sent = message_id(&app.send(&chat, "interactive", json!({ "elements": [{ "tag": "hr" }] })).await);
    let seal = seal(&server);
    let (key, seq) = seal.message(sent.parse().expect("an id")).expect("it was made here");
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() as u32;
    let token = seal.card_token(key, seq, now_s + 600, 7);
    let update = |token: &str, text: &str| json!({ "token": token, "card": { "elements": [{ "tag": "markdown", "content": text }], "open_ids": ["ou_x"] } });
    let path = "interactive/v1/card/update";
    app.must(Method::POST, path, update(&token, "pressed once")).await;
    assert_eq!(
        app.refused(Method::POST, path, json!({ "token": token, "card": { "schema": "2.0" } })).await,
        230_099,
        "a use that fails is none"
    );
    server.kill_and_restart().await;
    let app = App::of(&server, APP).await;
    app.must(Method::POST, path, update(&token, "pressed twice")).await;
    let read = app.must(Method::GET, &format!("im/v1/messages/{sent}?card_msg_content_type=user_card_content"), json!({})).await["items"]
        [0]
    .clone();
    assert!(content(&read).to_string().contains("pressed twice") && !content(&read).to_string().contains("open_ids"), "{read}");
    assert_eq!(app.refused(Method::POST, path, update(&token, "a third time")).await, 230_001);
    assert_eq!(app.refused(Method::POST, path, update(&seal.card_token(key, seq, now_s - 1, 8), "too late")).await, 230_001);
    assert_eq!(app.refused(Method::POST, path, update("c-made-up", "x")).await, 230_001);
    let other = App::of(&server, OTHER_APP).await;
    let theirs = other.refused(Method::POST, path, update(&seal.card_token(key, seq, now_s + 600, 9), "x")).await;
    assert!([230_012, 230_030].contains(&theirs), "{theirs}");
}

#[tokio::test]
async fn a_card_for_one_person_is_seen_by_nobody_else_and_is_no_record() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001", "e1002"]).await;
    let mut seer = server.client("e1001").await;
    let mut before = server.client("e1002").await;
    let body = |card: Value| json!({ "chat_id": chat, "user_id": "e1001", "msg_type": "interactive", "card": card });
    let sent = message_id(&app.must(Method::POST, "ephemeral/v1/send", body(card("for you"))).await);
    let seen = ephemeral(&mut seer).await;
    assert_eq!((seen.message_id.to_string(), seen.chat_id, seen.by.user_id.as_str()), (sent.clone(), id(&chat), APP.0));
    assert!(seen.card.contains("for you"));

    assert!(before.events_within(Duration::from_millis(100)).await.iter().all(|event| !matches!(event, Event::Ephemeral(_))));

    // Not got yet: it comes again, also after the server was killed.
    server.kill_and_restart().await;
    let app = App::of(&server, APP).await;
    let mut seer = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    assert_eq!(ephemeral(&mut seer).await, seen);
    seer.must(GotEphemeral { message_ids: vec![seen.message_id] }).await;
    let mut again = server.client_on("e1001", "another-device").await;
    assert!(again.events_within(Duration::from_millis(300)).await.iter().all(|event| !matches!(event, Event::Ephemeral(_))));

    app.must(Method::POST, "ephemeral/v1/delete", json!({ "message_id": sent })).await;
    let gone = again
        .event("the card is gone", |event| match event {
            Event::EphemeralGone(gone) => Some(gone.message_id.to_string()),
            _ => None,
        })
        .await;
    assert_eq!(gone, sent);
    app.must(Method::POST, "ephemeral/v1/delete", json!({ "message_id": sent })).await;

    assert_eq!(other.must(History { chat_id: id(&chat), ..History::default() }).await.records.len(), 1, "only that the group was made");
    assert!(
        other
            .events_within(Duration::from_millis(100))
            .await
            .iter()
            .all(|event| !matches!(event, Event::Ephemeral(_) | Event::EphemeralGone(_)))
    );
    assert_eq!(app.history(&chat, "ByCreateTimeAsc", 50).await.len(), 0);
    assert_eq!(app.refused(Method::GET, &format!("im/v1/messages/{sent}"), json!({})).await, 99_992_354);
}

async fn ephemeral(client: &mut crate::support::Client) -> Ephemeral {
    client
        .event("a card for one", |event| match event {
            Event::Ephemeral(ephemeral) => Some(ephemeral.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn cards_for_one_person_are_bounded_and_checked() {
    let server = Server::start().await;
    let (app, stranger) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let chat = app.group(&["e1001"]).await;
    let body = |fields: Value| {
        let mut body = json!({ "chat_id": chat, "user_id": "e1001", "msg_type": "interactive", "card": card("x") });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        body
    };
    let path = "ephemeral/v1/send";
    for (fields, code) in [
        (json!({ "user_id": "e1002" }), 230_013),
        (json!({ "user_id": "nobody" }), 99_992_360),
        (json!({ "user_id": "" }), 99_992_402),
        (json!({ "msg_type": "text" }), 99_992_402),
        (json!({ "card": "x" }), 99_992_402),
        (json!({ "card": { "schema": "2.0" } }), 230_099),
        (json!({ "chat_id": "oc_none" }), 99_992_356),
    ] {
        assert_eq!(app.refused(Method::POST, path, body(fields.clone())).await, code, "{fields}");
    }
    assert_eq!(stranger.refused(Method::POST, path, body(json!({}))).await, 230_002);
    let direct = message_chat(&app.send(&chat, "text", json!({ "text": "x" })).await);
    assert_eq!(direct, chat);
    let mut sent = Vec::new();
    for _ in 0..25 {
        sent.push(message_id(&app.must(Method::POST, path, body(json!({}))).await));
    }
    let mut person = server.client("e1001").await;
    let waiting = person.events_within(Duration::from_millis(500)).await;
    let got: Vec<String> = waiting
        .iter()
        .filter_map(|event| if let Event::Ephemeral(one) = event { Some(one.message_id.to_string()) } else { None })
        .collect();
    assert_eq!(got, sent[5..], "the last twenty wait, in their order");
    assert_eq!(stranger.refused(Method::POST, "ephemeral/v1/delete", json!({ "message_id": sent[24] })).await, 230_030);
}

#[tokio::test]
async fn bubbles_stand_below_the_last_message_of_a_bot_to_one_person() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let sent = app
        .must(
            Method::POST,
            "im/v1/messages?receive_id_type=user_id",
            json!({ "receive_id": "e1001", "msg_type": "text", "content": "{\"text\":\"When?\"}" }),
        )
        .await;
    let chat = id(&message_chat(&sent));
    let path = format!("im/v1/messages/{}/push_follow_up", message_id(&sent));
    let offers = json!({ "follow_ups": [{ "content": "今天", "i18n_contents": [{ "content": "Today", "language": "en_us" }] }, { "content": "明天" }] });
    for wrong in [json!({ "follow_ups": [{ "content": "" }] }), json!({ "follow_ups": [{ "content": "x".repeat(201) }] })] {
        assert_eq!(app.refused(Method::POST, &path, wrong).await, 230_007);
    }
    for count in [0, 4] {
        let many = json!({ "follow_ups": vec![json!({ "content": "a" }); count] });
        assert_eq!(app.refused(Method::POST, &path, many).await, 99_992_402);
    }
    app.must(Method::POST, &path, offers.clone()).await;
    let told = person
        .event("follow-ups", |event| match event {
            Event::Record(record) => match &record.change {
                Change::FollowedUp(followed_up) => Some(followed_up.clone()),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!((told.follow_ups[0].text.as_str(), told.follow_ups[0].texts[0].text.as_str()), ("今天", "Today"));
    assert_eq!(app.refused(Method::POST, &path, offers.clone()).await, 230_008);
    server.kill_and_restart().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let page = person.must(History { chat_id: chat, ..History::default() }).await;
    assert!(
        matches!(&page.records[0].change, Change::Message(message) if message.follow_ups.len() == 2),
        "kept with the message: {page:?}"
    );

    let second = app
        .must(
            Method::POST,
            "im/v1/messages?receive_id_type=user_id",
            json!({ "receive_id": "e1001", "msg_type": "text", "content": "{\"text\":\"Well?\"}" }),
        )
        .await;
    person.say(chat, "今天").await;
    assert_eq!(app.refused(Method::POST, &format!("im/v1/messages/{}/push_follow_up", message_id(&second)), offers.clone()).await, 230_006);
    let theirs = person.say(chat, "mine").await.message_id;
    assert_eq!(app.refused(Method::POST, &format!("im/v1/messages/{theirs}/push_follow_up"), offers.clone()).await, 230_012);
    let group = app.group(&["e1001"]).await;
    let in_group = message_id(&app.send(&group, "text", json!({ "text": "x" })).await);
    assert_eq!(app.refused(Method::POST, &format!("im/v1/messages/{in_group}/push_follow_up"), offers.clone()).await, 230_003);
    let gone = app
        .must(
            Method::POST,
            "im/v1/messages?receive_id_type=user_id",
            json!({ "receive_id": "e1001", "msg_type": "text", "content": "{\"text\":\"x\"}" }),
        )
        .await;
    app.must(Method::DELETE, &format!("im/v1/messages/{}", message_id(&gone)), json!({})).await;
    assert_eq!(app.refused(Method::POST, &format!("im/v1/messages/{}/push_follow_up", message_id(&gone)), offers).await, 230_110);
    drop(person.ask(Recall { message_id: theirs }).await);
}

#[tokio::test]
async fn what_is_not_available_here_says_so() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001"]).await;
    app.send(&chat, "text", json!({ "text": "x" })).await;
    assert_eq!(app.refused(Method::POST, "im/v1/messages/search", json!({ "query": "x" })).await, 230_054);
}
