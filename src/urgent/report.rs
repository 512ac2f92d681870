//! The report: how many stand where, live; who; what was done when.

use super::Urgents;
use super::person::in_a_word;
use super::show::Told;
use super::state::{Counts, Urgent};
use super::times::PersonTimes;
use crate::error::{Error, Result};
use crate::ids::{ChatKey, Seal};
use crate::limits;
use crate::session::LatestKey;
use protocol::command::{GetUrgentPeople, GetUrgentReport, UrgentPersonPage, UrgentReport};
use protocol::event::Event;
use protocol::urgent::{UrgentCounts, UrgentDeed, UrgentNotReached, UrgentPerson, UrgentStanding, UrgentWay};
use roaring::RoaringBitmap;

/// How many stand where, as it is told.
pub(super) fn counts_of(seal: &Seal, urgent: &Urgent) -> UrgentCounts {
    let Counts { pending, delivered, shown, confirmed, failed } = urgent.counts();
    UrgentCounts {
        urgent_id: seal.urgent_id(ChatKey(urgent.key)),
        pending: pending as u32,
        delivered: delivered as u32,
        shown: shown as u32,
        confirmed: confirmed as u32,
        failed: failed as u32,
        over: urgent.over.map(|(why, _)| why),
    }
}

impl Urgents {
    /// Counts that have changed since the last call, for those who have raised the urgents.
    pub fn counts_changed(&self) -> Vec<Told> {
        let changed: Vec<ChatKey> = self.counted.iter().map(|key| *key).take(limits::URGENT_COUNTS_AT_ONCE).collect();
        let told = changed.into_iter().filter_map(|key| {
            self.counted.remove(&key);
            let cell = self.in_memory(key)?;
            cell.with(|urgent| Told {
                people: RoaringBitmap::from_iter([urgent.by]),
                event: Event::UrgentCounts(counts_of(&self.chats.seal, urgent)),
                latest: Some(LatestKey::Urgent(key.0)),
            })
        });
        told.collect()
    }

    /// What became of an urgent, for who has raised it and the owner and the managers of its group.
    ///
    /// # Errors
    /// `UrgentNotFound`.
    pub async fn report(&self, user: u32, command: GetUrgentReport) -> Result<UrgentReport> {
        let cell = self.reported(user, command.urgent_id).await?;
        let urgent = self.seen_by_who_asks(&cell, user).await?.ok_or_else(Error::urgent_not_found)?;
        let (ladder, timeline, next_step_at_ms) = cell
            .with(|urgent| (urgent.ladder.clone(), timeline(urgent), urgent.next_step().map(|(_, _, due_ms)| due_ms)))
            .ok_or_else(Error::urgent_not_found)?;
        Ok(UrgentReport { urgent, ladder, timeline, next_step_at_ms })
    }

    /// Who stands where with an urgent, in pages.
    ///
    /// # Errors
    /// `UrgentNotFound`; `InvalidValue`: a page that is none; `StorageUnavailable`: the times cannot be read now.
    pub async fn people(&self, user: u32, command: GetUrgentPeople) -> Result<UrgentPersonPage> {
        let cell = self.reported(user, command.urgent_id).await?;
        let limit = command.limit.unwrap_or(limits::PAGE_MAX).clamp(1, limits::PAGE_MAX) as usize;
        let after = match command.page.as_deref().map(str::parse::<u32>) {
            None => None,
            Some(Ok(after)) => Some(after),
            Some(Err(_)) => return Err(Error::invalid("page", "it is not a `next` of this list")),
        };
        let found = cell.with(|urgent| {
            let all = urgent.people_at(command.standing);
            let mut users: Vec<u32> = all.range(after.map_or(0, |after| after.saturating_add(1))..).take(limit + 1).collect();
            let more = users.len() > limit;
            users.truncate(limit);
            let whys: Vec<Option<Why>> = users.iter().map(|user| why(urgent, *user, command.standing)).collect();
            (users, whys, more, all.len() as u32)
        });
        let (users, whys, more, total) = found.ok_or_else(Error::urgent_not_found)?;
        let times = if command.times { self.times(&cell, &users).await? } else { vec![PersonTimes::default(); users.len()] };
        let next = users.last().filter(|_| more).map(u32::to_string);
        let people = users.into_iter().zip(whys).zip(times).map(|((user, why), times)| {
            let PersonTimes { delivered_at_ms, shown_at_ms, confirmed_at_ms } = times;
            let person = self.chats.directory.card(user);
            let (failed_way, reason, why) = why.map_or((None, None, None), |Why { way, reason, words }| (way, Some(reason), Some(words)));
            UrgentPerson { person, why, delivered_at_ms, shown_at_ms, confirmed_at_ms, failed_way, reason }
        });
        Ok(UrgentPersonPage { people: people.collect(), total, next })
    }
}

/// What failed for somebody.
struct Why {
    way: Option<UrgentWay>,
    reason: UrgentNotReached,
    words: String,
}

fn why(urgent: &Urgent, user: u32, standing: UrgentStanding) -> Option<Why> {
    if standing == UrgentStanding::Failed {
        return Some(Why { way: None, reason: UrgentNotReached::Left, words: "left the chat or the organisation".into() });
    }
    urgent.attempts.iter().rev().find_map(|(step, attempt)| {
        let way = urgent.way_of(*step)?;
        let why = attempt.failed.get(&user)?;
        Some(Why { way: Some(way), reason: in_a_word(why).0, words: format!("{}: {why}", way.word()) })
    })
}

/// What was done, in the order of time.
fn timeline(urgent: &Urgent) -> Vec<UrgentDeed> {
    let audience = urgent.audience.len() as u32;
    let raised = UrgentDeed { at_ms: urgent.raised_at_ms, way: None, people: audience, reached: audience, failed: 0, over: None };
    let plan = urgent.plan();
    let steps = urgent.attempts.iter().filter_map(|(step, attempt)| {
        let way = plan.get(*step as usize)?.way;
        let people = attempt.people.len() as u32;
        // What this server does itself reaches whoever comes.
        let own = matches!(way, UrgentWay::Remind | UrgentWay::Manager);
        let reached = if own { people } else { attempt.reached.len() as u32 };
        Some(UrgentDeed { at_ms: attempt.at_ms, way: Some(way), people, reached, failed: attempt.failed.len() as u32, over: None })
    });
    let over =
        urgent.over.map(|(why, at_ms)| UrgentDeed { at_ms, way: None, people: audience, reached: audience, failed: 0, over: Some(why) });
    std::iter::once(raised).chain(steps).chain(over).collect()
}
