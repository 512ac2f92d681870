//! The way to the other nodes: NATS without its streams. Four subscriptions a node, whatever is said over them.
//!
//! What waits for the same node goes in one message. A message to a node that nobody listens for any more comes back at
//! once; so a dead node is noticed by the first who says something to it, and questions to it have no answer from then on.
//!
//! Its two tasks, one that sends and one that receives, end with the process.

use super::alive::{Alive, Beat, NodeId};
use super::frame::{self, Ask, Frame, Kind};
use crate::metrics;
use async_nats::{Client, StatusCode, Subscriber};
use bytes::Bytes;
use dashmap::DashMap;
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// How often a node says that it is there.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Frames that may wait to be sent; what does not fit is dropped and counted. It is what a second of the busiest node brings.
const OUT_WAITING_MAX: usize = 65_536;
/// Frames of one kind that may wait for who takes them.
const IN_WAITING_MAX: usize = 32_768;
/// Frames that are put together at once.
const TOGETHER_MAX: usize = 1_024;
/// Bytes of one message, about; servers take a megabyte by default.
const MESSAGE_BYTES: usize = 256 << 10;
/// Questions that may be without an answer; each holds a message of a client.
const QUESTIONS_MAX: usize = 65_536;

/// How a node is known to the others.
#[derive(Debug, Clone)]
pub struct PeerSettings {
    /// Subjects begin with this, those of the log too.
    pub prefix: String,
    /// This node's name, the same after a restart; empty: a new one each time.
    pub name: String,
}

/// Something that another node has told.
#[derive(Debug)]
pub struct Told {
    /// Which node.
    pub from: NodeId,
    /// What.
    pub body: Bytes,
}

/// Something that another node asks. Without an answer it is told that this node is busy.
pub struct Asked {
    /// Which node.
    pub from: NodeId,
    /// What.
    pub body: Bytes,
    number: u64,
    out: Option<mpsc::Sender<Outgoing>>,
}

/// Why a question has no answer. Whether it was heard is not known, but for `Busy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// The node is gone.
    Gone,
    /// It has not answered in time.
    Late,
    /// It cannot take the question now.
    Busy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum To {
    All,
    One(NodeId),
}

struct Outgoing(To, Frame);

type Answered = oneshot::Sender<Result<Bytes, Unanswered>>;

struct Shared {
    client: Client,
    prefix: String,
    alive: Arc<Alive>,
    out: mpsc::Sender<Outgoing>,
    questions: DashMap<u64, (NodeId, Answered)>,
    number: AtomicU64,
    told: HashMap<Kind, mpsc::Sender<Told>>,
    asked: HashMap<Ask, mpsc::Sender<Asked>>,
    beat: Notify,
}

/// The connection of one node with the others.
pub(super) struct Link {
    shared: Arc<Shared>,
    told: Mutex<HashMap<Kind, mpsc::Receiver<Told>>>,
    asked: Mutex<HashMap<Ask, mpsc::Receiver<Asked>>>,
}

/// A question that is on its way.
pub(super) struct Waiting {
    number: u64,
    answer: oneshot::Receiver<Result<Bytes, Unanswered>>,
    shared: Arc<Shared>,
}

fn queues<K: Copy + Eq + Hash, T>(kinds: &[K]) -> (HashMap<K, mpsc::Sender<T>>, HashMap<K, mpsc::Receiver<T>>) {
    kinds
        .iter()
        .map(|kind| {
            let (sender, receiver) = mpsc::channel(IN_WAITING_MAX);
            ((*kind, sender), (*kind, receiver))
        })
        .unzip()
}

impl Link {
    pub async fn open(client: Client, settings: PeerSettings, alive: Arc<Alive>) -> Result<Self, String> {
        let (out, outgoing) = mpsc::channel(OUT_WAITING_MAX);
        let (told, told_receivers) = queues(&Kind::ALL);
        let (asked, asked_receivers) = queues(&Ask::ALL);
        let shared = Arc::new(Shared {
            client,
            prefix: settings.prefix,
            alive,
            out,
            questions: DashMap::new(),
            number: AtomicU64::new(1),
            told,
            asked,
            beat: Notify::new(),
        });
        let me = shared.alive.me;
        let [beats, all, own, nobody] = [shared.beats(), shared.to(To::All), shared.to(To::One(me)), format!("{}.*", shared.nobody(me))];
        let listen = async |subject: String| {
            shared.client.subscribe(subject).await.map_err(|error| format!("the other nodes cannot be listened to: {error}"))
        };
        let subscribers = [listen(beats).await?, listen(all).await?, listen(own).await?, listen(nobody).await?];
        tokio::spawn(shared.clone().send(outgoing));
        tokio::spawn(shared.clone().receive(subscribers));
        Ok(Self { shared, told: Mutex::new(told_receivers), asked: Mutex::new(asked_receivers) })
    }

    pub fn told(&self, kind: Kind) -> Option<mpsc::Receiver<Told>> {
        self.told.lock().remove(&kind)
    }

    pub fn asked(&self, kind: Ask) -> Option<mpsc::Receiver<Asked>> {
        self.asked.lock().remove(&kind)
    }

    pub fn tell_all(&self, kind: Kind, body: Vec<u8>) {
        self.shared.put(To::All, Frame::Told { kind, body: body.into() });
    }

    pub fn tell(&self, node: NodeId, kind: Kind, body: Vec<u8>) {
        self.shared.put(To::One(node), Frame::Told { kind, body: body.into() });
    }

    pub fn ask(&self, node: NodeId, kind: Ask, body: Vec<u8>) -> Waiting {
        let number = self.shared.number.fetch_add(1, Ordering::Relaxed);
        let (answered, answer) = oneshot::channel();
        if self.shared.questions.len() < QUESTIONS_MAX {
            self.shared.questions.insert(number, (node, answered));
            if !self.shared.put(To::One(node), Frame::Asked { kind, number, body: body.into() }) {
                self.shared.answered(number, Err(Unanswered::Busy));
            }
        } else {
            let _ = answered.send(Err(Unanswered::Busy));
        }
        Waiting { number, answer, shared: self.shared.clone() }
    }

    pub fn beat_now(&self) {
        self.shared.beat.notify_one();
    }

    pub async fn run(&self, sessions: impl Fn() -> u64 + Send, mut stop: watch::Receiver<bool>) {
        let shared = &self.shared;
        loop {
            shared.say(sessions(), false).await;
            shared.alive.look();
            shared.let_go_of_questions();
            tokio::select! {
                () = tokio::time::sleep(BEAT_EVERY) => {}
                () = shared.beat.notified() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        shared.say(0, true).await;
        // The others hear it before the connection ends.
        let _ = tokio::time::timeout(Duration::from_millis(500), shared.client.flush()).await;
    }
}

impl Waiting {
    pub async fn within(mut self, within: Duration) -> Result<Bytes, Unanswered> {
        match tokio::time::timeout(within, &mut self.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Unanswered::Gone),
            Err(_) => Err(Unanswered::Late),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.questions.remove(&self.number);
    }
}

impl Asked {
    /// Answers it.
    pub fn answer(mut self, body: Vec<u8>) {
        self.reply(Frame::Answer { number: self.number, body: body.into() });
    }

    fn reply(&mut self, frame: Frame) {
        if let Some(out) = self.out.take()
            && out.try_send(Outgoing(To::One(self.from), frame)).is_err()
        {
            metrics::PEERS_DROPPED.inc();
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.reply(Frame::Busy { number: self.number });
    }
}

impl Shared {
    fn beats(&self) -> String {
        format!("{}.nodes.beat", self.prefix)
    }

    fn to(&self, to: To) -> String {
        match to {
            To::All => format!("{}.nodes.all", self.prefix),
            To::One(node) => format!("{}.node.{node}", self.prefix),
        }
    }

    /// Where it is said that nobody listens for a node.
    fn nobody(&self, asking: NodeId) -> String {
        format!("{}.nobody.{asking}", self.prefix)
    }

    fn put(&self, to: To, frame: Frame) -> bool {
        let put = self.out.try_send(Outgoing(to, frame)).is_ok();
        if !put {
            metrics::PEERS_DROPPED.inc();
        }
        put
    }

    async fn say(&self, sessions: u64, gone: bool) {
        let beat = Beat { id: self.alive.me, name: self.alive.name.clone(), sessions, leaving: self.alive.leaving(), gone };
        let body = serde_json::to_vec(&beat).expect("a beat is plain data");
        if let Err(error) = self.client.publish(self.beats(), body.into()).await {
            tracing::debug!(%error, "the other nodes cannot be told that this one is there");
        }
    }

    async fn send(self: Arc<Self>, mut outgoing: mpsc::Receiver<Outgoing>) {
        let mut together = Vec::with_capacity(TOGETHER_MAX);
        while outgoing.recv_many(&mut together, TOGETHER_MAX).await > 0 {
            let mut messages: Vec<(To, Vec<u8>)> = Vec::new();
            for Outgoing(to, frame) in together.drain(..) {
                // The newest message to a node is the one that goes on; there are few nodes.
                let open = messages.iter_mut().rev().find(|(other, _)| *other == to);
                match open.filter(|(_, message)| message.len() + frame.size() <= MESSAGE_BYTES) {
                    Some((_, message)) => frame.write(message),
                    None => {
                        let mut message = frame::begin(self.alive.me);
                        frame.write(&mut message);
                        messages.push((to, message));
                    }
                }
            }
            for (to, message) in messages {
                metrics::PEERS_BYTES.inc_by(message.len() as u64);
                let (subject, message) = (self.to(to), Bytes::from(message));
                let published = match to {
                    To::All => self.client.publish(subject, message).await,
                    To::One(node) => {
                        let nobody = format!("{}.{node}", self.nobody(self.alive.me));
                        self.client.publish_with_reply(subject, nobody, message).await
                    }
                };
                if let Err(error) = published {
                    tracing::debug!(%error, "a node could not be told something");
                }
            }
        }
    }

    async fn receive(self: Arc<Self>, subscribers: [Subscriber; 4]) {
        let [mut beats, mut all, mut own, mut nobody] = subscribers;
        loop {
            tokio::select! {
                Some(message) = beats.next() => self.beat(&message.payload),
                Some(message) = nobody.next() => self.nobody_there(&message),
                Some(message) = own.next() => self.take(message.payload),
                Some(message) = all.next() => self.take(message.payload),
                else => return,
            }
        }
    }

    fn beat(&self, payload: &[u8]) {
        let Ok(beat) = serde_json::from_slice::<Beat>(payload) else { return };
        let known = self.alive.others().iter().any(|peer| peer.id == beat.id);
        let other = beat.id != self.alive.me;
        self.alive.heard(beat);
        if other && !known {
            // So that a new node does not wait for a second to know of this one.
            self.beat.notify_one();
        }
    }

    fn nobody_there(&self, message: &async_nats::Message) {
        if message.status != Some(StatusCode::NO_RESPONDERS) {
            return;
        }
        let node = message.subject.rsplit('.').next().and_then(|node| u64::from_str_radix(node, 16).ok());
        if let Some(node) = node.map(NodeId) {
            self.alive.went(node);
            self.nothing_from(|other| other == node);
        }
    }

    fn take(&self, message: Bytes) {
        let Some((from, frames)) = frame::read(message) else { return };
        if from == self.alive.me {
            return;
        }
        for frame in frames {
            match frame {
                Frame::Told { kind, body } => {
                    if self.told.get(&kind).is_none_or(|takes| takes.try_send(Told { from, body }).is_err()) {
                        metrics::PEERS_DROPPED.inc();
                    }
                }
                Frame::Asked { kind, number, body } => {
                    let asked = Asked { from, body, number, out: Some(self.out.clone()) };
                    // One that does not fit is dropped, and that is an answer.
                    let _ = self.asked.get(&kind).map(|takes| takes.try_send(asked));
                }
                Frame::Answer { number, body } => self.answered(number, Ok(body)),
                Frame::Busy { number } => self.answered(number, Err(Unanswered::Busy)),
            }
        }
    }

    fn answered(&self, number: u64, answer: Result<Bytes, Unanswered>) {
        if let Some((_, (_, waiting))) = self.questions.remove(&number) {
            let _ = waiting.send(answer);
        }
    }

    /// Questions to these nodes have no answer.
    fn nothing_from(&self, nodes: impl Fn(NodeId) -> bool) {
        let numbers: Vec<u64> = self.questions.iter().filter(|question| nodes(question.0)).map(|question| *question.key()).collect();
        numbers.into_iter().for_each(|number| self.answered(number, Err(Unanswered::Gone)));
    }

    fn let_go_of_questions(&self) {
        let others = self.alive.others();
        self.nothing_from(|node| !others.iter().any(|peer| peer.id == node));
    }
}
