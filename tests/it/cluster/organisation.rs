//! One organisation on all nodes: who is taken in, renamed or signed out on one is so on the others; what an app has begun on
//! one goes on when that one dies.

use super::{node, settings, texts};
use crate::support::app::{APP, App};
use crate::support::{PATIENCE, Server};
use protocol::command::{GetChat, SignOut};
use protocol::error::CloseCode;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Asks until the answer is this one.
async fn becomes(app: &App, path: &str, holds: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let (_, answer) = app.json(Method::GET, path, Value::Null).await;
        if holds(&answer) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "it does not become so: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn everybody(server: &Server) -> App {
    App::of(server, APP).await
}

#[tokio::test]
async fn the_organisation_is_one_whichever_node_is_asked() {
    let settings = settings().await;
    let (mut first, second) = tokio::join!(node(&settings), node(&settings));
    let (one, other) = (everybody(&first).await, everybody(&second).await);

    // Taken in on both at once: nobody gets somebody else's place.
    let new = |number: u32| {
        json!({ "user_id": format!("n{number}"), "name": format!("New {number}"), "mobile": format!("+8613900000{number:03}"),
            "department_ids": ["0"], "employee_type": 1 })
    };
    let create = "contact/v3/users?user_id_type=user_id";
    for number in 0..6 {
        let (here, there) =
            tokio::join!(one.json(Method::POST, create, new(2 * number)), other.json(Method::POST, create, new(2 * number + 1)));
        assert_eq!((&here.1["code"], &there.1["code"]), (&json!(0), &json!(0)), "{here:?} {there:?}");
    }
    for app in [&one, &other] {
        for number in 0..12 {
            let path = format!("contact/v3/users/n{number}?user_id_type=user_id");
            becomes(app, &path, |answer| answer["data"]["user"]["name"] == format!("New {number}")).await;
        }
    }
    // Whoever was taken in on one node is written to on the other at once, and renamed there.
    let mut boss = second.client("e1001").await;
    let chat = boss.direct("n0").await;
    boss.say(chat, "welcome").await;
    other.must(Method::PATCH, "contact/v3/users/n0?user_id_type=user_id", json!({ "name": "Renamed" })).await;
    becomes(&one, "contact/v3/users/n0?user_id_type=user_id", |answer| answer["data"]["user"]["name"] == "Renamed").await;

    // Signed out on one node: the sockets on the other close, and the token is good nowhere.
    let mut tablet = second.client_on("e1002", "tablet-of-e1002").await;
    let mut desk = first.client_on("e1002", "desk-of-e1002").await;
    desk.must(SignOut { device_id: "tablet-of-e1002".into() }).await;
    assert_eq!(tablet.end().await.code, Some(CloseCode::DeviceRevoked.number()));

    // A message to many is begun on one node, which dies: the other one sends it on, to each once.
    let departments = one.must(Method::GET, "contact/v3/departments/0/children?page_size=50&fetch_child=true", json!({})).await;
    let ids: Vec<&str> =
        departments["items"].as_array().expect("items").iter().filter_map(|one| one["open_department_id"].as_str()).collect();
    let body = json!({ "msg_type": "text", "content": { "text": "to many" }, "department_ids": ids, "uuid": "u" });
    let batch = one.must(Method::POST, "message/v4/batch_send/", body).await["message_id"].as_str().expect("an id").to_owned();
    first.kill();
    becomes(&other, &format!("im/v1/batch_messages/{batch}/get_progress"), |answer| {
        let progress = &answer["data"]["batch_message_send_progress"];
        progress["valid_user_ids_count"].as_u64() > Some(30) && progress["valid_user_ids_count"] == progress["success_user_ids_count"]
    })
    .await;
    let mut reader = second.client("e1003").await;
    let bot = reader.direct(APP.0).await;
    assert_eq!(reader.must(GetChat { chat_id: bot }).await.chat_id, bot);
    assert_eq!(texts(&mut reader, bot).await, ["to many"]);
}
