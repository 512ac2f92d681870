//! Edits of one person or one department, each with its rules: what must be there, what nobody else may have, and what
//! stands below. A key that the caller chose makes trying again harmless.

use super::follow::Noted;
use super::person::{DepartmentEntry, PersonEntry, ROOT, UserIndex};
use super::refused::{EditRefused, Unique};
use super::{Changed, Directory, check_department};
use crate::error::{Error, Result, clip};
use crate::limits::{DEPARTMENT_DEPTH_MAX, DEPARTMENTS_MAX, EDIT_TOKEN_DAYS, EDIT_TOKENS_FORGOTTEN_AT_ONCE, USER_ID_BYTES_MAX};
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use std::sync::Arc;

type Edited<T> = std::result::Result<T, EditRefused>;

/// Makes trying a creation again harmless: within a week the same caller's same key gives what it had made.
#[derive(Debug, Clone)]
pub struct EditToken {
    /// Index of who asks.
    pub by: UserIndex,
    /// Chosen by the caller; other things than this kind have keys of their own.
    pub key: String,
    /// Now, ms since 1970.
    pub now_ms: u64,
}

impl EditToken {
    fn partition(&self) -> tables::Key {
        tables::u32_key(self.by)
    }

    fn day(&self) -> u32 {
        (self.now_ms / 86_400_000) as u32
    }

    fn row(&self, kind: &str, day: u32) -> tables::Key {
        let hash = blake3::hash(format!("{kind}/{}", self.key).as_bytes());
        tables::KeyMaker::default().u32(day).bytes(&hash.as_bytes()[..16]).done()
    }
}

/// What is left to do for somebody who has left, as the table `Leavers` keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Leaver {
    /// Who takes over the groups that this one owns.
    pub heir: Option<UserIndex>,
}

impl Leaver {
    /// The row of it.
    pub fn write(self, user: UserIndex) -> Write {
        let value = serde_json::to_vec(&self).unwrap_or_default();
        Write::Put(Table::Leavers, tables::none(), tables::u32_key(user), value)
    }
}

impl Directory {
    /// Takes a new person in. Gives the index.
    ///
    /// # Errors
    /// The id, the e-mail address or the mobile number is somebody else's, a department does not exist, or a field has a
    /// form that is not allowed.
    pub async fn create_person(&self, person: PersonEntry, token: Option<EditToken>) -> Edited<UserIndex> {
        let _one = self.one_change().await?;
        if let Some(user_id) = self.made_before("person", token.as_ref()).await?
            && let Some(index) = self.index(&user_id)
        {
            return Ok(index);
        }
        if self.index(&person.user_id).is_some() {
            return Err(EditRefused::Taken { field: Unique::UserId, by: person.user_id });
        }
        let user_id = person.user_id.clone();
        let beside = self.token_writes("person", token.as_ref(), &user_id).await?;
        self.put_people(vec![person], beside, None).await?;
        self.index(&user_id).ok_or(EditRefused::NoPerson)
    }

    /// Changes a person; `edit` gets the entry as it is and says what is wrong.
    ///
    /// # Errors
    /// As `create_person`, and what `edit` says.
    pub async fn edit_person<E: From<EditRefused>>(
        &self,
        index: UserIndex,
        heir: Option<UserIndex>,
        edit: impl FnOnce(&mut PersonEntry) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let _one = self.one_change().await.map_err(EditRefused::from)?;
        let mut person = (*self.entry(index).ok_or(EditRefused::NoPerson)?).clone();
        let user_id = person.user_id.clone();
        edit(&mut person)?;
        // The index is found by it everywhere, so that it stays.
        person.user_id = user_id;
        self.put_people(vec![person], Vec::new(), heir).await?;
        Ok(())
    }

    /// Makes a department. Gives its id, which nobody chooses.
    ///
    /// # Errors
    /// The id that is asked for is another one's, a sister has the name, or the parent does not exist.
    pub async fn create_department(&self, mut department: DepartmentEntry, token: Option<EditToken>) -> Edited<String> {
        let _one = self.one_change().await?;
        if let Some(id) = self.made_before("department", token.as_ref()).await?
            && self.0.tree.read().entry(&id).is_some()
        {
            return Ok(id);
        }
        department.department_id = format!("od-{:032x}", rand::random::<u128>());
        let id = department.department_id.clone();
        let beside = self.token_writes("department", token.as_ref(), &id).await?;
        self.put_department(department, beside).await?;
        Ok(id)
    }

    /// Changes a department, or moves it with all that is below it.
    ///
    /// # Errors
    /// As `create_department`; `Circle` when it would stand below itself, and what `edit` says.
    pub async fn edit_department<E: From<EditRefused>>(
        &self,
        id: &str,
        edit: impl FnOnce(&mut DepartmentEntry) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let _one = self.one_change().await.map_err(EditRefused::from)?;
        if id == ROOT {
            return Err(EditRefused::Root.into());
        }
        let before = self.0.tree.read().entry(id).cloned().ok_or_else(|| EditRefused::NoDepartment(id.to_owned()))?;
        let mut department = (*before).clone();
        edit(&mut department)?;
        department.department_id = id.to_owned();
        if department != *before {
            self.put_department(department, Vec::new()).await?;
        }
        Ok(())
    }

    /// Takes a department away in which nobody is and below which nothing is.
    ///
    /// # Errors
    /// `HasPeople`, `HasDepartments`, `Root`, `NoDepartment`.
    pub async fn remove_department(&self, id: &str) -> Edited<()> {
        let _one = self.one_change().await?;
        {
            let tree = self.0.tree.read();
            if id == ROOT {
                return Err(EditRefused::Root);
            }
            let direct = tree.direct(id).ok_or_else(|| EditRefused::NoDepartment(id.to_owned()))?;
            if !direct.is_empty() {
                return Err(EditRefused::HasPeople(direct.len()));
            }
            let children = tree.children(id).len();
            if children > 0 {
                return Err(EditRefused::HasDepartments(children));
            }
        }
        let gone = Write::Delete(Table::Departments, tables::none(), tables::text_key(id));
        self.write(vec![gone], Noted::Departments).await?;
        self.0.tree.write().remove(id);
        self.tell(Changed::Departments);
        Ok(())
    }

    /// Checks a department against the tree, writes it, and puts it in its place.
    async fn put_department(&self, department: DepartmentEntry, mut writes: Vec<Write>) -> Edited<()> {
        check_department(&department)?;
        {
            let tree = self.0.tree.read();
            let id = &department.department_id;
            if tree.entry(&department.parent).is_none() {
                return Err(EditRefused::NoDepartment(department.parent.clone()));
            }
            if tree.within(&department.parent, id) {
                return Err(EditRefused::Circle);
            }
            if tree.path(&department.parent).len() + tree.height(id) >= DEPARTMENT_DEPTH_MAX {
                return Err(EditRefused::TooDeep);
            }
            if tree.entry(id).is_none() && tree.len() >= DEPARTMENTS_MAX {
                return Err(Error::too_large("the tree", tree.len() as u64 + 1, DEPARTMENTS_MAX as u64, "departments").into());
            }
            if let Some(custom_id) = &department.custom_id {
                check_custom_id(custom_id)?;
                if let Some(other) = tree.by_shown_id(custom_id).filter(|other| other.department_id != *id) {
                    return Err(EditRefused::Taken { field: Unique::DepartmentId, by: other.department_id.clone() });
                }
            }
            let sister = |sister: &&Arc<DepartmentEntry>| sister.name == department.name && sister.department_id != *id;
            if let Some(sister) = tree.children(&department.parent).iter().find(sister) {
                return Err(EditRefused::Taken { field: Unique::DepartmentName, by: sister.department_id.clone() });
            }
        }
        let value =
            serde_json::to_vec(&department).map_err(|error| Error::storage(format!("a department could not be written down: {error}")))?;
        writes.push(Write::Put(Table::Departments, tables::none(), tables::text_key(&department.department_id), value));
        self.write(writes, Noted::Departments).await?;
        self.0.tree.write().put(Arc::new(department));
        self.tell(Changed::Departments);
        Ok(())
    }

    /// What a creation with the same key had made within the last days.
    async fn made_before(&self, kind: &str, token: Option<&EditToken>) -> Result<Option<String>> {
        let Some(token) = token else { return Ok(None) };
        for day in (token.day().saturating_sub(EDIT_TOKEN_DAYS)..=token.day()).rev() {
            if let Some(made) = self.0.store.get(Table::EditTokens, token.partition(), token.row(kind, day)).await? {
                return Ok(String::from_utf8(made).ok());
            }
        }
        Ok(None)
    }

    /// The rows that keep a key, and those that forget old ones: a few with each, so that they do not pile up.
    async fn token_writes(&self, kind: &str, token: Option<&EditToken>, made: &str) -> Result<Vec<Write>> {
        let Some(token) = token else { return Ok(Vec::new()) };
        let mut writes = vec![Write::Put(Table::EditTokens, token.partition(), token.row(kind, token.day()), made.as_bytes().to_vec())];
        let over = tables::u32_key(token.day().saturating_sub(EDIT_TOKEN_DAYS));
        let old = Range::between(tables::none(), over, EDIT_TOKENS_FORGOTTEN_AT_ONCE);
        for (row, _) in self.0.store.scan(Table::EditTokens, token.partition(), old).await? {
            writes.push(Write::Delete(Table::EditTokens, token.partition(), row));
        }
        Ok(writes)
    }
}

/// An id that another system chooses for a department.
fn check_custom_id(id: &str) -> Edited<()> {
    let formed = id.len() <= USER_ID_BYTES_MAX
        && id.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_@.".contains(&byte));
    if !formed || id == ROOT || id.starts_with("od-") {
        return Err(EditRefused::CustomId(format!(
            "it must have 1 to {USER_ID_BYTES_MAX} letters, digits, `-`, `_`, `@` or `.`, begin with a letter or digit, not be `0` and not begin with od-, and is \"{}\"",
            clip(id)
        )));
    }
    Ok(())
}
