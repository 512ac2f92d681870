//! What people upload: bytes by the hash of their content on disk, and a row for each upload under a key of its own.
//!
//! Promise: a key never changes its bytes; an upload is there whole or not at all, whatever happens meanwhile. What was
//! posted nowhere within a day is taken away again.
//! Never: who may fetch what, HTTP.

mod blob;
mod in_parts;
mod kind;
mod name;
mod part;
mod slots;
mod sweep;

pub use blob::Parts;
pub use in_parts::PartsState;
pub use kind::Form;
pub use name::clean as clean_name;

use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::limits;
use crate::store::tables::{self, Table};
use crate::store::{Range, Store, Write};
use blob::{Blobs, Written};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};
use slots::Slots;
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::RwLock;

/// In place of a chat: a file that everybody who is signed in may fetch, such as the picture of a person or group.
pub const EVERYBODY: u64 = u64::MAX;

/// What is known of an upload. This is also the row of the table `Files`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// `img_v3_` or `file_v3_` and 32 hexadecimal digits.
    pub key: String,
    /// BLAKE3 hash of the bytes, in hexadecimal digits.
    pub hash: String,
    /// File name, cleaned.
    pub name: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Media type, found by looking into the bytes.
    pub media_type: String,
    /// Width in pixels, of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels, of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// What the uploader said that it is, in the open platform's words: `opus`, `mp4`, `pdf` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// Length in ms of what is played, as the uploader said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Index of who uploaded it.
    pub uploader: u32,
    /// When, ms since 1970.
    pub at_ms: u64,
}

/// An upload that is about to come.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// Index of who uploads.
    pub uploader: u32,
    /// File name as the client gave it.
    pub name: String,
    /// What it must be.
    pub form: Form,
    /// Most bytes that are taken.
    pub limit_bytes: u64,
    /// How many the client has announced.
    pub announced_bytes: Option<u64>,
    /// What the uploader says that it is.
    pub declared: Option<String>,
    /// Length in ms of what is played.
    pub duration_ms: Option<u64>,
}

/// Why an upload was not taken. Nothing of it is left.
#[derive(Debug, Clone, PartialEq)]
pub enum PutError {
    /// The disk has no room. It may have some later.
    DiskFull,
    /// Something else.
    Refused(Error),
}

impl From<Error> for PutError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<PutError> for Error {
    fn from(error: PutError) -> Self {
        match error {
            PutError::DiskFull => Error::new(
                ErrorCode::StorageUnavailable,
                "the file could not be kept",
                "the disk of the server has no room for files now",
                "tell the operator, and upload the file again later",
            )
            .retry_after(60_000),
            PutError::Refused(error) => error,
        }
    }
}

/// Everything that was uploaded.
pub struct Attachments {
    blobs: Blobs,
    store: Arc<dyn Store>,
    clock: Clock,
    uploads: Slots,
    downloads: Slots,
    /// Held for reading while a blob gets its first row, for writing while one is removed that has none.
    naming: RwLock<()>,
    in_parts: in_parts::InParts,
    /// Keys that the sweep is about to remove: as if they were gone.
    condemned: Mutex<HashSet<String>>,
}

impl Attachments {
    /// Uses, or makes, the folder of files.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn open(config: &Config, store: Arc<dyn Store>, clock: Clock) -> std::result::Result<Self, String> {
        if store.shared() && config.files.is_none() {
            tracing::warn!("what is uploaded here is on this node only; set `files` to a folder that all nodes share");
        }
        let folder = config.files.clone().unwrap_or_else(|| config.data.join("files"));
        let (keep_free_bytes, shared) = (config.files_keep_free_bytes, store.shared());
        let blobs = tokio::task::spawn_blocking(move || Blobs::open(folder, keep_free_bytes, shared))
            .await
            .map_err(|error| format!("the folder of files could not be opened: {error}"))??;
        Ok(Self {
            blobs,
            in_parts: in_parts::InParts::default(),
            store,
            clock,
            uploads: Slots::new(limits::UPLOADS_MAX, limits::UPLOADS_PER_PERSON_MAX),
            downloads: Slots::new(limits::DOWNLOADS_MAX, limits::DOWNLOADS_PER_PERSON_MAX),
            naming: RwLock::new(()),
            condemned: Mutex::new(HashSet::new()),
        })
    }

    /// Reads which uploads in parts were begun.
    ///
    /// # Errors
    /// `StorageUnavailable`.
    pub async fn load(&self) -> Result<()> {
        self.in_parts.load(&*self.store).await
    }

    /// Takes an upload. When it returns, the bytes and their row are on disk.
    ///
    /// # Errors
    /// `TooLarge`, `InvalidValue` (not the form that was asked for), `Busy`, the stream's own, no room, storage.
    pub async fn put_stream<E: Into<Error>>(
        &self,
        upload: Upload,
        stream: impl Stream<Item = std::result::Result<Bytes, E>>,
    ) -> std::result::Result<FileEntry, PutError> {
        let _slot = self.uploads.take(upload.uploader)?;
        let over = |size: u64| Error::too_large("the file", size, upload.limit_bytes, "bytes");
        if let Some(announced) = upload.announced_bytes.filter(|announced| *announced > upload.limit_bytes) {
            return Err(over(announced).into());
        }
        let mut writing = self.blobs.begin(upload.announced_bytes.unwrap_or(0)).await?;
        let mut buffer = BytesMut::new();
        let mut size = 0;
        let mut stream = pin!(stream);
        while let Some(part) = stream.next().await {
            let part = part.map_err(|error| PutError::Refused(error.into()))?;
            size += part.len() as u64;
            if size > upload.limit_bytes {
                return Err(over(size).into());
            }
            buffer.extend_from_slice(&part);
            if buffer.len() >= limits::FILE_STEP_BYTES {
                writing = writing.write(buffer.split().freeze()).await?;
            }
        }
        if let Some(announced) = upload.announced_bytes.filter(|announced| *announced != size) {
            let why = format!("{announced} bytes were announced, {size} came");
            return Err(Error::new(ErrorCode::Malformed, "the file did not come whole", why, "upload it again").into());
        }
        let written = writing.write(buffer.freeze()).await?.finish().await?;
        self.keep_entry(upload, written).await
    }

    async fn keep_entry(&self, upload: Upload, written: Written) -> std::result::Result<FileEntry, PutError> {
        let found = kind::of(&written, upload.form)?;
        let entry = FileEntry {
            key: format!("{}{}", if found.picture { "img_v3_" } else { "file_v3_" }, hex::encode(rand::random::<[u8; 16]>())),
            hash: written.hash.clone(),
            name: name::clean(&upload.name),
            size_bytes: written.size_bytes,
            media_type: found.media_type,
            width: found.size.map(|size| size.0),
            height: found.size.map(|size| size.1),
            declared: upload.declared,
            duration_ms: upload.duration_ms,
            uploader: upload.uploader,
            at_ms: self.clock.now_ms(),
        };
        let row = serde_json::to_vec(&entry).map_err(|error| Error::storage(format!("the file's row could not be made: {error}")))?;
        let kept = {
            let _naming = self.naming.read().await;
            written.keep().await?;
            self.store
                .write(vec![
                    Write::Put(Table::Files, tables::text_key(&entry.key), tables::none(), row),
                    Write::Put(Table::Blobs, tables::text_key(&entry.hash), tables::text_key(&entry.key), Vec::new()),
                    Write::Put(Table::Uploads, tables::none(), upload_row(&entry), Vec::new()),
                ])
                .await
        };
        if let Err(error) = kept {
            self.remove_unnamed(&entry.hash).await;
            return Err(error.into());
        }
        Ok(entry)
    }

    /// What is known of a key; none for one that was not made here.
    pub async fn entry(&self, key: &str) -> Result<Option<FileEntry>> {
        if !well_formed(key) || self.condemned.lock().contains(key) {
            return Ok(None);
        }
        let Some(row) = self.store.get(Table::Files, tables::text_key(key), tables::none()).await? else { return Ok(None) };
        serde_json::from_slice(&row).map(Some).map_err(|error| {
            tracing::error!(%error, key, "the row of a file is damaged");
            Error::storage("the row of the file is damaged")
        })
    }

    /// Bytes of a file from one place up to another, in parts. `reader` is who reads.
    ///
    /// # Errors
    /// `Busy`, storage.
    pub async fn open_parts(&self, entry: &FileEntry, reader: u32, bytes: std::ops::Range<u64>) -> Result<Parts> {
        let slot = self.downloads.take(reader)?;
        self.blobs.read(&entry.hash, bytes, slot).await
    }

    /// The row that says that a file was posted in a chat; it is written with the message. [`EVERYBODY`] may stand in
    /// place of a chat.
    pub fn posted(&self, key: &str, chat: u64) -> Write {
        Write::Put(Table::FileChats, tables::text_key(key), tables::u64_key(chat), Vec::new())
    }

    /// Chats where a file was posted.
    pub async fn chats_of(&self, key: &str) -> Result<Vec<u64>> {
        let rows = self.store.scan(Table::FileChats, tables::text_key(key), Range::first(limits::FILE_CHATS_MAX)).await?;
        Ok(rows.iter().filter_map(|(row, _)| tables::read_u64(row, 0)).collect())
    }

    /// The folder can be written and has room; for readiness.
    pub async fn healthy(&self) -> std::result::Result<(), String> {
        self.blobs.healthy().await
    }
}

/// Uploads stand in the order of their time.
fn upload_row(entry: &FileEntry) -> tables::Key {
    tables::KeyMaker::default().u64(entry.at_ms).bytes(entry.key.as_bytes()).done()
}

fn well_formed(key: &str) -> bool {
    let digits = key.strip_prefix("img_v3_").or_else(|| key.strip_prefix("file_v3_"));
    digits.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests;
