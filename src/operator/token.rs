//! `clarion token`: access tokens for tools and load tests, from the keys in the database or the cluster's store, which are only read.

use super::{cluster_store, in_cluster, print, shown};
use crate::auth::{KeyRing, is_device_id, issue_with};
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{PersonEntry, UserIndex};
use crate::error::clip;
use crate::store::{Store, Table, tables};
use protocol::person::PersonKind;
use rusqlite::{Connection, OpenFlags};

/// Whose tokens.
#[derive(Debug, Clone)]
pub enum Whose<'a> {
    /// One person's; the token alone is printed.
    User(&'a str),
    /// Everybody's, at most so many; `user_id`, a tab and the token, one a line.
    All(usize),
}

/// Prints tokens that are good for so many minutes.
///
/// # Errors
/// One sentence for the operator.
pub async fn print_tokens(config: &Config, whose: &Whose<'_>, device_id: &str, minutes: u64) -> Result<(), String> {
    if !is_device_id(device_id) {
        return Err(format!("the device `{}` must have 8 to 64 letters, digits, `-` or `_`", clip(device_id)));
    }
    let clock = Clock::default();
    let mut wanted = Wanted::new(whose);
    let ring = if in_cluster(config)? { from_cluster(config, &mut wanted).await? } else { from_folder(config, &mut wanted)? };
    let token = |index| issue_with(&ring, &clock, index, device_id, minutes);
    match whose {
        Whose::User(user_id) => match wanted.found.first() {
            None => Err(format!("nobody has the id `{}`", clip(user_id))),
            Some((_, person)) if person.resigned => Err(format!("`{}` has left the organisation", clip(user_id))),
            Some((index, _)) => print(&format!("{}\n", token(*index))),
        },
        Whose::All(_) => {
            let lines: Vec<String> =
                wanted.found.iter().map(|(index, person)| format!("{}\t{}\n", person.user_id, token(*index))).collect();
            print(&lines.concat())
        }
    }
}

/// The people whose tokens are to be printed, as they are found.
struct Wanted<'a> {
    whose: &'a Whose<'a>,
    found: Vec<(UserIndex, PersonEntry)>,
}

impl<'a> Wanted<'a> {
    fn new(whose: &'a Whose<'a>) -> Self {
        Self { whose, found: Vec::new() }
    }

    /// Looks at somebody; false when nobody else is wanted.
    fn look(&mut self, index: UserIndex, person: PersonEntry) -> bool {
        match self.whose {
            Whose::User(user_id) => {
                if person.user_id == *user_id {
                    self.found.push((index, person));
                }
                self.found.is_empty()
            }
            Whose::All(limit) => {
                if person.kind == PersonKind::Person && !person.resigned && self.found.len() < *limit {
                    self.found.push((index, person));
                }
                self.found.len() < *limit
            }
        }
    }
}

/// The signing keys, with the people that are wanted, of a cluster.
async fn from_cluster(config: &Config, wanted: &mut Wanted<'_>) -> Result<KeyRing, String> {
    let store = cluster_store(config).await?;
    let say = |error: crate::error::Error| format!("{} cannot be read: {error}", shown(config));
    let kept = store.get(Table::Facts, tables::none(), KeyRing::row()).await.map_err(say)?;
    let mut people = store.all(Table::People).await.map_err(say)?;
    people.sort_unstable_by(|one, other| one.1.cmp(&other.1));
    for (_, row, value) in people {
        let person = serde_json::from_slice(&value).map_err(|error| format!("a person in the store is damaged: {error}"))?;
        if tables::read_u32(&row, 0).is_some_and(|index| !wanted.look(index, person)) {
            break;
        }
    }
    parse(kept, config)
}

/// The same of a data folder, which a server may have open.
fn from_folder(config: &Config, wanted: &mut Wanted<'_>) -> Result<KeyRing, String> {
    let database = super::database(config)?;
    if !database.exists() {
        return Err(format!(
            "there is no database in {}; start the server once or import people, or name another folder with `--data`",
            config.data.display()
        ));
    }
    let say = |error: rusqlite::Error| format!("the database {} cannot be read: {error}", database.display());
    let connection =
        Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(say)?;
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(say)?;
    let kept = crate::store::get(&connection, Table::Facts, &tables::none(), &KeyRing::row()).map_err(say)?;
    // The row holds the id as JSON, so that one person is found without reading everybody; who it really is, is looked at later.
    let part = match wanted.whose {
        Whose::User(user_id) => serde_json::to_vec(user_id).map_err(|error| error.to_string())?,
        Whose::All(_) => b"{".to_vec(),
    };
    each(&connection, &part, |index, person| wanted.look(index, person)).map_err(say)?;
    parse(kept, config)
}

fn parse(kept: Option<Vec<u8>>, config: &Config) -> Result<KeyRing, String> {
    KeyRing::parse(&kept.ok_or_else(|| format!("there is no signing key in {}; start the server once", shown(config)))?)
}

/// Everybody whose row holds these bytes, by index, until the call says that it is enough.
fn each(connection: &Connection, part: &[u8], mut go_on: impl FnMut(UserIndex, PersonEntry) -> bool) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT row, value FROM people WHERE instr(value, ?) > 0 ORDER BY partition, row")?;
    let mut rows = statement.query([part])?;
    while let Some(row) = rows.next()? {
        let index = tables::read_u32(row.get_ref(0)?.as_blob()?, 0);
        let person = serde_json::from_slice(row.get_ref(1)?.as_blob()?);
        if let (Some(index), Ok(person)) = (index, person)
            && !go_on(index, person)
        {
            break;
        }
    }
    Ok(())
}
