//! The built binary in a folder of its own, on a port that the system chooses.

use super::{Client, PATIENCE};
use protocol::codec::Encoding;
use protocol::command::{SignIn, SignedIn};
use protocol::person::DeviceKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use tempfile::TempDir;

/// Everybody's password in the demo organisation.
pub const DEMO_PASSWORD: &str = "demo";

/// A running server. It ends with the value.
pub struct Server {
    child: Child,
    folder: TempDir,
    address: String,
    environment: Vec<(String, String)>,
}

impl Server {
    /// A server with the demo organisation.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with settings of its own, as environment variables.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let environment: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (child, address) = spawn(&folder.path().join("data"), "127.0.0.1:0", &environment).await;
        Self { child, folder, address, environment }
    }

    /// One that has to wait for what it needs: it serves its port, and is not ready.
    pub async fn start_waiting(environment: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let environment: Vec<_> = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().expect("it has a number");
        let address = port.to_string();
        let (child, _) = begin(&folder.path().join("data"), &address, &environment);
        let server = Self { child, folder, address, environment };
        let started = std::time::Instant::now();
        while http().get(server.url("/livez")).send().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the server is not alive; its log:\n{}", server.log());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        server
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data().with_extension("log")).unwrap_or_default()
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `http://127.0.0.1:port` and a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a loss of power would, and starts it anew on the same port and folder.
    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.restart().await;
    }

    /// Ends it as an operator does, and starts it anew on the same port and folder.
    pub async fn restart_in_peace(&mut self) {
        self.terminate().await;
        self.restart().await;
    }

    /// Kills it as a loss of power would.
    pub fn kill(&mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("a killed process ends");
    }

    /// Starts it anew on the same port and folder.
    pub async fn restart(&mut self) {
        let (child, address) = spawn(&self.data(), &self.address, &self.environment).await;
        self.child = child;
        self.address = address;
    }

    /// Asks it to end, and gives its exit code.
    pub async fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        let started = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the server can be waited for") {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "the server does not end");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().expect("kill runs");
        assert!(sent.success(), "signal {name} could not be sent");
    }

    /// One of its metrics, the sum of those that have this name and more labels; 0 when there is none.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = http().get(self.url("/metrics")).send().await.expect("the server answers").text().await.expect("metrics are text");
        text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until receipts have been written since it started: from then on they are kept whatever happens.
    pub async fn receipts_written(&self) {
        let started = std::time::Instant::now();
        while self.metric("chat_receipts_written_total").await == 0.0 {
            assert!(started.elapsed() < PATIENCE, "receipts are not written");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Runs a command of the operator on its data folder.
    pub fn operator(&self, arguments: &[&str]) -> std::process::Output {
        clarion().args(arguments).arg("--data").arg(self.data()).output().expect("the binary runs")
    }

    /// A token of a person's device, made by the operator's command.
    pub fn operator_token(&self, user_id: &str, device_id: &str) -> String {
        let made = self.operator(&["token", "--user", user_id, "--device", device_id]);
        let made = String::from_utf8(made.stdout).expect("a token is text");
        made.split_whitespace().find(|word| word.starts_with("at-")).unwrap_or_else(|| panic!("no token in `{made}`")).to_owned()
    }

    /// Signs a person in on a device, over HTTP.
    pub async fn sign_in(&self, login: &str, device_id: &str) -> SignedIn {
        let body = SignIn {
            login: login.to_owned(),
            password: DEMO_PASSWORD.to_owned(),
            device_id: device_id.to_owned(),
            device_kind: DeviceKind::Tool,
            device_name: "test".to_owned(),
        };
        let reply = http()
            .post(self.url("/auth/v1/sign_in"))
            .body(Encoding::Json.encode(&body))
            .header("content-type", "application/json")
            .send()
            .await
            .expect("the server answers");
        assert_eq!(reply.status(), 200, "{login} could not sign in");
        Encoding::Json.decode(&reply.bytes().await.expect("the reply is whole")).expect("the reply is SignedIn")
    }

    /// A person's token for a device.
    pub async fn token(&self, login: &str, device_id: &str) -> String {
        self.sign_in(login, device_id).await.access_token.expect("tokens are given over HTTP")
    }

    /// A signed-in, welcomed client of a person, on a device named after them.
    pub async fn client(&self, login: &str) -> Client {
        self.client_on(login, &format!("device-of-{login}")).await
    }

    /// The same on a device of this name.
    pub async fn client_on(&self, login: &str, device_id: &str) -> Client {
        let token = self.token(login, device_id).await;
        Client::welcomed(&self.address, &token, device_id, Encoding::Msgpack).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary, with no setting from the environment that the tests happen to run in.
pub fn clarion() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clarion"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CLARION_")) {
        command.env_remove(name);
    }
    command
}

/// A client for HTTP that asks the server itself, whatever proxy the environment names.
pub fn http() -> reqwest::Client {
    // The library asks for it although nothing here speaks TLS.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client without TLS needs nothing")
}

/// Starts the binary; the lines that it prints come by the receiver.
fn begin(data: &Path, listen: &str, environment: &[(String, String)]) -> (Child, mpsc::Receiver<String>) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.with_extension("log")).expect("the log can be written");
    let mut child = clarion()
        .args(["--listen", listen, "--data"])
        .arg(data)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let (lines, first) = mpsc::sync_channel(64);
    std::thread::spawn(move || {
        use std::io::BufRead;
        for line in std::io::BufReader::new(stdout).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                // Reading on keeps the server from waiting for a full pipe.
            }
        }
    });
    (child, first)
}

async fn spawn(data: &Path, listen: &str, environment: &[(String, String)]) -> (Child, String) {
    let (child, first) = begin(data, listen, environment);
    let line = tokio::task::spawn_blocking(move || first.recv_timeout(PATIENCE * 3)).await.expect("the thread lives");
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
    let line = line.unwrap_or_else(|_| panic!("the server is not ready; its log:\n{log}"));
    let address = line.strip_prefix("clarion is ready: ").and_then(|url| Some(url.split_once("://")?.1.to_owned()));
    let address = address.unwrap_or_else(|| panic!("unexpected first line `{line}`"));
    (child, address)
}
