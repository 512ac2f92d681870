//! A group gets a bot of its own, and tools post to its address.

use crate::support::app::{APP, App};
use crate::support::{Client, Server, http, text_of};
use protocol::command::{
    AddCustomBot, ChangeCustomBot, CreateGroup, CustomBot, CustomBotChecks, CustomBots, GetChat, RemoveCustomBot, RenewCustomBot,
    SearchPeople, SetManagers, UpdateChat,
};
use protocol::content::Content;
use protocol::ids::ChatId;
use reqwest::Method;
use serde_json::{Value, json};

async fn group(owner: &mut Client, user_ids: &[&str]) -> ChatId {
    let user_ids = user_ids.iter().map(|id| (*id).to_owned()).collect();
    owner.must(CreateGroup { client_message_id: "make".into(), name: "Plant".into(), user_ids, ..CreateGroup::default() }).await.chat_id
}

async fn add(client: &mut Client, chat_id: ChatId, name: &str, checks: Option<CustomBotChecks>) -> CustomBot {
    let body = AddCustomBot { chat_id, client_message_id: format!("bot-{name}"), name: name.into(), checks, ..AddCustomBot::default() };
    client.must(body).await
}

/// Status and body of what an address answers.
async fn post(url: &str, body: &Value) -> (u16, Value) {
    let reply = http().post(url).body(body.to_string()).send().await.expect("the server answers");
    (reply.status().as_u16(), reply.json().await.expect("every answer is JSON"))
}

async fn refused(url: &str, body: &Value) -> u64 {
    let (status, reply) = post(url, body).await;
    assert!((400..500).contains(&status), "{status} {reply}");
    assert!(reply["data"].is_object() && reply["StatusCode"] == reply["code"], "{reply}");
    reply["code"].as_u64().expect("a code is a number")
}

fn text(text: &str) -> Value {
    json!({ "msg_type": "text", "content": { "text": text } })
}

#[tokio::test]
async fn what_a_tool_sends_to_the_address_is_said_by_the_bot() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let chat = group(&mut owner, &["e1002"]).await;
    member.record().await;
    let bot = add(&mut owner, chat, "Alarms", None).await;
    assert_eq!(add(&mut owner, chat, "Alarms", None).await, bot, "trying again gives the same bot");
    let url = bot.url.expect("the owner sees the address");

    let (status, reply) = post(&url, &text("pump 4 is hot, <at user_id=\"e1002\"></at>")).await;
    assert_eq!((status, reply), (200, json!({ "StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success" })));
    let (record, message) = member.message().await;
    assert_eq!(
        (record.by.as_str(), text_of(&message), message.mentions.clone()),
        (bot.bot.user_id.as_str(), "pump 4 is hot, @李四", vec!["e1002".to_owned()])
    );

    // With a slash at the end, and the older form, as some tools send them.
    assert_eq!(post(&format!("{url}/"), &text("slash")).await.0, 200);
    assert_eq!(text_of(&member.message().await.1), "slash");
    assert_eq!(post(&url.replace("/v2/hook/", "/hook/"), &json!({ "title": "Build", "text": "is green" })).await.0, 200);
    assert!(matches!(member.message().await.1.content, Content::Post(post) if post.post.contains("is green")));

    let posts = json!({ "msg_type": "post", "content": { "post": { "zh_cn": { "title": "T", "content": [[{ "tag": "text", "text": "a" }, { "tag": "at", "user_id": "ou_nobody" }]] } } } });
    assert_eq!(post(&url, &posts).await.0, 200, "an alarm is not lost because it names nobody");
    assert!(matches!(member.message().await.1.content, Content::Post(_)));
    let card =
        json!({ "msg_type": "interactive", "card": { "header": { "title": { "tag": "plain_text", "content": "Disk" } }, "elements": [] } });
    assert_eq!(post(&url, &card).await.0, 200);
    assert!(matches!(member.message().await.1.content, Content::Card(_)));

    for wrong in [
        json!({}),
        json!({ "msg_type": "text" }),
        json!({ "msg_type": "audio", "content": {} }),
        json!({ "msg_type": "interactive", "card": {} }),
    ] {
        assert_eq!(refused(&url, &wrong).await, 19_002, "{wrong}");
    }
    let reply = http().post(&url).body("{").send().await.expect("an answer");
    assert_eq!((reply.status().as_u16(), reply.json::<Value>().await.expect("JSON")["code"].as_u64()), (400, Some(9_499)));
    assert_eq!(refused(&url, &text(&"x".repeat(30_000))).await, 19_036);
    let unknown = format!("{}8f1d3c5e-7a90-4b1c-9d2e-3f4051627384", &url[..url.len() - 36]);
    assert_eq!(refused(&unknown, &text("x")).await, 19_001);
}

#[tokio::test]
async fn only_owner_and_managers_see_the_address_and_change_the_bot() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let mut stranger = server.client("e1003").await;
    let chat = group(&mut owner, &["e1002"]).await;
    let checks = CustomBotChecks { signature: true, ..CustomBotChecks::default() };
    let bot = add(&mut owner, chat, "Alarms", Some(checks)).await;
    let user_id = bot.bot.user_id.clone();

    let seen = member.must(CustomBots { chat_id: chat }).await.bots.remove(0);
    assert_eq!((seen.bot.name.as_str(), seen.created_by.as_str()), ("Alarms", "e1001"));
    assert!(seen.url.is_none() && seen.secret.is_none() && seen.checks.is_none());
    assert_eq!(stranger.refused(CustomBots { chat_id: chat }).await, 2001);
    let wanted = AddCustomBot { chat_id: chat, client_message_id: "x".into(), name: "Mine".into(), ..AddCustomBot::default() };
    assert_eq!(member.refused(wanted.clone()).await, 2002);
    assert_eq!(stranger.refused(wanted).await, 2001);
    for secret in [false, true] {
        assert_eq!(member.refused(RenewCustomBot { chat_id: chat, user_id: user_id.clone(), secret }).await, 2002);
    }
    assert_eq!(member.refused(RemoveCustomBot { chat_id: chat, user_id: user_id.clone() }).await, 2002);
    owner.must(SetManagers { chat_id: chat, add: vec!["e1002".into()], remove: Vec::new() }).await;
    assert_eq!(member.must(CustomBots { chat_id: chat }).await.bots[0].url, bot.url, "managers see it");

    let change = ChangeCustomBot { chat_id: chat, user_id: user_id.clone(), name: Some("Sirens".into()), ..ChangeCustomBot::default() };
    let changed = member.must(change).await;
    assert_eq!((changed.bot.name.as_str(), &changed.url, &changed.secret), ("Sirens", &bot.url, &bot.secret));
    let renewed = member.must(RenewCustomBot { chat_id: chat, user_id: user_id.clone(), secret: false }).await;
    assert_ne!(renewed.url, bot.url);
    assert_eq!(refused(bot.url.as_deref().expect("an address"), &text("x")).await, 19_001, "the address before is dead");
    assert!(
        member.must(SearchPeople { query: "Sirens".into(), ..SearchPeople::default() }).await.people.is_empty(),
        "nobody searches for it"
    );

    server.kill_and_restart().await;
    let mut owner = server.client("e1001").await;
    let kept = owner.must(CustomBots { chat_id: chat }).await.bots.remove(0);
    let path = |bot: &CustomBot| bot.url.clone().unwrap_or_default().split("/open-apis").nth(1).map(str::to_owned);
    assert_eq!((path(&kept), &kept.secret, kept.bot.name.as_str()), (path(&renewed), &renewed.secret, "Sirens"));
    owner.must(RemoveCustomBot { chat_id: chat, user_id }).await;
    assert!(owner.must(CustomBots { chat_id: chat }).await.bots.is_empty());
    assert_eq!(owner.must(GetChat { chat_id: chat }).await.member_count, Some(2));
    assert_eq!(refused(kept.url.as_deref().expect("an address"), &text("x")).await, 19_001);
}

#[tokio::test]
async fn keywords_addresses_and_signatures_keep_others_out() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, &["e1002"]).await;
    let keywords = CustomBotChecks { keywords: vec!["告警".into(), "alarm".into()], ..CustomBotChecks::default() };
    let bot = add(&mut owner, chat, "Keywords", Some(keywords)).await;
    let url = bot.url.clone().expect("an address");
    assert_eq!(refused(&url, &text("all is well")).await, 19_024);
    assert_eq!(post(&url, &text("an alarm")).await.0, 200);
    let card =
        json!({ "msg_type": "interactive", "card": { "header": { "title": { "tag": "plain_text", "content": "告警" } }, "elements": [] } });
    assert_eq!(post(&url, &card).await.0, 200, "the title of a card counts");

    let change =
        |checks| ChangeCustomBot { chat_id: chat, user_id: bot.bot.user_id.clone(), checks: Some(checks), ..ChangeCustomBot::default() };
    owner.must(change(CustomBotChecks { addresses: vec!["192.0.2.0/24".into()], ..CustomBotChecks::default() })).await;
    assert_eq!(refused(&url, &text("x")).await, 19_022);
    owner.must(change(CustomBotChecks { addresses: vec!["192.0.2.7".into(), "127.0.0.0/8".into()], ..CustomBotChecks::default() })).await;
    assert_eq!(post(&url, &text("x")).await.0, 200);
    assert_eq!(owner.refused(change(CustomBotChecks { addresses: vec!["everywhere".into()], ..CustomBotChecks::default() })).await, 1004);
    assert_eq!(owner.refused(change(CustomBotChecks { keywords: vec!["k".into(); 11], ..CustomBotChecks::default() })).await, 1003);

    let signed = owner.must(change(CustomBotChecks { signature: true, ..CustomBotChecks::default() })).await;
    let secret = signed.secret.expect("the owner sees the secret");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let sign = |time: u64, secret: &str| {
        let mut body = text("signed");
        body["timestamp"] = json!(time.to_string());
        body["sign"] = json!(signature(&format!("{time}\n{secret}")));
        body
    };
    assert_eq!(refused(&url, &text("unsigned")).await, 19_021);
    assert_eq!(refused(&url, &sign(now, "another")).await, 19_021);
    assert_eq!(refused(&url, &sign(now - 4_000, &secret)).await, 19_021, "older than an hour");
    assert_eq!(post(&url, &sign(now, &secret)).await.0, 200);
    owner.must(RenewCustomBot { chat_id: chat, user_id: bot.bot.user_id.clone(), secret: true }).await;
    assert_eq!(refused(&url, &sign(now, &secret)).await, 19_021, "a renewed secret ends the one before");
}

/// As the platform's tools make it.
fn signature(key: &str) -> String {
    use base64::Engine as _;
    use hmac::{KeyInit, Mac};
    let mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("any key is good");
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_burst_waits_and_comes_whole_and_in_order_of_its_tool() {
    let server = Server::start_with(&[("CLARION_HOOK_MESSAGES_PER_SECOND", "40")]).await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, &["e1002"]).await;
    let bot = add(&mut owner, chat, "Burst", None).await;
    let url = bot.url.expect("an address");
    let client = http();
    let posts = (0..120).map(|number| {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move {
            client.post(url).body(text(&format!("burst {number}")).to_string()).send().await.expect("an answer").status()
        })
    });
    for post in posts.collect::<Vec<_>>() {
        assert_eq!(post.await.expect("the task lives"), 200, "nothing of a burst is refused");
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 120 {
        let (record, message) = owner.message().await;
        assert_eq!(record.by, bot.bot.user_id);
        assert!(seen.insert(text_of(&message).to_owned()), "twice: {message:?}");
    }
}

#[tokio::test]
async fn everybody_is_mentioned_only_where_members_may() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, &["e1002"]).await;
    let url = add(&mut owner, chat, "Loud", None).await.url.expect("an address");
    let loud = text("<at user_id=\"all\"></at> fire");
    assert_eq!(post(&url, &loud).await.0, 200);
    let config = protocol::chat::ChatConfigChange { at_all_permission: Some(protocol::chat::Who::OnlyOwner), ..Default::default() };
    owner.must(UpdateChat { chat_id: chat, config: Some(config), ..UpdateChat::default() }).await;
    assert_eq!(refused(&url, &loud).await, 230_018);
    assert_eq!(post(&url, &text("fire")).await.0, 200);
}

#[tokio::test]
async fn a_picture_that_an_app_uploaded_is_posted_by_its_key() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, &["e1002"]).await;
    let url = add(&mut owner, chat, "Pictures", None).await.url.expect("an address");
    let png = hex::decode("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082").expect("hexadecimal digits");
    let mut body = b"--edge\r\nContent-Disposition: form-data; name=\"image_type\"\r\n\r\nmessage\r\n--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n".to_vec();
    body.extend(&png);
    body.extend(b"\r\n--edge--\r\n");
    let request = app.http.request(Method::POST, format!("{}/im/v1/images", app.base)).bearer_auth(&app.token);
    let reply: Value = request
        .header("content-type", "multipart/form-data; boundary=edge")
        .body(body)
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let key = reply["data"]["image_key"].as_str().unwrap_or_else(|| panic!("no key: {reply}")).to_owned();
    assert_eq!(post(&url, &json!({ "msg_type": "image", "content": { "image_key": key } })).await.0, 200);
    let (_, message) = owner.message().await;
    assert!(matches!(message.content, Content::Image(image) if image.key == key));
    assert_eq!(refused(&url, &json!({ "msg_type": "image", "content": { "image_key": "img_v3_nobody" } })).await, 230_017);
}
