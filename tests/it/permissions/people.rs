//! Which person may give which command of the client protocol.

use super::Place::{self, Closed, Direct, Open, Own, Public, Quiet};
use crate::support::{Client, Server, text_message};
use protocol::chat::{Approval, ChatConfigChange, Moderation, Visibility, Who};
use protocol::codec::Encoding;
use protocol::command::{
    AddCustomBot, AddMembers, AddTab, Command, CreateGroup, GetChatDetails, Join, MakeShareLink, Pin, RaiseUrgent, React, RemoveMembers,
    SetAnnouncement, SetManagers, SetTopNotice, Transfer, UpdateChat,
};
use protocol::error::ErrorBody;
use protocol::ids::{ChatId, MessageId};
use protocol::urgent::{EveryMember, UrgentAudience};
use std::collections::HashSet;

/// People by their place in the group that a cell is tried on: its owner, a manager, a member, one outside. The member has made the group
/// and given it away, which leaves no right.
const ROLES: [&str; 4] = ["owner", "manager", "member", "stranger"];

/// Each role's person.
const PEOPLE: [&str; 4] = ["e1001", "e1002", "e1003", "e1004"];

/// A member who has sent the message.
const AUTHOR: &str = "e1005";

/// Asks to be let in.
const GUEST: &str = "e1006";

/// A command with its body, and its error for each role; 0 is done. What stands in braces is made by [`Office::fill`].
type Row = (Place, &'static str, &'static str, [u16; 4]);

#[rustfmt::skip]
const MATRIX: &[Row] = &[
    // The group                                                                                          owner manager member stranger
    (Open, "chat", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Public, "chat", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "update_chat", r#"{"chat_id":"{chat}","name":"New name"}"#, [0, 0, 0, 2001]),
    (Closed, "update_chat", r#"{"chat_id":"{chat}","name":"New name"}"#, [0, 0, 2002, 2001]),
    (Open, "update_chat", r#"{"chat_id":"{chat}","config":{"urgent_setting":"only_owner"}}"#, [0, 0, 2002, 2001]),
    (Open, "update_chat", r#"{"chat_id":"{chat}","config":{"moderation_permission":"only_owner"}}"#, [0, 2002, 2002, 2001]),
    (Open, "set_moderation", r#"{"chat_id":"{chat}","moderation_permission":"only_owner"}"#, [0, 2002, 2002, 2001]),
    (Open, "moderators", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "transfer", r#"{"chat_id":"{chat}","user_id":"e1005"}"#, [0, 2002, 2002, 2001]),
    (Open, "dissolve", r#"{"chat_id":"{chat}"}"#, [0, 2002, 2002, 2001]),
    (Open, "my_chat", r#"{"chat_id":"{chat}","muted":true}"#, [0, 0, 0, 2001]),
    (Public, "my_chat", r#"{"chat_id":"{chat}","muted":true}"#, [0, 0, 0, 2001]),
    // Members
    (Open, "members", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Public, "members", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "online_count", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "add_members", r#"{"chat_id":"{chat}","user_ids":["e1007"]}"#, [0, 0, 0, 2001]),
    (Closed, "add_members", r#"{"chat_id":"{chat}","user_ids":["e1007"]}"#, [0, 0, 2002, 2001]),
    (Open, "remove_members", r#"{"chat_id":"{chat}","user_ids":["e1005"]}"#, [0, 0, 2002, 2001]),
    (Open, "remove_members", r#"{"chat_id":"{chat}","user_ids":["e1001"]}"#, [2012, 2012, 2002, 2001]),
    (Open, "remove_members", r#"{"chat_id":"{chat}","user_ids":["{manager}"]}"#, [0, 2002, 2002, 2001]),
    (Open, "leave", r#"{"chat_id":"{chat}"}"#, [2012, 0, 0, 2001]),
    (Closed, "leave", r#"{"chat_id":"{chat}"}"#, [2012, 0, 0, 2001]),
    (Open, "set_managers", r#"{"chat_id":"{chat}","add":["e1005"]}"#, [0, 2002, 2002, 2001]),
    (Open, "set_managers", r#"{"chat_id":"{chat}","remove":["e1002"]}"#, [0, 2002, 2002, 2001]),
    (Open, "join", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Public, "join", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 0]),
    (Open, "join", r#"{"chat_id":"{chat}","link":"{link}"}"#, [0, 0, 0, 0]),
    (Closed, "join", r#"{"chat_id":"{chat}","link":"{link}"}"#, [0, 0, 0, 0]),
    (Open, "linked_chat", r#"{"token":"{link}"}"#, [0, 0, 0, 0]),
    (Open, "share_link", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Closed, "share_link", r#"{"chat_id":"{chat}"}"#, [0, 0, 2002, 2001]),
    (Public, "share_link", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Public, "join_requests", r#"{"chat_id":"{chat}"}"#, [0, 0, 2002, 2001]),
    (Public, "decide_join", r#"{"chat_id":"{chat}","user_ids":["{guest}"],"accept":true}"#, [0, 0, 2002, 2001]),
    (Public, "decide_join", r#"{"chat_id":"{chat}","user_ids":["{guest}"],"accept":false}"#, [0, 0, 2002, 2001]),
    // What stands around the messages
    (Open, "chat_details", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Public, "chat_details", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "set_announcement", r#"{"chat_id":"{chat}","text":"Read this"}"#, [0, 0, 0, 2001]),
    (Closed, "set_announcement", r#"{"chat_id":"{chat}","text":"Read this"}"#, [0, 0, 2002, 2001]),
    (Open, "set_top_notice", r#"{"chat_id":"{chat}","message_id":"{message}"}"#, [0, 0, 0, 2001]),
    (Closed, "set_top_notice", r#"{"chat_id":"{chat}","message_id":"{message}"}"#, [0, 0, 2002, 2001]),
    (Open, "set_top_notice", r#"{"chat_id":"{announced}","announcement":true}"#, [0, 0, 0, 2001]),
    (Closed, "set_top_notice", r#"{"chat_id":"{announced}","announcement":true}"#, [0, 0, 2002, 2001]),
    (Open, "set_top_notice", r#"{"chat_id":"{on top}"}"#, [0, 0, 0, 2001]),
    (Closed, "set_top_notice", r#"{"chat_id":"{on top}"}"#, [0, 0, 2002, 2001]),
    (Open, "add_tab", r#"{"chat_id":"{chat}","name":"Plan","url":"https://example.com"}"#, [0, 0, 0, 2001]),
    (Closed, "add_tab", r#"{"chat_id":"{chat}","name":"Plan","url":"https://example.com"}"#, [0, 0, 2002, 2001]),
    (Open, "remove_tab", r#"{"chat_id":"{chat}","tab_id":"{tab}"}"#, [0, 0, 0, 2001]),
    (Closed, "remove_tab", r#"{"chat_id":"{chat}","tab_id":"{tab}"}"#, [0, 0, 2002, 2001]),
    (Open, "add_custom_bot", r#"{"chat_id":"{chat}","client_message_id":"{new}","name":"Lager"}"#, [0, 0, 2002, 2001]),
    (Open, "custom_bots", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "change_custom_bot", r#"{"chat_id":"{chat}","user_id":"{bot}","name":"New"}"#, [0, 0, 2002, 2001]),
    (Open, "renew_custom_bot", r#"{"chat_id":"{chat}","user_id":"{bot}","secret":true}"#, [0, 0, 2002, 2001]),
    (Open, "remove_custom_bot", r#"{"chat_id":"{chat}","user_id":"{bot}"}"#, [0, 0, 2002, 2001]),
    (Open, "remove_members", r#"{"chat_id":"{chat}","user_ids":["{bot}"]}"#, [0, 0, 2002, 2001]),
    // Messages
    (Open, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"hello"}}}"#, [0, 0, 0, 2001]),
    (Closed, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"hello"}}}"#, [0, 0, 2002, 2001]),
    (Public, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"hello"}}}"#, [0, 0, 0, 2001]),
    (Open, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"yes"}},"reply_to":"{message}"}"#, [0, 0, 0, 2001]),
    (Closed, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"yes"}},"reply_to":"{message}","in_thread":true}"#, [0, 0, 2002, 2001]),
    (Open, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"@all"}},"mention_all":true}"#, [0, 0, 0, 2001]),
    (Quiet, "send", r#"{"chat_id":"{chat}","client_message_id":"{new}","content":{"text":{"text":"@all"}},"mention_all":true}"#, [0, 0, 2002, 2001]),
    (Open, "send", r#"{"chat_id":"{elsewhere}","client_message_id":"{new}","content":{"share_chat":{"chat_id":"{chat}"}}}"#, [0, 0, 0, 2001]),
    (Closed, "send", r#"{"chat_id":"{elsewhere}","client_message_id":"{new}","content":{"share_chat":{"chat_id":"{chat}"}}}"#, [0, 0, 2002, 2001]),
    (Open, "edit", r#"{"message_id":"{message}","content":{"text":{"text":"mine"}}}"#, [2002, 2002, 2002, 2003]),
    (Own, "edit", r#"{"message_id":"{message}","content":{"text":{"text":"mine"}}}"#, [0, 0, 0, 2003]),
    (Direct, "edit", r#"{"message_id":"{message}","content":{"text":{"text":"mine"}}}"#, [0, 0, 0, 0]),
    (Open, "recall", r#"{"message_id":"{message}"}"#, [0, 0, 2002, 2003]),
    (Closed, "recall", r#"{"message_id":"{message}"}"#, [0, 0, 2002, 2003]),
    (Own, "recall", r#"{"message_id":"{message}"}"#, [0, 0, 0, 2003]),
    (Direct, "recall", r#"{"message_id":"{message}"}"#, [0, 0, 0, 0]),
    (Open, "forward", r#"{"message_ids":["{message}"],"chat_id":"{elsewhere}","client_message_id":"{new}"}"#, [0, 0, 0, 2003]),
    (Closed, "forward", r#"{"message_ids":["{message}"],"chat_id":"{elsewhere}","client_message_id":"{new}","form":"merged"}"#, [0, 0, 0, 2003]),
    (Open, "forward", r#"{"message_ids":["{said elsewhere}"],"chat_id":"{chat}","client_message_id":"{new}"}"#, [0, 0, 0, 2001]),
    (Closed, "forward", r#"{"message_ids":["{said elsewhere}"],"chat_id":"{chat}","client_message_id":"{new}","form":"merged"}"#, [0, 0, 2002, 2001]),
    (Open, "history", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Public, "history", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "thread", r#"{"message_id":"{thread}"}"#, [0, 0, 0, 2003]),
    (Open, "edits", r#"{"message_id":"{message}"}"#, [0, 0, 0, 2003]),
    (Open, "receipt", r#"{"chat_id":"{chat}","read_seq":1}"#, [0, 0, 0, 2001]),
    (Open, "readers", r#"{"message_id":"{message}"}"#, [0, 0, 0, 2003]),
    (Open, "readers", r#"{"message_id":"{message}","unread":true}"#, [0, 0, 0, 2003]),
    (Open, "typing", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    (Open, "react", r#"{"message_id":"{message}","emoji":"OK"}"#, [0, 0, 0, 2003]),
    (Closed, "react", r#"{"message_id":"{message}","emoji":"OK"}"#, [0, 0, 0, 2003]),
    (Own, "unreact", r#"{"message_id":"{reacted}","emoji":"DONE"}"#, [0, 0, 0, 2003]),
    (Open, "pin", r#"{"message_id":"{message}"}"#, [0, 0, 0, 2003]),
    (Closed, "pin", r#"{"message_id":"{message}"}"#, [0, 0, 2002, 2003]),
    (Open, "unpin", r#"{"message_id":"{pinned}"}"#, [0, 0, 0, 2003]),
    (Closed, "unpin", r#"{"message_id":"{pinned}"}"#, [0, 0, 2002, 2003]),
    (Open, "pins", r#"{"chat_id":"{chat}"}"#, [0, 0, 0, 2001]),
    // Urgents
    (Open, "raise_urgent", r#"{"message_id":"{message}","client_message_id":"{new}","audience":{"everyone":{}}}"#, [0, 0, 2002, 2003]),
    (Own, "raise_urgent", r#"{"message_id":"{message}","client_message_id":"{new}","audience":{"everyone":{}}}"#, [0, 0, 0, 2003]),
    (Closed, "raise_urgent", r#"{"message_id":"{message}","client_message_id":"{new}","audience":{"everyone":{}}}"#, [0, 0, 2002, 2003]),
    (Direct, "raise_urgent", r#"{"message_id":"{message}","client_message_id":"{new}","audience":{"everyone":{}}}"#, [0, 0, 0, 0]),
    (Open, "confirm_urgent", r#"{"urgent_id":"{urgent}"}"#, [0, 0, 0, 2100]),
    (Open, "cancel_urgent", r#"{"urgent_id":"{urgent}"}"#, [0, 0, 2100, 2100]),
    (Open, "urgent_report", r#"{"urgent_id":"{urgent}"}"#, [0, 0, 2100, 2100]),
    (Open, "urgent_people", r#"{"urgent_id":"{urgent}","standing":"pending"}"#, [0, 0, 2100, 2100]),
    (Open, "urgent_person", r#"{"urgent_id":"{urgent}","user_id":"e1001"}"#, [0, 0, 2100, 2100]),
];

/// Commands whose answer does not depend on a place in a group, each with the reason.
const NOT_OF_A_GROUP: &[(&str, &str)] = &[
    ("hello", "of the session itself"),
    ("alive", "of the session itself"),
    ("sync", "gives what is one's own, whatever that is"),
    ("inbox", "gives what is one's own, whatever that is"),
    ("open_direct", "everybody may write to everybody"),
    ("create_group", "everybody may make a group"),
    ("withdraw_join", "of one's own request, and done when there is none"),
    ("my_join_requests", "gives what is one's own"),
    ("search_groups", "gives one's own groups and public ones"),
    ("watch", "presence is for everybody, as far as each one shows it"),
    ("set_presence", "one's own"),
    ("people", "the organisation is open to everybody in it"),
    ("search_people", "the organisation is open to everybody in it"),
    ("department", "the organisation is open to everybody in it"),
    ("devices", "one's own"),
    ("sign_out", "one's own"),
    ("got_ephemeral", "one's own"),
    ("urgent_got", "what is not for who says it is passed over"),
    ("urgents", "gives what is one's own, whatever that is"),
];

/// Connections of everybody who has to do with a cell.
struct Office {
    /// One for each role.
    people: Vec<Client>,
    author: Client,
    guest: Client,
    /// A group of all of them, and a message there.
    elsewhere: (ChatId, MessageId),
    /// Makes names and ids that are new.
    made: u32,
    number: usize,
}

impl Office {
    async fn open(server: &Server, number: usize) -> Self {
        let mut clients = Vec::new();
        for person in PEOPLE.iter().chain(&[AUTHOR, GUEST]) {
            let device = format!("device-{number}-of-{person}");
            let token = server.token(person, &device).await;
            clients.push(Client::welcomed(server.address(), &token, &device, Encoding::Json).await);
        }
        let (mut author, guest) = (clients.remove(4), clients.remove(4));
        let user_ids = PEOPLE.map(str::to_owned).to_vec();
        let group =
            CreateGroup { client_message_id: format!("elsewhere-{number}"), name: "Elsewhere".into(), user_ids, ..CreateGroup::default() };
        let elsewhere = author.must(group).await.chat_id;
        let said = author.say(elsewhere, "said elsewhere").await.message_id;
        Self { people: clients, author, guest, elsewhere: (elsewhere, said), made: 0, number }
    }

    fn new_id(&mut self) -> String {
        self.made += 1;
        format!("matrix-{}-{}", self.number, self.made)
    }

    /// A new group for one cell; the member makes it and gives it to the owner.
    async fn group(&mut self, place: Place) -> ChatId {
        let name = self.new_id();
        let user_ids = [PEOPLE[0], PEOPLE[1], AUTHOR].map(str::to_owned).to_vec();
        let config = (place == Public).then(|| ChatConfigChange { chat_type: Some(Visibility::Public), ..ChatConfigChange::default() });
        let group = CreateGroup { client_message_id: name.clone(), name, user_ids, config, ..CreateGroup::default() };
        let chat_id = self.people[2].must(group).await.chat_id;
        self.people[2].must(Transfer { chat_id, user_id: PEOPLE[0].into() }).await;
        self.people[0].must(SetManagers { chat_id, add: vec![PEOPLE[1].into()], remove: vec![] }).await;
        chat_id
    }

    /// Puts what they stand for into the place of names in braces, and has it made: `{tab}`, `{bot}`, `{link}`, another `{manager}` and
    /// `{guest}`, who asks to be let in, in the group; `{pinned}`, `{reacted}`, `{thread}`: the message, once it is so; `{announced}`, `{on top}`: the group, once
    /// it has an announcement, or the message on top.
    async fn fill(&mut self, chat_id: ChatId, message_id: MessageId, body: &str) -> String {
        let new = self.new_id();
        let owner = &mut self.people[0];
        let mut body = body.replace("{chat}", &chat_id.to_string()).replace("{message}", &message_id.to_string()).replace("{new}", &new);
        body = body.replace("{elsewhere}", &self.elsewhere.0.to_string()).replace("{said elsewhere}", &self.elsewhere.1.to_string());
        if body.contains("{tab}") {
            owner.must(AddTab { chat_id, name: "Plan".into(), url: "https://example.com/plan".into() }).await;
            let tabs = owner.must(GetChatDetails { chat_id }).await.tabs;
            body = body.replace("{tab}", &tabs.last().expect("it was added").tab_id);
        }
        if body.contains("{bot}") {
            let bot = AddCustomBot { chat_id, client_message_id: format!("{new}-bot"), name: "Lager".into(), ..AddCustomBot::default() };
            body = body.replace("{bot}", &owner.must(bot).await.bot.user_id);
        }
        if body.contains("{manager}") {
            owner.must(SetManagers { chat_id, add: vec![AUTHOR.into()], remove: vec![] }).await;
            body = body.replace("{manager}", AUTHOR);
        }
        if body.contains("{link}") {
            body = body.replace("{link}", &owner.must(MakeShareLink { chat_id, ..MakeShareLink::default() }).await.token);
        }
        if body.contains("{guest}") {
            let config = Some(ChatConfigChange { membership_approval: Some(Approval::Required), ..ChatConfigChange::default() });
            owner.must(UpdateChat { chat_id, config, ..UpdateChat::default() }).await;
            assert!(self.guest.must(Join { chat_id, ..Join::default() }).await.requested);
            body = body.replace("{guest}", GUEST);
        }
        if body.contains("{announced}") {
            owner.must(SetAnnouncement { chat_id, text: "Read this".into(), revision: None }).await;
            body = body.replace("{announced}", &chat_id.to_string());
        }
        if body.contains("{on top}") {
            owner.must(SetTopNotice { chat_id, message_id: Some(message_id), announcement: false }).await;
            body = body.replace("{on top}", &chat_id.to_string());
        }
        if body.contains("{urgent}") {
            let audience = UrgentAudience::Everyone(EveryMember {});
            let raise = RaiseUrgent { message_id, client_message_id: format!("{new}-urgent"), audience, ..RaiseUrgent::default() };
            body = body.replace("{urgent}", &self.author.must(raise).await.urgent_id.to_string());
        }
        if body.contains("{pinned}") {
            owner.must(Pin { message_id }).await;
            body = body.replace("{pinned}", &message_id.to_string());
        }
        if body.contains("{thread}") {
            let reply = text_message(chat_id, &format!("{new}-reply"), "and this");
            owner.must(protocol::command::Send { reply_to: Some(message_id), in_thread: true, ..reply }).await;
            body = body.replace("{thread}", &message_id.to_string());
        }
        body
    }

    /// What one cell is answered.
    async fn cell(&mut self, (place, command, body, _): &Row, role: usize) -> Result<(), ErrorBody> {
        let mut chat_id = self.group(*place).await;
        let is_guest = *place == Own && ROLES[role] == "stranger";
        if is_guest {
            self.people[0].must(AddMembers { chat_id, user_ids: vec![PEOPLE[role].into()], ..AddMembers::default() }).await;
        }
        if *place == Direct {
            chat_id = self.people[role].direct(GUEST).await;
        }
        let author = if matches!(place, Own | Direct) { &mut self.people[role] } else { &mut self.author };
        let message_id = author.say(chat_id, "about this").await.message_id;
        if body.contains("{reacted}") {
            author.must(React { message_id, emoji: "DONE".into() }).await;
        }
        let body = self.fill(chat_id, message_id, &body.replace("{reacted}", "{message}")).await;
        if is_guest {
            self.people[0].must(RemoveMembers { chat_id, user_ids: vec![PEOPLE[role].into()] }).await;
        }
        let reserved = Some(Who::OnlyOwner);
        let config = match place {
            Quiet => Some(ChatConfigChange { at_all_permission: reserved, ..ChatConfigChange::default() }),
            Closed => Some(ChatConfigChange {
                edit_permission: reserved,
                add_member_permission: reserved,
                at_all_permission: reserved,
                pin_manage_setting: reserved,
                urgent_setting: reserved,
                hide_member_count_setting: reserved,
                moderation_permission: Some(Moderation::OnlyOwner),
                ..ChatConfigChange::default()
            }),
            _ => None,
        };
        if config.is_some() {
            self.people[0].must(UpdateChat { chat_id, config, ..UpdateChat::default() }).await;
        }
        self.people[role].ask_in_json(command, &body).await.map(drop)
    }
}

#[tokio::test]
async fn each_cell_of_the_matrix_is_so() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "100000")]).await;
    const OFFICES: usize = 4;
    let offices = (0..OFFICES).map(async |number| {
        let mut office = Office::open(&server, number).await;
        let mut wrong = Vec::new();
        for row in MATRIX.iter().skip(number).step_by(OFFICES) {
            for (role, expected) in row.3.into_iter().enumerate() {
                let told = office.cell(row, role).await;
                let code = told.as_ref().err().map_or(0, |error| error.code);
                if code != expected {
                    wrong.push(format!("{:?} {} {}: {} gets {code}, not {expected}: {told:?}", row.0, row.1, row.2, ROLES[role]));
                }
            }
        }
        wrong
    });
    let wrong = futures_util::future::join_all(offices).await.concat();
    assert!(wrong.is_empty(), "{} cells differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_command_has_its_row() {
    let rows: HashSet<&str> = MATRIX.iter().map(|row| row.1).collect();
    let elsewhere: HashSet<&str> = NOT_OF_A_GROUP.iter().map(|(command, _)| *command).collect();
    let commands: HashSet<&str> = Command::KINDS.iter().map(|kind| kind.1).collect();
    let known: HashSet<&str> = rows.union(&elsewhere).copied().collect();
    let missing: Vec<_> = commands.difference(&known).collect();
    assert!(missing.is_empty(), "these commands have no row in the permission matrix, and do not stand in NOT_OF_A_GROUP: {missing:?}");
    let gone: Vec<_> = known.difference(&commands).collect();
    assert!(gone.is_empty(), "these rows are of no command: {gone:?}");
    let both: Vec<_> = rows.intersection(&elsewhere).collect();
    assert!(both.is_empty(), "these stand in both lists: {both:?}");
}
