//! Clients of a peer in one thread: they connect, join rooms, send at a rate or as fast as is acknowledged, and count what comes.

use crate::arrivals::Arrivals;
use crate::dial::{self, Stage};
use crate::fleet::Pace;
use crate::latency::{Latencies, Percentiles};
use crate::machine::{MachineSample, own_cpu_us, sample_process};
use crate::readiness::{Readiness, Ready, now_ns};
use crate::scenario::Scenario;
use crate::websocket::{self, Opcode};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;

/// How clients of a peer talk.
pub trait Dialect {
    /// Path of the upgrade.
    fn path(&self) -> &'static str;
    /// `Sec-WebSocket-Protocol`.
    fn subprotocol(&self) -> &'static str;
    /// What a client says first, after the upgrade.
    fn greet(&self, client: &Client, out: &mut Frames);
    /// Takes what has come, a stream whatever frames it came in, and leaves what is not whole. Returns whether it could be read.
    fn take(&self, client: &Client, stream: &mut Vec<u8>, out: &mut Frames, seen: &mut Vec<Seen>) -> bool;
    /// Says something in a room, under an id that the acknowledgement names.
    fn publish(&self, client: &Client, room: u32, id: u16, text: &[u8], out: &mut Frames);
    /// A message comes to its sender too, and that is its acknowledgement.
    fn echo_acknowledges(&self) -> bool {
        false
    }
}

/// What a client has understood.
pub enum Seen {
    /// It has joined its rooms.
    Here,
    /// The send with this id is acknowledged.
    Acknowledged(u16),
    /// A message, as it was sent.
    Message(Vec<u8>),
}

/// Frames on their way to the server, masked.
#[derive(Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// Adds a frame of text.
    pub fn text(&mut self, text: &str) {
        websocket::append_frame(&mut self.0, Opcode::Text, text.as_bytes(), Some([3, 1, 4, 1]));
    }

    /// Adds a frame of bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        websocket::append_frame(&mut self.0, Opcode::Binary, bytes, Some([3, 1, 4, 1]));
    }
}

/// One client.
pub struct Client {
    /// Its number.
    pub number: u32,
    /// Its rooms.
    pub rooms: Vec<u32>,
    socket: Option<TcpStream>,
    stage: Stage,
    carry: Vec<u8>,
    stream: Vec<u8>,
    unsent: Vec<u8>,
    waiting: HashMap<u16, u64>,
    next_id: u16,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Found {
    /// Acknowledged sends a second.
    pub acked_per_second: f64,
    /// Deliveries a second, those to the sender not counted.
    pub delivered_per_second: f64,
    /// Deliveries that did not come.
    pub missing: i64,
    /// From the intended time of a send to its acknowledgement.
    pub send_to_ack_us: Percentiles,
    /// From the intended time of a send to its arrival at another member.
    pub send_to_receive_us: Percentiles,
    /// CPU time of the peer for each send and each delivery, in microseconds.
    pub cpu_us: (f64, f64),
    /// CPU time of the peer for each client that came in and joined its rooms.
    pub sign_in_cpu_us: f64,
    /// Growth of the peer's resident memory for each client.
    pub bytes_per_session: i64,
    /// Cores that were idle.
    pub idle_cores: f64,
    /// CPU time of the clients for each message.
    pub client_cpu_us: f64,
}

/// Clients that are under way at once.
const CONNECTING_MAX: usize = 64;
const SIGN_IN_NS_MAX: u64 = 300_000_000_000;
const QUIET_SECONDS: f64 = 3.0;
const READ_BYTES: usize = 64 << 10;

/// All clients of a run.
pub struct Clients<'a> {
    dialect: &'a dyn Dialect,
    address: SocketAddr,
    clients: Vec<Client>,
    /// Those who connect.
    online: Vec<u32>,
    /// Of each room those of them who are in it.
    rooms: Vec<Vec<u32>>,
    lots: Vec<f64>,
    readiness: Readiness,
    rng: StdRng,
    text_bytes: usize,
    here: usize,
    connecting: usize,
    in_flight: u32,
    ready: Vec<Ready>,
    buffer: Vec<u8>,
    measured_from_ns: u64,
    expected: u64,
    acked: u64,
    delivered: u64,
    received: u64,
    send_to_ack: Latencies,
    send_to_receive: Latencies,
}

impl<'a> Clients<'a> {
    /// Clients that are not connected, in the rooms of a scenario.
    pub fn new(dialect: &'a dyn Dialect, address: SocketAddr, scenario: &Scenario) -> Result<Self, String> {
        let lists = scenario.member_lists()?;
        // Who stays away is in no room: none of the peers keeps who belongs to one.
        let online = scenario.online_people(&lists);
        let there = |list: &Vec<u32>| list.iter().copied().filter(|person| online.binary_search(person).is_ok()).collect();
        let rooms: Vec<Vec<u32>> = lists.iter().map(there).collect();
        let mut clients: Vec<Client> = (0..scenario.people).map(Client::new).collect();
        for (room, members) in rooms.iter().enumerate() {
            members.iter().for_each(|member| clients[*member as usize].rooms.push(room as u32));
        }
        let mut sum = 0.0;
        let lots = scenario.group_weights().into_iter().map(|weight| {
            sum += weight;
            sum
        });
        Ok(Self {
            dialect,
            address,
            clients,
            online,
            lots: lots.collect(),
            rooms,
            readiness: Readiness::new().map_err(|error| format!("epoll is not to be had: {error}"))?,
            rng: StdRng::seed_from_u64(scenario.seed),
            text_bytes: scenario.text_bytes.max(TEXT_BYTES_MIN),
            here: 0,
            connecting: 0,
            in_flight: 0,
            ready: Vec::new(),
            buffer: vec![0; READ_BYTES],
            measured_from_ns: 0,
            expected: 0,
            acked: 0,
            delivered: 0,
            received: 0,
            send_to_ack: Latencies::new(),
            send_to_receive: Latencies::new(),
        })
    }

    /// Goes through the scenario once.
    pub fn measure(mut self, pid: u32, scenario: &Scenario, say: &dyn Fn(&str)) -> Result<Found, String> {
        let pace =
            scenario.pace().ok_or("a peer is measured while messages are sent: take a scenario with a rate, or one that saturates")?;
        // A server that listens may still be starting.
        say("quiet before");
        self.turn_until(now_ns() + (QUIET_SECONDS * 1e9) as u64)?;
        let before = sample_process(pid)?;
        say("coming in");
        self.connect()?;
        say("quiet");
        self.turn_until(now_ns() + (QUIET_SECONDS * 1e9) as u64)?;
        let after = sample_process(pid)?;
        say("warming up");
        self.send(pace, scenario.warmup_seconds)?;
        self.settle(scenario.settle_seconds)?;
        say("measuring");
        (self.expected, self.acked, self.delivered, self.received) = (0, 0, 0, 0);
        self.send_to_ack.reset();
        self.send_to_receive.reset();
        self.measured_from_ns = now_ns();
        let (from, own, machine) = (sample_process(pid)?, own_cpu_us(), MachineSample::now());
        self.send(pace, scenario.seconds)?;
        let idle_cores = MachineSample::now().idle_cores_since(&machine);
        self.settle(scenario.settle_seconds)?;
        let cpu_us = (sample_process(pid)?.cpu_us - from.cpu_us) as f64;
        let seconds = (now_ns() - self.measured_from_ns) as f64 / 1e9;
        let people = self.online.len().max(1) as i64;
        let each = |sum: f64, count: u64| if count > 0 { sum / count as f64 } else { 0.0 };
        Ok(Found {
            acked_per_second: self.acked as f64 / seconds,
            delivered_per_second: self.delivered as f64 / seconds,
            missing: self.expected as i64 - self.delivered as i64,
            send_to_ack_us: self.send_to_ack.percentiles(),
            send_to_receive_us: self.send_to_receive.percentiles(),
            cpu_us: (each(cpu_us, self.acked), each(cpu_us, self.delivered)),
            sign_in_cpu_us: (after.cpu_us - before.cpu_us) as f64 / people as f64,
            bytes_per_session: (after.rss as i64 - before.rss as i64) / people,
            idle_cores,
            client_cpu_us: (own_cpu_us() - own) as f64 / self.received.max(1) as f64,
        })
    }

    fn connect(&mut self) -> Result<(), String> {
        let until = now_ns() + SIGN_IN_NS_MAX;
        let mut begun = 0;
        while self.here < self.online.len() {
            while begun < self.online.len() && self.connecting < CONNECTING_MAX {
                let at = self.online[begun] as usize;
                let socket = dial::begin(self.address, at as u32).map_err(|error| format!("a client cannot connect: {error}"))?;
                self.readiness.add(socket.as_raw_fd(), at as u64, true).map_err(|error| format!("a socket cannot be watched: {error}"))?;
                self.clients[at].socket = Some(socket);
                self.clients[at].stage = Stage::Connecting;
                self.connecting += 1;
                begun += 1;
            }
            if now_ns() > until {
                return Err(format!("{} of {} clients came in within five minutes", self.here, self.online.len()));
            }
            self.turn(now_ns() + 5_000_000)?;
        }
        Ok(())
    }

    fn send(&mut self, pace: Pace, seconds: f64) -> Result<(), String> {
        let start = now_ns();
        let until = start + (seconds * 1e9) as u64;
        let (rate, in_flight) = match pace {
            Pace::PerSecond(rate) => (rate, 0),
            Pace::InFlight(count) => (0.0, count),
        };
        let mut arrivals = Arrivals::new(rate, start, until, self.rng.random());
        while now_ns() < until {
            while let Some(intended) = arrivals.take(now_ns()) {
                self.send_one(intended);
            }
            while self.in_flight < in_flight {
                self.send_one(now_ns());
            }
            self.turn(arrivals.peek().unwrap_or(until))?;
        }
        Ok(())
    }

    fn send_one(&mut self, intended_ns: u64) {
        let lot = self.rng.random_range(0.0..1.0);
        let room = self.lots.partition_point(|upto| *upto <= lot).min(self.rooms.len() - 1);
        let members = &self.rooms[room];
        let at = members[self.rng.random_range(0..members.len())];
        self.expected += members.len() as u64 - 1;
        self.in_flight += 1;
        let client = &mut self.clients[at as usize];
        client.next_id = client.next_id % 60_000 + 1;
        let id = client.next_id;
        client.waiting.insert(id, intended_ns);
        let mut text = format!("{intended_ns:016x}{at:08x}{id:04x}").into_bytes();
        text.resize(self.text_bytes, b'x');
        let mut out = Frames::default();
        self.dialect.publish(&self.clients[at as usize], room as u32, id, &text, &mut out);
        self.write(at as usize, &out.0);
    }

    /// Waits until everything is acknowledged and has come, or this long.
    fn settle(&mut self, seconds: f64) -> Result<(), String> {
        let until = now_ns() + (seconds * 1e9) as u64;
        while (self.in_flight > 0 || self.delivered < self.expected) && now_ns() < until {
            self.turn(until.min(now_ns() + 20_000_000))?;
        }
        Ok(())
    }

    fn turn_until(&mut self, until: u64) -> Result<(), String> {
        while now_ns() < until {
            self.turn(until)?;
        }
        Ok(())
    }

    fn turn(&mut self, until: u64) -> Result<(), String> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        self.readiness.wait(until.saturating_sub(now_ns()), &mut ready).map_err(|error| format!("waiting for sockets failed: {error}"))?;
        for socket in &ready {
            let at = socket.token as usize;
            if socket.writable {
                self.write_on(at)?;
            }
            if socket.readable {
                self.read(at)?;
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn write_on(&mut self, at: usize) -> Result<(), String> {
        let client = &mut self.clients[at];
        let Some(socket) = &client.socket else { return Ok(()) };
        if client.stage == Stage::Connecting {
            if let Ok(Some(error)) = socket.take_error() {
                return Err(format!("a client cannot connect: {error}"));
            }
            client.stage = Stage::Upgrading;
            let key = websocket::upgrade_key([client.number as u8; 16]);
            let request = websocket::upgrade_request(&self.address.to_string(), self.dialect.path(), &key, self.dialect.subprotocol());
            self.watch(at, false);
            self.write(at, request.as_bytes());
            return Ok(());
        }
        let unsent = std::mem::take(&mut client.unsent);
        self.watch(at, false);
        self.write(at, &unsent);
        Ok(())
    }

    fn watch(&self, at: usize, write: bool) {
        if let Some(socket) = &self.clients[at].socket {
            // A socket that is gone is told when it is read.
            let _ = self.readiness.change(socket.as_raw_fd(), at as u64, write);
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let client = &mut self.clients[at];
        let Some(socket) = &client.socket else { return };
        let written = if client.unsent.is_empty() { (&*socket).write(bytes).unwrap_or(0) } else { 0 };
        if written < bytes.len() {
            client.unsent.extend_from_slice(&bytes[written..]);
            self.watch(at, true);
        }
    }

    fn read(&mut self, at: usize) -> Result<(), String> {
        let Some(socket) = &self.clients[at].socket else { return Ok(()) };
        match (&*socket).read(&mut self.buffer) {
            Ok(0) => Err(format!("the peer ended the connection of client {at}, {:?}", self.clients[at].stage)),
            Ok(length) => {
                let mut bytes = std::mem::take(&mut self.clients[at].carry);
                bytes.extend_from_slice(&self.buffer[..length]);
                self.frames(at, bytes)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(error) => Err(format!("client {at} cannot read: {error}")),
        }
    }

    fn frames(&mut self, at: usize, bytes: Vec<u8>) -> Result<(), String> {
        let mut from = 0;
        let mut out = Frames::default();
        if self.clients[at].stage == Stage::Upgrading {
            let Some(length) = websocket::head_length(&bytes) else {
                self.clients[at].carry = bytes;
                return Ok(());
            };
            let head = String::from_utf8_lossy(&bytes[..length]);
            if head.split(' ').nth(1) != Some("101") {
                return Err(format!("the upgrade was refused: {}", head.lines().next().unwrap_or("")));
            }
            self.clients[at].stage = Stage::Greeting;
            self.dialect.greet(&self.clients[at], &mut out);
            from = length;
        }
        let mut stream = std::mem::take(&mut self.clients[at].stream);
        while from < bytes.len() {
            match websocket::frame_at(&bytes[from..]) {
                Ok(Some(frame)) => {
                    let payload = &bytes[from + frame.payload_at..from + frame.end];
                    match frame.opcode {
                        Opcode::Text | Opcode::Binary => stream.extend_from_slice(payload),
                        Opcode::Ping => websocket::append_frame(&mut out.0, Opcode::Pong, payload, Some([1, 2, 3, 4])),
                        Opcode::Pong => {}
                        Opcode::Close => return Err(format!("the peer closed the connection of client {at}")),
                    }
                    if frame.opcode == Opcode::Text {
                        stream.push(TEXT_ENDS);
                    }
                    from += frame.end;
                }
                Ok(None) => break,
                Err(bad) => return Err(format!("a frame of the peer cannot be read: {}", bad.0)),
            }
        }
        self.clients[at].carry = bytes[from..].to_vec();
        let mut seen = Vec::new();
        if !self.dialect.take(&self.clients[at], &mut stream, &mut out, &mut seen) {
            return Err(format!(
                "what the peer said to client {at} is not understood: {}",
                String::from_utf8_lossy(&stream[..stream.len().min(200)])
            ));
        }
        self.clients[at].stream = stream;
        if !out.0.is_empty() {
            self.write(at, &out.0);
        }
        let now = now_ns();
        seen.into_iter().for_each(|seen| self.note(at, seen, now));
        Ok(())
    }

    fn note(&mut self, at: usize, seen: Seen, now: u64) {
        match seen {
            Seen::Here if self.clients[at].stage == Stage::Greeting => {
                self.clients[at].stage = Stage::Here;
                self.here += 1;
                self.connecting -= 1;
            }
            Seen::Here => {}
            Seen::Acknowledged(id) => self.acknowledged(at, id, now),
            Seen::Message(text) => {
                self.received += 1;
                let field = |from: usize, to: usize| {
                    text.get(from..to)
                        .and_then(|digits| std::str::from_utf8(digits).ok())
                        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                };
                let (Some(intended_ns), Some(sender), Some(id)) = (field(0, 16), field(16, 24), field(24, 28)) else { return };
                if sender == at as u64 {
                    if self.dialect.echo_acknowledges() {
                        self.acknowledged(at, id as u16, now);
                    }
                } else if intended_ns >= self.measured_from_ns {
                    self.delivered += 1;
                    self.send_to_receive.record_ns(now.saturating_sub(intended_ns));
                }
            }
        }
    }

    fn acknowledged(&mut self, at: usize, id: u16, now: u64) {
        if let Some(intended_ns) = self.clients[at].waiting.remove(&id) {
            self.in_flight = self.in_flight.saturating_sub(1);
            if intended_ns >= self.measured_from_ns {
                self.acked += 1;
                self.send_to_ack.record_ns(now.saturating_sub(intended_ns));
            }
        }
    }
}

/// Ends a message that came as text in the stream: JSON and Socket.IO hold no such byte.
pub const TEXT_ENDS: u8 = 0;
/// When it was due, who sent it, under which id.
const TEXT_BYTES_MIN: usize = 28;

impl Client {
    fn new(number: u32) -> Self {
        Self {
            number,
            rooms: Vec::new(),
            socket: None,
            stage: Stage::Away,
            carry: Vec::new(),
            stream: Vec::new(),
            unsent: Vec::new(),
            waiting: HashMap::new(),
            next_id: 0,
        }
    }
}
