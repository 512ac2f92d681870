//! The operator's commands: people, apps, tokens, the audit, the schema of the cluster's store. Each is one process that does its work and ends.
//!
//! Promise: a command that writes takes the data folder, so it never runs beside a server; those that read may, and so
//! may those that change an app, which is one row that a running server reads anew. In a cluster commands and nodes take turns.
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
use crate::directory::{self, Directory};
use crate::engines::first_start;
use crate::store::cql::{CqlSettings, CqlStore};
use crate::store::{SqliteStore, Store};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

/// What the organisation is kept in, opened for a command that writes.
struct Opened {
    store: Arc<dyn Store>,
    directory: Directory,
    auth: Auth,
    place: Place,
}

enum Place {
    Folder { store: SqliteStore, _folder: DataFolder },
    Cluster(CqlStore),
}

impl Opened {
    async fn open(config: &Config) -> Result<Self, String> {
        let place = if in_cluster(config)? { Place::in_cluster(config).await? } else { Place::in_folder(config).await? };
        match Self::load(config, place.store()).await {
            Ok((store, directory, auth)) => Ok(Self { store, directory, auth, place }),
            Err(why) => {
                place.close().await?;
                Err(why)
            }
        }
    }

    async fn load(config: &Config, store: Arc<dyn Store>) -> Result<(Arc<dyn Store>, Directory, Auth), String> {
        let say = |error: crate::error::Error| format!("{} cannot be read: {error}", shown(config));
        let turn = first_start(&*store).await.map_err(say)?;
        let loaded = async {
            let directory = Directory::load(store.clone()).await?;
            let auth = Auth::load(store.clone(), directory.clone(), Clock::default(), config).await?;
            Ok((directory, auth))
        }
        .await;
        if let Some(turn) = turn {
            turn.end().await;
        }
        let (directory, auth) = loaded.map_err(say)?;
        Ok((store, directory, auth))
    }

    async fn close(self) -> Result<(), String> {
        self.place.close().await
    }
}

impl Place {
    async fn in_folder(config: &Config) -> Result<Self, String> {
        let folder = DataFolder::take(&config.data)?;
        let path = config.data.clone();
        let store = tokio::task::spawn_blocking(move || SqliteStore::open(&path)).await;
        let store = store.map_err(|error| format!("the database could not be opened: {error}"))??;
        Ok(Self::Folder { store, _folder: folder })
    }

    async fn in_cluster(config: &Config) -> Result<Self, String> {
        Ok(Self::Cluster(cluster_store(config).await?))
    }

    fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Folder { store, .. } => Arc::new(store.clone()),
            Self::Cluster(store) => Arc::new(store.clone()),
        }
    }

    async fn close(self) -> Result<(), String> {
        match self {
            Self::Folder { store, .. } => {
                let closed = tokio::task::spawn_blocking(move || store.close()).await;
                closed.map_err(|error| format!("the database could not be closed: {error}"))
            }
            Self::Cluster(store) => {
                // A turn that was let go of ends beside what goes on; nothing goes on here, so its end is waited for.
                let turn =
                    store.turn(directory::TURN).await.map_err(|error| format!("the turn to change people could not be ended: {error}"))?;
                if let Some(turn) = turn {
                    turn.end().await;
                }
                Ok(())
            }
        }
    }
}

/// The database of a data folder, for a command that may run beside a server. What a crash has left in the journal is in it; a
/// server that runs has what was committed within the last second beside it.
fn database(config: &Config) -> Result<PathBuf, String> {
    let database = DataFolder::database(&config.data);
    if SqliteStore::has_journal(&config.data)
        && database.exists()
        && let Ok(_folder) = DataFolder::take(&config.data)
    {
        SqliteStore::open(&config.data)?.close();
    }
    Ok(database)
}

/// Whether the settings name the store of a cluster, and not a data folder.
fn in_cluster(config: &Config) -> Result<bool, String> {
    if config.scylla.is_empty() && !config.nats.is_empty() {
        return Err("nats and scylla belong together: set scylla too, or neither for the data folder".into());
    }
    Ok(!config.scylla.is_empty())
}

/// The store of the cluster. One that does not answer is told at once: somebody is waiting.
async fn cluster_store(config: &Config) -> Result<CqlStore, String> {
    let settings = CqlSettings::of(config);
    CqlStore::connect(&settings, &Clock::default())
        .await
        .map_err(|why| format!("the store at {} cannot be opened: {why}", settings.addresses.join(", ")))
}

/// What the organisation is kept in, for sentences.
fn shown(config: &Config) -> String {
    if config.scylla.is_empty() {
        format!("the data folder {}", config.data.display())
    } else {
        format!("the keyspace {} of the store at {}", config.scylla_keyspace, config.scylla.list().join(", "))
    }
}

/// Audits the log against the store and prints what differs.
///
/// # Errors
/// One sentence: the database cannot be read, or how many differences there are.
pub fn check(config: &Config) -> Result<(), String> {
    if in_cluster(config)? {
        return Err(
            "`check` audits the database of a data folder; the nodes of a cluster compare log and store themselves, see their metrics"
                .into(),
        );
    }
    let audit = crate::log::check::check(&database(config)?)?;
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
