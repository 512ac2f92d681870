//! The part of the organisation that an app may see: all of it, or chosen departments and people.

use super::Auth;
use crate::directory::{ROOT, UserIndex};
use crate::error::{Error, Result, clip};
use crate::limits::APP_RANGE_ENTRIES_MAX;
use crate::store::{Store, Table, Write, tables};
use protocol::person::PersonKind;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// What an app may see, as the table `AppRanges` keeps it. An app without a row may see everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AppRange {
    /// Departments, each with all below it.
    pub departments: Vec<String>,
    /// People beside them, by index.
    pub people: Vec<UserIndex>,
}

/// The ranges of apps that do not see everybody, by app id.
pub(super) type Ranges = HashMap<String, Arc<AppRange>>;

pub(super) async fn load(store: &dyn Store) -> Result<Ranges> {
    let mut ranges = Ranges::new();
    for (_, row, value) in store.all(Table::AppRanges).await? {
        let range: AppRange = serde_json::from_slice(&value)
            .map_err(|error| Error::storage(format!("the range of an app in the database is damaged: {error}")))?;
        ranges.insert(String::from_utf8_lossy(&row).into_owned(), Arc::new(range));
    }
    Ok(ranges)
}

impl Auth {
    /// What an app may see; none means everybody.
    pub fn app_range(&self, app_id: &str) -> Option<Arc<AppRange>> {
        self.0.ranges.read().get(app_id).cloned()
    }

    /// Sets what an app may see, from now on; none means everybody.
    ///
    /// # Errors
    /// `InvalidValue` when there is no such app, department or person; `TooLarge`; `StorageUnavailable`.
    pub async fn set_app_range(&self, app_id: &str, range: Option<AppRange>) -> Result<()> {
        if self.app(app_id).is_none() {
            return Err(Error::invalid("app_id", format!("there is no app `{}`", clip(app_id))));
        }
        let row = tables::text_key(app_id);
        let write = match &range {
            None => Write::Delete(Table::AppRanges, tables::none(), row),
            Some(range) => {
                let count = range.departments.len() + range.people.len();
                if count > APP_RANGE_ENTRIES_MAX {
                    return Err(Error::too_large("the range", count as u64, APP_RANGE_ENTRIES_MAX as u64, "departments and people"));
                }
                if let Some(unknown) = range.departments.iter().find(|id| self.0.directory.department(id).is_none()) {
                    return Err(Error::invalid("departments", format!("there is no department `{}`", clip(unknown))));
                }
                let value =
                    serde_json::to_vec(range).map_err(|error| Error::storage(format!("a range could not be written down: {error}")))?;
                Write::Put(Table::AppRanges, tables::none(), row, value)
            }
        };
        self.0.store.write(vec![write]).await?;
        let mut ranges = self.0.ranges.write();
        match range {
            None => drop(ranges.remove(app_id)),
            Some(range) => drop(ranges.insert(app_id.to_owned(), Arc::new(range))),
        }
        Ok(())
    }

    /// An app may see somebody. Bots are seen by all.
    pub fn sees_person(&self, app_id: &str, index: UserIndex) -> bool {
        let Some(range) = self.app_range(app_id) else { return true };
        let directory = &self.0.directory;
        directory.kind(index) == PersonKind::Bot
            || range.people.contains(&index)
            || range.departments.iter().any(|id| directory.person_within(index, id))
            // Who has left stands in no department any more; the row still says where it was.
            || directory.resigned(index)
                && directory.entry(index).is_some_and(|person| person.departments.iter().any(|id| self.sees_department(app_id, id)))
    }

    /// An app may see a department with all that is below it.
    pub fn sees_department(&self, app_id: &str, department_id: &str) -> bool {
        let Some(range) = self.app_range(app_id) else { return true };
        department_id != ROOT && range.departments.iter().any(|above| self.0.directory.department_within(department_id, above))
            || range.departments.iter().any(|above| above == ROOT)
    }
}
