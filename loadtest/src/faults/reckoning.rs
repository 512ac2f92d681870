//! The end of a fault run: every chat is read from every node and held against what was acknowledged.

use super::changes::{Change, What};
use crate::caller::{Caller, NoAnswer};
use crate::fleet::{Identity, Kept, Target};
use protocol::chat::ChatConfig;
use protocol::command::{GetChat, History, Inbox, Members};
use protocol::content::Content;
use protocol::ids::ChatId;
use protocol::record::{Change as Said, Record};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What is known of a chat by those who wrote in it.
pub struct Account {
    /// Which.
    pub chat_id: ChatId,
    /// Who reads it.
    pub owner: Identity,
    /// Who is in it for certain.
    pub members: BTreeSet<String>,
    /// Everything that was acknowledged.
    pub kept: Vec<Kept>,
    /// What client_message_ids of the run begin with.
    pub mark: String,
    /// Messages that may be there or not: sender and number.
    pub open: HashSet<u64>,
    /// Acknowledged changes.
    pub changes: Vec<Change>,
}

/// What one node tells of a chat.
pub struct Told {
    records: Vec<Record>,
    head_seq: u64,
    name: String,
    config: ChatConfig,
    members: BTreeSet<String>,
}

/// What was found, counted.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Found {
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Changes of groups that were acknowledged.
    pub changes: u64,
    /// Records that were read, over all nodes.
    pub read: u64,
    /// Acknowledged messages that are not where they were acknowledged, and holes.
    pub lost: u64,
    /// Messages that are there twice.
    pub doubled: u64,
    /// Messages of one sender in another order than they were sent.
    pub reordered: u64,
    /// Messages that nobody wrote.
    pub invented: u64,
    /// Chats of which nodes tell different things, or other things than their records say.
    pub different: u64,
    /// Members whose reading is less than what they said last.
    pub backwards: u64,
    /// The first violations in words.
    pub complaints: Vec<String>,
}

const COMPLAINTS_MAX: usize = 40;
const PAGE: u32 = 100;

impl Found {
    /// Violations in all.
    pub fn violations(&self) -> u64 {
        self.lost + self.doubled + self.reordered + self.invented + self.different + self.backwards
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(complaint);
        }
    }

    /// Holds what each node tells of a chat against what is known, and against each other.
    pub fn judge(&mut self, account: &Account, told: &[Told]) {
        self.acknowledged += account.kept.len() as u64;
        self.changes += account.changes.len() as u64;
        for (node, told) in told.iter().enumerate() {
            self.read += told.records.len() as u64;
            self.judge_records(account, told, node);
            self.judge_state(account, told, node);
        }
        let Some((first, others)) = told.split_first() else { return };
        for (node, other) in others.iter().enumerate().map(|(at, other)| (at + 1, other)) {
            let same = [
                ("records", first.records == other.records),
                ("head", first.head_seq == other.head_seq),
                ("name", first.name == other.name),
                ("configuration", first.config == other.config),
                ("members", first.members == other.members),
            ];
            for (what, _) in same.iter().filter(|(_, same)| !same) {
                self.different += 1;
                let place = first.records.iter().zip(&other.records).find(|(one, other)| one != other).map(|(one, _)| one.seq);
                self.complain(format!(
                    "different: {} has other {what} on node {node} than on node 0 (first at {place:?})",
                    account.chat_id
                ));
            }
        }
    }

    fn judge_records(&mut self, account: &Account, told: &Told, node: usize) {
        let chat = account.chat_id;
        let mut at: HashMap<u64, u64> = HashMap::new();
        let mut last_of: HashMap<u64, (u64, u64)> = HashMap::new();
        for (place, record) in told.records.iter().enumerate() {
            if record.seq != place as u64 + 1 {
                self.lost += 1;
                self.complain(format!("lost: node {node} has seq {} of {chat} where {} should stand", record.seq, place + 1));
                break;
            }
        }
        if told.records.last().map_or(0, |record| record.seq) != told.head_seq {
            self.different += 1;
            self.complain(format!("different: node {node} tells head {} of {chat}, and {} records", told.head_seq, told.records.len()));
        }
        let acknowledged: HashMap<u64, u64> = account.kept.iter().map(|kept| (kept.message, kept.seq)).collect();
        for record in &told.records {
            let Some(message) = message_of(record, &account.mark) else { continue };
            let first = *at.entry(message).or_insert(record.seq);
            if first != record.seq {
                self.doubled += 1;
                self.complain(format!("doubled: node {node} has message {message:x} of {chat} at {first} and at {}", record.seq));
                continue;
            }
            if !acknowledged.contains_key(&message) && !account.open.contains(&message) {
                self.invented += 1;
                self.complain(format!("invented: node {node} has message {message:x} of {chat} at {}, which nobody waits for", record.seq));
            }
            let (sender, number) = (message >> 32, message & 0xffff_ffff);
            if let Some((before, seq)) = last_of.insert(sender, (number, record.seq))
                && before > number
            {
                self.reordered += 1;
                self.complain(format!(
                    "reordered: node {node} has number {before} at {seq} of {chat} before number {number} of one sender"
                ));
            }
        }
        for kept in &account.kept {
            if at.get(&kept.message) != Some(&kept.seq) {
                self.lost += 1;
                let now = at.get(&kept.message);
                self.complain(format!(
                    "lost: message {:x} of {chat} was acknowledged with seq {}, node {node} has it at {now:?}",
                    kept.message, kept.seq
                ));
            }
        }
    }

    /// Name and members must be what the records say, at the end and wherever a change was acknowledged.
    fn judge_state(&mut self, account: &Account, told: &Told, node: usize) {
        let chat = account.chat_id;
        let mut name = String::new();
        let mut guests: BTreeSet<String> = BTreeSet::new();
        let mut changes: BTreeMap<u64, Vec<&What>> = BTreeMap::new();
        for change in &account.changes {
            changes.entry(change.seq).or_default().push(&change.what);
        }
        for record in &told.records {
            match &record.change {
                Said::Created(created) => name.clone_from(&created.name),
                Said::Updated(updated) => name = updated.name.clone().unwrap_or(name),
                Said::MembersAdded(added) => guests.extend(added.users.iter().filter(|user| !account.members.contains(*user)).cloned()),
                Said::MembersRemoved(removed) => guests.retain(|guest| !removed.users.contains(guest)),
                _ => {}
            }
            for what in changes.remove(&record.seq).into_iter().flatten() {
                let so = match what {
                    What::Named(said) => name == *said,
                    What::In(user) => guests.contains(user),
                    What::Out(user) => !guests.contains(user),
                };
                if !so {
                    self.lost += 1;
                    self.complain(format!(
                        "lost: {what:?} was acknowledged with seq {} of {chat}, and node {node} says otherwise",
                        record.seq
                    ));
                }
            }
        }
        for (seq, what) in changes {
            self.lost += 1;
            self.complain(format!("lost: {what:?} was acknowledged with seq {seq} of {chat}, which node {node} does not have"));
        }
        let expected: BTreeSet<String> = account.members.union(&guests).cloned().collect();
        if told.name != name {
            self.different += 1;
            self.complain(format!("different: node {node} calls {chat} `{}`, its records `{name}`", told.name));
        }
        if told.members != expected {
            self.different += 1;
            let more: Vec<_> = told.members.symmetric_difference(&expected).take(5).collect();
            self.complain(format!("different: node {node} has other members of {chat} than its records say: {more:?}"));
        }
    }

    /// What somebody said to have read must be so on every node.
    pub fn judge_reading(&mut self, user: &str, said: &[(ChatId, u64)], told: &HashMap<ChatId, u64>, node: usize) {
        for (chat, said) in said.iter().filter(|(_, said)| *said > 0) {
            let told = told.get(chat).copied().unwrap_or(0);
            if told < *said {
                self.backwards += 1;
                self.complain(format!("backwards: {user} has read {said} of {chat}, node {node} says {told}"));
            }
        }
    }
}

/// Sender and number of a message of the run.
fn message_of(record: &Record, mark: &str) -> Option<u64> {
    let Said::Message(message) = &record.change else { return None };
    let mut parts = message.client_message_id.split('-');
    let run = parts.next()?;
    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
    let (sender, number) = (number()?, number()?);
    let mine = run == mark && matches!(&message.content, Content::Text(_));
    mine.then_some(sender << 32 | number)
}

/// Reads a chat whole from one node.
pub fn read(target: &Target, account: &Account) -> Result<Told, NoAnswer> {
    let mut owner = Caller::enter(target, &account.owner, "reckoning")?;
    let chat_id = account.chat_id;
    let chat = owner.ask(&GetChat { chat_id })?;
    let mut records = Vec::new();
    let mut after = 0;
    loop {
        let page = owner.ask(&History { chat_id, before: None, after: Some(after), around: None, limit: Some(PAGE) })?;
        records.extend(page.records);
        if page.end || page.to_seq <= after {
            break;
        }
        after = page.to_seq;
    }
    let mut members = BTreeSet::new();
    let mut next = None;
    loop {
        let page = owner.ask(&Members { chat_id, query: None, page: next.take(), limit: Some(PAGE) })?;
        members.extend(page.members.into_iter().map(|member| member.person.user_id));
        match page.next {
            Some(page) => next = Some(page),
            None => break,
        }
    }
    Ok(Told { records, head_seq: chat.head_seq, name: chat.name, config: chat.config, members })
}

/// How far somebody has read in these chats, as one node tells it.
pub fn reading(target: &Target, who: &Identity, chats: &[ChatId]) -> Result<HashMap<ChatId, u64>, NoAnswer> {
    let mut caller = Caller::enter(target, who, "reading")?;
    let page = caller.ask(&Inbox { chat_ids: chats.to_vec(), ..Inbox::default() })?;
    Ok(page.entries.into_iter().map(|entry| (entry.chat.chat_id, entry.read_seq)).collect())
}

#[cfg(test)]
mod tests;
