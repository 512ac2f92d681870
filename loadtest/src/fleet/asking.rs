//! Questions beside messages: pages of a chat, and who is there.

use super::{Fleet, Stage, Wait};
use crate::readiness::now_ns;
use protocol::codec::Encoding;
use protocol::command::{History, Watch};
use rand::RngExt as _;

/// How long the answers to `watch` may take.
const WATCHED_NS_MAX: u64 = 120_000_000_000;
/// Watches that wait for their answer at once.
const WATCHES_WAITING_MAX: u32 = 256;

impl Fleet {
    /// Somebody asks for the last page of one of their chats.
    pub(super) fn ask_any_page(&mut self, intended_ns: u64) {
        let at = self.rng.random_range(0..self.clients.len() as u32);
        let client = &self.clients[at as usize];
        if client.seats > 0 {
            let seat = client.seats_from + self.rng.random_range(0..client.seats);
            self.ask_page(at, self.seats[seat as usize].chat, intended_ns);
        }
    }

    /// Everybody who is in the first chat asks for its last page, at the same time.
    pub(super) fn ask_all_for_a_page(&mut self) {
        let Some(first) = self.chats.first() else { return };
        let members = first.members.clone();
        let now = now_ns();
        members.into_iter().for_each(|at| self.ask_page(at, 0, now));
    }

    fn ask_page(&mut self, at: u32, chat: u32, intended_ns: u64) {
        let client = &self.clients[at as usize];
        if client.stage != Stage::Here || client.stalled {
            return;
        }
        let id = self.wait_for(at, Wait::Page, chat, intended_ns, 0);
        let history = History { chat_id: self.chats[chat as usize].id, ..History::default() };
        self.command(at, &Encoding::Msgpack.command(id, &history));
    }

    /// A page came, or was refused.
    pub(super) fn take_page(&mut self, came: bool, intended_ns: u64, now: u64) {
        if came {
            self.counts.pages += 1;
            self.paged.record_ns(now.saturating_sub(intended_ns));
        } else {
            self.counts.refused += 1;
        }
    }

    /// Every session watches so many others of these clients. Returns when all are watched.
    pub fn watch_others(&mut self, each: u32) -> Result<(), String> {
        if self.clients.len() < 2 {
            return Ok(());
        }
        self.came_ns = vec![0; self.clients.len()];
        self.client_of = self.identities.iter().enumerate().map(|(at, identity)| (identity.user.clone(), at as u32)).collect();
        let until = now_ns() + WATCHED_NS_MAX;
        for at in 0..self.clients.len() as u32 {
            if self.clients[at as usize].stage != Stage::Here {
                continue;
            }
            let whom = (0..each).map(|_| self.identities[self.rng.random_range(0..self.identities.len())].user.to_string()).collect();
            let id = self.wait_for(at, Wait::Watch, 0, 0, 0);
            self.command(at, &Encoding::Msgpack.command(id, &Watch { user_ids: whom }));
            while self.watches_waiting() >= WATCHES_WAITING_MAX {
                self.turn(now_ns() + 1_000_000)?;
            }
        }
        while self.watches_waiting() > 0 {
            if now_ns() > until {
                return Err("`watch` was not answered".to_owned());
            }
            self.turn(now_ns() + 1_000_000)?;
        }
        Ok(())
    }

    fn watches_waiting(&self) -> u32 {
        self.waiting.iter().filter(|waiting| waiting.kind == Wait::Watch).count() as u32
    }

    /// A watcher was told that somebody is there or away.
    pub(super) fn told_presence(&mut self, user: &str, online: bool, now: u64) {
        self.counts.presence += 1;
        let Some(at) = self.client_of.get(user) else { return };
        let came_ns = self.came_ns[*at as usize];
        if online && came_ns > 0 {
            self.presence_told.record_ns(now.saturating_sub(came_ns));
        }
    }
}
