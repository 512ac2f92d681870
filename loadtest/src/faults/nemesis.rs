//! Does to a cluster what the plan says, at its time, and makes everything well again.

use super::cut::{State, Wires};
use super::plan::{Event, Fault};
use crate::cluster::{Cluster, is_ready};
use crate::readiness::now_ns;
use crate::server::output_of;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a cluster may take to be well again when nothing is done to it any more.
const WELL_WITHIN: Duration = Duration::from_secs(240);

/// A fault that began.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// What.
    pub fault: Fault,
    /// When, on the clock of all processes.
    pub at_ns: u64,
    /// Something was done to another part at the same time.
    pub paired: bool,
    /// The store was away then, or a moment later: what is not in memory cannot be loaded.
    pub store_away: bool,
}

/// A fault of the store that comes so soon after another one is in its way.
const SOON_NS: u64 = 10_000_000_000;

/// What is to be done next.
struct Step {
    at_ms: u64,
    begin: bool,
    fault: Fault,
    paired: bool,
}

/// Goes through the plan, and returns what was done when the cluster is well again.
pub fn go_through(plan: &[Event], cluster: &mut Cluster, wires: &[Wires], seconds: u64, say: &dyn Fn(&str)) -> Result<Vec<Done>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for event in plan {
        let Event { at_ms, lasts_ms, fault, paired } = *event;
        steps.push(Step { at_ms, begin: true, fault, paired });
        steps.push(Step { at_ms: at_ms + lasts_ms, begin: false, fault, paired });
    }
    steps.sort_by_key(|step| step.at_ms);
    let begun = Instant::now();
    // A store that is still starting is waited for before it is killed again: what comes after it comes later then, and not
    // all at once.
    let mut late = Duration::ZERO;
    let mut done = Vec::new();
    let back: Back = Arc::default();
    for step in steps {
        let at = Duration::from_millis(step.at_ms);
        std::thread::sleep((at + late).saturating_sub(begun.elapsed()));
        let words = if step.begin { step.fault.to_string() } else { format!("over: {}", step.fault) };
        say(&words);
        eprintln!("{:>8.3} s  {words}", begun.elapsed().as_secs_f64());
        if step.begin {
            done.push(Done { fault: step.fault, at_ns: now_ns(), paired: step.paired, store_away: false });
            begin(step.fault, cluster, wires)?;
        } else {
            end(step.fault, cluster, wires, &back)?;
        }
        late = late.max(begun.elapsed().saturating_sub(at));
    }
    std::thread::sleep((Duration::from_secs(seconds) + late).saturating_sub(begun.elapsed()));
    say("waiting until everything is well");
    let until = Instant::now() + WELL_WITHIN;
    for node in &mut cluster.nodes {
        node.wait_until_ready(until)?;
    }
    // A node may be ready before its NATS or its store is: the servers are asked for once more.
    output_of(cluster.servers.script("up", &["nats", "scylla"]))?;
    while !cluster.nodes.iter().all(|node| is_ready(node.address)) {
        if Instant::now() > until {
            return Err("not every node is ready although everything runs again".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let back = back.lock().map(|back| back.clone()).unwrap_or_default();
    note_store_away(&mut done, &back);
    Ok(done)
}

/// When the store answered again, each time.
type Back = Arc<Mutex<Vec<u64>>>;

fn note_store_away(done: &mut [Done], back: &[u64]) {
    let of_store = |fault: Fault| matches!(fault, Fault::KillStore | Fault::PauseStore);
    let away: Vec<(u64, u64)> = done
        .iter()
        .filter(|done| of_store(done.fault))
        .map(|gone| (gone.at_ns, back.iter().copied().filter(|at_ns| *at_ns > gone.at_ns).min().unwrap_or(u64::MAX)))
        .collect();
    for done in done.iter_mut().filter(|done| !of_store(done.fault)) {
        done.store_away = away.iter().any(|(from, to)| *from < done.at_ns + SOON_NS && done.at_ns < *to);
    }
}

fn begin(fault: Fault, cluster: &mut Cluster, wires: &[Wires]) -> Result<(), String> {
    match fault {
        Fault::KillNode(node) => cluster.nodes[node].kill(),
        Fault::PauseNode(node) => cluster.nodes[node].signal(libc::SIGSTOP),
        Fault::RestartNode(node) => cluster.nodes[node].end(),
        Fault::CutNode(node, silent) => wires[node].set(if silent { State::Silent } else { State::Cut }),
        Fault::KillNats(server) => down(cluster, "nats", server, "KILL")?,
        Fault::PauseNats(server) => down(cluster, "nats", server, "STOP")?,
        Fault::RestartNats(server) => down(cluster, "nats", server, "TERM")?,
        Fault::KillStore => down(cluster, "scylla", 0, "KILL")?,
        Fault::PauseStore => down(cluster, "scylla", 0, "STOP")?,
    }
    Ok(())
}

fn end(fault: Fault, cluster: &mut Cluster, wires: &[Wires], back: &Back) -> Result<(), String> {
    match fault {
        Fault::KillNode(node) | Fault::RestartNode(node) => cluster.nodes[node].start()?,
        Fault::PauseNode(node) => cluster.nodes[node].signal(libc::SIGCONT),
        Fault::CutNode(node, _) => wires[node].set(State::Whole),
        Fault::PauseNats(server) => down(cluster, "nats", server, "CONT")?,
        Fault::PauseStore => {
            down(cluster, "scylla", 0, "CONT")?;
            note(back);
        }
        Fault::KillNats(server) | Fault::RestartNats(server) => up(cluster, "nats", server, None)?,
        Fault::KillStore => up(cluster, "scylla", 0, Some(back.clone()))?,
    }
    Ok(())
}

fn down(cluster: &Cluster, which: &str, number: usize, signal: &str) -> Result<(), String> {
    let mut script = cluster.servers.script("down", &[which, &(number + 1).to_string()]);
    script.env("SERVERS_SIGNAL", signal);
    output_of(script).map(drop)
}

/// Brings one back. It is not waited for: the plan goes on.
fn up(cluster: &Cluster, which: &str, number: usize, back: Option<Back>) -> Result<(), String> {
    let mut script = cluster.servers.script("up", &[which]);
    script.env(if which == "nats" { "NATS_ONLY" } else { "SCYLLA_ONLY" }, (number + 1).to_string());
    // Its end is awaited by whoever asks for the servers next: they take turns.
    let mut child = script
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(|error| format!("tests/servers/up cannot be started: {error}"))?;
    std::thread::spawn(move || {
        let _ = child.wait();
        back.iter().for_each(note);
    });
    Ok(())
}

fn note(back: &Back) {
    if let Ok(mut back) = back.lock() {
        back.push(now_ns());
    }
}
