//! Those who raise urgents: each is tried until it is acknowledged, on whichever node is there, and some are raised once more, or ended.

use super::history::{Stop, now_ms};
use super::plan::RAISERS;
use super::stage::{Phase, Stage, in_ms};
use crate::caller::{Caller, NoAnswer};
use protocol::command::{CancelUrgent, GetUrgentReport, RaiseUrgent, Recall};
use protocol::error::{Advice, ErrorCode};
use protocol::event::Event;
use protocol::ids::UrgentId;
use protocol::urgent::{EveryMember, UrgentAudience, UrgentOverWhy};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

const LISTENS: Duration = Duration::from_millis(50);
/// Before something that has failed is tried again.
const BEFORE_AGAIN_MS: u64 = 100;
/// How often a report is asked for on the way.
const REPORT_EVERY_MS: u64 = 400;

/// Something to be done for an urgent.
#[derive(Debug, Clone, Copy)]
enum Job {
    Raise,
    RaiseAgain,
    Stop(UrgentOverWhy),
}

struct Raiser<'a> {
    stage: &'a Stage,
    caller: Option<Caller>,
    rng: StdRng,
    /// Urgents that are not to be raised yet, in their order.
    later: VecDeque<usize>,
    /// When, of which urgent, what.
    jobs: Vec<(u64, usize, Job)>,
    mine: Vec<(usize, UrgentId)>,
    report_ms: u64,
}

/// Raises what the plan has for this one until the run is over.
pub fn live(stage: &Stage, number: u32) {
    let later = (0..stage.plan.urgents.len()).filter(|urgent| stage.plan.urgents[*urgent].raiser == number).collect();
    let rng = StdRng::seed_from_u64(stage.seed ^ 0x7261_6973_6572 ^ (u64::from(number) << 48));
    let mut raiser = Raiser { stage, caller: None, rng, later, jobs: Vec::new(), mine: Vec::new(), report_ms: 0 };
    let identity = &stage.identities[(super::plan::MANAGERS + number % RAISERS) as usize];
    while !stage.reached(Phase::Over) {
        if raiser.caller.is_none() {
            raiser.caller = stage.enter_anywhere(identity, "raiser", &mut raiser.rng);
        }
        if raiser.hear().and_then(|()| raiser.go_on()).and_then(|()| raiser.look()).is_err() {
            raiser.caller = None;
        }
    }
}

impl Raiser<'_> {
    fn hear(&mut self) -> Result<(), NoAnswer> {
        let Some(caller) = &mut self.caller else { return Ok(()) };
        for event in caller.listen(LISTENS)? {
            if let Event::UrgentCounts(counts) = event {
                self.stage.history().note_counts(&counts);
            }
        }
        Ok(())
    }

    /// Does what is due.
    fn go_on(&mut self) -> Result<(), NoAnswer> {
        while let Some(number) = self.later.front().copied() {
            let planned = &self.stage.plan.urgents[number];
            if self.stage.kills.load(Ordering::Acquire) < planned.after_kills {
                break;
            }
            self.later.pop_front();
            self.jobs.push((in_ms(planned.delay_ms), number, Job::Raise));
        }
        let now = now_ms();
        for at in 0..self.jobs.len() {
            let (due_ms, number, job) = self.jobs[at];
            if due_ms > now || self.caller.is_none() {
                continue;
            }
            self.jobs[at].0 = in_ms(BEFORE_AGAIN_MS);
            let done = match job {
                Job::Raise | Job::RaiseAgain => self.raise(number, matches!(job, Job::Raise))?,
                Job::Stop(why) => self.stop(number, why)?,
            };
            if done {
                self.jobs[at].0 = u64::MAX;
            }
        }
        self.jobs.retain(|(due_ms, ..)| *due_ms != u64::MAX);
        Ok(())
    }

    fn raise(&mut self, number: usize, first: bool) -> Result<bool, NoAnswer> {
        let planned = &self.stage.plan.urgents[number];
        self.stage.history().stories[number].raise_asked_ms.get_or_insert(now_ms());
        let raise = RaiseUrgent {
            message_id: self.stage.grounds[number].1,
            client_message_id: format!("urgent {number}"),
            audience: UrgentAudience::Everyone(EveryMember {}),
            ladder: planned.ladder.clone(),
            deadline_ms: planned.deadline_ms,
            break_quiet_hours: false,
        };
        match self.ask(&raise) {
            Ok(raised) => {
                let told = (raised.urgent_id, raised.audience_count, raised.left_out_count);
                self.stage.history().stories[number].raised.push(told);
                if first {
                    self.mine.push((number, raised.urgent_id));
                    let stop = planned.ending.stop().map(|(after_ms, why)| (in_ms(after_ms), number, Job::Stop(why)));
                    let again = planned.again_ms.map(|after_ms| (in_ms(after_ms), number, Job::RaiseAgain));
                    self.jobs.extend(stop.into_iter().chain(again));
                }
                Ok(true)
            }
            Err(NoAnswer::Refused(error)) => {
                // The first must be taken, and another one of the same is the same, whatever became of the message meanwhile.
                let for_ever = ErrorCode::from_number(error.code).is_none_or(|code| code.advice() == Advice::Stop);
                if for_ever {
                    let why = format!("{}: {}, {}", error.code, error.what, error.why);
                    self.stage.history().stories[number].raise_refused.get_or_insert(why);
                }
                Ok(for_ever)
            }
            Err(unknown) => Err(unknown),
        }
    }

    fn stop(&mut self, number: usize, why: UrgentOverWhy) -> Result<bool, NoAnswer> {
        let Some((urgent_id, ..)) = self.stage.history().stories[number].raised.first().copied() else { return Ok(false) };
        self.stage.history().stories[number].stop.get_or_insert(Stop { why, asked_ms: now_ms(), acked_ms: None });
        let answer = match why {
            UrgentOverWhy::Recalled => self.ask(&Recall { message_id: self.stage.grounds[number].1 }).map(drop),
            _ => self.ask(&CancelUrgent { urgent_id }).map(drop),
        };
        let over = |code: u16| code == ErrorCode::UrgentOver.number() || code == ErrorCode::MessageRecalled.number();
        match answer {
            Ok(()) => {}
            // An earlier try has done it, or all had confirmed.
            Err(NoAnswer::Refused(error)) if over(error.code) => {}
            Err(NoAnswer::Refused(_)) => return Ok(false),
            Err(unknown) => return Err(unknown),
        }
        self.stage.history().stories[number].stop.iter_mut().for_each(|stop| stop.acked_ms = Some(now_ms()));
        Ok(true)
    }

    /// Asks for a report now and then: it must be right at any time.
    fn look(&mut self) -> Result<(), NoAnswer> {
        if self.mine.is_empty() || self.caller.is_none() || now_ms() < self.report_ms {
            return Ok(());
        }
        self.report_ms = in_ms(REPORT_EVERY_MS);
        // Mostly one of the last, of which something is still to be done.
        let lately = self.mine.len().saturating_sub(8);
        let (_, urgent_id) = self.mine[self.rng.random_range(lately..self.mine.len())];
        let asked_ms = now_ms();
        match self.ask(&GetUrgentReport { urgent_id }) {
            Ok(report) => {
                let mut history = self.stage.history();
                if let Some(counts) = &report.urgent.counts {
                    history.note_counts(counts);
                    history.reports.push((asked_ms, urgent_id, counts.confirmed));
                }
                Ok(())
            }
            Err(NoAnswer::Refused(_)) => Ok(()),
            Err(unknown) => Err(unknown),
        }
    }

    fn ask<C: protocol::command::CommandBody>(&mut self, body: &C) -> Result<C::Reply, NoAnswer> {
        let caller = self.caller.as_mut().ok_or_else(|| NoAnswer::Unknown("there is no session".to_owned()))?;
        caller.ask(body)
    }
}
