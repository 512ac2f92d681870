//! Socket.IO, version 4: Engine.IO over WebSocket alone, each message a text.

use super::clients::{Client, Dialect, Frames, Seen, TEXT_ENDS};

/// How clients of Socket.IO talk.
pub struct SocketIo;

impl Dialect for SocketIo {
    fn path(&self) -> &'static str {
        "/socket.io/?EIO=4&transport=websocket"
    }

    fn subprotocol(&self) -> &'static str {
        ""
    }

    fn greet(&self, _client: &Client, _out: &mut Frames) {
        // The server speaks first.
    }

    fn take(&self, client: &Client, stream: &mut Vec<u8>, out: &mut Frames, seen: &mut Vec<Seen>) -> bool {
        let mut from = 0;
        while let Some(length) = stream[from..].iter().position(|byte| *byte == TEXT_ENDS) {
            let message = &stream[from..from + length];
            from += length + 1;
            match message {
                // open; it is answered with a connection to the name space of everybody
                [b'0', ..] => out.text("40{\"token\":\"load\"}"),
                [b'2', ..] => out.text("3"),
                [b'4', b'0', ..] => {
                    let rooms: Vec<String> = client.rooms.iter().map(|room| format!("\"r{room}\"")).collect();
                    out.text(&format!("420[\"join\",[{}]]", rooms.join(",")));
                }
                // acknowledgements: of the joining, which has the id 0, and of sends
                [b'4', b'3', rest @ ..] => {
                    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    match std::str::from_utf8(&rest[..digits]).ok().and_then(|id| id.parse().ok()) {
                        Some(0) => seen.push(Seen::Here),
                        Some(id) => seen.push(Seen::Acknowledged(id)),
                        None => return false,
                    }
                }
                // 42["m","text"]
                [b'4', b'2', b'[', b'"', b'm', b'"', b',', b'"', text @ .., b'"', b']'] => seen.push(Seen::Message(text.to_vec())),
                _ => return false,
            }
        }
        stream.drain(..from);
        true
    }

    fn publish(&self, _client: &Client, room: u32, id: u16, text: &[u8], out: &mut Frames) {
        out.text(&format!("42{id}[\"send\",\"r{room}\",\"{}\"]", String::from_utf8_lossy(text)));
    }
}
