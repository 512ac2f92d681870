//! Messages out: at a rate that does not wait for answers, or as many as the server takes.

use super::{Fleet, Stage, Wait};
use crate::arrivals::Arrivals;
use crate::readiness::now_ns;
use protocol::codec::Encoding;
use protocol::command::Send;
use protocol::content::{Content, Text};
use rand::RngExt as _;
use std::fmt::Write as _;

/// How fast messages are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// Open loop: so many a second, whatever the answers do.
    PerSecond(f64),
    /// Closed loop: so many unanswered at any time.
    InFlight(u32),
}

impl Fleet {
    /// Sends for this long: each message into a random chat, by a random one of its senders.
    pub fn send(&mut self, pace: Pace, seconds: f64) -> Result<(), String> {
        let start = now_ns();
        let until = start + (seconds * 1e9) as u64;
        match pace {
            Pace::PerSecond(rate) => {
                let mut arrivals = Arrivals::new(rate, start, until, self.rng.random());
                while let Some(next) = arrivals.peek() {
                    while let Some(intended) = arrivals.take(now_ns()) {
                        self.send_one(intended);
                    }
                    self.turn(next)?;
                }
            }
            Pace::InFlight(count) => {
                self.owed = count.saturating_sub(self.sends_waiting);
                self.saturating = true;
                while now_ns() < until {
                    for _ in 0..std::mem::take(&mut self.owed) {
                        self.send_one(now_ns());
                    }
                    self.turn(until)?;
                }
                self.saturating = false;
            }
        }
        Ok(())
    }

    fn send_one(&mut self, intended_ns: u64) {
        let chat = self.rng.random_range(0..self.chats.len() as u32);
        let senders = &self.chats[chat as usize].senders;
        let at = senders[self.rng.random_range(0..senders.len())];
        if self.clients[at as usize].stage != Stage::Here {
            // Its session was dropped, which is a fault already; the load goes on without it.
            self.owed += 1;
            return;
        }
        self.counts.sent += 1;
        let number = self.next_message;
        self.next_message += 1;
        let id = self.wait_for(at, Wait::Send, chat, intended_ns, u64::from(at) << 32 | u64::from(number));
        let send = self.message(at, chat, number, intended_ns);
        self.command(at, &Encoding::Msgpack.command(id, &send));
    }

    /// A message whose id says sender and number, and whose text says when it was due.
    pub(super) fn message(&self, at: u32, chat: u32, number: u32, intended_ns: u64) -> Send {
        let mut text = String::with_capacity(self.text_bytes.max(16));
        let _ = write!(text, "{intended_ns:016x}");
        while text.len() < self.text_bytes {
            text.push_str(&FILLER[..FILLER.len().min(self.text_bytes - text.len())]);
        }
        Send {
            chat_id: self.chats[chat as usize].id,
            client_message_id: format!("{:x}-{at:x}-{number:x}", self.run),
            content: Content::Text(Text { text }),
            ..Send::default()
        }
    }

    /// Waits until every send is answered and everything that was acknowledged has come, or this long.
    pub fn settle(&mut self, seconds_max: f64) -> Result<(), String> {
        let until = now_ns() + (seconds_max * 1e9) as u64;
        loop {
            if self.sends_waiting == 0 && self.everything_came() {
                return Ok(());
            }
            let now = now_ns();
            if now >= until {
                break;
            }
            self.turn(until.min(now + 20_000_000))?;
        }
        let open: Vec<_> = self.waiting.iter().filter(|waiting| waiting.kind == Wait::Send).copied().collect();
        for waiting in open {
            self.faults.unanswered += 1;
            self.chats[waiting.chat as usize].truth.unanswered += 1;
            self.complain(format!("unanswered: a send to chat {} got no answer within {seconds_max} s", waiting.chat));
        }
        Ok(())
    }

    pub(super) fn everything_came(&self) -> bool {
        self.clients.iter().filter(|client| client.stage == Stage::Here && !client.recovering).all(|client| {
            let from = client.seats_from as usize;
            let seats = self.seats.get(from..from + client.seats as usize).unwrap_or_default();
            seats.iter().all(|seat| seat.excused || seat.standing.complete(&self.chats[seat.chat as usize].truth))
        })
    }
}

const FILLER: &str = " the quick brown fox jumps over the lazy dog 0123456789";
