//! One message to many people, each in the direct chat with the bot: a job that is written down before it is
//! acknowledged, goes on after a restart where it was, and reaches each person once.
//!
//! The people are a bitmap, worked off in the order of their indices, a slice at a time, so that a job to everybody
//! takes little memory and leaves room for what people write. A person's message is told by the job and the person, so
//! that a slice that is done again after a crash sends nothing twice.

use super::elsewhere::Changed;
use super::members::{bitmap_bytes, bitmap_of};
use super::number::{COUNT_BITS, Numbers};
use super::send::Origin;
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::DedupeKey;
use crate::peers::Kind;
use crate::store::tables::{self, Key, Table};
use crate::store::{Range, Store, Write};
use futures_util::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use protocol::codec::Encoding;
use protocol::command::Send;
use protocol::content::Content;
use protocol::error::ErrorCode;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// A message to many.
#[derive(Debug, Clone, Default)]
pub struct NewBatch {
    /// Who gets it.
    pub people: RoaringBitmap,
    /// What it says.
    pub content: Content,
    /// Whom it mentions.
    pub mentions: Vec<String>,
    /// Makes the call repeatable.
    pub uuid: Option<String>,
}

/// How far a message to many has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchState {
    /// People it was to reach.
    pub valid: u64,
    /// People in whose chat it stands.
    pub sent: u64,
    /// People who have read it.
    pub read: u64,
    /// It is being taken back, or was.
    pub recall: bool,
    /// People from whom it was taken back.
    pub recalled: u64,
    /// Nothing more will change but who has read it.
    pub done: bool,
}

/// What does not change of a job. Kept as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Job {
    bot: u32,
    at_ms: u64,
    content: Content,
    mentions: Vec<String>,
    people: u64,
    /// Row of `Dedupe` that leads to it, which goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    again: Option<[u8; 16]>,
}

/// How far a job is. Kept as JSON, after each slice.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// People with a smaller index were tried.
    next: u32,
    sent: u64,
    failed: u64,
    /// It is to be taken back.
    recall: bool,
    /// People with a smaller index were looked at for that.
    recall_next: u32,
    recalled: u64,
    done: bool,
}

/// Parts of a job, each a row.
#[derive(Debug, Clone, Copy)]
enum Part {
    Job = 0,
    People = 1,
    Progress = 2,
    Reads = 3,
    /// It is to be taken back. A row of its own: another node may be working the job off.
    Recall = 4,
}

impl Part {
    const ALL: [Self; 5] = [Self::Job, Self::People, Self::Progress, Self::Reads, Self::Recall];

    fn row(self) -> Key {
        Key::from_slice(&[self as u8])
    }
}

/// Jobs that are not done, and who has read what was sent.
pub(super) struct Batches {
    numbers: Numbers,
    /// By bot, in the order in which they came.
    open: Mutex<BTreeMap<u32, VecDeque<u64>>>,
    something: Notify,
    node_went: AtomicBool,
    reads: Mutex<HashMap<u64, Reads>>,
    /// Changes of a job's progress from outside the runner are made one after the other with its own.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Reads {
    people: RoaringBitmap,
    dirty: bool,
}

/// How often a node that has nothing to send tells the others of jobs that it knows and does not work off itself.
const BATCHES_LOOKED_AT_EVERY: Duration = Duration::from_secs(10);
/// State of a job in `BatchOrder`.
const OPEN: u8 = 0;
const DONE: u8 = 1;

fn order_row(id: u64, bot: u32, state: u8) -> Write {
    let mut value = bot.to_be_bytes().to_vec();
    value.push(state);
    Write::Put(Table::BatchOrder, tables::none(), tables::u64_key(id), value)
}

fn client_message_id(id: u64, user: u32) -> String {
    format!("b:{id:x}:{user:x}")
}

impl Batches {
    pub(super) async fn load(store: &dyn Store) -> Result<Self> {
        let batches = Self {
            numbers: Numbers::default(),
            open: Mutex::default(),
            something: Notify::new(),
            node_went: AtomicBool::new(false),
            reads: Mutex::default(),
            changing: tokio::sync::Mutex::new(()),
        };
        batches.add_kept(store).await?;
        Ok(batches)
    }

    /// Adds the jobs that are not done, as they are kept.
    async fn add_kept(&self, store: &dyn Store) -> Result<()> {
        let mut range = Range::first(limits::SWEEP_MAX);
        loop {
            let rows = store.scan(Table::BatchOrder, tables::none(), range).await?;
            for (row, value) in &rows {
                if let (Some(id), Some(bot), Some(&OPEN)) = (tables::read_u64(row, 0), tables::read_u32(value, 0), value.get(4)) {
                    self.add(bot, id);
                }
            }
            match rows.last() {
                Some((row, _)) if rows.len() == limits::SWEEP_MAX => range = Range::after(row.clone(), limits::SWEEP_MAX),
                _ => break,
            }
        }
        Ok(())
    }

    /// A node has gone: it may have taken jobs of which it could tell nobody any more.
    pub(super) fn node_went(&self) {
        self.node_went.store(true, Ordering::Release);
        self.something.notify_one();
    }

    /// Looks for such jobs.
    async fn find_what_nodes_left(&self, store: &dyn Store) {
        if !self.node_went.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.add_kept(store).await {
            tracing::warn!(%error, "messages to many of a node that has gone cannot be looked for now; it is tried again");
            self.node_went.store(true, Ordering::Release);
        }
    }

    /// The next bot's oldest job of those that are worked off here; bots have their turn one after the other.
    fn next(&self, after_bot: u32, here: impl Fn(u64) -> bool) -> Option<(u32, u64)> {
        let open = self.open.lock();
        let first = |(bot, ids): (&u32, &VecDeque<u64>)| Some((*bot, ids.iter().copied().find(|id| here(*id))?));
        open.range(after_bot.saturating_add(1)..).find_map(first).or_else(|| open.iter().find_map(first))
    }

    pub(super) fn add(&self, bot: u32, id: u64) {
        let mut open = self.open.lock();
        let ids = open.entry(bot).or_default();
        if !ids.contains(&id) {
            ids.push_back(id);
        }
        drop(open);
        self.something.notify_one();
    }

    /// Every job that is not done: bot, id.
    fn all(&self) -> Vec<(u32, u64)> {
        self.open.lock().iter().flat_map(|(bot, ids)| ids.iter().map(|id| (*bot, *id))).collect()
    }

    pub(super) fn finish(&self, bot: u32, id: u64) {
        let mut open = self.open.lock();
        if let Some(ids) = open.get_mut(&bot) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                open.remove(&bot);
            }
        }
    }
}

impl Chats {
    /// Takes a message to many. When it returns, the job is on disk; it is worked off in the background. The same uuid
    /// of the same bot gives the same job, for seven days.
    pub async fn send_batch(&self, bot: u32, batch: NewBatch) -> Result<u64> {
        let dedupe = batch.uuid.as_deref().map(|uuid| DedupeKey::new(bot, &format!("bs:{uuid}")));
        let _one_at_a_time = self.batches.changing.lock().await;
        if let Some(key) = &dedupe
            && let Some(made) = self.store.get(Table::Dedupe, tables::u32_key(bot), Key::from_slice(&key.hash)).await?
            && let Some(id) = tables::read_u64(&made, 8)
            && (id >> COUNT_BITS).saturating_add(limits::BATCH_REPEATED_MS) > self.clock.now_ms()
        {
            return Ok(id);
        }
        if self.batches.open.lock().get(&bot).is_some_and(|ids| ids.len() >= limits::BATCHES_OPEN_MAX) {
            return Err(Error::busy(format!("{} messages to many of this app are not sent yet", limits::BATCHES_OPEN_MAX)));
        }
        let Some(first) = batch.people.min() else { return Err(Error::invalid("people", "there is nobody to send it to")) };
        // What is wrong with the content is told now, and not a thousand times later.
        let (content, _) = self.checked(bot, ChatKey::direct(bot, first), batch.content).await?;
        self.mentioned(&batch.mentions)?;
        let now_ms = self.clock.now_ms();
        let id = self.batches.numbers.next(now_ms);
        let again = dedupe.map(|key| key.hash);
        let job = Job { bot, at_ms: now_ms, content, mentions: batch.mentions, people: batch.people.len(), again };
        let job = serde_json::to_vec(&job).expect("a job is plain data");
        let partition = tables::u64_key(id);
        let mut writes = vec![
            Write::Put(Table::Batches, partition.clone(), Part::Job.row(), job),
            Write::Put(Table::Batches, partition, Part::People.row(), bitmap_bytes(&batch.people)),
            order_row(id, bot, OPEN),
        ];
        if let Some(key) = dedupe {
            let made = tables::KeyMaker::default().u64(0).u64(id).done();
            writes.push(Write::Put(Table::Dedupe, tables::u32_key(bot), Key::from_slice(&key.hash), made.to_vec()));
        }
        self.store.write(writes).await?;
        self.batches.add(bot, id);
        self.tell_changed(Changed::BatchCame { bot, id });
        Ok(id)
    }

    async fn batch_part(&self, id: u64, part: Part) -> Result<Option<Vec<u8>>> {
        self.store.get(Table::Batches, tables::u64_key(id), part.row()).await
    }

    async fn batch_job(&self, bot: u32, id: u64) -> Result<Job> {
        let kept = self.batch_part(id, Part::Job).await?;
        let job: Option<Job> = kept.and_then(|json| serde_json::from_slice(&json).ok());
        job.filter(|job| job.bot == bot).ok_or_else(Error::message_not_found)
    }

    async fn batch_progress_kept(&self, id: u64) -> Result<Progress> {
        let kept = self.batch_part(id, Part::Progress).await?;
        let progress: Progress = kept.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        if !progress.recall && self.batch_part(id, Part::Recall).await?.is_some() {
            return Ok(Progress { recall: true, done: false, ..progress });
        }
        Ok(progress)
    }

    async fn keep_batch_progress(&self, id: u64, bot: u32, progress: Progress) -> Result<()> {
        let json = serde_json::to_vec(&progress).expect("progress is plain data");
        let mut writes = vec![Write::Put(Table::Batches, tables::u64_key(id), Part::Progress.row(), json)];
        if progress.done {
            writes.push(order_row(id, bot, DONE));
        }
        self.store.write(writes).await
    }

    /// How far one's own message to many has got. It is known for 30 days.
    pub async fn batch_state(&self, bot: u32, id: u64) -> Result<BatchState> {
        let job = self.batch_job(bot, id).await?;
        let progress = self.batch_progress_kept(id).await?;
        let in_memory = self.batches.reads.lock().get(&id).filter(|_| self.works_off(id)).map(|reads| reads.people.len());
        let read = match in_memory {
            Some(read) => read,
            None => self.batch_part(id, Part::Reads).await?.map_or(0, |bytes| bitmap_of(&bytes).len()),
        };
        Ok(BatchState {
            valid: job.people,
            sent: progress.sent,
            read,
            recall: progress.recall,
            recalled: progress.recalled,
            done: progress.done,
        })
    }

    /// Takes one's own message to many back, within a day. What was not sent yet is not sent. Doing so again is no error.
    pub async fn recall_batch(&self, bot: u32, id: u64) -> Result<()> {
        let job = self.batch_job(bot, id).await?;
        self.within_ms(job.at_ms, limits::BATCH_RECALL_MS, "recall")?;
        if self.batch_progress_kept(id).await?.recall {
            return Ok(());
        }
        let writes = vec![Write::Put(Table::Batches, tables::u64_key(id), Part::Recall.row(), Vec::new()), order_row(id, bot, OPEN)];
        self.store.write(writes).await?;
        self.batches.add(bot, id);
        self.tell_changed(Changed::BatchCame { bot, id });
        Ok(())
    }

    /// Works off the jobs until told to stop.
    pub async fn run_batches(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut bot = 0;
        loop {
            self.batches.find_what_nodes_left(&*self.store).await;
            let Some((next_bot, id)) = self.batches.next(bot, |id| self.works_off(id)) else {
                tokio::select! {
                    () = self.batches.something.notified() => continue,
                    // The node that worked them off may have died, or not have heard of them.
                    () = tokio::time::sleep(BATCHES_LOOKED_AT_EVERY), if self.peers.clustered() => {
                        let others = self.batches.all().into_iter().filter(|(_, id)| !self.works_off(*id));
                        others.for_each(|(bot, id)| self.tell_changed(Changed::BatchCame { bot, id }));
                        continue;
                    }
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            };
            bot = next_bot;
            let started = Instant::now();
            let pause = tokio::select! {
                worked = self.batch_slice(bot, id) => match worked {
                    Ok(tried) => Duration::from_micros(1_000_000 * tried / limits::BATCH_PER_SECOND).saturating_sub(started.elapsed()),
                    Err(error) => {
                        tracing::warn!(%error, "a message to many cannot be sent on now; it is tried again");
                        Duration::from_millis(error.retry_after_ms.unwrap_or(1_000))
                    }
                },
                _ = stop.wait_for(|stop| *stop) => return,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// One slice of a job, and its progress on disk. Gives how many people were looked at.
    async fn batch_slice(self: &Arc<Self>, bot: u32, id: u64) -> Result<u64> {
        let _one_at_a_time = self.batches.changing.lock().await;
        let (job, people) = match (self.batch_job(bot, id).await, self.batch_part(id, Part::People).await?) {
            (Ok(job), Some(people)) => (job, bitmap_of(&people)),
            (Err(error), _) if error.code != ErrorCode::MessageNotFound => return Err(error),
            _ => {
                tracing::error!(id, "a message to many has lost its rows and is given up");
                self.store.write(vec![order_row(id, bot, DONE)]).await?;
                self.batches.finish(bot, id);
                return Ok(0);
            }
        };
        let mut progress = self.batch_progress_kept(id).await?;
        let from = if progress.recall { progress.recall_next } else { progress.next };
        let mut slice: Vec<u32> = people.range(from..).take(limits::BATCH_SLICE).collect();
        if progress.recall {
            slice.retain(|user| *user < progress.next);
        }
        let tried = slice.len() as u64;
        let after = slice.last().map_or(u32::MAX, |last| last.saturating_add(1));
        let work = |user: u32| {
            let job = &job;
            async move { if progress.recall { self.recall_one(bot, id, user).await } else { self.send_one(job, id, user).await } }
        };
        let done: Vec<bool> =
            futures_util::stream::iter(slice.iter().copied()).map(work).buffer_unordered(limits::BATCH_AT_ONCE).try_collect().await?;
        let count = done.iter().filter(|done| **done).count() as u64;
        if progress.recall {
            progress.recalled += count;
            progress.recall_next = after;
            progress.done = tried < limits::BATCH_SLICE as u64;
        } else {
            progress.sent += count;
            progress.failed += tried - count;
            progress.next = after;
            progress.done = people.range(after..).next().is_none();
        }
        self.keep_batch_progress(id, bot, progress).await?;
        if progress.done && !progress.recall && self.batch_part(id, Part::Recall).await?.is_some() {
            // It was to be taken back while the last slice was sent.
            self.store.write(vec![order_row(id, bot, OPEN)]).await?;
        } else if progress.done {
            self.batches.finish(bot, id);
            self.tell_changed(Changed::BatchDone { bot, id });
        }
        slice.iter().for_each(|user| self.let_go_of_head(ChatKey::direct(bot, *user)));
        Ok(tried)
    }

    /// Sends to one person; `false` when it cannot be sent to this one.
    async fn send_one(self: &Arc<Self>, job: &Job, id: u64, user: u32) -> Result<bool> {
        if self.directory.resigned(user) {
            return Ok(false);
        }
        let command = Send {
            chat_id: self.seal.chat_id(ChatKey::direct(job.bot, user)),
            client_message_id: client_message_id(id, user),
            content: job.content.clone(),
            mentions: job.mentions.clone(),
            ..Send::default()
        };
        let sent = match self.send_origin(job.bot, command, Origin::Batch(id)).await {
            Ok(waiting) => waiting.await,
            Err(error) => Err(error),
        };
        outcome(sent.map(drop))
    }

    async fn recall_one(&self, bot: u32, id: u64, user: u32) -> Result<bool> {
        let key = ChatKey::direct(bot, user);
        let found = self.batch_messages(key, u64::MAX, limits::BATCHES_OF_A_DAY).await?.into_iter().find(|(_, batch)| *batch == id);
        match found {
            Some((seq, _)) => outcome(self.recall_at_any_age(bot, self.seal.message_id(key, seq)).await.map(drop)),
            None => Ok(false),
        }
    }

    /// The newest messages of a direct chat that were sent to many, up to a seq: seq, job.
    async fn batch_messages(&self, key: ChatKey, to_seq: u64, limit: usize) -> Result<Vec<(u64, u64)>> {
        let range = Range { backward: true, ..Range::between(tables::none(), tables::u64_key(to_seq), limit) };
        let rows = self.store.scan(Table::BatchMessages, tables::u64_key(key.0), range).await?;
        Ok(rows.iter().filter_map(|(row, value)| Some((tables::read_u64(row, 0)?, tables::read_u64(value, 0)?))).collect())
    }

    /// Notes that a person has read a direct chat up to a seq, for the counts of what a bot has sent to many.
    pub(super) async fn note_batch_reads(&self, key: ChatKey, user: u32, to_seq: u64) -> Result<()> {
        let bot = key.peer(user).filter(|peer| self.directory.kind(*peer) == protocol::person::PersonKind::Bot);
        if bot.is_none() {
            return Ok(());
        }
        for (_, id) in self.batch_messages(key, to_seq, limits::BATCHES_LOOKED_BACK).await? {
            match self.peers.home(id) {
                None => self.note_batch_read(id, user).await?,
                Some(home) => {
                    let read = Changed::BatchRead { id, user };
                    self.peers.tell(home, Kind::Changes, Encoding::Msgpack.encode(&read));
                }
            }
        }
        Ok(())
    }

    /// Notes that somebody has read what a job has sent.
    pub(super) async fn note_batch_read(&self, id: u64, user: u32) -> Result<()> {
        if !self.batches.reads.lock().contains_key(&id) {
            if self.batch_part(id, Part::Job).await?.is_none() {
                return Ok(());
            }
            let people = self.batch_part(id, Part::Reads).await?.map(|bytes| bitmap_of(&bytes)).unwrap_or_default();
            self.batches.reads.lock().entry(id).or_insert(Reads { people, dirty: false });
        }
        if let Some(reads) = self.batches.reads.lock().get_mut(&id)
            && reads.people.insert(user)
        {
            reads.dirty = true;
        }
        Ok(())
    }

    /// Writes down who has read what was sent to many. It goes before the receipts of the same moment, so that a crash
    /// between them loses nothing: clients repeat a receipt that was not kept.
    pub(super) async fn write_batch_reads(&self) {
        let dirty: Vec<(u64, Vec<u8>)> = {
            let mut reads = self.batches.reads.lock();
            let mut dirty = Vec::new();
            for (id, reads) in reads.iter_mut() {
                if std::mem::take(&mut reads.dirty) {
                    dirty.push((*id, bitmap_bytes(&reads.people)));
                }
            }
            if reads.len() > limits::BATCH_READS_IN_MEMORY {
                reads.retain(|_, reads| reads.dirty);
            }
            dirty
        };
        for (id, bytes) in dirty {
            let write = Write::Put(Table::Batches, tables::u64_key(id), Part::Reads.row(), bytes);
            if let Err(error) = self.store.write(vec![write]).await {
                tracing::warn!(%error, "who has read a message to many could not be written; it is tried again");
                if let Some(reads) = self.batches.reads.lock().get_mut(&id) {
                    reads.dirty = true;
                }
            }
        }
    }

    /// Forgets jobs of more than 30 days ago. The messages stay.
    pub(super) async fn sweep_batches(&self) -> Result<()> {
        let until = self.clock.now_ms().saturating_sub(limits::BATCH_AGE_MS) << COUNT_BITS;
        let range = Range::between(tables::none(), tables::u64_key(until), limits::SWEEP_MAX);
        let rows = self.store.scan(Table::BatchOrder, tables::none(), range).await?;
        let mut writes = Vec::with_capacity(6 * rows.len());
        for (row, value) in rows {
            if value.get(4) == Some(&DONE) {
                if let (Some(id), Some(bot)) = (tables::read_u64(&row, 0), tables::read_u32(&value, 0))
                    && let Some(again) = self.batch_job(bot, id).await.ok().and_then(|job| job.again)
                {
                    let (partition, again) = (tables::u32_key(bot), Key::from_slice(&again));
                    let made = self.store.get(Table::Dedupe, partition.clone(), again.clone()).await?;
                    // The uuid may have been used again after seven days: then the row leads to a later job.
                    if made.and_then(|made| tables::read_u64(&made, 8)) == Some(id) {
                        writes.push(Write::Delete(Table::Dedupe, partition, again));
                    }
                }
                writes.extend(Part::ALL.map(|part| Write::Delete(Table::Batches, row.clone(), part.row())));
                writes.push(Write::Delete(Table::BatchOrder, tables::none(), row));
            }
        }
        if writes.is_empty() { Ok(()) } else { self.store.write(writes).await }
    }
}

/// What can be tried again is an error; what cannot is a person who is not reached.
fn outcome(done: Result<()>) -> Result<bool> {
    match done {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.code, ErrorCode::Busy | ErrorCode::StorageUnavailable | ErrorCode::Draining) => Err(error),
        Err(error) => {
            tracing::debug!(%error, "a message to many does not reach one of them");
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attachment::Attachments;
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::directory::{Directory, PersonEntry};
    use crate::ids::Seal;
    use crate::log::SqliteLog;
    use crate::peers::Peers;
    use crate::store::SqliteStore;
    use protocol::content::Text;
    use protocol::person::PersonKind;

    const DAY_MS: i64 = 24 * 3_600_000;

    #[tokio::test]
    async fn a_uuid_is_known_for_a_week_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data: folder.path().to_owned(), ..Config::default() };
        let (sqlite, clock) = (SqliteStore::open(folder.path()).unwrap(), Clock::default());
        let (log, store) = (Arc::new(SqliteLog::open(sqlite.clone()).await.unwrap()), Arc::new(sqlite));
        let directory = Directory::load(store.clone()).await.unwrap();
        let (bot, person) = (PersonEntry::new("cli_1", "Bot", PersonKind::Bot), PersonEntry::new("1001", "Anna", PersonKind::Person));
        directory.upsert_people(vec![bot, person]).await.unwrap();
        let (bot, person) = (directory.index("cli_1").unwrap(), directory.index("1001").unwrap());
        let files = Arc::new(Attachments::open(&config, store.clone(), clock.clone()).await.unwrap());
        let chats = Chats::load(log, store.clone(), directory, files, Peers::alone(), Seal::new([7; 16]), clock.clone(), Arc::new(config))
            .await
            .unwrap();
        let batch = || NewBatch {
            people: [person].into_iter().collect(),
            content: Content::Text(Text { text: "hello".into() }),
            uuid: Some("once".into()),
            ..NewBatch::default()
        };

        let first = chats.send_batch(bot, batch()).await.unwrap();
        clock.turn(6 * DAY_MS);
        assert_eq!(chats.send_batch(bot, batch()).await.unwrap(), first);
        clock.turn(2 * DAY_MS);
        let second = chats.send_batch(bot, batch()).await.unwrap();
        assert_ne!(second, first, "a week later it is another message");
        for id in [first, second] {
            while chats.batches.open.lock().get(&bot).is_some_and(|ids| ids.contains(&id)) {
                chats.batch_slice(bot, id).await.unwrap();
            }
        }
        clock.turn(23 * DAY_MS);
        chats.sweep_batches().await.unwrap();
        assert_eq!(chats.send_batch(bot, batch()).await.map(|third| third > second), Ok(true), "the row of the later job may be old, too");
        clock.turn(31 * DAY_MS);
        let third = chats.batches.open.lock()[&bot][0];
        while chats.batches.open.lock().contains_key(&bot) {
            chats.batch_slice(bot, third).await.unwrap();
        }
        chats.sweep_batches().await.unwrap();
        for table in [Table::Batches, Table::BatchOrder] {
            assert!(store.all(table).await.unwrap().is_empty(), "{table:?}");
        }
        let left = store.scan(Table::Dedupe, tables::u32_key(bot), Range::first(10)).await.unwrap();
        assert_eq!(left.len(), 3, "only those of the three messages in the chat, which go with the log: {left:?}");
    }
}
