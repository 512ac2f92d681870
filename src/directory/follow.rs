//! Changes of the organisation that other nodes have made, or a command of the operator.
//!
//! Every change is written down with a number behind the last one, in the same write as the change itself, under a turn that
//! one node has at a time. Who takes the turn has caught up first, so that indices are given one after the other; everybody
//! else looks every now and then.

use super::person::{PersonEntry, UserIndex};
use super::rows::Shared;
use super::{Changed, Directory, damaged, departments_of, person_key};
use crate::error::{Error, Result};
use crate::limits::{DIRECTORY_CHANGES_KEPT, DIRECTORY_LOOKED_AT_EVERY_MS};
use crate::store::{Range, Store, Table, Turn, Write, tables};
use futures_util::{StreamExt as _, TryStreamExt as _};
use roaring::RoaringBitmap;
use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Name of the turn to change the organisation.
pub const TURN: &str = "directory";
const FACT: &str = "directory/";
/// Behind every name that begins with `FACT`: `0` follows `/`.
const FACT_END: &str = "directory0";
/// Changes that are read at once.
const AT_ONCE: usize = 256;
/// People who are read at the same time.
const READS: usize = 32;

/// One change at a time: of this process, and where the store is shared, of all nodes.
pub(super) struct OneChange<'a> {
    _here: MutexGuard<'a, ()>,
    _turn: Option<Turn>,
}

/// What a change was about.
pub(super) enum Noted<'a> {
    /// These people.
    People(&'a [(UserIndex, PersonEntry)]),
    /// The tree.
    Departments,
}

fn row(version: u64) -> tables::Key {
    tables::text_key(&format!("{FACT}{version:016x}"))
}

fn version_of(row: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(row.get(FACT.len()..)?).ok()?, 16).ok()
}

/// The number of the last change.
pub(super) async fn last_version(store: &dyn Store) -> Result<u64> {
    let range = Range { backward: true, ..Range::between(tables::text_key(FACT), tables::text_key(FACT_END), 1) };
    let rows = store.scan(Table::Facts, tables::none(), range).await?;
    Ok(rows.first().and_then(|(row, _)| version_of(row)).unwrap_or(0))
}

impl Directory {
    /// Waits until nobody else changes the organisation, and has seen everything that was changed before.
    pub(super) async fn one_change(&self) -> Result<OneChange<'_>> {
        let here = self.0.changing.lock().await;
        let turn = self.0.store.turn(TURN).await?;
        if turn.is_some() {
            self.look().await?;
        }
        Ok(OneChange { _here: here, _turn: turn })
    }

    /// Writes a change, with the note that the other nodes follow.
    pub(super) async fn write(&self, mut writes: Vec<Write>, noted: Noted<'_>) -> Result<()> {
        if !self.0.store.shared() {
            return self.0.store.write(writes).await;
        }
        let version = self.0.version.load(Ordering::Acquire) + 1;
        let people: RoaringBitmap = match noted {
            Noted::People(people) => people.iter().map(|(index, _)| *index).collect(),
            Noted::Departments => RoaringBitmap::new(),
        };
        let mut value = Vec::with_capacity(people.serialized_size());
        people.serialize_into(&mut value).expect("writing to memory does not fail");
        // At the end: of a list that is written in part, the note is the last part.
        writes.push(Write::Put(Table::Facts, tables::none(), row(version), value));
        if let Some(old) = version.checked_sub(DIRECTORY_CHANGES_KEPT) {
            writes.push(Write::Delete(Table::Facts, tables::none(), row(old)));
        }
        self.0.store.write(writes).await?;
        self.0.version.store(version, Ordering::Release);
        Ok(())
    }

    /// Follows what is changed elsewhere, where the store is shared, for as long as it is polled.
    pub async fn follow(&self) {
        if !self.0.store.shared() {
            return;
        }
        let mut told = false;
        loop {
            tokio::time::sleep(Duration::from_millis(DIRECTORY_LOOKED_AT_EVERY_MS)).await;
            let outcome = self.catch_up().await;
            // Once for each time that the store is away.
            if let (Err(error), false) = (&outcome, told) {
                tracing::warn!(%error, "changes of the organisation could not be read; it is tried again");
            }
            told = outcome.is_err();
        }
    }

    /// Sees everything that was changed before this was called.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn catch_up(&self) -> Result<()> {
        if !self.0.store.shared() {
            return Ok(());
        }
        let _one = self.0.changing.lock().await;
        self.look().await
    }

    /// The same, for who holds the lock.
    async fn look(&self) -> Result<()> {
        let mut people = RoaringBitmap::new();
        let mut departments = false;
        let mut version = self.0.version.load(Ordering::Acquire);
        loop {
            let range = Range {
                from: Bound::Excluded(row(version)),
                to: Bound::Excluded(tables::text_key(FACT_END)),
                backward: false,
                limit: AT_ONCE,
            };
            let rows = self.0.store.scan(Table::Facts, tables::none(), range).await?;
            for (row, value) in &rows {
                version = version_of(row).unwrap_or(version).max(version);
                match RoaringBitmap::deserialize_from(value.as_slice()) {
                    Ok(changed) if changed.is_empty() => departments = true,
                    Ok(changed) => people |= changed,
                    Err(error) => return Err(damaged("change of the organisation", row, &error)),
                }
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
        if departments {
            self.read_departments().await?;
        }
        if let Some(last) = people.max() {
            // Whatever was missed: an index is shown only when those before it are.
            people.insert_range(self.len()..=last.max(self.len()));
            people.remove_range(last + 1..);
            self.read_people(&people).await?;
        }
        self.0.version.store(version, Ordering::Release);
        Ok(())
    }

    async fn read_people(&self, people: &RoaringBitmap) -> Result<()> {
        let read = async |index: UserIndex| {
            let (partition, row) = person_key(index);
            let value = self.0.store.get(Table::People, partition, row.clone()).await?;
            let value = value.ok_or_else(|| Error::storage("somebody who is new in the organisation cannot be read yet"))?;
            Ok::<_, Error>((index, serde_json::from_slice(&value).map_err(|error| damaged("person", &row, &error))?))
        };
        let mut changes: Vec<(UserIndex, PersonEntry)> =
            futures_util::stream::iter(people.iter().map(read)).buffer_unordered(READS).try_collect().await?;
        changes.sort_unstable_by_key(|(index, _)| *index);
        self.show(&changes, &mut Shared::default());
        self.show_names(&changes).await?;
        self.tell(Changed::People(changes.into_iter().map(|(index, _)| index).collect()));
        Ok(())
    }

    async fn read_departments(&self) -> Result<()> {
        self.plant(departments_of(&*self.0.store).await?).await?;
        self.tell(Changed::Departments);
        Ok(())
    }
}
