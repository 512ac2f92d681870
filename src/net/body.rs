//! Bodies of requests and answers: a request's is limited in time, an answer's says when it is over.

use super::transport::Progress;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Bytes a second that a request's body has to bring on average once [`Times::body_stall`](super::listener::Times) has
/// passed: a hundredth of a bad mobile network, so that nobody is cut off who is really sending.
const BODY_BYTES_PER_SECOND: u64 = 1 << 10;

/// A request's body came too slowly, or broke off.
#[derive(Debug)]
pub enum BodyError {
    /// Nothing came for too long, or too little in all.
    TooSlow,
    /// The connection or its framing broke.
    Broken(hyper::Error),
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::TooSlow => formatter.write_str("the body of the request came too slowly"),
            Self::Broken(error) => write!(formatter, "the body of the request broke off: {error}"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TooSlow => None,
            Self::Broken(error) => Some(error),
        }
    }
}

/// A request's body that ends with [`BodyError::TooSlow`] when it stalls or trickles.
pub(super) struct TimedBody {
    incoming: Incoming,
    stall: Duration,
    limit: Pin<Box<Sleep>>,
    started: Instant,
    received_bytes: u64,
}

impl TimedBody {
    pub fn new(incoming: Incoming, stall: Duration) -> Self {
        Self { incoming, stall, limit: Box::pin(tokio::time::sleep(stall)), started: Instant::now(), received_bytes: 0 }
    }

    fn trickles(&self) -> bool {
        let elapsed = self.started.elapsed();
        elapsed > self.stall && self.received_bytes < elapsed.as_secs() * BODY_BYTES_PER_SECOND
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.incoming).poll_frame(context) {
            Poll::Pending => this.limit.as_mut().poll(context).map(|()| Some(Err(BodyError::TooSlow))),
            Poll::Ready(Some(Ok(frame))) => {
                this.received_bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                if this.trickles() {
                    return Poll::Ready(Some(Err(BodyError::TooSlow)));
                }
                this.limit.as_mut().reset(Instant::now() + this.stall);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// An answer's body that tells the connection when it is over.
pub(super) struct AnswerBody {
    body: axum::body::Body,
    progress: Arc<Progress>,
}

impl AnswerBody {
    pub fn new(body: axum::body::Body, progress: Arc<Progress>) -> Self {
        Self { body, progress }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.progress.request_ends();
    }
}
