//! People go on: a device has it, it was shown, it is confirmed, somebody has left. What comes together makes one record.
//!
//! A message to everybody is confirmed by thousands a second. Each node collects what its people say for a moment, and asks
//! the urgent's home once for all; the home writes one record for all that waits. The answer comes when it is durable.
//! The task that collects ends with what it has collected.

use super::state::Moves;
use super::{Cell, Urgents};
use crate::chat::members::{bitmap_bytes, bitmap_of};
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::urgent::{UrgentChange, UrgentMoves};
use crate::peers::{Ask, Asked};
use protocol::codec::Encoding;
use protocol::command::UrgentGot;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::UrgentId;
use protocol::urgent::{UrgentOverWhy, UrgentStanding};
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// How long the home of an urgent is waited for, as with messages.
const PLACED_WITHIN: Duration = Duration::from_secs(10);

/// Moves that no record has yet, and who waits for them.
#[derive(Default)]
pub(super) struct Waiting {
    moves: Moves,
    told: Vec<oneshot::Sender<Result<RoaringBitmap>>>,
    /// Somebody collects.
    collected: bool,
}

/// Moves for the home of an urgent.
#[derive(Serialize, Deserialize)]
struct Forwarded {
    key: u64,
    moves: UrgentMoves,
}

/// What became of them. An older node says only that they are placed; then they are placed once more, which tells the same.
type Outcome = std::result::Result<Placed, ErrorBody>;

/// Moves have a record, as far as they still could.
#[derive(Serialize, Deserialize)]
struct Placed {
    /// Those whose confirmation came too late.
    #[serde(with = "crate::log::record::serde_bytes_vec")]
    too_late: Vec<u8>,
}

fn only(user: u32) -> RoaringBitmap {
    RoaringBitmap::from_iter([user])
}

impl Urgents {
    /// A device of somebody has urgents, or has shown them. What is not for this person is passed over.
    pub async fn got(self: &Arc<Self>, user: u32, command: UrgentGot) -> Result<()> {
        if command.urgent_ids.len() > limits::URGENTS_GOT_MAX {
            return Err(Error::too_large("the list of urgents", command.urgent_ids.len() as u64, limits::URGENTS_GOT_MAX as u64, "ids"));
        }
        let mut waiting = Vec::new();
        for id in command.urgent_ids {
            let Some(cell) = self.chats.seal.urgent(id).and_then(|key| self.in_memory(key)) else { continue };
            let moves = if command.shown {
                Moves { shown: only(user), ..Moves::default() }
            } else {
                Moves { delivered: only(user), ..Moves::default() }
            };
            if cell.with(|urgent| urgent.new_of(&moves)).flatten().is_some() {
                waiting.push(self.note(&cell, &moves));
            }
        }
        for waiting in waiting {
            waiting.await?;
        }
        Ok(())
    }

    /// Somebody confirms an urgent; a manager takes it off the own screen. Durable when it returns; doing so again is no error.
    ///
    /// # Errors
    /// `UrgentNotFound`; `UrgentOver`: it is over, and this person had not confirmed it.
    pub async fn confirm(self: &Arc<Self>, user: u32, id: UrgentId) -> Result<()> {
        let cell = self.cell(self.key(id)?).await?;
        let moves = {
            let state = cell.state.lock();
            let urgent = state.as_ref().ok_or_else(Error::urgent_not_found)?;
            let asked = urgent.asks(user);
            let manager = urgent.asks_manager(user);
            if !asked && !manager {
                return match urgent.standing(user) {
                    Some(UrgentStanding::Confirmed) => Ok(()),
                    None if urgent.managers_done.contains(user) => Ok(()),
                    None if !urgent.managers.contains(user) => Err(Error::urgent_not_found()),
                    _ => Err(over(urgent.over.map(|(why, _)| why))),
                };
            }
            let confirmed = if asked { only(user) } else { RoaringBitmap::new() };
            Moves { confirmed, managers: if manager { only(user) } else { RoaringBitmap::new() }, ..Moves::default() }
        };
        // It was open a moment ago. What came between, an end or leaving, is told: a confirmation that nobody will find is not taken.
        if self.note(&cell, &moves).await?.contains(user) {
            return Err(over(cell.with(|urgent| urgent.over.map(|(why, _)| why)).flatten()));
        }
        Ok(())
    }

    /// Notes moves; they are durable when what is returned has ended. It gives those whose confirmation came too late.
    pub(super) fn note(self: &Arc<Self>, cell: &Arc<Cell>, moves: &Moves) -> impl Future<Output = Result<RoaringBitmap>> + Send + use<> {
        let (told, done) = oneshot::channel();
        let collects = {
            let mut waiting = cell.waiting.lock();
            waiting.moves.add(moves);
            waiting.told.push(told);
            !std::mem::replace(&mut waiting.collected, true)
        };
        if collects {
            tokio::spawn(self.clone().collect(cell.clone()));
        }
        async move { done.await.unwrap_or_else(|_| Err(Error::storage("the server is going away"))) }
    }

    /// Writes what waits, until nothing does. An urgent for many collects for longer, so that its records are few.
    async fn collect(self: Arc<Self>, cell: Arc<Cell>) {
        loop {
            let many = cell.with(|urgent| urgent.audience.len() > limits::URGENT_INDEXED_MAX).unwrap_or(false);
            tokio::time::sleep(Duration::from_millis(if many { limits::URGENT_COLLECTED_MS_MANY } else { limits::URGENT_COLLECTED_MS }))
                .await;
            let (moves, told) = {
                let mut waiting = cell.waiting.lock();
                if waiting.told.is_empty() {
                    waiting.collected = false;
                    return;
                }
                (std::mem::take(&mut waiting.moves), std::mem::take(&mut waiting.told))
            };
            let outcome = self.place(&cell, moves).await;
            told.into_iter().for_each(|told| _ = told.send(outcome.clone()));
        }
    }

    /// Writes moves where the urgent is at home. Gives those whose confirmation came too late.
    async fn place(&self, cell: &Cell, moves: Moves) -> Result<RoaringBitmap> {
        if let Some(home) = self.chats.peers.home(cell.key.0) {
            let body = Encoding::Msgpack.encode(&Forwarded { key: cell.key.0, moves: moves.kept() });
            if let Ok(answer) = self.chats.peers.ask(home, Ask::UrgentMoves, body, PLACED_WITHIN).await
                && let Ok(outcome) = Encoding::Msgpack.decode::<Outcome>(&answer)
            {
                return outcome.map(|placed| bitmap_of(&placed.too_late)).map_err(|error| Error::of_body(error, None));
            }
            // It has died, or does not answer: what is placed twice counts once.
        }
        self.change(cell, |urgent| Ok(urgent.new_of(&moves).map(|moves| (urgent.by, UrgentChange::Moved(moves.kept()))))).await?;
        cell.with(|urgent| (&moves.confirmed & &urgent.audience) - &urgent.confirmed).ok_or_else(Error::urgent_not_found)
    }

    /// Takes what other nodes have collected, until told to stop.
    pub async fn follow_moves(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(mut asked) = self.chats.peers.asked(Ask::UrgentMoves) else { return };
        loop {
            let asked: Asked = tokio::select! {
                asked = asked.recv() => match asked {
                    Some(asked) => asked,
                    None => return,
                },
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let Ok(Forwarded { key, moves }) = Encoding::Msgpack.decode::<Forwarded>(&asked.body) else {
                tracing::debug!("moves of another node cannot be read");
                continue;
            };
            let urgents = self.clone();
            tokio::spawn(async move {
                let outcome = match urgents.cell(ChatKey(key)).await {
                    Ok(cell) => urgents.note(&cell, &Moves::of(&moves)).await,
                    Err(error) => Err(error),
                };
                let outcome = outcome.map(|too_late| Placed { too_late: bitmap_bytes(&too_late) });
                asked.answer(Encoding::Msgpack.encode::<Outcome>(&outcome.map_err(|error| error.body())));
            });
        }
    }
}

/// It is over, and why.
pub(super) fn over(why: Option<UrgentOverWhy>) -> Error {
    let why = match why {
        Some(UrgentOverWhy::Cancelled) => "it was cancelled",
        Some(UrgentOverWhy::Recalled) => "its message was recalled",
        Some(UrgentOverWhy::Expired) => "its deadline has passed",
        Some(UrgentOverWhy::Confirmed) => "everybody has confirmed it",
        Some(UrgentOverWhy::Left) | None => "you are no longer a member of the chat",
    };
    Error::new(ErrorCode::UrgentOver, "the urgent is over", why, "nothing is left to do")
}
