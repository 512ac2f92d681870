//! One message to many: each person gets it once, whatever happens meanwhile; progress, who has read it, recall.

use crate::support::app::{APP, App, OTHER_APP, id};
use crate::support::{PATIENCE, Server, text_of};
use protocol::command::{History, ReceiptUpTo};
use protocol::event::Event;
use protocol::record::Change;
use reqwest::Method;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const SEND: &str = "message/v4/batch_send/";

fn text(text: &str, to: Value) -> Value {
    let mut body = json!({ "msg_type": "text", "content": { "text": text } });
    body.as_object_mut().expect("an object").extend(to.as_object().expect("an object").clone());
    body
}

fn batch_id(reply: &Value) -> String {
    reply["message_id"].as_str().unwrap_or_else(|| panic!("no id: {reply}")).to_owned()
}

/// The progress when a count has been reached.
async fn progress(app: &App, batch: &str, reached: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let progress = app.must(Method::GET, &format!("im/v1/batch_messages/{batch}/get_progress"), json!({})).await;
        if reached(&progress) {
            return progress;
        }
        assert!(started.elapsed() < PATIENCE * 3, "it does not get there: {progress}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sent(count: u64) -> impl Fn(&Value) -> bool {
    move |progress| progress["batch_message_send_progress"]["success_user_ids_count"].as_u64() >= Some(count)
}

/// Imports a department of so many people, and gives its id.
async fn department(server: &mut Server, people: usize) -> String {
    server.terminate().await;
    let mut table = String::from("user_id,name,department\n");
    for number in 0..people {
        let _ = writeln!(table, "m{number:06},人 {number},Many");
    }
    let file = server.data().with_extension("csv");
    std::fs::write(&file, table).expect("the table can be written");
    let imported = server.operator(&["people", "import", file.to_str().expect("the path is text")]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    server.restart().await;
    let app = App::of(server, APP).await;
    let departments = app.must(Method::GET, "contact/v3/departments/0/children?page_size=50", json!({})).await;
    let many =
        departments["items"].as_array().expect("items").iter().find(|one| one["name"] == "Many").expect("the department is there").clone();
    many["open_department_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_message_to_many_reaches_each_person_once_however_often_the_server_is_killed() {
    const PEOPLE: usize = 2_000;
    let mut server = Server::start().await;
    let department = department(&mut server, PEOPLE).await;
    let mut app = App::of(&server, APP).await;
    let reply = app.must(Method::POST, SEND, text("to everybody here", json!({ "department_ids": [department], "uuid": "once" }))).await;
    let batch = batch_id(&reply);
    for kill in 1..=3 {
        progress(&app, &batch, sent(kill * 300)).await;
        server.kill_and_restart().await;
        app = App::of(&server, APP).await;
    }
    let again = app.must(Method::POST, SEND, text("to everybody here", json!({ "department_ids": [department], "uuid": "once" }))).await;
    assert_eq!(batch_id(&again), batch, "the same call once more is the same job");
    let done = progress(&app, &batch, sent(PEOPLE as u64)).await;
    assert_eq!(
        done["batch_message_send_progress"],
        json!({ "valid_user_ids_count": PEOPLE, "success_user_ids_count": PEOPLE, "read_user_ids_count": 0 })
    );
    server.terminate().await;
    let database = rusqlite::Connection::open(server.data().join("clarion.db")).expect("the database opens");
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count");
    assert_eq!(count("SELECT count(*) FROM batch_messages"), PEOPLE as i64);
    assert_eq!(count("SELECT count(DISTINCT partition) FROM batch_messages"), PEOPLE as i64, "each person has one");
    assert_eq!(count("SELECT count(*) FROM log"), PEOPLE as i64, "and nothing else was written");
    let audit = server.operator(&["check"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[tokio::test]
async fn who_has_read_it_is_counted_and_it_can_be_taken_back() {
    let mut server = Server::start().await;
    let mut app = App::of(&server, APP).await;
    let mut reader = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    let to = json!({ "user_ids": ["e1001", "e1002", "nobody"], "open_ids": [app.open_id("e1001").await, "ou_none"], "union_ids": ["on_none"], "department_ids": ["0", "od-none"] });
    let reply = app.must(Method::POST, SEND.trim_end_matches('/'), text("read me", to)).await;
    let batch = batch_id(&reply);
    assert!(batch.starts_with("bm-"));
    assert_eq!(
        (&reply["invalid_user_ids"], &reply["invalid_open_ids"], &reply["invalid_union_ids"], &reply["invalid_department_ids"]),
        (&json!(["nobody"]), &json!(["ou_none"]), &json!(["on_none"]), &json!(["0", "od-none"]))
    );
    let (record, message) = reader.message().await;
    assert_eq!((text_of(&message), record.by.as_str()), ("read me", APP.0));
    other.message().await;
    progress(&app, &batch, sent(2)).await;
    reader.must(ReceiptUpTo { chat_id: record.chat_id, delivered_seq: None, read_seq: Some(record.seq) }).await;
    let read = |app: App, batch: String| async move {
        app.must(Method::GET, &format!("im/v1/batch_messages/{batch}/read_user"), json!({})).await["read_user"].clone()
    };
    assert_eq!(read(App::of(&server, APP).await, batch.clone()).await, json!({ "read_count": "1", "total_count": "2" }));
    // Kept a moment later, and then whatever happens.
    server.receipts_written().await;
    server.kill_and_restart().await;
    app = App::of(&server, APP).await;
    assert_eq!(read(App::of(&server, APP).await, batch.clone()).await, json!({ "read_count": "1", "total_count": "2" }));

    let mut reader = server.client("e1001").await;
    app.must(Method::DELETE, &format!("im/v1/batch_messages/{batch}"), json!({})).await;
    let gone = reader
        .event("the message is taken back", |event| match event {
            Event::Record(record) => match &record.change {
                Change::Recalled(recalled) => Some(recalled.message_id),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(gone, message.message_id);
    let recalled = progress(&app, &batch, |progress| progress["batch_message_recall_progress"]["recall_count"] == 2).await;
    assert_eq!(recalled["batch_message_recall_progress"], json!({ "recall": true, "recall_count": 2 }));
    app.must(Method::DELETE, &format!("im/v1/batch_messages/{batch}"), json!({})).await;
    let page = reader.must(History { chat_id: record.chat_id, ..History::default() }).await;
    assert!(matches!(&page.records[0].change, Change::Message(message) if message.recalled_by.is_some()), "{page:?}");
}

#[tokio::test]
async fn people_write_and_are_read_while_a_message_goes_to_many() {
    let mut server = Server::start().await;
    let department = department(&mut server, 3_000).await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let mut peer = server.client("e1002").await;
    let chat = person.direct("e1002").await;
    let batch = batch_id(&app.must(Method::POST, SEND, text("to many", json!({ "department_ids": [department] }))).await);
    for number in 0..50 {
        person.say(chat, &format!("line {number}")).await;
        assert_eq!(text_of(&peer.message().await.1), format!("line {number}"));
    }
    // What is not sent yet can still be stopped.
    app.must(Method::DELETE, &format!("im/v1/batch_messages/{batch}"), json!({})).await;
    let stopped = progress(&app, &batch, |progress| {
        let (sent, recalled) = (
            &progress["batch_message_send_progress"]["success_user_ids_count"],
            &progress["batch_message_recall_progress"]["recall_count"],
        );
        sent == recalled
    })
    .await;
    assert_eq!(stopped["batch_message_recall_progress"]["recall"], true);
}

#[tokio::test]
async fn a_message_to_many_that_cannot_be_is_refused_as_the_old_call_does() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let to = json!({ "user_ids": ["e1001"] });
    for (body, code) in [
        (text("x", json!({})), 10_003),
        (text("x", json!({ "user_ids": ["nobody"] })), 10_003),
        (text("x", json!({ "user_ids": "e1001" })), 10_003),
        (json!({ "msg_type": "telegram", "content": {}, "user_ids": ["e1001"] }), 10_003),
        (json!({ "msg_type": "text", "content": "{}", "user_ids": ["e1001"] }), 10_003),
        (json!({ "msg_type": "image", "content": { "image_key": "img_v3_none" }, "user_ids": ["e1001"] }), 10_003),
        (json!({ "msg_type": "interactive", "card": { "schema": "2.0" }, "user_ids": ["e1001"] }), 11_246),
        (text("<at user_id=\"all\"></at>", to.clone()), 11_235),
    ] {
        let (status, reply) = app.json(Method::POST, SEND, body.clone()).await;
        assert_eq!((status, &reply["code"]), (200, &json!(code)), "{body}: {reply}");
        assert!(reply["error"]["log_id"].is_string() && !reply["msg"].as_str().unwrap_or_default().is_empty());
    }
    let post = json!({ "msg_type": "post", "content": { "post": { "zh_cn": { "title": "T", "content": [[{ "tag": "text", "text": "x" }]] } } }, "user_ids": ["e1001"] });
    let batch = batch_id(&app.must(Method::POST, SEND, post).await);
    let group = app.group(&["e1001"]).await;
    let share = json!({ "msg_type": "share_chat", "content": { "share_chat_id": group }, "user_ids": ["e1001"] });
    app.must(Method::POST, SEND, share).await;
    let card = json!({ "msg_type": "interactive", "card": { "elements": [{ "tag": "hr" }] }, "user_ids": ["e1001"] });
    app.must(Method::POST, SEND, card).await;
    let mut person = server.client("e1001").await;
    drop(person.must(History { chat_id: id(&group), ..History::default() }).await);
    for (method, path) in [(Method::GET, "get_progress"), (Method::GET, "read_user"), (Method::DELETE, "")] {
        let path = format!("im/v1/batch_messages/{batch}/{path}");
        assert_eq!(other.refused(method.clone(), path.trim_end_matches('/'), json!({})).await, 230_001, "another app's job");
        assert_eq!(app.refused(method, path.replace(&batch, "bm-none").trim_end_matches('/'), json!({})).await, 230_001);
    }
}
