//! Which urgents are open: of a person, of a chat, all. So nobody is asked in vain, and whoever comes is told at once.

use super::state::Urgent;
use crate::ids::ChatKey;
use crate::limits;
use dashmap::DashMap;
use parking_lot::Mutex;
use roaring::RoaringBitmap;
use smallvec::SmallVec;
use std::collections::BTreeSet;

type Keys = SmallVec<[ChatKey; 2]>;

/// The open urgents.
#[derive(Default)]
pub(super) struct Index {
    open: Mutex<BTreeSet<ChatKey>>,
    /// Of people, where an urgent is for few.
    of_person: DashMap<u32, Keys>,
    /// Those for many: each person's bitmap is looked into.
    for_many: Mutex<BTreeSet<ChatKey>>,
    of_chat: DashMap<ChatKey, Keys>,
    /// Those whose chat has changed.
    to_look_at: Mutex<BTreeSet<ChatKey>>,
}

impl Index {
    /// Adds an urgent that is open.
    pub fn add(&self, urgent: &Urgent) {
        if urgent.over.is_some() {
            return;
        }
        let key = ChatKey(urgent.key);
        self.open.lock().insert(key);
        insert(&self.of_chat, urgent.chat_key(), key);
        self.add_people(key, &urgent.open_people());
        self.add_people(key, &urgent.open_managers());
        // What happened to its chat while no node was there.
        self.look_at(key);
    }

    /// Adds people before whom it stands.
    pub fn add_people(&self, key: ChatKey, people: &RoaringBitmap) {
        if people.len() > limits::URGENT_INDEXED_MAX {
            self.for_many.lock().insert(key);
        } else {
            people.iter().for_each(|user| insert(&self.of_person, user, key));
        }
    }

    /// Takes one out that is over.
    pub fn remove(&self, urgent: &Urgent) {
        let key = ChatKey(urgent.key);
        self.open.lock().remove(&key);
        self.for_many.lock().remove(&key);
        self.to_look_at.lock().remove(&key);
        remove(&self.of_chat, urgent.chat_key(), key);
        let people = &urgent.audience | &urgent.managers;
        if people.len() <= self.of_person.len() as u64 {
            people.iter().for_each(|user| remove(&self.of_person, user, key));
        } else {
            self.of_person.retain(|_, keys| {
                keys.retain(|other| *other != key);
                !keys.is_empty()
            });
        }
    }

    /// Urgents that may be open for somebody, the oldest first.
    pub fn of_person(&self, user: u32) -> BTreeSet<ChatKey> {
        let mut keys = self.for_many.lock().clone();
        if let Some(own) = self.of_person.get(&user) {
            keys.extend(own.iter().copied());
        }
        keys
    }

    /// No more than so many are open for somebody.
    pub fn count_at_most(&self, user: u32) -> usize {
        self.for_many.lock().len() + self.of_person.get(&user).map_or(0, |own| own.len())
    }

    /// May there be one for somebody?
    pub fn any_of(&self, user: u32) -> bool {
        self.of_person.contains_key(&user) || !self.for_many.lock().is_empty()
    }

    /// Open urgents on messages of a chat.
    pub fn of_chat(&self, chat: ChatKey) -> Keys {
        self.of_chat.get(&chat).map(|keys| keys.clone()).unwrap_or_default()
    }

    /// Is it open?
    pub fn is_open(&self, key: ChatKey) -> bool {
        self.open.lock().contains(&key)
    }

    /// All that are open, the oldest first.
    pub fn open(&self) -> Vec<ChatKey> {
        self.open.lock().iter().copied().collect()
    }

    /// Its chat has changed: members may have left, the message may be gone.
    pub fn look_at(&self, key: ChatKey) {
        self.to_look_at.lock().insert(key);
    }

    /// Those whose chats have changed, once.
    pub fn take_changed(&self) -> BTreeSet<ChatKey> {
        std::mem::take(&mut *self.to_look_at.lock())
    }
}

fn insert<K: Eq + std::hash::Hash>(map: &DashMap<K, Keys>, at: K, key: ChatKey) {
    let mut keys = map.entry(at).or_default();
    if !keys.contains(&key) {
        keys.push(key);
    }
}

fn remove<K: Eq + std::hash::Hash>(map: &DashMap<K, Keys>, at: K, key: ChatKey) {
    map.remove_if_mut(&at, |_, keys| {
        keys.retain(|other| *other != key);
        keys.is_empty()
    });
}
