//! One session that asks and waits: for what is done beside the load, for people one by one, and for a reckoning.

use crate::fleet::{Identity, Target};
use crate::people;
use crate::websocket::{self, Opcode};
use protocol::codec::{Encoding, Outgoing};
use protocol::command::{Alive, CommandBody, Hello, Welcome};
use protocol::error::ErrorBody;
use protocol::event::Event;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A session.
pub struct Caller {
    socket: TcpStream,
    bytes: Vec<u8>,
    last_id: u32,
    /// Events that came and were not taken yet; None: nobody wants them.
    heard: Option<Vec<Event>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// The command was refused.
    Refused(ErrorBody),
    /// The connection is gone, or the answer did not come in time: the command may be done or not.
    Unknown(String),
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Refused(error) => write!(formatter, "refused with {}: {}, {}", error.code, error.what, error.why),
            Self::Unknown(why) => formatter.write_str(why),
        }
    }
}

/// Leaves politely, so that the node need not find out.
impl Drop for Caller {
    fn drop(&mut self) {
        let mut frame = Vec::with_capacity(8);
        websocket::append_frame(&mut frame, Opcode::Close, &1000u16.to_be_bytes(), Some(rand::random()));
        let _ = self.socket.write_all(&frame);
    }
}

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// How long one read waits at most.
const READ_WITHIN: Duration = Duration::from_millis(200);

fn unknown(error: impl std::fmt::Display) -> NoAnswer {
    NoAnswer::Unknown(error.to_string())
}

impl Caller {
    /// A session of somebody on a node, in a window of its own beside the load's sessions.
    pub fn enter(target: &Target, identity: &Identity, window: &str) -> Result<Self, NoAnswer> {
        Self::begin(target, identity, window, None)
    }

    /// The same; what the server tells unasked is kept until it is taken, from the first moment on.
    pub fn enter_hearing(target: &Target, identity: &Identity, window: &str) -> Result<Self, NoAnswer> {
        Self::begin(target, identity, window, Some(Vec::new()))
    }

    fn begin(target: &Target, identity: &Identity, window: &str, heard: Option<Vec<Event>>) -> Result<Self, NoAnswer> {
        let socket = TcpStream::connect_timeout(&target.address, Duration::from_secs(2)).map_err(unknown)?;
        socket.set_nodelay(true).map_err(unknown)?;
        socket.set_read_timeout(Some(READ_WITHIN)).map_err(unknown)?;
        socket.set_write_timeout(Some(ANSWER_WITHIN)).map_err(unknown)?;
        let mut caller = Self { socket, bytes: Vec::new(), last_id: 0, heard };
        let key = websocket::upgrade_key(rand::random());
        let request = websocket::upgrade_request(&target.host, "/ws", &key, protocol::SUBPROTOCOL_MSGPACK);
        caller.socket.write_all(request.as_bytes()).map_err(unknown)?;
        let until = Instant::now() + ANSWER_WITHIN;
        let length = loop {
            match websocket::head_length(&caller.bytes) {
                Some(length) => break length,
                None => caller.read_more(until)?,
            }
        };
        let head = String::from_utf8_lossy(&caller.bytes[..length]).into_owned();
        if head.split(' ').nth(1) != Some("101") {
            return Err(NoAnswer::Unknown(format!("the upgrade was refused: {}", head.lines().next().unwrap_or(""))));
        }
        caller.bytes.drain(..length);
        let hello = Hello {
            token: Some(identity.token.to_string()),
            device_id: format!("{}.{window}", people::DEVICE),
            version: protocol::VERSION,
            ..Hello::default()
        };
        let _: Welcome = caller.ask(&hello)?;
        Ok(caller)
    }

    /// What the server has told unasked, waiting for it for so long when there is nothing yet.
    pub fn listen(&mut self, at_most: Duration) -> Result<Vec<Event>, NoAnswer> {
        let until = Instant::now() + at_most;
        loop {
            while let Some((opcode, payload)) = self.frame()? {
                self.take(None, opcode, &payload)?;
            }
            let heard = self.heard.as_mut().map(std::mem::take).unwrap_or_default();
            let left = until.saturating_duration_since(Instant::now());
            if !heard.is_empty() || left.is_zero() {
                return Ok(heard);
            }
            self.socket.set_read_timeout(Some(left.max(Duration::from_millis(1)).min(READ_WITHIN))).map_err(unknown)?;
            // That nothing comes is no fault here.
            let read = self.read_more(Instant::now() + ANSWER_WITHIN);
            self.socket.set_read_timeout(Some(READ_WITHIN)).map_err(unknown)?;
            read?;
        }
    }

    /// Asks, and waits for the answer.
    pub fn ask<C: CommandBody>(&mut self, body: &C) -> Result<C::Reply, NoAnswer> {
        self.last_id += 1;
        let id = self.last_id;
        self.write(&Encoding::Msgpack.command(id, body))?;
        let until = Instant::now() + ANSWER_WITHIN;
        loop {
            match self.frame()? {
                None => self.read_more(until)?,
                Some((opcode, payload)) => {
                    if let Some(answer) = self.take(Some(id), opcode, &payload)? {
                        return Encoding::Msgpack.decode(&answer).map_err(unknown);
                    }
                }
            }
        }
    }

    /// The next frame, when it is whole.
    fn frame(&mut self) -> Result<Option<(Opcode, Vec<u8>)>, NoAnswer> {
        let Some(frame) = websocket::frame_at(&self.bytes).map_err(|bad| unknown(bad.0))? else { return Ok(None) };
        let payload = self.bytes[frame.payload_at..frame.end].to_vec();
        self.bytes.drain(..frame.end);
        Ok(Some((frame.opcode, payload)))
    }

    /// Takes a frame. Gives the answer to the command that is waited for, when it is that.
    fn take(&mut self, awaited: Option<u32>, opcode: Opcode, payload: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        match opcode {
            Opcode::Binary => match Encoding::Msgpack.read_outgoing(payload) {
                Ok(Outgoing::Reply(of, body)) if Some(of) == awaited => return Ok(Some(body.to_vec())),
                Ok(Outgoing::Refusal(of, error)) if Some(of) == awaited => return Err(NoAnswer::Refused(error)),
                Ok(Outgoing::Event(Event::Heartbeat(_))) => self.write(&Encoding::Msgpack.command(0, &Alive {}))?,
                Ok(Outgoing::Event(event)) => self.heard.iter_mut().for_each(|heard| heard.push(event.clone())),
                Ok(_) => {}
                Err(error) => return Err(unknown(error)),
            },
            Opcode::Close => {
                let (code, reason) = websocket::close_reason(payload);
                return Err(NoAnswer::Unknown(format!("the server closed with {code} {reason}")));
            }
            _ => {}
        }
        Ok(None)
    }

    fn write(&mut self, command: &[u8]) -> Result<(), NoAnswer> {
        let mut frame = Vec::with_capacity(command.len() + 16);
        websocket::append_frame(&mut frame, Opcode::Binary, command, Some(rand::random()));
        self.socket.write_all(&frame).map_err(unknown)
    }

    fn read_more(&mut self, until: Instant) -> Result<(), NoAnswer> {
        let mut more = [0; 16 << 10];
        match self.socket.read(&mut more) {
            Ok(0) => Err(unknown("the connection ended")),
            Ok(length) => {
                self.bytes.extend_from_slice(&more[..length]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                if Instant::now() > until { Err(unknown("no answer came in time")) } else { Ok(()) }
            }
            Err(error) => Err(unknown(error)),
        }
    }
}
