//! The way through a scenario: people come in, things are done and measured, and the referee closes the books.

use crate::check::Truth;
use crate::crew::Crew;
use crate::fleet::{OWNERS_AT_ONCE, Pace, Run};
use crate::machine::{MachineSample, ProcessSample, sample_processes};
use crate::order::{Begin, Founded, Founding, Order, Outcome, Seating, Told, Work};
use crate::scenario::{Scenario, Storm};
use crate::server::{Server, StoreReads};
use crate::timeline::Moment;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// What one trip through a scenario gave.
#[derive(Debug, Clone)]
pub struct Passage {
    /// What the clients saw.
    pub outcome: Outcome,
    /// Length of the measured part with its settling, in seconds.
    pub seconds: f64,
    /// The server's growth from before the people came in until they were all there and quiet.
    pub growth: Option<Growth>,
    /// Processes of the server.
    pub nodes: usize,
    /// Agents, each with its share of the clients.
    pub clients: usize,
    /// What stands beside the server, within the measured part: the log and the store of a cluster.
    pub beside: Vec<BesideCost>,
    /// CPU time of the server within the measured part, in microseconds.
    pub server_cpu_us: Option<u64>,
    /// CPU time of the server while the people came in, in microseconds.
    pub connect_cpu_us: Option<u64>,
    /// Reads of the server's store while the people came in, by table.
    pub connect_store_reads: StoreReads,
    /// The same within the measured part.
    pub store_reads: StoreReads,
    /// Memory within the measured part.
    pub filling: Filling,
    /// CPU time of the harness within the measured part, in microseconds.
    pub client_cpu_us: u64,
    /// Memory of the agents for each client, everything included.
    pub client_bytes: u64,
    /// CPU time and number of the control's bare sends within the measured part.
    pub bare: Option<crate::bare::SendCost>,
    /// Cores that were idle in the measured part.
    pub idle_cores: f64,
    /// What went on, from the making of the groups on.
    pub timeline: Vec<Moment>,
}

/// Growth of memory for each session, in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Growth {
    /// Resident.
    pub rss: i64,
    /// Resident, not shared.
    pub private: i64,
    /// Resident, shared pages divided.
    pub pss: i64,
}

/// How far memory went up within the measured part, in bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Filling {
    /// What the kernel had for TCP on the whole machine: before, and at most.
    pub tcp: (u64, u64),
    /// What was resident of the server: before, and at most.
    pub server: (u64, u64),
}

/// What a process beside the server has cost.
#[derive(Debug, Clone, Serialize)]
pub struct BesideCost {
    /// What it is, with the number of its processes.
    pub name: String,
    /// CPU time within the measured part, in microseconds.
    pub cpu_us: u64,
    /// Resident memory at the end, in bytes.
    pub rss: u64,
}

/// Quiet time after the last one came in, before memory is read.
const QUIET_SECONDS: f64 = 3.0;

impl Scenario {
    /// Goes through the scenario with a server, once.
    pub fn pass(&self, server: &mut Server, crew: &mut Crew, control: bool) -> Result<Passage, String> {
        let lists = self.member_lists()?;
        let online = self.online_people(&lists);
        let shares = crew.shares(self.people);
        let places = self.places(&lists, &online, &shares)?;
        let weights = self.weights(&places);
        let name = if control { "control" } else { &self.name };
        crew.timeline.begin(&server.pids);
        crew.announce(&format!("{name}: groups"));
        crew.all(&Order::Reset)?;
        let own_before = crew.state().rss;
        // The control has no store.
        let store_reads = |server: &Server| if control { StoreReads::new() } else { server.store_reads() };
        self.begin(server, crew, &shares)?;
        self.make_groups(&lists, &places, server, crew, &shares)?;
        crew.announce(&format!("{name}: quiet before"));
        crew.all(&Order::Hold { seconds: 1.0 })?;
        let (before, reads_before) = (look(server)?, store_reads(server));
        crew.announce(&format!("{name}: coming in"));
        let rate = self.connect_rate;
        crew.each(|agent| {
            let who: Vec<u32> = within(&online, &shares[agent]).to_vec();
            let rate = rate * who.len() as f64 / online.len() as f64;
            Order::Connect { who, rate }
        })?;
        crew.announce(&format!("{name}: quiet"));
        crew.all(&Order::Hold { seconds: QUIET_SECONDS })?;
        let (after, reads_after) = (look(server)?, store_reads(server));
        let client_bytes = crew.state().rss.saturating_sub(own_before) / online.len() as u64;

        if self.pace().is_some() {
            crew.announce(&format!("{name}: warming up"));
            let quiet = Work { pace: self.pace(), burst: self.burst, seconds: self.warmup_seconds, ..Work::default() };
            crew.each(|agent| Order::Work(shared(&quiet, &weights, agent)))?;
            self.settle(crew)?;
        }
        if self.watch > 0 && !control {
            crew.announce(&format!("{name}: watching"));
            crew.all(&Order::Watch { each: self.watch })?;
        }
        if self.urgents > 0.0 && !control {
            crew.announce(&format!("{name}: urgents alone"));
            let alone = Work { urgents: self.urgents, seconds: URGENTS_ALONE_SECONDS, ..Work::default() };
            crew.each(|agent| Order::Work(shared(&alone, &weights, agent)))?;
            self.settle(crew)?;
        }
        crew.announce(&format!("{name}: measuring"));
        crew.all(&Order::Measure)?;
        let bare_before = if control { Some(server.send_cost()?) } else { None };
        let machine = MachineSample::now();
        let beside_from = look_beside(server)?;
        // A server that starts again begins to count.
        let started_again = self.storm == Some(Storm::Servers) && !control;
        let reads_from = if started_again { StoreReads::new() } else { store_reads(server) };
        let (start, own, from) = (crate::readiness::now_ns(), crew.state().cpu_us, look(server)?);
        let (filling_from_s, tcp_from) = (crew.timeline.now_s(), crate::machine::tcp_bytes());
        self.measured(server, crew, &weights, control)?;
        // What follows is waiting, which would look like idleness.
        let idle_cores = MachineSample::now().idle_cores_since(&machine);
        let most = |of: fn(&Moment) -> u64| {
            crew.timeline.moments().iter().filter(|moment| moment.at_s >= filling_from_s).map(of).max().unwrap_or(0)
        };
        let filling = Filling {
            tcp: (tcp_from, most(|moment| moment.tcp_bytes)),
            server: (from.map_or(0, |from| from.rss), most(|moment| moment.server_rss)),
        };
        if self.pace().is_some() || self.returning() {
            self.settle(crew)?;
        }
        let (to, reads_to) = (look(server)?, store_reads(server));
        let beside = look_beside(server)?
            .into_iter()
            .zip(beside_from)
            .map(|((name, to), (_, from))| BesideCost { name, cpu_us: to.cpu_us - from.cpu_us, rss: to.rss })
            .collect();
        let seconds = (crate::readiness::now_ns() - start) as f64 / 1e9;
        let client_cpu_us = crew.state().cpu_us - own;
        let bare = match bare_before {
            Some(before) => {
                let after = server.send_cost()?;
                Some(crate::bare::SendCost { sends: after.sends - before.sends, cpu_ns: after.cpu_ns - before.cpu_ns })
            }
            None => None,
        };
        crew.announce(&format!("{name}: judging"));
        let mut outcome = Outcome::new();
        for told in crew.all(&Order::Finish)? {
            if let Told::Finished(one) = told {
                outcome.merge(*one);
            }
        }
        let sessions = outcome.sessions;
        crew.all(&Order::Leave)?;
        let each = |before: u64, after: u64| (after as i64 - before as i64) / sessions.max(1) as i64;
        Ok(Passage {
            outcome,
            seconds,
            growth: before.zip(after).map(|(before, after)| Growth {
                rss: each(before.rss, after.rss),
                private: each(before.private, after.private),
                pss: each(before.pss, after.pss),
            }),
            nodes: server.pids.len(),
            clients: crew.size(),
            beside,
            // Processes that were started again have used all of theirs since.
            server_cpu_us: from.zip(to).map(|(from, to)| if started_again { to.cpu_us } else { to.cpu_us - from.cpu_us }),
            connect_cpu_us: before.zip(after).map(|(before, after)| after.cpu_us - before.cpu_us),
            connect_store_reads: more(&reads_before, reads_after),
            store_reads: more(&reads_from, reads_to),
            filling,
            client_cpu_us,
            client_bytes,
            bare,
            idle_cores,
            timeline: crew.timeline.moments().to_vec(),
        })
    }

    fn begin(&self, server: &mut Server, crew: &mut Crew, shares: &[Range<u32>]) -> Result<(), String> {
        let run = Run::new_mark();
        let clocks: Vec<(u32, u32)> = shares.iter().map(|share| crew.clock(share, self.people)).collect();
        let mut identities = std::mem::take(&mut server.identities);
        identities.truncate(self.people as usize);
        crew.each(|agent| {
            let share = &shares[agent];
            Order::Begin(Begin {
                targets: server.targets.clone(),
                first: share.start,
                identities: identities[share.start as usize..share.end as usize].to_vec(),
                text_bytes: self.text_bytes,
                seed: self.seed,
                run,
                clock: clocks[agent],
            })
        })?;
        server.identities = identities;
        Ok(())
    }

    /// Has the groups made by the agents of their owners, and tells each agent who sits where.
    fn make_groups(
        &self,
        lists: &[Vec<u32>],
        places: &[Vec<Places>],
        server: &Server,
        crew: &mut Crew,
        shares: &[Range<u32>],
    ) -> Result<(), String> {
        let at_once = (OWNERS_AT_ONCE / crew.size()).max(1);
        let told = crew.each(|agent| {
            let groups = lists
                .iter()
                .enumerate()
                .filter(|(_, list)| shares[agent].contains(&list[0]))
                .map(|(number, list)| Founding {
                    number: number as u32,
                    owner: list[0],
                    others: list[1..].iter().map(|person| server.identities[*person as usize].user.to_string()).collect(),
                })
                .collect();
            Order::FoundGroups { groups, at_once }
        })?;
        let mut founded: Vec<Founded> = told
            .into_iter()
            .flat_map(|told| match told {
                Told::Founded(founded) => founded,
                _ => Vec::new(),
            })
            .collect();
        founded.sort_unstable_by_key(|founded| founded.number);
        if founded.len() != lists.len() {
            return Err(format!("{} of {} groups were made", founded.len(), lists.len()));
        }
        let (weights, urgent) = (self.group_weights(), self.urgent_groups());
        crew.each(|agent| {
            let seating = |(founded, places): (&Founded, &Vec<Places>)| {
                let Places { members, senders } = &places[agent];
                (!members.is_empty()).then(|| Seating {
                    founded: *founded,
                    size: lists[founded.number as usize].len() as u32,
                    members: members.clone(),
                    senders: senders.clone(),
                    weight: weights[founded.number as usize] * part_of(senders, places),
                    urgent: urgent[founded.number as usize],
                })
            };
            Order::Seat { groups: founded.iter().zip(places).filter_map(seating).collect() }
        })?;
        Ok(())
    }

    /// By group and agent: members and senders. Every group has somebody online to send.
    fn places(&self, lists: &[Vec<u32>], online: &[u32], shares: &[Range<u32>]) -> Result<Vec<Vec<Places>>, String> {
        let places = |list: &Vec<u32>| {
            let mut places: Vec<Places> = shares.iter().map(|_| Places::default()).collect();
            for person in list {
                let agent = shares.partition_point(|share| share.end <= *person);
                places[agent].members.push(*person);
                if online.binary_search(person).is_ok() {
                    places[agent].senders.push(*person);
                }
            }
            places
        };
        let places: Vec<Vec<Places>> = lists.iter().map(places).collect();
        match places.iter().position(|places| places.iter().all(|place| place.senders.is_empty())) {
            Some(number) => Err(format!("group {number} has nobody online to send: ask for more people, or smaller groups")),
            None => Ok(places),
        }
    }

    /// By agent: how much of all that is sent its people send.
    fn weights(&self, places: &[Vec<Places>]) -> Vec<f64> {
        let mut weights = vec![0.0; places.first().map_or(0, Vec::len)];
        for (places, weight) in places.iter().zip(self.group_weights()) {
            for (sum, place) in weights.iter_mut().zip(places) {
                *sum += weight * part_of(&place.senders, places);
            }
        }
        let all: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / all.max(f64::MIN_POSITIVE)).collect()
    }

    /// The measured part: each agent does its share of everything.
    fn measured(&self, server: &mut Server, crew: &mut Crew, weights: &[f64], control: bool) -> Result<(), String> {
        let seconds = self.seconds;
        let plain = Work { seconds, pace: self.pace(), burst: self.burst, ..Work::default() };
        // The control cannot do more than send.
        let work = if control {
            plain
        } else {
            Work {
                returning: self.returning(),
                hops: self.hops,
                all_end_after: self.storm.filter(|storm| *storm == Storm::Connections).map(|_| seconds * STORM_AT),
                stalled: self.stalled,
                slow_readers: self.slow_readers,
                slow_bytes_per_second: self.slow_bytes_per_second,
                pages: self.pages,
                urgents: self.urgents,
                page_all: self.page_all,
                ..plain
            }
        };
        let orders = |agent: usize| Order::Work(shared(&work, weights, agent));
        if control || self.storm != Some(Storm::Servers) {
            crew.each(orders)?;
            return Ok(());
        }
        std::thread::scope(|scope| {
            let storm = scope.spawn(|| {
                std::thread::sleep(Duration::from_secs_f64(seconds * STORM_AT));
                server.kill_and_start()
            });
            crew.each(orders)?;
            storm.join().map_err(|_| "the server could not be started again".to_owned())?
        })?;
        crew.timeline.watch(&server.pids);
        Ok(())
    }

    /// Waits until everything that was sent is answered, and has come to all.
    fn settle(&self, crew: &mut Crew) -> Result<(), String> {
        let mut truths: BTreeMap<u32, Truth> = BTreeMap::new();
        for told in crew.all(&Order::Drain { seconds: self.settle_seconds })? {
            let Told::Drained(known) = told else { continue };
            for (number, truth) in known {
                truths.entry(number).and_modify(|all| all.merge(&truth)).or_insert(truth);
            }
        }
        crew.all(&Order::Gather { truths: truths.into_iter().collect(), seconds: self.settle_seconds })?;
        Ok(())
    }
}

/// How long urgents are raised while nothing else goes on.
const URGENTS_ALONE_SECONDS: f64 = 10.0;

/// When the storm comes, of the measured part.
const STORM_AT: f64 = 1.0 / 3.0;

/// An agent's share of the work. Shares of what is sent follow the weights, the rest is even.
fn shared(work: &Work, weights: &[f64], agent: usize) -> Work {
    let (weight, before): (f64, f64) = (weights[agent], weights[..agent].iter().sum());
    let even = 1.0 / weights.len() as f64;
    // What the agents have together is the whole number, however it is divided.
    let part = |whole: u32, before: f64, share: f64| {
        let upto = |share: f64| (f64::from(whole) * share).round() as u32;
        upto(before + share) - upto(before)
    };
    let pace = match work.pace {
        _ if weight <= 0.0 => None,
        Some(Pace::PerSecond(rate)) => Some(Pace::PerSecond(rate * weight)),
        Some(Pace::InFlight(count)) => Some(Pace::InFlight(part(count, before, weight))),
        None => None,
    };
    let stalled = part(work.stalled, even * agent as f64, even);
    let slow_readers = part(work.slow_readers, even * agent as f64, even);
    Work { pace, stalled, slow_readers, hops: work.hops * even, pages: work.pages * even, urgents: work.urgents * even, ..*work }
}

/// An agent's people in a group.
#[derive(Debug, Clone, Default)]
struct Places {
    members: Vec<u32>,
    senders: Vec<u32>,
}

/// How much of what goes into a group these senders of it send.
fn part_of(senders: &[u32], places: &[Places]) -> f64 {
    let all: usize = places.iter().map(|place| place.senders.len()).sum();
    senders.len() as f64 / all as f64
}

/// Those of a sorted list who are in a range.
fn within<'a>(people: &'a [u32], range: &Range<u32>) -> &'a [u32] {
    &people[people.partition_point(|person| *person < range.start)..people.partition_point(|person| *person < range.end)]
}

/// What was counted between.
fn more(before: &StoreReads, after: StoreReads) -> StoreReads {
    let more = after.into_iter().map(|(table, count)| {
        let count = count - before.get(&table).copied().unwrap_or(0);
        (table, count)
    });
    more.filter(|(_, count)| *count > 0).collect()
}

fn look(server: &Server) -> Result<Option<ProcessSample>, String> {
    if server.pids.is_empty() { Ok(None) } else { sample_processes(&server.pids).map(Some) }
}

fn look_beside(server: &Server) -> Result<Vec<(String, ProcessSample)>, String> {
    server.beside.iter().map(|(name, pids)| Ok((name.clone(), sample_processes(pids)?))).collect()
}
