//! Members: add, remove, leave, join, list.

use super::amend::writable;
use super::group::{approval_required, group_key, member_limit};
use super::members::{Joined, bitmap_bytes};
use super::send::{info_row, member_rows};
use super::{ChatKey, ChatProfile, Chats, Decided, Extra, Head, Membership, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::chat::{Member, Role, Visibility};
use protocol::command::{Changed, MemberPage, Members, MembersResult};
use protocol::error::ErrorCode;
use roaring::RoaringBitmap;
use std::sync::Arc;

impl Chats {
    /// Adds people. Those who are in it already are not counted.
    pub async fn add_members(&self, by: u32, key: ChatKey, who: RoaringBitmap, unknown: Vec<String>) -> Result<MembersResult> {
        let key = group_key(key, "members to be added")?;
        let outcome = self
            .act(
                key,
                |head, state| {
                    let (_, rights) = writable(head, state, by)?;
                    if !rights.add_members {
                        return Err(Error::not_allowed(
                            "add members",
                            "the group's configuration reserves it for the owner and the managers",
                        ));
                    }
                    self.let_in(head, state, by, &who)
                },
                |record| (record.seq, moved_count(&record.change)),
            )
            .await?;
        Ok(MembersResult { seq: outcome.0, changed: outcome.1, unknown })
    }

    /// Joins a public group.
    pub async fn join(&self, user: u32, key: ChatKey) -> Result<()> {
        let key = group_key(key, "members who join")?;
        self.act(
            key,
            |head, state| {
                if state.members.contains(user) {
                    return Ok(Decided::Already((state.seq, 0)));
                }
                if state.info.config.chat_type != Visibility::Public || state.seq == 0 {
                    return Err(Error::chat_not_found());
                }
                if state.info.dissolved {
                    return Err(Error::dissolved());
                }
                if approval_required(&state.info.config) {
                    return Err(Error::new(
                        ErrorCode::ApprovalRequired,
                        "you cannot join by yourself",
                        "the group's configuration asks for the consent of the owner or a manager",
                        "ask one of them to add you",
                    ));
                }
                self.let_in(head, state, user, &RoaringBitmap::from_iter([user]))
            },
            |record| (record.seq, 1),
        )
        .await
        .map(drop)
    }

    pub(super) fn let_in(&self, head: &Arc<Head>, state: &mut State, by: u32, who: &RoaringBitmap) -> Result<Decided<(u64, u32)>> {
        let new = who - &**state.members.all();
        if new.is_empty() {
            return Ok(Decided::Already((state.seq, 0)));
        }
        let count = u64::from(state.members.count()) + new.len();
        if count > limits::GROUP_MEMBERS_MAX {
            return Err(member_limit(count));
        }
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
        member_rows(head.key, state, state.info.large || becomes_large, &new, Membership::default(), &mut writes);
        let change = Change::MembersAdded { members: bitmap_bytes(&new), member_count: state.members.count() };
        let extra = Extra { writes, dedupe: None, moved: Some(Arc::new(new)) };
        match head.append(state, &*self.log, now_ms, by, change, extra) {
            Ok(on_its_way) => {
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

    /// Removes people; owner and managers may, and everybody may remove themselves.
    pub async fn remove_members(&self, by: u32, key: ChatKey, who: RoaringBitmap, unknown: Vec<String>) -> Result<MembersResult> {
        let key = group_key(key, "members to be removed")?;
        let outcome = self
            .act(
                key,
                |head, state| {
                    let (role, rights) = writable(head, state, by)?;
                    let only_self = who.len() == 1 && who.contains(by);
                    if !only_self && !rights.remove_members {
                        return Err(Error::not_allowed("remove members", "only the owner and the managers may"));
                    }
                    let reserved = |user: &u32| {
                        state.info.owner == Some(*user) || (role == Role::Manager && *user != by && state.info.managers.contains(user))
                    };
                    if let Some(owner) = state.info.owner.filter(|owner| who.contains(*owner)) {
                        return Err(owner_stays(owner == by));
                    }
                    if who.iter().any(|user| reserved(&user)) {
                        return Err(Error::not_allowed("remove managers", "only the owner may"));
                    }
                    self.let_go(head, state, by, &who)
                },
                |record| (record.seq, moved_count(&record.change)),
            )
            .await?;
        Ok(MembersResult { seq: outcome.0, changed: outcome.1, unknown })
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
                |record| (record.seq, 1),
            )
            .await?;
        Ok(Changed { seq: outcome.0 })
    }

    pub(super) fn let_go(&self, head: &Arc<Head>, state: &mut State, by: u32, who: &RoaringBitmap) -> Result<Decided<(u64, u32)>> {
        let gone = who & &**state.members.all();
        if gone.is_empty() {
            return Ok(Decided::Already((state.seq, 0)));
        }
        let now_ms = self.clock.now_ms();
        let before = (state.members.clone(), state.info.clone());
        state.members.remove(&gone);
        let mut writes = Vec::new();
        if state.info.managers.iter().any(|manager| gone.contains(*manager)) {
            let mut info = (*state.info).clone();
            info.managers.retain(|manager| !gone.contains(*manager));
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

fn moved_count(change: &Change) -> u32 {
    match change {
        Change::MembersAdded { members, .. } | Change::MembersRemoved { members, .. } => super::members::bitmap_of(members).len() as u32,
        _ => 0,
    }
}
