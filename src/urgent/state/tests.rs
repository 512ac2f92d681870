//! Random plans of the state machine, and how much memory it takes.

use super::*;
use proptest::prelude::*;
use protocol::codec::Encoding;

const PEOPLE: u32 = 40;

fn record(seq: u64, change: UrgentChange) -> Record {
    Record { chat: 7, seq, position: 0, at_ms: 1_000 + seq, by: 99, change: Change::Urgent(change) }
}

fn raised(audience: &RoaringBitmap, ladder: Vec<UrgentStep>) -> (Urgent, Record) {
    let raised = UrgentRaised {
        chat: 1,
        target: 2,
        client_message_id: "u".into(),
        audience: bitmap_bytes(audience),
        ladder,
        deadline_at_ms: 1_000_000,
        breaks_quiet_hours: false,
    };
    let first = record(1, UrgentChange::Raised(Box::new(raised)));
    (Urgent::raised(&first).unwrap(), first)
}

/// What may happen to it, in any order and to anybody.
#[derive(Debug, Clone)]
enum Act {
    Delivered(u32),
    Shown(u32),
    Confirmed(u32),
    Left(u32),
    /// The clock is turned, forward or back, by ms.
    Turn(i64),
    /// The server looks after it, as it does ten times a second: at most one thing that is due is done.
    Look,
    Outcome(u32, bool),
    Over(UrgentOverWhy),
    /// The server dies. The next one has what was written down last, and the records.
    Crash,
    /// It is written down as it stands.
    WriteDown,
    /// The same record once more, and one that is not the next.
    Again,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let user = 0..PEOPLE + 5;
    let act = prop_oneof![
        2 => user.clone().prop_map(Act::Delivered),
        2 => user.clone().prop_map(Act::Shown),
        4 => user.clone().prop_map(Act::Confirmed),
        1 => user.clone().prop_map(Act::Left),
        3 => (-120_000i64..60_000).prop_map(Act::Turn),
        5 => Just(Act::Look),
        2 => (user, any::<bool>()).prop_map(|(user, reached)| Act::Outcome(user, reached)),
        1 => Just(Act::Crash),
        1 => Just(Act::WriteDown),
        1 => Just(Act::Again),
    ];
    (proptest::collection::vec(act, 0..160), proptest::option::of(0usize..160)).prop_map(|(mut acts, over)| {
        if let Some(at) = over {
            acts.insert(at.min(acts.len()), Act::Over(UrgentOverWhy::Cancelled));
        }
        acts
    })
}

/// A server with one urgent: its state, its records, and what was written down of it.
struct Office {
    urgent: Urgent,
    records: Vec<Record>,
    written: Option<Vec<u8>>,
    now_ms: u64,
}

impl Office {
    fn append(&mut self, change: UrgentChange) {
        let record = self.urgent.next_record(self.now_ms, 99, change);
        self.urgent.follow(&record);
        self.records.push(record);
    }

    /// What is due, as the server looks for it.
    fn look(&mut self) -> bool {
        let change = match (self.urgent.ends(self.now_ms), self.urgent.due(self.now_ms)) {
            (Some(why), _) => UrgentChange::Over { why },
            (None, Some((step, _))) => UrgentChange::Step { step, managers: Vec::new(), refused: Vec::new() },
            (None, None) => return false,
        };
        self.append(change);
        true
    }

    /// The urgent as a server finds it that starts.
    fn after_a_crash(&self) -> Urgent {
        let written = self.written.as_ref().map(|bytes| Encoding::Msgpack.decode::<Urgent>(bytes).expect("it was written so"));
        let mut urgent = written.unwrap_or_else(|| Urgent::raised(&self.records[0]).expect("the first record"));
        for record in &self.records {
            urgent.follow(record);
        }
        urgent
    }
}

fn hold(urgent: &Urgent, before: &Urgent) -> std::result::Result<(), TestCaseError> {
    let Counts { pending, delivered, shown, confirmed, failed } = urgent.counts();
    prop_assert_eq!(pending + delivered + shown + confirmed + failed, urgent.audience.len(), "the counts sum up to the audience");
    prop_assert!(urgent.confirmed.is_superset(&before.confirmed), "nobody is taken back");
    prop_assert!(
        urgent.confirmed.is_disjoint(&urgent.left)
            && urgent.confirmed.is_subset(&urgent.shown)
            && urgent.shown.is_subset(&urgent.delivered)
    );
    prop_assert!(urgent.delivered.is_subset(&urgent.audience) && urgent.left.is_subset(&urgent.audience));
    for user in 0..PEOPLE + 5 {
        let standing = urgent.standing(user);
        prop_assert_eq!(standing.is_some(), urgent.audience.contains(user));
        if let Some(standing) = standing {
            prop_assert!(urgent.people_at(standing).contains(user));
            prop_assert_eq!(
                urgent.asks(user),
                urgent.over.is_none() && !matches!(standing, UrgentStanding::Confirmed | UrgentStanding::Failed)
            );
        }
    }
    for attempt in urgent.attempts.values() {
        prop_assert!(attempt.reached.is_subset(&attempt.people));
        prop_assert!(attempt.failed.keys().all(|user| attempt.people.contains(*user) && !attempt.reached.contains(*user)));
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens_in_whatever_order_everybody_stands_in_one_place(acts in acts()) {
        let audience: RoaringBitmap = (0..PEOPLE).collect();
        let ladder = vec![UrgentStep { way: UrgentWay::Sms, after_ms: 10_000, every_ms: Some(10_000), times: Some(60) }];
        let (urgent, first) = raised(&audience, ladder);
        let mut office = Office { now_ms: urgent.raised_at_ms, urgent, records: vec![first], written: None };
        for act in acts {
            let before = office.urgent.clone();
            let one = |user| RoaringBitmap::from_iter([user]);
            let moves = |moves: Moves| before.new_of(&moves).map(|moves| UrgentChange::Moved(moves.kept()));
            let change = match act {
                Act::Delivered(user) => moves(Moves { delivered: one(user), ..Moves::default() }),
                Act::Shown(user) => moves(Moves { shown: one(user), ..Moves::default() }),
                Act::Confirmed(user) => moves(Moves { confirmed: one(user), ..Moves::default() }),
                Act::Left(user) => moves(Moves { left: one(user), ..Moves::default() }),
                Act::Outcome(user, reached) => before.attempts.last_key_value().map(|(step, _)| UrgentChange::Attempted {
                    step: *step,
                    reached: if reached { bitmap_bytes(&one(user)) } else { Vec::new() },
                    failed: if reached { Vec::new() } else { vec![(user, "no answer".into())] },
                }),
                Act::Over(why) => Some(UrgentChange::Over { why }),
                Act::Turn(by_ms) => {
                    office.now_ms = office.now_ms.saturating_add_signed(by_ms);
                    None
                }
                Act::Look => {
                    office.look();
                    None
                }
                Act::Crash => {
                    office.urgent = office.after_a_crash();
                    prop_assert_eq!(&office.urgent, &before, "a crash takes nothing away");
                    None
                }
                Act::WriteDown => {
                    office.written = Some(Encoding::Msgpack.encode(&before));
                    None
                }
                Act::Again => {
                    let last = office.records.last().expect("the first record").clone();
                    prop_assert!(office.urgent.follow(&last).is_empty());
                    let beyond = Record { seq: last.seq + 2, ..last };
                    prop_assert!(office.urgent.follow(&beyond).is_empty());
                    prop_assert_eq!(&office.urgent, &before, "a record counts once, and at its place");
                    None
                }
            };
            if let Some(change) = change {
                office.append(change);
            }
            hold(&office.urgent, &before)?;
        }
        // In the end the clock stands behind the last step: what was due meanwhile is done once each, in its order, and then no more.
        office.now_ms = office.now_ms.max(office.urgent.raised_at_ms) + 700_000;
        while office.look() {
            let after = office.urgent.clone();
            hold(&after, &after)?;
        }
        prop_assert!(office.urgent.over.is_some() || office.urgent.attempts.len() == 60, "{} steps", office.urgent.attempts.len());
        hold_times(&office)?;
    }
}

/// The records as they stand at the end.
fn hold_times(office: &Office) -> std::result::Result<(), TestCaseError> {
    prop_assert!(office.records.is_sorted_by_key(|record| record.at_ms), "the time of a record never goes back");
    let mut urgent = Urgent::raised(&office.records[0]).expect("the first record");
    let mut begun = Vec::new();
    for record in &office.records {
        if let Change::Urgent(UrgentChange::Step { step, .. }) = &record.change {
            begun.push(*step);
            let due_ms = urgent.raised_at_ms + urgent.plan()[*step as usize].after_ms;
            prop_assert!(record.at_ms >= due_ms, "step {} came {} ms early", step, due_ms - record.at_ms);
            prop_assert!(urgent.over.is_none(), "no step comes after the end");
            let open = urgent.open_people();
            urgent.follow(record);
            let people = &urgent.attempts[step].people;
            prop_assert!(people.is_disjoint(&urgent.confirmed), "nobody is reminded after confirming");
            prop_assert_eq!(people, &open, "nobody is left out");
        } else {
            let over = urgent.over.is_some();
            let confirmed = urgent.confirmed.clone();
            urgent.follow(record);
            prop_assert!(!over || urgent.confirmed == confirmed, "what comes after the end changes nothing");
        }
    }
    let each_once: Vec<u32> = (0..begun.len() as u32).collect();
    prop_assert_eq!(begun, each_once, "each step once, in its order");
    prop_assert_eq!(&urgent, &office.urgent);
    Ok(())
}

#[test]
fn an_urgent_for_everybody_takes_a_few_hundred_kilobytes_at_most() {
    let audience: RoaringBitmap = (0..371_000).collect();
    let (mut urgent, _) = raised(&audience, Vec::new());
    let mut largest = 0;
    for start in 0..10 {
        // In no order: every tenth person.
        let confirmed = (0..371_000).filter(|user| user % 10 == start).collect();
        let moves = urgent.new_of(&Moves { confirmed, ..Moves::default() }).unwrap();
        urgent.follow(&record(urgent.seq + 1, UrgentChange::Moved(moves.kept())));
        largest = largest.max(Encoding::Msgpack.encode(&urgent).len());
    }
    assert!(urgent.is_done());
    assert!(largest < 300_000, "{largest} bytes");
    urgent.follow(&record(urgent.seq + 1, UrgentChange::Over { why: UrgentOverWhy::Confirmed }));
    let over = Encoding::Msgpack.encode(&urgent).len();
    assert!(over < 1_000, "{over} bytes when it is over");
}
