//! Events for single people that are no records: to their sessions here, and to the nodes on which they have others.

use super::Delivery;
use crate::ids::ChatKey;
use crate::limits;
use crate::peers::{Kind, Told};
use crate::session::{EventFrame, Lane, LatestKey};
use protocol::codec::Encoding;
use protocol::event::Event;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::mpsc;

/// An event, as it crosses to another node.
#[derive(Serialize, Deserialize)]
struct Crossing {
    people: Vec<u32>,
    /// Of what only the latest counts; none: all count.
    latest: Option<LatestKey>,
    event: Event,
}

impl Delivery {
    /// Gives an event to all sessions of these people but one.
    pub(super) fn aim(&self, people: &RoaringBitmap, latest: Option<LatestKey>, event: Event, but_session: u64) {
        for (node, there) in self.elsewhere.nodes_of(people) {
            let crossing = Crossing { people: there.iter().collect(), latest, event: event.clone() };
            self.peers.tell(node, Kind::Events, Encoding::Msgpack.encode(&crossing));
        }
        self.here(people.iter(), latest, event, but_session);
    }

    fn here(&self, people: impl Iterator<Item = u32>, latest: Option<LatestKey>, event: Event, but_session: u64) {
        let event = EventFrame::new(event);
        let lane = latest.map_or(Lane::Ordinary, Lane::Latest);
        for user in people {
            self.registry.each_of(user, |session| {
                if session.id != but_session {
                    session.write(lane, event.frame(session.encoding));
                }
            });
        }
    }

    /// Gives the sessions here what other nodes have aimed at them, until the other nodes are no more.
    pub async fn follow_aimed(self: Arc<Self>, mut told: mpsc::Receiver<Told>) {
        let mut together = Vec::with_capacity(limits::AIMED_TOGETHER);
        while told.recv_many(&mut together, limits::AIMED_TOGETHER).await > 0 {
            for told in together.drain(..) {
                match Encoding::Msgpack.decode::<Crossing>(&told.body) {
                    Ok(Crossing { people, latest, mut event }) => {
                        if let (Some(LatestKey::Receipt(chat, user)), Event::Receipt(receipt)) = (latest, &mut event) {
                            self.chats.raise_receipt(ChatKey(chat), user, receipt);
                        }
                        self.here(people.into_iter(), latest, event, 0);
                    }
                    // A newer version may tell what this one does not know.
                    Err(error) => tracing::debug!(%error, node = %told.from, "an event of another node cannot be read"),
                }
            }
            tokio::task::yield_now().await;
        }
    }
}
