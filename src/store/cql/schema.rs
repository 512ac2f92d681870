//! The schema: what stands in each version, and how several nodes that start at once make it once.
//!
//! A version only ever adds tables or columns, so that the version of the program before goes on beside it. Every
//! statement says `IF NOT EXISTS`, and one node at a time changes something: it takes a turn by a lightweight transaction
//! that expires by itself, in case the node dies meanwhile.

use super::dialect::{Dialect, Kind};
use super::health::Failure;
use super::link::Link;
use super::period::{Class, Family, Period};
use super::settings::CqlSettings;
use super::statements::Shape;
use crate::clock::Clock;
use crate::store::Table;
use scylla::errors::ExecutionError;
use scylla::serialize::row::SerializeRow;
use scylla::value::{CqlValue, Row};
use std::time::{Duration, Instant};

/// How long a turn lasts without being renewed, in seconds. It is renewed every ten, and the slowest statement takes a
/// few.
const TURN_SECONDS: i32 = 90;
/// How often one who waits for a turn looks again.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// How often something is tried again that a busy store did not do.
const TRIES: u32 = 30;
/// How often the turn is renewed while statements run.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(10);

/// One version of the schema.
struct Version {
    number: i32,
    what: &'static str,
    /// Tables that it adds.
    tables: &'static [Table],
}

/// Every version. A new table goes into a new version at the end; a version that was released is never changed.
const VERSIONS: &[Version] = &[
    Version {
        number: 1,
        what: "the tables of chats, people and the organisation",
        tables: &[
            Table::Messages,
            Table::Changes,
            Table::Threads,
            Table::Chats,
            Table::Members,
            Table::Memberships,
            Table::LargeChats,
            Table::JoinRequests,
            Table::JoinsAsked,
            Table::GroupNames,
            Table::ChatParts,
            Table::Cursors,
            Table::Personal,
            Table::Mentions,
            Table::Recalled,
            Table::Dedupe,
            Table::Batches,
            Table::BatchOrder,
            Table::BatchMessages,
            Table::Ephemerals,
            Table::EphemeralOrder,
            Table::CardTokens,
            Table::Files,
            Table::FileChats,
            Table::Blobs,
            Table::Uploads,
            Table::UploadsInParts,
            Table::People,
            Table::Passwords,
            Table::Departments,
            Table::BoundGroups,
            Table::BoundMembers,
            Table::CustomBots,
            Table::Leavers,
            Table::EditTokens,
            Table::Apps,
            Table::Devices,
            Table::Audit,
            Table::Facts,
        ],
    },
    Version { number: 2, what: "urgents", tables: &[Table::Urgents, Table::UrgentOrder] },
];

/// How a table's values stand in CQL.
pub(super) fn shape(table: Table) -> Shape {
    if table == Table::Cursors { Shape::Cursor } else { Shape::Value }
}

fn kind(table: Table) -> Kind {
    match table {
        Table::Dedupe => Kind::EightDays,
        Table::Uploads
        | Table::UploadsInParts
        | Table::Ephemerals
        | Table::EphemeralOrder
        | Table::CardTokens
        | Table::BatchOrder
        | Table::Leavers
        | Table::JoinRequests
        | Table::EditTokens
        | Table::Facts
        | Table::Audit => Kind::Queue,
        _ => Kind::Ordinary,
    }
}

fn create(dialect: Dialect, keyspace: &str, name: &str, shape: Shape, kind: Kind) -> String {
    let options = dialect.options(kind);
    let with = if options.is_empty() { String::new() } else { format!(" WITH {options}") };
    format!("CREATE TABLE IF NOT EXISTS {keyspace}.{name} ({}){with}", shape.columns())
}

fn create_period(dialect: Dialect, keyspace: &str, family: Family, class: Class, period: Period) -> String {
    create(dialect, keyspace, &period.table(family, class), Shape::Value, Kind::Period)
}

/// Statements of a version. Tables by period are made of the time at which the statements run.
fn statements(version: &Version, dialect: Dialect, keyspace: &str, now_ms: u64) -> Vec<String> {
    let mut statements = Vec::new();
    for table in version.tables {
        match Family::of(*table) {
            None => statements.push(create(dialect, keyspace, table.name(), shape(*table), kind(*table))),
            Some(family) => {
                for class in Class::ALL {
                    for period in class.due(now_ms) {
                        statements.push(create_period(dialect, keyspace, family, *class, period));
                    }
                }
            }
        }
    }
    if version.tables.contains(&Table::Messages) {
        statements.push(format!(
            "CREATE TABLE IF NOT EXISTS {keyspace}.chat_periods (partition blob, family text, class text, period int, \
             PRIMARY KEY (partition, family, class, period))"
        ));
    }
    statements
}

/// The tables that say who changes the schema and how far it is. They are made without a turn, so each has an id that is
/// made of its name: two nodes that make it at once make the same table.
fn first_statements(dialect: Dialect, settings: &CqlSettings) -> Vec<String> {
    let turns = dialect.turns_name(settings);
    let with_id = |table: &str| match dialect {
        Dialect::Cassandra => format!(" WITH id = {}", id_of(&format!("{turns}.{table}"))),
        // Changes of the schema are in one order there.
        Dialect::Scylla => String::new(),
    };
    let mut statements = vec![dialect.keyspace(settings)];
    if turns != settings.keyspace {
        statements.push(dialect.turns_keyspace(settings));
    }
    statements
        .push(format!("CREATE TABLE IF NOT EXISTS {turns}.schema_turns (name text PRIMARY KEY, holder text){}", with_id("schema_turns")));
    statements.push(format!(
        "CREATE TABLE IF NOT EXISTS {turns}.schema_versions (version int PRIMARY KEY, what text, applied_at_ms bigint, applied_by text){}",
        with_id("schema_versions")
    ));
    statements
}

fn id_of(name: &str) -> String {
    let hash = blake3::hash(name.as_bytes()).to_hex();
    format!("{}-{}-4{}-8{}-{}", &hash[0..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
}

/// The whole schema as statements, as `clarion schema --print` shows it.
pub fn printed(dialect: Dialect, settings: &CqlSettings, now_ms: u64) -> String {
    let mut text = String::new();
    for statement in first_statements(dialect, settings) {
        text.push_str(&statement);
        text.push_str(";\n");
    }
    for version in VERSIONS {
        text.push_str(&format!("\n-- version {}: {}\n", version.number, version.what));
        for statement in statements(version, dialect, &settings.keyspace, now_ms) {
            text.push_str(&statement);
            text.push_str(";\n");
        }
    }
    text
}

/// The version that this program needs.
pub fn newest() -> i32 {
    VERSIONS.last().map_or(0, |version| version.number)
}

/// Changes the schema of one keyspace.
pub(super) struct Schema<'a> {
    pub(super) link: &'a Link,
    pub(super) settings: &'a CqlSettings,
    pub(super) dialect: Dialect,
    pub(super) clock: &'a Clock,
    /// Who this is, for the turn.
    pub(super) holder: &'a str,
    /// What the turn is for.
    pub(super) turn: &'static str,
}

/// Why the schema could not be brought up to date.
type Failed = String;

impl Schema<'_> {
    /// Brings the schema to the newest version that this program knows. A newer one, of a newer program, is left alone.
    /// Gives the versions that were applied.
    pub(super) async fn migrate(&self) -> Result<Vec<i32>, Failed> {
        let mut applied = Vec::new();
        if self.version().await.unwrap_or(0) < newest() {
            for statement in first_statements(self.dialect, self.settings) {
                self.change(&statement).await?;
            }
            // What another node has made a moment ago, a node of the store may not have heard of yet.
            self.agreed().await?;
            if self.take_turn(|version| version >= newest()).await? {
                let outcome = self.apply().await;
                self.end_turn().await?;
                applied = outcome?;
            }
        }
        self.agreed().await?;
        Ok(applied)
    }

    /// Waits until the nodes of the store have the same schema.
    async fn agreed(&self) -> Result<(), Failed> {
        let agreed = self.link.session().await_schema_agreement().await;
        agreed.map(drop).map_err(|error| format!("the nodes of the store do not agree on the schema: {error}"))
    }

    async fn apply(&self) -> Result<Vec<i32>, Failed> {
        let mut applied = Vec::new();
        let from = self.version().await?;
        let mut renewed_at = Instant::now();
        for version in VERSIONS.iter().filter(|version| version.number > from) {
            for statement in statements(version, self.dialect, &self.settings.keyspace, self.clock.now_ms()) {
                if renewed_at.elapsed() >= BETWEEN_RENEWALS {
                    self.renew_turn().await?;
                    renewed_at = Instant::now();
                }
                self.change(&statement).await?;
            }
            let table = self.turns("schema_versions");
            self.query(
                &format!("INSERT INTO {table} (version, what, applied_at_ms, applied_by) VALUES (?, ?, ?, ?)"),
                (version.number, version.what, self.clock.now_ms() as i64, self.holder),
            )
            .await?;
            tracing::info!(version = version.number, what = version.what, "the schema of the store is at a new version");
            applied.push(version.number);
        }
        Ok(applied)
    }

    /// Makes the tables of one period that are not there.
    pub(super) async fn make_period(&self, class: Class, period: Period) -> Result<(), Failed> {
        self.take_turn(|_| false).await?;
        let mut outcome = Ok(());
        for family in Family::ALL {
            outcome = match outcome {
                Ok(()) => self.change(&create_period(self.dialect, &self.settings.keyspace, *family, class, period)).await,
                failed => failed,
            };
        }
        self.end_turn().await?;
        outcome?;
        self.agreed().await
    }

    /// The version of the schema that is there; 0: none, an error: there is no table that would say.
    pub(super) async fn version(&self) -> Result<i32, Failed> {
        let table = self.turns("schema_versions");
        let rows = self.query(&format!("SELECT version FROM {table}"), ()).await?;
        Ok(rows.iter().filter_map(|row| first(row)?.as_int()).max().unwrap_or(0))
    }

    /// Waits for the turn. False when the schema became good enough meanwhile, so that no turn is needed.
    pub(super) async fn take_turn(&self, enough: impl Fn(i32) -> bool) -> Result<bool, Failed> {
        let table = self.turns("schema_turns");
        let take = format!("INSERT INTO {table} (name, holder) VALUES ('{}', ?) IF NOT EXISTS USING TTL {TURN_SECONDS}", self.turn);
        loop {
            let rows = self.query(&take, (self.holder,)).await?;
            // The first column says whether it was done; the others differ between the servers.
            if rows.first().and_then(first).and_then(CqlValue::as_boolean) == Some(true) || self.has_turn().await? {
                return Ok(true);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            if enough(self.version().await?) {
                return Ok(false);
            }
        }
    }

    /// The turn is this one's already: an earlier try was done although its answer did not come.
    async fn has_turn(&self) -> Result<bool, Failed> {
        let table = self.turns("schema_turns");
        let rows = self.query(&format!("SELECT holder FROM {table} WHERE name = '{}'", self.turn), ()).await?;
        Ok(rows.first().and_then(first).and_then(|holder| holder.as_text()).is_some_and(|holder| holder == self.holder))
    }

    async fn renew_turn(&self) -> Result<(), Failed> {
        let table = self.turns("schema_turns");
        let rows = self
            .query(
                &format!("UPDATE {table} USING TTL {TURN_SECONDS} SET holder = ? WHERE name = '{}' IF holder = ?", self.turn),
                (self.holder, self.holder),
            )
            .await?;
        match rows.first().and_then(first).and_then(CqlValue::as_boolean) {
            Some(true) => Ok(()),
            _ => Err("another node took the turn to change the schema, because this one was too slow".into()),
        }
    }

    pub(super) async fn end_turn(&self) -> Result<(), Failed> {
        let table = self.turns("schema_turns");
        self.query(&format!("DELETE FROM {table} WHERE name = '{}' IF holder = ?", self.turn), (self.holder,)).await.map(drop)
    }

    fn turns(&self, table: &str) -> String {
        format!("{}.{table}", self.dialect.turns_name(self.settings))
    }

    async fn change(&self, statement: &str) -> Result<(), Failed> {
        let mut tries = 0;
        loop {
            match self.link.change_schema(statement).await {
                Ok(()) => return Ok(()),
                Err(error) if passing(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(format!("the schema cannot be changed by `{statement}`: {error}")),
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn query(&self, text: &str, values: impl SerializeRow) -> Result<Vec<Row>, Failed> {
        let failed = |error: &dyn std::error::Error| format!("the schema cannot be looked at by `{text}`: {error}");
        let mut tries = 0;
        let answer = loop {
            match self.link.session().query_unpaged(text, &values).await {
                Ok(answer) => break answer,
                Err(error) if passing(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(failed(&error)),
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        };
        if !answer.is_rows() {
            return Ok(Vec::new());
        }
        let answer = answer.into_rows_result().map_err(|error| failed(&error))?;
        answer.rows::<Row>().map_err(|error| failed(&error))?.collect::<Result<_, _>>().map_err(|error| failed(&error))
    }
}

/// An error that may be gone a moment later: nodes that start at once are in each other's way. Everything that is done to
/// the schema may be done again.
fn passing(error: &ExecutionError) -> bool {
    matches!(Failure::of(error), Failure::Slow | Failure::Refused)
}

fn first(row: &Row) -> Option<&CqlValue> {
    row.columns.first().and_then(Option::as_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_in_one_version_of_the_schema() {
        for table in Table::ALL {
            let count = VERSIONS.iter().filter(|version| version.tables.contains(table)).count();
            assert_eq!(count, 1, "{table:?}: a new table goes into a new version at the end of VERSIONS");
        }
        assert!(VERSIONS.is_sorted_by(|one, other| one.number + 1 == other.number), "versions are numbered without a hole");
    }

    #[test]
    fn what_is_printed_has_every_table_and_never_takes_something_away() {
        for dialect in [Dialect::Cassandra, Dialect::Scylla] {
            let text = printed(dialect, &CqlSettings::default(), 1_800_000_000_000);
            for table in Table::ALL.iter().filter(|table| Family::of(**table).is_none()) {
                assert!(text.contains(&format!(" clarion.{} ", table.name())), "{table:?}");
            }
            assert!(text.contains(" clarion.messages_ever_2027 ") && text.contains(" clarion.changes_ever_2028 "), "{text}");
            assert!(!text.contains("DROP") && !text.contains("ALTER"), "{text}");
        }
    }
}
