//! The engines of the store, opened for tests.
//!
//! The cluster's store is brought up once for a test run. Each run has a keyspace of its own, made once, because making its
//! tables takes seconds; each test takes partitions that no other has. What earlier runs have left is dropped.

use crate::support::servers;
use clarion::clock::Clock;
use clarion::store::cql::{CqlSettings, CqlStore};
use clarion::store::{Key, SqliteStore, tables};
use scylla::client::session_builder::SessionBuilder;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Keyspaces of runs have this in front of the time of the run.
const PREFIX: &str = "clarion_t_";
/// Keyspaces of runs on other machines are dropped when they are older than this; those of this one when the run has ended.
const RUN_LASTS: Duration = Duration::from_secs(3_600);

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
        let settings = CqlSettings {
            // On several nodes, also the copies are tried.
            replication_factor: addresses.len().min(3) as u32,
            addresses,
            keyspace: format!("{PREFIX}{}_{}", now().as_millis(), std::process::id()),
            ..CqlSettings::default()
        };
        wait_for(drop_earlier_runs(&settings));
        settings
    })
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970")
}

async fn drop_earlier_runs(settings: &CqlSettings) {
    let session = SessionBuilder::new().known_nodes(&settings.addresses).build().await.expect("the store answers");
    let names = session.query_unpaged("SELECT keyspace_name FROM system_schema.keyspaces", ()).await.expect("keyspaces are listed");
    let names = names.into_rows_result().expect("a list has rows");
    for (name,) in names.rows::<(String,)>().expect("names are texts").flatten() {
        let Some((began, process)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else { continue };
        let process = process.split('_').next().unwrap_or_default();
        let old = began.parse().is_ok_and(|began| Duration::from_millis(began) + RUN_LASTS < now());
        let ended = !std::path::Path::new("/proc").join(process).exists();
        if old || ended {
            session.query_unpaged(format!("DROP KEYSPACE IF EXISTS {name}"), ()).await.expect("a keyspace can be dropped");
        }
    }
}

/// Drops the keyspace that one test had to itself: a hundred tables more take the server's memory.
pub async fn drop_keyspace(name: &str) {
    let session = SessionBuilder::new().known_nodes(&settings().addresses).build().await.expect("the store answers");
    session.query_unpaged(format!("DROP KEYSPACE IF EXISTS {name}"), ()).await.expect("a keyspace can be dropped");
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
    rand::random()
}

/// Its partition.
pub fn some_partition() -> Key {
    tables::u64_key(some_chat())
}

/// Waits for something on the runtime of the tests, also from within it.
fn wait_for<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work)).join().expect("the work ends well"))
}
