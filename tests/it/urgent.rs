//! Urgents: before everybody at once, again until confirmed, ended everywhere, counted to the last one; whatever dies meanwhile.

use crate::support::{Client, Server};
use protocol::codec::Encoding;
use protocol::command::{
    AddMembers, CancelUrgent, ConfirmUrgent, CreateGroup, GetUrgentPeople, GetUrgentReport, GetUrgents, Leave, RaiseUrgent, Recall,
    UrgentGot,
};
use protocol::event::Event;
use protocol::ids::{ChatId, MessageId, UrgentId};
use protocol::urgent::{
    EveryMember, UnreadMembers, Urgent, UrgentAudience, UrgentCounts, UrgentLeftOutWhy, UrgentList, UrgentOverWhy, UrgentPeople,
    UrgentStanding, UrgentStep, UrgentWay,
};
use std::time::Duration;

pub async fn group(client: &mut Client, name: &str, people: &[&str]) -> ChatId {
    let user_ids = people.iter().map(|user_id| (*user_id).to_owned()).collect();
    let group = CreateGroup { client_message_id: name.into(), name: name.into(), user_ids, ..CreateGroup::default() };
    client.must(group).await.chat_id
}

pub fn for_everyone(message_id: MessageId, client_message_id: &str) -> RaiseUrgent {
    let audience = UrgentAudience::Everyone(EveryMember {});
    RaiseUrgent { message_id, client_message_id: client_message_id.into(), audience, ..RaiseUrgent::default() }
}

pub async fn popped_up(client: &mut Client) -> Urgent {
    client.event("the urgent", |event| if let Event::Urgent(urgent) = event { Some(urgent.clone()) } else { None }).await
}

pub async fn over(client: &mut Client) -> (UrgentId, UrgentOverWhy) {
    client.event("its end", |event| if let Event::UrgentOver(over) = event { Some((over.urgent_id, over.why)) } else { None }).await
}

pub async fn counts(client: &mut Client, urgent_id: UrgentId) -> UrgentCounts {
    client.must(GetUrgentReport { urgent_id }).await.urgent.counts.expect("who has raised it sees the counts")
}

fn sum(counts: &UrgentCounts) -> u32 {
    counts.pending + counts.delivered + counts.shown + counts.confirmed + counts.failed
}

#[tokio::test]
async fn an_urgent_stands_before_everybody_until_each_has_confirmed() {
    let server = Server::start().await;
    let mut boss = server.client("e1001").await;
    let mut anna = server.client("e1002").await;
    let mut annas_phone = server.client_on("e1002", "phone-of-anna").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003", "e1004"]).await;
    let sent = boss.say(chat, "Close valve 7 now").await;
    let raised = boss.must(for_everyone(sent.message_id, "u1")).await;
    assert_eq!((raised.audience_count, raised.left_out_count), (3, 0));
    let again = boss.must(for_everyone(sent.message_id, "u1")).await;
    assert_eq!(again.urgent_id, raised.urgent_id, "tried again, it is the same one");

    let shown = popped_up(&mut anna).await;
    assert_eq!((shown.urgent_id, shown.reminder, shown.about_count), (raised.urgent_id, 0, 0));
    assert_eq!((shown.chat_name.as_deref(), shown.raised_by.user_id.as_str()), (Some("Night shift"), "e1001"));
    assert_eq!(shown.message.seq, sent.seq);
    popped_up(&mut annas_phone).await;
    let urgent_ids = vec![raised.urgent_id];
    anna.must(UrgentGot { urgent_ids: urgent_ids.clone(), shown: false }).await;
    let now = counts(&mut boss, raised.urgent_id).await;
    assert_eq!((now.pending, now.delivered, now.shown, now.confirmed, now.failed), (2, 1, 0, 0, 0));
    anna.must(UrgentGot { urgent_ids, shown: true }).await;
    anna.must(ConfirmUrgent { urgent_id: raised.urgent_id }).await;
    assert_eq!(over(&mut anna).await, (raised.urgent_id, UrgentOverWhy::Confirmed));
    assert_eq!(over(&mut annas_phone).await, (raised.urgent_id, UrgentOverWhy::Confirmed), "on all her devices");
    anna.must(ConfirmUrgent { urgent_id: raised.urgent_id }).await;
    let told = boss
        .event("live counts", |event| match event {
            Event::UrgentCounts(counts) if counts.confirmed == 1 => Some(counts.clone()),
            _ => None,
        })
        .await;
    assert_eq!(sum(&told), 3);

    // Who was away is told on coming; and it is over when the last one has confirmed.
    let mut bert = server.client("e1003").await;
    assert_eq!(popped_up(&mut bert).await.urgent_id, raised.urgent_id);
    let open = bert.must(GetUrgents { list: UrgentList::Open, ..GetUrgents::default() }).await;
    assert_eq!((open.open_count, open.urgents.len()), (1, 1));
    bert.must(ConfirmUrgent { urgent_id: raised.urgent_id }).await;
    let mut clara = server.client("e1004").await;
    clara.must(ConfirmUrgent { urgent_id: raised.urgent_id }).await;
    let last = boss
        .event("the end", |event| match event {
            Event::UrgentCounts(counts) if counts.over.is_some() => Some(counts.clone()),
            _ => None,
        })
        .await;
    assert_eq!((last.confirmed, last.over), (3, Some(UrgentOverWhy::Confirmed)));
    let page =
        boss.must(GetUrgentPeople { urgent_id: raised.urgent_id, standing: UrgentStanding::Confirmed, ..GetUrgentPeople::default() }).await;
    let names: Vec<&str> = page.people.iter().map(|one| one.person.user_id.as_str()).collect();
    assert_eq!((page.total, names), (3, vec!["e1002", "e1003", "e1004"]));
    let mine = boss.must(GetUrgents { list: UrgentList::Raised, ..GetUrgents::default() }).await;
    assert_eq!(mine.urgents[0].counts.as_ref().map(|counts| counts.confirmed), Some(3));
    let confirmed = anna.must(GetUrgents { list: UrgentList::Confirmed, ..GetUrgents::default() }).await;
    assert_eq!((confirmed.urgents.len(), confirmed.open_count), (1, 0));
    assert_eq!(server.metric("urgent_open").await, 0.0);
}

#[tokio::test]
async fn it_comes_again_for_those_who_have_not_confirmed() {
    let server = Server::start().await;
    let mut boss = server.client("e1001").await;
    let mut anna = server.client("e1002").await;
    let mut bert = server.client("e1003").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003"]).await;
    let sent = boss.say(chat, "Close valve 7 now").await;
    let remind = UrgentStep { way: UrgentWay::Remind, after_ms: 10_000, every_ms: None, times: None };
    let raise = RaiseUrgent { ladder: vec![remind], ..for_everyone(sent.message_id, "u1") };
    let raised = boss.must(raise).await;
    for client in [&mut anna, &mut bert] {
        assert_eq!(popped_up(client).await.reminder, 0);
    }
    bert.must(ConfirmUrgent { urgent_id: raised.urgent_id }).await;
    let reminded = popped_up(&mut anna).await;
    assert_eq!((reminded.reminder, reminded.standing), (1, UrgentStanding::Pending));
    let to_bert = bert.events_within(Duration::from_millis(500)).await;
    assert!(!to_bert.iter().any(|event| matches!(event, Event::Urgent(_))), "nobody is reminded after confirming: {to_bert:?}");
    let report = boss.must(GetUrgentReport { urgent_id: raised.urgent_id }).await;
    assert_eq!(report.timeline.iter().map(|deed| (deed.way, deed.people)).collect::<Vec<_>>(), [(None, 2), (Some(UrgentWay::Remind), 1)]);
}

#[tokio::test]
async fn nothing_of_an_urgent_is_lost_when_the_server_is_killed() {
    let mut server = Server::start().await;
    let mut boss = server.client("e1001").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003", "e1004", "e1005"]).await;
    let sent = boss.say(chat, "Close valve 7 now").await;
    let remind = UrgentStep { way: UrgentWay::Remind, after_ms: 10_000, every_ms: None, times: None };
    let raised = boss.must(RaiseUrgent { ladder: vec![remind], ..for_everyone(sent.message_id, "u1") }).await;
    for (number, login) in ["e1002", "e1003"].into_iter().enumerate() {
        let mut client = server.client(login).await;
        popped_up(&mut client).await;
        client.must(ConfirmUrgent { urgent_id: raised.urgent_id }).await;
        server.kill_and_restart().await;
        let mut boss = server.client("e1001").await;
        let now = counts(&mut boss, raised.urgent_id).await;
        assert_eq!((now.confirmed, sum(&now)), (number as u32 + 1, 4));
    }
    let mut dora = server.client("e1005").await;
    assert_eq!(popped_up(&mut dora).await.urgent_id, raised.urgent_id);
    while popped_up(&mut dora).await.reminder != 1 {}
    let mut anna = server.client("e1002").await;
    assert!(!anna.events_within(Duration::from_millis(300)).await.iter().any(|event| matches!(event, Event::Urgent(_))));
    let mut boss = server.client("e1001").await;
    let again = boss.must(for_everyone(sent.message_id, "u1")).await;
    assert_eq!(again.urgent_id, raised.urgent_id, "the same one after two crashes");
    server.terminate().await;
    let audit = server.operator(&["check"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[tokio::test]
async fn it_ends_with_its_message_its_chat_or_its_raiser() {
    let server = Server::start().await;
    let mut boss = server.client("e1001").await;
    let mut anna = server.client("e1002").await;
    let mut bert = server.client("e1003").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003"]).await;

    let sent = boss.say(chat, "one").await;
    let recalled = boss.must(for_everyone(sent.message_id, "u1")).await;
    popped_up(&mut anna).await;
    boss.must(Recall { message_id: sent.message_id }).await;
    assert_eq!(over(&mut anna).await, (recalled.urgent_id, UrgentOverWhy::Recalled));

    let sent = boss.say(chat, "two").await;
    let cancelled = boss.must(for_everyone(sent.message_id, "u2")).await;
    popped_up(&mut anna).await;
    assert_eq!(anna.refused(CancelUrgent { urgent_id: cancelled.urgent_id }).await, 2100, "only who may see the report");
    boss.must(CancelUrgent { urgent_id: cancelled.urgent_id }).await;
    assert_eq!(over(&mut anna).await, (cancelled.urgent_id, UrgentOverWhy::Cancelled));
    assert_eq!(anna.refused(ConfirmUrgent { urgent_id: cancelled.urgent_id }).await, 2102);

    let sent = boss.say(chat, "three").await;
    let left = boss.must(for_everyone(sent.message_id, "u3")).await;
    while popped_up(&mut bert).await.urgent_id != left.urgent_id {}
    bert.must(Leave { chat_id: chat }).await;
    while over(&mut bert).await != (left.urgent_id, UrgentOverWhy::Left) {}
    let now = counts(&mut boss, left.urgent_id).await;
    assert_eq!((now.pending, now.failed), (1, 1));
    // Who comes later is not asked: the audience is that of the moment.
    boss.must(AddMembers { chat_id: chat, user_ids: vec!["e1004".into()], ..AddMembers::default() }).await;
    let mut clara = server.client("e1004").await;
    assert_eq!(clara.refused(ConfirmUrgent { urgent_id: left.urgent_id }).await, 2100);
    assert_eq!(sum(&counts(&mut boss, left.urgent_id).await), 2);
}

#[tokio::test]
async fn whom_it_is_for_is_chosen_and_who_is_left_out_is_told() {
    let server = Server::start().await;
    let mut boss = server.client("e1001").await;
    let mut anna = server.client("e1002").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003"]).await;
    let sent = boss.say(chat, "read me").await;
    let people = UrgentAudience::People(UrgentPeople { user_ids: vec!["e1002".into(), "e1009".into(), "nobody".into(), "e1001".into()] });
    let raised = boss.must(RaiseUrgent { audience: people, ..for_everyone(sent.message_id, "u1") }).await;
    assert_eq!((raised.audience_count, raised.left_out_count), (1, 2));
    let reasons: Vec<_> = raised.left_out.iter().map(|one| (one.user_id.as_str(), one.reason)).collect();
    assert_eq!(reasons, [("nobody", Some(UrgentLeftOutWhy::Nobody)), ("e1009", Some(UrgentLeftOutWhy::NotAMember))]);
    let unread = |id: &str| RaiseUrgent { audience: UrgentAudience::Unread(UnreadMembers {}), ..for_everyone(sent.message_id, id) };
    anna.must(protocol::command::ReceiptUpTo { chat_id: chat, read_seq: Some(sent.seq), delivered_seq: None }).await;
    assert_eq!(boss.must(unread("u2")).await.audience_count, 1, "exactly those who have not read");
    let nobody = UrgentAudience::People(UrgentPeople { user_ids: vec!["e1009".into()] });
    assert_eq!(boss.refused(RaiseUrgent { audience: nobody, ..for_everyone(sent.message_id, "u3") }).await, 2101);
    let soon = UrgentStep { way: UrgentWay::Remind, after_ms: 9_999, every_ms: None, times: None };
    assert_eq!(boss.refused(RaiseUrgent { ladder: vec![soon], ..for_everyone(sent.message_id, "u4") }).await, 1004);
    let often = UrgentStep { way: UrgentWay::Remind, after_ms: 10_000, every_ms: Some(10_000), times: Some(65) };
    assert_eq!(boss.refused(RaiseUrgent { ladder: vec![often], ..for_everyone(sent.message_id, "u5") }).await, 1003);
    let other = boss.say(chat, "another").await;
    assert_eq!(boss.refused(for_everyone(other.message_id, "u1")).await, 2009, "an id is used for one message");
}

#[tokio::test]
async fn hundreds_who_confirm_together_are_all_counted() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "100000")]).await;
    let mut boss = server.client("e1001").await;
    let people: Vec<String> = (2..=60).map(|number| format!("e10{number:02}")).collect();
    let chat = group(&mut boss, "Everybody", &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut clients = Vec::new();
    for login in &people {
        let token = server.operator_token(login, &format!("device-of-{login}"));
        clients.push(Client::welcomed(server.address(), &token, &format!("device-of-{login}"), Encoding::Msgpack).await);
    }
    let mut urgents = Vec::new();
    for number in 0..5 {
        let sent = boss.say(chat, &format!("order {number}")).await;
        urgents.push(boss.must(for_everyone(sent.message_id, &format!("u{number}"))).await);
    }
    let confirming = clients.iter_mut().map(async |client| {
        for urgent in &urgents {
            client.must(ConfirmUrgent { urgent_id: urgent.urgent_id }).await;
        }
    });
    futures_util::future::join_all(confirming).await;
    for urgent in &urgents {
        let now = counts(&mut boss, urgent.urgent_id).await;
        assert_eq!((now.confirmed, sum(&now), now.over), (people.len() as u32, people.len() as u32, now.over));
    }
    assert_eq!(server.metric("urgent_confirmed_total").await, 5.0 * people.len() as f64);
}

#[tokio::test]
async fn whoever_confirms_while_it_is_being_ended_is_counted_or_told_that_it_is_over() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "100000")]).await;
    let mut boss = server.client("e1001").await;
    let people: Vec<String> = (2..=12).map(|number| format!("e10{number:02}")).collect();
    let chat = group(&mut boss, "Everybody", &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut clients = Vec::new();
    for login in &people {
        clients.push(server.client(login).await);
    }
    let (mut counted, mut told_over) = (0, 0);
    // Both at the same moment, again and again: now the one comes first, now the other.
    for number in 0..30u32 {
        let sent = boss.say(chat, &format!("order {number}")).await;
        let urgent_id = boss.must(for_everyone(sent.message_id, &format!("u{number}"))).await.urgent_id;
        let confirming = clients.iter_mut().zip(0..).map(async |(client, place): (&mut Client, u32)| {
            tokio::time::sleep(Duration::from_millis(place.into())).await;
            match client.ask(ConfirmUrgent { urgent_id }).await {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.code, 2102, "{error:?}");
                    false
                }
            }
        });
        let cancelling = async {
            tokio::time::sleep(Duration::from_millis(2 + u64::from(number % 10))).await;
            boss.must(CancelUrgent { urgent_id }).await;
        };
        let ((), taken) = tokio::join!(cancelling, futures_util::future::join_all(confirming));
        let taken = taken.into_iter().filter(|taken| *taken).count() as u32;
        assert_eq!(counts(&mut boss, urgent_id).await.confirmed, taken, "what was taken is counted, in round {number}");
        counted += taken;
        told_over += people.len() as u32 - taken;
    }
    assert!(counted > 0 && told_over > 0, "{counted} counted, {told_over} told that it is over: neither came first at times");
}
