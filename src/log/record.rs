//! What one committed fact of a chat is, and how it is written down.
//!
//! A record is kept as one version byte, a CRC-32 of the rest, and MessagePack. People stand in it by index, chats by
//! key: the short forms that do not change. The wire's form is made from it by the chats.

use super::urgent::UrgentChange;
use protocol::chat::{ChatConfigChange, I18nNames, Moderation};
use protocol::content::{Content, FollowUp};
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;

/// One committed fact of a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Key of the chat.
    pub chat: u64,
    /// 1, 2, 3 … in the chat.
    pub seq: u64,
    /// Number of messages up to and with this record.
    pub position: u64,
    /// When it was accepted, ms since 1970.
    pub at_ms: u64,
    /// Index of the person or bot who did it.
    pub by: u32,
    /// What it is.
    pub change: Change,
}

/// What a record says. New kinds go to the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// A message.
    Message(Message),
    /// A message says something else.
    Edited {
        /// Seq of the message.
        target: u64,
        /// What it says now.
        content: Content,
        /// Whom it mentions now.
        mentions: Vec<u32>,
        /// It mentions everybody now.
        mention_all: bool,
    },
    /// A message was taken back.
    Recalled {
        /// Seq of the message.
        target: u64,
        /// Its position.
        position: u64,
    },
    /// A reaction came.
    Reacted {
        /// Seq of the message.
        target: u64,
        /// Name of the emoji.
        emoji: String,
    },
    /// A reaction went.
    Unreacted {
        /// Seq of the message.
        target: u64,
        /// Name of the emoji.
        emoji: String,
    },
    /// A message was pinned.
    Pinned {
        /// Seq of the message.
        target: u64,
    },
    /// A message was unpinned.
    Unpinned {
        /// Seq of the message.
        target: u64,
    },
    /// The group was made.
    Created {
        /// Its name.
        name: String,
        /// Its owner.
        owner: u32,
        /// Its members, as a serialised bitmap.
        #[serde(with = "serde_bytes_vec")]
        members: Vec<u8>,
    },
    /// Members came.
    MembersAdded {
        /// Who, as a serialised bitmap.
        #[serde(with = "serde_bytes_vec")]
        members: Vec<u8>,
        /// How many members there are now.
        member_count: u32,
    },
    /// Members went.
    MembersRemoved {
        /// Who, as a serialised bitmap.
        #[serde(with = "serde_bytes_vec")]
        members: Vec<u8>,
        /// How many members there are now.
        member_count: u32,
    },
    /// Name, description, picture or configuration changed.
    Updated {
        /// New name.
        name: Option<String>,
        /// New description.
        description: Option<String>,
        /// New picture.
        avatar: Option<String>,
        /// New settings.
        config: Option<ChatConfigChange>,
        /// New names in several languages.
        #[serde(default)]
        i18n_names: Option<I18nNames>,
    },
    /// Managers were named or relieved.
    ManagersChanged {
        /// New ones.
        added: Vec<u32>,
        /// No longer.
        removed: Vec<u32>,
    },
    /// The group has another owner.
    OwnerChanged {
        /// Who.
        owner: u32,
    },
    /// The group was dissolved.
    Dissolved,
    /// Something was put on top of the group, or taken down.
    TopNoticeChanged {
        /// What stands there now.
        notice: Option<TopNotice>,
    },
    /// The announcement changed.
    Announced {
        /// Its revision.
        revision: u64,
        /// How it begins.
        preview: String,
    },
    /// The tabs changed.
    TabsChanged,
    /// The menu changed.
    MenuChanged,
    /// Who may post changed.
    ModerationChanged {
        /// Who may.
        moderation_permission: Moderation,
        /// New on the list.
        added: Vec<u32>,
        /// No longer on it.
        removed: Vec<u32>,
        /// How many are on it.
        moderator_count: u32,
    },
    /// Follow-ups were offered below a message.
    FollowedUp {
        /// Seq of the message.
        target: u64,
        /// What its reader may want to say next.
        follow_ups: Vec<FollowUp>,
    },
    /// Of an urgent, whose key is in the place of the chat's.
    Urgent(UrgentChange),
    /// Somebody has changed their own settings of a chat. It is noted under a key of its own, which is in the place of the chat's, and
    /// nobody is shown it: who was away is told by it that there is something to tell.
    OwnSettings {
        /// Key of the chat.
        chat: u64,
    },
}

/// What stands on top of a group.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TopNotice {
    /// Seq of the message; none: the announcement.
    pub target: Option<u64>,
    /// How it begins.
    pub preview: String,
    /// Who put it there.
    pub by: u32,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Chosen by the sender.
    pub client_message_id: String,
    /// What it says.
    pub content: Content,
    /// The message that it answers.
    pub reply_to: Option<Quoted>,
    /// Seq of the first message of its thread.
    pub thread_root: Option<u64>,
    /// Whom it mentions.
    pub mentions: Vec<u32>,
    /// It mentions everybody.
    pub mention_all: bool,
}

/// What a reply keeps of the message that it answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quoted {
    /// Seq of the message.
    pub seq: u64,
    /// Who had sent it.
    pub sender: u32,
    /// The beginning of its text.
    pub preview: String,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damaged {
    /// Too short, or of a version that this program does not know.
    Version,
    /// The checksum is another one.
    Checksum,
    /// The checksum is right, the rest cannot be read.
    Unreadable(String),
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Version => formatter.write_str("it is too short, or of an unknown version"),
            Self::Checksum => formatter.write_str("its checksum does not fit"),
            Self::Unreadable(why) => write!(formatter, "it cannot be read: {why}"),
        }
    }
}

impl Record {
    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, 0, 0, 0, 0];
        rmp_serde::encode::write(&mut bytes, self)
            .expect("a record holds no map with other keys than names, and writing to memory does not fail");
        let checksum = crc32fast::hash(&bytes[5..]);
        bytes[1..5].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Reads what is kept.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let (Some(&VERSION), Some(checksum), Some(body)) = (bytes.first(), bytes.get(1..5), bytes.get(5..)) else {
            return Err(Damaged::Version);
        };
        if checksum != crc32fast::hash(body).to_be_bytes() {
            return Err(Damaged::Checksum);
        }
        rmp_serde::from_slice(body).map_err(|error| Damaged::Unreadable(error.to_string()))
    }

    /// The message in it, when it is one.
    pub fn message(&self) -> Option<&Message> {
        match &self.change {
            Change::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Seq of the message that it changes, for those that change one.
    pub fn target(&self) -> Option<u64> {
        match &self.change {
            Change::Edited { target, .. }
            | Change::Recalled { target, .. }
            | Change::Reacted { target, .. }
            | Change::Unreacted { target, .. }
            | Change::Pinned { target }
            | Change::Unpinned { target }
            | Change::FollowedUp { target, .. } => Some(*target),
            _ => None,
        }
    }
}

/// Bytes as MessagePack's binary form; a plain `Vec<u8>` would become an array of numbers.
pub(crate) mod serde_bytes_vec {
    use serde::de::{Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_is_told() {
        let record = Record {
            chat: 7,
            seq: 3,
            position: 2,
            at_ms: 1,
            by: 9,
            change: Change::MembersAdded { members: vec![1, 2, 3], member_count: 3 },
        };
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Ok(record));
        for bit in 8..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(&damaged), Err(Damaged::Checksum), "bit {bit}");
        }
    }
}
