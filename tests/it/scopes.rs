//! What an app may ask is decided by its scopes, which an operator changes while the server runs.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, message_id};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn told(app: &App, path: &str) -> (u16, Value) {
    app.json(Method::GET, path, json!({})).await
}

/// Waits until a call is answered with this code.
async fn becomes(app: &App, path: &str, code: u64) -> Value {
    let start = Instant::now();
    loop {
        let (_, reply) = told(app, path).await;
        if reply["code"] == code {
            return reply;
        }
        assert!(start.elapsed() < crate::support::PATIENCE, "{path} does not become {code}: {reply}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn said(output: std::process::Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the operator is told in text")
}

#[tokio::test]
async fn a_scope_that_is_taken_away_ends_the_calls_at_once_and_only_those() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    assert_eq!(told(&app, "im/v1/chats").await.1["code"], 0);
    let remove: Vec<&str> = ["im:chat", "im:chat:readonly", "im:chat:read", "im:chat.group_info:readonly"]
        .iter()
        .flat_map(|scope| ["--remove", scope])
        .collect();
    let left = said(server.operator(&[&["app", "scopes", APP.0][..], &remove].concat()));
    assert!(left.contains("im:message\n") && !left.contains("im:chat\n"), "{left}");

    let refused = becomes(&app, "im/v1/chats", 99_991_672).await;
    assert_eq!(told(&app, "im/v1/chats").await.0, 400);
    assert!(refused["msg"].as_str().expect("a text").contains("[im:chat, im:chat:readonly,"), "{refused}");
    let violations = refused["error"]["permission_violations"].as_array().expect("the scopes that would do");
    assert!(violations.iter().any(|one| one["subject"] == "im:chat:read" && one["type"] == "action_scope_required"), "{refused}");
    assert_eq!(told(&other, "im/v1/chats").await.1["code"], 0, "another app is not touched");
    assert_eq!(told(&app, "bot/v3/info").await.1["code"], 0, "what needs no scope goes on");
    assert_eq!(
        app.refused(Method::POST, "im/v1/chats/oc_1/members", json!({ "id_list": [] })).await,
        99_992_356,
        "another scope is enough"
    );

    said(server.operator(&["app", "scopes", APP.0, "--add", "im:chat:read"]));
    becomes(&app, "im/v1/chats", 0).await;
}

#[tokio::test]
async fn steps_of_a_ladder_that_cost_something_need_a_scope_of_their_own() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001"]).await;
    let message = message_id(&app.send(&chat, "text", json!({ "text": "alarm" })).await);
    said(server.operator(&["app", "scopes", APP.0, "--remove", "im:message.urgent:sms", "--remove", "im:message.urgent:sms_send"]));
    let urgent = |ladder: Value| json!({ "message_id": message, "audience": { "everyone": true }, "ladder": ladder });
    let start = Instant::now();
    while app.refused(Method::POST, "clarion/v1/urgents", urgent(json!([{ "way": "sms", "after_ms": 0 }]))).await != 99_991_672 {
        assert!(start.elapsed() < crate::support::PATIENCE, "the scope is not taken away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let path = format!("im/v1/messages/{message}/urgent_sms?user_id_type=user_id");
    assert_eq!(app.refused(Method::PATCH, &path, json!({ "user_id_list": ["e1001"] })).await, 99_991_672);
    app.must(Method::POST, "clarion/v1/urgents", urgent(json!([{ "way": "remind", "after_ms": 10_000 }]))).await;
    // Reading what comes of it is a scope of its own too, and is not enough to raise.
    let scopes = ["im:message.urgent", "im:message.urgent:app_send"].iter().flat_map(|scope| ["--remove", scope]).collect::<Vec<_>>();
    said(server.operator(&[&["app", "scopes", APP.0][..], &scopes].concat()));
    let start = Instant::now();
    while app.json(Method::POST, "clarion/v1/urgents", urgent(json!([]))).await.1["code"] != 99_991_672 {
        assert!(start.elapsed() < crate::support::PATIENCE, "the scope is not taken away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!app.must(Method::GET, "clarion/v1/urgents", json!({})).await["items"].as_array().expect("items").is_empty());
}

#[tokio::test]
async fn a_disabled_app_is_out_and_comes_back() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    said(server.operator(&["app", "disable", APP.0]));
    becomes(&app, "bot/v3/info", 99_991_662).await;
    server.restart_in_peace().await;
    assert_eq!(app.at(&server).json(Method::GET, "bot/v3/info", json!({})).await.1["code"], 99_991_662, "a restart changes nothing");
    said(server.operator(&["app", "enable", APP.0]));
    becomes(&app.at(&server), "bot/v3/info", 0).await;
    let list = said(server.operator(&["app", "list"]));
    assert!(list.lines().any(|line| line.starts_with(APP.0) && line.contains("\tenabled\t")), "{list}");
}

#[tokio::test]
async fn an_app_made_with_a_list_has_nothing_else() {
    let mut server = Server::start().await;
    server.terminate().await;
    let made = said(server.operator(&["app", "create", "--name", "Reader", "--scope", "im:chat:read"]));
    let value = |name: &str| made.lines().find_map(|line| line.strip_prefix(name)).expect("id and secret are told").to_owned();
    let (id, secret) = (value("app_id: "), value("app_secret: "));
    let wrong = server.operator(&["app", "create", "--name", "Typo", "--scope", "im:chats"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no scope `im:chats`; scopes of `im` are im:chat,"));
    server.restart().await;
    let reader = App::of(&server, (&id, &secret)).await;
    assert_eq!(told(&reader, "im/v1/chats").await.1["code"], 0);
    assert_eq!(reader.refused(Method::POST, "im/v1/chats", json!({ "name": "x" })).await, 99_991_672);
    assert_eq!(reader.refused(Method::GET, "contact/v3/departments", json!({})).await, 99_991_672);
}
