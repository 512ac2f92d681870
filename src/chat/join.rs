//! Who asks to be let into a group: asking, deciding, taking back, and telling what became of it.
//!
//! A request is a row, not a record: only those who decide may know of it. Whoever waits is in the chat's head as well;
//! a request ends in the same transaction that lets somebody in, so that nobody is a member and waits.

use super::amend::writable;
use super::group::{approval_required, check_text, group_key};
use super::head::Waiting;
use super::members::MemberSet;
use super::profile::Actor;
use super::{ChatKey, Chats, Decided, Head, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::store::tables::{self, Table};
use crate::store::{Range, Store, Write};
use protocol::chat::Visibility;
use protocol::command::{JoinOutcome, JoinRequest, JoinRequestPage, MyJoinRequest, MyJoinRequestPage};
use protocol::event::{JoinDecided, JoinsWaiting};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row of `JoinRequests`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    asker: u32,
    at_ms: u64,
    reason: Option<String>,
}

/// A row of `JoinsAsked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Asked {
    outcome: JoinOutcome,
    at_ms: u64,
    decided_at_ms: Option<u64>,
    reason: Option<String>,
}

/// What came of wanting to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joining {
    /// A member now.
    Joined,
    /// The owner and the managers were asked.
    Requested,
}

/// What came of a decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JoinDecision {
    /// About whom it was.
    pub decided: RoaringBitmap,
    /// Who does not wait.
    pub not_waiting: RoaringBitmap,
}

/// What is told about requests, when they are durable.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinTold {
    /// To those who decide: so many wait.
    Waiting(JoinsWaiting, Vec<u32>),
    /// To the one who had asked.
    Decided(JoinDecided, u32),
}

/// Requests that an act has answered: who waited, and since when and by whom that was asked.
pub(super) type Answered = Vec<(u32, Waiting)>;

/// Who waits to be let into a chat, as it is kept. A row of a member is one whose request was written late; it counts no more.
pub(super) async fn waiting_of(store: &dyn Store, key: ChatKey, members: &MemberSet) -> Result<BTreeMap<u32, Waiting>> {
    let rows = store.scan(Table::JoinRequests, tables::u64_key(key.0), Range::first(limits::JOIN_REQUESTS_OF_A_CHAT_MAX)).await?;
    let waiting = rows.iter().filter_map(|(row, json)| {
        let request: Request = serde_json::from_slice(json).ok()?;
        Some((tables::read_u32(row, 0)?, Waiting { asker: request.asker, at_ms: request.at_ms }))
    });
    Ok(waiting.filter(|(user, _)| !members.contains(*user)).collect())
}

fn asked_row(key: ChatKey, user: u32, asker: u32, asked: &Asked) -> Write {
    let json = serde_json::to_vec(asked).expect("what became of a request is plain data");
    Write::Put(Table::JoinsAsked, tables::u32_key(asker), tables::KeyMaker::default().u64(key.0).u32(user).done(), json)
}

/// Rows that end requests.
pub(super) fn ended(key: ChatKey, answered: &Answered, outcome: JoinOutcome, now_ms: u64, reason: Option<&str>) -> Vec<Write> {
    let rows = answered.iter().flat_map(|(user, waiting)| {
        let asked = Asked { outcome, at_ms: waiting.at_ms, decided_at_ms: Some(now_ms), reason: reason.map(str::to_owned) };
        [Write::Delete(Table::JoinRequests, tables::u64_key(key.0), tables::u32_key(*user)), asked_row(key, *user, waiting.asker, &asked)]
    });
    rows.collect()
}

impl Chats {
    /// Joins a public group, or with the token of a link any group; or asks to be let in.
    pub async fn join(&self, user: u32, key: ChatKey, link: Option<&str>, reason: Option<&str>) -> Result<Joining> {
        let key = group_key(key, "members who join")?;
        check_text("reason", reason.unwrap_or_default(), limits::JOIN_REASON_CHARACTERS_MAX)?;
        let maker = link.map(|token| self.link_maker(token, key)).transpose()?;
        let mut answered = Answered::new();
        let joined = self
            .act(
                key,
                |head, state| {
                    answered.clear();
                    if state.members.contains(user) {
                        return Ok(Decided::Already(Joining::Joined));
                    }
                    match maker {
                        Some(maker) => super::share_link::check_maker(state, key, maker)?,
                        None if state.info.config.chat_type != Visibility::Public || state.seq == 0 => return Err(Error::chat_not_found()),
                        None => {}
                    }
                    if state.info.dissolved {
                        return Err(Error::dissolved());
                    }
                    if approval_required(&state.info.config) {
                        return Ok(Decided::Already(Joining::Requested));
                    }
                    let decided = self.let_in(head, state, user, &RoaringBitmap::from_iter([user]), None, &mut answered)?;
                    Ok(decided.map(|_| Joining::Joined))
                },
                |_| Joining::Joined,
            )
            .await?;
        if joined == Joining::Requested {
            self.ask_to_let_in(user, key, &RoaringBitmap::from_iter([user]), reason).await?;
        }
        self.tell_answered(key, answered, JoinOutcome::Accepted, None).await?;
        Ok(joined)
    }

    /// Notes that people want to be let in. Who waits already goes on waiting.
    pub(super) async fn ask_to_let_in(&self, asker: u32, key: ChatKey, who: &RoaringBitmap, reason: Option<&str>) -> Result<()> {
        let head = self.head(key).await?;
        let waiting = Waiting { asker, at_ms: self.clock.now_ms() };
        let new: Vec<u32> = {
            let mut state = head.lock();
            let new: Vec<u32> = who.iter().filter(|user| !state.waiting.contains_key(user) && !state.members.contains(*user)).collect();
            let would_wait = state.waiting.len() + new.len();
            if would_wait > limits::JOIN_REQUESTS_OF_A_CHAT_MAX {
                let max = limits::JOIN_REQUESTS_OF_A_CHAT_MAX as u64;
                return Err(Error::too_large("the list of those who wait to be let in", would_wait as u64, max, "people"));
            }
            state.waiting.extend(new.iter().map(|user| (*user, waiting)));
            new
        };
        if new.is_empty() {
            return Ok(());
        }
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
        let request = Request { asker, at_ms: waiting.at_ms, reason };
        let json = serde_json::to_vec(&request).expect("a request is plain data");
        let asked = Asked { outcome: JoinOutcome::Pending, at_ms: waiting.at_ms, decided_at_ms: None, reason: None };
        let rows = new.iter().flat_map(|user| {
            [
                Write::Put(Table::JoinRequests, tables::u64_key(key.0), tables::u32_key(*user), json.clone()),
                asked_row(key, *user, asker, &asked),
            ]
        });
        if let Err(error) = self.store.write(rows.collect()).await {
            let mut state = head.lock();
            state.waiting.retain(|user, _| !new.contains(user));
            return Err(error);
        }
        let now = self.head(key).await?;
        if !Arc::ptr_eq(&head, &now) {
            // Loaded anew, perhaps before the rows were there.
            let mut state = now.lock();
            for user in new {
                if !state.members.contains(user) {
                    state.waiting.entry(user).or_insert(waiting);
                }
            }
        }
        self.forget_old_requests(asker).await?;
        self.tell_waiting(key).await
    }

    async fn forget_old_requests(&self, asker: u32) -> Result<()> {
        let rows = self.store.scan(Table::JoinsAsked, tables::u32_key(asker), Range::first(limits::JOINS_ASKED_MAX + 1)).await?;
        if rows.len() <= limits::JOINS_ASKED_MAX {
            return Ok(());
        }
        let decided = |json: &[u8]| serde_json::from_slice::<Asked>(json).ok().and_then(|asked| asked.decided_at_ms);
        let mut old: Vec<(u64, tables::Key)> = rows.into_iter().filter_map(|(row, json)| Some((decided(&json)?, row))).collect();
        old.sort_unstable();
        let gone =
            old.into_iter().take(limits::JOINS_ASKED_MAX / 2).map(|(_, row)| Write::Delete(Table::JoinsAsked, tables::u32_key(asker), row));
        self.store.write(gone.collect()).await
    }

    /// Lets people in who wait, or does not; for the owner and the managers.
    pub async fn decide_joins(
        &self,
        by: impl Into<Actor>,
        key: ChatKey,
        who: &RoaringBitmap,
        accept: bool,
        reason: Option<&str>,
    ) -> Result<JoinDecision> {
        let by = by.into();
        let key = group_key(key, "people who wait to be let in")?;
        check_text("reason", reason.unwrap_or_default(), limits::JOIN_REASON_CHARACTERS_MAX)?;
        let mut answered = Answered::new();
        let deciding = |head: &Head, state: &State| -> Result<RoaringBitmap> {
            let (_, rights) = writable(head, state, by)?;
            if !rights.decide_joins {
                return Err(Error::not_allowed("decide who joins", "only the owner and the managers may"));
            }
            Ok(who.iter().filter(|user| state.waiting.contains_key(user)).collect())
        };
        if accept {
            self.act(
                key,
                |head, state| {
                    answered.clear();
                    let mut waiting = deciding(head, state)?;
                    // Who has left the organisation meanwhile cannot be let in.
                    waiting = waiting.into_iter().filter(|user| !self.directory.resigned(*user)).collect();
                    let decided = self.let_in(head, state, by.user, &waiting, reason, &mut answered)?;
                    Ok(decided.map(drop))
                },
                |_| (),
            )
            .await?;
        } else {
            let head = self.head(key).await?;
            {
                let mut state = head.lock();
                for user in deciding(&head, &state)? {
                    answered.extend(state.waiting.remove(&user).map(|waiting| (user, waiting)));
                }
            }
            if let Err(error) = self.store.write(ended(key, &answered, JoinOutcome::Refused, self.clock.now_ms(), reason)).await {
                head.lock().waiting.extend(answered);
                return Err(error);
            }
        }
        let decided: RoaringBitmap = answered.iter().map(|(user, _)| *user).collect();
        self.tell_answered(key, answered, if accept { JoinOutcome::Accepted } else { JoinOutcome::Refused }, reason).await?;
        Ok(JoinDecision { not_waiting: who - &decided, decided })
    }

    /// Takes back what one had asked for oneself.
    pub async fn withdraw_join(&self, user: u32, key: ChatKey) -> Result<()> {
        let key = group_key(key, "people who wait to be let in")?;
        let head = self.head(key).await?;
        let Some(waiting) = head.lock().waiting.remove(&user) else { return Ok(()) };
        let answered = vec![(user, waiting)];
        if let Err(error) = self.store.write(ended(key, &answered, JoinOutcome::Withdrawn, self.clock.now_ms(), None)).await {
            head.lock().waiting.extend(answered);
            return Err(error);
        }
        self.tell_answered(key, answered, JoinOutcome::Withdrawn, None).await
    }

    /// Who waits to be let in, the longest waiting first; for the owner and the managers.
    pub async fn join_requests(&self, by: impl Into<Actor>, key: ChatKey, page: Option<&str>, limit: usize) -> Result<JoinRequestPage> {
        let key = group_key(key, "people who wait to be let in")?;
        let after = match page.map(|page| page.split_once('.').and_then(|(at, user)| Some((at.parse().ok()?, user.parse().ok()?)))) {
            None => None,
            Some(Some(place)) => Some(place),
            Some(None) => return Err(Error::invalid("page", "it is not a `next` of this list")),
        };
        let head = self.head(key).await?;
        let (mut places, total) = {
            let state = head.lock();
            let (_, rights) = state.rights(key, by)?;
            if !rights.decide_joins {
                return Err(Error::not_allowed("see who waits to be let in", "only the owner and the managers may"));
            }
            let places: Vec<(u64, u32)> = state.waiting.iter().map(|(user, waiting)| (waiting.at_ms, *user)).collect();
            (places, state.waiting.len() as u32)
        };
        places.sort_unstable();
        let from = after.map_or(0, |after: (u64, u32)| places.partition_point(|place| *place <= after));
        let shown = &places[from..(from + limit).min(places.len())];
        let mut requests = Vec::with_capacity(shown.len());
        for (at_ms, user) in shown {
            let row = self.store.get(Table::JoinRequests, tables::u64_key(key.0), tables::u32_key(*user)).await?;
            // The row of one who asks at this moment is there with the next look.
            let Some(request) = row.and_then(|json| serde_json::from_slice::<Request>(&json).ok()) else { continue };
            requests.push(JoinRequest {
                person: self.directory.card(*user),
                asked_by: self.directory.user_id(request.asker).to_string(),
                at_ms: *at_ms,
                reason: request.reason,
            });
        }
        let next = (from + shown.len() < places.len()).then(|| shown.last().map(|(at_ms, user)| format!("{at_ms}.{user}"))).flatten();
        Ok(JoinRequestPage { requests, total, next })
    }

    /// Where somebody asked to join, or asked for others, and what became of it; the newest first.
    pub async fn my_join_requests(&self, user: u32) -> Result<MyJoinRequestPage> {
        let rows = self.store.scan(Table::JoinsAsked, tables::u32_key(user), Range::first(limits::JOINS_ASKED_MAX)).await?;
        let read = |row: &tables::Key, json: &[u8]| -> Option<(ChatKey, u32, Asked)> {
            Some((ChatKey(tables::read_u64(row, 0)?), tables::read_u32(row, 8)?, serde_json::from_slice(json).ok()?))
        };
        let mut asked: Vec<(ChatKey, u32, Asked)> = rows.iter().filter_map(|(row, json)| read(row, json)).collect();
        asked.sort_unstable_by_key(|(key, of, asked)| (std::cmp::Reverse(asked.at_ms), *key, *of));
        let mut requests = Vec::with_capacity(asked.len().min(limits::JOINS_SHOWN_MAX));
        for (key, of, asked) in asked.into_iter().take(limits::JOINS_SHOWN_MAX) {
            requests.push(MyJoinRequest {
                chat_id: self.seal.chat_id(key),
                name: self.head(key).await?.lock().info.name.clone(),
                user_id: self.directory.user_id(of).to_string(),
                outcome: asked.outcome,
                at_ms: asked.at_ms,
                decided_at_ms: asked.decided_at_ms,
                reason: asked.reason,
            });
        }
        Ok(MyJoinRequestPage { requests })
    }

    /// Tells those who decide how many wait.
    pub(super) async fn tell_waiting(&self, key: ChatKey) -> Result<()> {
        let head = self.head(key).await?;
        let told = {
            let state = head.lock();
            let deciders = state.info.owner.into_iter().chain(state.info.managers.iter().copied()).collect();
            JoinTold::Waiting(JoinsWaiting { chat_id: self.seal.chat_id(key), count: state.waiting.len() as u32 }, deciders)
        };
        self.tell_joins(told).await;
        Ok(())
    }

    /// Tells those who had asked what became of it, and those who decide how many still wait.
    pub(super) async fn tell_answered(&self, key: ChatKey, answered: Answered, outcome: JoinOutcome, reason: Option<&str>) -> Result<()> {
        if answered.is_empty() {
            return Ok(());
        }
        let name = self.head(key).await?.lock().info.name.clone();
        for (user, waiting) in answered {
            let decided = JoinDecided {
                chat_id: self.seal.chat_id(key),
                name: name.clone(),
                user_id: self.directory.user_id(user).to_string(),
                outcome,
                reason: reason.map(str::to_owned),
            };
            self.tell_joins(JoinTold::Decided(decided, waiting.asker)).await;
        }
        self.tell_waiting(key).await
    }

    async fn tell_joins(&self, told: JoinTold) {
        if self.joins_told.send(told).await.is_err() {
            tracing::debug!("a notice about a request to join came after its follower had ended");
        }
    }

    /// Takes the stream of what is told about requests to join. Only one can take it.
    pub fn follow_joins(&self) -> Option<tokio::sync::mpsc::Receiver<JoinTold>> {
        self.joins_followed.lock().take()
    }
}
