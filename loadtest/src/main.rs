//! The load harness: clients by the thousand, a referee that checks every message, and a control beside every figure.
//!
//! `README.md` says what each scenario does and how its results are read.

mod arrivals;
mod bare;
mod check;
mod cluster;
mod faults;
mod fleet;
mod http;
mod incoming;
mod latency;
mod machine;
mod open_api;
mod people;
mod progress;
mod readiness;
mod report;
mod scenario;
mod server;
mod websocket;

use bare::FaultKind;
use clap::{Args, Parser, Subcommand, ValueEnum as _};
use progress::Progress;
use report::Report;
use scenario::{GroupsOf, Online, Scenario};
use server::Server;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Load, and a referee, for Clarion.
#[derive(Parser)]
#[command(version)]
struct Harness {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Idle sessions: memory and CPU for each.
    Connect(Options),
    /// Messages at a steady rate into many small groups.
    Steady(Options),
    /// One group with everybody in it.
    GreatGroup(Options),
    /// As many sends as the server takes, in groups whose members are online or offline.
    Saturate {
        /// Only the owner of each group is online; the sends of owners are stored and acknowledged.
        #[arg(long, conflicts_with = "online")]
        offline: bool,
        /// Everybody is online (the default).
        #[arg(long)]
        online: bool,
        #[command(flatten)]
        options: Options,
    },
    /// The open API: messages, groups and members by HTTP.
    OpenApi(OpenApiOptions),
    /// A cluster whose parts are killed, held, restarted and cut off in a seeded order, with a reckoning at the end.
    Faults(FaultsOptions),
    /// The control server by itself, until stdin ends.
    BareServer {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
        /// What to do wrong: `lose:N`, `double:N` or `swap:N`, at every N-th delivery.
        #[arg(long, value_parser = fault)]
        fault: Option<(FaultKind, u64)>,
    },
}

#[derive(Args)]
struct Options {
    /// Starts a server of its own in a temporary folder: `CLARION_BIN`, or `clarion` beside the harness.
    #[arg(long, conflicts_with_all = ["url", "bare"])]
    spawn: bool,
    /// Starts a cluster of so many nodes with `--spawn`. NATS and the store are brought up by `tests/servers/up`, but for those that
    /// `CLARION_NATS` and `CLARION_SCYLLA` name.
    #[arg(long, requires = "spawn", value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: Option<u16>,
    /// Servers of NATS that are brought up for `--nodes`, each with a copy of every stream.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=5))]
    nats_servers: u16,
    /// The server to measure, `http://host:port`.
    #[arg(long, requires = "tokens", conflicts_with = "bare")]
    url: Option<String>,
    /// File with a `user_id<TAB>token` line for each person, for `--url`.
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// Process of the server at `--url`, to read its memory and CPU.
    #[arg(long)]
    pid: Option<u32>,
    /// Measures the control itself: shows what the harness can do, and with `--fault` that the referee sees.
    #[arg(long)]
    bare: bool,
    /// What the control of `--bare` does wrong: `lose:N`, `double:N` or `swap:N`.
    #[arg(long, requires = "bare")]
    fault: Option<String>,
    /// A setting for the server of `--spawn`, as `NAME=VALUE` of its environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// People.
    #[arg(long)]
    people: Option<u32>,
    /// Groups, as `COUNTxSIZE`, several with commas.
    #[arg(long, value_delimiter = ',', value_parser = groups_of)]
    groups: Vec<GroupsOf>,
    /// Sends a second.
    #[arg(long)]
    rate: Option<f64>,
    /// Sends unanswered at any time, for `saturate`.
    #[arg(long)]
    in_flight: Option<u32>,
    /// Length of the measured part in seconds.
    #[arg(long)]
    seconds: Option<f64>,
    /// Length of the part before it, in seconds.
    #[arg(long, default_value_t = 3.0)]
    warmup: f64,
    /// How long answers and deliveries may still come after the last send, in seconds.
    #[arg(long, default_value_t = 20.0)]
    settle: f64,
    /// Bytes of each text.
    #[arg(long, default_value_t = 100)]
    text_bytes: usize,
    /// Connections a second while people come in.
    #[arg(long, default_value_t = 2_000.0)]
    connect_rate: f64,
    /// Decides who is in which group and who sends when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes the JSON object here too.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leaves out the control before and after.
    #[arg(long)]
    no_control: bool,
}

#[derive(Args)]
struct OpenApiOptions {
    /// Starts a server of its own in a temporary folder: `CLARION_BIN`, or `clarion` beside the harness.
    #[arg(long, conflicts_with = "url", required_unless_present = "url")]
    spawn: bool,
    /// The server to measure, `http://host:port`; its people are `load000000` and so on.
    #[arg(long, requires_all = ["app_id", "app_secret"])]
    url: Option<String>,
    /// The app that calls, for `--url`.
    #[arg(long)]
    app_id: Option<String>,
    /// Its secret.
    #[arg(long)]
    app_secret: Option<String>,
    /// Process of the server at `--url`, to read its CPU.
    #[arg(long)]
    pid: Option<u32>,
    /// A setting for the server of `--spawn`, as `NAME=VALUE` of its environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// People of the organisation.
    #[arg(long, default_value_t = 10_000)]
    people: u32,
    /// Connections that are kept busy.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Length of each measured part in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Groups that are written into.
    #[arg(long, default_value_t = 1_000)]
    groups: usize,
    /// Bytes of each text.
    #[arg(long, default_value_t = 100)]
    text_bytes: usize,
    /// Decides which group a request is about.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes the JSON object here too.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Args)]
struct FaultsOptions {
    /// Nodes of Clarion.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=9))]
    nodes: u16,
    /// Servers of NATS, each with a copy of every stream. With three, one may be away.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=5))]
    nats_servers: u16,
    /// How long things are done to the cluster.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(10..))]
    seconds: u64,
    /// Decides what is done, and when: the same seed does the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In place of the plan of a seed: the store is killed, and comes back after so many seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    store_away: Option<u64>,
    /// People.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(16..=10_000))]
    people: u32,
    /// Groups of six people; one of everybody is made besides.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    groups: u32,
    /// Messages a second.
    #[arg(long, default_value_t = 60.0)]
    rate: f64,
    /// Devices that change their node unasked, a second.
    #[arg(long, default_value_t = 0.5)]
    hops: f64,
    /// Bytes of each text.
    #[arg(long, default_value_t = 100)]
    text_bytes: usize,
    /// What nodes and servers wrote stays where the last line says, also when all was well.
    #[arg(long)]
    keep: bool,
    /// A setting for the nodes, as `NAME=VALUE` of their environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Writes the JSON object here.
    #[arg(long)]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let harness = Harness::parse();
    let result = match harness.what {
        What::BareServer { listen, fault } => {
            readiness::raise_open_files();
            bare::serve(listen, fault).map(|()| true)
        }
        What::OpenApi(options) => run_open_api(&options),
        What::Faults(options) => run_faults(&options),
        What::Connect(options) => run(&options, "connect", Online::All),
        What::Steady(options) => run(&options, "steady", Online::All),
        What::GreatGroup(options) => run(&options, "great-group", Online::All),
        What::Saturate { offline, options, .. } => run(&options, "saturate", if offline { Online::Owners } else { Online::All }),
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

/// Sends a second of the control of a scenario that sends nothing.
const CONTROL_RATE: f64 = 200.0;

/// Runs a scenario; `false` when the referee found a fault.
fn run(options: &Options, name: &str, online: Online) -> Result<bool, String> {
    let scenario = describe(options, name, online)?;
    let open_files = readiness::raise_open_files();
    let sessions = if online == Online::All {
        u64::from(scenario.people)
    } else {
        u64::from(scenario.groups.iter().map(|groups| groups.count).sum::<u32>())
    };
    if sessions + 64 > open_files {
        return Err(format!(
            "{sessions} sessions need more open files than the {open_files} that one process may have: ask for fewer people"
        ));
    }
    let progress = Progress::new();
    let mut controls = Vec::new();
    let shorter = Scenario {
        // Where nothing is sent, the control sends a little, so that there is a bare `send` to be held against.
        rate: scenario.rate.or(scenario.in_flight.is_none().then_some(CONTROL_RATE)),
        seconds: (scenario.seconds / 3.0).clamp(3.0, 10.0),
        warmup_seconds: 1.0,
        ..scenario.clone()
    };
    let control_too = !options.no_control && !options.bare;
    let control =
        || shorter.pass(&mut Server::bare(scenario.people, None)?, &progress, true).map_err(|error| format!("the control: {error}"));
    if control_too {
        controls.push(control()?);
    }
    progress.step("starting the server");
    let mut server = start(options, &scenario)?;
    let passage = scenario.pass(&mut server, &progress, options.bare)?;
    drop(server);
    if control_too {
        controls.push(control()?);
    }
    progress.clear();
    if options.bare {
        // It is its own control.
        controls.push(passage.clone());
    }
    let report = Report::new(&scenario, &passage, &controls);
    println!("{}", report.markdown());
    write(&report, options.json.as_deref())?;
    for complaint in &report.complaints {
        eprintln!("{complaint}");
    }
    if report.refused > 0 {
        eprintln!("note: {} sends were refused for now, by error number: {:?}", report.refused, report.refusal_codes);
    }
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
        (Some(url), Some(id), Some(secret)) => (Server::at(url, Vec::new(), options.pid)?, (id.clone(), secret.clone())),
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
    println!("{}", report.markdown());
    if let Some(path) = &options.json {
        write(&report, Some(path))?;
    }
    for complaint in report.complaints.iter().chain(&report.found.complaints) {
        eprintln!("{complaint}");
    }
    Ok(report.violations() == 0)
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

/// `NAME=VALUE` texts as pairs.
fn settings(texts: &[String]) -> Result<Vec<(String, String)>, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("--set {text}: it has the form NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

fn start(options: &Options, scenario: &Scenario) -> Result<Server, String> {
    if options.bare {
        return Server::bare(scenario.people, options.fault.as_deref());
    }
    if let Some(url) = &options.url {
        let tokens = options.tokens.as_deref().ok_or("--url needs --tokens, a file with a token for each person")?;
        return Server::at(url, people::tokens_from(tokens, scenario.people)?, options.pid);
    }
    if !options.spawn {
        return Err("say what to measure: --spawn starts a server, --url names one".to_owned());
    }
    if let Some(nodes) = options.nodes {
        let size = cluster::Size { nodes: nodes.into(), nats: options.nats_servers.into(), people: scenario.people, given: true };
        return Server::cluster(&program()?, &size, &settings(&options.settings)?);
    }
    Server::clarion(&program()?, scenario.people, &settings(&options.settings)?)
}

/// The scenario of this name, with what the options change.
fn describe(options: &Options, name: &str, online: Online) -> Result<Scenario, String> {
    let people = options.people.unwrap_or(10_000);
    let (groups, rate, in_flight, seconds) = match (name, online) {
        ("great-group", _) => (GroupsOf { count: 1, size: people }, Some(5.0), None, 20.0),
        ("steady", _) => (GroupsOf { count: (people / 10).max(1), size: 10 }, Some(2_000.0), None, 20.0),
        ("saturate", Online::All) => (GroupsOf { count: (people / 10).max(1), size: 10 }, None, Some(64), 10.0),
        ("saturate", Online::Owners) => (GroupsOf { count: (people / 10).max(1), size: 10 }, None, Some(1_024), 10.0),
        _ => (GroupsOf { count: (people / 10).max(1), size: 10 }, None, None, 60.0),
    };
    let in_flight = if name == "saturate" { options.in_flight.or(in_flight) } else { None };
    let rate = if in_flight.is_some() { None } else { options.rate.or(rate) };
    if rate.is_some_and(|rate| !(rate > 0.0 && rate < 1e7)) || in_flight == Some(0) {
        return Err("--rate and --in-flight are greater than 0".to_owned());
    }
    if name == "connect" && options.rate.is_some() {
        return Err("`connect` sends nothing: --rate is for `steady` and `great-group`".to_owned());
    }
    Ok(Scenario {
        name: name.to_owned(),
        people,
        groups: if options.groups.is_empty() { vec![groups] } else { options.groups.clone() },
        online,
        rate,
        in_flight,
        seconds: options.seconds.unwrap_or(seconds),
        warmup_seconds: options.warmup,
        settle_seconds: options.settle,
        text_bytes: options.text_bytes.max(16),
        connect_rate: options.connect_rate,
        seed: options.seed,
    })
}

fn groups_of(text: &str) -> Result<GroupsOf, String> {
    let (count, size) = text.split_once('x').ok_or("groups have the form COUNTxSIZE, such as 1000x10")?;
    let number = |digits: &str| {
        digits.trim().parse::<u32>().ok().filter(|number| *number > 0).ok_or(format!("`{digits}` is not a number greater than 0"))
    };
    Ok(GroupsOf { count: number(count)?, size: number(size)? })
}

fn fault(text: &str) -> Result<(FaultKind, u64), String> {
    let (kind, every) = text.split_once(':').ok_or("a fault has the form lose:1000")?;
    let every = every.parse().ok().filter(|every| *every > 0).ok_or("the number of a fault is greater than 0")?;
    Ok((FaultKind::from_str(kind, false)?, every))
}
