//! An urgent among several nodes: raised on one, confirmed on others, and gone on with when its home dies.

use super::{node, settings};
use crate::urgent::{counts, for_everyone, group, over, popped_up};
use protocol::command::{ConfirmUrgent, RaiseUrgent, UrgentGot};
use protocol::event::Event;
use protocol::urgent::{UrgentOverWhy, UrgentStep, UrgentWay};
use std::time::Duration;

#[tokio::test]
async fn an_urgent_goes_on_when_the_node_it_was_raised_on_dies() {
    let settings = settings().await;
    let (mut first, second) = tokio::join!(node(&settings), node(&settings));
    let mut boss = first.client("e1001").await;
    let mut anna = second.client("e1002").await;
    let mut bert = second.client("e1003").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003", "e1004"]).await;
    let sent = boss.say(chat, "Close valve 7 now").await;
    let remind = UrgentStep { way: UrgentWay::Remind, after_ms: 12_000, every_ms: None, times: None };
    // Some are at home on the one node, some on the other.
    let mut raised = Vec::new();
    for number in 0..8 {
        let raise = RaiseUrgent { ladder: vec![remind.clone()], ..for_everyone(sent.message_id, &format!("u{number}")) };
        raised.push(boss.must(raise).await.urgent_id);
    }
    let mut told = Vec::new();
    while told.len() < raised.len() {
        told.push(popped_up(&mut anna).await.urgent_id);
    }
    assert_eq!(told, raised, "in their order");
    anna.must(UrgentGot { urgent_ids: raised.clone(), shown: true }).await;
    for urgent_id in &raised {
        anna.must(ConfirmUrgent { urgent_id: *urgent_id }).await;
        assert_eq!(over(&mut anna).await, (*urgent_id, UrgentOverWhy::Confirmed));
        // The other node knows what this one was told, a moment later.
        let mut now = counts(&mut boss, *urgent_id).await;
        while now.confirmed < 1 {
            now = counts(&mut boss, *urgent_id).await;
        }
        assert_eq!((now.confirmed, now.pending + now.delivered, now.failed), (1, 2, 0));
    }
    // What came before she had confirmed.
    anna.events_within(Duration::from_millis(300)).await;

    first.kill();
    let mut reminded = Vec::new();
    while reminded.len() < raised.len() {
        let urgent = popped_up(&mut bert).await;
        if urgent.reminder == 1 {
            reminded.push(urgent.urgent_id);
        }
    }
    reminded.sort_unstable();
    let mut all = raised.clone();
    all.sort_unstable();
    assert_eq!(reminded, all, "nobody is left out");
    bert.must(ConfirmUrgent { urgent_id: raised[0] }).await;
    let to_anna = anna.events_within(Duration::from_millis(500)).await;
    assert!(!to_anna.iter().any(|event| matches!(event, Event::Urgent(_))), "nobody is reminded after confirming: {to_anna:?}");
    // A node that has just come knows all of it.
    let third = node(&settings).await;
    let mut boss = third.client("e1001").await;
    let now = counts(&mut boss, raised[0]).await;
    assert_eq!((now.confirmed, now.pending + now.delivered + now.shown), (2, 1));
    let mut clara = third.client("e1004").await;
    assert_eq!(popped_up(&mut clara).await.urgent_id, raised[0]);
    clara.must(ConfirmUrgent { urgent_id: raised[0] }).await;
    boss.event("its end", |event| match event {
        Event::UrgentCounts(counts) if counts.urgent_id == raised[0] && counts.over.is_some() => Some(()),
        _ => None,
    })
    .await;
}
