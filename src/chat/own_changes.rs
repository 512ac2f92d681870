//! Whose settings of which chat were changed lately, so that a device that was away for minutes need not read all settings of its person.
//!
//! Each change is noted beside itself, under its minute; whoever asks at the same moment is answered by one read of the last minutes.

use super::{ChatKey, Chats};
use crate::error::Result;
use crate::limits;
use crate::store::tables::{self, Key, Table};
use crate::store::{Range, Write};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// Its rows in the table `Facts`: this, the minute, the person, the chat.
const FACT: &str = "own/";
/// Behind every name that begins with `FACT`: `0` follows `/`.
const FACT_END: &str = "own0";
const MINUTE_MS: u64 = 60_000;
/// Rows of one write that lets go of old ones.
const SWEPT_AT_ONCE: usize = 500;

/// What was read last.
#[derive(Default)]
pub(super) struct OwnChanges(Mutex<Option<Looked>>);

struct Looked {
    began: Instant,
    /// None: there were too many.
    known: Result<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    /// Every change from this minute on is here.
    from_minute: u64,
    by_user: Arc<HashMap<u32, Vec<ChatKey>>>,
}

fn row(minute: u64, user: u32, chat: ChatKey) -> Key {
    tables::text_key(&format!("{FACT}{minute:08x}/{user:08x}/{:016x}", chat.0))
}

/// Before every note of a minute, and behind those of the one before.
fn first_of(minute: u64) -> Key {
    tables::text_key(&format!("{FACT}{minute:08x}/"))
}

fn read(row: &[u8]) -> Option<(u32, ChatKey)> {
    let mut parts = std::str::from_utf8(row.get(FACT.len()..)?).ok()?.split('/').skip(1);
    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
    Some((u32::try_from(number()?).ok()?, ChatKey(number()?)))
}

/// The note of a change; behind the change itself in the same write, so that what is written in part is not passed over.
pub(super) fn note(at_ms: u64, user: u32, chat: ChatKey) -> Write {
    Write::Put(Table::Facts, tables::none(), row(at_ms / MINUTE_MS, user, chat), Vec::new())
}

impl Chats {
    /// Chats of which somebody has changed their settings since a time, and perhaps a minute before. None: it is not noted that far back.
    pub(super) async fn own_changes_since(&self, user: u32, since_ms: u64) -> Result<Option<Vec<ChatKey>>> {
        let from = (self.clock.now_ms() / MINUTE_MS).saturating_sub(limits::OWN_CHANGES_MINUTES);
        if since_ms / MINUTE_MS < from {
            return Ok(None);
        }
        let asked = Instant::now();
        let mut last = self.own_changes.0.lock().await;
        let known = match &*last {
            // A read that began since counts: nothing that was written before the question is missing in it. So does one that failed, or
            // each of thousands would wait for a failure of its own.
            Some(last) if last.began >= asked => last.known.clone(),
            _ => {
                let began = Instant::now();
                let known = self.look_for_own_changes(from).await;
                *last = Some(Looked { began, known: known.clone() });
                known
            }
        };
        drop(last);
        let known = known?.filter(|known| known.from_minute <= since_ms / MINUTE_MS);
        Ok(known.map(|known| known.by_user.get(&user).cloned().unwrap_or_default()))
    }

    async fn look_for_own_changes(&self, from_minute: u64) -> Result<Option<Known>> {
        let range = Range::between(first_of(from_minute), tables::text_key(FACT_END), limits::OWN_CHANGES_MAX);
        let rows = self.store.scan(Table::Facts, tables::none(), range).await?;
        if rows.len() >= limits::OWN_CHANGES_MAX {
            return Ok(None);
        }
        let mut by_user: HashMap<u32, Vec<ChatKey>> = HashMap::new();
        for (user, chat) in rows.iter().filter_map(|(row, _)| read(row)) {
            by_user.entry(user).or_default().push(chat);
        }
        Ok(Some(Known { from_minute, by_user: Arc::new(by_user) }))
    }

    /// Lets go of notes that nobody asks for any more.
    pub(super) async fn sweep_own_changes(&self) -> Result<()> {
        let to = first_of((self.clock.now_ms() / MINUTE_MS).saturating_sub(2 * limits::OWN_CHANGES_MINUTES));
        loop {
            let range = Range::between(tables::text_key(FACT), to.clone(), SWEPT_AT_ONCE);
            let rows = self.store.scan(Table::Facts, tables::none(), range).await?;
            let gone = rows.len();
            if gone > 0 {
                self.store.write(rows.into_iter().map(|(row, _)| Write::Delete(Table::Facts, tables::none(), row)).collect()).await?;
            }
            if gone < SWEPT_AT_ONCE {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_tells_whose_and_of_which_chat_and_stands_in_the_order_of_minutes() {
        let Write::Put(_, _, noted, _) = note(125_000, 371_000, ChatKey(u64::MAX)) else { panic!("a note is a row") };
        assert_eq!(read(&noted), Some((371_000, ChatKey(u64::MAX))));
        assert!(first_of(2) < noted && noted < first_of(3) && first_of(u64::from(u32::MAX)) < tables::text_key(FACT_END));
        assert_eq!((read(b"own/"), read(b"own/1/x/2"), read(b"")), (None, None, None));
    }
}
