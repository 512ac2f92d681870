//! The reckoning sees each way of breaking a promise, and is silent about a right history.

use super::super::history::{Call, Did, ManagerTold, Stop, Told};
use super::super::plan::Act;
use super::*;
use protocol::urgent::UrgentCounts;

const ID: UrgentId = UrgentId([7; 16]);
const OTHER: UrgentId = UrgentId([8; 16]);
/// When the urgent was raised.
const RAISED: u64 = 1_000_000;
const SETTLED: u64 = RAISED + 60_000;

/// Anna confirms after five seconds, Bert and Dora never, Carl leaves after six; nobody knows Dora's number. Mona leads them all.
fn history() -> History {
    let person =
        |act: Act| Person { act: Some(act), first_told_ms: Some(RAISED + 20), last_told_ms: Some(RAISED + 4_000), ..Person::default() };
    let anna = Person { confirm_asked_ms: Some(RAISED + 5_000), confirm_acked_ms: Some(RAISED + 5_100), ..person(Act::Confirms(5_000)) };
    let carl = Person { leave_asked_ms: Some(RAISED + 4_000), leave_acked_ms: Some(RAISED + 4_100), ..person(Act::Leaves(4_000)) };
    let names = ["anna", "bert", "carl", "dora"];
    let people = [anna, person(Act::Nothing), carl, person(Act::Nothing)];
    let story = Story {
        rungs: vec![(10_000, UrgentWay::Push), (10_500, UrgentWay::Remind), (11_000, UrgentWay::Sms), (12_000, UrgentWay::Manager)],
        raise_asked_ms: Some(RAISED - 50),
        raised: vec![(ID, 4, 0), (ID, 4, 0)],
        people: names.map(str::to_owned).into_iter().zip(people).collect(),
        ..Story::default()
    };
    let told = ManagerTold { at_ms: RAISED + 12_100, number: 0, manager: "mona".into(), about: vec!["bert".into(), "dora".into()] };
    History {
        stories: vec![story],
        calls: vec![
            call(0, "bert", UrgentWay::Push, 10_050),
            call(0, "dora", UrgentWay::Push, 10_060),
            Call { did: Did::Nothing, answered_ms: None, ..call(2, "bert", UrgentWay::Sms, 11_100) },
            call(2, "bert", UrgentWay::Sms, 12_200),
        ],
        kills: vec![RAISED + 8_000],
        sums: [((ID, 4), 9)].into(),
        reports: vec![(RAISED + 9_000, ID, 1)],
        managers_told: vec![told],
        managers_done: [((0, "mona".to_owned()), RAISED + 13_000)].into(),
        without_number: ["dora".to_owned()].into(),
        leaders: names.map(|name| (name.to_owned(), "mona".to_owned())).into(),
        settled_ms: SETTLED,
    }
}

fn call(step: u32, user: &str, way: UrgentWay, after_ms: u64) -> Call {
    Call {
        at_ms: RAISED + after_ms,
        key: format!("{ID}:{step}:{user}"),
        urgent_id: ID.to_string(),
        step,
        user_id: user.into(),
        way: Some(way),
        genuine: true,
        did: Did::Reached,
        answered_ms: Some(RAISED + after_ms + 5),
    }
}

fn deed(way: UrgentWay, after_ms: u64, (people, reached, failed): (u32, u32, u32)) -> UrgentDeed {
    UrgentDeed { at_ms: RAISED + after_ms, way: Some(way), people, reached, failed, over: None }
}

fn ended(after_ms: u64, why: UrgentOverWhy) -> UrgentDeed {
    UrgentDeed { at_ms: RAISED + after_ms, way: None, people: 4, reached: 4, failed: 0, over: Some(why) }
}

fn reading() -> Reading {
    let timeline = vec![
        UrgentDeed { at_ms: RAISED, people: 4, reached: 4, ..UrgentDeed::default() },
        deed(UrgentWay::Push, 10_010, (2, 2, 0)),
        deed(UrgentWay::Remind, 10_510, (2, 2, 0)),
        deed(UrgentWay::Sms, 11_020, (2, 1, 1)),
        deed(UrgentWay::Manager, 12_030, (1, 1, 0)),
    ];
    let standings = [UrgentStanding::Confirmed, UrgentStanding::Shown, UrgentStanding::Failed, UrgentStanding::Pending];
    let names = ["anna", "bert", "carl", "dora"].map(str::to_owned);
    let counts = UrgentCounts { urgent_id: ID, pending: 1, delivered: 0, shown: 1, confirmed: 1, failed: 1, over: None };
    let report = Report { counts, raised_at_ms: RAISED, timeline, people: names.clone().into_iter().zip(standings).collect() };
    let list =
        |of: &[&str]| names.iter().map(|name| (name.clone(), of.contains(&name.as_str()).then_some(ID).into_iter().collect())).collect();
    Reading { reports: [(ID, report)].into(), raised: vec![(0, ID)], open: list(&["bert", "dora"]), confirmed: list(&["anna"]) }
}

/// What is found on two nodes after something was changed in what was seen, and in what both tell.
fn found(change: impl FnOnce(&mut History, &mut Reading)) -> Found {
    let (mut history, mut reading, mut found) = (history(), reading(), Found::default());
    change(&mut history, &mut reading);
    found.judge(&history, &[reading.clone(), reading]);
    found
}

#[track_caller]
fn breaks(broken: Broken, change: impl FnOnce(&mut History, &mut Reading)) {
    let found = found(change);
    assert!(found.violations.contains_key(&broken), "{broken:?} is not among {:?}", found.complaints);
}

fn story(history: &mut History) -> &mut Story {
    &mut history.stories[0]
}

fn person<'a>(history: &'a mut History, user: &str) -> &'a mut Person {
    story(history).people.get_mut(user).expect("one of the four")
}

fn report(reading: &mut Reading) -> &mut Report {
    reading.reports.get_mut(&ID).expect("the urgent is there")
}

/// Somebody stands elsewhere, and counts and lists agree with that.
fn stands(reading: &mut Reading, user: &str, standing: UrgentStanding) {
    let report = report(reading);
    report.people.iter_mut().filter(|(listed, _)| listed == user).for_each(|(_, at)| *at = standing);
    let count = |standing| report.people.iter().filter(|(_, at)| *at == standing).count() as u32;
    let [pending, delivered, shown, confirmed, failed] = super::super::reading::STANDINGS.map(count);
    report.counts = UrgentCounts { pending, delivered, shown, confirmed, failed, ..report.counts };
    let own = |list: &mut BTreeMap<String, BTreeSet<UrgentId>>, there: bool| {
        list.insert(user.to_owned(), there.then_some(ID).into_iter().collect());
    };
    own(&mut reading.open, !matches!(standing, UrgentStanding::Confirmed | UrgentStanding::Failed));
    own(&mut reading.confirmed, standing == UrgentStanding::Confirmed);
}

fn ends(reading: &mut Reading, after_ms: u64, why: UrgentOverWhy) {
    let report = report(reading);
    report.timeline.push(ended(after_ms, why));
    report.counts.over = Some(why);
    reading.open.values_mut().for_each(BTreeSet::clear);
}

#[test]
fn a_right_history_passes() {
    let nothing = found(|_, _| {});
    assert_eq!(nothing.total(), 0, "{:?}", nothing.complaints);
    assert_eq!(awaited(&history(), SETTLED), None);
    // An end that was asked for; what stood before people's eyes is gone then, and open calls come to no end.
    let cancelled = found(|history, reading| {
        let stop = Stop { why: UrgentOverWhy::Cancelled, asked_ms: RAISED + 11_050, acked_ms: Some(RAISED + 11_090) };
        story(history).stop = Some(stop);
        history.calls.truncate(2);
        history.managers_told.clear();
        ends(reading, 11_060, UrgentOverWhy::Cancelled);
        let timeline = &mut report(reading).timeline;
        timeline.retain(|deed| deed.way != Some(UrgentWay::Manager));
        timeline[3] = deed(UrgentWay::Sms, 11_020, (2, 0, 0));
    });
    assert_eq!(cancelled.total(), 0, "{:?}", cancelled.complaints);
    // Somebody confirms while a call is on its way, which comes again after a crash.
    let late = found(|history, reading| {
        let bert = person(history, "bert");
        (bert.act, bert.confirm_asked_ms, bert.confirm_acked_ms) = (Some(Act::ConfirmsLast), Some(SETTLED + 100), Some(SETTLED + 150));
        history.kills.push(RAISED + 12_300);
        history.calls.push(call(2, "bert", UrgentWay::Sms, 12_900));
        stands(reading, "bert", UrgentStanding::Confirmed);
    });
    assert_eq!(late.total(), 0, "{:?}", late.complaints);
}

#[test]
fn what_was_acknowledged_and_is_not_there_is_lost() {
    breaks(Broken::Lost, |_, reading| reading.reports.clear());
    breaks(Broken::Lost, |_, reading| reading.raised.clear());
    breaks(Broken::Lost, |history, _| story(history).raised.clear());
    breaks(Broken::Lost, |history, _| story(history).raise_refused = Some("2103".into()));
    breaks(Broken::Lost, |_, reading| stands(reading, "anna", UrgentStanding::Shown));
    breaks(Broken::Lost, |_, reading| stands(reading, "carl", UrgentStanding::Delivered));
    breaks(Broken::Lost, |history, _| {
        story(history).stop = Some(Stop { why: UrgentOverWhy::Cancelled, asked_ms: SETTLED, acked_ms: Some(SETTLED) });
    });
    // Everybody has confirmed or left, and it goes on.
    breaks(Broken::Lost, |history, reading| {
        for user in ["bert", "dora"] {
            person(history, user).confirm_asked_ms = Some(SETTLED + 1);
            person(history, user).confirm_acked_ms = Some(SETTLED + 2);
            stands(reading, user, UrgentStanding::Confirmed);
        }
    });
    breaks(Broken::Lost, |history, _| story(history).deadline_ms = Some(20_000));
    breaks(Broken::Lost, |history, _| history.reports.push((RAISED + 9_000, ID, 0)));
    // What a provider has said is to be written down.
    breaks(Broken::Lost, |_, reading| report(reading).timeline[1].reached = 1);
}

#[test]
fn an_urgent_raised_again_is_the_same_one() {
    breaks(Broken::Doubled, |history, _| story(history).raised.push((OTHER, 4, 0)));
    breaks(Broken::Doubled, |_, reading| reading.raised.push((0, OTHER)));
    breaks(Broken::Invented, |_, reading| reading.raised.push((1, OTHER)));
}

#[test]
fn what_nobody_did_is_invented() {
    breaks(Broken::Invented, |_, reading| stands(reading, "bert", UrgentStanding::Confirmed));
    breaks(Broken::Invented, |_, reading| stands(reading, "bert", UrgentStanding::Failed));
    breaks(Broken::Invented, |_, reading| ends(reading, 40_000, UrgentOverWhy::Cancelled));
    breaks(Broken::Invented, |_, reading| ends(reading, 40_000, UrgentOverWhy::Confirmed));
    breaks(Broken::Invented, |_, reading| ends(reading, 40_000, UrgentOverWhy::Expired));
    breaks(Broken::Invented, |_, reading| report(reading).people.push(("eve".into(), UrgentStanding::Shown)));
    breaks(Broken::Invented, |_, reading| report(reading).timeline.push(deed(UrgentWay::Remind, 13_000, (2, 2, 0))));
    breaks(Broken::Invented, |_, reading| report(reading).timeline[3].reached = 2);
    breaks(Broken::Invented, |history, _| history.calls.push(call(0, "eve", UrgentWay::Push, 10_100)));
    breaks(Broken::Invented, |history, _| history.calls.push(call(1, "bert", UrgentWay::Push, 10_600)));
    breaks(Broken::Invented, |history, _| history.calls.push(call(2, "dora", UrgentWay::Sms, 11_100)));
    breaks(Broken::Invented, |history, _| drop(story(history).people.insert("eve".into(), Person::default())));
}

#[test]
fn nobody_is_reminded_after_confirming_or_after_the_end() {
    let later = |after_ms: u64, reminder: u32| Told { at_ms: RAISED + after_ms, reminder };
    breaks(Broken::Reminded, |history, _| person(history, "anna").told_later.push(later(10_600, 1)));
    breaks(Broken::Reminded, |history, _| person(history, "anna").told_later.push(later(7_200, 0)));
    // That was on its way.
    let soon = found(|history, _| person(history, "anna").told_later.push(later(5_200, 0)));
    assert_eq!(soon.total(), 0, "{:?}", soon.complaints);
    breaks(Broken::Reminded, |history, _| history.calls.push(call(0, "anna", UrgentWay::Push, 10_070)));
    breaks(Broken::Reminded, |history, _| {
        // Its step began before, but the call came long after.
        (person(history, "bert").confirm_asked_ms, person(history, "bert").confirm_acked_ms) =
            (Some(RAISED + 10_020), Some(RAISED + 10_100));
    });
    breaks(Broken::Reminded, |history, _| history.calls.push(call(2, "carl", UrgentWay::Sms, 11_100)));
    // Who has left is not shown it once that could be noticed: not while nodes are killed every few seconds.
    breaks(Broken::Reminded, |history, _| person(history, "carl").told_later.push(later(25_000, 0)));
    let disturbed = found(|history, _| {
        history.kills.extend([RAISED + 14_000, RAISED + 22_000]);
        person(history, "carl").told_later.push(later(25_000, 0));
    });
    assert_eq!(disturbed.total(), 0, "{:?}", disturbed.complaints);
    breaks(Broken::Reminded, |_, reading| report(reading).timeline[1].people = 3);
    breaks(Broken::Reminded, |_, reading| drop(reading.open.insert("anna".into(), [ID].into())));
    breaks(Broken::Reminded, |history, _| history.managers_told[0].about.push("anna".into()));
    breaks(Broken::Reminded, |history, _| history.managers_told[0].at_ms = RAISED + 15_100);
    breaks(Broken::Reminded, |history, reading| {
        story(history).stop = Some(Stop { why: UrgentOverWhy::Cancelled, asked_ms: RAISED + 9_000, acked_ms: Some(RAISED + 9_100) });
        ends(reading, 9_050, UrgentOverWhy::Cancelled);
        report(reading).timeline.retain(|deed| deed.way.is_none());
        history.calls.truncate(1);
        history.calls[0].at_ms = RAISED + 11_100;
    });
    breaks(Broken::Reminded, |history, reading| {
        story(history).stop = Some(Stop { why: UrgentOverWhy::Cancelled, asked_ms: RAISED + 9_000, acked_ms: Some(RAISED + 9_100) });
        ends(reading, 9_050, UrgentOverWhy::Cancelled);
        person(history, "bert").last_told_ms = Some(RAISED + 11_100);
    });
}

#[test]
fn nobody_is_left_out() {
    breaks(Broken::LeftOut, |history, _| drop(history.calls.remove(0)));
    breaks(Broken::LeftOut, |history, _| history.calls.truncate(3));
    breaks(Broken::LeftOut, |_, reading| report(reading).timeline[2].people = 1);
    breaks(Broken::LeftOut, |_, reading| report(reading).timeline[4].people = 0);
    breaks(Broken::LeftOut, |history, _| story(history).raised.push((ID, 3, 0)));
    breaks(Broken::LeftOut, |history, _| story(history).raised.push((ID, 4, 1)));
    breaks(Broken::LeftOut, |history, _| person(history, "dora").first_told_ms = None);
    breaks(Broken::LeftOut, |history, _| history.managers_told.clear());
    breaks(Broken::LeftOut, |_, reading| reading.open.values_mut().for_each(BTreeSet::clear));
    breaks(Broken::LeftOut, |_, reading| drop(report(reading).people.pop()));
}

#[test]
fn a_person_and_a_step_have_one_key() {
    breaks(Broken::TwoKeys, |history, _| {
        history.calls.push(Call { key: "another".into(), ..call(2, "bert", UrgentWay::Sms, 12_300) });
    });
    breaks(Broken::TwoKeys, |history, _| history.calls[1].key = history.calls[0].key.clone());
    breaks(Broken::NotGenuine, |history, _| history.calls[0].genuine = false);
    // Without a crash in between an answer is not forgotten.
    breaks(Broken::CalledAgain, |history, _| history.calls.push(call(0, "bert", UrgentWay::Push, 60_000)));
}

#[test]
fn steps_come_in_their_order_and_not_before_their_time() {
    breaks(Broken::Skipped, |_, reading| report(reading).timeline.truncate(4));
    breaks(Broken::Skipped, |_, reading| report(reading).timeline.retain(|deed| deed.way != Some(UrgentWay::Remind)));
    breaks(Broken::Early, |_, reading| report(reading).timeline[1].at_ms = RAISED + 9_990);
    breaks(Broken::Early, |history, _| history.calls[0].at_ms = RAISED + 9_900);
    breaks(Broken::Early, |history, _| history.calls[0].at_ms = RAISED + 10_005);
    breaks(Broken::Early, |history, reading| {
        report(reading).timeline.retain(|deed| deed.way != Some(UrgentWay::Manager));
        story(history).rungs.pop();
    });
}

#[test]
fn totals_are_the_audience_and_nodes_agree() {
    breaks(Broken::Totals, |history, _| history.sums.extend([((ID, 3), 1)]));
    breaks(Broken::Totals, |_, reading| report(reading).counts.pending = 0);
    breaks(Broken::Totals, |_, reading| {
        let counts = &mut report(reading).counts;
        (counts.pending, counts.shown) = (2, 0);
    });
    breaks(Broken::Totals, |_, reading| report(reading).people[3].0 = "bert".into());
    breaks(Broken::Totals, |_, reading| report(reading).timeline[1].failed = 1);
    breaks(Broken::Different, |_, reading| report(reading).timeline.push(ended(50_000, UrgentOverWhy::Cancelled)));
    breaks(Broken::Different, |_, reading| reading.confirmed.values_mut().for_each(BTreeSet::clear));
    let (mut other, mut found) = (reading(), Found::default());
    report(&mut other).timeline[2].at_ms += 1;
    found.judge(&history(), &[reading(), other]);
    assert_eq!(found.violations, [(Broken::Different, 1)].into(), "{:?}", found.complaints);
}

#[test]
fn it_is_waited_for_what_is_still_to_come() {
    let awaits = |change: &dyn Fn(&mut History), now_ms: u64| {
        let mut history = history();
        change(&mut history);
        awaited(&history, now_ms).unwrap_or_default()
    };
    assert!(awaits(&|_| {}, RAISED + 12_500).contains("goes on"));
    assert!(awaits(&|history| history.calls.truncate(3), SETTLED).contains("step 2 of urgent 0, Sms, has not gone to bert"));
    assert!(awaits(&|history| history.stories[0].raised.clear(), SETTLED).contains("not raised yet"));
    assert!(awaits(&|history| person(history, "anna").confirm_acked_ms = None, SETTLED).contains("anna has not done"));
    assert!(awaits(&|history| person(history, "carl").leave_acked_ms = None, SETTLED).contains("carl has not done"));
}
