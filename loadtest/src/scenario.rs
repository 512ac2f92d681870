//! What is measured: each scenario is a description, and one trip through it serves all.

use crate::fleet::{Fleet, Outcome, Pace};
use crate::machine::{MachineSample, ProcessSample, own_cpu_us, own_memory, sample_processes};
use crate::progress::Progress;
use crate::server::Server;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde::Serialize;

/// Groups of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GroupsOf {
    /// How many.
    pub count: u32,
    /// Members of each.
    pub size: u32,
}

/// Who is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Online {
    /// Everybody.
    All,
    /// The owner of each group; its other members are offline.
    Owners,
}

/// A description of what to do.
#[derive(Debug, Clone, Serialize)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// People that exist.
    pub people: u32,
    /// Groups that are made.
    pub groups: Vec<GroupsOf>,
    /// Who is connected.
    pub online: Online,
    /// Sends a second, open loop.
    pub rate: Option<f64>,
    /// Or: sends unanswered at any time.
    pub in_flight: Option<u32>,
    /// Length of the measured part.
    pub seconds: f64,
    /// Length of the part before it, which is checked and not measured.
    pub warmup_seconds: f64,
    /// How long answers and deliveries may still come after the last send.
    pub settle_seconds: f64,
    /// Bytes of each text.
    pub text_bytes: usize,
    /// Connections a second while people come in.
    pub connect_rate: f64,
    /// Decides who is in which group and who sends when.
    pub seed: u64,
}

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
    /// What stands beside the server, within the measured part: the log and the store of a cluster.
    pub beside: Vec<BesideCost>,
    /// CPU time of the server within the measured part, in microseconds.
    pub server_cpu_us: Option<u64>,
    /// CPU time of the server while the people came in, in microseconds.
    pub connect_cpu_us: Option<u64>,
    /// CPU time of the harness within the measured part, in microseconds.
    pub client_cpu_us: u64,
    /// Memory of the harness for each client, its identity not counted.
    pub client_bytes: u64,
    /// CPU time and number of the control's bare sends within the measured part.
    pub bare: Option<crate::bare::SendCost>,
    /// Cores that were idle in the measured part.
    pub idle_cores: f64,
    /// What the server says that it is.
    pub server_version: String,
    /// Error numbers that came, with how often.
    pub refusal_codes: Vec<(u16, u64)>,
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
    /// Members of each group, by number. Members are dealt out one after the other from a shuffled list, so that groups
    /// overlap only when there are more places than people.
    fn member_lists(&self) -> Result<Vec<Vec<u32>>, String> {
        let mut people: Vec<u32> = (0..self.people).collect();
        people.shuffle(&mut StdRng::seed_from_u64(self.seed));
        let mut lists = Vec::new();
        let mut next = 0;
        for groups in &self.groups {
            if groups.size < 2 || groups.size > self.people {
                return Err(format!("a group of {} cannot be made of {} people", groups.size, self.people));
            }
            for _ in 0..groups.count {
                lists.push((0..groups.size).map(|member| people[((next + member) % self.people) as usize]).collect());
                next = (next + groups.size) % self.people;
            }
        }
        Ok(lists)
    }

    /// Goes through the scenario with a server, once.
    pub fn pass(&self, server: &mut Server, progress: &Progress, control: bool) -> Result<Passage, String> {
        let lists = self.member_lists()?;
        let mut online: Vec<u32> = match self.online {
            Online::All => (0..self.people).collect(),
            Online::Owners => lists.iter().map(|list| list[0]).collect(),
        };
        online.sort_unstable();
        online.dedup();
        let own_before = own_memory();
        let identities = std::mem::take(&mut server.identities);
        let mut fleet = Fleet::new(server.targets.clone(), identities, self.text_bytes, self.seed, progress.clone())?;
        fleet.make_groups(lists, |person| online.binary_search(&person).is_ok())?;
        let name = if control { "control" } else { &self.name };

        fleet.announce(&format!("{name}: quiet before"));
        fleet.hold(1.0)?;
        let before = look(server)?;
        fleet.announce(&format!("{name}: coming in"));
        fleet.connect(&online, self.connect_rate)?;
        fleet.announce(&format!("{name}: quiet"));
        fleet.hold(QUIET_SECONDS)?;
        let after = look(server)?;
        let client_bytes = (own_memory().saturating_sub(own_before)) / online.len() as u64;

        let pace = match (self.rate, self.in_flight) {
            (Some(rate), _) => Some(Pace::PerSecond(rate)),
            (None, Some(count)) => Some(Pace::InFlight(count)),
            (None, None) => None,
        };
        if let Some(pace) = pace {
            fleet.announce(&format!("{name}: warming up"));
            fleet.send(pace, self.warmup_seconds)?;
            fleet.settle(self.settle_seconds)?;
        }
        fleet.announce(&format!("{name}: measuring"));
        fleet.start_measuring();
        let bare_before = if control { Some(server.send_cost()?) } else { None };
        let machine = MachineSample::now();
        let beside_from = look_beside(server)?;
        let (start, own, from) = (crate::readiness::now_ns(), own_cpu_us(), look(server)?);
        let mut idle_cores = 0.0;
        match pace {
            Some(pace) => {
                fleet.send(pace, self.seconds)?;
                // What follows is waiting, which would look like idleness.
                idle_cores = MachineSample::now().idle_cores_since(&machine);
                fleet.settle(self.settle_seconds)?;
            }
            None => {
                fleet.hold(self.seconds)?;
                idle_cores += MachineSample::now().idle_cores_since(&machine);
            }
        }
        let to = look(server)?;
        let beside = look_beside(server)?
            .into_iter()
            .zip(beside_from)
            .map(|((name, to), (_, from))| BesideCost { name, cpu_us: to.cpu_us - from.cpu_us, rss: to.rss })
            .collect();
        let seconds = (crate::readiness::now_ns() - start) as f64 / 1e9;
        let client_cpu_us = own_cpu_us() - own;
        let bare = match bare_before {
            Some(before) => {
                let after = server.send_cost()?;
                Some(crate::bare::SendCost { sends: after.sends - before.sends, cpu_ns: after.cpu_ns - before.cpu_ns })
            }
            None => None,
        };
        fleet.announce(&format!("{name}: judging"));
        let outcome = fleet.finish();
        let (server_version, refusal_codes) = (fleet.server_version().to_owned(), fleet.refusal_codes());
        let sessions = outcome.sessions;
        fleet.leave(&online);
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
            beside,
            server_cpu_us: from.zip(to).map(|(from, to)| to.cpu_us - from.cpu_us),
            connect_cpu_us: before.zip(after).map(|(before, after)| after.cpu_us - before.cpu_us),
            client_cpu_us,
            client_bytes,
            bare,
            idle_cores,
            server_version,
            refusal_codes,
        })
    }
}

fn look(server: &Server) -> Result<Option<ProcessSample>, String> {
    if server.pids.is_empty() { Ok(None) } else { sample_processes(&server.pids).map(Some) }
}

fn look_beside(server: &Server) -> Result<Vec<(String, ProcessSample)>, String> {
    server.beside.iter().map(|(name, pids)| Ok((name.clone(), sample_processes(pids)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(people: u32, groups: Vec<GroupsOf>) -> Scenario {
        Scenario {
            name: "steady".into(),
            people,
            groups,
            online: Online::All,
            rate: Some(1.0),
            in_flight: None,
            seconds: 1.0,
            warmup_seconds: 0.0,
            settle_seconds: 1.0,
            text_bytes: 100,
            connect_rate: 100.0,
            seed: 7,
        }
    }

    #[test]
    fn people_are_dealt_out_to_groups_without_one_twice() {
        let lists = scenario(95, vec![GroupsOf { count: 10, size: 10 }, GroupsOf { count: 1, size: 95 }]).member_lists().unwrap();
        assert_eq!(lists.len(), 11);
        for list in lists {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), list.len());
        }
        assert!(scenario(5, vec![GroupsOf { count: 1, size: 6 }]).member_lists().is_err());
    }
}
