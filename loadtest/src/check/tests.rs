//! The referee is fed plans with known faults and must tell each; without a fault it must be silent.

use super::*;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// What one member gets, in the order in which it gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    Event(u64),
    Ack(u64),
}

const BASE: u64 = 7;

/// Messages `1..=count` by random senders of `members`; what member `me` gets from a faultless server. Replies come
/// anywhere near their event; `echo`: one's own message comes as an event too.
fn faultless(rng: &mut StdRng, senders: &[u32], me: u32, echo: bool) -> Vec<Arrival> {
    let mut arrivals: Vec<(f64, Arrival)> = Vec::new();
    for (at, sender) in senders.iter().enumerate() {
        let seq = BASE + 1 + at as u64;
        if *sender != me || echo {
            arrivals.push((at as f64, Arrival::Event(seq)));
        }
        if *sender == me {
            arrivals.push((at as f64 + rng.random_range(-3.0..20.0), Arrival::Ack(seq)));
        }
    }
    arrivals.sort_by(|left, right| left.0.total_cmp(&right.0));
    arrivals.into_iter().map(|(_, arrival)| arrival).collect()
}

fn truth(count: u64) -> Truth {
    let mut truth = Truth::new(BASE);
    for seq in BASE + 1..=BASE + count {
        truth.acknowledge(seq, seq * 1_000);
    }
    truth
}

fn judge(arrivals: &[Arrival], senders: &[u32], me: u32, truth: &Truth) -> Faults {
    let mut standing = Standing::default();
    let mut faults = Faults::default();
    for arrival in arrivals {
        match *arrival {
            Arrival::Event(seq) => {
                let own = senders.get((seq - BASE - 1) as usize) == Some(&me);
                match standing.event(truth, seq, Some(seq * 1_000), own, false) {
                    Verdict::Reordered => faults.reordered += 1,
                    Verdict::Doubled => faults.doubled += 1,
                    _ => {}
                }
            }
            Arrival::Ack(seq) => faults.misrouted += u64::from(!standing.acknowledge(truth, seq, seq * 1_000)),
        }
    }
    standing.close(truth, &mut faults);
    faults
}

proptest! {
    #[test]
    fn a_faultless_server_is_never_accused(seed: u64, count in 1usize..200, members in 1u32..6, echo: bool) {
        let mut rng = StdRng::seed_from_u64(seed);
        let senders: Vec<u32> = (0..count).map(|_| rng.random_range(0..members)).collect();
        for me in 0..members {
            let arrivals = faultless(&mut rng, &senders, me, echo);
            prop_assert_eq!(judge(&arrivals, &senders, me, &truth(count as u64)), Faults::default());
        }
    }

    #[test]
    fn every_lost_record_is_told(seed: u64, count in 5usize..200, echo: bool, lost in 1usize..5) {
        let mut rng = StdRng::seed_from_u64(seed);
        let senders: Vec<u32> = (0..count).map(|_| rng.random_range(1..4)).collect();
        let mut arrivals = faultless(&mut rng, &senders, 0, echo);
        for _ in 0..lost {
            arrivals.remove(rng.random_range(0..arrivals.len()));
        }
        let faults = judge(&arrivals, &senders, 0, &truth(count as u64));
        prop_assert_eq!(faults, Faults { lost: lost as u64, ..Faults::default() });
    }

    #[test]
    fn every_doubled_record_is_told(seed: u64, count in 1usize..200, members in 1u32..4, echo: bool, later in 0usize..100) {
        let mut rng = StdRng::seed_from_u64(seed);
        let senders: Vec<u32> = (0..count).map(|_| rng.random_range(0..members)).collect();
        let mut arrivals = faultless(&mut rng, &senders, 0, echo);
        let events: Vec<usize> = (0..arrivals.len()).filter(|at| matches!(arrivals[*at], Arrival::Event(_))).collect();
        prop_assume!(!events.is_empty());
        let at = events[rng.random_range(0..events.len())];
        let own = matches!(arrivals[at], Arrival::Event(seq) if senders[(seq - BASE - 1) as usize] == 0);
        let copy = arrivals[at];
        arrivals.insert((at + 1 + later).min(arrivals.len()), copy);
        let faults = judge(&arrivals, &senders, 0, &truth(count as u64));
        prop_assert_eq!(faults.lost, 0);
        // An own message that came as an event before its reply may look like its echo, and still not as all well.
        prop_assert!(faults.doubled + faults.reordered >= 1 || own, "{:?}", faults);
    }

    #[test]
    fn two_records_that_change_places_are_told(seed: u64, count in 2usize..200, echo: bool) {
        let mut rng = StdRng::seed_from_u64(seed);
        let senders: Vec<u32> = (0..count).map(|_| rng.random_range(0..4)).collect();
        let mut arrivals = faultless(&mut rng, &senders, 0, echo);
        let events: Vec<usize> = (0..arrivals.len()).filter(|at| matches!(arrivals[*at], Arrival::Event(_))).collect();
        prop_assume!(events.len() >= 2);
        let at = rng.random_range(0..events.len() - 1);
        arrivals.swap(events[at], events[at + 1]);
        let faults = judge(&arrivals, &senders, 0, &truth(count as u64));
        prop_assert_eq!(faults, Faults { reordered: 1, ..Faults::default() });
    }

    #[test]
    fn any_mixture_of_faults_is_not_called_well(seed: u64, count in 5usize..100, echo: bool, faults_in in 1usize..8) {
        let mut rng = StdRng::seed_from_u64(seed);
        let senders: Vec<u32> = (0..count).map(|_| rng.random_range(1..4)).collect();
        let faultless = faultless(&mut rng, &senders, 0, echo);
        let mut arrivals = faultless.clone();
        for _ in 0..faults_in {
            let at = rng.random_range(0..arrivals.len());
            match rng.random_range(0..3) {
                0 if arrivals.len() > 1 => { arrivals.remove(at); }
                1 => { let copy = arrivals[at]; arrivals.insert(rng.random_range(0..arrivals.len()), copy); }
                _ => { let other = rng.random_range(0..arrivals.len()); arrivals.swap(at, other); }
            }
        }
        prop_assume!(arrivals != faultless);
        prop_assert_ne!(judge(&arrivals, &senders, 0, &truth(count as u64)), Faults::default());
    }
}

#[test]
fn another_message_in_the_place_of_the_acknowledged_one_is_told() {
    let truth = truth(3);
    let mut standing = Standing::default();
    for (seq, message) in [(8, 8_000), (9, 666), (10, 10_000)] {
        assert_eq!(standing.event(&truth, seq, Some(message), false, false), Verdict::Fine);
    }
    let mut faults = Faults::default();
    assert_eq!(standing.close(&truth, &mut faults), 0);
    assert_eq!(faults, Faults { altered: 1, ..Faults::default() });
}

#[test]
fn what_a_gap_left_out_may_come_later_by_sync() {
    let truth = truth(4);
    let mut standing = Standing::default();
    assert_eq!(standing.event(&truth, 8, Some(8_000), false, false), Verdict::Fine);
    assert_eq!(standing.event(&truth, 11, Some(11_000), false, true), Verdict::Fine);
    for seq in [9, 10] {
        assert_eq!(standing.synced(&truth, seq, Some(seq * 1_000)), Verdict::Fine);
    }
    assert!(standing.complete(&truth));
    let mut faults = Faults::default();
    standing.close(&truth, &mut faults);
    assert_eq!(faults, Faults::default());
}

#[test]
fn what_a_sync_has_told_may_come_as_an_event_once_and_in_order() {
    let truth = truth(4);
    let event = |standing: &mut Standing, seq: u64| standing.event(&truth, seq, Some(seq * 1_000), false, false);
    let mut standing = Standing::default();
    assert_eq!(event(&mut standing, 8), Verdict::Fine);
    for seq in [9, 10] {
        standing.synced(&truth, seq, Some(seq * 1_000));
    }
    standing.known_otherwise();
    assert_eq!([9, 10, 10, 9, 11].map(|seq| event(&mut standing, seq)), {
        use Verdict::{Doubled, Fine};
        [Fine, Fine, Doubled, Doubled, Fine]
    });
}

#[test]
fn another_node_may_tell_once_more_what_is_there_and_a_record_twice_in_one_session_is_told() {
    let truth = truth(4);
    let event = |standing: &mut Standing, seq: u64| standing.event(&truth, seq, Some(seq * 1_000), false, false);
    let mut standing = Standing::default();
    assert_eq!([8, 9].map(|seq| event(&mut standing, seq)), [Verdict::Fine, Verdict::Fine]);
    standing.new_session();
    assert_eq!([8, 9, 10, 9, 10].map(|seq| event(&mut standing, seq)), {
        use Verdict::{Doubled, Fine};
        [Fine, Fine, Fine, Doubled, Doubled]
    });
}

#[test]
fn a_server_that_loses_every_second_record_does_not_make_the_checker_grow() {
    let mut standing = Standing::default();
    let truth = Truth { base: 0, last_acked: 100_000, acked: 100_000, ..Truth::default() };
    for seq in (2..=100_000).step_by(2) {
        standing.event(&truth, seq, Some(seq), false, false);
    }
    assert!(standing.rare.as_ref().unwrap().missing.len() <= HOLES_MAX);
    let mut faults = Faults::default();
    assert_eq!(standing.close(&truth, &mut faults), 50_000);
}
