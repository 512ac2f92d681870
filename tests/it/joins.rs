//! Joining with consent: asking, deciding, being told, also over a crash; and links.

use crate::support::{Client, Server};
use protocol::chat::{Approval, ChatConfigChange, Visibility, Who};
use protocol::command::{
    AddMembers, CreateGroup, DecideJoin, Dissolve, GetChat, Join, JoinOutcome, JoinRequests, Leave, LinkedChat, MakeShareLink, Members,
    MyJoinRequests, SearchGroups, SetManagers, UpdateChat, Validity, WithdrawJoin,
};
use protocol::event::Event;
use protocol::ids::ChatId;

async fn group(client: &mut Client, name: &str, config: ChatConfigChange, user_ids: &[&str]) -> ChatId {
    let user_ids = user_ids.iter().map(|id| (*id).to_owned()).collect();
    let config = Some(config);
    let group = CreateGroup { client_message_id: format!("make-{name}"), name: name.into(), user_ids, config, ..CreateGroup::default() };
    client.must(group).await.chat_id
}

fn with_consent() -> ChatConfigChange {
    ChatConfigChange { chat_type: Some(Visibility::Public), membership_approval: Some(Approval::Required), ..ChatConfigChange::default() }
}

fn join(chat_id: ChatId) -> Join {
    Join { chat_id, ..Join::default() }
}

fn decide(chat_id: ChatId, user_ids: &[&str], accept: bool) -> DecideJoin {
    DecideJoin { chat_id, user_ids: user_ids.iter().map(|id| (*id).to_owned()).collect(), accept, reason: None }
}

async fn waiting(client: &mut Client, what: &str) -> u32 {
    client
        .event(what, |event| match event {
            Event::JoinsWaiting(waiting) => Some(waiting.count),
            _ => None,
        })
        .await
}

async fn decided(client: &mut Client, what: &str) -> (String, JoinOutcome, Option<String>) {
    client
        .event(what, |event| match event {
            Event::JoinDecided(decided) => Some((decided.user_id.clone(), decided.outcome, decided.reason.clone())),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn who_asks_to_join_is_let_in_or_told_why_not() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut manager = server.client("e1002").await;
    let mut member = server.client("e1003").await;
    let mut stranger = server.client("e1004").await;
    let mut other = server.client("e1005").await;
    let chat = group(&mut owner, "Consent", with_consent(), &["e1002", "e1003"]).await;
    owner.must(SetManagers { chat_id: chat, add: vec!["e1002".into()], remove: vec![] }).await;

    let asked = stranger.must(Join { reason: Some("new in the team".into()), ..join(chat) }).await;
    assert!(asked.requested && asked.chat.is_none());
    assert_eq!(waiting(&mut owner, "the owner sees it").await, 1);
    assert_eq!(waiting(&mut manager, "the manager sees it").await, 1);
    assert_eq!(stranger.refused(GetChat { chat_id: chat }).await, 2001, "who waits is no member");
    assert!(stranger.must(join(chat)).await.requested, "asking again changes nothing");
    other.must(join(chat)).await;
    assert_eq!(waiting(&mut owner, "two wait").await, 2);
    assert_eq!(owner.must(GetChat { chat_id: chat }).await.pending_requests, Some(2));
    assert_eq!(member.must(GetChat { chat_id: chat }).await.pending_requests, None);

    let page = manager.must(JoinRequests { chat_id: chat, page: None }).await;
    assert_eq!(page.total, 2);
    assert_eq!(page.requests[0].person.user_id, "e1004", "the longest waiting first");
    assert_eq!((page.requests[0].asked_by.as_str(), page.requests[0].reason.as_deref()), ("e1004", Some("new in the team")));
    assert_eq!(member.refused(JoinRequests { chat_id: chat, page: None }).await, 2002);
    assert_eq!(member.refused(decide(chat, &["e1004"], true)).await, 2002);
    assert_eq!(stranger.refused(decide(chat, &["e1004"], true)).await, 2001, "nobody lets oneself in");

    let done = manager.must(decide(chat, &["e1004", "e1009"], true)).await;
    assert_eq!((done.decided, done.not_waiting), (1, vec!["e1009".to_owned()]));
    assert_eq!(decided(&mut stranger, "let in").await, ("e1004".into(), JoinOutcome::Accepted, None));
    assert_eq!(owner.must(decide(chat, &["e1004"], true)).await.decided, 0, "decided once");
    stranger.say(chat, "hello").await;

    owner.must(DecideJoin { reason: Some("for plant 1 only".into()), ..decide(chat, &["e1005"], false) }).await;
    let told = ("e1005".to_owned(), JoinOutcome::Refused, Some("for plant 1 only".to_owned()));
    assert_eq!(decided(&mut other, "refused").await, told);
    while waiting(&mut owner, "nobody waits").await > 0 {}
    let mine = other.must(MyJoinRequests {}).await.requests;
    assert_eq!((mine.len(), mine[0].outcome, mine[0].name.as_str()), (1, JoinOutcome::Refused, "Consent"));
    assert!(other.must(join(chat)).await.requested, "who was refused may ask again");
    other.must(WithdrawJoin { chat_id: chat }).await;
    assert_eq!(owner.must(JoinRequests { chat_id: chat, page: None }).await.total, 0);
}

#[tokio::test]
async fn members_who_add_others_ask_for_them() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let mut newcomer = server.client("e1003").await;
    let chat = group(&mut owner, "Asked for", with_consent(), &["e1002"]).await;
    let add =
        |ids: &[&str]| AddMembers { chat_id: chat, user_ids: ids.iter().map(|id| (*id).to_owned()).collect(), ..AddMembers::default() };
    let added = member.must(add(&["e1003", "e1004", "e1001"])).await;
    assert_eq!((added.changed, added.pending), (0, vec!["e1003".to_owned(), "e1004".to_owned()]), "who is in it already does not wait");
    assert_eq!(owner.must(JoinRequests { chat_id: chat, page: None }).await.requests[0].asked_by, "e1002");
    assert_eq!(owner.must(add(&["e1003"])).await.changed, 1, "the owner adds at once, which answers the request");
    assert_eq!(decided(&mut member, "the one who had asked is told").await, ("e1003".into(), JoinOutcome::Accepted, None));
    newcomer.say(chat, "thanks").await;
    assert_eq!(owner.must(JoinRequests { chat_id: chat, page: None }).await.total, 1);
    owner.must(Dissolve { chat_id: chat }).await;
    assert_eq!(decided(&mut member, "the group is gone").await, ("e1004".into(), JoinOutcome::GroupGone, None));
    assert_eq!(owner.refused(decide(chat, &["e1004"], true)).await, 2005);
}

#[tokio::test]
async fn requests_outlive_a_crash_and_are_decided_once_by_two_who_decide_at_once() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let chat = group(&mut owner, "Crash", with_consent(), &["e1002"]).await;
    owner.must(SetManagers { chat_id: chat, add: vec!["e1002".into()], remove: vec![] }).await;
    for login in ["e1003", "e1004"] {
        server.client(login).await.must(join(chat)).await;
    }
    server.kill_and_restart().await;
    let mut owner = server.client("e1001").await;
    let mut manager = server.client("e1002").await;
    assert_eq!(owner.must(GetChat { chat_id: chat }).await.pending_requests, Some(2));
    assert_eq!(owner.must(JoinRequests { chat_id: chat, page: None }).await.requests.len(), 2);
    let one = owner.post(&decide(chat, &["e1003", "e1004"], true)).await;
    let other = manager.post(&decide(chat, &["e1003", "e1004"], false)).await;
    let one = owner.reply::<DecideJoin>(one).await.expect("the owner may");
    let other = manager.reply::<DecideJoin>(other).await.expect("the manager may");
    assert_eq!(one.decided + other.decided, 2, "each request has one answer: {one:?} {other:?}");
    server.kill_and_restart().await;
    let mut owner = server.client("e1001").await;
    assert_eq!(owner.must(GetChat { chat_id: chat }).await.pending_requests, Some(0));
    let members = owner.must(Members { chat_id: chat, ..Members::default() }).await.members;
    let outcome = server.client("e1003").await.must(MyJoinRequests {}).await.requests[0].outcome;
    let inside = members.iter().any(|member| member.person.user_id == "e1003");
    assert_eq!(inside, outcome == JoinOutcome::Accepted, "what was told is so");
}

#[tokio::test]
async fn a_link_lets_in_until_its_maker_goes() {
    let server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let mut member = server.client("e1002").await;
    let mut friend = server.client("e1003").await;
    let mut late = server.client("e1004").await;
    let chat = group(&mut owner, "Private", ChatConfigChange::default(), &["e1002"]).await;
    assert_eq!(friend.refused(join(chat)).await, 2001);
    let link = member.must(MakeShareLink { chat_id: chat, validity: Some(Validity::Year) }).await;
    assert!(link.expires_at_ms.is_some() && link.path.ends_with(&link.token));
    let seen = friend.must(LinkedChat { token: link.token.clone() }).await;
    assert_eq!((seen.chat_id, seen.name.as_str(), seen.joined), (chat, "Private", false));
    let by_link = |token: &str| Join { link: Some(token.to_owned()), ..join(chat) };
    assert!(friend.must(by_link(&link.token)).await.chat.is_some());
    assert_eq!(late.refused(by_link("00")).await, 2019);
    assert_eq!(late.refused(by_link(&link.token.replace(&link.token[..4], "ffff"))).await, 2019);

    // The group reserves adding: the member's link is dead, the owner's lives.
    let config = Some(ChatConfigChange { add_member_permission: Some(Who::OnlyOwner), ..ChatConfigChange::default() });
    owner.must(UpdateChat { chat_id: chat, config, ..UpdateChat::default() }).await;
    assert_eq!(late.refused(by_link(&link.token)).await, 2019);
    assert_eq!(member.refused(MakeShareLink { chat_id: chat, validity: None }).await, 2002);
    let owners = owner.must(MakeShareLink { chat_id: chat, validity: Some(Validity::Permanently) }).await;
    assert_eq!(owners.expires_at_ms, None);
    let config = Some(ChatConfigChange { membership_approval: Some(Approval::Required), ..ChatConfigChange::default() });
    owner.must(UpdateChat { chat_id: chat, config, ..UpdateChat::default() }).await;
    assert!(late.must(by_link(&owners.token)).await.requested, "a link does not stand for consent");
    let config = Some(ChatConfigChange { add_member_permission: Some(Who::AllMembers), ..ChatConfigChange::default() });
    owner.must(UpdateChat { chat_id: chat, config, ..UpdateChat::default() }).await;
    late.must(LinkedChat { token: link.token.clone() }).await;
    member.must(Leave { chat_id: chat }).await;
    assert_eq!(late.refused(LinkedChat { token: link.token }).await, 2019);
}

#[tokio::test]
async fn public_groups_are_found_by_name_and_own_ones_by_their_members_too() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let public = ChatConfigChange { chat_type: Some(Visibility::Public), ..ChatConfigChange::default() };
    let open = group(&mut owner, "巡检 Patrol", public.clone(), &["e1002"]).await;
    let own = group(&mut owner, "Night patrol", ChatConfigChange::default(), &["e1009"]).await;
    let search = |query: &str| SearchGroups { query: query.into(), ..SearchGroups::default() };
    let mut stranger = server.client("e1005").await;
    let found = stranger.must(search("PATROL")).await.groups;
    assert_eq!(found.len(), 1, "a private group is not found by strangers");
    assert_eq!((found[0].chat_id, found[0].joined, found[0].member_count), (open, false, Some(2)));
    let found = owner.must(search("patrol")).await.groups;
    assert_eq!(
        found.iter().map(|group| group.chat_id).collect::<Vec<_>>(),
        [own, open].map(|chat| if chat == own { own } else { open }).to_vec()
    );
    let name = owner.must(Members { chat_id: own, query: Some("e1009".into()), ..Members::default() }).await.members[0].person.name.clone();
    assert!(owner.must(search(&name)).await.groups.iter().any(|group| group.chat_id == own), "by the name of a member");
    assert!(stranger.must(search(&name)).await.groups.is_empty(), "who is in a public group is nobody's business");

    let taken = CreateGroup {
        client_message_id: "again".into(),
        name: "巡检  patrol".into(),
        config: Some(public.clone()),
        ..CreateGroup::default()
    };
    assert_eq!(stranger.refused(taken.clone()).await, 2018);
    let make = CreateGroup {
        client_message_id: "make-巡检 Patrol".into(),
        name: "巡检 Patrol".into(),
        config: Some(public),
        ..CreateGroup::default()
    };
    assert_eq!(owner.must(make).await.chat_id, open, "trying again gives the same group, not a name that is taken");
    server.kill_and_restart().await;
    let mut stranger = server.client("e1005").await;
    assert_eq!(stranger.refused(taken.clone()).await, 2018, "names are taken over a restart");
    assert_eq!(stranger.must(search("巡检")).await.groups.len(), 1);
    server.client("e1001").await.must(Dissolve { chat_id: open }).await;
    assert!(stranger.must(search("巡检")).await.groups.is_empty());
    stranger.must(taken).await;
}
