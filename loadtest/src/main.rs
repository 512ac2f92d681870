//! The load harness: clients by the thousand, a referee that checks every message, and a control beside every figure.
//!
//! `README.md` says what each scenario does and how its results are read.

mod agent;
mod arrivals;
mod bare;
mod caller;
mod check;
mod cluster;
mod compare;
mod course;
mod crew;
mod dial;
mod faults;
mod fleet;
mod http;
mod incoming;
mod latency;
mod machine;
mod open_api;
mod options;
mod order;
mod page;
mod peer;
mod people;
mod progress;
mod readiness;
mod report;
mod scenario;
mod server;
mod timeline;
mod urgent_faults;
mod websocket;
mod wire;

use crew::Crew;
use options::{Asked, FaultsOptions, OpenApiOptions, Options, UrgentFaultsOptions, What, asked, settings};
use progress::Progress;
use report::Report;
use scenario::Scenario;
use server::Server;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = match asked() {
        Asked::Scenario(scenario, options) => scenario.and_then(|scenario| run(&options, scenario)),
        Asked::Other(other) => other_than_a_scenario(other),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("loadtest: {error}");
            ExitCode::from(2)
        }
    }
}

fn other_than_a_scenario(what: What) -> Result<bool, String> {
    match what {
        What::BareServer { listen, fault } => {
            readiness::raise_open_files();
            bare::serve(listen, fault).map(|()| true)
        }
        What::Agent { listen } => {
            readiness::raise_open_files();
            match listen {
                Some(address) => agent::serve_network(address),
                None => agent::serve_parent(),
            }
            .map(|()| true)
        }
        What::OpenApi(options) => run_open_api(&options),
        What::Faults(options) => run_faults(&options),
        What::UrgentFaults(options) => run_urgent_faults(&options),
        What::Peer { names, scenario, options } => run_peers(&names, &scenario, &options),
        What::Compare { before, after } => {
            let (told, fine) = compare::compare(&before, &after)?;
            println!("{told}");
            Ok(fine)
        }
        What::Run { file, options } => run(&options, options::of_file(&options, &file)?),
    }
}

/// Sends a second of the control of a scenario that sends nothing.
const CONTROL_RATE: f64 = 200.0;

/// Runs a scenario; `false` when the referee found a fault.
fn run(options: &Options, scenario: Scenario) -> Result<bool, String> {
    let progress = Progress::new();
    let report = measured(options, &scenario, &progress, || Ok(()))?;
    let Some(setting) = &options.against else {
        progress.clear();
        return print(options, &report);
    };
    let mut changed = options.clone();
    changed.settings.push(setting.clone());
    let other = measured(&changed, &scenario, &progress, || Ok(()))?;
    progress.clear();
    let both = serde_json::json!({ "run": report, "against": other });
    tell(&report.beside(&other, setting), &both, options.json.as_deref(), report.complaints.iter().chain(&other.complaints))?;
    Ok(report.faults.total() + other.faults.total() == 0)
}

/// The control, the server, whatever stands `between`, and the control again.
fn measured(
    options: &Options,
    scenario: &Scenario,
    progress: &Progress,
    between: impl FnOnce() -> Result<(), String>,
) -> Result<Report, String> {
    let mut crew = crew(options, scenario, progress)?;
    let mut controls = Vec::new();
    let shorter = Scenario {
        // Where nothing is sent, the control sends a little, so that there is a bare `send` to be held against.
        rate: scenario.rate.or(scenario.in_flight.is_none().then_some(CONTROL_RATE)),
        seconds: (scenario.seconds / 3.0).clamp(3.0, 10.0),
        warmup_seconds: 1.0,
        ..scenario.clone()
    };
    let control_too = !options.no_control && !options.bare;
    let control = |crew: &mut Crew| {
        shorter.pass(&mut Server::bare(scenario.people, crew.size(), None)?, crew, true).map_err(|error| format!("the control: {error}"))
    };
    if control_too {
        controls.push(control(&mut crew)?);
    }
    progress.step("starting the server");
    let mut server = start(options, scenario, crew.size())?;
    let passage = scenario.pass(&mut server, &mut crew, options.bare)?;
    drop(server);
    between()?;
    if control_too {
        controls.push(control(&mut crew)?);
    }
    if options.bare {
        // It is its own control.
        controls.push(passage.clone());
    }
    Ok(Report::new(scenario, &passage, &controls))
}

/// Tells a report. `false` when the referee found a fault.
fn print(options: &Options, report: &Report) -> Result<bool, String> {
    println!("{}", report.markdown());
    write(report, options.json.as_deref())?;
    if let Some(path) = &options.html {
        std::fs::write(path, page::html(report)).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    for complaint in &report.complaints {
        eprintln!("{complaint}");
    }
    if report.refused > 0 {
        eprintln!("note: {} sends were refused for now, by error number: {:?}", report.refused, report.refusal_codes);
    }
    Ok(report.faults.total() == 0)
}

/// Runs a scenario with Clarion and with others; `false` when the referee found a fault of Clarion's.
fn run_peers(names: &[String], scenario: &str, options: &Options) -> Result<bool, String> {
    let scenario = options::built_in(options, scenario)?;
    let progress = Progress::new();
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    let report = measured(options, &scenario, &progress, || {
        for name in names {
            match peer::measure(name, &scenario, &|step| progress.step(step)) {
                Ok(measured) => found.push((name.clone(), measured)),
                // What the others did is worth telling all the same.
                Err(why) => failed.push(format!("{name} could not be measured: {why}")),
            }
        }
        Ok(())
    })?;
    progress.clear();
    println!("{}", peer::table(&report, &found));
    if let Some(path) = &options.json {
        let peers: std::collections::BTreeMap<&str, _> = found.iter().map(|(name, found)| (name.as_str(), found)).collect();
        write(&serde_json::json!({ "clarion": report, "peers": peers }), Some(path))?;
    }
    if !failed.is_empty() {
        return Err(failed.join("; "));
    }
    report.complaints.iter().for_each(|complaint| eprintln!("{complaint}"));
    Ok(report.faults.total() == 0)
}

/// Runs the scenario of the open API; `false` when a request was refused.
fn run_open_api(options: &OpenApiOptions) -> Result<bool, String> {
    if options.groups == 0 || options.connections == 0 || options.people == 0 {
        return Err("--people, --groups and --connections are greater than 0".to_owned());
    }
    let plan = open_api::Plan {
        people: options.people,
        connections: options.connections,
        seconds: options.seconds,
        groups: options.groups,
        text_bytes: options.text_bytes,
        seed: options.seed,
    };
    readiness::raise_open_files();
    let progress = Progress::new();
    progress.step("starting the server");
    let (server, app) = match (&options.url, &options.app_id, &options.app_secret) {
        (Some(url), Some(id), Some(secret)) => {
            (Server::at(std::slice::from_ref(url), None, Vec::new(), options.pid.into_iter().collect())?, (id.clone(), secret.clone()))
        }
        _ => {
            // One app makes all the calls here: its allowance is not what is measured. What is asked for with --set comes later and counts.
            let mut own = vec![("CLARION_OPEN_API_CALLS_PER_SECOND".to_owned(), "0".to_owned())];
            own.extend(settings(&options.settings)?);
            Server::clarion_with_app(&program()?, options.people, &own)?
        }
    };
    let report = open_api::run(&plan, &server, &app, &progress)?;
    println!("{}", report.markdown());
    write(&report, options.json.as_deref())?;
    Ok(report.refused() == 0)
}

/// Runs a cluster under faults; `false` when something was lost, doubled, reordered, invented or different.
fn run_faults(options: &FaultsOptions) -> Result<bool, String> {
    if !(options.rate > 0.0 && options.rate < 1e5 && options.hops >= 0.0 && options.hops < 1e3) {
        return Err("--rate is greater than 0, and --hops not less".to_owned());
    }
    readiness::raise_open_files();
    let plan = faults::Options {
        nodes: options.nodes.into(),
        nats: options.nats_servers.into(),
        // What is sent while nothing is done to it any more, goes on for a moment.
        seconds: options.store_away.map_or(options.seconds, |away| away + 10),
        seed: options.seed,
        store_away: options.store_away,
        people: options.people,
        groups: options.groups,
        rate: options.rate,
        hops: options.hops,
        text_bytes: options.text_bytes.max(16),
        keep: options.keep,
    };
    let progress = Progress::new();
    let report = faults::run(&plan, &program()?, &settings(&options.settings)?, &progress)?;
    progress.clear();
    tell(&report.markdown(), &report, options.json.as_deref(), report.complaints.iter().chain(&report.found.complaints))?;
    Ok(report.violations() == 0)
}

/// Tells what was found: the table, the JSON object where it is asked for, and each complaint.
fn tell<'a>(
    table: &str,
    report: &impl serde::Serialize,
    json: Option<&std::path::Path>,
    complaints: impl IntoIterator<Item = &'a String>,
) -> Result<(), String> {
    println!("{table}");
    if let Some(path) = json {
        write(report, Some(path))?;
    }
    complaints.into_iter().for_each(|complaint| eprintln!("{complaint}"));
    Ok(())
}

/// Runs urgents whose servers are killed; `false` when a promise was broken.
fn run_urgent_faults(options: &UrgentFaultsOptions) -> Result<bool, String> {
    readiness::raise_open_files();
    let asked = urgent_faults::Options {
        nodes: options.nodes.into(),
        nats: if options.nodes == 1 { 0 } else { options.nats_servers.into() },
        kills: options.kills.into(),
        seed: options.seed,
        people: options.people,
        keep: options.keep,
    };
    let progress = Progress::new();
    let report = urgent_faults::run(&asked, &program()?, &settings(&options.settings)?, &progress)?;
    progress.clear();
    tell(&report.markdown(), &report, options.json.as_deref(), &report.found.complaints)?;
    Ok(report.found.total() == 0)
}

/// Writes the JSON object into a file, or prints it.
fn write(report: &impl serde::Serialize, file: Option<&std::path::Path>) -> Result<(), String> {
    let json = serde_json::to_string_pretty(report).map_err(|error| format!("the report cannot be written: {error}"))?;
    match file {
        Some(path) => std::fs::write(path, json + "\n").map_err(|error| format!("{} cannot be written: {error}", path.display())),
        None => {
            println!("{json}");
            Ok(())
        }
    }
}

/// The server's program.
fn program() -> Result<PathBuf, String> {
    match std::env::var_os("CLARION_BIN") {
        Some(program) => Ok(PathBuf::from(program)),
        None => {
            let harness = std::env::current_exe().map_err(|error| format!("the harness does not find itself: {error}"))?;
            Ok(harness.with_file_name("clarion"))
        }
    }
}

/// The clients' processes: those that are asked for, or as many as the sessions need.
fn crew(options: &Options, scenario: &Scenario, progress: &Progress) -> Result<Crew, String> {
    let open_files = readiness::raise_open_files();
    if !options.agents.is_empty() {
        return Crew::elsewhere(&options.agents, progress.clone());
    }
    let room = open_files.saturating_sub(OTHER_FILES).max(1);
    let needed = u64::from(scenario.sessions()).div_ceil(room).max(1);
    let clients = options.clients.map_or(needed, u64::from);
    if clients < needed {
        return Err(format!(
            "{} sessions need more open files than the {open_files} that each of {clients} processes may have: --clients {needed} is enough",
            scenario.sessions()
        ));
    }
    Crew::here(clients as usize, progress.clone())
}

/// Files that a process opens besides its sessions.
const OTHER_FILES: u64 = 64;

fn start(options: &Options, scenario: &Scenario, processes: usize) -> Result<Server, String> {
    if options.bare {
        return Server::bare(scenario.people, processes, options.fault.as_deref());
    }
    if !options.url.is_empty() {
        let tokens = options.tokens.as_deref().ok_or("--url needs --tokens, a file with a token for each person")?;
        let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()));
        let ca = options.ca.as_ref().map(read).transpose()?;
        return Server::at(&options.url, ca.as_deref(), people::tokens_from(tokens, scenario.people)?, options.pid.clone());
    }
    if !options.spawn {
        return Err("say what to measure: --spawn starts a server, --url names one".to_owned());
    }
    if let Some(nodes) = options.nodes {
        let size = cluster::Size { nodes: nodes.into(), nats: options.nats_servers.into(), people: scenario.people, given: true };
        return Server::cluster(&program()?, &size, &settings(&options.settings)?);
    }
    Server::clarion(&program()?, scenario.people, &settings(&options.settings)?, options.tls)
}
