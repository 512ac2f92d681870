//! Pictures and files: upload, and fetch what the bot uploaded or what a message shows.

use super::OpenApi;
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use crate::attachment::{FileEntry, Form, Upload};
use crate::error::Error;
use crate::net::range::{Wanted, wanted_part};
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::TryStreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::content::Content;
use protocol::error::ErrorCode;
use protocol::record::{Change, Message};
use serde_json::{Value, json};

/// Kinds of files that are uploaded.
pub const FILE_TYPES: &[&str] = &["opus", "mp4", "pdf", "doc", "xls", "ppt", "stream"];
/// Kinds of pictures that are uploaded.
pub const IMAGE_TYPES: &[&str] = &["message", "avatar"];
/// Bytes of a part that is a text.
const TEXT_PART_BYTES_MAX: usize = 4 << 10;
/// What may stand as it is in a file name within a header.
const NAME_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// The parts of an upload, in whatever order they come, as far as they are known when the bytes come.
#[derive(Default)]
struct Parts {
    kind: Option<String>,
    name: Option<String>,
    duration_ms: Option<u64>,
}

/// `POST im/v1/images`
pub async fn upload_image(call: Call, request: Request) -> Answer {
    let entry = upload(&call, request, "image_type", IMAGE_TYPES, "image", Form::Picture).await?;
    Ok(Reply::Data(json!({ "image_key": entry.key })))
}

/// `POST im/v1/files`
pub async fn upload_file(call: Call, request: Request) -> Answer {
    let entry = upload(&call, request, "file_type", FILE_TYPES, "file", Form::File).await?;
    Ok(Reply::Data(json!({ "file_key": entry.key })))
}

async fn upload(
    call: &Call,
    request: Request,
    kind_name: &str,
    kinds: &[&str],
    bytes_name: &str,
    form: Form,
) -> Result<FileEntry, Refusal> {
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|error| {
        Refusal::new(234_001, format!("invalid request param: the request is not multipart/form-data ({error}); send the parts `{kind_name}` and `{bytes_name}` in that form"))
    })?;
    let mut parts = Parts::default();
    let mut uploaded = None;
    while let Some(part) = multipart.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or("").to_owned();
        if name == kind_name {
            parts.kind = Some(text(part).await?);
        } else if name == "file_name" {
            parts.name = Some(text(part).await?);
        } else if name == bytes_name {
            check_kind(parts.kind.as_deref(), kind_name, kinds)?;
            let name = parts.name.clone().or_else(|| part.file_name().map(str::to_owned)).unwrap_or_else(|| bytes_name.to_owned());
            let upload = Upload {
                uploader: call.app.bot,
                name,
                form,
                limit_bytes: call.api.config.file_bytes_max,
                announced_bytes: None,
                declared: parts.kind.clone().filter(|_| form == Form::File),
                duration_ms: parts.duration_ms,
            };
            let bytes =
                part.map_err(|error| Error::new(ErrorCode::Malformed, "the file did not come whole", error.to_string(), "upload it again"));
            let entry = call.api.attachments.put_stream(upload, bytes).await.map_err(|error| refused(error.into(), form))?;
            if entry.size_bytes == 0 {
                return Err(Refusal::new(234_010, "the file is empty; upload at least one byte"));
            }
            uploaded = Some(entry);
        } else if name == "duration" {
            let length = text(part).await?;
            let wrong =
                || Refusal::new(234_001, "invalid request param: `duration` is not a number of milliseconds; correct it, or leave it out");
            parts.duration_ms =
                Some(length.trim()).filter(|length| !length.is_empty()).map(|length| length.parse().map_err(|_| wrong())).transpose()?;
        } else {
            // Whatever else programs add.
            text(part).await?;
        }
    }
    check_kind(parts.kind.as_deref().or(uploaded.as_ref().map(|_| kinds[0])), kind_name, kinds)?;
    uploaded
        .ok_or_else(|| Refusal::new(234_001, format!("invalid request param: the part `{bytes_name}` with the bytes is missing; add it")))
}

fn check_kind(kind: Option<&str>, name: &str, kinds: &[&str]) -> Result<(), Refusal> {
    match kind {
        // Programs that send the bytes first are not refused for it.
        None => Ok(()),
        Some(kind) if kinds.contains(&kind) => Ok(()),
        Some(kind) => Err(Refusal::new(
            234_001,
            format!("invalid request param: `{name}` is `{}`; it must be one of {}", crate::error::clip(kind), kinds.join(", ")),
        )),
    }
}

fn refused(error: Error, form: Form) -> Refusal {
    if error.code == ErrorCode::InvalidValue && form == Form::Picture {
        return Refusal::new(234_011, format!("unknown image format: {error}"));
    }
    Refusal::of(Act::Resource, error)
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(234_001, format!("invalid request param: the multipart body cannot be read: {error}; send it again"))
}

async fn text(mut part: Field<'_>) -> Result<String, Refusal> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_PART_BYTES_MAX {
            return Err(broken(format!("a part that is a text has more than {TEXT_PART_BYTES_MAX} bytes")));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// `GET im/v1/images/:image_key`: what the bot itself uploaded.
pub async fn image(call: Call, request: Request) -> Answer {
    own(&call, "image_key", request.headers()).await
}

/// `GET im/v1/files/:file_key`: what the bot itself uploaded.
pub async fn file(call: Call, request: Request) -> Answer {
    own(&call, "file_key", request.headers()).await
}

async fn own(call: &Call, name: &str, headers: &HeaderMap) -> Answer {
    let entry = call.api.uploaded(&call.input.path(name)).await?;
    if entry.uploader != call.app.bot {
        return Err(Refusal::new(
            234_008,
            "the app is not the resource sender: only the app that uploaded a file can fetch it by its key; fetch it by the message that shows it",
        ));
    }
    call.api.bytes_of(entry, call.app.bot, headers).await
}

/// `GET im/v1/messages/:message_id/resources/:file_key`: what a message shows, whoever sent it.
pub async fn of_message(mut call: Call, request: Request) -> Answer {
    let kind = call.input.asked_required("type");
    if !kind.is_empty() {
        call.input.asked_word("type", &["image", "file"], "file");
    }
    call.input.checked()?;
    let (key, api) = (call.input.path("file_key"), &call.api);
    let message_id = api.message_meant(&call.input.path("message_id"))?;
    let record = api.chats.message_now(call.app.bot, message_id).await.or_refuse(Act::Resource)?;
    let shown = match &record.change {
        Change::Message(message) if matches!(message.content, Content::Card(_) | Content::Merged(_) | Content::Sticker(_)) => {
            return Err(Refusal::new(
                234_043,
                "unsupported message type: files of cards, stickers and merged messages are not fetched by this call; fetch them by the message that they were first sent with",
            ));
        }
        Change::Message(message) => shows(message, &key),
        _ => false,
    };
    if !shown {
        return Err(Refusal::new(
            234_003,
            format!(
                "file not in message: the message does not show `{}`; take the key from the content of this message",
                crate::error::clip(&key)
            ),
        ));
    }
    let (chat, _) = api.chats.place(message_id).or_refuse(Act::Resource)?;
    api.chats.check_save(call.app.bot, chat).await.or_refuse(Act::Resource)?;
    let entry = api.uploaded(&key).await?;
    api.bytes_of(entry, call.app.bot, request.headers()).await
}

fn shows(message: &Message, key: &str) -> bool {
    let in_post = |post: &str| {
        let post: Value = serde_json::from_str(post).unwrap_or_default();
        let nodes = post.get("content").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_array).flatten();
        nodes
            .filter_map(Value::as_object)
            .any(|node| ["image_key", "file_key"].iter().any(|field| node.get(*field).and_then(Value::as_str) == Some(key)))
    };
    match &message.content {
        Content::Image(image) => image.key == key,
        Content::File(file) | Content::Audio(file) | Content::Media(file) => file.key == key || file.image_key.as_deref() == Some(key),
        Content::Post(post) => in_post(&post.post),
        _ => false,
    }
}

impl OpenApi {
    async fn uploaded(&self, key: &str) -> Result<FileEntry, Refusal> {
        let found = self.attachments.entry(key).await.or_refuse(Act::Resource)?;
        found.ok_or_else(|| {
            Refusal::new(
                234_001,
                format!("invalid request param: there is no file `{}`; take the key from an upload or a message", crate::error::clip(key)),
            )
        })
    }

    /// The bytes of a file, or the part that is asked for.
    async fn bytes_of(&self, entry: FileEntry, reader: u32, asked: &HeaderMap) -> Answer {
        let tag = format!("\"{}\"", entry.hash);
        let unchanged = asked.get(header::IF_RANGE).is_none_or(|known| known.as_bytes() == tag.as_bytes());
        let range = asked.get(header::RANGE).filter(|_| unchanged).and_then(|range| range.to_str().ok());
        let size_bytes = entry.size_bytes;
        let (status, bytes) = match range.map_or(Wanted::All, |range| wanted_part(range, size_bytes)) {
            Wanted::All => (StatusCode::OK, 0..size_bytes),
            Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
            Wanted::Outside => {
                let refusal = Refusal::new(
                    234_001,
                    format!(
                        "invalid request param: the file has {size_bytes} bytes and none of the wanted range; ask for bytes that it has"
                    ),
                );
                return Err(Refusal { size_bytes: Some(size_bytes), ..refusal.with_status(StatusCode::RANGE_NOT_SATISFIABLE) });
            }
        };
        let content_range =
            (status == StatusCode::PARTIAL_CONTENT).then(|| format!("bytes {}-{}/{size_bytes}", bytes.start, bytes.end - 1));
        let length = bytes.end - bytes.start;
        let parts = self.attachments.open_parts(&entry, reader, bytes).await.or_refuse(Act::Resource)?;
        let mut response = Response::new(Body::from_stream(parts));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let named = [
            (header::CONTENT_TYPE, Some(entry.media_type.clone())),
            (header::CONTENT_DISPOSITION, Some(disposition(&entry.name))),
            (header::ETAG, Some(tag)),
            (header::CONTENT_RANGE, content_range),
        ];
        for (name, value) in named {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                headers.insert(name, value);
            }
        }
        Ok(Reply::Raw(Box::new(response)))
    }
}

/// The file's name in both forms that programs read.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|character| if character.is_ascii_graphic() && !"\"\\%".contains(character) || character == ' ' { character } else { '_' })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, NAME_CHARACTERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::content::{Image, Post};

    #[test]
    fn a_message_shows_only_its_own_files() {
        let shows_key = |content: Content| shows(&Message { content, ..Message::default() }, "k");
        assert!(shows_key(Content::Image(Image { key: "k".into(), ..Image::default() })));
        assert!(shows_key(Content::Post(Post { post: json!({"content": [[{"tag": "img", "image_key": "k"}]]}).to_string() })));
        assert!(!shows_key(Content::Post(Post { post: json!({"content": [[{"tag": "text", "text": "k"}]]}).to_string() })));
        assert!(!shows_key(Content::default()));
    }

    #[test]
    fn a_name_of_any_letters_stands_in_the_header() {
        assert_eq!(disposition("报表\".pdf"), "attachment; filename=\"___.pdf\"; filename*=UTF-8''%E6%8A%A5%E8%A1%A8%22.pdf");
    }
}
