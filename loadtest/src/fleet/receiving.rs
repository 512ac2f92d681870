//! Bytes in: frames are cut out of one shared buffer, and each goes past the referee.

use super::{Fleet, LAST_MAX, Seat, Stage, Wait};
use crate::check::{Standing, Verdict};
use crate::incoming::{self, Incoming, RecordSeen};
use crate::readiness::now_ns;
use crate::websocket::{self, Opcode};
use crate::wire::Wire;
use protocol::codec::Encoding;
use protocol::command::{Sync, Synced};
use protocol::content::Content;
use protocol::record::{Change, Record};
use std::io::ErrorKind;

/// How a record came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Event,
    Sync,
}

impl Fleet {
    /// Reads what a socket has and serves every whole frame in it.
    pub(super) fn read_from(&mut self, at: u32) {
        self.read_up_to(at, usize::MAX);
    }

    /// Reads so many bytes at most.
    pub(super) fn read_up_to(&mut self, at: u32, mut bytes: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Some(socket) = self.clients[at as usize].socket.as_mut().filter(|_| bytes > 0) {
            let room = buffer.len().min(bytes);
            match socket.read(&mut buffer[..room]) {
                Ok(0) => {
                    self.lose(at, "the server ended the connection without a close frame");
                    break;
                }
                Ok(length) => {
                    let now = now_ns();
                    self.clients[at as usize].heard_ms = self.elapsed_ms(now);
                    let mut carry = std::mem::take(&mut self.clients[at as usize].carry);
                    if carry.is_empty() {
                        self.serve(at, &buffer[..length], now);
                    } else {
                        carry.extend_from_slice(&buffer[..length]);
                        self.serve(at, &carry, now);
                    }
                    bytes -= length;
                    if length < room {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.lose(at, &format!("reading failed: {error}"));
                    break;
                }
            }
        }
        self.buffer = buffer;
        // What was read may have called for an answer of TLS.
        if self.clients[at as usize].socket.as_ref().is_some_and(Wire::waits) {
            self.watch(at, true);
        }
    }

    /// Serves the whole frames in `bytes` and carries over what follows them.
    fn serve(&mut self, at: u32, bytes: &[u8], now: u64) {
        let mut from = 0;
        if self.clients[at as usize].stage == Stage::Upgrading {
            match self.read_upgrade(at, bytes) {
                Some(length) => from = length,
                None if self.clients[at as usize].stage == Stage::Upgrading => {
                    self.clients[at as usize].carry = bytes.to_vec();
                    return;
                }
                None => return,
            }
        }
        while from < bytes.len() && self.clients[at as usize].socket.is_some() {
            match websocket::frame_at(&bytes[from..]) {
                Ok(Some(frame)) => {
                    let payload = &bytes[from + frame.payload_at..from + frame.end];
                    match frame.opcode {
                        Opcode::Binary => self.take_frame(at, payload, frame.end, now),
                        Opcode::Ping => {
                            self.frame.clear();
                            websocket::append_frame(&mut self.frame, Opcode::Pong, payload, Some([5, 6, 7, 8]));
                            self.write_frame(at);
                        }
                        Opcode::Pong => {}
                        Opcode::Close => self.closed(at, payload),
                        Opcode::Text => self.malformed(at, "a text frame came although MessagePack was agreed"),
                    }
                    from += frame.end;
                }
                Ok(None) => {
                    self.clients[at as usize].carry = bytes[from..].to_vec();
                    return;
                }
                Err(bad) => {
                    self.malformed(at, bad.0);
                    self.lose(at, bad.0);
                }
            }
        }
    }

    fn malformed(&mut self, at: u32, what: &str) {
        self.faults.malformed += 1;
        self.complain(format!("malformed: to {} came a frame that cannot be read: {what}", self.identities[at as usize].user));
    }

    fn take_frame(&mut self, at: u32, payload: &[u8], frame_bytes: usize, now: u64) {
        self.counts.frames += 1;
        match incoming::read(payload) {
            Ok(Incoming::Record(record)) => {
                if record.message.is_some() {
                    self.counts.message_bytes += frame_bytes as u64;
                }
                self.judge(at, &record, Way::Event, now);
            }
            Ok(Incoming::Reply { id, body }) => self.take_reply(at, id, Ok(body), now),
            Ok(Incoming::Refusal { id, code }) => self.take_reply(at, id, Err(code), now),
            Ok(Incoming::Heartbeat { cursor }) => {
                self.counts.heartbeats += 1;
                // What a sync still has to bring stands before the heartbeat's place.
                if let Some(cursor) = cursor.filter(|_| !self.clients[at as usize].recovering) {
                    self.clients[at as usize].cursor = Some(cursor.into());
                }
                self.command(at, ALIVE);
            }
            Ok(Incoming::Gap) => {
                self.counts.gaps += 1;
                if std::mem::replace(&mut self.clients[at as usize].recovering, true) {
                    self.clients[at as usize].gap_again = true;
                } else {
                    self.ask_sync(at, None);
                }
            }
            Ok(Incoming::Receipt(receipt)) => self.judge_receipt(at, &receipt),
            Ok(Incoming::ChatLeft { chat_id }) if self.is_guest(at, chat_id) => {}
            Ok(Incoming::ChatLeft { chat_id }) => {
                self.faults.misrouted += 1;
                self.complain(format!("misrouted: {} was told to have left {chat_id}", self.identities[at as usize].user));
            }
            Ok(Incoming::Drain) if self.survival.is_some() || self.returning => {}
            Ok(Incoming::Drain) => self.complain("the server says that it goes away".to_owned()),
            Ok(Incoming::Presence { user_id, online }) => self.told_presence(user_id, online, now),
            Ok(Incoming::Urgent(urgent)) => self.shown_urgent(at, &urgent, now),
            Ok(Incoming::Other) => {}
            Err(_) => self.malformed(at, "not the array that the protocol says"),
        }
    }

    /// The referee looks at one record for one client.
    fn judge(&mut self, at: u32, record: &RecordSeen, way: Way, now: u64) {
        let recovering = self.clients[at as usize].recovering;
        let Some(chat) = self.chat_of.get(&record.chat_id).copied() else {
            // A group of an earlier run on the same server, or one that is being made just now.
            return;
        };
        let Some(seat) = self.seat_in(at, chat) else {
            if !self.seats.is_empty() && !self.is_guest(at, record.chat_id) {
                self.faults.misrouted += 1;
                self.complain(format!("misrouted: {} got a record of chat {chat}, in which it is not", self.identities[at as usize].user));
            }
            return;
        };
        let message = record.message.and_then(|message| self.of_this_run(message.client_message_id).map(|number| (number, message.text)));
        let own = message.is_some_and(|(number, _)| number >> 32 == u64::from(self.run.first + at));
        let truth = &self.chats[chat as usize].truth;
        let (standing, number) = (&mut self.seats[seat].standing, message.map(|(number, _)| number));
        let verdict = match way {
            Way::Event => standing.event(truth, record.seq, number, own, recovering),
            Way::Sync => standing.synced(truth, record.seq, number),
        };
        match verdict {
            Verdict::Fine | Verdict::Echo => {}
            Verdict::Before => return,
            Verdict::Reordered => {
                self.faults.reordered += 1;
                self.complain(format!(
                    "reordered: {} got seq {} of chat {chat} after a later one",
                    self.identities[at as usize].user, record.seq
                ));
            }
            Verdict::Doubled => {
                self.faults.doubled += 1;
                let (user, node) = (&self.identities[at as usize].user, self.clients[at as usize].node);
                let words =
                    format!("doubled: {user} got seq {} of chat {chat} again, from node {node}{}", record.seq, self.trail(at as usize));
                self.complain(words);
                return;
            }
        }
        if own {
            self.counts.echoes += 1;
        } else if let Some((number, text)) = message {
            let intended_ns = text.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
            // The clock of another machine says nothing, nor does a client that had not read: what comes counts, without how long it took.
            let same_clock = (self.run.clock.0..self.run.clock.1).contains(&((number >> 32) as u32));
            if !same_clock || self.clients[at as usize].slow {
                self.counts.delivered += 1;
            } else if intended_ns >= self.measured_from_ns {
                self.counts.delivered += 1;
                let latency_ns = now.saturating_sub(intended_ns);
                self.send_to_receive.record_ns(latency_ns);
                self.as_ordinary(record, chat, latency_ns);
                if !self.chats[chat as usize].great {
                    self.small_send_to_receive.record_ns(latency_ns);
                } else if self.last_had_it.len() < LAST_MAX || self.last_had_it.contains_key(&number) {
                    // What comes later took longer.
                    self.last_had_it.insert(number, latency_ns / 1_000);
                }
            }
        }
    }

    /// Sender and number of a message of this run.
    fn of_this_run(&self, client_message_id: &str) -> Option<u64> {
        let mut parts = client_message_id.split('-').map(|digits| u32::from_str_radix(digits, 16));
        let (Some(Ok(run)), Some(Ok(client)), Some(Ok(number))) = (parts.next(), parts.next(), parts.next()) else { return None };
        (run == self.run.mark).then_some(u64::from(client) << 32 | u64::from(number))
    }

    pub(super) fn seat_in(&self, at: u32, chat: u32) -> Option<usize> {
        let client = &self.clients[at as usize];
        let from = client.seats_from as usize;
        let seats = self.seats.get(from..from + client.seats as usize)?;
        seats.iter().position(|seat: &Seat| seat.chat == chat).map(|place| from + place)
    }

    fn take_reply(&mut self, at: u32, id: u32, body: Result<&[u8], u16>, now: u64) {
        let Some(waiting) = self.answered(at, id) else {
            self.faults.misrouted += 1;
            self.complain(format!("misrouted: {} got a reply to command {id}, which waits for none", self.identities[at as usize].user));
            return;
        };
        if let Err(code) = body {
            *self.refusal_codes.entry(code).or_default() += 1;
        }
        match (waiting.kind, body) {
            (Wait::Receipt, Err(_)) => self.receipt_refused(at, waiting.chat),
            (Wait::Nothing | Wait::Receipt | Wait::Late, _) => {}
            (Wait::Watch, _) => {}
            (Wait::Raise, body) => self.raised(body.is_ok(), waiting.intended_ns, now),
            (Wait::Confirm, body) => self.confirmed(body.is_ok(), waiting.intended_ns, now),
            (Wait::Page, body) => self.take_page(body.is_ok(), waiting.intended_ns, now),
            (Wait::Hello, Err(_)) if self.returning => self.come_back(at, None),
            (Wait::Sync, Err(_)) if self.returning => self.sync_again(at),
            (Wait::Hello | Wait::Sync, Err(_)) if self.survival.is_some() => self.refused_for_now(at, waiting.kind, now),
            (Wait::Send, Err(code)) if self.survival.is_some() => self.send_refused(at, code, now),
            (Wait::Hello, Ok(body)) => self.welcomed(at, body),
            (Wait::Hello, Err(code)) => self.fatal = Some(format!("hello was refused with error {code}")),
            (Wait::Setup, body) => self.setups.push(body.map(<[u8]>::to_vec)),
            (Wait::Sync, Ok(body)) => self.take_sync(at, body, now),
            (Wait::Sync, Err(code)) => self.fatal = Some(format!("sync after a gap was refused with error {code}")),
            (Wait::Send, Ok(body)) => {
                self.owed += 1;
                let Ok(seq) = incoming::read_sent_seq(body) else { return self.malformed(at, "the reply to send") };
                self.acknowledged(at, &waiting, seq, now);
                self.urgent_can_be_raised(at, waiting.message, body);
            }
            (Wait::Send, Err(code)) => {
                self.owed += 1;
                self.counts.refused += 1;
                if !(3_000..4_000).contains(&code) {
                    self.fatal = Some(format!("a send was refused with error {code}"));
                }
            }
        }
    }

    fn acknowledged(&mut self, at: u32, waiting: &super::Waiting, seq: u64, now: u64) {
        let chat = waiting.chat;
        self.letter_acknowledged(at, waiting, seq, now);
        self.chats[chat as usize].truth.acknowledge(seq, waiting.message);
        self.chats[chat as usize].own.acknowledge(seq, waiting.message);
        if waiting.intended_ns >= self.measured_from_ns {
            self.counts.acked += 1;
            self.send_to_ack.record_ns(now.saturating_sub(waiting.intended_ns));
        }
        let truth = &self.chats[chat as usize].truth;
        let right = match self.seat_in(at, chat) {
            Some(seat) => self.seats[seat].standing.acknowledge(truth, seq, waiting.message),
            None => false,
        };
        if !right {
            self.faults.misrouted += 1;
            self.complain(format!("misrouted: a send to chat {chat} was acknowledged with seq {seq}, which cannot be"));
        }
    }

    /// Asks for what a `gap` left out.
    pub(super) fn ask_sync(&mut self, at: u32, page: Option<String>) {
        let id = self.wait_for(at, Wait::Sync, 0, 0, 0);
        let cursor = self.clients[at as usize].cursor.as_deref().unwrap_or_default().to_owned();
        let frame = Encoding::Msgpack.command(id, &Sync { cursor, page });
        self.command(at, &frame);
    }

    fn take_sync(&mut self, at: u32, body: &[u8], now: u64) {
        let synced: Synced = match Encoding::Msgpack.decode(body) {
            Ok(synced) => synced,
            Err(error) => return self.malformed(at, &error.to_string()),
        };
        for record in &synced.records {
            self.judge(at, &seen(record), Way::Sync, now);
        }
        for entry in &synced.too_long {
            self.excuse(at, Some(entry.chat.chat_id));
        }
        if synced.too_long_all {
            self.excuse(at, None);
        }
        if let Some(cursor) = synced.cursor {
            self.clients[at as usize].cursor = Some(cursor.into());
        }
        if synced.next.is_some() {
            self.ask_sync(at, synced.next);
        } else if std::mem::take(&mut self.clients[at as usize].gap_again) {
            self.ask_sync(at, None);
        } else {
            self.clients[at as usize].recovering = false;
            self.step(at, |cursor| format!("{} records by sync, at {cursor}", synced.records.len()));
            self.standings(at, Standing::known_otherwise);
            self.is_back(at);
        }
    }

    pub(super) fn standings(&mut self, at: u32, change: impl Fn(&mut Standing)) {
        let client = &self.clients[at as usize];
        let from = client.seats_from as usize;
        if let Some(seats) = self.seats.get_mut(from..from + client.seats as usize) {
            seats.iter_mut().for_each(|seat| change(&mut seat.standing));
        }
    }

    /// The server said that too much was missed: these seats are not judged, and are counted.
    pub(super) fn excuse(&mut self, at: u32, chat_id: Option<protocol::ids::ChatId>) {
        let chat = chat_id.and_then(|chat_id| self.chat_of.get(&chat_id).copied());
        let client = &self.clients[at as usize];
        let from = client.seats_from as usize;
        for seat in &mut self.seats[from..from + client.seats as usize] {
            if (chat_id.is_none() || chat == Some(seat.chat)) && !std::mem::replace(&mut seat.excused, true) {
                self.counts.too_long += 1;
            }
        }
    }
}

fn seen(record: &Record) -> RecordSeen<'_> {
    let message = match &record.change {
        Change::Message(message) => match &message.content {
            Content::Text(text) => Some(incoming::MessageSeen { client_message_id: &message.client_message_id, text: &text.text }),
            _ => None,
        },
        _ => None,
    };
    RecordSeen { chat_id: record.chat_id, seq: record.seq, message }
}

/// The command `alive` with id 0, which has no reply.
const ALIVE: &[u8] = &[0x93, 2, 0, 0x90];

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::command::Alive;

    #[test]
    fn alive_is_what_the_protocol_crate_writes() {
        assert_eq!(Encoding::Msgpack.command(0, &Alive {}), ALIVE);
    }
}
