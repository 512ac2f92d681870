//! From an HTTP request to a WebSocket: what it must carry, and when it is refused.

use super::{Gateway, connection};
use crate::metrics;
use crate::net::ClientAddress;
use crate::net::Socket;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::codec::Encoding;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::{SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tungstenite::handshake::derive_accept_key;

/// `GET /ws`.
pub async fn upgrade(State(gateway): State<Arc<Gateway>>, mut request: Request) -> Response {
    let headers = request.headers();
    let Some(accept) = websocket_key(headers) else {
        return refuse(
            StatusCode::UPGRADE_REQUIRED,
            "no_upgrade",
            "this address speaks WebSocket only",
            "the request asks for no upgrade to WebSocket version 13",
            "connect with a WebSocket client",
        );
    };
    let Some((name, encoding)) = subprotocol(headers) else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "subprotocol",
            "no subprotocol that this server speaks was offered",
            format!("it speaks `{SUBPROTOCOL_MSGPACK}` and `{SUBPROTOCOL_JSON}`"),
            "offer one of them in Sec-WebSocket-Protocol",
        );
    };
    if gateway.draining.load(Ordering::Acquire) {
        return busy(&gateway, "draining", "this node is going away");
    }
    if gateway.greeting.load(Ordering::Relaxed) as u64 >= gateway.config.handshakes_max {
        return busy(&gateway, "handshakes", "as many handshakes as may be are in progress");
    }
    // A browser signs in by its cookie, and only from a page of ours: any page on the web can open a WebSocket to here.
    let by_cookie = match gateway.who.by_cookie_of_upgrade(headers) {
        Ok(principal) => principal,
        Err(why) => {
            metrics::REFUSED_CONNECTIONS.with_label_values(&["origin"]).inc();
            return refuse(
                StatusCode::FORBIDDEN,
                "origin",
                "this page may not use the sign-in of this browser",
                why,
                "open the chat at its own address",
            );
        }
    };
    let peer = request.extensions().get::<ClientAddress>().map(|address| address.0);
    let upgrading = hyper::upgrade::on(&mut request);
    gateway.greeting.fetch_add(1, Ordering::Relaxed);
    tokio::spawn(async move {
        let socket = match upgrading.await.map(Socket::from_upgraded) {
            Ok(Ok(socket)) => socket,
            Ok(Err(_)) => {
                tracing::error!("an upgraded connection was not one of this server's sockets");
                gateway.greeting.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            Err(error) => {
                tracing::debug!(%error, "a client went before its upgrade was done");
                gateway.greeting.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        };
        connection::run(gateway, socket.0, socket.1, encoding, by_cookie, peer).await;
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    response
}

/// The answer to the client's key, when the request asks for a WebSocket of version 13.
pub(super) fn websocket_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name: header::HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") || !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return None;
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

/// The first of the offered subprotocols that this server speaks.
fn subprotocol(headers: &HeaderMap) -> Option<(&'static str, Encoding)> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|offered| match offered.trim() {
            SUBPROTOCOL_MSGPACK => Some((SUBPROTOCOL_MSGPACK, Encoding::Msgpack)),
            SUBPROTOCOL_JSON => Some((SUBPROTOCOL_JSON, Encoding::Json)),
            _ => None,
        })
}

fn busy(gateway: &Gateway, reason: &'static str, why: &str) -> Response {
    let after_ms = gateway.come_back_ms();
    metrics::REFUSED_CONNECTIONS.with_label_values(&[reason]).inc();
    let mut response =
        refuse(StatusCode::SERVICE_UNAVAILABLE, reason, "this node takes no more connections just now", why, "come back later");
    if let Ok(seconds) = HeaderValue::from_str(&after_ms.div_ceil(1000).to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

fn refuse(status: StatusCode, reason: &'static str, what: &str, why: impl Into<String>, hint: &str) -> Response {
    tracing::debug!(reason, "an upgrade was refused");
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Busy,
        StatusCode::FORBIDDEN => ErrorCode::NotAllowed,
        _ => ErrorCode::InvalidValue,
    };
    let body = ErrorBody { code: code.number(), what: what.into(), why: why.into(), hint: hint.into(), retry_after_ms: None };
    (status, axum::Json(body)).into_response()
}
