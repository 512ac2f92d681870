//! Files over the open API: in one go, in parts over broken connections and crashes, and fetched by ranges.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, content, message_id};
use reqwest::{Method, header};
use serde_json::{Value, json};

const PNG: &str = "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082";

fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let next = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state as u8
    };
    (0..count).map(|_| next(&mut state)).collect()
}

async fn ranged(app: &App, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = app.http.get(format!("{}/{path}", app.base)).header(header::AUTHORIZATION, format!("Bearer {}", app.token));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("the server answers")
}

#[tokio::test]
async fn a_part_of_a_file_is_fetched_by_its_range() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001"]).await;
    let whole = bytes(1_000);
    let key = app.uploaded("stream", "报告 \"1\".bin", "", &whole).await;
    let sent = message_id(&app.send(&chat, "file", json!({ "file_key": key })).await);
    let path = format!("im/v1/messages/{sent}/resources/{key}?type=file");
    let all = ranged(&app, &path, &[]).await;
    assert_eq!((all.status().as_u16(), all.headers()[header::ACCEPT_RANGES].as_bytes()), (200, &b"bytes"[..]));
    let name = all.headers()[header::CONTENT_DISPOSITION].to_str().expect("plain letters").to_owned();
    assert!(name.contains("filename*=UTF-8''%E6%8A%A5%E5%91%8A%20") && name.starts_with("attachment; filename=\""), "{name}");
    let tag = all.headers()[header::ETAG].to_str().expect("plain letters").to_owned();
    for (range, expected) in [("bytes=0-9", 0..10), ("bytes=990-", 990..1_000), ("bytes=-5", 995..1_000)] {
        let part = ranged(&app, &path, &[("range", range), ("if-range", &tag)]).await;
        assert_eq!(part.status(), 206);
        assert_eq!(part.headers()[header::CONTENT_RANGE], format!("bytes {}-{}/1000", expected.start, expected.end - 1));
        assert_eq!(part.bytes().await.expect("bytes").to_vec(), whole[expected]);
    }
    let outside = ranged(&app, &path, &[("range", "bytes=1000-")]).await;
    assert_eq!((outside.status().as_u16(), outside.headers()[header::CONTENT_RANGE].as_bytes()), (416, &b"bytes */1000"[..]));
    assert_eq!(outside.json::<Value>().await.expect("JSON")["code"], 234_001);
    assert_eq!(ranged(&app, &path, &[("range", "bytes=0-9"), ("if-range", "\"another\"")]).await.status(), 200);
    assert_eq!(
        ranged(&app, &format!("im/v1/files/{key}"), &[("range", "bytes=5-5")]).await.bytes().await.expect("bytes").to_vec(),
        whole[5..6]
    );
}

#[tokio::test]
async fn each_kind_of_file_is_sent_as_what_it_was_uploaded() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let opus = app.uploaded("opus", "voice.opus", "4200", b"OggS....").await;
    let film = app.uploaded("mp4", "film.mp4", "61000", b"\0\0\0\x18ftypmp42........").await;
    let stream = app.uploaded("stream", "x.bin", "", b"1").await;
    let png = hex::decode(PNG).expect("hexadecimal digits");
    let (_, picture) = app.upload("im/v1/images", &[("image_type", b"message"), ("image", &png)]).await;
    let picture = picture["data"]["image_key"].as_str().expect("a key").to_owned();

    let audio = app.send(&chat, "audio", json!({ "file_key": opus })).await;
    assert_eq!(content(&audio), json!({ "file_key": opus, "duration": 4_200 }));
    let media = app.send(&chat, "media", json!({ "file_key": film, "image_key": picture })).await;
    assert_eq!(content(&media), json!({ "file_key": film, "file_name": "film.mp4", "duration": 61_000, "image_key": picture }));
    let cover = format!("im/v1/messages/{}/resources/{picture}?type=image", message_id(&media));
    assert_eq!(app.call(Method::GET, &cover, "").await.status(), 200, "the picture belongs to the message");
    let sticker = app.send(&chat, "sticker", json!({ "file_key": picture })).await;
    assert_eq!((content(&sticker), &sticker["msg_type"]), (json!({ "file_key": picture }), &json!("sticker")));
    let resource = format!("im/v1/messages/{}/resources/{picture}?type=image", message_id(&sticker));
    assert_eq!(app.refused(Method::GET, &resource, json!({})).await, 234_043);
    for (kind, key) in [("file", &opus), ("file", &film), ("audio", &film), ("audio", &stream), ("media", &opus), ("media", &stream)] {
        let body = json!({ "receive_id": chat, "msg_type": kind, "content": json!({ "file_key": key }).to_string() });
        assert_eq!(app.refused(Method::POST, "im/v1/messages?receive_id_type=chat_id", body).await, 230_055, "{kind}");
    }
    for _ in 0..3 {
        person.message().await;
    }
    let line = json!({ "type": "divider", "params": { "divider_text": { "text": "新的一天", "i18n_text": { "en_us": "A new day" } } } });
    let body = |to: &str, line: &Value| json!({ "receive_id": to, "msg_type": "system", "content": line.to_string() });
    let drawn = app.must(Method::POST, "im/v1/messages?receive_id_type=user_id", body("e1001", &line)).await;
    assert_eq!((content(&drawn)["divider_text"]["text"].as_str(), &drawn["msg_type"]), (Some("新的一天"), &json!("system")));
    assert_eq!(app.refused(Method::POST, "im/v1/messages?receive_id_type=chat_id", body(&chat, &line)).await, 230_018, "not in groups");
    let long = json!({ "type": "divider", "params": { "divider_text": { "text": "x".repeat(21) } } });
    assert_eq!(app.refused(Method::POST, "im/v1/messages?receive_id_type=user_id", body("e1001", &long)).await, 230_001);
    let emoji = json!({ "reaction_type": { "emoji_type": "OK" } });
    assert_eq!(app.refused(Method::POST, &format!("im/v1/messages/{}/reactions", message_id(&drawn)), emoji).await, 231_017);
    let (status, wrong) = app.upload("im/v1/files", &[("file_type", b"stream"), ("duration", b"long"), ("file", b"1")]).await;
    assert_eq!((status, &wrong["code"]), (400, &json!(234_001)));
}

#[tokio::test]
async fn an_upload_in_parts_goes_on_after_broken_connections_and_a_crash() {
    let mut server = Server::start().await;
    let mut app = App::of(&server, APP).await;
    let whole = bytes(3 << 20);
    let begun = app
        .must(Method::POST, "clarion/v1/uploads", json!({ "file_name": "大 file.bin", "size_bytes": whole.len(), "file_type": "stream" }))
        .await;
    let id = begun["upload_id"].as_str().expect("an id").to_owned();
    let path = format!("clarion/v1/uploads/{id}");
    let put = |app: &App, offset: usize, part: &[u8]| {
        let (http, url, token, part) = (app.http.clone(), format!("{}/{path}?offset={offset}", app.base), app.token.clone(), part.to_vec());
        async move {
            let reply =
                http.put(url).header(header::AUTHORIZATION, format!("Bearer {token}")).body(part).send().await.expect("the server answers");
            (reply.status().as_u16(), reply.json::<Value>().await.expect("JSON"))
        }
    };
    assert_eq!(put(&app, 0, &whole[..1_000_000]).await.1["data"]["offset"], 1_000_000);
    let (status, wrong) = put(&app, 0, &whole[..10]).await;
    assert!(status == 400 && wrong["code"] == 234_001 && wrong["msg"].as_str().is_some_and(|text| text.contains("1000000")), "{wrong}");
    assert_eq!(app.refused(Method::POST, &format!("{path}/finish"), json!({})).await, 234_001, "it is not whole");

    // A connection that breaks in the middle of a part costs what had not come.
    {
        use std::io::Write as _;
        let mut socket = std::net::TcpStream::connect(server.address()).expect("it connects");
        let head = format!(
            "PUT /open-apis/{path}?offset=1000000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 2000000\r\n\r\n",
            app.token
        );
        socket.write_all(head.as_bytes()).expect("it is sent");
        socket.write_all(&whole[1_000_000..1_500_000]).expect("it is sent");
    }
    let mut offset = 0;
    for _ in 0..200 {
        let state = app.must(Method::GET, &path, json!({})).await;
        offset = state["offset"].as_u64().expect("a number") as usize;
        if offset > 1_000_000 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!((1_000_001..=1_500_000).contains(&offset), "what came is kept: {offset}");

    server.kill_and_restart().await;
    app = App::of(&server, APP).await;
    assert_eq!(app.must(Method::GET, &path, json!({})).await["offset"], offset);
    let other = App::of(&server, OTHER_APP).await;
    for (method, path) in [(Method::GET, path.clone()), (Method::POST, format!("{path}/finish"))] {
        assert_eq!(other.refused(method, &path, json!({})).await, 234_008, "a stranger's upload is none");
    }
    other.must(Method::DELETE, &path, json!({})).await;
    let (status, reply) = put(&app, offset, &whole[offset..]).await;
    assert_eq!((status, &reply["data"]["offset"]), (200, &json!(whole.len())), "{reply}");
    assert_eq!(put(&app, whole.len(), b"more").await.0, 400, "beyond its size");
    let finished = app.must(Method::POST, &format!("{path}/finish"), json!({})).await;
    assert_eq!(app.must(Method::POST, &format!("{path}/finish"), json!({})).await, finished, "finished twice");
    let key = finished["file_key"].as_str().expect("a key").to_owned();
    assert_eq!(app.must(Method::GET, &path, json!({})).await["file_key"], json!(key));
    let fetched = app.call(Method::GET, &format!("im/v1/files/{key}"), "").await;
    assert_eq!(fetched.bytes().await.expect("bytes").to_vec(), whole);
    assert_eq!(std::fs::read_dir(server.data().join("files/parts")).expect("the folder").count(), 0, "the parts are gone");
    let chat = app.group(&["e1001"]).await;
    assert_eq!(content(&app.send(&chat, "file", json!({ "file_key": key })).await)["file_name"], "大 file.bin");
}

#[tokio::test]
async fn uploads_in_parts_are_bounded_and_a_picture_must_be_one() {
    let server = Server::start_with(&[("CLARION_FILE_BYTES_MAX", "1048576")]).await;
    let app = App::of(&server, APP).await;
    let path = "clarion/v1/uploads";
    let body = |size: Value, more: Value| {
        let mut body = json!({ "file_name": "x", "size_bytes": size });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    for (body, code) in [
        (body(json!(0), json!({})), 99_992_402),
        (json!({ "file_name": "x" }), 99_992_402),
        (body(json!("many"), json!({})), 99_992_402),
        (body(json!(2 << 20), json!({})), 234_006),
        (body(json!(1), json!({ "kind": "ship" })), 99_992_402),
        (body(json!(1), json!({ "file_type": "ship" })), 99_992_402),
    ] {
        assert_eq!(app.refused(Method::POST, path, body.clone()).await, code, "{body}");
    }
    let png = hex::decode(PNG).expect("hexadecimal digits");
    for (bytes, expected) in [(png.clone(), None), (vec![1; 10], Some(234_011))] {
        let begun = app.must(Method::POST, path, body(json!(bytes.len()), json!({ "kind": "image" }))).await;
        let one = format!("{path}/{}", begun["upload_id"].as_str().expect("an id"));
        assert_eq!(app.call(Method::PUT, &format!("{one}?offset=0"), bytes).await.status(), 200);
        match expected {
            None => assert!(app.must(Method::POST, &format!("{one}/finish"), json!({})).await["image_key"].is_string()),
            Some(code) => assert_eq!(app.refused(Method::POST, &format!("{one}/finish"), json!({})).await, code),
        }
        app.must(Method::DELETE, &one, json!({})).await;
        assert_eq!(app.refused(Method::GET, &one, json!({})).await, 234_008);
    }
    for _ in 0..16 {
        app.must(Method::POST, path, body(json!(10), json!({}))).await;
    }
    let (status, reply) = app.json(Method::POST, path, body(json!(10), json!({}))).await;
    assert_eq!((status, &reply["code"]), (429, &json!(99_991_400)), "{reply}");
}
