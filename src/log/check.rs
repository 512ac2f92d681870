//! The audit of one machine: is the log whole, and does the store have what the log says?
//!
//! It reads one state of the database, as it was when it began, and changes nothing; a server may run beside it.

use super::record::{Change, Record};
use crate::store::tables::{self, Table};
use rusqlite::{Connection, OpenFlags};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Differences that are told one by one; of the others only the number.
const TOLD_MAX: usize = 1_000;
/// Keys of direct chats have this bit; they have no rows of their own for name and members.
const DIRECT: u64 = 1 << 63;

/// What was found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Records in the log.
    pub records: u64,
    /// Records of before the log's beginning, looked at in their rows.
    pub trimmed: u64,
    /// Chats that all of them belong to.
    pub chats: u64,
    /// What differs, one sentence each, the first thousand.
    pub differences: Vec<String>,
    /// How many there are in all.
    pub difference_count: u64,
}

impl Audit {
    fn tell(&mut self, sentence: String) {
        self.difference_count += 1;
        if self.differences.len() < TOLD_MAX {
            self.differences.push(sentence);
        }
    }
}

/// Where the log says that a chat ends.
#[derive(Default, Clone, Copy)]
struct End {
    seq: u64,
    position: u64,
}

/// Walks the log of a database against its rows.
///
/// # Errors
/// One sentence, when the database cannot be read at all.
pub fn check(database: &Path) -> Result<Audit, String> {
    let shown = database.display();
    if !database.exists() {
        return Err(format!("there is no database {shown}; name the right data folder with `--data`"));
    }
    let say = |error: rusqlite::Error| format!("the database {shown} cannot be read: {error}");
    let connection =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(say)?;
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(say)?;
    // One transaction: everything is seen as it is now.
    connection.execute_batch("BEGIN").map_err(say)?;
    let mut audit = Audit::default();
    pages(&connection, &mut audit).map_err(say)?;
    let has_log: bool =
        connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'log')", [], |row| row.get(0)).map_err(say)?;
    if has_log {
        let trimmed = super::trim::trimmed(&connection).map_err(say)?;
        let mut ends = walk_rows(&connection, trimmed, &mut audit).map_err(say)?;
        walk_log(&connection, trimmed, &mut ends, &mut audit).map_err(say)?;
        walk_chats(&connection, &ends, &mut audit).map_err(say)?;
    }
    Ok(audit)
}

/// What SQLite says of its own pages.
fn pages(connection: &Connection, audit: &mut Audit) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA quick_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            audit.tell(format!("the database file is damaged: {line}"));
        }
    }
    Ok(())
}

/// Every record of the log, in its order, against its rows. `ends` tells where each chat stood when the log began.
fn walk_log(connection: &Connection, trimmed: u64, ends: &mut HashMap<u64, End>, audit: &mut Audit) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT offset, chat, seq, body FROM log ORDER BY offset")?;
    let mut rows = statement.query([])?;
    let mut expected = trimmed + 1;
    while let Some(row) = rows.next()? {
        let (offset, chat, seq) = (row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64, row.get::<_, i64>(2)? as u64);
        let body = row.get_ref(3)?.as_blob()?;
        audit.records += 1;
        if offset != expected {
            audit.tell(format!("log: offset {offset} stands where {expected} is expected"));
        }
        expected = offset + 1;
        let place = format!("chat {chat:016x} seq {seq} (offset {offset})");
        let end = ends.entry(chat).or_default();
        if seq != end.seq + 1 {
            audit.tell(format!("log: {place} follows seq {}", end.seq));
        }
        end.seq = end.seq.max(seq);
        let record = match Record::decode(body) {
            Ok(record) => record,
            Err(why) => {
                audit.tell(format!("log: {place}: {why}"));
                end.position += 1;
                continue;
            }
        };
        right_place(&record, chat, seq, end, &place, audit);
        same(connection, audit, Table::Messages, &tables::bucket_key(chat, seq), &tables::u64_key(seq), offset, body, &place)?;
        if let Some(target) = record.target() {
            let key = tables::KeyMaker::default().u64(target).u64(seq).done();
            let partition = tables::bucket_key(chat, target);
            // Of a card's versions only the last stands beside it.
            let replaced = matches!(&record.change, Change::Edited { content: protocol::content::Content::Card(_), .. })
                && crate::store::get(connection, Table::Changes, &partition, &key)?.is_none();
            if replaced {
                continue;
            }
            same(connection, audit, Table::Changes, &partition, &key, offset, body, &place)?;
        }
        if let Change::Message(message) = &record.change {
            deduped(connection, audit, &record, &message.client_message_id, &place)?;
        }
    }
    audit.chats = ends.len() as u64;
    Ok(())
}

/// A record is of the chat and seq under which it is kept, and it is its turn.
fn right_place(record: &Record, chat: u64, seq: u64, end: &mut End, place: &str, audit: &mut Audit) {
    if (record.chat, record.seq) != (chat, seq) {
        audit.tell(format!("log: {place} holds the record of chat {:016x} seq {}", record.chat, record.seq));
    }
    let position = end.position + u64::from(record.message().is_some());
    if record.position != position {
        audit.tell(format!("log: {place} has position {}, and {position} is its turn", record.position));
    }
    end.position = record.position;
}

/// A row holds a record as the log has it.
#[allow(clippy::too_many_arguments)]
fn same(
    connection: &Connection,
    audit: &mut Audit,
    table: Table,
    partition: &[u8],
    row: &[u8],
    offset: u64,
    body: &[u8],
    place: &str,
) -> rusqlite::Result<()> {
    match crate::store::get(connection, table, partition, row)? {
        None => audit.tell(format!("{}: {place} is missing", table.name())),
        Some(value) if value.get(..8) != Some(&offset.to_be_bytes()[..]) => {
            audit.tell(format!("{}: {place} names another offset", table.name()))
        }
        Some(value) if value[8..] != *body => audit.tell(format!("{}: {place} differs from the log", table.name())),
        Some(_) => {}
    }
    Ok(())
}

/// What recognises a message that is sent again leads to this one, or is over.
fn deduped(connection: &Connection, audit: &mut Audit, record: &Record, client_message_id: &str, place: &str) -> rusqlite::Result<()> {
    let key = super::DedupeKey::new(record.by, client_message_id);
    let Some(made) = crate::store::get(connection, Table::Dedupe, &tables::u32_key(key.sender), &key.hash)? else { return Ok(()) };
    // After seven days the same id may be used again: then it leads to a later message.
    if (tables::read_u64(&made, 0), tables::read_u64(&made, 8)) != (Some(record.chat), Some(record.seq)) {
        let later = tables::read_u64(&made, 0) != Some(record.chat) || tables::read_u64(&made, 8) > Some(record.seq);
        if !later {
            audit.tell(format!("dedupe: the client_message_id of {place} leads to another message"));
        }
    }
    Ok(())
}

/// Every row of messages comes from the log, or is older than what the log still has; then it must be whole by itself.
/// Gives where each chat stood when the log began.
fn walk_rows(connection: &Connection, trimmed: u64, audit: &mut Audit) -> rusqlite::Result<HashMap<u64, End>> {
    let mut ends: HashMap<u64, End> = HashMap::new();
    // By partition and row: the records of a chat one behind the other.
    let mut statement = connection.prepare("SELECT partition, row, value FROM messages ORDER BY partition, row")?;
    let mut log = connection.prepare("SELECT chat, seq FROM log WHERE offset = ?")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (partition, key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?, row.get_ref(2)?.as_blob()?);
        let (chat, seq, offset) = (tables::read_u64(partition, 0), tables::read_u64(key, 0), tables::read_u64(value, 0));
        if let (Some(chat), Some(seq), Some(offset)) = (chat, seq, offset)
            && offset <= trimmed
        {
            older(chat, seq, offset, &value[8..], &mut ends, audit);
            continue;
        }
        let found = match offset {
            Some(offset) => {
                let mut found = log.query([offset as i64])?;
                found
                    .next()?
                    .map(|row| Ok::<_, rusqlite::Error>((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)))
                    .transpose()?
            }
            None => None,
        };
        if found.is_none() || found != chat.zip(seq) {
            audit.tell(format!("messages: the row {}/{} is not in the log", hex::encode(partition), hex::encode(key)));
        }
    }
    Ok(ends)
}

/// A record that the log has let go: it follows the one before it in its chat, and its checksum fits.
fn older(chat: u64, seq: u64, offset: u64, body: &[u8], ends: &mut HashMap<u64, End>, audit: &mut Audit) {
    audit.trimmed += 1;
    let place = format!("chat {chat:016x} seq {seq} (offset {offset})");
    let end = ends.entry(chat).or_default();
    if seq != end.seq + 1 {
        audit.tell(format!("messages: {place} follows seq {}", end.seq));
    }
    end.seq = seq;
    match Record::decode(body) {
        Ok(record) => right_place(&record, chat, seq, end, &place, audit),
        Err(why) => {
            audit.tell(format!("messages: {place}: {why}"));
            end.position += 1;
        }
    }
}

/// Every group of the log has its rows, and no group has rows without a log.
fn walk_chats(connection: &Connection, ends: &HashMap<u64, End>, audit: &mut Audit) -> rusqlite::Result<()> {
    for table in [Table::Chats, Table::Members] {
        let mut kept: HashSet<u64> = HashSet::new();
        let mut statement = connection.prepare(&format!("SELECT partition FROM {}", table.name()))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            kept.extend(tables::read_u64(row.get_ref(0)?.as_blob()?, 0));
        }
        for chat in ends.keys().filter(|chat| *chat & DIRECT == 0 && !kept.contains(chat)) {
            audit.tell(format!("{}: chat {chat:016x} is missing", table.name()));
        }
        for chat in kept.iter().filter(|chat| !ends.contains_key(chat)) {
            audit.tell(format!("{}: chat {chat:016x} has no record in the log", table.name()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Append, Audience, DedupeKey, Log, SqliteLog};
    use super::*;
    use crate::store::SqliteStore;
    use protocol::content::Content;
    use std::sync::Arc;

    fn text(text: &str) -> Content {
        serde_json::from_value(serde_json::json!({ "text": { "text": text } })).unwrap()
    }

    async fn filled(folder: &Path) {
        let store = SqliteStore::open(folder).unwrap();
        let log = SqliteLog::open(store.clone()).await.unwrap();
        let direct = DIRECT | 1;
        for seq in 1..=3u64 {
            let change = if seq == 3 {
                Change::Recalled { target: 1, position: 1 }
            } else {
                Change::Message(super::super::record::Message {
                    client_message_id: format!("m{seq}"),
                    content: text("hello"),
                    reply_to: None,
                    thread_root: None,
                    mentions: Vec::new(),
                    mention_all: false,
                })
            };
            let (done, appended) = tokio::sync::oneshot::channel();
            let record = Arc::new(Record { chat: direct, seq, position: seq.min(2), at_ms: 1, by: 1, change });
            log.append(Append {
                record,
                epoch: 1,
                audience: Audience::default(),
                writes: Vec::new(),
                dedupe: (seq < 3).then(|| DedupeKey::new(1, &format!("m{seq}"))),
                done,
            })
            .unwrap();
            appended.await.unwrap().unwrap();
        }
        tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    }

    #[tokio::test]
    async fn what_the_log_has_let_go_is_looked_at_in_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).await;
        let store = SqliteStore::open(folder.path()).unwrap();
        let log = Arc::new(SqliteLog::open(store.clone()).await.unwrap());
        let (clock, keep) = (crate::clock::Clock::default(), std::time::Duration::from_secs(3600));
        let trimming = tokio::spawn(log.clone().keep_trimmed(clock, keep));
        let database = folder.path().join("clarion.db");
        let audit = loop {
            let audit = check(&database).unwrap();
            if audit.records == 1 {
                break audit;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        trimming.abort();
        assert_eq!((audit.trimmed, audit.chats, audit.difference_count), (2, 1, 0), "{audit:?}");
        // The ids of what was trimmed are free again; the messages are there, and the next record goes on behind the last.
        let (done, appended) = tokio::sync::oneshot::channel();
        let record = Arc::new(Record { chat: DIRECT | 1, seq: 4, position: 2, at_ms: 1, by: 1, change: Change::Unpinned { target: 1 } });
        let (audience, dedupe) = (Audience::default(), Some(DedupeKey::new(1, "m1")));
        log.append(Append { record, epoch: 1, audience, writes: Vec::new(), dedupe, done }).unwrap();
        assert_eq!(appended.await.unwrap().unwrap(), super::super::Appended::New);
        assert_eq!(log.read(DIRECT | 1, 1, 9, 9).await.unwrap().len(), 4);
        Connection::open(&database)
            .unwrap()
            .execute_batch("UPDATE messages SET value = zeroblob(60) WHERE row = x'0000000000000002'")
            .unwrap();
        assert!(check(&database).unwrap().difference_count > 0);
    }

    /// What the audit says after a statement was run by a careless hand.
    async fn after(statement: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).await;
        let database = folder.path().join("clarion.db");
        Connection::open(&database).unwrap().execute_batch(statement).unwrap();
        check(&database).unwrap().differences
    }

    #[tokio::test]
    async fn a_whole_database_has_no_differences() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).await;
        let audit = check(&folder.path().join("clarion.db")).unwrap();
        assert_eq!((audit.records, audit.chats, audit.difference_count), (3, 1, 0), "{audit:?}");
        assert!(check(&folder.path().join("no.db")).unwrap_err().starts_with("there is no database"));
    }

    #[tokio::test]
    async fn every_damage_is_told_with_its_place() {
        let cases = [
            ("DELETE FROM log WHERE offset = 2", "seq 3 (offset 3) follows seq 1"),
            ("DELETE FROM log WHERE offset = 1", "offset 2 stands where 1 is expected"),
            ("UPDATE log SET body = zeroblob(40) WHERE offset = 1", "seq 1 (offset 1): it is too short, or of an unknown version"),
            (
                "UPDATE log SET body = CAST(x'01' || substr(body, 2, length(body) - 2) || x'00' AS BLOB) WHERE offset = 2",
                "its checksum does not fit",
            ),
            ("DELETE FROM messages WHERE row = x'0000000000000002'", "messages: chat 8000000000000001 seq 2 (offset 2) is missing"),
            ("UPDATE messages SET value = CAST(substr(value, 1, 8) || x'00' AS BLOB)", "seq 1 (offset 1) differs from the log"),
            ("DELETE FROM changes", "changes: chat 8000000000000001 seq 3 (offset 3) is missing"),
            (
                "INSERT INTO messages VALUES (x'800000000000000100000000', x'0000000000000009', x'00000000000000090102')",
                "is not in the log",
            ),
            ("INSERT INTO chats VALUES (x'0000000000000009', x'', x'7b7d')", "chats: chat 0000000000000009 has no record in the log"),
            ("UPDATE log SET seq = 7 WHERE offset = 3", "holds the record of chat 8000000000000001 seq 3"),
        ];
        for (statement, expected) in cases {
            let told = after(statement).await;
            assert!(told.iter().any(|sentence| sentence.contains(expected)), "{statement}: {told:#?}");
        }
    }
}
