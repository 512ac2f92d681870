//! NATS over WebSocket. Without JetStream one's own message, which comes back, is all the acknowledgement there is.

use super::clients::{Client, Dialect, Frames, Seen};

/// How clients of NATS talk.
pub struct Nats {
    /// Messages go through a stream on disk, whose acknowledgement counts.
    pub durable: bool,
}

/// The subject of a room.
fn subject(room: u32) -> String {
    format!("room.{room}")
}

impl Dialect for Nats {
    fn path(&self) -> &'static str {
        "/"
    }

    fn subprotocol(&self) -> &'static str {
        "nats"
    }

    fn greet(&self, _client: &Client, _out: &mut Frames) {
        // The server speaks first.
    }

    fn take(&self, client: &Client, stream: &mut Vec<u8>, out: &mut Frames, seen: &mut Vec<Seen>) -> bool {
        let mut from = 0;
        while let Some(length) = stream[from..].windows(2).position(|pair| pair == b"\r\n") {
            let Ok(line) = std::str::from_utf8(&stream[from..from + length]) else { return false };
            let mut end = from + length + 2;
            let mut words = line.split(' ');
            match words.next().unwrap_or("") {
                "INFO" => out.bytes(self.hello(client).as_bytes()),
                "PING" => out.bytes(b"PONG\r\n"),
                "PONG" => seen.push(Seen::Here),
                "+OK" => {}
                "MSG" => {
                    let words: Vec<&str> = words.collect();
                    let (Some(subject), Some(Ok(bytes))) = (words.first(), words.last().map(|bytes| bytes.parse::<usize>())) else {
                        return false;
                    };
                    let Some(payload) = stream.get(end..end + bytes + 2) else { break };
                    match subject.strip_prefix("ack.").and_then(|rest| rest.rsplit('.').next()?.parse().ok()) {
                        Some(id) => seen.push(Seen::Acknowledged(id)),
                        None => seen.push(Seen::Message(payload[..bytes].to_vec())),
                    }
                    end += bytes + 2;
                }
                _ => return false,
            }
            from = end;
        }
        stream.drain(..from);
        true
    }

    fn publish(&self, client: &Client, room: u32, id: u16, text: &[u8], out: &mut Frames) {
        let reply = if self.durable { format!("ack.{}.{id} ", client.number) } else { String::new() };
        let mut bytes = format!("PUB {} {reply}{}\r\n", subject(room), text.len()).into_bytes();
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(b"\r\n");
        out.bytes(&bytes);
    }

    fn echo_acknowledges(&self) -> bool {
        !self.durable
    }
}

impl Nats {
    fn hello(&self, client: &Client) -> String {
        let mut said = String::from(
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"user\":\"load\",\"pass\":\"load\",\"protocol\":1,\"lang\":\"loadtest\",\"version\":\"1\"}\r\n",
        );
        if self.durable {
            said += &format!("SUB ack.{}.* 1\r\n", client.number);
            if client.number == 0 {
                let stream = "{\"name\":\"rooms\",\"subjects\":[\"room.*\"],\"storage\":\"file\",\"num_replicas\":1}";
                said += &format!("PUB $JS.API.STREAM.CREATE.rooms ack.0.0 {}\r\n{stream}\r\n", stream.len());
            }
        }
        for (number, room) in client.rooms.iter().enumerate() {
            said += &format!("SUB {} {}\r\n", subject(*room), number + 2);
        }
        said + "PING\r\n"
    }
}
