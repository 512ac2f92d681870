//! The names of all groups, in memory: what a search of groups looks at, and which names of public groups are taken.
//!
//! Made at the start from the table `GroupNames`, whose rows are written in the transaction that names a group. A name is
//! claimed before the record that takes it is appended, so that two groups never have it at once.

use super::profile::ChatProfile;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::store::tables::{self, Table};
use crate::store::{Store, Write};
use parking_lot::RwLock;
use protocol::chat::{I18nNames, Visibility};
use protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Stands between the names of one group.
const SEPARATOR: char = '\u{1f}';

/// A row of `GroupNames`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    name: String,
    i18n_names: Option<I18nNames>,
    public: bool,
    created_at_ms: u64,
}

/// One group.
#[derive(Debug)]
struct Named {
    /// All its names in the folded form.
    text: Box<str>,
    public: bool,
    created_at_ms: u64,
}

/// How well a name fits what is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// A name begins so.
    Begins,
    /// A name has it inside.
    Inside,
}

#[derive(Default)]
struct Inside {
    groups: HashMap<ChatKey, Named>,
    /// Names of public groups, folded, and those that are about to be.
    taken: HashMap<Box<str>, ChatKey>,
    /// The same by group; rarely more than one.
    claims: HashMap<ChatKey, Vec<Box<str>>>,
}

/// The names of all groups.
#[derive(Default)]
pub(super) struct GroupNames(RwLock<Inside>);

/// A name as it is compared: letters in one case, one space between words.
pub(super) fn folded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for word in name.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(word.chars().filter(|letter| !letter.is_control()).flat_map(char::to_lowercase));
    }
    text
}

fn kept(info: &ChatProfile) -> Kept {
    Kept {
        name: info.name.clone(),
        i18n_names: info.i18n_names.clone(),
        public: info.config.chat_type == Visibility::Public,
        created_at_ms: info.created_at_ms,
    }
}

/// The row of a group's name.
pub(super) fn name_row(key: ChatKey, info: &ChatProfile) -> Write {
    let json = serde_json::to_vec(&kept(info)).expect("a group's name is plain data");
    Write::Put(Table::GroupNames, tables::none(), tables::u64_key(key.0), json)
}

/// Takes away the row of a group's name.
pub(super) fn no_name_row(key: ChatKey) -> Write {
    Write::Delete(Table::GroupNames, tables::none(), tables::u64_key(key.0))
}

impl Inside {
    /// Takes a folded name when it is free; gives who has it.
    fn claim(&mut self, name: &str, key: ChatKey) -> ChatKey {
        if let Some(owner) = self.taken.get(name) {
            return *owner;
        }
        self.taken.insert(name.into(), key);
        self.claims.entry(key).or_default().push(name.into());
        key
    }

    fn free(&mut self, key: ChatKey) {
        for name in self.claims.remove(&key).unwrap_or_default() {
            self.taken.remove(&name);
        }
    }

    fn put(&mut self, key: ChatKey, kept: &Kept) {
        let name = folded(&kept.name);
        self.free(key);
        if kept.public {
            self.claim(&name, key);
        }
        let mut text = name;
        for other in kept.i18n_names.iter().flat_map(|names| [&names.zh_cn, &names.en_us, &names.ja_jp]).flatten() {
            text.push(SEPARATOR);
            text.push_str(&folded(other));
        }
        self.groups.insert(key, Named { text: text.into(), public: kept.public, created_at_ms: kept.created_at_ms });
    }
}

impl GroupNames {
    /// Reads the names of all groups.
    pub async fn load(store: &dyn Store) -> Result<Self> {
        let mut inside = Inside::default();
        for (_, row, json) in store.all(Table::GroupNames).await? {
            let (Some(key), Ok(kept)) = (tables::read_u64(&row, 0), serde_json::from_slice::<Kept>(&json)) else {
                return Err(super::head::damaged("group_names", "not the name of a group"));
            };
            inside.put(ChatKey(key), &kept);
        }
        Ok(Self(RwLock::new(inside)))
    }

    /// Notes what a group is called now, and frees the names that it has no more. A dissolved group has none.
    pub fn put(&self, key: ChatKey, info: &ChatProfile) {
        if info.dissolved || info.created_at_ms == 0 {
            return self.forget(key);
        }
        self.0.write().put(key, &kept(info));
    }

    /// Another node has noted what a group is called; `json` is the row.
    pub fn came(&self, key: ChatKey, json: &[u8]) {
        match serde_json::from_slice(json) {
            Ok(kept) => self.0.write().put(key, &kept),
            Err(error) => tracing::error!(%error, "the name of a group that another node has written cannot be read"),
        }
    }

    /// The group is no more.
    pub fn forget(&self, key: ChatKey) {
        let mut inside = self.0.write();
        inside.groups.remove(&key);
        inside.free(key);
    }

    /// Refuses a name that another public group has.
    pub fn check_free(&self, name: &str, key: ChatKey) -> Result<()> {
        match self.0.read().taken.get(folded(name).as_str()) {
            Some(other) if *other != key => Err(taken(name)),
            _ => Ok(()),
        }
    }

    /// Takes a name for a public group.
    pub fn claim(&self, name: &str, key: ChatKey) -> Result<()> {
        if self.0.write().claim(&folded(name), key) == key { Ok(()) } else { Err(taken(name)) }
    }

    /// How well one group fits a folded query, and when it was made, ms since 1970.
    pub fn fit(&self, key: ChatKey, query: &str) -> Option<(Option<Fit>, u64)> {
        self.0.read().groups.get(&key).map(|named| (fit(&named.text, query), named.created_at_ms))
    }

    /// Is it a group that everybody may find?
    pub fn is_public(&self, key: ChatKey) -> bool {
        self.0.read().groups.get(&key).is_some_and(|named| named.public)
    }

    /// Public groups that fit a folded query.
    pub fn public(&self, query: &str) -> Vec<(Fit, u64, ChatKey)> {
        let inside = self.0.read();
        let public = inside.groups.iter().filter(|(_, named)| named.public);
        public.filter_map(|(key, named)| Some((fit(&named.text, query)?, named.created_at_ms, *key))).collect()
    }
}

fn fit(text: &str, query: &str) -> Option<Fit> {
    let at = text.find(query)?;
    let begins = at == 0 || text.split(SEPARATOR).any(|name| name.starts_with(query));
    Some(if begins { Fit::Begins } else { Fit::Inside })
}

fn taken(name: &str) -> Error {
    Error::new(
        ErrorCode::NameTaken,
        "the name is taken",
        format!("another public group is called `{}`, and public groups are told apart by their names", crate::error::clip(name)),
        "choose another name, or make the group private",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, public: bool) -> ChatProfile {
        let mut info = ChatProfile { name: name.into(), created_at_ms: 1, ..ChatProfile::default() };
        info.config.chat_type = if public { Visibility::Public } else { Visibility::Private };
        info
    }

    #[test]
    fn a_name_belongs_to_one_public_group_until_that_gives_it_up() {
        let names = GroupNames::default();
        let (one, other) = (ChatKey(1), ChatKey(2));
        names.claim("Night  Shift", one).unwrap();
        assert_eq!(names.claim("night shift", other).unwrap_err().code, ErrorCode::NameTaken);
        names.put(one, &group("Night Shift", true));
        names.claim("Day shift", one).unwrap();
        // The change failed: the group keeps its name, and nothing else.
        names.put(one, &group("Night Shift", true));
        names.claim("day shift", other).unwrap();
        assert!(names.check_free("night shift", other).is_err() && names.check_free("night shift", one).is_ok());
        names.put(one, &group("Night Shift", false));
        names.check_free("night shift", other).unwrap();
        names.forget(other);
        names.check_free("day shift", one).unwrap();
    }

    #[test]
    fn every_name_of_a_group_is_found() {
        let names = GroupNames::default();
        let mut info = group("项目组 Alpha", true);
        info.i18n_names = Some(I18nNames { en_us: Some("Project".into()), ..I18nNames::default() });
        names.put(ChatKey(1), &info);
        for (query, expected) in [("项目", Some(Fit::Begins)), ("alpha", Some(Fit::Inside)), ("proj", Some(Fit::Begins)), ("beta", None)]
        {
            assert_eq!(names.fit(ChatKey(1), query).unwrap().0, expected, "{query}");
            assert_eq!(names.public(query).len(), usize::from(expected.is_some()));
        }
        names.put(ChatKey(1), &group("项目组", false));
        assert!(names.public("项目").is_empty(), "a private group is found by its members only");
    }
}
