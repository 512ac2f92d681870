//! Arguments, settings, logs, and the exit code.

use clap::{Args, Parser, Subcommand};
use clarion::config::{Config, LogLevel};
use clarion::operator;
use clarion::store::cql::Dialect;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Its memory per connection is the least of those measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A messaging server for one large organisation.
#[derive(Parser)]
#[command(name = "clarion", version, about, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct Settings {
    /// File with settings; `clarion config` prints all of them.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; overrules the setting `listen`.
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Folder of everything that is kept; overrules the setting `data`.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the server. This is also what happens without a command.
    Run,
    /// Prints every setting with its meaning, unit and default.
    Config,
    /// People of the organisation.
    #[command(subcommand)]
    People(People),
    /// Business systems that call the open API.
    #[command(subcommand)]
    App(App),
    /// Prints access tokens for tools and load tests. Only reads; a server may run.
    Token(Token),
    /// Audits the log against the store and says what differs. Only reads; a server may run.
    Check,
    /// The tables of the cluster's store, which the setting `scylla` names. A server may run.
    Schema(Schema),
}

#[derive(Subcommand)]
enum People {
    /// Takes people and departments from a table in CSV. The same table again changes nothing.
    Import {
        /// Columns by header: user_id, name, en_name, email, mobile, department (a path with `/`, several parted by `;`),
        /// title, leader, password (in clear, or an argon2 hash), resigned (yes or no).
        file: PathBuf,
        /// Gives everybody in the table this password, except where the table has one. For tests.
        #[arg(long, value_name = "PASSWORD")]
        password_for_all: Option<String>,
    },
}

#[derive(Subcommand)]
enum App {
    /// Makes an app and its bot, and prints id and secret once.
    Create {
        /// Its name, which people see as the name of the bot.
        #[arg(long)]
        name: String,
        /// What it may ask, such as `im:chat`; give it several times. Without any, everything but what is reserved.
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// Prints every app. A server may run.
    List,
    /// Prints what an app may ask, after giving it scopes and taking others away. A server may run; it sees the change within a second.
    Scopes {
        /// The app.
        app_id: String,
        /// A scope that it gets; give it several times.
        #[arg(long, value_name = "SCOPE")]
        add: Vec<String>,
        /// A scope that it loses; give it several times.
        #[arg(long, value_name = "SCOPE")]
        remove: Vec<String>,
    },
    /// Prints whom an app may see, after choosing departments and people for it. A server may run; it sees the change within a second.
    Range {
        /// The app.
        app_id: String,
        /// Id of a department that it may see with all below it; give it several times.
        #[arg(long = "department", value_name = "DEPARTMENT_ID")]
        departments: Vec<String>,
        /// Staff number of somebody whom it may see; give it several times.
        #[arg(long = "person", value_name = "USER_ID")]
        people: Vec<String>,
        /// It may see everybody, as an app does of which nothing else was said.
        #[arg(long, conflicts_with_all = ["departments", "people"])]
        everybody: bool,
    },
    /// Takes no call of an app any more, until it is enabled. A server may run; it sees the change within a second.
    Disable {
        /// The app.
        app_id: String,
    },
    /// Takes the calls of an app again. A server may run; it sees the change within a second.
    Enable {
        /// The app.
        app_id: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Schema {
    /// Prints every statement; the store is not asked.
    #[arg(long)]
    print: bool,
    /// Makes what is missing, and says what that was. Nothing is ever taken away, so nodes of the version before may go on.
    #[arg(long)]
    apply: bool,
    /// What to print the statements for.
    #[arg(long = "for", value_name = "SERVER", default_value = "scylla", requires = "print", value_parser = ["scylla", "cassandra"])]
    server: String,
}

#[derive(Args)]
struct Token {
    /// Whose token.
    #[arg(long, value_name = "USER_ID", required_unless_present = "all", conflicts_with = "all")]
    user: Option<String>,
    /// A token for everybody: `user_id`, a tab and the token, one a line.
    #[arg(long)]
    all: bool,
    /// At most so many, with `--all`.
    #[arg(long, value_name = "N", requires = "all")]
    limit: Option<usize>,
    /// The device that it is for: 8 to 64 letters, digits, `-` or `_`.
    #[arg(long, value_name = "DEVICE_ID")]
    device: String,
    /// How long it is good for.
    #[arg(long, value_name = "MINUTES", default_value_t = clarion::limits::ACCESS_TOKEN_MINUTES_MAX, value_parser = clap::value_parser!(u64).range(1..=clarion::limits::ACCESS_TOKEN_MINUTES_MAX))]
    minutes: u64,
}

fn main() -> ExitCode {
    refuse_huge_pages();
    let arguments = Arguments::parse();
    let settings = &arguments.settings;
    // Printed whatever is wrong with the environment: it is what one looks into then. A file that is named is tried.
    if matches!(arguments.command, Some(Command::Config)) && settings.config.is_none() {
        return ended(operator::print(&Config::reference()));
    }
    let config = match Config::read(settings.config.as_deref(), std::env::vars(), settings.listen.as_deref(), settings.data.as_deref()) {
        Ok(config) => config,
        Err(sentence) => {
            eprintln!("clarion: {sentence}");
            return ExitCode::from(2);
        }
    };
    ended(run(&arguments, config))
}

/// The kernel would fill the gaps between sessions with huge pages of nothing, a little at a time: twenty nodes with 371,000 idle
/// sessions went up and down between 7 and 15 GB.
fn refuse_huge_pages() {
    // SAFETY: it takes no pointer. A kernel that does not know it refuses, which does no harm.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0)
    };
}

fn ended(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("clarion: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments, config: Config) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| format!("no threads can be started: {error}"))?;
    match &arguments.command {
        None | Some(Command::Run) => {
            start_logs(config.log_level);
            runtime.block_on(clarion::app::run(config))
        }
        Some(Command::Config) => operator::print(&Config::reference()),
        Some(Command::People(People::Import { file, password_for_all })) => {
            runtime.block_on(operator::import::import(&config, file, password_for_all.as_deref()))
        }
        Some(Command::App(App::Create { name, scopes })) => runtime.block_on(operator::app::create(&config, name, scopes)),
        Some(Command::App(App::List)) => runtime.block_on(operator::app::list(&config)),
        Some(Command::App(App::Scopes { app_id, add, remove })) => runtime.block_on(operator::app::scopes(&config, app_id, add, remove)),
        Some(Command::App(App::Range { app_id, departments, people, everybody })) => {
            runtime.block_on(operator::app::range(&config, app_id, departments, people, *everybody))
        }
        Some(Command::App(App::Disable { app_id })) => runtime.block_on(operator::app::enable(&config, app_id, false)),
        Some(Command::App(App::Enable { app_id })) => runtime.block_on(operator::app::enable(&config, app_id, true)),
        Some(Command::Token(token)) => {
            let whose = match &token.user {
                Some(user) => operator::token::Whose::User(user),
                None => operator::token::Whose::All(token.limit.unwrap_or(usize::MAX)),
            };
            runtime.block_on(operator::token::print_tokens(&config, &whose, &token.device, token.minutes))
        }
        Some(Command::Check) => operator::check(&config),
        Some(Command::Schema(schema)) => {
            if schema.print {
                operator::schema::print_schema(&config, if schema.server == "cassandra" { Dialect::Cassandra } else { Dialect::Scylla })?;
            }
            if schema.apply { runtime.block_on(operator::schema::apply(&config)) } else { Ok(()) }
        }
    }
}

/// One JSON object a line on stderr.
fn start_logs(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The driver of the cluster's store complains of every try to reach a node that is away; the store says it once itself.
    let of_driver = if level >= LevelFilter::DEBUG { level } else { LevelFilter::OFF };
    let filter = Targets::new().with_default(level).with_target("scylla", of_driver);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
