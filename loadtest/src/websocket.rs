//! Just enough WebSocket for a load client and its control: the upgrade, and frames cut out of a shared buffer without a copy.

use base64::Engine as _;
use sha1::{Digest as _, Sha1};

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// The end, with a code and a reason.
    Close,
    /// Wants a pong.
    Ping,
    /// Answer to a ping.
    Pong,
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

/// Why bytes are no frame that these clients take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadFrame(pub &'static str);

/// A frame at the start of a buffer: its payload stands at `payload_at..end`, and the next frame starts at `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameAt {
    /// What it is.
    pub opcode: Opcode,
    /// First byte of the payload.
    pub payload_at: usize,
    /// First byte after the frame.
    pub end: usize,
    /// Key with which the payload is masked, when it is.
    pub mask: Option<[u8; 4]>,
}

/// Finds the frame at the start of `bytes`; `None` while it is not complete.
///
/// A fragmented message is refused: the servers that are measured here send every event in one frame.
pub fn frame_at(bytes: &[u8]) -> Result<Option<FrameAt>, BadFrame> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    if first & 0x70 != 0 {
        return Err(BadFrame("a reserved bit is set although no extension was agreed"));
    }
    if first & 0x80 == 0 {
        return Err(BadFrame("the frame is a fragment; each message is expected in one frame"));
    }
    let opcode = match first & 0x0f {
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(BadFrame("the opcode is not known")),
    };
    let (length, mut payload_at) = match second & 0x7f {
        126 => match bytes.get(2..4) {
            Some(length) => (u64::from(u16::from_be_bytes([length[0], length[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10) {
            Some(length) => (u64::from_be_bytes(length.try_into().expect("eight bytes were taken")), 10),
            None => return Ok(None),
        },
        length => (u64::from(length), 2),
    };
    if length > FRAME_BYTES_MAX {
        return Err(BadFrame("the frame is larger than 64 MiB"));
    }
    let mut mask = None;
    if second & 0x80 != 0 {
        let Some(key) = bytes.get(payload_at..payload_at + 4) else { return Ok(None) };
        mask = Some([key[0], key[1], key[2], key[3]]);
        payload_at += 4;
    }
    let end = payload_at + length as usize;
    Ok((bytes.len() >= end).then_some(FrameAt { opcode, payload_at, end, mask }))
}

/// Frames above this are refused, so that a wrong length cannot make a client wait for ever.
const FRAME_BYTES_MAX: u64 = 64 << 20;

/// Appends a frame. Clients mask, servers do not.
pub fn append_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) {
    out.push(0x80 | opcode.number());
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..=125 => out.push(masked | length as u8),
        length @ 126..=65_535 => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    match mask {
        None => out.extend_from_slice(payload),
        Some(key) => {
            out.extend_from_slice(&key);
            let start = out.len();
            out.extend_from_slice(payload);
            unmask(&mut out[start..], key);
        }
    }
}

/// Masks or unmasks in place.
pub fn unmask(payload: &mut [u8], key: [u8; 4]) {
    for (byte, key) in payload.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Code and reason of a close frame's payload; 1005 when it has none.
pub fn close_reason(payload: &[u8]) -> (u16, String) {
    match payload {
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason).into_owned()),
        _ => (1005, String::new()),
    }
}

/// The key of an upgrade, from 16 bytes that differ for each connection.
pub fn upgrade_key(nonce: [u8; 16]) -> String {
    base64::engine::general_purpose::STANDARD.encode(nonce)
}

/// What the server must answer to a key.
pub fn upgrade_accept(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// The request that asks for the upgrade.
pub fn upgrade_request(host: &str, path: &str, key: &str, subprotocol: &str) -> String {
    let wanted = if subprotocol.is_empty() { String::new() } else { format!("Sec-WebSocket-Protocol: {subprotocol}\r\n") };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{wanted}\r\n"
    )
}

/// Length of the head of an HTTP message, its empty line included; `None` while it is not complete.
pub fn head_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of a header in a head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_at_every_length_class_and_cut() {
        for length in [0usize, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            for mask in [None, Some([1, 2, 3, 250])] {
                let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
                let mut bytes = Vec::new();
                append_frame(&mut bytes, Opcode::Binary, &payload, mask);
                for cut in [0, 1, 2, 3, bytes.len() - 1] {
                    assert_eq!(frame_at(&bytes[..cut.min(bytes.len() - 1)]), Ok(None));
                }
                bytes.extend_from_slice(b"next");
                let frame = frame_at(&bytes).unwrap().unwrap();
                assert_eq!((frame.opcode, frame.end), (Opcode::Binary, bytes.len() - 4));
                let read = &mut bytes[frame.payload_at..frame.end];
                if let Some(key) = frame.mask {
                    unmask(read, key);
                }
                assert_eq!(read, payload);
            }
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert!(frame_at(&[0xc2, 0]).is_err(), "reserved bit");
        assert!(frame_at(&[0x02, 0]).is_err(), "fragment");
        assert!(frame_at(&[0x83, 0]).is_err(), "unknown opcode");
        assert!(frame_at(&[0x82, 127, 255, 0, 0, 0, 0, 0, 0, 0]).is_err(), "far too long");
    }

    #[test]
    fn the_answer_to_an_upgrade_is_that_of_the_standard() {
        assert_eq!(upgrade_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let head = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\n\r\nrest";
        assert_eq!(header(head, "sec-websocket-accept"), Some("abc"));
        assert_eq!(head_length(head.as_bytes()), Some(head.len() - 4));
    }
}
