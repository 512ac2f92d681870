//! What was done for one person of an urgent, and when. Nobody's attempts are kept in memory: the records are walked when it is asked.

use super::Urgents;
use super::paid::{NO_NUMBER, OVER_QUOTA};
use super::state::{Rung, Urgent};
use crate::chat::members::bitmap_of;
use crate::error::{Error, Result};
use crate::log::Record;
use crate::log::record::Change;
use crate::log::urgent::UrgentChange;
use protocol::command::{GetUrgentPerson, UrgentPersonReport};
use protocol::urgent::{UrgentAttempt, UrgentNotReached, UrgentOutcome, UrgentOverWhy, UrgentStanding, UrgentWay};

/// What the records of an urgent say of one person. Pure.
struct PersonTimeline {
    user: u32,
    /// Who is asked by steps to the manager.
    manager: Option<u32>,
    plan: Vec<Rung>,
    delivered_at_ms: Option<u64>,
    shown_at_ms: Option<u64>,
    confirmed_at_ms: Option<u64>,
    left_at_ms: Option<u64>,
    over: Option<(UrgentOverWhy, u64)>,
    attempts: Vec<UrgentAttempt>,
}

fn holds(people: &[u8], user: u32) -> bool {
    !people.is_empty() && bitmap_of(people).contains(user)
}

impl PersonTimeline {
    fn new(urgent: &Urgent, user: u32, manager: Option<u32>) -> Self {
        Self {
            user,
            manager,
            plan: urgent.plan(),
            delivered_at_ms: None,
            shown_at_ms: None,
            confirmed_at_ms: None,
            left_at_ms: None,
            over: None,
            attempts: Vec::new(),
        }
    }

    /// Goes on by the next record.
    fn follow(&mut self, record: &Record) {
        let (user, at_ms) = (self.user, record.at_ms);
        let Change::Urgent(change) = &record.change else { return };
        match change {
            UrgentChange::Raised(_) => {}
            UrgentChange::Moved(moves) => {
                for (went_at_ms, moved) in [
                    (&mut self.delivered_at_ms, &moves.delivered),
                    (&mut self.shown_at_ms, &moves.shown),
                    (&mut self.confirmed_at_ms, &moves.confirmed),
                    (&mut self.left_at_ms, &moves.left),
                ] {
                    if went_at_ms.is_none() && holds(moved, user) {
                        *went_at_ms = Some(at_ms);
                    }
                }
            }
            UrgentChange::Step { step, managers, refused } => {
                let attempt = self.begun(*step, at_ms, managers, refused);
                self.attempts.extend(attempt);
            }
            UrgentChange::Attempted { step, reached, failed } => {
                let waits = |attempt: &&mut UrgentAttempt| attempt.step == *step && attempt.outcome == UrgentOutcome::Waiting;
                let Some(attempt) = self.attempts.iter_mut().find(waits) else { return };
                if let Some((_, why)) = failed.iter().find(|(failed, _)| *failed == user) {
                    ended(attempt, UrgentOutcome::Failed, at_ms);
                    because(attempt, why);
                } else if holds(reached, user) {
                    ended(attempt, UrgentOutcome::Reached, at_ms);
                }
            }
            UrgentChange::Over { why } => _ = self.over.get_or_insert((*why, at_ms)),
        }
    }

    /// A step has begun.
    fn begun(&self, step: u32, at_ms: u64, managers: &[u8], refused: &[(u32, String)]) -> Option<UrgentAttempt> {
        let way = self.plan.get(step as usize)?.way;
        let mut attempt = UrgentAttempt { step, way, at_ms, ..UrgentAttempt::default() };
        if let Some((_, why)) = self.gone() {
            not_done(&mut attempt, why, at_ms);
        } else if way == UrgentWay::Manager {
            match self.manager {
                Some(manager) if holds(managers, manager) => ended(&mut attempt, UrgentOutcome::Reached, at_ms),
                _ => not_done(&mut attempt, UrgentNotReached::NoManager, at_ms),
            }
        } else if let Some((_, why)) = refused.iter().find(|(refused, _)| *refused == self.user) {
            ended(&mut attempt, UrgentOutcome::NotDone, at_ms);
            because(&mut attempt, why);
        }
        Some(attempt)
    }

    /// The person is no longer asked, since when and why.
    fn gone(&self) -> Option<(u64, UrgentNotReached)> {
        let confirmed = self.confirmed_at_ms.map(|at_ms| (at_ms, UrgentNotReached::Confirmed));
        let left = self.left_at_ms.map(|at_ms| (at_ms, UrgentNotReached::Left));
        confirmed.or(left).or(self.over.map(|(_, at_ms)| (at_ms, UrgentNotReached::Over)))
    }

    fn standing(&self) -> UrgentStanding {
        match self {
            Self { confirmed_at_ms: Some(_), .. } => UrgentStanding::Confirmed,
            Self { left_at_ms: Some(_), .. } => UrgentStanding::Failed,
            Self { shown_at_ms: Some(_), .. } => UrgentStanding::Shown,
            Self { delivered_at_ms: Some(_), .. } => UrgentStanding::Delivered,
            _ => UrgentStanding::Pending,
        }
    }

    /// What became of steps that no record tells of, after the last one. `held_back`: steps that cost something wait now.
    fn finish(&mut self, held_back: bool) {
        let (gone, delivered_at_ms) = (self.gone(), self.delivered_at_ms);
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.outcome == UrgentOutcome::Waiting) {
            let began_at_ms = attempt.at_ms;
            match (attempt.way, delivered_at_ms, gone) {
                // The pop-up stands before whoever has it; who comes later is shown it then.
                (UrgentWay::Remind, Some(at_ms), _) => ended(attempt, UrgentOutcome::Reached, at_ms.max(began_at_ms)),
                (_, _, Some((at_ms, why))) => not_done(attempt, why, at_ms.max(began_at_ms)),
                (UrgentWay::Remind, None, None) => attempt.why = Some(UrgentNotReached::NoDevice),
                (UrgentWay::Sms | UrgentWay::Phone, _, None) if held_back => attempt.why = Some(UrgentNotReached::QuietHours),
                _ => {}
            }
        }
    }
}

fn ended(attempt: &mut UrgentAttempt, outcome: UrgentOutcome, at_ms: u64) {
    attempt.outcome = outcome;
    attempt.outcome_at_ms = Some(at_ms);
}

fn not_done(attempt: &mut UrgentAttempt, why: UrgentNotReached, at_ms: u64) {
    ended(attempt, UrgentOutcome::NotDone, at_ms);
    attempt.why = Some(why);
}

fn because(attempt: &mut UrgentAttempt, why: &str) {
    let (why, detail) = in_a_word(why);
    attempt.why = Some(why);
    attempt.detail = detail.map(str::to_owned);
}

/// Why a step failed, from what a record says of it, and what else the provider has said.
pub(super) fn in_a_word(why: &str) -> (UrgentNotReached, Option<&str>) {
    match why {
        OVER_QUOTA => (UrgentNotReached::Quota, None),
        NO_NUMBER => (UrgentNotReached::NoNumber, None),
        other => (UrgentNotReached::Refused, Some(other)),
    }
}

impl Urgents {
    /// What was done for one person of an urgent, and when the person went on. For who may see its report.
    ///
    /// # Errors
    /// `UrgentNotFound`; `InvalidValue`: it is not for this person; `StorageUnavailable`: its records cannot be read now.
    pub async fn person(&self, user: u32, command: GetUrgentPerson) -> Result<UrgentPersonReport> {
        let cell = self.reported(user, command.urgent_id).await?;
        let directory = &self.chats.directory;
        let person = directory.index(&command.user_id);
        let person = person.filter(|person| cell.with(|urgent| urgent.audience.contains(*person)) == Some(true));
        let person = person.ok_or_else(|| Error::invalid("user_id", "the urgent was not raised for this person"))?;
        let manager = self.manager_of(person);
        let (seq, raised_at_ms, held_back, mut timeline) = cell
            .with(|urgent| {
                let held_back = self.quiet_now() && !urgent.breaks_quiet_hours;
                (urgent.seq, urgent.raised_at_ms, held_back, PersonTimeline::new(urgent, person, manager))
            })
            .ok_or_else(Error::urgent_not_found)?;
        self.walk(cell.key, 0, seq, |record| timeline.follow(record)).await?;
        timeline.finish(held_back);
        let standing = timeline.standing();
        let PersonTimeline { delivered_at_ms, shown_at_ms, confirmed_at_ms, left_at_ms, over, mut attempts, .. } = timeline;
        let asked = |attempt: &&mut UrgentAttempt| attempt.way == UrgentWay::Manager && attempt.outcome == UrgentOutcome::Reached;
        for attempt in attempts.iter_mut().filter(asked) {
            attempt.manager = manager.map(|manager| directory.card(manager));
        }
        Ok(UrgentPersonReport {
            person: directory.card(person),
            standing,
            raised_at_ms,
            delivered_at_ms,
            shown_at_ms,
            confirmed_at_ms,
            left_at_ms,
            over: over.map(|(why, _)| why),
            over_at_ms: over.map(|(_, at_ms)| at_ms),
            attempts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::members::bitmap_bytes;
    use crate::log::urgent::{UrgentMoves, UrgentRaised};
    use UrgentNotReached as Why;
    use UrgentOutcome::{Failed, NotDone, Reached, Waiting};
    use protocol::urgent::UrgentStep;

    const ANNA: u32 = 1;
    const BERT: u32 = 2;
    const CHIEF: u32 = 8;

    /// Records of an urgent for Anna and Bert, each a second after the one before.
    struct Records(Vec<Record>);

    impl Records {
        fn of(ways: &[UrgentWay]) -> Self {
            let step = |(number, way): (usize, &UrgentWay)| {
                let after_ms = 10_000 * (number as u64 + 1);
                UrgentStep { way: *way, after_ms, every_ms: None, times: None }
            };
            let raised = UrgentRaised {
                chat: 1,
                target: 2,
                client_message_id: "u".into(),
                audience: people([ANNA, BERT]),
                ladder: ways.iter().enumerate().map(step).collect(),
                deadline_at_ms: 1_000_000,
                breaks_quiet_hours: false,
            };
            Self(Vec::new()).then(UrgentChange::Raised(Box::new(raised)))
        }

        fn then(mut self, change: UrgentChange) -> Self {
            let seq = self.0.len() as u64 + 1;
            self.0.push(Record { chat: 7, seq, position: 0, at_ms: seq * 1_000, by: 99, change: Change::Urgent(change) });
            self
        }

        fn moved(self, moves: UrgentMoves) -> Self {
            self.then(UrgentChange::Moved(moves))
        }

        fn step(self, step: u32) -> Self {
            self.then(UrgentChange::Step { step, managers: Vec::new(), refused: Vec::new() })
        }

        fn attempted(self, step: u32, reached: &[u32], failed: &[(u32, &str)]) -> Self {
            let failed = failed.iter().map(|(user, why)| (*user, (*why).to_owned())).collect();
            self.then(UrgentChange::Attempted { step, reached: people(reached.iter().copied()), failed })
        }

        /// What they say of somebody.
        fn of_person(&self, user: u32, held_back: bool) -> PersonTimeline {
            let mut urgent = Urgent::raised(&self.0[0]).unwrap();
            let mut timeline = PersonTimeline::new(&urgent, user, Some(CHIEF));
            for record in &self.0 {
                timeline.follow(record);
                urgent.follow(record);
            }
            timeline.finish(held_back);
            assert_eq!(Some(timeline.standing()), urgent.standing(user), "the records and the state say the same");
            timeline
        }
    }

    fn people(people: impl IntoIterator<Item = u32>) -> Vec<u8> {
        bitmap_bytes(&people.into_iter().collect())
    }

    /// Outcome, when it was known, and why, of each step.
    fn outcomes(timeline: &PersonTimeline) -> Vec<(UrgentOutcome, Option<u64>, Option<Why>)> {
        timeline.attempts.iter().map(|attempt| (attempt.outcome, attempt.outcome_at_ms, attempt.why)).collect()
    }

    #[test]
    fn each_step_is_told_with_what_became_of_it_for_this_person() {
        let records = Records::of(&[UrgentWay::Remind, UrgentWay::Sms, UrgentWay::Phone, UrgentWay::Manager, UrgentWay::Remind])
            .step(0)
            .moved(UrgentMoves { delivered: people([ANNA]), ..UrgentMoves::default() })
            .step(1)
            .attempted(1, &[ANNA], &[(BERT, NO_NUMBER)])
            .then(UrgentChange::Step { step: 2, managers: Vec::new(), refused: vec![(BERT, OVER_QUOTA.into())] })
            .attempted(2, &[], &[(ANNA, "the provider answered 404")])
            .then(UrgentChange::Step { step: 3, managers: people([CHIEF]), refused: Vec::new() })
            .moved(UrgentMoves { shown: people([ANNA]), confirmed: people([ANNA]), ..UrgentMoves::default() })
            .step(4)
            .then(UrgentChange::Over { why: UrgentOverWhy::Cancelled });
        let anna = records.of_person(ANNA, false);
        let went = (anna.delivered_at_ms, anna.shown_at_ms, anna.confirmed_at_ms, anna.left_at_ms);
        assert_eq!(went, (Some(3_000), Some(9_000), Some(9_000), None));
        assert_eq!(
            outcomes(&anna),
            [
                (Reached, Some(3_000), None),
                (Reached, Some(5_000), None),
                (Failed, Some(7_000), Some(Why::Refused)),
                (Reached, Some(8_000), None),
                (NotDone, Some(10_000), Some(Why::Confirmed)),
            ]
        );
        assert_eq!(anna.attempts.iter().map(|attempt| attempt.at_ms).collect::<Vec<_>>(), [2_000, 4_000, 6_000, 8_000, 10_000]);
        assert_eq!(anna.attempts[2].detail.as_deref(), Some("the provider answered 404"));
        let bert = records.of_person(BERT, false);
        assert_eq!((bert.delivered_at_ms, bert.over), (None, Some((UrgentOverWhy::Cancelled, 11_000))));
        assert_eq!(
            outcomes(&bert),
            [
                (NotDone, Some(11_000), Some(Why::Over)),
                (Failed, Some(5_000), Some(Why::NoNumber)),
                (NotDone, Some(6_000), Some(Why::Quota)),
                (Reached, Some(8_000), None),
                (NotDone, Some(11_000), Some(Why::Over)),
            ]
        );
        assert!(bert.attempts.iter().all(|attempt| attempt.detail.is_none()));
    }

    #[test]
    fn what_has_no_outcome_waits_and_says_for_what() {
        let records = Records::of(&[UrgentWay::Remind, UrgentWay::Sms, UrgentWay::Push, UrgentWay::Manager]).step(0).step(1).step(2);
        let waits = [(Waiting, None, Some(Why::NoDevice)), (Waiting, None, None), (Waiting, None, None)];
        assert_eq!(outcomes(&records.of_person(ANNA, false)), waits);
        assert_eq!(outcomes(&records.of_person(ANNA, true))[1..], [(Waiting, None, Some(Why::QuietHours)), (Waiting, None, None)]);
        // The manager of today was not asked by it; who has left is not asked any more, and nothing waits.
        let records = records
            .then(UrgentChange::Step { step: 3, managers: people([77]), refused: Vec::new() })
            .moved(UrgentMoves { left: people([ANNA]), ..UrgentMoves::default() });
        let anna = records.of_person(ANNA, true);
        let left = (NotDone, Some(6_000), Some(Why::Left));
        assert_eq!(outcomes(&anna), [left, left, left, (NotDone, Some(5_000), Some(Why::NoManager))]);
        assert_eq!(outcomes(&records.of_person(BERT, false))[0], (Waiting, None, Some(Why::NoDevice)));
    }

    #[test]
    fn a_call_that_was_on_its_way_when_the_person_confirmed_has_reached() {
        let confirmed = UrgentMoves { confirmed: people([ANNA]), ..UrgentMoves::default() };
        let records = Records::of(&[UrgentWay::Sms]).step(0).moved(confirmed);
        assert_eq!(outcomes(&records.of_person(ANNA, false)), [(NotDone, Some(3_000), Some(Why::Confirmed))]);
        let records = records.attempted(0, &[ANNA], &[]);
        assert_eq!(outcomes(&records.of_person(ANNA, false)), [(Reached, Some(4_000), None)]);
    }
}
