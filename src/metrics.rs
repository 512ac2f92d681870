//! Every metric, declared once with its meaning and unit.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::sync::LazyLock;

/// All metrics of this process; `/metrics` prints it.
pub static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

macro_rules! metrics {
    ($( $name:ident : $type:ty = $make:expr; )*) => { $(
        #[doc = stringify!($make)]
        pub static $name: LazyLock<$type> = LazyLock::new(|| {
            let metric: $type = $make;
            REGISTRY.register(Box::new(metric.clone())).expect("each metric is declared once");
            metric
        });
    )*
        /// Registers all of them, so that a metric is there before its first event.
        pub fn register() { $( LazyLock::force(&$name); )* }
    };
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("the name is a valid metric name")
}

fn counters(name: &str, help: &str, label: &str) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), &[label]).expect("the name is a valid metric name")
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect("the name is a valid metric name")
}

fn gauges(name: &str, help: &str, label: &str) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), &[label]).expect("the name is a valid metric name")
}

fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())).expect("the buckets grow")
}

fn histograms(name: &str, help: &str, buckets: &[f64], label: &str) -> HistogramVec {
    HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), &[label]).expect("the buckets grow")
}

const SECONDS: &[f64] = &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0];
const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

metrics! {
    CONNECTIONS: IntGauge = gauge("gateway_connections", "Open TCP connections, of every kind");
    SESSIONS: IntGauge = gauge("session_sessions", "Signed-in sessions of this node");
    CLOSES: IntCounterVec = counters("gateway_closes_total", "WebSockets closed by the server, by close code", "code");
    COMMANDS: IntCounterVec = counters("gateway_commands_total", "Commands taken, by name", "command");
    REFUSALS: IntCounterVec = counters("gateway_refusals_total", "Commands refused, by number of the error", "code");
    REFUSED_CONNECTIONS: IntCounterVec = counters("gateway_refused_connections_total", "Connections refused before a session, by reason", "reason");
    APPENDS: IntCounter = counter("log_appends_total", "Records appended to the log");
    LOG_TRIMMED: IntCounter = counter("log_trimmed_total", "Records that the log let go because they were older than `log_keep_days`");
    DUPLICATES: IntCounter = counter("log_duplicates_total", "Appends answered with the record of an earlier try");
    CONFLICTS: IntCounter = counter("log_conflicts_total", "Appends refused because the chat had moved on");
    LOG_APPEND_SECONDS: Histogram = histogram("log_append_seconds", "In a cluster: time from sending an append until the log had it", SECONDS);
    LOG_HOLES: IntCounter = counter("log_holes_total", "In a cluster: messages of the log that did not come live and were read from it");
    LOG_DAMAGED: IntCounter = counter("log_damaged_total", "In a cluster: messages of the log that could not be read and were passed over");
    LOG_BEHIND_STORE: IntCounter = counter("log_behind_store_total", "In a cluster: chats of which the store has records that the log has lost");
    STORE_REFILLED: IntCounter = counter("store_refilled_total", "In a cluster: records that the store had forgotten and got from the log again");
    AUDITED_RECORDS: IntCounter = counter("store_audited_records_total", "In a cluster: records of the log that were compared with the store");
    AUDIT_DIFFERING: IntCounter = counter("store_differing_rows_total", "In a cluster: rows of the store that were missing or differed from the log, and were written again");
    AUDIT_PASSES: IntCounter = counter("store_audit_passes_total", "In a cluster: times that a group of the log was compared with the store to its end");
    STORE_LAG: IntGaugeVec = gauges("store_lag_messages", "In a cluster: messages of the log that the store has not got yet, by group", "group");
    STORE_OVERLAY_BYTES: IntGauge = gauge("store_overlay_bytes", "In a cluster: rows that wait for the store in this node's memory");
    COMMIT_SECONDS: Histogram = histogram("store_commit_seconds", "Time of one group commit, with its fsync", SECONDS);
    COMMIT_JOBS: Histogram = histogram("store_commit_jobs", "Appends and writes in one group commit", COUNTS);
    COMMIT_FAILURES: IntCounter = counter("store_commit_failures_total", "Commits that failed and were undone");
    STORING_SECONDS: Histogram = histogram("store_storing_seconds", "Time in which the database took what the journal had: half a second's commits", SECONDS);
    STORING_FAILURES: IntCounter = counter("store_storing_failures_total", "Times that the database could not take what the journal had");
    WAL_BYTES: IntGauge = gauge("store_wal_bytes", "Size of the database's write-ahead log");
    CQL_SECONDS: HistogramVec = histograms("cql_seconds", "Time of one request to the cluster's store, by what was asked", SECONDS, "what");
    CQL_ERRORS: IntCounterVec = counters("cql_errors_total", "Requests to the cluster's store that failed, by what was asked", "what");
    CQL_UP: IntGauge = gauge("cql_up", "1 while the cluster's store answers, 0 while it does not");
    STORE_READS: IntCounterVec = counters("store_reads_total", "Reads that went to the database, or to the cluster's store, by table", "table");
    CQL_JOINED: IntCounter = counter("cql_joined_reads_total", "Reads that were answered by another one's request to the cluster's store");
    FORWARDED: IntCounterVec = counters("chat_forwarded_total", "In a cluster: messages that were sent by the home node of their chat, by what became of that", "outcome");
    PEERS: IntGauge = gauge("peers_alive", "In a cluster: other nodes that are alive");
    PEERS_BYTES: IntCounter = counter("peers_bytes_total", "In a cluster: bytes that this node has told and asked other nodes, without their records");
    PEERS_DROPPED: IntCounter = counter("peers_dropped_total", "In a cluster: words to and from other nodes that did not fit and were dropped");
    DELIVERIES: IntCounter = counter("delivery_frames_total", "Frames given to sessions by the fan-out");
    DIRECT_WRITES: IntCounter = counter("delivery_direct_writes_total", "Frames that went straight into a socket");
    FANOUT_SECONDS: Histogram = histogram("delivery_fanout_seconds", "Time from the commit of a record until its last session of this node had it", SECONDS);
    OUTBOX_BYTES: IntGauge = gauge("session_outbox_bytes", "Bytes that wait in outboxes");
    SLOW_READERS: IntGauge = gauge("session_slow_readers", "Sessions that are written no more than their reader soon reads");
    GAPS: IntCounter = counter("session_gaps_total", "Times that a session fell behind and was given a gap marker");
    HEADS: IntGauge = gauge("chat_heads", "Chats whose head is in memory");
    RECEIPTS_WRITTEN: IntCounter = counter("chat_receipts_written_total", "Receipts that the store has taken");
    MEMBERSHIPS_READ: IntCounter = counter("chat_memberships_read_total", "Times that it was read in which chats somebody is, and what they have changed for themselves, for a device that was away: what happened since is not known by heart any more, or too much");
    MISSED_READ: IntCounter = counter("chat_missed_read_total", "Chats of which what a device had missed was read, because it is not known by heart any more");
    URGENTS_OPEN: IntGauge = gauge("urgent_open", "Urgents that are not over");
    URGENT_RAISED: IntCounter = counter("urgent_raised_total", "Urgents that were raised through this node");
    URGENT_CONFIRMED: IntCounter = counter("urgent_confirmed_total", "Confirmations of urgents, wherever they were made");
    CSP_REPORTS: IntCounter = counter("web_csp_reports_total", "Reports of browsers that the content security policy has blocked something");
    UPLOADS_SWEPT: IntCounter = counter("attachment_uploads_swept_total", "Uploads removed because they were posted nowhere within a day");
    HTTP_REQUESTS: IntCounterVec = counters("http_requests_total", "HTTP requests, by status", "status");
}
