//! Records: what happened in a chat, in its order. Every record has a seq; together they are the chat.

use crate::chat::{ChatConfigChange, I18nNames, Moderation, TopNotice};
use crate::content::{Content, FollowUp, Quote};
use crate::ids::{ChatId, MessageId, Seq, UserId};
use crate::wire::{choice, wire};

wire! {
    /// One committed fact of a chat.
    pub struct Record {
        /// Where.
        chat_id: ChatId,
        /// 1, 2, 3 … in this chat, without holes, the same for everybody.
        seq: Seq,
        /// Number of messages up to and with this record.
        position: u64,
        /// When the server accepted it, ms since 1970.
        at_ms: u64,
        /// Who did it.
        by: UserId,
        /// What it is.
        change: Change,
    }
}

choice! {
    /// What a record says.
    pub enum Change {
        /// A message was sent.
        1 message Message(Message),
        /// A message was edited.
        2 edited Edited(Edited),
        /// A message was recalled.
        3 recalled Recalled(Recalled),
        /// A reaction was added.
        4 reacted Reacted(Reacted),
        /// A reaction was taken back.
        5 unreacted Unreacted(Reacted),
        /// A message was pinned.
        6 pinned Pinned(Pinned),
        /// A message was unpinned.
        7 unpinned Unpinned(Pinned),
        /// The group was made.
        8 created Created(Created),
        /// Members came.
        9 members_added MembersAdded(MembersChanged),
        /// Members went, by themselves or removed.
        10 members_removed MembersRemoved(MembersChanged),
        /// Name, picture, description or configuration changed.
        11 updated Updated(Updated),
        /// Managers were named or relieved.
        12 managers_changed ManagersChanged(ManagersChanged),
        /// The group has another owner.
        13 owner_changed OwnerChanged(OwnerChanged),
        /// The group was dissolved; nothing follows.
        14 dissolved Dissolved(Dissolved),
        /// Something was put on top of the group, or taken down.
        15 top_notice_changed TopNoticeChanged(TopNoticeChanged),
        /// The announcement changed.
        16 announced Announced(Announced),
        /// The tabs changed.
        17 tabs_changed TabsChanged(TabsChanged),
        /// The menu changed.
        18 menu_changed MenuChanged(MenuChanged),
        /// Who may post changed.
        19 moderation_changed ModerationChanged(ModerationChanged),
        /// Follow-ups were offered below a message of a bot.
        25 followed_up FollowedUp(FollowedUp),
    }
}

wire! {
    /// A message. In an event it stands as it was sent; in a page of history as it stands now.
    pub struct Message {
        /// Which.
        message_id: MessageId,
        /// What the sender had chosen.
        client_message_id: String,
        /// What it says; of a recalled one an empty text.
        content: Content,
        /// The message that it answers.
        reply_to: Option<Quote>,
        /// First message of the thread that it stands in.
        thread_root: Option<MessageId>,
        /// People that it mentions.
        mentions: Vec<UserId>,
        /// It mentions everybody.
        mention_all: bool,
        /// Time of the last edit, ms since 1970.
        edited_at_ms: Option<u64>,
        /// Who recalled it.
        recalled_by: Option<UserId>,
        /// Reactions, in the order of their first.
        reactions: Vec<Reaction>,
        /// It is pinned.
        pinned: bool,
        /// Messages in the thread that starts here.
        thread_count: Option<u32>,
        /// What the reader may want to say next; shown while it is the last message of a direct chat.
        follow_ups: Vec<FollowUp>,
    }

    /// One kind of reaction to a message.
    pub struct Reaction {
        /// Name of the emoji, in the open platform's words, for example `THUMBSUP`.
        emoji: String,
        /// How many.
        count: u32,
        /// One of them is mine.
        mine: bool,
        /// The first 20.
        users: Vec<UserId>,
    }

    /// The message says something else now.
    pub struct Edited {
        /// Which.
        message_id: MessageId,
        /// Its seq.
        target_seq: Seq,
        /// What it says now.
        content: Content,
        /// People that it mentions now.
        mentions: Vec<UserId>,
        /// It mentions everybody now.
        mention_all: bool,
    }

    /// The message is no longer shown, and no longer unread.
    pub struct Recalled {
        /// Which.
        message_id: MessageId,
        /// Its seq.
        target_seq: Seq,
        /// Its position, for the count of unread.
        target_position: u64,
    }

    /// A reaction came or went.
    pub struct Reacted {
        /// To which message.
        message_id: MessageId,
        /// Its seq.
        target_seq: Seq,
        /// Name of the emoji.
        emoji: String,
    }

    /// A message was pinned or unpinned.
    pub struct Pinned {
        /// Which.
        message_id: MessageId,
        /// Its seq.
        target_seq: Seq,
    }

    /// Follow-ups were offered.
    pub struct FollowedUp {
        /// Below which message.
        message_id: MessageId,
        /// Its seq.
        target_seq: Seq,
        /// What the reader may want to say next, 1 to 3.
        follow_ups: Vec<FollowUp>,
    }

    /// The group was made.
    pub struct Created {
        /// Its name.
        name: String,
        /// How many were in it from the start.
        member_count: u32,
        /// The first of them, at most 20.
        users: Vec<UserId>,
    }

    /// Members came or went.
    pub struct MembersChanged {
        /// The first of them, at most 20.
        users: Vec<UserId>,
        /// How many in all.
        count: u32,
        /// Number of members afterwards.
        member_count: u32,
        /// Nobody is to be shown a line about it (`not_anyone`).
        quiet: bool,
        /// You are one of them. Only in what is sent to those.
        me: bool,
        /// Only the owner and the managers are to be shown a line about it (`only_owner`).
        managers_only: bool,
    }

    /// What changed; what is missing stayed.
    pub struct Updated {
        /// New name.
        name: Option<String>,
        /// New description.
        description: Option<String>,
        /// New picture.
        avatar: Option<String>,
        /// New settings.
        config: Option<ChatConfigChange>,
        /// New names in several languages.
        i18n_names: Option<I18nNames>,
    }

    /// Managers were named or relieved.
    pub struct ManagersChanged {
        /// New managers.
        added: Vec<UserId>,
        /// No longer managers.
        removed: Vec<UserId>,
    }

    /// The group has another owner.
    pub struct OwnerChanged {
        /// Who.
        owner: UserId,
    }

    /// The group was dissolved.
    pub struct Dissolved {
    }

    /// What stands on top of the group now.
    pub struct TopNoticeChanged {
        /// It; missing: nothing.
        notice: Option<TopNotice>,
    }

    /// The announcement says something else; all of it is in `chat_details`.
    pub struct Announced {
        /// Its revision.
        revision: u64,
        /// How it begins.
        preview: String,
    }

    /// The tabs are others; they are in `chat_details`.
    pub struct TabsChanged {
    }

    /// The menu is another; it is in `chat_details`.
    pub struct MenuChanged {
    }

    /// Who may post is another. My rights may be others too: ask `chat`.
    pub struct ModerationChanged {
        /// Who may post.
        moderation_permission: Moderation,
        /// New on the list, the first 20.
        added: Vec<UserId>,
        /// No longer on it, the first 20.
        removed: Vec<UserId>,
        /// How many are on the list.
        moderator_count: u32,
    }
}
