//! `clarion token`: access tokens for tools and load tests, from the keys in the database, which is only read.

use super::print;
use crate::auth::{KeyRing, is_device_id, issue_with};
use crate::clock::Clock;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::directory::{PersonEntry, UserIndex};
use crate::error::clip;
use crate::store::{Table, tables};
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
pub fn print_tokens(config: &Config, whose: &Whose, device_id: &str, minutes: u64) -> Result<(), String> {
    if !is_device_id(device_id) {
        return Err(format!("the device `{}` must have 8 to 64 letters, digits, `-` or `_`", clip(device_id)));
    }
    let database = DataFolder::database(&config.data);
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
    let ring =
        KeyRing::parse(&kept.ok_or_else(|| format!("there is no signing key in {}; start the server once", config.data.display()))?)?;
    let clock = Clock::default();
    let token = |index| issue_with(&ring, &clock, index, device_id, minutes);
    match whose {
        Whose::User(user_id) => {
            let mut found = None;
            // The row holds the id as JSON; whether it is really this one is looked at in `each`.
            let part = serde_json::to_vec(user_id).map_err(|error| error.to_string())?;
            each(&connection, &part, |index, person| {
                found = (person.user_id == *user_id).then_some((index, person.resigned));
                found.is_none()
            })
            .map_err(say)?;
            match found {
                None => Err(format!("nobody has the id `{}`", clip(user_id))),
                Some((_, true)) => Err(format!("`{}` has left the organisation", clip(user_id))),
                Some((index, false)) => print(&format!("{}\n", token(index))),
            }
        }
        Whose::All(limit) => {
            let mut lines = String::new();
            let mut count = 0;
            each(&connection, b"{", |index, person| {
                if person.kind == PersonKind::Person && !person.resigned && count < *limit {
                    lines.push_str(&format!("{}\t{}\n", person.user_id, token(index)));
                    count += 1;
                }
                count < *limit
            })
            .map_err(say)?;
            print(&lines)
        }
    }
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
