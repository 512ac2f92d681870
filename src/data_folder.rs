//! The data folder: made when it is missing, tried for writing, and held by one process at a time.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Name of the file whose lock says that the folder is taken.
const LOCK: &str = "clarion.lock";
/// Name of the database; without it, the folder holds nothing yet.
const DATABASE: &str = "clarion.db";

/// A data folder that is ours until this is dropped. The operating system gives it back whatever way the process ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl DataFolder {
    /// Takes the folder, and makes it when it is missing.
    ///
    /// # Errors
    /// One sentence for the operator; then nothing was changed.
    pub fn take(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        // It holds messages and the key that signs tokens: for this user only.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
            format!("the data folder {shown} cannot be made: {error}; choose another with `--data` or the setting `data`")
        })?;
        let mut lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path.join(LOCK)).map_err(|error| {
            format!(
                "the data folder {shown} cannot be written: {error}; give this user the right to write, or choose another with `--data`"
            )
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let by = std::fs::read_to_string(path.join(LOCK)).unwrap_or_default();
                let by = if by.trim().is_empty() { String::new() } else { format!(" (process {})", by.trim()) };
                return Err(format!(
                    "the data folder {shown} is in use by another clarion{by}; stop that one, or choose another folder with `--data`"
                ));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(format!("the data folder {shown} cannot be locked: {error}")),
        }
        // For the sentence above; the lock itself is the operating system's.
        let noted = lock.set_len(0).and_then(|()| write!(lock, "{}", std::process::id()));
        noted.map_err(|error| format!("the data folder {shown} cannot be written: {error}; make room, or choose another with `--data`"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder has a database.
    pub fn has_database(path: &Path) -> bool {
        path.join(DATABASE).exists()
    }

    /// Where the database is.
    pub fn database(path: &Path) -> PathBuf {
        path.join(DATABASE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_in_use_is_left_alone_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let held = DataFolder::take(&path).unwrap();
        let sentence = DataFolder::take(&path).unwrap_err();
        assert!(sentence.contains("is in use by another clarion (process "), "{sentence}");
        drop(held);
        assert!(DataFolder::take(&path).is_ok());
        assert!(!DataFolder::has_database(&path));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let sentence = DataFolder::take(&file.path().join("data")).unwrap_err();
        assert!(sentence.contains("cannot be made"), "{sentence}");
    }
}
