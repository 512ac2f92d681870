//! From staff number, e-mail and mobile number to the index, without a copy of any of them.

use super::person::UserIndex;
use super::rows::{Row, Rows};
use hashbrown::HashTable;
use std::hash::{BuildHasher, RandomState};

/// The three tables. Each holds indices only; the texts stand in the rows.
#[derive(Default)]
pub(super) struct Keys {
    hasher: RandomState,
    ids: HashTable<UserIndex>,
    emails: HashTable<UserIndex>,
    mobiles: HashTable<UserIndex>,
}

/// An e-mail address as it is compared.
pub(crate) fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// A mobile number as it is compared: digits, with the country's code unless it is China's.
pub(crate) fn mobile_key(mobile: &str) -> String {
    let digits: String = mobile.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
    match digits.strip_prefix("+86").or_else(|| digits.strip_prefix("0086")) {
        Some(number) => number.to_owned(),
        None => digits,
    }
}

fn row_email(row: &Row) -> Option<String> {
    row.email().map(email_key)
}

fn row_mobile(row: &Row) -> Option<String> {
    row.mobile().map(mobile_key)
}

impl Keys {
    pub fn id(&self, rows: &Rows, user_id: &str) -> Option<UserIndex> {
        let hash = self.hasher.hash_one(user_id);
        self.ids.find(hash, |index| rows.get(*index).is_some_and(|row| **row.user_id() == *user_id)).copied()
    }

    pub fn email(&self, rows: &Rows, email: &str) -> Option<UserIndex> {
        let key = email_key(email);
        self.emails.find(self.hasher.hash_one(&key), |index| rows.get(*index).and_then(row_email).as_ref() == Some(&key)).copied()
    }

    pub fn mobile(&self, rows: &Rows, mobile: &str) -> Option<UserIndex> {
        let key = mobile_key(mobile);
        self.mobiles.find(self.hasher.hash_one(&key), |index| rows.get(*index).and_then(row_mobile).as_ref() == Some(&key)).copied()
    }

    /// Forgets somebody's e-mail and mobile number; `rows` still have them.
    pub fn forget(&mut self, rows: &Rows, index: UserIndex) {
        let Some(row) = rows.get(index) else { return };
        for (table, key) in [(&mut self.emails, row_email(row)), (&mut self.mobiles, row_mobile(row))] {
            if let Some(key) = key
                && let Ok(entry) = table.find_entry(self.hasher.hash_one(&key), |other| *other == index)
            {
                entry.remove();
            }
        }
    }

    /// Learns the keys of somebody whom `rows` have. A number or address of who has left goes to who has it now.
    pub fn learn(&mut self, rows: &Rows, index: UserIndex) {
        let Some(row) = rows.get(index) else { return };
        if self.id(rows, row.user_id()).is_none() {
            let hasher = &self.hasher;
            self.ids.insert_unique(hasher.hash_one(&**row.user_id()), index, |other| {
                rows.get(*other).map_or(0, |row| hasher.hash_one(&**row.user_id()))
            });
        }
        learn(&mut self.emails, &self.hasher, rows, index, row_email);
        learn(&mut self.mobiles, &self.hasher, rows, index, row_mobile);
    }
}

fn learn(table: &mut HashTable<UserIndex>, hasher: &RandomState, rows: &Rows, index: UserIndex, key_of: fn(&Row) -> Option<String>) {
    let Some(row) = rows.get(index) else { return };
    let Some(key) = key_of(row) else { return };
    let hash = hasher.hash_one(&key);
    let holder = table.find_mut(hash, |other| rows.get(*other).and_then(key_of).as_ref() == Some(&key));
    match holder {
        Some(holder) if row.resigned() && *holder != index => {}
        Some(holder) => *holder = index,
        None => {
            table.insert_unique(hash, index, |other| rows.get(*other).and_then(key_of).map_or(0, |key| hasher.hash_one(&key)));
        }
    }
}
