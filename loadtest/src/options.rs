//! The command line: commands, what may be asked of them, and what that makes of a scenario.

use crate::bare::FaultKind;
use crate::scenario::{self, GroupsOf, Scenario, Size, Storm};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Load, and a referee, for Clarion.
#[derive(Parser)]
#[command(version)]
pub struct Harness {
    #[command(subcommand)]
    pub what: What,
}

/// Commands that are no scenarios.
#[derive(Subcommand)]
pub enum What {
    /// A scenario of your own.
    Run {
        /// Its file; `README.md` says what stands in one.
        file: PathBuf,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// The open API: messages, groups and members by HTTP.
    OpenApi(OpenApiOptions),
    /// A cluster whose parts are killed, held, restarted and cut off in a seeded order, with a reckoning at the end.
    Faults(FaultsOptions),
    /// Urgents whose servers are killed at their steps, again and again, beside a provider that remembers every call, with a
    /// reckoning of every promise at the end.
    UrgentFaults(UrgentFaultsOptions),
    /// Other servers under the same work, beside the control and Clarion.
    Peer {
        /// Which: `nats`, `nats-jetstream`, `socket-io`, `mosquitto`, `ejabberd`; several with commas.
        #[arg(value_delimiter = ',', required = true)]
        names: Vec<String>,
        /// The work: a scenario that sends.
        #[arg(long, default_value = "great-group")]
        scenario: String,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// What got better or worse between two runs of the same scenario, beyond the noise.
    Compare {
        /// JSON object of the run before.
        before: PathBuf,
        /// JSON object of the run after.
        after: PathBuf,
    },
    /// Clients that do what a coordinator orders: with `--agents` on its command line it is told where they are.
    Agent {
        /// Where to listen for a coordinator that knows `CLARION_LOADTEST_SECRET`. Without it, orders come from stdin.
        #[arg(long)]
        listen: Option<SocketAddr>,
    },
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

/// What may be asked of every scenario.
#[derive(Clone, Args)]
pub struct Options {
    /// Starts a server of its own in a temporary folder: `CLARION_BIN`, or `clarion` beside the harness.
    #[arg(long, conflicts_with_all = ["url", "bare"])]
    pub spawn: bool,
    /// Starts a cluster of so many nodes with `--spawn`. NATS and the store are brought up by `tests/servers/up`, but for those that
    /// `CLARION_NATS` and `CLARION_SCYLLA` name.
    #[arg(long, requires = "spawn", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub nodes: Option<u16>,
    /// Servers of NATS that are brought up for `--nodes`, each with a copy of every stream.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=5))]
    pub nats_servers: u16,
    /// Processes over which the clients are spread. Each may have about as many sessions as it may open files.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: Option<u16>,
    /// In place of processes here: agents that listen on other machines (`loadtest agent --listen`), `host:port` with commas.
    #[arg(long, value_delimiter = ',', requires = "url", conflicts_with = "clients")]
    pub agents: Vec<String>,
    /// The server to measure, `http://host:port` or `https://…`; its nodes with commas.
    #[arg(long, value_delimiter = ',', requires = "tokens", conflicts_with = "bare")]
    pub url: Vec<String>,
    /// Those who have signed the certificates of `https://…`, as PEM.
    #[arg(long, requires = "url")]
    pub ca: Option<PathBuf>,
    /// The server of `--spawn` speaks TLS, with a certificate that is made for it. The control does not.
    #[arg(long, requires = "spawn", conflicts_with = "nodes")]
    pub tls: bool,
    /// File with a `user_id<TAB>token` line for each person, for `--url`.
    #[arg(long)]
    pub tokens: Option<PathBuf>,
    /// Process of the server at `--url`, to read its memory and CPU; those of its nodes with commas.
    #[arg(long, value_delimiter = ',')]
    pub pid: Vec<u32>,
    /// Measures the control itself: shows what the harness can do, and with `--fault` that the referee sees.
    #[arg(long)]
    pub bare: bool,
    /// What the control of `--bare` does wrong: `lose:N`, `double:N` or `swap:N`.
    #[arg(long, requires = "bare")]
    pub fault: Option<String>,
    /// A setting for the server of `--spawn`, as `NAME=VALUE` of its environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Measures once more with this setting for the server of `--spawn`, and prints both side by side.
    #[arg(long, value_name = "NAME=VALUE", requires = "spawn")]
    pub against: Option<String>,
    /// People.
    #[arg(long)]
    pub people: Option<u32>,
    /// Groups, as `COUNTxSIZE`, several with commas, in place of those of the scenario.
    #[arg(long, value_delimiter = ',', value_parser = groups_of)]
    pub groups: Vec<GroupsOf>,
    /// Sends a second.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Sends unanswered at any time, for scenarios that have no rate.
    #[arg(long)]
    pub in_flight: Option<u32>,
    /// Length of the measured part in seconds.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Length of the part before it, in seconds.
    #[arg(long)]
    pub warmup: Option<f64>,
    /// How long answers and deliveries may still come after the last send, in seconds.
    #[arg(long)]
    pub settle: Option<f64>,
    /// Bytes of each text.
    #[arg(long)]
    pub text_bytes: Option<usize>,
    /// Connections a second while people come in.
    #[arg(long)]
    pub connect_rate: Option<f64>,
    /// Decides who is in which group and who sends when.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Writes the JSON object here too.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Writes the report as one page with plots here.
    #[arg(long)]
    pub html: Option<PathBuf>,
    /// Leaves out the control before and after.
    #[arg(long)]
    pub no_control: bool,
}

/// What may be asked of `open-api`.
#[derive(Args)]
pub struct OpenApiOptions {
    /// Starts a server of its own in a temporary folder: `CLARION_BIN`, or `clarion` beside the harness.
    #[arg(long, conflicts_with = "url", required_unless_present = "url")]
    pub spawn: bool,
    /// The server to measure, `http://host:port`; its people are `load000000` and so on.
    #[arg(long, requires_all = ["app_id", "app_secret"])]
    pub url: Option<String>,
    /// The app that calls, for `--url`.
    #[arg(long)]
    pub app_id: Option<String>,
    /// Its secret.
    #[arg(long)]
    pub app_secret: Option<String>,
    /// Process of the server at `--url`, to read its CPU.
    #[arg(long)]
    pub pid: Option<u32>,
    /// A setting for the server of `--spawn`, as `NAME=VALUE` of its environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// People of the organisation.
    #[arg(long, default_value_t = 10_000)]
    pub people: u32,
    /// Connections that are kept busy.
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Length of each measured part in seconds.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Groups that are written into.
    #[arg(long, default_value_t = 1_000)]
    pub groups: usize,
    /// Bytes of each text.
    #[arg(long, default_value_t = 100)]
    pub text_bytes: usize,
    /// Decides which group a request is about.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Writes the JSON object here too.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// What may be asked of `faults`.
#[derive(Args)]
pub struct FaultsOptions {
    /// Nodes of Clarion.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=9))]
    pub nodes: u16,
    /// Servers of NATS, each with a copy of every stream. With three, one may be away.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=5))]
    pub nats_servers: u16,
    /// How long things are done to the cluster.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(10..))]
    pub seconds: u64,
    /// Decides what is done, and when: the same seed does the same.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// In place of the plan of a seed: the store is killed, and comes back after so many seconds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub store_away: Option<u64>,
    /// People.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(16..=10_000))]
    pub people: u32,
    /// Groups of six people; one of everybody is made besides.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub groups: u32,
    /// Messages a second.
    #[arg(long, default_value_t = 60.0)]
    pub rate: f64,
    /// Devices that change their node unasked, a second.
    #[arg(long, default_value_t = 0.5)]
    pub hops: f64,
    /// Bytes of each text.
    #[arg(long, default_value_t = 100)]
    pub text_bytes: usize,
    /// What nodes and servers wrote stays where the last line says, also when all was well.
    #[arg(long)]
    pub keep: bool,
    /// A setting for the nodes, as `NAME=VALUE` of their environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Writes the JSON object here.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// What may be asked of `urgent-faults`.
#[derive(Args)]
pub struct UrgentFaultsOptions {
    /// Nodes of Clarion. One has a database of its own; more are a cluster, with servers of NATS and a store of their own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub nodes: u16,
    /// Servers of NATS of a cluster, each with a copy of every stream.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=5))]
    pub nats_servers: u16,
    /// How often nodes are killed.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(12..=10_000))]
    pub kills: u16,
    /// Decides which urgents are raised, what people do, and what is killed when: the same seed plans the same.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// People: four managers, three who raise urgents, and those for whom they are.
    #[arg(long, default_value_t = 48, value_parser = clap::value_parser!(u32).range(i64::from(crate::urgent_faults::PEOPLE_MIN)..=1_000))]
    pub people: u32,
    /// What nodes and servers wrote stays where the last line says, also when all was well.
    #[arg(long)]
    pub keep: bool,
    /// A setting for the nodes, as `NAME=VALUE` of their environment. May be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// Writes the JSON object here.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// What the command line asks for.
pub enum Asked {
    /// A scenario, or why it cannot be done.
    Scenario(Result<Scenario, String>, Box<Options>),
    /// Something else.
    Other(What),
}

/// Every scenario that is built in is a command, which takes the same options.
pub fn asked() -> Asked {
    let mut command = Harness::command();
    for (name, text) in scenario::BUILT_IN {
        let says = Scenario::read(name, text).map(|scenario| scenario.says).unwrap_or_default();
        command = command.subcommand(Options::augment_args(clap::Command::new(*name)).about(says).long_about(None));
    }
    let matches = command.get_matches();
    let built_in = matches.subcommand().and_then(|(name, matches)| {
        let (_, text) = scenario::BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        let options = Options::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
        Some((name, *text, options))
    });
    if let Some((name, text, options)) = built_in {
        return Asked::Scenario(describe(&options, name, text), Box::new(options));
    }
    Asked::Other(Harness::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).what)
}

/// A scenario of one's own.
pub fn of_file(options: &Options, file: &Path) -> Result<Scenario, String> {
    let name = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    describe(options, &name, &text)
}

/// `NAME=VALUE` texts as pairs.
pub fn settings(texts: &[String]) -> Result<Vec<(String, String)>, String> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("--set {text}: it has the form NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

/// A scenario, with what the options change.
fn describe(options: &Options, name: &str, text: &str) -> Result<Scenario, String> {
    let mut scenario = Scenario::read(name, text)?;
    if let Some(people) = options.people {
        scenario.scale_to(people);
    }
    if !options.groups.is_empty() {
        scenario.groups.clone_from(&options.groups);
    }
    if options.rate.is_some() && scenario.rate.is_none() {
        return Err(format!("`{name}` has no rate of sends: --rate is for scenarios that send at one"));
    }
    if options.in_flight.is_some() && scenario.in_flight.is_none() {
        return Err(format!("`{name}` does not send as much as it can: --in-flight is for scenarios that do"));
    }
    scenario.rate = options.rate.or(scenario.rate);
    scenario.in_flight = options.in_flight.or(scenario.in_flight);
    scenario.seconds = options.seconds.unwrap_or(scenario.seconds);
    scenario.warmup_seconds = options.warmup.unwrap_or(scenario.warmup_seconds);
    scenario.settle_seconds = options.settle.unwrap_or(scenario.settle_seconds);
    scenario.text_bytes = options.text_bytes.unwrap_or(scenario.text_bytes);
    scenario.connect_rate = options.connect_rate.unwrap_or(scenario.connect_rate);
    scenario.seed = options.seed.unwrap_or(scenario.seed);
    scenario.check()?;
    if scenario.storm == Some(Storm::Servers) && !options.spawn {
        return Err(format!("`{name}` kills the server and starts it again, which it can with --spawn only"));
    }
    Ok(scenario)
}

/// A scenario that is built in, with what the options change.
pub fn built_in(options: &Options, name: &str) -> Result<Scenario, String> {
    let (_, text) = scenario::BUILT_IN
        .iter()
        .find(|(built_in, _)| *built_in == name)
        .ok_or_else(|| format!("there is no scenario `{name}`; `loadtest --help` lists them"))?;
    describe(options, name, text)
}

fn groups_of(text: &str) -> Result<GroupsOf, String> {
    let (count, size) = text.split_once('x').ok_or("groups have the form COUNTxSIZE, such as 1000x10")?;
    let number = |digits: &str| {
        digits.trim().parse::<u32>().ok().filter(|number| *number > 0).ok_or(format!("`{digits}` is not a number greater than 0"))
    };
    Ok(GroupsOf { count: Some(number(count)?), size: Size::Of(number(size)?), share: None, urgent: false })
}

fn fault(text: &str) -> Result<(FaultKind, u64), String> {
    let (kind, every) = text.split_once(':').ok_or("a fault has the form lose:1000")?;
    let every = every.parse().ok().filter(|every| *every > 0).ok_or("the number of a fault is greater than 0")?;
    Ok((FaultKind::from_str(kind, false)?, every))
}
