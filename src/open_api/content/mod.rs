//! What messages say, translated both ways: the platform's `msg_type` and `content`, and the content of the client
//! protocol.

mod at;
mod card;
mod hook;
mod markdown;
mod post;
mod text;

pub use card::wrong as card_wrong;

use super::OpenApi;
use super::error::Refusal;
use super::identity::IdType;
use crate::auth::AppEntry;
use crate::chat::CardEdit;
use protocol::content::{Card, Content, Divider, File, Image, LocaleText, Post, ShareChat, ShareUser, Sticker, Text};
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
            "media" => Content::Media(File {
                image_key: fields.get("image_key").and_then(Value::as_str).filter(|key| !key.is_empty()).map(str::to_owned),
                ..file(&fields)?
            }),
            "sticker" => Content::Sticker(Sticker { key: required(&fields, "file_key")?.to_owned(), ..Sticker::default() }),
            "system" => Content::Divider(divider(&fields)?),
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
                    "must be one of text, post, image, file, audio, media, sticker, interactive, share_chat, share_user, system",
                ));
            }
        };
        Ok(Said { content, mentions: mentions.people, mention_all: mentions.all })
    }

    /// Reads a card that takes the place of another.
    pub fn card_said(&self, app: &AppEntry, content: &str) -> Result<CardEdit, Refusal> {
        let Said { content, mentions, mention_all } = self.said(app, "interactive", content)?;
        match content {
            Content::Card(card) => Ok(CardEdit { card: card.card, mentions, mention_all, people: card.people }),
            _ => Err(invalid("`content` is no card".into())),
        }
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
                Content::Media(file) => {
                    let mut media = json!({ "file_key": file.key, "file_name": file.name, "duration": file.duration_ms.unwrap_or(0) });
                    if let Some(picture) = &file.image_key {
                        media["image_key"] = json!(picture);
                    }
                    media
                }
                Content::Sticker(sticker) => json!({ "file_key": sticker.key }),
                Content::Divider(divider) => divider_read(divider),
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
        Content::Sticker(_) => "sticker",
        Content::Divider(_) => "system",
    }
}

fn file(fields: &Map<String, Value>) -> Result<File, Refusal> {
    Ok(File {
        key: required(fields, "file_key")?.to_owned(),
        duration_ms: fields.get("duration").and_then(Value::as_u64),
        ..File::default()
    })
}

/// A line across a chat: the only message of the system that a bot sends.
fn divider(fields: &Map<String, Value>) -> Result<Divider, Refusal> {
    let kind = required(fields, "type")?;
    if kind != "divider" {
        return Err(invalid(format!(
            "`type` of a system message is `{}`; the only one that is sent is `divider`",
            crate::error::clip(kind)
        )));
    }
    let text = fields.get("params").and_then(|params| params.get("divider_text"));
    let said = text.and_then(|text| text.get("text")).and_then(Value::as_str).unwrap_or("");
    if said.is_empty() {
        return Err(invalid("`content` of a divider has no text `params.divider_text.text`".into()));
    }
    let texts = text.and_then(|text| text.get("i18n_text")).and_then(Value::as_object).into_iter().flatten();
    let texts = texts.filter_map(|(locale, text)| Some(LocaleText { locale: locale.clone(), text: text.as_str()?.to_owned() }));
    Ok(Divider { text: said.to_owned(), texts: texts.collect() })
}

fn divider_read(divider: &Divider) -> Value {
    let texts: Map<String, Value> = divider.texts.iter().map(|one| (one.locale.clone(), json!(one.text))).collect();
    let mut text = json!({ "text": divider.text });
    if !texts.is_empty() {
        text["i18n_text"] = Value::Object(texts);
    }
    json!({ "template": "{divider_text}", "from_user": [], "to_chatters": [], "divider_text": text })
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
