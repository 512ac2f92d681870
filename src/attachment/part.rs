//! The bytes of uploads in parts: `files/parts/up_…`, one file each until it is whole.

use super::PutError;
use super::blob::{Blobs, Writing, Written, blocking, failed};
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// A part that is being written.
pub struct PartWriting {
    blobs: Blobs,
    file: File,
}

impl Blobs {
    fn part_path(&self, id: &str) -> PathBuf {
        self.folder().join("parts").join(id)
    }

    /// Makes the empty file of an upload, when there is room for the whole.
    pub async fn begin_part(&self, id: &str, size_bytes: u64) -> Result<(), PutError> {
        let (blobs, path) = (self.clone(), self.part_path(id));
        blocking(move || {
            blobs.has_space(size_bytes)?;
            let made =
                fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| File::options().write(true).create_new(true).open(&path));
            made.map(drop).map_err(|error| failed("made", &error))
        })
        .await
    }

    /// Opens it for the part that begins at a place; what stands behind it was never acknowledged.
    pub async fn open_part(&self, id: &str, offset: u64) -> Result<PartWriting, PutError> {
        let (blobs, path) = (self.clone(), self.part_path(id));
        blocking(move || {
            let mut file = File::options().write(true).open(&path).map_err(|error| failed("opened", &error))?;
            file.set_len(offset).and_then(|()| file.seek(SeekFrom::Start(offset))).map_err(|error| failed("written", &error))?;
            Ok(PartWriting { blobs, file })
        })
        .await
    }

    /// The whole of an upload, as a blob that has no name yet. Its parts stay until they are removed.
    pub async fn whole_of_part(&self, id: &str, size_bytes: u64) -> Result<Written, PutError> {
        let (blobs, path) = (self.clone(), self.part_path(id));
        let writing = blocking(move || {
            let aside = blobs.aside_path();
            fs::hard_link(&path, &aside).map_err(|error| failed("kept", &error))?;
            let opened = File::options().read(true).write(true).open(&aside).and_then(|mut file| {
                // A crash may have left more than was acknowledged.
                file.set_len(size_bytes)?;
                let mut hash = blake3::Hasher::new();
                io::copy(&mut file, &mut hash)?;
                Ok((file, hash))
            });
            match opened {
                Ok((file, hash)) => Ok(Writing::of(blobs, aside, file, hash, size_bytes)),
                Err(error) => {
                    let _ = fs::remove_file(&aside);
                    Err(failed("read", &error))
                }
            }
        })
        .await?;
        writing.finish().await
    }

    /// Removes the parts of an upload; none is no error.
    pub async fn remove_part(&self, id: &str) {
        let path = self.part_path(id);
        let removed = blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removed", &error)),
            _ => Ok(()),
        });
        if removed.await.is_err() {
            tracing::warn!(id, "the parts of an upload could not be removed; it is tried again in an hour");
        }
    }

    /// Removes the parts of uploads that are not among these.
    pub async fn remove_unknown_parts(&self, known: Vec<String>) {
        let folder = self.folder().join("parts");
        let removed = blocking(move || {
            let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let unknown = !known.iter().any(|id| name.to_str() == Some(id));
                // One that was begun this moment has no row yet.
                let old = entry
                    .metadata()
                    .and_then(|metadata| metadata.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|age| age.as_secs() > 3_600));
                if unknown && old {
                    fs::remove_file(entry.path()).map_err(|error| failed("removed", &error))?;
                }
            }
            Ok(())
        });
        if removed.await.is_err() {
            tracing::warn!("parts of unknown uploads could not be removed; it is tried again in an hour");
        }
    }
}

impl PartWriting {
    /// Writes the next bytes.
    pub async fn write(mut self, bytes: bytes::Bytes) -> Result<Self, PutError> {
        blocking(move || {
            self.blobs.has_space(bytes.len() as u64)?;
            self.file.write_all(&bytes).map_err(|error| failed("written", &error))?;
            Ok(self)
        })
        .await
    }

    /// What was written is on disk.
    pub async fn sync(self) -> Result<(), PutError> {
        blocking(move || self.file.sync_all().map_err(|error| failed("written", &error))).await
    }
}
