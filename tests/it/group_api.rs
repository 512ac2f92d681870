//! Groups as business systems keep them: acting as the owner by scope, restricted mode over the API, many calls at once.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP};
use protocol::command::Forward;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn who_made_a_group_acts_as_its_owner_only_with_the_scope() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let body = json!({ "name": "Handed over", "owner_id": "e1001", "user_id_list": ["e1002"], "bot_id_list": [OTHER_APP.0] });
    let made = app.must(Method::POST, "im/v1/chats?user_id_type=user_id", body).await;
    let chat = format!("im/v1/chats/{}", made["chat_id"].as_str().expect("a chat_id"));
    let moderation = format!("{chat}/moderation");
    let managers = format!("{chat}/managers/add_managers?member_id_type=user_id");
    let (config, posting, named) =
        (json!({ "urgent_setting": "only_owner" }), json!({ "moderation_setting": "only_owner" }), json!({ "manager_ids": ["e1002"] }));
    assert_eq!(app.refused(Method::PUT, &chat, config.clone()).await, 232_016);
    assert_eq!(app.refused(Method::PUT, &moderation, posting.clone()).await, 232_017);
    assert_eq!(app.refused(Method::POST, &managers, named.clone()).await, 232_038);

    for app in [APP, OTHER_APP] {
        let given = server.operator(&["app", "scopes", app.0, "--add", "im:chat:operate_as_owner"]);
        assert!(given.status.success(), "{}", String::from_utf8_lossy(&given.stderr));
    }
    // An operator's change counts within moments, on a server that runs.
    let mut tries = 0;
    while app.json(Method::PUT, &chat, config.clone()).await.0 != 200 {
        tries += 1;
        assert!(tries < 200, "the scope does not count");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    app.must(Method::PUT, &moderation, posting.clone()).await;
    app.must(Method::POST, &managers, named).await;
    assert_eq!(other.refused(Method::PUT, &moderation, posting).await, 232_017, "who has not made the group acts as what it is");
    app.must(Method::DELETE, &format!("{chat}/members?member_id_type=app_id"), json!({ "id_list": [APP.0] })).await;
    assert_eq!(app.refused(Method::PUT, &chat, config).await, 232_011, "only while it is in the group");
}

#[tokio::test]
async fn what_is_in_a_restricted_group_stays_there_for_programs_too() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let elsewhere = app.group(&["e1001"]).await;
    let sent = app.send(&chat, "text", json!({ "text": "the number" })).await;
    let message = sent["message_id"].as_str().expect("an id").to_owned();
    let mode = json!({ "status": true, "download_has_permission_setting": "not_anyone", "message_has_permission_setting": "not_anyone" });
    app.must(Method::PUT, &format!("im/v1/chats/{chat}"), json!({ "restricted_mode_setting": mode })).await;
    let forward = format!("im/v1/messages/{message}/forward?receive_id_type=chat_id");
    assert_eq!(app.refused(Method::POST, &forward, json!({ "receive_id": elsewhere })).await, 230_070);
    let merge = json!({ "receive_id": elsewhere, "message_id_list": [message] });
    assert_eq!(app.refused(Method::POST, "im/v1/messages/merge_forward?receive_id_type=chat_id", merge).await, 230_070);
    let forward = Forward {
        message_ids: vec![message.parse().expect("an id")],
        chat_id: elsewhere.parse().expect("an id"),
        client_message_id: "f".into(),
        form: None,
    };
    assert_eq!(person.refused(forward).await, 2017);

    let reader = App::of(&server, OTHER_APP).await;
    let file = app.uploaded("stream", "plan.bin", "", b"secret").await;
    app.must(Method::POST, &format!("im/v1/chats/{chat}/members?member_id_type=app_id"), json!({ "id_list": [OTHER_APP.0] })).await;
    let sent = app.send(&chat, "file", json!({ "file_key": file })).await;
    let resource = format!("im/v1/messages/{}/resources/{file}?type=file", sent["message_id"].as_str().expect("an id"));
    assert_eq!(reader.refused(Method::GET, &resource, json!({})).await, 234_038);
    app.must(Method::PUT, &format!("im/v1/chats/{chat}"), json!({ "restricted_mode_setting": { "status": false } })).await;
    assert_eq!(reader.call(Method::GET, &resource, "").await.bytes().await.expect("bytes")[..], *b"secret");
}

#[tokio::test]
async fn calls_on_one_group_at_once_all_count() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&[]).await;
    let members = format!("im/v1/chats/{chat}/members?member_id_type=user_id");
    let calls = (1001..1021).map(|number| app.json(Method::POST, &members, json!({ "id_list": [format!("e{number}")] })));
    for (status, reply) in futures_util::future::join_all(calls).await {
        assert_eq!(status, 200, "{reply}");
    }
    let tabs = format!("im/v1/chats/{chat}/chat_tabs");
    let tab = |number: usize| json!({ "chat_tabs": [{ "tab_name": format!("{number}"), "tab_type": "url", "tab_content": { "url": "https://example.com" } }] });
    for (status, reply) in futures_util::future::join_all((0..20).map(|number| app.json(Method::POST, &tabs, tab(number)))).await {
        assert_eq!(status, 200, "{reply}");
    }
    let read = app.must(Method::GET, &format!("im/v1/chats/{chat}"), Value::Null).await;
    assert_eq!(read["user_count"], "20");
    let listed = app.must(Method::GET, &format!("{tabs}/list_tabs"), Value::Null).await;
    assert_eq!(listed["chat_tabs"].as_array().expect("tabs").len(), 23, "none was written over");
}
