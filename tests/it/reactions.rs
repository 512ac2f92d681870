//! Reactions over the open API and over the client protocol are the same ones.

use crate::support::Server;
use crate::support::app::{APP, App, OTHER_APP, id};
use protocol::command::{React, Recall};
use protocol::event::Event;
use protocol::record::Change;
use reqwest::Method;
use serde_json::{Value, json};

fn of(reaction: &Value) -> (&str, &str, &str) {
    let text = |pointer: &str| reaction.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let emoji = if reaction["emoji_type"].is_string() { text("/emoji_type") } else { text("/reaction_type/emoji_type") };
    (emoji, text("/operator/operator_type"), text("/operator/operator_id"))
}

#[tokio::test]
async fn a_bot_and_a_person_see_each_others_reactions() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let message = app.send(&chat, "text", json!({ "text": "done?" })).await["message_id"].as_str().expect("an id").to_owned();
    let path = format!("im/v1/messages/{message}/reactions");

    let made = app.must(Method::POST, &path, json!({ "reaction_type": { "emoji_type": "OnIt" } })).await;
    assert_eq!(of(&made), ("OnIt", "app", APP.0));
    let reacted = person
        .event("the reaction", |event| match event {
            Event::Record(record) => match &record.change {
                Change::Reacted(reacted) => Some((record.by.clone(), reacted.clone())),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!((reacted.0.as_str(), reacted.1.emoji.as_str(), reacted.1.message_id.to_string()), (APP.0, "OnIt", message.clone()));
    let again = app.must(Method::POST, &path, json!({ "reaction_type": { "emoji_type": "OnIt" } })).await;
    assert_eq!(again, made, "the same one twice is one, with one id");
    person.must(React { message_id: message.parse().expect("an id"), emoji: "THUMBSUP".into() }).await;

    let listed = app.must(Method::GET, &format!("{path}?user_id_type=user_id"), json!({})).await;
    assert_eq!(
        listed["items"].as_array().expect("items").iter().map(of).collect::<Vec<_>>(),
        [("OnIt", "app", APP.0), ("THUMBSUP", "user", "e1001")]
    );
    let only = app.must(Method::GET, &format!("{path}?reaction_type=THUMBSUP"), json!({})).await;
    assert_eq!(only["items"].as_array().expect("items").len(), 1);
    let first = app.must(Method::GET, &format!("{path}?page_size=1"), json!({})).await;
    assert_eq!((&first["has_more"], of(&first["items"][0]).0), (&json!(true), "OnIt"));
    let token = first["page_token"].as_str().expect("a token");
    let second = app.must(Method::GET, &format!("{path}?page_size=1&page_token={token}"), json!({})).await;
    assert_eq!((&second["has_more"], of(&second["items"][0]).0), (&json!(false), "THUMBSUP"));

    // The id is the same after a restart, and still takes the reaction away.
    server.kill_and_restart().await;
    let app = App::of(&server, APP).await;
    let kept = app.must(Method::GET, &path, json!({})).await;
    assert_eq!(kept["items"][0]["reaction_id"], made["reaction_id"]);
    let own = format!("{path}/{}", made["reaction_id"].as_str().expect("an id"));
    assert_eq!(app.must(Method::DELETE, &own, json!({})).await, made);
    assert_eq!(app.must(Method::DELETE, &own, json!({})).await, made, "taken back twice");
    let anew = app.must(Method::POST, &path, json!({ "reaction_type": { "emoji_type": "OnIt" } })).await;
    assert_ne!(anew["reaction_id"], made["reaction_id"], "it is another reaction");
    app.must(Method::DELETE, &own, json!({})).await;
    let left = app.must(Method::GET, &path, json!({})).await;
    assert_eq!(left["items"].as_array().expect("items").len(), 2, "an old id takes nothing away: {left}");
}

#[tokio::test]
async fn a_reaction_that_cannot_be_is_refused_with_the_platforms_code() {
    let server = Server::start().await;
    let (app, other) = (App::of(&server, APP).await, App::of(&server, OTHER_APP).await);
    let mut person = server.client("e1001").await;
    let chat = app.group(&["e1001"]).await;
    let said = person.say(id(&chat), "hello").await.message_id;
    let path = format!("im/v1/messages/{said}/reactions");
    let emoji = |name: &str| json!({ "reaction_type": { "emoji_type": name } });
    for (body, code) in [(emoji("thumbsup"), 231_001), (emoji("NOSUCH"), 231_001), (json!({}), 99_992_402), (emoji(""), 99_992_402)] {
        assert_eq!(app.refused(Method::POST, &path, body).await, code);
    }
    assert_eq!(app.refused(Method::GET, &format!("{path}?reaction_type=thumbsup"), json!({})).await, 231_001);
    assert_eq!(other.refused(Method::POST, &path, emoji("OK")).await, 231_003, "a stranger learns nothing");
    assert_eq!(other.refused(Method::GET, &path, json!({})).await, 231_003);

    person.must(React { message_id: said, emoji: "OK".into() }).await;
    let theirs = app.must(Method::GET, &path, json!({})).await["items"][0]["reaction_id"].as_str().expect("an id").to_owned();
    assert_eq!(app.refused(Method::DELETE, &format!("{path}/{theirs}"), json!({})).await, 231_007);
    assert_eq!(app.refused(Method::DELETE, &format!("{path}/made-up"), json!({})).await, 231_011);
    let elsewhere = person.say(id(&chat), "another").await.message_id;
    assert_eq!(app.refused(Method::DELETE, &format!("im/v1/messages/{elsewhere}/reactions/{theirs}"), json!({})).await, 231_010);
    person.must(Recall { message_id: said }).await;
    assert_eq!(app.refused(Method::POST, &path, emoji("OK")).await, 231_003);
}

#[tokio::test]
async fn reactions_of_many_messages_come_in_one_call_with_their_counts() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut people = Vec::new();
    for number in 1..=4 {
        people.push(server.client(&format!("e100{number}")).await);
    }
    let chat = app.group(&["e1001", "e1002", "e1003", "e1004"]).await;
    let message = app.send(&chat, "text", json!({ "text": "vote" })).await["message_id"].as_str().expect("an id").to_owned();
    let quiet = app.send(&chat, "text", json!({ "text": "quiet" })).await["message_id"].as_str().expect("an id").to_owned();
    for (at, person) in people.iter_mut().enumerate() {
        let emoji = if at == 2 { "HEART" } else { "OK" };
        person.must(React { message_id: message.parse().expect("an id"), emoji: emoji.into() }).await;
    }
    let queries = json!([{ "message_id": message }, { "message_id": quiet }, { "message_id": "om_none" }, { "message_id": message, "page_token": "x" }]);
    let path = "im/v1/messages/reactions/batch_query?user_id_type=user_id";
    let found = app.must(Method::POST, path, json!({ "queries": queries, "page_size_per_message": 3 })).await;
    let detail = &found["success_msg_reaction_details"][0];
    assert_eq!(
        detail["message_reaction_items"].as_array().expect("items").iter().map(|item| of(item).2).collect::<Vec<_>>(),
        ["e1001", "e1002", "e1003"]
    );
    assert_eq!(
        found["success_msg_reaction_counts"][0]["reaction_count"],
        json!([{ "reaction_type": "OK", "count": "3" }, { "reaction_type": "HEART", "count": "1" }])
    );
    assert_eq!(found["success_msg_reaction_counts"][1]["reaction_count"], json!([]));
    let reasons: Vec<&str> =
        found["fail_msg_reaction_details"].as_array().expect("a list").iter().filter_map(|one| one["fail_reason"].as_str()).collect();
    assert_eq!(reasons, ["invalid", "invalid_page_token"]);
    let rest = json!([{ "message_id": message, "page_token": detail["page_token"] }]);
    let rest = app.must(Method::POST, path, json!({ "queries": rest, "page_size_per_message": 3 })).await;
    assert_eq!(of(&rest["success_msg_reaction_details"][0]["message_reaction_items"][0]).2, "e1004");
    let hearts = app.must(Method::POST, path, json!({ "queries": [{ "message_id": message }], "reaction_type": "HEART" })).await;
    assert_eq!(hearts["success_msg_reaction_counts"][0]["reaction_count"], json!([{ "reaction_type": "HEART", "count": "1" }]));
    assert_eq!(app.refused(Method::POST, path, json!({ "queries": [] })).await, 99_992_402);
    assert_eq!(app.refused(Method::POST, path, json!({ "queries": vec![json!({ "message_id": message }); 21] })).await, 99_992_402);
    assert_eq!(app.refused(Method::POST, path, json!({ "queries": "all" })).await, 99_992_402);
}
