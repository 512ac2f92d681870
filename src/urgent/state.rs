//! What an urgent is, and what each of its records makes of it. Pure: no clock, no log, no lock.
//!
//! Promise: every person of the audience stands in exactly one place, and the places sum up to the audience. Nobody goes
//! back; who has confirmed is never asked again; what comes after the end changes nothing.

use crate::chat::members::{bitmap_bytes, bitmap_of};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::Record;
use crate::log::record::Change;
use crate::log::urgent::{UrgentChange, UrgentMoves, UrgentRaised};
use protocol::urgent::{UrgentOverWhy, UrgentStanding, UrgentStep, UrgentWay};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One thing that is to be done, at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Ms after the raising.
    pub after_ms: u64,
    /// How.
    pub way: UrgentWay,
}

/// What was done by a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began, ms since 1970.
    pub at_ms: u64,
    /// Whom it is for.
    #[serde(with = "bitmap")]
    pub people: RoaringBitmap,
    /// Whom it reached, of steps that somebody else does.
    #[serde(with = "bitmap")]
    pub reached: RoaringBitmap,
    /// Whom it did not, and why.
    pub failed: BTreeMap<u32, String>,
}

impl Attempt {
    /// Those of whom nothing is known yet.
    pub fn without_outcome(&self) -> RoaringBitmap {
        let mut left = &self.people - &self.reached;
        for user in self.failed.keys() {
            left.remove(*user);
        }
        left
    }
}

/// An urgent. Kept as MessagePack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Urgent {
    /// Its key.
    pub key: u64,
    /// Seq of its last record.
    pub seq: u64,
    /// Time of its last record.
    pub at_ms: u64,
    /// When it was raised, ms since 1970.
    pub raised_at_ms: u64,
    /// Index of who has raised it.
    pub by: u32,
    /// Key of the chat.
    pub chat: u64,
    /// Seq of the message.
    pub target: u64,
    /// Chosen by who has raised it.
    pub client_message_id: String,
    /// For whom it was raised.
    #[serde(with = "bitmap")]
    pub audience: RoaringBitmap,
    /// Those of whom a device has it.
    #[serde(with = "bitmap")]
    pub delivered: RoaringBitmap,
    /// Those before whose eyes it stood.
    #[serde(with = "bitmap")]
    pub shown: RoaringBitmap,
    /// Those who have confirmed it.
    #[serde(with = "bitmap")]
    pub confirmed: RoaringBitmap,
    /// Those who have left without that.
    #[serde(with = "bitmap")]
    pub left: RoaringBitmap,
    /// Managers who were asked.
    #[serde(with = "bitmap")]
    pub managers: RoaringBitmap,
    /// Those of them who have taken it off their screen.
    #[serde(with = "bitmap")]
    pub managers_done: RoaringBitmap,
    /// What was asked to be done.
    pub ladder: Vec<UrgentStep>,
    /// When it is over, ms since 1970.
    pub deadline_at_ms: u64,
    /// Steps that cost something are not held back in quiet hours.
    pub breaks_quiet_hours: bool,
    /// What was done by each step of the plan that has begun.
    pub attempts: BTreeMap<u32, Attempt>,
    /// Why it is over, and since when.
    pub over: Option<(UrgentOverWhy, u64)>,
}

/// Moves that were asked for, or that a record has made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moves {
    /// A device has it.
    pub delivered: RoaringBitmap,
    /// Shown.
    pub shown: RoaringBitmap,
    /// Confirmed.
    pub confirmed: RoaringBitmap,
    /// Left the chat or the organisation.
    pub left: RoaringBitmap,
    /// Managers who took it off their screen.
    pub managers: RoaringBitmap,
}

impl Moves {
    /// Nobody moves.
    pub fn is_empty(&self) -> bool {
        let Self { delivered, shown, confirmed, left, managers } = self;
        [delivered, shown, confirmed, left, managers].iter().all(|people| people.is_empty())
    }

    /// Both.
    pub fn add(&mut self, other: &Self) {
        self.delivered |= &other.delivered;
        self.shown |= &other.shown;
        self.confirmed |= &other.confirmed;
        self.left |= &other.left;
        self.managers |= &other.managers;
    }

    /// As a record has it.
    pub fn kept(&self) -> UrgentMoves {
        let bytes = |people: &RoaringBitmap| if people.is_empty() { Vec::new() } else { bitmap_bytes(people) };
        UrgentMoves {
            delivered: bytes(&self.delivered),
            shown: bytes(&self.shown),
            confirmed: bytes(&self.confirmed),
            left: bytes(&self.left),
            managers: bytes(&self.managers),
        }
    }

    /// Reads what a record has.
    pub fn of(kept: &UrgentMoves) -> Self {
        Self {
            delivered: bitmap_of(&kept.delivered),
            shown: bitmap_of(&kept.shown),
            confirmed: bitmap_of(&kept.confirmed),
            left: bitmap_of(&kept.left),
            managers: bitmap_of(&kept.managers),
        }
    }
}

/// How many stand where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// No device has it.
    pub pending: u64,
    /// A device has it.
    pub delivered: u64,
    /// Shown.
    pub shown: u64,
    /// Confirmed.
    pub confirmed: u64,
    /// Over without that.
    pub failed: u64,
}

impl Urgent {
    /// The urgent that a first record makes; none for any other record.
    pub fn raised(record: &Record) -> Option<Self> {
        let Change::Urgent(UrgentChange::Raised(raised)) = &record.change else { return None };
        let UrgentRaised { chat, target, client_message_id, audience, ladder, deadline_at_ms, breaks_quiet_hours } = &**raised;
        let mut audience = bitmap_of(audience);
        audience.optimize();
        Some(Self {
            key: record.chat,
            seq: record.seq,
            at_ms: record.at_ms,
            raised_at_ms: record.at_ms,
            by: record.by,
            chat: *chat,
            target: *target,
            client_message_id: client_message_id.clone(),
            audience,
            delivered: RoaringBitmap::new(),
            shown: RoaringBitmap::new(),
            confirmed: RoaringBitmap::new(),
            left: RoaringBitmap::new(),
            managers: RoaringBitmap::new(),
            managers_done: RoaringBitmap::new(),
            ladder: ladder.clone(),
            deadline_at_ms: *deadline_at_ms,
            breaks_quiet_hours: *breaks_quiet_hours,
            attempts: BTreeMap::new(),
            over: None,
        })
    }

    /// Goes on by the next record. Gives who has moved by it. A record that is not the next one changes nothing.
    pub fn follow(&mut self, record: &Record) -> Moves {
        let Change::Urgent(change) = &record.change else { return Moves::default() };
        if record.chat != self.key || record.seq != self.seq + 1 {
            return Moves::default();
        }
        self.seq = record.seq;
        self.at_ms = record.at_ms;
        let mut moved = Moves::default();
        match change {
            UrgentChange::Raised(_) => {}
            UrgentChange::Moved(moves) => {
                moved = self.new_of(&Moves::of(moves)).unwrap_or_default();
                self.delivered |= &moved.delivered;
                self.shown |= &moved.shown;
                self.confirmed |= &moved.confirmed;
                self.left |= &moved.left;
                self.managers_done |= &moved.managers;
            }
            UrgentChange::Step { step, managers, refused } => {
                let managers = bitmap_of(managers);
                let of_managers = self.way_of(*step) == Some(UrgentWay::Manager);
                let people = if of_managers { managers.clone() } else { self.open_people() };
                self.managers |= managers;
                let failed = refused.iter().filter(|(user, _)| people.contains(*user)).cloned().collect();
                let attempt = Attempt { at_ms: record.at_ms, people, reached: RoaringBitmap::new(), failed };
                self.attempts.entry(*step).or_insert(attempt);
            }
            UrgentChange::Attempted { step, reached, failed } => {
                if let Some(attempt) = self.attempts.get_mut(step) {
                    let mut left = attempt.without_outcome();
                    attempt.failed.extend(failed.iter().filter(|(user, _)| left.remove(*user)).cloned());
                    attempt.reached |= bitmap_of(reached) & left;
                }
            }
            UrgentChange::Over { why } => {
                self.over.get_or_insert((*why, record.at_ms));
                self.optimize();
            }
        }
        moved
    }

    /// It takes as little memory as it can.
    fn optimize(&mut self) {
        for people in [&mut self.delivered, &mut self.shown, &mut self.confirmed, &mut self.left] {
            people.optimize();
        }
    }

    /// What of the moves is new, with what follows from them: who has confirmed has been shown it, who was shown it has it.
    /// None: nothing.
    pub fn new_of(&self, asked: &Moves) -> Option<Moves> {
        if self.over.is_some() {
            // Whom it has reached is still told; a manager may still take it off the screen.
            let managers = (&asked.managers & &self.managers) - &self.managers_done;
            let moves = Moves { managers, ..Moves::default() };
            return (!moves.is_empty()).then_some(moves);
        }
        let confirmed = (&asked.confirmed & &self.audience) - &self.confirmed - &self.left;
        let left = (&asked.left & &self.audience) - &self.confirmed - &self.left - &confirmed;
        let gone = &self.left | &left;
        let shown = ((&asked.shown | &confirmed) & &self.audience) - &self.shown - &gone;
        let delivered = ((&asked.delivered | &asked.shown | &confirmed) & &self.audience) - &self.delivered - &gone;
        let managers = (&asked.managers & &self.managers) - &self.managers_done;
        let moves = Moves { delivered, shown, confirmed, left, managers };
        (!moves.is_empty()).then_some(moves)
    }

    /// Those who are still asked.
    pub fn open_people(&self) -> RoaringBitmap {
        if self.over.is_some() { RoaringBitmap::new() } else { &self.audience - &self.confirmed - &self.left }
    }

    /// Managers before whom it stands.
    pub fn open_managers(&self) -> RoaringBitmap {
        if self.over.is_some() { RoaringBitmap::new() } else { &self.managers - &self.managers_done }
    }

    /// Everybody has confirmed, or has left.
    pub fn is_done(&self) -> bool {
        self.confirmed.len() + self.left.len() == self.audience.len()
    }

    /// Is somebody still asked?
    pub fn asks(&self, user: u32) -> bool {
        self.over.is_none() && self.audience.contains(user) && !self.confirmed.contains(user) && !self.left.contains(user)
    }

    /// Does it stand before somebody as a manager?
    pub fn asks_manager(&self, user: u32) -> bool {
        self.over.is_none() && self.managers.contains(user) && !self.managers_done.contains(user)
    }

    /// Where somebody of the audience stands.
    pub fn standing(&self, user: u32) -> Option<UrgentStanding> {
        let standing = if !self.audience.contains(user) {
            return None;
        } else if self.confirmed.contains(user) {
            UrgentStanding::Confirmed
        } else if self.left.contains(user) {
            UrgentStanding::Failed
        } else if self.shown.contains(user) {
            UrgentStanding::Shown
        } else if self.delivered.contains(user) {
            UrgentStanding::Delivered
        } else {
            UrgentStanding::Pending
        };
        Some(standing)
    }

    /// Those who stand somewhere.
    pub fn people_at(&self, standing: UrgentStanding) -> RoaringBitmap {
        match standing {
            UrgentStanding::Confirmed => self.confirmed.clone(),
            UrgentStanding::Failed => self.left.clone(),
            UrgentStanding::Shown => &self.shown - &self.confirmed - &self.left,
            UrgentStanding::Delivered => &self.delivered - &self.shown - &self.left,
            UrgentStanding::Pending => &self.audience - &self.delivered - &self.left,
        }
    }

    /// How many stand where.
    pub fn counts(&self) -> Counts {
        Counts {
            pending: self.people_at(UrgentStanding::Pending).len(),
            delivered: self.people_at(UrgentStanding::Delivered).len(),
            shown: self.people_at(UrgentStanding::Shown).len(),
            confirmed: self.confirmed.len(),
            failed: self.left.len(),
        }
    }

    /// What is to be done when, in the order of time.
    pub fn plan(&self) -> Vec<Rung> {
        plan_of(&self.ladder)
    }

    /// The next step that has not begun, and when it is due, ms since 1970.
    pub fn next_step(&self) -> Option<(u32, Rung, u64)> {
        if self.over.is_some() {
            return None;
        }
        let begun = self.attempts.last_key_value().map_or(0, |(step, _)| step + 1);
        let rung = self.plan().get(begun as usize).copied()?;
        Some((begun, rung, self.raised_at_ms + rung.after_ms))
    }

    /// The step that is due at a time, the first one.
    pub fn due(&self, now_ms: u64) -> Option<(u32, Rung)> {
        self.next_step().filter(|(_, _, due_ms)| *due_ms <= now_ms).map(|(step, rung, _)| (step, rung))
    }

    /// Why it ends by itself at a time: nobody is left to confirm, or the deadline has passed.
    pub fn ends(&self, now_ms: u64) -> Option<UrgentOverWhy> {
        if self.over.is_some() {
            None
        } else if self.is_done() {
            Some(UrgentOverWhy::Confirmed)
        } else {
            (now_ms >= self.deadline_at_ms).then_some(UrgentOverWhy::Expired)
        }
    }

    /// The record behind the last one. Its time is never before that one's, wherever the clock stands.
    pub fn next_record(&self, now_ms: u64, by: u32, change: UrgentChange) -> Record {
        let at_ms = now_ms.max(self.at_ms);
        Record { chat: self.key, seq: self.seq + 1, position: 0, at_ms, by, change: Change::Urgent(change) }
    }

    /// How a step of the plan reaches people.
    pub fn way_of(&self, step: u32) -> Option<UrgentWay> {
        self.plan().get(step as usize).map(|rung| rung.way)
    }

    /// What was done by the steps that go one way, in their order.
    pub fn attempts_by(&self, way: UrgentWay) -> impl Iterator<Item = (u32, &Attempt)> {
        let plan = self.plan();
        let goes = move |step: u32| plan.get(step as usize).is_some_and(|rung| rung.way == way);
        self.attempts.iter().map(|(step, attempt)| (*step, attempt)).filter(move |(step, _)| goes(*step))
    }

    /// Where its message is.
    pub fn chat_key(&self) -> ChatKey {
        ChatKey(self.chat)
    }
}

/// A ladder as single steps in the order of time; those of the same time in the order of the ladder.
pub fn plan_of(ladder: &[UrgentStep]) -> Vec<Rung> {
    let mut plan: Vec<Rung> = Vec::new();
    for step in ladder {
        let times = step.every_ms.map_or(1, |_| u64::from(step.times.unwrap_or(1)));
        for time in 0..times.min(limits::URGENT_RUNGS_MAX as u64 + 1) {
            plan.push(Rung { after_ms: step.after_ms + time * step.every_ms.unwrap_or(0), way: step.way });
        }
    }
    plan.sort_by_key(|rung| rung.after_ms);
    plan
}

/// Bitmaps as bytes.
mod bitmap {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(people: &RoaringBitmap, serializer: S) -> Result<S::Ok, S::Error> {
        crate::log::record::serde_bytes_vec::serialize(&bitmap_bytes(people), serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoaringBitmap, D::Error> {
        crate::log::record::serde_bytes_vec::deserialize(deserializer).map(|bytes| bitmap_of(&bytes))
    }
}

#[cfg(test)]
mod tests;
