//! Sessions that end and go on: a network that goes away, a server that is killed, people who change their place, readers that stop.

use super::{Fleet, Stage};
use crate::readiness::now_ns;
use rand::RngExt as _;
use std::cmp::Reverse;
use std::os::fd::AsRawFd as _;

/// A client whose connection ended comes back within this time, twice as late after each try that failed.
const SPREAD_MS: u64 = 1_000;
/// How often it is doubled at most.
const DOUBLINGS_MAX: u32 = 3;
/// Tries of one client before the run is given up.
const TRIES_MAX: u8 = 60;
/// Pause before a refused sync is asked for again.
const AGAIN_NS: u64 = 200_000_000;

impl Fleet {
    /// Every session ends at once, and goes on.
    pub(super) fn end_all_sessions(&mut self) {
        for at in 0..self.clients.len() as u32 {
            if self.clients[at as usize].stage == Stage::Here && !self.clients[at as usize].stalled {
                self.come_back(at, None);
            }
        }
    }

    /// One session ends, anybody's, and goes on.
    pub(super) fn hop(&mut self) {
        let at = self.rng.random_range(0..self.clients.len() as u32);
        if self.clients[at as usize].stage == Stage::Here && !self.clients[at as usize].stalled {
            self.come_back(at, None);
        }
    }

    /// The session has ended. The client is to come back after so many ms, or when it likes.
    pub(super) fn come_back(&mut self, at: u32, after_ms: Option<u64>) {
        if self.clients[at as usize].stage == Stage::Away {
            return;
        }
        self.part(at);
        let client = &mut self.clients[at as usize];
        if client.lost_ns == 0 {
            client.lost_ns = now_ns();
            self.away += 1;
        }
        if client.attempts > TRIES_MAX {
            let user = &self.identities[at as usize].user;
            self.fatal = Some(format!("{user} could not go on after {TRIES_MAX} tries"));
            return;
        }
        let spread_ms = SPREAD_MS << u32::from(client.attempts).min(DOUBLINGS_MAX);
        let after_ms = after_ms.unwrap_or_else(|| self.rng.random_range(0..spread_ms));
        self.retries.push(Reverse((now_ns() + after_ms * 1_000_000, at)));
    }

    /// What was to be tried later.
    pub(super) fn try_now(&mut self, at: u32) {
        let client = &self.clients[at as usize];
        match client.stage {
            Stage::Away => self.start_connecting(at),
            Stage::Here if client.recovering => self.ask_sync(at, None),
            _ => {}
        }
    }

    /// A sync was refused for now.
    pub(super) fn sync_again(&mut self, at: u32) {
        self.retries.push(Reverse((now_ns() + AGAIN_NS, at)));
    }

    /// The session stands again: what was missed is asked for.
    pub(super) fn resume(&mut self, at: u32, cursor: Box<str>, resumable: bool) {
        if resumable {
            self.counts.resumed += 1;
            let client = &mut self.clients[at as usize];
            client.cursor = Some(cursor);
            client.recovering = true;
            self.ask_sync(at, None);
        } else {
            self.counts.not_resumed += 1;
            self.excuse(at, None);
            self.is_back(at);
        }
    }

    /// Everything that was missed is here.
    pub(super) fn is_back(&mut self, at: u32) {
        let lost_ns = std::mem::take(&mut self.clients[at as usize].lost_ns);
        if lost_ns > 0 {
            self.away -= 1;
            self.resumed.record_ns(now_ns().saturating_sub(lost_ns));
        }
    }

    /// So many clients stop reading.
    pub(super) fn stall(&mut self, count: u32) {
        let all = self.clients.len();
        for number in 0..count as usize {
            let at = number * all / count as usize;
            let client = &mut self.clients[at];
            let Some(socket) = &client.socket else { continue };
            if client.stage == Stage::Here {
                (client.stalled, client.slow) = (true, true);
                if let Err(error) = self.readiness.mute(socket.as_raw_fd(), at as u64, false) {
                    self.fatal = Some(format!("a socket cannot be left alone: {error}"));
                }
            }
        }
    }

    /// They go on.
    pub(super) fn read_on(&mut self) {
        let now_ms = self.elapsed_ms(now_ns());
        for at in 0..self.clients.len() as u32 {
            let client = &mut self.clients[at as usize];
            if std::mem::take(&mut client.stalled) {
                client.heard_ms = now_ms;
                let write = !client.unsent.is_empty();
                self.watch(at, write);
            }
        }
    }
}
