//! What a message says.

use crate::ids::{ChatId, MessageId, Seq, UserId};
use crate::wire::{choice, wire};

choice! {
    /// The body of a message. A kind that is not known is shown as "please update".
    pub enum Content {
        /// Plain text.
        1 text Text(Text),
        /// Rich text.
        2 post Post(Post),
        /// A picture.
        3 image Image(Image),
        /// A file.
        4 file File(File),
        /// An interactive card.
        5 card Card(Card),
        /// A pointer to a group.
        6 share_chat ShareChat(ShareChat),
        /// A pointer to a person.
        7 share_user ShareUser(ShareUser),
        /// Several messages of another chat in one.
        8 merged Merged(Merged),
        /// A voice message.
        9 audio Audio(File),
        /// A video.
        10 media Media(File),
        /// A picture that says what words would.
        11 sticker Sticker(Sticker),
        /// A line across a direct chat, between what was before and what comes; only bots draw it.
        12 divider Divider(Divider),
    }
}

wire! {
    /// Plain text. A mention stands in it as `@name`; who is meant stands in `mentions` of the message.
    pub struct Text {
        /// At most 150 KB of UTF-8.
        text: String,
    }

    /// Rich text in the form of the open platform.
    pub struct Post {
        /// JSON text `{"title":"…","content":[[node,…],…]}`: paragraphs of nodes; nodes are told apart by `tag`. At most 100 KB.
        post: String,
    }

    /// A picture; upload it first.
    pub struct Image {
        /// Key from the upload.
        key: String,
        /// Width in pixels; the server fills it in.
        width: Option<u32>,
        /// Height in pixels; the server fills it in.
        height: Option<u32>,
        /// File name; the server fills it in.
        name: Option<String>,
        /// Size in bytes; the server fills it in.
        size_bytes: Option<u64>,
    }

    /// A file; upload it first.
    pub struct File {
        /// Key from the upload.
        key: String,
        /// File name; the server fills it in.
        name: Option<String>,
        /// Size in bytes; the server fills it in.
        size_bytes: Option<u64>,
        /// Media type, found by looking into it; the server fills it in.
        media_type: Option<String>,
        /// Length in ms, of audio and video.
        duration_ms: Option<u64>,
        /// Key of the picture that stands for a video.
        image_key: Option<String>,
    }

    /// A picture that says what words would; upload it first.
    pub struct Sticker {
        /// Key from the upload.
        key: String,
        /// Width in pixels; the server fills it in.
        width: Option<u32>,
        /// Height in pixels; the server fills it in.
        height: Option<u32>,
    }

    /// A line across a direct chat.
    pub struct Divider {
        /// What stands on it, at most 20 characters.
        text: String,
        /// The same in other languages.
        texts: Vec<LocaleText>,
    }

    /// A text in one language.
    pub struct LocaleText {
        /// Language and country as the open platform writes them, for example `en_us`.
        locale: String,
        /// The text.
        text: String,
    }

    /// Something that the reader of a message may want to say next; a click on it sends it.
    pub struct FollowUp {
        /// What is sent, 1 to 200 characters.
        text: String,
        /// The same in other languages.
        texts: Vec<LocaleText>,
    }

    /// An interactive card, kept as it was sent.
    pub struct Card {
        /// JSON text of the card, schema 1.0 or 2.0. At most 100 KB.
        card: String,
        /// Whom ids in it mean that are not user ids: those of an app of the open platform. At most 100.
        people: Vec<CardPerson>,
        /// Its pictures that are uploads, with their sizes, at most 50; the server fills it in.
        images: Vec<Image>,
    }

    /// Whom an id in a card means.
    pub struct CardPerson {
        /// The id as it stands in the card.
        id: String,
        /// Who it is.
        user_id: UserId,
    }

    /// A pointer to a group.
    pub struct ShareChat {
        /// Which.
        chat_id: ChatId,
        /// Its name when it was shared; the server fills it in.
        name: Option<String>,
    }

    /// A pointer to a person.
    pub struct ShareUser {
        /// Whom.
        user_id: UserId,
    }

    /// Several messages of another chat.
    pub struct Merged {
        /// Name of the chat that they come from.
        title: String,
        /// The messages as they stood, oldest first, at most 100.
        messages: Vec<MergedMessage>,
    }

    /// One message within `merged`.
    pub struct MergedMessage {
        /// Who had sent it.
        sender: UserId,
        /// When, ms since 1970.
        sent_at_ms: u64,
        /// What it said.
        content: Content,
    }

    /// What is shown of a message that a reply answers.
    pub struct Quote {
        /// The quoted message.
        message_id: MessageId,
        /// Its place in the chat.
        seq: Seq,
        /// Who had sent it.
        sender: UserId,
        /// The first 120 characters of its text, empty where it has none.
        preview: String,
        /// It has been recalled since; the preview is then empty.
        recalled: bool,
    }
}
