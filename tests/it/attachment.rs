//! Pictures and files: fetched by members of a chat where they were posted, and by nobody else.

use crate::support::{Server, http};
use protocol::command::{CreateGroup, RemoveMembers, Send};
use protocol::content::{Content, File, Image};

async fn upload(server: &Server, token: &str, name: &str, body: Vec<u8>) -> serde_json::Value {
    let reply = http().post(server.url(&format!("/files?name={name}"))).bearer_auth(token).body(body).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    reply.json().await.unwrap()
}

async fn fetch(server: &Server, token: &str, key: &str) -> u16 {
    http().get(server.url(&format!("/files/{key}"))).bearer_auth(token).send().await.unwrap().status().as_u16()
}

/// A PNG of one pixel.
fn png() -> Vec<u8> {
    hex::decode("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082").unwrap()
}

#[tokio::test]
async fn only_members_of_a_chat_where_it_was_posted_may_fetch_a_file() {
    let server = Server::start().await;
    let (owner_token, member_token, stranger_token) = (
        server.token("e1001", "device-1001").await,
        server.token("e1002", "device-1002").await,
        server.token("e1005", "device-1005").await,
    );
    let mut owner = server.client("e1001").await;
    let mut stranger = server.client("e1005").await;
    let chat_id = owner
        .must(CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() })
        .await
        .chat_id;

    let uploaded = upload(&server, &owner_token, "secret.txt", b"for us".to_vec()).await;
    let key = uploaded["key"].as_str().unwrap().to_owned();
    assert_eq!(fetch(&server, &owner_token, &key).await, 200, "the uploader may");
    assert_eq!(fetch(&server, &member_token, &key).await, 404, "nobody else, before it is posted");
    let post = |chat_id, id: &str| Send {
        chat_id,
        client_message_id: id.into(),
        content: Content::File(File { key: key.clone(), ..File::default() }),
        ..Send::default()
    };
    let elsewhere = stranger.direct("e1006").await;
    assert_eq!(stranger.refused(post(elsewhere, "steal")).await, 2010, "a key alone does not let one post somebody's file");
    owner.must(post(chat_id, "post")).await;
    assert_eq!(fetch(&server, &member_token, &key).await, 200);
    assert_eq!(fetch(&server, &stranger_token, &key).await, 404);
    owner.must(RemoveMembers { chat_id, user_ids: vec!["e1002".into()] }).await;
    assert_eq!(fetch(&server, &member_token, &key).await, 404);
}

#[tokio::test]
async fn the_server_knows_what_a_picture_is() {
    let server = Server::start().await;
    let token = server.token("e1001", "device-1001").await;
    let mut one = server.client("e1001").await;
    let chat_id = one.direct("e1002").await;
    let picture = upload(&server, &token, "dot.png", png()).await;
    let text = upload(&server, &token, "not-a-picture.png", b"hello".to_vec()).await;
    let image = |value: &serde_json::Value, id: &str| Send {
        chat_id,
        client_message_id: id.into(),
        content: Content::Image(Image { key: value["key"].as_str().unwrap().into(), width: Some(9_999), ..Image::default() }),
        ..Send::default()
    };
    one.must(image(&picture, "a")).await;
    let (_, message) = one.message().await;
    let Content::Image(shown) = message.content else { panic!("an image") };
    assert_eq!((shown.width, shown.height), (Some(1), Some(1)), "sizes are the server's, not the sender's");
    assert_eq!(one.refused(image(&text, "b")).await, 1004);
}
