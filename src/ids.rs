//! Identifiers of the outside, made from the short ones of the inside and back, without a table.
//!
//! Inside, a chat is a 64-bit key, a person a 32-bit index, a message its chat and seq. Outside they are 16 bytes,
//! encrypted with the organisation's key: they tell nothing, cannot be guessed, and one that was not made here is
//! recognised at once, because the bytes that mark its kind do not come out.

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use protocol::ids::{ChatId, MessageId, UrgentId};
use std::sync::Arc;

/// Key of a chat. A direct chat's key holds its two people; a group's is random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatKey(pub u64);

const DIRECT: u64 = 1 << 63;
/// Together with `DIRECT`: an urgent. The indices of a direct chat leave this bit free.
const URGENT: u64 = 1 << 62;
/// Bits of an urgent's key that tell those of one millisecond apart.
const URGENT_RANDOM_BITS: u32 = 20;
/// Keys of urgents below this would be of before 1988: those are for notes.
const NOTES_END: u64 = 1 << 59;

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

    /// The key of a new urgent: those of later ones are larger.
    pub fn urgent(now_ms: u64) -> Self {
        let random = rand::random::<u64>() & ((1 << URGENT_RANDOM_BITS) - 1);
        Self(DIRECT | URGENT | (now_ms << URGENT_RANDOM_BITS | random) & (URGENT - 1))
    }

    /// No urgent that was raised at this time or later has a smaller key.
    pub fn urgents_since(ms: u64) -> Self {
        Self(DIRECT | URGENT | (ms << URGENT_RANDOM_BITS) & (URGENT - 1))
    }

    /// Is it the key of an urgent, and not of a chat?
    pub fn is_urgent(self) -> bool {
        self.0 & (DIRECT | URGENT) == DIRECT | URGENT && !self.is_notes()
    }

    /// A new key under which a node notes what people change for themselves.
    pub fn notes() -> Self {
        Self(DIRECT | URGENT | rand::random::<u64>() & (NOTES_END - 1))
    }

    /// Is it the key of such notes, and not of a chat?
    pub fn is_notes(self) -> bool {
        self.0 & !(NOTES_END - 1) == DIRECT | URGENT
    }

    /// Is it the key of a chat?
    pub fn is_chat(self) -> bool {
        self.0 & (DIRECT | URGENT) != DIRECT | URGENT
    }

    /// The two of a direct chat, which are one in a chat with oneself.
    pub fn pair(self) -> Option<(u32, u32)> {
        (self.0 & (DIRECT | URGENT) == DIRECT).then_some(((self.0 >> 31 & 0x7fff_ffff) as u32, (self.0 & 0x7fff_ffff) as u32))
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
const URGENT_MARK: [u8; 4] = *b"urgt";
const OPEN: [u8; 4] = *b"open";
const UNION: [u8; 4] = *b"unio";
const LINK: [u8; 4] = *b"link";
const LINK_END: [u8; 4] = *b"lend";
const HOOK: [u8; 4] = *b"hook";
const HOOK_SECRET: [u8; 4] = *b"hsec";
const BATCH: [u8; 4] = *b"btch";
/// A message's mark is shorter: its chat and seq take 15 bytes (a seq stays below 2⁵⁶).
const MESSAGE: u8 = 0x4d;
/// A message within a merged one: the id of that, and which one it is.
const CHILD: u8 = 0x43;
/// A card for one person: its number, the person, the bot.
const EPHEMERAL: u8 = 0x45;
/// A card's token: where the card is, and the rest.
const TOKEN: u8 = 0x54;
const TOKEN_REST: [u8; 4] = *b"toke";
/// A reaction is the record that brought it.
const REACTION: u8 = 0x52;

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
        self.reveal_marked(CHAT, id.0).map(|(_, key)| ChatKey(key)).filter(|key| key.is_chat())
    }

    /// An urgent's identifier.
    pub fn urgent_id(&self, urgent: ChatKey) -> UrgentId {
        UrgentId(self.close_marked(URGENT_MARK, 0, urgent.0))
    }

    /// The urgent of an identifier, when it was made here.
    pub fn urgent(&self, id: UrgentId) -> Option<ChatKey> {
        self.reveal_marked(URGENT_MARK, id.0).map(|(_, key)| ChatKey(key)).filter(|key| key.is_urgent())
    }

    fn close_place(&self, mark: u8, chat: ChatKey, seq: u64) -> [u8; 16] {
        let mut plain = [0; 16];
        plain[0] = mark;
        plain[1..8].copy_from_slice(&seq.to_be_bytes()[1..]);
        plain[8..].copy_from_slice(&chat.0.to_be_bytes());
        self.close(plain)
    }

    fn reveal_place(&self, mark: u8, sealed: [u8; 16]) -> Option<(ChatKey, u64)> {
        let plain = self.reveal(sealed);
        let (mut seq, mut chat) = ([0; 8], [0; 8]);
        seq[1..].copy_from_slice(&plain[1..8]);
        chat.copy_from_slice(&plain[8..]);
        (plain[0] == mark).then(|| (ChatKey(u64::from_be_bytes(chat)), u64::from_be_bytes(seq)))
    }

    /// A message's identifier.
    pub fn message_id(&self, chat: ChatKey, seq: u64) -> MessageId {
        MessageId(self.close_place(MESSAGE, chat, seq))
    }

    /// Chat and seq of a message's identifier. Of one that was made elsewhere, 255 in 256 are told at once; the others
    /// lead to a chat that does not exist.
    pub fn message(&self, id: MessageId) -> Option<(ChatKey, u64)> {
        self.reveal_place(MESSAGE, id.0)
    }

    /// The identifier of a message within a merged one, by its place there: 0, 1, 2 …, below 256. Another merged
    /// message's id gives another; a made-up one gives what nobody has.
    pub fn child_id(&self, merged: MessageId, index: usize) -> MessageId {
        let (chat, seq) = self.message(merged).unwrap_or((ChatKey(0), 0));
        // A merged message stands below 2⁴⁸ in its chat.
        MessageId(self.close_place(CHILD, chat, (index as u64 & 0xff) << 48 | seq & 0xffff_ffff_ffff))
    }

    /// The merged message of such an identifier, and the place in it.
    pub fn child(&self, id: MessageId) -> Option<(MessageId, usize)> {
        let (chat, place) = self.reveal_place(CHILD, id.0)?;
        Some((self.message_id(chat, place & 0xffff_ffff_ffff), (place >> 48) as usize))
    }

    /// The identifier of a card for one person's eyes only. Numbers stay below 2⁵⁶.
    pub fn ephemeral_id(&self, number: u64, user: u32, bot: u32) -> MessageId {
        MessageId(self.close_place(EPHEMERAL, ChatKey(u64::from(user) << 32 | u64::from(bot)), number))
    }

    /// Number, person and bot of such an identifier.
    pub fn ephemeral(&self, id: MessageId) -> Option<(u64, u32, u32)> {
        let (who, number) = self.reveal_place(EPHEMERAL, id.0)?;
        Some((number, (who.0 >> 32) as u32, who.0 as u32))
    }

    /// A token for the card of a message. Its second half is chained to the first, so that halves of two tokens make none.
    pub fn card_token(&self, chat: ChatKey, seq: u64, expires_at_s: u32, nonce: u64) -> String {
        let first = self.close_place(TOKEN, chat, seq);
        let mut rest = [0; 16];
        rest[..4].copy_from_slice(&TOKEN_REST);
        rest[4..8].copy_from_slice(&expires_at_s.to_be_bytes());
        rest[8..].copy_from_slice(&nonce.to_be_bytes());
        rest.iter_mut().zip(first).for_each(|(byte, chained)| *byte ^= chained);
        format!("c-{}{}", hex::encode(first), hex::encode(self.close(rest)))
    }

    /// Chat, seq, expiry and nonce of a token that was made here.
    pub fn open_card_token(&self, token: &str) -> Option<(ChatKey, u64, u32, u64)> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(token.strip_prefix("c-")?, &mut bytes).ok()?;
        let (mut first, mut second) = ([0; 16], [0; 16]);
        first.copy_from_slice(&bytes[..16]);
        second.copy_from_slice(&bytes[16..]);
        let (chat, seq) = self.reveal_place(TOKEN, first)?;
        let mut rest = self.reveal(second);
        rest.iter_mut().zip(first).for_each(|(byte, chained)| *byte ^= chained);
        let (mut expiry, mut nonce) = ([0; 4], [0; 8]);
        expiry.copy_from_slice(&rest[4..8]);
        nonce.copy_from_slice(&rest[8..]);
        (rest[..4] == TOKEN_REST).then(|| (chat, seq, u32::from_be_bytes(expiry), u64::from_be_bytes(nonce)))
    }

    /// A reaction's identifier: 32 hexadecimal digits.
    pub fn reaction_id(&self, chat: ChatKey, seq: u64) -> String {
        hex::encode(self.close_place(REACTION, chat, seq))
    }

    /// Chat and seq of the record of a reaction's identifier, as of [`Self::message`].
    pub fn reaction(&self, id: &str) -> Option<(ChatKey, u64)> {
        self.reveal_place(REACTION, digits(id, "")?)
    }

    /// A link to a chat that somebody has made, good until a second since 1970; two blocks, the second one bound to the first.
    pub fn link(&self, chat: ChatKey, maker: u32, ends_s: u32) -> String {
        let first = self.close_marked(LINK, maker, chat.0);
        let mut bound = [0; 8];
        bound.copy_from_slice(&first[..8]);
        let second = self.close_marked(LINK_END, ends_s, u64::from_be_bytes(bound));
        format!("{}{}", hex::encode(first), hex::encode(second))
    }

    /// Chat, maker and end of a link that was made here.
    pub fn link_of(&self, token: &str) -> Option<(ChatKey, u32, u32)> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(token, &mut bytes).ok()?;
        let (mut first, mut second, mut bound) = ([0; 16], [0; 16], [0; 8]);
        first.copy_from_slice(&bytes[..16]);
        second.copy_from_slice(&bytes[16..]);
        bound.copy_from_slice(&bytes[..8]);
        let (maker, chat) = self.reveal_marked(LINK, first)?;
        let (ends_s, of) = self.reveal_marked(LINK_END, second)?;
        (of == u64::from_be_bytes(bound)).then_some((ChatKey(chat), maker, ends_s))
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

    /// A bot's message to many: `bm-…`.
    pub fn batch_id(&self, bot: u32, number: u64) -> String {
        format!("bm-{}", hex::encode(self.close_marked(BATCH, bot, number)))
    }

    /// Bot and number of a `bm-…` that was made here.
    pub fn batch(&self, id: &str) -> Option<(u32, u64)> {
        self.reveal_marked(BATCH, digits(id, "bm-")?)
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
        assert_eq!(seal.ephemeral(seal.ephemeral_id(1 << 55, 7, 8)), Some((1 << 55, 7, 8)));
        let tokens = [seal.card_token(chat, 9, 1_000, 5), seal.card_token(chat, 10, 2_000, 6)];
        assert_eq!(seal.open_card_token(&tokens[0]), Some((chat, 9, 1_000, 5)));
        assert_eq!(seal.open_card_token(&format!("{}{}", &tokens[0][..34], &tokens[1][34..])), None, "halves of two");
        assert_eq!(seal.open_card_token("c-00"), None);
        let merged = seal.message_id(chat, 9);
        assert_eq!(seal.child(seal.child_id(merged, 99)), Some((merged, 99)));
        assert_eq!(seal.child(merged), None);
        assert_eq!(seal.reaction(&seal.reaction_id(chat, 9)), Some((chat, 9)));
        assert_eq!(seal.reaction(&seal.message_id(chat, 9).to_string()[3..]), None);
        assert_eq!(seal.open(&seal.open_id(4, 8)), Some((4, 8)));
        assert_eq!(seal.batch(&seal.batch_id(4, 1 << 55)), Some((4, 1 << 55)));
        assert_eq!(seal.union(&seal.union_id(8)), Some(8));
        assert_eq!(seal.hook(&seal.hook_token(8, 3)), Some((8, 3)));
        assert_eq!(seal.hook(&seal.hook_secret(8, 3)), None);
        assert_eq!(seal.hook(&"é".repeat(16)), None);
        assert_eq!(seal.chat(ChatId([1; 16])), None);
        assert_eq!(seal.union(&seal.open_id(4, 8).replace("ou_", "on_")), None);
        assert_ne!(Seal::new([8; 16]).chat_id(chat), seal.chat_id(chat));
        assert!(ChatKey::random().pair().is_none());
        let urgent = ChatKey::urgent(1_790_000_000_000);
        assert!(urgent.is_urgent() && urgent.pair().is_none() && !chat.is_urgent());
        assert!(ChatKey::urgent(1_790_000_000_001) > urgent);
        let notes = ChatKey::notes();
        assert!(notes.is_notes() && notes.pair().is_none() && !notes.is_urgent() && !notes.is_chat());
        assert!(!urgent.is_notes() && !urgent.is_chat() && !chat.is_notes() && chat.is_chat() && ChatKey(NOTES_END).is_chat());
        assert_eq!(seal.chat(seal.chat_id(notes)), None);
        assert!(!ChatKey::direct(0x7fff_ffff, 0x7fff_ffff).is_urgent());
        assert_eq!(seal.urgent(seal.urgent_id(urgent)), Some(urgent));
        assert_eq!(seal.urgent(UrgentId(seal.chat_id(chat).0)), None);
    }

    #[test]
    fn a_link_cannot_be_given_the_end_of_another() {
        let seal = Seal::new([7; 16]);
        let (short, long) = (seal.link(ChatKey(5), 3, 1_000), seal.link(ChatKey(6), 3, u32::MAX));
        assert_eq!(seal.link_of(&short), Some((ChatKey(5), 3, 1_000)));
        assert_eq!(seal.link_of(&format!("{}{}", &short[..32], &long[32..])), None);
        for token in ["", "zz", &short[..32], &short.replace(&short[..2], "00")] {
            assert!(seal.link_of(token).is_none_or(|link| link == (ChatKey(5), 3, 1_000)), "{token}");
        }
    }
}
