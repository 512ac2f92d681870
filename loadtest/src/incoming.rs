//! What a server's frame holds, read in place: only the fields that the checker and the clocks need, without an allocation.
//!
//! The protocol crate reads the same frames whole; a test holds this reading against it.

use protocol::ids::ChatId;

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// Answer to the command with this id; the body is still MessagePack.
    Reply { id: u32, body: &'a [u8] },
    /// Refusal of the command with this id.
    Refusal { id: u32, code: u16 },
    /// A record of a chat.
    Record(RecordSeen<'a>),
    /// Something was left out; a `sync` is due.
    Gap,
    /// Are you there? With the place up to which everything was sent.
    Heartbeat { cursor: Option<&'a str> },
    /// This node goes away.
    Drain,
    /// The session's person is no longer in this chat.
    ChatLeft { chat_id: ChatId },
    /// How far somebody has got in a chat.
    Receipt(ReceiptSeen<'a>),
    /// Somebody who is watched came or went.
    Presence { user_id: &'a str, online: bool },
    /// An urgent is shown.
    Urgent(UrgentSeen<'a>),
    /// Any other event.
    Other,
}

/// An urgent, as far as the clocks need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrgentSeen<'a> {
    /// Which.
    pub urgent_id: [u8; 16],
    /// Its message.
    pub message: RecordSeen<'a>,
}

/// How far somebody has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptSeen<'a> {
    /// Where.
    pub chat_id: ChatId,
    /// Who.
    pub user_id: &'a str,
    /// A device has everything up to here.
    pub delivered_seq: u64,
    /// Everything is read up to here.
    pub read_seq: u64,
}

/// A record, as far as the checker looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordSeen<'a> {
    /// Where.
    pub chat_id: ChatId,
    /// Its place.
    pub seq: u64,
    /// The message in it, when it is one with a text.
    pub message: Option<MessageSeen<'a>>,
}

/// A message with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageSeen<'a> {
    /// Chosen by the sender.
    pub client_message_id: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// The frame is not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Reads a frame.
pub fn read(frame: &[u8]) -> Result<Incoming<'_>, Malformed> {
    let mut place = Place(frame);
    place.array()?;
    match place.number()? {
        0 => {
            let id = place.number()? as u32;
            Ok(Incoming::Reply { id, body: place.0 })
        }
        1 => {
            let id = place.number()? as u32;
            place.array()?;
            Ok(Incoming::Refusal { id, code: place.number()? as u16 })
        }
        10 => read_record(&mut place).map(Incoming::Record),
        11 => {
            place.array()?;
            Ok(Incoming::Receipt(ReceiptSeen {
                chat_id: place.chat_id()?,
                user_id: place.text()?,
                delivered_seq: place.number()?,
                read_seq: place.number()?,
            }))
        }
        14 => {
            place.array()?;
            Ok(Incoming::Presence { user_id: place.text()?, online: place.number()? == 1 })
        }
        16 => Ok(Incoming::Gap),
        17 => {
            let length = place.array()?;
            place.skip(1)?;
            Ok(Incoming::Heartbeat { cursor: if length > 1 { place.text_or_nil()? } else { None } })
        }
        18 => Ok(Incoming::Drain),
        19 => {
            place.array()?;
            Ok(Incoming::ChatLeft { chat_id: place.chat_id()? })
        }
        100 => {
            place.array()?;
            Ok(Incoming::Urgent(UrgentSeen { urgent_id: place.id()?, message: read_record(&mut place)? }))
        }
        _ => Ok(Incoming::Other),
    }
}

/// Reads a record where it stands.
fn read_record<'a>(place: &mut Place<'a>) -> Result<RecordSeen<'a>, Malformed> {
    place.array()?;
    let chat_id = place.chat_id()?;
    let seq = place.number()?;
    place.skip(3)?; // position, at_ms, by
    place.array()?;
    let mut message = None;
    if place.number()? == 1 {
        place.array()?;
        place.skip(1)?; // message_id
        let client_message_id = place.text()?;
        place.array()?;
        if place.number()? == 1 {
            place.array()?;
            message = Some(MessageSeen { client_message_id, text: place.text()? });
        }
    }
    Ok(RecordSeen { chat_id, seq, message })
}

/// Reads the body of a reply to `send`: seq only.
pub fn read_sent_seq(body: &[u8]) -> Result<u64, Malformed> {
    let mut place = Place(body);
    place.array()?;
    place.skip(1)?; // message_id
    place.number()
}

/// What stands in a `send`, for the control server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendSeen<'a> {
    /// Where to.
    pub chat_id: ChatId,
    /// Chosen by the sender.
    pub client_message_id: &'a str,
    /// The content, still encoded.
    pub content: &'a [u8],
}

/// Number, id and body of a command.
pub fn read_command(frame: &[u8]) -> Result<(u64, u32, &[u8]), Malformed> {
    let mut place = Place(frame);
    place.array()?;
    let number = place.number()?;
    let id = place.number()? as u32;
    Ok((number, id, place.0))
}

/// Reads the body of a `send`.
pub fn read_send(body: &[u8]) -> Result<SendSeen<'_>, Malformed> {
    let mut place = Place(body);
    place.array()?;
    let chat_id = place.chat_id()?;
    let client_message_id = place.text()?;
    let before = place.0;
    place.skip(1)?;
    Ok(SendSeen { chat_id, client_message_id, content: &before[..before.len() - place.0.len()] })
}

/// What is still to be read.
struct Place<'a>(&'a [u8]);

impl<'a> Place<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn big_endian(&mut self, bytes: usize) -> Result<u64, Malformed> {
        Ok(self.take(bytes)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn array(&mut self) -> Result<u64, Malformed> {
        match self.byte()? {
            byte @ 0x90..=0x9f => Ok(u64::from(byte & 0x0f)),
            0xdc => self.big_endian(2),
            0xdd => self.big_endian(4),
            _ => Err(Malformed),
        }
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        match self.byte()? {
            byte @ 0x00..=0x7f => Ok(u64::from(byte)),
            0xcc => self.big_endian(1),
            0xcd => self.big_endian(2),
            0xce => self.big_endian(4),
            0xcf => self.big_endian(8),
            _ => Err(Malformed),
        }
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        self.text_or_nil()?.ok_or(Malformed)
    }

    fn text_or_nil(&mut self) -> Result<Option<&'a str>, Malformed> {
        let length = match self.byte()? {
            0xc0 => return Ok(None),
            byte @ 0xa0..=0xbf => u64::from(byte & 0x1f),
            0xd9 => self.big_endian(1)?,
            0xda => self.big_endian(2)?,
            0xdb => self.big_endian(4)?,
            _ => return Err(Malformed),
        };
        std::str::from_utf8(self.take(length as usize)?).map(Some).map_err(|_| Malformed)
    }

    fn chat_id(&mut self) -> Result<ChatId, Malformed> {
        self.id().map(ChatId)
    }

    fn id(&mut self) -> Result<[u8; 16], Malformed> {
        match self.take(2)? {
            [0xc4, 16] => self.take(16)?.try_into().map_err(|_| Malformed),
            _ => Err(Malformed),
        }
    }

    /// Passes over values, whatever they are. A count of what is still open takes the place of recursion.
    fn skip(&mut self, values: u64) -> Result<(), Malformed> {
        let mut open = values;
        while open > 0 {
            open -= 1;
            let (length, inside) = match self.byte()? {
                0x00..=0x7f | 0xe0..=0xff | 0xc0..=0xc3 => (0, 0),
                byte @ 0x80..=0x8f => (0, u64::from(byte & 0x0f) * 2),
                byte @ 0x90..=0x9f => (0, u64::from(byte & 0x0f)),
                byte @ 0xa0..=0xbf => (u64::from(byte & 0x1f), 0),
                0xc4 | 0xd9 => (self.big_endian(1)?, 0),
                0xc5 | 0xda => (self.big_endian(2)?, 0),
                0xc6 | 0xdb => (self.big_endian(4)?, 0),
                0xc7 => (self.big_endian(1)? + 1, 0),
                0xc8 => (self.big_endian(2)? + 1, 0),
                0xc9 => (self.big_endian(4)? + 1, 0),
                0xcc | 0xd0 => (1, 0),
                0xcd | 0xd1 => (2, 0),
                0xce | 0xd2 | 0xca => (4, 0),
                0xcf | 0xd3 | 0xcb => (8, 0),
                byte @ 0xd4..=0xd8 => (1 + (1 << (byte - 0xd4)), 0),
                0xdc => (0, self.big_endian(2)?),
                0xdd => (0, self.big_endian(4)?),
                0xde => (0, self.big_endian(2)? * 2),
                0xdf => (0, self.big_endian(4)? * 2),
            };
            self.take(length as usize)?;
            open += inside;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use protocol::codec::Encoding;
    use protocol::command::{Send, Sent};
    use protocol::content::{Content, Image, Quote, Text};
    use protocol::error::ErrorBody;
    use protocol::event::{Event, Gap, Heartbeat, Typing};
    use protocol::person::{Presence, PresenceState};
    use protocol::record::{Change, Message, Record};

    fn record(seq: u64, content: Content) -> Event {
        Event::Record(Record {
            chat_id: ChatId([9; 16]),
            seq,
            position: seq * 3,
            at_ms: 1_700_000_000_000,
            by: "load000001".into(),
            change: Change::Message(Message {
                client_message_id: "r-1-2".into(),
                content,
                reply_to: Some(Quote { preview: "q".repeat(70), ..Quote::default() }),
                mentions: vec!["a".into(), "b".repeat(40)],
                edited_at_ms: Some(70_000),
                ..Message::default()
            }),
        })
    }

    #[test]
    fn a_record_is_read_as_the_protocol_crate_wrote_it() {
        for seq in [1, 127, 128, 65_536, u64::MAX / 3] {
            let text = "文".repeat(seq.min(400) as usize);
            let frame = Encoding::Msgpack.event(&record(seq, Content::Text(Text { text: text.clone() })));
            let message = MessageSeen { client_message_id: "r-1-2", text: &text };
            let expected = RecordSeen { chat_id: ChatId([9; 16]), seq, message: Some(message) };
            assert_eq!(read(&frame), Ok(Incoming::Record(expected)));
        }
        let frame = Encoding::Msgpack.event(&record(5, Content::Image(Image { key: "k".into(), ..Image::default() })));
        assert_eq!(read(&frame), Ok(Incoming::Record(RecordSeen { chat_id: ChatId([9; 16]), seq: 5, message: None })));
    }

    #[test]
    fn replies_refusals_and_other_events_are_told_apart() {
        let sent = Sent { seq: 300, position: 7, ..Sent::default() };
        let frame = Encoding::Msgpack.reply(70_000, &sent);
        let Ok(Incoming::Reply { id: 70_000, body }) = read(&frame) else { panic!("a reply was expected") };
        assert_eq!(read_sent_seq(body), Ok(300));
        let error = ErrorBody { code: 3001, what: "w".into(), ..ErrorBody::default() };
        assert_eq!(read(&Encoding::Msgpack.refusal(3, &error)), Ok(Incoming::Refusal { id: 3, code: 3001 }));
        let events = [
            (Event::Gap(Gap { dropped: 5 }), Incoming::Gap),
            (Event::Typing(Typing::default()), Incoming::Other),
            (
                Event::Presence(Presence { user_id: "u".into(), state: PresenceState::Online, last_seen_ms: None }),
                Incoming::Presence { user_id: "u", online: true },
            ),
            (Event::Heartbeat(Heartbeat { server_time_ms: 1 << 40, cursor: None }), Incoming::Heartbeat { cursor: None }),
            (Event::Heartbeat(Heartbeat { server_time_ms: 9, cursor: Some("c".into()) }), Incoming::Heartbeat { cursor: Some("c") }),
        ];
        for (event, expected) in events {
            assert_eq!(read(&Encoding::Msgpack.event(&event)), Ok(expected));
        }
    }

    #[test]
    fn a_send_is_read_as_the_client_wrote_it() {
        let content = Content::Text(Text { text: "hello".into() });
        let send = Send { chat_id: ChatId([4; 16]), client_message_id: "x".into(), content: content.clone(), ..Send::default() };
        let frame = Encoding::Msgpack.command(9, &send);
        let (number, id, body) = read_command(&frame).unwrap();
        assert_eq!((number, id), (3, 9));
        let seen = read_send(body).unwrap();
        assert_eq!((seen.chat_id, seen.client_message_id), (ChatId([4; 16]), "x"));
        assert_eq!(seen.content, Encoding::Msgpack.encode(&content));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read_send(&bytes);
            let _ = read_sent_seq(&bytes);
        }
    }
}
