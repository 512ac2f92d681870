//! A dead peer is noticed within two heartbeats; a live one is not bothered.

use crate::support::{Client, Server};
use protocol::codec::Encoding;
use std::time::Duration;

#[tokio::test]
async fn silence_for_two_heartbeats_ends_a_session() {
    let server = Server::start_with(&[("CLARION_HEARTBEAT_SECONDS", "1")]).await;
    let token = server.token("e1001", "device-of-e1001").await;
    let mut alive = Client::welcomed(server.address(), &token, "device-of-e1001", Encoding::Msgpack).await;
    assert_eq!(alive.welcome.heartbeat_ms, 1000);

    // A socket that says hello and then nothing.
    let token = server.token("e1002", "silent-device").await;
    let mut silent = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let (ended, _) = tokio::join!(silent_until_closed(&mut silent, &token), alive.events_within(Duration::from_secs(6)));
    assert_eq!(ended, 4003);
    let chat = alive.direct("e1002").await;
    alive.say(chat, "who answers stays").await;
}

/// Speaks just enough WebSocket by hand to say hello, then only reads. Gives the close code.
async fn silent_until_closed(socket: &mut tokio::net::TcpStream, token: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    socket
        .write_all(b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: clarion.v1.json\r\n\r\n")
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let hello = format!(r#"{{"id":1,"command":"hello","body":{{"token":"{token}","device_id":"silent-device","version":1}}}}"#);
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend_from_slice(&(hello.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(hello.as_bytes());
    socket.write_all(&frame).await.unwrap();
    loop {
        let opcode =
            tokio::time::timeout(crate::support::PATIENCE, socket.read_u8()).await.expect("the server closes a silent session").unwrap()
                & 0x0f;
        let length = match socket.read_u8().await.unwrap() {
            126 => u64::from(socket.read_u16().await.unwrap()),
            127 => socket.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut body = vec![0; length as usize];
        socket.read_exact(&mut body).await.unwrap();
        if opcode == 8 {
            return u16::from_be_bytes([body[0], body[1]]);
        }
    }
}
