//! Groups: make, look at, give away, dissolve.

use super::amend::writable;
use super::configure::{apply_config, check_labels, check_public_name, checked_names};
use super::group_names::{name_row, no_name_row};
use super::join::{Answered, ended};
use super::members::{Joined, bitmap_bytes};
use super::profile::{Actor, info_row};
use super::send::{check_client_message_id, id_reused, member_rows};
use super::{ChatKey, ChatProfile, Chats, Decided, Extra, Head, Membership, Outcome, State};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::{DedupeKey, record::Change};
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::chat::{Approval, Chat, ChatConfig, ChatConfigChange, ChatKind, I18nNames, Rights, Role, Visibility};
use protocol::command::{Changed, JoinOutcome, SetManagers};
use protocol::error::ErrorCode;
use roaring::RoaringBitmap;
use std::sync::Arc;

/// A group that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewGroup {
    /// Makes trying again harmless.
    pub client_message_id: String,
    /// Its name; empty: made from the members' names.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Key of a picture.
    pub avatar: Option<String>,
    /// Its owner; missing: who makes it.
    pub owner: Option<u32>,
    /// Managers from the start.
    pub managers: Vec<u32>,
    /// Who is in it, beside the owner and who makes it.
    pub members: RoaringBitmap,
    /// What differs from the default configuration.
    pub config: ChatConfigChange,
    /// Its name in several languages.
    pub i18n_names: Option<I18nNames>,
    /// What business systems note of it.
    pub labels: Vec<String>,
    /// The same.
    pub toolkit_ids: Vec<i64>,
}

impl Chats {
    /// Everybody who is meant by ids and departments, and the ids that nobody has.
    pub fn people_meant(&self, user_ids: &[String], department_ids: &[String]) -> Result<(RoaringBitmap, Vec<String>)> {
        let (everyone, mut unknown) = self.indices(user_ids)?;
        let (gone, mut meant): (RoaringBitmap, RoaringBitmap) = everyone.into_iter().partition(|user| self.directory.resigned(*user));
        unknown.extend(self.user_ids(gone.into_iter()));
        for department_id in department_ids {
            if department_id != "0" && self.directory.department(department_id).is_none() {
                return Err(Error::invalid("department_ids", format!("there is no department `{}`", crate::error::clip(department_id))));
            }
            meant |= self.directory.everyone_below(department_id);
        }
        Ok((meant, unknown))
    }

    /// Indices of people, and the ids that nobody has.
    pub fn indices(&self, user_ids: &[String]) -> Result<(RoaringBitmap, Vec<String>)> {
        if user_ids.len() > limits::PEOPLE_OF_A_CALL_MAX {
            return Err(Error::too_large("the list of people", user_ids.len() as u64, limits::PEOPLE_OF_A_CALL_MAX as u64, "ids"));
        }
        let (mut known, mut unknown) = (RoaringBitmap::new(), Vec::new());
        for user_id in user_ids {
            match self.directory.index(user_id) {
                Some(user) => drop(known.insert(user)),
                None => unknown.push(user_id.clone()),
            }
        }
        Ok((known, unknown))
    }

    /// Indices of people who must all exist.
    pub fn known(&self, user_ids: &[String]) -> Result<RoaringBitmap> {
        let (known, unknown) = self.indices(user_ids)?;
        unknown.first().map_or(Ok(known), |nobody| Err(Error::person_not_found(nobody)))
    }

    /// Makes a group. The same client_message_id again gives the same group.
    pub async fn create_group(&self, by: u32, group: NewGroup) -> Result<ChatKey> {
        check_client_message_id(&group.client_message_id)?;
        check_text("name", &group.name, limits::CHAT_NAME_CHARACTERS_MAX)?;
        check_text("description", &group.description, limits::CHAT_DESCRIPTION_CHARACTERS_MAX)?;
        let owner = group.owner.unwrap_or(by);
        let mut members = group.members.clone();
        members.insert(owner);
        members.insert(by);
        members.extend(group.managers.iter().copied());
        if members.len() > limits::GROUP_MEMBERS_MAX {
            return Err(member_limit(members.len()));
        }
        check_labels(&group.labels, &group.toolkit_ids)?;
        let i18n_names = group.i18n_names.clone().map(checked_names).transpose()?.flatten();
        let mut config = ChatConfig::default();
        apply_config(&mut config, &group.config)?;
        check_public_name(&config, &group.name)?;
        let shown = self.checked_avatar(by, group.avatar.as_deref()).await?;
        let name = if group.name.trim().is_empty() { self.name_from(&members, by) } else { group.name.trim().to_owned() };
        let key = ChatKey::random();
        let head = self.head(key).await?;
        if config.chat_type == Visibility::Public
            && let Err(taken) = self.names.claim(&name, key)
        {
            // A group that is made again has its name already.
            let again = DedupeKey::new(by, &group.client_message_id);
            return self.made_before(again).await?.ok_or(taken);
        }
        let on_its_way = {
            let mut state = head.lock();
            let now_ms = self.clock.now_ms();
            let large = members.len() > limits::LARGE_CHAT_MEMBERS;
            let info = ChatProfile {
                name: name.clone(),
                description: group.description,
                avatar: group.avatar,
                config,
                owner: Some(owner),
                creator: by,
                managers: group.managers.into_iter().filter(|manager| *manager != owner).collect(),
                created_at_ms: now_ms,
                large,
                i18n_names,
                labels: group.labels,
                toolkit_ids: group.toolkit_ids,
                ..ChatProfile::default()
            };
            state.members.add(&members, Joined { seq: 1, position: 0, at_ms: now_ms });
            let mut writes = vec![info_row(key, &info), name_row(key, &info)];
            writes.extend(shown);
            if large {
                writes.push(Write::Put(Table::LargeChats, tables::none(), tables::u64_key(key.0), Vec::new()));
            }
            member_rows(key, &state, large, &members, Membership::default(), &mut writes);
            let dedupe = Some(DedupeKey::new(by, &group.client_message_id));
            let moved = Some(Arc::new(members.clone()));
            state.info = Arc::new(info);
            let change = Change::Created { name, owner, members: bitmap_bytes(&members) };
            head.append(&mut state, &*self.log, now_ms, by, change, Extra { writes, dedupe, moved })
        };
        let outcome = match on_its_way {
            Ok(on_its_way) => head.outcome(on_its_way).await,
            Err(error) => Err(error),
        };
        if !matches!(outcome, Ok(Outcome::Committed(_))) {
            self.names.forget(key);
        }
        match outcome? {
            Outcome::Committed(_) => {
                self.names.put(key, &head.lock().info);
                if members.len() > limits::LARGE_CHAT_MEMBERS {
                    self.large.write().insert(key);
                }
                Ok(key)
            }
            Outcome::Earlier { chat, seq: 1 } if chat.pair().is_none() => Ok(chat),
            Outcome::Earlier { .. } => Err(id_reused()),
            Outcome::Again => Err(Error::busy("the group could not be placed")),
        }
    }

    /// The group that an earlier try has made.
    async fn made_before(&self, again: DedupeKey) -> Result<Option<ChatKey>> {
        let made = self.store.get(Table::Dedupe, tables::u32_key(again.sender), tables::Key::from_slice(&again.hash)).await?;
        let place = made.and_then(|made| Some((ChatKey(tables::read_u64(&made, 0)?), tables::read_u64(&made, 8)?)));
        Ok(place.filter(|(key, seq)| *seq == 1 && key.pair().is_none()).map(|(key, _)| key))
    }

    fn name_from(&self, members: &RoaringBitmap, by: u32) -> String {
        let names: Vec<String> = [by]
            .into_iter()
            .chain(members.iter().filter(|user| *user != by))
            .take(4)
            .filter_map(|user| Some(self.directory.entry(user)?.name.clone()))
            .collect();
        let mut name = names.join("、");
        if members.len() > 4 {
            name.push('…');
        }
        name
    }

    /// A chat as one of its members sees it.
    pub async fn chat(&self, user: u32, key: ChatKey) -> Result<Chat> {
        let head = self.head(key).await?;
        let state = head.lock();
        self.chat_seen(&head, &state, user)
    }

    /// The direct chat of two; it need not exist yet.
    pub async fn open_direct(&self, user: u32, peer_id: &str) -> Result<Chat> {
        let peer = self.directory.index(peer_id).ok_or_else(|| Error::person_not_found(peer_id))?;
        self.chat(user, ChatKey::direct(user, peer)).await
    }

    pub(super) fn chat_seen(&self, head: &Head, state: &State, user: u32) -> Result<Chat> {
        let (role, rights) = state.rights(head.key, user)?;
        let info = &state.info;
        let peer = head.key.peer(user);
        let peer_entry = peer.and_then(|peer| self.directory.entry(peer));
        if peer.is_some() && peer_entry.is_none() {
            return Err(Error::chat_not_found());
        }
        Ok(Chat {
            chat_id: self.seal.chat_id(head.key),
            kind: if peer.is_some() { ChatKind::Direct } else { ChatKind::Group },
            name: peer_entry.as_ref().map_or_else(|| info.name.clone(), |entry| entry.name.clone()),
            peer: peer_entry.as_ref().map(|entry| entry.user_id.to_string()),
            description: info.description.clone(),
            avatar: peer_entry.as_ref().map_or_else(|| info.avatar.clone(), |entry| entry.avatar.clone()),
            owner: info.owner.map(|owner| self.directory.user_id(owner).to_string()),
            member_count: rights.see_member_count.then(|| state.members.count()),
            role,
            config: info.config.clone(),
            created_at_ms: info.created_at_ms,
            head_seq: state.seq,
            head_position: state.position,
            first_seq: state.first_seq(user),
            dissolved: info.dissolved,
            i18n_names: info.i18n_names.clone(),
            top_notice: self.notice_seen(head.key, state, user),
            pending_requests: rights.decide_joins.then_some(state.waiting.len() as u32),
            details_seq: info.parts.last(),
            rights,
        })
    }

    /// Gives the group to another member.
    pub async fn transfer(&self, by: impl Into<Actor>, key: ChatKey, to: u32) -> Result<Changed> {
        let by = by.into();
        let key = group_key(key, "owner")?;
        self.act(
            key,
            |head, state| {
                owns(head, state, by, "give the group away")?;
                if !state.members.contains(to) {
                    return Err(Error::invalid("user_id", "the new owner must be a member of the group"));
                }
                if state.info.owner == Some(to) {
                    return Ok(Decided::Already(Changed { seq: state.seq }));
                }
                let mut info = (*state.info).clone();
                info.owner = Some(to);
                info.managers.retain(|manager| *manager != to);
                self.append_info(head, state, by.user, Change::OwnerChanged { owner: to }, info)
            },
            |record| Changed { seq: record.seq },
        )
        .await
    }

    /// Names and relieves managers.
    pub async fn set_managers(&self, by: impl Into<Actor>, command: SetManagers) -> Result<Changed> {
        let by = by.into();
        let key = group_key(self.key(command.chat_id)?, "managers")?;
        let add = self.mentioned(&command.add)?;
        let remove = self.mentioned(&command.remove)?;
        self.act(
            key,
            |head, state| {
                owns(head, state, by, "name managers")?;
                if let Some(stranger) = add.iter().find(|manager| !state.members.contains(**manager)) {
                    return Err(Error::invalid("add", format!("`{}` is not a member of the group", self.directory.user_id(*stranger))));
                }
                let mut info = (*state.info).clone();
                let added: Vec<u32> = add.iter().copied().filter(|one| !info.managers.contains(one) && info.owner != Some(*one)).collect();
                let removed: Vec<u32> = remove.iter().copied().filter(|one| info.managers.contains(one)).collect();
                if added.is_empty() && removed.is_empty() {
                    return Ok(Decided::Already(Changed { seq: state.seq }));
                }
                info.managers.retain(|manager| !removed.contains(manager));
                info.managers.extend(&added);
                if info.managers.len() > limits::MANAGERS_MAX {
                    return Err(Error::too_large(
                        "the list of managers",
                        info.managers.len() as u64,
                        limits::MANAGERS_MAX as u64,
                        "people",
                    ));
                }
                self.append_info(head, state, by.user, Change::ManagersChanged { added, removed }, info)
            },
            |record| Changed { seq: record.seq },
        )
        .await
    }

    /// Dissolves the group. What was said stays readable for its members; who waited to be let in is told.
    pub async fn dissolve(&self, by: impl Into<Actor>, key: ChatKey) -> Result<Changed> {
        let by = by.into();
        let key = group_key(key, "end")?;
        let mut answered = Answered::new();
        let changed = self
            .act(
                key,
                |head, state| {
                    answered.clear();
                    let (_, rights) = state.rights(head.key, by)?;
                    if state.info.dissolved {
                        return Ok(Decided::Already(Changed { seq: state.seq }));
                    }
                    if !rights.own {
                        return Err(Error::not_allowed("dissolve the group", "only its owner may"));
                    }
                    self.end(head, state, by.user, &mut answered)
                },
                |record| Changed { seq: record.seq },
            )
            .await?;
        self.ended(key, answered).await?;
        Ok(changed)
    }

    /// Ends a group, and the requests to join it.
    pub(super) fn end(&self, head: &Head, state: &mut State, by: u32, answered: &mut Answered) -> Result<Decided<Changed>> {
        let mut info = (*state.info).clone();
        info.dissolved = true;
        answered.extend(state.waiting.iter().map(|(user, waiting)| (*user, *waiting)));
        let now_ms = self.clock.now_ms();
        let mut writes = ended(head.key, answered, JoinOutcome::GroupGone, now_ms, None);
        writes.extend([info_row(head.key, &info), no_name_row(head.key)]);
        let on_its_way = head.append(state, &*self.log, now_ms, by, Change::Dissolved, Extra { writes, ..Extra::default() })?;
        state.waiting.clear();
        state.info = Arc::new(info);
        Ok(Decided::Append(on_its_way))
    }

    /// What follows when a group has ended: its name is free, and who waited is told.
    pub(super) async fn ended(&self, key: ChatKey, answered: Answered) -> Result<()> {
        self.names.forget(key);
        self.tell_answered(key, answered, JoinOutcome::GroupGone, None).await
    }

    pub(super) fn append_info(
        &self,
        head: &Head,
        state: &mut State,
        user: u32,
        change: Change,
        info: ChatProfile,
    ) -> Result<Decided<Changed>> {
        let writes = vec![info_row(head.key, &info)];
        let on_its_way = head.append(state, &*self.log, self.clock.now_ms(), user, change, Extra { writes, ..Extra::default() })?;
        state.info = Arc::new(info);
        Ok(Decided::Append(on_its_way))
    }

    /// What a group is and who is in it, without a member's point of view; for doors that decide for themselves who may ask.
    pub async fn group_info(&self, key: ChatKey) -> Result<(Arc<ChatProfile>, Arc<RoaringBitmap>)> {
        let head = self.head(key).await?;
        let state = head.lock();
        if state.seq == 0 {
            return Err(Error::chat_not_found());
        }
        Ok((state.info.clone(), state.members.all().clone()))
    }

    /// Role and rights of somebody in a chat.
    pub async fn rights_of(&self, who: impl Into<Actor>, key: ChatKey) -> Result<(Role, Rights)> {
        self.head(key).await?.lock().rights(key, who)
    }
}

fn owns(head: &Head, state: &State, by: Actor, what: &str) -> Result<()> {
    let (_, rights) = writable(head, state, by)?;
    if rights.own { Ok(()) } else { Err(Error::not_allowed(what, "only the owner of the group may")) }
}

/// A group's key; a direct chat has none of what groups have.
pub(super) fn group_key(key: ChatKey, what: &str) -> Result<ChatKey> {
    if key.pair().is_some() { Err(Error::not_a_group(what)) } else { Ok(key) }
}

pub(super) fn member_limit(would_have: u64) -> Error {
    Error::new(
        ErrorCode::MemberLimit,
        "the group would have too many members",
        format!("it would have {would_have}, the limit is {}", limits::GROUP_MEMBERS_MAX),
        "add fewer people, or make a second group",
    )
}

pub(super) fn check_text(field: &str, text: &str, characters_max: usize) -> Result<()> {
    let characters = text.chars().count();
    if characters > characters_max {
        return Err(
            Error::too_large(&format!("the field `{field}`"), characters as u64, characters_max as u64, "characters").of_field(field)
        );
    }
    if text.chars().any(|character| character.is_control() && character != '\n') {
        return Err(Error::invalid(field, "it has control characters"));
    }
    Ok(())
}

pub(super) fn approval_required(config: &ChatConfig) -> bool {
    config.membership_approval == Approval::Required
}
