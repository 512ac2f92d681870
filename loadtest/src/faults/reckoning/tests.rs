//! The reckoning sees each kind of violation, and is silent about a right history.

use super::*;
use protocol::content::Text;
use protocol::record::{Created, MembersChanged, Message, Updated};

fn record(seq: u64, change: Said) -> Record {
    Record { chat_id: ChatId([7; 16]), seq, position: 0, at_ms: 0, by: String::new(), change }
}

fn message(seq: u64, sender: u64, number: u64) -> Record {
    let content = Content::Text(Text { text: "hello".into() });
    record(seq, Said::Message(Message { client_message_id: format!("ab-{sender:x}-{number:x}"), content, ..Message::default() }))
}

fn kept(seq: u64, sender: u64, number: u64) -> Kept {
    Kept { seq, message: sender << 32 | number, sent_ns: 0, acked_ns: 0 }
}

fn created() -> Record {
    record(1, Said::Created(Created { name: "One".into(), ..Created::default() }))
}

fn account(kept: Vec<Kept>) -> Account {
    Account {
        chat_id: ChatId([7; 16]),
        owner: Identity { user: "a".into(), token: "".into() },
        members: ["a".to_owned(), "b".to_owned()].into(),
        kept,
        mark: "ab".into(),
        open: HashSet::new(),
        changes: Vec::new(),
    }
}

fn told(records: Vec<Record>) -> Told {
    Told {
        head_seq: records.last().map_or(0, |record| record.seq),
        records,
        name: "One".into(),
        config: ChatConfig::default(),
        members: ["a".to_owned(), "b".to_owned()].into(),
    }
}

fn found(account: &Account, told: &[Told]) -> Found {
    let mut found = Found::default();
    found.judge(account, told);
    found
}

#[test]
fn a_right_history_passes_on_every_node() {
    let records = || vec![created(), message(2, 1, 0), message(3, 2, 1), message(4, 1, 2)];
    let account = account(vec![kept(2, 1, 0), kept(3, 2, 1), kept(4, 1, 2)]);
    let found = found(&account, &[told(records()), told(records())]);
    assert_eq!(found.violations(), 0, "{:?}", found.complaints);
    assert_eq!((found.acknowledged, found.read), (3, 8));
}

#[test]
fn what_is_lost_doubled_reordered_or_invented_is_told() {
    let account = account(vec![kept(2, 1, 0), kept(3, 1, 1)]);
    let lost = found(&account, &[told(vec![created(), message(2, 1, 0)])]);
    assert_eq!((lost.lost, lost.violations()), (1, 1));
    let moved = found(&account, &[told(vec![created(), message(2, 1, 0), message(3, 2, 9), message(4, 1, 1)])]);
    assert_eq!((moved.lost, moved.invented), (1, 1));
    let doubled = found(&account, &[told(vec![created(), message(2, 1, 0), message(3, 1, 1), message(4, 1, 0)])]);
    assert_eq!((doubled.doubled, doubled.violations()), (1, 1));
    let hole = found(&account, &[told(vec![created(), message(2, 1, 0), message(4, 1, 1)])]);
    assert_eq!(hole.lost, 2);
    let mut swapped = self::account(vec![kept(2, 1, 1), kept(3, 1, 0)]);
    let records = vec![created(), message(2, 1, 1), message(3, 1, 0)];
    assert_eq!(found(&swapped, &[told(records.clone())]).reordered, 1);
    swapped.kept.clear();
    swapped.open = [1 << 32, 1 << 32 | 1].into();
    assert_eq!(found(&swapped, &[told(records)]).invented, 0, "what was not answered may be there");
}

#[test]
fn nodes_that_tell_different_things_are_told() {
    let account = account(vec![kept(2, 1, 0)]);
    let right = || told(vec![created(), message(2, 1, 0)]);
    let behind = Told { records: vec![created()], head_seq: 1, ..right() };
    assert_eq!(found(&account, &[right(), behind]).different, 2);
    assert_eq!(found(&account, &[right(), Told { name: "Two".into(), ..right() }]).different, 2);
    assert_eq!(found(&account, &[right(), Told { members: ["a".to_owned()].into(), ..right() }]).different, 2);
}

#[test]
fn an_acknowledged_change_that_is_not_in_the_records_is_told() {
    let renamed = |name: &str| record(2, Said::Updated(Updated { name: Some(name.into()), ..Updated::default() }));
    let added = |user: &str| record(3, Said::MembersAdded(MembersChanged { users: vec![user.into()], ..MembersChanged::default() }));
    let mut account = account(Vec::new());
    let change = |seq, what| Change { group: 0, seq, what };
    account.changes = vec![change(2, What::Named("Two".into())), change(3, What::In("g".into()))];
    let right = Told {
        name: "Two".into(),
        members: ["a".to_owned(), "b".to_owned(), "g".to_owned()].into(),
        ..told(vec![created(), renamed("Two"), added("g")])
    };
    assert_eq!(found(&account, &[right]).violations(), 0);
    let without = Told { name: "Two".into(), ..told(vec![created(), renamed("Two")]) };
    assert_eq!(found(&account, &[without]).lost, 1);
    let other = Told {
        name: "Three".into(),
        members: ["a".to_owned(), "b".to_owned(), "g".to_owned()].into(),
        ..told(vec![created(), renamed("Three"), added("g")])
    };
    assert_eq!(found(&account, &[other]).lost, 1);
}
