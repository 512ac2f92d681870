//! Who changed what through the open API can be read later, by who may, and holds nothing that people wrote.

use crate::support::app::{APP, App, OTHER_APP};
use crate::support::{PATIENCE, Server, http};
use protocol::command::{AddCustomBot, CancelUrgent, CreateGroup, RaiseUrgent};
use protocol::urgent::{UrgentStep, UrgentWay};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Entries that fit the query, once there are at least so many.
async fn entries(app: &App, query: &str, least: usize) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let data = app.must(Method::GET, &format!("clarion/v1/audit?sort_type=ByCreateTimeAsc&{query}"), json!({})).await;
        let items = data["items"].as_array().expect("items").clone();
        if items.len() >= least {
            return items;
        }
        assert!(start.elapsed() < PATIENCE, "{least} entries of `{query}` do not come: {items:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn who_changed_what_is_kept_over_a_crash_and_tells_nothing_that_was_said() {
    let mut server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let chat = app.group(&["e1001", "e1002"]).await;
    let sent = app.send(&chat, "text", json!({ "text": "the password is swordfish" })).await;
    let refused = other.refused(Method::DELETE, &format!("im/v1/chats/{chat}"), json!({})).await;
    app.must(Method::GET, &format!("im/v1/chats/{chat}"), json!({})).await;

    let told = entries(&app, &format!("target_id={chat}"), 3).await;
    let calls: Vec<(&str, &str)> =
        told.iter().map(|entry| (entry["app_id"].as_str().expect("an app"), entry["call"].as_str().expect("a call"))).collect();
    assert_eq!(
        calls,
        [(APP.0, "POST im/v1/chats"), (APP.0, "POST im/v1/messages"), (OTHER_APP.0, "DELETE im/v1/chats/:chat_id")],
        "reading is no change"
    );
    assert_eq!((&told[0]["outcome"], &told[0]["code"], &told[0]["address"]), (&json!("done"), &json!(0), &json!("127.0.0.1")));
    assert_eq!((&told[0]["body"]["name"], &told[0]["body"]["user_id_list"]), (&json!("Lager"), &json!(["e1001", "e1002"])));
    assert!(told[1]["target_ids"].as_array().expect("ids").contains(&sent["message_id"]), "{}", told[1]);
    assert_eq!((&told[2]["outcome"], &told[2]["code"]), (&json!("refused"), &json!(refused)));
    assert!(!json!(told).to_string().contains("swordfish"));

    server.kill_and_restart().await;
    let app = app.at(&server);
    assert_eq!(entries(&app, &format!("target_id={chat}"), 3).await, told);
    assert_eq!(entries(&app, "call=DELETE%20im/v1/chats/:chat_id", 1).await, told[2..]);
    assert!(entries(&app, "start_time=4000000000", 0).await.is_empty());
    assert_eq!(other.at(&server).refused(Method::GET, "clarion/v1/audit", json!({})).await, 99_991_672, "only an app that may administer");
}

#[tokio::test]
async fn the_log_is_read_page_by_page_while_it_grows() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001"]).await;
    let (mut seen, mut token) = (Vec::new(), String::new());
    let start = Instant::now();
    for round in 0.. {
        if round < 20 {
            app.send(&chat, "text", json!({ "text": "more" })).await;
        }
        let path = format!("clarion/v1/audit?sort_type=ByCreateTimeAsc&page_size=3{token}");
        let page = app.must(Method::GET, &path, json!({})).await;
        seen.extend(page["items"].as_array().expect("items").iter().map(|entry| entry["log_id"].clone()));
        match page["page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            // An entry is written a moment after the answer.
            None if seen.len() >= 21 || start.elapsed() > PATIENCE => break,
            // Begins anew at the same place: what was on this page comes again.
            None => seen.truncate(seen.len() - page["items"].as_array().map_or(0, Vec::len)),
        }
    }
    assert_eq!(seen.len(), 21, "one group and twenty messages");
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, seen);
    let newest = app.must(Method::GET, "clarion/v1/audit?page_size=1", json!({})).await;
    assert_eq!(&newest["items"][0]["log_id"], seen.last().expect("entries"));
    assert_eq!(app.refused(Method::GET, &format!("clarion/v1/audit?sort_type=ByCreateTimeDesc{token}"), json!({})).await, 99_992_402);
}

#[tokio::test]
async fn what_comes_to_a_groups_own_bot_is_in_it_without_the_address() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let app = App::of(&server, APP).await;
    let group =
        CreateGroup { client_message_id: "make".into(), name: "Plant".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() };
    let chat_id = owner.must(group).await.chat_id;
    let bot = owner.must(AddCustomBot { chat_id, client_message_id: "bot".into(), name: "Alarms".into(), ..AddCustomBot::default() }).await;
    let url = bot.url.expect("the owner sees the address");
    let post = async |body: Value| http().post(&url).body(body.to_string()).send().await.expect("the server answers").status();
    assert_eq!(post(json!({ "msg_type": "text", "content": { "text": "swordfish" } })).await, 200);
    assert_eq!(post(json!({ "msg_type": "song", "content": {} })).await, 400);

    let told = entries(&app, &format!("target_id={chat_id}"), 2).await;
    let outcomes: Vec<(&Value, &Value)> = told.iter().map(|entry| (&entry["call"], &entry["code"])).collect();
    assert_eq!(outcomes, [(&json!("POST bot/v2/hook/:token"), &json!(0)), (&json!("POST bot/v2/hook/:token"), &json!(19_002))]);
    assert_eq!(told[0]["target_ids"], json!([chat_id, bot.bot.user_id]));
    let said = json!(told).to_string();
    let secret = url.rsplit('/').next().expect("an address has an end");
    assert!(!said.contains("swordfish") && !said.contains(secret), "{said}");
}

#[tokio::test]
async fn who_raises_and_ends_urgents_in_a_client_is_in_it() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let (mut owner, mut member) = (server.client("e1001").await, server.client("e1002").await);
    let chat = crate::urgent::group(&mut owner, "Night shift", &["e1002", "e1003"]).await;
    let sent = owner.say(chat, "the password is swordfish").await;
    let ladder = vec![UrgentStep { way: UrgentWay::Remind, after_ms: 300_000, every_ms: None, times: None }];
    let raise = RaiseUrgent { ladder, ..crate::urgent::for_everyone(sent.message_id, "u1") };
    let urgent_id = owner.must(raise).await.urgent_id;
    let not_raised = member.refused(crate::urgent::for_everyone(sent.message_id, "u2")).await;
    let not_ended = member.refused(CancelUrgent { urgent_id }).await;
    owner.must(CancelUrgent { urgent_id }).await;

    let told = entries(&app, "user_id=e1001", 2).await;
    let calls: Vec<_> = told.iter().map(|entry| (&entry["call"], &entry["outcome"], &entry["code"])).collect();
    assert_eq!(calls, [(&json!("raise_urgent"), &json!("done"), &json!(0)), (&json!("cancel_urgent"), &json!("done"), &json!(0))]);
    assert_eq!(told[0]["target_ids"], json!([sent.message_id, urgent_id]));
    assert_eq!(told[1]["target_ids"], json!([urgent_id]));
    let body =
        json!({ "audience": "everyone", "ladder": [{ "way": "remind", "after_ms": 300_000 }], "steps": 1, "break_quiet_hours": false });
    assert_eq!(told[0]["body"], body);
    assert!(told[0]["device_id"].as_str().is_some_and(|device| !device.is_empty()) && told[0].get("app_id").is_none(), "{}", told[0]);
    let refused = entries(&app, "user_id=e1002", 2).await;
    let codes: Vec<_> = refused.iter().map(|entry| (&entry["call"], &entry["code"])).collect();
    assert_eq!(codes, [(&json!("raise_urgent"), &json!(not_raised)), (&json!("cancel_urgent"), &json!(not_ended))]);
    assert_eq!(entries(&app, &format!("target_id={urgent_id}"), 3).await.len(), 3, "whoever it was");
    assert!(!json!([told, refused]).to_string().contains("swordfish"));
}
