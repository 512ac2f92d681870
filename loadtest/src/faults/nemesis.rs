//! Does to a cluster what the plan says, at its time, and makes everything well again.

use super::cut::{State, Wires};
use super::plan::{Event, Fault};
use crate::cluster::{Cluster, is_ready};
use crate::readiness::now_ns;
use crate::server::output_of;
use std::time::{Duration, Instant};

/// How long a cluster may take to be well again when nothing is done to it any more.
const WELL_WITHIN: Duration = Duration::from_secs(120);

/// A fault that began.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// What.
    pub fault: Fault,
    /// When, on the clock of all processes.
    pub at_ns: u64,
}

/// What is to be done next.
struct Step {
    at_ms: u64,
    begin: bool,
    fault: Fault,
}

/// Goes through the plan, and returns what was done when the cluster is well again.
pub fn go_through(plan: &[Event], cluster: &mut Cluster, wires: &[Wires], seconds: u64, say: &dyn Fn(&str)) -> Result<Vec<Done>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for event in plan {
        steps.push(Step { at_ms: event.at_ms, begin: true, fault: event.fault });
        steps.push(Step { at_ms: event.at_ms + event.lasts_ms, begin: false, fault: event.fault });
    }
    steps.sort_by_key(|step| step.at_ms);
    let begun = Instant::now();
    let mut done = Vec::new();
    for step in steps {
        std::thread::sleep(Duration::from_millis(step.at_ms).saturating_sub(begun.elapsed()));
        let words = if step.begin { step.fault.to_string() } else { format!("over: {}", step.fault) };
        say(&words);
        eprintln!("{:>8.3} s  {words}", begun.elapsed().as_secs_f64());
        if step.begin {
            done.push(Done { fault: step.fault, at_ns: now_ns() });
            begin(step.fault, cluster, wires)?;
        } else {
            end(step.fault, cluster, wires)?;
        }
    }
    std::thread::sleep(Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
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
    Ok(done)
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

fn end(fault: Fault, cluster: &mut Cluster, wires: &[Wires]) -> Result<(), String> {
    match fault {
        Fault::KillNode(node) | Fault::RestartNode(node) => cluster.nodes[node].start()?,
        Fault::PauseNode(node) => cluster.nodes[node].signal(libc::SIGCONT),
        Fault::CutNode(node, _) => wires[node].set(State::Whole),
        Fault::PauseNats(server) => down(cluster, "nats", server, "CONT")?,
        Fault::PauseStore => down(cluster, "scylla", 0, "CONT")?,
        Fault::KillNats(server) | Fault::RestartNats(server) => up(cluster, "nats", server)?,
        Fault::KillStore => up(cluster, "scylla", 0)?,
    }
    Ok(())
}

fn down(cluster: &Cluster, which: &str, number: usize, signal: &str) -> Result<(), String> {
    let mut script = cluster.servers.script("down", &[which, &(number + 1).to_string()]);
    script.env("SERVERS_SIGNAL", signal);
    output_of(script).map(drop)
}

/// Brings one back. It is not waited for: the plan goes on.
fn up(cluster: &Cluster, which: &str, number: usize) -> Result<(), String> {
    let mut script = cluster.servers.script("up", &[which]);
    script.env(if which == "nats" { "NATS_ONLY" } else { "SCYLLA_ONLY" }, (number + 1).to_string());
    // Its end is awaited by whoever asks for the servers next: they take turns.
    let mut child = script
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(|error| format!("tests/servers/up cannot be started: {error}"))?;
    std::thread::spawn(move || child.wait());
    Ok(())
}
