//! A group is bound to departments, and follows the tree: by calls, by a table, through a crash.

use crate::support::app::{APP, App};
use crate::support::{Client, PATIENCE, Server};
use protocol::command::{CreateGroup, Members, RemoveMembers};
use protocol::ids::ChatId;
use protocol::record::Change;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

async fn department(app: &App, name: &str) -> String {
    let body = json!({ "name": name, "parent_department_id": "0" });
    let made = app.must(Method::POST, "contact/v3/departments", body).await;
    made["department"]["open_department_id"].as_str().expect("an id").to_owned()
}

async fn move_to(app: &App, user_id: &str, departments: &[&str]) {
    let path = format!("contact/v3/users/{user_id}?user_id_type=user_id");
    app.must(Method::PATCH, &path, json!({ "department_ids": departments })).await;
}

/// A group of the app's, with these people beside the bot.
async fn group(app: &App, user_ids: &[&str]) -> (String, ChatId) {
    let chat = app.group(user_ids).await;
    let id = chat.parse().expect("a chat_id is one in both protocols");
    (chat, id)
}

async fn people(client: &mut Client, chat_id: ChatId) -> BTreeSet<String> {
    let page = client.must(Members { chat_id, ..Members::default() }).await;
    page.members.into_iter().map(|member| member.person.user_id).filter(|id| !id.starts_with("cli_")).collect()
}

/// Waits until these people are in the group, and nobody else.
async fn becomes(client: &mut Client, chat_id: ChatId, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|id| (*id).to_owned()).collect();
    let start = Instant::now();
    loop {
        let now = people(client, chat_id).await;
        if now == wanted {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{now:?} do not become {wanted:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn a_group_follows_its_department_and_leaves_alone_who_was_added_by_hand() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let plant = department(&app, "Plant").await;
    for user_id in ["e1002", "e1003"] {
        move_to(&app, user_id, &[&plant]).await;
    }
    let (chat, id) = group(&app, &["e1001", "e1002"]).await;
    let path = format!("clarion/v1/chats/{chat}/departments");
    let bound = app.must(Method::PUT, &path, json!({ "department_ids": [plant] })).await;
    assert_eq!((&bound["people_count"], &bound["added_count"], &bound["removed_count"]), (&json!(2), &json!(1), &json!(0)));
    let mut watcher = server.client("e1001").await;
    assert_eq!(people(&mut watcher, id).await, ["e1001", "e1002", "e1003"].map(str::to_owned).into());

    // Who joins the department comes, and who was in the group by hand stays when leaving the department.
    move_to(&app, "e1004", &[&plant]).await;
    becomes(&mut watcher, id, &["e1001", "e1002", "e1003", "e1004"]).await;
    let added = loop {
        if let Change::MembersAdded(added) = watcher.record().await.change {
            break added;
        }
    };
    assert_eq!(added.users, ["e1004"]);
    for user_id in ["e1002", "e1003"] {
        move_to(&app, user_id, &["0"]).await;
    }
    becomes(&mut watcher, id, &["e1001", "e1002", "e1004"]).await;

    // Taken out by hand stays out, until joining the department anew.
    app.must(Method::DELETE, &format!("im/v1/chats/{chat}/members?member_id_type=user_id"), json!({ "id_list": ["e1004"] })).await;
    move_to(&app, "e1005", &[&plant]).await;
    becomes(&mut watcher, id, &["e1001", "e1002", "e1005"]).await;
    assert_eq!(app.must(Method::GET, &path, json!({})).await["department_ids"], json!([plant]));

    // A department below counts too, and moves with all its people.
    let line = department(&app, "Line").await;
    move_to(&app, "e1006", &[&line]).await;
    app.must(Method::PATCH, &format!("contact/v3/departments/{line}"), json!({ "parent_department_id": plant })).await;
    becomes(&mut watcher, id, &["e1001", "e1002", "e1005", "e1006"]).await;

    // Changes just before the power goes are followed when it is back.
    move_to(&app, "e1007", &[&line]).await;
    move_to(&app, "e1005", &["0"]).await;
    server.kill_and_restart().await;
    let mut watcher = server.client("e1001").await;
    becomes(&mut watcher, id, &["e1001", "e1002", "e1006", "e1007"]).await;

    let app = app.at(&server);
    app.must(Method::DELETE, &path, json!({})).await;
    assert_eq!(app.must(Method::GET, &path, json!({})).await["department_ids"], json!([]));
    move_to(&app, "e1006", &["0"]).await;
    move_to(&app, "e1008", &[&line]).await;
    app.must(Method::PUT, &path, json!({ "department_ids": [line], "direct_only": true })).await;
    becomes(&mut watcher, id, &["e1001", "e1002", "e1006", "e1007", "e1008"]).await;
}

#[tokio::test]
async fn a_table_that_moves_a_department_s_people_moves_the_group_with_one_record_each_way() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let old = department(&app, "Old").await;
    for number in 1020..1030 {
        move_to(&app, &format!("e{number}"), &[&old]).await;
    }
    let (chat, id) = group(&app, &["e1001"]).await;
    let new = department(&app, "New").await;
    let body = json!({ "department_ids": [new] });
    app.must(Method::PUT, &format!("clarion/v1/chats/{chat}/departments"), body).await;
    let mut watcher = server.client("e1001").await;
    let before = watcher.must(protocol::command::GetChat { chat_id: id }).await.head_seq;
    server.terminate().await;
    let mut table = "user_id,name,department\n".to_owned();
    (1020..1030).for_each(|number| table.push_str(&format!("e{number},人{number},New\n")));
    let file = server.data().with_extension("csv");
    std::fs::write(&file, table).expect("a table");
    let imported = server.operator(&["people", "import", file.to_str().expect("a path")]);
    assert!(imported.status.success(), "{imported:?}");
    server.restart().await;
    let mut watcher = server.client("e1001").await;
    let all: Vec<String> = ["e1001".to_owned()].into_iter().chain((1020..1030).map(|number| format!("e{number}"))).collect();
    becomes(&mut watcher, id, &all.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(watcher.must(protocol::command::GetChat { chat_id: id }).await.head_seq, before + 1, "ten people come with one record");
}

#[tokio::test]
async fn only_who_runs_the_group_binds_it() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut owner = server.client("e1001").await;
    let made =
        CreateGroup { client_message_id: "make".into(), name: "Ours".into(), user_ids: vec![APP.0.into()], ..CreateGroup::default() };
    let chat = owner.must(made).await.chat_id;
    let path = format!("clarion/v1/chats/{chat}/departments");
    assert_eq!(app.refused(Method::PUT, &path, json!({ "department_ids": ["0"] })).await, 232_002);
    let (own, _) = group(&app, &["e1001"]).await;
    let path = format!("clarion/v1/chats/{own}/departments");
    for (body, code) in
        [(json!({}), 232_001), (json!({ "department_ids": ["od-nowhere"] }), 40_015), (json!({ "department_ids": "0" }), 99_992_402)]
    {
        assert_eq!(app.refused(Method::PUT, &path, body.clone()).await, code, "{body}");
    }
    let everybody: Value = app.must(Method::PUT, &path, json!({ "department_ids": ["0"] })).await;
    assert!(everybody["added_count"].as_u64().is_some_and(|count| count > 50), "{everybody}");
    assert_eq!(owner.refused(RemoveMembers { chat_id: own.parse().expect("an id"), user_ids: vec!["e1003".into()] }).await, 2002);
}
