//! Urgents: raised on messages that were sent before, and confirmed by everybody who is shown one.
//!
//! The text of such a message says when its urgent is to be raised, so whoever is shown it knows how long that took, in any process.
//! The same message went to the same people as an ordinary one a second before: that is how long it takes without the lane.

use super::{Fleet, Stage, Wait};
use crate::incoming::{RecordSeen, UrgentSeen};
use crate::latency::Latencies;
use crate::readiness::now_ns;
use protocol::codec::Encoding;
use protocol::command::{ConfirmUrgent, RaiseUrgent, Sent};
use protocol::content::{Content, Text};
use protocol::ids::{MessageId, UrgentId};
use protocol::urgent::{EveryMember, UrgentAudience};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt::Write as _;

/// How long before its urgent a message is sent.
pub(super) const LEAD_NS: u64 = 1_000_000_000;
/// How long people take to confirm: at least, and how much longer at most.
const CONFIRM_NS: (u64, u64) = (500_000_000, 2_000_000_000);
/// Where in the text the time of the urgent stands, behind the message's own and the mark.
const DUE: std::ops::Range<usize> = 17..33;
const MARK: u8 = b'u';

/// What was seen of urgents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UrgentsSeen {
    /// Raised, and acknowledged.
    pub raised: u64,
    /// Refused, or their message was not acknowledged in time.
    pub not_raised: u64,
    /// Shown to people.
    pub shown: u64,
    /// Confirmations that were acknowledged.
    pub confirmed: u64,
    /// From the time at which one was to be raised until it was acknowledged.
    pub raise_to_ack: Latencies,
    /// From the time at which one was to be raised until a person was shown it.
    pub raise_to_shown: Latencies,
    /// The same while nothing else went on.
    pub alone: Latencies,
    /// The first to people who read slowly.
    pub to_slow: Latencies,
    /// From send to receive of the messages themselves: the same people, as ordinary messages.
    pub as_ordinary: Latencies,
    /// From confirming to its acknowledgement.
    pub confirm_to_ack: Latencies,
}

impl UrgentsSeen {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            raised: 0,
            not_raised: 0,
            shown: 0,
            confirmed: 0,
            raise_to_ack: Latencies::new(),
            raise_to_shown: Latencies::new(),
            alone: Latencies::new(),
            to_slow: Latencies::new(),
            as_ordinary: Latencies::new(),
            confirm_to_ack: Latencies::new(),
        }
    }

    /// What another agent has seen counts too.
    pub fn merge(&mut self, other: &Self) {
        self.raised += other.raised;
        self.not_raised += other.not_raised;
        self.shown += other.shown;
        self.confirmed += other.confirmed;
        self.raise_to_ack.add(&other.raise_to_ack);
        self.raise_to_shown.add(&other.raise_to_shown);
        self.alone.add(&other.alone);
        self.to_slow.add(&other.to_slow);
        self.as_ordinary.add(&other.as_ordinary);
        self.confirm_to_ack.add(&other.confirm_to_ack);
    }
}

/// Urgents that are to be raised.
pub(super) struct Urging {
    /// By the message's number: when.
    planned: HashMap<u64, u64>,
    /// Those whose message stands: when, by whom, on which.
    ready: BinaryHeap<Reverse<(u64, u32, [u8; 16])>>,
    number: u32,
    /// Those that people have before their eyes: when they confirm, who, which.
    to_confirm: BinaryHeap<Reverse<(u64, u32, [u8; 16])>>,
    /// Confirmations without an answer.
    confirming: u32,
    pub seen: UrgentsSeen,
}

impl Urging {
    pub fn new() -> Self {
        Self {
            planned: HashMap::new(),
            ready: BinaryHeap::new(),
            number: 0,
            to_confirm: BinaryHeap::new(),
            confirming: 0,
            seen: UrgentsSeen::new(),
        }
    }

    /// When the next one is to be raised.
    pub fn next(&self) -> Option<u64> {
        self.ready.peek().map(|Reverse((due_ns, ..))| *due_ns)
    }

    /// When the next one is to be confirmed.
    pub fn next_confirmed(&self) -> Option<u64> {
        self.to_confirm.peek().map(|Reverse((due_ns, ..))| *due_ns)
    }

    /// Nobody has one before the eyes.
    pub fn all_confirmed(&self) -> bool {
        self.to_confirm.is_empty() && self.confirming == 0
    }

    /// Forgets what was seen, but for what was seen while nothing else went on.
    pub fn start_measuring(&mut self) {
        let alone = std::mem::replace(&mut self.seen.alone, Latencies::new());
        self.seen = UrgentsSeen { alone, ..UrgentsSeen::new() };
    }
}

impl Fleet {
    /// Sends a message on which an urgent is to be raised a second later.
    pub(super) fn plan_urgent(&mut self, intended_ns: u64) {
        let urgent: Vec<u32> = (0..self.chats.len() as u32)
            .filter(|chat| self.chats[*chat as usize].urgent && !self.chats[*chat as usize].senders.is_empty())
            .collect();
        if urgent.is_empty() {
            return;
        }
        let chat = urgent[self.rng.random_range(0..urgent.len())];
        let senders = &self.chats[chat as usize].senders;
        let at = senders[self.rng.random_range(0..senders.len())];
        let sender = &self.clients[at as usize];
        if sender.stage != Stage::Here || sender.stalled {
            return;
        }
        self.counts.sent += 1;
        let number = self.next_message;
        self.next_message += 1;
        let message = self.message_number(at, number);
        let due_ns = intended_ns + LEAD_NS;
        self.urging.planned.insert(message, due_ns);
        let id = self.wait_for(at, Wait::Send, chat, intended_ns, message);
        let mut send = self.message(at, chat, number, intended_ns);
        let mut text = String::with_capacity(self.run.text_bytes.max(DUE.end));
        let _ = write!(text, "{intended_ns:016x}{}{due_ns:016x}", MARK as char);
        if let Content::Text(plain) = &send.content {
            text.push_str(plain.text.get(text.len()..).unwrap_or_default());
        }
        send.content = Content::Text(Text { text });
        self.command(at, &Encoding::Msgpack.command(id, &send));
    }

    /// A message was acknowledged: perhaps one of those.
    pub(super) fn urgent_can_be_raised(&mut self, at: u32, message: u64, reply: &[u8]) {
        let Some(due_ns) = self.urging.planned.remove(&message) else { return };
        match Encoding::Msgpack.decode::<Sent>(reply) {
            Ok(sent) if now_ns() <= due_ns => self.urging.ready.push(Reverse((due_ns, at, sent.message_id.0))),
            _ => self.urging.seen.not_raised += 1,
        }
    }

    /// Raises what is due.
    pub(super) fn raise_due(&mut self) {
        while self.urging.next().is_some_and(|due_ns| due_ns <= now_ns()) {
            let Some(Reverse((due_ns, at, message_id))) = self.urging.ready.pop() else { return };
            if self.clients[at as usize].stage != Stage::Here {
                self.urging.seen.not_raised += 1;
                continue;
            }
            self.urging.number += 1;
            let raise = RaiseUrgent {
                message_id: MessageId(message_id),
                client_message_id: format!("{:x}-{:x}-{:x}", self.run.mark, self.run.first + at, self.urging.number),
                audience: UrgentAudience::Everyone(EveryMember {}),
                ..RaiseUrgent::default()
            };
            let id = self.wait_for(at, Wait::Raise, 0, due_ns, 0);
            self.command(at, &Encoding::Msgpack.command(id, &raise));
        }
    }

    /// A raising was answered.
    pub(super) fn raised(&mut self, done: bool, due_ns: u64, now: u64) {
        if !done {
            self.urging.seen.not_raised += 1;
        } else if due_ns >= self.measured_from_ns {
            self.urging.seen.raised += 1;
            self.urging.seen.raise_to_ack.record_ns(now.saturating_sub(due_ns));
        }
    }

    /// Somebody is shown an urgent, and confirms it a moment later.
    pub(super) fn shown_urgent(&mut self, at: u32, urgent: &UrgentSeen, now: u64) {
        self.urging.seen.shown += 1;
        let text = urgent.message.message.map(|message| message.text.as_bytes()).unwrap_or_default();
        let due = text.get(DUE).filter(|_| text[16] == MARK).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(due_ns) = due.and_then(|digits| u64::from_str_radix(digits, 16).ok())
            && !self.clients[at as usize].stalled
        {
            let client = &self.clients[at as usize];
            let measured = self.measured_from_ns > 0 && due_ns >= self.measured_from_ns;
            let seen = &mut self.urging.seen;
            let latencies = match (client.reads_slowly, client.slow, measured) {
                (true, _, _) => &mut seen.to_slow,
                // It has stalled until a moment ago.
                (false, true, _) => return self.confirms_later(at, urgent.urgent_id, now),
                (false, false, true) => &mut seen.raise_to_shown,
                (false, false, false) => &mut seen.alone,
            };
            latencies.record_ns(now.saturating_sub(due_ns));
        }
        self.confirms_later(at, urgent.urgent_id, now);
    }

    fn confirms_later(&mut self, at: u32, urgent_id: [u8; 16], now: u64) {
        let due_ns = now + CONFIRM_NS.0 + self.rng.random_range(0..CONFIRM_NS.1);
        self.urging.to_confirm.push(Reverse((due_ns, at, urgent_id)));
    }

    /// Confirms what is due.
    pub(super) fn confirm_due(&mut self, now: u64) {
        while self.urging.next_confirmed().is_some_and(|due_ns| due_ns <= now) {
            let Some(Reverse((due_ns, at, urgent_id))) = self.urging.to_confirm.pop() else { return };
            let client = &self.clients[at as usize];
            if client.stage == Stage::Here && !client.stalled {
                self.urging.confirming += 1;
                let id = self.wait_for(at, Wait::Confirm, 0, due_ns, 0);
                self.command(at, &Encoding::Msgpack.command(id, &ConfirmUrgent { urgent_id: UrgentId(urgent_id) }));
            }
        }
    }

    /// A confirmation was answered.
    pub(super) fn confirmed(&mut self, done: bool, since_ns: u64, now: u64) {
        self.urging.confirming = self.urging.confirming.saturating_sub(1);
        if done {
            self.urging.seen.confirmed += 1;
            self.urging.seen.confirm_to_ack.record_ns(now.saturating_sub(since_ns));
        }
    }

    /// A message came to somebody in a group with urgents.
    pub(super) fn as_ordinary(&mut self, record: &RecordSeen, chat: u32, latency_ns: u64) {
        if self.chats[chat as usize].urgent && record.message.is_some() {
            self.urging.seen.as_ordinary.record_ns(latency_ns);
        }
    }
}
