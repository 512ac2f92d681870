//! The control: the cheapest possible server that speaks just enough of the protocol for the same fleet.
//!
//! One thread, no sign-in, no storage, no queue: for a message it does one `send` for each other member, and then
//! acknowledges. The CPU time of these `send` loops is taken by itself: that is the control that servers are held against.
//! `--fault` makes it lose, double or swap deliveries, to show that the referee sees.

mod beside;
mod frames;

use crate::incoming;
use crate::readiness::{Readiness, Ready, now_ns, thread_cpu_ns};
use crate::websocket::{self, Opcode};
use protocol::chat::Chat as ChatTold;
use protocol::codec::Encoding;
use protocol::command::{AddMembers, CreateGroup, Hello, Limits, MembersResult, Welcome};
use protocol::event::{Event, Heartbeat};
use protocol::ids::ChatId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;

use beside::Beside;
use frames::{append_number, framed, message_event, now_ms};

/// What the control does wrong on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FaultKind {
    /// Leaves a delivery out.
    Lose,
    /// Delivers twice.
    Double,
    /// Delivers after the next message of the chat.
    Swap,
}

/// CPU time of the bare `send` loops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendCost {
    /// Deliveries, each one `send`.
    pub sends: u64,
    /// CPU time within the loops.
    pub cpu_ns: u64,
}

struct Connection {
    socket: TcpStream,
    kind: Kind,
    carry: Vec<u8>,
    user: String,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing was said yet.
    New,
    /// A client, after its upgrade.
    Client,
    /// Another control.
    Beside,
}

/// Who has sent a message.
#[derive(Clone, Copy)]
enum Origin {
    /// A connection of this control.
    Here(usize),
    /// One of another.
    Beside { control: usize, at: usize },
}

struct Group {
    id: ChatId,
    seq: u64,
    members: Vec<String>,
    /// The members' connections here, as they were when so many connections had come and gone.
    here: Vec<usize>,
    known_at: u64,
    /// For `swap`: what is delivered late, and to whom.
    late: Option<(usize, Vec<u8>)>,
}

impl Group {
    fn new(id: ChatId, members: Vec<String>) -> Self {
        Self { id, seq: 1, members, here: Vec::new(), known_at: 0, late: None }
    }
}

/// The control server.
pub struct Bare {
    listener: TcpListener,
    readiness: Readiness,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    by_user: HashMap<String, usize>,
    groups: Vec<Group>,
    group_of: HashMap<ChatId, usize>,
    /// Grows with every connection that comes or goes.
    changes: u64,
    beside: Beside,
    said: Vec<u8>,
    cost: SendCost,
    fault: Option<(FaultKind, u64)>,
    deliveries: u64,
    beaten_ns: u64,
}

const LISTENER: u64 = u64::MAX;
const STDIN: u64 = u64::MAX - 1;
const HEARTBEAT_MS: u64 = 25_000;

/// Serves until stdin ends. `cost` on stdin is answered with the cost so far as one line of JSON; `beside N ADDRESS,ADDRESS,…` says where
/// all controls are, of which this is the N-th.
pub fn serve(listen: SocketAddr, fault: Option<(FaultKind, u64)>) -> Result<(), String> {
    let mut bare = Bare::new(listen, fault).map_err(|error| format!("the control cannot listen on {listen}: {error}"))?;
    let address = bare.listener.local_addr().map_err(|error| error.to_string())?;
    println!("bare is ready: http://{address}");
    bare.run().map_err(|error| format!("the control failed: {error}"))
}

impl Bare {
    fn new(listen: SocketAddr, fault: Option<(FaultKind, u64)>) -> std::io::Result<Self> {
        let listener = socket2::Socket::new(socket2::Domain::for_address(listen), socket2::Type::STREAM, None)?;
        listener.set_reuse_address(true)?;
        listener.bind(&listen.into())?;
        listener.listen(4_096)?;
        listener.set_nonblocking(true)?;
        let listener: TcpListener = listener.into();
        let readiness = Readiness::new()?;
        readiness.add(listener.as_raw_fd(), LISTENER, false)?;
        readiness.add(0, STDIN, false)?;
        Ok(Self {
            listener,
            readiness,
            connections: Vec::new(),
            free: Vec::new(),
            by_user: HashMap::new(),
            groups: Vec::new(),
            group_of: HashMap::new(),
            changes: 1,
            beside: Beside::default(),
            said: Vec::new(),
            cost: SendCost::default(),
            fault,
            deliveries: 0,
            beaten_ns: now_ns(),
        })
    }

    fn run(&mut self) -> std::io::Result<()> {
        let mut ready: Vec<Ready> = Vec::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            ready.clear();
            self.readiness.wait(1_000_000_000, &mut ready)?;
            for socket in &ready {
                match socket.token {
                    LISTENER => self.accept(),
                    STDIN => {
                        let mut bytes = [0; 4_096];
                        let length = std::io::stdin().read(&mut bytes)?;
                        if length == 0 {
                            return Ok(());
                        }
                        self.said.extend_from_slice(&bytes[..length]);
                        self.hear_lines()?;
                    }
                    token => self.read(token as usize, &mut buffer),
                }
            }
            if now_ns() - self.beaten_ns > HEARTBEAT_MS * 1_000_000 {
                self.beaten_ns = now_ns();
                let beat = framed(&Encoding::Msgpack.event(&Event::Heartbeat(Heartbeat { server_time_ms: now_ms(), cursor: None })));
                let everybody: Vec<usize> = self.by_user.values().copied().collect();
                self.send_to_all(&everybody, &beat);
            }
        }
    }

    fn hear_lines(&mut self) -> std::io::Result<()> {
        while let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.said[..end]).into_owned();
            self.said.drain(..=end);
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["beside", number, addresses] => {
                    let wrong = || std::io::Error::other("`beside` has a number and addresses");
                    let addresses: Vec<SocketAddr> = addresses.split(',').filter_map(|address| address.parse().ok()).collect();
                    self.beside = Beside::connect(number.parse().map_err(|_| wrong())?, &addresses)?;
                    println!("beside");
                }
                _ => println!("{}", serde_json::to_string(&self.cost)?),
            }
        }
        Ok(())
    }

    fn accept(&mut self) {
        while let Ok((socket, _)) = self.listener.accept() {
            let token = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let watched = socket
                .set_nonblocking(true)
                .and_then(|()| socket.set_nodelay(true))
                .and_then(|()| self.readiness.add(socket.as_raw_fd(), token as u64, false));
            if watched.is_ok() {
                self.connections[token] = Some(Connection { socket, kind: Kind::New, carry: Vec::new(), user: String::new() });
            } else {
                self.free.push(token);
            }
        }
    }

    fn read(&mut self, at: usize, buffer: &mut [u8]) {
        let Some(connection) = &mut self.connections[at] else { return };
        let length = match connection.socket.read(buffer) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            Ok(0) | Err(_) => return self.close(at),
            Ok(length) => length,
        };
        if connection.carry.is_empty() && connection.kind == Kind::Client {
            self.take(at, &mut buffer[..length]);
        } else {
            let mut carry = std::mem::take(&mut connection.carry);
            carry.extend_from_slice(&buffer[..length]);
            self.take(at, &mut carry);
        }
    }

    fn take(&mut self, at: usize, bytes: &mut [u8]) {
        let mut from = 0;
        let Some(connection) = &mut self.connections[at] else { return };
        if connection.kind == Kind::New && bytes.starts_with(beside::GREETING) {
            connection.kind = Kind::Beside;
            from = beside::GREETING.len();
        }
        if connection.kind == Kind::Beside {
            let carry = self.take_link(&bytes[from..]);
            if let Some(connection) = &mut self.connections[at] {
                connection.carry = carry;
            }
            return;
        }
        if connection.kind == Kind::New {
            let Some(length) = websocket::head_length(bytes) else {
                connection.carry = bytes.to_vec();
                return;
            };
            let head = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let accept = websocket::upgrade_accept(websocket::header(&head, "sec-websocket-key").unwrap_or(""));
            connection.kind = Kind::Client;
            from = length;
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
                protocol::SUBPROTOCOL_MSGPACK
            );
            self.send_to(at, answer.as_bytes());
        }
        while from < bytes.len() {
            let frame = match websocket::frame_at(&bytes[from..]) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) => return self.close(at),
            };
            let payload = &mut bytes[from + frame.payload_at..from + frame.end];
            if let Some(key) = frame.mask {
                websocket::unmask(payload, key);
            }
            match frame.opcode {
                Opcode::Binary => self.command(at, payload),
                Opcode::Close => return self.close(at),
                _ => {}
            }
            from += frame.end;
        }
        if let Some(connection) = &mut self.connections[at] {
            connection.carry = bytes[from..].to_vec();
        }
    }

    fn command(&mut self, at: usize, frame: &[u8]) {
        let Ok((number, id, body)) = incoming::read_command(frame) else { return self.close(at) };
        match number {
            3 => {
                let Ok(send) = incoming::read_send(body) else { return self.close(at) };
                let by = self.connections[at].as_ref().map(|connection| connection.user.clone()).unwrap_or_default();
                match beside::home(send.chat_id) {
                    home if home == self.beside.number => self.message(Origin::Here(at), id, &by, &send),
                    home => self.beside.send(home, at, id, &by, body),
                }
            }
            1 => {
                let Ok(hello) = Encoding::Msgpack.decode::<Hello>(body) else { return self.close(at) };
                let user = hello.token.unwrap_or_default();
                self.by_user.insert(user.clone(), at);
                self.changes += 1;
                if let Some(connection) = &mut self.connections[at] {
                    connection.user = user;
                }
                let limits = Limits { frame_bytes: 1 << 20, in_flight: 1_000, ..Limits::default() };
                let welcome = Welcome {
                    server_time_ms: now_ms(),
                    heartbeat_ms: HEARTBEAT_MS,
                    cursor: "0".into(),
                    limits,
                    server: "bare".into(),
                    ..Welcome::default()
                };
                self.send_to(at, &framed(&Encoding::Msgpack.reply(id, &welcome)));
            }
            21 => {
                let Ok(group) = Encoding::Msgpack.decode::<CreateGroup>(body) else { return self.close(at) };
                let mut chat_id = ChatId([0xba; 16]);
                chat_id.0[1] = self.beside.number as u8;
                chat_id.0[8..].copy_from_slice(&(self.groups.len() as u64).to_be_bytes());
                let mut members = group.user_ids;
                members.push(self.connections[at].as_ref().map(|connection| connection.user.clone()).unwrap_or_default());
                self.beside.members(chat_id, &members);
                self.group_of.insert(chat_id, self.groups.len());
                self.groups.push(Group::new(chat_id, members));
                let chat = ChatTold { chat_id, head_seq: 1, first_seq: 1, ..ChatTold::default() };
                self.send_to(at, &framed(&Encoding::Msgpack.reply(id, &chat)));
            }
            25 => {
                let Ok(add) = Encoding::Msgpack.decode::<AddMembers>(body) else { return self.close(at) };
                let Some(group) = self.group_of.get(&add.chat_id).map(|group| &mut self.groups[*group]) else { return self.close(at) };
                group.seq += 1;
                let result = MembersResult { seq: group.seq, changed: add.user_ids.len() as u32, ..MembersResult::default() };
                self.beside.members(group.id, &add.user_ids);
                group.members.extend(add.user_ids);
                group.known_at = 0;
                self.send_to(at, &framed(&Encoding::Msgpack.reply(id, &result)));
            }
            _ => {}
        }
    }

    /// A message to a group that is at home here.
    fn message(&mut self, origin: Origin, id: u32, by: &str, send: &incoming::SendSeen) {
        let Some(number) = self.group_of.get(&send.chat_id).copied() else { return };
        let group = &mut self.groups[number];
        group.seq += 1;
        let seq = group.seq;
        let event = message_event(group.id, seq, by, send);
        self.beside.event(send.chat_id, by, &event);
        let own = match origin {
            Origin::Here(at) => Some(at),
            Origin::Beside { .. } => None,
        };
        let others = self.members_here(number, own);
        match self.fault {
            None => self.send_to_all(&others, &event),
            Some(fault) => self.send_wrongly(number, &others, event, fault),
        }
        let mut reply = Vec::with_capacity(64);
        reply.extend_from_slice(&[0x93, 0, 0xce]);
        reply.extend_from_slice(&id.to_be_bytes());
        reply.extend_from_slice(&[0x94, 0xc4, 16]);
        reply.extend_from_slice(&[0; 16]);
        for number in [seq, seq, now_ms()] {
            append_number(&mut reply, number);
        }
        match origin {
            // Nobody is online to be told: then the acknowledgement is the bare send to be held against.
            Origin::Here(at) if others.is_empty() && self.beside.alone() => self.send_to_all(&[at], &framed(&reply)),
            Origin::Here(at) => self.send_to(at, &framed(&reply)),
            Origin::Beside { control, at } => self.beside.reply(control, at, &framed(&reply)),
        }
    }

    /// Connections of a group's members, but for one.
    fn members_here(&mut self, number: usize, but: Option<usize>) -> Vec<usize> {
        let group = &mut self.groups[number];
        if group.known_at != self.changes {
            group.known_at = self.changes;
            group.here = group.members.iter().filter_map(|user| self.by_user.get(user).copied()).collect();
        }
        group.here.iter().copied().filter(|member| Some(*member) != but).collect()
    }

    /// The control itself: one `send` for each.
    fn send_to_all(&mut self, whom: &[usize], bytes: &[u8]) {
        let before = thread_cpu_ns();
        for at in whom {
            self.send_to(*at, bytes);
        }
        self.cost.cpu_ns += thread_cpu_ns() - before;
        self.cost.sends += whom.len() as u64;
    }

    fn send_wrongly(&mut self, group: usize, whom: &[usize], bytes: Vec<u8>, (kind, every): (FaultKind, u64)) {
        let late = self.groups[group].late.take();
        for at in whom {
            self.deliveries += 1;
            let wrong = self.deliveries.is_multiple_of(every);
            match kind {
                FaultKind::Lose if wrong => {}
                FaultKind::Double if wrong => {
                    self.send_to(*at, &bytes);
                    self.send_to(*at, &bytes);
                }
                FaultKind::Swap if wrong && self.groups[group].late.is_none() => self.groups[group].late = Some((*at, bytes.clone())),
                _ => self.send_to(*at, &bytes),
            }
        }
        if let Some((at, bytes)) = late {
            self.send_to(at, &bytes);
        }
    }

    fn send_to(&mut self, at: usize, bytes: &[u8]) {
        let Some(connection) = &mut self.connections[at] else { return };
        let mut rest = bytes;
        while !rest.is_empty() {
            match connection.socket.write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut poll = libc::pollfd { fd: connection.socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
                    // SAFETY: one entry is given and named, and it lives during the call.
                    unsafe { libc::poll(&mut poll, 1, 1_000) };
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.close(at),
            }
        }
    }

    fn close(&mut self, at: usize) {
        if let Some(connection) = self.connections[at].take() {
            if self.by_user.get(&connection.user) == Some(&at) {
                self.by_user.remove(&connection.user);
                self.changes += 1;
            }
            self.free.push(at);
        }
    }
}
