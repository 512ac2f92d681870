//! The engines of the log, opened for tests, and what the tests append.

use super::stores::{cql, sqlite};
use crate::support::servers;
use clarion::clock::Clock;
use clarion::log::record::{Change, Message};
use clarion::log::{Append, Appended, Audience, Committed, DedupeKey, JetStreamLog, JetStreamSettings, Log, Record, Refused, SqliteLog};
use clarion::store::{EntryStore, SqliteStore, Store, Write};
use protocol::content::{Content, Text};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Longer than anything here may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A log with the store that goes with it.
pub struct Place {
    /// The log.
    pub log: Arc<dyn Log>,
    /// What is kept, as whoever uses the log sees it.
    pub store: Arc<dyn Store>,
    committed: mpsc::Receiver<Vec<Committed>>,
    kind: Kind,
}

enum Kind {
    Sqlite { store: SqliteStore, folder: tempfile::TempDir },
    JetStream { settings: JetStreamSettings, keeping: tokio::task::JoinHandle<()> },
}

/// A log of the cluster that no other test has.
pub fn settings(servers: &[String]) -> JetStreamSettings {
    JetStreamSettings {
        servers: servers.to_vec(),
        user: None,
        token: None,
        ca: None,
        prefix: format!("t{:08x}", rand::random::<u32>()),
        groups: 2,
        replicas: 1,
        keep: Duration::from_secs(8 * 24 * 3_600),
        ack_stored: false,
        // Only what a store may have forgotten that was away: the tests share two cores.
        audit_rows_per_second: 0,
        audit_every: Duration::from_millis(200),
        urgents: tokio::runtime::Handle::current(),
    }
}

impl Place {
    /// The log of one machine.
    pub async fn sqlite() -> Self {
        let (store, folder) = sqlite();
        Self::of_sqlite(store, folder).await
    }

    async fn of_sqlite(store: SqliteStore, folder: tempfile::TempDir) -> Self {
        let log = SqliteLog::open(store.clone()).await.expect("the log opens");
        let committed = log.follow().expect("nobody follows yet");
        Self { log: Arc::new(log), store: Arc::new(store.clone()), committed, kind: Kind::Sqlite { store, folder } }
    }

    /// The log of a cluster, as one node has it.
    pub async fn jetstream() -> Self {
        Self::node(settings(servers::nats())).await
    }

    /// One node more of the same cluster.
    pub async fn node(settings: JetStreamSettings) -> Self {
        Self::on(settings, cql().clone()).await
    }

    /// A node over a store of its own.
    pub async fn on(settings: JetStreamSettings, store: impl EntryStore + 'static) -> Self {
        let opening = JetStreamLog::open(settings.clone(), Arc::new(store), 1 << 30, Clock::default());
        let log = tokio::time::timeout(PATIENCE, opening).await.expect("the log answers").expect("the settings are right");
        let log = Arc::new(log);
        let committed = log.follow().expect("nobody follows yet");
        let keeping = tokio::spawn({
            let log = log.clone();
            async move { log.keep().await }
        });
        Self { store: log.store(), log, committed, kind: Kind::JetStream { settings, keeping } }
    }

    /// The settings of its cluster.
    pub fn settings(&self) -> JetStreamSettings {
        match &self.kind {
            Kind::JetStream { settings, .. } => settings.clone(),
            Kind::Sqlite { .. } => panic!("one machine is no cluster"),
        }
    }

    /// The same log and store, as a process finds them that starts anew.
    pub async fn reopened(self) -> Self {
        match self.kind {
            Kind::Sqlite { store, folder } => {
                drop((self.log, self.store, self.committed));
                store.close();
                Self::of_sqlite(SqliteStore::open(folder.path()).expect("the database opens"), folder).await
            }
            Kind::JetStream { settings, keeping } => {
                keeping.abort();
                drop((self.log, self.store, self.committed));
                Self::node(settings).await
            }
        }
    }

    /// Appends and waits for the outcome.
    pub async fn append(&self, record: Record, epoch: u64, more: More<'_>) -> Result<Appended, Refused> {
        self.begin(record, epoch, more).await.expect("an outcome is told")
    }

    /// Appends; the outcome comes later.
    pub fn begin(&self, record: Record, epoch: u64, more: More<'_>) -> oneshot::Receiver<Result<Appended, Refused>> {
        let (done, outcome) = oneshot::channel();
        let audience = Audience { members: Arc::new([1, 2, record.by].into_iter().collect()), moved: None };
        let dedupe = more.client_message_id.map(|id| DedupeKey::new(record.by, id));
        self.log.append(Append { record: Arc::new(record), epoch, audience, writes: more.writes, dedupe, done }).expect("there is room");
        outcome
    }

    /// The next `count` committed records.
    pub async fn committed(&mut self, count: usize) -> Vec<Committed> {
        let mut all = Vec::new();
        while all.len() < count {
            let more = tokio::time::timeout(PATIENCE, self.committed.recv()).await;
            all.extend(more.unwrap_or_else(|_| panic!("{} of {count} records were handed out", all.len())).expect("the log goes on"));
        }
        all
    }

    /// Seqs by chat of the next `count` committed records, each in the order in which it was handed out.
    pub async fn committed_seqs(&mut self, count: usize) -> BTreeMap<u64, Vec<u64>> {
        let mut seqs: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for committed in self.committed(count).await {
            seqs.entry(committed.record.chat).or_default().push(committed.record.seq);
        }
        seqs
    }

    /// Seqs of a chat as they are read back.
    pub async fn seqs(&self, chat: u64) -> Vec<u64> {
        let last = self.log.last(chat).await.expect("the end of a chat can be read").map_or(0, |entry| entry.record.seq);
        let entries = self.log.read(chat, 1, last + 1, 100_000).await.expect("a chat can be read");
        entries.iter().map(|entry| entry.record.seq).collect()
    }
}

/// What goes along with a record.
#[derive(Default)]
pub struct More<'a> {
    /// Makes trying again harmless.
    pub client_message_id: Option<&'a str>,
    /// Rows.
    pub writes: Vec<Write>,
}

/// The same message has the same time wherever a test makes it.
static STARTED: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| Clock::default().now_ms());

/// A message of somebody.
pub fn message(chat: u64, seq: u64, by: u32, text: &str) -> Record {
    let message = Message {
        client_message_id: format!("{chat}-{seq}"),
        content: Content::Text(Text { text: text.into() }),
        reply_to: None,
        thread_root: None,
        mentions: Vec::new(),
        mention_all: false,
    };
    Record { chat, seq, position: seq, at_ms: *STARTED + seq, by, change: Change::Message(message) }
}

/// Tries until it is so.
pub async fn until<T>(what: &str, mut is: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = is().await {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: it does not become so");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
