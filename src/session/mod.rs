//! Who is here: sessions, their outboxes, the registry of this node, presence.
//!
//! Promise: a session takes frames without waiting and holds a bounded number of bytes; what must be dropped is said to
//! it. One slow reader never holds up another.
//! Never: what a frame says, who may do what, a task of its own.

pub mod elsewhere;
pub mod frame;
mod outbox;
pub mod presence;
pub mod registry;

pub use frame::{EventFrame, Frame, SharedReply};
pub use outbox::{Lane, LatestKey};
pub use registry::Registry;

use crate::clock::Clock;
use crate::limits;
use crate::metrics;
use crate::net::Socket;
use outbox::{Outbox, Put};
use parking_lot::Mutex;
use protocol::codec::Encoding;
use protocol::error::CloseCode;
use protocol::event::{Event, Gap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use tokio::sync::Notify;

/// One device's stay on this node, over one connection.
pub struct Session {
    /// Grows with every session of this process.
    pub id: u64,
    /// Index of the person.
    pub user: u32,
    /// The device.
    pub device_id: Box<str>,
    /// How this connection speaks.
    pub encoding: Encoding,
    socket: Arc<Socket>,
    outbox: Mutex<Outbox>,
    /// Wakes the connection's task: something waits to be written, or the session ends.
    wake: Notify,
    closing: AtomicBool,
    /// Something was left out, or is still to be asked for, and the client has not called `sync` since.
    behind: AtomicBool,
    /// Commands without an answer.
    pub in_flight: AtomicU16,
    /// When it began, ms since 1970.
    pub began_at_ms: u64,
    /// When anything was heard, ms since 1970.
    pub heard_at_ms: AtomicU64,
    /// This session says that its person is away.
    pub away: AtomicBool,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Session {
    /// A session on a connection that has been welcomed.
    pub fn new(user: u32, device_id: &str, encoding: Encoding, socket: Arc<Socket>, clock: &Clock) -> Arc<Self> {
        let now_ms = clock.now_ms();
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            user,
            device_id: device_id.into(),
            encoding,
            socket,
            outbox: Mutex::default(),
            wake: Notify::new(),
            closing: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            in_flight: AtomicU16::new(0),
            began_at_ms: now_ms,
            heard_at_ms: AtomicU64::new(now_ms),
            away: AtomicBool::new(false),
        })
    }

    /// Gives the session a frame: straight into its socket when nothing waits before it, else into its outbox.
    pub fn write(&self, lane: Lane, frame: Frame) {
        self.write_all(lane, std::slice::from_ref(&frame));
    }

    /// Gives the session several frames of one lane, in one write where the socket takes them.
    pub fn write_all(&self, lane: Lane, frames: &[Frame]) {
        if self.closing.load(Ordering::Relaxed) {
            return;
        }
        match self.outbox.lock().put(&self.socket, lane, frames) {
            Put::Written => {}
            Put::Waits => self.wake.notify_one(),
            Put::Dropped => {
                if !self.behind.swap(true, Ordering::AcqRel) {
                    metrics::GAPS.inc();
                }
                self.wake.notify_one();
            }
            Put::Overflow => self.close(CloseCode::SlowConsumer, None),
            // The connection's task sees the same error when it reads or writes, and ends.
            Put::Broken => self.wake.notify_one(),
        }
    }

    /// Replaces what waits of the same kind, or goes straight into the socket.
    pub fn write_latest(&self, key: LatestKey, event: &EventFrame) {
        self.write(Lane::Latest(key), event.frame(self.encoding));
    }

    /// Ends the session with a close frame. The first code counts.
    pub fn close(&self, code: CloseCode, after_ms: Option<u64>) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        metrics::CLOSES.with_label_values(&[code.name()]).inc();
        self.outbox.lock().close(frame::close(code.number(), &code.reason(after_ms)));
        self.wake.notify_one();
    }

    /// It is ending.
    pub fn closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Resolves when the connection's task has something to write, or the session ends.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Wakes the connection's task.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Writes what waits, as far as the socket takes it. `true`: nothing waits any more.
    pub fn flush(&self) -> std::io::Result<bool> {
        let mut outbox = self.outbox.lock();
        let mut empty = outbox.flush(&self.socket)?;
        // The gap is told when there is room again: then the client can do something about it.
        if empty && let Some(dropped) = outbox.take_dropped() {
            let gap = EventFrame::new(Event::Gap(Gap { dropped })).frame(self.encoding);
            empty = matches!(outbox.put(&self.socket, Lane::Ordinary, &[gap]), Put::Written);
        }
        Ok(empty)
    }

    /// Everything was written, the close frame too.
    pub fn finished(&self) -> bool {
        self.closing() && self.outbox.lock().is_empty()
    }

    /// Bytes that wait. Commands are not read while it is more than the limit.
    pub fn congested(&self) -> bool {
        self.outbox.lock().bytes() > limits::OUTBOX_REPLY_BYTES
    }

    /// Nothing waits and nothing was left out: the cursor of this moment is true for this session.
    pub fn level(&self) -> bool {
        !self.behind.load(Ordering::Acquire) && self.outbox.lock().is_empty()
    }

    /// The client goes on from what it had on another connection, and will ask for what it missed since. No heartbeat may tell it
    /// before that it has everything.
    pub fn will_sync(&self) {
        self.behind.store(true, Ordering::Release);
    }

    /// The client has called `sync`: what was left out is being told.
    pub fn caught_up(&self) {
        self.behind.store(false, Ordering::Release);
    }

    /// Notes a sign of life.
    pub fn heard(&self, now_ms: u64) {
        self.heard_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// The connection below.
    pub fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Frames of the WebSocket library itself: pongs, the answer to a close.
    pub fn write_own(&self, bytes: &[u8]) {
        self.write(Lane::Reply, Frame::raw(bytes.to_vec().into()));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.outbox.lock().forget();
    }
}
