//! The end of a run: what was asked, told and called is held against what every node tells, promise by promise.

mod awaited;
mod calls;

pub use awaited::awaited;
pub use calls::Calls;

use super::history::{History, Person, Story};
use super::reading::{Reading, Report};
use protocol::ids::UrgentId;
use protocol::urgent::{UrgentDeed, UrgentOverWhy, UrgentStanding, UrgentWay};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Which promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// An urgent that was raised, or an acknowledged confirmation, ending or leaving is not there.
    Lost,
    /// One raising made two urgents.
    Doubled,
    /// Something is there that nobody did.
    Invented,
    /// Somebody was shown an urgent, or called, after confirming, or after its end.
    Reminded,
    /// Somebody who had to be asked was not.
    LeftOut,
    /// Two calls for one person and step under different keys, or one key for two.
    TwoKeys,
    /// A call was made again although it was answered and nobody had died.
    CalledAgain,
    /// Something was done before its time.
    Early,
    /// A step did not begin, or began in another order.
    Skipped,
    /// A call is not signed, or its key stood over something else before.
    NotGenuine,
    /// People do not sum up to the audience.
    Totals,
    /// Nodes tell different things, or one tells different things in different places.
    Different,
}

/// What was found.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Found {
    /// Broken promises, how often each.
    pub violations: BTreeMap<Broken, u64>,
    /// The first of them in words.
    pub complaints: Vec<String>,
}

/// How much later than a confirmation or an ending something may come that was on its way: between nodes, or to a slow device.
const ON_ITS_WAY_MS: u64 = 2_000;
/// Leaving is a matter of the chat: an urgent's node has to notice it …
const LEAVING_NOTICED_MS: u64 = 5_000;
/// … once nobody has been killed for so long; steps look for themselves.
const UNDISTURBED_MS: u64 = 10_000;
/// A step that was due so long before the end must have begun.
const BEGUN_WITHIN_MS: u64 = 15_000;
const COMPLAINTS_MAX: usize = 60;

impl Found {
    /// Violations in all.
    pub fn total(&self) -> u64 {
        self.violations.values().sum()
    }

    fn complain(&mut self, broken: Broken, why: impl FnOnce() -> String) {
        *self.violations.entry(broken).or_default() += 1;
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(format!("{broken:?}: {}", why()));
        }
    }

    /// Holds the history against what the nodes tell.
    pub fn judge(&mut self, history: &History, readings: &[Reading]) {
        let calls = Calls::of(history);
        self.judge_raised(history, readings);
        self.judge_calls(history, &calls, readings.len());
        for (node, reading) in readings.iter().enumerate() {
            if reading != &readings[0] {
                self.complain(Broken::Different, || different(node, &readings[0], reading));
            }
            for (number, story) in history.stories.iter().enumerate() {
                let Some((urgent_id, report)) = story.id().and_then(|id| Some((id, reading.reports.get(&id)?))) else { continue };
                let one = One { history, number, story, urgent_id, report, node, calls: &calls };
                self.judge_people(&one, reading);
                self.judge_end(&one);
                if node == 0 {
                    self.judge_told(&one);
                    self.judge_steps(&one);
                    self.judge_paid(&one);
                }
            }
        }
        self.judge_sums(history);
    }

    /// Each urgent is there, once.
    fn judge_raised(&mut self, history: &History, readings: &[Reading]) {
        for (number, story) in history.stories.iter().enumerate() {
            if let Some(why) = &story.raise_refused {
                self.complain(Broken::Lost, || format!("urgent {number} was refused when it was raised, or raised again: {why}"));
            }
            let Some(urgent_id) = story.id() else {
                self.complain(Broken::Lost, || format!("urgent {number} was not acknowledged in the end"));
                continue;
            };
            let ids: BTreeSet<UrgentId> = story.raised.iter().map(|(id, ..)| *id).collect();
            if ids.len() > 1 {
                self.complain(Broken::Doubled, || format!("urgent {number}, raised again, became {ids:?}"));
            }
            let audience = story.audience();
            for (_, people, left_out) in story.raised.iter().filter(|(_, people, left_out)| (*people, *left_out) != (audience, 0)) {
                self.complain(Broken::LeftOut, || {
                    format!("urgent {number} is for {people} of {audience} people, {left_out} were left out")
                });
            }
            for (node, reading) in readings.iter().enumerate() {
                if !reading.reports.contains_key(&urgent_id) {
                    self.complain(Broken::Lost, || format!("node {node} knows no urgent {number}, {urgent_id}, which it acknowledged"));
                }
                let listed: Vec<UrgentId> = reading.raised.iter().filter(|(of, _)| *of == number).map(|(_, id)| *id).collect();
                match listed.as_slice() {
                    [one] if *one == urgent_id => {}
                    [] => self.complain(Broken::Lost, || format!("urgent {number} is not in the list of who raised it, on node {node}")),
                    _ => {
                        self.complain(Broken::Doubled, || format!("urgent {number}, {urgent_id}, is {listed:?} in the list of node {node}"))
                    }
                }
            }
        }
        for (node, reading) in readings.iter().enumerate() {
            for (number, urgent_id) in reading.raised.iter().filter(|(number, _)| *number >= history.stories.len()) {
                self.complain(Broken::Invented, || format!("node {node} lists an urgent {urgent_id} with the number {number}"));
            }
        }
    }

    /// Where people stand, and what they have before the eyes.
    fn judge_people(&mut self, one: &One, reading: &Reading) {
        let One { number, story, urgent_id, report, node, .. } = one;
        let audience = story.audience();
        let listed: BTreeSet<&String> = report.people.iter().map(|(user, _)| user).collect();
        if report.sum() != audience || report.people.len() as u32 != audience || listed.len() as u32 != audience {
            self.complain(Broken::Totals, || {
                format!(
                    "urgent {number} is for {audience} people; on node {node} the counts sum up to {}, and {} places have {} people",
                    report.sum(),
                    report.people.len(),
                    listed.len()
                )
            });
        }
        let counts = &report.counts;
        for (standing, count) in [
            (UrgentStanding::Pending, counts.pending),
            (UrgentStanding::Delivered, counts.delivered),
            (UrgentStanding::Shown, counts.shown),
            (UrgentStanding::Confirmed, counts.confirmed),
            (UrgentStanding::Failed, counts.failed),
        ] {
            let listed = report.people.iter().filter(|(_, at)| *at == standing).count() as u32;
            if listed != count {
                self.complain(Broken::Totals, || {
                    format!("urgent {number} on node {node}: {count} are {standing:?}, and {listed} are listed")
                });
            }
        }
        let over = report.over_ms();
        for (user, person) in story.asked() {
            let standing = report.people.iter().find(|(listed, _)| listed == user).map(|(_, standing)| *standing);
            let confirmed = standing == Some(UrgentStanding::Confirmed);
            if standing.is_none() {
                self.complain(Broken::LeftOut, || format!("{user} is nowhere in urgent {number} on node {node}"));
            }
            if person.confirm_acked_ms.is_some() && !confirmed {
                self.complain(Broken::Lost, || format!("{user} has confirmed urgent {number}, and node {node} says {standing:?}"));
            }
            if confirmed && (person.confirm_asked_ms.is_none() || person.confirm_refused) {
                self.complain(Broken::Invented, || format!("{user} has not confirmed urgent {number}, and node {node} says so"));
            }
            let left_ms = person.left_noticed_ms(&one.history.kills).filter(|left_ms| over.is_none_or(|over_ms| *left_ms < over_ms));
            if left_ms.is_some() && !matches!(standing, Some(UrgentStanding::Failed | UrgentStanding::Confirmed)) {
                self.complain(Broken::Lost, || format!("{user} has left the group of urgent {number}, and node {node} says {standing:?}"));
            }
            if standing == Some(UrgentStanding::Failed) && person.leave_asked_ms.is_none() {
                self.complain(Broken::Invented, || format!("{user} has not left the group of urgent {number}, and node {node} says so"));
            }
            let before_eyes = reading.open.get(user).is_some_and(|open| open.contains(urgent_id));
            let asked = over.is_none() && !matches!(standing, Some(UrgentStanding::Failed | UrgentStanding::Confirmed));
            if before_eyes && !asked {
                self.complain(Broken::Reminded, || {
                    format!("{user}, {standing:?}, still has urgent {number} before the eyes on node {node}")
                });
            }
            if asked && !before_eyes {
                self.complain(Broken::LeftOut, || {
                    format!("{user}, {standing:?}, does not have urgent {number} before the eyes on node {node}")
                });
            }
            if confirmed != reading.confirmed.get(user).is_some_and(|list| list.contains(urgent_id)) {
                self.complain(Broken::Different, || {
                    format!("{user} is {standing:?} of urgent {number} on node {node}, the own list says otherwise")
                });
            }
        }
        for (user, _) in report.people.iter().filter(|(user, _)| story.people.get(user).is_none_or(|person| person.act.is_none())) {
            self.complain(Broken::Invented, || format!("urgent {number} is for {user} on node {node}, who is not in its group"));
        }
    }

    /// How it ended.
    fn judge_end(&mut self, one: &One) {
        let One { history, number, story, report, node, .. } = one;
        let over = report.counts.over;
        if over != report.timeline.iter().find_map(|deed| deed.over) {
            self.complain(Broken::Different, || {
                format!("urgent {number} on node {node}: over {over:?} by its counts, otherwise by its timeline")
            });
        }
        let all_done = story.asked().all(|(_, person)| person.confirm_acked_ms.is_some() || person.leave_acked_ms.is_some());
        let none_open = report.people.iter().all(|(_, standing)| matches!(standing, UrgentStanding::Confirmed | UrgentStanding::Failed));
        let deadline_ms = story.deadline_ms.map(|after_ms| report.raised_at_ms + after_ms);
        match over {
            None => {
                if story.stop.is_some_and(|stop| stop.acked_ms.is_some()) {
                    self.complain(Broken::Lost, || format!("urgent {number} was ended, and is not over on node {node}"));
                }
                if all_done {
                    self.complain(Broken::Lost, || format!("nobody is open in urgent {number}, and it is not over on node {node}"));
                }
                if deadline_ms.is_some_and(|deadline_ms| deadline_ms + BEGUN_WITHIN_MS < history.settled_ms) {
                    self.complain(Broken::Lost, || {
                        format!("the deadline of urgent {number} has passed, and it is not over on node {node}")
                    });
                }
            }
            Some(why) => {
                let right = match why {
                    UrgentOverWhy::Confirmed => none_open,
                    UrgentOverWhy::Expired => deadline_ms.is_some_and(|at_ms| report.over_ms().is_some_and(|over_ms| over_ms >= at_ms)),
                    why => story.stop.is_some_and(|stop| stop.why == why),
                };
                if !right {
                    self.complain(Broken::Invented, || {
                        format!("urgent {number} is over on node {node}, {why:?}, and nothing has ended it")
                    });
                }
            }
        }
    }

    /// Whom it was shown, and when.
    fn judge_told(&mut self, one: &One) {
        let One { history, number, story, report, .. } = one;
        let over_ms = report.over_ms().unwrap_or(u64::MAX);
        let reminders: Vec<u64> = report.steps().filter(|deed| deed.way == Some(UrgentWay::Remind)).map(|deed| deed.at_ms).collect();
        for (user, person) in &story.people {
            if person.act.is_none() {
                self.complain(Broken::Invented, || format!("urgent {number} was shown to {user}, who is not in its group"));
                continue;
            }
            if person.first_told_ms.is_none() && person.open_at(history.settled_ms) && over_ms > history.settled_ms {
                self.complain(Broken::LeftOut, || format!("urgent {number} was never shown to {user}"));
            }
            if person.last_told_ms.is_some_and(|at_ms| at_ms > over_ms.saturating_add(ON_ITS_WAY_MS)) {
                self.complain(Broken::Reminded, || format!("urgent {number} was shown to {user} after its end"));
            }
            for told in &person.told_later {
                let step_ms = told.reminder.checked_sub(1).and_then(|reminder| reminders.get(reminder as usize)).copied();
                if let Some(after_ms) = person.reminded_after(told.at_ms, step_ms, &history.kills) {
                    self.complain(Broken::Reminded, || {
                        format!(
                            "urgent {number} was shown to {user} {after_ms} ms after that was over for {user}; its reminder {} began at {step_ms:?}",
                            told.reminder
                        )
                    });
                }
            }
        }
        let ways = || report.steps().filter_map(|deed| deed.way);
        if ways().any(|way| way == UrgentWay::Manager) && over_ms > history.settled_ms {
            let led: BTreeSet<&String> = story
                .asked()
                .filter(|(_, person)| person.open_at(history.settled_ms))
                .filter_map(|(user, _)| history.leaders.get(user))
                .collect();
            for manager in led {
                if !history.managers_told.iter().any(|told| told.number == *number && told.manager == *manager) {
                    self.complain(Broken::LeftOut, || format!("the manager {manager} was never told of urgent {number}"));
                }
            }
        }
        for told in history.managers_told.iter().filter(|told| told.number == *number) {
            let manager = &told.manager;
            if !ways().any(|way| way == UrgentWay::Manager) {
                self.complain(Broken::Early, || format!("{manager} was told of urgent {number} before that step"));
            }
            let done_ms = history.managers_done.get(&(*number, manager.clone()));
            if done_ms.is_some_and(|done_ms| told.at_ms > done_ms + ON_ITS_WAY_MS) {
                self.complain(Broken::Reminded, || format!("{manager}, who had taken urgent {number} off the screen, was told of it"));
            }
            for user in &told.about {
                let acked_ms = story.people.get(user).and_then(|person| person.confirm_acked_ms);
                if acked_ms.is_some_and(|acked_ms| told.at_ms > acked_ms + ON_ITS_WAY_MS) {
                    self.complain(Broken::Reminded, || format!("{manager} was told of urgent {number} that {user} had not confirmed"));
                }
                if history.leaders.get(user) != Some(manager) {
                    self.complain(Broken::Invented, || format!("{manager} was told of urgent {number} for {user}, who is led by another"));
                }
            }
        }
    }

    /// Each step in its order, at its time, for those who are open.
    fn judge_steps(&mut self, one: &One) {
        let One { history, number, story, report, .. } = one;
        let begun: Vec<&UrgentDeed> = report.steps().collect();
        for (step, deed) in begun.iter().enumerate() {
            let Some((after_ms, way)) = story.rungs.get(step) else {
                self.complain(Broken::Invented, || format!("urgent {number} has no step {step}, and it was done"));
                continue;
            };
            if deed.way != Some(*way) {
                self.complain(Broken::Skipped, || format!("step {step} of urgent {number} is {way:?}, and {:?} was done", deed.way));
            }
            if deed.at_ms < report.raised_at_ms + after_ms {
                self.complain(Broken::Early, || {
                    format!("step {step} of urgent {number} began {} ms too soon", report.raised_at_ms + after_ms - deed.at_ms)
                });
            }
            let at_most = story.asked().filter(|(_, person)| !person.gone_at(deed.at_ms));
            let at_least = story.asked().filter(|(_, person)| person.open_at(deed.at_ms));
            let (at_least, at_most) = if *way == UrgentWay::Manager {
                let led =
                    |people: Vec<&String>| people.into_iter().filter_map(|user| history.leaders.get(user)).collect::<BTreeSet<_>>().len();
                (led(at_least.map(|(user, _)| user).collect()), led(at_most.map(|(user, _)| user).collect()))
            } else {
                (at_least.count(), at_most.count())
            };
            if (deed.people as usize) < at_least {
                self.complain(Broken::LeftOut, || {
                    format!("step {step} of urgent {number}, {way:?}, was for {} people; {at_least} were open", deed.people)
                });
            }
            if deed.people as usize > at_most {
                self.complain(Broken::Reminded, || {
                    format!("step {step} of urgent {number}, {way:?}, was for {} people; only {at_most} can have been open", deed.people)
                });
            }
            if deed.reached + deed.failed > deed.people {
                self.complain(Broken::Totals, || format!("step {step} of urgent {number} has more outcomes than people: {deed:?}"));
            }
        }
        // What was due long enough before it was over, or before everything had been done, must have begun.
        let until_ms =
            report.over_ms().map_or(history.settled_ms, |over_ms| over_ms.min(history.settled_ms).saturating_sub(BEGUN_WITHIN_MS));
        let due = story.rungs.iter().filter(|(after_ms, _)| report.raised_at_ms + after_ms < until_ms).count();
        if begun.len() < due {
            self.complain(Broken::Skipped, || {
                format!("{} steps of urgent {number} have begun, and {due} were due: {:?}", begun.len(), story.rungs)
            });
        }
    }

    fn judge_sums(&mut self, history: &History) {
        let by_id: HashMap<UrgentId, &Story> = history.stories.iter().filter_map(|story| Some((story.id()?, story))).collect();
        for ((urgent_id, sum), times) in &history.sums {
            match by_id.get(urgent_id) {
                Some(story) if story.audience() == *sum => {}
                Some(story) => self.complain(Broken::Totals, || {
                    format!("{times} times the people of {urgent_id} summed up to {sum}, and there are {}", story.audience())
                }),
                None => self.complain(Broken::Invented, || format!("counts of {urgent_id}, which nobody has raised")),
            }
        }
        for (asked_ms, urgent_id, confirmed) in &history.reports {
            let Some(story) = by_id.get(urgent_id) else { continue };
            let acked =
                story.asked().filter(|(_, person)| person.confirm_acked_ms.is_some_and(|acked_ms| acked_ms + ON_ITS_WAY_MS < *asked_ms));
            let acked = acked.count() as u32;
            if *confirmed < acked {
                self.complain(Broken::Lost, || format!("{acked} had confirmed {urgent_id}, and a report told {confirmed}"));
            }
        }
    }
}

/// An urgent, as one node tells it.
struct One<'a> {
    history: &'a History,
    number: usize,
    story: &'a Story,
    urgent_id: UrgentId,
    report: &'a Report,
    node: usize,
    calls: &'a Calls,
}

impl One<'_> {
    /// Must a call of a step that began then have come to somebody by now? Whoever was open all the time, in an urgent that nobody ended.
    fn awaited(&self, person: &Person, began_ms: u64) -> bool {
        let settled_ms = self.history.settled_ms;
        let ended = self.story.stop.is_some_and(|stop| stop.asked_ms < settled_ms)
            || self.report.over_ms().is_some_and(|over_ms| over_ms < settled_ms);
        person.open_at(settled_ms) && !ended && began_ms < settled_ms
    }
}

impl Story {
    /// Those for whom it is.
    pub fn asked(&self) -> impl Iterator<Item = (&String, &Person)> {
        self.people.iter().filter(|(_, person)| person.act.is_some())
    }

    /// How many they are.
    pub fn audience(&self) -> u32 {
        self.asked().count() as u32
    }
}

impl Person {
    /// Cannot be open any more at this time: it had been acknowledged, or there was time to notice it.
    fn gone_at(&self, at_ms: u64) -> bool {
        self.confirm_acked_ms.is_some_and(|acked_ms| acked_ms < at_ms)
            || self.leave_acked_ms.is_some_and(|acked_ms| acked_ms + LEAVING_NOTICED_MS < at_ms)
    }

    /// Something that a step asked of this person came at this time: how many ms too late, when it was too late. A step that began
    /// after a confirmation was acknowledged has nothing to ask of who has confirmed; what began before may be on its way.
    fn reminded_after(&self, came_ms: u64, step_ms: Option<u64>, kills: &[u64]) -> Option<u64> {
        let too_late = |gone_ms: Option<u64>, came_until_ms: u64, begun_until_ms: u64| {
            let gone_ms = gone_ms?;
            let late = came_ms > came_until_ms || step_ms.is_some_and(|step_ms| step_ms > begun_until_ms);
            (late && came_ms > gone_ms).then(|| came_ms - gone_ms)
        };
        let confirmed_ms = self.confirm_acked_ms.unwrap_or(u64::MAX);
        let left_ms = self.leave_acked_ms.unwrap_or(u64::MAX);
        let noticed_ms = self.left_noticed_ms(kills).unwrap_or(u64::MAX);
        too_late(self.confirm_acked_ms, confirmed_ms.saturating_add(ON_ITS_WAY_MS), confirmed_ms)
            .or_else(|| too_late(self.leave_acked_ms, noticed_ms.saturating_add(ON_ITS_WAY_MS), left_ms.saturating_add(LEAVING_NOTICED_MS)))
    }

    /// When it must have been noticed that this person has left: nodes had run undisturbed for a while.
    fn left_noticed_ms(&self, kills: &[u64]) -> Option<u64> {
        let noticed_ms = self.leave_acked_ms? + LEAVING_NOTICED_MS;
        Some(kills.iter().fold(
            noticed_ms,
            |noticed_ms, killed_ms| {
                if *killed_ms <= noticed_ms { noticed_ms.max(killed_ms + UNDISTURBED_MS) } else { noticed_ms }
            },
        ))
    }
}

/// What two nodes tell that is not the same.
fn different(node: usize, first: &Reading, other: &Reading) -> String {
    let report = first.reports.iter().find(|(id, report)| other.reports.get(id) != Some(report));
    match report {
        Some((id, report)) => format!("node {node} tells of {id} {:?}, node 0 {report:?}", other.reports.get(id)),
        None => format!("node {node} has other lists than node 0"),
    }
}

#[cfg(test)]
mod tests;
