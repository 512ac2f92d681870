//! Takes away what was uploaded and posted nowhere.

use super::{Attachments, FileEntry, upload_row};
use crate::error::Result;
use crate::limits;
use crate::metrics;
use crate::store::tables::{self, Table};
use crate::store::{Range, Write};
use std::time::Duration;

/// How often uploads are looked through.
const EVERY: Duration = Duration::from_secs(3_600);
/// Between the moment from which nobody finds a key any more and its removal: a message that holds it may be on its way
/// into the log just then.
const CONDEMNED_FOR: Duration = Duration::from_secs(60);

impl Attachments {
    /// Sweeps once an hour, for as long as it is polled.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.sweep_parts().await {
                tracing::warn!(%error, "old uploads in parts could not be looked through; it is tried again in an hour");
            }
            // Each round has a bound; there is another one at once when it was reached.
            let Ok(_turn) = self.store.turn("uploads").await else { continue };
            loop {
                match self.sweep(CONDEMNED_FOR).await {
                    Ok(limits::SWEEP_MAX) => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, "old uploads could not be looked through; it is tried again in an hour");
                        break;
                    }
                }
            }
        }
    }

    /// Looks at the oldest uploads, and removes those that are over a day old and posted nowhere. How many were looked at.
    pub(super) async fn sweep(&self, condemned_for: Duration) -> Result<usize> {
        let until = self.clock.now_ms().saturating_sub(limits::UPLOAD_POSTED_WITHIN_MS);
        let range = Range::between(tables::none(), tables::u64_key(until), limits::SWEEP_MAX);
        let rows = self.store.scan(Table::Uploads, tables::none(), range).await?;
        let mut settled = Vec::new();
        let mut unposted = Vec::new();
        for (row, _) in &rows {
            let key = row.get(8..).and_then(|key| std::str::from_utf8(key).ok()).unwrap_or("");
            match self.entry(key).await? {
                Some(entry) if self.chats_of(key).await?.is_empty() => unposted.push(entry),
                _ => settled.push(Write::Delete(Table::Uploads, tables::none(), row.clone())),
            }
        }
        if !settled.is_empty() {
            self.store.write(settled).await?;
        }
        if unposted.is_empty() {
            return Ok(rows.len());
        }
        self.condemned.lock().extend(unposted.iter().map(|entry| entry.key.clone()));
        tokio::time::sleep(condemned_for).await;
        let mut outcome = Ok(rows.len());
        for entry in &unposted {
            if let Err(error) = self.remove_if_unposted(entry).await {
                outcome = Err(error);
            }
        }
        let mut condemned = self.condemned.lock();
        for entry in &unposted {
            condemned.remove(&entry.key);
        }
        outcome
    }

    async fn remove_if_unposted(&self, entry: &FileEntry) -> Result<()> {
        if !self.chats_of(&entry.key).await?.is_empty() {
            return Ok(());
        }
        // Somebody may be uploading the same on another node just now; the next sweep takes it.
        if self.store.shared() && self.blobs.fresh(&entry.hash).await {
            return Ok(());
        }
        let _naming = self.naming.write().await;
        let named = self.store.scan(Table::Blobs, tables::text_key(&entry.hash), Range::first(2)).await?;
        // The bytes go before their row: after a crash between the two, the next sweep finds the row and ends the work.
        if named.iter().all(|(key, _)| key.as_slice() == entry.key.as_bytes())
            && let Err(error) = self.blobs.remove(&entry.hash).await
        {
            tracing::warn!(%error, "the bytes of an old upload could not be removed; it is tried again in an hour");
            return Ok(());
        }
        self.store
            .write(vec![
                Write::Delete(Table::Files, tables::text_key(&entry.key), tables::none()),
                Write::Delete(Table::Blobs, tables::text_key(&entry.hash), tables::text_key(&entry.key)),
                Write::Delete(Table::Uploads, tables::none(), upload_row(entry)),
            ])
            .await?;
        metrics::UPLOADS_SWEPT.inc();
        Ok(())
    }

    /// Removes the bytes of an upload whose row could not be written, unless another upload has the same.
    pub(super) async fn remove_unnamed(&self, hash: &str) {
        let _naming = self.naming.write().await;
        match self.store.scan(Table::Blobs, tables::text_key(hash), Range::first(1)).await {
            Ok(named) if named.is_empty() => {
                if let Err(error) = self.blobs.remove(hash).await {
                    tracing::warn!(%error, "the bytes of a refused upload could not be removed");
                }
            }
            // Better bytes too many than bytes that somebody needs.
            _ => tracing::warn!("the bytes of a refused upload were left, because it is not known who else has them"),
        }
    }
}
