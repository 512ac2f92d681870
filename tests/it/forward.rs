//! Messages that are sent on: one, several in one, a thread; and what is not sent on.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, content, id, message_id};
use protocol::command::Recall;
use protocol::content::Content;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn one_message_goes_to_a_group_a_person_and_a_thread_once_for_each_uuid() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let (from, to) = (app.group(&["e1001"]).await, app.group(&["e1001"]).await);
    let said = person.say(id(&from), "the plan").await.message_id;
    let path = |query: &str| format!("im/v1/messages/{said}/forward?{query}");
    let body = |receiver: &str| json!({ "receive_id": receiver });

    let sent = app.must(Method::POST, &path("receive_id_type=chat_id&uuid=u1"), body(&to)).await;
    assert_eq!((content(&sent)["text"].as_str(), &sent["chat_id"], &sent["sender"]["id"]), (Some("the plan"), &json!(to), &json!(APP.0)));
    assert_eq!(message_id(&app.must(Method::POST, &path("receive_id_type=chat_id&uuid=u1"), body(&to)).await), message_id(&sent));
    assert_ne!(message_id(&app.must(Method::POST, &path("receive_id_type=chat_id&uuid=u2"), body(&to)).await), message_id(&sent));
    let direct = app.must(Method::POST, &path("receive_id_type=user_id"), body("e1001")).await;
    assert_ne!(direct["chat_id"], json!(to));

    let root = message_id(&app.send(&to, "text", json!({ "text": "root" })).await);
    let reply = json!({ "msg_type": "text", "content": "{\"text\":\"first\"}", "reply_in_thread": true });
    let thread = app.must(Method::POST, &format!("im/v1/messages/{root}/reply"), reply).await["thread_id"].clone();
    let threaded = app.must(Method::POST, &path("receive_id_type=thread_id"), body(thread.as_str().expect("a thread"))).await;
    assert_eq!((&threaded["thread_id"], &threaded["root_id"]), (&thread, &json!(root)));

    for (query, receiver, code) in [
        ("", to.as_str(), 99_992_402),
        ("receive_id_type=chat_id", "", 99_992_402),
        ("receive_id_type=chat_id", "oc_none", 99_992_356),
        ("receive_id_type=thread_id", "omt_none", 230_019),
        ("receive_id_type=shoe", to.as_str(), 99_992_402),
    ] {
        assert_eq!(app.refused(Method::POST, &path(query), body(receiver)).await, code, "{query}");
    }
    let other = App::of(&server, OTHER_APP).await;
    assert_eq!(other.refused(Method::POST, &path("receive_id_type=user_id"), body("e1001")).await, 230_030, "a stranger learns nothing");
    person.must(Recall { message_id: said }).await;
    assert_eq!(app.refused(Method::POST, &path("receive_id_type=chat_id"), body(&to)).await, 230_011);
}

#[tokio::test]
async fn merged_messages_come_apart_again_when_they_are_read() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let (from, to) = (app.group(&["e1001"]).await, app.group(&["e1001"]).await);
    let first = person.say(id(&from), "one").await.message_id;
    let second = app.send(&from, "post", json!({ "zh_cn": { "title": "two", "content": [[{ "tag": "text", "text": "2" }]] } })).await;
    let gone = person.say(id(&from), "gone").await.message_id;
    person.must(Recall { message_id: gone }).await;
    let list = json!([message_id(&second), first, gone, "om_none"]);
    let path = "im/v1/messages/merge_forward?receive_id_type=chat_id&uuid=m1";
    let reply = app.must(Method::POST, path, json!({ "receive_id": to, "message_id_list": list })).await;
    let merged = reply["message"].clone();
    assert_eq!(
        (merged["msg_type"].as_str(), content(&merged)["content"].as_str()),
        (Some("merge_forward"), Some("Merged and Forwarded Message"))
    );
    assert_eq!(reply["invalid_message_id_list"], json!(["om_none", gone]));
    let again = app.must(Method::POST, path, json!({ "receive_id": to, "message_id_list": list })).await;
    assert_eq!(message_id(&again["message"]), message_id(&merged));

    let items =
        app.must(Method::GET, &format!("im/v1/messages/{}?user_id_type=user_id", message_id(&merged)), json!({})).await["items"].clone();
    let items = items.as_array().expect("items");
    assert_eq!(items.len(), 3, "{items:?}");
    assert_eq!((content(&items[1])["text"].as_str(), items[1]["sender"]["id"].as_str()), (Some("one"), Some("e1001")));
    assert_eq!((content(&items[2])["title"].as_str(), items[2]["sender"]["id_type"].as_str()), (Some("two"), Some("app_id")));
    for child in &items[1..] {
        assert_eq!(child["upper_message_id"], json!(message_id(&merged)));
        let alone = app.must(Method::GET, &format!("im/v1/messages/{}?user_id_type=user_id", message_id(child)), json!({})).await;
        assert_eq!(&alone["items"][0], child);
        let on = format!("im/v1/messages/{}/forward?receive_id_type=chat_id", message_id(child));
        assert_eq!(app.refused(Method::POST, &on, json!({ "receive_id": to })).await, 230_061);
    }
    assert_eq!(app.history(&to, "ByCreateTimeAsc", 50).await.len(), 1, "within a list it is one message");
    // One alone is merged too, as the call says.
    let single = app
        .must(Method::POST, "im/v1/messages/merge_forward?receive_id_type=chat_id", json!({ "receive_id": to, "message_id_list": [first] }))
        .await;
    assert_eq!(single["message"]["msg_type"], "merge_forward");
    let (_, seen) = person.message().await;
    assert!(!matches!(seen.content, Content::Unknown));
}

#[tokio::test]
async fn what_does_not_belong_together_is_not_merged() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let (from, to) = (app.group(&["e1001"]).await, app.group(&["e1001"]).await);
    let root = message_id(&app.send(&from, "text", json!({ "text": "root" })).await);
    let reply = json!({ "msg_type": "text", "content": "{\"text\":\"in the thread\"}", "reply_in_thread": true });
    let threaded = message_id(&app.must(Method::POST, &format!("im/v1/messages/{root}/reply"), reply).await);
    let elsewhere = message_id(&app.send(&to, "text", json!({ "text": "elsewhere" })).await);
    let path = "im/v1/messages/merge_forward?receive_id_type=chat_id";
    for (list, code) in [
        (json!([root, elsewhere]), 230_069),
        (json!([root, threaded]), 230_067),
        (json!(["om_none"]), 230_001),
        (json!([]), 99_992_402),
        (json!(vec![root.clone(); 101]), 99_992_402),
    ] {
        assert_eq!(app.refused(Method::POST, path, json!({ "receive_id": to, "message_id_list": list })).await, code, "{list}");
    }
    let kept = json!({ "config": { "enable_forward": false }, "elements": [{ "tag": "hr" }] });
    let card = message_id(&app.send(&from, "interactive", kept).await);
    assert_eq!(
        app.refused(Method::POST, &format!("im/v1/messages/{card}/forward?receive_id_type=chat_id"), json!({ "receive_id": to })).await,
        230_061
    );
}

#[tokio::test]
async fn a_thread_goes_on_as_one_message() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let (from, to) = (app.group(&["e1001"]).await, app.group(&["e1001"]).await);
    let root = message_id(&app.send(&from, "text", json!({ "text": "root" })).await);
    let mut thread = Value::Null;
    for text in ["a", "b"] {
        let reply = json!({ "msg_type": "text", "content": json!({ "text": text }).to_string(), "reply_in_thread": true });
        thread = app.must(Method::POST, &format!("im/v1/messages/{root}/reply"), reply).await["thread_id"].clone();
    }
    let path = format!("im/v1/threads/{}/forward?receive_id_type=chat_id&uuid=t1", thread.as_str().expect("a thread"));
    let sent = app.must(Method::POST, &path, json!({ "receive_id": to })).await;
    assert_eq!(message_id(&app.must(Method::POST, &path, json!({ "receive_id": to })).await), message_id(&sent));
    let items = app.must(Method::GET, &format!("im/v1/messages/{}", message_id(&sent)), json!({})).await["items"].clone();
    let texts: Vec<Value> = items.as_array().expect("items").iter().skip(1).map(|item| content(item)["text"].clone()).collect();
    assert_eq!(texts, ["root", "a", "b"]);
    let other = App::of(&server, OTHER_APP).await;
    let path = format!("im/v1/threads/{}/forward?receive_id_type=user_id", thread.as_str().expect("a thread"));
    assert_eq!(other.refused(Method::POST, &path, json!({ "receive_id": "e1001" })).await, 230_019);
}
