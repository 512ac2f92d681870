//! The engines of the store, opened for tests.
//!
//! The cluster's store is brought up once for a test run. Each run has a keyspace of its own, made once, because making its
//! tables takes seconds; each test takes partitions that no other has.

use crate::support::{keyspaces, servers};
use clarion::clock::Clock;
use clarion::ids::ChatKey;
use clarion::store::cql::{CqlSettings, CqlStore};
use clarion::store::{Key, SqliteStore, tables};
use std::sync::OnceLock;
use std::time::Duration;

/// The runtime of all tests on an engine: the connections of a session live and die with the runtime that made them.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime starts"))
}

/// The embedded engine, with the folder that goes with it.
pub fn sqlite() -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = SqliteStore::open(folder.path()).expect("the database opens");
    (store, folder)
}

/// The settings of this run.
pub fn settings() -> &'static CqlSettings {
    static SETTINGS: OnceLock<CqlSettings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let addresses = servers::scylla().to_vec();
        // On several nodes, also the copies are tried.
        let replication_factor = addresses.len().min(3) as u32;
        CqlSettings { replication_factor, addresses, keyspace: keyspaces::name(), ..CqlSettings::default() }
    })
}

/// The cluster's engine: one for all tests.
pub fn cql() -> &'static CqlStore {
    static STORE: OnceLock<CqlStore> = OnceLock::new();
    STORE.get_or_init(|| {
        let opening = CqlStore::open(settings().clone(), Clock::default());
        let opened = wait_for(async { tokio::time::timeout(Duration::from_secs(120), opening).await });
        opened.expect("the store answers").expect("the settings are right")
    })
}

/// A chat that no other test has.
pub fn some_chat() -> u64 {
    ChatKey::random().0
}

/// Its partition.
pub fn some_partition() -> Key {
    tables::u64_key(some_chat())
}

/// Waits for something on the runtime of the tests, also from within it.
fn wait_for<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work)).join().expect("the work ends well"))
}
