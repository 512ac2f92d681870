//! Steps that providers do: once for each person and step, for everybody who has not confirmed, whatever dies meanwhile.

use crate::support::Server;
use crate::support::app::{APP, App, message_id};
use crate::urgent::{counts, for_everyone, group, popped_up};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use protocol::command::{ConfirmUrgent, GetUrgentPeople, GetUrgentReport, RaiseUrgent};
use protocol::urgent::{UrgentLeftOutWhy, UrgentNotReached, UrgentStanding, UrgentStep, UrgentWay};
use reqwest::Method;
use serde_json::json;
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const SECRET: &str = "shared with the provider";

/// A provider that remembers every call, and is not there at times.
#[derive(Default)]
struct Provider {
    /// Tries by key.
    tries: BTreeMap<String, u32>,
    /// What was sent: way, person, key.
    sent: Vec<(String, String, String)>,
    /// Answer the first try of each key with 503.
    refuses_first: bool,
}

async fn called(State(provider): State<Arc<Mutex<Provider>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key");
    mac.update(format!("{}.", header("x-clarion-timestamp")).as_bytes());
    mac.update(&body);
    assert_eq!(header("x-clarion-signature"), hex::encode(mac.finalize().into_bytes()));
    let call: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(header("idempotency-key"), text("idempotency_key"));
    assert!(call["text"] == "Close valve 7 now" && call["chat_name"] == "Night shift", "{call}");
    let mut provider = provider.lock().expect("no call panics");
    let tries = provider.tries.entry(text("idempotency_key")).or_default();
    *tries += 1;
    let first = *tries == 1;
    if first && provider.refuses_first {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let key = text("idempotency_key");
    if !provider.sent.iter().any(|(_, _, sent)| *sent == key) {
        provider.sent.push((text("way"), text("user_id"), key));
    }
    StatusCode::OK
}

async fn provider(refuses_first: bool) -> (Arc<Mutex<Provider>>, String) {
    let provider = Arc::new(Mutex::new(Provider { refuses_first, ..Provider::default() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/call", listener.local_addr().expect("an address"));
    let router = Router::new().route("/call", post(called)).with_state(provider.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (provider, url)
}

fn step(way: UrgentWay, after_ms: u64) -> UrgentStep {
    UrgentStep { way, after_ms, every_ms: None, times: None }
}

fn people_of(provider: &Mutex<Provider>, way: &str) -> Vec<String> {
    let provider = provider.lock().expect("no call panics");
    let mut people: Vec<String> = provider.sent.iter().filter(|(sent, ..)| sent == way).map(|(_, user_id, _)| user_id.clone()).collect();
    people.sort();
    people
}

#[tokio::test]
async fn each_paid_step_goes_out_once_for_each_who_has_not_confirmed_though_the_server_is_killed_again_and_again() {
    let (provider, url) = provider(true).await;
    let settings =
        [("CLARION_URGENT_SMS_URL", url.as_str()), ("CLARION_URGENT_PHONE_URL", &url), ("CLARION_URGENT_PROVIDER_SECRET", SECRET)];
    let mut server = Server::start_with(&settings).await;
    let mut boss = server.client("e1001").await;
    let people: Vec<String> = (2..=12).map(|number| format!("e10{number:02}")).collect();
    let chat = group(&mut boss, "Night shift", &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let sent = boss.say(chat, "Close valve 7 now").await;
    let ladder = vec![
        step(UrgentWay::Sms, 10_000),
        step(UrgentWay::Remind, 10_500),
        step(UrgentWay::Phone, 14_000),
        step(UrgentWay::Manager, 14_000),
    ];
    let urgent_id = boss.must(RaiseUrgent { ladder, ..for_everyone(sent.message_id, "u1") }).await.urgent_id;
    let raised = Instant::now();
    let mut early = server.client("e1002").await;
    popped_up(&mut early).await;
    early.must(ConfirmUrgent { urgent_id }).await;
    tokio::time::sleep_until((raised + Duration::from_millis(9_700)).into()).await;
    let mut confirmed_between = false;
    for round in 0..9 {
        server.kill_and_restart().await;
        if !confirmed_between && raised.elapsed() > Duration::from_millis(12_000) {
            let mut late = server.client("e1003").await;
            late.must(ConfirmUrgent { urgent_id }).await;
            confirmed_between = true;
        }
        tokio::time::sleep(Duration::from_millis(150 + 170 * round)).await;
    }
    let reached = async |way: &str, count: usize| {
        let until = Instant::now() + Duration::from_secs(40);
        while people_of(&provider, way).len() < count && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    reached("sms", 9).await;
    reached("phone", 9).await;
    let mut boss = server.client("e1001").await;
    // What has an outcome is written down soon after the last call.
    let done = |report: &protocol::command::UrgentReport| {
        report.timeline.iter().filter(|deed| matches!(deed.way, Some(UrgentWay::Sms | UrgentWay::Phone))).all(|deed| deed.reached >= 9)
    };
    let until = Instant::now() + Duration::from_secs(20);
    let mut report = boss.must(GetUrgentReport { urgent_id }).await;
    while !done(&report) && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
        report = boss.must(GetUrgentReport { urgent_id }).await;
    }
    assert!(done(&report), "{:?}", report.timeline);
    for way in ["sms", "phone"] {
        let reached = people_of(&provider, way);
        let once: BTreeSet<&String> = reached.iter().collect();
        assert_eq!(once.len(), reached.len(), "{way} goes out once for each person: {reached:?}");
        assert!(!reached.contains(&"e1002".to_owned()), "nobody is reminded after confirming");
        let missing: Vec<&String> = people[2..].iter().filter(|user_id| !reached.contains(user_id)).collect();
        assert!(missing.is_empty(), "{way} was skipped for {missing:?}");
    }
    assert!(confirmed_between && !people_of(&provider, "phone").contains(&"e1003".to_owned()));
    let now = counts(&mut boss, urgent_id).await;
    assert_eq!((now.confirmed, now.pending + now.delivered + now.shown + now.confirmed + now.failed), (2, 11));
    let ways: Vec<_> = report.timeline.iter().filter_map(|deed| deed.way).collect();
    assert_eq!(ways, [UrgentWay::Sms, UrgentWay::Remind, UrgentWay::Phone, UrgentWay::Manager]);
    server.terminate().await;
    let audit = server.operator(&["check"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[tokio::test]
async fn quotas_and_rules_and_missing_providers_are_told_to_who_raises_it() {
    let (provider, url) = provider(false).await;
    let settings = [
        ("CLARION_URGENT_SMS_URL", url.as_str()),
        ("CLARION_URGENT_PROVIDER_SECRET", SECRET),
        ("CLARION_URGENT_SMS_PER_PERSON", "2"),
        ("CLARION_URGENT_QUIET_HOURS_BROKEN_BY", "e1005"),
        ("CLARION_URGENT_RULES", "deny e1001 to e1004, allow * to *"),
    ];
    let server = Server::start_with(&settings).await;
    let mut boss = server.client("e1001").await;
    let chat = group(&mut boss, "Night shift", &["e1002", "e1003", "e1004", "e1005", "e1006"]).await;
    let sent = boss.say(chat, "Close valve 7 now").await;
    let with = |way: UrgentWay, id: &str| RaiseUrgent { ladder: vec![step(way, 10_000)], ..for_everyone(sent.message_id, id) };
    assert_eq!(boss.refused(with(UrgentWay::Phone, "u1")).await, 1004, "no provider for calls");
    assert_eq!(boss.refused(RaiseUrgent { break_quiet_hours: true, ..with(UrgentWay::Sms, "u2") }).await, 2002);
    let raised = boss.must(with(UrgentWay::Sms, "u3")).await;
    assert_eq!((raised.audience_count, raised.left_out.len()), (4, 1), "a rule leaves one out: {:?}", raised.left_out);
    assert_eq!((raised.left_out[0].user_id.as_str(), raised.left_out[0].reason), ("e1004", Some(UrgentLeftOutWhy::Rule)));
    let until = Instant::now() + Duration::from_secs(20);
    while people_of(&provider, "sms").len() < 2 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(people_of(&provider, "sms"), ["e1002", "e1003"], "as many as the quota allows");
    let report = boss.must(GetUrgentReport { urgent_id: raised.urgent_id }).await;
    let deed = report.timeline.iter().find(|deed| deed.way == Some(UrgentWay::Sms)).expect("the step has begun");
    assert_eq!((deed.people, deed.reached, deed.failed), (4, 2, 2));
    let page =
        boss.must(GetUrgentPeople { urgent_id: raised.urgent_id, standing: UrgentStanding::Pending, ..GetUrgentPeople::default() }).await;
    let told: Vec<_> =
        page.people.iter().map(|one| (one.person.user_id.as_str(), one.why.as_deref(), one.failed_way, one.reason)).collect();
    let reached = |user_id| (user_id, None, None, None);
    let over = |user_id| (user_id, Some("sms: the quota is used up"), Some(UrgentWay::Sms), Some(UrgentNotReached::Quota));
    assert_eq!(told, [reached("e1002"), reached("e1003"), over("e1005"), over("e1006")]);
    assert_eq!(boss.refused(with(UrgentWay::Sms, "u4")).await, 2103, "the quota is used up");
}

/// A provider that takes its time, and looks how it is called.
#[derive(Default)]
struct Watch {
    takes: Duration,
    now: usize,
    most_at_once: usize,
    came: Vec<Instant>,
}

async fn watched(State(watch): State<Arc<Mutex<Watch>>>) -> StatusCode {
    let takes = {
        let mut watch = watch.lock().expect("no call panics");
        watch.came.push(Instant::now());
        watch.now += 1;
        watch.most_at_once = watch.most_at_once.max(watch.now);
        watch.takes
    };
    tokio::time::sleep(takes).await;
    watch.lock().expect("no call panics").now -= 1;
    StatusCode::OK
}

/// Has so many people pushed to at once, by a provider that is called within these bounds.
async fn pushed(people: usize, takes: Duration, per_second: &str, at_once: &str) -> Watch {
    let watch = Arc::new(Mutex::new(Watch { takes, ..Watch::default() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/call", listener.local_addr().expect("an address"));
    let router = Router::new().route("/call", post(watched)).with_state(watch.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = [
        ("CLARION_URGENT_PUSH_URL", url.as_str()),
        ("CLARION_URGENT_PROVIDER_CALLS_PER_SECOND", per_second),
        ("CLARION_URGENT_PROVIDER_CALLS_AT_ONCE", at_once),
    ];
    let server = Server::start_with(&settings).await;
    let app = App::of(&server, APP).await;
    let who: Vec<String> = (0..people).map(|number| format!("e1{:03}", number + 1)).collect();
    let chat = app.group(&who.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let message = message_id(&app.send(&chat, "text", json!({ "text": "Close valve 7 now" })).await);
    let urgent = json!({ "message_id": message, "audience": { "everyone": true }, "ladder": [{ "way": "push", "after_ms": 0 }] });
    let urgent = app.must(Method::POST, "clarion/v1/urgents", urgent).await;
    let path = format!("clarion/v1/urgents/{}", urgent["urgent_id"].as_str().expect("an urgent_id"));
    let start = Instant::now();
    while app.must(Method::GET, &path, json!({})).await["timeline"][1]["reached"] != people {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the provider was called {} times",
            watch.lock().expect("no call panics").came.len()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::mem::take(&mut *watch.lock().expect("no call panics"))
}

#[tokio::test]
async fn a_provider_has_no_more_calls_at_once_than_the_operator_allows() {
    let watch = pushed(24, Duration::from_millis(200), "1000", "3").await;
    assert_eq!((watch.most_at_once, watch.came.len()), (3, 24), "as many as allowed, and each person once");
}

#[tokio::test]
async fn a_provider_gets_no_more_calls_a_second_than_the_operator_allows() {
    let watch = pushed(40, Duration::ZERO, "10", "64").await;
    assert_eq!(watch.came.len(), 40, "each person once");
    // A second's worth may have been saved up; beyond that it is ten in each second, over any stretch of time.
    for (first, began) in watch.came.iter().enumerate() {
        for (last, came) in watch.came.iter().enumerate().skip(first) {
            let allowed = 10.0 + 10.0 * (*came - *began).as_secs_f64() + 1.0;
            assert!((last - first + 1) as f64 <= allowed, "{} calls in {:?}", last - first + 1, *came - *began);
        }
    }
}
