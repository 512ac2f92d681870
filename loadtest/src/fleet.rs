//! Many clients in one thread: one table, one epoll, one read buffer, and the referee at every frame.
//!
//! A client costs about 200 bytes and its token, so that the harness does not measure itself. A fleet holds as many as
//! the process may open files. Its steps (`connect`, `hold`, `send`, `drain`, `gather`, `finish`) are called by a scenario, one
//! after the other; a step returns when its end is reached.

mod asking;
mod connecting;
mod grouping;
mod receiving;
mod returning;
mod sending;
mod slow;
mod surviving;
mod urging;
mod waiting;

use crate::check::{Faults, Standing, Truth};
use crate::dial::Stage;
use crate::latency::Latencies;
use crate::machine::{own_cpu_us, own_memory};
use crate::order::{Outcome, State};
use crate::progress::Progress;
use crate::readiness::{Readiness, Ready, now_ns};
use crate::wire::{Trust, Wire};
use protocol::command::Limits;
use protocol::ids::ChatId;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;

pub use grouping::OWNERS_AT_ONCE;
pub use sending::Pace;
pub use surviving::{Kept, Survival};
pub use urging::UrgentsSeen;
use waiting::{Wait, Waiting};

/// Someone who may sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// Staff number.
    pub user: Box<str>,
    /// Access token of this person's device.
    pub token: Box<str>,
}

/// Where the server is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    /// What stands in the `Host` header.
    pub host: String,
    /// Device of every identity's token.
    pub device: String,
    /// Those who have signed its certificate, as PEM; none: it speaks no TLS.
    pub ca: Option<String>,
}

impl Target {
    /// A node that was started here, without TLS.
    pub fn node(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), device: crate::people::DEVICE.to_owned(), ca: None }
    }
}

/// What the fleet has seen since the last `start_measuring`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Sends that were due.
    pub sent: u64,
    /// Sends that were acknowledged.
    pub acked: u64,
    /// Sends that were refused for now (busy, over a rate, storage).
    pub refused: u64,
    /// Messages that came to a session other than the sender's.
    pub delivered: u64,
    /// Messages that came to the sender's own session.
    pub echoes: u64,
    /// Event frames and reply frames.
    pub frames: u64,
    /// Bytes of the frames that carried messages, heads included.
    pub message_bytes: u64,
    /// Heartbeats answered.
    pub heartbeats: u64,
    /// `gap` events, each followed by a `sync`.
    pub gaps: u64,
    /// Chats of which a `sync` said that too much was missed: not judged.
    pub too_long: u64,
    /// Connections tried again because the server said "later".
    pub connect_retries: u64,
    /// Sessions that went on from their cursor.
    pub resumed: u64,
    /// Sessions that could not, because the server did not know any more what they had missed.
    pub not_resumed: u64,
    /// Pages that came.
    pub pages: u64,
    /// Events that told of somebody's presence.
    pub presence: u64,
}

impl Counts {
    /// What another agent has seen counts too.
    pub fn merge(&mut self, other: &Self) {
        let Self { sent, acked, refused, delivered, echoes, frames, message_bytes, heartbeats, gaps, too_long, .. } = *other;
        let Self { connect_retries, resumed, not_resumed, pages, presence, .. } = *other;
        self.resumed += resumed;
        self.not_resumed += not_resumed;
        self.pages += pages;
        self.presence += presence;
        self.sent += sent;
        self.acked += acked;
        self.refused += refused;
        self.delivered += delivered;
        self.echoes += echoes;
        self.frames += frames;
        self.message_bytes += message_bytes;
        self.heartbeats += heartbeats;
        self.gaps += gaps;
        self.too_long += too_long;
        self.connect_retries += connect_retries;
    }
}

/// What clients know of the whole run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Number of the first client's person; the others follow.
    pub first: u32,
    /// Tells messages of this run from those of others.
    pub mark: u32,
    /// Decides who sends when.
    pub seed: u64,
    /// Bytes of each text.
    pub text_bytes: usize,
    /// People whose clients have the same clock: the first, and the one after the last.
    pub clock: (u32, u32),
}

impl Run {
    /// A run of one fleet.
    pub fn alone(people: u32, seed: u64, text_bytes: usize) -> Self {
        Self { first: 0, mark: Self::new_mark(), seed, text_bytes, clock: (0, people) }
    }

    /// A mark that no other run has.
    pub fn new_mark() -> u32 {
        (now_ns() >> 8) as u32 ^ std::process::id()
    }
}

struct Client {
    socket: Option<Wire>,
    /// Which of the targets it goes to.
    node: u16,
    stage: Stage,
    attempts: u8,
    /// A `gap` was told; what is missing comes by `sync`.
    recovering: bool,
    /// Another `gap` came while it was recovering.
    gap_again: bool,
    /// It reads nothing for now.
    stalled: bool,
    /// It has stalled, or reads slowly: when messages come to it says nothing of the server.
    slow: bool,
    /// It reads no more than so many bytes a second.
    reads_slowly: bool,
    /// When its session ended unasked; 0 when it has one, or wants none.
    lost_ns: u64,
    /// When the last byte came, in ms since the fleet's start.
    heard_ms: u32,
    /// First of its seats.
    seats_from: u32,
    seats: u32,
    started_ns: u64,
    /// Start of a frame that has not come whole.
    carry: Vec<u8>,
    /// What the socket did not take.
    unsent: Vec<u8>,
    /// Where to `sync` from.
    cursor: Option<Box<str>>,
}

/// One client's place in one chat.
struct Seat {
    chat: u32,
    /// A `sync` said `too_long`: this place is not judged any more.
    excused: bool,
    standing: Standing,
}

struct Chat {
    /// Its number in the whole run.
    number: u32,
    id: ChatId,
    /// What is known of it, that of other agents too as far as they have told.
    truth: Truth,
    /// What these clients know by themselves.
    own: Truth,
    /// Clients in it, as indices.
    members: Vec<u32>,
    /// Those of them who are to send.
    senders: Vec<u32>,
    /// So many members that the last one counts by itself.
    great: bool,
    /// Urgents are raised in it.
    urgent: bool,
}

/// Many clients.
pub struct Fleet {
    targets: Vec<Target>,
    /// By target: how its certificate is checked.
    trusts: Vec<Option<Trust>>,
    identities: Vec<Identity>,
    clients: Vec<Client>,
    seats: Vec<Seat>,
    chats: Vec<Chat>,
    /// By chat: the sum of what its senders and those of the chats before send, of all that is sent.
    lots: Vec<f64>,
    chat_of: HashMap<ChatId, u32>,
    waiting: Vec<Waiting>,
    free: Vec<u32>,
    sends_waiting: u32,
    setups: Vec<Result<Vec<u8>, u16>>,
    readiness: Readiness,
    ready: Vec<Ready>,
    buffer: Vec<u8>,
    frame: Vec<u8>,
    retries: BinaryHeap<Reverse<(u64, u32)>>,
    rng: StdRng,
    run: Run,
    next_message: u32,
    /// Sends owed to keep as many in flight as asked.
    owed: u32,
    saturating: bool,
    started_ns: u64,
    measured_from_ns: u64,
    housekept_ns: u64,
    here: u32,
    connecting: u32,
    heartbeat_ms: u64,
    limits: Option<Limits>,
    server: String,
    counts: Counts,
    faults: Faults,
    complaints: Vec<String>,
    refusal_codes: HashMap<u16, u64>,
    send_to_ack: Latencies,
    send_to_receive: Latencies,
    sign_in: Latencies,
    /// Of messages in groups that are not great.
    small_send_to_receive: Latencies,
    /// From the end of a session until it has gone on without a hole.
    resumed: Latencies,
    paged: Latencies,
    /// From the welcome of somebody who came until a watcher was told.
    presence_told: Latencies,
    /// Sessions that end go on.
    returning: bool,
    /// Clients whose session ended and which are not back yet.
    away: u32,
    /// By client: when it came in last.
    came_ns: Vec<u64>,
    /// Clients by their person's id, while presence is watched.
    client_of: HashMap<Box<str>, u32>,
    /// By message to a great group: from its intended time until the last of these clients had it, in microseconds.
    last_had_it: HashMap<u64, u64>,
    urging: urging::Urging,
    slow_readers: slow::SlowReaders,
    progress: Progress,
    fatal: Option<String>,
    /// Nodes may die: clients keep what they wrote and go to another node.
    survival: Option<Survival>,
    surviving: bool,
    /// Clients whose connections ended while all were gone through.
    lost_meanwhile: Vec<u32>,
}

/// Faults put into words, at most.
const COMPLAINTS_MAX: usize = 20;
/// A group of so many members is great: the last of them who has a message counts by itself.
const GREAT: u32 = 1_000;
/// Messages of which the last is noted, at most.
const LAST_MAX: usize = 4_096;

impl Fleet {
    /// A fleet of clients that are not yet connected, spread evenly over the nodes of a server.
    pub fn new(targets: Vec<Target>, identities: Vec<Identity>, run: Run, progress: Progress) -> Result<Self, String> {
        let now = now_ns();
        let trust = |target: &Target| target.ca.as_deref().map(|ca| Trust::new(ca, &target.host)).transpose();
        let trusts = targets.iter().map(trust).collect::<Result<_, String>>()?;
        let clients = identities
            .iter()
            .enumerate()
            .map(|(at, _)| Client {
                socket: None,
                node: ((run.first as usize + at) % targets.len().max(1)) as u16,
                stage: Stage::Away,
                attempts: 0,
                recovering: false,
                gap_again: false,
                stalled: false,
                slow: false,
                reads_slowly: false,
                lost_ns: 0,
                heard_ms: 0,
                seats_from: 0,
                seats: 0,
                started_ns: 0,
                carry: Vec::new(),
                unsent: Vec::new(),
                cursor: None,
            })
            .collect();
        Ok(Self {
            targets,
            trusts,
            identities,
            clients,
            seats: Vec::new(),
            chats: Vec::new(),
            lots: Vec::new(),
            chat_of: HashMap::new(),
            waiting: Vec::new(),
            free: Vec::new(),
            sends_waiting: 0,
            setups: Vec::new(),
            readiness: Readiness::new().map_err(|error| format!("epoll is not to be had: {error}"))?,
            ready: Vec::new(),
            buffer: vec![0; READ_BYTES],
            frame: Vec::new(),
            retries: BinaryHeap::new(),
            rng: StdRng::seed_from_u64(run.seed ^ u64::from(run.first)),
            run,
            next_message: 0,
            owed: 0,
            saturating: false,
            started_ns: now,
            measured_from_ns: 0,
            housekept_ns: now,
            here: 0,
            connecting: 0,
            heartbeat_ms: 0,
            limits: None,
            server: String::new(),
            counts: Counts::default(),
            faults: Faults::default(),
            complaints: Vec::new(),
            refusal_codes: HashMap::new(),
            send_to_ack: Latencies::new(),
            send_to_receive: Latencies::new(),
            sign_in: Latencies::new(),
            small_send_to_receive: Latencies::new(),
            resumed: Latencies::new(),
            paged: Latencies::new(),
            presence_told: Latencies::new(),
            returning: false,
            away: 0,
            came_ns: Vec::new(),
            client_of: HashMap::new(),
            last_had_it: HashMap::new(),
            urging: urging::Urging::new(),
            slow_readers: slow::SlowReaders::default(),
            progress,
            fatal: None,
            survival: None,
            surviving: false,
            lost_meanwhile: Vec::new(),
        })
    }

    /// Stays connected for this long: heartbeats are answered, and what comes is checked.
    pub fn hold(&mut self, seconds: f64) -> Result<(), String> {
        let until = now_ns() + (seconds * 1e9) as u64;
        while now_ns() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    /// Forgets counts and latencies so far, not the faults: what follows is measured.
    pub fn start_measuring(&mut self) {
        self.counts = Counts::default();
        self.send_to_ack.reset();
        self.send_to_receive.reset();
        self.small_send_to_receive.reset();
        self.resumed.reset();
        self.paged.reset();
        self.presence_told.reset();
        self.last_had_it.clear();
        self.urging.start_measuring();
        self.measured_from_ns = now_ns();
    }

    /// How often each error number came.
    fn refusal_codes(&self) -> Vec<(u16, u64)> {
        let mut codes: Vec<_> = self.refusal_codes.iter().map(|(code, count)| (*code, *count)).collect();
        codes.sort_unstable();
        codes
    }

    /// Names what the progress line says.
    pub fn announce(&self, step: &str) {
        self.progress.step(step);
    }

    /// Judges what is missing, and tells everything. Call `drain` and `gather` before.
    pub fn finish(&mut self) -> Outcome {
        for at in 0..self.clients.len() {
            let client = &self.clients[at];
            if client.lost_ns > 0 {
                self.faults.dropped_sessions += 1;
                self.complain(format!("dropped: the session of {} ended, and has not gone on", self.identities[at].user));
                continue;
            }
            if client.stage != Stage::Here {
                continue;
            }
            let (from, count) = (client.seats_from as usize, client.seats as usize);
            for seat in from..from + count {
                if self.seats[seat].excused {
                    continue;
                }
                let chat = self.seats[seat].chat;
                let truth = self.chats[chat as usize].truth;
                let before = self.faults;
                let lost = self.seats[seat].standing.close(&truth, &mut self.faults);
                if lost > 0 {
                    let first = self.seats[seat].standing.first_missing(&truth);
                    let client = &self.clients[at];
                    let since_s = now_ns().saturating_sub(client.started_ns) as f64 / 1e9;
                    self.complain(format!(
                        "{lost} lost: {} lacks seq {first} (and {} more) of chat {chat}, whose last is {}; since {since_s:.0} s on node {}{}",
                        self.identities[at].user,
                        lost - 1,
                        truth.last_acked,
                        client.node,
                        if client.recovering { ", where its sync has no answer" } else { "" }
                    ));
                    self.complain(format!("the way of {}:{}", self.identities[at].user, self.trail(at)));
                } else if self.faults.altered > before.altered {
                    self.complain(format!(
                        "altered: {} has other messages in chat {chat} than were acknowledged",
                        self.identities[at].user
                    ));
                }
            }
        }
        Outcome {
            sessions: u64::from(self.here),
            counts: self.counts,
            faults: self.faults,
            complaints: std::mem::take(&mut self.complaints),
            refusal_codes: self.refusal_codes(),
            server: self.server.clone(),
            send_to_ack: self.send_to_ack.clone(),
            send_to_receive: self.send_to_receive.clone(),
            sign_in: self.sign_in.clone(),
            small_send_to_receive: self.small_send_to_receive.clone(),
            resumed: self.resumed.clone(),
            paged: self.paged.clone(),
            urgents: self.urging.seen.clone(),
            presence_told: self.presence_told.clone(),
            last_had_it: self.last_had_it.iter().map(|(message, latency_us)| (*message, *latency_us)).collect(),
        }
    }

    /// One turn of the loop: waits for sockets until `until_ns` at most, serves those that are ready, keeps house.
    fn turn(&mut self, until_ns: u64) -> Result<(), String> {
        let now = now_ns();
        let mut until = until_ns.min(now + HOUSEKEEPING_NS);
        if let Some(Reverse((at, _))) = self.retries.peek() {
            until = until.min(*at);
        }
        if let Some(next) = self.slow_readers.next() {
            until = until.min(next);
        }
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        let waited = self.readiness.wait(until.saturating_sub(now), &mut ready);
        for socket in &ready {
            let at = socket.token as u32;
            if socket.writable {
                self.write_on(at);
            }
            if socket.readable {
                self.read_from(at);
            }
        }
        self.ready = ready;
        waited.map_err(|error| format!("waiting for sockets failed: {error}"))?;
        let now = now_ns();
        self.read_slowly(now);
        self.survive(now);
        self.confirm_due(now);
        while self.retries.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            if let Some(Reverse((_, at))) = self.retries.pop() {
                self.try_now(at);
            }
        }
        if now - self.housekept_ns >= HOUSEKEEPING_NS {
            self.housekept_ns = now;
            self.keep_house(now);
        }
        match self.fatal.take() {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }

    /// Looks for sessions on which nothing is heard, and shows where things are.
    fn keep_house(&mut self, now: u64) {
        let now_ms = self.elapsed_ms(now);
        let surviving = self.survival.is_some();
        let grace_ms = if surviving { surviving::SILENCE_GRACE_MS } else { SILENCE_GRACE_MS };
        let sign_in_ns_max = if surviving { surviving::SIGN_IN_NS_MAX } else { SIGN_IN_NS_MAX };
        let silence_ms = (2 * self.heartbeat_ms + grace_ms) as u32;
        for at in 0..self.clients.len() {
            let client = &self.clients[at];
            if client.stalled {
                continue;
            }
            if client.stage == Stage::Here && self.heartbeat_ms > 0 && now_ms.saturating_sub(client.heard_ms) > silence_ms && surviving {
                self.move_on(at as u32, None);
            } else if client.stage == Stage::Here && self.heartbeat_ms > 0 && now_ms.saturating_sub(client.heard_ms) > silence_ms {
                self.faults.dropped_sessions += 1;
                self.complain(format!("silent: nothing came to {} for {silence_ms} ms, two heartbeats and more", self.identities[at].user));
                self.part(at as u32);
            } else if !matches!(client.stage, Stage::Here | Stage::Away) && now.saturating_sub(client.started_ns) > sign_in_ns_max {
                self.try_again(at as u32, None, "no welcome came within 20 s");
            }
        }
        self.progress.show(&self.state());
    }

    /// How things stand.
    pub fn state(&self) -> State {
        State {
            sessions: u64::from(self.here),
            sent: self.counts.sent,
            acked: self.counts.acked,
            delivered: self.counts.delivered,
            p99_us: self.send_to_receive.at(0.99),
            faults: self.faults.total(),
            cpu_us: own_cpu_us(),
            rss: own_memory(),
        }
    }

    fn elapsed_ms(&self, now: u64) -> u32 {
        ((now - self.started_ns) / 1_000_000) as u32
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(complaint);
        }
    }
}

const HOUSEKEEPING_NS: u64 = 250_000_000;
const READ_BYTES: usize = 256 << 10;
const SIGN_IN_NS_MAX: u64 = 20_000_000_000;
/// A busy machine may be late by this much before a session is called silent.
const SILENCE_GRACE_MS: u64 = 5_000;
