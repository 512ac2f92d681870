//! Chats, their configuration, members, and one person's list of chats.

use crate::ids::{ChatId, MessageId, Seq, UserId};
use crate::person::Person;
use crate::record::Record;
use crate::wire::{wire, words};

words! {
    /// Two people, or a group.
    pub enum ChatKind {
        /// Exactly two; one chat a pair.
        0 "direct" Direct,
        /// Any number.
        1 "group" Group,
    }

    /// A member's role.
    pub enum Role {
        /// No more than others.
        0 "member" Member,
        /// May what the configuration reserves.
        1 "manager" Manager,
        /// One a group; may everything.
        2 "owner" Owner,
    }

    /// Who may do something in a group. `only_owner` means the owner and the managers.
    pub enum Who {
        /// Every member.
        0 "all_members" AllMembers,
        /// The owner and the managers.
        1 "only_owner" OnlyOwner,
    }

    /// Who sees that somebody came or went.
    pub enum Notice {
        /// Every member.
        0 "all_members" AllMembers,
        /// The owner and the managers.
        1 "only_owner" OnlyOwner,
        /// Nobody.
        2 "not_anyone" NotAnyone,
    }

    /// Who may post.
    pub enum Moderation {
        /// Every member.
        0 "all_members" AllMembers,
        /// The owner and the managers.
        1 "only_owner" OnlyOwner,
        /// The owner, the managers, and the chosen ones.
        2 "moderator_list" ModeratorList,
    }

    /// How one becomes a member.
    pub enum Approval {
        /// At once.
        0 "no_approval_required" NotRequired,
        /// When the owner or a manager agrees.
        1 "approval_required" Required,
    }

    /// Who finds the group.
    pub enum Visibility {
        /// Members only; one is invited.
        0 "private" Private,
        /// Everybody may find it and join.
        1 "public" Public,
    }

    /// How a group shows what is said in it.
    pub enum GroupMessageType {
        /// One message below the other.
        0 "chat" Chat,
        /// One thread below the other.
        1 "thread" Thread,
    }

    /// Who may take something out of a group in restricted mode.
    pub enum TakenOutBy {
        /// Every member.
        0 "all_members" AllMembers,
        /// Nobody, the owner and the managers neither.
        1 "not_anyone" NotAnyone,
    }

    /// What a new member sees of what was said before.
    pub enum HistoryFor {
        /// Everything.
        0 "all" All,
        /// What came after the join.
        1 "since_join" SinceJoin,
    }
}

wire! {
    /// Restricted mode. On, at least one of the three is `not_anyone`; off, none is.
    pub struct RestrictedMode {
        /// It is on.
        status: bool,
        /// Who may take pictures of the screen. Clients keep it; no server can.
        screenshot_has_permission_setting: TakenOutBy,
        /// Who may save pictures, videos and files.
        download_has_permission_setting: TakenOutBy,
        /// Who may copy and forward messages.
        message_has_permission_setting: TakenOutBy,
    }

    /// A name in several languages; the group's `name` stands where one is missing.
    pub struct I18nNames {
        /// Chinese.
        zh_cn: Option<String>,
        /// English.
        en_us: Option<String>,
        /// Japanese.
        ja_jp: Option<String>,
    }

    /// What stands on top of a group.
    pub struct TopNotice {
        /// The message; missing: the announcement.
        message_id: Option<MessageId>,
        /// Seq of the message.
        seq: Option<Seq>,
        /// How it begins, as it was when it was put there.
        preview: String,
        /// Who put it there.
        by: UserId,
        /// When, ms since 1970.
        at_ms: u64,
    }

    /// Configuration of a group, in the open platform's words.
    pub struct ChatConfig {
        /// Who may change name, picture and description.
        edit_permission: Who,
        /// Who may add members and share the group.
        add_member_permission: Who,
        /// Who may mention everybody.
        at_all_permission: Who,
        /// Who may pin.
        pin_manage_setting: Who,
        /// Who may raise an urgent.
        urgent_setting: Who,
        /// Who may post.
        moderation_permission: Moderation,
        /// Whether joining needs consent.
        membership_approval: Approval,
        /// Who finds the group.
        chat_type: Visibility,
        /// Who sees that somebody joined.
        join_message_visibility: Notice,
        /// Who sees that somebody left.
        leave_message_visibility: Notice,
        /// Who sees the number of members.
        hide_member_count_setting: Who,
        /// What newcomers see of the past.
        history: HistoryFor,
        /// How messages are shown.
        group_message_type: GroupMessageType,
        /// Who may start a meeting.
        video_conference_setting: Who,
        /// What may be taken out of the group.
        restricted_mode_setting: RestrictedMode,
    }

    /// What changes in a configuration; what is missing stays.
    pub struct ChatConfigChange {
        /// See `ChatConfig`.
        edit_permission: Option<Who>,
        /// See `ChatConfig`.
        add_member_permission: Option<Who>,
        /// See `ChatConfig`.
        at_all_permission: Option<Who>,
        /// See `ChatConfig`.
        pin_manage_setting: Option<Who>,
        /// See `ChatConfig`.
        urgent_setting: Option<Who>,
        /// See `ChatConfig`.
        moderation_permission: Option<Moderation>,
        /// See `ChatConfig`.
        membership_approval: Option<Approval>,
        /// See `ChatConfig`.
        chat_type: Option<Visibility>,
        /// See `ChatConfig`.
        join_message_visibility: Option<Notice>,
        /// See `ChatConfig`.
        leave_message_visibility: Option<Notice>,
        /// See `ChatConfig`.
        hide_member_count_setting: Option<Who>,
        /// See `ChatConfig`.
        history: Option<HistoryFor>,
        /// See `ChatConfig`.
        group_message_type: Option<GroupMessageType>,
        /// See `ChatConfig`.
        video_conference_setting: Option<Who>,
        /// See `ChatConfig`; all of it.
        restricted_mode_setting: Option<RestrictedMode>,
    }

    /// What I may do in a chat now. The page draws from these; it has no table of its own.
    pub struct Rights {
        /// Post messages.
        post: bool,
        /// Mention everybody.
        mention_all: bool,
        /// Change name, picture, description.
        edit_info: bool,
        /// Change the configuration.
        edit_config: bool,
        /// Add members.
        add_members: bool,
        /// Remove members.
        remove_members: bool,
        /// Pin and unpin.
        pin: bool,
        /// Raise an urgent.
        raise_urgent: bool,
        /// Name managers, give the group away, dissolve it.
        own: bool,
        /// Recall the messages of others.
        recall_others: bool,
        /// Leave it.
        leave: bool,
        /// See how many members there are.
        see_member_count: bool,
        /// Say who may post.
        moderate: bool,
        /// Decide who joins, where joining needs consent.
        decide_joins: bool,
        /// Save what is sent here as a file.
        save_files: bool,
        /// Copy and forward messages.
        forward: bool,
    }

    /// A chat as one of its members sees it.
    pub struct Chat {
        /// Which.
        chat_id: ChatId,
        /// Two people, or a group.
        kind: ChatKind,
        /// Name of the group; of a direct chat the other's name.
        name: String,
        /// The other one of a direct chat.
        peer: Option<UserId>,
        /// What the group is for.
        description: String,
        /// Key of the picture.
        avatar: Option<String>,
        /// Owner of the group.
        owner: Option<UserId>,
        /// Number of members; missing where I may not know.
        member_count: Option<u32>,
        /// My role.
        role: Role,
        /// Configuration of the group.
        config: ChatConfig,
        /// What I may do.
        rights: Rights,
        /// When it was made, ms since 1970; 0 for a direct chat in which nothing was said.
        created_at_ms: u64,
        /// Seq of the last record; 0 when there is none.
        head_seq: Seq,
        /// Position of the last message; 0 when there is none.
        head_position: u64,
        /// Records with a smaller seq are not shown to me.
        first_seq: Seq,
        /// Nobody can write any more.
        dissolved: bool,
        /// The name in several languages.
        i18n_names: Option<I18nNames>,
        /// What stands on top.
        top_notice: Option<TopNotice>,
        /// People who wait to be let in; only for those who decide.
        pending_requests: Option<u32>,
        /// Seq of the record that last changed the announcement, the tabs or the menu; missing when there are none. Ask `chat_details` when it grows.
        details_seq: Option<Seq>,
    }

    /// One chat in my list.
    pub struct InboxEntry {
        /// The chat.
        chat: Chat,
        /// The last message that I may see.
        last: Option<Record>,
        /// Time of the last message, or of my joining; the list is ordered by it, newest first. Ms since 1970.
        active_at_ms: u64,
        /// I have read up to this seq.
        read_seq: Seq,
        /// I have read up to this position.
        read_position: u64,
        /// Messages after it that were not recalled and are not mine.
        unread: u32,
        /// Seqs of unread messages that mention me or everybody, oldest first, at most 100.
        mentions: Vec<Seq>,
        /// Kept on top of my list.
        pinned: bool,
        /// No notice for its messages.
        muted: bool,
        /// In a direct chat: how far the other one has read.
        peer_read_seq: Option<Seq>,
        /// In a direct chat: how far the other one's devices have received.
        peer_delivered_seq: Option<Seq>,
    }

    /// A member of a group.
    pub struct Member {
        /// Who.
        person: Person,
        /// Role.
        role: Role,
        /// Since when, ms since 1970.
        joined_at_ms: u64,
    }

    /// Somebody who has, or has not, read a message.
    pub struct Reader {
        /// Who.
        person: Person,
        /// How far this person has read.
        read_seq: Seq,
    }
}
