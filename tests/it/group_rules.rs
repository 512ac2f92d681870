//! What a group's configuration forbids, who hears of comings and goings, and what stands around the messages.

use crate::support::{Client, Server, text_message};
use protocol::chat::{ChatConfigChange, I18nNames, Moderation, Notice, RestrictedMode, TakenOutBy};
use protocol::command::{
    AddTab, CreateGroup, Forward, GetChat, GetChatDetails, Leave, Moderators, Recall, RemoveTab, SetAnnouncement, SetManagers,
    SetModeration, SetTopNotice, UpdateChat,
};
use protocol::event::Event;
use protocol::ids::ChatId;
use protocol::record::{Change, MembersChanged};

async fn group(client: &mut Client, name: &str, user_ids: &[&str]) -> ChatId {
    let user_ids = user_ids.iter().map(|id| (*id).to_owned()).collect();
    let group = CreateGroup { client_message_id: format!("make-{name}"), name: name.into(), user_ids, ..CreateGroup::default() };
    client.must(group).await.chat_id
}

async fn configure(client: &mut Client, chat_id: ChatId, config: ChatConfigChange) {
    client.must(UpdateChat { chat_id, config: Some(config), ..UpdateChat::default() }).await;
}

async fn change(client: &mut Client, what: &str, wanted: impl Fn(&Change) -> bool) -> Change {
    client
        .event(what, |event| match event {
            Event::Record(record) if wanted(&record.change) => Some(record.change.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn only_those_on_the_list_post_where_a_list_says_so() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut speaker = server.client("e1002").await;
    let mut listener = server.client("e1003").await;
    let chat = group(&mut owner, "Hall", &["e1002", "e1003", "e1004"]).await;
    owner.must(SetManagers { chat_id: chat, add: vec!["e1004".into()], remove: vec![] }).await;
    let list = |add: &[&str], remove: &[&str]| SetModeration {
        chat_id: chat,
        moderation_permission: Some(Moderation::ModeratorList),
        add: add.iter().map(|id| (*id).to_owned()).collect(),
        remove: remove.iter().map(|id| (*id).to_owned()).collect(),
    };
    assert_eq!(server.client("e1004").await.refused(list(&["e1002"], &[])).await, 2002, "a manager does not say who may post");
    assert_eq!(owner.refused(list(&["e1002"], &["e1002"])).await, 1004);
    owner.must(list(&["e1002", "e1009"], &[])).await;
    let told = change(&mut listener, "who may post", |change| matches!(change, Change::ModerationChanged(_))).await;
    assert!(
        matches!(told, Change::ModerationChanged(moderation) if moderation.moderator_count == 1 && moderation.added == ["e1002"]),
        "a stranger is left out"
    );
    speaker.say(chat, "I may").await;
    assert_eq!(listener.ask(text_message(chat, "no", "x")).await.unwrap_err().code, 2002);
    server.client("e1004").await.say(chat, "managers may always").await;

    server.kill_and_restart().await;
    let mut owner = server.client("e1001").await;
    let mut listener = server.client("e1003").await;
    assert_eq!(listener.ask(text_message(chat, "still no", "x")).await.unwrap_err().code, 2002);
    let page = listener.must(Moderators { chat_id: chat, page: None }).await;
    assert_eq!((page.total, page.members[0].person.user_id.as_str()), (Some(1), "e1002"));
    server.client("e1002").await.must(Leave { chat_id: chat }).await;
    assert_eq!(owner.must(Moderators { chat_id: chat, page: None }).await.total, Some(0), "who leaves the group leaves the list");
    owner.must(SetModeration { chat_id: chat, moderation_permission: Some(Moderation::AllMembers), ..SetModeration::default() }).await;
    listener.say(chat, "at last").await;
}

#[tokio::test]
async fn restricted_mode_keeps_messages_in_the_group() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, "Secret", &["e1002"]).await;
    let elsewhere = group(&mut owner, "Elsewhere", &[]).await;
    let said = owner.say(chat, "the number").await;
    let forward = |id: &str| Forward { message_ids: vec![said.message_id], chat_id: elsewhere, client_message_id: id.into(), form: None };
    owner.must(forward("before")).await;
    let mode = RestrictedMode { status: true, message_has_permission_setting: TakenOutBy::NotAnyone, ..RestrictedMode::default() };
    let wrong = RestrictedMode { status: true, ..RestrictedMode::default() };
    let config = |mode: RestrictedMode| ChatConfigChange { restricted_mode_setting: Some(mode), ..ChatConfigChange::default() };
    assert_eq!(owner.refused(UpdateChat { chat_id: chat, config: Some(config(wrong)), ..UpdateChat::default() }).await, 1004);
    configure(&mut owner, chat, config(mode)).await;
    assert_eq!(owner.refused(forward("after")).await, 2017, "the owner neither");
    let rights = owner.must(GetChat { chat_id: chat }).await.rights;
    assert_eq!((rights.forward, rights.save_files), (false, true));
    configure(&mut owner, chat, config(RestrictedMode::default())).await;
    owner.must(forward("again")).await;
}

#[tokio::test]
async fn comings_and_goings_are_lines_for_all_for_managers_or_for_nobody() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, "Quiet", &["e1002", "e1003", "e1004"]).await;
    let mut line = async |leaver: &str, notice: Notice| -> MembersChanged {
        configure(&mut owner, chat, ChatConfigChange { leave_message_visibility: Some(notice), ..ChatConfigChange::default() }).await;
        server.client(leaver).await.must(Leave { chat_id: chat }).await;
        match change(&mut owner, "somebody left", |change| matches!(change, Change::MembersRemoved(_))).await {
            Change::MembersRemoved(moved) => moved,
            other => panic!("{other:?}"),
        }
    };
    for (leaver, notice, expected) in [
        ("e1002", Notice::AllMembers, (false, false)),
        ("e1003", Notice::OnlyOwner, (false, true)),
        ("e1004", Notice::NotAnyone, (true, false)),
    ] {
        let moved = line(leaver, notice).await;
        assert_eq!((moved.quiet, moved.managers_only), expected, "{notice:?}");
    }
}

#[tokio::test]
async fn announcement_top_notice_and_tabs_stand_over_a_crash_and_are_told() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let chat = group(&mut owner, "Board", &["e1002"]).await;
    let on_top = |message_id, announcement| SetTopNotice { chat_id: chat, message_id, announcement };
    assert_eq!(owner.refused(on_top(None, true)).await, 2003, "there is none yet");
    let announce = |text: &str, revision| SetAnnouncement { chat_id: chat, text: text.into(), revision };
    member.must(announce("Helmets on", None)).await;
    let told = change(&mut owner, "the announcement", |change| matches!(change, Change::Announced(_))).await;
    assert!(matches!(told, Change::Announced(announced) if announced.revision == 1 && announced.preview == "Helmets on"));
    owner.must(announce("Helmets and gloves on", Some(1))).await;
    assert_eq!(member.refused(announce("mine", Some(1))).await, 2020, "nobody writes over what they have not seen");
    owner.must(on_top(None, true)).await;
    owner.must(announce("Gloves on", None)).await;
    assert_eq!(member.must(GetChat { chat_id: chat }).await.top_notice.unwrap().preview, "Gloves on");
    owner.must(AddTab { chat_id: chat, name: "Plan".into(), url: "https://example.com/plan".into() }).await;
    assert_eq!(owner.refused(AddTab { chat_id: chat, name: "Bad".into(), url: "javascript:alert(1)".into() }).await, 1004);

    server.kill_and_restart().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let seen = member.must(GetChat { chat_id: chat }).await;
    assert_eq!(seen.top_notice.unwrap().message_id, None);
    let details = member.must(GetChatDetails { chat_id: chat }).await;
    let announcement = details.announcement.expect("it was written");
    assert_eq!((announcement.revision, announcement.text.as_str(), announcement.owner.as_str()), (3, "Gloves on", "e1002"));
    let tab = details.tabs.iter().find(|tab| tab.name == "Plan").expect("it was added");
    assert_eq!(details.tabs[0].tab_type, "message");
    let said = owner.say(chat, "read this").await;
    owner.must(on_top(Some(said.message_id), false)).await;
    assert_eq!(member.must(GetChat { chat_id: chat }).await.top_notice.unwrap().seq, Some(said.seq));
    owner.must(Recall { message_id: said.message_id }).await;
    assert_eq!(member.must(GetChat { chat_id: chat }).await.top_notice, None, "a recalled message stands nowhere");
    assert_eq!(owner.refused(on_top(Some(said.message_id), false)).await, 2007);
    let removed = member.must(RemoveTab { chat_id: chat, tab_id: tab.tab_id.clone() }).await;
    assert_eq!(member.must(GetChat { chat_id: chat }).await.details_seq, Some(removed.seq));
    assert_eq!(server.client("e1009").await.refused(GetChatDetails { chat_id: chat }).await, 2001);
}

#[tokio::test]
async fn a_group_has_names_in_several_languages() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let names = I18nNames { zh_cn: Some("夜班".into()), en_us: Some("Night shift".into()), ja_jp: None };
    let make =
        CreateGroup { client_message_id: "n".into(), name: "Nacht".into(), i18n_names: Some(names.clone()), ..CreateGroup::default() };
    let chat = owner.must(make).await;
    assert_eq!(chat.i18n_names, Some(names));
    owner.must(UpdateChat { chat_id: chat.chat_id, i18n_names: Some(I18nNames::default()), ..UpdateChat::default() }).await;
    assert_eq!(owner.must(GetChat { chat_id: chat.chat_id }).await.i18n_names, None);
}
