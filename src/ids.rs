//! Identifiers of the outside, made from the short ones of the inside and back, without a table.
//!
//! Inside, a chat is a 64-bit key, a person a 32-bit index, a message its chat and seq. Outside they are 16 bytes,
//! encrypted with the organisation's key: they tell nothing, cannot be guessed, and one that was not made here is
//! recognised at once, because the bytes that mark its kind do not come out.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use protocol::ids::{ChatId, MessageId};
use std::sync::Arc;

/// Key of a chat. A direct chat's key holds its two people; a group's is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatKey(pub u64);

const DIRECT: u64 = 1 << 63;

impl ChatKey {
    /// The direct chat of two people, the same whoever asks. Indices are below 2³¹.
    pub fn direct(one: u32, other: u32) -> Self {
        let (low, high) = (one.min(other) as u64, one.max(other) as u64);
        Self(DIRECT | low << 31 | high)
    }

    /// A new group's key.
    pub fn random() -> Self {
        Self(rand::random::<u64>() & !DIRECT)
    }

    /// The two of a direct chat, which are one in a chat with oneself.
    pub fn pair(self) -> Option<(u32, u32)> {
        (self.0 & DIRECT != 0).then_some(((self.0 >> 31 & 0x7fff_ffff) as u32, (self.0 & 0x7fff_ffff) as u32))
    }

    /// The other one of a direct chat.
    pub fn peer(self, of: u32) -> Option<u32> {
        let (low, high) = self.pair()?;
        if of == low {
            Some(high)
        } else if of == high {
            Some(low)
        } else {
            None
        }
    }
}

/// Seals and opens identifiers with the organisation's key. Clones share it.
#[derive(Clone)]
pub struct Seal(Arc<Aes128>);

const CHAT: [u8; 4] = *b"chat";
const OPEN: [u8; 4] = *b"open";
const UNION: [u8; 4] = *b"unio";
const HOOK: [u8; 4] = *b"hook";
const HOOK_SECRET: [u8; 4] = *b"hsec";
/// A message's mark is shorter: its chat and seq take 15 bytes (a seq stays below 2⁵⁶).
const MESSAGE: u8 = 0x4d;

impl Seal {
    /// With the organisation's 16-byte key. Another key makes other identifiers of everything.
    pub fn new(key: [u8; 16]) -> Self {
        Self(Arc::new(Aes128::new(&key.into())))
    }

    fn close(&self, plain: [u8; 16]) -> [u8; 16] {
        let mut block = plain.into();
        self.0.encrypt_block(&mut block);
        block.into()
    }

    fn reveal(&self, sealed: [u8; 16]) -> [u8; 16] {
        let mut block = sealed.into();
        self.0.decrypt_block(&mut block);
        block.into()
    }

    fn close_marked(&self, mark: [u8; 4], first: u32, second: u64) -> [u8; 16] {
        let mut plain = [0; 16];
        plain[..4].copy_from_slice(&mark);
        plain[4..8].copy_from_slice(&first.to_be_bytes());
        plain[8..].copy_from_slice(&second.to_be_bytes());
        self.close(plain)
    }

    fn reveal_marked(&self, mark: [u8; 4], sealed: [u8; 16]) -> Option<(u32, u64)> {
        let plain = self.reveal(sealed);
        (plain[..4] == mark).then(|| {
            let first = u32::from_be_bytes([plain[4], plain[5], plain[6], plain[7]]);
            let mut second = [0; 8];
            second.copy_from_slice(&plain[8..]);
            (first, u64::from_be_bytes(second))
        })
    }

    /// A chat's identifier.
    pub fn chat_id(&self, chat: ChatKey) -> ChatId {
        ChatId(self.close_marked(CHAT, 0, chat.0))
    }

    /// The chat of an identifier, when it was made here.
    pub fn chat(&self, id: ChatId) -> Option<ChatKey> {
        self.reveal_marked(CHAT, id.0).map(|(_, key)| ChatKey(key))
    }

    /// A message's identifier.
    pub fn message_id(&self, chat: ChatKey, seq: u64) -> MessageId {
        let mut plain = [0; 16];
        plain[0] = MESSAGE;
        plain[1..8].copy_from_slice(&seq.to_be_bytes()[1..]);
        plain[8..].copy_from_slice(&chat.0.to_be_bytes());
        MessageId(self.close(plain))
    }

    /// Chat and seq of a message's identifier. Of one that was made elsewhere, 255 in 256 are told at once; the others
    /// lead to a chat that does not exist.
    pub fn message(&self, id: MessageId) -> Option<(ChatKey, u64)> {
        let plain = self.reveal(id.0);
        let (mut seq, mut chat) = ([0; 8], [0; 8]);
        seq[1..].copy_from_slice(&plain[1..8]);
        chat.copy_from_slice(&plain[8..]);
        (plain[0] == MESSAGE).then(|| (ChatKey(u64::from_be_bytes(chat)), u64::from_be_bytes(seq)))
    }

    /// A person's `ou_…` as one app sees it; `app` is the index of the app's bot.
    pub fn open_id(&self, app: u32, user: u32) -> String {
        format!("ou_{}", hex::encode(self.close_marked(OPEN, app, user.into())))
    }

    /// The app and the person of an `ou_…` that was made here.
    pub fn open(&self, id: &str) -> Option<(u32, u32)> {
        let (app, user) = self.reveal_marked(OPEN, digits(id, "ou_")?)?;
        Some((app, user.try_into().ok()?))
    }

    /// A person's `on_…`, the same for all apps.
    pub fn union_id(&self, user: u32) -> String {
        format!("on_{}", hex::encode(self.close_marked(UNION, 0, user.into())))
    }

    /// The person of an `on_…` that was made here.
    pub fn union(&self, id: &str) -> Option<u32> {
        self.reveal_marked(UNION, digits(id, "on_")?).and_then(|(_, user)| user.try_into().ok())
    }

    /// What the address of a group's own bot ends with, in the form of a UUID; `number` counts the addresses that it had.
    pub fn hook_token(&self, bot: u32, number: u32) -> String {
        let digits = hex::encode(self.close_marked(HOOK, bot, number.into()));
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    }

    /// The bot of an address that was made here, and which of its addresses it is.
    pub fn hook(&self, token: &str) -> Option<(u32, u32)> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(token.replace('-', ""), &mut bytes).ok()?;
        let (bot, number) = self.reveal_marked(HOOK, bytes)?;
        Some((bot, number.try_into().ok()?))
    }

    /// What messages to a group's own bot are signed with.
    pub fn hook_secret(&self, bot: u32, number: u32) -> String {
        hex::encode(self.close_marked(HOOK_SECRET, bot, number.into()))
    }
}

fn digits(id: &str, prefix: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(id.strip_prefix(prefix)?, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again_and_nothing_else_does() {
        let seal = Seal::new([7; 16]);
        let chat = ChatKey::direct(5, 3);
        assert_eq!(chat, ChatKey::direct(3, 5));
        assert_eq!(chat.pair(), Some((3, 5)));
        assert_eq!(seal.chat(seal.chat_id(chat)), Some(chat));
        assert_eq!(seal.message(seal.message_id(chat, 9)), Some((chat, 9)));
        assert_eq!(seal.open(&seal.open_id(4, 8)), Some((4, 8)));
        assert_eq!(seal.union(&seal.union_id(8)), Some(8));
        assert_eq!(seal.hook(&seal.hook_token(8, 3)), Some((8, 3)));
        assert_eq!(seal.hook(&seal.hook_secret(8, 3)), None);
        assert_eq!(seal.hook(&"é".repeat(16)), None);
        assert_eq!(seal.chat(ChatId([1; 16])), None);
        assert_eq!(seal.union(&seal.open_id(4, 8).replace("ou_", "on_")), None);
        assert_ne!(Seal::new([8; 16]).chat_id(chat), seal.chat_id(chat));
        assert!(ChatKey::random().pair().is_none());
    }
}
