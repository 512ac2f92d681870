//! What the control sends: frames of the same bytes as a real server's.

use crate::incoming;
use crate::websocket::{self, Opcode};
use protocol::ids::ChatId;

pub(super) fn framed(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    websocket::append_frame(&mut frame, Opcode::Binary, payload, None);
    frame
}

/// The event of a message, of the same size as a real server's.
pub(super) fn message_event(chat_id: ChatId, seq: u64, by: &str, send: &incoming::SendSeen) -> Vec<u8> {
    let mut event = Vec::with_capacity(96 + send.content.len());
    event.extend_from_slice(&[0x92, 10, 0x96, 0xc4, 16]);
    event.extend_from_slice(&chat_id.0);
    for number in [seq, seq, now_ms()] {
        append_number(&mut event, number);
    }
    append_text(&mut event, by);
    event.extend_from_slice(&[0x92, 1, 0x93, 0xc4, 16]);
    event.extend_from_slice(&[0; 16]);
    append_text(&mut event, send.client_message_id);
    event.extend_from_slice(send.content);
    framed(&event)
}

pub(super) fn append_number(out: &mut Vec<u8>, number: u64) {
    match number {
        0..=0x7f => out.push(number as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(number as u32).to_be_bytes());
        }
        _ => {
            out.push(0xcf);
            out.extend_from_slice(&number.to_be_bytes());
        }
    }
}

/// A text of at most 255 bytes; those of the control are shorter.
pub(super) fn append_text(out: &mut Vec<u8>, text: &str) {
    let text = &text.as_bytes()[..text.len().min(255)];
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length => out.extend_from_slice(&[0xd9, length as u8]),
    }
    out.extend_from_slice(text);
}

pub(super) fn now_ms() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::codec::{Encoding, Outgoing};
    use protocol::command::Send;
    use protocol::content::{Content, Text};
    use protocol::event::Event;
    use protocol::record::Change;

    #[test]
    fn the_control_writes_what_the_protocol_crate_reads() {
        let content = Content::Text(Text { text: "hello".into() });
        let send = Send { chat_id: ChatId([4; 16]), client_message_id: "1-2-3".into(), content: content.clone(), ..Send::default() };
        let command = Encoding::Msgpack.command(9, &send);
        let (_, _, body) = incoming::read_command(&command).unwrap();
        let event = message_event(ChatId([4; 16]), 300, "load000001", &incoming::read_send(body).unwrap());
        let frame = websocket::frame_at(&event).unwrap().unwrap();
        let Ok(Outgoing::Event(Event::Record(record))) = Encoding::Msgpack.read_outgoing(&event[frame.payload_at..]) else {
            panic!("a record was expected")
        };
        assert_eq!((record.seq, record.by.as_str()), (300, "load000001"));
        let Change::Message(message) = record.change else { panic!("a message was expected") };
        assert_eq!((message.client_message_id.as_str(), message.content), ("1-2-3", content));
    }
}
