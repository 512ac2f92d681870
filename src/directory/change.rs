//! Changes of people and departments: checked as a whole, written, then shown.

use super::follow::Noted;
use super::names::Names;
use super::person::{DepartmentEntry, PersonEntry, ROOT, Upserted, UserIndex};
use super::refused::{EditRefused, Unique};
use super::rows::{Row, Rows, Shared};
use super::tree::Tree;
use super::{Changed, Directory, Leaver, check_department, check_person, keys, person_key};
use crate::error::{Error, Result};
use crate::limits::{DEPARTMENTS_IN_PLACE_MAX, DEPARTMENTS_MAX, PEOPLE_PER_WRITE, SEARCH_UNSORTED_MAX};
use crate::store::{Table, Write, tables};
use protocol::error::ErrorCode;
use std::collections::HashMap;
use std::sync::Arc;

impl Directory {
    /// Makes or changes people and bots by their `user_id`. Who is so already costs no write.
    ///
    /// # Errors
    /// `InvalidValue` when somebody cannot be taken, and then nothing is changed. `StorageUnavailable` when writing
    /// fails: of a large list the first ones may be changed by then, and the same call again does the rest.
    pub async fn upsert_people(&self, people: Vec<PersonEntry>) -> Result<Upserted> {
        let _one = self.one_change().await?;
        self.put_people(people, Vec::new(), None).await.map_err(EditRefused::into_error)
    }

    /// The same for who holds the lock: with further rows in the first write, and with who takes over the groups of those
    /// who leave.
    pub(super) async fn put_people(
        &self,
        people: Vec<PersonEntry>,
        mut beside: Vec<Write>,
        heir: Option<UserIndex>,
    ) -> std::result::Result<Upserted, EditRefused> {
        self.check_people(&people)?;
        let mut upserted = Upserted::default();
        let mut next = self.len();
        let mut changes: Vec<(UserIndex, PersonEntry)> = Vec::new();
        for person in people {
            match self.index(&person.user_id) {
                None => {
                    changes.push((next, person));
                    next += 1;
                    upserted.created += 1;
                }
                Some(index) if self.0.rows.load().get(index).is_some_and(|row| row.entry() == person) => upserted.unchanged += 1,
                Some(index) => {
                    changes.push((index, person));
                    upserted.changed += 1;
                }
            }
        }
        let mut shared = Shared::default();
        for part in changes.chunks(PEOPLE_PER_WRITE) {
            let mut writes = std::mem::take(&mut beside);
            for (index, person) in part {
                let (partition, row) = person_key(*index);
                let value =
                    serde_json::to_vec(person).map_err(|error| Error::storage(format!("a person could not be written down: {error}")))?;
                if person.resigned && !self.resigned(*index) {
                    // What is left to do for somebody who leaves is written with it, and before it, so that no crash forgets it.
                    writes.push(Leaver { heir }.write(*index));
                }
                writes.push(Write::Put(Table::People, partition, row, value));
            }
            self.write(writes, Noted::People(part)).await?;
            self.show(part, &mut shared);
        }
        self.show_names(&changes).await?;
        if !changes.is_empty() {
            self.tell(Changed::People(changes.into_iter().map(|(index, _)| index).collect()));
        }
        Ok(upserted)
    }

    /// Everything that would make the list as a whole impossible.
    fn check_people(&self, people: &[PersonEntry]) -> std::result::Result<(), EditRefused> {
        let mut ids: HashMap<&str, ()> = HashMap::with_capacity(people.len());
        let mut emails: HashMap<String, &str> = HashMap::new();
        let mut mobiles: HashMap<String, &str> = HashMap::new();
        for person in people {
            check_person(person)?;
            if ids.insert(&person.user_id, ()).is_some() {
                return Err(Error::invalid("user_id", format!("`{}` is given twice", person.user_id)).into());
            }
            if let Some(unknown) = person.departments.iter().find(|id| self.0.tree.read().entry(id).is_none()) {
                return Err(EditRefused::NoDepartment(unknown.clone()));
            }
            if person.resigned {
                continue;
            }
            if let Some(email) = &person.email {
                taken(Unique::Email, emails.insert(keys::email_key(email), &person.user_id))?;
            }
            if let Some(mobile) = &person.mobile {
                taken(Unique::Mobile, mobiles.insert(keys::mobile_key(mobile), &person.user_id))?;
            }
        }
        // Somebody else may have it now, unless that one is in the list and gives it up.
        for (field, wanted, holder) in
            [(Unique::Email, &emails, Self::by_email as fn(&Self, &str) -> Option<UserIndex>), (Unique::Mobile, &mobiles, Self::by_mobile)]
        {
            for (key, user_id) in wanted {
                let Some(index) = holder(self, key).filter(|index| !self.resigned(*index)) else { continue };
                let id = self.user_id(index);
                if *id != **user_id && !ids.contains_key(&*id) {
                    taken(field, Some(&id))?;
                }
            }
        }
        Ok(())
    }

    /// Makes durable changes visible.
    pub(super) fn show(&self, changes: &[(UserIndex, PersonEntry)], shared: &mut Shared) {
        let before = self.0.rows.load_full();
        let mut rows: Rows = (*before).clone();
        for (index, person) in changes {
            rows.set(*index, Row::new(person, shared));
        }
        let mut keys = self.0.keys.write();
        let mut tree = self.0.tree.write();
        for (index, _) in changes {
            keys.forget(&before, *index);
            if let Some(row) = before.get(*index) {
                tree.displace(*index, row);
            }
        }
        for (index, _) in changes {
            keys.learn(&rows, *index);
            if let Some(row) = rows.get(*index) {
                tree.place(*index, row);
            }
        }
        // Under the lock: who looks an id up sees a row for it.
        self.0.rows.store(Arc::new(rows));
    }

    pub(super) async fn show_names(&self, changes: &[(UserIndex, PersonEntry)]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let (names, rows) = (self.0.names.load_full(), self.0.rows.load_full());
        let names = if names.changed() + changes.len() > SEARCH_UNSORTED_MAX {
            tokio::task::spawn_blocking(move || Names::new(&rows))
                .await
                .map_err(|_| Error::storage("the index of names could not be made"))?
        } else {
            names.with(changes.iter().filter_map(|(index, _)| Some((*index, rows.get(*index)?))))
        };
        self.0.names.store(Arc::new(names));
        Ok(())
    }

    /// Makes or changes departments by their id.
    ///
    /// # Errors
    /// `InvalidValue` when a department would be above itself, or its parent does not exist; then nothing is changed.
    pub async fn upsert_departments(&self, departments: Vec<DepartmentEntry>) -> Result<Upserted> {
        let _one = self.one_change().await?;
        let mut upserted = Upserted::default();
        let mut changed: Vec<&DepartmentEntry> = Vec::new();
        {
            let tree = self.0.tree.read();
            let mut listed: HashMap<&str, &DepartmentEntry> = HashMap::with_capacity(departments.len());
            for department in &departments {
                check_department(department)?;
                if listed.insert(&department.department_id, department).is_some() {
                    return Err(Error::invalid("department_id", format!("`{}` is given twice", department.department_id)));
                }
            }
            for department in &departments {
                if tree.entry(&department.parent).is_none() && !listed.contains_key(&*department.parent) {
                    return Err(Error::invalid("parent", format!("there is no department `{}`", crate::error::clip(&department.parent))));
                }
                match tree.entry(&department.department_id) {
                    None => upserted.created += 1,
                    Some(known) if **known == *department => {
                        upserted.unchanged += 1;
                        continue;
                    }
                    Some(_) => upserted.changed += 1,
                }
                changed.push(department);
            }
            if let Some(id) = tree.circle(&listed) {
                return Err(Error::invalid("parent", format!("the department `{id}` would stand above itself, or too deep")));
            }
            let count = tree.len() + upserted.created;
            if count > DEPARTMENTS_MAX {
                return Err(Error::too_large("the tree", count as u64, DEPARTMENTS_MAX as u64, "departments"));
            }
        }
        if changed.is_empty() {
            return Ok(upserted);
        }
        for part in changed.chunks(PEOPLE_PER_WRITE) {
            let mut writes = Vec::with_capacity(part.len());
            for department in part {
                let value = serde_json::to_vec(department)
                    .map_err(|error| Error::storage(format!("a department could not be written down: {error}")))?;
                writes.push(Write::Put(Table::Departments, tables::none(), tables::text_key(&department.department_id), value));
            }
            self.write(writes, Noted::Departments).await?;
        }
        if changed.len() <= DEPARTMENTS_IN_PLACE_MAX {
            self.put_in_place(changed);
        } else {
            let mut entries: HashMap<String, Arc<DepartmentEntry>> =
                self.0.tree.read().entries().map(|entry| (entry.department_id.clone(), entry.clone())).collect();
            for department in changed {
                entries.insert(department.department_id.clone(), Arc::new(department.clone()));
            }
            self.plant(entries.into_values().collect()).await?;
        }
        self.tell(Changed::Departments);
        Ok(upserted)
    }

    /// Makes the tree anew of these departments.
    pub(super) async fn plant(&self, departments: Vec<Arc<DepartmentEntry>>) -> Result<()> {
        let rows = self.0.rows.load_full();
        let tree = tokio::task::spawn_blocking(move || Tree::new(departments, &rows));
        *self.0.tree.write() = tree.await.map_err(|_| Error::storage("the tree of departments could not be made"))?;
        Ok(())
    }

    /// Puts a few departments into the tree, each when its parent is there.
    fn put_in_place(&self, mut left: Vec<&DepartmentEntry>) {
        let mut tree = self.0.tree.write();
        while !left.is_empty() {
            let (now, later): (Vec<&DepartmentEntry>, Vec<&DepartmentEntry>) =
                left.iter().partition(|department| department.department_id == ROOT || tree.entry(&department.parent).is_some());
            now.iter().for_each(|department| tree.put(Arc::new((*department).clone())));
            if now.is_empty() {
                return;
            }
            left = later;
        }
    }

    /// Shows or hides whether somebody is here.
    ///
    /// # Errors
    /// `PersonNotFound`, `StorageUnavailable`.
    pub async fn set_presence_hidden(&self, index: UserIndex, hidden: bool) -> Result<()> {
        let _one = self.one_change().await?;
        let Some(mut entry) = self.0.rows.load().get(index).map(Row::entry) else {
            return Err(Error::new(ErrorCode::PersonNotFound, "there is no such person", "nobody has this index", "sign in again"));
        };
        if entry.presence_hidden == hidden {
            return Ok(());
        }
        entry.presence_hidden = hidden;
        let (partition, row) = person_key(index);
        let value = serde_json::to_vec(&entry).map_err(|error| Error::storage(format!("a person could not be written down: {error}")))?;
        let change = [(index, entry)];
        self.write(vec![Write::Put(Table::People, partition, row, value)], Noted::People(&change)).await?;
        self.show(&change, &mut Shared::default());
        self.tell(Changed::People(Arc::from([index])));
        Ok(())
    }
}

/// An error when somebody has the address already.
fn taken(field: Unique, by: Option<&str>) -> std::result::Result<(), EditRefused> {
    match by {
        None => Ok(()),
        Some(by) => Err(EditRefused::Taken { field, by: by.to_owned() }),
    }
}

/// Id of a department by its path from the top, so that the same path is always the same department.
pub fn department_id_of(path: &[&str]) -> String {
    if path.is_empty() {
        return ROOT.into();
    }
    format!("od-{}", hex::encode(&blake3::hash(path.join("/").as_bytes()).as_bytes()[..16]))
}
