//! Messages out: at a rate that does not wait for answers, or as many as the server takes.

use super::{Fleet, Stage, Wait, urging};
use crate::arrivals::Arrivals;
use crate::check::Truth;
use crate::order::Work;
use crate::readiness::now_ns;
use protocol::codec::Encoding;
use protocol::command::Send;
use protocol::content::{Content, Text};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// How fast messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Open loop: so many a second, whatever the answers do.
    PerSecond(f64),
    /// Closed loop: so many unanswered at any time.
    InFlight(u32),
}

impl Fleet {
    /// Goes on for this long with everything that is asked for: each message into a random chat, by a random one of its senders.
    pub fn work(&mut self, work: &Work) -> Result<(), String> {
        let start = now_ns();
        let after = |seconds: f64| start + (seconds * 1e9) as u64;
        let until = after(work.seconds);
        let (rate, in_flight) = match work.pace {
            Some(Pace::PerSecond(rate)) => (rate / f64::from(work.burst.max(1)), None),
            Some(Pace::InFlight(count)) => (0.0, Some(count)),
            None => (0.0, None),
        };
        let mut arrivals = |rate: f64| Arrivals::new(rate, start, until, self.rng.random());
        let (mut sends, mut hops, mut pages) = (arrivals(rate), arrivals(work.hops), arrivals(work.pages));
        // The last one is raised before this part ends.
        let mut urgents = Arrivals::new(work.urgents, start, until.saturating_sub(urging::LEAD_NS), self.rng.random());
        self.returning = work.returning;
        self.saturating = in_flight.is_some();
        self.owed = in_flight.map_or(0, |count| count.saturating_sub(self.sends_waiting));
        self.stall(work.stalled);
        self.slow_down(work.slow_readers, work.slow_bytes_per_second);
        if work.page_all {
            self.ask_all_for_a_page();
        }
        let mut all_end = work.all_end_after.map(after);
        while now_ns() < until {
            while let Some(intended) = sends.take(now_ns()) {
                (0..work.burst).for_each(|_| self.send_one(intended));
            }
            if self.saturating {
                for _ in 0..std::mem::take(&mut self.owed) {
                    self.send_one(now_ns());
                }
            }
            while hops.take(now_ns()).is_some() {
                self.hop();
            }
            while let Some(intended) = urgents.take(now_ns()) {
                self.plan_urgent(intended);
            }
            self.raise_due();
            while let Some(intended) = pages.take(now_ns()) {
                self.ask_any_page(intended);
            }
            if all_end.is_some_and(|at| at <= now_ns()) {
                all_end = None;
                self.end_all_sessions();
            }
            let next = [
                sends.peek(),
                hops.peek(),
                pages.peek(),
                urgents.peek(),
                self.urging.next(),
                self.urging.next_confirmed(),
                all_end,
                Some(until),
            ];
            self.turn(next.into_iter().flatten().min().unwrap_or(until))?;
        }
        self.saturating = false;
        self.read_on();
        self.speed_up();
        Ok(())
    }

    fn send_one(&mut self, intended_ns: u64) {
        let (chat, at) = self.draw();
        let sender = &self.clients[at as usize];
        if sender.stage != Stage::Here || sender.stalled {
            // Its session was dropped, which is a fault already, or is to go on later; the load goes on without it.
            self.owed += 1;
            return;
        }
        self.counts.sent += 1;
        let number = self.next_message;
        self.next_message += 1;
        let id = self.wait_for(at, Wait::Send, chat, intended_ns, self.message_number(at, number));
        let send = self.message(at, chat, number, intended_ns);
        self.command(at, &Encoding::Msgpack.command(id, &send));
    }

    /// A chat by its share of what is sent, and one of its senders.
    pub(super) fn draw(&mut self) -> (u32, u32) {
        let lot = self.rng.random_range(0.0..self.lots.last().copied().unwrap_or(1.0).max(f64::MIN_POSITIVE));
        let chat = self.lots.partition_point(|upto| *upto <= lot).min(self.chats.len() - 1);
        let senders = &self.chats[chat].senders;
        (chat as u32, senders[self.rng.random_range(0..senders.len())])
    }

    /// What tells a message from all others of the run: its sender's person, and a number.
    pub(super) fn message_number(&self, at: u32, number: u32) -> u64 {
        u64::from(self.run.first + at) << 32 | u64::from(number)
    }

    /// A message whose id says sender and number, and whose text says when it was due.
    pub(super) fn message(&self, at: u32, chat: u32, number: u32, intended_ns: u64) -> Send {
        let mut text = String::with_capacity(self.run.text_bytes.max(16));
        let _ = write!(text, "{intended_ns:016x}");
        while text.len() < self.run.text_bytes {
            text.push_str(&FILLER[..FILLER.len().min(self.run.text_bytes - text.len())]);
        }
        Send {
            chat_id: self.chats[chat as usize].id,
            client_message_id: format!("{:x}-{:x}-{number:x}", self.run.mark, self.run.first + at),
            content: Content::Text(Text { text }),
            ..Send::default()
        }
    }

    /// Waits until every send is answered, or this long. What is known then of chats into which these clients have sent.
    pub fn drain(&mut self, seconds_max: f64) -> Result<Vec<(u32, Truth)>, String> {
        let until = now_ns() + (seconds_max * 1e9) as u64;
        while self.sends_waiting > 0 && now_ns() < until {
            self.turn(until.min(now_ns() + 20_000_000))?;
        }
        self.give_up(seconds_max);
        let sent = self.chats.iter().filter(|chat| chat.own.acked + chat.own.unanswered > 0);
        Ok(sent.map(|chat| (chat.number, chat.own)).collect())
    }

    /// Sends that have no answer now get none.
    fn give_up(&mut self, seconds_max: f64) {
        let open: Vec<_> = (0..self.waiting.len()).filter(|slot| self.waiting[*slot].kind == Wait::Send).collect();
        for slot in open {
            // An answer that comes after all is for nobody.
            self.waiting[slot].kind = Wait::Late;
            self.sends_waiting -= 1;
            let waiting = self.waiting[slot];
            self.faults.unanswered += 1;
            self.chats[waiting.chat as usize].own.unanswered += 1;
            self.complain(format!("unanswered: a send to chat {} got no answer within {seconds_max} s", waiting.chat));
        }
    }

    /// Waits until everything that is known to be acknowledged has come, or this long. `truths` are what all agents know.
    pub fn gather(&mut self, truths: Vec<(u32, Truth)>, seconds_max: f64) -> Result<(), String> {
        for (number, truth) in truths {
            // Chats stand in the order of their numbers.
            if let Ok(at) = self.chats.binary_search_by_key(&number, |chat| chat.number) {
                self.chats[at].truth = truth;
            }
        }
        let until = now_ns() + (seconds_max * 1e9) as u64;
        while (self.away > 0 || !self.everything_came() || !self.urging.all_confirmed()) && now_ns() < until {
            self.turn(until.min(now_ns() + 20_000_000))?;
        }
        self.returning = false;
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
