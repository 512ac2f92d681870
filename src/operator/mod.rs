//! The operator's commands: people, apps, tokens, the audit, the schema of the cluster's store. Each is one process that does its work and ends.
//!
//! Promise: a command that writes takes the data folder, so it never runs beside a server; those that read may, and so
//! may those that change an app, which is one row that a running server reads anew.
//! What a command has to say goes to stdout, what it objects to goes to stderr.

pub mod app;
pub mod demo;
pub mod import;
pub mod schema;
pub mod token;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::directory::Directory;
use crate::store::SqliteStore;
use std::io::Write as _;
use std::sync::Arc;

/// An opened data folder, for a command that writes.
struct Opened {
    store: SqliteStore,
    directory: Directory,
    auth: Auth,
    _folder: DataFolder,
}

impl Opened {
    async fn open(config: &Config) -> Result<Self, String> {
        let folder = DataFolder::take(&config.data)?;
        let path = config.data.clone();
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(&path)).await;
        let store = store.map_err(|error| format!("the database could not be opened: {error}"))??;
        let say = |error: crate::error::Error| format!("the data folder {} cannot be read: {error}", config.data.display());
        let directory = Directory::load(Arc::new(store.clone())).await.map_err(say)?;
        let auth = Auth::load(Arc::new(store.clone()), directory.clone(), Clock::default(), config).await.map_err(say)?;
        Ok(Self { store, directory, auth, _folder: folder })
    }

    async fn close(self) -> Result<(), String> {
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close()).await.map_err(|error| format!("the database could not be closed: {error}"))
    }
}

/// Audits the log against the store and prints what differs.
///
/// # Errors
/// One sentence: the database cannot be read, or how many differences there are.
pub fn check(config: &Config) -> Result<(), String> {
    let audit = crate::log::check::check(&DataFolder::database(&config.data))?;
    for difference in &audit.differences {
        print(&format!("{difference}\n"))?;
    }
    print(&format!("{} records in {} chats, {} differences\n", audit.records + audit.trimmed, audit.chats, audit.difference_count))?;
    if audit.difference_count == 0 { Ok(()) } else { Err(format!("the log and the store differ in {} places", audit.difference_count)) }
}

/// Writes to stdout. Who reads only the first lines is no error.
pub fn print(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("stdout cannot be written: {error}")),
        _ => Ok(()),
    }
}
