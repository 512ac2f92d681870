//! What a node tells of all urgents at the end.

use super::history::{Story, sum};
use crate::caller::{Caller, NoAnswer};
use crate::fleet::{Identity, Target};
use protocol::command::{GetUrgentPeople, GetUrgentReport, GetUrgents};
use protocol::error::ErrorCode;
use protocol::ids::{ChatId, UrgentId};
use protocol::urgent::{UrgentCounts, UrgentDeed, UrgentList, UrgentStanding};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Every place where somebody can stand.
pub const STANDINGS: [UrgentStanding; 5] =
    [UrgentStanding::Pending, UrgentStanding::Delivered, UrgentStanding::Shown, UrgentStanding::Confirmed, UrgentStanding::Failed];

/// What one node tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The report of each urgent; missing: there is no such urgent.
    pub reports: BTreeMap<UrgentId, Report>,
    /// Urgents in the lists of those who have raised them, with their number.
    pub raised: Vec<(usize, UrgentId)>,
    /// What each person has before the eyes.
    pub open: BTreeMap<String, BTreeSet<UrgentId>>,
    /// What each person has confirmed.
    pub confirmed: BTreeMap<String, BTreeSet<UrgentId>>,
}

/// The report of an urgent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// How many stand where.
    pub counts: UrgentCounts,
    /// When it was raised.
    pub raised_at_ms: u64,
    /// What was done.
    pub timeline: Vec<UrgentDeed>,
    /// Who stands where, as the lists say.
    pub people: Vec<(String, UrgentStanding)>,
}

impl Report {
    /// For how many it is, by its counts.
    pub fn sum(&self) -> u32 {
        sum(&self.counts)
    }

    /// What was done by steps, in their order.
    pub fn steps(&self) -> impl Iterator<Item = &UrgentDeed> {
        self.timeline.iter().filter(|deed| deed.way.is_some())
    }

    /// When it ended.
    pub fn over_ms(&self) -> Option<u64> {
        self.timeline.iter().find(|deed| deed.over.is_some()).map(|deed| deed.at_ms)
    }
}

/// Reads everything from a node. `raisers` have raised the `stories`, and `people` are those for whom they are.
pub fn read(
    target: &Target,
    stories: &[Story],
    raiser_of: impl Fn(usize) -> usize,
    raisers: &[Identity],
    people: &[Identity],
    of_chat: &HashMap<ChatId, usize>,
) -> Result<Reading, NoAnswer> {
    let mut reading = Reading::default();
    for (which, raiser) in raisers.iter().enumerate() {
        let mut caller = Caller::enter(target, raiser, "reckoning")?;
        for (_, story) in stories.iter().enumerate().filter(|(number, _)| raiser_of(*number) == which) {
            let Some(urgent_id) = story.id() else { continue };
            if let Some(report) = report(&mut caller, urgent_id)? {
                reading.reports.insert(urgent_id, report);
            }
        }
        for urgent in list(&mut caller, UrgentList::Raised)? {
            // One of a group that nobody has made would have no number.
            reading.raised.push((of_chat.get(&urgent.message.chat_id).copied().unwrap_or(usize::MAX), urgent.urgent_id));
        }
    }
    for person in people {
        let mut caller = Caller::enter(target, person, "reckoning")?;
        let ids = |urgents: Vec<protocol::urgent::Urgent>| {
            let own = urgents.into_iter().filter(|urgent| urgent.about_count == 0);
            own.map(|urgent| urgent.urgent_id).collect::<BTreeSet<_>>()
        };
        reading.open.insert(person.user.to_string(), ids(list(&mut caller, UrgentList::Open)?));
        reading.confirmed.insert(person.user.to_string(), ids(list(&mut caller, UrgentList::Confirmed)?));
    }
    Ok(reading)
}

fn report(caller: &mut Caller, urgent_id: UrgentId) -> Result<Option<Report>, NoAnswer> {
    let told = match caller.ask(&GetUrgentReport { urgent_id }) {
        Ok(told) => told,
        Err(NoAnswer::Refused(error)) if error.code == ErrorCode::UrgentNotFound.number() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut people = Vec::new();
    for standing in STANDINGS {
        let mut page = None;
        loop {
            let got = caller.ask(&GetUrgentPeople { urgent_id, standing, page: page.take(), limit: None, times: false })?;
            people.extend(got.people.into_iter().map(|one| (one.person.user_id, standing)));
            match got.next {
                Some(next) => page = Some(next),
                None => break,
            }
        }
    }
    let counts = told.urgent.counts.unwrap_or_default();
    Ok(Some(Report { counts, raised_at_ms: told.urgent.raised_at_ms, timeline: told.timeline, people }))
}

fn list(caller: &mut Caller, list: UrgentList) -> Result<Vec<protocol::urgent::Urgent>, NoAnswer> {
    let (mut urgents, mut page) = (Vec::new(), None);
    loop {
        let got = caller.ask(&GetUrgents { list, page: page.take(), limit: Some(100) })?;
        urgents.extend(got.urgents);
        match got.next {
            Some(next) => page = Some(next),
            None => return Ok(urgents),
        }
    }
}
