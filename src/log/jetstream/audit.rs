//! The auditor: what the log has is compared with what the store has, and what differs is written again.
//!
//! A store may forget what it has acknowledged: a single Cassandra that dies loses the rows of its last moments, because it
//! acknowledges before its disk has them; a disk may come back from a copy; a copy may rot. The log has the rows of every
//! record for as long as `log_keep_days` says. So the auditor goes over each group again and again, from the end to the
//! beginning and slowly, and asks the store for each row. A store that was away is looked at first, and at once: from a
//! little before it went.
//!
//! What is missing is written with the stamp that it had. That cannot undo anything: a row that was changed or deleted
//! later has a later stamp, and what is not there after it was written again had been deleted. Deletions are forgotten by
//! the store after some days, so rows that come and go are compared only where the pass knows from the log itself that
//! nothing has taken them away.
//!
//! One node at a time has the turn of a group (`turn.rs`). Rows that did not come from the log (people, devices, cursors)
//! cannot be had from it.

use super::Inner;
use super::streams::{Found, decode};
use super::turn::{TURN_LASTS, Turn};
use crate::error::{Error, Result};
use crate::metrics;
use crate::store::tables::{Key, Table};
use crate::store::{Differs, EntryRow, Write};
use std::collections::HashSet;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// How often it is looked whether the store answers.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What was written so long before the store went is looked at when it comes back. Servers write their logs to disk far
/// more often.
const BEFORE_MS: u64 = 120_000;
/// Pause when it does not succeed.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Pause until the store has taken what was waiting for it.
const STORE_BEHIND: Duration = Duration::from_millis(250);
/// How often it is looked whose turn it is.
const BETWEEN_TURNS: Duration = Duration::from_secs(10);
/// Messages that are compared at once. Each may have half a MiB.
const WINDOW: u64 = 32;
/// Older records are not compared: the store forgets deletions after ten days, and then what was deleted looks like what
/// was lost.
const AGE_MAX_MS: u64 = 8 * 86_400_000;
/// Rows that recognise a repeated send go by themselves after eight days.
const DEDUPE_AGE_MAX_MS: u64 = 7 * 86_400_000;
/// Deleted rows that a pass remembers, eight bytes each. Beyond it, rows that come and go are not compared any more.
const GONE_MAX: usize = 100_000;
/// Chats of a pass whose ends were compared, eight bytes each. Beyond it, some are compared twice.
const MET_MAX: usize = 100_000;

/// What a store may have forgotten that was away.
#[derive(Debug, Clone, Copy)]
struct Lost {
    /// Records since then, ms since 1970.
    since_ms: u64,
    /// Up to this message of the group; none until it was asked for.
    last: Option<u64>,
    /// When the store was back, ms since 1970.
    back_ms: u64,
}

/// One way through a group, from its end to its beginning.
struct Pass {
    /// Messages before this one are still to be compared.
    next: u64,
    /// The pass ends at records that are older, ms since 1970.
    since_ms: u64,
    /// Rows that the log has deleted behind this place.
    gone: HashSet<u64>,
    /// All of them are in `gone`.
    whole: bool,
    /// Chats whose ends were compared.
    met: HashSet<u64>,
    records: u64,
    differed: u64,
}

impl Pass {
    fn new(next: u64, since_ms: u64, whole: bool) -> Self {
        Self { next, since_ms, gone: HashSet::new(), whole, met: HashSet::new(), records: 0, differed: 0 }
    }

    /// Can the log say how this row stands, unless something later has changed it? Rows are shown from the last to the first.
    fn can_tell(&mut self, row: &EntryRow, now_ms: u64) -> bool {
        let (table, ..) = row.write.place();
        let place = hash_of(&row.write.place());
        if matches!(row.write, Write::Delete(..)) {
            if self.gone.len() < GONE_MAX {
                self.gone.insert(place);
            } else {
                self.whole = false;
            }
            return true;
        }
        match table {
            // Nothing of these is ever deleted.
            Table::Messages
            | Table::Chats
            | Table::Members
            | Table::Memberships
            | Table::LargeChats
            | Table::ChatParts
            | Table::Recalled
            | Table::Threads
            | Table::FileChats => true,
            Table::Dedupe => row.at_ms + DEDUPE_AGE_MAX_MS > now_ms,
            // These only by records of the same chat, which this pass has seen.
            Table::Changes | Table::Mentions | Table::GroupNames => self.whole && !self.gone.contains(&place),
            _ => false,
        }
    }
}

fn hash_of(place: &(Table, Key, Key)) -> u64 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    hasher.finish()
}

/// The auditor of one group while the store answers.
struct Auditor<'a> {
    log: &'a Inner,
    group: usize,
    /// The turn, when this node has it, and when it was kept.
    turn: Option<(Turn, Instant)>,
    pass: Option<Pass>,
}

impl Inner {
    /// Audits a group. It never ends by itself.
    pub async fn audit_group(&self, group: usize) {
        // Whether the store was away before this node began, and what it has forgotten then, is not known.
        let now_ms = self.clock.now_ms();
        let mut lost = Some(Lost { since_ms: now_ms.saturating_sub(BEFORE_MS), last: None, back_ms: now_ms });
        loop {
            tokio::select! {
                () = self.until_store(false) => {}
                never = self.audit_while_there(group, &mut lost) => match never {},
            }
            let since_ms = self.clock.now_ms().saturating_sub(BEFORE_MS);
            self.until_store(true).await;
            // Away again before it was looked at: from the same place.
            let since_ms = lost.map_or(since_ms, |lost| lost.since_ms.min(since_ms));
            lost = Some(Lost { since_ms, last: None, back_ms: self.clock.now_ms() });
        }
    }

    /// Waits until the store answers, or does not any more.
    async fn until_store(&self, answers: bool) {
        while self.overlay.below().healthy() != answers {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn audit_while_there(&self, group: usize, lost: &mut Option<Lost>) -> Infallible {
        let mut auditor = Auditor { log: self, group, turn: None, pass: None };
        loop {
            let pause = auditor.go_on(lost).await.unwrap_or_else(|error| {
                tracing::debug!(%error, group, "the log could not be compared with the store; it is tried again");
                TRIED_AGAIN_AFTER
            });
            tokio::time::sleep(pause).await;
        }
    }
}

impl Auditor<'_> {
    /// Does a little, and says when to go on.
    async fn go_on(&mut self, lost: &mut Option<Lost>) -> Result<Duration> {
        let turn = match self.keep_turn().await? {
            Ok(turn) => turn,
            Err(other) => {
                self.pass = None;
                if lost.is_some_and(|lost| other.looked_ms >= lost.back_ms) {
                    *lost = None;
                }
                // Until it is known that somebody has looked: who has the turn may be dead.
                return Ok(if lost.is_some() { TRIED_AGAIN_AFTER } else { BETWEEN_TURNS });
            }
        };
        if let Some(forgotten) = lost {
            let last = match forgotten.last {
                Some(last) => last,
                // Whatever any node has written was taken before. What this node has followed would not do: who writes may be ahead of it.
                None => *forgotten.last.insert(self.log.taken_up_to(self.group).await?),
            };
            if self.log.stored_up_to(self.group).await? < last {
                // What is taken and not written comes first.
                return Ok(STORE_BEHIND);
            }
            self.look_for(last, forgotten.since_ms).await?;
            *lost = None;
            return Ok(Duration::ZERO);
        }
        let now_ms = self.log.clock.now_ms();
        let rate = self.log.settings.audit_rows_per_second;
        if rate == 0 || turn.rests_until_ms > now_ms {
            let rest = Duration::from_millis(turn.rests_until_ms.saturating_sub(now_ms));
            return Ok(if rate == 0 { BETWEEN_TURNS } else { rest.min(BETWEEN_TURNS) });
        }
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => {
                let since_ms = now_ms.saturating_sub(AGE_MAX_MS);
                // Where another node, or an earlier life of this one, has stopped; what was deleted behind that is not known.
                match turn.next {
                    0 => Pass::new(self.log.stored_up_to(self.group).await? + 1, since_ms, true),
                    next => Pass::new(next, since_ms, false),
                }
            }
        };
        match self.compare_window(&mut pass).await {
            Ok(Some(rows)) => {
                self.note(|turn| turn.next = pass.next);
                self.pass = Some(pass);
                // Each group has its share, whichever nodes have their turns.
                Ok(Duration::from_secs_f64((rows.max(1) * self.log.streams.groups()) as f64 / rate as f64))
            }
            Ok(None) => {
                metrics::AUDIT_PASSES.inc();
                if pass.differed > 0 {
                    let Pass { records, differed, .. } = pass;
                    tracing::warn!(group = self.group, records, differed, "the store did not have what the log has, and has it now");
                }
                let rests_until_ms = self.log.clock.now_ms() + self.log.settings.audit_every.as_millis() as u64;
                self.note(|turn| (turn.next, turn.rests_until_ms) = (0, rests_until_ms));
                self.write_turn().await?;
                Ok(Duration::ZERO)
            }
            Err(error) => {
                // The same window once more.
                self.pass = Some(pass);
                Err(error)
            }
        }
    }

    /// Compares what a store may have forgotten that was away, without a pause.
    async fn look_for(&mut self, last: u64, since_ms: u64) -> Result<()> {
        let mut pass = Pass::new(last + 1, since_ms, true);
        while self.compare_window(&mut pass).await?.is_some() {
            if self.keep_turn().await?.is_err() {
                return Err(Error::storage("another node has taken the turn to audit"));
            }
        }
        if pass.differed > 0 {
            let Pass { records, differed, .. } = pass;
            tracing::warn!(group = self.group, records, differed, "the store had forgotten rows while it was away, and has them again");
        }
        let looked_ms = self.log.clock.now_ms();
        self.note(|turn| turn.looked_ms = looked_ms);
        self.write_turn().await
    }

    /// Takes or keeps the turn. `Err`: it is another node's.
    async fn keep_turn(&mut self) -> Result<std::result::Result<Turn, Turn>> {
        if let Some((turn, kept_at)) = self.turn
            && kept_at.elapsed() < TURN_LASTS / 3
        {
            return Ok(Ok(turn));
        }
        let here = self.turn.take();
        match self.log.take_turn(self.group).await? {
            Ok(found) => {
                // What was done since it was written down.
                self.turn = Some((here.map_or(found, |(turn, _)| turn), Instant::now()));
                self.write_turn().await?;
                Ok(Ok(self.turn.map_or(found, |(turn, _)| turn)))
            }
            Err(other) => Ok(Err(other)),
        }
    }

    /// Changes what is going to be written into the turn's row.
    fn note(&mut self, change: impl FnOnce(&mut Turn)) {
        if let Some((turn, _)) = &mut self.turn {
            change(turn);
        }
    }

    async fn write_turn(&mut self) -> Result<()> {
        if let Some((turn, kept_at)) = &mut self.turn {
            self.log.keep_turn(self.group, *turn).await?;
            *kept_at = Instant::now();
        }
        Ok(())
    }

    /// Compares the next messages of a pass; how many rows the store was asked for, or none when the pass is over.
    async fn compare_window(&self, pass: &mut Pass) -> Result<Option<usize>> {
        let (first, _) = self.log.streams.ends(self.group).await?;
        let last = pass.next.saturating_sub(1);
        // The first message has the number 1; of a stream that is empty the first is told to be 0.
        if last == 0 || last < first {
            return Ok(None);
        }
        let from = first.max((last + 1).saturating_sub(WINDOW));
        let window = self.log.streams.range(self.group, from, last).await?;
        let now_ms = self.log.clock.now_ms();
        let (mut rows, mut records, mut young, mut chats) = (Vec::new(), 0, window.is_empty(), Vec::new());
        let mut taken = HashSet::new();
        for kept in window.into_iter().rev() {
            // The follower has told of what is damaged.
            let Ok(envelope) = decode(self.group, kept.sequence, &kept.payload) else { continue };
            for entry in self.log.stored_entries(kept.sequence, envelope).into_iter().rev() {
                records += 1;
                young |= entry.at_ms >= pass.since_ms;
                chats.push(entry.chat);
                for row in entry.rows().into_iter().rev() {
                    if taken.insert(row.write.place()) && pass.can_tell(&row, now_ms) {
                        rows.push(row);
                    }
                }
            }
        }
        if !young {
            return Ok(None);
        }
        let mut asked = rows.len();
        for chat in chats {
            if pass.met.len() >= MET_MAX {
                pass.met.clear();
            }
            if !pass.met.contains(&chat) {
                self.compare_ends(chat).await?;
                pass.met.insert(chat);
                asked += 2;
            }
        }
        let differed = self.put_right(rows).await?;
        if differed > 0 && pass.differed == 0 {
            tracing::warn!(group = self.group, "the store does not have what the log has; it is written again");
        }
        pass.next = from;
        pass.records += records;
        pass.differed += differed;
        metrics::AUDITED_RECORDS.inc_by(records);
        Ok(Some(asked))
    }

    /// A store that is ahead of the log shows that the log has lost something.
    async fn compare_ends(&self, chat: u64) -> Result<()> {
        let stored = self.log.overlay.below().last_seq(chat).await?;
        let Some(Found { envelope: last, .. }) = self.log.streams.last(self.group, chat).await? else { return Ok(()) };
        let logged = last.entries.last().map_or(0, |entry| entry.record.seq);
        if stored > logged {
            metrics::LOG_BEHIND_STORE.inc();
            tracing::error!(chat, log = logged, store = stored, "the log has lost records that the store has");
        }
        Ok(())
    }

    /// Writes again what the store does not have; how many rows differed.
    async fn put_right(&self, rows: Vec<EntryRow>) -> Result<u64> {
        let store = self.log.overlay.below();
        let differing = store.differing(rows).await?;
        if differing.is_empty() {
            return Ok(0);
        }
        let written: Vec<EntryRow> = differing.iter().map(|differs| differs.row.clone()).collect();
        store.write_rows(written.clone()).await?;
        // What is not there even now had been deleted by something later, which is how it should be.
        let still = store.differing(written).await?;
        for Differs { row, .. } in still.iter().filter(|differs| differs.there) {
            let (table, ..) = row.write.place();
            tracing::error!(group = self.group, table = table.name(), "a row of the store differs from the log and cannot be put right");
        }
        let right: HashSet<(Table, Key, Key)> =
            still.into_iter().filter(|differs| !differs.there).map(|differs| differs.row.write.place()).collect();
        let differed: Vec<&Differs> = differing.iter().filter(|differs| !right.contains(&differs.row.write.place())).collect();
        let records =
            differed.iter().filter(|differs| !differs.there && matches!(differs.row.write, Write::Put(Table::Messages, ..))).count();
        metrics::STORE_REFILLED.inc_by(records as u64);
        metrics::AUDIT_DIFFERING.inc_by(differed.len() as u64);
        Ok(differed.len() as u64)
    }
}
