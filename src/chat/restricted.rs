//! Restricted mode: what may not leave a group.

use super::{ChatKey, Chats, Head};
use crate::error::{Error, Result};
use protocol::error::ErrorCode;

/// May somebody take messages of this chat to another one? What a stranger may not even see is refused elsewhere.
pub(super) fn check_forward(head: &Head, user: u32) -> Result<()> {
    match head.lock().rights(head.key, user) {
        Ok((_, rights)) if !rights.forward => Err(restricted("copy or forward messages")),
        _ => Ok(()),
    }
}

fn restricted(what: &str) -> Error {
    Error::new(
        ErrorCode::Restricted,
        format!("you may not {what} of this group"),
        "the group is in restricted mode, which binds the owner and the managers too",
        "ask the owner or a manager to change `restricted_mode_setting`",
    )
}

impl Chats {
    /// May somebody save a file from this chat?
    ///
    /// # Errors
    /// `Restricted` when the group's restricted mode forbids it; `ChatNotFound` for a stranger.
    pub async fn check_save(&self, user: u32, key: ChatKey) -> Result<()> {
        let (_, rights) = self.head(key).await?.lock().rights(key, user)?;
        if rights.save_files { Ok(()) } else { Err(restricted("save pictures, videos and files")) }
    }

    /// May somebody save a file that was posted in these chats? Only when they are in one of them that allows it.
    ///
    /// # Errors
    /// `Restricted` when every chat of theirs among these forbids it.
    pub async fn check_save_from_any(&self, user: u32, chats: &[u64]) -> Result<()> {
        let mut refused = None;
        for chat in chats {
            match self.check_save(user, ChatKey(*chat)).await {
                Ok(()) => return Ok(()),
                Err(error) if error.code == ErrorCode::ChatNotFound => {}
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
        refused.map_or(Ok(()), Err)
    }
}
