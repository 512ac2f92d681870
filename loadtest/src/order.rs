//! What a coordinator and its agents say to each other: one JSON object a line, an order and then what came of it.
//!
//! An agent works at one order at a time. While it does, it tells its state several times a second; the last line is what came of
//! the order. Numbers of people and groups are those of the whole run.

use crate::check::{Faults, Truth};
use crate::fleet::{Counts, Identity, Pace, Target, UrgentsSeen};
use crate::latency::Latencies;
use protocol::ids::{ChatId, UserId};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};

/// What an agent is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Tells its state, and ends the clients of an order before.
    Reset,
    /// Makes clients, which are not connected yet.
    Begin(Begin),
    /// Makes these groups through the protocol, a few at a time, and leaves.
    FoundGroups {
        /// Which.
        groups: Vec<Founding>,
        /// How many owners may be connected at once.
        at_once: usize,
    },
    /// Who sits where.
    Seat {
        /// Groups that have a member among the clients.
        groups: Vec<Seating>,
    },
    /// Brings clients in.
    Connect {
        /// People, by number; all are the agent's own.
        who: Vec<u32>,
        /// How many a second at most.
        rate: f64,
    },
    /// Stays, and answers heartbeats.
    Hold {
        /// How long.
        seconds: f64,
    },
    /// What follows is measured.
    Measure,
    /// Every session watches so many others of the agent's, to be told when they come and go.
    Watch {
        /// How many.
        each: u32,
    },
    /// Does these things at once.
    Work(Work),
    /// Waits until each send is answered, or this long.
    Drain {
        /// How long at most.
        seconds: f64,
    },
    /// What all agents together know of each group, after which everything that was acknowledged has to come.
    Gather {
        /// By number of the group.
        truths: Vec<(u32, Truth)>,
        /// How long it may take.
        seconds: f64,
    },
    /// Judges, and tells everything.
    Finish,
    /// Sends everybody away.
    Leave,
}

/// The clients of an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begin {
    /// Where the server is.
    pub targets: Vec<Target>,
    /// Number of the first person.
    pub first: u32,
    /// People, from the first on.
    pub identities: Vec<Identity>,
    /// Bytes of each text.
    pub text_bytes: usize,
    /// Decides who sends when.
    pub seed: u64,
    /// Tells the messages of this run from those of others.
    pub run: u32,
    /// People whose agents have the same clock: the first, and the one after the last. The way of others' messages takes no known time.
    pub clock: (u32, u32),
}

/// A group that is to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Founding {
    /// Its number.
    pub number: u32,
    /// Its owner, one of the agent's people.
    pub owner: u32,
    /// Its other members.
    pub others: Vec<UserId>,
}

/// A group that was made.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Founded {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub chat_id: ChatId,
    /// Its last seq.
    pub seq: u64,
}

/// An agent's share of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Seating {
    /// The group.
    pub founded: Founded,
    /// Members of all agents.
    pub size: u32,
    /// The agent's own.
    pub members: Vec<u32>,
    /// Those of them who may send.
    pub senders: Vec<u32>,
    /// How much of all that is sent these senders send.
    pub weight: f64,
    /// Urgents are raised in it.
    pub urgent: bool,
}

/// What goes on in a part of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// How long.
    pub seconds: f64,
    /// How messages are sent.
    pub pace: Option<Pace>,
    /// Messages that are due at the same time.
    pub burst: u32,
    /// Sessions that end unasked go on from their cursor, and are no fault.
    pub returning: bool,
    /// Sessions that end and go on, a second.
    pub hops: f64,
    /// All sessions end after so many seconds.
    pub all_end_after: Option<f64>,
    /// Sessions that read nothing meanwhile.
    pub stalled: u32,
    /// Sessions that read slowly meanwhile.
    pub slow_readers: u32,
    /// How many bytes each of them reads in a second.
    pub slow_bytes_per_second: u64,
    /// Pages that are asked for, a second.
    pub pages: f64,
    /// Everybody asks for a page of the first group at once.
    pub page_all: bool,
    /// Urgents that are raised, a second.
    pub urgents: f64,
}

/// What an agent says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// How things stand, in the middle of an order.
    State(State),
    /// It is done.
    Done,
    /// The groups stand.
    Founded(Vec<Founded>),
    /// Each send is answered, or given up: what this agent knows of groups into which it has sent.
    Drained(Vec<(u32, Truth)>),
    /// Everything that was found.
    Finished(Box<Outcome>),
    /// It cannot go on, and why.
    Failed(String),
}

/// How an agent stands.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct State {
    /// Sessions.
    pub sessions: u64,
    /// Sends that were due since the measuring began.
    pub sent: u64,
    /// Those that were acknowledged.
    pub acked: u64,
    /// Messages that came.
    pub delivered: u64,
    /// 99 % of them came within this time, in microseconds.
    pub p99_us: u64,
    /// Faults so far.
    pub faults: u64,
    /// CPU time of the agent so far, in microseconds.
    pub cpu_us: u64,
    /// Resident memory of the agent in bytes.
    pub rss: u64,
}

impl State {
    /// What another agent says counts too.
    pub fn merge(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.sent += other.sent;
        self.acked += other.acked;
        self.delivered += other.delivered;
        self.p99_us = self.p99_us.max(other.p99_us);
        self.faults += other.faults;
        self.cpu_us += other.cpu_us;
        self.rss += other.rss;
    }
}

/// What a fleet tells at the end, or several together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Sessions that stood at the end.
    pub sessions: u64,
    /// Counts of the measured part.
    pub counts: Counts,
    /// What went wrong, over the whole run.
    pub faults: Faults,
    /// The first faults in words.
    pub complaints: Vec<String>,
    /// Error numbers that came, with how often.
    pub refusal_codes: Vec<(u16, u64)>,
    /// Version of the server, as it told it.
    pub server: String,
    /// From the intended time of a send to its acknowledgement.
    pub send_to_ack: Latencies,
    /// From the intended time of a send to its arrival at another member.
    pub send_to_receive: Latencies,
    /// From the start of a connection to `welcome`.
    pub sign_in: Latencies,
    /// `send_to_receive` of groups that are not great.
    pub small_send_to_receive: Latencies,
    /// From the end of a session until it has gone on without a hole.
    pub resumed: Latencies,
    /// From the time at which a page was to be asked for until it came.
    pub paged: Latencies,
    /// From the welcome of somebody who came until a watcher was told.
    pub presence_told: Latencies,
    /// By message to a great group: from its intended time until the last member had it, in microseconds.
    pub last_had_it: Vec<(u64, u64)>,
    /// Of urgents.
    pub urgents: UrgentsSeen,
}

impl Outcome {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            sessions: 0,
            counts: Counts::default(),
            faults: Faults::default(),
            complaints: Vec::new(),
            refusal_codes: Vec::new(),
            server: String::new(),
            send_to_ack: Latencies::new(),
            send_to_receive: Latencies::new(),
            sign_in: Latencies::new(),
            small_send_to_receive: Latencies::new(),
            resumed: Latencies::new(),
            paged: Latencies::new(),
            presence_told: Latencies::new(),
            last_had_it: Vec::new(),
            urgents: UrgentsSeen::new(),
        }
    }

    /// What another agent found counts too.
    pub fn merge(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.counts.merge(&other.counts);
        self.faults.merge(&other.faults);
        self.complaints.extend(other.complaints);
        for (code, count) in other.refusal_codes {
            match self.refusal_codes.binary_search_by_key(&code, |(code, _)| *code) {
                Ok(at) => self.refusal_codes[at].1 += count,
                Err(at) => self.refusal_codes.insert(at, (code, count)),
            }
        }
        if self.server.is_empty() {
            self.server = other.server;
        }
        self.send_to_ack.add(&other.send_to_ack);
        self.send_to_receive.add(&other.send_to_receive);
        self.sign_in.add(&other.sign_in);
        self.small_send_to_receive.add(&other.small_send_to_receive);
        self.resumed.add(&other.resumed);
        self.paged.add(&other.paged);
        self.presence_told.add(&other.presence_told);
        self.urgents.merge(&other.urgents);
        self.last_had_it.extend(other.last_had_it);
        self.last_had_it.sort_unstable();
        // The later of two comes last, and is the one that stays.
        self.last_had_it.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = kept.1.max(later.1);
            }
            same
        });
    }
}

/// Writes a line.
pub fn say(writer: &mut (impl Write + ?Sized), what: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    writer.write_all(&line)?;
    writer.flush()
}

/// Reads a line; `None` at the end.
pub fn hear<T: for<'a> Deserialize<'a>>(reader: &mut impl BufRead) -> std::io::Result<Option<T>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_who_had_a_message_is_the_last_over_all_agents() {
        let outcome = |last_had_it: Vec<(u64, u64)>| Outcome { last_had_it, ..Outcome::new() };
        let mut all = outcome(vec![(1, 500), (2, 90)]);
        all.merge(outcome(vec![(2, 700), (1, 40), (3, 5)]));
        assert_eq!(all.last_had_it, [(1, 500), (2, 700), (3, 5)]);
    }

    #[test]
    fn error_numbers_are_counted_over_all_agents() {
        let outcome = |refusal_codes: Vec<(u16, u64)>| Outcome { refusal_codes, ..Outcome::new() };
        let mut all = outcome(vec![(3001, 2)]);
        all.merge(outcome(vec![(2003, 1), (3001, 5)]));
        assert_eq!(all.refusal_codes, [(2003, 1), (3001, 7)]);
    }
}
