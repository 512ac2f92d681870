//! An end point that sends back what it is sent, on the same stack as the sessions': for conformance suites only.

use super::connection::{Got, View, goodbye, own_frames, read, websocket};
use super::{Gateway, upgrade};
use crate::net::Socket;
use crate::session::{Frame, frame};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::codec::Encoding;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::sync::Arc;
use tungstenite::Message;
use tungstenite::protocol::WebSocket;

/// Bytes of one message: the largest that the suites send.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// `GET /echo`.
pub async fn upgrade(State(_): State<Arc<Gateway>>, mut request: Request) -> Response {
    let Some(accept) = upgrade::websocket_key(request.headers()) else { return StatusCode::UPGRADE_REQUIRED.into_response() };
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(Ok((socket, read_already))) = upgrading.await.map(Socket::from_upgraded) {
            let socket = Arc::new(socket);
            let mut websocket = websocket(socket.clone(), read_already, MESSAGE_BYTES_MAX);
            if let Err(error) = echo(&mut websocket, &socket).await {
                tracing::debug!(%error, "an echo ended");
            }
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

async fn echo(websocket: &mut WebSocket<View>, socket: &Arc<Socket>) -> io::Result<()> {
    loop {
        let got = read(websocket);
        if let Some(own) = own_frames(websocket) {
            write(socket, &own).await?;
        }
        match got {
            Got::Message(Message::Text(text)) => write(socket, Frame::new(Encoding::Json, text.as_bytes()).bytes()).await?,
            Got::Message(message) => write(socket, Frame::new(Encoding::Msgpack, &message.into_data()).bytes()).await?,
            Got::Pong(_) => {}
            Got::Nothing => poll_fn(|context| socket.poll_read_ready(context)).await?,
            Got::End => {
                socket.shutdown_write()?;
                return Ok(());
            }
            Got::Bad(fault) => {
                goodbye(socket, frame::close(fault.standard(), "")).await;
                return Ok(());
            }
        }
    }
}

async fn write(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write_vectored(&[IoSlice::new(bytes)]) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => poll_fn(|context| socket.poll_write_ready(context)).await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
