//! Bytes that are not what the document says: an answer with a number or a close, never a crash.

use crate::support::{Client, Server};
use protocol::codec::Encoding;
use protocol::error::ErrorBody;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn every_vector_of_malformed_frames_has_its_outcome() {
    let server = Server::start().await;
    let vectors: Value = serde_json::from_str(include_str!("../../protocol/vectors/malformed.json")).unwrap();
    let vectors = vectors.as_array().expect("the vectors are a list");
    assert!(vectors.len() >= 10);
    for (number, vector) in vectors.iter().enumerate() {
        let name = vector["name"].as_str().unwrap();
        let encoding = if vector["encoding"] == "json" { Encoding::Json } else { Encoding::Msgpack };
        let device = format!("malformed-{number:04}");
        let token = server.token("e1001", &device).await;
        let mut client = Client::connected(server.address(), encoding).await;
        if vector["before_hello"] != true {
            client.hello(Some(&token), &device, None).await.unwrap();
        }
        let mut payload = match (vector["payload"].as_str(), vector["payload_hex"].as_str()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(digits)) => hex::decode(digits).unwrap(),
            (None, None) => panic!("{name}: a vector has a payload"),
        };
        if let Some(size) = vector["padded_to_bytes"].as_u64() {
            payload.resize(size as usize, b' ');
        }
        let message = if vector["frame"] == "text" {
            Message::Text(String::from_utf8(payload).unwrap().into())
        } else {
            Message::Binary(payload.into())
        };
        client.raw(message).await;
        let outcome = &vector["outcome"];
        match (outcome["close"].as_u64(), outcome["error"].as_u64()) {
            (Some(code), _) => assert_eq!(client.end().await.code, Some(code as u16), "{name}"),
            (None, Some(code)) => {
                let id = outcome["id"].as_u64().unwrap() as u32;
                let refusal: Result<_, ErrorBody> = client.reply::<protocol::command::Send>(id).await;
                assert_eq!(u64::from(refusal.unwrap_err().code), code, "{name}");
            }
            (None, None) => {
                assert_eq!(outcome["silence"], true, "{name}: a vector has a close, an error, or silence");
                client.direct("e1002").await;
            }
        }
    }
}

#[tokio::test]
async fn random_bytes_never_end_the_server() {
    let server = Server::start().await;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = seed;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as u8
    };
    let token = server.token("e1001", "random-device").await;
    for round in 0..200 {
        let encoding = if round % 2 == 0 { Encoding::Msgpack } else { Encoding::Json };
        let mut client = Client::welcomed(server.address(), &token, "random-device", encoding).await;
        let mut bytes: Vec<u8> = (0..usize::from(next()) + 1).map(|_| next()).collect();
        if round % 4 == 0 {
            // The head of a command, so that what follows is read as a body.
            bytes.splice(0..0, [0x93, next() % 64, 1]);
        }
        let message =
            if round % 2 == 0 { Message::Binary(bytes.into()) } else { Message::Text(String::from_utf8_lossy(&bytes).into_owned().into()) };
        client.raw(message).await;
    }
    let mut client = server.client("e1002").await;
    let chat = client.direct("e1003").await;
    client.say(chat, "still here").await;
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_before_it_is_read() {
    let server = Server::start().await;
    let mut client = server.client("e1001").await;
    client.raw(Message::Binary(vec![0; 300 << 10].into())).await;
    assert_eq!(client.end().await.code, Some(4202));
}

#[tokio::test]
async fn hello_comes_first_and_only_once() {
    let server = Server::start().await;
    let mut client = Client::connected(server.address(), Encoding::Msgpack).await;
    client.post(&protocol::command::Devices {}).await;
    assert_eq!(client.end().await.code, Some(4200));
    let mut client = server.client("e1001").await;
    assert_eq!(
        client.refused(protocol::command::Hello { device_id: "device-of-e1001".into(), version: 1, ..Default::default() }).await,
        1005
    );
}

#[tokio::test]
async fn too_many_commands_are_refused_and_in_the_end_closed() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "2")]).await;
    let mut client = server.client("e1001").await;
    let mut codes = Vec::new();
    for _ in 0..60 {
        if let Err(error) = client.ask(protocol::command::People { user_ids: vec![] }).await {
            assert!(error.retry_after_ms.is_some());
            codes.push(error.code);
        }
    }
    assert!(codes.len() >= 30 && codes.iter().all(|code| *code == 3002), "{codes:?}");
}
