//! `clarion schema`: the tables of the cluster's store, printed or made. A server may run, and so may one of the version
//! before.

use super::print;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::cql::{self, CqlSettings, CqlStore, Dialect};

/// Prints every statement of the schema, for those who make it by other means.
///
/// # Errors
/// One sentence for the operator.
pub fn print_schema(config: &Config, dialect: Dialect) -> Result<(), String> {
    print(&cql::printed(dialect, &settings(config)?, Clock::default().now_ms()))
}

/// Applies what is missing, and says what that was.
///
/// # Errors
/// One sentence for the operator: no store is set, it does not answer, or it refuses a statement.
pub async fn apply(config: &Config) -> Result<(), String> {
    let settings = settings(config)?;
    settings.check()?;
    let place = settings.addresses.join(", ");
    let outcome = CqlStore::migrate(&settings, &Clock::default()).await;
    let (applied, version) = outcome.map_err(|why| format!("the schema of the store at {place} could not be applied: {why}"))?;
    let mut text = String::new();
    for number in &applied {
        text.push_str(&format!("version {number}: applied\n"));
    }
    if applied.is_empty() {
        text.push_str("nothing was missing\n");
    }
    text.push_str(&format!("keyspace {}: version {version}, this program needs {}\n", settings.keyspace, cql::newest()));
    print(&text)
}

/// What can be said of a store that need not be there.
fn settings(config: &Config) -> Result<CqlSettings, String> {
    let settings = CqlSettings::of(config);
    settings.check_names()?;
    Ok(settings)
}
