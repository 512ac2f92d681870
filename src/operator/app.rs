//! `clarion app`: the business systems that call the open API. All but `create` may be run beside a server, which looks
//! at what changed within a second.

use super::{Opened, cluster_store, in_cluster, print, shown};
use crate::auth::{APPS_CHANGED, AppEntry, AppRange, Scopes};
use crate::config::Config;
use crate::directory::{PersonEntry, ROOT};
use crate::error::clip;
use crate::limits::APP_RANGE_ENTRIES_MAX;
use crate::store::cql::CqlStore;
use crate::store::{self, Store, Table, Write, tables};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::collections::BTreeSet;

/// Makes an app and prints its id and secret.
///
/// # Errors
/// One sentence for the operator.
pub async fn create(config: &Config, name: &str, scopes: &[String]) -> Result<(), String> {
    known(scopes)?;
    let opened = Opened::open(config).await?;
    let made = opened.auth.create_app(name, Scopes::of(scopes)).await.map_err(|error| format!("the app could not be made: {error}"));
    opened.close().await?;
    let (app, secret) = made?;
    print(&format!("app_id: {}\napp_secret: {secret}\nKeep the secret now; it is not shown again.\n", app.app_id))
}

/// Prints every app: id, whether it is enabled, how many scopes, name.
///
/// # Errors
/// One sentence for the operator.
pub async fn list(config: &Config) -> Result<(), String> {
    let mut lines = String::new();
    for row in Kept::open(config).await?.all(Table::Apps).await? {
        let app = parse(&row)?;
        let state = if app.disabled { "disabled" } else { "enabled" };
        lines.push_str(&format!("{}\t{state}\t{} scopes\t{}\n", app.app_id, scopes_of(&app).len(), app.name));
    }
    print(&lines)
}

/// Gives an app scopes and takes others away, and prints what it has then.
///
/// # Errors
/// One sentence for the operator.
pub async fn scopes(config: &Config, app_id: &str, add: &[String], remove: &[String]) -> Result<(), String> {
    known(add)?;
    known(remove)?;
    if let Some(both) = add.iter().find(|scope| remove.contains(scope)) {
        return Err(format!("the scope `{}` is to be added and removed; name it once", clip(both)));
    }
    let app = change(config, app_id, !add.is_empty() || !remove.is_empty(), |app| {
        app.scopes = std::mem::take(&mut app.scopes).with(add).without(remove);
    })
    .await?;
    let lines: Vec<String> = scopes_of(&app).into_iter().map(|scope| format!("{scope}\n")).collect();
    print(&lines.concat())
}

/// Chooses whom an app may see, and prints it: the departments and people that are given instead of those before.
/// Without any, only prints it.
///
/// # Errors
/// One sentence for the operator.
pub async fn range(config: &Config, app_id: &str, departments: &[String], people: &[String], everybody: bool) -> Result<(), String> {
    let count = departments.len() + people.len();
    if count > APP_RANGE_ENTRIES_MAX {
        return Err(format!("the range would have {count} departments and people, the limit is {APP_RANGE_ENTRIES_MAX}"));
    }
    there_are(config, departments, people).await?;
    let app = change(config, app_id, everybody || count > 0, |app| {
        let chosen = AppRange { departments: departments.iter().cloned().collect(), people: people.iter().cloned().collect() };
        if everybody {
            app.range = None;
        } else if count > 0 {
            app.range = Some(chosen);
        }
    })
    .await?;
    match app.range {
        None => print("everybody\n"),
        Some(range) => {
            let departments = range.departments.iter().map(|id| format!("department\t{id}\n"));
            let people = range.people.iter().map(|id| format!("person\t{id}\n"));
            print(&departments.chain(people).collect::<String>())
        }
    }
}

/// Fails for a department or person that is not in the database: a letter that is wrong would hide somebody.
async fn there_are(config: &Config, departments: &[String], people: &[String]) -> Result<(), String> {
    if departments.is_empty() && people.is_empty() {
        return Ok(());
    }
    let kept = Kept::open(config).await?;
    for id in departments.iter().filter(|id| *id != ROOT) {
        let row = kept.get(Table::Departments, id).await?;
        row.ok_or_else(|| format!("there is no department `{}`; the open API's department search tells ids", clip(id)))?;
    }
    if people.is_empty() {
        return Ok(());
    }
    let mut wanted: BTreeSet<&str> = people.iter().map(String::as_str).collect();
    for row in kept.all(Table::People).await? {
        let person: PersonEntry = serde_json::from_slice(&row).map_err(|error| format!("a person in the database is damaged: {error}"))?;
        wanted.remove(person.user_id.as_str());
    }
    match wanted.first() {
        None => Ok(()),
        Some(unknown) => Err(format!("nobody has the staff number `{}`", clip(unknown))),
    }
}

/// Enables an app, or disables it: then no call of it is taken any more, and it gets no token.
///
/// # Errors
/// One sentence for the operator.
pub async fn enable(config: &Config, app_id: &str, enabled: bool) -> Result<(), String> {
    let app = change(config, app_id, true, |app| app.disabled = !enabled).await?;
    print(&format!("{} is {}\n", app.app_id, if enabled { "enabled" } else { "disabled" }))
}

/// Every known scope that an app has.
fn scopes_of(app: &AppEntry) -> BTreeSet<&'static str> {
    crate::open_api::scopes().into_iter().filter(|scope| app.scopes.has(scope)).collect()
}

fn known(scopes: &[String]) -> Result<(), String> {
    let known = crate::open_api::scopes();
    match scopes.iter().find(|scope| !known.contains(scope.as_str())) {
        None => Ok(()),
        Some(scope) => {
            let family = scope.split([':', '.']).next().unwrap_or_default();
            let near: Vec<&str> = known.into_iter().filter(|known| known.starts_with(family) && !family.is_empty()).collect();
            let near = if near.is_empty() { String::new() } else { format!("; scopes of `{}` are {}", clip(family), near.join(", ")) };
            Err(format!("there is no scope `{}`{near}", clip(scope)))
        }
    }
}

/// Where apps are kept, while a server may run.
enum Kept {
    Folder(Connection, String),
    Cluster(CqlStore, String),
}

impl Kept {
    async fn open(config: &Config) -> Result<Self, String> {
        if in_cluster(config)? {
            return Ok(Self::Cluster(cluster_store(config).await?, shown(config)));
        }
        let database = super::database(config)?;
        if !database.exists() {
            return Err(format!(
                "there is no database in {}; start the server once, or name another folder with `--data`",
                config.data.display()
            ));
        }
        let say = |error: rusqlite::Error| format!("the database {} cannot be opened: {error}", database.display());
        let connection =
            Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(say)?;
        connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(say)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(say)?;
        Ok(Self::Folder(connection, shown(config)))
    }

    /// A row of a table that has one partition.
    async fn get(&self, table: Table, row: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Folder(connection, place) => {
                store::get(connection, table, &tables::none(), &tables::text_key(row)).map_err(|error| unreadable(place, &error))
            }
            Self::Cluster(store, place) => {
                store.get(table, tables::none(), tables::text_key(row)).await.map_err(|error| unreadable(place, &error))
            }
        }
    }

    /// Every value of a table, in the order of the rows.
    async fn all(&self, table: Table) -> Result<Vec<Vec<u8>>, String> {
        match self {
            Self::Folder(connection, place) => {
                let say = |error: rusqlite::Error| unreadable(place, &error);
                let mut statement = connection.prepare(&format!("SELECT value FROM {} ORDER BY row", table.name())).map_err(say)?;
                statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(say)
            }
            Self::Cluster(store, place) => {
                let mut rows = store.all(table).await.map_err(|error| unreadable(place, &error))?;
                rows.sort_unstable_by(|one, other| one.1.cmp(&other.1));
                Ok(rows.into_iter().map(|(_, _, value)| value).collect())
            }
        }
    }
}

fn unreadable(place: &str, error: &impl std::fmt::Display) -> String {
    format!("{place} cannot be read: {error}")
}

fn parse(row: &[u8]) -> Result<AppEntry, String> {
    serde_json::from_slice(row).map_err(|error| format!("an app in the database is damaged: {error}"))
}

/// Reads an app, changes it, and leaves a mark by which running servers see it.
async fn change(config: &Config, app_id: &str, changes: bool, act: impl FnOnce(&mut AppEntry)) -> Result<AppEntry, String> {
    match Kept::open(config).await? {
        Kept::Folder(mut connection, place) => {
            let say = |error: rusqlite::Error| format!("{place} cannot be written: {error}");
            // Another process may be writing: the place in line is taken before anything is read.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(say)?;
            let row = store::get(&transaction, Table::Apps, &tables::none(), &tables::text_key(app_id)).map_err(say)?;
            let app = changed(row, app_id, act)?;
            if changes {
                store::apply(&transaction, &written(&app)?).map_err(say)?;
            }
            transaction.commit().map_err(say)?;
            Ok(app)
        }
        Kept::Cluster(store, place) => {
            let say = |error: crate::error::Error| format!("{place} cannot be written: {error}");
            // The turn keeps another command from writing between the reading and the writing here.
            let turn = crate::engines::first_start(&store).await.map_err(say)?;
            let outcome = async {
                let row = store.get(Table::Apps, tables::none(), tables::text_key(app_id)).await.map_err(say)?;
                let app = changed(row, app_id, act)?;
                if changes {
                    store.write(written(&app)?.into()).await.map_err(say)?;
                }
                Ok(app)
            }
            .await;
            if let Some(turn) = turn {
                turn.end().await;
            }
            outcome
        }
    }
}

fn changed(row: Option<Vec<u8>>, app_id: &str, act: impl FnOnce(&mut AppEntry)) -> Result<AppEntry, String> {
    let mut app = parse(&row.ok_or_else(|| format!("there is no app `{}`; `clarion app list` prints all", clip(app_id)))?)?;
    act(&mut app);
    Ok(app)
}

fn written(app: &AppEntry) -> Result<[Write; 2], String> {
    let value = serde_json::to_vec(app).map_err(|error| format!("the app could not be written down: {error}"))?;
    let mark: [u8; 16] = rand::random();
    Ok([
        Write::Put(Table::Apps, tables::none(), tables::text_key(&app.app_id), value),
        Write::Put(Table::Facts, tables::none(), tables::text_key(APPS_CHANGED), mark.to_vec()),
    ])
}
