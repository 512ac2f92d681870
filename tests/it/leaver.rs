//! HR systems take people in, change them, and let them go; everybody concerned sees it.

use crate::support::app::{APP, App};
use crate::support::{Client, Server};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, GetChat, Members, SearchPeople, SetManagers, Watch};
use protocol::error::CloseCode;
use protocol::event::Event;
use reqwest::Method;
use serde_json::{Value, json};

async fn department_of(app: &App, name: &str) -> String {
    let found = app.must(Method::POST, "contact/v3/departments/search", json!({ "query": name })).await;
    found["items"][0]["open_department_id"].as_str().unwrap_or_else(|| panic!("no {name}: {found}")).to_owned()
}

fn person(user_id: &str, mobile: &str, department: &str) -> Value {
    json!({ "user_id": user_id, "name": "新人", "mobile": mobile, "department_ids": [department], "employee_type": 1, "password": "welcome-2026" })
}

#[tokio::test]
async fn somebody_who_leaves_is_cut_off_and_the_groups_go_on() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut leaver = server.client("e1005").await;
    let mut phone = server.client_on("e1005", "phone-of-e1005").await;
    let mut heir = server.client("e1006").await;
    let make = |name: &str, user_ids: &[&str]| CreateGroup {
        client_message_id: format!("make-{name}"),
        name: name.into(),
        user_ids: user_ids.iter().map(|id| (*id).to_owned()).collect(),
        ..CreateGroup::default()
    };
    let owned = leaver.must(make("Owned", &["e1006", "e1007"])).await.chat_id;
    leaver.must(SetManagers { chat_id: owned, add: vec!["e1007".into()], remove: Vec::new() }).await;
    let named = leaver.must(make("Named", &["e1006", "e1008"])).await.chat_id;
    let alone = leaver.must(make("Alone", &[])).await.chat_id;
    let joined = heir.must(make("Joined", &["e1005"])).await.chat_id;
    let token = server.token("e1005", "device-of-e1005").await;

    let acceptor = json!({ "department_chat_acceptor_user_id": "e1008" });
    app.must(Method::DELETE, "contact/v3/users/e1005?user_id_type=user_id", acceptor.clone()).await;
    for client in [&mut leaver, &mut phone] {
        assert_eq!(client.end().await.code, Some(CloseCode::PersonDisabled.number()));
    }
    let mut refused = Client::connected(server.address(), Encoding::Json).await;
    let ended = refused.hello(Some(&token), "device-of-e1005", None).await.expect_err("an old token opens nothing");
    assert_eq!(ended.code, Some(CloseCode::PersonDisabled.number()));

    // The groups follow: the heir that was named, where that one is in; else the manager.
    let owners = [(named, "e1008", 2), (owned, "e1007", 2), (joined, "e1006", 1)];
    for (chat, owner, members) in owners {
        let mut seen = server.client_on(owner, "device-of-owner").await;
        loop {
            let chat = seen.must(GetChat { chat_id: chat }).await;
            if chat.member_count == Some(members) {
                assert_eq!(chat.owner.as_deref(), Some(owner));
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
    assert!(heir.must(SearchPeople { query: "e1005".into(), ..SearchPeople::default() }).await.people.is_empty());
    let user = app.must(Method::GET, "contact/v3/users/e1005?user_id_type=user_id", json!({})).await;
    assert_eq!(user["user"]["status"]["is_resigned"], true);
    app.must(Method::DELETE, "contact/v3/users/e1005?user_id_type=user_id", acceptor).await;
    assert_eq!(app.refused(Method::PATCH, "contact/v3/users/e1005?user_id_type=user_id", json!({ "name": "x" })).await, 42_006);

    server.kill_and_restart().await;
    let app = app.at(&server);
    app.must(Method::POST, "contact/v3/users/e1005/resurrect?user_id_type=user_id", json!({})).await;
    let mut back = server.client("e1005").await;
    assert_eq!(back.refused(GetChat { chat_id: owned }).await, 2001, "who is back starts without groups");
    assert!(back.must(GetChat { chat_id: alone }).await.dissolved, "what nobody else is in ends, and stays readable");
}

#[tokio::test]
async fn people_who_left_by_a_table_go_out_of_their_groups_at_the_next_start() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let user_ids = ["e1002", "e1003", "e1004"].map(str::to_owned).to_vec();
    let chat =
        owner.must(CreateGroup { client_message_id: "make".into(), name: "Team".into(), user_ids, ..CreateGroup::default() }).await.chat_id;
    server.terminate().await;
    let table = server.data().with_extension("csv");
    std::fs::write(&table, "user_id,name,resigned\ne1003,王五,yes\ne1004,赵敏,yes\n").expect("a table");
    let imported = server.operator(&["people", "import", table.to_str().expect("a path")]);
    assert!(imported.status.success(), "{imported:?}");
    server.restart().await;
    let mut owner = server.client("e1001").await;
    loop {
        let page = owner.must(Members { chat_id: chat, ..Members::default() }).await;
        if page.total == Some(2) {
            let ids: Vec<&str> = page.members.iter().map(|member| member.person.user_id.as_str()).collect();
            assert_eq!(ids, ["e1001", "e1002"]);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_new_colleague_signs_in_and_a_new_name_is_told_to_those_who_see_it() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let department = department_of(&app, "平台组").await;
    let path = "contact/v3/users?user_id_type=user_id&client_token=once";
    let made = app.must(Method::POST, path, person("e9001", "13900009001", &department)).await["user"].clone();
    let again = app.must(Method::POST, path, person("e9001", "13900009001", &department)).await["user"].clone();
    assert_eq!((&made["open_id"], &made["user_id"]), (&again["open_id"], &json!("e9001")), "trying again makes nobody else");
    assert_eq!(app.refused(Method::POST, "contact/v3/users", person("e9001", "13900009009", &department)).await, 41_011);
    assert_eq!(app.refused(Method::POST, "contact/v3/users", person("e9002", "+86 139-0000-9001", &department)).await, 41_001);

    let body = protocol::command::SignIn {
        login: "e9001".into(),
        password: "welcome-2026".into(),
        device_id: "device-of-e9001".into(),
        device_kind: protocol::person::DeviceKind::Tool,
        device_name: "test".into(),
    };
    let reply = crate::support::http()
        .post(server.url("/auth/v1/sign_in"))
        .header("content-type", "application/json")
        .body(Encoding::Json.encode(&body))
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status(), 200);

    let mut watcher = server.client("e1001").await;
    watcher.must(Watch { user_ids: vec!["e9001".into()] }).await;
    app.must(Method::PATCH, "contact/v3/users/e9001?user_id_type=user_id", json!({ "name": "赵新", "job_title": "工程师" })).await;
    let told = watcher.event("person_changed", |event| match event {
        Event::PersonChanged(changed) => Some(changed.person.clone()),
        _ => None,
    });
    let told = told.await;
    assert_eq!((told.user_id.as_str(), told.name.as_str(), told.title.as_deref()), ("e9001", "赵新", Some("工程师")));
    assert_eq!((told.mobile, told.email), (None, None), "what colleagues do not see is not told");
    assert_eq!(watcher.must(SearchPeople { query: "赵新".into(), ..SearchPeople::default() }).await.people.len(), 1);

    server.kill_and_restart().await;
    let user = app.at(&server).must(Method::GET, "contact/v3/users/e9001?user_id_type=user_id", json!({})).await["user"].clone();
    assert_eq!((&user["name"], &user["mobile"], &user["department_ids"]), (&json!("赵新"), &json!("13900009001"), &json!([department])));
}

#[tokio::test]
async fn a_frozen_person_is_out_until_thawed() {
    let server = Server::start().await;
    let app = App::of(&server, APP).await;
    let mut frozen = server.client("e1009").await;
    app.must(Method::PATCH, "contact/v3/users/e1009?user_id_type=user_id", json!({ "is_frozen": true })).await;
    assert_eq!(frozen.end().await.code, Some(CloseCode::PersonDisabled.number()));
    let user = app.must(Method::GET, "contact/v3/users/e1009?user_id_type=user_id", json!({})).await;
    assert_eq!((&user["user"]["status"]["is_frozen"], &user["user"]["status"]["is_resigned"]), (&json!(true), &json!(false)));
    app.must(Method::PATCH, "contact/v3/users/e1009?user_id_type=user_id", json!({ "is_frozen": false })).await;
    server.client("e1009").await;
}

#[tokio::test]
async fn a_department_moves_with_everything_below_it_and_is_deleted_only_empty() {
    let mut server = Server::start().await;
    let app = App::of(&server, APP).await;
    let make = |name: &str, parent: &str, id: &str| json!({ "name": name, "parent_department_id": parent, "department_id": id });
    let create = "contact/v3/departments?department_id_type=department_id";
    app.must(Method::POST, create, make("Works", "0", "W")).await;
    let line = app.must(Method::POST, create, make("Line", "W", "L1")).await["department"].clone();
    assert!(line["open_department_id"].as_str().is_some_and(|id| id.starts_with("od-")));
    assert_eq!((&line["department_id"], &line["parent_department_id"]), (&json!("L1"), &json!("W")));
    assert_eq!(app.refused(Method::POST, create, make("Line", "W", "L2")).await, 43_022);
    assert_eq!(app.refused(Method::POST, create, make("Other", "W", "L1")).await, 43_007);
    assert_eq!(app.refused(Method::POST, create, make("Other", "W", "od-x")).await, 43_008);
    assert_eq!(app.refused(Method::POST, create, make("a/b", "W", "L2")).await, 43_029);
    assert_eq!(app.refused(Method::POST, create, make("Other", "nowhere", "L2")).await, 40_015);

    app.must(Method::POST, "contact/v3/users?department_id_type=department_id", person("e9003", "13900009003", "L1")).await;
    let count = |path: &'static str| {
        let app = &app;
        async move { app.must(Method::GET, path, json!({})).await["department"]["member_count"].as_u64() }
    };
    let (works, root) = ("contact/v3/departments/W?department_id_type=department_id", "contact/v3/departments/0");
    let everybody = count(root).await;
    assert_eq!(count(works).await, Some(1));
    let patch = |id: &str| format!("contact/v3/departments/{id}?department_id_type=department_id");
    assert_eq!(app.refused(Method::PATCH, &patch("W"), json!({ "parent_department_id": "L1" })).await, 40_001, "a circle");
    app.must(Method::PATCH, &patch("L1"), json!({ "parent_department_id": "0" })).await;
    assert_eq!((count(works).await, count(root).await), (Some(0), everybody));
    app.must(
        Method::PATCH,
        &patch("L1"),
        json!({ "parent_department_id": "W", "order": "3", "leader_user_id": app.open_id("e9003").await }),
    )
    .await;
    assert_eq!((count(works).await, count(root).await), (Some(1), everybody));

    assert_eq!(app.refused(Method::DELETE, &patch("W"), json!({})).await, 43_012);
    assert_eq!(app.refused(Method::DELETE, &patch("L1"), json!({})).await, 43_011);
    assert_eq!(app.refused(Method::DELETE, &patch("0"), json!({})).await, 40_002);
    app.must(
        Method::PATCH,
        "contact/v3/departments/L1/update_department_id?department_id_type=department_id",
        json!({ "new_department_id": "L9" }),
    )
    .await;

    server.kill_and_restart().await;
    let app = app.at(&server);
    let user = app.must(Method::GET, "contact/v3/users/e9003?user_id_type=user_id&department_id_type=department_id", json!({})).await;
    assert_eq!(user["user"]["department_ids"], json!(["L9"]), "the person follows the id");
    let line = app.must(Method::GET, &patch("L9"), json!({})).await["department"].clone();
    assert_eq!((&line["order"], &line["member_count"]), (&json!("3"), &json!(1)));
    app.must(Method::PATCH, "contact/v3/users/e9003?user_id_type=user_id", json!({ "department_ids": ["0"] })).await;
    app.must(Method::DELETE, &patch("L9"), json!({})).await;
    app.must(Method::DELETE, &patch("W"), json!({})).await;
    assert_eq!(app.refused(Method::GET, &patch("L9"), json!({})).await, 40_015);
}
