//! What is measured: each scenario is a file of data, those that are built in and those of one's own.
//!
//! `README.md` lists what may stand in one, and the value of what is not there.

use crate::fleet::Pace;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

/// The scenarios that are built in: name and file.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("connect", include_str!("../scenarios/connect.toml")),
    ("reconnect-storm", include_str!("../scenarios/reconnect-storm.toml")),
    ("restart-storm", include_str!("../scenarios/restart-storm.toml")),
    ("steady", include_str!("../scenarios/steady.toml")),
    ("pairs", include_str!("../scenarios/pairs.toml")),
    ("great-group", include_str!("../scenarios/great-group.toml")),
    ("great-burst", include_str!("../scenarios/great-burst.toml")),
    ("beside-broadcast", include_str!("../scenarios/beside-broadcast.toml")),
    ("saturate", include_str!("../scenarios/saturate.toml")),
    ("saturate-offline", include_str!("../scenarios/saturate-offline.toml")),
    ("urgent", include_str!("../scenarios/urgent.toml")),
    ("urgent-everybody", include_str!("../scenarios/urgent-everybody.toml")),
    ("urgent-slow-readers", include_str!("../scenarios/urgent-slow-readers.toml")),
    ("stalled", include_str!("../scenarios/stalled.toml")),
    ("presence", include_str!("../scenarios/presence.toml")),
    ("history", include_str!("../scenarios/history.toml")),
    ("soak", include_str!("../scenarios/soak.toml")),
];

/// Members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// So many.
    Of(u32),
    /// All that are not idle.
    Word(Everybody),
}

/// The word for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Everybody {
    /// All.
    Everybody,
}

/// Groups of one size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupsOf {
    /// Members of each.
    pub size: Size,
    /// How many. Without it so many that everybody who is not idle sits in one.
    pub count: Option<u32>,
    /// How much of all that is sent goes into them, of 1. Without it all groups get as much.
    pub share: Option<f64>,
    /// Urgents are raised in them, for all their members.
    #[serde(default)]
    pub urgent: bool,
}

/// Who is connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Online {
    /// Everybody.
    #[default]
    All,
    /// The owner of each group; its other members are offline.
    Owners,
}

/// How all sessions end at once, in the middle of the measured part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storm {
    /// The clients' connections end, as when a network goes away.
    Connections,
    /// The server is killed, every node of it, and started again.
    Servers,
}

/// A figure that is asked for: a place in the JSON object, and its bound.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// What it is, in words.
    pub what: String,
    /// Where it stands in the JSON object, as a JSON pointer.
    pub figure: String,
    /// It is to be no more than this.
    pub at_most: Option<f64>,
    /// It is to be no less than this.
    pub at_least: Option<f64>,
    /// In which unit.
    pub unit: String,
}

/// A description of what to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name: that of its file.
    #[serde(default)]
    pub name: String,
    /// What happens, in one sentence.
    pub says: String,
    /// People that exist.
    #[serde(default = "people")]
    pub people: u32,
    /// People of these who are connected and in no group.
    #[serde(default)]
    pub idle: u32,
    /// Groups that are made.
    pub groups: Vec<GroupsOf>,
    /// Who is connected.
    #[serde(default)]
    pub online: Online,
    /// Sends a second, open loop.
    pub rate: Option<f64>,
    /// Messages that are due at the same time: of `rate` sends a second, so many come together.
    #[serde(default = "one")]
    pub burst: u32,
    /// In place of `rate`: sends unanswered at any time.
    pub in_flight: Option<u32>,
    /// Sessions that end and go on, a second.
    #[serde(default)]
    pub hops: f64,
    /// All sessions end at once, when a third of the measured part is over.
    pub storm: Option<Storm>,
    /// Sessions that read nothing in the measured part.
    #[serde(default)]
    pub stalled: u32,
    /// Sessions that read slowly in the measured part.
    #[serde(default)]
    pub slow_readers: u32,
    /// How many bytes each of them reads in a second.
    #[serde(default = "a_megabyte")]
    pub slow_bytes_per_second: u64,
    /// How many people each session watches, to be told when they come and go.
    #[serde(default)]
    pub watch: u32,
    /// Last pages of a chat that are asked for, a second.
    #[serde(default)]
    pub pages: f64,
    /// Urgents that are raised a second, each for all members of one of the groups that say `urgent`, and confirmed by all of them. Before the
    /// measured part they are raised for ten seconds while nothing else goes on.
    #[serde(default)]
    pub urgents: f64,
    /// Everybody asks for the last page of the first group once, at the same time.
    #[serde(default)]
    pub page_all: bool,
    /// Length of the measured part.
    #[serde(default = "twenty")]
    pub seconds: f64,
    /// Length of the part before it, which is checked and not measured.
    #[serde(default = "three")]
    pub warmup_seconds: f64,
    /// How long answers and deliveries may still come after the last send.
    #[serde(default = "twenty")]
    pub settle_seconds: f64,
    /// Bytes of each text.
    #[serde(default = "hundred")]
    pub text_bytes: usize,
    /// Connections a second while people come in.
    #[serde(default = "two_thousand")]
    pub connect_rate: f64,
    /// Decides who is in which group and who sends when.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Figures that are asked for.
    #[serde(default)]
    pub asks: Vec<Ask>,
}

fn people() -> u32 {
    10_000
}
fn a_megabyte() -> u64 {
    1_000_000
}
fn one() -> u32 {
    1
}
fn seed() -> u64 {
    1
}
fn three() -> f64 {
    3.0
}
fn twenty() -> f64 {
    20.0
}
fn hundred() -> usize {
    100
}
fn two_thousand() -> f64 {
    2_000.0
}

/// A text begins with the time at which it was due.
const TEXT_BYTES_MIN: usize = 16;
/// More people than this a session may not watch.
const WATCH_MAX: u32 = 200;

impl Scenario {
    /// Reads a file.
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| format!("the scenario `{name}` cannot be read: {error}"))?;
        Ok(Self { name: name.to_owned(), ..scenario })
    }

    /// Whether it can be done.
    pub fn check(&self) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("the scenario `{}` cannot be done: {what}", self.name));
        if self.rate.is_some() && self.in_flight.is_some() {
            return wrong("`rate` is for an open loop and `in_flight` for a closed one: one of them");
        }
        if self.rate.is_some_and(|rate| !(rate > 0.0 && rate < 1e7)) || self.in_flight == Some(0) || self.burst == 0 {
            return wrong("`rate`, `burst` and `in_flight` are greater than 0");
        }
        if self.burst > 1 && self.rate.is_none() {
            return wrong("`burst` needs a `rate`");
        }
        for (name, value) in [("hops", self.hops), ("pages", self.pages), ("urgents", self.urgents)] {
            if !(0.0..1e6).contains(&value) {
                return wrong(&format!("`{name}` is from 0 to a million"));
            }
        }
        for (name, value) in [("seconds", self.seconds), ("connect_rate", self.connect_rate)] {
            if !(value > 0.0 && value < 1e7) {
                return wrong(&format!("`{name}` is greater than 0"));
            }
        }
        if !(self.warmup_seconds >= 0.0 && self.settle_seconds >= 0.0) {
            return wrong("`warmup_seconds` and `settle_seconds` are not less than 0");
        }
        if self.text_bytes < TEXT_BYTES_MIN {
            return wrong(&format!("`text_bytes` is {TEXT_BYTES_MIN} or more: a text begins with the time at which it was due"));
        }
        if self.watch > WATCH_MAX {
            return wrong(&format!("`watch` is {WATCH_MAX} at most"));
        }
        if self.people == 0 || self.idle >= self.people || self.stalled >= self.people || self.slow_readers >= self.people {
            return wrong("there are more `people` than `idle` ones, than `stalled` ones, and than `slow_readers`");
        }
        if self.urgents > 0.0 && !self.groups.iter().any(|groups| groups.urgent) {
            return wrong("`urgents` are raised in groups that say `urgent`, and there is none");
        }
        if self.groups.is_empty() {
            return wrong("there is a group");
        }
        let shares: f64 = self.groups.iter().filter_map(|groups| groups.share).sum();
        let shared = self.groups.iter().filter(|groups| groups.share.is_some()).count();
        if shared > 0 && (shared < self.groups.len() || (shares - 1.0).abs() > 1e-6) {
            return wrong("`share` stands at all groups or at none, and together they make 1");
        }
        self.member_lists().map(drop)
    }

    /// So many people instead of those of the file; how many are idle, stall, come and go stays in proportion.
    pub fn scale_to(&mut self, people: u32) {
        let before = self.people.max(1);
        let scaled = |number: u32| (u64::from(number) * u64::from(people) / u64::from(before)) as u32;
        let (idle, stalled) = (scaled(self.idle), scaled(self.stalled));
        self.slow_readers = scaled(self.slow_readers);
        self.hops *= f64::from(people) / f64::from(before);
        for groups in &mut self.groups {
            // One at least.
            groups.count = groups.count.map(|count| scaled(count).max(1));
            if let Size::Of(size) = &mut groups.size {
                *size = (*size).min(people - idle);
            }
        }
        (self.idle, self.stalled, self.people) = (idle, stalled, people);
    }

    /// People who sit in groups.
    fn seated(&self) -> u32 {
        self.people - self.idle
    }

    /// Size and number of the groups of one line.
    fn dimensions(&self, groups: &GroupsOf) -> (u32, u32) {
        let size = match groups.size {
            Size::Of(size) => size,
            Size::Word(Everybody::Everybody) => self.seated(),
        };
        (size, groups.count.unwrap_or_else(|| (self.seated() / size.max(1)).max(1)))
    }

    /// Members of each group, by number. Members are dealt out one after the other from a shuffled list, so that groups
    /// overlap only when there are more places than people.
    pub fn member_lists(&self) -> Result<Vec<Vec<u32>>, String> {
        let mut people: Vec<u32> = (0..self.people).collect();
        people.shuffle(&mut StdRng::seed_from_u64(self.seed));
        people.truncate(self.seated() as usize);
        let mut lists = Vec::new();
        let mut next = 0;
        for groups in &self.groups {
            let (size, count) = self.dimensions(groups);
            if size < 2 || size > self.seated() {
                return Err(format!("a group of {size} cannot be made of {} people", self.seated()));
            }
            for _ in 0..count {
                lists.push((0..size).map(|member| people[((next + member) % self.seated()) as usize]).collect());
                next = (next + size) % self.seated();
            }
        }
        Ok(lists)
    }

    /// Who is connected, in order.
    pub fn online_people(&self, lists: &[Vec<u32>]) -> Vec<u32> {
        let mut online: Vec<u32> = match self.online {
            Online::All => (0..self.people).collect(),
            Online::Owners => lists.iter().map(|list| list[0]).collect(),
        };
        online.sort_unstable();
        online.dedup();
        online
    }

    /// How many sessions that will be at most.
    pub fn sessions(&self) -> u32 {
        match self.online {
            Online::All => self.people,
            Online::Owners => self.groups.iter().map(|groups| self.dimensions(groups).1).sum::<u32>().min(self.people),
        }
    }

    /// By group: how much of all that is sent goes there.
    pub fn group_weights(&self) -> Vec<f64> {
        let all: u32 = self.groups.iter().map(|groups| self.dimensions(groups).1).sum();
        let weights = |groups: &GroupsOf| {
            let count = self.dimensions(groups).1;
            let weight = groups.share.map_or(1.0 / f64::from(all), |share| share / f64::from(count));
            std::iter::repeat_n(weight, count as usize)
        };
        self.groups.iter().flat_map(weights).collect()
    }

    /// By group: whether urgents are raised in it.
    pub fn urgent_groups(&self) -> Vec<bool> {
        self.groups.iter().flat_map(|groups| std::iter::repeat_n(groups.urgent, self.dimensions(groups).1 as usize)).collect()
    }

    /// How messages are sent.
    pub fn pace(&self) -> Option<Pace> {
        match (self.rate, self.in_flight) {
            (Some(rate), _) => Some(Pace::PerSecond(rate)),
            (None, Some(count)) => Some(Pace::InFlight(count)),
            (None, None) => None,
        }
    }

    /// Sessions may end unasked, and go on.
    pub fn returning(&self) -> bool {
        self.hops > 0.0 || self.storm.is_some() || self.stalled > 0 || self.slow_readers > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(people: u32, groups: &str) -> Scenario {
        Scenario::read("test", &format!("says = \"\"\npeople = {people}\ngroups = [{groups}]\n")).unwrap()
    }

    #[test]
    fn people_are_dealt_out_to_groups_without_one_twice() {
        let lists = of(95, "{ size = 10 }, { size = \"everybody\" }").member_lists().unwrap();
        assert_eq!(lists.len(), 10);
        for list in lists {
            let mut sorted = list.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), list.len());
        }
        assert!(of(5, "{ size = 6 }").check().is_err());
    }

    #[test]
    fn every_scenario_that_is_built_in_can_be_done_with_any_number_of_people() {
        for (name, text) in BUILT_IN {
            for people in [60, 10_000, 371_000] {
                let mut scenario = Scenario::read(name, text).unwrap();
                scenario.scale_to(people);
                scenario.check().unwrap_or_else(|error| panic!("{people} people: {error}"));
                let weights: f64 = scenario.group_weights().iter().sum();
                assert!((weights - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn what_is_not_meant_is_told() {
        for (text, word) in [
            ("says = \"\"\ngroups = [{ size = 10 }]\nspeed = 3", "speed"),
            ("says = \"\"\ngroups = [{ size = 10 }]\nrate = 3\nin_flight = 4", "one of them"),
            ("says = \"\"\ngroups = [{ size = 10, share = 0.5 }]\nrate = 3", "make 1"),
            ("says = \"\"\ngroups = []\nrate = 3", "a group"),
            ("says = \"\"\ngroups = [{ size = 10 }]\nburst = 3", "burst"),
        ] {
            let told = Scenario::read("test", text).and_then(|scenario| scenario.check()).unwrap_err();
            assert!(told.contains(word), "{told}");
        }
    }
}
