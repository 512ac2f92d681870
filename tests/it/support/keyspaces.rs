//! Keyspaces of tests in the store that all of them share.
//!
//! A keyspace has fifty tables, and each table takes a megabyte of the server and makes every change of the schema slower: a
//! keyspace goes when its test ends, and what runs that were killed have left goes when the next run begins.

use super::servers;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// In front of the time of the run and its process.
const PREFIX: &str = "clarion_t_";
/// Keyspaces of runs on other machines are dropped when they are older than this; those of this one when the run has ended.
const RUN_LASTS: Duration = Duration::from_secs(3_600);

/// The name of a keyspace that no other test has.
pub fn name() -> String {
    static LEFT: OnceLock<()> = OnceLock::new();
    LEFT.get_or_init(|| wait_for(drop_what_is_left()));
    format!("{PREFIX}{}_{}_{:06x}", now().as_millis(), std::process::id(), rand::random::<u32>() >> 8)
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970")
}

async fn session() -> Session {
    SessionBuilder::new().known_nodes(servers::scylla()).build().await.expect("the store answers")
}

async fn drop_one(session: &Session, name: &str) {
    session.query_unpaged(format!("DROP KEYSPACE IF EXISTS {name}"), ()).await.expect("a keyspace can be dropped");
}

async fn drop_what_is_left() {
    let session = session().await;
    let names = session.query_unpaged("SELECT keyspace_name FROM system_schema.keyspaces", ()).await.expect("keyspaces are listed");
    let names = names.into_rows_result().expect("a list has rows");
    for (name,) in names.rows::<(String,)>().expect("names are texts").flatten() {
        let Some((began, process)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else { continue };
        let process = process.split('_').next().unwrap_or_default();
        let old = began.parse().is_ok_and(|began| Duration::from_millis(began) + RUN_LASTS < now());
        if old || !std::path::Path::new("/proc").join(process).exists() {
            drop_one(&session, &name).await;
        }
    }
}

/// Drops the keyspace that one test had to itself.
pub fn drop(name: &str) {
    wait_for(async { drop_one(&session().await, name).await });
}

/// Waits, also within a runtime.
fn wait_for(work: impl Future<Output = ()> + Send) {
    let alone = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts").block_on(work);
    std::thread::scope(|scope| scope.spawn(alone).join().expect("the work ends well"));
}
