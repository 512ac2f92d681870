//! Calls to the provider: each under its key, signed, in time, to those who are asked and to nobody else; and what is told of them is so.

use super::super::history::{Call, Did, History};
use super::{Broken, Found, ON_ITS_WAY_MS, One};
use protocol::ids::UrgentId;
use protocol::urgent::UrgentWay;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Two nodes may believe to be at home for so long after one has died; a call may then be made by both, under the same key.
const HOMES_KNOWN_MS: u64 = 20_000;
/// What a node has sent before it was killed may be read so much later.
const DEAD_HEARD_MS: u64 = 1_000;

/// A call is for this: urgent, step, person.
type For = (String, u32, String);

/// The calls of a run, by what they are for.
pub struct Calls {
    /// Keys under which somebody was called.
    keys: BTreeMap<For, BTreeSet<String>>,
    /// What each key stood over.
    over: BTreeMap<String, BTreeSet<For>>,
    /// What the provider did in the end.
    did: HashMap<For, Did>,
    /// Those of which a server has heard what became of it.
    answered: HashSet<For>,
}

impl Calls {
    /// Those of a history.
    pub fn of(history: &History) -> Self {
        let mut calls = Self { keys: BTreeMap::new(), over: BTreeMap::new(), did: HashMap::new(), answered: HashSet::new() };
        for call in &history.calls {
            let to = (call.urgent_id.clone(), call.step, call.user_id.clone());
            calls.keys.entry(to.clone()).or_default().insert(call.key.clone());
            calls.over.entry(call.key.clone()).or_default().insert(to.clone());
            if call.answered_ms.is_some() {
                calls.answered.insert(to.clone());
            }
            let did = calls.did.entry(to).or_insert(call.did);
            *did = if *did == Did::Nothing { call.did } else { *did };
        }
        calls
    }

    /// How many keys there were.
    pub fn keys(&self) -> usize {
        self.over.len()
    }

    /// Has a server heard what became of a call?
    pub fn answered(&self, urgent_id: UrgentId, step: u32, user: &str) -> bool {
        self.answered.contains(&(urgent_id.to_string(), step, user.to_owned()))
    }

    /// What the provider has done for somebody; None: it was never called.
    fn did(&self, urgent_id: UrgentId, step: u32, user: &str) -> Option<Did> {
        self.did.get(&(urgent_id.to_string(), step, user.to_owned())).copied()
    }
}

impl Found {
    /// Each step that a provider does went to everybody who was open, and what is told of it is so.
    pub(super) fn judge_paid(&mut self, one: &One) {
        let One { history, number, story, report, calls, urgent_id, .. } = one;
        let (begun, over_ms) = (report.steps().map(|deed| deed.at_ms).collect::<Vec<_>>(), report.over_ms().unwrap_or(u64::MAX));
        let id = urgent_id.to_string();
        for Call { key, user_id, step, at_ms, .. } in history.calls.iter().filter(|call| call.urgent_id == id) {
            let step_ms = begun.get(*step as usize).copied();
            if step_ms.is_none_or(|step_ms| *at_ms < step_ms) {
                self.complain(Broken::Early, || format!("the call {key} came before its step had begun"));
            }
            if *at_ms > over_ms.saturating_add(ON_ITS_WAY_MS) {
                self.complain(Broken::Reminded, || format!("the call {key} came {} ms after the end of urgent {number}", at_ms - over_ms));
            }
            if let Some(after_ms) = story.people.get(user_id).and_then(|person| person.reminded_after(*at_ms, step_ms, &history.kills)) {
                self.complain(Broken::Reminded, || {
                    format!("the call {key} came {after_ms} ms after urgent {number} was over for {user_id}; its step began at {step_ms:?}")
                });
            }
        }
        for (step, deed) in report.steps().enumerate() {
            let Some(way) = deed.way.filter(|way| is_paid(*way)) else { continue };
            let (mut reached, mut refused, mut must) = (0, 0, 0);
            for (user, person) in story.asked() {
                let did = calls.did(*urgent_id, step as u32, user);
                let unreachable = way != UrgentWay::Push && history.without_number.contains(user);
                reached += u32::from(did == Some(Did::Reached));
                refused += u32::from(did == Some(Did::Refused) || unreachable);
                if !one.awaited(person, deed.at_ms) {
                    continue;
                }
                must += 1;
                if unreachable {
                    continue;
                }
                if !matches!(did, Some(Did::Reached | Did::Refused)) {
                    self.complain(Broken::LeftOut, || {
                        format!("step {step} of urgent {number}, {way:?}, never went to {user}, who has not confirmed: {did:?}")
                    });
                }
            }
            if deed.reached > reached || deed.failed > refused {
                self.complain(Broken::Invented, || {
                    format!(
                        "step {step} of urgent {number}: the provider reached {reached} and refused {refused}, the report says {deed:?}"
                    )
                });
            }
            if deed.reached + deed.failed < must {
                self.complain(Broken::Lost, || {
                    format!("step {step} of urgent {number}: {must} must have an outcome, the report says {deed:?}")
                });
            }
        }
    }

    /// Calls one by one.
    pub(super) fn judge_calls(&mut self, history: &History, calls: &Calls, nodes: usize) {
        for ((urgent, step, user), keys) in &calls.keys {
            if keys.len() > 1 {
                self.complain(Broken::TwoKeys, || format!("{user} was called for step {step} of {urgent} under {keys:?}"));
            }
        }
        for (key, over) in calls.over.iter().filter(|(_, over)| over.len() > 1) {
            self.complain(Broken::TwoKeys, || format!("the key {key} stood over {over:?}"));
        }
        let numbers: HashMap<String, usize> =
            history.stories.iter().enumerate().filter_map(|(number, story)| Some((story.id()?.to_string(), number))).collect();
        let mut done: HashMap<&str, (u64, u64)> = HashMap::new();
        for call in &history.calls {
            let Call { key, at_ms, user_id, step, .. } = call;
            if !call.genuine {
                self.complain(Broken::NotGenuine, || format!("the call {key}"));
            }
            let story = numbers.get(&call.urgent_id).map(|number| &history.stories[*number]);
            let rung = story.and_then(|story| story.rungs.get(*step as usize));
            let person = story.and_then(|story| story.people.get(user_id)).filter(|person| person.act.is_some());
            if person.is_none() || rung.map(|(_, way)| Some(*way)) != Some(call.way) {
                self.complain(Broken::Invented, || format!("the call {key}: no such person, urgent or step"));
            }
            if call.way != Some(UrgentWay::Push) && history.without_number.contains(user_id) {
                self.complain(Broken::Invented, || format!("the call {key}: {user_id} has no number"));
            }
            if let (Some(story), Some((after_ms, _))) = (story, rung)
                && story.raise_asked_ms.is_none_or(|asked_ms| *at_ms < asked_ms + after_ms)
            {
                self.complain(Broken::Early, || format!("the call {key} came before its time"));
            }
            // A crash may forget the outcome, and then it is asked for anew; nothing else may. In a cluster the home of an urgent moves
            // for a moment after a crash.
            let excuses = |began_ms: u64, killed_ms: u64| {
                (began_ms.saturating_sub(DEAD_HEARD_MS)..=*at_ms).contains(&killed_ms)
                    || nodes > 1 && (killed_ms..killed_ms + HOMES_KNOWN_MS).contains(at_ms)
            };
            if let Some((began_ms, answered_ms)) = done.get(key.as_str())
                && at_ms > answered_ms
                && !history.kills.iter().any(|killed_ms| excuses(*began_ms, *killed_ms))
            {
                self.complain(Broken::CalledAgain, || {
                    format!("the call {key} came again {} ms after it was answered, and nobody had died", at_ms - answered_ms)
                });
            }
            if let Some(answered_ms) = call.answered_ms {
                done.entry(key).or_insert((*at_ms, answered_ms));
            }
        }
    }
}

/// Does somebody else do this?
pub fn is_paid(way: UrgentWay) -> bool {
    matches!(way, UrgentWay::Push | UrgentWay::Sms | UrgentWay::Phone)
}
