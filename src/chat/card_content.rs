//! Pictures of cards: found in the card's JSON, so that the members of the chat may fetch them and know their size.

use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::store::Write;
use protocol::content::{Card, Image};
use serde_json::Value;
use std::collections::BTreeSet;

/// People whom a card names.
const PEOPLE_MAX: usize = 100;
/// Values within values that are looked into.
const DEPTH_MAX: usize = 64;
/// Longest key that is looked up.
const KEY_BYTES_MAX: usize = 120;

impl Chats {
    /// Fills in what only the server knows of a card. A picture that is nobody's upload, or not the sender's to post, is
    /// no error: an alert has to go out even when its picture does not.
    pub(super) async fn checked_card(
        &self,
        sender: u32,
        chat: ChatKey,
        card: Card,
        parsed: &Value,
        writes: &mut Vec<Write>,
    ) -> Result<Card> {
        let mut keys = BTreeSet::new();
        pictures(parsed, &mut keys, 0);
        let mut images = Vec::new();
        for key in keys {
            match self.postable(sender, key).await {
                Ok(entry) if entry.media_type.starts_with("image/") => {
                    writes.push(self.attachments.posted(key, chat.0));
                    images.push(Image {
                        key: key.to_owned(),
                        width: entry.width,
                        height: entry.height,
                        name: None,
                        size_bytes: Some(entry.size_bytes),
                    });
                }
                Ok(_) => {}
                Err(error) if error.code == Error::file_not_found().code => {}
                Err(error) => return Err(error),
            }
        }
        let mut people = card.people;
        people.retain(|one| self.directory.index(&one.user_id).is_some());
        people.truncate(PEOPLE_MAX);
        Ok(Card { card: card.card, people, images })
    }
}

/// Keys of pictures anywhere in a card: fields of that name, and pictures in Markdown.
fn pictures<'a>(value: &'a Value, keys: &mut BTreeSet<&'a str>, depth: usize) {
    if depth > DEPTH_MAX || keys.len() >= limits::POST_FILES_MAX {
        return;
    }
    match value {
        Value::Array(values) => values.iter().for_each(|value| pictures(value, keys, depth + 1)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(key) if matches!(name.as_str(), "img_key" | "image_key") => note(key, keys),
                    Value::String(text) => {
                        for part in text.split("![").skip(1) {
                            if let Some((key, _)) = part.split_once("](").and_then(|(_, rest)| rest.split_once(')')) {
                                note(key.trim(), keys);
                            }
                        }
                    }
                    other => pictures(other, keys, depth + 1),
                }
            }
        }
        _ => {}
    }
}

fn note<'a>(key: &'a str, keys: &mut BTreeSet<&'a str>) {
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if !key.is_empty() && key.len() <= KEY_BYTES_MAX && plain && keys.len() < limits::POST_FILES_MAX {
        keys.insert(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pictures_are_found_wherever_a_card_may_have_them() {
        let card = json!({"header":{"icon":{"tag":"custom_icon","img_key":"img_1"}},"elements":[
            {"tag":"img","img_key":"img_2"},{"tag":"markdown","content":"![a](img_3) ![b](https://evil.example/x.png) ![c]("},
            {"tag":"column_set","columns":[{"elements":[{"tag":"img_combination","img_list":[{"img_key":"img_4"},{"img_key":"../up"}]}]}]}]});
        let mut keys = BTreeSet::new();
        pictures(&card, &mut keys, 0);
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["img_1", "img_2", "img_3", "img_4"]);
    }

    #[test]
    fn a_card_with_pictures_without_end_is_bounded() {
        let many: Vec<Value> = (0..500).map(|n| json!({ "img_key": format!("img_{n}") })).collect();
        let mut keys = BTreeSet::new();
        pictures(&json!(many), &mut keys, 0);
        assert_eq!(keys.len(), limits::POST_FILES_MAX);
    }
}
