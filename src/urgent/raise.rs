//! Raising: may this be, for whom, and what is to be done for those who do not confirm.

use super::rules::RulesOf;
use super::state::plan_of;
use super::{Cell, OPEN, Urgents};
use crate::chat::Urging;
use crate::chat::members::bitmap_bytes;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::record::Change;
use crate::log::urgent::{UrgentChange, UrgentRaised};
use crate::log::{Appended, DedupeKey, Record, Refused};
use crate::metrics;
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::command::RaiseUrgent;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use protocol::person::PersonKind;
use protocol::urgent::{UrgentAudience, UrgentLeftOut, UrgentLeftOutWhy, UrgentStep};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// Why somebody is left out, in words.
fn words(why: UrgentLeftOutWhy) -> String {
    match why {
        UrgentLeftOutWhy::Nobody => "there is no such person".into(),
        UrgentLeftOutWhy::NotAMember => "not a member of the chat".into(),
        UrgentLeftOutWhy::Rule => "a rule of the organisation does not allow it".into(),
        UrgentLeftOutWhy::TooMany => format!("has {} open urgents", limits::URGENTS_OPEN_OF_A_PERSON_MAX),
        UrgentLeftOutWhy::Before => "was left out when it was raised".into(),
    }
}

/// Ids that nobody has.
fn nobody(unknown: &[String]) -> impl Iterator<Item = UrgentLeftOut> {
    let why = UrgentLeftOutWhy::Nobody;
    unknown.iter().map(move |user_id| UrgentLeftOut { user_id: user_id.clone(), why: words(why), reason: Some(why) })
}

/// Whom an urgent is to be raised for.
#[derive(Debug, Clone, PartialEq)]
pub enum Audience {
    /// All members.
    Everyone,
    /// These, and ids that nobody has.
    People(RoaringBitmap, Vec<String>),
    /// Those who have not read the message.
    Unread,
}

/// An urgent to be raised.
#[derive(Debug, Clone)]
pub struct NewUrgent {
    /// On which message.
    pub message_id: MessageId,
    /// Makes trying again harmless.
    pub client_message_id: String,
    /// For whom.
    pub audience: Audience,
    /// What is done for those who do not confirm.
    pub ladder: Vec<UrgentStep>,
    /// Over after so many ms.
    pub deadline_ms: Option<u64>,
    /// Steps that cost something are not held back in quiet hours.
    pub breaks_quiet_hours: bool,
}

/// An urgent that is durable.
#[derive(Debug, Clone)]
pub struct RaisedUrgent {
    /// Its key.
    pub key: ChatKey,
    /// For how many.
    pub audience: u64,
    /// Those who were meant and left out, and why.
    pub left_out: Vec<UrgentLeftOut>,
}

impl Urgents {
    /// Raises an urgent as a client asks for it.
    pub(super) async fn raise_as_asked(self: &Arc<Self>, by: u32, command: RaiseUrgent) -> Result<RaisedUrgent> {
        let audience = match &command.audience {
            UrgentAudience::Everyone(_) => Audience::Everyone,
            UrgentAudience::Unread(_) => Audience::Unread,
            UrgentAudience::People(people) => {
                let (who, unknown) = self.chats.people_meant(&people.user_ids, &[])?;
                Audience::People(who, unknown)
            }
            UrgentAudience::Departments(departments) => {
                let (who, _) = self.chats.people_meant(&[], &departments.department_ids)?;
                Audience::People(who, Vec::new())
            }
            UrgentAudience::Unknown => {
                return Err(Error::invalid("audience", "it is one of `everyone`, `people`, `departments` and `unread`"));
            }
        };
        if let Some(soon) = command.ladder.iter().find(|step| step.after_ms < limits::URGENT_STEP_MS_MIN) {
            let why =
                format!("the first step comes after {} ms at the earliest, and not after {}", limits::URGENT_STEP_MS_MIN, soon.after_ms);
            return Err(Error::invalid("ladder", why));
        }
        let urgent = NewUrgent {
            message_id: command.message_id,
            client_message_id: command.client_message_id,
            audience,
            ladder: command.ladder,
            deadline_ms: command.deadline_ms,
            breaks_quiet_hours: command.break_quiet_hours,
        };
        self.raise(by, urgent).await
    }

    /// Raises an urgent. When it returns, it is durable and on its way to everybody. What was raised with the same client_message_id
    /// before is given again, also when it would be refused by now: its own steps may have used up the quota.
    ///
    /// # Errors
    /// Those of the message and the right; `InvalidValue`, `TooLarge`: the ladder; `NobodyToUrge`; `QuotaUsed`.
    pub async fn raise(self: &Arc<Self>, by: u32, new: NewUrgent) -> Result<RaisedUrgent> {
        let urgents = self.clone();
        let raised = async move {
            match urgents.raise_anew(by, &new).await {
                Err(error) if !error.is_unavailable() => urgents.raised_before(by, &new).ok_or(error),
                outcome => outcome,
            }
        };
        self.first(raised).await
    }

    /// The urgent that an earlier try of the same has raised.
    fn raised_before(&self, by: u32, new: &NewUrgent) -> Option<RaisedUrgent> {
        let message = self.chats.place(new.message_id).ok()?;
        let since_ms = self.chats.clock.now_ms().saturating_sub(self.chats.config.log_keep_days * 86_400_000);
        let same = |urgent: &super::Urgent| {
            urgent.by == by
                && urgent.client_message_id == new.client_message_id
                && (urgent.chat_key(), urgent.target) == message
                && urgent.raised_at_ms >= since_ms
        };
        self.cells.iter().find_map(|cell| {
            let audience = cell.with(|urgent| same(urgent).then(|| urgent.audience.clone())).flatten()?;
            let mut left_out = Vec::new();
            if let Audience::People(who, unknown) = &new.audience {
                left_out.extend(nobody(unknown));
                let others = (who - &audience).into_iter().filter(|user| *user != by);
                let others = others.filter(|user| self.chats.directory.kind(*user) == PersonKind::Person);
                left_out.extend(others.map(|user| self.left_out(user, UrgentLeftOutWhy::Before)));
            }
            Some(RaisedUrgent { key: cell.key, audience: audience.len(), left_out })
        })
    }

    async fn raise_anew(&self, by: u32, new: &NewUrgent) -> Result<RaisedUrgent> {
        check_ladder(new)?;
        let ways = || new.ladder.iter().map(|step| step.way);
        self.check_ways(ways())?;
        self.check_quota(by, ways())?;
        let directory = &self.chats.directory;
        if new.breaks_quiet_hours && !self.may_break_quiet_hours(by) {
            return Err(Error::not_allowed("break the quiet hours", "the operator names who may, and you are not among them"));
        }
        if new.client_message_id.is_empty() || new.client_message_id.len() > limits::CLIENT_MESSAGE_ID_BYTES_MAX {
            let why = format!("it has 1 to {} bytes", limits::CLIENT_MESSAGE_ID_BYTES_MAX);
            return Err(Error::invalid("client_message_id", why));
        }
        let urging = self.chats.urging(by, new.message_id).await?;
        let (meant, mut left_out) = match &new.audience {
            Audience::Everyone => ((*urging.members).clone(), Vec::new()),
            Audience::Unread => (self.chats.people_who_have_not_read(by, new.message_id).await?, Vec::new()),
            Audience::People(who, unknown) => {
                let outside = (who - &*urging.members).into_iter();
                let outside = outside.map(|user| self.left_out(user, UrgentLeftOutWhy::NotAMember));
                let left_out: Vec<UrgentLeftOut> = nobody(unknown).chain(outside).collect();
                (who.clone(), left_out)
            }
        };
        let mut audience = meant & &*urging.members;
        audience.remove(by);
        // No bots, and nobody who has left.
        audience &= directory.everyone();
        let rules = RulesOf::new(&self.chats.config.urgent_rules, directory, by);
        let denied: RoaringBitmap = audience.iter().filter(|user| !rules.allow(*user)).collect();
        left_out.extend(denied.iter().map(|user| self.left_out(user, UrgentLeftOutWhy::Rule)));
        audience -= denied;
        let mut full = Vec::new();
        audience = audience
            .into_iter()
            .filter(|user| {
                let may_have_more = self.may_have_more(*user);
                if !may_have_more {
                    full.push(*user);
                }
                may_have_more
            })
            .collect();
        left_out.extend(full.iter().map(|user| self.left_out(*user, UrgentLeftOutWhy::TooMany)));
        if audience.is_empty() {
            let first =
                left_out.first().map_or_else(|| "the chat has nobody else".to_owned(), |first| format!("{}: {}", first.user_id, first.why));
            return Err(Error::new(
                ErrorCode::NobodyToUrge,
                "there is nobody for whom this urgent could be raised",
                first,
                "choose members of the chat",
            ));
        }
        self.record(by, &urging, audience, left_out, new).await
    }

    async fn record(
        &self,
        by: u32,
        urging: &Urging,
        audience: RoaringBitmap,
        mut left_out: Vec<UrgentLeftOut>,
        new: &NewUrgent,
    ) -> Result<RaisedUrgent> {
        let NewUrgent { client_message_id, ladder, deadline_ms, breaks_quiet_hours, .. } = new;
        let (chat, target) = (urging.chat, urging.seq);
        let dedupe = DedupeKey::new(by, &format!("ur:{client_message_id}"));
        loop {
            let now_ms = self.chats.clock.now_ms();
            let key = ChatKey::urgent(now_ms);
            let raised = UrgentRaised {
                chat: chat.0,
                target,
                client_message_id: client_message_id.clone(),
                audience: bitmap_bytes(&audience),
                ladder: ladder.clone(),
                deadline_at_ms: now_ms + deadline_ms.unwrap_or(limits::URGENT_DEADLINE_MS_MAX),
                breaks_quiet_hours: *breaks_quiet_hours,
            };
            let change = Change::Urgent(UrgentChange::Raised(Box::new(raised)));
            let record = Record { chat: key.0, seq: 1, position: 0, at_ms: now_ms, by, change };
            // Here before its record is followed, so that this call can wait for that.
            let cell = self.cells.entry(key).or_insert_with(|| Cell::new(key, None)).clone();
            let writes = vec![Write::Put(Table::UrgentOrder, tables::none(), tables::u64_key(key.0), vec![OPEN])];
            match self.append(record, writes, Some(dedupe)).await {
                Ok(Appended::New) => {
                    metrics::URGENT_RAISED.inc();
                    cell.has_followed(1).await?;
                    return Ok(RaisedUrgent { key, audience: audience.len(), left_out });
                }
                Ok(Appended::Duplicate { chat: earlier, .. }) => {
                    self.forget_unborn(key);
                    let key = ChatKey(earlier);
                    let cell = self.cell(key).await?;
                    let same = cell.with(|urgent| (urgent.chat, urgent.target) == (chat.0, target)).unwrap_or(true);
                    if !same {
                        return Err(Error::new(
                            ErrorCode::IdReused,
                            "the client_message_id was used before",
                            "it belongs to an urgent of another message, raised within the last seven days",
                            "choose a new client_message_id for each urgent",
                        ));
                    }
                    let audience = cell.with(|urgent| urgent.audience.clone()).unwrap_or_default();
                    // Whom it asks is not left out, though it may be one too many by now.
                    left_out.retain(|one| self.chats.directory.index(&one.user_id).is_none_or(|user| !audience.contains(user)));
                    return Ok(RaisedUrgent { key, audience: audience.len(), left_out });
                }
                // Another one got this key in the same millisecond.
                Err(Refused::Conflict) => self.forget_unborn(key),
                Err(Refused::Unavailable(error)) => {
                    self.forget_unborn(key);
                    return Err(error);
                }
            }
        }
    }

    fn forget_unborn(&self, key: ChatKey) {
        self.cells.remove_if(&key, |_, cell| cell.state.lock().is_none());
    }

    /// May somebody have urgents go out in quiet hours?
    pub fn may_break_quiet_hours(&self, by: u32) -> bool {
        let breakers = self.chats.config.urgent_quiet_hours_broken_by.list();
        !breakers.is_empty() && breakers.iter().any(|user_id| **user_id == *self.chats.directory.user_id(by))
    }

    /// May one more be raised for somebody?
    pub fn may_have_more(&self, user: u32) -> bool {
        self.index.count_at_most(user) < limits::URGENTS_OPEN_OF_A_PERSON_MAX || {
            let may_be_open = self.index.of_person(user);
            let open = |key: &&ChatKey| self.cells.get(*key).is_some_and(|cell| cell.with(|urgent| urgent.asks(user)) == Some(true));
            may_be_open.iter().filter(open).count() < limits::URGENTS_OPEN_OF_A_PERSON_MAX
        }
    }

    fn left_out(&self, user: u32, why: UrgentLeftOutWhy) -> UrgentLeftOut {
        UrgentLeftOut { user_id: self.chats.directory.user_id(user).to_string(), why: words(why), reason: Some(why) }
    }

    /// An urgent's identifier.
    pub fn id(&self, key: ChatKey) -> protocol::ids::UrgentId {
        self.chats.seal.urgent_id(key)
    }
}

/// Is the ladder one that can be climbed?
fn check_ladder(new: &NewUrgent) -> Result<()> {
    let steps = new.ladder.len();
    if steps > limits::URGENT_STEPS_MAX {
        return Err(Error::too_large("the ladder", steps as u64, limits::URGENT_STEPS_MAX as u64, "steps"));
    }
    let deadline_ms = new.deadline_ms.unwrap_or(limits::URGENT_DEADLINE_MS_MAX);
    if !(limits::URGENT_DEADLINE_MS_MIN..=limits::URGENT_DEADLINE_MS_MAX).contains(&deadline_ms) {
        let why = format!("it is {} to {} ms", limits::URGENT_DEADLINE_MS_MIN, limits::URGENT_DEADLINE_MS_MAX);
        return Err(Error::invalid("deadline_ms", why));
    }
    for step in &new.ladder {
        if step.every_ms.is_some() != step.times.is_some() || step.times == Some(0) {
            return Err(Error::invalid("ladder", "`every_ms` and `times` belong together, and `times` is at least 1"));
        }
        if step.every_ms.is_some_and(|every_ms| every_ms < limits::URGENT_STEP_MS_MIN) {
            return Err(Error::invalid("ladder", format!("a step comes again after {} ms at the earliest", limits::URGENT_STEP_MS_MIN)));
        }
        let last =
            step.after_ms.saturating_add(step.every_ms.unwrap_or(0).saturating_mul(u64::from(step.times.unwrap_or(1)).saturating_sub(1)));
        if last > deadline_ms {
            return Err(Error::invalid("ladder", "a step comes after the deadline; make the deadline later, or leave the step out"));
        }
    }
    let rungs = plan_of(&new.ladder).len();
    if rungs > limits::URGENT_RUNGS_MAX {
        return Err(Error::too_large("the ladder", rungs as u64, limits::URGENT_RUNGS_MAX as u64, "steps with their repeats"));
    }
    Ok(())
}
