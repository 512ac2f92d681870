//! Urgents out: their own way, before ordinary records, in the urgent lane of each session.
//!
//! They are followed and told on a runtime of their own, with one thread: the kernel gives it its turn at once, while a task among all
//! others would wait behind those that are ready, which are thousands in a burst to everybody.

use super::Delivery;
use crate::limits;
use crate::log::Committed;
use crate::metrics;
use crate::session::{EventFrame, Lane};
use crate::urgent::{Told, Urgents};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

impl Delivery {
    /// Follows the records of urgents until the log ends.
    pub async fn follow_urgents(urgents: Arc<Urgents>, mut committed: mpsc::Receiver<Vec<Committed>>) {
        while let Some(batch) = committed.recv().await {
            for committed in &batch {
                urgents.committed(committed).await;
            }
        }
    }

    /// Tells what records of urgents make to be told, until told to stop.
    pub async fn tell_urgents(
        self: Arc<Self>,
        urgents: Arc<Urgents>,
        lane: Lane,
        mut tells: mpsc::Receiver<crate::urgent::Tell>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let tell = tokio::select! {
                tell = tells.recv() => match tell {
                    Some(tell) => tell,
                    None => return,
                },
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let told = loop {
                match urgents.events(&tell).await {
                    Ok(told) => break told,
                    Err(error) => {
                        tracing::warn!(%error, "the message of an urgent cannot be read now; the urgent is told later");
                        tokio::time::sleep(Duration::from_millis(limits::DELIVERED_LATE_TRY_MS)).await;
                    }
                }
            };
            for told in told {
                self.tell_urgent(lane, told).await;
            }
        }
    }

    /// Tells counts to those who have raised urgents, a few times a second, until told to stop.
    pub async fn tell_urgent_counts(self: Arc<Self>, urgents: Arc<Urgents>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(limits::URGENT_COUNTS_TOLD_EVERY_MS)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            for told in urgents.counts_changed() {
                self.tell_urgent(Lane::Ordinary, told).await;
            }
        }
    }

    /// Every node follows every urgent: here only the sessions of this one are told.
    async fn tell_urgent(&self, lane: Lane, Told { people, event, latest }: Told) {
        let event = EventFrame::new(event);
        let lane = latest.map_or(lane, Lane::Latest);
        for shard in 0..self.registry.shard_count() {
            let here = self.registry.online_of(shard, &people);
            for (number, user) in here.iter().enumerate() {
                metrics::DELIVERIES.inc_by(self.to_user(user, lane, &event));
                if (number + 1).is_multiple_of(limits::URGENT_SLICE) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}
