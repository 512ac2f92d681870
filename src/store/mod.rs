//! What is kept and queried: a few narrow calls over tables of rows.
//!
//! Promise: a write is durable and whole when its call returns; a scan gives rows in the order of their bytes.
//! Never: no rule of a chat, no right, no wire type. Typed rows are made by the modules that own them; the tables that
//! exist, and how their keys are made, stand in [`tables`].

pub mod cql;
mod last_known;
mod merge;
mod overlay;
mod sqlite;
pub mod tables;

pub use cql::{Differs, EntryRow, StoredEntry};
pub use overlay::{LogPlace, Overlay};
pub use sqlite::{Change, Job, LogEntry, SqliteStore, View, apply, get};
pub use tables::{Key, Table};

use crate::error::Result;
use futures_util::future::BoxFuture;
use std::future::Future;
use std::ops::Bound;
use std::pin::Pin;

/// A future of a seam's call.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// One change of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// The row has this value from now on.
    Put(Table, Key, Key, Vec<u8>),
    /// The row is gone.
    Delete(Table, Key, Key),
}

impl Write {
    /// Which row it is about.
    pub fn place(&self) -> (Table, Key, Key) {
        match self {
            Self::Put(table, partition, row, _) | Self::Delete(table, partition, row) => (*table, partition.clone(), row.clone()),
        }
    }
}

/// Which rows of a partition, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// From here on.
    pub from: Bound<Key>,
    /// Up to here.
    pub to: Bound<Key>,
    /// From the last to the first.
    pub backward: bool,
    /// At most this many.
    pub limit: usize,
}

impl Range {
    /// The first rows.
    pub fn first(limit: usize) -> Self {
        Self { from: Bound::Unbounded, to: Bound::Unbounded, backward: false, limit }
    }

    /// The last rows, the last one first.
    pub fn last(limit: usize) -> Self {
        Self { backward: true, ..Self::first(limit) }
    }

    /// Rows behind this one.
    pub fn after(row: Key, limit: usize) -> Self {
        Self { from: Bound::Excluded(row), ..Self::first(limit) }
    }

    /// Rows from one to another, both included.
    pub fn between(from: Key, to: Key, limit: usize) -> Self {
        Self { from: Bound::Included(from), to: Bound::Included(to), backward: false, limit }
    }
}

/// A row: its key within the partition, and its value.
pub type Row = (Key, Vec<u8>);

/// The store of one organisation. Engines: SQLite on one machine; CQL in a cluster.
pub trait Store: Send + Sync {
    /// One row, or none.
    fn get(&self, table: Table, partition: Key, row: Key) -> Answer<'_, Option<Vec<u8>>>;

    /// Rows of a partition, in order.
    fn scan(&self, table: Table, partition: Key, range: Range) -> Answer<'_, Vec<Row>>;

    /// Every row of a table with its partition; for tables that are small or read once, at the start.
    fn all(&self, table: Table) -> Answer<'_, Vec<(Key, Key, Vec<u8>)>>;

    /// Makes these changes, in this order. Durable when it returns.
    ///
    /// All or none of them, as long as they are few: a hundred rows with 40 KiB together, or one partition's with 512 KiB.
    /// The embedded engine makes longer lists all or none too. A cluster's makes them part by part, so what stands after an
    /// error or a crash is a beginning of the list. Whoever writes a long list therefore puts what leads to the rest at its
    /// end, or what asks for the rest at its beginning, and brings the whole list again after an error.
    fn write(&self, writes: Vec<Write>) -> Answer<'_, ()>;

    /// Waits for a turn at something that one node does at a time. None: no other node writes into this store.
    ///
    /// # Errors
    /// `Busy`: another node has it, and for long. `StorageUnavailable`.
    fn turn(&self, _name: &'static str) -> Answer<'_, Option<Turn>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Do other nodes write into this store?
    fn shared(&self) -> bool {
        false
    }
}

/// A turn at something that one node does at a time. It ends when this is dropped; by itself when the node dies.
pub struct Turn(Option<BoxFuture<'static, ()>>);

impl Turn {
    /// A turn that is ended by this.
    pub fn ended_by(end: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(end)))
    }

    /// Ends it, and waits until the next one may have it. Whoever goes on living may just let go of it.
    pub async fn end(mut self) {
        if let Some(end) = self.0.take() {
            end.await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let (Some(end), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(end);
        }
    }
}

/// A store that follows a log which is not part of it.
pub trait EntryStore: Store {
    /// Writes records with their rows. The same ones may come again, and in another order; the result is the same.
    fn write_entries(&self, entries: Vec<StoredEntry>) -> Answer<'_, ()>;

    /// Which of these rows it does not have as they, or something with a later stamp, left them. Of one row, only its last
    /// change may be asked for.
    fn differing(&self, rows: Vec<EntryRow>) -> Answer<'_, Vec<Differs>>;

    /// Writes rows of entries, each with its stamp: what was changed later stays as it is.
    fn write_rows(&self, rows: Vec<EntryRow>) -> Answer<'_, ()>;

    /// The last seq of a chat that the store has, 0 when it has none.
    fn last_seq(&self, chat: u64) -> Answer<'_, u64>;

    /// Does it answer now? While it does not, its calls fail at once.
    fn healthy(&self) -> bool;
}
