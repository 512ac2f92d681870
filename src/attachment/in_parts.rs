//! Uploads that come in parts, so that a connection that breaks costs a part and not the whole.
//!
//! What was acknowledged is on disk, and where the next part begins is known after a restart. Who does not go on within
//! a day is forgotten.

use super::{Attachments, FileEntry, PutError, Upload};
use crate::error::{Error, Result};
use crate::limits;
use crate::store::tables::{self, Table};
use crate::store::{Store, Write};
use bytes::{Bytes, BytesMut};
use dashmap::DashMap;
use futures_util::{Stream, StreamExt};
use protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// How long who wants to write an upload waits for those who look at it.
const LOOKED_AT_FOR: Duration = Duration::from_millis(200);

/// How far an upload in parts is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsState {
    /// Names it: `up_` and 32 hexadecimal digits.
    pub upload_id: String,
    /// The next part begins here.
    pub offset: u64,
    /// Bytes of the whole.
    pub size_bytes: u64,
    /// When it is forgotten unless it goes on, ms since 1970.
    pub expires_at_ms: u64,
    /// Its key, once it is finished.
    pub key: Option<String>,
}

/// What is known of one. Kept as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    uploader: u32,
    name: String,
    picture: bool,
    as_found: bool,
    size_bytes: u64,
    declared: Option<String>,
    duration_ms: Option<u64>,
    offset: u64,
    touched_ms: u64,
    key: Option<String>,
}

/// One upload. Whose it is, and whether it goes on, is seen without waiting for the part that is on its way.
struct Open {
    uploader: u32,
    finished: AtomicBool,
    kept: Mutex<Kept>,
}

impl Open {
    fn new(kept: Kept) -> Arc<Self> {
        Arc::new(Self { uploader: kept.uploader, finished: AtomicBool::new(kept.key.is_some()), kept: Mutex::new(kept) })
    }

    /// To be at work on it alone. Who only looks at it is gone in a moment; a part that is on its way is not.
    async fn alone(&self) -> Result<MutexGuard<'_, Kept>> {
        let waited = tokio::time::timeout(LOOKED_AT_FOR, self.kept.lock()).await;
        waited.map_err(|_| Error::busy("another part of this upload is on its way"))
    }
}

/// Every upload in parts.
#[derive(Default)]
pub(super) struct InParts {
    open: DashMap<String, Arc<Open>>,
}

impl InParts {
    pub(super) async fn load(&self, store: &dyn Store) -> Result<()> {
        for (_, row, json) in store.all(Table::UploadsInParts).await? {
            if let (Ok(id), Ok(kept)) = (String::from_utf8(row.to_vec()), serde_json::from_slice::<Kept>(&json)) {
                self.open.insert(id, Open::new(kept));
            }
        }
        Ok(())
    }

    /// The ids that are known.
    pub(super) fn ids(&self) -> Vec<String> {
        self.open.iter().map(|entry| entry.key().clone()).collect()
    }
}

impl Kept {
    fn state(&self, id: &str) -> PartsState {
        PartsState {
            upload_id: id.to_owned(),
            offset: self.offset,
            size_bytes: self.size_bytes,
            expires_at_ms: self.touched_ms + limits::PARTS_AGE_MS,
            key: self.key.clone(),
        }
    }

    fn upload(&self) -> Upload {
        let form = match (self.picture, self.as_found) {
            (true, _) => super::Form::Picture,
            (_, true) => super::Form::AsFound,
            _ => super::Form::File,
        };
        Upload {
            uploader: self.uploader,
            name: self.name.clone(),
            form,
            limit_bytes: self.size_bytes,
            announced_bytes: Some(self.size_bytes),
            declared: self.declared.clone(),
            duration_ms: self.duration_ms,
        }
    }
}

fn not_found() -> Error {
    Error::new(
        ErrorCode::FileNotFound,
        "there is no such upload",
        "it was not begun here by you, or nothing came for a day",
        "begin the upload anew",
    )
}

impl Attachments {
    /// Begins an upload in parts; `announced_bytes` is the size of the whole.
    pub async fn begin_parts(&self, upload: Upload) -> std::result::Result<PartsState, PutError> {
        let size_bytes = upload.announced_bytes.unwrap_or(0);
        if size_bytes == 0 {
            return Err(Error::invalid("size_bytes", "it is needed, and a file has at least one byte").into());
        }
        if size_bytes > upload.limit_bytes {
            return Err(Error::too_large("the file", size_bytes, upload.limit_bytes, "bytes").into());
        }
        let of_person = self.of_uploader(upload.uploader);
        if of_person >= limits::PARTS_PER_PERSON_MAX || self.in_parts.open.len() >= limits::PARTS_MAX {
            return Err(Error::busy(format!("{of_person} uploads in parts of yours are not finished; finish or delete one")).into());
        }
        let id = format!("up_{}", hex::encode(rand::random::<[u8; 16]>()));
        let kept = Kept {
            uploader: upload.uploader,
            name: upload.name,
            picture: upload.form == super::Form::Picture,
            as_found: upload.form == super::Form::AsFound,
            size_bytes,
            declared: upload.declared,
            duration_ms: upload.duration_ms,
            offset: 0,
            touched_ms: self.clock.now_ms(),
            key: None,
        };
        self.blobs.begin_part(&id, size_bytes).await?;
        self.keep_parts(&id, &kept).await?;
        let state = kept.state(&id);
        self.in_parts.open.insert(id, Open::new(kept));
        Ok(state)
    }

    fn of_uploader(&self, uploader: u32) -> usize {
        let goes_on = |open: &Open| open.uploader == uploader && !open.finished.load(Ordering::Relaxed);
        self.in_parts.open.iter().filter(|entry| goes_on(entry.value())).count()
    }

    async fn keep_parts(&self, id: &str, kept: &Kept) -> Result<()> {
        let json = serde_json::to_vec(kept).expect("an upload's row is plain data");
        self.store.write(vec![Write::Put(Table::UploadsInParts, tables::none(), tables::text_key(id), json)]).await
    }

    fn parts_of(&self, uploader: u32, id: &str) -> Result<Arc<Open>> {
        let found = self.in_parts.open.get(id).map(|entry| entry.value().clone());
        found.filter(|open| open.uploader == uploader).ok_or_else(not_found)
    }

    /// How far an upload of one's own is.
    pub async fn parts_state(&self, uploader: u32, id: &str) -> Result<PartsState> {
        Ok(self.parts_of(uploader, id)?.kept.lock().await.state(id))
    }

    /// Takes a part that begins at `offset`. What came of it is kept, also when the rest does not come.
    ///
    /// # Errors
    /// `InvalidValue` when the upload stands elsewhere, `TooLarge` beyond its size, `Busy` while another part comes, the
    /// stream's own, no room, storage.
    pub async fn put_part<E: Into<Error>>(
        &self,
        uploader: u32,
        id: &str,
        offset: u64,
        stream: impl Stream<Item = std::result::Result<Bytes, E>>,
    ) -> std::result::Result<PartsState, PutError> {
        let _slot = self.uploads.take(uploader)?;
        let found = self.parts_of(uploader, id)?;
        let mut kept = found.alone().await?;
        if kept.key.is_some() {
            return Err(Error::invalid("offset", "the upload is finished").into());
        }
        if kept.offset != offset {
            let why = format!("the upload stands at {}, the part begins at {offset}; ask how far it is, and go on from there", kept.offset);
            return Err(Error::invalid("offset", why).into());
        }
        let mut writing = self.blobs.open_part(id, offset).await?;
        let mut buffer = BytesMut::new();
        let mut end = offset;
        let mut stream = pin!(stream);
        let mut trouble: Option<PutError> = None;
        while let Some(part) = stream.next().await {
            let part = match part {
                Ok(part) => part,
                Err(error) => {
                    trouble = Some(PutError::Refused(error.into()));
                    break;
                }
            };
            if end + part.len() as u64 > kept.size_bytes {
                trouble = Some(Error::too_large("the part", end + part.len() as u64, kept.size_bytes, "bytes with those before it").into());
                break;
            }
            end += part.len() as u64;
            buffer.extend_from_slice(&part);
            if buffer.len() >= limits::FILE_STEP_BYTES {
                writing = writing.write(buffer.split().freeze()).await?;
            }
        }
        writing.write(buffer.freeze()).await?.sync().await?;
        let moved = Kept { offset: end, touched_ms: self.clock.now_ms(), ..kept.clone() };
        self.keep_parts(id, &moved).await?;
        *kept = moved;
        match trouble {
            Some(error) => Err(error),
            None => Ok(kept.state(id)),
        }
    }

    /// Makes the file of an upload whose parts have all come. Doing so again gives the same file.
    pub async fn finish_parts(&self, uploader: u32, id: &str) -> std::result::Result<FileEntry, PutError> {
        let _slot = self.uploads.take(uploader)?;
        let found = self.parts_of(uploader, id)?;
        let mut kept = found.alone().await?;
        if let Some(key) = &kept.key {
            return Ok(self.entry(key).await?.ok_or_else(not_found)?);
        }
        if kept.offset != kept.size_bytes {
            let why = format!("{} of {} bytes have come; send the rest first", kept.offset, kept.size_bytes);
            return Err(Error::invalid("upload_id", why).into());
        }
        let written = self.blobs.whole_of_part(id, kept.size_bytes).await?;
        let entry = self.keep_entry(kept.upload(), written).await?;
        let finished = Kept { key: Some(entry.key.clone()), touched_ms: self.clock.now_ms(), ..kept.clone() };
        self.keep_parts(id, &finished).await?;
        *kept = finished;
        found.finished.store(true, Ordering::Relaxed);
        self.blobs.remove_part(id).await;
        Ok(entry)
    }

    /// Lets an upload go. Doing so again is no error.
    pub async fn drop_parts(&self, uploader: u32, id: &str) -> Result<()> {
        match self.parts_state(uploader, id).await {
            Ok(_) => self.forget_parts(id).await,
            Err(error) if error.code == ErrorCode::FileNotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn forget_parts(&self, id: &str) -> Result<()> {
        self.store.write(vec![Write::Delete(Table::UploadsInParts, tables::none(), tables::text_key(id))]).await?;
        self.in_parts.open.remove(id);
        self.blobs.remove_part(id).await;
        Ok(())
    }

    /// Forgets uploads that did not go on for a day, and bytes that no upload knows.
    pub(super) async fn sweep_parts(&self) -> Result<()> {
        let until = self.clock.now_ms().saturating_sub(limits::PARTS_AGE_MS);
        for id in self.in_parts.ids() {
            let found = self.in_parts.open.get(&id).map(|entry| entry.value().clone());
            let old = found.is_some_and(|found| found.kept.try_lock().is_ok_and(|kept| kept.touched_ms <= until));
            if old {
                self.forget_parts(&id).await?;
            }
        }
        self.blobs.remove_unknown_parts(self.in_parts.ids()).await;
        Ok(())
    }
}
