//! What stands on top of a group: a message, or the announcement.

use super::amend::writable;
use super::group::group_key;
use super::profile::{Actor, info_row};
use super::{ChatKey, Chats, Decided, Extra, State, preview};
use crate::error::{Error, Result};
use crate::log::record::{self, Change};
use protocol::chat::{HistoryFor, TopNotice};
use protocol::command::Changed;
use protocol::error::ErrorCode;
use protocol::ids::MessageId;
use std::sync::Arc;

/// What is to stand on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnTop {
    /// A message of the chat.
    Message(MessageId),
    /// The announcement.
    Announcement,
    /// Nothing.
    Nothing,
}

impl Chats {
    /// Puts something on top of a group, or takes it down. Who may pin may do it.
    pub async fn set_top_notice(&self, by: impl Into<Actor>, key: ChatKey, top: OnTop) -> Result<Changed> {
        let by = by.into();
        let key = group_key(key, "top notice")?;
        let head = self.head(key).await?;
        // A stranger learns nothing of what stands in it.
        head.lock().rights(key, by)?;
        let (target, preview) = match top {
            OnTop::Message(message_id) => {
                let (of, seq) = self.place(message_id)?;
                if of != key {
                    return Err(Error::message_not_found());
                }
                let record = self.visible_message(&head, by.user, seq).await?;
                let content = self.folded(key, seq, seq).await?.current_content(&record);
                (Some(seq), preview(&content))
            }
            OnTop::Announcement => (None, self.announcement_preview(&head).await?),
            OnTop::Nothing => (None, String::new()),
        };
        self.act(
            key,
            |head, state| {
                let (_, rights) = writable(head, state, by)?;
                if !rights.pin {
                    return Err(Error::not_allowed(
                        "put something on top",
                        "the group's configuration reserves it for the owner and the managers",
                    ));
                }
                if target.is_some_and(|seq| state.recalled_seqs.contains(seq)) {
                    return Err(Error::recalled());
                }
                if top == OnTop::Announcement && state.info.parts.announcement == 0 {
                    return Err(Error::new(
                        ErrorCode::MessageNotFound,
                        "the group has no announcement",
                        "nobody has written one",
                        "write the announcement first, or put a message on top",
                    ));
                }
                let same = |notice: &record::TopNotice| top != OnTop::Nothing && notice.target == target;
                if state.info.top_notice.as_ref().map_or(top == OnTop::Nothing, same) {
                    return Ok(Decided::Already(Changed { seq: state.seq }));
                }
                let now_ms = self.clock.now_ms();
                let mut info = (*state.info).clone();
                // Where newcomers do not see the past, the notice tells them nothing of it either.
                let shown = target.is_none() || info.config.history == HistoryFor::All;
                let preview = if shown { preview.clone() } else { String::new() };
                info.top_notice = (top != OnTop::Nothing).then_some(record::TopNotice { target, preview, by: by.user, at_ms: now_ms });
                let change = Change::TopNoticeChanged { notice: info.top_notice.clone() };
                let extra = Extra { writes: vec![info_row(head.key, &info)], ..Extra::default() };
                let on_its_way = head.append(state, &*self.log, now_ms, by.user, change, extra)?;
                state.info = Arc::new(info);
                Ok(Decided::Append(on_its_way))
            },
            |record| Changed { seq: record.seq },
        )
        .await
    }

    /// What stands on top now for one member. A message that was recalled stands there no more.
    pub(super) fn notice_seen(&self, key: ChatKey, state: &State, user: u32) -> Option<TopNotice> {
        let notice = state.info.top_notice.as_ref().filter(|notice| match notice.target {
            Some(seq) => seq >= state.first_seq(user) && !state.recalled_seqs.contains(seq),
            None => state.info.parts.announcement > 0,
        })?;
        Some(self.notice_shaped(key, notice))
    }

    /// The wire's form of a top notice.
    pub(super) fn notice_shaped(&self, key: ChatKey, notice: &record::TopNotice) -> TopNotice {
        TopNotice {
            message_id: notice.target.map(|seq| self.seal.message_id(key, seq)),
            seq: notice.target,
            preview: notice.preview.clone(),
            by: self.directory.user_id(notice.by).to_string(),
            at_ms: notice.at_ms,
        }
    }
}
