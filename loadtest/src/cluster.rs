//! A cluster on this machine: NATS and the store as `tests/servers/up` brings them up, and nodes that may be ended and come back.

use crate::fleet::Identity;
use crate::people;
use crate::server::{output_of, remove};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long nodes that were just started may take until they are ready.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// And so many more for each: every node reads all people, and all of them share the machine.
const PEOPLE_A_SECOND: u64 = 20_000;
/// How long a node may take to end after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(30);

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Size {
    /// Nodes of Clarion.
    pub nodes: usize,
    /// Servers of NATS, where none are given. With 0 there is no server at all: one node has a database of its own.
    pub nats: usize,
    /// People that exist.
    pub people: u32,
    /// Servers that the environment gives are used, and left alone afterwards.
    pub given: bool,
}

/// Nodes on a log and a store.
pub struct Cluster {
    /// The nodes, by number.
    pub nodes: Vec<Node>,
    /// The servers.
    pub servers: Servers,
    /// Who may sign in.
    pub identities: Vec<Identity>,
    /// People that each node reads at its start.
    people: u64,
    folder: PathBuf,
    kept: bool,
}

impl Cluster {
    /// Brings the servers up, imports people, and prepares nodes, which do not run yet. `settings` are for every node.
    pub fn prepare(program: &Path, size: &Size, settings: &[(String, String)]) -> Result<Self, String> {
        Self::prepare_for(program, size, settings, &people::csv(size.people))
    }

    /// The same with people of this table, as many as `size` says.
    pub fn prepare_for(program: &Path, size: &Size, settings: &[(String, String)], table: &str) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("clarion-loadtest-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        let servers = Servers::up(&folder, size).inspect_err(|_| remove(&folder))?;
        let mut cluster = Self { nodes: Vec::new(), servers, identities: Vec::new(), people: size.people.into(), folder, kept: false };
        let mut all = cluster.servers.settings();
        all.extend(settings.iter().cloned());
        let alone = size.nats == 0;
        let operator = cluster.folder.join(if alone { "node-0" } else { "operator" });
        cluster.identities = cluster.import(program, size.people, &all, table, &operator)?;
        for number in 0..size.nodes {
            let name = (!alone).then(|| ("CLARION_NODE".to_owned(), format!("node-{number}")));
            cluster.nodes.push(Node {
                program: program.to_owned(),
                data: cluster.folder.join(format!("node-{number}")),
                log: cluster.folder.join(format!("node-{number}.log")),
                pids: cluster.folder.join("pids"),
                address: free_address()?,
                settings: all.iter().cloned().chain(name).collect(),
                child: None,
            });
        }
        Ok(cluster)
    }

    /// Before any node runs: nodes read who there is when they start.
    fn import(
        &self,
        program: &Path,
        count: u32,
        settings: &[(String, String)],
        table: &str,
        operator: &Path,
    ) -> Result<Vec<Identity>, String> {
        let file = self.folder.join("people.csv");
        std::fs::write(&file, table).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
        let path = file.to_string_lossy();
        output_of(clarion(program, operator, settings, &["people", "import", &path]))?;
        let tokens = output_of(clarion(program, operator, settings, &["token", "--all", "--device", people::DEVICE]))?;
        let mut identities = people::read_tokens(&tokens)?;
        identities.retain(|identity| identity.user.starts_with("load"));
        people::first_of(identities, count)
    }

    /// Starts every node at once and waits until each is ready.
    pub fn start(&mut self) -> Result<(), String> {
        for node in &mut self.nodes {
            node.start()?;
        }
        let reading = Duration::from_secs(self.people / PEOPLE_A_SECOND * self.nodes.len() as u64);
        let until = Instant::now() + READY_WITHIN + reading;
        self.nodes.iter_mut().try_for_each(|node| node.wait_until_ready(until))
    }

    /// Leaves data and logs where they are when it ends, and says where.
    pub fn keep(&mut self) -> &Path {
        self.kept = true;
        self.servers.kept = true;
        &self.folder
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // All are told first, so that they drain side by side.
        self.nodes.iter().for_each(|node| node.signal(libc::SIGTERM));
        self.nodes.iter_mut().for_each(Node::end);
        self.servers.end();
        if !self.kept {
            remove(&self.folder);
        }
    }
}

/// One node.
pub struct Node {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    pids: PathBuf,
    /// Where it listens, whenever it runs.
    pub address: SocketAddr,
    /// Its environment.
    pub settings: Vec<(String, String)>,
    child: Option<Child>,
}

impl Node {
    /// Its process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it, with the data that it has. It need not be ready when this returns.
    pub fn start(&mut self) -> Result<(), String> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| format!("{} cannot be written: {error}", self.log.display()))?;
        let mut command = clarion(&self.program, &self.data, &self.settings, &["--listen", &self.address.to_string()]);
        // Its own group: an interrupt from the terminal is for the harness, which ends it.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        let child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.program.display()))?;
        let noted = std::fs::OpenOptions::new().create(true).append(true).open(&self.pids);
        noted
            .and_then(|mut file| writeln!(file, "{}", child.id()))
            .map_err(|error| format!("{} cannot be written: {error}", self.pids.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it says that clients may come.
    pub fn wait_until_ready(&mut self, until: Instant) -> Result<(), String> {
        while !is_ready(self.address) {
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(format!("the node at {} ended with {status}; it said: {}", self.address, self.last_words()));
            }
            if Instant::now() > until {
                return Err(format!("the node at {} is not ready; it said: {}", self.address, self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(3).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }

    /// Sends it a signal, while it runs.
    pub fn signal(&self, signal: i32) {
        if let Some(child) = &self.child {
            // SAFETY: the process is a child that was not waited for, so its id is not anybody else's.
            unsafe { libc::kill(child.id() as i32, signal) };
        }
    }

    /// Kills it as a loss of power would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends it as an operator does.
    pub fn end(&mut self) {
        self.signal(libc::SIGCONT);
        self.signal(libc::SIGTERM);
        let asked = Instant::now();
        while let Some(Ok(None)) = self.child.as_mut().map(Child::try_wait) {
            if asked.elapsed() > END_WITHIN {
                return self.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child = None;
    }
}

/// Whether whoever listens there says that clients may come.
pub fn is_ready(address: SocketAddr) -> bool {
    let asked = || -> std::io::Result<bool> {
        let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(socket, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        socket.read_exact(&mut head)?;
        Ok(head.ends_with(b" 200"))
    };
    asked().unwrap_or(false)
}

/// A command of the program. What the environment says about servers is meant for the harness.
fn clarion(program: &Path, data: &Path, settings: &[(String, String)], arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CLARION_")) {
        command.env_remove(name);
    }
    command.args(arguments).arg("--data").arg(data).envs(settings.iter().cloned());
    command
}

/// An address of loopback other than that of most, so that no connection that has just ended is in the way.
pub fn free_address() -> Result<SocketAddr, String> {
    TcpListener::bind("127.0.9.1:0").and_then(|listener| listener.local_addr()).map_err(|error| format!("there is no free port: {error}"))
}

/// NATS and the store.
pub struct Servers {
    /// Addresses of NATS.
    pub nats: Vec<String>,
    /// Addresses of the store.
    pub store: Vec<String>,
    /// Servers of NATS that were started here.
    nats_own: usize,
    /// Where those live that were started here.
    folder: PathBuf,
    /// Keyspace and prefix; others than those of earlier runs on the same servers.
    name: String,
    guard: Option<Child>,
    kept: bool,
    /// They are killed and start again and again: a machine of Java that compiles in haste is there in a fraction of the time.
    hasty: bool,
}

impl Servers {
    fn up(folder: &Path, size: &Size) -> Result<Self, String> {
        let given = |name: &str| -> Vec<String> {
            let list = std::env::var(name).ok().filter(|_| size.given).unwrap_or_default();
            list.split(',').map(str::trim).filter(|address| !address.is_empty()).map(str::to_owned).collect()
        };
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let mut servers = Self {
            nats: given("CLARION_NATS"),
            store: given("CLARION_SCYLLA"),
            nats_own: 0,
            folder: folder.join("servers"),
            name: format!("load_{now_ms}_{}", std::process::id()),
            guard: None,
            kept: false,
            hasty: !size.given,
        };
        if servers.nats.is_empty() || servers.store.is_empty() {
            servers.guard = Some(guard(folder)?);
        }
        if size.nats == 0 {
            return Ok(servers);
        }
        let outcome = servers.up_where_missing(size.nats);
        if outcome.is_err() {
            servers.end();
        }
        outcome.map(|()| servers)
    }

    fn up_where_missing(&mut self, nats: usize) -> Result<(), String> {
        if self.nats.is_empty() {
            self.nats_own = nats;
            self.nats = addresses_in(&output_of(self.script("up", &["nats"]))?, "CLARION_NATS=")?;
        }
        if self.store.is_empty() {
            self.store = addresses_in(&output_of(self.script("up", &["scylla"]))?, "CLARION_SCYLLA=")?;
        }
        Ok(())
    }

    /// One of `tests/servers`.
    pub fn script(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(scripts().join(name));
        command.args(arguments).env("SERVERS_DIR", &self.folder).env("NATS_NODES", self.nats_own.to_string());
        command.env_remove("CLARION_NATS").env_remove("CLARION_SCYLLA");
        if self.hasty && std::env::var_os("CASSANDRA_OPTIONS").is_none() {
            command.env("CASSANDRA_OPTIONS", "-XX:TieredStopAtLevel=1");
        }
        command
    }

    /// What nodes must be told.
    fn settings(&self) -> Vec<(String, String)> {
        if self.nats.is_empty() {
            return Vec::new();
        }
        let copies = |servers: &[String]| servers.len().clamp(1, 3).to_string();
        let text = |name: &str, value: String| (name.to_owned(), value);
        vec![
            text("CLARION_NATS", self.nats.join(",")),
            text("CLARION_SCYLLA", self.store.join(",")),
            text("CLARION_NATS_PREFIX", self.name.clone()),
            text("CLARION_SCYLLA_KEYSPACE", self.name.clone()),
            text("CLARION_LOG_REPLICAS", copies(&self.nats)),
            text("CLARION_SCYLLA_REPLICATION", copies(&self.store)),
        ]
    }

    /// Their processes by name, where they were started here and not as containers.
    pub fn processes(&self) -> Vec<(String, Vec<u32>)> {
        let of = |prefix: &str| -> Vec<u32> {
            let pid = |number: usize| std::fs::read_to_string(self.folder.join(format!("{prefix}-{number}/pid"))).ok()?.trim().parse().ok();
            (1..=9).filter_map(pid).collect()
        };
        let named = |name: &str, pids: Vec<u32>| (!pids.is_empty()).then(|| (format!("{name} ({})", pids.len()), pids));
        named("NATS", of("nats")).into_iter().chain(named("store", of("cassandra"))).collect()
    }

    fn end(&mut self) {
        let Some(mut guard) = self.guard.take() else { return };
        let mut down = self.script("down", &["all"]);
        down.env("SERVERS_SIGNAL", "KILL");
        if !self.kept {
            down.env("SERVERS_WIPE", "1");
        }
        let any = !self.nats.is_empty();
        if any && let Err(error) = output_of(down) {
            eprintln!("the servers could not be ended: {error}");
        }
        let _ = guard.kill();
        let _ = guard.wait();
    }
}

/// Where the scripts are that bring servers up.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/servers")
}

fn addresses_in(said: &str, name: &str) -> Result<Vec<String>, String> {
    let list = said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");
    let addresses: Vec<String> = list.split(',').filter(|address| !address.is_empty()).map(str::to_owned).collect();
    if addresses.is_empty() { Err(format!("tests/servers/up printed no {name}")) } else { Ok(addresses) }
}

/// Takes nodes and servers away when the harness itself is killed.
fn guard(folder: &Path) -> Result<Child, String> {
    let mut command = Command::new("sh");
    command.args(["-c", GUARD, "guard"]).arg(std::process::id().to_string()).arg(folder).arg(scripts()).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| format!("sh cannot be started: {error}"))
}

const GUARD: &str = r#"
while kill -0 "$1" 2>/dev/null; do sleep 1; done
for pid in $(cat "$2/pids" 2>/dev/null); do
  if tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "^$2/"; then kill -9 "$pid"; fi
done
SERVERS_DIR=$2/servers SERVERS_SIGNAL=KILL "$3/down" all
rm -rf "$2"
"#;
