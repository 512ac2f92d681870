//! Readers who read, and no faster than so many bytes a second: a poor network, or a poor device.

use super::{Fleet, Stage};
use crate::readiness::now_ns;
use std::os::fd::AsRawFd as _;

/// How often a slow reader reads.
const EVERY_NS: u64 = 5_000_000;

/// The readers who are slow.
#[derive(Default)]
pub(super) struct SlowReaders {
    clients: Vec<u32>,
    bytes_per_second: u64,
    read_ns: u64,
}

impl SlowReaders {
    /// When they read next.
    pub fn next(&self) -> Option<u64> {
        (!self.clients.is_empty()).then_some(self.read_ns + EVERY_NS)
    }
}

impl Fleet {
    /// So many clients read no more than so many bytes a second from now on.
    pub(super) fn slow_down(&mut self, count: u32, bytes_per_second: u64) {
        let all = self.clients.len();
        let clients = (0..count as usize).map(|number| (number * all / count as usize) as u32);
        let clients: Vec<u32> = clients.filter(|at| self.clients[*at as usize].stage == Stage::Here).collect();
        for at in &clients {
            let client = &mut self.clients[*at as usize];
            (client.reads_slowly, client.slow) = (true, true);
            let muted =
                client.socket.as_ref().map(|socket| self.readiness.mute(socket.as_raw_fd(), u64::from(*at), !client.unsent.is_empty()));
            if let Some(Err(error)) = muted {
                self.fatal = Some(format!("a socket cannot be left alone: {error}"));
            }
        }
        self.slow_readers = SlowReaders { clients, bytes_per_second, read_ns: now_ns() };
    }

    /// They read what they can, when it is time.
    pub(super) fn read_slowly(&mut self, now: u64) {
        if self.slow_readers.next().is_none_or(|next| now < next) {
            return;
        }
        // Who is late has not read meanwhile, and does not make up for more than one turn of it.
        let since_ns = (now - self.slow_readers.read_ns).min(2 * EVERY_NS);
        let bytes = (u128::from(self.slow_readers.bytes_per_second) * u128::from(since_ns) / 1_000_000_000) as usize;
        self.slow_readers.read_ns = now;
        let clients = std::mem::take(&mut self.slow_readers.clients);
        for at in &clients {
            self.read_up_to(*at, bytes);
        }
        self.slow_readers.clients = clients;
    }

    /// They read as fast as others again.
    pub(super) fn speed_up(&mut self) {
        for at in std::mem::take(&mut self.slow_readers).clients {
            let client = &mut self.clients[at as usize];
            client.reads_slowly = false;
            let write = !client.unsent.is_empty();
            self.watch(at, write);
        }
    }
}
