//! The announcement of a group: a text of any form, kept as it was given, with a revision that grows.

use super::amend::writable;
use super::group::group_key;
use super::parts::{Part, PartChange};
use super::profile::{Actor, Parts};
use super::{ChatKey, Chats, Head};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::record::Change;
use protocol::command::{Announcement, Changed, SetAnnouncement};
use protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of an announcement that its record tells.
const PREVIEW_CHARACTERS: usize = 120;

/// An announcement as it is kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptAnnouncement {
    /// What it says: a text, or a document of the open platform's older form.
    pub content: String,
    /// Grows with each change.
    pub revision: u64,
    /// When there was one first, ms since 1970.
    pub created_at_ms: u64,
    /// When it was changed, ms since 1970.
    pub updated_at_ms: u64,
    /// Who had written the first one.
    pub owner: u32,
    /// Who changed it.
    pub modifier: u32,
}

impl Part for KeptAnnouncement {
    const NAME: &'static str = "announcement";
    fn seq(parts: &mut Parts) -> &mut u64 {
        &mut parts.announcement
    }
}

/// What the one who changes an announcement has seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenRevision {
    /// The revision.
    pub revision: u64,
    /// It may be behind by so many.
    pub behind_max: u64,
}

impl Chats {
    /// The announcement, for one of the members; none when there was never one, or it is empty now.
    pub async fn announcement(&self, by: impl Into<Actor>, key: ChatKey) -> Result<Option<KeptAnnouncement>> {
        let kept = self.announcement_or_none_yet(by, key).await?;
        Ok(Some(kept).filter(|kept| !kept.content.is_empty()))
    }

    /// The announcement with its revision, also when it is empty.
    pub async fn announcement_or_none_yet(&self, by: impl Into<Actor>, key: ChatKey) -> Result<KeptAnnouncement> {
        let key = group_key(key, "announcement")?;
        let head = self.head(key).await?;
        let seen = {
            let state = head.lock();
            state.rights(key, by)?;
            state.info.parts.announcement
        };
        if seen == 0 { Ok(KeptAnnouncement::default()) } else { self.part(key).await }
    }

    /// Changes the announcement, for the client protocol.
    pub async fn set_announcement(&self, user: u32, command: SetAnnouncement) -> Result<Changed> {
        let seen = command.revision.map(|revision| SeenRevision { revision, behind_max: 0 });
        let (seq, _) = self.announce(user, self.key(command.chat_id)?, seen, |_| Ok(command.text.clone())).await?;
        Ok(Changed { seq })
    }

    /// Changes the announcement: `edit` makes the new content of the one that stands. Who may change the group's name may
    /// do it. Gives the seq and the new revision.
    pub async fn announce(
        &self,
        by: impl Into<Actor>,
        key: ChatKey,
        seen: Option<SeenRevision>,
        edit: impl Fn(&str) -> Result<String>,
    ) -> Result<(u64, u64)> {
        let by = by.into();
        let key = group_key(key, "announcement")?;
        self.change_part(
            by,
            key,
            Vec::new(),
            |head, state, kept: KeptAnnouncement| {
                let (_, rights) = writable(head, state, by)?;
                if !rights.edit_info {
                    return Err(Error::not_allowed(
                        "change the announcement",
                        "the group's configuration reserves it for the owner and the managers",
                    ));
                }
                if let Some(SeenRevision { revision, behind_max }) = seen {
                    check_revision(kept.revision, revision, behind_max)?;
                }
                let content = edit(&kept.content)?;
                if content.len() > limits::ANNOUNCEMENT_BYTES_MAX {
                    return Err(Error::too_large("the announcement", content.len() as u64, limits::ANNOUNCEMENT_BYTES_MAX as u64, "bytes"));
                }
                if content == kept.content {
                    return Ok(PartChange::Stays(kept.revision));
                }
                let now_ms = self.clock.now_ms();
                let first = kept.revision == 0;
                let revision = kept.revision + 1;
                let part = KeptAnnouncement {
                    revision,
                    created_at_ms: if first { now_ms } else { kept.created_at_ms },
                    updated_at_ms: now_ms,
                    owner: if first { by.user } else { kept.owner },
                    modifier: by.user,
                    content,
                };
                let change = Box::new(Change::Announced { revision, preview: preview_of(&part.content) });
                Ok(PartChange::Put { part, change, answer: revision })
            },
            |info, announcement| match &mut info.top_notice {
                Some(notice) if notice.target.is_none() && announcement.content.is_empty() => info.top_notice = None,
                Some(notice) if notice.target.is_none() => notice.preview = preview_of(&announcement.content),
                _ => {}
            },
        )
        .await
    }

    /// How the announcement begins.
    pub(super) async fn announcement_preview(&self, head: &Head) -> Result<String> {
        let kept: KeptAnnouncement = self.part(head.key).await?;
        Ok(preview_of(&kept.content))
    }

    /// The wire's form of an announcement.
    pub(super) fn announcement_shaped(&self, kept: &KeptAnnouncement) -> Announcement {
        Announcement {
            revision: kept.revision,
            text: readable(&kept.content),
            created_at_ms: kept.created_at_ms,
            updated_at_ms: kept.updated_at_ms,
            owner: self.directory.user_id(kept.owner).to_string(),
            modifier: self.directory.user_id(kept.modifier).to_string(),
        }
    }
}

fn check_revision(is: u64, seen: u64, behind_max: u64) -> Result<()> {
    if seen > is {
        return Err(Error::invalid("revision", format!("it is {seen}, and the announcement has only got to {is}")));
    }
    if is - seen > behind_max {
        return Err(Error::new(
            ErrorCode::RevisionOld,
            "the announcement has changed meanwhile",
            format!("it is at revision {is}; the change was made for {seen}, which may be behind by {behind_max}"),
            "read the announcement again, and make the change for what it says now",
        ));
    }
    Ok(())
}

fn preview_of(content: &str) -> String {
    readable(content).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(PREVIEW_CHARACTERS).collect()
}

/// What people read of an announcement: the text of each block of a document on a line of its own, any other text as it is.
pub fn readable(content: &str) -> String {
    let document =
        serde_json::from_str::<Value>(content).ok().filter(|document| document.pointer("/body/blocks").is_some_and(Value::is_array));
    let Some(document) = document else { return content.to_owned() };
    let mut lines = Vec::new();
    let blocks = document.pointer("/body/blocks").and_then(Value::as_array);
    for block in document.get("title").into_iter().chain(blocks.into_iter().flatten()) {
        let mut line = String::new();
        texts(block, &mut line);
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Every text of a block, in its order; what holds none, as pictures, has nothing to read.
fn texts(value: &Value, into: &mut String) {
    match value {
        Value::Object(fields) => {
            if let Some(text) = fields.get("text").and_then(Value::as_str) {
                into.push_str(text);
            }
            fields.values().for_each(|value| texts(value, into));
        }
        Value::Array(elements) => elements.iter().for_each(|value| texts(value, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_reads_as_its_text_and_a_text_as_itself() {
        let document = r#"{"title":{"elements":[{"type":"textRun","textRun":{"text":"Rules"}}]},"body":{"blocks":[
            {"type":"paragraph","paragraph":{"elements":[{"type":"textRun","textRun":{"text":"Helmets "}},{"type":"textRun","textRun":{"text":"on"}}]}},
            {"type":"gallery","gallery":{"imageList":[]}}]}}"#;
        assert_eq!(readable(document), "Rules\nHelmets on");
        for text in ["plain", "{not json", "{\"a\":1}", ""] {
            assert_eq!(readable(text), text);
        }
    }

    #[test]
    fn a_revision_may_be_a_little_behind_and_never_ahead() {
        assert!(check_revision(120, 20, 100).is_ok() && check_revision(5, 5, 0).is_ok());
        assert_eq!(check_revision(121, 20, 100).unwrap_err().code, ErrorCode::RevisionOld);
        assert_eq!(check_revision(5, 6, 100).unwrap_err().code, ErrorCode::InvalidValue);
    }
}
