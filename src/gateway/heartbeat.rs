//! Signs of life: each session is looked after once in a heartbeat period, by a wheel, not by a timer of its own.

use super::Gateway;
use crate::chat::SyncCursor;
use crate::session::{EventFrame, Lane};
use protocol::error::CloseCode;
use protocol::event::{Event, Heartbeat};
use std::sync::Arc;
use std::time::Duration;

impl Gateway {
    /// Turns the wheel until told to stop.
    pub async fn beat(self: Arc<Self>, mut stop: tokio::sync::watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut second = 0;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            second += 1;
            self.beat_once(second).await;
        }
    }

    async fn beat_once(&self, second: u64) {
        let now_ms = self.clock.now_ms();
        let silent_before_ms = now_ms.saturating_sub(2 * self.config.heartbeat_seconds * 1000);
        // Before the sessions are looked at: what is handed out later stands behind it.
        let cursor = SyncCursor { position: self.delivery.progress.reached(), at_ms: now_ms };
        let with_cursor = EventFrame::new(Event::Heartbeat(Heartbeat { server_time_ms: now_ms, cursor: Some(cursor.print()) }));
        let without = EventFrame::new(Event::Heartbeat(Heartbeat { server_time_ms: now_ms, cursor: None }));
        for (index, session) in self.registry.due(second).iter().enumerate() {
            if session.heard_at_ms.load(std::sync::atomic::Ordering::Relaxed) < silent_before_ms {
                session.close(CloseCode::HeartbeatMissed, Some(self.come_back_ms()));
                continue;
            }
            let event = if session.level() { &with_cursor } else { &without };
            session.write(Lane::Reply, event.frame(session.encoding));
            if index % 512 == 511 {
                tokio::task::yield_now().await;
            }
        }
    }
}
