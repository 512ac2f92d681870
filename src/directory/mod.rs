//! Who works here: people, bots and departments of the whole organisation, in memory.
//!
//! Promise: what a change returns for is durable, and every later read of this process sees it; other nodes see it within
//! a second. An index is never given
//! to somebody else. Reads take no lock that a writer holds for long.
//! Never: no password, no token, no right.

mod change;
mod check;
mod edit;
mod follow;
mod keys;
mod names;
mod person;
mod refused;
mod rows;
mod tree;

pub use change::department_id_of;
pub use check::{check_department, check_person};
pub use edit::{EditToken, Leaver};
pub use follow::TURN;
pub(crate) use keys::{email_key, mobile_key};
pub use person::{DepartmentEntry, PersonEntry, PersonMore, PersonOrder, ROOT, SearchPage, Upserted, UserIndex};
pub use refused::{EditRefused, Unique};

use crate::error::{Error, Result};
use crate::limits::{DIRECTORY_CHANGES_WAITING_MAX, SEARCH_RESULTS_MAX};
use crate::store::{Range, Store, Table, tables};
use arc_swap::ArcSwap;
use keys::Keys;
use names::Names;
use parking_lot::RwLock;
use protocol::person::{Person, PersonKind};
use roaring::RoaringBitmap;
use rows::{Row, Rows, Shared};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::broadcast;
use tree::Tree;

/// The organisation. Clones are the same one.
#[derive(Clone)]
pub struct Directory(Arc<Inside>);

struct Inside {
    store: Arc<dyn Store>,
    rows: ArcSwap<Rows>,
    keys: RwLock<Keys>,
    tree: RwLock<Tree>,
    names: ArcSwap<Names>,
    organisation: ArcSwap<String>,
    /// One change at a time: indices are given one after the other.
    changing: tokio::sync::Mutex<()>,
    /// Number of the last change that was seen, where the store is shared.
    version: AtomicU64,
    changed: broadcast::Sender<Changed>,
}

/// What is different in the organisation. It is durable when it is told.
#[derive(Debug, Clone)]
pub enum Changed {
    /// These people are new, or something of them is different.
    People(Arc<[UserIndex]>),
    /// The tree of departments is different.
    Departments,
}

/// People in one partition of the table `People`.
const BUCKET: u32 = 4_096;

/// Where somebody's row is: partition and row.
pub fn person_key(index: UserIndex) -> (tables::Key, tables::Key) {
    (tables::u32_key(index / BUCKET), tables::u32_key(index))
}

impl Directory {
    /// Reads the whole organisation from the store.
    ///
    /// # Errors
    /// `StorageUnavailable` when it cannot be read, or a row in it is damaged.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self> {
        // Before the rows: what is changed meanwhile is read once more.
        let version = if store.shared() { follow::last_version(&*store).await? } else { 0 };
        let mut rows = Rows::default();
        let mut shared = Shared::default();
        for bucket in 0.. {
            let found = store.scan(Table::People, tables::u32_key(bucket), Range::first(BUCKET as usize)).await?;
            let last = found.len() < BUCKET as usize;
            for (key, value) in found {
                let entry: PersonEntry = serde_json::from_slice(&value).map_err(|error| damaged("person", &key, &error))?;
                if tables::read_u32(&key, 0) != Some(rows.len()) {
                    return Err(damaged("person", &key, &"its index does not follow the one before"));
                }
                rows.set(rows.len(), Row::new(&entry, &mut shared));
            }
            if last {
                break;
            }
        }
        let departments = departments_of(&*store).await?;
        let made = tokio::task::spawn_blocking(move || {
            let mut keys = Keys::default();
            (0..rows.len()).for_each(|index| keys.learn(&rows, index));
            (Tree::new(departments, &rows), Names::new(&rows), keys, rows)
        });
        let (tree, names, keys, rows) = made.await.map_err(|_| Error::storage("the directory could not be put in order"))?;
        Ok(Self(Arc::new(Inside {
            store,
            rows: ArcSwap::from_pointee(rows),
            keys: RwLock::new(keys),
            tree: RwLock::new(tree),
            names: ArcSwap::from_pointee(names),
            organisation: ArcSwap::from_pointee(String::new()),
            changing: tokio::sync::Mutex::new(()),
            version: AtomicU64::new(version),
            changed: broadcast::channel(DIRECTORY_CHANGES_WAITING_MAX).0,
        })))
    }

    /// Tells each change from now on. Who lags behind must look at everything.
    pub fn changes(&self) -> broadcast::Receiver<Changed> {
        self.0.changed.subscribe()
    }

    fn tell(&self, changed: Changed) {
        // Nobody may be listening yet.
        let _ = self.0.changed.send(changed);
    }

    /// Gives the root of the tree its name, which is a setting.
    pub fn name_organisation(&self, name: &str) {
        self.0.organisation.store(Arc::new(name.to_owned()));
    }

    /// Index of a staff number, or of a bot's `cli_…`.
    pub fn index(&self, user_id: &str) -> Option<UserIndex> {
        self.0.keys.read().id(&self.0.rows.load(), user_id)
    }

    /// Everything that is known of somebody.
    pub fn entry(&self, index: UserIndex) -> Option<Arc<PersonEntry>> {
        self.0.rows.load().get(index).map(|row| Arc::new(row.entry()))
    }

    /// Somebody as others see them: without e-mail, mobile number and leader. An index that nobody has gives an empty
    /// person who has resigned.
    pub fn card(&self, index: UserIndex) -> Person {
        Person { email: None, mobile: None, leader: None, ..self.profile(index) }
    }

    /// Somebody with e-mail, mobile number and leader.
    pub fn profile(&self, index: UserIndex) -> Person {
        let Some(entry) = self.0.rows.load().get(index).map(Row::entry) else {
            return Person {
                user_id: String::new(),
                name: String::new(),
                kind: PersonKind::Person,
                en_name: None,
                departments: Vec::new(),
                title: None,
                avatar: None,
                email: None,
                mobile: None,
                leader: None,
                resigned: true,
            };
        };
        Person {
            departments: entry.departments.first().map_or_else(Vec::new, |id| self.path(id)),
            user_id: entry.user_id,
            name: entry.name,
            mobile: entry.mobile.filter(|_| !entry.more.as_ref().is_some_and(|more| more.mobile_hidden)),
            kind: entry.kind,
            en_name: entry.en_name,
            title: entry.title,
            avatar: entry.avatar,
            email: entry.email,
            leader: entry.leader,
            resigned: entry.resigned,
        }
    }

    /// Staff number or `cli_…`; empty for an index that nobody has.
    pub fn user_id(&self, index: UserIndex) -> Arc<str> {
        self.0.rows.load().get(index).map_or_else(|| Arc::from(""), |row| row.user_id().clone())
    }

    /// Name as it is written; empty for an index that nobody has.
    pub fn name(&self, index: UserIndex) -> String {
        self.0.rows.load().get(index).map_or_else(String::new, |row| row.name().to_owned())
    }

    /// Person or bot; a person for an index that nobody has.
    pub fn kind(&self, index: UserIndex) -> PersonKind {
        self.0.rows.load().get(index).map_or(PersonKind::Person, Row::kind)
    }

    /// Has left the organisation, or is an index that nobody has.
    pub fn resigned(&self, index: UserIndex) -> bool {
        self.0.rows.load().get(index).is_none_or(Row::resigned)
    }

    /// May not sign in: has left the organisation, is frozen for now, or is an index that nobody has.
    pub fn barred(&self, index: UserIndex) -> bool {
        self.0.rows.load().get(index).is_none_or(|row| row.resigned() || row.frozen())
    }

    /// Is a group's own bot.
    pub fn custom_bot(&self, index: UserIndex) -> bool {
        self.0.rows.load().get(index).is_some_and(Row::custom_bot)
    }

    /// Shows nobody whether he or she is here.
    pub fn presence_hidden(&self, index: UserIndex) -> bool {
        self.0.rows.load().get(index).is_some_and(Row::presence_hidden)
    }

    /// Who has this e-mail address; letters may be large or small.
    pub fn by_email(&self, email: &str) -> Option<UserIndex> {
        self.0.keys.read().email(&self.0.rows.load(), email)
    }

    /// Who has this mobile number; spaces, dashes and a leading `+86` do not matter.
    pub fn by_mobile(&self, mobile: &str) -> Option<UserIndex> {
        self.0.keys.read().mobile(&self.0.rows.load(), mobile)
    }

    /// People and bots by a part of name, name in Latin letters, staff number or e-mail; those where a word begins with
    /// it come first. Nobody who has resigned. At most [`crate::limits::SEARCH_RESULTS_MAX`] over all pages; a `page`
    /// that is none of ours gives nothing.
    pub fn search(&self, query: &str, limit: usize, page: Option<&str>) -> SearchPage {
        self.0.names.load().search(query, limit, page)
    }

    /// A department; the root is always there.
    pub fn department(&self, id: &str) -> Option<Arc<DepartmentEntry>> {
        let entry = self.0.tree.read().entry(id).cloned()?;
        if id == ROOT && entry.name.is_empty() {
            return Some(Arc::new(DepartmentEntry { name: self.0.organisation.load().to_string(), ..(*entry).clone() }));
        }
        Some(entry)
    }

    /// The department that other systems know by this id: the one that they chose for it, or ours where they chose none.
    pub fn department_shown_as(&self, id: &str) -> Option<Arc<DepartmentEntry>> {
        let id = self.0.tree.read().by_shown_id(id)?.department_id.clone();
        self.department(&id)
    }

    /// The department at a path of names from the top; none when there is no such.
    pub fn department_at(&self, path: &[&str]) -> Option<String> {
        let tree = self.0.tree.read();
        path.iter().try_fold(ROOT.to_owned(), |above, name| {
            tree.children(&above).iter().find(|child| child.name == **name).map(|child| child.department_id.clone())
        })
    }

    /// Departments with this in their name, those that begin with it first; for more than a few hundred not for the
    /// runtime's threads.
    pub fn search_departments(&self, query: &str) -> Vec<Arc<DepartmentEntry>> {
        let query = query.trim().to_lowercase();
        if query.is_empty() {
            return Vec::new();
        }
        let tree = self.0.tree.read();
        let mut found: Vec<(bool, Arc<DepartmentEntry>)> = Vec::new();
        for entry in tree.entries().filter(|entry| entry.department_id != ROOT) {
            let names = [Some(entry.name.as_str()), entry.en_name.as_deref(), entry.ja_name.as_deref()];
            let at = names.into_iter().flatten().filter_map(|name| name.to_lowercase().find(&query)).min();
            found.extend(at.map(|at| (at > 0, entry.clone())));
        }
        drop(tree);
        found.sort_by(|a, b| (a.0, &a.1.name, &a.1.department_id).cmp(&(b.0, &b.1.name, &b.1.department_id)));
        found.truncate(SEARCH_RESULTS_MAX);
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// A department stands below another one, or is it.
    pub fn department_within(&self, id: &str, above: &str) -> bool {
        self.0.tree.read().within(id, above)
    }

    /// Somebody is in a department or below it.
    pub fn person_within(&self, index: UserIndex, department_id: &str) -> bool {
        self.0.tree.read().below(department_id).is_some_and(|people| people.contains(index))
    }

    /// People whose main department this is.
    pub fn count_with_main(&self, id: &str) -> u32 {
        let rows = self.0.rows.load();
        let tree = self.0.tree.read();
        let main = |index: &UserIndex| rows.get(*index).is_some_and(|row| row.departments().first().is_none_or(|main| **main == *id));
        tree.direct(id).map_or(0, |people| people.iter().filter(main).count() as u32)
    }

    /// Departments directly below one, in their order.
    pub fn children(&self, id: &str) -> Vec<Arc<DepartmentEntry>> {
        self.0.tree.read().children(id).to_vec()
    }

    /// People directly in a department, by index. Those in no department are in the root.
    pub fn people_in(&self, id: &str) -> Vec<UserIndex> {
        self.0.tree.read().direct(id).map_or_else(Vec::new, |people| people.iter().collect())
    }

    /// So many people directly in a department, by index, behind this one.
    pub fn people_after(&self, id: &str, after: Option<UserIndex>, count: usize) -> Vec<UserIndex> {
        let from = after.map_or(Some(0), |after| after.checked_add(1));
        let tree = self.0.tree.read();
        match (tree.direct(id), from) {
            (Some(people), Some(from)) => people.range(from..).take(count).collect(),
            _ => Vec::new(),
        }
    }

    /// People in these departments, and below them when that is wanted. A department that does not exist has nobody.
    pub fn people_of(&self, departments: &[String], below: bool) -> RoaringBitmap {
        let tree = self.0.tree.read();
        let of = |id: &String| if below { tree.below(id) } else { tree.direct(id) };
        departments.iter().filter_map(of).fold(RoaringBitmap::new(), |all, people| all | people)
    }

    /// People in a department and below it.
    pub fn everyone_below(&self, id: &str) -> RoaringBitmap {
        self.0.tree.read().below(id).cloned().unwrap_or_default()
    }

    /// How many that are.
    pub fn count_below(&self, id: &str) -> u32 {
        self.0.tree.read().below(id).map_or(0, |people| people.len() as u32)
    }

    /// All people who have not resigned; no bots.
    pub fn everyone(&self) -> RoaringBitmap {
        self.everyone_below(ROOT)
    }

    /// Names of the departments from the top down to this one; empty for the root.
    pub fn path(&self, id: &str) -> Vec<String> {
        self.0.tree.read().path(id)
    }

    /// How many people and bots there are, resigned ones too; every index is below it.
    pub fn len(&self) -> u32 {
        self.0.rows.load().len()
    }

    /// Nobody is here yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Every department, as it is kept.
async fn departments_of(store: &dyn Store) -> Result<Vec<Arc<DepartmentEntry>>> {
    let parse = |(_, key, value): (tables::Key, tables::Key, Vec<u8>)| {
        serde_json::from_slice(&value).map(Arc::new).map_err(|error| damaged("department", &key, &error))
    };
    store.all(Table::Departments).await?.into_iter().map(parse).collect()
}

fn damaged(what: &str, key: &[u8], why: &dyn std::fmt::Display) -> Error {
    Error::storage(format!("a {what} in the database is damaged (row {}): {why}", hex::encode(key)))
}

#[cfg(test)]
mod tests;
