//! People: each with a device that is there whenever a node is, shows urgents, and confirms or leaves when the plan says.

use super::history::{ManagerTold, Told, now_ms};
use super::plan::{Act, MANAGERS};
use super::stage::{Phase, Stage, in_ms};
use crate::caller::{Caller, NoAnswer};
use protocol::command::{ConfirmUrgent, Leave, UrgentGot};
use protocol::error::ErrorCode;
use protocol::event::Event;
use protocol::ids::UrgentId;
use protocol::urgent::Urgent;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long one waits for events before looking at the clock.
const LISTENS: Duration = Duration::from_millis(100);
/// How long a manager looks at an urgent of others before taking it off the screen.
const MANAGER_LOOKS_MS: std::ops::Range<u64> = 200..3_000;
/// Before something that has failed is tried again.
const BEFORE_AGAIN_MS: u64 = 150;

/// Somebody.
struct Person<'a> {
    stage: &'a Stage,
    user: String,
    number: u32,
    caller: Option<Caller>,
    rng: StdRng,
    /// What is to be done, by urgent: when, and under which id.
    acts: BTreeMap<usize, (u64, UrgentId, Act)>,
}

/// Lives until the run is over.
pub fn live(stage: &Stage, number: u32) {
    let user = stage.identities[number as usize].user.to_string();
    let rng = StdRng::seed_from_u64(stage.seed ^ (u64::from(number) << 32));
    let mut person = Person { stage, user, number, caller: None, rng, acts: BTreeMap::new() };
    while !stage.reached(Phase::Over) {
        if person.caller.is_none() {
            person.caller = stage.enter_anywhere(&stage.identities[number as usize], "person", &mut person.rng);
        }
        if person.hear().and_then(|()| person.act()).is_err() {
            person.caller = None;
        }
    }
}

impl Person<'_> {
    /// Takes what the server tells.
    fn hear(&mut self) -> Result<(), NoAnswer> {
        let Some(caller) = &mut self.caller else { return Ok(()) };
        let mut got = Vec::new();
        for event in caller.listen(LISTENS)? {
            if let Event::Urgent(urgent) = event
                && let Some(number) = self.stage.of_chat.get(&urgent.message.chat_id).copied()
            {
                self.shown(number, &urgent);
                if urgent.about_count == 0 {
                    got.push(urgent.urgent_id);
                }
            }
        }
        if got.is_empty() || self.rng.random_bool(0.2) {
            return Ok(());
        }
        let shown = self.rng.random_bool(0.5);
        match self.ask(&UrgentGot { urgent_ids: got, shown }) {
            Err(NoAnswer::Unknown(why)) => Err(NoAnswer::Unknown(why)),
            // It is said again when it is shown again.
            Ok(_) | Err(NoAnswer::Refused(_)) => Ok(()),
        }
    }

    fn shown(&mut self, number: usize, urgent: &Urgent) {
        let at_ms = now_ms();
        self.stage.note_raised(number, urgent.raised_at_ms);
        let mut history = self.stage.history();
        if urgent.about_count > 0 {
            let about = urgent.about.iter().map(|person| person.user_id.clone()).collect();
            history.managers_told.push(ManagerTold { at_ms, number, manager: self.user.clone(), about });
            if !history.managers_done.contains_key(&(number, self.user.clone())) {
                let due_ms = in_ms(self.rng.random_range(MANAGER_LOOKS_MS));
                self.acts.entry(number).or_insert((due_ms, urgent.urgent_id, Act::Confirms(0)));
            }
            return;
        }
        // Whoever is shown one that is for others is noted too: the reckoning complains.
        history.stories[number].people.entry(self.user.clone()).or_default().note_told(Told { at_ms, reminder: urgent.reminder });
        drop(history);
        let due_ms = match self.stage.plan.urgents[number].people.get(&self.number) {
            Some(Act::Confirms(after_ms) | Act::Leaves(after_ms)) => urgent.raised_at_ms + after_ms,
            Some(Act::ConfirmsLast) => 0,
            Some(Act::Nothing) | None => return,
        };
        let act = self.stage.plan.urgents[number].people[&self.number];
        let done = self.stage.history().stories[number].people.get(&self.user).is_some_and(super::history::Person::acted);
        if !done {
            self.acts.entry(number).or_insert((due_ms, urgent.urgent_id, act));
        }
    }

    /// Does what is due.
    fn act(&mut self) -> Result<(), NoAnswer> {
        let last = self.stage.reached(Phase::LastConfirm);
        let now = now_ms();
        let may = |due_ms: u64, act: Act| due_ms <= now && (act != Act::ConfirmsLast || last);
        let due: Vec<usize> = self.acts.iter().filter(|(_, (due_ms, _, act))| may(*due_ms, *act)).map(|(number, _)| *number).collect();
        for number in due {
            if self.caller.is_none() {
                return Ok(());
            }
            let Some((due_ms, urgent_id, act)) = self.acts.get(&number).copied() else { continue };
            // What fails is tried again, on another node perhaps.
            self.acts.insert(number, (in_ms(BEFORE_AGAIN_MS).max(due_ms), urgent_id, act));
            let done = if let Act::Leaves(_) = act { self.leave(number)? } else { self.confirm(number, urgent_id)? };
            if done {
                self.acts.remove(&number);
            }
        }
        Ok(())
    }

    fn confirm(&mut self, number: usize, urgent_id: UrgentId) -> Result<bool, NoAnswer> {
        self.note(number, |person| _ = person.confirm_asked_ms.get_or_insert(now_ms()));
        match self.ask(&ConfirmUrgent { urgent_id }) {
            Ok(_) => {
                self.note(number, |person| _ = person.confirm_acked_ms.get_or_insert(now_ms()));
                if self.number < MANAGERS {
                    self.stage.history().managers_done.entry((number, self.user.clone())).or_insert(now_ms());
                }
                Ok(true)
            }
            Err(NoAnswer::Refused(error)) if error.code == ErrorCode::UrgentOver.number() => {
                self.note(number, |person| person.confirm_refused = true);
                Ok(true)
            }
            Err(NoAnswer::Refused(_)) => Ok(false),
            Err(unknown) => Err(unknown),
        }
    }

    fn leave(&mut self, number: usize) -> Result<bool, NoAnswer> {
        let (chat_id, _) = self.stage.grounds[number];
        self.note(number, |person| _ = person.leave_asked_ms.get_or_insert(now_ms()));
        match self.ask(&Leave { chat_id }) {
            Ok(_) => {}
            // An earlier try has done it.
            Err(NoAnswer::Refused(error)) if error.code == ErrorCode::ChatNotFound.number() => {}
            Err(NoAnswer::Refused(_)) => return Ok(false),
            Err(unknown) => return Err(unknown),
        }
        self.note(number, |person| _ = person.leave_acked_ms.get_or_insert(now_ms()));
        Ok(true)
    }

    fn note(&self, number: usize, note: impl FnOnce(&mut super::history::Person)) {
        if let Some(person) = self.stage.history().stories[number].people.get_mut(&self.user) {
            note(person);
        }
    }

    fn ask<C: protocol::command::CommandBody>(&mut self, body: &C) -> Result<C::Reply, NoAnswer> {
        let caller = self.caller.as_mut().ok_or_else(|| NoAnswer::Unknown("there is no session".to_owned()))?;
        caller.ask(body)
    }
}
