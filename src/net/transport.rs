//! The byte stream below HTTP, with a time limit on each thing that a slow or hostile client can draw out.
//!
//! HTTP's own library limits only the time between two requests. Here the head of a request has a limit from its first
//! byte, and so has a write that does not move. What the body may take is limited in [`super::body`].

use super::admission::{Admitted, Handshake};
use super::listener::Times;
use parking_lot::Mutex;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

/// A TCP stream, or TLS on it.
pub enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Where a connection is; shared by its stream and its service.
pub(super) struct Progress {
    phase: AtomicU8,
    /// Given back when the first request is there.
    handshake: Mutex<Option<Handshake>>,
}

/// Nothing of the next request is there.
const IDLE: u8 = 0;
/// A part of a request's head is there, or the first one is waited for.
const HEAD: u8 = 1;
/// A request is being answered.
const BUSY: u8 = 2;

impl Progress {
    pub fn new(handshake: Handshake) -> Arc<Self> {
        Arc::new(Self { phase: AtomicU8::new(HEAD), handshake: Mutex::new(Some(handshake)) })
    }

    /// The head of a request is complete.
    pub fn request_begins(&self) {
        self.phase.store(BUSY, Ordering::Relaxed);
        *self.handshake.lock() = None;
    }

    /// The answer was handed over.
    pub fn request_ends(&self) {
        self.phase.store(IDLE, Ordering::Relaxed);
    }
}

/// The stream that HTTP reads and writes.
pub struct Transport {
    wire: Wire,
    progress: Arc<Progress>,
    times: Times,
    head_limit: Option<Pin<Box<Sleep>>>,
    write_limit: Option<Pin<Box<Sleep>>>,
    admitted: Admitted,
}

impl Transport {
    pub(super) fn new(wire: Wire, progress: Arc<Progress>, times: Times, admitted: Admitted) -> Self {
        Self { wire, progress, times, head_limit: None, write_limit: None, admitted }
    }

    /// The stream itself, when HTTP is done with it.
    pub(super) fn into_wire(self) -> (Wire, Admitted) {
        (self.wire, self.admitted)
    }

    /// What became of a write: one that moves resets its limit, one that does not is held against it.
    fn written<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            return late(&mut self.write_limit, self.times.write_stall, context).map(Err);
        }
        self.write_limit = None;
        outcome
    }
}

/// Ready with an error when the limit has passed since the first call.
fn late(limit: &mut Option<Pin<Box<Sleep>>>, after: Duration, context: &mut Context<'_>) -> Poll<io::Error> {
    limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(after))).as_mut().poll(context).map(|()| {
        crate::metrics::REFUSED_CONNECTIONS.with_label_values(&["slow"]).inc();
        io::Error::new(io::ErrorKind::TimedOut, "the other side was too slow")
    })
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = match &mut this.wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Wire::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        };
        match this.progress.phase.load(Ordering::Relaxed) {
            HEAD if outcome.is_pending() => return late(&mut this.head_limit, this.times.head, context).map(Err),
            IDLE if buffer.filled().len() > before => {
                this.progress.phase.store(HEAD, Ordering::Relaxed);
                this.head_limit = None;
            }
            BUSY => this.head_limit = None,
            _ => {}
        }
        outcome
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Wire::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        };
        this.written(context, outcome)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Wire::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        };
        this.written(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Wire::Tls(tls) => Pin::new(tls).poll_flush(context),
        };
        this.written(context, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Wire::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        };
        this.written(context, outcome)
    }
}
