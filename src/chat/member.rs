//! Members: add, remove, leave, list.

use super::amend::writable;
use super::group::{approval_required, group_key, member_limit};
use super::join::{Answered, ended};
use super::members::{Joined, bitmap_bytes};
use super::profile::{Actor, info_row};
use super::send::member_rows;
use super::{ChatKey, ChatProfile, Chats, Decided, Extra, Head, Membership, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Record;
use crate::log::record::Change;
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::chat::{Member, Role};
use protocol::command::{Changed, JoinOutcome, MemberPage, Members, MembersResult};
use protocol::error::ErrorCode;
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// What became of adding or removing people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moved {
    /// Seq of the record, or the chat's last when nothing had to change.
    pub seq: u64,
    /// Who came or went.
    pub moved: RoaringBitmap,
    /// Who waits for consent.
    pub waiting: RoaringBitmap,
}

impl Chats {
    /// Adds people, for the client protocol.
    pub async fn add_members(&self, by: u32, key: ChatKey, who: RoaringBitmap, unknown: Vec<String>) -> Result<MembersResult> {
        let moved = self.admit(by, key, &who, false).await?;
        Ok(MembersResult { seq: moved.seq, changed: moved.moved.len() as u32, unknown, pending: self.user_ids(moved.waiting.iter()) })
    }

    /// Adds people. Those who are in it already are not counted. Where joining needs consent and the one who adds does
    /// not decide, those who are new wait for it. A dry run says what would come of it, and changes nothing.
    pub async fn admit(&self, by: impl Into<Actor>, key: ChatKey, who: &RoaringBitmap, dry_run: bool) -> Result<Moved> {
        let by = by.into();
        let key = group_key(key, "members to be added")?;
        let mut answered = Answered::new();
        let mut moved = self
            .act(
                key,
                |head, state| {
                    answered.clear();
                    let (_, rights) = writable(head, state, by)?;
                    if !rights.add_members {
                        return Err(Error::not_allowed(
                            "add members",
                            "the group's configuration reserves it for the owner and the managers",
                        ));
                    }
                    let new = who - &**state.members.all();
                    check_count(state, &new)?;
                    if approval_required(&state.info.config) && !rights.decide_joins {
                        return Ok(Decided::Already(Moved { seq: state.seq, moved: RoaringBitmap::new(), waiting: new }));
                    }
                    if dry_run {
                        return Ok(Decided::Already(Moved { seq: state.seq, moved: new, waiting: RoaringBitmap::new() }));
                    }
                    self.let_in(head, state, by.user, &new, None, &mut answered)
                },
                moved_by,
            )
            .await?;
        if !dry_run && !moved.waiting.is_empty() {
            self.ask_to_let_in(by.user, key, &moved.waiting, None).await?;
            // Who came in by another way meanwhile does not wait.
            moved.waiting -= &**self.head(key).await?.lock().members.all();
        }
        self.tell_answered(key, answered, JoinOutcome::Accepted, None).await?;
        Ok(moved)
    }

    /// Lets people in, and ends their requests. `reason` is for those who had asked.
    pub(super) fn let_in(
        &self,
        head: &Arc<Head>,
        state: &mut State,
        by: u32,
        who: &RoaringBitmap,
        reason: Option<&str>,
        answered: &mut Answered,
    ) -> Result<Decided<Moved>> {
        let new = who - &**state.members.all();
        if new.is_empty() {
            return Ok(Decided::Already(Moved { seq: state.seq, ..Moved::default() }));
        }
        check_count(state, &new)?;
        let count = u64::from(state.members.count()) + new.len();
        let now_ms = self.clock.now_ms();
        let before = state.members.clone();
        state.members.add(&new, Joined { seq: state.seq + 1, position: state.position, at_ms: now_ms });
        let mut writes = Vec::new();
        let becomes_large = !state.info.large && count > limits::LARGE_CHAT_MEMBERS;
        let info = becomes_large.then(|| Arc::new(ChatProfile { large: true, ..(*state.info).clone() }));
        if let Some(info) = &info {
            writes.push(info_row(head.key, info));
            writes.push(Write::Put(Table::LargeChats, tables::none(), tables::u64_key(head.key.0), Vec::new()));
        }
        answered.extend(state.waiting.iter().filter(|(user, _)| new.contains(**user)).map(|(user, waiting)| (*user, *waiting)));
        writes.extend(ended(head.key, answered, JoinOutcome::Accepted, now_ms, reason));
        member_rows(head.key, state, state.info.large || becomes_large, &new, Membership::default(), &mut writes);
        let change = Change::MembersAdded { members: bitmap_bytes(&new), member_count: state.members.count() };
        let extra = Extra { writes, dedupe: None, moved: Some(Arc::new(new)) };
        match head.append(state, &*self.log, now_ms, by, change, extra) {
            Ok(on_its_way) => {
                for (user, _) in answered.iter() {
                    state.waiting.remove(user);
                }
                if let Some(info) = info {
                    state.info = info;
                    self.large.write().insert(head.key);
                }
                Ok(Decided::Append(on_its_way))
            }
            Err(error) => {
                state.members = before;
                Err(error)
            }
        }
    }

    /// Removes people, for the client protocol.
    pub async fn remove_members(&self, by: u32, key: ChatKey, who: RoaringBitmap, unknown: Vec<String>) -> Result<MembersResult> {
        let moved = self.dismiss(by, key, &who, false).await?;
        Ok(MembersResult { seq: moved.seq, changed: moved.moved.len() as u32, unknown, pending: Vec::new() })
    }

    /// Removes people; owner and managers may, and everybody may remove themselves. A dry run says who would go.
    pub async fn dismiss(&self, by: impl Into<Actor>, key: ChatKey, who: &RoaringBitmap, dry_run: bool) -> Result<Moved> {
        let by = by.into();
        let key = group_key(key, "members to be removed")?;
        self.act(
            key,
            |head, state| {
                let (role, rights) = writable(head, state, by)?;
                let only_self = who.len() == 1 && who.contains(by.user);
                if !only_self && !rights.remove_members {
                    return Err(Error::not_allowed("remove members", "only the owner and the managers may"));
                }
                if let Some(owner) = state.info.owner.filter(|owner| who.contains(*owner)) {
                    return Err(owner_stays(owner == by.user));
                }
                let reserved = |user: u32| role == Role::Manager && user != by.user && state.info.managers.contains(&user);
                if who.iter().any(reserved) {
                    return Err(Error::not_allowed("remove managers", "only the owner may"));
                }
                if dry_run {
                    return Ok(Decided::Already(Moved { seq: state.seq, moved: who & &**state.members.all(), ..Moved::default() }));
                }
                self.let_go(head, state, by.user, who)
            },
            moved_by,
        )
        .await
    }

    /// Leaves a group.
    pub async fn leave(&self, user: u32, key: ChatKey) -> Result<Changed> {
        let key = group_key(key, "members who leave")?;
        let outcome = self
            .act(
                key,
                |head, state| {
                    state.rights(head.key, user)?;
                    if state.info.owner == Some(user) && !state.info.dissolved && state.members.count() > 1 {
                        return Err(owner_stays(true));
                    }
                    self.let_go(head, state, user, &RoaringBitmap::from_iter([user]))
                },
                moved_by,
            )
            .await?;
        Ok(Changed { seq: outcome.seq })
    }

    pub(super) fn let_go(&self, head: &Arc<Head>, state: &mut State, by: u32, who: &RoaringBitmap) -> Result<Decided<Moved>> {
        let gone = who & &**state.members.all();
        if gone.is_empty() {
            return Ok(Decided::Already(Moved { seq: state.seq, ..Moved::default() }));
        }
        let now_ms = self.clock.now_ms();
        let before = (state.members.clone(), state.info.clone());
        state.members.remove(&gone);
        let mut writes = Vec::new();
        if state.info.managers.iter().chain(&state.info.moderators).any(|user| gone.contains(*user)) {
            let mut info = (*state.info).clone();
            info.managers.retain(|manager| !gone.contains(*manager));
            info.moderators.retain(|moderator| !gone.contains(*moderator));
            writes.push(info_row(head.key, &info));
            state.info = Arc::new(info);
        }
        member_rows(head.key, state, state.info.large, &gone, Membership { left_seq: state.seq + 1, left_at_ms: now_ms }, &mut writes);
        let change = Change::MembersRemoved { members: bitmap_bytes(&gone), member_count: state.members.count() };
        let extra = Extra { writes, dedupe: None, moved: Some(Arc::new(gone)) };
        match head.append(state, &*self.log, now_ms, by, change, extra) {
            Ok(on_its_way) => Ok(Decided::Append(on_its_way)),
            Err(error) => {
                (state.members, state.info) = before;
                Err(error)
            }
        }
    }

    /// Members in pages: the owner, the managers, then everybody in the order of their index.
    pub async fn members(&self, user: u32, command: Members) -> Result<MemberPage> {
        let key = self.key(command.chat_id)?;
        let limit = command.limit.unwrap_or(limits::PAGE_MAX).clamp(1, limits::PAGE_MAX) as usize;
        let head = self.head(key).await?;
        let state = head.lock();
        let (_, rights) = state.rights(key, user)?;
        let first: Vec<u32> =
            state.info.owner.into_iter().chain(state.info.managers.iter().copied()).filter(|one| state.members.contains(*one)).collect();
        let all = state.members.all().clone();
        let total = rights.see_member_count.then(|| state.members.count());
        drop(state);
        // The token tells how many of the first ones were given, then the last index.
        let (mut given, mut after) =
            match command.page.as_deref().map(|page| {
                page.split_once('.').and_then(|(given, after)| Some((given.parse::<usize>().ok()?, after.parse::<i64>().ok()?)))
            }) {
                None => (0, -1),
                Some(Some(place)) => place,
                Some(None) => return Err(Error::invalid("page", "it is not a `next` of this list")),
            };
        let query = command.query.as_deref().map(str::trim).filter(|query| !query.is_empty()).map(str::to_lowercase);
        let fits = |index: u32| match (&query, self.directory.entry(index)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(query), Some(person)) => {
                person.name.to_lowercase().contains(query)
                    || person.user_id.to_lowercase().contains(query)
                    || person.en_name.as_ref().is_some_and(|name| name.to_lowercase().contains(query))
            }
        };
        let mut indices = Vec::with_capacity(limit);
        while indices.len() < limit && given < first.len() {
            indices.extend(Some(first[given]).filter(|index| fits(*index)));
            given += 1;
        }
        let mut more = given < first.len();
        if indices.len() < limit {
            let from = u32::try_from(after + 1).unwrap_or(u32::MAX);
            more = false;
            for index in all.range(from..) {
                if indices.len() == limit {
                    more = true;
                    break;
                }
                after = i64::from(index);
                if !first.contains(&index) && fits(index) {
                    indices.push(index);
                }
            }
        }
        let state = head.lock();
        let members = indices
            .into_iter()
            .map(|index| Member {
                person: self.directory.card(index),
                role: state.role(index).unwrap_or_default(),
                joined_at_ms: state.members.joined(index).at_ms,
            })
            .collect();
        Ok(MemberPage { members, total, next: more.then(|| format!("{given}.{after}")) })
    }

    /// Members in the order of their index, behind one of them: pages of it neither skip nor repeat, whoever comes, goes or
    /// is made a manager meanwhile. Bots only when they are wanted. Gives the page, whether more follow, and how many
    /// there are, where that may be known.
    pub async fn members_in_order(
        &self,
        by: impl Into<Actor>,
        key: ChatKey,
        after: Option<u32>,
        limit: usize,
        bots: bool,
    ) -> Result<(Vec<u32>, bool, Option<u64>)> {
        let (all, counted) = {
            let head = self.head(key).await?;
            let state = head.lock();
            let (_, rights) = state.rights(key, by)?;
            (state.members.all().clone(), rights.see_member_count)
        };
        let is_bot = |index: u32| self.directory.kind(index) == PersonKind::Bot;
        let from = after.map_or(0, |after| after.saturating_add(1));
        let mut page: Vec<u32> = all.range(from..).filter(|index| bots || !is_bot(*index)).take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let total = counted.then(|| {
            // Bots are not among the organisation's people, and few.
            let others = &*all - self.directory.everyone();
            all.len() - if bots { 0 } else { others.iter().filter(|index| is_bot(*index)).count() as u64 }
        });
        Ok((page, more, total))
    }

    /// How many people a chat has, and who; for the door that shows who is online.
    pub async fn members_bitmap(&self, user: u32, key: ChatKey) -> Result<Arc<RoaringBitmap>> {
        let head = self.head(key).await?;
        let state = head.lock();
        state.rights(key, user)?;
        Ok(state.members.all().clone())
    }
}

fn owner_stays(own: bool) -> Error {
    Error::new(
        ErrorCode::OwnerStays,
        if own { "you own this group and cannot leave it" } else { "the owner cannot be removed" },
        "a group always has an owner",
        "give the group to another member first, or dissolve it",
    )
}

fn moved_by(record: &Record) -> Moved {
    let moved = match &record.change {
        Change::MembersAdded { members, .. } | Change::MembersRemoved { members, .. } => super::members::bitmap_of(members),
        _ => RoaringBitmap::new(),
    };
    Moved { seq: record.seq, moved, waiting: RoaringBitmap::new() }
}

fn check_count(state: &State, new: &RoaringBitmap) -> Result<()> {
    let count = u64::from(state.members.count()) + new.len();
    if count > limits::GROUP_MEMBERS_MAX { Err(member_limit(count)) } else { Ok(()) }
}
