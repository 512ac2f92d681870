//! The journal of one machine: what a commit changes is appended to a file and synced; that is the commit.
//!
//! One write and one `fdatasync` for everything that waits, where a transaction of the database would write whole pages. The
//! database takes the changes a moment later, many commits at once ([`super::storing`]). Two files take turns: while the
//! database takes what is in one, commits go into the other, and what the database has is written over. A file that has
//! grown keeps its blocks, so that a sync has only data to write.
//!
//! A frame is: magic, id of the database, number of the commit, length of the changes, checksum of all of this and of
//! the changes, the changes. Numbers go on by one, so a frame that an earlier turn has left behind is told from the next one.

use super::change::{self, Change};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The files, in the data folder.
const NAMES: [&str; 2] = ["journal-0", "journal-1"];
const MAGIC: [u8; 4] = *b"CLJ1";
/// Magic, id, number, length, checksum.
const HEAD: usize = 4 + 8 + 8 + 8 + 16;
/// A file grows by as much at once: growing costs a sync of the file system's own journal.
const GROWTH: u64 = 1 << 20;
/// A file that a burst has made larger is cut to this when its turn comes again.
const KEPT_BYTES: u64 = 16 << 20;

/// Appends commits.
pub(super) struct Journal {
    files: [File; 2],
    /// Which file commits go into.
    current: usize,
    /// Where the next frame goes.
    end: u64,
    /// How far the current file has blocks.
    grown: u64,
    id: u64,
    /// Number of the next commit.
    next: u64,
    frame: Vec<u8>,
}

/// What a crash has left in the files.
pub(super) struct Left {
    /// Changes of the commits that the database has not taken, in their order.
    pub changes: Vec<Change>,
    /// Number of the last commit.
    pub last: u64,
}

impl Journal {
    /// Are there files of a journal, so that there may be something in them that the database has not?
    pub fn is_in(folder: &Path) -> bool {
        NAMES.iter().any(|name| folder.join(name).exists())
    }

    /// Reads what the database with this id has not taken. `applied` is the last commit that it has.
    ///
    /// # Errors
    /// One sentence: the files cannot be read, or they are another database's.
    pub fn left(folder: &Path, id: u64, applied: u64) -> Result<Left, String> {
        let mut files = Vec::new();
        for name in NAMES {
            let path = folder.join(name);
            let mut bytes = Vec::new();
            match File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(format!("the journal {} cannot be read: {error}", path.display())),
            }
            let (of_file, rest) = frames_of(&bytes);
            let last = of_file.last().map_or(applied, |frame| frame.number.max(applied));
            if has_later(rest, last) {
                return Err(format!(
                    "the journal {} is damaged behind byte {}, and what was committed after it cannot be read; put back a backup, or move \
                     {} and {} away to go on without it",
                    path.display(),
                    bytes.len() - rest.len(),
                    NAMES[0],
                    NAMES[1]
                ));
            }
            if of_file.iter().any(|frame| frame.id != id) {
                return Err(format!(
                    "the journal {} belongs to another database than the one beside it; put back the database that it came with, or \
                     move {} and {} away to go on without what only they have",
                    path.display(),
                    NAMES[0],
                    NAMES[1]
                ));
            }
            files.push(of_file);
        }
        files.sort_by_key(|of_file| of_file.first().map(|frame| frame.number));
        // A commit that failed may stand at the end of one file although it was told so; what came instead of it is in the other.
        let frames: BTreeMap<u64, Frame> = files.into_iter().flatten().map(|frame| (frame.number, frame)).collect();
        let mut left = Left { changes: Vec::new(), last: applied };
        for frame in frames.into_values().filter(|frame| frame.number > applied) {
            if frame.number != left.last + 1 {
                return Err(format!(
                    "the journal in {} goes on with commit {} where the database ends with commit {}: the database is older than its \
                     journal; put back the one that it came with, or move {} and {} away to go on without what only they have",
                    folder.display(),
                    frame.number,
                    left.last,
                    NAMES[0],
                    NAMES[1]
                ));
            }
            left.last = frame.number;
            left.changes.extend(frame.changes);
        }
        Ok(left)
    }

    /// Opens the files to append to. The database has everything that was in them.
    pub fn open(folder: &Path, id: u64, last: u64) -> io::Result<Self> {
        let open = |name: &str| OpenOptions::new().create(true).truncate(false).read(true).write(true).open(folder.join(name));
        let files = [open(NAMES[0])?, open(NAMES[1])?];
        for file in &files {
            // Whoever opens the same folder once more would write over what is not taken yet.
            file.try_lock().map_err(|_| io::Error::other("another one has opened it"))?;
            file.set_len(0)?;
        }
        // The names of new files are on disk from here on, too.
        File::open(folder)?.sync_all()?;
        Ok(Self { files, current: 0, end: 0, grown: 0, id, next: last + 1, frame: Vec::new() })
    }

    /// Appends a commit, durable when it returns. After an error nothing was appended: the next commit goes over it.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        self.frame.clear();
        self.frame.extend_from_slice(&[0; HEAD]);
        changes.iter().for_each(|change| change::encode(change, &mut self.frame));
        let length = (self.frame.len() - HEAD) as u64;
        let fields = [&MAGIC[..], &self.id.to_be_bytes(), &self.next.to_be_bytes(), &length.to_be_bytes()].concat();
        self.frame[..fields.len()].copy_from_slice(&fields);
        let checksum = checksum(&self.frame);
        self.frame[HEAD - 16..HEAD].copy_from_slice(&checksum);
        let end = self.end + self.frame.len() as u64;
        self.grow(end);
        let file = &self.files[self.current];
        if let Err(error) = file.write_all_at(&self.frame, self.end).and_then(|()| file.sync_data()) {
            // As far as it can be done, it is not there after a crash either.
            let _ = file.write_all_at(&[0; HEAD], self.end);
            return Err(error);
        }
        self.end = end;
        self.next += 1;
        if self.frame.capacity() > GROWTH as usize {
            self.frame = Vec::new();
        }
        Ok(())
    }

    /// Gives the current file blocks for more than the next frame. Where it cannot, the frame itself will tell.
    fn grow(&mut self, end: u64) {
        if end <= self.grown {
            return;
        }
        let until = end.next_multiple_of(GROWTH);
        let zeros = vec![0; (until - self.grown) as usize];
        match self.files[self.current].write_all_at(&zeros, self.grown) {
            Ok(()) => self.grown = until,
            Err(error) => tracing::debug!(%error, "the journal could not be made larger ahead"),
        }
    }

    /// Commits go into the other file from here on; the database has everything that is in it. Gives the number of the last
    /// commit before.
    pub fn turn(&mut self) -> u64 {
        self.current = 1 - self.current;
        self.end = 0;
        let file = &self.files[self.current];
        self.grown = file.metadata().map_or(0, |metadata| metadata.len());
        if self.grown > KEPT_BYTES && file.set_len(KEPT_BYTES).is_ok() {
            self.grown = KEPT_BYTES;
        }
        self.next - 1
    }

    /// Removes the files: the database has everything.
    pub fn remove(folder: &Path) -> io::Result<()> {
        for path in NAMES.map(|name| folder.join(name)) {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

struct Frame {
    id: u64,
    number: u64,
    changes: Vec<Change>,
}

/// Whole frames from the beginning of a file on, as far as their numbers go on, and what stands behind them.
fn frames_of(mut bytes: &[u8]) -> (Vec<Frame>, &[u8]) {
    let mut frames: Vec<Frame> = Vec::new();
    while let Some((frame, rest)) = first_frame(bytes) {
        if frames.last().is_some_and(|last| (last.id, last.number + 1) != (frame.id, frame.number)) {
            break;
        }
        frames.push(frame);
        bytes = rest;
    }
    (frames, bytes)
}

/// Is there a whole frame of a later commit? Each is synced before the next one is written, so a crash cannot have left that.
fn has_later(mut bytes: &[u8], last: u64) -> bool {
    while let Some(at) = memchr::memmem::find(bytes, &MAGIC) {
        bytes = &bytes[at..];
        if first_frame(bytes).is_some_and(|(frame, _)| frame.number > last) {
            return true;
        }
        bytes = &bytes[MAGIC.len()..];
    }
    false
}

fn first_frame(bytes: &[u8]) -> Option<(Frame, &[u8])> {
    let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
    if bytes.get(..4)? != MAGIC {
        return None;
    }
    let (id, of_commit, length) = (number(4)?, number(12)?, number(20)?);
    let (frame, rest) = bytes.split_at_checked(HEAD.checked_add(usize::try_from(length).ok()?)?)?;
    if frame[HEAD - 16..HEAD] != checksum(frame) {
        return None;
    }
    let mut of_frame = &frame[HEAD..];
    let mut changes = Vec::new();
    while !of_frame.is_empty() {
        changes.push(change::decode(&mut of_frame)?);
    }
    Some((Frame { id, number: of_commit, changes }, rest))
}

fn checksum(frame: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&frame[..HEAD - 16]).update(&frame[HEAD..]);
    let mut checksum = [0; 16];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tables::{self, Table};
    use std::sync::Arc;

    fn change(number: u64, size: usize) -> Change {
        Change::Row(Table::Personal, tables::u64_key(number), tables::none(), Some(Arc::from(vec![number as u8; size])))
    }

    fn numbers(left: &Left) -> Vec<u64> {
        let number = |change: &Change| match change {
            Change::Row(_, partition, ..) => tables::read_u64(partition, 0).unwrap(),
            Change::Entry(entry) => entry.offset,
        };
        left.changes.iter().map(number).collect()
    }

    #[test]
    fn what_the_database_has_not_taken_is_found_whatever_turn_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 7, 0).unwrap();
        for number in 1..=3 {
            journal.append(&[change(number, 100)]).unwrap();
        }
        assert_eq!(journal.turn(), 3);
        journal.append(&[change(4, 100), change(5, 3_000_000)]).unwrap();
        let found = |applied| Journal::left(folder.path(), 7, applied).map(|left| (numbers(&left), left.last));
        assert_eq!(found(0).unwrap(), (vec![1, 2, 3, 4, 5], 4));
        assert_eq!(found(3).unwrap(), (vec![4, 5], 4));
        // The first file is written over; what stands behind in it is of the turn before.
        assert_eq!(journal.turn(), 4);
        journal.append(&[change(6, 10)]).unwrap();
        assert_eq!(found(4).unwrap(), (vec![6], 5));
        assert_eq!(found(3).unwrap(), (vec![4, 5, 6], 5));
        assert!(found(2).unwrap_err().contains("older than its journal"));
        assert!(Journal::left(folder.path(), 8, 5).err().unwrap().contains("another database"));
        drop(journal);
        Journal::remove(folder.path()).unwrap();
        assert!(!Journal::is_in(folder.path()));
        assert_eq!(found(0).unwrap(), (vec![], 0));
    }

    #[test]
    fn a_frame_that_was_cut_or_damaged_ends_what_was_committed() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 7, 0).unwrap();
        let mut ends = Vec::new();
        for number in 1..=3 {
            journal.append(&[change(number, 50)]).unwrap();
            ends.push(journal.end as usize);
        }
        let path = folder.path().join(NAMES[0]);
        let whole = std::fs::read(&path).unwrap();
        for end in 0..ends[2] {
            std::fs::write(&path, &whole[..end]).unwrap();
            let there = ends.iter().filter(|frame| **frame <= end).count();
            assert_eq!(numbers(&Journal::left(folder.path(), 7, 0).unwrap()).len(), there, "cut at {end}");
        }
        for at in 0..ends[2] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            let found = Journal::left(folder.path(), 7, 0);
            if at < ends[1] {
                assert!(found.err().unwrap().contains("is damaged behind byte"), "damaged at {at}");
            } else {
                assert_eq!(numbers(&found.unwrap()), [1, 2], "the last one may have been cut by a crash: {at}");
            }
        }
    }

    #[test]
    fn two_do_not_write_into_one() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Journal::open(folder.path(), 7, 0).unwrap();
        assert!(Journal::open(folder.path(), 7, 0).is_err());
    }
}
