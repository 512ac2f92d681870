//! Sending where a chat is at home.
//!
//! Of the nodes of a cluster one is at home for each chat (`peers/home.rs`). Messages are placed there, whichever node their
//! senders are on: so nodes do not get in each other's way, and one head has the order. It is a shorter way and no lock: two
//! nodes that both believe that they are at home get one order too, by the log. What is asked of a node that has died, or does
//! not answer, is placed here; that the message may have been placed there is seen by its `client_message_id`.
//!
//! Messages of other nodes are placed by a few workers, which end with what they are given by; each answer is a task of its own.

use super::send::{Origin, Repeated};
use super::{ChatKey, Chats, Waiting};
use crate::error::{Error, Result};
use crate::limits;
use crate::log::Record;
use crate::metrics;
use crate::peers::{Ask, Asked, NodeId, Unanswered};
use dashmap::DashMap;
use protocol::codec::Encoding;
use protocol::command::Send;
use protocol::error::ErrorBody;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// How long the home node is waited for. A leader of the log that died is replaced within about five seconds, and the home waits
/// for that; so a node that is only slow is not overtaken.
const PLACED_WITHIN: Duration = Duration::from_secs(10);
/// The same when nothing at all was heard of the node meanwhile; then it is dead by `peers`, and that ends the question.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(1);
/// Workers that place messages for other nodes; those of one chat go by the same one, in their order.
const WORKERS: usize = 32;
/// Messages that wait for one of them.
const WORKER_WAITING_MAX: usize = 1_024;

/// What this node has sent to the homes of chats.
#[derive(Default)]
pub(super) struct Homes {
    /// The last message of a sender to a chat that is on its way: where to, and told when it is over.
    under_way: DashMap<(u32, ChatKey), UnderWay>,
    /// Who waits until this node has followed up to a record.
    followed: DashMap<(ChatKey, u64), Vec<oneshot::Sender<()>>>,
    number: AtomicU64,
}

struct UnderWay {
    number: u64,
    to: NodeId,
    over: watch::Receiver<bool>,
}

/// A message for the home of its chat.
#[derive(Serialize, Deserialize)]
struct Forwarded {
    sender: u32,
    send: Send,
    origin: Origin,
    /// How far this node had noted the chat's group of the log: its sender may know of everything until there.
    noted: u64,
}

/// What became of it.
#[derive(Serialize, Deserialize)]
enum Outcome {
    /// It stands.
    Placed {
        /// The record, encoded.
        record: Vec<u8>,
        /// By an earlier try.
        repeated: Repeated,
    },
    /// It was refused.
    Refused {
        /// Why.
        error: ErrorBody,
        /// The field that is wrong.
        field: Option<String>,
    },
    /// What the chat is made of cannot be read there.
    Unknown,
}

impl Chats {
    /// Sends a message by the home of its chat. When this returns, it is on its way, behind all that this sender had sent before.
    pub(super) async fn send_home(
        self: &Arc<Self>,
        home: NodeId,
        sender: u32,
        send: Send,
        origin: Origin,
    ) -> Result<Waiting<(Arc<Record>, Repeated)>> {
        let key = self.key(send.chat_id)?;
        let place = (sender, key);
        let before = self.homes.under_way.get(&place).map(|before| (before.to, before.over.clone()));
        let mut before = match before {
            // The home has moved: what goes to the new one must not overtake what goes to the old one.
            Some((to, mut over)) if to != home => {
                let _ = over.wait_for(|over| *over).await;
                None
            }
            before => before.map(|(_, over)| over),
        };
        let number = self.homes.number.fetch_add(1, Ordering::Relaxed);
        let (over, follows) = watch::channel(false);
        self.homes.under_way.insert(place, UnderWay { number, to: home, over: follows });
        let body = self.question(key, sender, &send, origin);
        let answer = self.peers.ask(home, Ask::Send, body, PLACED_WITHIN);
        let chats = self.clone();
        Ok(Box::pin(async move {
            let _over = Over { chats: chats.clone(), place, number, over };
            let answer = answer.await;
            let outcome = match &answer {
                Ok(_) => "answered",
                Err(Unanswered::Busy) => "busy",
                Err(Unanswered::Gone) => "gone",
                Err(Unanswered::Late) => "late",
            };
            metrics::FORWARDED.with_label_values(&[outcome]).inc();
            if outcome == "late" {
                tracing::warn!(node = %home, "the home of a chat did not answer in time; the message is placed here");
            }
            match answer {
                Ok(answer) => match chats.placed_at_home(key, &answer).await? {
                    Some(placed) => Ok(placed),
                    None => {
                        if let Some(before) = &mut before {
                            let _ = before.wait_for(|over| *over).await;
                        }
                        chats.place_beside(key, home, sender, send, origin).await
                    }
                },
                Err(Unanswered::Busy) => Err(Error::busy("the node on which this chat is at home has too much to do")),
                Err(Unanswered::Gone | Unanswered::Late) => {
                    // Those of the same sender have the same fate, and keep their order here.
                    if let Some(before) = &mut before {
                        let _ = before.wait_for(|over| *over).await;
                    }
                    chats.send_here(sender, send, origin).await?.await
                }
            }
        }))
    }

    /// A message, as another node is asked to place it.
    fn question(&self, key: ChatKey, sender: u32, send: &Send, origin: Origin) -> Vec<u8> {
        let noted = self.noted.of(self.log.group(key.0));
        Encoding::Msgpack.encode(&Forwarded { sender, send: send.clone(), origin, noted })
    }

    /// What the home says; none: it cannot open the chat.
    async fn placed_at_home(&self, key: ChatKey, answer: &[u8]) -> Result<Option<(Arc<Record>, Repeated)>> {
        let outcome: Outcome =
            Encoding::Msgpack.decode(answer).map_err(|_| Error::busy("the node on which this chat is at home speaks otherwise"))?;
        let (record, repeated) = match outcome {
            Outcome::Placed { record, repeated } => (record, repeated),
            Outcome::Refused { error, field } => return Err(Error::of_body(error, field)),
            Outcome::Unknown => return Ok(None),
        };
        let record = Record::decode(&record).map_err(|_| Error::busy("the node on which this chat is at home speaks otherwise"))?;
        // Whoever has sent it and reads the chat next finds it.
        self.followed(key, record.seq).await;
        Ok(Some((Arc::new(record), repeated)))
    }

    /// The store is away, and a node that has just become the home of a chat cannot open it. The one before, which is the next
    /// home, may have it in memory, or this one.
    async fn place_beside(
        self: &Arc<Self>,
        key: ChatKey,
        home: NodeId,
        sender: u32,
        send: Send,
        origin: Origin,
    ) -> Result<(Arc<Record>, Repeated)> {
        let next = self.peers.next_home(key.0).filter(|next| *next != home && *next != self.peers.me());
        if let Some(next) = next {
            let body = self.question(key, sender, &send, origin);
            if let Ok(answer) = self.peers.ask(next, Ask::Send, body, PLACED_WITHIN).await
                && let Some(placed) = self.placed_at_home(key, &answer).await?
            {
                return Ok(placed);
            }
        }
        self.send_here(sender, send, origin).await?.await
    }

    /// Was a message refused because the chat cannot be opened here now?
    pub(super) fn cannot_open(&self, key: ChatKey, error: &Error) -> bool {
        error.is_unavailable() && self.peers.any() && self.head_in_memory(key).is_none()
    }

    /// Waits until this node has followed a chat up to a record, where it has the chat's head in memory; else the head is
    /// loaded with it.
    async fn followed(&self, key: ChatKey, seq: u64) {
        let behind = || self.head_in_memory(key).is_some_and(|head| head.committed_seq.load(Ordering::Acquire) < seq);
        if !behind() {
            return;
        }
        let (told, followed) = oneshot::channel();
        self.homes.followed.entry((key, seq)).or_default().push(told);
        if behind() {
            let _ = tokio::time::timeout(FOLLOWED_WITHIN, followed).await;
        }
        self.homes.followed.remove(&(key, seq));
    }

    /// This node has followed a chat up to a record.
    pub(super) fn has_followed(&self, key: ChatKey, seq: u64) {
        if !self.homes.followed.is_empty()
            && let Some((_, waiting)) = self.homes.followed.remove(&(key, seq))
        {
            waiting.into_iter().for_each(|waiting| _ = waiting.send(()));
        }
    }

    /// Places messages for other nodes until told to stop.
    pub async fn follow_sends(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(mut asked) = self.peers.asked(Ask::Send) else { return };
        let workers: Vec<mpsc::Sender<(Asked, Forwarded, Instant)>> = (0..WORKERS)
            .map(|_| {
                let (sender, receiver) = mpsc::channel(WORKER_WAITING_MAX);
                tokio::spawn(self.clone().place_for_others(receiver));
                sender
            })
            .collect();
        loop {
            let asked = tokio::select! {
                asked = asked.recv() => match asked {
                    Some(asked) => asked,
                    None => return,
                },
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let forwarded = match Encoding::Msgpack.decode::<Forwarded>(&asked.body) {
                Ok(forwarded) => forwarded,
                Err(error) => {
                    tracing::warn!(%error, node = %asked.from, "a message of another node cannot be read");
                    continue;
                }
            };
            let chat = self.key(forwarded.send.chat_id).map_or(0, |key| key.0);
            let worker = &workers[(chat.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as usize % WORKERS];
            // One that does not fit is dropped, and its node is told that this one is busy.
            let _ = worker.try_send((asked, forwarded, Instant::now()));
        }
    }

    async fn place_for_others(self: Arc<Self>, mut waiting: mpsc::Receiver<(Asked, Forwarded, Instant)>) {
        while let Some((asked, forwarded, came)) = waiting.recv().await {
            let Forwarded { sender, send, origin, noted } = forwarded;
            self.know_what_the_sender_knows(sender, &send, noted, came).await;
            let chat_id = send.chat_id;
            let placed = self.send_here(sender, send, origin).await;
            let unknown = placed.as_ref().err().is_some_and(|error| self.key(chat_id).is_ok_and(|key| self.cannot_open(key, error)));
            tokio::spawn(async move {
                let outcome = match placed {
                    Ok(waiting) => waiting.await,
                    Err(error) => Err(error),
                };
                let outcome = match outcome {
                    Ok((record, repeated)) => Outcome::Placed { record: record.encode(), repeated },
                    Err(_) if unknown => Outcome::Unknown,
                    Err(error) => Outcome::Refused { error: error.body(), field: error.field },
                };
                asked.answer(Encoding::Msgpack.encode(&outcome));
            });
        }
    }

    /// The sender's node may have seen what this one has not: somebody new, or who has just become a member. Those that came
    /// while one before them waited have waited with it.
    async fn know_what_the_sender_knows(&self, sender: u32, send: &Send, noted: u64, came: Instant) {
        if self.directory.entry(sender).is_none() || send.mentions.iter().any(|user_id| self.directory.index(user_id).is_none()) {
            // What is not known then is refused, as it would be there.
            let _ = self.directory.catch_up().await;
        }
        let Ok(key) = self.key(send.chat_id) else { return };
        let group = self.log.group(key.0);
        while self.noted.of(group) < noted && came.elapsed() < FOLLOWED_WITHIN {
            tokio::time::sleep(Duration::from_millis(limits::FOLLOWED_LOOK_MS)).await;
        }
    }
}

/// The message is not on its way any more.
struct Over {
    chats: Arc<Chats>,
    place: (u32, ChatKey),
    number: u64,
    over: watch::Sender<bool>,
}

impl Drop for Over {
    fn drop(&mut self) {
        self.over.send_replace(true);
        self.chats.homes.under_way.remove_if(&self.place, |_, last| last.number == self.number);
    }
}
