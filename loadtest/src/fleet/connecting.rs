//! From no connection to `welcome`, and back.

use super::{Fleet, Stage, Wait};
use crate::check::Standing;
use crate::dial;
use crate::readiness::now_ns;
use crate::websocket::{self, Opcode};
use crate::wire::Wire;
use protocol::codec::Encoding;
use protocol::command::{Hello, Welcome};
use protocol::error::{Advice, CloseCode};
use rand::RngExt as _;
use std::cmp::Reverse;
use std::io::ErrorKind;
use std::os::fd::AsRawFd as _;

/// Connections that may be under way at once.
const CONNECTING_MAX: u32 = 128;
/// Tries of one client before the run is given up.
const ATTEMPTS_MAX: u8 = 30;

impl Fleet {
    /// Brings these clients in, at most `rate` a second, and returns when all are here.
    pub fn connect(&mut self, who: &[u32], rate: f64) -> Result<(), String> {
        let start = now_ns();
        let mut begun = 0;
        let target = self.here as usize + who.len();
        while (self.here as usize) < target {
            let now = now_ns();
            let due = (((now - start) as f64 / 1e9 * rate) as usize).saturating_add(1).min(who.len());
            while begun < due && self.connecting < CONNECTING_MAX {
                self.start_connecting(who[begun]);
                begun += 1;
            }
            self.turn(now + 1_000_000)?;
            if self.faults.dropped_sessions > 0 {
                return Err(format!("a session was lost while others came in: {}", self.complaints.join("; ")));
            }
        }
        Ok(())
    }

    /// Sends these clients away, politely.
    pub fn leave(&mut self, who: &[u32]) {
        for at in who {
            if self.clients[*at as usize].stage == Stage::Here {
                self.frame.clear();
                websocket::append_frame(&mut self.frame, Opcode::Close, &1000u16.to_be_bytes(), Some([7, 1, 3, 9]));
                self.write_frame(*at);
            }
            self.part(*at);
        }
    }

    /// Sends everybody away, politely.
    pub fn leave_all(&mut self) {
        let here: Vec<u32> = (0..self.clients.len() as u32).filter(|at| self.clients[*at as usize].stage != Stage::Away).collect();
        self.leave(&here);
    }

    pub(super) fn start_connecting(&mut self, at: u32) {
        self.connecting += 1;
        let client = &mut self.clients[at as usize];
        client.stage = Stage::Connecting;
        client.started_ns = now_ns();
        client.attempts += 1;
        let node = usize::from(client.node);
        let begun = dial::begin(self.targets[node].address, self.run.first + at);
        match begun.and_then(|socket| Wire::new(socket, self.trusts[node].as_ref())) {
            Ok(socket) => match self.readiness.add(socket.as_raw_fd(), u64::from(at), true) {
                Ok(()) => client.socket = Some(socket),
                Err(error) => self.fatal = Some(format!("a socket cannot be watched: {error}")),
            },
            Err(error) if error.raw_os_error() == Some(libc::EMFILE) => {
                self.fatal = Some(format!("no more open files after {} sessions: start fewer people in one process", self.here));
            }
            Err(error) => self.try_again(at, None, &format!("connecting failed: {error}")),
        }
    }

    /// The socket is writable: TCP stands, or what waited can go on.
    pub(super) fn write_on(&mut self, at: u32) {
        let client = &mut self.clients[at as usize];
        let Some(socket) = &mut client.socket else { return };
        if client.stage == Stage::Connecting {
            if let Ok(Some(error)) = socket.take_error() {
                return self.try_again(at, None, &format!("connecting failed: {error}"));
            }
            client.stage = Stage::Upgrading;
            let host = &self.targets[usize::from(client.node)].host;
            let request = websocket::upgrade_request(host, "/ws", &self.key(at), protocol::SUBPROTOCOL_MSGPACK);
            self.frame.clear();
            self.frame.extend_from_slice(request.as_bytes());
            self.watch(at, false);
            return self.write_frame(at);
        }
        if let Err(error) = socket.flush() {
            return self.lose(at, &format!("writing failed: {error}"));
        }
        if socket.waits() {
            return;
        }
        if client.unsent.is_empty() {
            return self.watch(at, false);
        }
        match socket.write(&client.unsent) {
            Ok(written) => drop(client.unsent.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return self.lose(at, &format!("writing failed: {error}")),
        }
        if client.unsent.is_empty() {
            client.unsent = Vec::new();
            let waits = socket.waits();
            self.watch(at, waits);
        }
    }

    /// Writes `self.frame`, and keeps what the socket does not take.
    pub(super) fn write_frame(&mut self, at: u32) {
        let client = &mut self.clients[at as usize];
        if !client.unsent.is_empty() {
            client.unsent.extend_from_slice(&self.frame);
            return;
        }
        let Some(socket) = &mut client.socket else { return };
        let written = match socket.write(&self.frame) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return self.lose(at, &format!("writing failed: {error}")),
        };
        let whole = written == self.frame.len();
        if !whole {
            client.unsent = self.frame[written..].to_vec();
        }
        if !whole || socket.waits() {
            self.watch(at, true);
        }
    }

    pub(super) fn watch(&mut self, at: u32, write: bool) {
        let Some(socket) = &self.clients[at as usize].socket else { return };
        let (fd, token) = (socket.as_raw_fd(), u64::from(at));
        let changed = if self.clients[at as usize].reads_slowly {
            self.readiness.mute(fd, token, write)
        } else {
            self.readiness.change(fd, token, write)
        };
        if let Err(error) = changed {
            self.fatal = Some(format!("a socket cannot be watched: {error}"));
        }
    }

    /// The key of this client's upgrade: another for each client and run.
    fn key(&self, at: u32) -> String {
        let mut nonce = [0; 16];
        nonce[..4].copy_from_slice(&self.run.mark.to_be_bytes());
        nonce[4..8].copy_from_slice(&at.to_be_bytes());
        nonce[8..].copy_from_slice(&self.clients[at as usize].started_ns.to_be_bytes());
        websocket::upgrade_key(nonce)
    }

    /// Reads the answer to the upgrade at the start of `bytes` and says hello; returns its length when it is complete.
    pub(super) fn read_upgrade(&mut self, at: u32, bytes: &[u8]) -> Option<usize> {
        let length = websocket::head_length(bytes)?;
        let head = String::from_utf8_lossy(&bytes[..length]);
        let status = head.split(' ').nth(1).unwrap_or("");
        if status != "101" {
            let after = websocket::header(&head, "retry-after").and_then(|seconds| seconds.parse::<u64>().ok());
            let line = head.lines().next().unwrap_or("").to_owned();
            if matches!(status, "503" | "429") || self.survival.is_some() {
                self.try_again(at, after.map(|seconds| seconds * 1_000), &line);
            } else {
                self.fatal = Some(format!("the upgrade was refused: {line}"));
            }
            return None;
        }
        if websocket::header(&head, "sec-websocket-accept") != Some(&websocket::upgrade_accept(&self.key(at))) {
            self.fatal = Some("the upgrade was answered with a wrong Sec-WebSocket-Accept".to_owned());
            return None;
        }
        self.clients[at as usize].stage = Stage::Greeting;
        let id = self.wait_for(at, Wait::Hello, 0, 0, 0);
        let hello = Hello {
            token: Some(self.identities[at as usize].token.to_string()),
            device_id: self.targets[usize::from(self.clients[at as usize].node)].device.clone(),
            version: protocol::VERSION,
            cursor: self.cursor_to_resume(at),
            client: Some(concat!("loadtest ", env!("CARGO_PKG_VERSION")).to_owned()),
        };
        self.command(at, &Encoding::Msgpack.command(id, &hello));
        Some(length)
    }

    /// Sends an encoded command, masked.
    pub(super) fn command(&mut self, at: u32, encoded: &[u8]) {
        let mask = self.rng.random::<[u8; 4]>();
        self.frame.clear();
        websocket::append_frame(&mut self.frame, Opcode::Binary, encoded, Some(mask));
        self.write_frame(at);
    }

    pub(super) fn welcomed(&mut self, at: u32, body: &[u8]) {
        let welcome: Welcome = match Encoding::Msgpack.decode(body) {
            Ok(welcome) => welcome,
            Err(error) => {
                self.fatal = Some(format!("the welcome cannot be read: {error}"));
                return;
            }
        };
        let now = now_ns();
        let client = &mut self.clients[at as usize];
        client.stage = Stage::Here;
        client.attempts = 0;
        client.heard_ms = ((now - self.started_ns) / 1_000_000) as u32;
        let goes_on = self.survival.is_some() || client.lost_ns > 0;
        let kept = if goes_on { client.cursor.take() } else { None };
        client.cursor = Some(welcome.cursor.into_boxed_str());
        self.sign_in.record_ns(now - client.started_ns);
        self.here += 1;
        self.connecting -= 1;
        if let Some(came_ns) = self.came_ns.get_mut(at as usize) {
            *came_ns = now;
        }
        self.heartbeat_ms = welcome.heartbeat_ms;
        if self.limits.is_none() {
            self.limits = Some(welcome.limits);
            self.server = welcome.server;
        }
        self.step(at, |cursor| format!("came with {kept:?}, welcomed at {cursor}"));
        match kept {
            Some(cursor) => self.resume(at, cursor, welcome.resumable),
            None => self.is_back(at),
        }
    }

    /// The server closed with a code.
    pub(super) fn closed(&mut self, at: u32, payload: &[u8]) {
        let (code, reason) = websocket::close_reason(payload);
        let advice = CloseCode::from_number(code).map(CloseCode::advice);
        if self.returning && advice == Some(Advice::Retry) {
            return self.come_back(at, CloseCode::after_ms(&reason));
        }
        if self.clients[at as usize].stage == Stage::Here {
            return self.lose(at, &format!("the server closed with {code} {reason}"));
        }
        if self.survival.is_some() {
            return self.move_on(at, CloseCode::after_ms(&reason));
        }
        match advice {
            Some(Advice::Retry) => self.try_again(at, CloseCode::after_ms(&reason), &format!("{code} {reason}")),
            _ => {
                let user = &self.identities[at as usize].user;
                self.fatal = Some(format!("{user} was not let in: close code {code} {reason}"));
            }
        }
    }

    /// A connection ended unasked.
    pub(super) fn lose(&mut self, at: u32, reason: &str) {
        if self.surviving {
            // Where all of them are gone through just now, it is left a moment later.
            return if self.survival.is_some() { self.move_on(at, None) } else { self.lost_meanwhile.push(at) };
        }
        if self.returning {
            return self.come_back(at, None);
        }
        match self.clients[at as usize].stage {
            Stage::Here => {
                self.faults.dropped_sessions += 1;
                self.complain(format!("dropped: the session of {} ended: {reason}", self.identities[at as usize].user));
                self.part(at);
            }
            Stage::Away => {}
            _ => self.try_again(at, None, reason),
        }
    }

    /// Comes back later: after what the server said, or after a spread half second.
    pub(super) fn try_again(&mut self, at: u32, after_ms: Option<u64>, reason: &str) {
        if self.survival.is_some() {
            return self.move_on(at, after_ms);
        }
        if self.returning {
            self.counts.connect_retries += 1;
            return self.come_back(at, after_ms);
        }
        self.part(at);
        self.counts.connect_retries += 1;
        if self.clients[at as usize].attempts >= ATTEMPTS_MAX {
            let user = &self.identities[at as usize].user;
            self.fatal = Some(format!("{user} was not let in after {ATTEMPTS_MAX} tries, the last time because: {reason}"));
            return;
        }
        let after_ms = after_ms.unwrap_or_else(|| self.rng.random_range(100..600));
        self.retries.push(Reverse((now_ns() + after_ms * 1_000_000, at)));
    }

    /// Closes the socket and forgets what waited on it.
    pub(super) fn part(&mut self, at: u32) {
        let client = &mut self.clients[at as usize];
        match client.stage {
            Stage::Here => self.here -= 1,
            Stage::Away => return,
            _ => self.connecting -= 1,
        }
        client.recovering = false;
        client.gap_again = false;
        client.stage = Stage::Away;
        client.socket = None;
        client.carry = Vec::new();
        client.unsent = Vec::new();
        if self.survival.is_some() || self.returning {
            self.forget_waiting(at);
            // Here and not with the welcome: events may come just before it, and they count.
            self.standings(at, Standing::new_session);
        }
        self.forget_device(at);
    }
}
