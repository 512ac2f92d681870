//! What all who take part in a run share: the plan, where the nodes are, how far things are, and what was seen.

use super::history::{History, now_ms};
use super::plan::Plan;
use crate::caller::{Caller, NoAnswer};
use crate::fleet::{Identity, Target};
use protocol::ids::{ChatId, MessageId};
use rand::RngExt as _;
use rand::rngs::StdRng;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Nodes are killed.
    Kills = 0,
    /// None is any more; what is due is done.
    Settles = 1,
    /// Those confirm who were to do so last.
    LastConfirm = 2,
    /// Everybody goes.
    Over = 3,
}

/// Shared by all.
pub struct Stage {
    /// What is to be done.
    pub plan: Plan,
    /// Where the nodes are.
    pub targets: Vec<Target>,
    /// Everybody, by number.
    pub identities: Vec<Identity>,
    /// Group and message of each urgent.
    pub grounds: Vec<(ChatId, MessageId)>,
    /// Which urgent a group is for.
    pub of_chat: HashMap<ChatId, usize>,
    /// Kills that were done.
    pub kills: AtomicUsize,
    /// Seed of the run.
    pub seed: u64,
    history: Mutex<History>,
    /// When steps are due that are known of.
    due: Mutex<BTreeSet<u64>>,
    phase: AtomicU8,
}

impl Stage {
    /// Nothing has happened yet.
    pub fn new(plan: Plan, targets: Vec<Target>, identities: Vec<Identity>, seed: u64, history: History) -> Self {
        Self {
            plan,
            targets,
            identities,
            grounds: Vec::new(),
            of_chat: HashMap::new(),
            kills: AtomicUsize::new(0),
            seed,
            history: Mutex::new(history),
            due: Mutex::default(),
            phase: AtomicU8::new(Phase::Kills as u8),
        }
    }

    /// What was seen so far.
    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Is the run that far?
    pub fn reached(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Acquire) >= phase as u8
    }

    /// An urgent was raised at this time: its steps are known.
    pub fn note_raised(&self, number: usize, raised_at_ms: u64) {
        let rungs = self.history().stories[number].rungs.clone();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.extend(rungs.iter().map(|(after_ms, _)| raised_at_ms + after_ms));
    }

    /// The first step that is due at this time or later.
    pub fn next_due(&self, from_ms: u64) -> Option<u64> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).range(from_ms..).next().copied()
    }

    /// A session of somebody on any node; None: that one is not there now.
    pub fn enter_anywhere(&self, identity: &Identity, window: &str, rng: &mut StdRng) -> Option<Caller> {
        let target = &self.targets[rng.random_range(0..self.targets.len())];
        match Caller::enter_hearing(target, identity, window) {
            Ok(caller) => Some(caller),
            Err(NoAnswer::Refused(_) | NoAnswer::Unknown(_)) => {
                std::thread::sleep(Duration::from_millis(rng.random_range(50..250)));
                None
            }
        }
    }
}

/// So many ms from now, on the wall's clock.
pub fn in_ms(ms: u64) -> u64 {
    now_ms() + ms
}
