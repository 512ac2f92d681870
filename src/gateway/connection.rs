//! One connection: hello, then its commands, until it ends. One task a connection, one small read buffer.

use super::Gateway;
use super::dispatch::{self, Handled};
use super::text_check::TextCheck;
use crate::limits;
use crate::metrics;
use crate::net::Socket;
use crate::session::{EventFrame, Flushed, Frame, Lane, Session, frame};
use bytes::Bytes;
use protocol::codec::{BadCommand, Encoding, Incoming};
use protocol::command::{Command, Hello};
use protocol::error::{CloseCode, ErrorBody, ErrorCode};
use protocol::event::Event;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tungstenite::{Message, error::CapacityError};

/// What the WebSocket library reads from and writes to. Its own frames (pongs, the answer to a close) are collected and
/// go out by the session's outbox, between the others.
pub(super) struct View {
    socket: Arc<Socket>,
    own: Vec<u8>,
    check: TextCheck,
}

impl Read for View {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.check.wrong() {
            let count = self.socket.try_read(buffer)?;
            let fine = self.check.look(&buffer[..count]);
            if !self.check.wrong() || fine > 0 {
                return Ok(fine);
            }
        }
        Err(ErrorKind::InvalidData.into())
    }
}

impl Write for View {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.own.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A WebSocket over a connection, with a read buffer that is small and grows only while a large frame arrives.
pub(super) fn websocket(socket: Arc<Socket>, read_already: Bytes, frame_bytes_max: usize) -> WebSocket<View> {
    let config = WebSocketConfig::default()
        .read_buffer_size(limits::READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(limits::OUTBOX_BYTES_MAX)
        .max_message_size(Some(frame_bytes_max))
        .max_frame_size(Some(frame_bytes_max));
    let mut check = TextCheck::default();
    let fine = check.look(&read_already);
    WebSocket::from_partially_read(View { socket, own: Vec::new(), check }, read_already[..fine].to_vec(), Role::Server, Some(config))
}

/// What reading gave.
pub(super) enum Got {
    /// A text or binary message.
    Message(Message),
    /// The answer to a ping of ours.
    Pong(Bytes),
    /// Nothing more for now.
    Nothing,
    /// The other side says goodbye, or is gone.
    End,
    /// What came is not allowed.
    Bad(Fault),
}

/// Why a frame is not allowed.
pub(super) enum Fault {
    /// It is over the limit.
    TooLarge,
    /// A text is not UTF-8.
    Text,
    /// It is not a frame of RFC 6455.
    Frame,
}

impl Fault {
    /// The close code of a session.
    fn code(&self) -> CloseCode {
        match self {
            Self::TooLarge => CloseCode::FrameTooLarge,
            Self::Text | Self::Frame => CloseCode::ProtocolError,
        }
    }

    /// The close code of RFC 6455.
    #[cfg(feature = "autobahn")]
    pub(super) fn standard(&self) -> u16 {
        match self {
            Self::TooLarge => 1009,
            Self::Text => 1007,
            Self::Frame => 1002,
        }
    }
}

/// Reads one message, as far as bytes are there.
pub(super) fn read(websocket: &mut WebSocket<View>) -> Got {
    loop {
        match websocket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => return Got::Message(message),
            Ok(Message::Close(_)) => {
                // Its answer is one of the library's own frames.
                let _ = websocket.flush();
                return Got::End;
            }
            Ok(Message::Pong(answered)) => return Got::Pong(answered),
            Ok(_) => {
                if websocket.flush().is_err() {
                    return Got::End;
                }
            }
            Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Got::Nothing,
            Err(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => return Got::Bad(Fault::TooLarge),
            Err(tungstenite::Error::Utf8(_)) => return Got::Bad(Fault::Text),
            Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::InvalidData => return Got::Bad(Fault::Text),
            Err(tungstenite::Error::Protocol(_) | tungstenite::Error::Capacity(_)) => return Got::Bad(Fault::Frame),
            Err(_) => return Got::End,
        }
    }
}

/// The library's own frames since the last time.
pub(super) fn own_frames(websocket: &mut WebSocket<View>) -> Option<Vec<u8>> {
    let own = &mut websocket.get_mut().own;
    (!own.is_empty()).then(|| std::mem::take(own))
}

/// Serves a connection until it ends.
pub async fn run(
    gateway: Arc<Gateway>,
    socket: Socket,
    read_already: Bytes,
    encoding: Encoding,
    by_cookie: Result<crate::auth::Principal, CloseCode>,
    peer: Option<IpAddr>,
) {
    let socket = Arc::new(socket);
    let mut websocket = websocket(socket.clone(), read_already, limits::FRAME_BYTES_MAX);
    let greeted = Box::pin(greet(&gateway, &mut websocket, &socket, encoding, by_cookie, peer)).await;
    gateway.greeting.fetch_sub(1, Ordering::Relaxed);
    let session = match greeted {
        Ok(session) => session,
        Err(Some((code, after_ms))) => {
            metrics::CLOSES.with_label_values(&[code.name()]).inc();
            goodbye(&socket, frame::close(code.number(), &code.reason(after_ms))).await;
            return;
        }
        Err(None) => return,
    };
    serve(&gateway, &mut websocket, &session).await;
    gateway.registry.remove(&session);
    gateway.presence.unwatch(&session);
    gateway.presence.touched(session.user);
    if session.finished() {
        until_gone(&socket).await;
    }
}

type Refused = Option<(CloseCode, Option<u64>)>;

/// Waits for hello, and lets the session in.
async fn greet(
    gateway: &Arc<Gateway>,
    websocket: &mut WebSocket<View>,
    socket: &Arc<Socket>,
    encoding: Encoding,
    by_cookie: Result<crate::auth::Principal, CloseCode>,
    peer: Option<IpAddr>,
) -> Result<Arc<Session>, Refused> {
    let hello = tokio::time::timeout(Duration::from_secs(gateway.config.hello_timeout_seconds), async {
        loop {
            match read(websocket) {
                Got::Message(message) => return first_command(encoding, &message).map_err(Some),
                Got::Pong(_) => {}
                Got::Nothing => poll_fn(|context| socket.poll_read_ready(context)).await.map_err(|_| None)?,
                Got::End => return Err(None),
                Got::Bad(fault) => return Err(Some((fault.code(), None))),
            }
            if let Some(own) = own_frames(websocket) {
                write_out(socket, &own).await.map_err(|_| None)?;
            }
        }
    })
    .await;
    let (id, hello) = match hello {
        Err(_) => return Err(Some((CloseCode::HelloTimeout, Some(gateway.come_back_ms())))),
        Ok(hello) => hello?,
    };
    let refuse = |code: CloseCode| Some((code, None));
    if hello.version < protocol::VERSION_OLDEST {
        return Err(refuse(CloseCode::VersionTooOld));
    }
    if !device_id_allowed(&hello.device_id) {
        return Err(refuse(CloseCode::ProtocolError));
    }
    let principal = match (&hello.token, by_cookie) {
        (Some(token), _) => gateway.auth.verify(token).map_err(refuse)?,
        (None, by_cookie) => by_cookie.map_err(refuse)?,
    };
    // A browser has one sign-in for all its tabs, each of which is a device: `<device>.<tab>`.
    if !super::of_device(&hello.device_id, &principal.device_id) {
        return Err(refuse(CloseCode::TokenInvalid));
    }
    if gateway.draining.load(Ordering::Acquire) {
        return Err(Some((CloseCode::Drain, Some(gateway.come_back_ms()))));
    }
    if gateway.registry.count() as u64 >= gateway.config.sessions_max {
        return Err(Some((CloseCode::ServerFull, Some(gateway.come_back_ms()))));
    }
    if let Some(cursor) = &hello.cursor
        && !gateway.chats.follow_up_to(cursor).await
    {
        return Err(Some((CloseCode::Behind, Some(gateway.come_back_ms()))));
    }
    let session = Session::new(principal.user, &hello.device_id, encoding, socket.clone(), &gateway.clock);
    let resumable = hello.cursor.as_deref().is_some_and(|cursor| gateway.chats.resumable(cursor));
    if resumable {
        session.will_sync();
    }
    gateway.registry.insert(&session);
    gateway.presence.came(&session);
    gateway.presence.touched(session.user);
    if let Some(peer) = peer {
        gateway.auth.touch(session.user, &principal.device_id, peer);
    }
    let welcome = dispatch::welcome(gateway, &session, resumable);
    session.write(Lane::Reply, Frame::new(encoding, &encoding.reply(id, &welcome)));
    if gateway.chats.has_ephemerals(session.user) {
        // These do not come by `sync`, so that they must not be dropped as ordinary ones may be.
        match gateway.chats.waiting_ephemerals(session.user).await {
            Ok(events) => events.into_iter().for_each(|event| session.write(Lane::Reply, EventFrame::new(event).frame(encoding))),
            Err(error) => tracing::warn!(%error, "cards for one person could not be read; they come with the next session"),
        }
    }
    if gateway.urgents.any_of(session.user) {
        match gateway.urgents.open_of(session.user, limits::URGENTS_TOLD_AT_HELLO).await {
            // Behind the welcome, in its lane.
            Ok(urgents) => {
                let events = urgents.into_iter().map(|urgent| EventFrame::new(Event::Urgent(urgent)).frame(encoding));
                events.for_each(|event| session.write(Lane::Reply, event));
            }
            Err(error) => tracing::warn!(%error, "open urgents could not be read; they come with the next step, or the next session"),
        }
    }
    Ok(session)
}

/// 8 to 64 letters, digits, `-`, `_`, and a dot before the number of a browser's tab.
fn device_id_allowed(device_id: &str) -> bool {
    (8..=64).contains(&device_id.len()) && device_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn body_of(encoding: Encoding, message: &Message) -> Option<&[u8]> {
    match (encoding, message) {
        (Encoding::Json, Message::Text(text)) => Some(text.as_bytes()),
        (Encoding::Msgpack, Message::Binary(bytes)) => Some(bytes),
        _ => None,
    }
}

fn first_command(encoding: Encoding, message: &Message) -> Result<(u32, Hello), (CloseCode, Option<u64>)> {
    match body_of(encoding, message).and_then(|body| encoding.read_command(body).ok()) {
        Some(Incoming { id, command: Ok(Command::Hello(hello)) }) => Ok((id, hello)),
        _ => Err((CloseCode::ProtocolError, None)),
    }
}

/// The commands of a session, until it ends.
async fn serve(gateway: &Arc<Gateway>, websocket: &mut WebSocket<View>, session: &Arc<Session>) {
    let mut rate = Rate::new(gateway.config.commands_per_second);
    let mut closing_since: Option<Instant> = None;
    // A command that came while there was no room for its answer, before answers to pings that make some.
    let mut held: Option<Box<Message>> = None;
    let mut flushed = Flushed::All;
    loop {
        for _ in 0..limits::COMMANDS_IN_A_ROW {
            let may = may_read(session);
            let got = match held.take_if(|_| may) {
                Some(held) => Got::Message(*held),
                None if may || (held.is_none() && waits_for_reader(session, flushed)) => read(websocket),
                None => break,
            };
            match got {
                Got::Message(message) if !may => held = Some(Box::new(message)),
                Got::Message(message) => {
                    session.heard(gateway.clock.now_ms());
                    // On the heap for as long as it runs: within the task it would be 4 KB of each idle session.
                    Box::pin(take(gateway, session, &message, &mut rate)).await;
                }
                Got::Pong(answered) => {
                    session.heard(gateway.clock.now_ms());
                    session.answered(&answered);
                }
                Got::Nothing => break,
                Got::End => {
                    if let Some(own) = own_frames(websocket) {
                        session.write_own(&own);
                    }
                    let _ = session.flush(true);
                    return;
                }
                Got::Bad(fault) => session.close(fault.code(), None),
            }
        }
        if let Some(own) = own_frames(websocket) {
            session.heard(gateway.clock.now_ms());
            session.write_own(&own);
        }
        // What is held keeps the answers to pings from being read: then the socket alone decides.
        flushed = match session.flush(held.is_some()) {
            Ok(flushed) => flushed,
            Err(_) => return,
        };
        if session.finished() {
            return;
        }
        // What was written may have made room again: nothing else would wake this task to read what has come meanwhile.
        let may = may_read(session);
        if may && held.is_some() {
            continue;
        }
        let reads = may || (held.is_none() && waits_for_reader(session, flushed));
        if session.closing() && closing_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_millis(limits::CLOSE_MS) {
            return;
        }
        let socket = session.socket();
        tokio::select! {
            ready = poll_fn(|context| socket.poll_read_ready(context)), if reads => if ready.is_err() { return },
            ready = poll_fn(|context| socket.poll_write_ready(context)), if flushed == Flushed::Socket => if ready.is_err() { return },
            () = session.woken() => {}
            () = tokio::time::sleep(Duration::from_millis(limits::CLOSE_MS)), if session.closing() => {}
        }
    }
}

/// Answers to pings are read, whatever else waits: they make room.
fn waits_for_reader(session: &Session, flushed: Flushed) -> bool {
    flushed == Flushed::Reader && !session.closing()
}

/// Commands are read while there is room for their answers.
fn may_read(session: &Session) -> bool {
    !session.closing() && session.in_flight.load(Ordering::Relaxed) < limits::COMMANDS_IN_FLIGHT_MAX && !session.congested()
}

async fn take(gateway: &Arc<Gateway>, session: &Arc<Session>, message: &Message, rate: &mut Rate) {
    let encoding = session.encoding;
    let Some(Ok(incoming)) = body_of(encoding, message).map(|body| encoding.read_command(body)) else {
        return session.close(CloseCode::ProtocolError, None);
    };
    let id = incoming.id;
    let refuse = |error: ErrorBody| {
        metrics::REFUSALS.with_label_values(&[&error.code.to_string()]).inc();
        if id != 0 {
            session.write(Lane::Reply, Frame::new(encoding, &encoding.refusal(id, &error)));
        }
    };
    if matches!(incoming.command, Ok(Command::Alive(_))) {
        return;
    }
    // Before the command is looked at: rubbish costs as much as anything else.
    match rate.take() {
        Allowed::Yes => {}
        Allowed::No(after_ms) => {
            let why = format!("{} commands a second are allowed, and ten times as many in a burst", gateway.config.commands_per_second);
            return refuse(ErrorBody {
                retry_after_ms: Some(after_ms),
                ..error(ErrorCode::RateLimited, "too many commands", why, "send fewer, and try this one again")
            });
        }
        Allowed::Never => return session.close(CloseCode::RateExceeded, Some(limits::RATE_EXCEEDED_AFTER_MS)),
    }
    let command = match incoming.command {
        Ok(command) => command,
        Err(BadCommand::Unknown(name)) => {
            return refuse(error(
                ErrorCode::UnknownCommand,
                "this server does not know the command",
                format!("there is no command `{name}` in version {}", protocol::VERSION),
                "check its name, or update the server",
            ));
        }
        Err(BadCommand::Malformed(why)) => {
            return refuse(error(
                ErrorCode::Malformed,
                "the body of the command cannot be read",
                crate::error::clip(&why),
                "send what the document says",
            ));
        }
    };
    metrics::COMMANDS.with_label_values(&[command.name()]).inc();
    match dispatch::dispatch(gateway, session, id, command).await {
        Handled::Now(Ok(frame)) => {
            if id != 0 {
                session.write(Lane::Reply, frame);
            }
        }
        Handled::Now(Err(error)) => refuse(error.body()),
        Handled::Later(answer) => {
            session.in_flight.fetch_add(1, Ordering::Relaxed);
            let session = session.clone();
            tokio::spawn(async move {
                let frame = answer.await.unwrap_or_else(|error| {
                    metrics::REFUSALS.with_label_values(&[&error.code.number().to_string()]).inc();
                    Frame::new(session.encoding, &session.encoding.refusal(id, &error.body()))
                });
                if id != 0 {
                    session.write(Lane::Reply, frame);
                }
                if session.in_flight.fetch_sub(1, Ordering::Relaxed) >= limits::COMMANDS_IN_FLIGHT_MAX {
                    session.wake();
                }
            });
        }
    }
}

fn error(code: ErrorCode, what: &str, why: impl Into<String>, hint: &str) -> ErrorBody {
    ErrorBody { code: code.number(), what: what.into(), why: why.into(), hint: hint.into(), retry_after_ms: None }
}

/// Writes bytes, waiting for the socket; only before there is a session.
async fn write_out(socket: &Socket, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() || !socket.flush_tls()? {
        match socket.try_write_vectored(&[IoSlice::new(bytes)]) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => poll_fn(|context| socket.poll_write_ready(context)).await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The last frame of a connection without a session. It waits a moment for the other side to read it.
pub(super) async fn goodbye(socket: &Socket, last: Frame) {
    if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(limits::CLOSE_MS), write_out(socket, last.bytes())).await {
        until_gone(socket).await;
    }
}

/// After the close frame: takes what the other side still sends, until it closes, for a moment. A socket that is let go
/// with something unread is reset, and the other side might never see why it was closed.
async fn until_gone(socket: &Socket) {
    let _ = tokio::time::timeout(Duration::from_millis(limits::CLOSE_MS), async {
        socket.shutdown_write()?;
        let mut rest = [0; 512];
        loop {
            poll_fn(|context| socket.poll_read_ready(context)).await?;
            match socket.try_read(&mut rest) {
                Ok(0) => return Ok::<(), io::Error>(()),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
    })
    .await;
}

/// How fast a session may send commands.
struct Rate {
    per_second: f64,
    allowance: f64,
    at: Instant,
}

enum Allowed {
    Yes,
    /// Not now, but after so many ms.
    No(u64),
    /// It does not stop.
    Never,
}

impl Rate {
    fn new(per_second: u64) -> Self {
        Self { per_second: per_second as f64, allowance: per_second as f64 * 10.0, at: Instant::now() }
    }

    fn take(&mut self) -> Allowed {
        let now = Instant::now();
        let burst = self.per_second * 10.0;
        self.allowance = (self.allowance + now.duration_since(self.at).as_secs_f64() * self.per_second).min(burst);
        self.at = now;
        if self.allowance >= 1.0 {
            self.allowance -= 1.0;
            return Allowed::Yes;
        }
        // What is refused counts a little too: who goes on all the same is closed.
        self.allowance -= 0.1;
        if self.allowance < -burst {
            Allowed::Never
        } else {
            Allowed::No(((1.0 - self.allowance) / self.per_second * 1000.0).ceil() as u64)
        }
    }
}
