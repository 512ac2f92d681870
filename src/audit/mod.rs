//! The audit log: who changed what, when, from where, and how it ended.
//!
//! Promise: entries are only ever added, in one order that a restart keeps. No call is begun whose entry could not be
//! taken; nothing waits for its writing: all that came since the last commit goes into the next one together. Only a
//! loss of power can take entries with it, those of the last few ms; the changes themselves are in the log of their chats.
//! Never: what people write, secrets, HTTP.

#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::limits::{AUDIT_ENTRIES_READ_MAX, AUDIT_ENTRIES_TOGETHER, AUDIT_ENTRIES_WAITING};
use crate::store::tables::{self, Key, KeyMaker, Table};
use crate::store::{Range, Store, Write};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// A day is one partition, so that old ones go as a whole.
const DAY_MS: u64 = 24 * 3_600_000;
/// How long a write that failed waits for the next try.
const TRIED_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How often a day that is too old is looked for.
const TIDIED_EVERY: Duration = Duration::from_secs(3_600);
/// Days before the oldest kept one that are looked at for entries.
const DAYS_TIDIED: u64 = 400;
/// Entries removed in one write.
const REMOVED_TOGETHER: usize = 4_096;

/// One change, as the table `Audit` keeps it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Who: the app, or empty when it came without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app_id: String,
    /// Who: the person, of what came by the client protocol.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user_id: String,
    /// The person's device.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_id: String,
    /// Which call: method and path of the table of calls; of a person, the command.
    pub call: String,
    /// What it was about: ids of chats, messages, people, files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// What it brought, shortened, without what people write and without secrets: JSON.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// 0 when it was done, else why it was refused; none when the caller went away before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// Address that a call came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Log id of a call's answer.
    pub log_id: String,
}

/// Where an entry stands: ms since 1970, the start of the server, and which one it is of that start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When the entry was taken, ms since 1970.
    pub at_ms: u64,
    start: u32,
    number: u32,
}

impl Place {
    fn key(self) -> Key {
        KeyMaker::default().u64(self.at_ms).u32(self.start).u32(self.number).done()
    }

    fn of(key: &[u8]) -> Option<Self> {
        Some(Self { at_ms: tables::read_u64(key, 0)?, start: tables::read_u32(key, 8)?, number: tables::read_u32(key, 12)? })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "{:x}.{:x}.{:x}", self.at_ms, self.start, self.number)
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let mut parts = text.split('.').map(|part| u64::from_str_radix(part, 16));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(at_ms)), Some(Ok(start)), Some(Ok(number)), None) => {
                Ok(Self { at_ms, start: start.try_into().map_err(drop)?, number: number.try_into().map_err(drop)? })
            }
            _ => Err(()),
        }
    }
}

/// Which entries somebody wants.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Not before this, ms since 1970.
    pub from_ms: u64,
    /// Before this, ms since 1970.
    pub until_ms: u64,
    /// The newest first.
    pub backward: bool,
    /// Behind this one.
    pub behind: Option<Place>,
    /// Of this app only.
    pub app_id: Option<String>,
    /// Of this person only.
    pub user_id: Option<String>,
    /// Of this call only.
    pub call: Option<String>,
    /// About this only.
    pub target: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Wanted {
    fn takes(&self, entry: &AuditEntry) -> bool {
        self.app_id.as_ref().is_none_or(|app_id| *app_id == entry.app_id)
            && self.user_id.as_ref().is_none_or(|user_id| *user_id == entry.user_id)
            && self.call.as_ref().is_none_or(|call| *call == entry.call)
            && self.target.as_ref().is_none_or(|target| entry.targets.contains(target))
    }
}

/// Entries with their places, and where to go on when there may be more.
pub type Found = (Vec<(Place, AuditEntry)>, Option<Place>);

/// The audit log of one organisation.
pub struct AuditLog {
    store: Arc<dyn Store>,
    clock: Clock,
    keep_days: u64,
    entries: mpsc::Sender<AuditEntry>,
    waiting: Mutex<Option<mpsc::Receiver<AuditEntry>>>,
}

/// A place in the line of entries. What has one can be written down.
struct Reserved(mpsc::OwnedPermit<AuditEntry>);

impl Reserved {
    /// Writes the entry down with the next commit.
    fn put(self, entry: AuditEntry) {
        self.0.send(entry);
    }
}

/// Something that is under way. When it ends, however that is, its entry is written down: also of what panicked, or whose caller
/// went away. What that has done is not known then.
pub struct Noted {
    /// What is known of it by now.
    pub entry: AuditEntry,
    reserved: Option<Reserved>,
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(reserved) = self.reserved.take() {
            reserved.put(std::mem::take(&mut self.entry));
        }
    }
}

impl AuditLog {
    /// The log in this store; entries are kept for so many days.
    pub fn new(store: Arc<dyn Store>, clock: Clock, keep_days: u64) -> Arc<Self> {
        let (entries, waiting) = mpsc::channel(AUDIT_ENTRIES_WAITING);
        Arc::new(Self { store, clock, keep_days, entries, waiting: Mutex::new(Some(waiting)) })
    }

    /// Takes a place for an entry, before anything is changed.
    ///
    /// # Errors
    /// `StorageUnavailable` when so many wait that the store does not take them.
    fn reserve(&self) -> Result<Reserved> {
        let place = self.entries.clone().try_reserve_owned();
        place.map(Reserved).map_err(|_| Error::storage("the audit log cannot be written, so that nothing is changed"))
    }

    /// Takes a place for the entry of something that begins.
    ///
    /// # Errors
    /// `StorageUnavailable`: it must not begin.
    pub fn begin(&self, entry: AuditEntry) -> Result<Noted> {
        Ok(Noted { entry, reserved: Some(self.reserve()?) })
    }

    /// Writes what comes until told to stop, and then what is left. Run it as one task.
    pub async fn write(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(mut waiting) = self.waiting.lock().take() else { return };
        let (start, mut last) = (rand::random::<u32>(), Place { at_ms: 0, start: 0, number: 0 });
        let mut batch = Vec::new();
        let mut tidy = tokio::time::interval(TIDIED_EVERY);
        loop {
            tokio::select! {
                biased;
                count = waiting.recv_many(&mut batch, AUDIT_ENTRIES_TOGETHER) => if count == 0 { return },
                () = told_to_stop(&mut stop), if !waiting.is_closed() => waiting.close(),
                _ = tidy.tick() => self.tidy().await,
            }
            if batch.is_empty() {
                continue;
            }
            let writes: Vec<Write> = batch
                .drain(..)
                .filter_map(|entry| {
                    let at_ms = self.clock.now_ms().max(last.at_ms);
                    last = Place { at_ms, start, number: if at_ms == last.at_ms { last.number + 1 } else { 0 } };
                    let value = serde_json::to_vec(&entry).ok()?;
                    Some(Write::Put(Table::Audit, day(at_ms), last.key(), value))
                })
                .collect();
            while let Err(error) = self.store.write(writes.clone()).await {
                if waiting.is_closed() {
                    tracing::error!(%error, entries = writes.len(), "the last entries of the audit log could not be written");
                    break;
                }
                tracing::warn!(%error, "the audit log could not be written; it is tried again, and calls that change something are refused meanwhile");
                tokio::select! {
                    () = tokio::time::sleep(TRIED_AGAIN_AFTER) => {}
                    () = told_to_stop(&mut stop) => waiting.close(),
                }
            }
        }
    }

    /// Entries in their order. A page can be short when few of many entries are wanted; then it says where to go on.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn list(&self, wanted: &Wanted) -> Result<Found> {
        let now_ms = self.clock.now_ms();
        let from_ms = wanted.from_ms.max(now_ms.saturating_sub(self.keep_days * DAY_MS));
        let until_ms = wanted.until_ms.min(now_ms + DAY_MS);
        let (mut found, mut read) = (Vec::new(), 0);
        if from_ms >= until_ms {
            return Ok((found, None));
        }
        let (first, last) = (from_ms / DAY_MS, (until_ms - 1) / DAY_MS);
        let mut at = wanted.behind;
        let mut today = match (at, wanted.backward) {
            (Some(behind), _) => (behind.at_ms / DAY_MS).clamp(first, last),
            (None, true) => last,
            (None, false) => first,
        };
        loop {
            let mut range = Range {
                from: Bound::Included(tables::u64_key(from_ms)),
                to: Bound::Excluded(tables::u64_key(until_ms)),
                backward: wanted.backward,
                limit: AUDIT_ENTRIES_TOGETHER,
            };
            match at {
                Some(behind) if wanted.backward => range.to = Bound::Excluded(behind.key()),
                Some(behind) => range.from = Bound::Excluded(behind.key()),
                None => {}
            }
            let rows = self.store.scan(Table::Audit, day(today * DAY_MS), range).await?;
            let whole = rows.len() < AUDIT_ENTRIES_TOGETHER;
            read += rows.len() + 1;
            for (key, value) in rows {
                let (Some(place), Ok(entry)) = (Place::of(&key), serde_json::from_slice::<AuditEntry>(&value)) else { continue };
                if wanted.takes(&entry) {
                    if found.len() == wanted.limit {
                        return Ok((found, at));
                    }
                    found.push((place, entry));
                }
                at = Some(place);
            }
            if whole {
                match if wanted.backward {
                    today.checked_sub(1).filter(|day| *day >= first)
                } else {
                    Some(today + 1).filter(|day| *day <= last)
                } {
                    Some(next) => today = next,
                    None => return Ok((found, None)),
                }
            }
            if read >= AUDIT_ENTRIES_READ_MAX {
                return Ok((found, at));
            }
        }
    }

    /// Removes days that are too old.
    async fn tidy(&self) {
        let Some(oldest) = (self.clock.now_ms() / DAY_MS).checked_sub(self.keep_days) else { return };
        for today in oldest.saturating_sub(DAYS_TIDIED)..oldest {
            let mut range = Range::first(REMOVED_TOGETHER);
            loop {
                match self.remove(day(today * DAY_MS), range).await {
                    Ok(None) => break,
                    // Not from the front: what has just been removed may still cost the store a look.
                    Ok(Some(last)) => range = Range::after(last, REMOVED_TOGETHER),
                    Err(error) => {
                        tracing::warn!(%error, "old entries of the audit log were not removed; it is tried again");
                        return;
                    }
                }
            }
        }
    }

    /// Removes some rows of a day; gives the last one, or none when there are no more.
    async fn remove(&self, partition: Key, range: Range) -> Result<Option<Key>> {
        let rows = self.store.scan(Table::Audit, partition.clone(), range).await?;
        let last = rows.last().map(|(row, _)| row.clone());
        if last.is_some() {
            self.store.write(rows.into_iter().map(|(row, _)| Write::Delete(Table::Audit, partition.clone(), row)).collect()).await?;
        }
        Ok(last)
    }
}

async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    // An error means that the one who would say it is gone, which says the same.
    stop.wait_for(|stop| *stop).await.map(drop).unwrap_or_default();
}

fn day(at_ms: u64) -> Key {
    tables::u32_key((at_ms / DAY_MS) as u32)
}
