//! Urgents of business systems: the platform's three calls as its SDKs make them, and this server's own with ladder, report and end.

use crate::support::app::{APP, App, OTHER_APP, message_id};
use crate::support::{Client, Server};
use crate::urgent::{over, popped_up};
use protocol::command::{ConfirmUrgent, ReceiptUpTo, UrgentGot};
use protocol::urgent::UrgentOverWhy;
use reqwest::Method;
use serde_json::{Value, json};

const OWN: &str = "clarion/v1/urgents";

/// A message of the app in a chat.
async fn said(app: &App, chat: &str, text: &str) -> String {
    message_id(&app.send(chat, "text", json!({ "text": text })).await)
}

fn urge(message: &str, way: &str) -> String {
    format!("im/v1/messages/{message}/urgent_{way}?user_id_type=user_id")
}

/// The ids that could not be reached.
async fn urged(app: &App, message: &str, ids: Value) -> Value {
    app.must(Method::PATCH, &urge(message, "app"), json!({ "user_id_list": ids })).await["invalid_user_id_list"].clone()
}

async fn not_urged(app: &App, message: &str, ids: Value) -> u64 {
    app.refused(Method::PATCH, &urge(message, "app"), json!({ "user_id_list": ids })).await
}

async fn raised(app: &App, body: Value) -> Value {
    app.must(Method::POST, &format!("{OWN}?user_id_type=user_id"), body).await
}

async fn not_raised(app: &App, body: Value) -> u64 {
    app.refused(Method::POST, &format!("{OWN}?user_id_type=user_id"), body).await
}

async fn report(app: &App, urgent_id: &str) -> Value {
    app.must(Method::GET, &format!("{OWN}/{urgent_id}?user_id_type=user_id"), json!({})).await
}

fn id(raised: &Value) -> String {
    raised["urgent_id"].as_str().expect("an urgent_id").to_owned()
}

/// Waits for the pop-up and confirms it.
async fn confirm(client: &mut Client) {
    let urgent_id = popped_up(client).await.urgent_id;
    client.must(UrgentGot { urgent_ids: vec![urgent_id], shown: true }).await;
    client.must(ConfirmUrgent { urgent_id }).await;
}

/// Everybody who stands at a place, by pages of this size.
async fn standing(app: &App, urgent_id: &str, place: &str, size: usize) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("{OWN}/{urgent_id}/people?user_id_type=user_id&standing={place}&page_size={size}{token}");
        let page = app.must(Method::GET, &path, json!({})).await;
        found.extend(page["items"].as_array().expect("items").iter().map(|one| {
            assert_eq!((&one["standing"], &one["user_id_type"]), (&json!(place), &json!("user_id")));
            one["user_id"].as_str().expect("an id").to_owned()
        }));
        match page["page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => {
                assert_eq!(page["total"], found.len());
                return found;
            }
        }
    }
}

#[tokio::test]
async fn a_bots_message_stands_before_people_until_they_confirm() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut anna = server.client("e1002").await;
    let chat = app.group(&["e1001", "e1002", "e1003"]).await;
    let message = said(&app, &chat, "Close valve 7 now").await;
    let invalid = urged(&app, &message, json!(["e1002", "nobody", "e1009", "e1002", "e1001", "nobody", APP.0])).await;
    assert_eq!(invalid, json!(["nobody", "e1009", APP.0]), "each once, and the rest is urged");
    confirm(&mut anna).await;
    let list = app.must(Method::GET, OWN, json!({})).await;
    let urgent = &list["items"][0];
    assert_eq!((&urgent["message_id"], &urgent["chat_id"], &urgent["state"]), (&json!(message), &json!(chat), &json!("open")));
    assert_eq!((&urgent["raised_by_id"], &urgent["raised_by_id_type"]), (&json!(APP.0), &json!("app_id")));
    let counts = json!({ "audience": 2, "pending": 1, "delivered": 0, "shown": 0, "confirmed": 1, "failed": 0 });
    assert_eq!(urgent["counts"], counts);
    assert_eq!(standing(&app, &id(urgent), "confirmed", 20).await, ["e1002"]);
    assert_eq!(standing(&app, &id(urgent), "pending", 20).await, ["e1001"]);

    // By open_id, and to one person alone.
    let open_id = app.open_id("e1002").await;
    let body = json!({ "receive_id": open_id, "msg_type": "text", "content": json!({ "text": "and you" }).to_string() });
    let direct = message_id(&app.must(Method::POST, "im/v1/messages?receive_id_type=open_id", body).await);
    let path = format!("im/v1/messages/{direct}/urgent_app?user_id_type=open_id");
    let stranger = app.open_id("e1001").await;
    let reply = app.must(Method::PATCH, &path, json!({ "user_id_list": [open_id, stranger] })).await;
    assert_eq!(reply["invalid_user_id_list"], json!([stranger]));
    assert_eq!(popped_up(&mut anna).await.chat_name, None);

    // The same call again with a uuid is one urgent; without, each is one of its own.
    let list = async |app: &App| app.must(Method::GET, OWN, json!({})).await["items"].as_array().expect("items").len();
    let before = list(&app).await;
    for _ in 0..2 {
        app.must(Method::PATCH, &urge(&message, "app"), json!({ "user_id_list": ["e1003"], "uuid": "once" })).await;
    }
    assert_eq!(list(&app).await, before + 1);
}

#[tokio::test]
async fn what_may_not_be_urgent_is_refused_as_the_platform_does() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let body = json!({ "name": "Lager", "user_id_list": ["e1001", "e1002"], "bot_id_list": [OTHER_APP.0] });
    let chat = app.must(Method::POST, "im/v1/chats?user_id_type=user_id", body).await["chat_id"].as_str().expect("a chat_id").to_owned();
    let message = said(&app, &chat, "mine").await;
    let theirs = said(&other, &chat, "theirs").await;
    let one = || json!(["e1001"]);
    assert_eq!(not_urged(&app, &theirs, one()).await, 230_012, "also where the bot owns the group");
    assert_eq!(not_urged(&other, &message, one()).await, 230_012);
    assert_eq!(not_urged(&app, &format!("om_{}", "0".repeat(32)), one()).await, 99_992_354);
    assert_eq!(not_urged(&app, &message, json!([])).await, 99_992_402);
    assert_eq!(not_urged(&app, &message, json!("e1001")).await, 99_992_402);
    assert_eq!(not_urged(&app, &message, json!(["nobody", "e1009", OTHER_APP.0])).await, 230_001, "nobody is left");
    let without_type = format!("im/v1/messages/{message}/urgent_app");
    assert_eq!(app.refused(Method::PATCH, &without_type, json!({ "user_id_list": one() })).await, 99_992_402);
    let many = json!({ "msg_type": "text", "content": { "text": "x" }, "user_ids": ["e1001"] });
    let batch = app.must(Method::POST, "message/v4/batch_send", many).await;
    assert_eq!(not_urged(&app, batch["message_id"].as_str().expect("a batch"), one()).await, 230_001);
    for way in ["sms", "phone"] {
        let (status, reply) = app.json(Method::PATCH, &urge(&message, way), json!({ "user_id_list": one() })).await;
        assert_eq!((status, &reply["code"]), (400, &json!(230_052)), "{reply}");
        let text = reply["msg"].as_str().expect("a text");
        assert!(text.contains("the operator sets") && text.contains(way), "it says what has to be set: {text}");
        let ladder = json!([{ "way": way, "after_ms": 60_000 }]);
        assert_eq!(not_raised(&app, json!({ "message_id": message, "audience": { "everyone": true }, "ladder": ladder })).await, 230_052);
    }

    let settings = format!("im/v1/chats/{chat}");
    app.must(Method::PUT, &settings, json!({ "urgent_setting": "only_owner" })).await;
    assert_eq!(not_urged(&other, &theirs, one()).await, 230_052, "the group leaves that to its owner");
    assert_eq!(urged(&app, &message, one()).await, json!([]));
    app.must(Method::PUT, &settings, json!({ "urgent_setting": "all_members" })).await;
    assert_eq!(urged(&other, &theirs, one()).await, json!([]));

    app.must(Method::DELETE, &format!("im/v1/messages/{message}"), json!({})).await;
    assert_eq!(not_urged(&app, &message, one()).await, 230_110);
    app.must(Method::DELETE, &format!("im/v1/chats/{chat}/members?member_id_type=app_id"), json!({ "id_list": [OTHER_APP.0] })).await;
    assert_eq!(not_urged(&other, &theirs, one()).await, 230_002);
    let last = said(&app, &chat, "the last").await;
    app.must(Method::DELETE, &format!("im/v1/chats/{chat}"), json!({})).await;
    assert_eq!(not_urged(&app, &last, one()).await, 232_009);
    let list = app.must(Method::GET, OWN, json!({})).await;
    assert_eq!(list["items"][0]["message_id"], json!(message), "what was refused has left nothing");
}

#[tokio::test]
async fn whom_the_app_may_not_see_it_does_not_urge() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001", "e1002"]).await;
    let message = said(&app, &chat, "mine").await;
    let done = server.operator(&["app", "range", APP.0, "--person", "e1001"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let start = std::time::Instant::now();
    while app.json(Method::GET, "contact/v3/users/e1002?user_id_type=user_id", json!({})).await.1["code"] != 41_050 {
        assert!(start.elapsed() < crate::support::PATIENCE, "the range does not come");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(not_urged(&app, &message, json!(["e1002", "nobody"])).await, 230_013);
    assert_eq!(urged(&app, &message, json!(["e1001", "e1002"])).await, json!(["e1002"]));
}

#[tokio::test]
async fn who_has_too_many_open_urgents_gets_no_more() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001", "e1002"]).await;
    let message = said(&app, &chat, "again").await;
    for _ in 0..200 {
        assert_eq!(urged(&app, &message, json!(["e1001"])).await, json!([]));
    }
    assert_eq!(not_urged(&app, &message, json!(["e1001"])).await, 230_023);
    assert_eq!(not_urged(&app, &message, json!(["e1001", "nobody"])).await, 230_023);
    assert_eq!(urged(&app, &message, json!(["e1001", "e1002"])).await, json!(["e1001"]));
    let everybody = json!({ "message_id": message, "audience": { "everyone": true } });
    let reply = raised(&app, everybody).await;
    assert_eq!((&reply["audience_count"], &reply["left_out"][0]["user_id"]), (&json!(1), &json!("e1001")));
    let mut person = server.client("e1001").await;
    confirm(&mut person).await;
    assert_eq!(urged(&app, &message, json!(["e1001"])).await, json!([]), "one was confirmed, so that there is room");
}

#[tokio::test]
async fn hundreds_of_thousands_of_ids_are_taken_in_one_call() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let people: Vec<String> = (1..=60).map(|number| format!("e{}", 1_000 + number)).collect();
    let chat = app.group(&people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let message = said(&app, &chat, "to all of you").await;
    let unknown: Vec<String> = (0..300_000).map(|number| format!("nobody-{number}")).collect();
    let ids: Vec<&String> = people.iter().chain(&unknown[..150_000]).chain(&people).chain(&unknown).collect();
    let reply = app.must(Method::PATCH, &urge(&message, "app"), json!({ "user_id_list": &ids[..500_000.min(ids.len())] })).await;
    assert_eq!(reply["invalid_user_id_list"], json!(unknown), "each once, in their order");
    let list = app.must(Method::GET, OWN, json!({})).await;
    let counts = &list["items"][0]["counts"];
    assert_eq!((&counts["audience"], &counts["pending"]), (&json!(60), &json!(60)));
    assert_eq!(standing(&app, &id(&list["items"][0]), "pending", 7).await, people, "pages neither skip nor repeat");

    let own = json!({ "message_id": message, "audience": { "user_ids": people.iter().chain(&unknown).collect::<Vec<_>>() } });
    let reply = raised(&app, own).await;
    assert_eq!((&reply["audience_count"], &reply["left_out_count"]), (&json!(60), &json!(300_000)));
    assert_eq!(reply["left_out"].as_array().map(Vec::len), Some(100));

    let more: Vec<u32> = vec![0; 500_001];
    assert_eq!(not_urged(&app, &message, json!(more)).await, 99_992_402);
    let reply = app.call(Method::PATCH, &urge(&message, "app"), vec![b' '; 25 << 20]).await;
    assert_eq!(reply.status(), 413);
}

#[tokio::test]
async fn whom_it_is_for_is_chosen_and_a_repeat_is_the_same() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut anna = server.client("e1002").await;
    let chat = app.group(&["e1001", "e1002", "e1003"]).await;
    let sent = app.send(&chat, "text", json!({ "text": "Close valve 7 now" })).await;
    let message = message_id(&sent);
    let (record, _) = anna.message().await;
    anna.must(ReceiptUpTo { chat_id: record.chat_id, read_seq: Some(record.seq), delivered_seq: None }).await;

    let everyone = json!({ "message_id": message, "audience": { "everyone": true }, "uuid": "alarm-7", "ladder": [
        { "way": "remind", "after_ms": 600_000, "every_ms": 600_000, "times": 3 },
        { "way": "manager", "after_ms": 1_800_000 },
    ], "deadline_ms": 7_200_000 });
    let first = raised(&app, everyone.clone()).await;
    assert_eq!((&first["audience_count"], &first["left_out"], &first["left_out_count"]), (&json!(3), &json!([]), &json!(0)));
    let now = report(&app, &id(&first)).await;
    assert_eq!(now["ladder"], everyone["ladder"]);
    let number = |field: &str| now[field].as_str().expect("digits").parse::<u64>().expect("digits");
    assert_eq!(number("next_step_time") - number("create_time"), 600_000);
    assert_eq!(number("deadline") - number("create_time"), 7_200_000);
    assert_eq!((&now["timeline"][0]["what"], &now["timeline"][0]["people"]), (&json!("raised"), &json!(3)));

    let to_unread = json!({ "message_id": message, "audience": { "unread": true }, "uuid": "unread" });
    let unread = raised(&app, to_unread.clone()).await;
    assert_eq!(standing(&app, &id(&unread), "pending", 20).await, ["e1001", "e1003"], "exactly those who have not read");
    for login in ["e1001", "e1003"] {
        let mut client = server.client(login).await;
        client.must(ReceiptUpTo { chat_id: record.chat_id, read_seq: Some(record.seq), delivered_seq: None }).await;
    }
    assert_eq!(raised(&app, to_unread).await["urgent_id"], unread["urgent_id"], "tried again when all have read it");
    assert_eq!(not_raised(&app, json!({ "message_id": message, "audience": { "unread": true } })).await, 230_001);
    let anna_is_in =
        app.must(Method::GET, "contact/v3/users/e1002?user_id_type=user_id", json!({})).await["user"]["department_ids"][0].clone();
    let of_department = json!({ "department_ids": [anna_is_in], "user_ids": ["e1003", "nobody"] });
    let of_department = raised(&app, json!({ "message_id": message, "audience": of_department })).await;
    let asked = standing(&app, &id(&of_department), "pending", 20).await;
    assert!(asked.contains(&"e1002".to_owned()) && asked.contains(&"e1003".to_owned()), "{asked:?}");
    let left_out = &of_department["left_out"];
    assert_eq!(left_out[0], json!({ "user_id": "nobody", "why": "nobody has this id" }));
    assert!(left_out.as_array().expect("a list").iter().skip(1).all(|one| one["why"] == "not a member of the chat"), "{left_out}");

    server.kill_and_restart().await;
    let app = app.at(&server);
    assert_eq!(raised(&app, everyone.clone()).await["urgent_id"], first["urgent_id"], "the same after a crash");
    let another = said(&app, &chat, "another").await;
    let mut reused = everyone.clone();
    reused["message_id"] = json!(another);
    assert_eq!(not_raised(&app, reused).await, 230_001, "a uuid is used for one message");

    let audience = |audience: Value| json!({ "message_id": message, "audience": audience });
    let step = |step: Value| json!({ "message_id": message, "audience": { "everyone": true }, "ladder": [step] });
    for (body, code) in [
        (audience(json!({})), 99_992_402),
        (audience(json!("everyone")), 99_992_402),
        (audience(json!({ "everyone": true, "unread": true })), 99_992_402),
        (audience(json!({ "everyone": true, "user_ids": ["e1001"] })), 99_992_402),
        (audience(json!({ "department_ids": ["od-nowhere"] })), 40_015),
        (audience(json!({ "user_ids": ["nobody", "e1009"] })), 230_001),
        (step(json!({ "way": "remind", "after_ms": 9_999 })), 99_992_402),
        (step(json!({ "way": "pigeon", "after_ms": 10_000 })), 99_992_402),
        (step(json!({ "after_ms": 10_000 })), 99_992_402),
        (step(json!({ "way": "remind", "after_ms": 10_000, "every_ms": 10_000 })), 99_992_402),
        (step(json!({ "way": "remind", "after_ms": 10_000, "every_ms": 9_999, "times": 2 })), 99_992_402),
        (step(json!({ "way": "remind", "after_ms": 2_592_000_000u64, "every_ms": 10_000, "times": 2 })), 230_001),
        (json!({ "message_id": message, "audience": { "everyone": true }, "deadline_ms": 59_999 }), 99_992_402),
        (json!({ "audience": { "everyone": true } }), 99_992_402),
    ] {
        assert_eq!(not_raised(&app, body.clone()).await, code, "{body}");
    }
    let (_, reply) = app.json(Method::POST, OWN, step(json!({ "way": "remind", "after_ms": 1 }))).await;
    assert_eq!(reply["error"]["field_violations"][0]["field"], "ladder[0].after_ms", "{reply}");
}

#[tokio::test]
async fn an_app_follows_its_urgent_to_the_end() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let mut anna = server.client("e1002").await;
    let mut bert = server.client("e1003").await;
    let chat = app.group(&["e1002", "e1003"]).await;
    let everyone = async |text: &str, ladder: Value| {
        let message = said(&app, &chat, text).await;
        raised(&app, json!({ "message_id": message, "audience": { "everyone": true }, "ladder": ladder })).await
    };
    let urgent = id(&everyone("one", json!([{ "way": "remind", "after_ms": 10_000 }])).await);
    confirm(&mut anna).await;
    assert_eq!(popped_up(&mut bert).await.reminder, 0);
    assert_eq!(popped_up(&mut bert).await.reminder, 1, "who has not confirmed is reminded");
    let now = report(&app, &urgent).await;
    let done: Vec<_> =
        now["timeline"].as_array().expect("a list").iter().map(|deed| (&deed["what"], &deed["way"], &deed["people"])).collect();
    assert_eq!(done, [(&json!("raised"), &Value::Null, &json!(2)), (&json!("step"), &json!("remind"), &json!(1))]);
    assert_eq!((&now["counts"]["confirmed"], now.get("next_step_time")), (&json!(1), None));

    // What was done for each of them, and when.
    let person =
        async |user_id: &str| app.must(Method::GET, &format!("{OWN}/{urgent}/people/{user_id}?user_id_type=user_id"), json!({})).await;
    let (of_anna, of_bert) = (person("e1002").await, person("e1003").await);
    let ms = |value: &Value| value.as_str().and_then(|digits| digits.parse::<u64>().ok());
    let went = ["create_time", "delivered_time", "shown_time", "confirmed_time"].map(|time| ms(&of_anna[time]));
    assert!(went.iter().all(Option::is_some) && went.is_sorted(), "{of_anna}");
    assert_eq!((&of_anna["user_id"], &of_anna["standing"], &of_anna["state"]), (&json!("e1002"), &json!("confirmed"), &json!("open")));
    let attempt = &of_anna["attempts"][0];
    assert_eq!((&attempt["way"], &attempt["outcome"], &attempt["why"]), (&json!("remind"), &json!("not_done"), &json!("confirmed")));
    assert_eq!((&of_bert["standing"], of_bert.get("confirmed_time")), (&json!("pending"), None));
    let attempt = &of_bert["attempts"][0];
    assert_eq!((&attempt["step"], &attempt["outcome"], &attempt["why"]), (&json!(0), &json!("waiting"), &json!("no_device")));
    assert!(
        ms(&attempt["time"]) >= ms(&of_bert["create_time"]).map(|raised_ms| raised_ms + 10_000) && attempt.get("outcome_time").is_none()
    );
    let listed = app.must(Method::GET, &format!("{OWN}/{urgent}/people?standing=confirmed&with_times=true"), json!({})).await;
    for time in ["delivered_time", "shown_time", "confirmed_time"] {
        assert_eq!(listed["items"][0][time], of_anna[time], "{listed}");
    }
    let strangers = format!("{OWN}/{urgent}/people/e1009?user_id_type=user_id");
    assert_eq!(app.refused(Method::GET, &strangers, json!({})).await, 230_001, "it is not for this person");

    // Nobody else's business.
    let strange = format!("{OWN}/{urgent}");
    for (method, path) in [
        (Method::GET, strange.clone()),
        (Method::GET, format!("{strange}/people?standing=pending")),
        (Method::GET, format!("{strange}/people/e1002?user_id_type=user_id")),
        (Method::POST, format!("{strange}/cancel")),
    ] {
        assert_eq!(other.refused(method.clone(), &path, json!({})).await, 230_001, "{path}");
        assert_eq!(app.refused(method, &path.replace(&urgent, "ur_none"), json!({})).await, 230_001, "{path}");
    }
    assert_eq!(other.must(Method::GET, OWN, json!({})).await["items"], json!([]));
    assert_eq!(app.refused(Method::GET, &format!("{strange}/people"), json!({})).await, 99_992_402, "standing is required");
    assert_eq!(app.refused(Method::GET, &format!("{strange}/people?standing=pending&page_token=x"), json!({})).await, 99_992_402);
    assert_eq!(app.refused(Method::GET, &format!("{OWN}?page_token=x"), json!({})).await, 99_992_402);

    let cancel = async |urgent: &str| app.must(Method::POST, &format!("{OWN}/{urgent}/cancel"), json!({})).await["state"].clone();
    assert_eq!(cancel(&urgent).await, "cancelled");
    assert_eq!(over(&mut bert).await.1, UrgentOverWhy::Cancelled);
    assert_eq!(cancel(&urgent).await, "cancelled", "ending twice is a success");
    let now = report(&app, &urgent).await;
    let last = now["timeline"].as_array().and_then(|deeds| deeds.last()).expect("a deed").clone();
    assert_eq!((&now["state"], &last["what"], &last["why"]), (&json!("cancelled"), &json!("over"), &json!("cancelled")));

    let second = id(&everyone("two", json!([])).await);
    confirm(&mut anna).await;
    while popped_up(&mut bert).await.urgent_id.to_string() != second {}
    bert.must(ConfirmUrgent { urgent_id: second.parse().expect("an id") }).await;
    while report(&app, &second).await["state"] == "open" {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(cancel(&second).await, "confirmed", "it stays as it has ended");

    // Pages of what the app has raised, the newest first.
    let page = app.must(Method::GET, &format!("{OWN}?page_size=1"), json!({})).await;
    assert_eq!((&page["items"][0]["urgent_id"], &page["has_more"]), (&json!(second), &json!(true)));
    let token = page["page_token"].as_str().expect("a token");
    let page = app.must(Method::GET, &format!("{OWN}?page_size=1&page_token={token}"), json!({})).await;
    assert_eq!((&page["items"][0]["urgent_id"], &page["has_more"]), (&json!(urgent), &json!(false)));

    // Who has done what stands in the audit log, which is written a moment later.
    let start = std::time::Instant::now();
    loop {
        let audit = app.must(Method::GET, &format!("clarion/v1/audit?target_id={second}"), json!({})).await;
        let calls: Vec<&str> = audit["items"].as_array().expect("items").iter().filter_map(|entry| entry["call"].as_str()).collect();
        if calls == ["POST clarion/v1/urgents/:urgent_id/cancel", "POST clarion/v1/urgents"] {
            return;
        }
        assert!(start.elapsed() < crate::support::PATIENCE, "{audit}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn text_messages_and_calls_go_out_at_once_within_what_the_operator_allows() {
    let server = Server::start_with(&[
        ("CLARION_URGENT_SMS_URL", "console"),
        ("CLARION_URGENT_PHONE_URL", "console"),
        ("CLARION_URGENT_SMS_PER_APP", "2"),
        ("CLARION_URGENT_QUIET_HOURS_BROKEN_BY", APP.0),
        ("CLARION_URGENT_RULES", "deny * to e1003"),
    ])
    .await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let chat = app.group(&["e1001", "e1002", "e1003"]).await;
    let message = said(&app, &chat, "Close valve 7 now").await;
    let mut anna = server.client("e1002").await;
    let both = json!({ "user_id_list": ["e1001", "e1002", "e1003"], "uuid": "alarm" });
    let reply = app.must(Method::PATCH, &urge(&message, "sms"), both.clone()).await;
    assert_eq!(reply["invalid_user_id_list"], json!(["e1003"]), "a rule of the organisation keeps this one out");
    assert_eq!(not_urged(&app, &message, json!(["e1003"])).await, 230_001);
    assert_eq!(popped_up(&mut anna).await.reminder, 0, "in the app too");
    let urgent = id(&app.must(Method::GET, OWN, json!({})).await["items"][0]);
    let start = std::time::Instant::now();
    loop {
        let now = report(&app, &urgent).await;
        let step = &now["timeline"][1];
        if (&step["way"], &step["people"], &step["reached"]) == (&json!("sms"), &json!(2), &json!(2)) {
            break;
        }
        assert!(start.elapsed() < crate::support::PATIENCE, "{now}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let once_more = app.must(Method::PATCH, &urge(&message, "sms"), both.clone()).await;
    assert_eq!(
        once_more["invalid_user_id_list"],
        json!(["e1003"]),
        "the same call again is the same urgent, though it has used up the quota"
    );
    let another = json!({ "user_id_list": ["e1001", "e1002"] });
    assert_eq!(app.refused(Method::PATCH, &urge(&message, "sms"), another).await, 230_024, "the quota is used up");
    assert_eq!(
        not_raised(&app, json!({ "message_id": message, "audience": { "everyone": true }, "ladder": [{ "way": "sms", "after_ms": 0 }] }))
            .await,
        230_024
    );
    app.must(Method::PATCH, &urge(&message, "phone"), both).await;

    let breaking = |message: &str| json!({ "message_id": message, "audience": { "user_ids": ["e1001"] }, "break_quiet_hours": true });
    raised(&app, breaking(&message)).await;
    let chat = other.group(&["e1001"]).await;
    assert_eq!(not_raised(&other, breaking(&said(&other, &chat, "mine").await)).await, 230_052, "the operator has not named this app");
}
