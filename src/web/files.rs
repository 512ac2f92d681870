//! Uploads and downloads. Whatever somebody has uploaded, no browser ever runs it as a page of ours.

use super::answer::Refusal;
use super::has_tag;
use super::who::Who;
use crate::attachment::{Attachments, EVERYBODY, FileEntry, Form, PutError, Upload};
use crate::chat::Chats;
use crate::error::{Error, Result};
use crate::net::BodyError;
use crate::net::range::{Wanted, wanted_part};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a browser may show in place. Everything else it saves.
const SHOWN: [&str; 9] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "video/mp4", "video/webm", "audio/mpeg", "audio/ogg"];
/// Should a browser make a document of it after all: no script, no form, no request, an origin of its own.
const POLICY: &str = "sandbox; default-src 'none'";
/// The bytes of a key never change. Only the browser of the one who asked may keep them.
const CACHE: &str = "private, max-age=31536000, immutable";
/// What may stand as it is in a file name within a header.
const NAME_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// Says who may fetch a file that somebody else has uploaded.
pub trait MayFetch: Send + Sync {
    /// True when this one may see a message of one of the chats where it was posted.
    fn may_fetch<'a>(&'a self, user: u32, uploader: u32, chats: &'a [u64]) -> BoxFuture<'a, Result<bool>>;

    /// Refuses what can only be saved, and not be shown in place, when none of the chats lets files out.
    fn check_save<'a>(&'a self, user: u32, chats: &'a [u64]) -> BoxFuture<'a, Result<()>>;
}

impl MayFetch for Chats {
    fn may_fetch<'a>(&'a self, user: u32, _uploader: u32, chats: &'a [u64]) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.in_any(user, chats))
    }

    fn check_save<'a>(&'a self, user: u32, chats: &'a [u64]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.check_save_from_any(user, chats))
    }
}

/// What the routes of files need.
#[derive(Clone)]
pub struct FilesDoor {
    /// Who asks.
    pub who: Arc<Who>,
    /// What was uploaded.
    pub attachments: Arc<Attachments>,
    /// Who may fetch it.
    pub may_fetch: Arc<dyn MayFetch>,
    /// Largest upload.
    pub file_bytes_max: u64,
}

impl FilesDoor {
    /// `POST /files`, `GET /files/{key}`.
    pub fn router(self) -> Router {
        // The limit of a file is kept while it comes, part by part.
        Router::new().route("/files", post(upload).layer(DefaultBodyLimit::disable())).route("/files/{key}", get(download)).with_state(self)
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

/// What is told of an upload.
#[derive(Serialize)]
struct Uploaded {
    key: String,
    name: String,
    size_bytes: u64,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

async fn upload(
    State(door): State<FilesDoor>,
    Query(Named { name }): Query<Named>,
    request: Request,
) -> std::result::Result<Response, Refusal> {
    let headers = request.headers();
    let principal = door.who.acting(headers)?;
    let announced_bytes =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    let upload = Upload {
        uploader: principal.user,
        name,
        form: Form::AsFound,
        limit_bytes: door.file_bytes_max,
        announced_bytes,
        ..Upload::default()
    };
    let too_slow = AtomicBool::new(false);
    let parts = request.into_body().into_data_stream().map(|part| {
        part.map_err(|error| {
            if std::error::Error::source(&error).is_some_and(|source| matches!(source.downcast_ref(), Some(BodyError::TooSlow))) {
                too_slow.store(true, Ordering::Relaxed);
            }
            Error::new(ErrorCode::Malformed, "the file did not come whole", error.to_string(), "upload it again")
        })
    });
    match door.attachments.put_stream(upload, parts).await {
        Ok(FileEntry { key, name, size_bytes, media_type, width, height, .. }) => {
            let uploaded = Uploaded { key, name, size_bytes, media_type, width, height };
            Ok(([(header::CACHE_CONTROL, "no-store")], Json(uploaded)).into_response())
        }
        Err(error) => {
            let full = error == PutError::DiskFull;
            let refusal = Refusal::from(Error::from(error));
            Err(match (full, too_slow.into_inner()) {
                (true, _) => refusal.with_status(StatusCode::INSUFFICIENT_STORAGE),
                (_, true) => refusal.with_status(StatusCode::REQUEST_TIMEOUT),
                _ => refusal,
            })
        }
    }
}

async fn download(
    State(door): State<FilesDoor>,
    Path(key): Path<String>,
    method: Method,
    request: HeaderMap,
) -> std::result::Result<Response, Refusal> {
    let principal = door.who.reading(&request)?;
    let entry = door.attachments.entry(&key).await?.ok_or_else(Error::file_not_found)?;
    if entry.uploader != principal.user {
        let chats = door.attachments.chats_of(&key).await?;
        if !chats.contains(&EVERYBODY) && !door.may_fetch.may_fetch(principal.user, entry.uploader, &chats).await? {
            return Err(Error::file_not_found().into());
        }
        if !SHOWN.contains(&entry.media_type.as_str()) {
            door.may_fetch.check_save(principal.user, &chats).await?;
        }
    }
    let etag = HeaderValue::try_from(format!("\"{}\"", entry.hash)).map_err(|_| Error::storage("the row of the file is damaged"))?;
    let mut headers = file_headers(&entry);
    headers.insert(header::ETAG, etag.clone());
    if has_tag(&request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let unchanged = request.get(header::IF_RANGE).is_none_or(|tag| *tag == etag);
    let wanted = request.get(header::RANGE).filter(|_| unchanged).and_then(|range| range.to_str().ok());
    let (status, bytes) = match wanted.map_or(Wanted::All, |range| wanted_part(range, entry.size_bytes)) {
        Wanted::All => (StatusCode::OK, 0..entry.size_bytes),
        Wanted::Part(part) => {
            insert(&mut headers, header::CONTENT_RANGE, format!("bytes {}-{}/{}", part.start, part.end - 1, entry.size_bytes));
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Wanted::Outside => {
            let error = Error::invalid("Range", format!("the file has {} bytes", entry.size_bytes));
            let mut response = Refusal::from(error).with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            insert(response.headers_mut(), header::CONTENT_RANGE, format!("bytes */{}", entry.size_bytes));
            return Ok(response);
        }
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.end - bytes.start));
    if method == Method::HEAD {
        return Ok((status, headers).into_response());
    }
    let parts = door.attachments.open_parts(&entry, principal.user, bytes).await?;
    Ok((status, headers, Body::from_stream(parts)).into_response())
}

fn file_headers(entry: &FileEntry) -> HeaderMap {
    let mut headers = HeaderMap::new();
    insert(
        &mut headers,
        header::CONTENT_TYPE,
        if entry.media_type == "text/plain" { "text/plain; charset=utf-8".into() } else { entry.media_type.clone() },
    );
    insert(&mut headers, header::CONTENT_DISPOSITION, disposition(entry));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: String) {
    match HeaderValue::try_from(value) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(_) => tracing::error!(%name, "a file's header has characters that are not allowed"),
    }
}

/// How a browser treats the file, and its name in both forms that browsers read.
fn disposition(entry: &FileEntry) -> String {
    let shown = SHOWN.contains(&entry.media_type.as_str());
    let plain: String = entry
        .name
        .chars()
        .map(|character| if character.is_ascii_graphic() && !"\"\\%".contains(character) || character == ' ' { character } else { '_' })
        .collect();
    format!(
        "{}; filename=\"{plain}\"; filename*=UTF-8''{}",
        if shown { "inline" } else { "attachment" },
        utf8_percent_encode(&entry.name, NAME_CHARACTERS)
    )
}
