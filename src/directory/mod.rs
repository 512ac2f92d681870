//! Who works here: people, bots and departments of the whole organisation, in memory.
//!
//! Promise: what a change returns for is durable, and every later read of this process sees it. An index is never given
//! to somebody else. Reads take no lock that a writer holds for long.
//! Never: no password, no token, no right.

mod person;

pub use person::{DepartmentEntry, PersonEntry, ROOT, SearchPage, Upserted, UserIndex};

use crate::error::Result;
use crate::store::Store;
use protocol::person::{Person, PersonKind};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// The organisation. Clones are the same one.
#[derive(Clone)]
pub struct Directory {
    _store: Arc<dyn Store>,
}

#[allow(unused_variables)]
impl Directory {
    /// Reads the whole organisation from the store.
    pub async fn load(store: Arc<dyn Store>) -> Result<Self> {
        Ok(Self { _store: store })
    }

    /// Index of a staff number, or of a bot's `cli_…`.
    pub fn index(&self, user_id: &str) -> Option<UserIndex> {
        unimplemented!()
    }

    /// Everything that is known of somebody.
    pub fn entry(&self, index: UserIndex) -> Option<Arc<PersonEntry>> {
        unimplemented!()
    }

    /// Somebody as others see them: without e-mail, mobile number and leader. An index that nobody has gives an empty
    /// person who has resigned.
    pub fn card(&self, index: UserIndex) -> Person {
        unimplemented!()
    }

    /// Somebody with e-mail, mobile number and leader.
    pub fn profile(&self, index: UserIndex) -> Person {
        unimplemented!()
    }

    /// Staff number or `cli_…`; empty for an index that nobody has.
    pub fn user_id(&self, index: UserIndex) -> Arc<str> {
        unimplemented!()
    }

    /// Person or bot; a person for an index that nobody has.
    pub fn kind(&self, index: UserIndex) -> PersonKind {
        unimplemented!()
    }

    /// Has left the organisation, or is an index that nobody has.
    pub fn resigned(&self, index: UserIndex) -> bool {
        unimplemented!()
    }

    /// Shows nobody whether he or she is here.
    pub fn presence_hidden(&self, index: UserIndex) -> bool {
        unimplemented!()
    }

    /// Who has this e-mail address; letters may be large or small.
    pub fn by_email(&self, email: &str) -> Option<UserIndex> {
        unimplemented!()
    }

    /// Who has this mobile number; spaces, dashes and a leading `+86` do not matter.
    pub fn by_mobile(&self, mobile: &str) -> Option<UserIndex> {
        unimplemented!()
    }

    /// People and bots by a part of name, name in Latin letters, staff number or e-mail; those where a word begins with
    /// it come first. Nobody who has resigned.
    pub fn search(&self, query: &str, limit: usize, page: Option<&str>) -> SearchPage {
        unimplemented!()
    }

    /// A department.
    pub fn department(&self, id: &str) -> Option<Arc<DepartmentEntry>> {
        unimplemented!()
    }

    /// Departments directly below one, in their order.
    pub fn children(&self, id: &str) -> Vec<Arc<DepartmentEntry>> {
        unimplemented!()
    }

    /// People directly in a department, by index.
    pub fn people_in(&self, id: &str) -> Vec<UserIndex> {
        unimplemented!()
    }

    /// People in a department and below it.
    pub fn everyone_below(&self, id: &str) -> RoaringBitmap {
        unimplemented!()
    }

    /// How many that are.
    pub fn count_below(&self, id: &str) -> u32 {
        unimplemented!()
    }

    /// All people who have not resigned; no bots.
    pub fn everyone(&self) -> RoaringBitmap {
        unimplemented!()
    }

    /// Names of the departments from the top down to this one; empty for the root.
    pub fn path(&self, id: &str) -> Vec<String> {
        unimplemented!()
    }

    /// How many people and bots there are, resigned ones too; every index is below it.
    pub fn len(&self) -> u32 {
        unimplemented!()
    }

    /// Nobody is here yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes or changes people and bots by their `user_id`.
    ///
    /// # Errors
    /// `InvalidValue` when an id, name, e-mail or mobile number cannot be taken; then nothing is changed.
    pub async fn upsert_people(&self, people: Vec<PersonEntry>) -> Result<Upserted> {
        unimplemented!()
    }

    /// Makes or changes departments by their id.
    ///
    /// # Errors
    /// `InvalidValue` when a department would be above itself, or its parent does not exist; then nothing is changed.
    pub async fn upsert_departments(&self, departments: Vec<DepartmentEntry>) -> Result<Upserted> {
        unimplemented!()
    }

    /// Shows or hides whether somebody is here.
    pub async fn set_presence_hidden(&self, index: UserIndex, hidden: bool) -> Result<()> {
        unimplemented!()
    }
}
