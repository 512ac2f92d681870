//! The client protocol of Clarion: types, encodings, numbers of errors and close codes.
//!
//! Promise: this crate is the single source of truth of what stands on the wire, and is pure: no I/O, no clock, no runtime.
//! The server, the load test and the tests depend on it, never the reverse. The contract for people is `PROTOCOL.md`,
//! the examples are `vectors/`; tests hold both against these types.
//!
//! Two encodings carry the same types. In **JSON** a structure is an object with the names below, and a choice is an
//! object with one name. In **MessagePack** a structure is an array of its fields in the order below (what is empty at
//! the end is left out, what is unknown at the end is ignored), and a choice is `[number, body]`.

mod wire;

pub mod chat;
pub mod codec;
pub mod command;
pub mod content;
pub mod error;
pub mod event;
pub mod group;
pub mod ids;
pub mod person;
pub mod record;
pub mod urgent;

/// Version of the protocol that this crate speaks; `hello` carries it.
pub const VERSION: u16 = 1;
/// Oldest version that a server of this crate still answers.
pub const VERSION_OLDEST: u16 = 1;
/// WebSocket subprotocol whose frames are binary MessagePack.
pub const SUBPROTOCOL_MSGPACK: &str = "clarion.v1.msgpack";
/// WebSocket subprotocol whose frames are JSON text.
pub const SUBPROTOCOL_JSON: &str = "clarion.v1.json";
