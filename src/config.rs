//! Settings: where they come from, what each means, and what it may be.
//!
//! A setting comes from the file of `--config`, is overruled by the environment (`CLARION_` and its name in capitals),
//! and that by a flag. The list in this file is the reference: `clarion config` and `deploy/config.toml` are printed
//! from it.

mod quiet_hours;
mod urgent_rules;
mod value;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use value::{At, Value};

pub use quiet_hours::QuietHours;
pub use urgent_rules::{Side, UrgentRule, UrgentRules};
pub use value::{Ack, Addresses, Demo, LogLevel, Names, Networks, Secret};

/// The word that stands for a provider which only logs.
pub const CONSOLE: &str = "console";

/// What is known of one setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the file.
    pub name: &'static str,
    /// What it means, in sentences.
    pub meaning: &'static str,
    /// Unit, and what values may be.
    pub unit: &'static str,
}

macro_rules! settings {
    ($( $(#[doc = $meaning:literal])+ $name:ident : $type:ty = $default:expr, $unit:literal $(, $range:expr)?; )*) => {
        /// Every setting.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Config {
            $( $(#[doc = $meaning])+ #[doc = concat!("\n\nUnit: ", $unit, ".")] pub $name: $type, )*
            /// The file that settings came from, when there was one.
            pub file: Option<PathBuf>,
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $( $name: $default, )* file: None }
            }
        }

        /// All settings, in the order of the printed file.
        pub const SETTINGS: &[Setting] = &[
            $( Setting { name: stringify!($name), meaning: concat!($($meaning, "\n"),+), unit: $unit }, )*
        ];

        impl Config {
            /// Sets one setting; the error says what is allowed.
            fn set(&mut self, name: &str, at: At) -> Result<(), String> {
                match name {
                    $( stringify!($name) => {
                        let value = <$type as Value>::read(&at).ok_or_else(|| format!("{} is not {}", at.shown(), $unit))?;
                        $( if !value.within(&$range) { return Err(format!("{} is not {}", at.shown(), $unit)); } )?
                        self.$name = value;
                        Ok(())
                    } )*
                    _ => Err(String::from("there is no such setting")),
                }
            }

            /// A setting as the file has it; none when it has no value.
            fn shown(&self, name: &str) -> Option<String> {
                match name {
                    $( stringify!($name) => self.$name.toml(), )*
                    _ => None,
                }
            }
        }
    };
}

settings! {
    /// Where the server listens, for WebSocket, HTTP, pages and metrics alike.
    /// Port 0 takes a free port; the line on stdout says which.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7700)), "an address and a port, such as 127.0.0.1:7700";
    /// Folder of everything that is kept. Only one server at a time can have it.
    data: PathBuf = PathBuf::from("./clarion-data"), "a path";
    /// Folder of uploaded files; without it, `files` in `data`. The nodes of a cluster must have the same one, on a file system that
    /// they share: what was uploaded to one node is read on all.
    files: Option<PathBuf> = None, "a path";
    /// What people type into their browsers, when it is not the address of `listen`: behind a proxy, or with a name.
    /// Browsers are believed only when they come from here.
    public_url: Option<String> = None, "http:// or https:// with a host, without a path";
    /// Certificate chain in PEM. With it the server speaks TLS itself.
    tls_certificate: Option<PathBuf> = None, "a path";
    /// Private key of the certificate in PEM.
    tls_key: Option<PathBuf> = None, "a path";
    /// Proxies whose `X-Forwarded-For` is believed. From everybody else the header is ignored.
    trusted_proxies: Networks = Networks::default(), "a list of IP addresses and networks, such as 10.0.0.0/8";
    /// Who may read `/metrics`, beside this machine itself.
    metrics_from: Networks = Networks::default(), "a list of IP addresses and networks, such as 10.0.0.0/8";
    /// Name of the organisation; it stands at the top of the tree of departments.
    organisation_name: String = String::from("Clarion"), "a text of 1 to 100 characters", (1, 100);
    /// Whether an empty data folder gets the demo organisation: 60 people with the password `demo`, and two apps.
    /// `auto` makes it when there is no configuration file. It is refused on an address that is not loopback.
    demo: Demo = Demo::Auto, "\"auto\", \"on\" or \"off\"";
    /// What is logged, as one JSON object a line on stderr.
    log_level: LogLevel = LogLevel::Info, "\"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\"";

    /// Nodes of ScyllaDB or Apache Cassandra that are asked first; the others are learnt from them. Empty: everything is kept in
    /// the database in `data`, which is for one machine. `clarion schema --apply` makes the tables; nodes do it too when they start.
    scylla: Addresses = Addresses::default(), "a list of hosts with ports, such as 10.0.0.1:9042";
    /// Servers of NATS with JetStream, for a cluster, together with `scylla`; one that answers is enough. Empty: the log is in `data`.
    nats: Addresses = Addresses::default(), "a list of hosts with ports, such as 10.0.0.1:4222";
    /// Who signs in to `nats`.
    nats_user: Option<String> = None, "a name";
    /// The password of `nats_user`.
    nats_password: Option<Secret> = None, "a text";
    /// What signs in to `nats`, in place of a name and a password.
    nats_token: Option<Secret> = None, "a text";
    /// Certificates in PEM of those who may have signed the certificates of `nats`. With it, nothing is said to a server that
    /// does not speak TLS or has another certificate. The server's certificate must have the host or address of `nats` in it.
    nats_ca: Option<PathBuf> = None, "a path";
    /// Streams and subjects of this organisation in `nats` begin with this.
    nats_prefix: String = String::from("clarion"), "a name of 1 to 40 letters, digits, `_` and `-`", (1, 40);
    /// Name of this node among those of a cluster, the same after a restart, so that it is at home for the same chats again. Without
    /// one it has a new name each time.
    node: Option<String> = None, "a name";
    /// Streams over which the chats are spread. All nodes have the same number, and it never changes.
    log_groups: u64 = 8, "streams, 1 to 64", (1, 64);
    /// Copies of each stream. With three, one server of NATS may be away and nothing stops.
    log_replicas: u64 = 3, "copies, 1 to 5", (1, 5);
    /// When a message is acknowledged: when the log has it, or when the store has it too.
    ack: Ack = Ack::Log, "\"log\" or \"log_and_store\"";
    /// What may wait in memory for a store that is away. Beyond it senders are told to come back.
    store_waiting_bytes_max: u64 = 1 << 30, "bytes, 1048576 to 1099511627776", (1 << 20, 1 << 40);
    /// Rows of `scylla` that are compared with the log in the background, so that what the store has lost is found and written
    /// again. 0: only what a store may have forgotten that was away.
    audit_rows_per_second: u64 = 1_000, "rows a second of all nodes together, 0 to 100000", (0, 100_000);
    /// Keyspace of everything that this organisation keeps in `scylla`.
    scylla_keyspace: String = String::from("clarion"), "a name of 1 to 40 small letters, digits and `_`", (1, 40);
    /// Copies of every row in `scylla`. With three, one node of it may be away and nothing stops. It counts when the keyspace is made.
    scylla_replication: u64 = 3, "copies, 1 to 9", (1, 9);
    /// The data centre of `scylla` that is asked and that holds the copies, when there are several.
    scylla_datacenter: Option<String> = None, "a name";
    /// Who signs in to `scylla`.
    scylla_user: Option<String> = None, "a name";
    /// The password of `scylla_user`.
    scylla_password: Option<Secret> = None, "a text";
    /// Certificates in PEM of those who may have signed the certificates of `scylla`, in a program that was built with
    /// `--features cql-tls`. With it, only TLS is spoken. Each node's certificate must have its IP address in it.
    scylla_ca: Option<PathBuf> = None, "a path";

    /// Signed-in sessions of this node. More are told to come back later.
    sessions_max: u64 = 100_000, "sessions, 1 to 2000000", (1, 2_000_000);
    /// Connections that have not said `hello` yet. More are told to come back later.
    handshakes_max: u64 = 2_000, "connections, 1 to 100000", (1, 100_000);
    /// Open connections of every kind. 0 takes what the limit of open files leaves, less 256 for the database.
    connections_max: u64 = 0, "connections, 0 to 4000000", (0, 4_000_000);
    /// Connections from one address; a whole office may come from one. Loopback and trusted proxies are not counted.
    connections_per_address_max: u64 = 5_000, "connections, 1 to 2000000", (1, 2_000_000);
    /// Time for everything before the session stands: TLS, upgrade, `hello`.
    hello_timeout_seconds: u64 = 10, "seconds, 1 to 60", (1, 60);
    /// How often the server asks a session whether it is there. Silence for twice as long ends it.
    heartbeat_seconds: u64 = 25, "seconds, 1 to 300", (1, 300);
    /// Commands of one session, on average; bursts of ten times as many are taken.
    commands_per_second: u64 = 50, "commands a second, 1 to 100000", (1, 100_000);
    /// HTTP requests from one address, on average; bursts of ten times as many are taken.
    requests_per_second_per_address: u64 = 1_000, "requests a second, 1 to 1000000", (1, 1_000_000);
    /// After SIGTERM, time over which the sessions are told to come back, and in which accepted work ends.
    drain_seconds: u64 = 5, "seconds, 0 to 300", (0, 300);

    /// Calls of the open API that one app may make, on average; a second's worth can be saved up. 0 is no limit.
    open_api_calls_per_second: u64 = 10_000, "calls a second, 0 to 1000000", (0, 1_000_000);
    /// Messages that all bots together may send to one chat through the open API, in the same way. 0 is no limit.
    open_api_sends_per_second_per_chat: u64 = 1_000, "messages a second, 0 to 1000000", (0, 1_000_000);

    /// How long the audit log keeps who changed what through the open API.
    audit_days: u64 = 400, "days, 1 to 3650", (1, 3_650);
    /// Messages of one group's own bot (an incoming webhook), on average; a second's worth can be saved up. Those of a longer
    /// burst wait for their turn. The open platform has 5.
    hook_messages_per_second: u64 = 100, "messages a second, 1 to 100000", (1, 100_000);

    /// Where notices for devices that are not connected are sent, for urgents whose ladder asks for it: an address that takes signed
    /// calls, or `console`, which only logs whom it would reach. Without it such ladders are refused. `src/urgent/PROVIDERS.md` says
    /// what is sent.
    urgent_push_url: Option<String> = None, "http:// or https:// with a host and a path, or console";
    /// Where text messages are sent, in the same way.
    urgent_sms_url: Option<String> = None, "http:// or https:// with a host and a path, or console";
    /// Where calls are sent, in the same way.
    urgent_phone_url: Option<String> = None, "http:// or https:// with a host and a path, or console";
    /// What calls to the providers of urgents are signed with. Without it they are not signed.
    urgent_provider_secret: Option<Secret> = None, "a text";
    /// Calls that each provider of urgents gets, on average.
    urgent_provider_calls_per_second: u64 = 100, "calls a second, 1 to 100000", (1, 100_000);
    /// Calls to each provider of urgents that may have no answer at the same time.
    urgent_provider_calls_at_once: u64 = 32, "calls, 1 to 1024", (1, 1_024);
    /// Text messages that urgents of one person may send in 24 hours. 0 is no limit.
    urgent_sms_per_person: u64 = 500, "text messages a day, 0 to 100000000", (0, 100_000_000);
    /// The same of one app.
    urgent_sms_per_app: u64 = 5_000, "text messages a day, 0 to 100000000", (0, 100_000_000);
    /// The same of everybody together.
    urgent_sms_per_organisation: u64 = 50_000, "text messages a day, 0 to 100000000", (0, 100_000_000);
    /// Calls that urgents of one person may make in 24 hours. 0 is no limit.
    urgent_phone_per_person: u64 = 100, "calls a day, 0 to 100000000", (0, 100_000_000);
    /// The same of one app.
    urgent_phone_per_app: u64 = 1_000, "calls a day, 0 to 100000000", (0, 100_000_000);
    /// The same of everybody together.
    urgent_phone_per_organisation: u64 = 10_000, "calls a day, 0 to 100000000", (0, 100_000_000);
    /// Urgents go before everything else: a thread of their own, and first in what waits for each device. `false` lets them wait among
    /// ordinary messages, which shows what that gives.
    urgent_lane: bool = true, "true or false";
    /// Hours in which no text message and no call of an urgent goes out, unless whoever has raised it may break them and says so:
    /// they go out when the hours are over, to those who have not confirmed by then. Hours and minutes, and how far the clock of
    /// the organisation is ahead of UTC, such as `22:00-07:00 +08:00`.
    urgent_quiet_hours: Option<QuietHours> = None, "two times and an offset, such as 22:00-07:00 +08:00";
    /// People and apps who may break the quiet hours, by `user_id`; an app by its `app_id`.
    urgent_quiet_hours_broken_by: Names = Names::default(), "a list of user ids";
    /// Who may raise urgents for whom, one rule a line, the first one that fits counts: `allow` or `deny`, then who, `to`, and whom.
    /// Each is a `user_id`, an `app_id`, `department:` with its id for everybody in it and below it, or `*`. What no rule fits is allowed.
    urgent_rules: UrgentRules = UrgentRules::default(), "a list of rules, such as deny department:interns to department:board";

    /// Largest file that can be uploaded.
    file_bytes_max: u64 = 100 << 20, "bytes, 1024 to 10737418240", (1024, 10 << 30);
    /// Uploads are refused while the disk has less room than this, so that messages still have some.
    files_keep_free_bytes: u64 = 512 << 20, "bytes, 0 to 1099511627776", (0, 1 << 40);
    /// How long the log keeps a record beside its row in the store, which is kept on; and how long a message that is sent
    /// again is recognised. Clients are promised seven days.
    log_keep_days: u64 = 8, "days, 7 to 3650", (7, 3650);
    /// How long a sender can recall a message. Owners and managers can at any time.
    recall_minutes: u64 = 24 * 60, "minutes, 0 to 525600", (0, 525_600);
    /// How long a sender can edit a message.
    edit_minutes: u64 = 24 * 60, "minutes, 0 to 525600", (0, 525_600);

    /// How long an access token is good for. Signing out and leaving the organisation end it at once all the same.
    access_token_minutes: u64 = 30, "minutes, 1 to 1440", (1, 1440);
    /// A device that was not used for so long must sign in anew.
    refresh_token_days: u64 = 30, "days, 1 to 365", (1, 365);
    /// How often the key that signs tokens is renewed. The one before stays good, so it is not less than `refresh_token_days`.
    key_rotation_days: u64 = 90, "days, 1 to 3650", (1, 3650);
    /// Failed sign-ins of one account within `sign_in_window_minutes`. More are told to wait.
    sign_in_attempts_per_account: u64 = 10, "attempts, 1 to 10000", (1, 10_000);
    /// Failed sign-ins from one address within `sign_in_window_minutes`; a whole office may come from one.
    sign_in_attempts_per_address: u64 = 300, "attempts, 1 to 1000000", (1, 1_000_000);
    /// Time over which failed sign-ins are counted.
    sign_in_window_minutes: u64 = 10, "minutes, 1 to 1440", (1, 1440);
    /// Passwords checked at the same time. Each takes a core for about 30 ms and 19 MiB of memory.
    password_checks_at_once: u64 = 2, "checks, 1 to 256", (1, 256);
}

impl Config {
    /// Reads the settings: file, then environment, then flags.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        listen: Option<&str>,
        data: Option<&Path>,
    ) -> Result<Self, String> {
        let mut config = Self { file: file.map(Path::to_owned), ..Self::default() };
        if let Some(file) = file {
            config.read_file(file)?;
        }
        for (variable, text) in environment {
            let Some(capitals) = variable.strip_prefix("CLARION_") else { continue };
            if of_kubernetes(capitals) {
                continue;
            }
            let name = capitals.to_lowercase();
            known(&name, &format!("the environment variable `{variable}`"))?;
            config.set(&name, At::Text(&text)).map_err(|why| format!("the environment variable `{variable}` cannot be taken: {why}"))?;
        }
        if let Some(text) = listen {
            config.set("listen", At::Text(text)).map_err(|why| format!("the flag `--listen` cannot be taken: {why}"))?;
        }
        if let Some(path) = data {
            config.data = path.to_owned();
        }
        config.check()?;
        Ok(config)
    }

    fn read_file(&mut self, file: &Path) -> Result<(), String> {
        let text =
            std::fs::read_to_string(file).map_err(|error| format!("the configuration file {} cannot be read: {error}", file.display()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            format!("the configuration file {} is not valid TOML: line {line}: {}", file.display(), error.message().replace('\n', " "))
        })?;
        for (name, value) in &table {
            known(name, &format!("the setting `{name}` in {}", file.display()))?;
            self.set(name, At::Toml(value)).map_err(|why| format!("the setting `{name}` in {} cannot be taken: {why}", file.display()))?;
        }
        Ok(())
    }

    /// What no single setting can tell.
    fn check(&self) -> Result<(), String> {
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err("the settings `tls_certificate` and `tls_key` belong together: give both or neither".into());
        }
        if self.nats_user.is_some() != self.nats_password.is_some() {
            return Err("the settings `nats_user` and `nats_password` belong together: give both or neither".into());
        }
        if self.nats_user.is_some() && self.nats_token.is_some() {
            return Err("the settings `nats_user` and `nats_token` exclude each other: give one of them".into());
        }
        if self.key_rotation_days < self.refresh_token_days {
            return Err(format!(
                "the setting `key_rotation_days` is {} and may not be less than `refresh_token_days`, which is {}",
                self.key_rotation_days, self.refresh_token_days
            ));
        }
        if let Some(url) = &self.public_url
            && !is_origin(url)
        {
            return Err(format!("the setting `public_url` is \"{url}\" and must be http:// or https:// with a host, without a path"));
        }
        for (way, url) in [("push", &self.urgent_push_url), ("sms", &self.urgent_sms_url), ("phone", &self.urgent_phone_url)] {
            let good = |url: &String| {
                url == CONSOLE || reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            };
            if !url.as_ref().is_none_or(good) {
                return Err(format!(
                    "the setting `urgent_{way}_url` must begin with http:// or https:// and have a host, or be `{CONSOLE}`"
                ));
            }
        }
        Ok(())
    }

    /// The address of the pages, without a slash at the end; `listening` is where the server really listens.
    pub fn url(&self, listening: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}://{listening}", if self.tls_certificate.is_some() { "https" } else { "http" }),
        }
    }

    /// The server cannot be reached from another machine.
    pub fn loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }

    /// The whole file with every setting, its meaning, unit and default.
    pub fn reference() -> String {
        let defaults = Self::default();
        let mut text = String::from(
            "# Settings of Clarion with their defaults, printed by `clarion config`.\n\
             #\n\
             # Each can be overruled by an environment variable: `CLARION_` and the name in capitals, as in CLARION_LISTEN.\n\
             # The flags `--listen` and `--data` overrule both.\n",
        );
        for setting in SETTINGS {
            text.push('\n');
            for line in setting.meaning.lines() {
                let _ = writeln!(text, "#{line}");
            }
            match defaults.shown(setting.name) {
                Some(default) => {
                    let _ = writeln!(text, "# Unit: {}. Default: {default}.\n{} = {default}", setting.unit, setting.name);
                }
                None => {
                    let _ = writeln!(text, "# Unit: {}. Default: none.\n# {} = \"\"", setting.unit, setting.name);
                }
            }
        }
        text
    }
}

/// Kubernetes gives every container the addresses of its services; a service named `clarion` makes these.
fn of_kubernetes(capitals: &str) -> bool {
    capitals == "PORT" || capitals.starts_with("PORT_") || capitals.starts_with("SERVICE_")
}

fn known(name: &str, what: &str) -> Result<(), String> {
    if SETTINGS.iter().any(|setting| setting.name == name) {
        return Ok(());
    }
    let near = SETTINGS.iter().map(|setting| (distance(setting.name, name), setting.name)).min();
    // Of a short name, three other letters are another word.
    let near = near.filter(|(distance, near)| *distance <= 3 && *distance * 2 < near.len().max(2));
    let hint = near.map_or_else(String::new, |(_, near)| format!("did you mean `{near}`? "));
    Err(format!("{what} is not known; {hint}`clarion config` prints all settings"))
}

/// How many letters must be changed, added or taken away to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let least = (diagonal + usize::from(a != b)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = least;
        }
    }
    row[other.len()]
}

fn is_origin(url: &str) -> bool {
    let Some(host) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else { return false };
    let host = host.strip_suffix('/').unwrap_or(host);
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

#[cfg(test)]
mod tests;
