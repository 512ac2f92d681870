//! What differs between ScyllaDB and Apache Cassandra. No other file asks which of the two is there.
//!
//! Connections differ too, but that is the driver's: on ScyllaDB it has one to each core, over the shard-aware port.

use super::settings::CqlSettings;
use scylla::client::session::Session;
use scylla::errors::ExecutionError;

/// Which server speaks CQL here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Apache Cassandra 4.1 or newer.
    Cassandra,
    /// ScyllaDB.
    Scylla,
}

/// What a table is used for; it decides how its rows are kept together and when the deleted ones go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows are put, put again and seldom deleted.
    Ordinary,
    /// Rows come and go all the time, and the first ones are looked for: what is deleted must be forgotten within an
    /// hour, or each look walks over it. A deleted row that comes back because a copy was away for longer is done
    /// again, which is harmless in these tables.
    Queue,
    /// Rows live eight days and go by themselves.
    EightDays,
    /// Rows of one period: never put twice, never deleted one by one; the table goes as a whole.
    Period,
}

impl Dialect {
    /// Looks which server this is: only ScyllaDB has this table.
    pub async fn of(session: &Session) -> Result<Self, ExecutionError> {
        let rows = session
            .query_unpaged(
                "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system' AND table_name = 'scylla_local'",
                &[],
            )
            .await?;
        let found = rows.into_rows_result().is_ok_and(|rows| rows.rows_num() > 0);
        Ok(if found { Self::Scylla } else { Self::Cassandra })
    }

    /// The keyspace of rows. ScyllaDB spreads it by tablets, which is its own default for a new keyspace.
    pub fn keyspace(self, settings: &CqlSettings) -> String {
        self.keyspace_named(&settings.keyspace, settings)
    }

    /// The keyspace of what needs lightweight transactions: who may change the schema, and its version. ScyllaDB refuses
    /// those on tablets before 2025.4, so there it is a keyspace of its own without them.
    pub fn turns_keyspace(self, settings: &CqlSettings) -> String {
        match self {
            Self::Cassandra => self.keyspace_named(&self.turns_name(settings), settings),
            Self::Scylla => format!("{} AND tablets = {{'enabled': false}}", self.keyspace_named(&self.turns_name(settings), settings)),
        }
    }

    /// Name of that keyspace.
    pub fn turns_name(self, settings: &CqlSettings) -> String {
        match self {
            Self::Cassandra => settings.keyspace.clone(),
            Self::Scylla => format!("{}_schema", settings.keyspace),
        }
    }

    fn keyspace_named(self, name: &str, settings: &CqlSettings) -> String {
        // Without the name of a data centre, each that the server knows gets this many copies.
        let place = settings.datacenter.as_deref().unwrap_or("replication_factor");
        let copies = settings.replication_factor;
        format!("CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {{'class': 'NetworkTopologyStrategy', '{place}': {copies}}}")
    }

    /// What follows `WITH` for a table of this kind; empty: the server's defaults, which are right for both.
    pub fn options(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Ordinary | Kind::Period, _) => "",
            (Kind::Queue, Self::Cassandra) => "gc_grace_seconds = 3600",
            // With tablets, ScyllaDB otherwise keeps what is deleted until the next repair.
            (Kind::Queue, Self::Scylla) => "gc_grace_seconds = 3600 AND tombstone_gc = {'mode': 'timeout'}",
            (Kind::EightDays, _) => {
                "default_time_to_live = 691200 AND gc_grace_seconds = 86400 AND compaction = {'class': 'TimeWindowCompactionStrategy', \
                 'compaction_window_unit': 'DAYS', 'compaction_window_size': 1}"
            }
        }
    }
}
