//! Ready frames: the WebSocket header and the encoded body, made once for everybody.

use bytes::{BufMut, Bytes, BytesMut};
use protocol::codec::Encoding;
use protocol::event::Event;
use serde::Serialize;
use std::sync::OnceLock;

/// Bytes of a whole WebSocket frame. Server frames are not masked, so the same bytes may go to every socket.
#[derive(Debug, Clone)]
pub struct Frame(Bytes);

impl Frame {
    /// A frame that holds this body.
    pub fn new(encoding: Encoding, body: &[u8]) -> Self {
        let opcode = match encoding {
            Encoding::Json => 0x1,
            Encoding::Msgpack => 0x2,
        };
        Self(framed(opcode, body))
    }

    /// Bytes that are a frame already.
    pub fn raw(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }
}

/// A close frame with a code and a reason; the reason is cut to what a close frame can hold.
pub fn close(code: u16, reason: &str) -> Frame {
    let mut body = code.to_be_bytes().to_vec();
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    body.extend_from_slice(&reason.as_bytes()[..end]);
    Frame(framed(0x8, &body))
}

/// A ping that the client answers when it has read what was written before it.
pub fn mark(number: u32) -> Frame {
    Frame(framed(0x9, &number.to_be_bytes()))
}

/// The number of the mark that a pong answers.
pub fn mark_of(pong: &[u8]) -> Option<u32> {
    pong.try_into().ok().map(u32::from_be_bytes)
}

fn framed(opcode: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(body.len() + 10);
    frame.put_u8(0x80 | opcode);
    match body.len() {
        length @ 0..=125 => frame.put_u8(length as u8),
        length @ 126..=0xffff => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        length => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
    frame.put_slice(body);
    frame.freeze()
}

/// Something that is made for each encoding when the first session of it wants it, and never again.
struct OfEncoding<T> {
    msgpack: OnceLock<T>,
    json: OnceLock<T>,
}

impl<T> OfEncoding<T> {
    const fn new() -> Self {
        Self { msgpack: OnceLock::new(), json: OnceLock::new() }
    }

    fn get_or_make(&self, encoding: Encoding, make: impl FnOnce() -> T) -> &T {
        match encoding {
            Encoding::Msgpack => self.msgpack.get_or_init(make),
            Encoding::Json => self.json.get_or_init(make),
        }
    }
}

/// The body of a reply that many get: encoded when the first of an encoding wants it.
pub struct SharedReply<R> {
    body: R,
    encoded: OfEncoding<Vec<u8>>,
}

impl<R: Serialize> SharedReply<R> {
    /// This body.
    pub fn new(body: R) -> Self {
        Self { body, encoded: OfEncoding::new() }
    }

    /// The body.
    pub fn body(&self) -> &R {
        &self.body
    }

    /// The frame that answers the command with this id.
    pub fn frame(&self, encoding: Encoding, id: u32) -> Frame {
        Frame::new(encoding, &encoding.reply_of(id, self.encoded.get_or_make(encoding, || encoding.encode(&self.body))))
    }
}

/// An event that is encoded when the first session of an encoding wants it, and never again.
pub struct EventFrame {
    event: Event,
    frames: OfEncoding<Frame>,
}

impl EventFrame {
    /// The event.
    pub fn new(event: Event) -> Self {
        Self { event, frames: OfEncoding::new() }
    }

    /// Its frame.
    pub fn frame(&self, encoding: Encoding) -> Frame {
        self.frames.get_or_make(encoding, || Frame::new(encoding, &encoding.event(&self.event))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = Frame::new(Encoding::Msgpack, &vec![0; length]);
            assert_eq!(frame.bytes().len(), length + header);
        }
    }

    #[test]
    fn a_long_reason_is_cut_at_a_character() {
        let frame = close(4000, &"期".repeat(60));
        assert_eq!(frame.bytes().len(), 2 + 2 + 123);
        assert!(std::str::from_utf8(&frame.bytes()[4..]).is_ok());
    }
}
