//! Frames: one command, reply or event, in either encoding.
//!
//! | frame | JSON | MessagePack |
//! |---|---|---|
//! | command | `{"id":7,"command":"send","body":{…}}` | `[3, 7, body]` (number of the command first) |
//! | reply | `{"id":7,"reply":{…}}` | `[0, 7, body]` |
//! | refusal | `{"id":7,"error":{…}}` | `[1, 7, error]` |
//! | event | `{"event":"record","body":{…}}` | `[10, body]` (number of the event first) |

use crate::command::{Command, CommandBody};
use crate::error::ErrorBody;
use crate::event::Event;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Which of the two encodings a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Binary frames.
    Msgpack,
    /// Text frames.
    Json,
}

/// A frame that cannot be read at all; the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedFrame(pub String);

impl std::fmt::Display for MalformedFrame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "the frame cannot be read: {}", self.0)
    }
}

impl std::error::Error for MalformedFrame {}

/// A command as it came in. Its id is known even when its body is not, so that it can be answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Chosen by the client; 0 wants no reply.
    pub id: u32,
    /// The command.
    pub command: Result<Command, BadCommand>,
}

/// Why a command is answered with an error instead of being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadCommand {
    /// Nobody knows it.
    Unknown(String),
    /// Its body is not what the document says.
    Malformed(String),
}

/// What a server frame holds, the reply's body still encoded.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "events are by far the most frequent; a box would cost an allocation for each")]
pub enum Outgoing {
    /// Answer to the command with this id.
    Reply(u32, Vec<u8>),
    /// Refusal of the command with this id.
    Refusal(u32, ErrorBody),
    /// Something told unasked.
    Event(Event),
}

/// Structures, choices and lists may stand within each other this deep, in either encoding; what is deeper is malformed.
/// `serde_json` has the same bound built in. It keeps reading within a small stack, whatever comes in.
pub const DEPTH: usize = 128;

const REPLY: u8 = 0;
const REFUSAL: u8 = 1;

/// Reads one value and what is left behind it.
pub(crate) fn from_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), String> {
    let mut left = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut left);
    deserializer.set_max_depth(DEPTH);
    let value = T::deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    Ok((value, left))
}

impl Encoding {
    /// Encodes any wire type by itself.
    pub fn encode<T: Serialize>(self, value: &T) -> Vec<u8> {
        let encoded = match self {
            Self::Msgpack => rmp_serde::to_vec(value).map_err(|error| error.to_string()),
            Self::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
        };
        encoded.expect("wire types have no map with other keys than names, and writing to memory does not fail")
    }

    /// Decodes a wire type by itself.
    pub fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, MalformedFrame> {
        match self {
            // What follows is not looked at: a reply stands at the end of its frame, and a later version may add to the frame.
            Self::Msgpack => from_msgpack(bytes).map(|(value, _)| value).map_err(MalformedFrame),
            Self::Json => serde_json::from_slice(bytes).map_err(|error| MalformedFrame(error.to_string())),
        }
    }

    /// A command's frame.
    pub fn command<C: CommandBody>(self, id: u32, body: &C) -> Vec<u8> {
        match self {
            Self::Msgpack => self.encode(&(C::NUMBER, id, body)),
            Self::Json => {
                #[derive(Serialize)]
                struct Frame<'a, C> {
                    id: u32,
                    command: &'static str,
                    body: &'a C,
                }
                self.encode(&Frame { id, command: C::NAME, body })
            }
        }
    }

    /// A reply's frame.
    pub fn reply<R: Serialize>(self, id: u32, reply: &R) -> Vec<u8> {
        match self {
            Self::Msgpack => self.encode(&(REPLY, id, reply)),
            Self::Json => {
                #[derive(Serialize)]
                struct Frame<'a, R> {
                    id: u32,
                    reply: &'a R,
                }
                self.encode(&Frame { id, reply })
            }
        }
    }

    /// A reply's frame around a body that is encoded already.
    pub fn reply_of(self, id: u32, body: &[u8]) -> Vec<u8> {
        let (mut frame, end) = match self {
            Self::Msgpack => {
                let mut frame = self.encode(&(REPLY, id));
                // The same array, of three.
                frame[0] += 1;
                (frame, &b""[..])
            }
            Self::Json => (format!("{{\"id\":{id},\"reply\":").into_bytes(), &b"}"[..]),
        };
        frame.reserve_exact(body.len() + end.len());
        frame.extend_from_slice(body);
        frame.extend_from_slice(end);
        frame
    }

    /// A refusal's frame.
    pub fn refusal(self, id: u32, error: &ErrorBody) -> Vec<u8> {
        match self {
            Self::Msgpack => self.encode(&(REFUSAL, id, error)),
            Self::Json => {
                #[derive(Serialize)]
                struct Frame<'a> {
                    id: u32,
                    error: &'a ErrorBody,
                }
                self.encode(&Frame { id, error })
            }
        }
    }

    /// An event's frame.
    pub fn event(self, event: &Event) -> Vec<u8> {
        match self {
            // A choice is already `[number, body]`, which is the event's frame.
            Self::Msgpack => self.encode(event),
            Self::Json => {
                let mut frame = format!("{{\"event\":\"{}\",\"body\":", event.kind()).into_bytes();
                let choice = self.encode(event);
                // The choice is `{"kind":body}`; its body stands between the first colon and the last brace.
                let body_at = event.kind().len() + 4;
                frame.extend_from_slice(&choice[body_at..]);
                frame
            }
        }
    }

    /// Reads a client's frame.
    pub fn read_command(self, bytes: &[u8]) -> Result<Incoming, MalformedFrame> {
        match self {
            Self::Msgpack => {
                let mut rest = bytes;
                let length = rmp::decode::read_array_len(&mut rest).map_err(|_| malformed("a command is an array"))?;
                if length < 2 {
                    return Err(malformed("a command is an array of its number, an id and a body"));
                }
                let number: u64 =
                    rmp::decode::read_int(&mut rest).map_err(|_| malformed("the first element is the number of a command"))?;
                let id: u32 = rmp::decode::read_int(&mut rest).map_err(|_| malformed("the second element is an id, 0 to 4294967295"))?;
                // A body may be left out when all its fields may be.
                let body: &[u8] = if length == 2 { &[0x90] } else { rest };
                let known = u8::try_from(number).ok().and_then(|number| Command::from_msgpack(number, body));
                let command = match known {
                    None => Err(BadCommand::Unknown(number.to_string())),
                    Some(Err(error)) => Err(BadCommand::Malformed(error)),
                    // Elements of a later version may follow the body; after the last element of a frame nothing may.
                    Some(Ok((_, left))) if length <= 3 && !left.is_empty() => {
                        Err(BadCommand::Malformed(format!("{} bytes follow the frame; each message holds one frame", left.len())))
                    }
                    Some(Ok((command, _))) => Ok(command),
                };
                Ok(Incoming { id, command })
            }
            Self::Json => {
                #[derive(Deserialize)]
                struct Frame<'a> {
                    id: u32,
                    #[serde(borrow)]
                    command: Cow<'a, str>,
                    #[serde(borrow)]
                    body: Option<&'a RawValue>,
                }
                let frame: Frame = serde_json::from_slice(bytes).map_err(|error| MalformedFrame(error.to_string()))?;
                let command = match Command::from_json(&frame.command, frame.body.map_or("{}", RawValue::get)) {
                    None => Err(BadCommand::Unknown(frame.command.chars().take(64).collect())),
                    Some(Err(error)) => Err(BadCommand::Malformed(error)),
                    Some(Ok(command)) => Ok(command),
                };
                Ok(Incoming { id: frame.id, command })
            }
        }
    }

    /// Reads a server's frame.
    pub fn read_outgoing(self, bytes: &[u8]) -> Result<Outgoing, MalformedFrame> {
        match self {
            Self::Msgpack => {
                let mut rest = bytes;
                rmp::decode::read_array_len(&mut rest).map_err(|_| malformed("a frame is an array"))?;
                let number: u64 = rmp::decode::read_int(&mut rest).map_err(|_| malformed("the first element is a number"))?;
                if number > u64::from(REFUSAL) {
                    return self.decode(bytes).map(Outgoing::Event);
                }
                let id: u32 = rmp::decode::read_int(&mut rest).map_err(|_| malformed("the second element is an id"))?;
                if number == u64::from(REPLY) {
                    Ok(Outgoing::Reply(id, rest.to_vec()))
                } else {
                    Ok(Outgoing::Refusal(id, self.decode(rest)?))
                }
            }
            Self::Json => {
                #[derive(Deserialize)]
                struct Frame<'a> {
                    id: Option<u32>,
                    #[serde(borrow)]
                    reply: Option<&'a RawValue>,
                    error: Option<ErrorBody>,
                    event: Option<String>,
                    #[serde(borrow)]
                    body: Option<&'a RawValue>,
                }
                let frame: Frame = serde_json::from_slice(bytes).map_err(|error| MalformedFrame(error.to_string()))?;
                match frame {
                    Frame { id: Some(id), reply: Some(reply), .. } => Ok(Outgoing::Reply(id, reply.get().as_bytes().to_vec())),
                    Frame { id: Some(id), error: Some(error), .. } => Ok(Outgoing::Refusal(id, error)),
                    Frame { event: Some(kind), body, .. } => {
                        // An event of a later version may have no body; it is skipped like any that is not known.
                        let body = body.map_or("{}", RawValue::get);
                        let name = serde_json::to_string(&kind).map_err(|error| MalformedFrame(error.to_string()))?;
                        self.decode(format!("{{{name}:{body}}}").as_bytes()).map(Outgoing::Event)
                    }
                    _ => Err(malformed("a frame has an id with a reply or an error, or an event")),
                }
            }
        }
    }
}

fn malformed(what: &str) -> MalformedFrame {
    MalformedFrame(what.to_owned())
}
