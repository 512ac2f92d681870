//! Fan-out to many: one worker a shard, in slices, chats in turn.
//!
//! A worker gives a slice of sessions of one chat's record its frame, then goes on with the next chat: an all-staff
//! message does not hold up another group for longer than a slice. Records of one chat stay in their order. What piles
//! up for one chat and the same members goes out together, in one write a session.

use super::progress::Progress;
use crate::ids::ChatKey;
use crate::limits;
use crate::metrics;
use crate::session::{EventFrame, Frame, Lane, Registry};
use dashmap::DashMap;
use protocol::codec::Encoding;
use roaring::RoaringBitmap;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;

/// A record for many.
pub struct BigJob {
    /// Of which chat.
    pub chat: ChatKey,
    /// Its place in the log.
    pub group: usize,
    /// Its offset there.
    pub offset: u64,
    /// What is told.
    pub event: Arc<EventFrame>,
    /// Whom.
    pub members: Arc<RoaringBitmap>,
    /// When it was committed, for the measurement.
    pub started: Instant,
}

struct Shared {
    job: BigJob,
    shards_left: AtomicUsize,
}

/// Hands jobs to the workers.
pub struct Fanout {
    shards: Vec<mpsc::Sender<Arc<Shared>>>,
    /// Jobs of a chat that are not done.
    open: Arc<DashMap<ChatKey, usize>>,
    progress: Arc<Progress>,
}

/// The work of one shard.
pub struct Worker {
    shard: usize,
    jobs: mpsc::Receiver<Arc<Shared>>,
    registry: Arc<Registry>,
    open: Arc<DashMap<ChatKey, usize>>,
    progress: Arc<Progress>,
    /// Chats that have jobs, in turn.
    turn: VecDeque<ChatKey>,
    waiting: HashMap<ChatKey, VecDeque<Running>>,
}

/// A job on its way through the sessions of a shard.
struct Running {
    job: Arc<Shared>,
    /// Who is still to be told; made when it begins.
    left: Option<RoaringBitmap>,
}

impl Fanout {
    /// As many workers as the registry has shards.
    pub fn new(registry: Arc<Registry>, progress: Arc<Progress>) -> (Self, Vec<Worker>) {
        let open = Arc::new(DashMap::new());
        let (shards, workers) = (0..registry.shard_count())
            .map(|shard| {
                let (sender, jobs) = mpsc::channel(limits::FANOUT_JOBS_WAITING);
                let worker = Worker {
                    shard,
                    jobs,
                    registry: registry.clone(),
                    open: open.clone(),
                    progress: progress.clone(),
                    turn: VecDeque::new(),
                    waiting: HashMap::new(),
                };
                (sender, worker)
            })
            .unzip();
        (Self { shards, open, progress }, workers)
    }

    /// Has this chat jobs that are not done?
    pub fn busy(&self, chat: ChatKey) -> bool {
        self.open.contains_key(&chat)
    }

    /// Hands a job to every shard. Waits when a shard has too many: the log then waits too.
    pub async fn submit(&self, job: BigJob) {
        *self.open.entry(job.chat).or_default() += 1;
        self.progress.begin(job.group, job.offset);
        let job = Arc::new(Shared { job, shards_left: AtomicUsize::new(self.shards.len()) });
        for shard in &self.shards {
            if shard.send(job.clone()).await.is_err() {
                tracing::debug!("a fan-out came after its worker had ended");
            }
        }
    }
}

impl Worker {
    /// Works until there is nobody to hand it jobs.
    pub async fn run(mut self) {
        loop {
            if self.turn.is_empty() {
                match self.jobs.recv().await {
                    Some(job) => self.take(job),
                    None => return,
                }
            }
            while let Ok(job) = self.jobs.try_recv() {
                self.take(job);
            }
            if let Some(chat) = self.turn.pop_front() {
                if self.slice(chat) {
                    self.turn.push_back(chat);
                } else {
                    self.waiting.remove(&chat);
                }
            }
            // Connections of this thread read and answer between two slices.
            tokio::task::yield_now().await;
        }
    }

    fn take(&mut self, job: Arc<Shared>) {
        let chat = job.job.chat;
        let waiting = self.waiting.entry(chat).or_default();
        if waiting.is_empty() {
            self.turn.push_back(chat);
        }
        waiting.push_back(Running { job, left: None });
    }

    /// One slice of a chat's first jobs. `true`: the chat has more to do.
    fn slice(&mut self, chat: ChatKey) -> bool {
        let Some(waiting) = self.waiting.get_mut(&chat) else { return false };
        let Some(first) = waiting.front_mut() else { return false };
        if first.left.is_none() {
            first.left = Some(self.registry.online_of(self.shard, &first.job.job.members));
            // Those behind it with the same members go along, from the start.
            let members = first.job.job.members.clone();
            let along = waiting
                .iter()
                .skip(1)
                .take_while(|running| Arc::ptr_eq(&running.job.job.members, &members))
                .count()
                .min(limits::FANOUT_FRAMES_TOGETHER - 1);
            let left = waiting[0].left.clone();
            for running in waiting.iter_mut().skip(1).take(along) {
                running.left = left.clone();
            }
        }
        let together = waiting.iter().take_while(|running| running.left.is_some()).count();
        let mut frames: [Vec<Frame>; 2] = Default::default();
        let Some(left) = waiting[0].left.take() else { return false };
        let mut rest = left;
        let mut handed = 0;
        let mut last = None;
        for user in rest.iter().take(limits::FANOUT_SLICE) {
            last = Some(user);
            self.registry.each_of(user, |session| {
                let of_encoding = &mut frames[usize::from(session.encoding == Encoding::Json)];
                if of_encoding.is_empty() {
                    of_encoding.extend(waiting.iter().take(together).map(|running| running.job.job.event.frame(session.encoding)));
                }
                session.write_all(Lane::Ordinary, of_encoding);
                handed += together as u64;
            });
        }
        metrics::DELIVERIES.inc_by(handed);
        if let Some(last) = last {
            rest.remove_range(..=last);
        }
        if !rest.is_empty() {
            waiting[0].left = Some(rest);
            return true;
        }
        for running in waiting.drain(..together) {
            finish(&running.job, &self.open, &self.progress);
        }
        !waiting.is_empty()
    }
}

fn finish(shared: &Shared, open: &DashMap<ChatKey, usize>, progress: &Progress) {
    if shared.shards_left.fetch_sub(1, Ordering::AcqRel) > 1 {
        return;
    }
    let job = &shared.job;
    progress.end(job.group, job.offset);
    metrics::FANOUT_SECONDS.observe(job.started.elapsed().as_secs_f64());
    if let Some(mut count) = open.get_mut(&job.chat) {
        *count -= 1;
    }
    open.remove_if(&job.chat, |_, count| *count == 0);
}
