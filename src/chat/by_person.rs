//! Which chats of somebody are among those of which something is known by heart.
//!
//! Whoever comes back is told what happened in the own chats. To look at every chat in which something happened would cost each of
//! thousands as much as there are such chats; so they are noted by person. That is done when somebody asks: when something is said,
//! nothing is done for each member of a chat.

use crate::ids::ChatKey;
use crate::limits;
use roaring::RoaringBitmap;
use smallvec::SmallVec;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Chats by person. More than a person's chats may be found: who was in one and has left is, too.
#[derive(Default)]
pub(super) struct ByPerson {
    of_person: HashMap<u32, SmallVec<[ChatKey; 4]>>,
    /// What `of_person` has in all.
    noted: usize,
    groups: HashMap<ChatKey, Group>,
    /// Groups whose members are known, and not noted by person.
    waiting: BTreeSet<ChatKey>,
    /// Groups of which it is not known who is in them.
    unknown: BTreeSet<ChatKey>,
    /// Groups of many: everybody looks into their members.
    of_many: BTreeSet<ChatKey>,
}

enum Group {
    /// Who has come or gone since it is here; the others are not known.
    Unknown(RoaringBitmap),
    /// Who was in it, or has come since, and is not noted.
    Waiting(Arc<RoaringBitmap>),
    /// The same, noted.
    Noted(Arc<RoaringBitmap>),
    OfMany,
}

impl ByPerson {
    /// Something is known of a chat from now on, and perhaps who is in it.
    pub fn came(&mut self, chat: ChatKey, members: Option<&Arc<RoaringBitmap>>) {
        if let Some((one, other)) = chat.pair() {
            self.note(one, chat);
            if other != one {
                self.note(other, chat);
            }
            return;
        }
        self.groups.insert(chat, Group::Unknown(RoaringBitmap::new()));
        self.unknown.insert(chat);
        if let Some(members) = members {
            self.has_members(chat, members);
        }
    }

    /// Who is in a chat, not counting those who have come or gone since and were told.
    pub fn has_members(&mut self, chat: ChatKey, members: &Arc<RoaringBitmap>) {
        let Some(group) = self.groups.get_mut(&chat) else { return };
        let Group::Unknown(moved) = group else { return };
        self.unknown.remove(&chat);
        if members.len() + moved.len() > limits::BY_PERSON_MEMBERS_MAX {
            *group = Group::OfMany;
            self.of_many.insert(chat);
        } else {
            let people = if moved.is_subset(members) { members.clone() } else { Arc::new(&**members | &*moved) };
            *group = Group::Waiting(people);
            self.waiting.insert(chat);
        }
    }

    /// People have come, or gone.
    pub fn moved(&mut self, chat: ChatKey, who: &RoaringBitmap) {
        let Some(group) = self.groups.get_mut(&chat) else { return };
        match group {
            Group::Unknown(moved) => *moved |= who,
            Group::OfMany => {}
            Group::Waiting(people) => *Arc::make_mut(people) |= who,
            Group::Noted(people) if people.len() + who.len() > limits::BY_PERSON_MEMBERS_MAX => {
                self.take_out(chat);
                self.groups.insert(chat, Group::OfMany);
                self.of_many.insert(chat);
            }
            Group::Noted(people) => {
                let new = who - &**people;
                *Arc::make_mut(people) |= &new;
                new.iter().for_each(|user| self.note(user, chat));
            }
        }
    }

    /// Nothing is known of a chat any more.
    pub fn went(&mut self, chat: ChatKey) {
        if let Some((one, other)) = chat.pair() {
            self.take_out_of(one, chat);
            if other != one {
                self.take_out_of(other, chat);
            }
            return;
        }
        self.take_out(chat);
        self.groups.remove(&chat);
        self.waiting.remove(&chat);
        self.unknown.remove(&chat);
        self.of_many.remove(&chat);
    }

    /// Notes some of what waits; whether there is more. Nobody else may look meanwhile, so it is done a little at a time.
    pub fn note_some(&mut self) -> bool {
        let mut noted = 0;
        while let Some(chat) = self.waiting.pop_first() {
            let Some(Group::Waiting(people)) = self.groups.get(&chat) else { continue };
            let people = people.clone();
            if people.len() > limits::BY_PERSON_MEMBERS_MAX || self.noted + people.len() as usize > limits::BY_PERSON_MAX {
                self.groups.insert(chat, Group::OfMany);
                self.of_many.insert(chat);
                continue;
            }
            people.iter().for_each(|user| self.note(user, chat));
            noted += people.len();
            self.groups.insert(chat, Group::Noted(people));
            if noted > limits::BY_PERSON_NOTED_AT_ONCE {
                break;
            }
        }
        !self.waiting.is_empty()
    }

    /// Some of the groups of which it is not known who is in them.
    pub fn unknown(&self, at_most: usize) -> Vec<ChatKey> {
        self.unknown.iter().copied().take(at_most).collect()
    }

    /// Chats that may be somebody's; none: it is not known of all.
    pub fn of(&self, user: u32) -> Option<impl Iterator<Item = ChatKey>> {
        let known = self.waiting.is_empty() && self.unknown.is_empty();
        known.then(|| self.of_person.get(&user).into_iter().flatten().chain(&self.of_many).copied())
    }

    fn note(&mut self, user: u32, chat: ChatKey) {
        self.of_person.entry(user).or_default().push(chat);
        self.noted += 1;
    }

    fn take_out(&mut self, chat: ChatKey) {
        if let Some(Group::Noted(people)) = self.groups.get(&chat) {
            people.clone().iter().for_each(|user| self.take_out_of(user, chat));
        }
    }

    fn take_out_of(&mut self, user: u32, chat: ChatKey) {
        let Some(chats) = self.of_person.get_mut(&user) else { return };
        if let Some(at) = chats.iter().position(|other| *other == chat) {
            chats.swap_remove(at);
            self.noted -= 1;
        }
        if chats.is_empty() {
            self.of_person.remove(&user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(users: impl IntoIterator<Item = u32>) -> Arc<RoaringBitmap> {
        Arc::new(users.into_iter().collect())
    }

    fn of(by_person: &mut ByPerson, user: u32) -> Option<Vec<u64>> {
        while by_person.note_some() {}
        by_person.of(user).map(|chats| chats.map(|chat| chat.0).collect())
    }

    #[test]
    fn a_person_is_found_in_each_chat_that_they_are_in_have_come_to_or_have_left() {
        let mut by_person = ByPerson::default();
        let direct = ChatKey::direct(1, 2);
        by_person.came(direct, None);
        by_person.came(ChatKey(10), Some(&people([1, 3])));
        assert_eq!((of(&mut by_person, 1), of(&mut by_person, 2)), (Some(vec![direct.0, 10]), Some(vec![direct.0])));
        by_person.came(ChatKey(11), None);
        by_person.moved(ChatKey(11), &people([4]));
        assert_eq!(of(&mut by_person, 4), None, "who is in the other one is not known");
        assert_eq!(by_person.unknown(5), [ChatKey(11)]);
        by_person.has_members(ChatKey(11), &people([1]));
        by_person.moved(ChatKey(10), &people([5]));
        assert_eq!((of(&mut by_person, 4), of(&mut by_person, 5)), (Some(vec![11]), Some(vec![10])));
        by_person.went(direct);
        by_person.went(ChatKey(10));
        assert_eq!((of(&mut by_person, 1), of(&mut by_person, 5)), (Some(vec![11]), Some(vec![])));
        by_person.went(ChatKey(11));
        assert!(by_person.noted == 0 && by_person.of_person.is_empty() && by_person.groups.is_empty());
    }

    #[test]
    fn a_group_of_many_is_looked_into_by_everybody() {
        let mut by_person = ByPerson::default();
        let many = limits::BY_PERSON_MEMBERS_MAX as u32 + 1;
        by_person.came(ChatKey(10), Some(&people(0..many)));
        by_person.came(ChatKey(11), Some(&people(0..many - 1)));
        assert_eq!(of(&mut by_person, 7), Some(vec![11, 10]));
        by_person.moved(ChatKey(11), &people([many]));
        assert_eq!((of(&mut by_person, many), by_person.noted), (Some(vec![10, 11]), 0), "it has many now");
        by_person.went(ChatKey(10));
        by_person.went(ChatKey(11));
        assert_eq!(of(&mut by_person, 7), Some(vec![]));
    }
}
