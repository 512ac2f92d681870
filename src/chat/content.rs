//! What may be said: checks a message's content, and fills in what only the server knows of files.

use super::follow_up::{check_locales, text as check_line};
use super::{ChatKey, Chats};
use crate::attachment::{EVERYBODY, FileEntry};
use crate::error::{Error, Result};
use crate::limits;
use crate::store::Write;
use protocol::content::{Content, File, Image, Sticker};
use protocol::error::ErrorCode;
use protocol::person::PersonKind;

/// Characters of a message that a quote or a list shows.
const PREVIEW_CHARACTERS: usize = 120;
/// Tags of a post's nodes.
const POST_TAGS: &[&str] = &["text", "a", "at", "img", "media", "emotion", "code_block", "hr", "md"];

impl Chats {
    /// Checks a content that `sender` wants to say in a chat. Gives it with what the server fills in, and the rows that
    /// let the chat's members fetch its files.
    pub(super) async fn checked(&self, sender: u32, chat: ChatKey, content: Content) -> Result<(Content, Vec<Write>)> {
        let mut writes = Vec::new();
        let content = match content {
            Content::Text(text) => {
                at_most("the text", text.text.len(), limits::TEXT_BYTES_MAX)?;
                if text.text.trim().is_empty() {
                    return Err(Error::invalid("content", "a text must have at least one character that can be seen"));
                }
                Content::Text(text)
            }
            Content::Post(post) => {
                at_most("the post", post.post.len(), limits::POST_BYTES_MAX)?;
                for key in post_files(&post.post)? {
                    writes.push(self.attachments.posted(&key, chat.0));
                    self.postable(sender, &key).await?;
                }
                Content::Post(post)
            }
            Content::Card(card) => {
                at_most("the card", card.card.len(), limits::POST_BYTES_MAX)?;
                let parsed: serde_json::Value =
                    serde_json::from_str(&card.card).map_err(|error| Error::invalid("content.card", format!("it is not JSON: {error}")))?;
                if !parsed.is_object() {
                    return Err(Error::invalid("content.card", "a card is a JSON object"));
                }
                Content::Card(self.checked_card(sender, chat, card, &mut writes).await?)
            }
            Content::Image(image) => {
                let entry = self.postable(sender, &image.key).await?;
                if !entry.media_type.starts_with("image/") {
                    return Err(Error::invalid(
                        "content.key",
                        format!("the file is of type {}, not an image; send it as a file", entry.media_type),
                    ));
                }
                writes.push(self.attachments.posted(&image.key, chat.0));
                Content::Image(Image {
                    key: image.key,
                    width: entry.width,
                    height: entry.height,
                    name: Some(entry.name.clone()),
                    size_bytes: Some(entry.size_bytes),
                })
            }
            Content::File(file) => Content::File(self.checked_file(sender, chat, file, Wanted::File, &mut writes).await?),
            Content::Audio(file) => Content::Audio(self.checked_file(sender, chat, file, Wanted::Audio, &mut writes).await?),
            Content::Media(file) => Content::Media(self.checked_file(sender, chat, file, Wanted::Video, &mut writes).await?),
            Content::Sticker(sticker) => {
                let entry = self.postable(sender, &sticker.key).await?;
                if !entry.media_type.starts_with("image/") {
                    return Err(other_kind(&entry, "a sticker is a picture"));
                }
                writes.push(self.attachments.posted(&sticker.key, chat.0));
                Content::Sticker(Sticker { key: sticker.key, width: entry.width, height: entry.height })
            }
            Content::Divider(divider) => {
                if self.directory.kind(sender) != PersonKind::Bot || chat.pair().is_none() {
                    return Err(Error::not_allowed("draw a line", "only bots do, in their direct chats"));
                }
                check_line("content.divider.text", &divider.text, limits::DIVIDER_CHARACTERS_MAX)?;
                check_locales("content.divider.texts", &divider.texts, limits::DIVIDER_CHARACTERS_MAX)?;
                Content::Divider(divider)
            }
            Content::ShareChat(mut share) => {
                let shared = self.head(self.key(share.chat_id)?).await?;
                let state = shared.lock();
                let (_, rights) = state.rights(shared.key, sender)?;
                if shared.key.pair().is_some() {
                    return Err(Error::not_a_group("pointer that could be shared"));
                }
                if !rights.add_members {
                    return Err(Error::not_allowed("share that group", "only its owner and managers may add members"));
                }
                share.name = Some(state.info.name.clone());
                Content::ShareChat(share)
            }
            Content::ShareUser(share) => {
                self.directory.index(&share.user_id).ok_or_else(|| Error::person_not_found(&share.user_id))?;
                Content::ShareUser(share)
            }
            Content::Merged(_) => return Err(Error::invalid("content", "merged messages are made by `forward`")),
            Content::Unknown => return Err(Error::invalid("content", "this kind of content is not known to this server")),
        };
        Ok((content, writes))
    }

    async fn checked_file(&self, sender: u32, chat: ChatKey, file: File, wanted: Wanted, writes: &mut Vec<Write>) -> Result<File> {
        let entry = self.postable(sender, &file.key).await?;
        wanted.check(&entry)?;
        writes.push(self.attachments.posted(&file.key, chat.0));
        if let Some(picture) = file.image_key.as_deref().filter(|_| wanted == Wanted::Video) {
            let entry = self.postable(sender, picture).await?;
            if !entry.media_type.starts_with("image/") {
                return Err(other_kind(&entry, "the picture of a video is a picture"));
            }
            writes.push(self.attachments.posted(picture, chat.0));
        }
        Ok(File {
            key: file.key,
            name: Some(entry.name.clone()),
            size_bytes: Some(entry.size_bytes),
            media_type: Some(entry.media_type.clone()),
            duration_ms: file.duration_ms.or(entry.duration_ms),
            image_key: file.image_key.filter(|_| wanted == Wanted::Video),
        })
    }

    /// A file that this one may post: an own upload, or one from a chat that they are in.
    pub(super) async fn postable(&self, sender: u32, key: &str) -> Result<FileEntry> {
        let entry = self.attachments.entry(key).await?.ok_or_else(Error::file_not_found)?;
        if entry.uploader == sender || self.in_any(sender, &self.attachments.chats_of(key).await?).await? {
            return Ok(entry);
        }
        // A group's own bot cannot upload: it posts what an app has uploaded and whose key the sender knows.
        if self.directory.custom_bot(sender) && self.directory.kind(entry.uploader) == protocol::person::PersonKind::Bot {
            return Ok(entry);
        }
        Err(Error::file_not_found())
    }

    /// Checks the picture of a group, and gives the rows that let everybody fetch it; none when there is no picture.
    pub(super) async fn checked_avatar(&self, by: u32, key: Option<&str>) -> Result<Vec<Write>> {
        let Some(key) = key.filter(|key| !key.is_empty()) else { return Ok(Vec::new()) };
        let entry = self.postable(by, key).await?;
        if !entry.media_type.starts_with("image/") {
            return Err(Error::invalid("avatar", format!("the file is of type {}, not an image", entry.media_type)));
        }
        Ok(vec![self.attachments.posted(key, EVERYBODY)])
    }

    /// Lets everybody who is signed in fetch a picture that this one may post, because it stands for somebody.
    pub async fn show_picture(&self, by: u32, key: &str) -> Result<()> {
        let shown = self.checked_avatar(by, Some(key)).await?;
        self.store.write(shown).await
    }

    /// Is this one a member of any of these chats?
    pub async fn in_any(&self, user: u32, chats: &[u64]) -> Result<bool> {
        for chat in chats {
            if self.head(ChatKey(*chat)).await?.lock().members.contains(user) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a message wants its file to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    File,
    Audio,
    Video,
}

impl Wanted {
    /// Who uploads over the open API says what the file is, and is held to it.
    fn check(self, entry: &FileEntry) -> Result<()> {
        let declared = entry.declared.as_deref();
        match self {
            Self::File if matches!(declared, Some("opus" | "mp4")) => {
                Err(other_kind(entry, "send it as audio or media, or upload it with file_type `stream`"))
            }
            Self::Audio if declared.is_some_and(|declared| declared != "opus") => Err(other_kind(entry, "audio needs file_type `opus`")),
            Self::Video if declared.is_some_and(|declared| declared != "mp4") => Err(other_kind(entry, "media needs file_type `mp4`")),
            _ => Ok(()),
        }
    }
}

fn other_kind(entry: &FileEntry, why: &str) -> Error {
    let is = entry.declared.clone().unwrap_or_else(|| entry.media_type.clone());
    Error::new(
        ErrorCode::OtherKind,
        "the file is of another kind than the message needs",
        format!("it was uploaded as {is}; {why}"),
        "choose the kind of message that fits, or upload the file again",
    )
}

/// Keys of uploads that a card names, each once. Others, such as those of another system, are left as they are.
pub(super) fn uploaded_keys(card: &str) -> Result<Vec<&str>> {
    let mut keys: Vec<&str> = Vec::new();
    for (at, _) in card.match_indices("img_v3_") {
        let Some(key) = card.get(at..at + "img_v3_".len() + 32) else { continue };
        if key["img_v3_".len()..].bytes().all(|byte| byte.is_ascii_hexdigit()) && !keys.contains(&key) {
            keys.push(key);
        }
        if keys.len() > limits::POST_FILES_MAX {
            return Err(Error::too_large("the card", keys.len() as u64, limits::POST_FILES_MAX as u64, "pictures"));
        }
    }
    Ok(keys)
}

/// Keys of the files that a checked content shows.
pub(super) fn files_of(content: &Content) -> Vec<String> {
    match content {
        Content::Image(image) => vec![image.key.clone()],
        Content::File(file) | Content::Audio(file) | Content::Media(file) => {
            std::iter::once(file.key.clone()).chain(file.image_key.clone()).collect()
        }
        Content::Sticker(sticker) => vec![sticker.key.clone()],
        Content::Post(post) => post_files(&post.post).unwrap_or_default(),
        Content::Card(card) => uploaded_keys(&card.card).unwrap_or_default().into_iter().map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn at_most(what: &str, bytes: usize, max: usize) -> Result<()> {
    if bytes > max { Err(Error::too_large(what, bytes as u64, max as u64, "bytes")) } else { Ok(()) }
}

/// Checks a post's form, and gives the keys of the files in it.
fn post_files(post: &str) -> Result<Vec<String>> {
    let invalid = |why: String| Error::invalid("content.post", why);
    let parsed: serde_json::Value = serde_json::from_str(post).map_err(|error| invalid(format!("it is not JSON: {error}")))?;
    let paragraphs = parsed
        .get("content")
        .and_then(|content| content.as_array())
        .ok_or_else(|| invalid("it has no list `content` of paragraphs".into()))?;
    let mut files = Vec::new();
    for node in paragraphs
        .iter()
        .map(|paragraph| paragraph.as_array().ok_or_else(|| invalid("a paragraph is a list of nodes".into())))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
    {
        let tag = node.get("tag").and_then(|tag| tag.as_str()).unwrap_or("");
        if !POST_TAGS.contains(&tag) {
            return Err(invalid(format!("there is no node `{}`; known are {}", crate::error::clip(tag), POST_TAGS.join(", "))));
        }
        for field in ["image_key", "file_key"] {
            files.extend(node.get(field).and_then(|key| key.as_str()).filter(|key| !key.is_empty()).map(str::to_owned));
        }
        if files.len() > limits::POST_FILES_MAX {
            return Err(Error::too_large("the post", files.len() as u64, limits::POST_FILES_MAX as u64, "files"));
        }
    }
    Ok(files)
}

/// The beginning of what a content says, for quotes and lists; empty when it has no text of its own.
pub fn preview(content: &Content) -> String {
    let text = match content {
        Content::Text(text) => text.text.clone(),
        Content::Post(post) => post_text(&post.post),
        Content::File(file) | Content::Audio(file) | Content::Media(file) => file.name.clone().unwrap_or_default(),
        Content::Card(card) => card_title(&card.card),
        Content::Merged(merged) => merged.title.clone(),
        Content::ShareChat(share) => share.name.clone().unwrap_or_default(),
        Content::Divider(divider) => divider.text.clone(),
        Content::Image(_) | Content::Sticker(_) | Content::ShareUser(_) | Content::Unknown => String::new(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(PREVIEW_CHARACTERS).collect()
}

fn post_text(post: &str) -> String {
    let Ok(parsed) = serde_json::from_str::<serde_json::Value>(post) else { return String::new() };
    let mut text = parsed.get("title").and_then(|title| title.as_str()).unwrap_or("").to_owned();
    for node in parsed
        .get("content")
        .and_then(|content| content.as_array())
        .into_iter()
        .flatten()
        .filter_map(|paragraph| paragraph.as_array())
        .flatten()
    {
        if text.len() > PREVIEW_CHARACTERS * 4 {
            break;
        }
        text.push(' ');
        text.push_str(node.get("text").or_else(|| node.get("user_name")).and_then(|text| text.as_str()).unwrap_or(""));
    }
    text
}

fn card_title(card: &str) -> String {
    serde_json::from_str::<serde_json::Value>(card)
        .ok()
        .and_then(|card| card.pointer("/header/title/content").and_then(|title| title.as_str()).map(str::to_owned))
        .unwrap_or_default()
}
