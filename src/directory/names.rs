//! The index of names: who is meant by a few letters, within milliseconds over the whole organisation.
//!
//! All names stand in one text, lower-cased. Where a word begins is kept in the order of what begins there, so that all
//! words with a prefix stand together. What is inside a word is found by one pass over the text, which is about 25 MB
//! for 371,000 people and passes at several GB/s. People changed since the index was made are looked at one by one.

use super::person::{SearchPage, UserIndex};
use super::rows::{Row, Rows};
use crate::limits::{SEARCH_QUERY_BYTES_MAX, SEARCH_RESULTS_MAX};
use roaring::RoaringBitmap;
use std::collections::HashSet;
use std::sync::Arc;

/// Ends a field of somebody. Smaller than any letter, so that a whole word comes before the longer ones.
const FIELD: char = '\u{1f}';
/// Ends somebody.
const END: char = '\n';

/// Everybody at one time.
#[derive(Debug, Default)]
struct Base {
    text: String,
    /// Where each one's text begins, and who that is.
    starts: Vec<(u32, UserIndex)>,
    /// Where words begin, in the order of what stands there.
    words: Vec<u32>,
}

/// Everybody at one time, and those who have changed since.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    base: Arc<Base>,
    changed: RoaringBitmap,
    /// Their texts; nothing for who has left.
    texts: Vec<(UserIndex, Arc<str>)>,
}

/// What is searched of somebody, or nothing for who has left and for groups' own bots.
fn text_of(row: &Row, into: &mut String) -> bool {
    if row.resigned() || row.custom_bot() {
        return false;
    }
    for field in [row.name(), row.en_name().unwrap_or_default(), row.user_id(), row.email().unwrap_or_default()] {
        push_lower(field, into);
        into.push(FIELD);
    }
    into.pop();
    into.push(END);
    true
}

fn push_lower(field: &str, into: &mut String) {
    into.extend(field.chars().filter(|letter| !letter.is_control()).flat_map(char::to_lowercase));
}

/// Where words of somebody's text begin: fields, and what follows a space or a mark. The host of an e-mail is left out:
/// everybody has it.
fn word_starts(text: &str, mut found: impl FnMut(usize)) {
    let mut begins = true;
    let mut host = false;
    for (at, letter) in text.char_indices() {
        match letter {
            FIELD | END => (begins, host) = (true, false),
            '@' => host = true,
            ' ' | '-' | '_' | '.' | '·' | '(' | '（' | '/' => begins = true,
            _ if begins && !host => {
                found(at);
                begins = false;
            }
            _ => {}
        }
    }
}

impl Base {
    fn new(rows: &Rows) -> Self {
        let mut text = String::with_capacity(rows.len() as usize * 64);
        let mut starts = Vec::with_capacity(rows.len() as usize);
        for (index, row) in rows.iter() {
            let at = text.len() as u32;
            if text_of(row, &mut text) {
                starts.push((at, index));
            }
        }
        text.shrink_to_fit();
        let mut words: Vec<(u64, u32)> = Vec::with_capacity(starts.len() * 5);
        word_starts(&text, |at| words.push((first_bytes(&text.as_bytes()[at..]), at as u32)));
        // Most pairs differ within eight bytes; only the others are looked up in the text.
        words.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| there(&text, a.1).cmp(there(&text, b.1))).then(a.1.cmp(&b.1)));
        Self { words: words.into_iter().map(|(_, at)| at).collect(), starts, text }
    }

    /// Who stands at a place of the text, and where the next one begins.
    fn person_at(&self, at: usize) -> (UserIndex, usize) {
        let next = self.starts.partition_point(|(start, _)| *start as usize <= at);
        let end = self.starts.get(next).map_or(self.text.len(), |(start, _)| *start as usize);
        (self.starts[next - 1].1, end)
    }
}

fn first_bytes(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    let count = bytes.len().min(8);
    first[..count].copy_from_slice(&bytes[..count]);
    u64::from_be_bytes(first)
}

/// What stands at a place, as far as it is compared.
fn there(text: &str, at: u32) -> &[u8] {
    let bytes = &text.as_bytes()[at as usize..];
    &bytes[..bytes.len().min(SEARCH_QUERY_BYTES_MAX)]
}

impl Names {
    /// The index of everybody. Takes about half a second for 371,000 people: not for the runtime's threads.
    pub fn new(rows: &Rows) -> Self {
        Self { base: Arc::new(Base::new(rows)), ..Self::default() }
    }

    /// People who are not in the sorted part.
    pub fn changed(&self) -> usize {
        self.texts.len()
    }

    /// The same index with these people as they are now.
    pub fn with<'a>(&self, people: impl Iterator<Item = (UserIndex, &'a Row)>) -> Self {
        let mut names = self.clone();
        for (index, row) in people {
            if !names.changed.insert(index) {
                names.texts.retain(|(other, _)| *other != index);
            }
            let mut text = String::new();
            text_of(row, &mut text);
            names.texts.push((index, text.into()));
        }
        names
    }

    /// One page of who fits a query.
    pub fn search(&self, query: &str, limit: usize, page: Option<&str>) -> SearchPage {
        let mut letters = String::new();
        push_lower(query.trim(), &mut letters);
        let query = letters.trim();
        let skip = page.map_or(Some(0), |page| page.parse::<usize>().ok());
        let (Some(skip), false) = (skip, query.is_empty() || query.len() >= SEARCH_QUERY_BYTES_MAX || limit == 0) else {
            return SearchPage::default();
        };
        let wanted = skip.saturating_add(limit).min(SEARCH_RESULTS_MAX);
        let mut found = Found { people: Vec::new(), seen: HashSet::new(), wanted: wanted + 1 };
        self.find(query, &mut found);
        let more = found.people.len() > wanted && wanted < SEARCH_RESULTS_MAX;
        found.people.truncate(wanted);
        let people = found.people.split_off(skip.min(found.people.len()));
        SearchPage { people, next: more.then(|| wanted.to_string()) }
    }

    fn find(&self, query: &str, found: &mut Found) {
        // The changed ones first within their rank: they are few, and behind 20,000 others nobody would see them.
        for (index, text) in &self.texts {
            let mut begins = false;
            word_starts(text, |at| begins |= text[at..].starts_with(query));
            if begins && found.add(*index) {
                return;
            }
        }
        let base = &*self.base;
        let first = base.words.partition_point(|at| there(&base.text, *at) < query.as_bytes());
        for at in base.words[first..].iter().take_while(|at| there(&base.text, **at).starts_with(query.as_bytes())) {
            let (index, _) = base.person_at(*at as usize);
            if !self.changed.contains(index) && found.add(index) {
                return;
            }
        }
        for (index, text) in &self.texts {
            if text.contains(query) && found.add(*index) {
                return;
            }
        }
        let finder = memchr::memmem::Finder::new(query);
        let mut at = 0;
        while let Some(hit) = finder.find(&base.text.as_bytes()[at..]) {
            let (index, end) = base.person_at(at + hit);
            if !self.changed.contains(index) && found.add(index) {
                return;
            }
            at = end;
        }
    }
}

/// Who was found so far, each once.
struct Found {
    people: Vec<UserIndex>,
    seen: HashSet<UserIndex>,
    wanted: usize,
}

impl Found {
    /// Adds somebody; true when that is enough.
    fn add(&mut self, index: UserIndex) -> bool {
        if self.seen.insert(index) {
            self.people.push(index);
        }
        self.people.len() >= self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::super::person::PersonEntry;
    use super::super::rows::Shared;
    use super::*;
    use protocol::person::PersonKind;

    fn rows(people: &[(&str, &str, &str)]) -> Rows {
        let mut rows = Rows::default();
        for (index, (id, name, en_name)) in people.iter().enumerate() {
            let mut entry = PersonEntry::new(*id, *name, PersonKind::Person);
            entry.en_name = (!en_name.is_empty()).then(|| en_name.to_string());
            entry.email = Some(format!("{}@corp.example", en_name.to_lowercase().replace(' ', ".")));
            rows.set(index as u32, Row::new(&entry, &mut Shared::default()));
        }
        rows
    }

    fn ids(names: &Names, query: &str) -> Vec<u32> {
        names.search(query, 10, None).people
    }

    #[test]
    fn a_colleague_is_found_by_any_part_of_name_number_or_e_mail() {
        let rows = rows(&[
            ("e1", "张三丰", "Zhang Sanfeng"),
            ("e2", "王三", "Wang San"),
            ("e30", "张三", "Zhang San"),
            ("e4", "Anna Lindqvist", ""),
        ]);
        let names = Names::new(&rows);
        assert_eq!(ids(&names, "张三"), [2, 0], "the whole word first");
        assert_eq!(ids(&names, "三"), [0, 1, 2]);
        assert_eq!(ids(&names, "SAN"), [1, 2, 0]);
        assert_eq!(ids(&names, "zhang san"), [2, 0]);
        assert_eq!(ids(&names, "e3"), [2]);
        assert_eq!(ids(&names, "lind"), [3]);
        assert_eq!(ids(&names, "wang.san@c"), [1]);
        assert_eq!(ids(&names, "anfen"), [0]);
        assert_eq!(ids(&names, "nobody"), [0u32; 0]);
        assert_eq!(ids(&names, "  "), [0u32; 0]);
        assert_eq!(ids(&names, "e1\n\u{1f}"), [0]);
    }

    #[test]
    fn who_changed_is_found_by_the_new_name_only() {
        let mut rows = rows(&[("e1", "张三", ""), ("e2", "李四", "")]);
        let names = Names::new(&rows);
        rows.set(0, Row::new(&PersonEntry::new("e1", "赵六", PersonKind::Person), &mut Shared::default()));
        let names = names.with([(0, rows.get(0).unwrap())].into_iter());
        assert_eq!((ids(&names, "张三").len(), ids(&names, "赵"), ids(&names, "六")), (0, vec![0], vec![0]));
        let mut gone = PersonEntry::new("e1", "赵六", PersonKind::Person);
        gone.resigned = true;
        rows.set(0, Row::new(&gone, &mut Shared::default()));
        let names = names.with([(0, rows.get(0).unwrap())].into_iter());
        assert_eq!(ids(&names, "赵六").len(), 0);
        assert_eq!(names.changed(), 1);
    }

    #[test]
    fn pages_give_everybody_once() {
        let people: Vec<(String, String)> = (0..95).map(|i| (format!("e{i}"), format!("张{i}"))).collect();
        let people: Vec<(&str, &str, &str)> = people.iter().map(|(id, name)| (id.as_str(), name.as_str(), "")).collect();
        let names = Names::new(&rows(&people));
        let (mut all, mut page) = (Vec::new(), None);
        loop {
            let got = names.search("张", 10, page.as_deref());
            all.extend(got.people);
            page = got.next;
            if page.is_none() {
                break;
            }
        }
        all.sort_unstable();
        assert_eq!(all, (0..95).collect::<Vec<u32>>());
        assert_eq!(names.search("张", 10, Some("not a page")), SearchPage::default());
    }
}
