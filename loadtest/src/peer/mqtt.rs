//! MQTT 3.1.1 over WebSocket: sent with QoS 1, delivered with QoS 0.

use super::clients::{Client, Dialect, Frames, Seen};

/// How clients of MQTT talk.
pub struct Mqtt;

const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBACK: u8 = 4;
const SUBACK: u8 = 9;

impl Dialect for Mqtt {
    fn path(&self) -> &'static str {
        "/mqtt"
    }

    fn subprotocol(&self) -> &'static str {
        "mqtt"
    }

    fn greet(&self, client: &Client, out: &mut Frames) {
        let mut body = Vec::new();
        append_text(&mut body, "MQTT");
        // Version 4, a clean session, no keep-alive.
        body.extend_from_slice(&[4, 2, 0, 0]);
        append_text(&mut body, &format!("load{:06}", client.number));
        out.bytes(&packet(0x10, &body));
    }

    fn take(&self, client: &Client, stream: &mut Vec<u8>, out: &mut Frames, seen: &mut Vec<Seen>) -> bool {
        let mut from = 0;
        while let Some((kind, body_at, end)) = packet_at(&stream[from..]) {
            let body = &stream[from + body_at..from + end];
            from += end;
            match (kind, body) {
                (CONNACK, [_, 0]) => {
                    let mut rooms = vec![0, 1];
                    for room in &client.rooms {
                        append_text(&mut rooms, &format!("room/{room}"));
                        rooms.push(0);
                    }
                    out.bytes(&packet(0x82, &rooms));
                }
                (SUBACK, _) => seen.push(Seen::Here),
                (PUBACK, [high, low, ..]) => seen.push(Seen::Acknowledged(u16::from_be_bytes([*high, *low]))),
                (PUBLISH, [high, low, rest @ ..]) => {
                    let topic = usize::from(u16::from_be_bytes([*high, *low]));
                    let Some(text) = rest.get(topic..) else { return false };
                    seen.push(Seen::Message(text.to_vec()));
                }
                _ => return false,
            }
        }
        stream.drain(..from);
        true
    }

    fn publish(&self, _client: &Client, room: u32, id: u16, text: &[u8], out: &mut Frames) {
        let mut body = Vec::new();
        append_text(&mut body, &format!("room/{room}"));
        body.extend_from_slice(&id.to_be_bytes());
        body.extend_from_slice(text);
        out.bytes(&packet(0x32, &body));
    }
}

fn append_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    let mut length = body.len();
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        packet.push(if length > 0 { digit | 128 } else { digit });
        if length == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

/// Kind of the packet at the start, where its body begins, and where it ends; `None` while it is not whole.
fn packet_at(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (first, rest) = bytes.split_first()?;
    let mut length = 0;
    for (at, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 127) << (7 * at);
        if byte & 128 == 0 {
            let body_at = at + 2;
            return (bytes.len() >= body_at + length).then_some((first >> 4, body_at, body_at + length));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_as_it_was_written() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
            let bytes = packet(0x32, &vec![7; length]);
            assert_eq!(packet_at(&bytes).map(|(kind, at, end)| (kind, end - at, end)), Some((3, length, bytes.len())));
            assert_eq!(packet_at(&bytes[..bytes.len() - 1]), None);
        }
    }
}
