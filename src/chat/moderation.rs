//! Who may post: everybody, the owner and the managers, or a list.

use super::amend::writable;
use super::group::group_key;
use super::profile::{Actor, info_row};
use super::{ChatKey, Chats, Decided, Extra};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::chat::{Member, Moderation};
use protocol::command::{Changed, MemberPage, Moderators};
use roaring::RoaringBitmap;
use std::sync::Arc;

impl Chats {
    /// Says who may post; only the owner may. Of those who are to be on the list, who is not a member is left out.
    pub async fn set_moderation(
        &self,
        by: impl Into<Actor>,
        key: ChatKey,
        setting: Option<Moderation>,
        add: &RoaringBitmap,
        remove: &RoaringBitmap,
    ) -> Result<Changed> {
        let by = by.into();
        let key = group_key(key, "moderation")?;
        if !add.is_disjoint(remove) {
            return Err(Error::invalid("remove", "somebody is to be put on the list and taken off it at once"));
        }
        self.act(
            key,
            |head, state| {
                let (_, rights) = writable(head, state, by)?;
                if !rights.moderate {
                    return Err(Error::not_allowed("say who may post", "only the owner of the group may"));
                }
                let mut info = (*state.info).clone();
                info.config.moderation_permission = setting.unwrap_or(info.config.moderation_permission);
                let before: RoaringBitmap = info.moderators.iter().copied().collect();
                let after = ((&before | add) - remove) & &**state.members.all();
                if after.len() > limits::MODERATORS_MAX as u64 {
                    return Err(Error::too_large("the list of those who may post", after.len(), limits::MODERATORS_MAX as u64, "people"));
                }
                info.moderators = after.iter().collect();
                if info == *state.info {
                    return Ok(Decided::Already(Changed { seq: state.seq }));
                }
                let change = Change::ModerationChanged {
                    moderation_permission: info.config.moderation_permission,
                    added: (&after - &before).iter().collect(),
                    removed: (&before - &after).iter().collect(),
                    moderator_count: after.len() as u32,
                };
                let extra = Extra { writes: vec![info_row(head.key, &info)], ..Extra::default() };
                let on_its_way = head.append(state, &*self.log, self.clock.now_ms(), by.user, change, extra)?;
                state.info = Arc::new(info);
                Ok(Decided::Append(on_its_way))
            },
            |record| Changed { seq: record.seq },
        )
        .await
    }

    /// Who may post, and a page of the list in the order of indices; whether more follow.
    pub async fn moderation(
        &self,
        by: impl Into<Actor>,
        key: ChatKey,
        after: Option<u32>,
        limit: usize,
    ) -> Result<(Moderation, Vec<u32>, bool)> {
        let key = group_key(key, "moderation")?;
        let head = self.head(key).await?;
        let state = head.lock();
        state.rights(key, by)?;
        let list = &state.info.moderators;
        let from = after.map_or(0, |after| list.partition_point(|moderator| *moderator <= after));
        let page = &list[from..(from + limit).min(list.len())];
        Ok((state.info.config.moderation_permission, page.to_vec(), from + page.len() < list.len()))
    }

    /// A page of the list, for the client protocol.
    pub async fn moderators(&self, user: u32, command: Moderators) -> Result<MemberPage> {
        let key = self.key(command.chat_id)?;
        let after = command.page.as_deref().map(str::parse).transpose();
        let after = after.map_err(|_| Error::invalid("page", "it is not a `next` of this list"))?;
        let (_, page, more) = self.moderation(user, key, after, limits::PAGE_MAX as usize).await?;
        let next = page.last().filter(|_| more).map(u32::to_string);
        let head = self.head(key).await?;
        let state = head.lock();
        let members = page.into_iter().map(|index| Member {
            person: self.directory.card(index),
            role: state.role(index).unwrap_or_default(),
            joined_at_ms: state.members.joined(index).at_ms,
        });
        Ok(MemberPage { members: members.collect(), total: Some(state.info.moderators.len() as u32), next })
    }
}
