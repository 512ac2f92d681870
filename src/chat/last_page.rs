//! The last page of a chat is the same for everybody but for whom a reaction is their own: after a message to everybody,
//! thousands open it at the same moment, and it is shaped and encoded once.

use super::ChatKey;
use super::history::Folded;
use crate::error::Result;
use crate::limits;
use crate::session::SharedReply;
use parking_lot::Mutex;
use protocol::codec::Encoding;
use protocol::command::HistoryPage;
use protocol::record::{Change, Record};
use roaring::RoaringBitmap;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// A page is handed out for so long after it was asked for first. What was said or done since is another page; only names of people may
/// be that old.
const HANDED_OUT: Duration = Duration::from_secs(1);
/// Pages that are handed out at once.
const PAGES_MAX: usize = 16;

/// What makes a page what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PageKey {
    pub chat: ChatKey,
    pub from: u64,
    /// Last seq of the chat: whatever is done to a message of the page is a record behind it.
    pub last: u64,
    /// Last seq that was committed when it was asked for.
    pub committed: u64,
    /// Nothing before it is shown.
    pub start: bool,
}

/// A page as it is seen by whoever has not reacted to anything in it, and who has.
pub struct Page {
    reply: SharedReply<HistoryPage>,
    reactors: Vec<Reactors>,
    /// Bytes of its records as they are kept, about.
    bytes: usize,
}

struct Reactors {
    record: usize,
    reaction: usize,
    users: RoaringBitmap,
}

impl Page {
    /// A page whose reactions are nobody's own yet.
    pub(super) fn new(page: HistoryPage, folded: &Folded, bytes: usize) -> Self {
        let mut reactors = Vec::new();
        for (record, shown) in page.records.iter().enumerate() {
            if reactions(shown).is_some_and(|reactions| !reactions.is_empty()) {
                for (reaction, (_, records)) in folded.reactions_of(shown.seq).into_iter().enumerate() {
                    reactors.push(Reactors { record, reaction, users: records.iter().map(|record| record.by).collect() });
                }
            }
        }
        Self { reply: SharedReply::new(page), reactors, bytes }
    }

    /// The page as somebody sees it.
    pub fn seen_by(&self, user: u32) -> HistoryPage {
        let mut page = self.reply.body().clone();
        for Reactors { record, reaction, .. } in self.reactors.iter().filter(|reactors| reactors.users.contains(user)) {
            if let Change::Message(message) = &mut page.records[*record].change
                && let Some(own) = message.reactions.get_mut(*reaction)
            {
                own.mine = true;
            }
        }
        page
    }

    /// The frame that answers somebody's command.
    pub fn frame(&self, user: u32, encoding: Encoding, id: u32) -> crate::session::Frame {
        if self.reactors.iter().any(|reactors| reactors.users.contains(user)) {
            return SharedReply::new(self.seen_by(user)).frame(encoding, id);
        }
        self.reply.frame(encoding, id)
    }
}

fn reactions(record: &Record) -> Option<&[protocol::record::Reaction]> {
    match &record.change {
        Change::Message(message) => Some(&message.reactions),
        _ => None,
    }
}

struct Handed {
    since: Instant,
    page: Arc<OnceCell<Arc<Page>>>,
}

impl Handed {
    fn good(&self) -> bool {
        self.since.elapsed() < HANDED_OUT
    }
}

/// Last pages of this moment.
#[derive(Default)]
pub(super) struct LastPages(Mutex<HashMap<PageKey, Handed>>);

impl LastPages {
    /// The page that somebody else has just asked for, or is asking for; else it is made.
    pub async fn get_or_make(&self, key: PageKey, make: impl Future<Output = Result<Page>>) -> Result<Arc<Page>> {
        let Some(cell) = self.cell(key) else { return make.await.map(Arc::new) };
        let page = cell.get_or_try_init(|| async { make.await.map(Arc::new) }).await?.clone();
        if page.bytes > limits::LAST_PAGE_SHARED_BYTES_MAX {
            self.0.lock().remove(&key);
        }
        Ok(page)
    }

    fn cell(&self, key: PageKey) -> Option<Arc<OnceCell<Arc<Page>>>> {
        let mut pages = self.0.lock();
        if let Some(handed) = pages.get(&key).filter(|handed| handed.good()) {
            return Some(handed.page.clone());
        }
        pages.retain(|_, handed| handed.good());
        if pages.len() >= PAGES_MAX {
            return None;
        }
        let page = Arc::default();
        pages.insert(key, Handed { since: Instant::now(), page: Arc::clone(&page) });
        Some(page)
    }

    /// Lets go of pages that are not handed out any more.
    pub fn sweep(&self) {
        self.0.lock().retain(|_, handed| handed.good());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(chat: u64, last: u64) -> PageKey {
        PageKey { chat: ChatKey(chat), from: 1, last, committed: last, start: true }
    }

    fn page(last: u64, bytes: usize) -> Page {
        let page = HistoryPage { from_seq: 1, to_seq: last, records: Vec::new(), start: true, end: true, people: Vec::new() };
        Page::new(page, &Folded::default(), bytes)
    }

    #[tokio::test]
    async fn a_page_is_made_once_for_all_who_ask_and_anew_when_something_was_said() {
        let (pages, made) = (LastPages::default(), AtomicUsize::new(0));
        let count = |key: PageKey, bytes| {
            let made = &made;
            let pages = &pages;
            async move {
                let make = async {
                    made.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(page(key.last, bytes))
                };
                pages.get_or_make(key, make).await.unwrap()
            }
        };
        let all = futures_util::future::join_all((0..100).map(|_| count(key(1, 5), 10))).await;
        assert_eq!((made.load(Ordering::Relaxed), all.len()), (1, 100));
        assert_eq!(count(key(1, 6), 10).await.seen_by(3).to_seq, 6);
        assert_eq!(made.load(Ordering::Relaxed), 2);
        // A large one is handed to those who wait for it, and not kept.
        let large = limits::LAST_PAGE_SHARED_BYTES_MAX + 1;
        count(key(2, 1), large).await;
        count(key(2, 1), large).await;
        assert_eq!(made.load(Ordering::Relaxed), 4);
        for chat in 10..40 {
            count(key(chat, 1), 10).await;
        }
        assert_eq!(pages.0.lock().len(), PAGES_MAX);
    }

    #[tokio::test]
    async fn a_page_that_could_not_be_read_is_asked_for_again() {
        let pages = LastPages::default();
        let refused = pages.get_or_make(key(1, 1), async { Err(crate::error::Error::busy("the store is away")) }).await;
        assert!(refused.is_err());
        assert!(pages.get_or_make(key(1, 1), async { Ok(page(1, 10)) }).await.is_ok());
    }
}
