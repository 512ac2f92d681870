//! The life of a group: made, configured, filled, given away, dissolved; who may do what.

use crate::support::{Client, Server};
use protocol::chat::{ChatConfigChange, HistoryFor, Moderation, Role, Visibility, Who};
use protocol::command::{
    AddMembers, CreateGroup, Dissolve, GetChat, History, Inbox, Join, Leave, Members, RemoveMembers, Send, SetManagers, Transfer,
    UpdateChat,
};
use protocol::content::{Content, Text};
use protocol::event::Event;
use protocol::ids::ChatId;
use protocol::record::Change;

async fn group(client: &mut Client, name: &str, user_ids: &[&str]) -> ChatId {
    let user_ids = user_ids.iter().map(|id| (*id).to_owned()).collect();
    client
        .must(CreateGroup { client_message_id: format!("make-{name}"), name: name.into(), user_ids, ..CreateGroup::default() })
        .await
        .chat_id
}

#[tokio::test]
async fn a_group_is_made_and_everybody_in_it_is_told() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let chat = group(&mut owner, "项目组", &["e1002", "e1003"]).await;
    let record = member.record().await;
    assert_eq!((record.chat_id, record.seq), (chat, 1));
    assert!(matches!(record.change, Change::Created(created) if created.member_count == 3 && created.name == "项目组"));
    assert_eq!(chat, group(&mut owner, "项目组", &["e1002", "e1003"]).await, "trying again gives the same group");

    let seen = member.must(GetChat { chat_id: chat }).await;
    assert_eq!((seen.role, seen.member_count, seen.owner.as_deref()), (Role::Member, Some(3), Some("e1001")));
    let page = member.must(Members { chat_id: chat, ..Members::default() }).await;
    assert_eq!(page.total, Some(3));
    assert_eq!((page.members[0].person.user_id.as_str(), page.members[0].role), ("e1001", Role::Owner));
    let found = member.must(Members { chat_id: chat, query: Some("e1003".into()), ..Members::default() }).await;
    assert_eq!(found.members.len(), 1);
}

#[tokio::test]
async fn the_configuration_binds_members() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let chat = group(&mut owner, "Rules", &["e1002", "e1003"]).await;
    let config = ChatConfigChange {
        edit_permission: Some(Who::OnlyOwner),
        add_member_permission: Some(Who::OnlyOwner),
        at_all_permission: Some(Who::OnlyOwner),
        moderation_permission: Some(Moderation::OnlyOwner),
        hide_member_count_setting: Some(Who::OnlyOwner),
        ..ChatConfigChange::default()
    };
    assert_eq!(member.refused(UpdateChat { chat_id: chat, config: Some(config.clone()), ..UpdateChat::default() }).await, 2002);
    owner.must(UpdateChat { chat_id: chat, config: Some(config), ..UpdateChat::default() }).await;

    assert_eq!(member.refused(UpdateChat { chat_id: chat, name: Some("Mine".into()), ..UpdateChat::default() }).await, 2002);
    assert_eq!(member.refused(AddMembers { chat_id: chat, user_ids: vec!["e1004".into()], ..AddMembers::default() }).await, 2002);
    let text = |all| Send {
        chat_id: chat,
        client_message_id: format!("all-{all}"),
        content: Content::Text(Text { text: "x".into() }),
        mention_all: all,
        ..Send::default()
    };
    assert_eq!(member.refused(text(false)).await, 2002);
    let seen = member.must(GetChat { chat_id: chat }).await;
    assert_eq!((seen.rights.post, seen.rights.add_members, seen.member_count), (false, false, None));

    owner.must(SetManagers { chat_id: chat, add: vec!["e1002".into()], remove: vec![] }).await;
    member.must(text(true)).await;
    member.must(UpdateChat { chat_id: chat, name: Some("Ours".into()), ..UpdateChat::default() }).await;
    let renamed = owner
        .event("the new name", |event| match event {
            Event::Record(record) => match &record.change {
                Change::Updated(updated) => updated.name.clone(),
                _ => None,
            },
            _ => None,
        })
        .await;
    assert_eq!(renamed, "Ours");
}

#[tokio::test]
async fn newcomers_see_the_past_or_not_as_the_group_says() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let open = group(&mut owner, "Open", &["e1002"]).await;
    let shut = group(&mut owner, "Shut", &["e1002"]).await;
    owner
        .must(UpdateChat {
            chat_id: shut,
            config: Some(ChatConfigChange { history: Some(HistoryFor::SinceJoin), ..ChatConfigChange::default() }),
            ..UpdateChat::default()
        })
        .await;
    let mut newcomer = server.client("e1003").await;
    for chat in [open, shut] {
        let old = owner.say(chat, "old").await;
        let added =
            owner.must(AddMembers { chat_id: chat, user_ids: vec!["e1003".into(), "nobody".into()], ..AddMembers::default() }).await;
        assert_eq!((added.changed, added.unknown), (1, vec!["nobody".to_owned()]));
        let added_me = newcomer
            .event("being added", |event| match event {
                Event::Record(record) if record.chat_id == chat => match &record.change {
                    Change::MembersAdded(added) => Some(added.me),
                    _ => None,
                },
                _ => None,
            })
            .await;
        assert!(added_me);
        owner.say(chat, "new").await;
        let page = newcomer.must(History { chat_id: chat, ..History::default() }).await;
        assert_eq!(page.records.iter().any(|record| record.seq == old.seq), chat == open);
        assert!(page.start);
        let entry = newcomer.must(Inbox { chat_ids: vec![chat], ..Inbox::default() }).await.entries.pop().unwrap();
        assert_eq!(entry.unread, 1, "what was said before one came is not unread");
    }
}

#[tokio::test]
async fn the_owner_stays_until_the_group_is_given_away() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let chat = group(&mut owner, "Stay", &["e1002", "e1003"]).await;
    assert_eq!(owner.refused(Leave { chat_id: chat }).await, 2012);
    assert_eq!(member.refused(Transfer { chat_id: chat, user_id: "e1002".into() }).await, 2002);
    assert_eq!(owner.refused(Transfer { chat_id: chat, user_id: "e1009".into() }).await, 1004);
    owner.must(Transfer { chat_id: chat, user_id: "e1002".into() }).await;
    owner.must(Leave { chat_id: chat }).await;
    assert_eq!(owner.refused(GetChat { chat_id: chat }).await, 2001);
    assert_eq!(member.must(GetChat { chat_id: chat }).await.role, Role::Owner);
    assert_eq!(member.refused(RemoveMembers { chat_id: chat, user_ids: vec!["e1002".into()] }).await, 2012);
}

#[tokio::test]
async fn a_dissolved_group_can_be_read_but_not_written() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let chat = group(&mut owner, "End", &["e1002"]).await;
    member.say(chat, "the last word").await;
    assert_eq!(member.refused(Dissolve { chat_id: chat }).await, 2002);
    owner.must(Dissolve { chat_id: chat }).await;
    owner.must(Dissolve { chat_id: chat }).await;
    assert_eq!(member.ask(crate::support::text_message(chat, "late", "x")).await.unwrap_err().code, 2005);
    let page = member.must(History { chat_id: chat, ..History::default() }).await;
    assert_eq!(page.records.len(), 3);
}

#[tokio::test]
async fn only_public_groups_are_joined() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut stranger = server.client("e1005").await;
    let chat = group(&mut owner, "Public", &[]).await;
    assert_eq!(stranger.refused(Join { chat_id: chat, ..Join::default() }).await, 2001);
    owner
        .must(UpdateChat {
            chat_id: chat,
            config: Some(ChatConfigChange { chat_type: Some(Visibility::Public), ..ChatConfigChange::default() }),
            ..UpdateChat::default()
        })
        .await;
    assert!(stranger.must(Join { chat_id: chat, ..Join::default() }).await.chat.is_some());
    stranger.say(chat, "hello").await;
}

#[tokio::test]
async fn everybody_of_a_department_comes_with_one_call() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat = owner
        .must(CreateGroup {
            client_message_id: "all".into(),
            name: "全员".into(),
            department_ids: vec!["0".into()],
            ..CreateGroup::default()
        })
        .await;
    assert!(chat.member_count.unwrap() >= 60);
    let mut seen = 0;
    let mut page = None;
    loop {
        let part = owner.must(Members { chat_id: chat.chat_id, limit: Some(25), page, ..Members::default() }).await;
        seen += part.members.len();
        page = part.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(seen, chat.member_count.unwrap() as usize, "pages neither skip nor repeat");
}
