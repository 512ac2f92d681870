//! Steps that somebody else does: push, text message, call. Each goes out once for each person and step, and none is skipped.
//!
//! That a step has begun is a record; whom it has reached are records too. What has neither outcome nor confirmation is called for
//! again, under the same key, so a provider that remembers keys acts once, whatever dies in between. A task a call ends with it.

use super::provider::{Call, Outcome, Provider, word};
use super::{Cell, Urgents};
use crate::chat::members::bitmap_bytes;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::urgent::UrgentChange;
use protocol::error::ErrorCode;
use protocol::person::PersonKind;
use protocol::record::Change;
use protocol::urgent::UrgentWay;
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// What is told of those beyond the quota.
pub(super) const OVER_QUOTA: &str = "the quota is used up";
/// What is told of those who cannot be written to or called.
pub(super) const NO_NUMBER: &str = "no mobile number is known";

/// A call: of which urgent, by which step, to whom.
type CallKey = (ChatKey, u32, u32);

/// Where a call is that has no outcome.
enum Standing {
    OnItsWay { tries: u32 },
    Again { tries: u32, not_before: Instant },
}

/// Calls of one provider.
struct Desk {
    provider: Arc<Provider>,
    calls: HashMap<CallKey, Standing>,
    on_their_way: usize,
    /// Calls that may be made now.
    allowance: f64,
    counted_at: Instant,
}

impl Urgents {
    /// Ways that can be gone here.
    pub fn ways(&self) -> Vec<UrgentWay> {
        let own = [UrgentWay::Remind, UrgentWay::Manager];
        own.into_iter().chain(self.providers.iter().map(|provider| provider.way)).collect()
    }

    /// Is there somebody who goes this way?
    pub(super) fn check_ways(&self, ways: impl Iterator<Item = UrgentWay>) -> Result<()> {
        for way in ways {
            if let Some(word) = word(way)
                && !self.providers.iter().any(|provider| provider.way == way)
            {
                return Err(Error::invalid(
                    "ladder",
                    format!("no provider for `{word}` is set here; the operator sets `urgent_{word}_url`"),
                ));
            }
        }
        Ok(())
    }

    /// How many more people of an urgent somebody may be reached by a way today.
    pub(super) fn quota_left(&self, by: u32, way: UrgentWay) -> u64 {
        let config = &self.chats.config;
        let app = self.chats.directory.kind(by) == PersonKind::Bot;
        let (own, all) = match (way, app) {
            (UrgentWay::Sms, false) => (config.urgent_sms_per_person, config.urgent_sms_per_organisation),
            (UrgentWay::Sms, true) => (config.urgent_sms_per_app, config.urgent_sms_per_organisation),
            (UrgentWay::Phone, false) => (config.urgent_phone_per_person, config.urgent_phone_per_organisation),
            (UrgentWay::Phone, true) => (config.urgent_phone_per_app, config.urgent_phone_per_organisation),
            _ => return u64::MAX,
        };
        // What went out stands in the urgents themselves: every node has them all in memory, so nothing is counted beside.
        let since_ms = self.chats.clock.now_ms().saturating_sub(limits::URGENT_QUOTA_MS);
        let (mut used_own, mut used_all) = (0, 0);
        for cell in &self.cells {
            let used = cell.with(|urgent| {
                let lately = urgent.attempts_by(way).filter(|(_, attempt)| attempt.at_ms >= since_ms);
                (urgent.by, lately.map(|(_, attempt)| attempt.people.len() - attempt.failed.len() as u64).sum::<u64>())
            });
            let Some((raised_by, used)) = used else { continue };
            used_all += used;
            used_own += if raised_by == by { used } else { 0 };
        }
        let left = |quota: u64, used: u64| if quota == 0 { u64::MAX } else { quota.saturating_sub(used) };
        left(own, used_own).min(left(all, used_all))
    }

    /// A ladder whose first paid step could reach nobody is refused at once.
    pub(super) fn check_quota(&self, by: u32, ways: impl Iterator<Item = UrgentWay>) -> Result<()> {
        for way in ways {
            if self.quota_left(by, way) == 0 {
                let word = word(way).unwrap_or_default();
                let why = format!("today's quota of `{word}` for you, your app or the organisation is used up");
                return Err(Error::new(
                    ErrorCode::QuotaUsed,
                    "steps like this cannot be paid for now",
                    why,
                    "leave the step out, or ask the operator",
                ));
            }
        }
        Ok(())
    }

    /// Those of a step who are beyond the quota, and why.
    pub(super) fn over_quota(left: u64, people: &RoaringBitmap) -> Vec<(u32, String)> {
        people.iter().skip(usize::try_from(left).unwrap_or(usize::MAX)).map(|user| (user, OVER_QUOTA.to_owned())).collect()
    }

    /// Calls providers for the urgents that are at home here, until told to stop.
    pub async fn run_providers(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.providers.is_empty() {
            return;
        }
        let (told, mut outcomes) = mpsc::channel(limits::PROVIDER_OUTCOMES_WAITING);
        let mut desks: Vec<Desk> = self.providers.iter().map(|provider| Desk::new(provider.clone())).collect();
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(limits::PROVIDERS_LOOKED_AT_EVERY_MS)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let mut ended: HashMap<(ChatKey, u32), BTreeMap<u32, Option<String>>> = HashMap::new();
            while let Ok((desk, key, outcome)) = outcomes.try_recv() {
                let desk: &mut Desk = &mut desks[desk];
                if let Some(outcome) = desk.ended(key, outcome) {
                    ended.entry((key.0, key.1)).or_default().insert(key.2, outcome);
                }
            }
            for ((key, step), people) in ended {
                self.note_outcomes(key, step, &people).await;
                for user in people.into_keys() {
                    desks.iter_mut().for_each(|desk| desk.forget((key, step, user)));
                }
            }
            for (number, desk) in desks.iter_mut().enumerate() {
                // Of urgents that are over, nobody is called again.
                desk.calls.retain(|(key, ..), standing| matches!(standing, Standing::OnItsWay { .. }) || self.index.is_open(*key));
                self.call_for(number, desk, &told).await;
            }
        }
    }

    /// Writes down what providers have said. What cannot be written now is called for again, under the same key.
    async fn note_outcomes(&self, key: ChatKey, step: u32, people: &BTreeMap<u32, Option<String>>) {
        let Some(cell) = self.in_memory(key) else { return };
        let reached: RoaringBitmap = people.iter().filter(|(_, why)| why.is_none()).map(|(user, _)| *user).collect();
        let failed: Vec<(u32, String)> = people.iter().filter_map(|(user, why)| Some((*user, why.clone()?))).collect();
        let reached = bitmap_bytes(&reached);
        let noted = self.change(&cell, |urgent| {
            let open = urgent.over.is_none();
            Ok(open.then(|| (urgent.by, UrgentChange::Attempted { step, reached: reached.clone(), failed: failed.clone() })))
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, "what became of calls to a provider could not be written; they are made again under the same keys");
        }
    }

    /// Are these hours in which no text message and no call goes out?
    pub(super) fn quiet_now(&self) -> bool {
        let now_ms = self.chats.clock.now_ms();
        self.chats.config.urgent_quiet_hours.as_ref().is_some_and(|hours| hours.at(now_ms))
    }

    /// Makes the calls of one provider that are due, as many as it may get.
    async fn call_for(self: &Arc<Self>, number: usize, desk: &mut Desk, told: &mpsc::Sender<(usize, CallKey, Outcome)>) {
        let config = &self.chats.config;
        desk.count(config.urgent_provider_calls_per_second as f64);
        let now_ms = self.chats.clock.now_ms();
        let quiet = matches!(desk.provider.way, UrgentWay::Sms | UrgentWay::Phone) && self.quiet_now();
        let at_once = config.urgent_provider_calls_at_once as usize;
        for key in self.index.open() {
            if desk.full(at_once) {
                return;
            }
            let Some(cell) = self.in_memory(key) else { continue };
            if self.chats.peers.home(key.0).is_some() || (quiet && cell.with(|urgent| urgent.breaks_quiet_hours) == Some(false)) {
                continue;
            }
            for (step, user) in cell.with(|urgent| due_of(urgent, desk, at_once)).unwrap_or_default() {
                if desk.full(at_once) {
                    return;
                }
                desk.begins((key, step, user));
                let (urgents, provider, cell, told) = (self.clone(), desk.provider.clone(), cell.clone(), told.clone());
                tokio::spawn(async move {
                    let outcome = urgents.call(&provider, &cell, step, user, now_ms / 1_000).await;
                    let _ = told.send((number, (cell.key, step, user), outcome)).await;
                });
            }
        }
    }

    /// One call.
    async fn call(&self, provider: &Provider, cell: &Cell, step: u32, user: u32, now_s: u64) -> Outcome {
        let directory = &self.chats.directory;
        let Ok(shown) = self.shown(cell).await else { return Outcome::Later };
        let Some(entry) = directory.entry(user) else { return Outcome::Failed("there is no such person".into()) };
        if provider.way != UrgentWay::Push && entry.mobile.is_none() {
            return Outcome::Failed(NO_NUMBER.into());
        }
        // At the last moment: who has confirmed meanwhile is left alone.
        let Some((by, raised_at_ms)) = cell.with(|urgent| urgent.asks(user).then_some((urgent.by, urgent.raised_at_ms))).flatten() else {
            return Outcome::Later;
        };
        let text = match &shown.message.change {
            Change::Message(message) => crate::chat::preview(&message.content),
            _ => String::new(),
        };
        let urgent_id = self.chats.seal.urgent_id(cell.key).to_string();
        let idempotency_key = format!("{urgent_id}:{step}:{}", entry.user_id);
        let call = Call {
            way: word(provider.way).unwrap_or_default(),
            idempotency_key: &idempotency_key,
            urgent_id,
            step,
            user_id: &entry.user_id,
            name: &entry.name,
            mobile: entry.mobile.as_deref().filter(|_| provider.way != UrgentWay::Push),
            raised_by: &directory.name(by),
            chat_name: shown.chat_name.as_deref(),
            text: &text,
            raised_at_ms,
        };
        provider.call(&call, now_s).await
    }
}

/// People of an urgent for whom a provider is to be called, a few more than may be.
fn due_of(urgent: &super::Urgent, desk: &Desk, at_once: usize) -> Vec<(u32, u32)> {
    if urgent.attempts.is_empty() {
        return Vec::new();
    }
    let open = urgent.open_people();
    urgent
        .attempts_by(desk.provider.way)
        .flat_map(|(step, attempt)| (attempt.without_outcome() & &open).into_iter().map(move |user| (step, user)))
        .filter(|(step, user)| desk.is_due((ChatKey(urgent.key), *step, *user)))
        .take(at_once * 4)
        .collect()
}

impl Desk {
    fn new(provider: Arc<Provider>) -> Self {
        Self { provider, calls: HashMap::new(), on_their_way: 0, allowance: 1.0, counted_at: Instant::now() }
    }

    fn count(&mut self, per_second: f64) {
        let now = Instant::now();
        // A second's worth can be saved up.
        self.allowance = (self.allowance + per_second * now.duration_since(self.counted_at).as_secs_f64()).min(per_second);
        self.counted_at = now;
    }

    fn full(&self, at_once: usize) -> bool {
        self.on_their_way >= at_once || self.allowance < 1.0
    }

    /// Nobody is on the way for it, and its pause is over.
    fn is_due(&self, key: CallKey) -> bool {
        match self.calls.get(&key) {
            Some(Standing::OnItsWay { .. }) => false,
            Some(Standing::Again { not_before, .. }) => *not_before <= Instant::now(),
            None => true,
        }
    }

    /// Its outcome is written down, or is to be asked for anew.
    fn forget(&mut self, key: CallKey) {
        self.calls.remove(&key);
    }

    fn begins(&mut self, key: CallKey) {
        let tries = if let Some(Standing::Again { tries, .. }) = self.calls.get(&key) { *tries } else { 0 };
        self.calls.insert(key, Standing::OnItsWay { tries: tries + 1 });
        self.on_their_way += 1;
        self.allowance -= 1.0;
    }

    /// A call has ended. Gives why it failed, or that it did not, when it has an outcome.
    fn ended(&mut self, key: CallKey, outcome: Outcome) -> Option<Option<String>> {
        let tries = match self.calls.get(&key) {
            Some(Standing::OnItsWay { tries } | Standing::Again { tries, .. }) => *tries,
            None => 1,
        };
        self.on_their_way -= 1;
        match outcome {
            // It stays on its way until it is written down: nobody is called twice meanwhile.
            Outcome::Reached => Some(None),
            Outcome::Failed(why) => Some(Some(why)),
            Outcome::Later => {
                let pause = Duration::from_millis(limits::PROVIDER_AGAIN_MS << tries.min(6).saturating_sub(1));
                self.calls.insert(key, Standing::Again { tries, not_before: Instant::now() + pause });
                None
            }
        }
    }
}
