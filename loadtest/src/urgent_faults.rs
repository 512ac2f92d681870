//! Urgents whose servers are killed at their steps, again and again: people confirm, leave, and do nothing, a provider remembers every
//! call, and at the end each promise is held against what was seen. On one machine, or in a cluster.

mod history;
mod nemesis;
mod person;
mod plan;
mod provider;
mod raiser;
mod reading;
mod reckoning;
mod stage;

pub use plan::PEOPLE_MIN;

use crate::caller::Caller;
use crate::cluster::{Cluster, Size};
use crate::fleet::Target;
use crate::latency::{Latencies, Percentiles};
use crate::machine::{Machine, commit};
use crate::people;
use crate::progress::Progress;
use history::{Did, History, Story, now_ms};
use plan::{MANAGERS, Plan, RAISERS};
use protocol::command::{CreateGroup, Send};
use protocol::content::{Content, Text};
use protocol::urgent::UrgentWay;
use provider::Provider;
use reading::Reading;
use reckoning::{Calls, Found};
use serde::Serialize;
use stage::{Phase, Stage};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is run.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// Nodes.
    pub nodes: usize,
    /// Servers of NATS; 0: one node with a database of its own.
    pub nats: usize,
    /// How often nodes are killed.
    pub kills: usize,
    /// Decides what is done, and when.
    pub seed: u64,
    /// People.
    pub people: u32,
    /// What nodes and servers wrote stays, also when all was well.
    pub keep: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub parameters: Options,
    /// Where it ran.
    pub machine: Machine,
    /// Commit of the working directory.
    pub commit: String,
    /// How long nodes were killed.
    pub seconds: f64,
    /// Kills, and processes that were killed by them.
    pub kills: (u64, u64),
    /// Kills that came within a second around the time at which a step was due.
    pub kills_near_steps: u64,
    /// Urgents that were raised.
    pub urgents: u64,
    /// Why they are over, with how many.
    pub over: BTreeMap<String, u64>,
    /// People of all of them together.
    pub people: u64,
    /// Confirmations that were acknowledged.
    pub confirmed: u64,
    /// Those who left, acknowledged.
    pub left: u64,
    /// Steps that have begun, by their way.
    pub steps: BTreeMap<String, u64>,
    /// Calls that came to the provider.
    pub tries: u64,
    /// Different keys among them.
    pub keys: u64,
    /// Keys that came again after the provider had reached the person.
    pub again: u64,
    /// Keys that the provider refused for ever.
    pub refused: u64,
    /// From the time at which a step was due until its record.
    pub due_to_begun_us: Percentiles,
    /// From a step's record until the provider had reached each person.
    pub begun_to_reached_us: Percentiles,
    /// Broken promises.
    pub found: Found,
}

/// How long it may take until all that is due is done, when nobody is killed any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
/// What was said a moment ago is written, and known everywhere.
const MOMENT: Duration = Duration::from_secs(3);
/// How long the last ones may take to confirm.
const LAST_CONFIRMED_WITHIN: Duration = Duration::from_secs(30);
/// How often nodes are asked before what they tell counts as it is: in a cluster one may be a moment behind.
const READINGS: u32 = 4;

impl Report {
    /// The table.
    pub fn markdown(&self) -> String {
        let Options { nodes, kills, seed, .. } = &self.parameters;
        let cores = &self.machine.cores;
        let mut table = format!(
            "`loadtest urgent-faults --nodes {nodes} --kills {kills} --seed {seed}` · commit {} · {cores} cores {}\n\n| | |\n|---|---|\n",
            self.commit, self.machine.processor
        );
        let words =
            |counts: &BTreeMap<String, u64>| counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
        let mut row = |name: &str, value: String| _ = writeln!(table, "| {name} | {value} |");
        let (kills, processes) = self.kills;
        row(
            "kills",
            format!("{kills} in {:.0} s, {processes} processes; {} within a second of a step", self.seconds, self.kills_near_steps),
        );
        row("urgents", format!("{} for {} people; {}", self.urgents, self.people, words(&self.over)));
        row("people", format!("{} confirmations acknowledged, {} left", self.confirmed, self.left));
        row("steps", words(&self.steps));
        row(
            "calls to the provider",
            format!(
                "{} tries of {} keys; {} keys again after the person was reached, {} refused for ever",
                self.tries, self.keys, self.again, self.refused
            ),
        );
        let seconds = |percentiles: &Percentiles| {
            let of = |us: u64| us as f64 / 1e6;
            format!("{:.2} / {:.2} / {:.2} s", of(percentiles.p50), of(percentiles.p99), of(percentiles.max))
        };
        row("step due to begun, p50 / p99 / max", seconds(&self.due_to_begun_us));
        row("step begun to person reached, p50 / p99 / max", seconds(&self.begun_to_reached_us));
        let _ = write!(table, "\n**{} violations** {:?}\n", self.found.total(), self.found.violations);
        table
    }
}

/// Who the people are: managers, those who raise urgents, and those for whom they are. Every tenth has no mobile number.
fn table(count: u32) -> String {
    let mut table = String::from("user_id,name,email,mobile,department,leader\n");
    for number in 0..count {
        let user = people::user_id(number);
        let mobile = if has_number(number) { format!("138{number:08}") } else { String::new() };
        let leader = leader(number).map(people::user_id).unwrap_or_default();
        let _ = writeln!(table, "{user},Load {number},{user}@load.example,{mobile},Load,{leader}");
    }
    table
}

fn has_number(number: u32) -> bool {
    !number.is_multiple_of(10)
}

/// Who leads somebody for whom urgents are raised.
fn leader(number: u32) -> Option<u32> {
    (number >= MANAGERS + RAISERS).then_some(number % MANAGERS)
}

/// Runs it, and tells what came of it.
pub fn run(options: &Options, program: &Path, settings: &[(String, String)], progress: &Progress) -> Result<Report, String> {
    let plan = plan::plan(options.seed, options.kills, options.nodes, options.people);
    eprintln!("the plan of seed {}, for {} nodes:", options.seed, options.nodes);
    plan.urgents.iter().enumerate().for_each(|(number, urgent)| eprintln!("urgent {number:>3} {urgent}"));
    plan.kills.iter().enumerate().for_each(|(number, kill)| eprintln!("{:>4} {kill}", number + 1));
    let provider = Provider::bind()?;
    let mut all = provider.settings()?;
    // A node that has died is noticed soon.
    all.push(("CLARION_HEARTBEAT_SECONDS".to_owned(), "2".to_owned()));
    all.extend(settings.iter().cloned());
    progress.step("bringing up the servers");
    let size = Size { nodes: options.nodes, nats: options.nats, people: options.people, given: false };
    let mut cluster = Cluster::prepare_for(program, &size, &all, &table(options.people))?;
    progress.step("starting the nodes");
    cluster.start()?;
    let outcome = under_kills(options, plan, &provider, &mut cluster, progress);
    let stays = match &outcome {
        Ok(report) => options.keep || report.found.total() > 0,
        Err(_) => true,
    };
    if stays {
        eprintln!("what nodes and servers wrote stays in {}", cluster.keep().display());
    }
    outcome
}

fn under_kills(options: &Options, plan: Plan, provider: &Provider, cluster: &mut Cluster, progress: &Progress) -> Result<Report, String> {
    let targets: Vec<Target> = cluster.nodes.iter().map(|node| Target::node(node.address)).collect();
    let staff = MANAGERS + RAISERS..options.people;
    let history = History {
        stories: plan.urgents.iter().map(|planned| Story::of(planned, people::user_id)).collect(),
        without_number: (0..options.people).filter(|number| !has_number(*number)).map(people::user_id).collect(),
        leaders: staff.filter_map(|number| Some((people::user_id(number), people::user_id(leader(number)?)))).collect(),
        ..History::default()
    };
    let identities = std::mem::take(&mut cluster.identities);
    let mut stage = Stage::new(plan, targets, identities, options.seed, history);
    progress.step("making the groups");
    make_groups(&mut stage)?;
    let stage = &stage;
    let (processes, seconds) = std::thread::scope(|scope| {
        scope.spawn(move || provider.serve(stage, scope));
        (0..RAISERS).for_each(|number| drop(scope.spawn(move || raiser::live(stage, number))));
        (0..MANAGERS).chain(MANAGERS + RAISERS..options.people).for_each(|number| drop(scope.spawn(move || person::live(stage, number))));
        let outcome = under_way(stage, cluster, progress);
        // Whatever came of it, everybody goes home.
        stage.enter(Phase::Over);
        outcome
    })?;
    progress.step("reckoning");
    let history = stage.history().clone();
    let (mut found, mut readings) = (Found::default(), Vec::new());
    for again in 0..READINGS {
        std::thread::sleep(if again > 0 { MOMENT } else { Duration::ZERO });
        readings = stage.targets.iter().map(|target| read(stage, &history, target)).collect::<Result<_, _>>()?;
        found = Found::default();
        found.judge(&history, &readings);
        if found.total() == 0 {
            break;
        }
    }
    Ok(told(options, &history, &readings, found, (processes, seconds)))
}

/// Each urgent has a group and a message of its own.
fn make_groups(stage: &mut Stage) -> Result<(), String> {
    let failed = |what: &'static str| move |why: crate::caller::NoAnswer| format!("{what}: {why}");
    for (number, planned) in stage.plan.urgents.iter().enumerate() {
        let identity = &stage.identities[(MANAGERS + planned.raiser) as usize];
        let mut caller = Caller::enter(&stage.targets[0], identity, "raiser").map_err(failed("who raises urgents cannot sign in"))?;
        let group = CreateGroup {
            client_message_id: format!("group {number}"),
            name: format!("Urgent {number}"),
            user_ids: planned.people.keys().map(|number| people::user_id(*number)).collect(),
            ..CreateGroup::default()
        };
        let chat_id = caller.ask(&group).map_err(failed("a group cannot be made"))?.chat_id;
        let content = Content::Text(Text { text: format!("Close valve {number} now") });
        let message = Send { chat_id, client_message_id: format!("message {number}"), content, ..Send::default() };
        let message_id = caller.ask(&message).map_err(failed("a message cannot be sent"))?.message_id;
        stage.of_chat.insert(chat_id, number);
        stage.grounds.push((chat_id, message_id));
    }
    Ok(())
}

/// The kills, and what comes after them. Gives how many processes were killed, and how long that took.
fn under_way(stage: &Stage, cluster: &mut Cluster, progress: &Progress) -> Result<(u64, f64), String> {
    progress.step("under kills");
    let begun = Instant::now();
    let processes = nemesis::go_through(&stage.plan.kills, cluster, stage)?;
    let seconds = begun.elapsed().as_secs_f64();
    progress.step("nobody is killed any more: the last steps");
    stage.enter(Phase::Settles);
    let until = Instant::now() + SETTLED_WITHIN;
    std::thread::sleep(MOMENT);
    while let Some(awaited) = reckoning::awaited(&stage.history(), now_ms()) {
        if Instant::now() > until {
            eprintln!("not everything was done in time: {awaited}");
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(MOMENT);
    stage.history().settled_ms = now_ms();
    progress.step("the last ones confirm");
    stage.enter(Phase::LastConfirm);
    let until = Instant::now() + LAST_CONFIRMED_WITHIN;
    let all_acted = || stage.history().stories.iter().all(|story| story.stop.is_some() || story.asked().all(|(_, person)| person.acted()));
    while !all_acted() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(MOMENT);
    Ok((processes, seconds))
}

fn read(stage: &Stage, history: &History, target: &Target) -> Result<Reading, String> {
    let raiser_of = |number: usize| stage.plan.urgents[number].raiser as usize;
    let (others, staff) = stage.identities.split_at((MANAGERS + RAISERS) as usize);
    let raisers = &others[MANAGERS as usize..];
    reading::read(target, &history.stories, raiser_of, raisers, staff, &stage.of_chat)
        .map_err(|why| format!("what the node at {} tells cannot be read: {why}", target.address))
}

fn told(options: &Options, history: &History, readings: &[Reading], found: Found, (processes, seconds): (u64, f64)) -> Report {
    let reports = || readings.first().into_iter().flat_map(|reading| &reading.reports);
    let (mut over, mut steps) = (BTreeMap::new(), BTreeMap::new());
    let (mut due_to_begun, mut begun_to_reached) = (Latencies::new(), Latencies::new());
    let mut due = Vec::new();
    let stories: BTreeMap<_, _> = history.stories.iter().filter_map(|story| Some((story.id()?, story))).collect();
    let mut first_reached: BTreeMap<(&str, u32, &str), u64> = BTreeMap::new();
    for call in history.calls.iter().filter(|call| call.did == Did::Reached) {
        first_reached.entry((&call.urgent_id, call.step, &call.user_id)).or_insert(call.at_ms);
    }
    for (urgent_id, report) in reports() {
        let name = report.counts.over.map_or("still open".to_owned(), |why| format!("{why:?}").to_lowercase());
        *over.entry(name).or_default() += 1;
        let Some(story) = stories.get(urgent_id) else { continue };
        let id = urgent_id.to_string();
        for (step, (deed, (after_ms, _))) in report.steps().zip(&story.rungs).enumerate() {
            *steps.entry(deed.way.map_or("?".to_owned(), |way: UrgentWay| format!("{way:?}").to_lowercase())).or_default() += 1;
            due.push(report.raised_at_ms + after_ms);
            due_to_begun.record_ns(deed.at_ms.saturating_sub(report.raised_at_ms + after_ms) * 1_000_000);
            let of_step = (id.as_str(), step as u32, "")..(id.as_str(), step as u32 + 1, "");
            first_reached.range(of_step).for_each(|(_, at_ms)| begun_to_reached.record_ns(at_ms.saturating_sub(deed.at_ms) * 1_000_000));
        }
    }
    let near = |killed_ms: &&u64| due.iter().any(|due_ms| due_ms.abs_diff(**killed_ms) <= 1_000);
    let people = || history.stories.iter().flat_map(Story::asked).map(|(_, person)| person);
    let mut tries: BTreeMap<&str, (bool, bool, bool)> = BTreeMap::new();
    for call in &history.calls {
        let (reached, again, refused) = tries.entry(&call.key).or_default();
        *again |= *reached;
        *reached |= call.did == Did::Reached;
        *refused |= call.did == Did::Refused;
    }
    Report {
        parameters: options.clone(),
        machine: Machine::here(),
        commit: commit(),
        seconds,
        kills: (history.kills.len() as u64, processes),
        kills_near_steps: history.kills.iter().filter(near).count() as u64,
        urgents: stories.len() as u64,
        over,
        people: people().count() as u64,
        confirmed: people().filter(|person| person.confirm_acked_ms.is_some()).count() as u64,
        left: people().filter(|person| person.leave_acked_ms.is_some()).count() as u64,
        steps,
        tries: history.calls.len() as u64,
        keys: Calls::of(history).keys() as u64,
        again: tries.values().filter(|(_, again, _)| *again).count() as u64,
        refused: tries.values().filter(|(.., refused)| *refused).count() as u64,
        due_to_begun_us: due_to_begun.percentiles(),
        begun_to_reached_us: begun_to_reached.percentiles(),
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_for_whom_an_urgent_is_has_a_leader_and_most_a_number() {
        let table = table(PEOPLE_MIN);
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let (others, staff) = rows.split_at((MANAGERS + RAISERS) as usize);
        assert!(others.iter().all(|row| row[5].is_empty()) && staff.iter().all(|row| others.iter().any(|other| other[0] == row[5])));
        assert!(staff.iter().any(|row| row[3].is_empty()) && staff.iter().filter(|row| row[3].is_empty()).count() < staff.len() / 2);
    }
}
