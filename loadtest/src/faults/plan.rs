//! What is done to a cluster, and when: made of a seed alone, so that a run can be replayed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::fmt;

/// What happens to one thing. Everything that is done is undone after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A node is killed as by a loss of power.
    KillNode(usize),
    /// A node stands still.
    PauseNode(usize),
    /// A node is ended by its operator.
    RestartNode(usize),
    /// A node reaches no server of NATS: silently, or its connections end.
    CutNode(usize, bool),
    /// A server of NATS is killed.
    KillNats(usize),
    /// A server of NATS stands still.
    PauseNats(usize),
    /// A server of NATS is ended by its operator.
    RestartNats(usize),
    /// The store is killed.
    KillStore,
    /// The store stands still.
    PauseStore,
}

impl Fault {
    /// What it is, without which one.
    pub fn kind(self) -> &'static str {
        match self {
            Self::KillNode(_) => "node killed",
            Self::PauseNode(_) => "node paused",
            Self::RestartNode(_) => "node restarted",
            Self::CutNode(..) => "node cut off from NATS",
            Self::KillNats(_) => "NATS server killed",
            Self::PauseNats(_) => "NATS server paused",
            Self::RestartNats(_) => "NATS server restarted",
            Self::KillStore => "store killed",
            Self::PauseStore => "store paused",
        }
    }

    /// Which one it is done to.
    fn number(self) -> Option<usize> {
        match self {
            Self::KillNode(number) | Self::PauseNode(number) | Self::RestartNode(number) | Self::CutNode(number, _) => Some(number),
            Self::KillNats(number) | Self::PauseNats(number) | Self::RestartNats(number) => Some(number),
            Self::KillStore | Self::PauseStore => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.kind())?;
        if let Self::CutNode(_, silent) = self {
            formatter.write_str(if *silent { " silently" } else { ", connections end" })?;
        }
        match self.number() {
            Some(number) => write!(formatter, ": {number}"),
            None => Ok(()),
        }
    }
}

/// A fault with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When it begins, in ms since the beginning.
    pub at_ms: u64,
    /// How long it lasts.
    pub lasts_ms: u64,
    /// What it is.
    pub fault: Fault,
    /// Something of another part comes with it, so that it is worse than it would be alone.
    pub paired: bool,
}

/// Quiet time at the beginning.
const FIRST_MS: u64 = 4_000;

/// The plan of a seed: one fault after the other with a pause between them; one in four comes together with one of another part.
pub fn plan(seed: u64, seconds: u64, nodes: usize, nats: usize) -> Vec<Event> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut events = Vec::new();
    let mut at_ms = FIRST_MS + rng.random_range(0..1_000);
    let end_ms = seconds * 1_000;
    loop {
        let first = one(&mut rng, nodes, nats, None);
        let mut lasts_ms = lasts(&mut rng, first);
        let mut now = vec![Event { at_ms, lasts_ms, fault: first, paired: false }];
        if rng.random_range(0..4) == 0 {
            let second = one(&mut rng, nodes, nats, Some(first));
            let second_ms = at_ms + rng.random_range(0..=lasts_ms);
            let event = Event { at_ms: second_ms, lasts_ms: lasts(&mut rng, second), fault: second, paired: true };
            now[0].paired = true;
            lasts_ms = lasts_ms.max(event.at_ms - at_ms + event.lasts_ms);
            now.push(event);
        }
        if at_ms + lasts_ms > end_ms {
            return events;
        }
        events.extend(now);
        at_ms += lasts_ms + rng.random_range(3_000..7_000);
    }
}

/// The store is killed once and comes back after so many seconds; nothing else happens. Of every engine it is the one that may be
/// away for long without anybody noticing more than that old pages are not there.
pub fn store_away(seconds: u64) -> Vec<Event> {
    vec![Event { at_ms: FIRST_MS, lasts_ms: seconds * 1_000, fault: Fault::KillStore, paired: false }]
}

/// One fault. With `beside` it hits another part, so that a quorum of each part is left.
fn one(rng: &mut StdRng, nodes: usize, nats: usize, beside: Option<Fault>) -> Fault {
    loop {
        let (node, server) = (rng.random_range(0..nodes), rng.random_range(0..nats));
        let fault = match rng.random_range(0..20) {
            0..=4 => Fault::KillNode(node),
            5..=6 => Fault::PauseNode(node),
            7..=8 => Fault::RestartNode(node),
            9..=11 => Fault::CutNode(node, rng.random()),
            12..=14 => Fault::KillNats(server),
            15 => Fault::PauseNats(server),
            16 => Fault::RestartNats(server),
            17..=18 => Fault::KillStore,
            _ => Fault::PauseStore,
        };
        let part = |fault: Fault| match fault {
            Fault::KillNode(_) | Fault::PauseNode(_) | Fault::RestartNode(_) | Fault::CutNode(..) => 0,
            Fault::KillNats(_) | Fault::PauseNats(_) | Fault::RestartNats(_) => 1,
            Fault::KillStore | Fault::PauseStore => 2,
        };
        if beside.is_none_or(|beside| part(beside) != part(fault)) {
            return fault;
        }
    }
}

fn lasts(rng: &mut StdRng, fault: Fault) -> u64 {
    match fault {
        Fault::RestartNode(_) | Fault::RestartNats(_) => 500,
        Fault::PauseNode(_) | Fault::PauseNats(_) | Fault::CutNode(..) => rng.random_range(1_000..12_000),
        _ => rng.random_range(500..6_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plan_and_another_gives_another() {
        assert_eq!(plan(7, 120, 3, 3), plan(7, 120, 3, 3));
        assert_ne!(plan(7, 120, 3, 3), plan(8, 120, 3, 3));
        for seed in 0..50 {
            let events = plan(seed, 120, 3, 3);
            assert!(events.len() >= 5, "seed {seed}: {}", events.len());
            assert!(events.iter().all(|event| event.at_ms >= FIRST_MS && event.at_ms + event.lasts_ms <= 120_000));
        }
    }

    #[test]
    fn every_fault_comes() {
        let mut kinds: Vec<_> = (0..50).flat_map(|seed| plan(seed, 120, 3, 3)).map(|event| event.fault.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), 9);
    }
}
