//! Changes of the groups while nodes die: names change, guests come and go. Each change is repeated until it is acknowledged.

use crate::caller::{Caller, NoAnswer};
use crate::fleet::{Identity, Target};
use protocol::command::{AddMembers, RemoveMembers, UpdateChat};
use protocol::ids::ChatId;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::time::Duration;

/// A group that is changed.
#[derive(Debug, Clone)]
pub struct Group {
    /// Which.
    pub chat_id: ChatId,
    /// Who changes it: its owner.
    pub owner: Identity,
    /// Who comes and goes.
    pub guests: Vec<String>,
}

/// A change that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of which group, by number.
    pub group: usize,
    /// The seq that it was acknowledged with.
    pub seq: u64,
    /// What is so from this seq on.
    pub what: What,
}

/// What is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The group has this name.
    Named(String),
    /// This guest is in it.
    In(String),
    /// This guest is not in it.
    Out(String),
}

/// Pause between two changes.
const BETWEEN_CHANGES: Duration = Duration::from_millis(150);
/// Pause before a change is tried again on another node.
const BEFORE_AGAIN: Duration = Duration::from_millis(200);

/// Changes groups until it is told to stop, and gives what was acknowledged.
pub fn make(groups: &[Group], targets: &[Target], seed: u64, stop: &dyn Fn() -> bool) -> Result<Vec<Change>, String> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x6368_616e_6765);
    let mut inside: Vec<Vec<bool>> = groups.iter().map(|group| vec![false; group.guests.len()]).collect();
    let mut changes = Vec::new();
    let mut number = 0;
    while !stop() {
        let at = rng.random_range(0..groups.len());
        let group = &groups[at];
        let guest = rng.random_range(0..=group.guests.len());
        number += 1;
        let what = match group.guests.get(guest) {
            None => What::Named(format!("Load {at} name {number}")),
            Some(user) if inside[at][guest] => What::Out(user.clone()),
            Some(user) => What::In(user.clone()),
        };
        let Some(seq) = until_acknowledged(group, &what, targets, &mut rng, stop)? else { break };
        if let Some(inside) = inside[at].get_mut(guest) {
            *inside = !*inside;
        }
        changes.push(Change { group: at, seq, what });
        std::thread::sleep(BETWEEN_CHANGES);
    }
    Ok(changes)
}

/// Repeats a change on one node after the other; none when it is to stop meanwhile.
fn until_acknowledged(
    group: &Group,
    what: &What,
    targets: &[Target],
    rng: &mut StdRng,
    stop: &dyn Fn() -> bool,
) -> Result<Option<u64>, String> {
    loop {
        let target = &targets[rng.random_range(0..targets.len())];
        match Caller::enter(target, &group.owner, "changes").and_then(|mut owner| change(&mut owner, group.chat_id, what)) {
            Ok(seq) => return Ok(Some(seq)),
            Err(NoAnswer::Refused(error)) if !(3_000..4_000).contains(&error.code) => {
                return Err(format!("a change of a group was refused: {}", NoAnswer::Refused(error)));
            }
            Err(_) if stop() => return Ok(None),
            Err(_) => std::thread::sleep(BEFORE_AGAIN),
        }
    }
}

fn change(owner: &mut Caller, chat_id: ChatId, what: &What) -> Result<u64, NoAnswer> {
    match what {
        What::Named(name) => {
            owner.ask(&UpdateChat { chat_id, name: Some(name.clone()), ..UpdateChat::default() }).map(|changed| changed.seq)
        }
        What::In(user) => {
            let add = AddMembers { chat_id, user_ids: vec![user.clone()], department_ids: Vec::new() };
            owner.ask(&add).map(|result| result.seq)
        }
        What::Out(user) => owner.ask(&RemoveMembers { chat_id, user_ids: vec![user.clone()] }).map(|result| result.seq),
    }
}
