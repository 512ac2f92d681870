//! What goes on in a run, second by second: sessions, sends, deliveries, and what the server takes for it.

use crate::machine::{ProcessSample, glance_at_process, tcp_bytes};
use crate::order::State;
use serde::Serialize;
use std::time::{Duration, Instant};

/// One look.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Moment {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// Sessions.
    pub sessions: u64,
    /// Sends acknowledged since the measuring began.
    pub acked: u64,
    /// Messages delivered since then.
    pub delivered: u64,
    /// CPU time of the server so far, in microseconds.
    pub server_cpu_us: u64,
    /// Resident memory of the server, in bytes.
    pub server_rss: u64,
    /// Memory that the kernel has for TCP on this machine, in bytes.
    pub tcp_bytes: u64,
}

/// Looks, at even times.
pub struct Timeline {
    begun: Instant,
    every: Duration,
    next: Instant,
    pids: Vec<u32>,
    moments: Vec<Moment>,
}

/// A run of any length has at most so many looks: then every second one goes, and they come half as often.
const MOMENTS_MAX: usize = 1_200;

impl Timeline {
    /// Nothing yet.
    pub fn new() -> Self {
        let now = Instant::now();
        Self { begun: now, every: Duration::from_secs(1), next: now, pids: Vec::new(), moments: Vec::new() }
    }

    /// Begins anew, with these processes of the server.
    pub fn begin(&mut self, pids: &[u32]) {
        *self = Self { pids: pids.to_vec(), ..Self::new() };
    }

    /// From now on these are the processes of the server.
    pub fn watch(&mut self, pids: &[u32]) {
        self.pids = pids.to_vec();
    }

    /// Looks when it is time.
    pub fn note(&mut self, state: &State) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + self.every;
        let mut server = ProcessSample::default();
        for sample in self.pids.iter().filter_map(|pid| glance_at_process(*pid).ok()) {
            server.cpu_us += sample.cpu_us;
            server.rss += sample.rss;
        }
        self.moments.push(Moment {
            at_s: (now - self.begun).as_millis() as f64 / 1e3,
            sessions: state.sessions,
            acked: state.acked,
            delivered: state.delivered,
            server_cpu_us: server.cpu_us,
            server_rss: server.rss,
            tcp_bytes: tcp_bytes(),
        });
        if self.moments.len() >= MOMENTS_MAX {
            let mut number = 0;
            self.moments.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// Seconds since the beginning.
    pub fn now_s(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What was seen.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }
}
