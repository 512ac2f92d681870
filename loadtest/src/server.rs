//! The server under test, and the control: started in processes of their own, looked at, stopped.

use crate::bare::SendCost;
use crate::cluster::{Cluster, Size, free_address};
use crate::fleet::{Identity, Target};
use crate::people;
use crate::wire;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that takes connections.
pub struct Server {
    /// Where it is: each node of a cluster, or the one there is.
    pub targets: Vec<Target>,
    /// Who may sign in.
    pub identities: Vec<Identity>,
    /// Its processes; none when it runs elsewhere.
    pub pids: Vec<u32>,
    /// Processes on which it stands, by name: the log and the store of a cluster.
    pub beside: Vec<(String, Vec<u32>)>,
    started: Vec<Started>,
    cluster: Option<Cluster>,
}

/// Reads of a store by table.
pub type StoreReads = std::collections::BTreeMap<String, u64>;

/// Id and secret of an app.
type App = (String, String);

/// What kind of server is started.
#[derive(Clone, Copy)]
struct Kind {
    /// With an app; without people's tokens.
    app: bool,
    /// It speaks TLS.
    tls: bool,
}

/// A process that was started and says where it is. It ends with this.
pub struct Started {
    /// The process.
    pub child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// What it leaves behind, which goes with it.
    pub folder: Option<PathBuf>,
    /// How it is started again.
    again: Option<Command>,
}

/// What a server says when it is ready, before its address.
const READY: &str = "clarion is ready: ";
/// How long a started server may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a server may take to end after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(20);

impl Server {
    /// A server that runs already, each of its nodes by its URL.
    /// `ca` are those who have signed their certificates, as PEM.
    pub fn at(urls: &[String], ca: Option<&str>, identities: Vec<Identity>, pids: Vec<u32>) -> Result<Self, String> {
        Ok(Self {
            targets: urls.iter().map(|url| target(url, ca)).collect::<Result<_, _>>()?,
            identities,
            pids,
            beside: Vec::new(),
            started: Vec::new(),
            cluster: None,
        })
    }

    /// Starts a cluster of Clarion with fresh data.
    pub fn cluster(program: &Path, size: &Size, settings: &[(String, String)]) -> Result<Self, String> {
        let mut cluster = Cluster::prepare(program, size, settings)?;
        cluster.start()?;
        Ok(Self {
            targets: cluster.nodes.iter().map(|node| Target::node(node.address)).collect(),
            identities: std::mem::take(&mut cluster.identities),
            pids: cluster.nodes.iter().filter_map(crate::cluster::Node::pid).collect(),
            beside: cluster.servers.processes(),
            started: Vec::new(),
            cluster: Some(cluster),
        })
    }

    /// Starts Clarion with fresh data and as many people. `settings` are environment variables for it.
    /// With `tls` it speaks TLS only.
    pub fn clarion(program: &Path, count: u32, settings: &[(String, String)], tls: bool) -> Result<Self, String> {
        Ok(Self::clarion_made(program, count, settings, Kind { app: false, tls })?.0)
    }

    /// The same with an app; its id and secret.
    pub fn clarion_with_app(program: &Path, count: u32, settings: &[(String, String)]) -> Result<(Self, App), String> {
        let (server, app) = Self::clarion_made(program, count, settings, Kind { app: true, tls: false })?;
        Ok((server, app.ok_or("the server's program made no app")?))
    }

    fn clarion_made(program: &Path, count: u32, settings: &[(String, String)], kind: Kind) -> Result<(Self, Option<App>), String> {
        let folder = std::env::temp_dir().join(format!("clarion-loadtest-{}", std::process::id()));
        let result = Self::clarion_in(program, count, settings, kind, &folder);
        if result.is_err() {
            remove(&folder);
        }
        result
    }

    fn clarion_in(
        program: &Path,
        count: u32,
        settings: &[(String, String)],
        kind: Kind,
        folder: &Path,
    ) -> Result<(Self, Option<App>), String> {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).map_err(|error| format!("{} cannot be made: {error}", data.display()))?;
        let table = folder.join("people.csv");
        std::fs::write(&table, people::csv(count)).map_err(|error| format!("{} cannot be written: {error}", table.display()))?;
        let clarion = |arguments: &[&str]| {
            let mut command = Command::new(program);
            // The server refuses settings that it does not know, so what is meant for the harness is not passed on.
            command.args(arguments).arg("--data").arg(&data).env_remove("CLARION_BIN");
            // Servers of a cluster that are given are for `--nodes`.
            command.env_remove("CLARION_NATS").env_remove("CLARION_SCYLLA").envs(settings.iter().cloned());
            command
        };
        let path = table.to_string_lossy();
        output_of(clarion(&["people", "import", &path]))?;
        let mut made = None;
        let mut identities = Vec::new();
        if kind.app {
            let told = output_of(clarion(&["app", "create", "--name", "loadtest"]))?;
            let field = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
            made = field("app_id:").zip(field("app_secret:"));
        } else {
            let tokens = output_of(clarion(&["token", "--all", "--device", people::DEVICE]))?;
            identities = people::read_tokens(&tokens)?;
            identities.retain(|identity| identity.user.starts_with("load"));
            identities = people::first_of(identities, count)?;
        }
        let log_path = folder.join("server.log");
        let log = std::fs::File::create(&log_path).map_err(|error| format!("{} cannot be made: {error}", log_path.display()))?;
        let address = free_address()?;
        let mut command = clarion(&["--listen", &address.to_string()]);
        command.stderr(log);
        let mut ca = None;
        if kind.tls {
            let (certificate, key) = wire::certificate(address.ip())?;
            for (setting, name, text) in
                [("CLARION_TLS_CERTIFICATE", "certificate.pem", &certificate), ("CLARION_TLS_KEY", "key.pem", &key)]
            {
                let path = folder.join(name);
                std::fs::write(&path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
                command.env(setting, path);
            }
            ca = Some(certificate);
        }
        let (mut started, url) = start(&mut command, READY).map_err(|error| {
            let log = std::fs::read_to_string(&log_path).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(3).collect();
            format!("{error}; it said: {}", tail.into_iter().rev().collect::<Vec<_>>().join(" / "))
        })?;
        let pids = vec![started.child.id()];
        (started.folder, started.again) = (Some(folder.to_owned()), Some(command));
        let started = vec![started];
        Ok((Self { targets: vec![target(&url, ca.as_deref())?], identities, pids, beside: Vec::new(), started, cluster: None }, made))
    }

    /// Starts the control in so many processes of its own, with as many people.
    pub fn bare(count: u32, processes: usize, fault: Option<&str>) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| format!("the harness does not find itself: {error}"))?;
        let mut server = Self {
            targets: Vec::new(),
            identities: (0..count).map(people::user_id).map(|user| Identity { token: user.as_str().into(), user: user.into() }).collect(),
            pids: Vec::new(),
            beside: Vec::new(),
            started: Vec::new(),
            cluster: None,
        };
        for _ in 0..processes {
            let mut command = Command::new(&program);
            command.args(["bare-server", "--listen", &free_address()?.to_string()]);
            if let Some(fault) = fault {
                command.args(["--fault", fault]);
            }
            let (started, url) = start(&mut command, "bare is ready: ")?;
            server.pids.push(started.child.id());
            server.started.push(started);
            server.targets.push(target(&url, None)?);
        }
        if processes > 1 {
            let addresses: Vec<String> = server.targets.iter().map(|target| target.address.to_string()).collect();
            for (number, started) in server.started.iter_mut().enumerate() {
                started.ask(&format!("beside {number} {}", addresses.join(",")))?;
            }
        }
        Ok(server)
    }

    /// Kills the server as a loss of power would, every node of it, and starts it again with its data. CPU and memory that are
    /// looked at afterwards are those of the new processes.
    pub fn kill_and_start(&mut self) -> Result<(), String> {
        if let Some(cluster) = &mut self.cluster {
            cluster.nodes.iter_mut().for_each(crate::cluster::Node::kill);
            cluster.start()?;
            self.pids = cluster.nodes.iter().filter_map(crate::cluster::Node::pid).collect();
            return Ok(());
        }
        let again = |started: &mut Started| -> Result<u32, String> {
            let mut command = started.again.take().ok_or("only a server of --spawn can be started again")?;
            let _ = started.child.kill();
            let _ = started.child.wait();
            let (mut new, _) = start(&mut command, READY)?;
            (new.folder, new.again) = (started.folder.take(), Some(command));
            *started = new;
            Ok(started.child.id())
        };
        self.pids = self.started.iter_mut().map(again).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// How often the server has read its store so far, by table: of all its nodes together. Nothing when it does not say so.
    pub fn store_reads(&self) -> StoreReads {
        let mut reads = StoreReads::new();
        for target in self.targets.iter().filter(|target| target.ca.is_none()) {
            let asked = crate::http::request("GET", "/metrics", &target.host, None, "");
            let Ok(answer) = crate::http::ask(target.address, &asked) else { continue };
            for line in String::from_utf8_lossy(&answer.body).lines() {
                let Some((table, count)) = line.strip_prefix("store_reads_total{table=\"").and_then(|rest| rest.split_once("\"} ")) else {
                    continue;
                };
                *reads.entry(table.to_owned()).or_default() += count.parse::<u64>().unwrap_or(0);
            }
        }
        reads
    }

    /// What the control's `send` loops have cost so far.
    pub fn send_cost(&mut self) -> Result<SendCost, String> {
        let mut sum = SendCost::default();
        for started in &mut self.started {
            let cost: SendCost = serde_json::from_str(&started.ask("cost")?).map_err(|error| format!("the control's answer: {error}"))?;
            sum.sends += cost.sends;
            sum.cpu_ns += cost.cpu_ns;
        }
        Ok(sum)
    }
}

impl Started {
    /// Says a line to the control, and hears one.
    fn ask(&mut self, what: &str) -> Result<String, String> {
        let mut answer = String::new();
        let asked = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{what}"));
        match asked {
            Some(Ok(())) if self.stdout.read_line(&mut answer).is_ok_and(|length| length > 0) => Ok(answer),
            _ => Err("the control does not answer".to_owned()),
        }
    }

    fn leave_nothing(&mut self) {
        if let Some(folder) = self.folder.take() {
            remove(&folder);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if !matches!(self.child.try_wait(), Ok(None)) {
            return self.leave_nothing();
        }
        // SAFETY: the process is a child that was not waited for, so its id is not anybody else's.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > END_WITHIN {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.leave_nothing();
    }
}

/// Takes a folder away.
pub fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        eprintln!("the folder {} could not be removed: {error}", folder.display());
    }
}

/// Runs a command to its end and gives what it printed.
pub fn output_of(mut command: Command) -> Result<String, String> {
    let name = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{name} cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name} printed what is not UTF-8"))
}

/// Starts a server and waits for its line with the address.
pub fn start(command: &mut Command, ready: &str) -> Result<(Started, String), String> {
    let name = format!("{:?}", command.get_program());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} cannot be started: {error}; build it, or name it in CLARION_BIN"))?;
    let stdin = child.stdin.take();
    let Some(stdout) = child.stdout.take() else { return Err(format!("{name} has no stdout")) };
    let mut stdout = BufReader::new(stdout);
    let begun = Instant::now();
    loop {
        let mut line = String::new();
        let ended = matches!(stdout.read_line(&mut line), Ok(0) | Err(_));
        if let Some(url) = line.trim_end().strip_prefix(ready) {
            let url = url.split_whitespace().next().unwrap_or("").to_owned();
            return Ok((Started { child, stdin, stdout, folder: None, again: None }, url));
        }
        if ended || begun.elapsed() > READY_WITHIN {
            let _ = child.kill();
            let _ = child.wait();
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
            return Err(format!("{name} ended, or was not ready within a minute {rest}"));
        }
    }
}

/// Host and address of a URL.
fn target(url: &str, ca: Option<&str>) -> Result<Target, String> {
    let (scheme, host) = url.split_once("://").unwrap_or(("http", url));
    let host = host.split('/').next().unwrap_or("");
    let ca = match (scheme, ca) {
        ("https" | "wss", Some(ca)) => Some(ca.to_owned()),
        ("https" | "wss", None) => {
            return Err(format!("{url}: scenarios speak TLS with --ca FILE, those who have signed its certificate; `open-api` does not"));
        }
        _ => None,
    };
    let address = host
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("{url} is not an address that can be found: give http://host:port"))?;
    Ok(Target { address, host: host.to_owned(), device: people::DEVICE.to_owned(), ca })
}
