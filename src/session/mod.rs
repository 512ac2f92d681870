//! Who is here: sessions, their outboxes, the registry of this node, presence.
//!
//! Promise: a session takes frames without waiting and holds a bounded number of bytes; what must be dropped is said to
//! it. One slow reader never holds up another.
//! Never: what a frame says, who may do what, a task of its own.

mod credit;
pub mod elsewhere;
pub mod frame;
mod outbox;
pub mod presence;
pub mod registry;

pub use frame::{EventFrame, Frame, SharedReply};
pub use outbox::{Flushed, Lane, LatestKey};
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
        // The lock is let go before the outcome is looked at: closing takes it again.
        let put = self.outbox.lock().put(&self.socket, lane, frames);
        match put {
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

    /// Writes what waits, as far as the socket takes it and the reader keeps up; `at_once`: whether the reader does or not.
    pub fn flush(&self, at_once: bool) -> std::io::Result<Flushed> {
        let mut outbox = self.outbox.lock();
        let flushed = outbox.flush(&self.socket, at_once)?;
        // The gap is told when there is room again: then the client can do something about it.
        if flushed == Flushed::All
            && let Some(dropped) = outbox.take_dropped()
        {
            let gap = EventFrame::new(Event::Gap(Gap { dropped })).frame(self.encoding);
            outbox.put(&self.socket, Lane::Ordinary, &[gap]);
            return outbox.flush(&self.socket, at_once);
        }
        Ok(flushed)
    }

    /// It is written no more than its reader soon reads.
    pub fn reads_slowly(&self) -> bool {
        self.outbox.lock().reads_slowly()
    }

    /// The client has answered a ping.
    pub fn answered(&self, pong: &[u8]) {
        if let Some(mark) = frame::mark_of(pong) {
            self.outbox.lock().answered(mark);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn a_reader_for_whom_urgent_frames_pile_up_is_sent_away_and_holds_nobody_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = Arc::new(Socket::plain(listener.accept().await.unwrap().0).unwrap());
        let session = Session::new(1, "device-of-test", Encoding::Msgpack, socket, &Clock::default());
        // It reads nothing: the kernel's buffers fill up, then the lane.
        let frame = Frame::new(Encoding::Msgpack, &[0; 4_096]);
        for count in 0.. {
            assert!(count < 10_000, "40 MB of urgent frames wait for one reader");
            if session.closing() {
                break;
            }
            session.write(Lane::Urgent, frame.clone());
        }
        // And then everything, with the reason at its end.
        let read = tokio::spawn(async move {
            let mut bytes = Vec::new();
            client.read_to_end(&mut bytes).await.unwrap();
            bytes
        });
        while !session.finished() {
            session.flush(false).unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        session.socket().shutdown_write().unwrap();
        let (bytes, code) = (read.await.unwrap(), CloseCode::SlowConsumer.number().to_be_bytes());
        assert!(bytes.windows(2).rev().take(130).any(|window| window == code), "the close frame says why");
    }

    #[tokio::test]
    async fn an_urgent_frame_goes_before_what_a_slow_reader_has_not_read() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = Arc::new(Socket::plain(listener.accept().await.unwrap().0).unwrap());
        let session = Session::new(1, "device-of-test", Encoding::Msgpack, socket, &Clock::default());
        let ordinary = Frame::new(Encoding::Msgpack, &[1; 1_000]);
        // The ordinary lane is filled until something is dropped, again and again; the reader takes a kilobyte a millisecond, and answers
        // marks.
        let (mut read, mut frame) = (Vec::new(), [0; 1_000]);
        let (mut at, mut urgent_at, mut waited) = (0, None, None);
        for round in 0..3_000 {
            if session.outbox.lock().is_empty() {
                session.caught_up();
                while !session.behind.load(Ordering::Acquire) {
                    session.write(Lane::Ordinary, ordinary.clone());
                }
            }
            if round >= 2_000 && urgent_at.is_none() && session.outbox.lock().bytes() > 16_000 {
                urgent_at = Some(read.len());
                session.write(Lane::Urgent, Frame::new(Encoding::Msgpack, &[2; 10]));
            }
            session.flush(false).unwrap();
            if let Ok(count) = client.try_read(&mut frame) {
                read.extend_from_slice(&frame[..count]);
            }
            // Only frames of a thousand bytes have a long head.
            while let Some(first) = read.get(at..at + 2) {
                let length = if first[1] == 126 { 1_004 } else { 2 + first[1] as usize };
                let Some(whole) = read.get(at..at + length) else { break };
                match first[0] {
                    0x89 => session.answered(&whole[2..]),
                    _ if first[1] == 10 => waited = urgent_at.map(|from| read.len() - from),
                    _ => {}
                }
                at += length;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let waited = waited.expect("the urgent frame comes");
        assert!(waited < 100_000, "it came behind {waited} bytes: what a socket holds for a reader who is slow");
    }
}
