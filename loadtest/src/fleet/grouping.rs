//! Groups of the run, made through the protocol.

use super::{Chat, Fleet, Seat, Wait};
use crate::check::{Standing, Truth};
use crate::readiness::now_ns;
use protocol::chat::Chat as ChatTold;
use protocol::codec::Encoding;
use protocol::command::{AddMembers, CommandBody, CreateGroup, MembersResult};
use protocol::ids::UserId;

/// Owners that are connected at once. Few, so that the server's memory for sessions is not grown before it is measured.
const OWNERS_AT_ONCE: usize = 16;
/// How long the making of one wave of groups may take.
const SETUP_NS_MAX: u64 = 60_000_000_000;

impl Fleet {
    /// Makes one group of each list; the first of a list owns it. Then nobody is connected.
    pub fn make_groups(&mut self, lists: Vec<Vec<u32>>, online: impl Fn(u32) -> bool) -> Result<(), String> {
        for (wave, lists_of_wave) in lists.chunks(OWNERS_AT_ONCE).enumerate() {
            let first = wave * OWNERS_AT_ONCE;
            self.progress.step(&format!("making groups: {first} of {}", lists.len()));
            self.make_wave(first, lists_of_wave)?;
        }
        for (chat, members) in lists.into_iter().enumerate() {
            self.chats[chat].senders = members.iter().copied().filter(|member| online(*member)).collect();
            if self.chats[chat].senders.is_empty() {
                return Err(format!("group {chat} has nobody online to send: ask for more people, or smaller groups"));
            }
            self.chats[chat].members = members;
        }
        self.seat_everybody();
        Ok(())
    }

    fn make_wave(&mut self, first: usize, lists: &[Vec<u32>]) -> Result<(), String> {
        let mut owners: Vec<u32> = lists.iter().map(|list| list[0]).collect();
        owners.sort_unstable();
        owners.dedup();
        self.connect(&owners, 1e6)?;
        let batch = self.members_in_a_command();
        for (at, list) in lists.iter().enumerate() {
            let (now, later) = list[1..].split_at(batch.min(list.len() - 1));
            let group = CreateGroup {
                client_message_id: format!("{:x}-group-{:x}", self.run, first + at),
                name: format!("Load {}", first + at),
                user_ids: self.users(now),
                ..CreateGroup::default()
            };
            let chat: ChatTold = self.ask(list[0], &group)?;
            let mut head_seq = chat.head_seq;
            for members in later.chunks(batch) {
                let add = AddMembers { chat_id: chat.chat_id, user_ids: self.users(members), department_ids: Vec::new() };
                let result: MembersResult = self.ask(list[0], &add)?;
                if let Some(unknown) = result.unknown.first() {
                    return Err(format!("the server does not know {unknown}: import the people of this run first"));
                }
                head_seq = result.seq;
            }
            self.chat_of.insert(chat.chat_id, self.chats.len() as u32);
            self.chats.push(Chat { id: chat.chat_id, truth: Truth::new(head_seq), members: Vec::new(), senders: Vec::new() });
        }
        self.leave(&owners);
        Ok(())
    }

    /// How many people one command may name, with half of the frame to spare.
    fn members_in_a_command(&self) -> usize {
        let frame_bytes = self.limits.as_ref().map_or(64 << 10, |limits| limits.frame_bytes as usize);
        let user_bytes = self.identities.iter().map(|identity| identity.user.len() + 2).max().unwrap_or(1);
        (frame_bytes / 2 / user_bytes).clamp(1, MEMBERS_A_COMMAND_MAX)
    }

    fn users(&self, members: &[u32]) -> Vec<UserId> {
        members.iter().map(|member| self.identities[*member as usize].user.to_string()).collect()
    }

    /// Sends one command and waits for its reply.
    fn ask<C: CommandBody>(&mut self, at: u32, body: &C) -> Result<C::Reply, String> {
        let id = self.wait_for(at, Wait::Setup, 0, 0, 0);
        self.command(at, &Encoding::Msgpack.command(id, body));
        let until = now_ns() + SETUP_NS_MAX;
        while self.setups.is_empty() {
            let now = now_ns();
            if now >= until {
                return Err(format!("`{}` was not answered within a minute", C::NAME));
            }
            self.turn(until)?;
        }
        match self.setups.remove(0) {
            Ok(body) => Encoding::Msgpack.decode(&body).map_err(|error| format!("the reply to `{}` cannot be read: {error}", C::NAME)),
            Err(code) => Err(format!("`{}` was refused with error {code}", C::NAME)),
        }
    }

    /// Gives each client its seats, side by side.
    fn seat_everybody(&mut self) {
        for chat in &self.chats {
            for member in &chat.members {
                self.clients[*member as usize].seats += 1;
            }
        }
        let mut from = 0;
        for client in &mut self.clients {
            client.seats_from = from;
            from += client.seats;
            client.seats = 0;
        }
        self.seats = (0..from).map(|_| Seat { chat: 0, excused: false, standing: Standing::default() }).collect();
        for (number, chat) in self.chats.iter().enumerate() {
            for member in &chat.members {
                let client = &mut self.clients[*member as usize];
                self.seats[(client.seats_from + client.seats) as usize].chat = number as u32;
                client.seats += 1;
            }
        }
    }
}

/// More people than this are added by several commands.
const MEMBERS_A_COMMAND_MAX: usize = 2_000;
