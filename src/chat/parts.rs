//! The bulky parts of a group, each a row of its own: announcement, tabs, menu. A head knows only where each was last
//! changed; what it says is read when somebody asks, or changes it.

use super::profile::{Actor, Parts, info_row};
use super::{ChatKey, ChatProfile, Chats, Extra, Head, Outcome, State, TRIES};
use crate::error::{Error, Result};
use crate::log::record::Change;
use crate::store::Write;
use crate::store::tables::{self, Table};
use protocol::command::ChatDetails;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A part that is kept in a row of its own.
pub(super) trait Part: Serialize + DeserializeOwned + Default {
    /// Name of the row.
    const NAME: &'static str;
    /// Where it was last changed.
    fn seq(parts: &mut Parts) -> &mut u64;
}

/// What is to become of a part.
pub(super) enum PartChange<P, T> {
    /// It is this from now on.
    Put {
        /// What it is.
        part: P,
        /// The record that says so.
        change: Box<Change>,
        /// What is answered.
        answer: T,
    },
    /// It stays; this is answered.
    Stays(T),
}

impl Chats {
    /// A part as it is kept.
    pub(super) async fn part<P: Part>(&self, key: ChatKey) -> Result<P> {
        match self.store.get(Table::ChatParts, tables::u64_key(key.0), tables::text_key(P::NAME)).await? {
            Some(json) => serde_json::from_slice(&json).map_err(|error| super::head::damaged("chat_parts", &error.to_string())),
            None => Ok(P::default()),
        }
    }

    /// Changes a part: reads it, lets `decide` say what becomes of it under the chat's lock, and does it again when
    /// somebody else has changed it meanwhile. Gives the seq and the answer.
    pub(super) async fn change_part<P: Part, T>(
        &self,
        by: Actor,
        key: ChatKey,
        writes: Vec<Write>,
        decide: impl Fn(&Head, &State, P) -> Result<PartChange<P, T>>,
        note: impl Fn(&mut ChatProfile, &P),
    ) -> Result<(u64, T)> {
        for _ in 0..TRIES {
            let head = self.head(key).await?;
            let seen = {
                let state = head.lock();
                // Who may not even see the chat learns nothing from how long this takes.
                state.rights(key, by)?;
                *P::seq(&mut state.info.parts.clone())
            };
            if !head.durable(seen).await {
                continue;
            }
            let part: P = self.part(key).await?;
            let (on_its_way, answer) = {
                let mut state = head.lock();
                if head.broken() || *P::seq(&mut state.info.parts.clone()) != seen {
                    continue;
                }
                match decide(&head, &state, part)? {
                    PartChange::Stays(answer) => return Ok((state.seq, answer)),
                    PartChange::Put { part, change, answer } => {
                        let mut info = (*state.info).clone();
                        *P::seq(&mut info.parts) = state.seq + 1;
                        note(&mut info, &part);
                        let json = serde_json::to_vec(&part).expect("a part of a group is plain data");
                        let mut writes = writes.clone();
                        writes.push(info_row(key, &info));
                        writes.push(Write::Put(Table::ChatParts, tables::u64_key(key.0), tables::text_key(P::NAME), json));
                        let extra = Extra { writes, ..Extra::default() };
                        let on_its_way = head.append(&mut state, &*self.log, self.clock.now_ms(), by.user, *change, extra)?;
                        state.info = Arc::new(info);
                        (on_its_way, answer)
                    }
                }
            };
            match head.outcome(on_its_way).await? {
                Outcome::Committed(record) => return Ok((record.seq, answer)),
                Outcome::Earlier { seq, .. } => return Ok((seq, answer)),
                Outcome::Again => {}
            }
        }
        Err(Error::busy("the chat changes faster than this could be done"))
    }

    /// Announcement, tabs and menu, for one of the members.
    pub async fn chat_details(&self, user: u32, key: ChatKey) -> Result<ChatDetails> {
        let announcement = self.announcement(user, key).await?.map(|announcement| self.announcement_shaped(&announcement));
        Ok(ChatDetails { announcement, tabs: self.tabs(user, key).await?, menu: self.menu(user, key).await? })
    }
}
