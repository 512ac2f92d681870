//! The end of a group, read from its stream backwards: what a node that starts has to know by heart.

use super::streams::decode;
use super::{Inner, offset_of};
use crate::error::Result;
use crate::log::{EndRecord, Entry, LogEnd};
use std::sync::Arc;

/// Messages that are read at once.
const WINDOW: u64 = 256;

impl Inner {
    /// As [`crate::log::Log::end`].
    pub async fn read_end(&self, group: usize, since_ms: u64, bytes: usize) -> Result<LogEnd> {
        let (first, last) = self.streams.ends(group).await?;
        // The first message has the number 1; of a stream that is empty the first is told to be 0.
        let first = first.max(1);
        let mut end = LogEnd { behind: offset_of(last + 1, 0) - 1, records: Vec::new() };
        let (mut next, mut read, mut windows) = (last + 1, 0, Vec::new());
        while next > first {
            let from = first.max(next.saturating_sub(WINDOW));
            let (mut records, mut young) = (Vec::new(), false);
            let window = self.streams.range(group, from, next - 1).await?;
            if window.len() as u64 != next - from {
                // A copy of the stream that lags, or the beginning was let go meanwhile: a hole is no knowledge.
                break;
            }
            for kept in window {
                read += kept.payload.len();
                // The follower has told of what is damaged. Nothing before it is known here.
                let Ok(envelope) = decode(group, kept.sequence, &kept.payload) else { return Ok(whole(end, windows)) };
                for (index, entry) in envelope.entries.into_iter().enumerate() {
                    young |= entry.record.at_ms >= since_ms;
                    records.push(EndRecord {
                        entry: Entry { offset: offset_of(kept.sequence, index), record: entry.record },
                        bytes: entry.body.len(),
                        members: entry.members.map(Arc::new),
                    });
                }
            }
            if !young || read > bytes {
                break;
            }
            windows.push(records);
            end.behind = offset_of(from, 0) - 1;
            next = from;
        }
        Ok(whole(end, windows))
    }
}

/// The windows were read from the last to the first.
fn whole(end: LogEnd, windows: Vec<Vec<EndRecord>>) -> LogEnd {
    LogEnd { records: windows.into_iter().rev().flatten().collect(), ..end }
}
