//! Which urgents are raised, what each person does about them, and when which node is killed: made of a seed alone.

use protocol::urgent::{UrgentStep, UrgentWay};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::fmt;

/// Those who lead others, and are asked last. They are in no group.
pub const MANAGERS: u32 = 4;
/// Those who raise urgents.
pub const RAISERS: u32 = 3;
/// Fewest people: enough for every group.
pub const PEOPLE_MIN: u32 = MANAGERS + RAISERS + GROUP.1;

/// Members of a group, beside who raises the urgent.
const GROUP: (u32, u32) = (8, 14);
/// The earliest step that a server takes.
const FIRST_STEP_MS: u64 = 10_000;
/// The earliest deadline that a server takes.
const DEADLINE_MS: u64 = 60_000;
/// About how long it is from one kill to the next.
const BETWEEN_KILLS_MS: u64 = 1_200;
/// The last urgents are raised so long before the last kill, so that there are kills at all their steps.
const LAST_RAISED_MS: u64 = 12_500;

/// A plan.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// Urgents, in the order in which they are raised.
    pub urgents: Vec<Planned>,
    /// Kills, one after the other.
    pub kills: Vec<Kill>,
}

/// An urgent that is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// It is raised when so many kills were done …
    pub after_kills: usize,
    /// … and so many ms later.
    pub delay_ms: u64,
    /// Which of those who raise urgents.
    pub raiser: u32,
    /// Members of its group, by number, and what each does.
    pub people: BTreeMap<u32, Act>,
    /// What is done for those who do not confirm.
    pub ladder: Vec<UrgentStep>,
    /// It is over after so many ms.
    pub deadline_ms: Option<u64>,
    /// How it ends.
    pub ending: Ending,
    /// It is raised once more, under the same id, so many ms after it was.
    pub again_ms: Option<u64>,
}

/// What somebody does. Times are ms after the raising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Confirms.
    Confirms(u64),
    /// Leaves the group.
    Leaves(u64),
    /// Confirms when every step was done and nobody is killed any more.
    ConfirmsLast,
    /// Nothing.
    Nothing,
}

/// How an urgent ends, when not by the last who confirms. Times are ms after the raising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It does not end.
    Stays,
    /// It is cancelled.
    Cancelled(u64),
    /// Its message is recalled.
    Recalled(u64),
    /// By its deadline.
    Expires,
}

/// One kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Not before so many ms after the one before.
    pub pause_ms: u64,
    /// So many ms after the next step that is due then; negative: before.
    pub aim_ms: i64,
    /// Which nodes.
    pub nodes: Vec<usize>,
    /// They are started again after so many ms.
    pub down_ms: u64,
    /// A node that is just starting is killed too, instead of waited for.
    pub while_starting: bool,
}

impl fmt::Display for Kill {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self { pause_ms, aim_ms, nodes, down_ms, while_starting } = self;
        write!(formatter, "kill {nodes:?} {aim_ms:+} ms from a step, at the earliest after {pause_ms} ms, for {down_ms} ms")?;
        formatter.write_str(if *while_starting { ", also while starting" } else { "" })
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let count = |fits: fn(&Act) -> bool| self.people.values().filter(|act| fits(act)).count();
        let ladder: Vec<String> = rungs(&self.ladder).iter().map(|(after_ms, way)| format!("{way:?} {after_ms}")).collect();
        write!(
            formatter,
            "after {} kills: for {}, of whom {} confirm and {} leave; {}; {:?}",
            self.after_kills,
            self.people.len(),
            count(|act| matches!(act, Act::Confirms(_))),
            count(|act| matches!(act, Act::Leaves(_))),
            ladder.join(", "),
            self.ending
        )
    }
}

/// The plan of a seed.
pub fn plan(seed: u64, kills: usize, nodes: usize, people: u32) -> Plan {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x7572_6765_6e74);
    let kills: Vec<Kill> = (0..kills).map(|_| kill(&mut rng, nodes)).collect();
    let last_raised = kills.len().saturating_sub((LAST_RAISED_MS / BETWEEN_KILLS_MS) as usize);
    let count = (kills.len() / 2).max(6);
    let urgents = (0..count).map(|number| urgent(&mut rng, people, number * last_raised / count, kills.len())).collect();
    Plan { urgents, kills }
}

fn kill(rng: &mut StdRng, nodes: usize) -> Kill {
    let mut all: Vec<usize> = (0..nodes).collect();
    all.shuffle(rng);
    // Mostly one; at times all at once, as when the power goes.
    all.truncate(if nodes == 1 || rng.random_bool(0.8) { 1 } else { rng.random_range(2..=nodes) });
    Kill {
        pause_ms: rng.random_range(200..1_000),
        aim_ms: rng.random_range(-150..700),
        nodes: all,
        down_ms: if rng.random_bool(0.7) { rng.random_range(0..150) } else { rng.random_range(150..1_000) },
        while_starting: rng.random_bool(0.15),
    }
}

fn urgent(rng: &mut StdRng, people: u32, after_kills: usize, kills: usize) -> Planned {
    let mut staff: Vec<u32> = (MANAGERS + RAISERS..people).collect();
    staff.shuffle(rng);
    staff.truncate(rng.random_range(GROUP.0..=GROUP.1) as usize);
    let ladder = ladder(rng);
    // One that expires does so while nodes are killed, or it would be waited for.
    let time_left = (kills - after_kills) as u64 * BETWEEN_KILLS_MS;
    let ending = match rng.random_range(0..20) {
        0..=1 => Ending::Cancelled(rng.random_range(1_000..16_000)),
        2 => Ending::Recalled(rng.random_range(1_000..16_000)),
        3..=4 if time_left > DEADLINE_MS => Ending::Expires,
        _ => Ending::Stays,
    };
    let all_confirm = rng.random_bool(0.5);
    let act = |rng: &mut StdRng| match rng.random_range(0..20) {
        0..=5 => Act::Confirms(rng.random_range(0..FIRST_STEP_MS)),
        // While its steps are done.
        6..=10 => Act::Confirms(rng.random_range(FIRST_STEP_MS - 300..FIRST_STEP_MS + 5_000)),
        11 => Act::Leaves(rng.random_range(500..FIRST_STEP_MS + 3_000)),
        _ if all_confirm => Act::ConfirmsLast,
        _ => Act::Nothing,
    };
    Planned {
        after_kills,
        delay_ms: rng.random_range(0..600),
        raiser: rng.random_range(0..RAISERS),
        people: staff.into_iter().map(|number| (number, act(rng))).collect(),
        ladder,
        deadline_ms: (ending == Ending::Expires).then_some(DEADLINE_MS),
        ending,
        again_ms: rng.random_bool(0.5).then(|| rng.random_range(500..8_000)),
    }
}

fn ladder(rng: &mut StdRng) -> Vec<UrgentStep> {
    let mut ways = vec![UrgentWay::Push, UrgentWay::Sms, UrgentWay::Phone, UrgentWay::Remind, UrgentWay::Manager];
    ways.shuffle(rng);
    ways.truncate(rng.random_range(3..=5));
    if rng.random_bool(0.5) {
        ways.push([UrgentWay::Sms, UrgentWay::Phone, UrgentWay::Remind][rng.random_range(0..3)]);
    }
    let repeated = rng.random_bool(0.2).then(|| rng.random_range(0..ways.len()));
    let mut after_ms = FIRST_STEP_MS + rng.random_range(0..400);
    let step = |(at, way): (usize, UrgentWay)| {
        let repeats = repeated == Some(at);
        let step = UrgentStep { way, after_ms, every_ms: repeats.then_some(FIRST_STEP_MS), times: repeats.then_some(2) };
        // Some at the same moment, some a little later.
        after_ms += if rng.random_bool(0.2) { 0 } else { rng.random_range(100..1_000) };
        step
    };
    ways.into_iter().enumerate().map(step).collect()
}

/// The single steps of a ladder in the order of time, as the protocol says: ms after the raising, and how.
pub fn rungs(ladder: &[UrgentStep]) -> Vec<(u64, UrgentWay)> {
    let mut rungs: Vec<(u64, UrgentWay)> = ladder
        .iter()
        .flat_map(|step| {
            let times = u64::from(step.times.unwrap_or(1));
            (0..times).map(|time| (step.after_ms + time * step.every_ms.unwrap_or(0), step.way))
        })
        .collect();
    rungs.sort_by_key(|(after_ms, _)| *after_ms);
    rungs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plan_and_another_gives_another() {
        assert_eq!(plan(7, 40, 3, 48), plan(7, 40, 3, 48));
        assert_ne!(plan(7, 40, 3, 48), plan(8, 40, 3, 48));
    }

    #[test]
    fn everything_comes_and_a_server_would_take_it() {
        let plans: Vec<Plan> = (0..20).map(|seed| plan(seed, 200, 3, 48)).collect();
        let kills: Vec<&Kill> = plans.iter().flat_map(|plan| &plan.kills).collect();
        assert!((1..=3).all(|many| kills.iter().any(|kill| kill.nodes.len() == many)));
        assert!(kills.iter().any(|kill| kill.while_starting) && kills.iter().any(|kill| kill.aim_ms < 0));
        let urgents: Vec<&Planned> = plans.iter().flat_map(|plan| &plan.urgents).collect();
        for ending in ["Stays", "Cancelled", "Recalled", "Expires"] {
            assert!(urgents.iter().any(|urgent| format!("{:?}", urgent.ending).starts_with(ending)), "{ending}");
        }
        for way in [UrgentWay::Push, UrgentWay::Sms, UrgentWay::Phone, UrgentWay::Remind, UrgentWay::Manager] {
            assert!(urgents.iter().any(|urgent| urgent.ladder.iter().any(|step| step.way == way)), "{way:?}");
        }
        for urgent in urgents {
            assert!((GROUP.0..=GROUP.1).contains(&(urgent.people.len() as u32)));
            assert!(urgent.ladder.iter().all(|step| step.after_ms >= FIRST_STEP_MS));
            assert!(rungs(&urgent.ladder).last().is_some_and(|(after_ms, _)| *after_ms < DEADLINE_MS));
            assert!(urgent.people.keys().all(|number| (MANAGERS + RAISERS..48).contains(number)));
        }
    }

    #[test]
    fn a_short_plan_raises_all_in_time() {
        let short = plan(7, 16, 1, 48);
        assert!(short.urgents.iter().all(|urgent| urgent.after_kills <= 6 && urgent.ending != Ending::Expires), "{short:?}");
    }
}
