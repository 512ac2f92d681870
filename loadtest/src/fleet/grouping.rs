//! Groups of the run, made through the protocol.

use super::{Chat, Fleet, GREAT, Seat, Wait};
use crate::check::{Standing, Truth};
use crate::order::{Founded, Founding, Seating};
use crate::readiness::now_ns;
use protocol::chat::Chat as ChatTold;
use protocol::codec::Encoding;
use protocol::command::{AddMembers, CommandBody, CreateGroup, MembersResult};
use protocol::error::{Advice, ErrorCode};
use protocol::ids::UserId;

/// Owners that are connected at once. Few, so that the server's memory for sessions is not grown before it is measured.
pub const OWNERS_AT_ONCE: usize = 16;
/// How long a step of making groups may take.
const SETUP_NS_MAX: u64 = 60_000_000_000;
/// Pause before what was refused for now is sent again, in seconds.
const SETUP_PAUSE: f64 = 0.5;

/// Is it an error that says: not now?
fn for_now(code: u16) -> bool {
    ErrorCode::from_number(code).is_some_and(|code| code.advice() == Advice::Retry)
}

impl Fleet {
    /// Makes groups of these clients, each with an even share of what is sent; the first of a list owns it. Then nobody is connected.
    pub fn make_groups(&mut self, lists: &[Vec<u32>]) -> Result<(), String> {
        let groups: Vec<Founding> = lists
            .iter()
            .enumerate()
            .map(|(number, list)| Founding { number: number as u32, owner: list[0], others: self.users(&list[1..]) })
            .collect();
        let founded = self.found_groups(&groups, OWNERS_AT_ONCE)?;
        let seating = |(founded, list): (Founded, &Vec<u32>)| Seating {
            founded,
            size: list.len() as u32,
            members: list.clone(),
            senders: list.clone(),
            weight: 1.0,
            urgent: false,
        };
        self.seat(founded.into_iter().zip(lists).map(seating).collect());
        Ok(())
    }

    /// Makes groups whose owners are among these clients, so many owners at a time. Then nobody is connected.
    pub fn found_groups(&mut self, groups: &[Founding], at_once: usize) -> Result<Vec<Founded>, String> {
        let mut founded = Vec::with_capacity(groups.len());
        for wave in groups.chunks(at_once.max(1)) {
            self.progress.step(&format!("making groups: {} of {}", founded.len(), groups.len()));
            let mut owners: Vec<u32> = wave.iter().map(|group| self.client(group.owner)).collect();
            owners.sort_unstable();
            owners.dedup();
            self.connect(&owners, 1e6)?;
            for group in wave {
                founded.push(self.found_group(group)?);
            }
            self.leave(&owners);
        }
        Ok(founded)
    }

    fn found_group(&mut self, group: &Founding) -> Result<Founded, String> {
        let owner = self.client(group.owner);
        let (now, later) = group.others.split_at(self.members_in_a_command().min(group.others.len()));
        let create = CreateGroup {
            client_message_id: format!("{:x}-group-{:x}", self.run.mark, group.number),
            name: format!("Load {}", group.number),
            user_ids: now.to_vec(),
            ..CreateGroup::default()
        };
        let chat: ChatTold = self.ask(owner, &create)?;
        let mut seq = chat.head_seq;
        for members in later.chunks(self.members_in_a_command()) {
            let add = AddMembers { chat_id: chat.chat_id, user_ids: members.to_vec(), department_ids: Vec::new() };
            let result: MembersResult = self.ask(owner, &add)?;
            if let Some(unknown) = result.unknown.first() {
                return Err(format!("the server does not know {unknown}: import the people of this run first"));
            }
            seq = result.seq;
        }
        Ok(Founded { number: group.number, chat_id: chat.chat_id, seq })
    }

    /// The client of a person.
    pub fn client(&self, person: u32) -> u32 {
        person - self.run.first
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

    /// Sends one command and waits for its reply. What is refused for now is sent again, as it is, for a minute: a cluster that has
    /// just started and is told of everybody's groups at once may be busy.
    fn ask<C: CommandBody>(&mut self, at: u32, body: &C) -> Result<C::Reply, String> {
        let until = now_ns() + SETUP_NS_MAX;
        loop {
            let id = self.wait_for(at, Wait::Setup, 0, 0, 0);
            self.command(at, &Encoding::Msgpack.command(id, body));
            while self.setups.is_empty() {
                if now_ns() >= until {
                    return Err(format!("`{}` was not answered within a minute", C::NAME));
                }
                self.turn(until)?;
            }
            match self.setups.remove(0) {
                Ok(body) => {
                    return Encoding::Msgpack.decode(&body).map_err(|error| format!("the reply to `{}` cannot be read: {error}", C::NAME));
                }
                Err(code) if for_now(code) && now_ns() < until => self.hold(SETUP_PAUSE)?,
                Err(code) => return Err(format!("`{}` was refused with error {code}", C::NAME)),
            }
        }
    }

    /// Gives each client its seats in these groups, side by side; in the order of the groups' numbers.
    pub fn seat(&mut self, groups: Vec<Seating>) {
        let mut sum = 0.0;
        for Seating { founded: Founded { number, chat_id, seq }, size, members, senders, weight, urgent } in groups {
            let local = |people: Vec<u32>| people.into_iter().map(|person| person - self.run.first).collect::<Vec<u32>>();
            let (members, senders) = (local(members), local(senders));
            if !senders.is_empty() {
                sum += weight;
            }
            self.lots.push(sum);
            self.chat_of.insert(chat_id, self.chats.len() as u32);
            let truth = Truth::new(seq);
            self.chats.push(Chat { number, id: chat_id, truth, own: truth, members, senders, great: size >= GREAT, urgent });
        }
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
