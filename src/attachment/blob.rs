//! Bytes on disk, named by the hash of their content: `files/ab/abcd…`. Written aside, synced, then renamed.

use super::PutError;
use super::slots::Slot;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::limits;
use bytes::Bytes;
use futures_util::Stream;
use std::fs::{self, File};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::task::JoinHandle;

const AN_HOUR: Duration = Duration::from_secs(3_600);
const A_DAY: Duration = Duration::from_secs(24 * 3_600);

/// The folder of blobs. Clones are the same one.
#[derive(Clone)]
pub struct Blobs {
    folder: Arc<PathBuf>,
    keep_free_bytes: u64,
}

impl Blobs {
    /// Makes the folder if need be, and throws away what earlier runs have left half done; where other nodes have the same folder,
    /// only what nobody has gone on with for a day. Blocking.
    pub fn open(folder: PathBuf, keep_free_bytes: u64, shared: bool) -> std::result::Result<Self, String> {
        let aside = folder.join("tmp");
        let made = fs::create_dir_all(&aside).and_then(|()| {
            for left in fs::read_dir(&aside)? {
                let left = left?;
                if !shared || !within(&left.metadata()?, A_DAY) {
                    fs::remove_file(left.path())?;
                }
            }
            Ok(())
        });
        made.map_err(|error| {
            format!("the folder of files {} cannot be used: {error}; it must be writable for the server's user", folder.display())
        })?;
        Ok(Self { folder: Arc::new(folder), keep_free_bytes })
    }

    /// Begins a blob of about this size.
    pub async fn begin(&self, announced_bytes: u64) -> std::result::Result<Writing, PutError> {
        let blobs = self.clone();
        blocking(move || {
            blobs.has_space(announced_bytes)?;
            let path = blobs.aside_path();
            let file = File::options().read(true).write(true).create_new(true).open(&path).map_err(|error| failed("made", &error))?;
            Ok(Writing { blobs, aside: Aside { file, path: Some(path) }, hash: blake3::Hasher::new(), size_bytes: 0 })
        })
        .await
    }

    /// Reads a part of a blob, piece by piece; the slot is held as long as the reading goes on.
    pub async fn read(&self, hash: &str, bytes: Range<u64>, slot: Slot) -> Result<Parts> {
        let path = self.path(hash);
        let file = tokio::task::spawn_blocking(move || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(bytes.start))?;
            Ok::<_, io::Error>(file)
        })
        .await
        .map_err(|_| Error::storage("the reading thread ended"))?
        .map_err(|error| {
            tracing::error!(%error, hash, "a kept file cannot be opened");
            Error::storage("the file cannot be read")
        })?;
        Ok(Parts { file: Some(file), left_bytes: bytes.end - bytes.start, reading: None, _slot: slot })
    }

    /// Was a blob uploaded within the last hour, if not for the first time?
    pub async fn fresh(&self, hash: &str) -> bool {
        let path = self.path(hash);
        tokio::task::spawn_blocking(move || fs::metadata(path).is_ok_and(|metadata| within(&metadata, AN_HOUR))).await.unwrap_or(true)
    }

    /// Removes a blob; one that is not there is no error.
    pub async fn remove(&self, hash: &str) -> io::Result<()> {
        let path = self.path(hash);
        tokio::task::spawn_blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
        .map_err(io::Error::other)?
    }

    /// A file can be made here, and there is room.
    pub async fn healthy(&self) -> std::result::Result<(), String> {
        match self.begin(0).await {
            Ok(_) => Ok(()),
            Err(PutError::DiskFull) => Err("the disk has no room for files".into()),
            Err(PutError::Refused(error)) => Err(error.to_string()),
        }
    }

    /// Where the blob of a hash is, or would be.
    pub fn path(&self, hash: &str) -> PathBuf {
        self.folder.join(hash.get(..2).unwrap_or("")).join(hash)
    }

    /// The folder of all.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A place for what is half done.
    pub(super) fn aside_path(&self) -> PathBuf {
        self.folder.join("tmp").join(hex::encode(rand::random::<[u8; 16]>()))
    }

    /// Files leave room for the database: a chat without uploads is better than none.
    pub(super) fn has_space(&self, needed_bytes: u64) -> std::result::Result<(), PutError> {
        let free = free_bytes(&self.folder).map_err(|error| failed("made", &error))?;
        if free < needed_bytes.saturating_add(self.keep_free_bytes) { Err(PutError::DiskFull) } else { Ok(()) }
    }
}

/// A file that is removed when it is dropped, unless it was given its name.
struct Aside {
    file: File,
    path: Option<PathBuf>,
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!(%error, "a file that was half written could not be removed; the next start does it");
        }
    }
}

/// A blob that is being written.
pub struct Writing {
    blobs: Blobs,
    aside: Aside,
    hash: blake3::Hasher,
    size_bytes: u64,
}

impl Writing {
    /// A blob whose bytes are all there, in a file aside.
    pub(super) fn of(blobs: Blobs, aside: PathBuf, file: File, hash: blake3::Hasher, size_bytes: u64) -> Self {
        Self { blobs, aside: Aside { file, path: Some(aside) }, hash, size_bytes }
    }

    /// Writes the next bytes.
    pub async fn write(mut self, bytes: Bytes) -> std::result::Result<Self, PutError> {
        blocking(move || {
            self.blobs.has_space(bytes.len() as u64)?;
            self.hash.update(&bytes);
            self.size_bytes += bytes.len() as u64;
            self.aside.file.write_all(&bytes).map_err(|error| failed("written", &error))?;
            Ok(self)
        })
        .await
    }

    /// All bytes were written: they go to the disk, and their beginning is read again to see what they are.
    pub async fn finish(mut self) -> std::result::Result<Written, PutError> {
        blocking(move || {
            let mut head = Vec::with_capacity(limits::FILE_HEAD_BYTES);
            let file = &mut self.aside.file;
            file.sync_all()
                .and_then(|()| file.seek(SeekFrom::Start(0)))
                .and_then(|_| file.take(limits::FILE_HEAD_BYTES as u64).read_to_end(&mut head))
                .map_err(|error| failed("written", &error))?;
            let size = imagesize::reader_size(io::BufReader::new(Rewound::new(file))).ok();
            let size = size.and_then(|size| Some((size.width.try_into().ok()?, size.height.try_into().ok()?)));
            Ok(Written {
                hash: self.hash.finalize().to_hex().to_string(),
                size_bytes: self.size_bytes,
                head,
                picture_size: size,
                blobs: self.blobs,
                aside: self.aside,
            })
        })
        .await
    }
}

/// A file that is read from its beginning.
struct Rewound<'a>(&'a mut File);

impl<'a> Rewound<'a> {
    fn new(file: &'a mut File) -> Self {
        // A file that cannot be rewound gives nothing, and then it is no picture.
        let _ = file.seek(SeekFrom::Start(0));
        Self(file)
    }
}

impl Read for Rewound<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Rewound<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// A blob that is on disk, but has no name yet.
pub struct Written {
    /// BLAKE3 hash in hexadecimal digits.
    pub hash: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// The first bytes.
    pub head: Vec<u8>,
    /// Width and height, when it looks like a picture.
    pub picture_size: Option<(u32, u32)>,
    blobs: Blobs,
    aside: Aside,
}

impl Written {
    /// Gives it its name, unless the same bytes are there already.
    pub async fn keep(mut self) -> std::result::Result<(), PutError> {
        blocking(move || {
            let path = self.blobs.path(&self.hash);
            if path.exists() {
                // Another node that is about to remove it sees that it is wanted again.
                let touched = File::options().append(true).open(&path).and_then(|file| file.set_modified(now()));
                match touched {
                    Ok(()) => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed("kept", &error)),
                }
            }
            let folder = path.parent().unwrap_or(&path);
            let Some(aside) = self.aside.path.take() else { return Ok(()) };
            fs::create_dir_all(folder)
                .and_then(|()| fs::rename(&aside, &path))
                .and_then(|()| sync_folder(folder))
                .and_then(|()| sync_folder(&self.blobs.folder))
                .map_err(|error| {
                    self.aside.path = Some(aside.clone()).filter(|aside| aside.exists());
                    failed("kept", &error)
                })
        })
        .await
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(Clock::default().now_ms())
}

fn within(metadata: &fs::Metadata, time: Duration) -> bool {
    metadata.modified().is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age < time))
}

/// A name survives a loss of power only when its folder was synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

pub(super) fn failed(what: &str, error: &io::Error) -> PutError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => PutError::DiskFull,
        _ => {
            tracing::error!(%error, "a file could not be {what}");
            PutError::Refused(Error::storage(format!("the file could not be {what}")))
        }
    }
}

/// Bytes that this user may still write to the disk of a folder.
fn free_bytes(folder: &Path) -> io::Result<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
    let mut figures = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte, and the kernel fills the structure that it is given.
    let figures = unsafe {
        if libc::statvfs(path.as_ptr(), figures.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        figures.assume_init()
    };
    Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, PutError> + Send + 'static,
) -> std::result::Result<T, PutError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Error::storage("the writing thread ended").into()))
}

/// The bytes of a blob, piece by piece, as fast as they are taken.
pub struct Parts {
    file: Option<File>,
    left_bytes: u64,
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
    _slot: Slot,
}

impl Stream for Parts {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left_bytes > 0
            && let Some(mut file) = self.file.take()
        {
            let step = self.left_bytes.min(limits::FILE_STEP_BYTES as u64) as usize;
            self.reading = Some(tokio::task::spawn_blocking(move || {
                let mut part = vec![0; step];
                file.read_exact(&mut part)?;
                Ok((file, Bytes::from(part)))
            }));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let outcome = std::task::ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).and_then(|read| read);
        self.reading = None;
        Poll::Ready(Some(outcome.map(|(file, part)| {
            self.left_bytes -= part.len() as u64;
            self.file = Some(file);
            part
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        for errno in [libc::ENOSPC, libc::EDQUOT, libc::EFBIG] {
            assert_eq!(failed("written", &io::Error::from_raw_os_error(errno)), PutError::DiskFull);
        }
        assert!(matches!(failed("written", &io::Error::from_raw_os_error(libc::EIO)), PutError::Refused(_)));
    }

    #[tokio::test]
    async fn no_room_is_said_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("files"), 0, false).unwrap();
        assert!(matches!(blobs.begin(u64::MAX / 2).await, Err(PutError::DiskFull)));
        assert!(blobs.healthy().await.is_ok());
        let full = Blobs::open(folder.path().join("files"), u64::MAX / 2, false).unwrap();
        assert!(matches!(full.begin(0).await, Err(PutError::DiskFull)));
        assert!(full.healthy().await.unwrap_err().contains("no room"));
        assert_eq!(fs::read_dir(folder.path().join("files/tmp")).unwrap().count(), 0);
    }

    #[test]
    fn what_an_earlier_run_left_half_done_is_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("tmp/left");
        fs::create_dir(folder.path().join("tmp")).unwrap();
        fs::write(&left, "half").unwrap();
        Blobs::open(folder.path().to_owned(), 0, false).unwrap();
        assert!(!left.exists());
    }
}
