//! Time: steps that are due, deadlines, and what has become of an urgent's chat. Timers are nothing but the state and the clock,
//! so a node that starts, or takes over from one that has died, goes on where the last record stands.

use super::state::Moves;
use super::{Cell, Urgents};
use crate::chat::members::bitmap_bytes;
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::log::urgent::UrgentChange;
use protocol::command::CancelUrgent;
use protocol::urgent::{UrgentOverWhy, UrgentWay};
use roaring::RoaringBitmap;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

impl Urgents {
    /// Looks after the urgents that are at home here, until told to stop.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut rounds: u64 = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(limits::URGENT_LOOKED_AT_EVERY_MS)) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            rounds += 1;
            if rounds.is_multiple_of(limits::URGENT_SWEPT_EVERY) {
                self.sweep();
                // A node that has died may have had to look.
                self.index.open().into_iter().for_each(|key| self.index.look_at(key));
            }
            for key in self.index.open() {
                let Ok(cell) = self.open_cell(key).await else { continue };
                if self.chats.peers.home(key.0).is_some() {
                    continue;
                }
                if let Err(error) = self.look_after(&cell).await {
                    tracing::debug!(%error, "an urgent cannot go on now; it is tried again");
                }
            }
            self.follow_chats().await;
        }
    }

    /// Looks at chats that have changed, for a moment: after a start they are those of all open urgents, and no step is to wait for them.
    async fn follow_chats(self: &Arc<Self>) {
        let until = Instant::now() + Duration::from_millis(limits::URGENT_CHATS_LOOKED_AT_MS);
        for key in self.index.take_changed().into_iter().filter(|key| self.index.is_open(*key)) {
            // What is not looked at now is kept, also what another node has to look at: it may die before it has.
            if self.chats.peers.home(key.0).is_some() || Instant::now() > until {
                self.index.look_at(key);
                continue;
            }
            let followed = match self.open_cell(key).await {
                Ok(cell) => self.follow_chat(&cell).await,
                Err(error) => Err(error),
            };
            if let Err(error) = followed {
                tracing::debug!(%error, "the chat of an urgent cannot be looked at now; it is tried again");
                self.index.look_at(key);
            }
        }
    }

    /// An open urgent; one that had to be let go is read again.
    async fn open_cell(&self, key: ChatKey) -> Result<Arc<Cell>> {
        match self.in_memory(key) {
            Some(cell) => Ok(cell),
            None => {
                let cell = self.cell(key).await?;
                Ok(self.cells.entry(key).or_insert(cell).clone())
            }
        }
    }

    /// Does what is due for one urgent.
    async fn look_after(self: &Arc<Self>, cell: &Arc<Cell>) -> Result<()> {
        let now_ms = self.chats.clock.now_ms();
        if self.change(cell, |urgent| Ok(urgent.ends(now_ms).map(|why| (urgent.by, UrgentChange::Over { why })))).await? {
            return Ok(());
        }
        let due = cell.with(|urgent| urgent.due(now_ms).map(|(step, rung)| (urgent.by, step, rung)));
        let Some((by, step, rung)) = due.flatten() else { return Ok(()) };
        // Nobody who has left is asked by it.
        self.follow_chat(cell).await?;
        let quota_left = self.quota_left(by, rung.way);
        self.change(cell, |urgent| {
            if urgent.due(now_ms).is_none_or(|(next, _)| next != step) {
                return Ok(None);
            }
            let open = urgent.open_people();
            let managers = if rung.way == UrgentWay::Manager { bitmap_bytes(&self.managers_of(&open, by)) } else { Vec::new() };
            Ok(Some((by, UrgentChange::Step { step, managers, refused: Self::over_quota(quota_left, &open) })))
        })
        .await
        .map(drop)
    }

    /// Those who have left the chat are no longer asked; an urgent whose message is gone is over.
    async fn follow_chat(self: &Arc<Self>, cell: &Arc<Cell>) -> Result<()> {
        let Some((chat, target, open)) = cell.with(|urgent| (urgent.chat_key(), urgent.target, urgent.open_people())) else {
            return Ok(());
        };
        let ground = self.chats.urgent_ground(chat, target).await?;
        if ground.gone {
            let gone = |urgent: &super::Urgent| {
                Ok(urgent.over.is_none().then_some((urgent.by, UrgentChange::Over { why: UrgentOverWhy::Recalled })))
            };
            return self.change(cell, gone).await.map(drop);
        }
        let mut left = &open - &*ground.members;
        left.extend((&open & &*ground.members).iter().filter(|user| self.chats.directory.resigned(*user)));
        if left.is_empty() {
            return Ok(());
        }
        self.note(cell, &Moves { left, ..Moves::default() }).await.map(drop)
    }

    /// Managers of people, without who has raised the urgent.
    fn managers_of(&self, people: &RoaringBitmap, raised_by: u32) -> RoaringBitmap {
        let directory = &self.chats.directory;
        people
            .iter()
            .filter_map(|user| self.manager_of(user))
            .filter(|manager| *manager != raised_by && !directory.resigned(*manager))
            .collect()
    }

    /// Somebody's manager: who leads the person; else who leads the department.
    pub(super) fn manager_of(&self, user: u32) -> Option<u32> {
        let directory = &self.chats.directory;
        let entry = directory.entry(user)?;
        let own = entry.leader.clone();
        let of_department =
            || entry.departments.first().and_then(|id| directory.department(id)).and_then(|department| department.leader.clone());
        own.or_else(of_department).and_then(|leader| directory.index(&leader)).filter(|manager| *manager != user)
    }

    /// Those of an urgent's open people whose manager somebody is. Who leads whom is looked at once for each urgent: of everybody's,
    /// thousands of managers ask.
    pub(super) fn people_under(&self, cell: &Cell, urgent: &super::Urgent, manager: u32) -> RoaringBitmap {
        let by_manager = cell.by_manager.get_or_init(|| {
            let mut by_manager: HashMap<u32, RoaringBitmap> = HashMap::new();
            for user in &urgent.audience {
                if let Some(manager) = self.manager_of(user) {
                    by_manager.entry(manager).or_default().insert(user);
                }
            }
            by_manager
        });
        by_manager.get(&manager).map(|led| (led & &urgent.audience) - &urgent.confirmed - &urgent.left).unwrap_or_default()
    }

    /// Ends an urgent: who has raised it, or the owner and the managers of its group.
    ///
    /// # Errors
    /// `UrgentNotFound`, `NotAllowed`, `UrgentOver`.
    pub async fn cancel(self: &Arc<Self>, user: u32, command: CancelUrgent) -> Result<()> {
        let urgents = self.clone();
        self.first(async move { urgents.cancel_now(user, command).await }).await
    }

    async fn cancel_now(&self, user: u32, command: CancelUrgent) -> Result<()> {
        let cell = self.reported(user, command.urgent_id).await?;
        let done = self
            .change(&cell, |urgent| match urgent.over {
                Some((UrgentOverWhy::Cancelled, _)) => Ok(None),
                Some((why, _)) => Err(super::moves::over(Some(why))),
                None => Ok(Some((user, UrgentChange::Over { why: UrgentOverWhy::Cancelled }))),
            })
            .await;
        done.map(drop)
    }

    /// An urgent whose report somebody may see.
    ///
    /// # Errors
    /// `UrgentNotFound`; `StorageUnavailable`: who may see it cannot be read now.
    pub(super) async fn reported(&self, user: u32, id: protocol::ids::UrgentId) -> Result<Arc<Cell>> {
        let cell = self.cell(self.key(id)?).await?;
        let (by, chat) = cell.with(|urgent| (urgent.by, urgent.chat_key())).ok_or_else(Error::urgent_not_found)?;
        if by == user {
            return Ok(cell);
        }
        match self.chats.is_manager(user, chat).await {
            Ok(true) => Ok(cell),
            // What cannot be read now may be read later: it is not said that there is none.
            Err(error) if error.is_unavailable() => Err(error),
            Ok(false) | Err(_) => Err(Error::urgent_not_found()),
        }
    }

    /// Urgents that somebody has before the eyes, or may see the report of, the oldest first.
    pub(super) fn cells_of(&self, user: u32) -> Vec<Arc<Cell>> {
        let keys: BTreeSet<ChatKey> = self.index.of_person(user);
        keys.into_iter().filter_map(|key| self.in_memory(key)).collect()
    }
}
