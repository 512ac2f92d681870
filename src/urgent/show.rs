//! Urgents as people see them: events, and the lists.

use super::report::counts_of;
use super::state::Urgent;
use super::{Cell, Urgents};
use crate::error::{Error, Result};
use crate::ids::ChatKey;
use crate::limits;
use crate::session::LatestKey;
use protocol::command::{GetUrgents, UrgentPage};
use protocol::event::Event;
use protocol::person::Person;
use protocol::record::Record as Message;
use protocol::urgent::{Urgent as UrgentSeen, UrgentList, UrgentOver, UrgentOverWhy, UrgentStanding, UrgentWay};
use roaring::RoaringBitmap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// People under a manager whom the pop-up names.
const ABOUT_SHOWN: usize = 20;

/// Something that a record of an urgent makes to be told.
#[derive(Debug, Clone)]
pub enum Tell {
    /// It was raised.
    Raised(ChatKey),
    /// A step has begun.
    Step(ChatKey, u32),
    /// It is over for these.
    Over(ChatKey, RoaringBitmap, UrgentOverWhy),
}

/// An event for people.
pub struct Told {
    /// Whom.
    pub people: RoaringBitmap,
    /// What.
    pub event: Event,
    /// Of what only the latest counts; none: all count, and before everything else.
    pub latest: Option<LatestKey>,
}

/// A message, and the name of its group.
pub(super) struct Shown {
    pub message: Message,
    pub chat_name: Option<String>,
    pub people: Vec<Person>,
}

impl Urgents {
    /// Takes what is to be told; only one can take it.
    pub fn tells(&self) -> Option<mpsc::Receiver<Tell>> {
        self.tells.lock().take()
    }

    /// The events that tell it.
    ///
    /// # Errors
    /// The message cannot be read now.
    pub async fn events(&self, tell: &Tell) -> Result<Vec<Told>> {
        match tell {
            Tell::Raised(key) => self.popped_up(*key, None).await,
            Tell::Step(key, step) => self.popped_up(*key, Some(*step)).await,
            Tell::Over(key, people, why) => {
                let event = Event::UrgentOver(UrgentOver { urgent_id: self.chats.seal.urgent_id(*key), why: *why });
                Ok(vec![Told { people: people.clone(), event, latest: None }])
            }
        }
    }

    /// The pop-up, for everybody who is asked, or for the managers of a step.
    async fn popped_up(&self, key: ChatKey, step: Option<u32>) -> Result<Vec<Told>> {
        let Some(cell) = self.in_memory(key) else { return Ok(Vec::new()) };
        let shown = self.shown(&cell).await?;
        let way = |urgent: &Urgent| step.and_then(|step| urgent.way_of(step));
        let told = cell.with(|urgent| match way(urgent) {
            Some(UrgentWay::Manager) => {
                let each = urgent.open_managers().into_iter().map(|manager| {
                    let seen = self.seen(urgent, &shown, Some(manager), &self.people_under(&cell, urgent, manager), true);
                    Told { people: RoaringBitmap::from_iter([manager]), event: Event::Urgent(seen), latest: None }
                });
                each.collect()
            }
            // Somebody else reaches them; the pop-up is there already.
            Some(UrgentWay::Push | UrgentWay::Sms | UrgentWay::Phone) => Vec::new(),
            Some(UrgentWay::Remind) | None => [UrgentStanding::Pending, UrgentStanding::Delivered, UrgentStanding::Shown]
                .into_iter()
                .filter_map(|standing| {
                    let people = if urgent.over.is_some() { RoaringBitmap::new() } else { urgent.people_at(standing) };
                    let seen = || UrgentSeen { standing, ..self.seen(urgent, &shown, None, &RoaringBitmap::new(), false) };
                    (!people.is_empty()).then(|| Told { people, event: Event::Urgent(seen()), latest: None })
                })
                .collect(),
        });
        Ok(told.unwrap_or_default())
    }

    /// The message of an urgent as it stands now.
    pub(super) async fn shown(&self, cell: &Cell) -> Result<Arc<Shown>> {
        if let Some(shown) = &*cell.shown.lock() {
            return Ok(shown.clone());
        }
        let (chat, target) = cell.with(|urgent| (urgent.chat_key(), urgent.target)).ok_or_else(Error::urgent_not_found)?;
        let (message, chat_name) = self.chats.message_as_it_stands(chat, target).await?;
        let named = match &message.change {
            protocol::record::Change::Message(said) => said.mentions.clone(),
            _ => Vec::new(),
        };
        let named = named.iter().chain([&message.by]).filter_map(|user_id| self.chats.directory.index(user_id));
        let people = named.map(|user| self.chats.directory.card(user)).collect();
        let shown = Arc::new(Shown { message, chat_name, people });
        *cell.shown.lock() = Some(shown.clone());
        Ok(shown)
    }

    /// An urgent as somebody sees it. `about`: the people of whom it tells a manager.
    fn seen(&self, urgent: &Urgent, shown: &Shown, viewer: Option<u32>, about: &RoaringBitmap, as_manager: bool) -> UrgentSeen {
        let directory = &self.chats.directory;
        let begun = |way| urgent.attempts_by(way).count() as u32;
        // Managers are reminded by steps of their own.
        let of_managers = if as_manager { begun(UrgentWay::Manager).saturating_sub(1) } else { 0 };
        UrgentSeen {
            urgent_id: self.chats.seal.urgent_id(ChatKey(urgent.key)),
            message: shown.message.clone(),
            chat_name: shown.chat_name.clone(),
            raised_by: directory.card(urgent.by),
            raised_at_ms: urgent.raised_at_ms,
            deadline_at_ms: urgent.deadline_at_ms,
            reminder: begun(UrgentWay::Remind) + of_managers,
            standing: viewer.and_then(|viewer| urgent.standing(viewer)).unwrap_or(UrgentStanding::Pending),
            about: about.iter().take(ABOUT_SHOWN).map(|user| directory.card(user)).collect(),
            about_count: if as_manager { about.len().max(1) as u32 } else { 0 },
            over: urgent.over.map(|(why, _)| why),
            counts: viewer.filter(|viewer| *viewer == urgent.by).map(|_| counts_of(&self.chats.seal, urgent)),
            people: shown.people.clone(),
        }
    }

    /// May somebody have open urgents?
    pub fn any_of(&self, user: u32) -> bool {
        self.index.any_of(user)
    }

    /// The open urgents of somebody who has just come, the oldest first.
    ///
    /// # Errors
    /// A message cannot be read now.
    pub async fn open_of(&self, user: u32, limit: usize) -> Result<Vec<UrgentSeen>> {
        let mut seen = Vec::new();
        for cell in self.cells_of(user) {
            if seen.len() >= limit {
                break;
            }
            if let Some(urgent) = self.open_for(&cell, user).await? {
                seen.push(urgent);
            }
        }
        Ok(seen)
    }

    /// An urgent, when it is open for somebody: for the person, or for the person as a manager.
    async fn open_for(&self, cell: &Cell, user: u32) -> Result<Option<UrgentSeen>> {
        let (asks, manager) = cell.with(|urgent| (urgent.asks(user), urgent.asks_manager(user))).unwrap_or_default();
        if !asks && !manager {
            return Ok(None);
        }
        let shown = self.shown(cell).await?;
        Ok(cell.with(|urgent| {
            let about = if asks { RoaringBitmap::new() } else { self.people_under(cell, urgent, user) };
            self.seen(urgent, &shown, Some(user), &about, !asks)
        }))
    }

    /// A list of urgents, of the last month.
    ///
    /// # Errors
    /// `InvalidValue`: a page that is none.
    pub async fn list(&self, user: u32, command: GetUrgents) -> Result<UrgentPage> {
        let limit = command.limit.unwrap_or(20).clamp(1, limits::PAGE_MAX) as usize;
        let after = match command.page.as_deref().map(|page| u64::from_str_radix(page, 16)) {
            None => None,
            Some(Ok(after)) => Some(ChatKey(after)),
            Some(Err(_)) => return Err(Error::invalid("page", "it is not a `next` of this list")),
        };
        let open = self.cells_of(user);
        let is_open = |urgent: &Urgent| urgent.asks(user) || urgent.asks_manager(user);
        let open_count = open.iter().filter(|cell| cell.with(is_open) == Some(true)).count() as u32;
        let mut cells: Vec<Arc<Cell>> = match command.list {
            UrgentList::Open => open.into_iter().filter(|cell| cell.with(is_open) == Some(true)).collect(),
            UrgentList::Confirmed => self.cells_where(|urgent| urgent.confirmed.contains(user)),
            UrgentList::Raised => self.cells_where(|urgent| urgent.by == user),
        };
        match command.list {
            UrgentList::Open => cells.retain(|cell| after.is_none_or(|after| cell.key > after)),
            _ => cells.retain(|cell| after.is_none_or(|after| cell.key < after)),
        }
        let next = cells.get(limit - 1).filter(|_| cells.len() > limit).map(|last| format!("{:x}", last.key.0));
        let mut urgents = Vec::with_capacity(limit.min(cells.len()));
        for cell in cells.iter().take(limit) {
            let shown = self.shown(cell).await?;
            urgents.extend(cell.with(|urgent| {
                let as_manager = !urgent.audience.contains(user) && urgent.managers.contains(user);
                let about = if as_manager { self.people_under(cell, urgent, user) } else { RoaringBitmap::new() };
                self.seen(urgent, &shown, Some(user), &about, as_manager)
            }));
        }
        Ok(UrgentPage { urgents, next, open_count })
    }

    /// Urgents in memory, the last first.
    fn cells_where(&self, fits: impl Fn(&Urgent) -> bool) -> Vec<Arc<Cell>> {
        let mut cells: Vec<Arc<Cell>> =
            self.cells.iter().filter(|cell| cell.with(&fits) == Some(true)).map(|cell| cell.value().clone()).collect();
        cells.sort_unstable_by_key(|cell| std::cmp::Reverse(cell.key));
        cells
    }

    /// An urgent, with its counts, for who may see its report.
    pub(super) async fn seen_by_who_asks(&self, cell: &Cell, user: u32) -> Result<Option<UrgentSeen>> {
        let shown = self.shown(cell).await?;
        Ok(cell.with(|urgent| UrgentSeen {
            counts: Some(counts_of(&self.chats.seal, urgent)),
            ..self.seen(urgent, &shown, Some(user), &RoaringBitmap::new(), false)
        }))
    }
}
