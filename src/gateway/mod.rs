//! The door for chat clients: bytes in, commands to the domain, replies out.
//!
//! Promise: a stranger costs little and gets nothing; each phase of a connection has a time limit, each queue a bound;
//! one session's trouble is its own.
//! Never: a rule of a chat, the log, the store.

mod connection;
mod dispatch;
mod heartbeat;
mod people;
mod text_check;
mod upgrade;

#[cfg(feature = "autobahn")]
mod echo;

use crate::auth::{Auth, EVERY_DEVICE};
use crate::chat::Chats;
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::Delivery;
use crate::directory::Directory;
use crate::ids::ChatKey;
use crate::limits;
use crate::session::presence::Presence;
use crate::session::{EventFrame, Lane, Registry};
use crate::urgent::Urgents;
use crate::web::Who;
use axum::Router;
use dashmap::DashSet;
use protocol::error::CloseCode;
use protocol::event::{Drain, Event};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

/// What the door needs of the server.
pub struct Gateway {
    pub(crate) chats: Arc<Chats>,
    pub(crate) urgents: Arc<Urgents>,
    pub(crate) auth: Arc<Auth>,
    pub(crate) directory: Directory,
    pub(crate) registry: Arc<Registry>,
    pub(crate) presence: Arc<Presence>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    pub(crate) who: Arc<Who>,
    /// Prefix of the web pages that this server has.
    pub(crate) page_prefix: String,
    /// The server's own address without a slash at the end; empty where it is not known by what name others reach it.
    pub(crate) url: String,
    /// Connections that have upgraded and not said hello yet.
    pub(crate) greeting: AtomicUsize,
    pub(crate) draining: AtomicBool,
    /// Large chats in which somebody has read since the counts were told last.
    pub(crate) read_in: DashSet<ChatKey>,
}

impl Gateway {
    /// The door's routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let router = Router::new().route("/ws", axum::routing::get(upgrade::upgrade));
        #[cfg(feature = "autobahn")]
        let router = router.route("/echo", axum::routing::get(echo::upgrade));
        router.with_state(self.clone())
    }

    /// A bot whose address begins with the server's own, where that is known; else it begins with `/`.
    pub(crate) fn with_url(&self, mut bot: protocol::command::CustomBot) -> protocol::command::CustomBot {
        if let Some(path) = &bot.url {
            bot.url = Some(format!("{}{path}", self.url));
        }
        bot
    }

    /// A time to come back, spread over sessions so that they do not come together.
    pub(crate) fn come_back_ms(&self) -> u64 {
        let spread = (self.registry.count() as u64 / limits::ADMISSIONS_PER_MS).clamp(500, 30_000);
        500 + rand::random::<u64>() % spread
    }

    /// Closes the sessions of devices that are signed out, until told to stop.
    pub async fn close_revoked(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        let mut revocations = self.auth.revocations();
        loop {
            let mut revoked = tokio::select! {
                revoked = revocations.recv() => revoked,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            // The reply to `sign_out` goes out first. What came meanwhile is done at once: thousands may leave together.
            tokio::time::sleep(Duration::from_millis(100)).await;
            loop {
                match revoked {
                    Ok((user, device_id)) => self.close_signed_out(user, &device_id),
                    Err(RecvError::Lagged(_)) => {
                        // Too many at once to name them: every session comes back and proves that it is still signed in.
                        for session in self.registry.all() {
                            session.close(CloseCode::Internal, Some(self.come_back_ms()));
                        }
                    }
                    Err(RecvError::Closed) => return,
                }
                revoked = match revocations.try_recv() {
                    Ok(next) => Ok(next),
                    Err(TryRecvError::Lagged(count)) => Err(RecvError::Lagged(count)),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                };
            }
        }
    }

    fn close_signed_out(&self, user: u32, device_id: &str) {
        let code = if self.directory.barred(user) { CloseCode::PersonDisabled } else { CloseCode::DeviceRevoked };
        self.registry.each_of(user, |session| {
            if device_id == EVERY_DEVICE || of_device(&session.device_id, device_id) {
                session.close(code, None);
            }
        });
    }

    /// Tells senders in large chats how many have read their last message, at most once a second a chat.
    pub async fn tell_read_counts(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let chats: Vec<ChatKey> = self.read_in.iter().take(limits::READ_COUNTS_AT_ONCE).map(|key| *key).collect();
            for key in chats {
                self.read_in.remove(&key);
                match self.chats.read_count(key).await {
                    Ok(Some((sender, seq, count))) => self.delivery.read_count(key, sender, seq, count),
                    Ok(None) => {}
                    Err(error) => tracing::debug!(%error, "a count of readers could not be told"),
                }
            }
        }
    }

    /// Tells every session when to come back, and closes it. Nobody is let in from now on. Where there are other nodes, sessions go
    /// to them in slices, as many at a time as they let in, and at once; the last ones are served here until it is their turn.
    pub async fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        let sessions = self.registry.all();
        let slices = (self.config.drain_seconds * 1_000 / limits::DRAIN_SLICE_MS).max(1) as usize;
        let least = (limits::ADMISSIONS_PER_MS * limits::DRAIN_SLICE_MS) as usize;
        let elsewhere = self.presence.other_nodes();
        let slice = if elsewhere { sessions.len().div_ceil(slices).max(least) } else { sessions.len() };
        for (number, sessions) in sessions.chunks(slice.max(1)).enumerate() {
            if number > 0 {
                tokio::time::sleep(Duration::from_millis(limits::DRAIN_SLICE_MS)).await;
            }
            for session in sessions {
                let after_ms = if elsewhere { 1 + rand::random::<u64>() % limits::DRAIN_SLICE_MS } else { self.come_back_ms() };
                session.write(Lane::Reply, EventFrame::new(Event::Drain(Drain { after_ms, url: None })).frame(session.encoding));
                session.close(CloseCode::Drain, Some(after_ms));
            }
        }
        drop(sessions);
        // Their tasks write what waits; who does not read is let go.
        for _ in 0..limits::DRAIN_MS / 20 {
            if self.registry.count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tracing::warn!(left = self.registry.count(), "sessions that did not read their close frame were let go");
    }
}

/// Is this session one of a device? A browser's tabs are `<device>.<tab>`.
pub(crate) fn of_device(session_device: &str, device: &str) -> bool {
    session_device.strip_prefix(device).is_some_and(|tab| tab.is_empty() || tab.starts_with('.'))
}
