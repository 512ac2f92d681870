//! Signing in: what is right is let in, what is wrong learns nothing and is slowed down.

use crate::support::{Client, DEMO_PASSWORD, Server, http};
use protocol::codec::Encoding;
use protocol::command::Hello;
use serde_json::{Value, json};

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let reply = http().post(server.url(path)).json(&body).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap_or(Value::Null))
}

fn sign_in(login: &str, password: &str) -> Value {
    json!({"login": login, "password": password, "device_id": "a-device-1", "device_kind": "tool", "device_name": "test"})
}

#[tokio::test]
async fn by_staff_number_or_email_and_a_refresh_token_gives_the_next() {
    let server = Server::start().await;
    let (status, first) = post(&server, "/auth/v1/sign_in", sign_in("e1001", DEMO_PASSWORD)).await;
    assert_eq!(status, 200);
    let mut client = Client::welcomed(server.address(), first["access_token"].as_str().unwrap(), "a-device-1", Encoding::Json).await;
    let email = client.welcome.me.email.clone().expect("one sees one's own e-mail");
    assert_eq!(post(&server, "/auth/v1/sign_in", sign_in(&email, DEMO_PASSWORD)).await.0, 200);

    let (status, second) = post(&server, "/auth/v1/sign_in", sign_in("e1001", DEMO_PASSWORD)).await;
    assert_eq!(status, 200);
    let (status, third) = post(&server, "/auth/v1/refresh", json!({"refresh_token": second["refresh_token"]})).await;
    assert_eq!(status, 200);
    assert_ne!(third["refresh_token"], second["refresh_token"]);
    client.direct("e1002").await;
}

#[tokio::test]
async fn wrong_passwords_and_unknown_people_get_the_same_answer_and_are_slowed_down() {
    let server = Server::start_with(&[("CLARION_SIGN_IN_ATTEMPTS_PER_ACCOUNT", "3")]).await;
    let (status, wrong) = post(&server, "/auth/v1/sign_in", sign_in("e1001", "guess")).await;
    assert_eq!(status, 401);
    let (status, unknown) = post(&server, "/auth/v1/sign_in", sign_in("nobody", "guess")).await;
    assert_eq!(status, 401);
    assert_eq!(wrong, unknown, "nobody learns who exists");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(post(&server, "/auth/v1/sign_in", sign_in("e1001", "guess")).await.0);
    }
    assert_eq!(statuses.last(), Some(&429));
    assert_eq!(post(&server, "/auth/v1/sign_in", sign_in("e1002", DEMO_PASSWORD)).await.0, 200, "others are not slowed down");
}

#[tokio::test]
async fn a_token_must_be_ours_and_of_this_device() {
    let server = Server::start().await;
    let token = server.token("e1001", "device-of-e1001").await;
    for (token, device, code) in [
        (Some("rubbish".to_owned()), "device-of-e1001", 4100),
        (None, "device-of-e1001", 4100),
        (Some(token.clone()), "another-device", 4100),
        (Some(format!("{}x", &token[..token.len() - 1])), "device-of-e1001", 4100),
        (Some(token.clone()), "short", 4200),
    ] {
        let mut client = Client::connected(server.address(), Encoding::Json).await;
        let ended = client.hello(token.as_deref(), device, None).await.unwrap_err();
        assert_eq!(ended.code, Some(code), "{token:?} on {device}");
    }
    let mut old = Client::connected(server.address(), Encoding::Msgpack).await;
    let hello = Hello { token: Some(token), device_id: "device-of-e1001".into(), version: 0, ..Hello::default() };
    let id = old.post(&hello).await;
    assert_eq!(old.reply_or_end::<Hello>(id).await.unwrap_err().code, Some(4201));
}

#[tokio::test]
async fn a_token_survives_a_restart() {
    let mut server = Server::start().await;
    let token = server.token("e1001", "device-of-e1001").await;
    server.kill_and_restart().await;
    Client::welcomed(server.address(), &token, "device-of-e1001", Encoding::Msgpack).await;
}

#[tokio::test]
async fn a_full_server_says_when_to_come_back() {
    let server = Server::start_with(&[("CLARION_SESSIONS_MAX", "1")]).await;
    let _inside = server.client("e1001").await;
    let token = server.token("e1002", "device-of-e1002").await;
    let mut outside = Client::connected(server.address(), Encoding::Msgpack).await;
    let ended = outside.hello(Some(&token), "device-of-e1002", None).await.unwrap_err();
    assert_eq!(ended.code, Some(4001));
    assert!(protocol::error::CloseCode::after_ms(&ended.reason).is_some());
}
