//! What waits for one socket: three lanes and a bound.
//!
//! Ordinary frames go straight into the socket while nothing waits. What the socket does not take waits here and goes
//! out in one vectored write when it can: first the rest of the frame that was cut, then urgent, replies and ordinary
//! ones, then what only counts in its latest form. Ordinary frames over the bound are dropped and counted: a `gap` tells
//! it. Urgent frames over the bound end the session.
//!
//! Whoever something had to be dropped for is a slow reader: from then on, no more is written than is soon read ([`Credit`]), and
//! only urgent frames go before.

use super::credit::Credit;
use super::{Frame, frame};
use crate::limits;
use crate::metrics;
use crate::net::Socket;
use bytes::{Buf, Bytes};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::time::Instant;

/// Slices in one vectored write.
const SLICES: usize = 32;

/// What a latest-wins frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LatestKey {
    /// Somebody's presence.
    Presence(u32),
    /// Somebody's receipt in a chat.
    Receipt(u64, u32),
    /// Somebody is writing in a chat.
    Typing(u64, u32),
    /// How many have read in a chat.
    ReadCount(u64),
    /// How many wait to be let into a chat.
    JoinsWaiting(u64),
    /// What somebody is called, and the like.
    Person(u32),
    /// Where the people of an urgent stand.
    Urgent(u64),
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Before everything, never dropped.
    Urgent,
    /// An answer to a command: never dropped, bounded by the commands that may be unanswered.
    Reply,
    /// What happens: dropped over the bound, and a gap is told.
    Ordinary,
    /// Only the latest counts.
    Latest(LatestKey),
}

/// What became of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// They are in the socket.
    Written,
    /// They wait.
    Waits,
    /// They were dropped.
    Dropped,
    /// What must not be dropped does not fit.
    Overflow,
    /// The socket is broken.
    Broken,
}

/// What is waited for when everything was written that could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing: nothing waits any more.
    All,
    /// The socket, until it takes more.
    Socket,
    /// The reader, until it has read what is on the way.
    Reader,
}

/// The frames that wait for one socket. Empty, it takes next to no memory.
#[derive(Default)]
pub struct Outbox {
    waiting: Option<Box<Waiting>>,
    /// There is one while the reader is slow.
    credit: Option<Box<Credit>>,
    dropped: u64,
    closed: bool,
}

#[derive(Default)]
struct Waiting {
    /// The rest of a frame whose beginning is in the socket.
    cut: Option<Bytes>,
    urgent: VecDeque<Bytes>,
    ordinary: VecDeque<Bytes>,
    latest: Vec<(LatestKey, Bytes)>,
    last: Option<Bytes>,
    bytes: usize,
}

impl Waiting {
    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        metrics::OUTBOX_BYTES.add(bytes as i64);
    }

    fn uncount(&mut self, bytes: usize) {
        self.bytes -= bytes;
        metrics::OUTBOX_BYTES.sub(bytes as i64);
    }

    fn empty(&self) -> bool {
        self.cut.is_none() && self.urgent.is_empty() && self.ordinary.is_empty() && self.latest.is_empty() && self.last.is_none()
    }

    /// The frames in the order in which they go out; those that are not urgent until `allowance` is used up.
    fn slices<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>, mut allowance: u64) {
        let latest = self.latest.iter().map(|(_, frame)| frame);
        let others = self.ordinary.iter().chain(latest).chain(&self.last).take_while(|frame| {
            let begins = allowance > 0;
            allowance = allowance.saturating_sub(frame.len() as u64);
            begins
        });
        let all = self.cut.iter().chain(&self.urgent).chain(others);
        slices.extend(all.take(SLICES).map(|frame| IoSlice::new(frame)));
    }

    /// Takes away what the socket took.
    fn advance(&mut self, mut written: usize) {
        self.uncount(written);
        while written > 0 {
            let Some(mut frame) = self.pop() else { return };
            if frame.len() > written {
                frame.advance(written);
                self.cut = Some(frame);
                return;
            }
            written -= frame.len();
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let latest = |latest: &mut Vec<(LatestKey, Bytes)>| (!latest.is_empty()).then(|| latest.remove(0).1);
        self.cut
            .take()
            .or_else(|| self.urgent.pop_front())
            .or_else(|| self.ordinary.pop_front())
            .or_else(|| latest(&mut self.latest))
            .or_else(|| self.last.take())
    }
}

impl Outbox {
    /// Takes frames of one lane.
    pub fn put(&mut self, socket: &Socket, lane: Lane, frames: &[Frame]) -> Put {
        if self.closed {
            return Put::Written;
        }
        if self.waiting.is_none() {
            if self.dropped > 0 && lane == Lane::Ordinary {
                self.dropped += frames.len() as u64;
                return Put::Dropped;
            }
            // Whoever is slow is written to where the marks are.
            return if self.credit.is_some() && lane != Lane::Urgent {
                self.queue(lane, frames)
            } else {
                self.write_through(socket, lane, frames)
            };
        }
        self.queue(lane, frames)
    }

    /// Nothing waits: straight into the socket, what it does not take waits.
    fn write_through(&mut self, socket: &Socket, lane: Lane, frames: &[Frame]) -> Put {
        let written = match frames {
            [frame] => socket.try_write_vectored(&[IoSlice::new(frame.bytes())]),
            frames => {
                let slices: Vec<IoSlice> = frames.iter().take(SLICES).map(|frame| IoSlice::new(frame.bytes())).collect();
                socket.try_write_vectored(&slices)
            }
        };
        let mut written = match written {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return self.queue(lane, frames),
            Err(_) => return Put::Broken,
        };
        if let Some(credit) = &mut self.credit {
            credit.wrote(written);
        }
        let mut whole = 0;
        for frame in frames {
            if frame.bytes().len() > written {
                break;
            }
            written -= frame.bytes().len();
            whole += 1;
        }
        metrics::DIRECT_WRITES.inc_by(whole as u64);
        if whole == frames.len() {
            // TLS may hold a rest of its own that must be pushed when the socket can take it.
            return if socket.pending() { Put::Waits } else { Put::Written };
        }
        let mut rest = &frames[whole..];
        let mut waiting = Box::<Waiting>::default();
        if written > 0 {
            let cut = rest[0].bytes().slice(written..);
            waiting.count(cut.len());
            waiting.cut = Some(cut);
            rest = &rest[1..];
        }
        self.waiting = Some(waiting);
        if rest.is_empty() { Put::Waits } else { self.queue(lane, rest) }
    }

    fn queue(&mut self, lane: Lane, frames: &[Frame]) -> Put {
        let size: usize = frames.iter().map(|frame| frame.bytes().len()).sum();
        let waiting = self.waiting.get_or_insert_default();
        match lane {
            Lane::Urgent if waiting.urgent.iter().map(Bytes::len).sum::<usize>() + size > limits::OUTBOX_URGENT_BYTES => {
                return Put::Overflow;
            }
            Lane::Urgent => waiting.urgent.extend(frames.iter().map(|frame| frame.bytes().clone())),
            Lane::Reply if waiting.bytes + size > limits::OUTBOX_BYTES_MAX => return Put::Overflow,
            Lane::Reply => waiting.ordinary.extend(frames.iter().map(|frame| frame.bytes().clone())),
            // One frame may wait whatever its size, else a large message would be a gap for everybody.
            Lane::Ordinary
                if self.dropped > 0 || (waiting.bytes + size > limits::OUTBOX_ORDINARY_BYTES && !waiting.ordinary.is_empty()) =>
            {
                self.dropped += frames.len() as u64;
                if waiting.empty() {
                    self.waiting = None;
                }
                self.is_slow();
                return Put::Dropped;
            }
            Lane::Ordinary => waiting.ordinary.extend(frames.iter().map(|frame| frame.bytes().clone())),
            Lane::Latest(key) => {
                let frame = frames[frames.len() - 1].bytes().clone();
                if let Some(position) = waiting.latest.iter().position(|(known, _)| *known == key) {
                    let (_, old) = waiting.latest.remove(position);
                    waiting.uncount(old.len());
                } else if waiting.latest.len() >= limits::OUTBOX_LATEST_FRAMES {
                    // The oldest of these counts least.
                    let (_, old) = waiting.latest.remove(0);
                    waiting.uncount(old.len());
                }
                waiting.count(frame.len());
                waiting.latest.push((key, frame));
                return Put::Waits;
            }
        }
        waiting.count(size);
        Put::Waits
    }

    /// Something was dropped.
    fn is_slow(&mut self) {
        self.credit.get_or_insert_with(|| {
            metrics::SLOW_READERS.inc();
            Box::new(Credit::new(Instant::now()))
        });
    }

    /// The reader has answered a mark: it has read everything before it. What waits for that is to be flushed.
    pub fn answered(&mut self, mark: u32) {
        let waits = !self.is_empty();
        let Some(credit) = &mut self.credit else { return };
        let now = Instant::now();
        credit.answered(mark, waits, now);
        if !waits && credit.over(now) {
            self.keeps_up();
        }
    }

    /// Something was dropped, not long ago.
    pub fn reads_slowly(&self) -> bool {
        self.credit.is_some()
    }

    fn keeps_up(&mut self) {
        if self.credit.take().is_some() {
            metrics::SLOW_READERS.dec();
        }
    }

    /// Writes what waits, as far as the socket takes it and the reader keeps up; `at_once`: whether the reader does or not.
    pub fn flush(&mut self, socket: &Socket, at_once: bool) -> std::io::Result<Flushed> {
        loop {
            if !socket.flush_tls()? {
                return Ok(Flushed::Socket);
            }
            let Some(waiting) = &mut self.waiting else { return Ok(Flushed::All) };
            if waiting.empty() {
                self.waiting = None;
                return Ok(Flushed::All);
            }
            let mut allowance = u64::MAX;
            if let Some(credit) = self.credit.as_mut().filter(|_| !self.closed && !at_once) {
                let now = Instant::now();
                if let Some(number) = credit.mark(waiting.cut.as_ref().map_or(0, Bytes::len), now) {
                    let mark = frame::mark(number);
                    waiting.count(mark.bytes().len());
                    waiting.urgent.push_back(mark.bytes().clone());
                }
                allowance = credit.allowance(now);
            }
            let mut slices = Vec::with_capacity(SLICES);
            waiting.slices(&mut slices, allowance);
            if slices.is_empty() {
                return Ok(Flushed::Reader);
            }
            match socket.try_write_vectored(&slices) {
                Ok(written) => {
                    drop(slices);
                    waiting.advance(written);
                    if let Some(credit) = &mut self.credit {
                        credit.wrote(written);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Flushed::Socket),
                Err(error) => return Err(error),
            }
        }
    }

    /// Nothing more is taken; what waits is let go but for the frame that is cut, and this frame is the last.
    pub fn close(&mut self, last: Frame) {
        self.closed = true;
        let waiting = self.waiting.get_or_insert_default();
        waiting.urgent.clear();
        waiting.latest.clear();
        // Replies that wait are still wanted; they are bounded.
        waiting.last = Some(last.bytes().clone());
        let bytes = waiting.cut.iter().chain(&waiting.ordinary).chain(&waiting.last).map(Bytes::len).sum();
        let old = waiting.bytes;
        waiting.uncount(old);
        waiting.count(bytes);
    }

    /// How many frames were dropped since this was asked last.
    pub fn take_dropped(&mut self) -> Option<u64> {
        (self.dropped > 0).then(|| std::mem::take(&mut self.dropped))
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.as_ref().is_none_or(|waiting| waiting.empty())
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.bytes)
    }

    /// Lets go of everything.
    pub fn forget(&mut self) {
        self.keeps_up();
        if let Some(mut waiting) = self.waiting.take() {
            let bytes = waiting.bytes;
            waiting.uncount(bytes);
        }
    }
}
