//! What is to be waited for before there is a reckoning.

use super::super::history::History;
use super::super::plan::Act;
use super::ON_ITS_WAY_MS;
use super::calls::{Calls, is_paid};
use protocol::urgent::UrgentWay;

/// What is still to come, in words; None: everything was done that is done while people do not confirm.
pub fn awaited(history: &History, now_ms: u64) -> Option<String> {
    let calls = Calls::of(history);
    for (number, story) in history.stories.iter().enumerate() {
        let (Some(urgent_id), Some(asked_ms)) = (story.id(), story.raise_asked_ms) else {
            return Some(format!("urgent {number} is not raised yet"));
        };
        if story.stop.is_some_and(|stop| stop.acked_ms.is_none()) {
            return Some(format!("urgent {number} is not ended yet"));
        }
        // It was raised some time after that was asked, a crash or two later.
        let raised_ms = story.people.values().filter_map(|person| person.first_told_ms).min().unwrap_or(asked_ms);
        let last_ms = story.rungs.iter().map(|(after_ms, _)| *after_ms).max().unwrap_or(0);
        let ends_ms = story.deadline_ms.map_or(0, |deadline_ms| deadline_ms + ON_ITS_WAY_MS);
        if now_ms < raised_ms + last_ms.max(ends_ms) + ON_ITS_WAY_MS {
            return Some(format!("urgent {number} goes on"));
        }
        if story.stop.is_some() || story.deadline_ms.is_some() {
            continue;
        }
        for (user, person) in story.asked() {
            if !person.acted() && person.act != Some(Act::ConfirmsLast) {
                return Some(format!("{user} has not done {:?} of urgent {number}", person.act));
            }
            if !person.open_at(u64::MAX) {
                continue;
            }
            for (step, (_, way)) in story.rungs.iter().enumerate().filter(|(_, (_, way))| is_paid(*way)) {
                let unreachable = *way != UrgentWay::Push && history.without_number.contains(user);
                if !unreachable && !calls.answered(urgent_id, step as u32, user) {
                    return Some(format!("step {step} of urgent {number}, {way:?}, has not gone to {user}"));
                }
            }
        }
    }
    None
}
