//! A cluster whose parts are killed, held, restarted and cut off in a seeded order, under load, with a reckoning at the end.

mod changes;
mod cut;
mod nemesis;
mod plan;
mod reckoning;

use crate::check::Faults;
use crate::cluster::{Cluster, Size};
use crate::fleet::{Fleet, Identity, Kept, Run, Target};
use crate::latency::{Latencies, Percentiles};
use crate::machine::{Machine, commit};
use crate::progress::Progress;
use cut::Wires;
use nemesis::Done;
use reckoning::{Account, Found};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is run.
#[derive(Debug, Clone, Serialize)]
pub struct Options {
    /// Nodes.
    pub nodes: usize,
    /// Servers of NATS, each with a copy of every stream.
    pub nats: usize,
    /// How long things are done to the cluster.
    pub seconds: u64,
    /// Decides what is done, and when.
    pub seed: u64,
    /// Nothing is done but that the store is away for so many seconds.
    pub store_away: Option<u64>,
    /// People.
    pub people: u32,
    /// Groups of six; there is one of everybody besides.
    pub groups: u32,
    /// Messages a second, over all chats.
    pub rate: f64,
    /// Devices that change their node, a second.
    pub hops: f64,
    /// Bytes of each text.
    pub text_bytes: usize,
    /// What nodes and servers wrote stays, also when all was well.
    pub keep: bool,
}

/// Members of each group for certain, and those who come and go.
const GROUP: u32 = 6;
const GUESTS: u32 = 2;
/// How long letters may take after everything is well again.
const SETTLE_SECONDS: f64 = 60.0;
/// How long receipts may take until they are written.
const RECEIPTS_SECONDS: f64 = 4.0;
/// How often a node is asked how far somebody has read, before it counts as behind.
const READ_TRIES: u32 = 5;
const BETWEEN_READS: Duration = Duration::from_secs(1);
/// And how long it is waited for in all: when everybody is behind on every node, the run is to end all the same.
const READS_WITHIN: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub parameters: Options,
    /// Where it ran.
    pub machine: Machine,
    /// Commit of the working directory.
    pub commit: String,
    /// What was done, by kind.
    pub faults_done: BTreeMap<String, u64>,
    /// From a fault until each chat took a message that was sent after it.
    pub gaps_us: BTreeMap<String, Percentiles>,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Messages that came to sessions other than the sender's.
    pub delivered: u64,
    /// From the time at which a message was written until it was acknowledged.
    pub send_to_ack_us: Percentiles,
    /// Times that a device went to another node, went on there where it was, and could not.
    pub moves: (u64, u64, u64),
    /// Times that a device left a node because its sync came to no end there.
    pub not_synced: u64,
    /// Sends that were refused for now.
    pub refused: u64,
    /// Chats of which a `sync` said that too much was missed.
    pub too_long: u64,
    /// What the referee saw live.
    pub live: Faults,
    /// What the reckoning found.
    pub found: Found,
    /// The referee's first faults in words.
    pub complaints: Vec<String>,
    /// The messages that waited longest, in words.
    pub slowest: Vec<String>,
}

impl Report {
    /// Violations in all.
    pub fn violations(&self) -> u64 {
        self.live.total() + self.found.violations()
    }

    /// The table.
    pub fn markdown(&self) -> String {
        let Options { nodes, nats, seconds, seed, .. } = &self.parameters;
        let mut table = format!(
            "`loadtest faults --nodes {nodes} --nats-servers {nats} --seconds {seconds} --seed {seed}` · commit {} · {} cores {}\n\n",
            self.commit, self.machine.cores, self.machine.processor
        );
        table += "| done | times | chats writable again after, s: p50 / p99 / max |\n|---|---|---|\n";
        let seconds = |us: u64| us as f64 / 1e6;
        for (kind, count) in &self.faults_done {
            let gap = self.gaps_us.get(kind).copied().unwrap_or_default();
            table += &format!("| {kind} | {count} | {:.2} / {:.2} / {:.2} |\n", seconds(gap.p50), seconds(gap.p99), seconds(gap.max));
        }
        let Percentiles { p50, p99, max, .. } = self.send_to_ack_us;
        let (moves, resumed, not_resumed) = self.moves;
        let Found { lost, doubled, reordered, invented, different, backwards, .. } = &self.found;
        table += &format!(
            "\n{} messages and {} changes of groups acknowledged, {} delivered live; written to acknowledged p50 {:.3} s, p99 {:.2} s, max {:.2} s; \
             {moves} times a device went to another node, {resumed} times it went on where it was, {not_resumed} times it had to begin anew, \
             {} times its sync came to no end; {} sends refused for now, {} chats told too long\n\n\
             Read from every node: {} records; lost {lost}, doubled {doubled}, reordered {reordered}, invented {invented}, \
             different {different}, receipts backwards {backwards}. Live: {} faults {:?}\n\nWaited longest:\n\n- {}\n\n**{} violations**\n",
            self.found.acknowledged,
            self.found.changes,
            self.delivered,
            seconds(p50),
            seconds(p99),
            seconds(max),
            self.not_synced,
            self.refused,
            self.too_long,
            self.found.read,
            self.live.total(),
            self.live,
            self.slowest.join("\n- "),
            self.violations()
        );
        table
    }
}

/// Runs it, and tells what came of it.
pub fn run(options: &Options, program: &Path, settings: &[(String, String)], progress: &Progress) -> Result<Report, String> {
    let plan = match options.store_away {
        Some(seconds) => plan::store_away(seconds),
        None => plan::plan(options.seed, options.seconds, options.nodes, options.nats),
    };
    eprintln!("the plan of seed {}, for {} nodes and {} servers of NATS:", options.seed, options.nodes, options.nats);
    for event in &plan {
        eprintln!("{:>8.3} s  {}, for {:.3} s", event.at_ms as f64 / 1e3, event.fault, event.lasts_ms as f64 / 1e3);
    }
    progress.step("bringing up the servers");
    let size = Size { nodes: options.nodes, nats: options.nats, people: options.people, given: false };
    // A node that stands still is noticed soon.
    let mut all = vec![("CLARION_HEARTBEAT_SECONDS".to_owned(), "2".to_owned())];
    all.extend(settings.iter().cloned());
    let mut cluster = Cluster::prepare(program, &size, &all)?;
    let mut wires = Vec::new();
    for node in &mut cluster.nodes {
        let own = Wires::to(&cluster.servers.nats)?;
        node.settings.push(("CLARION_NATS".to_owned(), own.addresses.join(",")));
        wires.push(own);
    }
    progress.step("starting the nodes");
    cluster.start()?;
    let outcome = under_faults(options, &plan, &mut cluster, &wires, progress);
    let stays = match &outcome {
        Ok(report) => options.keep || report.violations() > 0,
        Err(_) => true,
    };
    if stays {
        eprintln!("what nodes and servers wrote stays in {}", cluster.keep().display());
    }
    outcome
}

fn under_faults(
    options: &Options,
    plan: &[plan::Event],
    cluster: &mut Cluster,
    wires: &[Wires],
    progress: &Progress,
) -> Result<Report, String> {
    let identities = std::mem::take(&mut cluster.identities);
    let targets: Vec<Target> = cluster.nodes.iter().map(|node| Target::node(node.address)).collect();
    let mut fleet =
        Fleet::new(targets.clone(), identities.clone(), Run::alone(options.people, options.seed, options.text_bytes), progress.clone())?;
    let (lists, guests) = groups(options);
    fleet.make_groups(&lists)?;
    let everybody: Vec<u32> = (0..options.people).collect();
    fleet.announce("coming in");
    fleet.connect(&everybody, 500.0)?;
    fleet.start_measuring();
    let ids: Vec<_> = fleet.chats().map(|(chat_id, _)| chat_id).collect();
    let groups: Vec<changes::Group> = ids
        .iter()
        .zip(&lists)
        .zip(&guests)
        .filter(|(_, guests)| !guests.is_empty())
        .map(|((chat_id, members), guests)| changes::Group {
            chat_id: *chat_id,
            owner: identities[members[0] as usize].clone(),
            guests: guests.iter().map(|guest| identities[*guest as usize].user.to_string()).collect(),
        })
        .collect();
    fleet.begin_surviving(guests);

    fleet.announce("under faults");
    let (well, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (done, changes) = std::thread::scope(|scope| {
        let nemesis = scope.spawn(|| {
            let done = nemesis::go_through(plan, cluster, wires, options.seconds, &|words| progress.step(words));
            well.store(true, Ordering::Release);
            done
        });
        let stop = || over.load(Ordering::Acquire);
        let changing = scope.spawn(move || changes::make(&groups, &targets, options.seed, &stop));
        let written = fleet.write_letters(options.rate, options.hops, || well.load(Ordering::Acquire));
        over.store(true, Ordering::Release);
        let done = nemesis.join().map_err(|_| "what does things to the cluster had panicked".to_owned())?;
        let changes = changing.join().map_err(|_| "what changes groups had panicked".to_owned())?;
        written?;
        Ok::<_, String>((done?, changes?))
    })?;
    fleet.announce("everything is well again: the last letters");
    fleet.deliver_letters(SETTLE_SECONDS)?;
    fleet.say_read_again(SETTLE_SECONDS)?;
    fleet.hold(RECEIPTS_SECONDS)?;

    fleet.announce("reckoning");
    let mut found = Found::default();
    let targets: Vec<Target> = cluster.nodes.iter().map(|node| Target::node(node.address)).collect();
    reckon(&mut found, &fleet, &identities, &targets, &lists, &ids, &changes)?;
    let outcome = fleet.finish();
    let survival = fleet.survival().ok_or("clients remember nothing")?;
    let mut faults_done = BTreeMap::new();
    done.iter().for_each(|done| *faults_done.entry(name_of(done)).or_default() += 1);
    let report = Report {
        parameters: options.clone(),
        machine: Machine::here(),
        commit: commit(),
        faults_done,
        gaps_us: gaps(&done, &survival.kept),
        acknowledged: outcome.counts.acked,
        delivered: outcome.counts.delivered,
        send_to_ack_us: outcome.send_to_ack.percentiles(),
        moves: (survival.moves, outcome.counts.resumed, outcome.counts.not_resumed),
        not_synced: survival.not_synced,
        refused: survival.refused,
        too_long: outcome.counts.too_long,
        live: outcome.faults,
        found,
        complaints: outcome.complaints,
        slowest: survival.slowest.iter().map(|slow| slow.words.clone()).collect(),
    };
    fleet.leave(&everybody);
    Ok(report)
}

/// Members of each group for certain, and its guests. The last group is everybody's.
fn groups(options: &Options) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
    let person = |place: u32| place % options.people;
    let mut lists: Vec<Vec<u32>> =
        (0..options.groups).map(|group| (0..GROUP).map(|member| person(group * GROUP + member)).collect()).collect();
    let mut guests: Vec<Vec<u32>> =
        (0..options.groups).map(|group| (0..GUESTS).map(|guest| person((group + 1) * GROUP + guest)).collect()).collect();
    lists.push((0..options.people).collect());
    guests.push(Vec::new());
    (lists, guests)
}

/// A kind of fault; by itself where the store, of which there is one node, was away too, and where another part was hit with it.
fn name_of(done: &Done) -> String {
    let kind = done.fault.kind();
    match done {
        Done { store_away: true, .. } => format!("{kind}, the store away"),
        Done { paired: true, .. } => format!("{kind}, together with another part"),
        _ => kind.to_owned(),
    }
}

/// From each fault until each chat took a message that was sent after it.
fn gaps(done: &[Done], kept: &[Vec<Kept>]) -> BTreeMap<String, Percentiles> {
    let mut latencies: BTreeMap<String, Latencies> = BTreeMap::new();
    for done in done {
        let latencies = latencies.entry(name_of(done)).or_insert_with(Latencies::new);
        for chat in kept {
            let again = chat.iter().filter(|kept| kept.sent_ns >= done.at_ns).map(|kept| kept.acked_ns).min();
            if let Some(again) = again {
                latencies.record_ns(again - done.at_ns);
            }
        }
    }
    latencies.into_iter().map(|(kind, latencies)| (kind, latencies.percentiles())).collect()
}

fn reckon(
    found: &mut Found,
    fleet: &Fleet,
    identities: &[Identity],
    targets: &[Target],
    lists: &[Vec<u32>],
    ids: &[protocol::ids::ChatId],
    changes: &[changes::Change],
) -> Result<(), String> {
    let survival = fleet.survival().ok_or("clients remember nothing")?;
    let open = fleet.open_letters();
    for (number, (members, chat_id)) in lists.iter().zip(ids).enumerate() {
        let account = Account {
            chat_id: *chat_id,
            owner: identities[members[0] as usize].clone(),
            members: members.iter().map(|member| identities[*member as usize].user.to_string()).collect(),
            kept: survival.kept[number].clone(),
            mark: format!("{:x}", fleet.mark()),
            open: open.iter().copied().collect(),
            changes: changes.iter().filter(|change| change.group == number).cloned().collect(),
        };
        let mut told = Vec::new();
        for (node, target) in targets.iter().enumerate() {
            let one = reckoning::read(target, &account).map_err(|why| format!("chat {chat_id} cannot be read from node {node}: {why}"))?;
            told.push(one);
        }
        found.judge(&account, &told);
    }
    let until = Instant::now() + READS_WITHIN;
    for (at, identity) in identities.iter().enumerate() {
        let said = fleet.said_read(at as u32);
        let chats: Vec<_> = said.iter().map(|(chat_id, _)| *chat_id).collect();
        for (node, target) in targets.iter().enumerate() {
            let mut told = HashMap::new();
            for again in 0..READ_TRIES {
                std::thread::sleep(if again > 0 { BETWEEN_READS } else { Duration::ZERO });
                told = reckoning::reading(target, identity, &chats)
                    .map_err(|why| format!("the list of {} cannot be read from node {node}: {why}", identity.user))?;
                // What was said a moment ago may still be on its way to the other nodes.
                if said.iter().all(|(chat, said)| told.get(chat).is_some_and(|told| told >= said)) || Instant::now() > until {
                    break;
                }
            }
            found.judge_reading(&identity.user, &said, &told, node);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::Fault;

    #[test]
    fn a_gap_ends_with_the_first_message_that_was_sent_after_the_fault() {
        let kept =
            |sent_s: u64, acked_s: u64| Kept { seq: 1, message: 1, sent_ns: sent_s * 1_000_000_000, acked_ns: acked_s * 1_000_000_000 };
        let done = [Done { fault: Fault::KillNode(0), at_ns: 10_000_000_000, paired: false, store_away: false }];
        let gaps = gaps(&done, &[vec![kept(9, 11), kept(12, 13), kept(14, 15)], vec![kept(10, 11)]]);
        let gap = gaps["node killed"];
        assert!((900_000..1_100_000).contains(&gap.p50) && (2_900_000..3_100_000).contains(&gap.max), "{gap:?}");
    }

    #[test]
    fn guests_are_not_members() {
        let options = Options {
            nodes: 3,
            nats: 3,
            seconds: 1,
            seed: 1,
            store_away: None,
            people: 48,
            groups: 16,
            rate: 1.0,
            hops: 1.0,
            text_bytes: 64,
            keep: false,
        };
        let (lists, guests) = groups(&options);
        assert_eq!((lists.len(), guests.len()), (17, 17));
        for (list, guests) in lists.iter().zip(&guests) {
            assert!(guests.iter().all(|guest| !list.contains(guest)));
        }
    }
}
