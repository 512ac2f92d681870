//! Business systems over the open API and people over the client protocol, in the same chats.

use crate::support::app::{APP, App, OTHER_APP, content, id};
use crate::support::{Server, text_message, text_of};
use protocol::command::{Recall, Send};
use protocol::content::{Content, Post, Text};
use reqwest::{Method, header};
use serde_json::{Value, json};

#[tokio::test]
async fn a_mention_means_the_same_person_on_both_sides() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001", "e1002"]).await;
    let open_id = app.open_id("e1002").await;

    app.send(&chat, "text", json!({ "text": format!("<at user_id=\"{open_id}\"></at> look, <at user_id=\"all\"></at>") })).await;
    let (_, seen) = person.message().await;
    let name = app.must(Method::GET, "contact/v3/users/e1002?user_id_type=user_id", json!({})).await["user"]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    assert_eq!(text_of(&seen), format!("@{name} look, @所有人"));
    assert_eq!((seen.mentions, seen.mention_all), (vec!["e1002".to_owned()], true));

    let said = Send {
        content: Content::Text(Text { text: format!("thanks @{name}, @所有人") }),
        mentions: vec!["e1002".into()],
        mention_all: true,
        ..text_message(id(&chat), "said", "")
    };
    let sent = person.must(said).await;
    let read = app.must(Method::GET, &format!("im/v1/messages/{}", sent.message_id), json!({})).await["items"][0].clone();
    assert_eq!(content(&read)["text"], "thanks @_user_1, @_all");
    assert_eq!((&read["mentions"][0]["id"], &read["mentions"][0]["name"]), (&json!(open_id), &json!(name)));
    assert_eq!(read["sender"]["sender_type"], "user");
}

#[tokio::test]
async fn what_people_write_reads_in_the_platforms_form() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let post =
        json!({ "title": "T", "content": [[{ "tag": "text", "text": "a" }, { "tag": "at", "user_id": "e1001", "user_name": "x" }]] });
    let said = Send {
        content: Content::Post(Post { post: post.to_string() }),
        mentions: vec!["e1001".into()],
        ..text_message(id(&chat), "post", "")
    };
    person.must(said).await;
    let gone = person.say(id(&chat), "never mind").await;
    person.must(Recall { message_id: gone.message_id }).await;

    let messages = app.history(&chat, "ByCreateTimeAsc", 50).await;
    assert_eq!(messages.len(), 2, "that the group was made is no message: {messages:?}");
    assert_eq!(messages[0]["msg_type"], "post");
    assert_eq!(content(&messages[0])["content"][0][1]["user_id"], "@_user_1");
    assert_eq!((&messages[1]["deleted"], &messages[1]["body"]["content"]), (&json!(true), &json!("This message was recalled")));
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_people_write_and_react() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let mut before = Vec::new();
    for number in 0..30 {
        before.push(person.say(id(&chat), &format!("line {number}")).await.message_id.to_string());
    }
    for order in ["ByCreateTimeAsc", "ByCreateTimeDesc"] {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("im/v1/messages?container_id_type=chat&container_id={chat}&sort_type={order}&page_size=7{token}");
            let page = app.must(Method::GET, &path, json!({})).await;
            found
                .extend(page["items"].as_array().expect("items").iter().map(|item| item["message_id"].as_str().expect("an id").to_owned()));
            person.say(id(&chat), "meanwhile").await;
            person.must(protocol::command::React { message_id: before[3].parse().expect("an id"), emoji: "OK".into() }).await;
            match page["page_token"].as_str() {
                Some(next) if found.len() < 60 => token = format!("&page_token={next}"),
                _ => break,
            }
        }
        if order.ends_with("Desc") {
            found.reverse();
        }
        let old: Vec<&String> = found.iter().filter(|id| before.contains(id)).collect();
        assert_eq!(old, before.iter().collect::<Vec<_>>(), "{order}");
        let mut once = found.clone();
        once.dedup();
        assert_eq!(once, found, "{order}");
    }
}

#[tokio::test]
async fn a_thread_is_read_by_its_id_and_stands_in_the_chat_as_its_first_message() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001"]).await;
    let root = app.send(&chat, "text", json!({ "text": "root" })).await;
    let path = format!("im/v1/messages/{}/reply", root["message_id"].as_str().expect("an id"));
    let mut thread = Value::Null;
    for number in 0..5 {
        let body =
            json!({ "msg_type": "text", "content": json!({ "text": format!("answer {number}") }).to_string(), "reply_in_thread": true });
        thread = app.must(Method::POST, &path, body).await["thread_id"].clone();
    }
    let thread = thread.as_str().expect("a thread_id");
    assert_eq!(app.history(&chat, "ByCreateTimeAsc", 50).await.len(), 1);
    for (order, first) in [("ByCreateTimeAsc", "root"), ("ByCreateTimeDesc", "answer 4")] {
        let (mut texts, mut token) = (Vec::new(), String::new());
        loop {
            let path = format!("im/v1/messages?container_id_type=thread&container_id={thread}&sort_type={order}&page_size=2{token}");
            let page = app.must(Method::GET, &path, json!({})).await;
            texts.extend(page["items"].as_array().expect("items").iter().map(|item| content(item)["text"].clone()));
            match page["page_token"].as_str() {
                Some(next) => token = format!("&page_token={next}"),
                None => break,
            }
        }
        assert_eq!((texts.len(), &texts[0]), (6, &json!(first)), "{order}: {texts:?}");
    }
}

#[tokio::test]
async fn a_picture_of_a_bot_is_seen_by_members_and_by_nobody_else() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let chat = app.group(&["e1001"]).await;
    // The smallest PNG, in a part without file name and content type, as the Python SDK sends it.
    let png = hex::decode("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082").expect("hexadecimal digits");
    let mut body = b"--edge\r\nContent-Disposition: form-data; name=\"image_type\"\r\n\r\nmessage\r\n--edge\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n".to_vec();
    body.extend(&png);
    body.extend(b"\r\n--edge--\r\n");
    let request = app.http.post(format!("{}/im/v1/images", app.base)).header(header::AUTHORIZATION, format!("Bearer {}", app.token));
    let reply =
        request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge").body(body).send().await.expect("the server answers");
    let reply: Value = reply.json().await.expect("JSON");
    let key = reply["data"]["image_key"].as_str().unwrap_or_else(|| panic!("no key: {reply}")).to_owned();

    assert_eq!(other.refused(Method::GET, &format!("im/v1/images/{key}"), json!({})).await, 234_008);
    let sent = app.send(&chat, "image", json!({ "image_key": key })).await;
    assert_eq!(content(&sent)["image_key"], json!(key));
    let resource = format!("im/v1/messages/{}/resources/{key}?type=image", sent["message_id"].as_str().expect("an id"));
    let fetched = app.call(Method::GET, &resource, "").await;
    assert_eq!(fetched.headers()[header::CONTENT_TYPE], "image/png");
    assert_eq!(fetched.bytes().await.expect("bytes").to_vec(), png);
    assert_eq!(other.refused(Method::GET, &resource, json!({})).await, 234_003);
    let body =
        json!({ "receive_id": other.group(&["e1001"]).await, "msg_type": "image", "content": json!({ "image_key": key }).to_string() });
    assert_eq!(
        other.refused(Method::POST, "im/v1/messages?receive_id_type=chat_id", body).await,
        230_017,
        "who cannot see it cannot post it"
    );
}

#[tokio::test]
async fn an_app_that_calls_too_often_is_told_when_to_come_back() {
    let server = Server::start_with(&[("CLARION_OPEN_API_CALLS_PER_SECOND", "3")]).await;
    let app = App::of(&server, APP).await;
    for _ in 0..200 {
        let reply = app.call(Method::GET, "bot/v3/info", "").await;
        if reply.status() == 429 {
            assert_eq!(
                (reply.headers()["x-ogw-ratelimit-limit"].as_bytes(), reply.headers()["x-ogw-ratelimit-reset"].as_bytes()),
                (&b"3"[..], &b"1"[..])
            );
            let body: Value = reply.json().await.expect("JSON");
            assert_eq!(body["code"], 99_991_400);
            return;
        }
    }
    panic!("200 calls at once were all taken");
}

#[tokio::test]
async fn all_bots_together_do_not_flood_a_chat_and_are_told_when_to_come_back() {
    let server = Server::start_with(&[("CLARION_OPEN_API_SENDS_PER_SECOND_PER_CHAT", "2")]).await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let chat = app.group(&["e1001"]).await;
    app.must(Method::POST, &format!("im/v1/chats/{chat}/members?member_id_type=app_id"), json!({ "id_list": [OTHER_APP.0] })).await;
    let body = json!({ "receive_id": chat, "msg_type": "text", "content": json!({ "text": "alarm" }).to_string() }).to_string();
    for turn in 0..200 {
        let bot = if turn % 2 == 0 { &app } else { &other };
        let reply = bot.call(Method::POST, "im/v1/messages?receive_id_type=chat_id", body.clone()).await;
        if reply.status() == 400 {
            assert_eq!(
                (reply.headers()["x-ogw-ratelimit-limit"].as_bytes(), reply.headers()["x-ogw-ratelimit-reset"].as_bytes()),
                (&b"2"[..], &b"1"[..])
            );
            assert_eq!(reply.json::<Value>().await.expect("JSON")["code"], 230_020);
            let elsewhere = app.group(&["e1002"]).await;
            app.send(&elsewhere, "text", json!({ "text": "another chat has its own" })).await;
            return;
        }
    }
    panic!("200 messages at once were all taken");
}

#[tokio::test]
async fn a_body_of_any_size_or_form_is_answered() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let reply = app.call(Method::POST, "im/v1/messages?receive_id_type=chat_id", vec![b' '; 3 << 20]).await;
    assert_eq!(reply.status(), 413);
    assert_eq!(reply.json::<Value>().await.expect("JSON")["code"], 9_499);

    let calls = [
        (Method::POST, "im/v1/messages?receive_id_type=chat_id"),
        (Method::POST, "im/v1/chats"),
        (Method::PUT, "im/v1/chats/oc_00000000000000000000000000000000"),
        (Method::POST, "im/v1/chats/x/members?succeed_type=9"),
        (Method::GET, "im/v1/messages?container_id_type=chat&page_size=-1&start_time=99999999999999999999"),
        (Method::GET, "contact/v3/departments/%ff/children?page_size=%00"),
        (Method::POST, "contact/v3/users/batch_get_id"),
        (Method::DELETE, "im/v1/messages/om_%E4%BD%A0"),
        (Method::POST, "im/v1/images"),
        (Method::PATCH, "im/v1/chats"),
        (Method::GET, "im/v1/%2e%2e%2f%2e%2e%2fetc"),
    ];
    let mut random = 0x2545_f491_4f6c_dd1du64;
    for turn in 0..1_000 {
        let (method, path) = &calls[turn % calls.len()];
        let mut body = Vec::new();
        for _ in 0..turn % 40 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let pieces: [&[u8]; 12] = [
                b"{",
                b"}",
                b"[",
                b"\"content\":",
                b"\"receive_id\":",
                b"\"id_list\":",
                b"null",
                b",",
                b"1e999",
                b"\"\\ud800\"",
                b"\xff",
                b"\"name\":true",
            ];
            body.extend(pieces[random as usize % pieces.len()]);
        }
        let reply = app.call(method.clone(), path, body.clone()).await;
        let status = reply.status().as_u16();
        let answer: Value = reply.json().await.unwrap_or_else(|error| panic!("{method} {path} {body:?}: {error}"));
        assert!(status < 500 && answer["code"].is_number(), "{method} {path} {}: {status} {answer}", String::from_utf8_lossy(&body));
    }
    app.group(&["e1001"]).await;
}
