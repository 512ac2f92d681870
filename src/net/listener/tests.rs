//! Dangers at the port: slow, oversized, too many, cut off, upgraded.

use super::{ClientAddress, Times};
use crate::net::admission::Caps;
use crate::net::socket::Socket;
use crate::net::tests::{certificate, connect_tls, exchange, read_answer, read_to_close, run, write_certificate};
use crate::net::tls::Certificate;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

fn quick() -> Times {
    let short = Duration::from_millis(400);
    Times { tls: short, head: short, idle: Duration::from_secs(20), body_stall: short, write_stall: short }
}

fn router() -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/address", get(|Extension(ClientAddress(address)): Extension<ClientAddress>| async move { address.to_string() }))
        .route(
            "/body",
            post(|body: Result<bytes::Bytes, axum::extract::rejection::BytesRejection>| async move {
                match body {
                    Ok(body) => body.len().to_string().into_response(),
                    Err(error) => (StatusCode::REQUEST_TIMEOUT, error.to_string()).into_response(),
                }
            }),
        )
        .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
        .route("/ws", any(upgrade))
        .layer(DefaultBodyLimit::max(1 << 20))
}

/// Answers as WebSocket does and then echoes on the bare socket, also what had come with the request.
async fn upgrade(request: Request) -> Response {
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let (socket, early) = Socket::from_upgraded(upgraded.await.unwrap()).expect("it is our own connection");
        let mut pending = early.to_vec();
        let mut buffer = [0; 256];
        loop {
            while !pending.is_empty() {
                let taken = socket.try_write_vectored(&[IoSlice::new(&pending)]).unwrap();
                pending.drain(..taken);
            }
            std::future::poll_fn(|context| socket.poll_read_ready(context)).await.unwrap();
            match socket.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => pending.extend_from_slice(&buffer[..count]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "Upgrade"), (header::UPGRADE, "websocket")]).into_response()
}

const UPGRADE: &[u8] = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly";

#[tokio::test]
async fn header_names_are_written_as_sdks_look_for_them() {
    let running = run(router(), None, Caps::default(), Times::default());
    let answer = exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\nContent-Type: text/plain"), "{answer}");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_off() {
    let running = run(router(), None, Caps::default(), quick());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let dripping = async {
        for byte in b"GET / HTTP/1.1\r\nX-Long: ".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("the server cuts it");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut_off_but_one_between_requests_is_kept() {
    let running = run(router(), None, Caps::default(), quick());
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut kept = TcpStream::connect(running.address).await.unwrap();
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut kept).await.ends_with("hello"));
    assert_eq!(read_to_close(&mut silent).await, "");
    tokio::time::sleep(Duration::from_millis(800)).await;
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(read_answer(&mut kept).await.ends_with("hello"), "longer than the time for a head, but idle");
    kept.write_all(b"GET / HT").await.unwrap();
    assert_eq!(read_to_close(&mut kept).await, "", "a later head has the same limit");
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_and_ended() {
    let running = run(router(), None, Caps::default(), quick());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc").await.unwrap();
    let answer = read_to_close(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too slowly"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_is_ended_although_it_never_stalls() {
    let running = run(router(), None, Caps::default(), quick());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n").await.unwrap();
    let (mut from, mut to) = stream.split();
    let drip = async {
        while to.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        answer = read_to_close(&mut from) => assert!(answer.starts_with("HTTP/1.1 408"), "{answer}"),
        () = drip => panic!("it was cut without an answer"),
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let running = run(router(), None, Caps::default(), quick());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    assert!(received.len() < 64 << 20);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = run(router(), None, Caps::default(), Times::default());
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(100_000));
    let answer = exchange(running.address, long.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{answer}");
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(200));
    let answer = exchange(running.address, many.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = exchange(running.address, b"GARBAGE\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn connections_over_the_cap_are_told_when_to_come_back_and_leave_no_trace() {
    let running = run(router(), None, Caps { connections: 10, ..Caps::default() }, Times::default());
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        assert!(read_answer(&mut stream).await.ends_with("hello"));
        held.push(stream);
    }
    let mut refused = Vec::new();
    for _ in 0..200 {
        refused.push(tokio::spawn(exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    }
    for answer in refused {
        let answer = answer.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Retry-After: "), "{answer}");
    }
    drop(held);
    // The server notices the closes on its own time.
    for attempt in 0.. {
        let answer = exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(attempt < 100, "the places were not given back: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn an_upgrade_gives_the_bare_socket_and_what_came_with_the_request() {
    let running = run(router(), None, Caps { connections: 1, ..Caps::default() }, quick());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(UPGRADE).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 101"));
    let mut echoed = [0; 5];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"early");
    // The limits of HTTP are over, and the place among the connections is still held.
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(exchange(running.address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.starts_with("HTTP/1.1 503"));
    stream.write_all(b"later").await.unwrap();
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"later");
    // Draining ends HTTP, not the upgraded socket.
    running.stop.send_replace(true);
    running.ended.await.unwrap();
    stream.write_all(b"after").await.unwrap();
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"after");
}

#[tokio::test]
async fn an_upgrade_over_tls_gives_the_socket_with_its_encryption() {
    let (folder, certificate) = certificate();
    let running = run(router(), Some(certificate), Caps::default(), Times::default());
    let tcp = TcpStream::connect(running.address).await.unwrap();
    let mut stream = connect_tls(folder.path(), tcp).await.unwrap();
    stream.write_all(UPGRADE).await.unwrap();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 101"));
    let mut echoed = [0; 5];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"early");
    stream.write_all(b"later").await.unwrap();
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"later");
}

#[tokio::test]
async fn a_tls_handshake_that_stalls_is_cut_off() {
    let (_folder, certificate) = certificate();
    let running = run(router(), Some(certificate), Caps::default(), quick());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&[22, 3, 1]).await.unwrap();
    assert_eq!(read_to_close(&mut stream).await, "");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let (folder, certificate) = certificate();
    let running = run(router(), Some(certificate.clone()), Caps::default(), Times::default());
    assert_eq!(certificate.reload(), Ok(false));
    write_certificate(folder.path());
    connect_tls(folder.path(), TcpStream::connect(running.address).await.unwrap()).await.expect_err("the old one is still in use");
    assert_eq!(certificate.reload(), Ok(true));
    connect_tls(folder.path(), TcpStream::connect(running.address).await.unwrap()).await.unwrap();
    let key = folder.path().join("key.pem");
    std::fs::write(&key, "nonsense").unwrap();
    let error = certificate.reload().unwrap_err();
    assert!(error.contains("key.pem") && error.contains("PEM"), "{error}");
    connect_tls(folder.path(), TcpStream::connect(running.address).await.unwrap()).await.unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    let error = Certificate::load(&folder.path().join("certificate.pem"), &key).err().unwrap();
    assert!(error.contains("cannot be used together"), "{error}");
}

#[tokio::test]
async fn draining_lets_a_running_request_end_and_takes_no_new_one() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = get({
        let (begun, go_on) = (begun.clone(), go_on.clone());
        || async move {
            begun.notify_one();
            go_on.notified().await;
            "done"
        }
    });
    let running = run(router().route("/slow", slow), None, Caps::default(), Times::default());
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    read_answer(&mut idle).await;
    let request = tokio::spawn(exchange(running.address, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
    begun.notified().await;
    running.stop.send_replace(true);
    assert_eq!(read_to_close(&mut idle).await, "", "an idle connection is closed at once");
    go_on.notify_one();
    assert!(request.await.unwrap().ends_with("done"));
    running.ended.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn draining_does_not_wait_for_ever() {
    let running =
        run(router().route("/stuck", get(|| async { std::future::pending::<()>().await })), None, Caps::default(), Times::default());
    let request = tokio::spawn(exchange(running.address, b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(20), running.ended).await.expect("the grace time ends").unwrap();
    assert_eq!(request.await.unwrap(), "");
}

#[tokio::test]
async fn the_address_behind_a_trusted_proxy_is_the_clients() {
    let request = b"GET /address HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n\r\n";
    let running = run(router(), None, Caps::default(), Times::default());
    assert!(exchange(running.address, request).await.ends_with("127.0.0.1"));
    let running =
        run(router(), None, Caps { trusted_proxy: Arc::new(|address| address.is_loopback()), ..Caps::default() }, Times::default());
    assert!(exchange(running.address, request).await.ends_with("198.51.100.7"));
}

#[tokio::test]
async fn a_taken_port_is_said_in_one_sentence() {
    let running = run(router(), None, Caps::default(), Times::default());
    let error = super::Listener::bind(running.address, None, Caps::default(), Times::default()).err().unwrap();
    assert!(error.contains("already listens") && error.contains("--listen"), "{error}");
}

#[tokio::test]
async fn an_address_that_asks_far_too_often_is_told_to_wait_and_others_are_not() {
    let caps = Caps { requests_per_second_per_address: 1, trusted_proxy: Arc::new(|address| address.is_loopback()), ..Caps::default() };
    let running = run(router(), None, caps, Times::default());
    let ask = async |client: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n\r\n");
        exchange(running.address, request.as_bytes()).await
    };
    let mut refused = 0;
    for _ in 0..30 {
        let answer = ask("198.51.100.7").await;
        if !answer.starts_with("HTTP/1.1 200") {
            assert!(
                answer.starts_with("HTTP/1.1 429") && answer.contains("Retry-After: 1") && answer.contains("\"code\":3002"),
                "{answer}"
            );
            refused += 1;
        }
    }
    assert!((1..=20).contains(&refused), "a burst of ten, then one a second: {refused} of 30 were refused");
    assert!(ask("198.51.100.8").await.starts_with("HTTP/1.1 200"));
}
