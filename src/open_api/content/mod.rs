//! What messages say, translated both ways: the platform's `msg_type` and `content`, and the content of the client
//! protocol.

mod at;
mod card;
mod markdown;
mod post;
mod text;

use super::OpenApi;
use super::error::Refusal;
use super::identity::IdType;
use crate::auth::AppEntry;
use protocol::content::{Card, Content, File, Image, Post, ShareChat, ShareUser, Text};
use protocol::record::Message;
use serde_json::{Map, Value, json};

/// What stands in place of a recalled message.
const RECALLED: &str = "This message was recalled";
/// Everybody, as people write it.
const ALL_NAME: &str = "所有人";

/// What a caller says, in the terms of the client protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The content.
    pub content: Content,
    /// Who is mentioned, in the order of the text.
    pub mentions: Vec<String>,
    /// Everybody is mentioned.
    pub mention_all: bool,
}

/// People mentioned so far.
#[derive(Debug, Default)]
struct Mentions {
    people: Vec<String>,
    all: bool,
}

/// Somebody whom an id in a content means.
#[derive(Debug, Clone, PartialEq)]
struct Named {
    user_id: String,
    name: String,
}

/// Finds whom an id in a content means.
type Find<'a> = &'a dyn Fn(&str) -> Result<Named, Refusal>;

impl Mentions {
    /// Notes a mention and gives the name to show.
    fn note(&mut self, id: &str, find: Find) -> Result<Named, Refusal> {
        if id == "all" {
            self.all = true;
            return Ok(Named { user_id: "all".into(), name: ALL_NAME.into() });
        }
        let named = find(id)?;
        if !self.people.contains(&named.user_id) {
            self.people.push(named.user_id.clone());
        }
        Ok(named)
    }
}

/// Whom a message mentions, as a reader of the open API sees it.
#[derive(Debug, Default)]
struct Shown<'a> {
    people: Vec<(&'a str, String)>,
    all: bool,
}

impl Shown<'_> {
    fn key(&self, user_id: &str) -> Option<String> {
        self.people.iter().position(|(known, _)| *known == user_id).map(|at| format!("@_user_{}", at + 1))
    }
}

/// A message as it is read.
pub struct Read {
    /// The platform's word for its kind.
    pub msg_type: &'static str,
    /// JSON text.
    pub content: String,
    /// The list `mentions`.
    pub mentions: Vec<Value>,
}

impl OpenApi {
    /// Reads `msg_type` and `content` of a message to be sent.
    pub fn said(&self, app: &AppEntry, msg_type: &str, content: &str) -> Result<Said, Refusal> {
        let parsed: Value = serde_json::from_str(content).map_err(|error| {
            invalid(format!(
                "`content` is not JSON: {error}; it is a JSON object written as a text, for example \"{{\\\"text\\\":\\\"hello\\\"}}\""
            ))
        })?;
        let Value::Object(fields) = parsed else { return Err(invalid("`content` is JSON, but not an object".into())) };
        let find = |id: &str| self.named(app, id);
        let mut mentions = Mentions::default();
        let content = match msg_type {
            "text" => Content::Text(Text { text: text::said(required(&fields, "text")?, &mut mentions, &find)? }),
            "post" => Content::Post(Post { post: post::said(&fields, &mut mentions, &find)? }),
            "image" => Content::Image(Image { key: required(&fields, "image_key")?.to_owned(), ..Image::default() }),
            "file" => Content::File(file(&fields)?),
            "audio" => Content::Audio(file(&fields)?),
            "media" => Content::Media(file(&fields)?),
            "interactive" => {
                card::check(&fields)?;
                card::mentions(&fields, &mut mentions, &find)?;
                Content::Card(Card { card: content.to_owned(), people: card::people(&fields, &find), images: Vec::new() })
            }
            "share_chat" => {
                let chat = self.chat_meant(required(&fields, "chat_id")?)?;
                Content::ShareChat(ShareChat { chat_id: self.chats.seal.chat_id(chat), name: None })
            }
            "share_user" => Content::ShareUser(ShareUser { user_id: self.named(app, required(&fields, "user_id")?)?.user_id }),
            other => {
                return Err(Refusal::field(
                    "msg_type",
                    other,
                    "must be one of text, post, image, file, audio, media, interactive, share_chat, share_user",
                ));
            }
        };
        Ok(Said { content, mentions: mentions.people, mention_all: mentions.all })
    }

    /// Somebody in a text: an `open_id`, `union_id` or `user_id`, told apart by how they begin.
    fn named(&self, app: &AppEntry, id: &str) -> Result<Named, Refusal> {
        let form = match id.get(..3) {
            Some("ou_") => IdType::Open,
            Some("on_") => IdType::Union,
            _ => IdType::User,
        };
        let index = self.meant(app, form, id)?;
        let name = self.chats.directory.entry(index).map(|person| person.name.clone()).unwrap_or_default();
        Ok(Named { user_id: self.chats.directory.user_id(index).to_string(), name })
    }

    /// A message as a caller reads it. `raw_cards`: cards as they were sent, not simplified.
    pub fn read(&self, app: &AppEntry, message: &Message, raw_cards: bool) -> Read {
        let name = |user_id: &str| {
            self.chats
                .directory
                .index(user_id)
                .and_then(|index| self.chats.directory.entry(index))
                .map(|person| person.name.clone())
                .unwrap_or_default()
        };
        let people: Vec<(&str, String)> = message.mentions.iter().map(|user_id| (user_id.as_str(), name(user_id))).collect();
        let shown = Shown { people, all: message.mention_all };
        let open_id =
            |user_id: &str| self.chats.directory.index(user_id).map(|index| self.chats.seal.open_id(app.bot, index)).unwrap_or_default();
        let (msg_type, content) = if message.recalled_by.is_some() {
            (kind(&message.content), RECALLED.to_owned())
        } else {
            let content = match &message.content {
                Content::Text(text) => json!({ "text": text::read(&text.text, &shown) }),
                Content::Post(post) => post::read(&post.post, &shown),
                Content::Image(image) => json!({ "image_key": image.key }),
                Content::File(file) => json!({ "file_key": file.key, "file_name": file.name }),
                Content::Audio(file) => json!({ "file_key": file.key, "duration": file.duration_ms.unwrap_or(0) }),
                Content::Media(file) => json!({ "file_key": file.key, "file_name": file.name, "duration": file.duration_ms.unwrap_or(0) }),
                Content::Card(card) if raw_cards => Value::String(card.card.clone()),
                Content::Card(card) => card::read(&card.card),
                Content::ShareChat(share) => json!({ "chat_id": share.chat_id }),
                Content::ShareUser(share) => json!({ "user_id": open_id(&share.user_id) }),
                Content::Merged(_) => json!({ "content": "Merged and Forwarded Message" }),
                Content::Unknown => json!({ "text": "" }),
            };
            (kind(&message.content), if let Value::String(raw) = content { raw } else { content.to_string() })
        };
        let mentions = shown
            .people
            .iter()
            .enumerate()
            .map(|(at, (user_id, name))| {
                json!({ "key": format!("@_user_{}", at + 1), "id": open_id(user_id), "id_type": "open_id", "name": name, "tenant_key": self.tenant_key })
            })
            .collect();
        Read { msg_type, content, mentions }
    }
}

fn kind(content: &Content) -> &'static str {
    match content {
        Content::Text(_) | Content::Unknown => "text",
        Content::Post(_) => "post",
        Content::Image(_) => "image",
        Content::File(_) => "file",
        Content::Audio(_) => "audio",
        Content::Media(_) => "media",
        Content::Card(_) => "interactive",
        Content::ShareChat(_) => "share_chat",
        Content::ShareUser(_) => "share_user",
        Content::Merged(_) => "merge_forward",
    }
}

fn file(fields: &Map<String, Value>) -> Result<File, Refusal> {
    Ok(File {
        key: required(fields, "file_key")?.to_owned(),
        duration_ms: fields.get("duration").and_then(Value::as_u64),
        ..File::default()
    })
}

fn required<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    fields
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid(format!("`content` has no text `{name}`, which this msg_type needs")))
}

/// The content has not the form of its kind.
fn invalid(why: String) -> Refusal {
    Refusal::new(230_001, format!("your request contains an invalid request parameter: {why}; correct the content and send again"))
}
