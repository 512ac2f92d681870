//! Every table, what its partition and row keys are, and how keys are made of numbers and texts.

use smallvec::SmallVec;

/// Bytes of a partition or row key. Numbers are big-endian, so that the order of bytes is the order of numbers.
pub type Key = SmallVec<[u8; 24]>;

/// Records in one partition of `Messages` and `Changes`.
pub const BUCKET_SEQS: u64 = 5_000;

macro_rules! tables {
    ($( $(#[$meta:meta])* $variant:ident $name:literal )*) => {
        /// A table of the store.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Table { $( $(#[$meta])* $variant ),* }

        impl Table {
            /// All of them.
            pub const ALL: &'static [Table] = &[$( Table::$variant ),*];
            /// Name in the engines.
            pub fn name(self) -> &'static str { match self { $( Table::$variant => $name ),* } }
        }
    };
}

tables! {
    /// (chat, bucket of seq) · seq → place in the log (8 bytes) and the record as the log has it.
    Messages "messages"
    /// (chat, bucket of the target's seq) · (target's seq, seq) → the record that changed the target, as in `Messages`.
    Changes "changes"
    /// (chat, seq of the thread's first message) · seq → empty.
    Threads "threads"
    /// chat · empty → name, configuration, owner, managers, pins as JSON.
    Chats "chats"
    /// chat · empty → members, as the module `chat::members` writes them.
    Members "members"
    /// user · chat → since when, or until when, as JSON. Not for members of large chats, see `LargeChats`.
    Memberships "memberships"
    /// empty · chat → empty. Chats whose members have no row in `Memberships`.
    LargeChats "large_chats"
    /// chat · user → who asked that this one be let in, when and why, as JSON. Those who wait.
    JoinRequests "join_requests"
    /// user · (chat, who was to join) → what became of a request that the user had made, as JSON.
    JoinsAsked "joins_asked"
    /// empty · chat → name of a group, as JSON; what searches of groups look at.
    GroupNames "group_names"
    /// chat · name of the part → announcement, tabs or menu, as JSON.
    ChatParts "chat_parts"
    /// chat · user → delivered seq, read seq, read position, time of the reading: 32 bytes.
    Cursors "cursors"
    /// user · chat → pinned, muted, hidden as JSON.
    Personal "personal"
    /// (user or `u32::MAX` for everybody, chat) · seq → empty.
    Mentions "mentions"
    /// chat · position of a recalled message → its seq.
    Recalled "recalled"
    /// user · hash of client_message_id → chat, seq.
    Dedupe "dedupe"
    /// job · part → a message to many: what it says, its people, its progress, who has read it.
    Batches "batches"
    /// empty · job → bot, state. Jobs in the order of time.
    BatchOrder "batch_order"
    /// direct chat · seq → job. Messages that were sent to many.
    BatchMessages "batch_messages"
    /// user · number → a card for this person's eyes only that no device has got, as JSON.
    Ephemerals "ephemerals"
    /// empty · (number, user) → empty. The same in the order of time.
    EphemeralOrder "ephemeral_order"
    /// urgent · empty → the urgent as it stood after one of its records, as the module `urgent::state` writes it.
    Urgents "urgents"
    /// empty · urgent → 0: open, 1: over. Urgents in the order of time.
    UrgentOrder "urgent_order"
    /// empty · (expiry, nonce) → how often a card's token was used.
    CardTokens "card_tokens"
    /// file key · empty → what was uploaded, as JSON.
    Files "files"
    /// file key · chat → empty. Where a file was posted.
    FileChats "file_chats"
    /// content hash · file key → empty. The uploads that have these bytes.
    Blobs "blobs"
    /// empty · (time, file key) → empty. Uploads that may not be posted yet.
    Uploads "uploads"
    /// empty · upload id → an upload that comes in parts, as JSON.
    UploadsInParts "uploads_in_parts"
    /// bucket of user index · user index → a person or bot, as JSON.
    People "people"
    /// user · empty → the password's hash, as a PHC string.
    Passwords "passwords"
    /// empty · department id → a department, as JSON.
    Departments "departments"
    /// empty · chat → the departments that a group follows, as JSON.
    BoundGroups "bound_groups"
    /// chat · empty → how far a group has followed its departments, as the module `chat::bound` writes it.
    BoundMembers "bound_members"
    /// bot · empty → a group's own bot with its checks, as JSON.
    CustomBots "custom_bots"
    /// empty · user → what is left to do for somebody who has left, as JSON.
    Leavers "leavers"
    /// app's bot · (day, hash of a key that a caller chose) → id of what was made with it.
    EditTokens "edit_tokens"
    /// empty · app id → an app, as JSON.
    Apps "apps"
    /// user · device id → a device with its refresh token's hash, as JSON.
    Devices "devices"
    /// day since 1970 · (time, start of the server, number) → who changed what, as JSON. Rows are never changed.
    Audit "audit"
    /// empty · name → keys and facts of this organisation.
    Facts "facts"
}

/// A key made of numbers and texts, one behind the other.
#[derive(Debug, Default)]
pub struct KeyMaker(Key);

impl KeyMaker {
    /// Adds a 32-bit number.
    pub fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds a 64-bit number.
    pub fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The key.
    pub fn done(self) -> Key {
        self.0
    }
}

/// An empty key, of tables with one partition or one row in each.
pub fn none() -> Key {
    Key::new()
}

/// A key of one 32-bit number.
pub fn u32_key(number: u32) -> Key {
    KeyMaker::default().u32(number).done()
}

/// A key of one 64-bit number.
pub fn u64_key(number: u64) -> Key {
    KeyMaker::default().u64(number).done()
}

/// A key of one text.
pub fn text_key(text: &str) -> Key {
    KeyMaker::default().bytes(text.as_bytes()).done()
}

/// The partition of a chat's record.
pub fn bucket_key(chat: u64, seq: u64) -> Key {
    KeyMaker::default().u64(chat).u32((seq / BUCKET_SEQS) as u32).done()
}

/// Reads a 64-bit number that stands at a place in a key or value.
pub fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).and_then(|part| part.try_into().ok()).map(u64::from_be_bytes)
}

/// Reads a 32-bit number that stands at a place in a key or value.
pub fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).and_then(|part| part.try_into().ok()).map(u32::from_be_bytes)
}
