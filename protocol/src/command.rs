//! Commands: what a client asks, and what each is answered with.

use crate::chat::{Chat, ChatConfigChange, I18nNames, InboxEntry, Member, Reader};
use crate::codec::from_msgpack;
use crate::content::Content;
use crate::event::InboxChanged;
pub use crate::group::{
    AddTab, Announcement, ChatDetails, ChatTab, DecideJoin, GetChatDetails, GroupFound, GroupPage, JoinOutcome, JoinRequest,
    JoinRequestPage, JoinRequests, JoinsDecided, LinkedChat, MakeShareLink, MenuChild, MenuEntry, Moderators, MyJoinRequest,
    MyJoinRequestPage, MyJoinRequests, RedirectLink, RemoveTab, SearchGroups, SetAnnouncement, SetModeration, SetTopNotice, ShareLink,
    Validity, WithdrawJoin,
};
use crate::ids::{ChatId, MessageId, Seq, UserId};
use crate::person::{Department, Device, DeviceKind, Person, Presence, PresenceState};
use crate::record::Record;
use crate::urgent::UrgentWay;
pub use crate::urgent::{
    CancelUrgent, ConfirmUrgent, GetUrgentPeople, GetUrgentPerson, GetUrgentReport, GetUrgents, RaiseUrgent, UrgentGot, UrgentPage,
    UrgentPersonPage, UrgentPersonReport, UrgentRaised, UrgentReport,
};
use crate::wire::{wire, words};

/// Ties a command's body to its number, its name and its reply.
pub trait CommandBody: serde::Serialize + serde::de::DeserializeOwned {
    /// Number in MessagePack.
    const NUMBER: u8;
    /// Name in JSON.
    const NAME: &'static str;
    /// What it is answered with.
    type Reply: serde::Serialize + serde::de::DeserializeOwned;
}

macro_rules! commands {
    ($( $(#[$meta:meta])* $number:literal $name:ident $variant:ident => $reply:ident )*) => {
        /// Every command.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Command { $( $(#[$meta])* $variant($variant) ),* }

        impl Command {
            /// Number, name, and names of the body's and the reply's type.
            pub const KINDS: &'static [(u8, &'static str, &'static str, &'static str)] =
                &[$( ($number, stringify!($name), stringify!($variant), stringify!($reply)) ),*];

            /// Name in JSON.
            pub fn name(&self) -> &'static str { match self { $( Self::$variant(_) => stringify!($name) ),* } }

            /// Reads the body of the command with this number from MessagePack, and what is left behind it; `None` for an unknown number.
            pub(crate) fn from_msgpack(number: u8, body: &[u8]) -> Option<Result<(Self, &[u8]), String>> {
                match number {
                    $( $number => Some(from_msgpack::<$variant>(body).map(|(body, left)| (Self::$variant(body), left))), )*
                    _ => None,
                }
            }

            /// Reads the body of the command with this name from JSON; `None` for an unknown name.
            pub(crate) fn from_json(name: &str, body: &str) -> Option<Result<Self, String>> {
                match name {
                    $( stringify!($name) => Some(serde_json::from_str::<$variant>(body).map(Self::$variant).map_err(|error| error.to_string())), )*
                    _ => None,
                }
            }
        }

        $( impl CommandBody for $variant {
            const NUMBER: u8 = $number;
            const NAME: &'static str = stringify!($name);
            type Reply = $reply;
        } )*
    };
}

commands! {
    /// First of all: who I am, on which device, and what I have.
    1 hello Hello => Welcome
    /// Answer to the event `heartbeat`; it has no reply.
    2 alive Alive => Done
    /// Sends a message.
    3 send Send => Sent
    /// Changes what a message of mine says.
    4 edit Edit => Changed
    /// Takes a message back.
    5 recall Recall => Changed
    /// Adds a reaction.
    6 react React => Changed
    /// Takes a reaction back.
    7 unreact Unreact => Changed
    /// Pins a message in its chat.
    8 pin Pin => Changed
    /// Unpins it.
    9 unpin Unpin => Changed
    /// Pinned messages of a chat, the last pinned first.
    10 pins Pins => MessagePage
    /// Sends messages on to another chat.
    11 forward Forward => Forwarded
    /// A page of a chat.
    12 history History => HistoryPage
    /// Everything that I missed, over all my chats.
    13 sync Sync => Synced
    /// My list of chats.
    14 inbox Inbox => InboxPage
    /// I have received or read up to here.
    15 receipt ReceiptUpTo => Done
    /// Who has read a message, or who has not.
    16 readers Readers => ReaderPage
    /// I am writing.
    17 typing TypingIn => Done
    /// What a message said before its edits.
    18 edits Edits => EditList
    /// A thread, oldest first.
    19 thread Thread => MessagePage
    /// The direct chat with somebody; it need not exist yet.
    20 open_direct OpenDirect => Chat
    /// Makes a group.
    21 create_group CreateGroup => Chat
    /// One chat.
    22 chat GetChat => Chat
    /// Changes name, picture, description, configuration.
    23 update_chat UpdateChat => Changed
    /// Members, in pages.
    24 members Members => MemberPage
    /// Adds members.
    25 add_members AddMembers => MembersResult
    /// Removes members.
    26 remove_members RemoveMembers => MembersResult
    /// I leave.
    27 leave Leave => Changed
    /// Gives the group to somebody else.
    28 transfer Transfer => Changed
    /// Names and relieves managers.
    29 set_managers SetManagers => Changed
    /// Dissolves the group.
    30 dissolve Dissolve => Changed
    /// Joins a public group, or one whose link I have; or asks to be let in.
    31 join Join => Joined
    /// My own settings of a chat.
    32 my_chat MyChat => InboxChanged
    /// Who waits to be let into a group where I decide.
    33 join_requests JoinRequests => JoinRequestPage
    /// Lets people in who wait, or does not.
    34 decide_join DecideJoin => JoinsDecided
    /// I no longer want to join.
    35 withdraw_join WithdrawJoin => Done
    /// Where I asked to join, or asked for others, and what became of it.
    36 my_join_requests MyJoinRequests => MyJoinRequestPage
    /// A link by which others join.
    37 share_link MakeShareLink => ShareLink
    /// The group that a link leads to.
    38 linked_chat LinkedChat => GroupFound
    /// Groups by name: mine, and public ones.
    39 search_groups SearchGroups => GroupPage
    /// Chooses the people whose presence I am told, and tells it now.
    40 watch Watch => Presences
    /// Says that I am away or back, and whether I show it.
    41 set_presence SetPresence => Done
    /// How many members of a chat are online.
    42 online_count OnlineCount => Online
    /// People by id.
    50 people People => PersonList
    /// People by name.
    51 search_people SearchPeople => PersonPage
    /// A department: what is below it, who is in it.
    52 department GetDepartment => DepartmentPage
    /// My devices.
    60 devices Devices => DeviceList
    /// Signs one of my devices out.
    61 sign_out SignOut => Done
    /// Announcement, tabs and menu of a group.
    70 chat_details GetChatDetails => ChatDetails
    /// Says who may post.
    71 set_moderation SetModeration => Changed
    /// Who may post where a list says so.
    72 moderators Moderators => MemberPage
    /// Puts a message or the announcement on top of a group, or takes it down.
    73 set_top_notice SetTopNotice => Changed
    /// Changes the announcement.
    74 set_announcement SetAnnouncement => Changed
    /// Adds a tab.
    75 add_tab AddTab => Changed
    /// Removes a tab.
    76 remove_tab RemoveTab => Changed
    /// I have got cards for my eyes only; they do not come again.
    80 got_ephemeral GotEphemeral => Done
    /// Gives a group a bot that posts what is sent to an address.
    90 add_custom_bot AddCustomBot => CustomBot
    /// The bots of a group that post what is sent to an address.
    91 custom_bots CustomBots => CustomBotList
    /// Changes name, picture, description or checks of such a bot.
    92 change_custom_bot ChangeCustomBot => CustomBot
    /// Gives such a bot a new address; the one before is refused from then on.
    93 renew_custom_bot RenewCustomBot => CustomBot
    /// Takes such a bot out of its group; its address is refused from then on.
    94 remove_custom_bot RemoveCustomBot => Done
    /// Makes a message urgent.
    100 raise_urgent RaiseUrgent => UrgentRaised
    /// My device has urgents, or has shown them.
    101 urgent_got UrgentGot => Done
    /// I confirm an urgent.
    102 confirm_urgent ConfirmUrgent => Done
    /// Ends an urgent.
    103 cancel_urgent CancelUrgent => Done
    /// My urgents: to be confirmed, confirmed, raised.
    104 urgents GetUrgents => UrgentPage
    /// What became of an urgent.
    105 urgent_report GetUrgentReport => UrgentReport
    /// Who stands where with an urgent.
    106 urgent_people GetUrgentPeople => UrgentPersonPage
    /// What was done for one person of an urgent.
    107 urgent_person GetUrgentPerson => UrgentPersonReport
}

words! {
    /// What `forward` makes.
    pub enum ForwardForm {
        /// One message for each, as it stood.
        0 "each" Each,
        /// One message with all of them in it.
        1 "merged" Merged,
    }
}

wire! {
    /// First command on a connection.
    pub struct Hello {
        /// Access token; may be missing when the upgrade carried the cookie of a browser with our origin.
        token: Option<String>,
        /// Chosen by the device once, kept for ever: 8 to 64 of `A-Z a-z 0-9 - _`. Must be the token's, or the token's and `.` and the name of a browser's window.
        device_id: String,
        /// Version of the protocol that the client speaks.
        version: u16,
        /// The cursor of the last `heartbeat` or `synced`, when the client still has what it had.
        cursor: Option<String>,
        /// Name and version of the client, for the operator.
        client: Option<String>,
    }

    /// The session stands.
    pub struct Welcome {
        /// Me.
        me: Person,
        /// Of this session.
        session_id: String,
        /// Server's clock, ms since 1970.
        server_time_ms: u64,
        /// The server sends `heartbeat` this often; silence for twice as long means that the connection is dead.
        heartbeat_ms: u64,
        /// Place in the order of everything; `sync` from the cursor that the client had.
        cursor: String,
        /// The cursor in `hello` is still good for `sync`. Otherwise load the inbox anew.
        resumable: bool,
        /// Limits in force.
        limits: Limits,
        /// Prefix of the web pages that the server now has.
        page_prefix: Option<String>,
        /// Version of the server, for the operator.
        server: String,
    }

    /// Limits in force; what is over one is refused with `TooLarge`.
    pub struct Limits {
        /// Bytes of one frame.
        frame_bytes: u32,
        /// Bytes of a text.
        text_bytes: u32,
        /// Bytes of a post or card.
        post_bytes: u32,
        /// Bytes of an uploaded file.
        file_bytes: u64,
        /// Commands that may be unanswered at once.
        in_flight: u32,
        /// Commands a second, on average; bursts of ten times as many are taken.
        commands_per_second: u32,
        /// Records in a page.
        page: u32,
        /// People that may be watched.
        watch: u32,
        /// Members of a group.
        members: u32,
        /// Time within which the sender may recall, ms.
        recall_ms: u64,
        /// Time within which the sender may edit, ms.
        edit_ms: u64,
        /// Ways of an urgent's ladder that this server can go.
        urgent_ways: Vec<UrgentWay>,
        /// I may break the quiet hours with an urgent.
        break_quiet_hours: bool,
    }

    /// Answer to `heartbeat`.
    pub struct Alive { }

    /// Nothing more to say.
    pub struct Done { }

    /// A message to a chat.
    pub struct Send {
        /// Where to.
        chat_id: ChatId,
        /// 1 to 64 bytes, chosen anew for each message, and the same when it is tried again.
        client_message_id: String,
        /// What it says.
        content: Content,
        /// The message that it answers.
        reply_to: Option<MessageId>,
        /// It goes into the thread of `reply_to`.
        in_thread: bool,
        /// Members that it mentions, at most 100.
        mentions: Vec<UserId>,
        /// It mentions everybody.
        mention_all: bool,
    }

    /// The message is durable and has its place.
    pub struct Sent {
        /// Its id.
        message_id: MessageId,
        /// Its place in the chat.
        seq: Seq,
        /// Its place among the messages.
        position: u64,
        /// When the server accepted it, ms since 1970.
        sent_at_ms: u64,
    }

    /// The change is durable. `seq` is its record's, or the chat's last when nothing had to change.
    pub struct Changed {
        /// Seq of the record.
        seq: Seq,
    }

    /// Changes a text or a post of mine.
    pub struct Edit {
        /// Which message.
        message_id: MessageId,
        /// What it is to say.
        content: Content,
        /// Members that it is to mention.
        mentions: Vec<UserId>,
        /// It is to mention everybody.
        mention_all: bool,
    }

    /// Takes a message back.
    pub struct Recall {
        /// Which message.
        message_id: MessageId,
    }

    /// Adds a reaction.
    pub struct React {
        /// To which message.
        message_id: MessageId,
        /// Name of the emoji, for example `THUMBSUP`; 1 to 32 of `A-Z a-z 0-9 _`.
        emoji: String,
    }

    /// Takes a reaction back.
    pub struct Unreact {
        /// From which message.
        message_id: MessageId,
        /// Name of the emoji.
        emoji: String,
    }

    /// Pins a message.
    pub struct Pin {
        /// Which message.
        message_id: MessageId,
    }

    /// Unpins a message.
    pub struct Unpin {
        /// Which message.
        message_id: MessageId,
    }

    /// Pinned messages.
    pub struct Pins {
        /// Of which chat.
        chat_id: ChatId,
    }

    /// Messages as they stand now.
    pub struct MessagePage {
        /// The messages, each as a record.
        records: Vec<Record>,
        /// Give it back as `page` for what follows; missing at the end.
        next: Option<String>,
        /// The people in them.
        people: Vec<Person>,
    }

    /// Sends messages on.
    pub struct Forward {
        /// Messages of one chat, 1 to 100.
        message_ids: Vec<MessageId>,
        /// Where to.
        chat_id: ChatId,
        /// As in `send`; with several messages `-2`, `-3` … are added.
        client_message_id: String,
        /// One by one, or all in one.
        form: Option<ForwardForm>,
    }

    /// What became of them.
    pub struct Forwarded {
        /// In their order; one when merged.
        sent: Vec<Sent>,
    }

    /// A page of a chat. Exactly one of `before`, `after`, `around`; none means the last page.
    pub struct History {
        /// Of which chat.
        chat_id: ChatId,
        /// Records with a smaller seq.
        before: Option<Seq>,
        /// Records with a larger seq.
        after: Option<Seq>,
        /// Records on both sides of this seq.
        around: Option<Seq>,
        /// How many records at most; the server has its own limit.
        limit: Option<u32>,
    }

    /// An interval of a chat without a hole. Messages stand as they are now, so that edits, recalls, reactions and
    /// pins in the interval are already in them and are not listed; every other record is.
    pub struct HistoryPage {
        /// First seq of the interval.
        from_seq: Seq,
        /// Last seq of the interval; smaller than `from_seq` when it is empty.
        to_seq: Seq,
        /// Records in it, oldest first.
        records: Vec<Record>,
        /// Nothing before it is shown to me.
        start: bool,
        /// It ends with the chat's last record.
        end: bool,
        /// The people in them.
        people: Vec<Person>,
    }

    /// Everything since a cursor.
    pub struct Sync {
        /// From `heartbeat`, `welcome` or `synced`.
        cursor: String,
        /// `next` of the page before.
        page: Option<String>,
    }

    /// One page of what was missed.
    pub struct Synced {
        /// Records as they happened: of each chat in its order, a chat's records together.
        records: Vec<Record>,
        /// Chats of which too much was missed: forget what is loaded of them, take their entry from here.
        too_long: Vec<InboxEntry>,
        /// The whole is too long: forget everything, load the inbox anew, and go on from `cursor`.
        too_long_all: bool,
        /// My own state, of chats in which it changed on another device or that are new to me.
        entries: Vec<InboxEntry>,
        /// Chats that I am no longer in.
        left: Vec<ChatId>,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
        /// The cursor of the end; only on the last page.
        cursor: Option<String>,
        /// The people in them.
        people: Vec<Person>,
    }

    /// My list of chats, newest first, pinned ones before all.
    pub struct Inbox {
        /// `next` of the page before.
        page: Option<String>,
        /// How many at most.
        limit: Option<u32>,
        /// Just these, whatever their place; at most 100.
        chat_ids: Vec<ChatId>,
    }

    /// A page of the list.
    pub struct InboxPage {
        /// The entries.
        entries: Vec<InboxEntry>,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
        /// Unread messages over all my chats that are not muted; only on the first page.
        unread: Option<u32>,
        /// The people in them.
        people: Vec<Person>,
    }

    /// How far I have got. Both only grow; a smaller one is ignored.
    pub struct ReceiptUpTo {
        /// Where.
        chat_id: ChatId,
        /// This device has everything up to here.
        delivered_seq: Option<Seq>,
        /// I have read everything up to here.
        read_seq: Option<Seq>,
    }

    /// Who has read a message.
    pub struct Readers {
        /// Which message.
        message_id: MessageId,
        /// Those who have **not** read it.
        unread: bool,
        /// Only names with this in them.
        query: Option<String>,
        /// `next` of the page before.
        page: Option<String>,
    }

    /// A page of readers.
    pub struct ReaderPage {
        /// Who.
        readers: Vec<Reader>,
        /// How many have read it, without its sender.
        read_count: u32,
        /// How many have not.
        unread_count: u32,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
    }

    /// I am writing; say it at most every 3 s.
    pub struct TypingIn {
        /// Where.
        chat_id: ChatId,
    }

    /// History of a message.
    pub struct Edits {
        /// Which message.
        message_id: MessageId,
    }

    /// What it said.
    pub struct EditList {
        /// Oldest first; the first is as it was sent, the last as it stands.
        versions: Vec<EditVersion>,
    }

    /// One version of a message.
    pub struct EditVersion {
        /// Since when, ms since 1970.
        at_ms: u64,
        /// What it said.
        content: Content,
    }

    /// A thread.
    pub struct Thread {
        /// First message of the thread.
        message_id: MessageId,
        /// `next` of the page before.
        page: Option<String>,
    }

    /// The direct chat with somebody.
    pub struct OpenDirect {
        /// With whom; oneself is allowed.
        user_id: UserId,
    }

    /// A new group.
    pub struct CreateGroup {
        /// Makes trying again harmless, as in `send`.
        client_message_id: String,
        /// Up to 120 characters; empty: made from the members' names.
        name: String,
        /// Up to 2,000 characters.
        description: Option<String>,
        /// Key of a picture.
        avatar: Option<String>,
        /// Who is in it beside me.
        user_ids: Vec<UserId>,
        /// Everybody in and below these departments too.
        department_ids: Vec<String>,
        /// What differs from the default configuration.
        config: Option<ChatConfigChange>,
        /// The name in several languages.
        i18n_names: Option<I18nNames>,
    }

    /// One chat.
    pub struct GetChat {
        /// Which.
        chat_id: ChatId,
    }

    /// What is to change; what is missing stays.
    pub struct UpdateChat {
        /// Which.
        chat_id: ChatId,
        /// New name.
        name: Option<String>,
        /// New description.
        description: Option<String>,
        /// Key of a new picture.
        avatar: Option<String>,
        /// New settings.
        config: Option<ChatConfigChange>,
        /// New names in several languages; all of them.
        i18n_names: Option<I18nNames>,
    }

    /// Members of a chat: owner, managers, then the others in a fixed order.
    pub struct Members {
        /// Of which chat.
        chat_id: ChatId,
        /// Only names with this in them.
        query: Option<String>,
        /// `next` of the page before.
        page: Option<String>,
        /// How many at most, up to 100.
        limit: Option<u32>,
    }

    /// A page of members.
    pub struct MemberPage {
        /// Who.
        members: Vec<Member>,
        /// How many there are; missing where I may not know.
        total: Option<u32>,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
    }

    /// Adds members.
    pub struct AddMembers {
        /// Where.
        chat_id: ChatId,
        /// Whom.
        user_ids: Vec<UserId>,
        /// And everybody in and below these departments.
        department_ids: Vec<String>,
    }

    /// Removes members.
    pub struct RemoveMembers {
        /// Where.
        chat_id: ChatId,
        /// Whom.
        user_ids: Vec<UserId>,
    }

    /// What became of a change of members.
    pub struct MembersResult {
        /// Seq of the record, or the chat's last when nothing had to change.
        seq: Seq,
        /// How many came or went.
        changed: u32,
        /// Ids that nobody has.
        unknown: Vec<UserId>,
        /// Those who now wait for the consent of the owner or a manager.
        pending: Vec<UserId>,
    }

    /// I leave.
    pub struct Leave {
        /// What.
        chat_id: ChatId,
    }

    /// Gives the group away.
    pub struct Transfer {
        /// Which.
        chat_id: ChatId,
        /// To whom; must be a member.
        user_id: UserId,
    }

    /// Names and relieves managers.
    pub struct SetManagers {
        /// Where.
        chat_id: ChatId,
        /// New ones; must be members.
        add: Vec<UserId>,
        /// No longer.
        remove: Vec<UserId>,
    }

    /// Dissolves the group.
    pub struct Dissolve {
        /// Which.
        chat_id: ChatId,
    }

    /// Joins a group.
    pub struct Join {
        /// Which.
        chat_id: ChatId,
        /// Token of a link, with which private groups are joined too.
        link: Option<String>,
        /// For those who decide; up to 200 characters.
        reason: Option<String>,
    }

    /// What became of it.
    pub struct Joined {
        /// The group, when I am in it now.
        chat: Option<Chat>,
        /// The owner and the managers were asked; `join_decided` tells what they say.
        requested: bool,
    }

    /// My own settings; what is missing stays.
    pub struct MyChat {
        /// Of which chat.
        chat_id: ChatId,
        /// On top.
        pinned: Option<bool>,
        /// No notices.
        muted: Option<bool>,
        /// Out of my list until something new happens.
        hidden: Option<bool>,
    }

    /// Whom I watch from now on, instead of those before; at most 200.
    pub struct Watch {
        /// Whom.
        user_ids: Vec<UserId>,
    }

    /// How they are now.
    pub struct Presences {
        /// One for each known id.
        presences: Vec<Presence>,
    }

    /// My presence.
    pub struct SetPresence {
        /// `online` or `away`, of this session.
        state: PresenceState,
        /// Show it to nobody (`true`), or to all (`false`), from now on and on all devices.
        hidden: Option<bool>,
    }

    /// Members online.
    pub struct OnlineCount {
        /// Of which chat.
        chat_id: ChatId,
    }

    /// How many.
    pub struct Online {
        /// Members with a session, those who hide it not counted.
        online: u32,
    }

    /// People by id.
    pub struct People {
        /// At most 100.
        user_ids: Vec<UserId>,
    }

    /// People.
    pub struct PersonList {
        /// The known ones, in the order asked.
        people: Vec<Person>,
    }

    /// People by name.
    pub struct SearchPeople {
        /// Part of a name, staff number, or e-mail; at most 64 characters.
        query: String,
        /// How many at most, up to 50.
        limit: Option<u32>,
        /// `next` of the page before.
        page: Option<String>,
    }

    /// A page of people.
    pub struct PersonPage {
        /// Best first.
        people: Vec<Person>,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
    }

    /// A department.
    pub struct GetDepartment {
        /// `0` for the root.
        department_id: String,
        /// `next` of the page before, of its people.
        page: Option<String>,
    }

    /// What is in a department.
    pub struct DepartmentPage {
        /// The departments directly below; only on the first page.
        departments: Vec<Department>,
        /// The people directly in it.
        people: Vec<Person>,
        /// Give it back as `page`; missing at the end.
        next: Option<String>,
    }

    /// My devices.
    pub struct Devices { }

    /// My devices.
    pub struct DeviceList {
        /// The last seen first.
        devices: Vec<Device>,
    }

    /// Gives a group a bot of its own. For the owner and the managers.
    pub struct AddCustomBot {
        /// Where.
        chat_id: ChatId,
        /// Makes trying again harmless, as in `send`.
        client_message_id: String,
        /// Its name.
        name: String,
        /// What it is for, up to 500 characters.
        description: Option<String>,
        /// Key of its picture.
        avatar: Option<String>,
        /// What is asked of those who send to its address; missing: nothing but the address.
        checks: Option<CustomBotChecks>,
    }

    /// What is asked of those who send to a bot's address. Every check that is set must hold.
    pub struct CustomBotChecks {
        /// The message has at least one of these in it; at most 10, of up to 64 characters.
        keywords: Vec<String>,
        /// It comes from one of these IP addresses or networks, such as 10.1.0.0/16; at most 10.
        addresses: Vec<String>,
        /// It carries a signature made with the bot's secret within the last hour.
        signature: bool,
    }

    /// A group's own bot. `url` and `secret` are there for the owner and the managers only.
    pub struct CustomBot {
        /// The bot as others see it.
        bot: Person,
        /// What it is for.
        description: String,
        /// What is asked of those who send to its address; for the owner and the managers only.
        checks: Option<CustomBotChecks>,
        /// Address to send to. When it begins with `/`, the server does not know its own name: put the one that you use before it.
        url: Option<String>,
        /// What signatures are made with, when they are asked for.
        secret: Option<String>,
        /// Who made it.
        created_by: UserId,
        /// When, ms since 1970.
        created_at_ms: u64,
    }

    /// The bots of a group.
    pub struct CustomBots {
        /// Of which chat.
        chat_id: ChatId,
    }

    /// The bots of a group.
    pub struct CustomBotList {
        /// The oldest first.
        bots: Vec<CustomBot>,
    }

    /// Changes such a bot; what is missing stays. For the owner and the managers.
    pub struct ChangeCustomBot {
        /// Where.
        chat_id: ChatId,
        /// Which bot.
        user_id: UserId,
        /// New name.
        name: Option<String>,
        /// New description.
        description: Option<String>,
        /// Key of a new picture; empty: none.
        avatar: Option<String>,
        /// New checks, all of them.
        checks: Option<CustomBotChecks>,
    }

    /// Renews what a bot is called by. For the owner and the managers.
    pub struct RenewCustomBot {
        /// Where.
        chat_id: ChatId,
        /// Which bot.
        user_id: UserId,
        /// The secret, and not the address.
        secret: bool,
    }

    /// Takes such a bot out. For the owner and the managers.
    pub struct RemoveCustomBot {
        /// Where.
        chat_id: ChatId,
        /// Which bot.
        user_id: UserId,
    }

    /// Signs a device of mine out; its socket closes within two seconds.
    pub struct SignOut {
        /// Which.
        device_id: String,
    }

    /// Cards for my eyes only that I have.
    pub struct GotEphemeral {
        /// Which, at most 100.
        message_ids: Vec<MessageId>,
    }
}

wire! {
    /// Body of `POST /web/sign_in` and `POST /auth/v1/sign_in`, always in JSON.
    pub struct SignIn {
        /// Staff number or e-mail.
        login: String,
        /// Password.
        password: String,
        /// As in `hello`.
        device_id: String,
        /// What the device is.
        device_kind: DeviceKind,
        /// Its name for people.
        device_name: String,
    }

    /// Tokens of a device. `POST /web/sign_in` puts them into cookies instead and leaves both tokens out.
    pub struct SignedIn {
        /// Me.
        me: Person,
        /// For `hello` and `Authorization: Bearer`.
        access_token: Option<String>,
        /// Seconds until it must be refreshed.
        expires_in: u64,
        /// For `POST /auth/v1/refresh`; each use gives a new one.
        refresh_token: Option<String>,
    }
}
