//! The part of the organisation that an app may see: all of it, or chosen departments and people.

use super::{AppEntry, Auth};
use crate::directory::{ROOT, UserIndex};
use protocol::person::PersonKind;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an app may see, where that is not everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AppRange {
    /// Ids of departments, each with all below it.
    pub departments: BTreeSet<String>,
    /// Ids of people beside them.
    pub people: BTreeSet<String>,
}

impl Auth {
    /// An app may see somebody.
    pub fn sees_person(&self, app: &AppEntry, index: UserIndex) -> bool {
        let Some(range) = &app.range else { return true };
        let directory = &self.0.directory;
        directory.kind(index) == PersonKind::Bot
            || range.people.contains(&*directory.user_id(index))
            || range.departments.iter().any(|id| directory.person_within(index, id))
            // Who has left stands in no department any more; the row still says where it was.
            || directory.resigned(index)
                && directory.entry(index).is_some_and(|person| person.departments.iter().any(|id| self.sees_department(app, id)))
    }

    /// Everybody whom an app may see and who has not left; no bots.
    pub fn people_seen(&self, app: &AppEntry) -> RoaringBitmap {
        let directory = &self.0.directory;
        let Some(range) = &app.range else { return directory.everyone() };
        let departments: Vec<String> = range.departments.iter().cloned().collect();
        let mut people = directory.people_of(&departments, true);
        people.extend(range.people.iter().filter_map(|user_id| directory.index(user_id)));
        people & directory.everyone()
    }

    /// An app may see a department with all that is below it.
    pub fn sees_department(&self, app: &AppEntry, department_id: &str) -> bool {
        let Some(range) = &app.range else { return true };
        range.departments.contains(ROOT)
            || department_id != ROOT && range.departments.iter().any(|above| self.0.directory.department_within(department_id, above))
    }
}
