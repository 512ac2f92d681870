//! What was asked, answered, told and called while nodes were killed. Times are ms since 1970, the server's clock being this machine's.

use super::plan::{Act, Ending, Planned, rungs};
use protocol::ids::UrgentId;
use protocol::urgent::{UrgentCounts, UrgentOverWhy, UrgentWay};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// Ms since 1970.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The urgents, by number.
    pub stories: Vec<Story>,
    /// Calls that came to the providers, in their order.
    pub calls: Vec<Call>,
    /// When nodes were killed.
    pub kills: Vec<u64>,
    /// Counts that were told or asked for, with how many stood where in all, and how often.
    pub sums: BTreeMap<(UrgentId, u32), u64>,
    /// Reports that were asked for on the way: when, of which urgent, how many had confirmed.
    pub reports: Vec<(u64, UrgentId, u32)>,
    /// Managers who were told.
    pub managers_told: Vec<ManagerTold>,
    /// When it was acknowledged that a manager had taken an urgent off the screen, by number and manager.
    pub managers_done: BTreeMap<(usize, String), u64>,
    /// Of whom no number is known: nobody can write to or call them.
    pub without_number: BTreeSet<String>,
    /// Who leads each person.
    pub leaders: BTreeMap<String, String>,
    /// When everything had been done that is done while people do not confirm.
    pub settled_ms: u64,
}

/// An urgent.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Single steps: ms after the raising, and how.
    pub rungs: Vec<(u64, UrgentWay)>,
    /// It is over after so many ms.
    pub deadline_ms: Option<u64>,
    /// When it was first tried to raise it.
    pub raise_asked_ms: Option<u64>,
    /// What each acknowledgement of its raising said: which urgent, for how many, how many were left out.
    pub raised: Vec<(UrgentId, u32, u32)>,
    /// Why its raising, or one more of it, was refused for ever.
    pub raise_refused: Option<String>,
    /// Somebody ends it.
    pub stop: Option<Stop>,
    /// For whom it is, by user id.
    pub people: BTreeMap<String, Person>,
}

/// An urgent is ended.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// What it is over by.
    pub why: UrgentOverWhy,
    /// When it was first tried.
    pub asked_ms: u64,
    /// When that was acknowledged.
    pub acked_ms: Option<u64>,
}

/// Somebody of an urgent.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// What the plan wants of this person.
    pub act: Option<Act>,
    /// When it was shown first.
    pub first_told_ms: Option<u64>,
    /// When it was shown last.
    pub last_told_ms: Option<u64>,
    /// Each time that it was shown after this person had begun to confirm or to leave.
    pub told_later: Vec<Told>,
    /// When it was first tried to confirm.
    pub confirm_asked_ms: Option<u64>,
    /// When that was acknowledged.
    pub confirm_acked_ms: Option<u64>,
    /// It was too late: the urgent is over.
    pub confirm_refused: bool,
    /// When it was first tried to leave.
    pub leave_asked_ms: Option<u64>,
    /// When that was acknowledged.
    pub leave_acked_ms: Option<u64>,
}

/// An urgent was shown.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// When.
    pub at_ms: u64,
    /// How many reminders had been before.
    pub reminder: u32,
}

/// A manager was shown an urgent of others.
#[derive(Debug, Clone)]
pub struct ManagerTold {
    /// When.
    pub at_ms: u64,
    /// Of the urgent with this number.
    pub number: usize,
    /// Who.
    pub manager: String,
    /// Those who had not confirmed.
    pub about: Vec<String>,
}

/// A call that came to a provider.
#[derive(Debug, Clone)]
pub struct Call {
    /// When.
    pub at_ms: u64,
    /// Its key, in the header and in the body.
    pub key: String,
    /// Which urgent.
    pub urgent_id: String,
    /// Which step.
    pub step: u32,
    /// Whom to reach.
    pub user_id: String,
    /// How.
    pub way: Option<UrgentWay>,
    /// Its signature was right, header and body had the same key, and what it says is what the key's first call said.
    pub genuine: bool,
    /// What the provider did.
    pub did: Did,
    /// When the whole answer was written.
    pub answered_ms: Option<u64>,
}

/// What a provider does with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// Nothing: it is to be asked again.
    Nothing,
    /// It reached the person, or remembered to have done so.
    Reached,
    /// It never will.
    Refused,
}

impl Story {
    /// One that is planned; `name` gives the user ids of numbers.
    pub fn of(planned: &Planned, name: impl Fn(u32) -> String) -> Self {
        let person = |act: &Act| Person { act: Some(*act), ..Person::default() };
        Self {
            rungs: rungs(&planned.ladder),
            deadline_ms: planned.deadline_ms,
            people: planned.people.iter().map(|(number, act)| (name(*number), person(act))).collect(),
            ..Self::default()
        }
    }

    /// Which urgent it is, once that is known.
    pub fn id(&self) -> Option<UrgentId> {
        self.raised.first().map(|(urgent_id, ..)| *urgent_id)
    }
}

impl Ending {
    /// When the harness itself has to end it, ms after the raising, and what it is over by then.
    pub fn stop(self) -> Option<(u64, UrgentOverWhy)> {
        match self {
            Self::Cancelled(after_ms) => Some((after_ms, UrgentOverWhy::Cancelled)),
            Self::Recalled(after_ms) => Some((after_ms, UrgentOverWhy::Recalled)),
            Self::Stays | Self::Expires => None,
        }
    }
}

impl Person {
    /// Had for certain neither confirmed nor left at this time: had not even tried.
    pub fn open_at(&self, at_ms: u64) -> bool {
        let not_before = |asked: Option<u64>| asked.is_none_or(|asked_ms| asked_ms >= at_ms);
        not_before(self.confirm_asked_ms) && not_before(self.leave_asked_ms)
    }

    /// It was shown.
    pub fn note_told(&mut self, told: Told) {
        self.first_told_ms.get_or_insert(told.at_ms);
        self.last_told_ms = Some(told.at_ms);
        if self.confirm_asked_ms.is_some() || self.leave_asked_ms.is_some() {
            self.told_later.push(told);
        }
    }

    /// What the plan wants has come to its end.
    pub fn acted(&self) -> bool {
        match self.act {
            Some(Act::Confirms(_) | Act::ConfirmsLast) => self.confirm_acked_ms.is_some() || self.confirm_refused,
            Some(Act::Leaves(_)) => self.leave_acked_ms.is_some(),
            Some(Act::Nothing) | None => true,
        }
    }
}

impl History {
    /// Notes counts that somebody was told.
    pub fn note_counts(&mut self, counts: &UrgentCounts) {
        *self.sums.entry((counts.urgent_id, sum(counts))).or_default() += 1;
    }
}

/// How many stand anywhere.
pub fn sum(counts: &UrgentCounts) -> u32 {
    let UrgentCounts { pending, delivered, shown, confirmed, failed, .. } = counts;
    pending + delivered + shown + confirmed + failed
}
