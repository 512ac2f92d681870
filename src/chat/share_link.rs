//! Links by which others join a group: made, looked at, and dead when their maker could not add members any more.
//!
//! A link is sealed, not stored: it holds the chat, its maker and its end. So it cannot be listed or taken back one by
//! one; it dies with its end, when its maker leaves, or when the group reserves adding for others.

use super::group::group_key;
use super::profile::Actor;
use super::{ChatKey, Chats, State};
use crate::error::{Error, Result};
use protocol::chat::Visibility;
use protocol::command::{GroupFound, ShareLink, Validity};
use protocol::error::ErrorCode;

const DAY_S: u64 = 24 * 3_600;

impl Chats {
    /// Makes a link to a group.
    pub async fn share_link(&self, by: impl Into<Actor>, key: ChatKey, validity: Validity) -> Result<ShareLink> {
        let by = by.into();
        let key = group_key(key, "link")?;
        let head = self.head(key).await?;
        let (_, rights) = super::amend::writable(&head, &head.lock(), by)?;
        if !rights.add_members {
            return Err(Error::not_allowed("share the group", "the group's configuration reserves it for the owner and the managers"));
        }
        let now_s = self.clock.now_ms() / 1_000;
        let ends_s = match validity {
            Validity::Week => u32::try_from(now_s + 7 * DAY_S).unwrap_or(u32::MAX),
            Validity::Year => u32::try_from(now_s + 365 * DAY_S).unwrap_or(u32::MAX),
            Validity::Permanently => u32::MAX,
        };
        let token = self.seal.link(key, by.user, ends_s);
        let path = format!("/#/join/{token}");
        Ok(ShareLink { token, path, expires_at_ms: (ends_s != u32::MAX).then(|| u64::from(ends_s) * 1_000) })
    }

    /// Chat and maker of a link that has not ended.
    fn link_meant(&self, token: &str) -> Result<(ChatKey, u32)> {
        let (key, maker, ends_s) = self.seal.link_of(token).ok_or_else(|| dead("it was not made here, or not copied whole"))?;
        if ends_s != u32::MAX && self.clock.now_ms() / 1_000 >= u64::from(ends_s) {
            return Err(dead("the time for which it was good is over"));
        }
        Ok((key, maker))
    }

    /// The maker of a link to this chat.
    pub(super) fn link_maker(&self, token: &str, key: ChatKey) -> Result<u32> {
        let (of, maker) = self.link_meant(token)?;
        if of == key { Ok(maker) } else { Err(dead("it leads to another group")) }
    }

    /// The group that a link leads to, for somebody who need not be in it.
    pub async fn linked_chat(&self, user: u32, token: &str) -> Result<GroupFound> {
        let (key, maker) = self.link_meant(token)?;
        let head = self.head(key).await?;
        check_maker(&head.lock(), key, maker)?;
        self.group_found(user, key).await
    }

    /// A group as somebody sees it who may be a stranger, and may know that it is there.
    pub async fn group_found(&self, user: u32, key: ChatKey) -> Result<GroupFound> {
        let head = self.head(key).await?;
        let state = head.lock();
        let (info, joined) = (&state.info, state.members.contains(user));
        let counted = match state.rights(key, user) {
            Ok((_, rights)) => rights.see_member_count,
            Err(_) => info.config.hide_member_count_setting == protocol::chat::Who::AllMembers,
        };
        Ok(GroupFound {
            chat_id: self.seal.chat_id(key),
            name: info.name.clone(),
            i18n_names: info.i18n_names.clone(),
            description: if joined || info.config.chat_type == Visibility::Public { info.description.clone() } else { String::new() },
            avatar: info.avatar.clone(),
            member_count: counted.then(|| state.members.count()),
            joined,
            approval: super::group::approval_required(&info.config),
            requested: state.waiting.contains_key(&user),
        })
    }
}

/// Could the maker of a link still add members?
pub(super) fn check_maker(state: &State, key: ChatKey, maker: u32) -> Result<()> {
    if state.info.dissolved {
        return Err(Error::dissolved());
    }
    match state.rights(key, maker) {
        Ok((_, rights)) if rights.add_members => Ok(()),
        Ok(_) => Err(dead("the group now reserves adding members for the owner and the managers, and its maker is neither")),
        Err(_) => Err(dead("its maker is not in the group any more")),
    }
}

fn dead(why: &str) -> Error {
    Error::new(ErrorCode::LinkDead, "the link is not good", why, "ask a member of the group for a new link")
}
