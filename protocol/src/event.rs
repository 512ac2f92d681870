//! Events: what the server tells unasked.

use crate::group::JoinOutcome;
use crate::ids::{ChatId, MessageId, Seq, UserId};
use crate::person::{Person, Presence};
use crate::record::Record;
use crate::urgent::{Urgent, UrgentCounts, UrgentOver};
use crate::wire::{choice, wire};

choice! {
    /// An event. Unknown kinds are skipped.
    pub enum Event {
        /// Something happened in a chat of mine.
        10 record Record(Record),
        /// Somebody has received or read up to a record.
        11 receipt Receipt(Receipt),
        /// How many have read my message, in a large group.
        12 read_count ReadCount(ReadCount),
        /// Somebody is writing.
        13 typing Typing(Typing),
        /// Somebody whom I watch came or went.
        14 presence Presence(Presence),
        /// My list of chats changed by one of my devices.
        15 inbox_changed InboxChanged(InboxChanged),
        /// Something was left out because this session reads too slowly; call `sync` now.
        16 gap Gap(Gap),
        /// Are you there? Answer with the command `alive`.
        17 heartbeat Heartbeat(Heartbeat),
        /// This node goes away; the close comes soon.
        18 drain Drain(Drain),
        /// I was removed from a chat, or it is gone; nothing of it comes any more.
        19 chat_left ChatLeft(ChatLeft),
        /// People wait to be let into a group where I decide, or wait no longer.
        30 joins_waiting JoinsWaiting(JoinsWaiting),
        /// What became of a request of mine to join.
        31 join_decided JoinDecided(JoinDecided),
        /// A card for my eyes only. Answer with the command `got_ephemeral`.
        80 ephemeral Ephemeral(Ephemeral),
        /// Such a card is gone: take it away.
        81 ephemeral_gone EphemeralGone(EphemeralGone),
        /// Somebody whom I watch, or I myself, has another name, picture, title or department, or has left.
        90 person_changed PersonChanged(PersonChanged),
        /// An urgent is raised for me, or I am reminded of it; or of my people's, who have not confirmed. Answer with the command `urgent_got`.
        100 urgent Urgent(Urgent),
        /// An urgent is over for me.
        101 urgent_over UrgentOver(UrgentOver),
        /// Where the people of an urgent stand that I have raised; a few times a second at most.
        102 urgent_counts UrgentCounts(UrgentCounts),
    }
}

wire! {
    /// Somebody has received and read up to these records. Only in chats of at most 200 members.
    pub struct Receipt {
        /// Where.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// A device of this person has everything up to here.
        delivered_seq: Seq,
        /// This person has read everything up to here.
        read_seq: Seq,
    }

    /// How many have read a message of mine.
    pub struct ReadCount {
        /// Where.
        chat_id: ChatId,
        /// Which message.
        seq: Seq,
        /// How many, without me.
        count: u32,
    }

    /// Somebody is writing; it is over after 6 s without another one, or with their message.
    pub struct Typing {
        /// Where.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
    }

    /// My own state in a chat, as it is now.
    pub struct InboxChanged {
        /// Which chat.
        chat_id: ChatId,
        /// I have read up to this seq.
        read_seq: Seq,
        /// I have read up to this position.
        read_position: u64,
        /// Unread messages.
        unread: u32,
        /// Seqs of unread messages that mention me, oldest first, at most 100.
        mentions: Vec<Seq>,
        /// Kept on top.
        pinned: bool,
        /// No notices.
        muted: bool,
        /// Not in my list until something new happens.
        hidden: bool,
    }

    /// Something was left out.
    pub struct Gap {
        /// How many events were left out.
        dropped: u64,
    }

    /// The server's sign of life.
    pub struct Heartbeat {
        /// Server's clock, ms since 1970.
        server_time_ms: u64,
        /// Everything before this place has been sent to this session; give it to the next `hello`. Missing while something is left out, and when `hello` had a cursor that is good, until `sync` is called.
        cursor: Option<String>,
    }

    /// This node goes away.
    pub struct Drain {
        /// Come back after this many ms, spread by the server.
        after_ms: u64,
        /// Where to, when not to the same address.
        url: Option<String>,
    }

    /// A card that only I see. It is no record: it has no seq, is in no history, and counts as nothing unread.
    pub struct Ephemeral {
        /// Which. The same one may come twice.
        message_id: MessageId,
        /// Where to show it, behind what is there.
        chat_id: ChatId,
        /// The bot.
        by: Person,
        /// When it was sent, ms since 1970.
        at_ms: u64,
        /// JSON text of the card, schema 1.0 or 2.0. At most 100 KB.
        card: String,
    }

    /// A card for my eyes only is gone.
    pub struct EphemeralGone {
        /// Which.
        message_id: MessageId,
        /// Where it was shown.
        chat_id: ChatId,
    }

    /// Somebody is different now.
    pub struct PersonChanged {
        /// As others see this one now.
        person: Person,
    }

    /// I am no longer in this chat.
    pub struct ChatLeft {
        /// Which.
        chat_id: ChatId,
        /// Seq of the record that says so.
        seq: Seq,
    }

    /// How many people wait to be let in.
    pub struct JoinsWaiting {
        /// Where.
        chat_id: ChatId,
        /// How many now.
        count: u32,
    }

    /// What became of a request to join, of me or of somebody whom I had added.
    pub struct JoinDecided {
        /// Where.
        chat_id: ChatId,
        /// Name of the group.
        name: String,
        /// Who was to join.
        user_id: UserId,
        /// What became of it.
        outcome: JoinOutcome,
        /// What the one who decided says about it.
        reason: Option<String>,
    }
}
