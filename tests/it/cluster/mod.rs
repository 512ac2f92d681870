//! A cluster: several nodes on one log and one store, and people who do not notice on which of them they are.

mod chat;
mod log_counts;
mod nodes;
mod operator;
mod organisation;
mod rolling;
mod store_away;
mod urgent;
mod waiting;

use crate::support::{Client, Server, keyspaces, servers, text_of};
use protocol::command::History;
use protocol::ids::ChatId;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use tokio::sync::{Mutex, MutexGuard};

/// One cluster at a time: each makes fifty tables when it starts, which the one store of all tests bears beside the requests of
/// one cluster, and not of several.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Settings of the nodes of a cluster that no other test has. When they are let go of, its tables are dropped and the next one
/// starts.
pub struct Settings {
    all: Vec<(&'static str, String)>,
    keyspace: String,
    _one: MutexGuard<'static, ()>,
}

impl Deref for Settings {
    type Target = Vec<(&'static str, String)>;
    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl DerefMut for Settings {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.all
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        keyspaces::drop(&self.keyspace);
    }
}

/// Waits until no other test has a cluster.
pub async fn settings() -> Settings {
    let one = ONE_AT_A_TIME.lock().await;
    let made = tokio::task::spawn_blocking(|| {
        let keyspace = keyspaces::name();
        (of_nodes(keyspace.clone()), keyspace)
    });
    let (all, keyspace) = made.await.expect("the servers come up");
    Settings { all, keyspace, _one: one }
}

fn of_nodes(keyspace: String) -> Vec<(&'static str, String)> {
    vec![
        ("CLARION_SCYLLA", servers::scylla().join(",")),
        ("CLARION_NATS", servers::nats().join(",")),
        ("CLARION_SCYLLA_KEYSPACE", keyspace),
        ("CLARION_NATS_PREFIX", format!("t{:08x}", rand::random::<u32>())),
        ("CLARION_SCYLLA_REPLICATION", "1".into()),
        ("CLARION_LOG_REPLICAS", "1".into()),
        ("CLARION_LOG_GROUPS", "2".into()),
        ("CLARION_HEARTBEAT_SECONDS", "1".into()),
    ]
}

/// A node with the demo organisation.
pub async fn node(settings: &[(&'static str, String)]) -> Server {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start_with(&settings).await
}

/// All texts of a chat, in their order.
async fn texts(client: &mut Client, chat_id: ChatId) -> Vec<String> {
    let mut texts: BTreeMap<u64, String> = BTreeMap::new();
    let mut before = None;
    loop {
        let page = client.must(History { chat_id, before, after: None, around: None, limit: Some(100) }).await;
        for record in &page.records {
            if let protocol::record::Change::Message(message) = &record.change {
                texts.insert(record.seq, text_of(message).to_owned());
            }
        }
        if page.start {
            return texts.into_values().collect();
        }
        before = Some(page.from_seq);
    }
}
