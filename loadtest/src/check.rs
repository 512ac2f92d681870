//! The referee: each acknowledged message reaches each member who is online once, in order, without a hole.
//!
//! It works on seqs. Each member of each chat has one `Standing` of about 50 bytes, whatever the number of messages:
//! up to where everything is there, what is missing below, and a sum over the messages that were seen, which must be the
//! sum over those that were acknowledged. A sender's own message may come as an event too, before or after its reply,
//! or not at all: the reply shows it.

use serde::{Deserialize, Serialize};

/// What the sending side knows of a chat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The chat's last seq before the first message of the run.
    pub base: u64,
    /// Largest seq that was acknowledged; `base` when none was.
    pub last_acked: u64,
    /// How many messages were acknowledged.
    pub acked: u64,
    /// Sum over the fingerprints of the acknowledged messages.
    pub sum: u64,
    /// Sends without an answer: whether they count is not known, so the sums are not compared.
    pub unanswered: u64,
}

impl Truth {
    /// A chat whose last seq is `base`.
    pub fn new(base: u64) -> Self {
        Self { base, last_acked: base, ..Self::default() }
    }

    /// What another process has seen of the same chat counts too.
    pub fn merge(&mut self, other: &Self) {
        self.last_acked = self.last_acked.max(other.last_acked);
        self.acked += other.acked;
        self.sum = self.sum.wrapping_add(other.sum);
        self.unanswered += other.unanswered;
    }

    /// A message was acknowledged with this seq.
    pub fn acknowledge(&mut self, seq: u64, message: u64) {
        self.last_acked = self.last_acked.max(seq);
        self.acked += 1;
        self.sum = self.sum.wrapping_add(fingerprint(seq, message));
    }
}

/// What went wrong, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Records that a member should have and does not.
    pub lost: u64,
    /// Records that came again.
    pub doubled: u64,
    /// Records that came after a later one.
    pub reordered: u64,
    /// Members to whom something else came than was acknowledged.
    pub altered: u64,
    /// Replies to nothing, replies with a seq that cannot be, events of chats that the session is not in.
    pub misrouted: u64,
    /// Sends that were never answered.
    pub unanswered: u64,
    /// Sessions that the server closed, or let go silent, unasked.
    pub dropped_sessions: u64,
    /// Frames that are not what the protocol says.
    pub malformed: u64,
    /// Receipts that said less than those before; only `faults` looks.
    pub backwards: u64,
}

impl Faults {
    /// What another process has found counts too.
    pub fn merge(&mut self, other: &Self) {
        let Self { lost, doubled, reordered, altered, misrouted, unanswered, dropped_sessions, malformed, backwards } = *other;
        self.lost += lost;
        self.doubled += doubled;
        self.reordered += reordered;
        self.altered += altered;
        self.misrouted += misrouted;
        self.unanswered += unanswered;
        self.dropped_sessions += dropped_sessions;
        self.malformed += malformed;
        self.backwards += backwards;
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        let Self { lost, doubled, reordered, altered, misrouted, unanswered, dropped_sessions, malformed, backwards } = *self;
        lost + doubled + reordered + altered + misrouted + unanswered + dropped_sessions + malformed + backwards
    }
}

/// What the checker says to one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one, or fills what a `gap` had left out.
    Fine,
    /// It belongs to the time before the run.
    Before,
    /// The member's own message, which its reply has shown already.
    Echo,
    /// It came after a later one.
    Reordered,
    /// It was there already.
    Doubled,
}

/// How one member stands in one chat.
#[derive(Debug, Default)]
pub struct Standing {
    /// Everything up to here was seen or is in `missing`; counted from the truth's base.
    upto: u64,
    /// Sum over the fingerprints of the messages that were seen.
    sum: u64,
    /// How many messages were seen.
    messages: u64,
    /// Bit k: the record `upto - k` is an own message known from its reply only; its event may still come.
    echoes: u64,
    /// Largest place that came as an event in this session; a smaller one after it is out of order.
    last_event: u64,
    /// Up to here a record may come as an event although it is there: from a session before, or by `sync`.
    before: u64,
    /// What is out of the common: nothing at all for nearly every member.
    rare: Option<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    /// Holes below `upto`: first and last.
    missing: Vec<(u64, u64)>,
    /// Own messages above `upto`, known from their replies.
    ahead: Vec<u64>,
    /// Holes that did not fit into `missing` any more: given up as lost.
    given_up: u64,
}

/// More holes than this in one chat are counted as lost at once, so that memory is bounded.
const HOLES_MAX: usize = 64;

impl Standing {
    /// Nothing is missing below the last record seen.
    pub fn whole(&self) -> bool {
        self.rare.as_ref().is_none_or(|rare| rare.missing.is_empty() && rare.ahead.is_empty() && rare.given_up == 0)
    }

    /// Everything that was acknowledged is here.
    pub fn complete(&self, truth: &Truth) -> bool {
        self.upto + truth.base >= truth.last_acked && self.whole()
    }

    /// The member begins a session anew: what is there may be told once more, in order.
    pub fn new_session(&mut self) {
        self.last_event = 0;
        self.known_otherwise();
    }

    /// A `sync` has told what is there: events of the same records may still be on their way.
    pub fn known_otherwise(&mut self) {
        self.before = self.upto;
    }

    /// A record came by `sync`, whatever was there.
    pub fn synced(&mut self, truth: &Truth, seq: u64, message: Option<u64>) -> Verdict {
        if seq <= truth.base {
            return Verdict::Before;
        }
        let place = seq - truth.base;
        if place > self.upto {
            self.advance(place, false);
        } else if !self.fill(place) {
            return Verdict::Echo;
        }
        if !self.forget_ahead(place) {
            self.count(seq, message);
        }
        Verdict::Fine
    }

    /// A record came as an event. `message` identifies the message in it; `own` says that this member had sent it;
    /// `recovering` that a `sync` is under way, so that both may tell the same.
    pub fn event(&mut self, truth: &Truth, seq: u64, message: Option<u64>, own: bool, recovering: bool) -> Verdict {
        if seq <= truth.base {
            return Verdict::Before;
        }
        let place = seq - truth.base;
        let (late, again) = (place < self.last_event, place <= self.last_event);
        let may_be_known = !again && (recovering || place <= self.before);
        self.last_event = self.last_event.max(place);
        let verdict = if place > self.upto {
            self.advance(place, false);
            Verdict::Fine
        } else if self.fill(place) {
            if may_be_known { Verdict::Fine } else { Verdict::Reordered }
        } else {
            let behind = self.upto - place;
            if own && behind < 64 && self.echoes >> behind & 1 == 1 {
                self.echoes &= !(1 << behind);
                return if late { Verdict::Reordered } else { Verdict::Echo };
            }
            return if may_be_known { Verdict::Fine } else { Verdict::Doubled };
        };
        // An own message that its reply had shown ahead of time is already in the sum.
        if !self.forget_ahead(place) {
            self.count(seq, message);
        }
        verdict
    }

    /// This member's own message was acknowledged. Returns false when the seq cannot be.
    pub fn acknowledge(&mut self, truth: &Truth, seq: u64, message: u64) -> bool {
        if seq <= truth.base {
            return false;
        }
        let place = seq - truth.base;
        if place == self.upto + 1 {
            self.advance(place, true);
            self.count(seq, Some(message));
        } else if place > self.upto {
            // What is between may still come: the reply is not an event and may overtake them.
            self.rare.get_or_insert_default().ahead.push(place);
            self.count(seq, Some(message));
        } else if self.fill(place) {
            let behind = self.upto - place;
            if behind < 64 {
                self.echoes |= 1 << behind;
            }
            self.count(seq, Some(message));
        }
        true
    }

    /// Everything was said; what is missing now is lost. Counts into `faults` and returns how much is lost.
    pub fn close(&mut self, truth: &Truth, faults: &mut Faults) -> u64 {
        let last = truth.last_acked - truth.base;
        let mut lost = last.saturating_sub(self.upto);
        if let Some(rare) = &self.rare {
            lost += rare.missing.iter().map(|(first, to)| (to + 1).min(last + 1).saturating_sub(*first)).sum::<u64>();
            lost += rare.given_up;
            lost = lost.saturating_sub(rare.ahead.iter().filter(|place| **place > self.upto && **place <= last).count() as u64);
        }
        faults.lost += lost;
        if lost == 0 && truth.unanswered == 0 && (self.messages != truth.acked || self.sum != truth.sum) {
            faults.altered += 1;
        }
        lost
    }

    /// Everything up to here is here.
    pub fn whole_up_to(&self, truth: &Truth) -> u64 {
        self.first_missing(truth) - 1
    }

    /// Which seqs are missing, for the report: the first hole.
    pub fn first_missing(&self, truth: &Truth) -> u64 {
        let hole = self.rare.as_ref().and_then(|rare| rare.missing.first().map(|(first, _)| *first));
        truth.base + hole.unwrap_or(self.upto + 1)
    }

    fn count(&mut self, seq: u64, message: Option<u64>) {
        if let Some(message) = message {
            self.messages += 1;
            self.sum = self.sum.wrapping_add(fingerprint(seq, message));
        }
    }

    fn advance(&mut self, place: u64, echo_due: bool) {
        let known = if place > self.upto + 1 { self.leave_hole(self.upto + 1, place - 1) } else { Vec::new() };
        self.shift_to(place, echo_due);
        for own in known {
            if self.upto - own < 64 {
                self.echoes |= 1 << (self.upto - own);
            }
        }
        // Own messages that stand right behind are no hole.
        while let Some(rare) = &self.rare {
            let Some(at) = rare.ahead.iter().position(|ahead| *ahead == self.upto + 1) else { break };
            self.rare.as_mut().expect("it was just read").ahead.swap_remove(at);
            let next = self.upto + 1;
            self.shift_to(next, true);
        }
    }

    fn shift_to(&mut self, place: u64, echo_due: bool) {
        let by = place - self.upto;
        self.echoes = if by < 64 { self.echoes << by } else { 0 } | u64::from(echo_due);
        self.upto = place;
    }

    /// Notes what is missing from `first` to `last`; returns the own messages in between, which their replies have shown.
    fn leave_hole(&mut self, first: u64, last: u64) -> Vec<u64> {
        let rare = self.rare.get_or_insert_default();
        let mut start = first;
        let mut known: Vec<u64> = rare.ahead.iter().copied().filter(|ahead| (first..=last).contains(ahead)).collect();
        known.sort_unstable();
        rare.ahead.retain(|ahead| !(first..=last).contains(ahead));
        for (from, to) in known.iter().copied().chain([last + 1]).filter_map(|end| {
            let from = std::mem::replace(&mut start, end + 1);
            (from < end).then_some((from, end - 1))
        }) {
            if rare.missing.len() < HOLES_MAX {
                rare.missing.push((from, to));
            } else {
                rare.given_up += to - from + 1;
            }
        }
        known
    }

    /// Takes a place out of the holes; false when it is in none.
    fn fill(&mut self, place: u64) -> bool {
        let Some(rare) = &mut self.rare else { return false };
        let Some(at) = rare.missing.iter().position(|(first, last)| (*first..=*last).contains(&place)) else { return false };
        let (first, last) = rare.missing.remove(at);
        if place < last {
            rare.missing.insert(at, (place + 1, last));
        }
        if first < place {
            rare.missing.insert(at, (first, place - 1));
        }
        true
    }

    fn forget_ahead(&mut self, place: u64) -> bool {
        let Some(rare) = &mut self.rare else { return false };
        let Some(at) = rare.ahead.iter().position(|ahead| *ahead == place) else { return false };
        rare.ahead.swap_remove(at);
        true
    }
}

/// A number for a message at a place, so that sums tell sets apart.
fn fingerprint(seq: u64, message: u64) -> u64 {
    let mut mixed = message ^ seq.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests;
