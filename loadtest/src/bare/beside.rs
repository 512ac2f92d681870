//! Several controls side by side, for more connections than one process may have: each holds its share of them, and they tell each
//! other no more than they must.
//!
//! A group is at home where it was made: there its messages get their seqs. A message goes to every other control once, which does
//! the `send`s to its own connections.

use super::{Bare, Group, Origin};
use crate::incoming;
use protocol::ids::ChatId;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

/// What a connection from another control begins with; those of clients begin with `GET `.
pub(super) const GREETING: &[u8; 4] = b"LINK";

/// The others, by number; none stands for this one.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) number: usize,
    links: Vec<Option<TcpStream>>,
}

const MEMBERS: u8 = 0;
const EVENT: u8 = 1;
const SEND: u8 = 2;
const REPLY: u8 = 3;

impl Beside {
    /// Connects to all, of which this one is the n-th.
    pub(super) fn connect(number: usize, addresses: &[SocketAddr]) -> std::io::Result<Self> {
        let mut links = Vec::new();
        for (other, address) in addresses.iter().enumerate() {
            if other == number {
                links.push(None);
                continue;
            }
            let mut link = TcpStream::connect(address)?;
            link.set_nodelay(true)?;
            link.write_all(GREETING)?;
            links.push(Some(link));
        }
        Ok(Self { number, links })
    }

    pub(super) fn alone(&self) -> bool {
        self.links.len() < 2
    }

    fn tell(&mut self, other: usize, kind: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut bytes = Vec::with_capacity(5 + length);
        bytes.extend_from_slice(&(length as u32 + 1).to_be_bytes());
        bytes.push(kind);
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        if let Some(Some(link)) = self.links.get_mut(other)
            && link.write_all(&bytes).is_err()
        {
            self.links[other] = None;
        }
    }

    fn tell_all(&mut self, kind: u8, parts: &[&[u8]]) {
        (0..self.links.len()).for_each(|other| self.tell(other, kind, parts));
    }

    /// People have come into a group.
    pub(super) fn members(&mut self, chat_id: ChatId, users: &[String]) {
        if !self.alone() {
            self.tell_all(MEMBERS, &[&chat_id.0, users.join(" ").as_bytes()]);
        }
    }

    /// A message is to go to everybody but its sender.
    pub(super) fn event(&mut self, chat_id: ChatId, by: &str, frame: &[u8]) {
        if !self.alone() {
            self.tell_all(EVENT, &[&chat_id.0, &[by.len() as u8], by.as_bytes(), frame]);
        }
    }

    /// A message is for a group that is at home elsewhere.
    pub(super) fn send(&mut self, home: usize, at: usize, id: u32, by: &str, body: &[u8]) {
        self.tell(
            home,
            SEND,
            &[&(self.number as u32).to_be_bytes(), &(at as u32).to_be_bytes(), &id.to_be_bytes(), &[by.len() as u8], by.as_bytes(), body],
        );
    }

    /// The acknowledgement of such a message.
    pub(super) fn reply(&mut self, other: usize, at: usize, frame: &[u8]) {
        self.tell(other, REPLY, &[&(at as u32).to_be_bytes(), frame]);
    }
}

/// Where a group is at home.
pub(super) fn home(chat_id: ChatId) -> usize {
    usize::from(chat_id.0[1])
}

impl Bare {
    /// Takes what another control has told; returns what is not whole yet.
    pub(super) fn take_link(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut rest = bytes;
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some((message, after)) = after.split_at_checked(length) else { break };
            // What only these processes say to each other is right, or the control is wrong and its referee says so.
            let _ = self.told(message);
            rest = after;
        }
        rest.to_vec()
    }

    fn told(&mut self, message: &[u8]) -> Option<()> {
        let (kind, rest) = message.split_first()?;
        match *kind {
            MEMBERS => {
                let (chat_id, users) = rest.split_first_chunk::<16>()?;
                let users = std::str::from_utf8(users).ok()?.split(' ').map(str::to_owned);
                let number = self.group(ChatId(*chat_id));
                self.groups[number].members.extend(users);
                self.groups[number].known_at = 0;
            }
            EVENT => {
                let (chat_id, rest) = rest.split_first_chunk::<16>()?;
                let (by, frame) = text(rest)?;
                let number = self.group(ChatId(*chat_id));
                let own = self.by_user.get(by).copied();
                let whom = self.members_here(number, own);
                self.send_to_all(&whom, frame);
            }
            SEND => {
                let (from, rest) = rest.split_first_chunk::<4>()?;
                let (at, rest) = rest.split_first_chunk::<4>()?;
                let (id, rest) = rest.split_first_chunk::<4>()?;
                let (by, body) = text(rest)?;
                let [from, at, id] = [from, at, id].map(|bytes| u32::from_be_bytes(*bytes));
                let (by, send) = (by.to_owned(), incoming::read_send(body).ok()?);
                self.message(Origin::Beside { control: from as usize, at: at as usize }, id, &by, &send);
            }
            REPLY => {
                let (at, frame) = rest.split_first_chunk::<4>()?;
                self.send_to(u32::from_be_bytes(*at) as usize, frame);
            }
            _ => return None,
        }
        Some(())
    }

    /// A group by its id; one that is at home elsewhere is heard of first by its members.
    fn group(&mut self, chat_id: ChatId) -> usize {
        *self.group_of.entry(chat_id).or_insert_with(|| {
            self.groups.push(Group::new(chat_id, Vec::new()));
            self.groups.len() - 1
        })
    }
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_front_is_cut_off_and_what_is_short_is_refused() {
        assert_eq!(text(&[3, b'a', b'b', b'c', 9]), Some(("abc", &[9][..])));
        assert_eq!(text(&[3, b'a']), None);
    }
}
