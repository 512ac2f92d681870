//! The wire's form of what is kept: indices become ids, changes become what clients read.

use super::history::{Folded, nothing};
use super::members::bitmap_of;
use super::{ChatKey, Chats, Head};
use crate::log::Record;
use crate::log::record::{self, Change};
use protocol::chat::Notice;
use protocol::content::{Content, Quote};
use protocol::ids::UserId;
use protocol::person::Person;
use protocol::record as wire;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Records of members name this many people.
const MOVED_USERS_SHOWN: usize = 20;

impl Chats {
    /// A record as it happened: the same for everybody.
    pub fn shape(&self, record: &Record) -> wire::Record {
        self.shaped(record, &Folded::default(), None)
    }

    /// A record as it stands now, as somebody sees it, or as it is seen by whoever has not reacted.
    pub(super) fn shaped(&self, record: &Record, folded: &Folded, viewer: Option<(&Head, Option<u32>)>) -> wire::Record {
        let key = ChatKey(record.chat);
        let message_id = |seq: u64| self.seal.message_id(key, seq);
        let change = match &record.change {
            Change::Message(message) => wire::Change::Message(self.shaped_message(key, record, message, folded, viewer)),
            Change::Edited { target, content, mentions, mention_all } => wire::Change::Edited(wire::Edited {
                message_id: message_id(*target),
                target_seq: *target,
                content: content.clone(),
                mentions: self.user_ids(mentions.iter().copied()),
                mention_all: *mention_all,
            }),
            Change::Recalled { target, position } => {
                wire::Change::Recalled(wire::Recalled { message_id: message_id(*target), target_seq: *target, target_position: *position })
            }
            Change::Reacted { target, emoji } => {
                wire::Change::Reacted(wire::Reacted { message_id: message_id(*target), target_seq: *target, emoji: emoji.clone() })
            }
            Change::Unreacted { target, emoji } => {
                wire::Change::Unreacted(wire::Reacted { message_id: message_id(*target), target_seq: *target, emoji: emoji.clone() })
            }
            // Stands in no chat: its key is that of no chat's identifier.
            Change::Urgent(_) | Change::OwnSettings { .. } => wire::Change::TabsChanged(wire::TabsChanged {}),
            Change::Pinned { target } => wire::Change::Pinned(wire::Pinned { message_id: message_id(*target), target_seq: *target }),
            Change::Unpinned { target } => wire::Change::Unpinned(wire::Pinned { message_id: message_id(*target), target_seq: *target }),
            Change::Created { name, members, .. } => {
                let members = bitmap_of(members);
                wire::Change::Created(wire::Created {
                    name: name.clone(),
                    member_count: members.len() as u32,
                    users: self.user_ids(members.iter().take(MOVED_USERS_SHOWN)),
                })
            }
            Change::MembersAdded { members, member_count } => wire::Change::MembersAdded(self.moved(key, members, *member_count, true)),
            Change::MembersRemoved { members, member_count } => {
                wire::Change::MembersRemoved(self.moved(key, members, *member_count, false))
            }
            Change::Updated { name, description, avatar, config, i18n_names } => wire::Change::Updated(wire::Updated {
                name: name.clone(),
                description: description.clone(),
                avatar: avatar.clone(),
                config: config.clone(),
                i18n_names: i18n_names.clone(),
            }),
            Change::ManagersChanged { added, removed } => wire::Change::ManagersChanged(wire::ManagersChanged {
                added: self.user_ids(added.iter().copied()),
                removed: self.user_ids(removed.iter().copied()),
            }),
            Change::OwnerChanged { owner } => {
                wire::Change::OwnerChanged(wire::OwnerChanged { owner: self.directory.user_id(*owner).to_string() })
            }
            Change::Dissolved => wire::Change::Dissolved(wire::Dissolved {}),
            Change::TopNoticeChanged { notice } => wire::Change::TopNoticeChanged(wire::TopNoticeChanged {
                notice: notice.as_ref().map(|notice| self.notice_shaped(key, notice)),
            }),
            Change::Announced { revision, preview } => {
                wire::Change::Announced(wire::Announced { revision: *revision, preview: preview.clone() })
            }
            Change::TabsChanged => wire::Change::TabsChanged(wire::TabsChanged {}),
            Change::MenuChanged => wire::Change::MenuChanged(wire::MenuChanged {}),
            Change::ModerationChanged { moderation_permission, added, removed, moderator_count } => {
                wire::Change::ModerationChanged(wire::ModerationChanged {
                    moderation_permission: *moderation_permission,
                    added: self.user_ids(added.iter().copied().take(MOVED_USERS_SHOWN)),
                    removed: self.user_ids(removed.iter().copied().take(MOVED_USERS_SHOWN)),
                    moderator_count: *moderator_count,
                })
            }
            Change::FollowedUp { target, follow_ups } => wire::Change::FollowedUp(wire::FollowedUp {
                message_id: message_id(*target),
                target_seq: *target,
                follow_ups: follow_ups.clone(),
            }),
        };
        wire::Record {
            chat_id: self.seal.chat_id(key),
            seq: record.seq,
            position: record.position,
            at_ms: record.at_ms,
            by: self.directory.user_id(record.by).to_string(),
            change,
        }
    }

    fn shaped_message(
        &self,
        key: ChatKey,
        record: &Record,
        message: &record::Message,
        folded: &Folded,
        viewer: Option<(&Head, Option<u32>)>,
    ) -> wire::Message {
        let recalled_by = folded.recalled_by(record.seq);
        let (mentions, mention_all) = folded.mentions(record.seq).unwrap_or((&message.mentions, message.mention_all));
        let quoted_recalled = |seq: u64| viewer.is_some_and(|(head, _)| head.lock().recalled_seqs.contains(seq));
        let reply_to = message.reply_to.as_ref().map(|quoted| {
            let recalled = quoted_recalled(quoted.seq);
            Quote {
                message_id: self.seal.message_id(key, quoted.seq),
                seq: quoted.seq,
                sender: self.directory.user_id(quoted.sender).to_string(),
                preview: if recalled { String::new() } else { quoted.preview.clone() },
                recalled,
            }
        });
        let pinned = viewer.is_some_and(|(head, _)| head.lock().info.pins.iter().any(|(target, _)| *target == record.seq));
        wire::Message {
            message_id: self.seal.message_id(key, record.seq),
            client_message_id: message.client_message_id.clone(),
            content: if recalled_by.is_some() { nothing() } else { folded.current_content(record) },
            reply_to,
            thread_root: message.thread_root.map(|seq| self.seal.message_id(key, seq)),
            mentions: if recalled_by.is_some() { Vec::new() } else { self.user_ids(mentions.iter().copied()) },
            mention_all: mention_all && recalled_by.is_none(),
            edited_at_ms: folded.edited_at_ms(record.seq),
            recalled_by: recalled_by.map(|user| self.directory.user_id(user).to_string()),
            reactions: if recalled_by.is_some() {
                Vec::new()
            } else {
                viewer.map(|(_, user)| folded.reactions_seen(self, record.seq, user)).unwrap_or_default()
            },
            pinned,
            thread_count: folded.thread_count(record.seq),
            follow_ups: if recalled_by.is_some() { Vec::new() } else { folded.follow_ups(record.seq).to_vec() },
        }
    }

    fn moved(&self, key: ChatKey, members: &[u8], member_count: u32, came: bool) -> wire::MembersChanged {
        let members = bitmap_of(members);
        let notice = self.head_in_memory(key).map_or(Notice::AllMembers, |head| {
            let info = head.lock().info.clone();
            if came { info.config.join_message_visibility } else { info.config.leave_message_visibility }
        });
        wire::MembersChanged {
            users: self.user_ids(members.iter().take(MOVED_USERS_SHOWN)),
            count: members.len() as u32,
            member_count,
            quiet: notice == Notice::NotAnyone,
            me: false,
            managers_only: notice == Notice::OnlyOwner,
        }
    }

    /// Ids of people.
    pub fn user_ids(&self, users: impl Iterator<Item = u32>) -> Vec<UserId> {
        users.map(|user| self.directory.user_id(user).to_string()).collect()
    }

    /// The people in these records, each once.
    pub(super) fn people_of(&self, records: &[Arc<Record>]) -> Vec<Person> {
        let mut people = BTreeSet::new();
        for record in records {
            people.insert(record.by);
            match &record.change {
                Change::Message(message) => {
                    people.extend(message.mentions.iter().copied());
                    people.extend(message.reply_to.as_ref().map(|quoted| quoted.sender));
                    if let Content::Merged(merged) = &message.content {
                        people.extend(merged.messages.iter().filter_map(|message| self.directory.index(&message.sender)));
                    }
                }
                Change::Created { members, .. } | Change::MembersAdded { members, .. } | Change::MembersRemoved { members, .. } => {
                    people.extend(bitmap_of(members).iter().take(MOVED_USERS_SHOWN));
                }
                Change::ManagersChanged { added, removed } => people.extend(added.iter().chain(removed).copied()),
                Change::ModerationChanged { added, removed, .. } => {
                    people.extend(added.iter().take(MOVED_USERS_SHOWN).chain(removed.iter().take(MOVED_USERS_SHOWN)).copied());
                }
                Change::OwnerChanged { owner } => drop(people.insert(*owner)),
                _ => {}
            }
        }
        people.into_iter().map(|user| self.directory.card(user)).collect()
    }
}
