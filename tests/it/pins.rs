//! Pins over the open API and over the client protocol are the same ones.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, id};
use protocol::chat::{ChatConfigChange, Who};
use protocol::command::{AddMembers, CreateGroup, Pin, Pins, Recall, Unpin};
use reqwest::Method;
use serde_json::{Value, json};

fn ids(pins: &Value) -> Vec<&str> {
    pins["items"].as_array().expect("items").iter().filter_map(|pin| pin["message_id"].as_str()).collect()
}

#[tokio::test]
async fn what_is_pinned_by_one_is_listed_for_the_other_newest_first() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let mut sent = Vec::new();
    for number in 0..5 {
        sent.push(person.say(id(&chat), &format!("line {number}")).await.message_id);
    }
    let pin = app.must(Method::POST, "im/v1/pins", json!({ "message_id": sent[0] })).await["pin"].clone();
    assert_eq!((&pin["operator_id"], &pin["operator_id_type"], &pin["chat_id"]), (&json!(APP.0), &json!("app_id"), &json!(chat)));
    assert_eq!(app.must(Method::POST, "im/v1/pins", json!({ "message_id": sent[0] })).await["pin"], pin, "pinned twice");
    for message_id in &sent[1..4] {
        person.must(Pin { message_id: *message_id }).await;
    }
    assert_eq!(person.must(Pins { chat_id: id(&chat) }).await.records.len(), 4);
    let path = format!("im/v1/pins?chat_id={chat}");
    let all = app.must(Method::GET, &path, json!({})).await;
    let newest_first: Vec<String> = sent[..4].iter().rev().map(ToString::to_string).collect();
    assert_eq!(ids(&all), newest_first);
    assert_eq!(all["items"][0]["operator_id"], json!(app.open_id("e1001").await));

    let first = app.must(Method::GET, &format!("{path}&page_size=3"), json!({})).await;
    person.must(Pin { message_id: sent[4] }).await;
    let token = first["page_token"].as_str().expect("a token");
    let second = app.must(Method::GET, &format!("{path}&page_size=3&page_token={token}"), json!({})).await;
    assert_eq!(ids(&second), [sent[0].to_string()], "what is pinned meanwhile moves no page");
    let at_ms: u64 = pin["create_time"].as_str().and_then(|time| time.parse().ok()).expect("a time");
    assert_eq!(ids(&app.must(Method::GET, &format!("{path}&end_time={}", at_ms.saturating_sub(1)), json!({})).await), Vec::<&str>::new());
    assert!(
        ids(&app.must(Method::GET, &format!("{path}&start_time={at_ms}&end_time={at_ms}"), json!({})).await)
            .contains(&sent[0].to_string().as_str())
    );

    app.must(Method::DELETE, &format!("im/v1/pins/{}", sent[1]), json!({})).await;
    app.must(Method::DELETE, &format!("im/v1/pins/{}", sent[1]), json!({})).await;
    person.must(Unpin { message_id: sent[2] }).await;
    person.must(Recall { message_id: sent[3] }).await;
    assert_eq!(ids(&app.must(Method::GET, &path, json!({})).await), [sent[4].to_string(), sent[0].to_string()]);
    assert_eq!(app.refused(Method::POST, "im/v1/pins", json!({ "message_id": sent[3] })).await, 230_110);
    assert_eq!(app.refused(Method::GET, &format!("{path}&page_token=x"), json!({})).await, 99_992_402);
}

#[tokio::test]
async fn who_may_not_pin_is_told_so_and_a_stranger_learns_nothing() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let mut owner = server.client("e1001").await;
    let config = ChatConfigChange { pin_manage_setting: Some(Who::OnlyOwner), ..ChatConfigChange::default() };
    let chat = owner
        .must(CreateGroup { client_message_id: "g".into(), name: "G".into(), config: Some(config), ..CreateGroup::default() })
        .await
        .chat_id;
    owner.must(AddMembers { chat_id: chat, user_ids: vec![APP.0.into()], ..AddMembers::default() }).await;
    let message_id = owner.say(chat, "mine").await.message_id;
    assert_eq!(app.refused(Method::POST, "im/v1/pins", json!({ "message_id": message_id })).await, 230_046);
    assert_eq!(other.refused(Method::POST, "im/v1/pins", json!({ "message_id": message_id })).await, 230_050);
    assert_eq!(other.refused(Method::GET, &format!("im/v1/pins?chat_id={chat}"), json!({})).await, 230_045);
    assert_eq!(app.refused(Method::POST, "im/v1/pins", json!({})).await, 99_992_402);
    assert_eq!(app.refused(Method::DELETE, "im/v1/pins/om_none", json!({})).await, 99_992_354);
}
