//! Clients of a cluster whose nodes die: they go to another node, keep what they wrote, and send it again until it is acknowledged.
//!
//! What makes a violation visible: each client has one send on its way at a time, under the same client_message_id until it is
//! acknowledged. So an acknowledged message must be there once, behind everything that was acknowledged in its chat before it was
//! first sent. Every acknowledgement is kept, for the reckoning at the end.

use super::{Fleet, Seat, Stage, Wait, Waiting};
use crate::arrivals::Arrivals;
use crate::incoming::ReceiptSeen;
use crate::readiness::now_ns;
use protocol::codec::Encoding;
use protocol::command::ReceiptUpTo;
use protocol::ids::ChatId;
use rand::RngExt as _;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

/// A busy machine may be late by this much before a session is called silent.
pub(super) const SILENCE_GRACE_MS: u64 = 1_500;
/// A node that does not welcome within this time is left for another.
pub(super) const SIGN_IN_NS_MAX: u64 = 5_000_000_000;
/// A node that does not answer a send within this time is left for another.
const ANSWER_NS_MAX: u64 = 8_000_000_000;
/// The same for a sync, which may have many pages.
const SYNCED_NS_MAX: u64 = 20_000_000_000;
/// A node that refuses a send for so long is left for another.
const REFUSALS_NS_MAX: u64 = 4_000_000_000;
/// Pause before a refused command is given again.
const AGAIN_NS: u64 = 200_000_000;
/// Letters that are told of because they waited longest.
const SLOWEST: usize = 10;
/// Steps of a device's way that are remembered.
const TRAIL: usize = 12;
/// How often clients say how far they have read.
const BETWEEN_RECEIPTS_NS: u64 = 1_000_000_000;

/// An acknowledged message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its place.
    pub seq: u64,
    /// Its sender and number.
    pub message: u64,
    /// When it was given to the server, the time that counted.
    pub sent_ns: u64,
    /// When the acknowledgement came.
    pub acked_ns: u64,
}

/// What clients of a cluster remember.
#[derive(Default)]
pub struct Survival {
    devices: Vec<Device>,
    begun_ns: u64,
    /// By chat: everything that was acknowledged.
    pub kept: Vec<Vec<Kept>>,
    /// By chat: people who come and go.
    pub guests: Vec<Vec<u32>>,
    /// By seat: the place that was said to be read.
    pub read: Vec<u64>,
    /// Times that a client went to another node.
    pub moves: u64,
    /// Times that a node was left because a sync there came to no end.
    pub not_synced: u64,
    /// Sends that were refused for now and given again.
    pub refused: u64,
    /// Those that waited longest, the longest first.
    pub slowest: Vec<Slow>,
}

#[derive(Default)]
struct Device {
    letters: VecDeque<Letter>,
    /// When the first letter was given to the server; none: it is not on its way.
    on_its_way_ns: Option<u64>,
    again_ns: u64,
    refused_since_ns: Option<u64>,
    resync_ns: Option<u64>,
    recovering_ns: Option<u64>,
    said_ns: u64,
    /// Its last sessions: where, when, and with which cursors.
    trail: VecDeque<String>,
    /// What this session was told of others: by chat and person, delivered and read.
    receipts: HashMap<(ChatId, String), (u64, u64)>,
}

#[derive(Clone, Copy)]
struct Letter {
    chat: u32,
    number: u32,
    intended_ns: u64,
    /// The largest seq that was acknowledged in the chat when it was first sent.
    behind: Option<u64>,
    tries: Tries,
}

/// What became of a letter before it was acknowledged.
#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    first_ns: u64,
    given: u32,
    refused: u32,
    /// Codes of the first and the last refusal.
    codes: (u16, u16),
}

/// A letter that waited long.
#[derive(Debug, Clone)]
pub struct Slow {
    /// From when it was first given until it was acknowledged.
    pub waited_ns: u64,
    /// In words.
    pub words: String,
}

impl Fleet {
    /// From now on nodes may die. `guests` are the people of each chat who come and go and are not judged.
    pub fn begin_surviving(&mut self, guests: Vec<Vec<u32>>) {
        self.surviving = true;
        self.survival = Some(Survival {
            devices: self.clients.iter().map(|_| Device::default()).collect(),
            kept: self.chats.iter().map(|_| Vec::new()).collect(),
            read: vec![0; self.seats.len()],
            begun_ns: now_ns(),
            guests,
            ..Survival::default()
        });
    }

    /// What clients remember.
    pub fn survival(&self) -> Option<&Survival> {
        self.survival.as_ref()
    }

    /// Id, members and base of each chat.
    pub fn chats(&self) -> impl Iterator<Item = (ChatId, &[u32])> {
        self.chats.iter().map(|chat| (chat.id, chat.members.as_slice()))
    }

    /// What client_message_ids of this run begin with.
    pub fn mark(&self) -> u32 {
        self.run.mark
    }

    /// Letters that are not acknowledged: sender and number.
    pub fn open_letters(&self) -> Vec<u64> {
        let devices = self.survival.iter().flat_map(|survival| survival.devices.iter().enumerate());
        devices.flat_map(|(at, device)| device.letters.iter().map(move |letter| (at as u64) << 32 | u64::from(letter.number))).collect()
    }

    /// By seat of a client: chat, and how far it said to have read.
    pub fn said_read(&self, at: u32) -> Vec<(ChatId, u64)> {
        let Some(survival) = &self.survival else { return Vec::new() };
        let client = &self.clients[at as usize];
        (client.seats_from as usize..(client.seats_from + client.seats) as usize)
            .map(|seat| (self.chats[self.seats[seat].chat as usize].id, survival.read[seat]))
            .collect()
    }

    /// Writes letters at this rate and lets `hops` devices a second change their node, until `over`.
    pub fn write_letters(&mut self, rate: f64, hops: f64, mut over: impl FnMut() -> bool) -> Result<(), String> {
        let begin = now_ns();
        let mut arrivals = Arrivals::new(rate, begin, u64::MAX, self.rng.random());
        let mut hopping = Arrivals::new(hops, begin, u64::MAX, self.rng.random());
        while !over() {
            while let Some(intended) = arrivals.take(now_ns()) {
                self.write_letter(intended);
            }
            if hopping.take(now_ns()).is_some() {
                let at = self.rng.random_range(0..self.clients.len() as u32);
                if self.clients[at as usize].stage == Stage::Here {
                    self.move_on(at, None);
                }
            }
            self.turn(now_ns() + TURN_NS)?;
        }
        Ok(())
    }

    fn write_letter(&mut self, intended_ns: u64) {
        let (chat, at) = self.draw();
        let number = self.next_message;
        self.next_message += 1;
        self.counts.sent += 1;
        if let Some(survival) = &mut self.survival {
            survival.devices[at as usize].letters.push_back(Letter { chat, number, intended_ns, behind: None, tries: Tries::default() });
        }
    }

    /// Waits until every letter is acknowledged, everybody is there, and everything has come, or this long.
    pub fn deliver_letters(&mut self, seconds_max: f64) -> Result<(), String> {
        let until = now_ns() + (seconds_max * 1e9) as u64;
        while now_ns() < until {
            let open = self.survival.iter().flat_map(|survival| &survival.devices).any(|device| !device.letters.is_empty());
            let away = self.clients.iter().any(|client| client.stage != Stage::Here || client.recovering);
            if !open && !away && self.everything_came() {
                return Ok(());
            }
            self.turn(now_ns() + TURN_NS)?;
        }
        let open = self.open_letters();
        for message in &open {
            self.faults.unanswered += 1;
            let user = &self.identities[(message >> 32) as usize].user;
            self.complain(format!("unanswered: {user} could not send a message within {seconds_max} s after everything was well again"));
        }
        for at in 0..self.clients.len() {
            if self.clients[at].stage != Stage::Here {
                self.faults.dropped_sessions += 1;
                self.complain(format!("dropped: {} was not let in after everything was well again", self.identities[at].user));
            }
        }
        for letter in self.survival.iter().flat_map(|survival| &survival.devices).flat_map(|device| &device.letters) {
            self.chats[letter.chat as usize].truth.unanswered += 1;
        }
        Ok(())
    }

    /// Gives what is due to the servers, and leaves nodes that do not answer.
    pub(super) fn survive(&mut self, now: u64) {
        let Some(mut survival) = self.survival.take() else { return };
        let mut leaving = Vec::new();
        for at in 0..self.clients.len() {
            if self.clients[at].stage != Stage::Here {
                continue;
            }
            let device = &mut survival.devices[at];
            match device.on_its_way_ns {
                Some(since) if now.saturating_sub(since) > ANSWER_NS_MAX => leaving.push(at as u32),
                None if now >= device.again_ns => {
                    if let Some(letter) = device.letters.front_mut() {
                        letter.behind.get_or_insert(self.chats[letter.chat as usize].truth.last_acked);
                        letter.tries.given += 1;
                        letter.tries.first_ns = if letter.tries.given == 1 { now } else { letter.tries.first_ns };
                        device.on_its_way_ns = Some(now);
                        self.give(at as u32, *letter);
                    }
                }
                _ => {}
            }
            let device = &mut survival.devices[at];
            if self.clients[at].recovering {
                let since = *device.recovering_ns.get_or_insert(now);
                if now.saturating_sub(since) > SYNCED_NS_MAX {
                    survival.not_synced += 1;
                    leaving.push(at as u32);
                }
            } else {
                device.recovering_ns = None;
            }
            if device.resync_ns.is_some_and(|at| now >= at) {
                device.resync_ns = None;
                self.ask_sync(at as u32, None);
            }
            if now.saturating_sub(device.said_ns) > BETWEEN_RECEIPTS_NS && !self.clients[at].recovering {
                device.said_ns = now;
                self.say_read(at as u32, &mut survival.read);
            }
        }
        self.survival = Some(survival);
        leaving.append(&mut self.lost_meanwhile);
        for at in leaving {
            self.move_on(at, None);
        }
    }

    fn give(&mut self, at: u32, letter: Letter) {
        let message = self.message_number(at, letter.number);
        let id = self.wait_for(at, Wait::Send, letter.chat, letter.intended_ns, message);
        let send = self.message(at, letter.chat, letter.number, letter.intended_ns);
        self.command(at, &Encoding::Msgpack.command(id, &send));
    }

    /// Says how far this client has read, in chats where it has got farther. All is said anew by a new session.
    fn say_read(&mut self, at: u32, read: &mut [u64]) {
        let client = &self.clients[at as usize];
        let seats = client.seats_from as usize..(client.seats_from + client.seats) as usize;
        for (seat, read) in seats.clone().zip(&mut read[seats]) {
            if self.seats[seat].excused {
                continue;
            }
            let chat = &self.chats[self.seats[seat].chat as usize];
            let upto = self.seats[seat].standing.whole_up_to(&chat.truth);
            let chat_id = chat.id;
            if upto > *read {
                *read = upto;
                let id = self.wait_for(at, Wait::Receipt, self.seats[seat].chat, 0, 0);
                let receipt = ReceiptUpTo { chat_id, delivered_seq: Some(upto), read_seq: Some(upto) };
                self.command(at, &Encoding::Msgpack.command(id, &receipt));
            }
        }
    }

    /// Says it all again: what a node had not written when it died is said by the clients. Then waits until all of it is taken, or this
    /// long: a node that has just found its store again may still refuse.
    pub fn say_read_again(&mut self, seconds_max: f64) -> Result<(), String> {
        let Some(mut survival) = self.survival.take() else { return Ok(()) };
        for at in 0..self.clients.len() as u32 {
            if self.clients[at as usize].stage == Stage::Here {
                self.forget_read(at, &mut survival.read);
                self.say_read(at, &mut survival.read);
            }
        }
        self.survival = Some(survival);
        for at in std::mem::take(&mut self.lost_meanwhile) {
            self.move_on(at, None);
        }
        let until = now_ns() + (seconds_max * 1e9) as u64;
        while now_ns() < until {
            if self.all_read_is_taken() {
                return Ok(());
            }
            self.turn(now_ns() + TURN_NS)?;
        }
        self.faults.unanswered += 1;
        self.complain(format!("unanswered: how far people have read was not taken within {seconds_max} s after everything was well again"));
        Ok(())
    }

    /// Has every client said how far it has read, and is none of it refused or without an answer?
    fn all_read_is_taken(&self) -> bool {
        let Some(survival) = &self.survival else { return true };
        let said = |seat: usize| {
            let Seat { chat, excused, standing } = &self.seats[seat];
            *excused || survival.read[seat] >= standing.whole_up_to(&self.chats[*chat as usize].truth)
        };
        self.clients.iter().all(|client| client.stage == Stage::Here)
            && (0..self.seats.len()).all(said)
            && self.waiting.iter().all(|waiting| waiting.kind != Wait::Receipt)
    }

    /// A node could not take how far somebody has read: it is said once more.
    pub(super) fn receipt_refused(&mut self, at: u32, chat: u32) {
        let Some(seat) = self.seat_in(at, chat) else { return };
        if let Some(survival) = &mut self.survival {
            survival.read[seat] = 0;
        }
    }

    fn forget_read(&self, at: u32, read: &mut [u64]) {
        let client = &self.clients[at as usize];
        read[client.seats_from as usize..(client.seats_from + client.seats) as usize].fill(0);
    }

    /// Leaves the node for another one.
    pub(super) fn move_on(&mut self, at: u32, after_ms: Option<u64>) {
        if self.clients[at as usize].stage == Stage::Away {
            return;
        }
        self.step(at, |cursor| format!("left with {cursor}"));
        self.part(at);
        let nodes = self.targets.len() as u16;
        let step = if nodes > 1 { self.rng.random_range(1..nodes) } else { 0 };
        let client = &mut self.clients[at as usize];
        client.node = (client.node + step) % nodes;
        if let Some(survival) = &mut self.survival {
            survival.moves += 1;
        }
        let after_ms = after_ms.unwrap_or_else(|| self.rng.random_range(50..300));
        self.retries.push(Reverse((now_ns() + after_ms * 1_000_000, at)));
    }

    /// What a device had asked of a node that it has left.
    pub(super) fn forget_device(&mut self, at: u32) {
        let Some(mut survival) = self.survival.take() else { return };
        let device = &mut survival.devices[at as usize];
        (device.on_its_way_ns, device.refused_since_ns, device.resync_ns, device.recovering_ns) = (None, None, None, None);
        device.receipts.clear();
        self.forget_read(at, &mut survival.read);
        self.survival = Some(survival);
    }

    /// Notes a step of a device's way, for who has to find out what went wrong.
    pub(super) fn step(&mut self, at: u32, words: impl FnOnce(&str) -> String) {
        let node = self.clients[at as usize].node;
        let cursor = self.clients[at as usize].cursor.as_deref().unwrap_or("none").to_owned();
        let Some(survival) = &mut self.survival else { return };
        let since_s = now_ns().saturating_sub(survival.begun_ns) as f64 / 1e9;
        let trail = &mut survival.devices[at as usize].trail;
        if trail.len() >= TRAIL {
            trail.pop_front();
        }
        trail.push_back(format!("{since_s:.1} s, node {node}: {}", words(&cursor)));
    }

    /// The way of a device.
    pub(super) fn trail(&self, at: usize) -> String {
        let Some(survival) = &self.survival else { return String::new() };
        survival.devices[at].trail.iter().fold(String::new(), |all, step| format!("{all}\n  {step}"))
    }

    /// The cursor that a session is to go on from.
    pub(super) fn cursor_to_resume(&self, at: u32) -> Option<String> {
        let client = &self.clients[at as usize];
        let goes_on = self.survival.is_some() || client.lost_ns > 0;
        client.cursor.as_ref().filter(|_| goes_on).map(|cursor| cursor.to_string())
    }

    /// Somebody who comes and goes in this chat.
    pub(super) fn is_guest(&self, at: u32, chat_id: ChatId) -> bool {
        let chat = self.chat_of.get(&chat_id);
        let guests = self.survival.as_ref().zip(chat).and_then(|(survival, chat)| survival.guests.get(*chat as usize));
        guests.is_some_and(|guests| guests.contains(&at))
    }

    /// Not now: a sync is asked for again, a session begins anew elsewhere.
    pub(super) fn refused_for_now(&mut self, at: u32, what: Wait, now: u64) {
        if what == Wait::Hello {
            return self.move_on(at, None);
        }
        if let Some(survival) = &mut self.survival {
            survival.devices[at as usize].resync_ns = Some(now + AGAIN_NS);
        }
    }

    /// A letter was refused. It is given again, and a node that goes on refusing is left.
    pub(super) fn send_refused(&mut self, at: u32, code: u16, now: u64) {
        if !(3_000..4_000).contains(&code) {
            self.faults.misrouted += 1;
            let user = &self.identities[at as usize].user;
            self.complain(format!("refused: a send of {user} to a chat that it is in was refused with error {code}"));
        }
        let Some(survival) = &mut self.survival else { return };
        survival.refused += 1;
        let device = &mut survival.devices[at as usize];
        device.on_its_way_ns = None;
        device.again_ns = now + AGAIN_NS;
        if let Some(letter) = device.letters.front_mut() {
            letter.tries.codes = (if letter.tries.refused == 0 { code } else { letter.tries.codes.0 }, code);
            letter.tries.refused += 1;
        }
        let since = *device.refused_since_ns.get_or_insert(now);
        if now.saturating_sub(since) > REFUSALS_NS_MAX {
            self.move_on(at, None);
        }
    }

    /// A letter was acknowledged: it is kept for the reckoning, and must stand behind what was acknowledged before it was sent.
    pub(super) fn letter_acknowledged(&mut self, at: u32, waiting: &Waiting, seq: u64, now: u64) {
        let Some(survival) = &mut self.survival else { return };
        let device = &mut survival.devices[at as usize];
        let sent_ns = device.on_its_way_ns.take().unwrap_or(now);
        device.refused_since_ns = None;
        let letter = device.letters.pop_front();
        survival.kept[waiting.chat as usize].push(Kept { seq, message: waiting.message, sent_ns, acked_ns: now });
        if let Some(Letter { tries: Tries { first_ns, given, refused, codes }, chat, .. }) = letter {
            let waited_ns = now.saturating_sub(first_ns);
            let (place, slowest) = (survival.slowest.partition_point(|slow| slow.waited_ns >= waited_ns), &mut survival.slowest);
            if place < SLOWEST {
                let user = &self.identities[at as usize].user;
                let words = format!(
                    "{:.1} s: {user} to chat {chat}, first given {:.1} s after the beginning; given {given} times, refused {refused} times ({codes:?})",
                    waited_ns as f64 / 1e9,
                    first_ns.saturating_sub(survival.begun_ns) as f64 / 1e9,
                );
                slowest.insert(place, Slow { waited_ns, words });
                slowest.truncate(SLOWEST);
            }
        }
        let behind = letter.and_then(|letter| letter.behind).unwrap_or(0);
        if seq <= behind {
            self.faults.reordered += 1;
            let (user, chat) = (&self.identities[at as usize].user, waiting.chat);
            self.complain(format!(
                "reordered: a message of {user} got seq {seq} of chat {chat}, and {behind} was acknowledged before it was sent"
            ));
        }
    }

    /// How far others have got only grows, within what one session is told.
    pub(super) fn judge_receipt(&mut self, at: u32, receipt: &ReceiptSeen) {
        let Some(survival) = &mut self.survival else { return };
        let seen = survival.devices[at as usize].receipts.entry((receipt.chat_id, receipt.user_id.to_owned())).or_default();
        let backwards = receipt.delivered_seq < seen.0 || receipt.read_seq < seen.1;
        let before = *seen;
        *seen = (seen.0.max(receipt.delivered_seq), seen.1.max(receipt.read_seq));
        if backwards {
            self.faults.backwards += 1;
            let now = (receipt.delivered_seq, receipt.read_seq);
            self.complain(format!(
                "backwards: {} was told that {} has got and read {before:?} of a chat, and then {now:?}",
                self.identities[at as usize].user, receipt.user_id
            ));
        }
    }
}

/// A turn of the loop ends at least so often, so that what is due is given.
const TURN_NS: u64 = 10_000_000;
