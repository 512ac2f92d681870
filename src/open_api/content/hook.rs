//! What is said to the address of a group's own bot: objects instead of texts, and nobody's open_ids in particular.

use super::{Find, Mentions, Named, Said, card, invalid, post, required, text};
use crate::open_api::OpenApi;
use crate::open_api::error::Refusal;
use protocol::content::{Card, Content, Image, Post, ShareChat, Text};
use serde_json::{Map, Value};

impl OpenApi {
    /// Reads a message as it was sent to an address.
    pub fn said_to_hook(&self, body: &Map<String, Value>) -> Result<Said, Refusal> {
        let find: Find = &|id: &str| Ok(self.named_by_any(id));
        let mut mentions = Mentions::default();
        let msg_type = body.get("msg_type").and_then(Value::as_str).unwrap_or_default();
        let content = match msg_type {
            "interactive" => {
                let card = object(body, "card").or_else(|| object(body, "content"));
                let card = card.ok_or_else(|| invalid("a message of msg_type interactive needs an object `card`".into()))?;
                card::check(&card)?;
                card::mentions(&card, &mut mentions, find)?;
                let known = |person: &protocol::content::CardPerson| self.chats.directory.index(&person.user_id).is_some();
                let people = card::people(&card, find).into_iter().filter(known).collect();
                Content::Card(Card { card: Value::Object(card).to_string(), people, images: Vec::new() })
            }
            "text" | "post" | "image" | "share_chat" => {
                let fields = object(body, "content").ok_or_else(|| invalid("the message needs an object `content`".into()))?;
                match msg_type {
                    "text" => Content::Text(Text { text: text::said(required(&fields, "text")?, &mut mentions, find)? }),
                    "post" => Content::Post(Post { post: post::said(&fields, &mut mentions, find)? }),
                    "image" => Content::Image(Image { key: required(&fields, "image_key")?.to_owned(), ..Image::default() }),
                    _ => {
                        let chat = self.chat_meant(required(&fields, "share_chat_id")?)?;
                        Content::ShareChat(ShareChat { chat_id: self.chats.seal.chat_id(chat), name: None })
                    }
                }
            }
            other => {
                return Err(invalid(format!(
                    "`msg_type` is `{}` and must be one of text, post, image, share_chat, interactive",
                    crate::error::clip(other)
                )));
            }
        };
        // An alarm is not lost because it names somebody who is not there: the name stands as text.
        mentions.people.retain(|user_id| self.chats.directory.index(user_id).is_some());
        Ok(Said { content, mentions: mentions.people, mention_all: mentions.all })
    }

    /// Somebody by an id that any app was given; an unknown one is a name without a person.
    fn named_by_any(&self, id: &str) -> Named {
        let index = match id.get(..3) {
            Some("ou_") => self.chats.seal.open(id).map(|(_, index)| index),
            Some("on_") => self.chats.seal.union(id),
            _ if id.contains('@') => self.chats.directory.by_email(id),
            _ => self.chats.directory.index(id),
        };
        match index.filter(|index| self.chats.directory.entry(*index).is_some()) {
            Some(index) => Named { user_id: self.chats.directory.user_id(index).to_string(), name: self.chats.directory.name(index) },
            None => Named { user_id: id.to_owned(), name: id.to_owned() },
        }
    }
}

/// An object of the body. Some tools send it written as a text.
fn object(body: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match body.get(name)? {
        Value::Object(object) => Some(object.clone()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        },
        _ => None,
    }
}
