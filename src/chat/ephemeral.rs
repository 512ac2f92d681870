//! Cards that only one person sees in a group. They are no records: nothing of them is in the chat's order. Each is kept
//! until a device has got it, for a week at most, and so is the word that one is gone.

use super::elsewhere::Changed;
use super::number::{COUNT_BITS, Numbers};
use super::{ChatKey, Chats};
use crate::error::{Error, Result};
use crate::limits;
use crate::store::tables::{self, Table};
use crate::store::{Range, Store, Write};
use parking_lot::Mutex;
use protocol::content::{Card, Content};
use protocol::event::{Ephemeral, EphemeralGone, Event};
use protocol::ids::MessageId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Rows that are read or removed at once.
const AT_ONCE: usize = 1_000;

/// An event for one person that is no record.
#[derive(Debug, Clone)]
pub struct Aside {
    /// Index of the person.
    pub user: u32,
    /// The event.
    pub event: Event,
}

/// One card, or the word that it is gone. Kept as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    chat: u64,
    by: u32,
    at_ms: u64,
    /// None: it is gone.
    card: Option<String>,
}

/// What waits to be got, and the way to those who are here.
pub(super) struct Ephemerals {
    /// Numbers of what waits, by person, oldest first.
    waiting: Mutex<HashMap<u32, Vec<u64>>>,
    count: AtomicU64,
    numbers: Numbers,
    asides: mpsc::Sender<Aside>,
    receiver: Mutex<Option<mpsc::Receiver<Aside>>>,
}

impl Ephemerals {
    pub(super) async fn load(store: &dyn Store) -> Result<Self> {
        let (mut waiting, mut count): (HashMap<u32, Vec<u64>>, u64) = Default::default();
        let mut range = Range::first(AT_ONCE);
        loop {
            let rows = store.scan(Table::EphemeralOrder, tables::none(), range).await?;
            for (row, _) in &rows {
                if let (Some(number), Some(user)) = (tables::read_u64(row, 0), tables::read_u32(row, 8)) {
                    waiting.entry(user).or_default().push(number);
                    count += 1;
                }
            }
            match rows.last() {
                Some((row, _)) if rows.len() == AT_ONCE => range = Range::after(row.clone(), AT_ONCE),
                _ => break,
            }
        }
        let (asides, receiver) = mpsc::channel(limits::ASIDES_WAITING_MAX);
        Ok(Self {
            waiting: Mutex::new(waiting),
            count: AtomicU64::new(count),
            numbers: Numbers::default(),
            asides,
            receiver: Mutex::new(Some(receiver)),
        })
    }

    fn tell(&self, aside: Aside) {
        // What does not fit is told when the person's device comes the next time: it is kept.
        if self.asides.try_send(aside).is_err() {
            tracing::debug!("more events for single people are waiting than fit");
        }
    }

    /// Something waits for a person.
    pub(super) fn remember(&self, user: u32, number: u64) {
        let mut waiting = self.waiting.lock();
        let numbers = waiting.entry(user).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn forget(&self, user: u32, number: u64) -> bool {
        let mut waiting = self.waiting.lock();
        let Some(numbers) = waiting.get_mut(&user) else { return false };
        let before = numbers.len();
        numbers.retain(|known| *known != number);
        let gone = numbers.len() < before;
        if numbers.is_empty() {
            waiting.remove(&user);
        }
        if gone {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
        gone
    }
}

fn rows(user: u32, number: u64) -> (tables::Key, tables::Key, tables::Key) {
    (tables::u32_key(user), tables::u64_key(number), tables::KeyMaker::default().u64(number).u32(user).done())
}

fn gone_rows(user: u32, number: u64) -> [Write; 2] {
    let (partition, row, order) = rows(user, number);
    [Write::Delete(Table::Ephemerals, partition, row), Write::Delete(Table::EphemeralOrder, tables::none(), order)]
}

impl Chats {
    /// The events for single people; only one can take them.
    pub fn asides(&self) -> Option<mpsc::Receiver<Aside>> {
        self.ephemerals.receiver.lock().take()
    }

    /// Shows a card to one member of a group, and to nobody else.
    pub async fn send_ephemeral(&self, bot: u32, key: ChatKey, to: u32, card: String) -> Result<MessageId> {
        let key = super::group::group_key(key, "card for one person")?;
        let head = self.head(key).await?;
        {
            let state = head.lock();
            let (_, rights) = state.rights(key, bot)?;
            if state.info.dissolved {
                return Err(Error::dissolved());
            }
            if !rights.post {
                return Err(Error::not_allowed("post", "the group's configuration reserves posting"));
            }
            if !state.members.contains(to) {
                return Err(Error::person_not_found(&self.directory.user_id(to)));
            }
        }
        let (content, mut writes) = self.checked(bot, key, Content::Card(Card { card, ..Card::default() })).await?;
        let Content::Card(Card { card, .. }) = content else { return Err(Error::invalid("card", "it is none")) };
        if self.ephemerals.count.load(Ordering::Acquire) >= limits::EPHEMERALS_MAX {
            return Err(Error::busy("as many cards for single people are waiting as are kept"));
        }
        let number = self.ephemerals.numbers.next(self.clock.now_ms());
        let kept = Kept { chat: key.0, by: bot, at_ms: self.clock.now_ms(), card: Some(card) };
        let oldest = {
            let waiting = self.ephemerals.waiting.lock();
            waiting
                .get(&to)
                .filter(|numbers| numbers.len() >= limits::EPHEMERALS_OF_A_PERSON_MAX)
                .and_then(|numbers| numbers.first().copied())
        };
        writes.extend(oldest.into_iter().flat_map(|number| gone_rows(to, number)));
        self.keep_ephemeral(to, number, &kept, writes).await?;
        if let Some(oldest) = oldest {
            self.ephemeral_went(to, oldest);
        }
        self.ephemerals.tell(Aside { user: to, event: self.ephemeral_event(to, number, kept) });
        Ok(self.seal.ephemeral_id(number, to, bot))
    }

    /// Takes such a card away. Doing so again is no error.
    pub async fn delete_ephemeral(&self, bot: u32, message_id: MessageId) -> Result<()> {
        let Some((number, user, by)) = self.seal.ephemeral(message_id).filter(|(_, _, by)| *by == bot) else {
            return Err(Error::message_not_found());
        };
        let (partition, row, _) = rows(user, number);
        let waiting = self.store.get(Table::Ephemerals, partition, row).await?;
        let known = waiting.as_deref().and_then(|json| serde_json::from_slice::<Kept>(json).ok());
        // The chat of one that was got already is not known any more; devices find it by its id.
        let kept = Kept { chat: known.map_or(0, |kept| kept.chat), by, at_ms: self.clock.now_ms(), card: None };
        self.keep_ephemeral(user, number, &kept, Vec::new()).await?;
        self.ephemerals.tell(Aside { user, event: self.ephemeral_event(user, number, kept) });
        Ok(())
    }

    async fn keep_ephemeral(&self, user: u32, number: u64, kept: &Kept, mut writes: Vec<Write>) -> Result<()> {
        let (partition, row, order) = rows(user, number);
        let json = serde_json::to_vec(kept).expect("a card is plain data");
        writes.extend([
            Write::Put(Table::Ephemerals, partition, row, json),
            Write::Put(Table::EphemeralOrder, tables::none(), order, Vec::new()),
        ]);
        self.store.write(writes).await?;
        self.ephemerals.remember(user, number);
        self.tell_changed(Changed::EphemeralCame { user, number });
        Ok(())
    }

    fn ephemeral_went(&self, user: u32, number: u64) {
        self.ephemerals.forget(user, number);
        self.tell_changed(Changed::EphemeralWent { user, number });
    }

    fn ephemeral_event(&self, user: u32, number: u64, kept: Kept) -> Event {
        let message_id = self.seal.ephemeral_id(number, user, kept.by);
        let chat_id = self.seal.chat_id(ChatKey(kept.chat));
        match kept.card {
            Some(card) => Event::Ephemeral(Ephemeral { message_id, chat_id, by: self.directory.card(kept.by), at_ms: kept.at_ms, card }),
            None => Event::EphemeralGone(EphemeralGone { message_id, chat_id }),
        }
    }

    /// Does anything of this kind wait for a person?
    pub fn has_ephemerals(&self, user: u32) -> bool {
        self.ephemerals.waiting.lock().contains_key(&user)
    }

    /// What waits for a person, oldest first; of groups that they have left nothing.
    pub async fn waiting_ephemerals(&self, user: u32) -> Result<Vec<Event>> {
        let rows = self.store.scan(Table::Ephemerals, tables::u32_key(user), Range::first(2 * limits::EPHEMERALS_OF_A_PERSON_MAX)).await?;
        let mut events = Vec::with_capacity(rows.len());
        for (row, json) in rows {
            let (Some(number), Ok(kept)) = (tables::read_u64(&row, 0), serde_json::from_slice::<Kept>(&json)) else { continue };
            if kept.card.is_none() || self.in_any(user, &[kept.chat]).await? {
                events.push(self.ephemeral_event(user, number, kept));
            }
        }
        Ok(events)
    }

    /// A device has got these; they do not come again.
    pub async fn got_ephemeral(&self, user: u32, message_ids: &[MessageId]) -> Result<()> {
        if message_ids.len() > limits::PAGE_MAX as usize {
            return Err(Error::too_large("the list of cards", message_ids.len() as u64, u64::from(limits::PAGE_MAX), "ids"));
        }
        let mut writes = Vec::new();
        for message_id in message_ids {
            let Some((number, _, _)) = self.seal.ephemeral(*message_id).filter(|(_, to, _)| *to == user) else {
                return Err(Error::message_not_found());
            };
            if self.ephemerals.waiting.lock().get(&user).is_some_and(|numbers| numbers.contains(&number)) {
                writes.extend(gone_rows(user, number));
                self.ephemeral_went(user, number);
            }
        }
        if writes.is_empty() { Ok(()) } else { self.store.write(writes).await }
    }

    /// Lets go of what nobody has come for within a week.
    pub(super) async fn sweep_ephemerals(&self) -> Result<()> {
        let until = self.clock.now_ms().saturating_sub(limits::EPHEMERAL_AGE_MS) << COUNT_BITS;
        let mut range = Range::between(tables::none(), tables::u64_key(until), AT_ONCE);
        loop {
            let old = self.store.scan(Table::EphemeralOrder, tables::none(), range.clone()).await?;
            let mut writes = Vec::with_capacity(2 * old.len());
            for (row, _) in &old {
                let (Some(number), Some(user)) = (tables::read_u64(row, 0), tables::read_u32(row, 8)) else { continue };
                writes.extend(gone_rows(user, number));
                self.ephemerals.forget(user, number);
            }
            let Some((last, _)) = old.last().filter(|_| !writes.is_empty()) else { return Ok(()) };
            // Not from the front: what has just been removed may still cost the store a look.
            range.from = std::ops::Bound::Excluded(last.clone());
            self.store.write(writes).await?;
        }
    }
}
