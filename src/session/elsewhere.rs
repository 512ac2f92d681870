//! Who is online on the other nodes: a bitmap of those who are there and one of those who are away, for each node.
//!
//! Each node owns what is said of its sessions. It tells changes with the number of the state that they lead to; who has
//! missed one asks for the whole. A node that died takes all of its people with it.

use crate::peers::NodeId;
use parking_lot::RwLock;
use protocol::person::PresenceState;
use roaring::RoaringBitmap;
use std::collections::HashMap;

/// People whose state on a node has changed. Those of `online` and `away` have a session there, those of `gone` have none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delta {
    /// Number of the state that it leads to.
    pub version: u64,
    /// Number of the state that it changes; 0: it is everybody.
    pub from_version: u64,
    /// They have a session that is not away.
    pub online: RoaringBitmap,
    /// They have sessions, and all of them are away.
    pub away: RoaringBitmap,
    /// They have no session any more.
    pub gone: RoaringBitmap,
}

impl Delta {
    /// As it is told.
    pub fn encode(&self) -> Vec<u8> {
        let parts = [&self.online, &self.away, &self.gone];
        let mut bytes = Vec::with_capacity(16 + parts.iter().map(|part| part.serialized_size()).sum::<usize>());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.from_version.to_be_bytes());
        for part in parts {
            part.serialize_into(&mut bytes).expect("writing to memory does not fail");
        }
        bytes
    }

    /// Reads what was told.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, mut rest) = bytes.split_at_checked(16)?;
        let number = |at: usize| numbers[at..at + 8].try_into().map(u64::from_be_bytes).ok();
        let mut part = || RoaringBitmap::deserialize_from(&mut rest).ok();
        Some(Self { version: number(0)?, from_version: number(8)?, online: part()?, away: part()?, gone: part()? })
    }
}

/// The people of one node, in the state that it has told last.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PeopleThere {
    version: u64,
    online: RoaringBitmap,
    away: RoaringBitmap,
}

impl PeopleThere {
    /// Changes it, and gives what others have to be told. `state` gives what is true now of those who may have changed; none:
    /// they have no session.
    pub fn change(&mut self, touched: impl IntoIterator<Item = u32>, state: impl Fn(u32) -> Option<PresenceState>) -> Option<Delta> {
        let mut delta = Delta { version: self.version + 1, from_version: self.version, ..Delta::default() };
        for user in touched {
            let before = self.of(user);
            let now = state(user);
            if now == before {
                continue;
            }
            match now {
                None => delta.gone.insert(user),
                Some(PresenceState::Away) => delta.away.insert(user),
                Some(_) => delta.online.insert(user),
            };
        }
        if delta.online.is_empty() && delta.away.is_empty() && delta.gone.is_empty() {
            return None;
        }
        self.apply(&delta);
        Some(delta)
    }

    /// Nothing has changed since; who has missed the last change learns it by this.
    pub fn unchanged(&self) -> Delta {
        Delta { version: self.version, from_version: self.version, ..Delta::default() }
    }

    /// Everybody.
    pub fn everybody(&self) -> Delta {
        Delta { version: self.version, online: self.online.clone(), away: self.away.clone(), ..Delta::default() }
    }

    fn of(&self, user: u32) -> Option<PresenceState> {
        if self.online.contains(user) { Some(PresenceState::Online) } else { self.away.contains(user).then_some(PresenceState::Away) }
    }

    fn apply(&mut self, delta: &Delta) {
        self.online = (&self.online - &delta.away - &delta.gone) | &delta.online;
        self.away = (&self.away - &delta.online - &delta.gone) | &delta.away;
        self.version = delta.version;
    }
}

/// The people of every other node.
#[derive(Default)]
pub struct Elsewhere(RwLock<HashMap<NodeId, PeopleThere>>);

/// Changes were missed, or nothing is known of the node yet: it has to be asked for everybody.
#[derive(Debug, PartialEq, Eq)]
pub struct Missed;

impl Elsewhere {
    /// A node has told something. Gives the people whose state there is another one now.
    pub fn told(&self, node: NodeId, delta: &Delta) -> Result<RoaringBitmap, Missed> {
        let mut nodes = self.0.write();
        if delta.from_version == 0 && delta.version > 0 && delta.gone.is_empty() && nodes.get(&node).is_none_or(|there| there.version == 0)
        {
            // The first change of a node that has told nothing is everybody.
            nodes.entry(node).or_default().apply(delta);
            return Ok(&delta.online | &delta.away);
        }
        match nodes.get_mut(&node) {
            Some(there) if there.version == delta.from_version => {
                there.apply(delta);
                Ok(&delta.online | &delta.away | &delta.gone)
            }
            // Told before everybody was asked for: that had it already.
            Some(there) if there.version >= delta.version => Ok(RoaringBitmap::new()),
            _ => Err(Missed),
        }
    }

    /// A node has told everybody. Gives the people whose state there may be another one now.
    pub fn everybody(&self, node: NodeId, all: &Delta) -> RoaringBitmap {
        let mut nodes = self.0.write();
        let there = nodes.entry(node).or_default();
        if there.version > all.version {
            return RoaringBitmap::new();
        }
        let new = PeopleThere { version: all.version, online: all.online.clone(), away: all.away.clone() };
        let before = std::mem::replace(there, new);
        (&before.online ^ &all.online) | (&before.away ^ &all.away)
    }

    /// A node has gone. Gives the people who were there.
    pub fn went(&self, node: NodeId) -> RoaringBitmap {
        self.0.write().remove(&node).map(|there| there.online | there.away).unwrap_or_default()
    }

    /// The nodes of which something is known.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.0.read().keys().copied().collect()
    }

    /// The best state of somebody on other nodes; none: no session there.
    pub fn of(&self, user: u32) -> Option<PresenceState> {
        let nodes = self.0.read();
        let mut best = None;
        for there in nodes.values() {
            match there.of(user) {
                Some(PresenceState::Away) => best = Some(PresenceState::Away),
                Some(state) => return Some(state),
                None => {}
            }
        }
        best
    }

    /// Those of `members` who have a session on another node.
    pub fn online_of(&self, members: &RoaringBitmap) -> RoaringBitmap {
        let nodes = self.0.read();
        nodes.values().fold(RoaringBitmap::new(), |all, there| all | (members & &there.online) | (members & &there.away))
    }

    /// The other nodes on which some of these people have a session, and who of them.
    pub fn nodes_of(&self, people: &RoaringBitmap) -> Vec<(NodeId, RoaringBitmap)> {
        let nodes = self.0.read();
        let there = nodes.iter().map(|(node, there)| (*node, (people & &there.online) | (people & &there.away)));
        there.filter(|(_, people)| !people.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng};

    #[test]
    fn whatever_is_lost_on_the_way_the_others_know_in_the_end_who_is_there() {
        for seed in 0..200 {
            let mut random = StdRng::seed_from_u64(seed);
            let (mut here, elsewhere, node) = (PeopleThere::default(), Elsewhere::default(), NodeId(7));
            let mut truth: HashMap<u32, PresenceState> = HashMap::new();
            let mut asked = false;
            for step in 0..100 {
                let touched: Vec<u32> = (0..random.random_range(1..6)).map(|_| random.random_range(0..40)).collect();
                for user in &touched {
                    match random.random_range(0..3) {
                        0 => drop(truth.remove(user)),
                        1 => drop(truth.insert(*user, PresenceState::Away)),
                        _ => drop(truth.insert(*user, PresenceState::Online)),
                    }
                }
                let last = step == 99;
                let told = here.change(touched, |user| truth.get(&user).copied()).unwrap_or_else(|| here.unchanged());
                let told = Delta::decode(&told.encode()).unwrap();
                // Some are lost on the way; some answers to the question for everybody come late.
                if last || random.random_range(0..4) > 0 {
                    asked |= elsewhere.told(node, &told) == Err(Missed);
                }
                if asked && (last || random.random_range(0..3) > 0) {
                    elsewhere.everybody(node, &Delta::decode(&here.everybody().encode()).unwrap());
                    asked = false;
                }
                if last && elsewhere.told(node, &here.unchanged()) == Err(Missed) {
                    elsewhere.everybody(node, &here.everybody());
                }
            }
            for user in 0..40 {
                assert_eq!(elsewhere.of(user), truth.get(&user).copied(), "seed {seed}, person {user}");
            }
            let everybody = RoaringBitmap::from_iter(0..40);
            assert_eq!(elsewhere.online_of(&everybody), truth.keys().copied().collect(), "seed {seed}");
            assert_eq!(elsewhere.went(node), truth.keys().copied().collect(), "seed {seed}");
            assert_eq!(elsewhere.nodes_of(&everybody), []);
        }
    }

    #[test]
    fn a_minute_in_which_everybody_comes_and_goes_is_told_in_kilobytes_a_second() {
        const PEOPLE: u32 = 371_000;
        const NODES: u32 = 20;
        let rounds = 60_000 / crate::limits::PRESENCE_TOLD_EVERY_MS as u32;
        let mut random = StdRng::seed_from_u64(371);
        let mut there: Vec<PeopleThere> = (0..NODES).map(|_| PeopleThere::default()).collect();
        let mut on = RoaringBitmap::new();
        // One flip each, as in a morning: people come on a node by chance, in no order.
        let mut flips: Vec<u32> = (0..PEOPLE).collect();
        rand::seq::SliceRandom::shuffle(flips.as_mut_slice(), &mut random);
        let mut bytes = 0;
        for touched in flips.chunks(PEOPLE.div_ceil(rounds) as usize) {
            on.extend(touched);
            for (node, there) in (0..).zip(&mut there) {
                let own = touched.iter().copied().filter(|user| user % NODES == node);
                let delta = there.change(own, |user| on.contains(user).then_some(PresenceState::Online));
                bytes += delta.unwrap_or_else(|| there.unchanged()).encode().len();
            }
        }
        // What one node hears from nineteen others and says to them is about what all say once.
        let a_second = bytes / 60;
        assert!(a_second < 100_000, "{a_second} bytes a second");
        assert_eq!(there.iter().map(|there| there.online.len()).sum::<u64>(), u64::from(PEOPLE));
    }
}
