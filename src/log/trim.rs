//! Trimming: the log lets go what is older than it must be.
//!
//! The rows of messages keep a record for ever; the log keeps it as long as a node may have to be told of it once more,
//! and as long as a message that is sent again must be recognised. What is trimmed takes its dedupe rows along. The last
//! record always stays, because offsets go on from it, and the fact [`TRIMMED`] tells the audit where the log begins.

use super::record::Record;
use crate::store::Write;
use crate::store::tables::{self, Table};
use rusqlite::{Connection, OptionalExtension};

/// Name of the fact that holds the last offset that was trimmed, as 8 bytes.
pub const TRIMMED: &str = "log_trimmed";
/// Records of one step: a commit that others wait for stays short.
pub const STEP: usize = 250;

/// One step from the beginning of the log: takes away records that are older than this time, ms since 1970, at most [`STEP`].
/// Gives how many it were.
pub fn trim(transaction: &Connection, before_ms: u64) -> rusqlite::Result<usize> {
    let mut trimmed = 0;
    let last: Option<i64> = transaction.prepare_cached("SELECT max(offset) FROM log")?.query_row([], |row| row.get(0))?;
    let mut until = None;
    let mut recognised: Vec<(Vec<u8>, i64, i64)> = Vec::new();
    {
        let mut oldest = transaction.prepare_cached("SELECT offset, chat, seq, body, dedupe FROM log ORDER BY offset LIMIT ?")?;
        let mut rows = oldest.query([STEP as i64])?;
        while let Some(row) = rows.next()? {
            let offset: i64 = row.get(0)?;
            // A damaged record has no time; the audit tells of it, and it does not keep the others for ever.
            let young = Record::decode(row.get_ref(3)?.as_blob()?).is_ok_and(|record| record.at_ms >= before_ms);
            if young || Some(offset) == last {
                break;
            }
            if let Some(key) = row.get::<_, Option<Vec<u8>>>(4)? {
                recognised.push((key, row.get(1)?, row.get(2)?));
            }
            until = Some(offset);
            trimmed += 1;
        }
    }
    let Some(until) = until else { return Ok(0) };
    for (key, chat, seq) in recognised {
        let Some((sender, hash)) = key.split_at_checked(4) else { continue };
        // The same id may have been used again after seven days: then the row is a later record's.
        let made = tables::KeyMaker::default().u64(chat as u64).u64(seq as u64).done();
        let sql = "DELETE FROM dedupe WHERE partition = ? AND row = ? AND value = ?";
        transaction.prepare_cached(sql)?.execute((sender, hash, made.as_slice()))?;
    }
    transaction.prepare_cached("DELETE FROM log WHERE offset <= ?")?.execute([until])?;
    let fact = Write::Put(Table::Facts, tables::none(), tables::text_key(TRIMMED), (until as u64).to_be_bytes().to_vec());
    crate::store::apply(transaction, &[fact])?;
    Ok(trimmed)
}

/// The last offset that was trimmed; 0 when nothing was.
pub fn trimmed(connection: &Connection) -> rusqlite::Result<u64> {
    let kept: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM facts WHERE partition = x'' AND row = ?", [TRIMMED.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(kept.and_then(|bytes| tables::read_u64(&bytes, 0)).unwrap_or(0))
}
