//! Who has read a message, over the open API: in any chat, of any age, in a group of everybody.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, id, message_id};
use protocol::command::{AddMembers, CreateGroup, Leave, Readers, ReceiptUpTo};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

async fn all(app: &App, path: &str, size: usize) -> (Vec<Value>, Value) {
    let (mut items, mut token, mut first) = (Vec::new(), String::new(), Value::Null);
    loop {
        let page = app.must(Method::GET, &format!("{path}?user_id_type=user_id&page_size={size}{token}"), json!({})).await;
        items.extend(page["items"].as_array().expect("items").iter().cloned());
        if first.is_null() {
            first = page.clone();
        }
        match page["page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return (items, first),
        }
    }
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().filter_map(|item| item["user_id"].as_str()).collect()
}

#[tokio::test]
async fn readers_are_told_with_the_time_and_the_others_with_their_number() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001", "e1002", "e1003"]).await;
    let mut reader = server.client("e1001").await;
    let mut author = server.client("e1002").await;
    let sent = message_id(&app.send(&chat, "text", json!({ "text": "read me" })).await);
    let (record, _) = reader.message().await;
    let read = format!("im/v1/messages/{sent}/read_users");
    let unread = format!("clarion/v1/messages/{sent}/unread_users");
    assert!(all(&app, &read, 20).await.0.is_empty());
    reader.must(ReceiptUpTo { chat_id: id(&chat), delivered_seq: None, read_seq: Some(record.seq) }).await;
    let (items, _) = all(&app, &read, 20).await;
    assert_eq!(ids(&items), ["e1001"]);
    let at_ms: u64 = items[0]["timestamp"].as_str().and_then(|time| time.parse().ok()).expect("a time");
    assert!(at_ms >= record.at_ms && items[0]["user_id_type"] == "user_id" && items[0]["tenant_key"].is_string(), "{items:?}");
    // Whoever writes has read what stands before.
    let theirs = author.say(id(&chat), "mine").await.message_id;
    let (items, first) = all(&app, &unread, 1).await;
    assert_eq!(ids(&items), ["e1003"]);
    assert_eq!((&first["read_count"], &first["unread_count"]), (&json!(2), &json!(1)));
    // Of others' messages too; the bot that asks is no person.
    let (items, _) = all(&app, &format!("clarion/v1/messages/{theirs}/unread_users"), 20).await;
    assert_eq!(ids(&items), ["e1001", "e1003"]);
    let open = app.must(Method::GET, &format!("{read}?user_id_type=open_id"), json!({})).await;
    assert_eq!(open["items"][0]["user_id"], json!(app.open_id("e1001").await));

    server.receipts_written().await;
    server.kill_and_restart().await;
    let app = App::of(&server, APP).await;
    let (items, _) = all(&app, &read, 20).await;
    assert_eq!(ids(&items), ["e1001", "e1002"]);
    assert_eq!(items[0]["timestamp"], json!(at_ms.to_string()), "the time is kept");

    // One to one as well.
    let direct = app
        .must(
            Method::POST,
            "im/v1/messages?receive_id_type=user_id",
            json!({ "receive_id": "e1001", "msg_type": "text", "content": "{\"text\":\"x\"}" }),
        )
        .await;
    let path = format!("im/v1/messages/{}/read_users", message_id(&direct));
    assert!(all(&app, &path, 20).await.0.is_empty());
    let mut reader = server.client("e1001").await;
    reader
        .must(ReceiptUpTo {
            chat_id: direct["chat_id"].as_str().and_then(|id| id.parse().ok()).expect("a chat"),
            delivered_seq: None,
            read_seq: Some(1),
        })
        .await;
    assert_eq!(ids(&all(&app, &path, 20).await.0), ["e1001"]);

    let other = App::of(&server, OTHER_APP).await;
    assert_eq!(other.refused(Method::GET, &format!("{read}?user_id_type=user_id"), json!({})).await, 230_030);
    assert_eq!(app.refused(Method::GET, &read, json!({})).await, 99_992_402);
    assert_eq!(app.refused(Method::GET, &format!("{read}?user_id_type=user_id&page_size=101"), json!({})).await, 99_992_402);
    assert_eq!(app.refused(Method::GET, &format!("{read}?user_id_type=user_id&page_token=x"), json!({})).await, 99_992_402);
    app.must(Method::DELETE, &format!("im/v1/messages/{sent}"), json!({})).await;
    assert_eq!(app.refused(Method::GET, &format!("{read}?user_id_type=user_id"), json!({})).await, 230_011);
}

#[tokio::test]
async fn in_a_group_of_twenty_thousand_everybody_is_named_once() {
    const PEOPLE: usize = 20_000;
    let mut server = Server::start().await;
    server.terminate().await;
    let mut table = String::from("user_id,name,department\n");
    for number in 0..PEOPLE {
        let _ = writeln!(table, "g{number:06},人 {number},Great");
    }
    let file = server.data().with_extension("csv");
    std::fs::write(&file, table).expect("the table can be written");
    assert!(server.operator(&["people", "import", file.to_str().expect("the path is text")]).status.success());
    server.restart().await;
    let app = App::of(&server, APP).await;
    let mut owner = server.client("e1001").await;
    let mut reader = server.client("e1002").await;
    let mut leaver = server.client("e1003").await;
    let departments = app.must(Method::GET, "contact/v3/departments/0/children?page_size=50", json!({})).await;
    let great = departments["items"].as_array().expect("items").iter().find(|one| one["name"] == "Great").expect("the department")["open_department_id"].as_str().expect("an id").to_owned();
    let group = CreateGroup {
        client_message_id: "g".into(),
        name: "G".into(),
        department_ids: vec![great],
        user_ids: vec!["e1002".into(), "e1003".into(), APP.0.into()],
        ..CreateGroup::default()
    };
    let chat = owner.must(group).await.chat_id;
    let sent = message_id(&app.send(&chat.to_string(), "text", json!({ "text": "to all" })).await);
    // Who comes later is not asked for it.
    owner.must(AddMembers { chat_id: chat, user_ids: vec!["e1004".into()], ..AddMembers::default() }).await;
    reader.must(ReceiptUpTo { chat_id: chat, delivered_seq: None, read_seq: Some(2) }).await;
    leaver.must(Leave { chat_id: chat }).await;

    assert_eq!(ids(&all(&app, &format!("im/v1/messages/{sent}/read_users"), 100).await.0), ["e1002"]);
    let (items, first) = all(&app, &format!("clarion/v1/messages/{sent}/unread_users"), 100).await;
    assert_eq!((&first["read_count"], &first["unread_count"]), (&json!(1), &json!(PEOPLE + 1)));
    let named: BTreeSet<&str> = ids(&items).into_iter().collect();
    assert_eq!((items.len(), named.len()), (PEOPLE + 1, PEOPLE + 1));
    assert!(named.contains("e1001") && named.contains("g019999") && !named.contains("e1004") && !named.contains(APP.0));
    let told = owner.must(Readers { message_id: sent.parse().expect("an id"), unread: true, ..Readers::default() }).await;
    assert_eq!((told.read_count, told.unread_count, told.readers.len()), (1, PEOPLE as u32 + 1, 100));
}
