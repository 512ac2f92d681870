//! The servers of a cluster, as `tests/servers/up` brings them up: once for a test run, or some of a test's own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Servers in a folder of their own.
pub struct Servers {
    folder: Option<PathBuf>,
    settings: Vec<(&'static str, String)>,
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers").join(name)
}

impl Servers {
    /// Those that all tests share.
    pub fn shared() -> Self {
        Self { folder: None, settings: vec![("CASSANDRA_TABLES", "quick".into())] }
    }

    /// Those of one test, which may kill them: never the ones that the environment gives.
    pub fn own(name: &str, settings: &[(&'static str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(format!("servers-{name}"));
        let servers = Self { folder: Some(folder), settings: settings.iter().map(|(name, value)| (*name, (*value).to_owned())).collect() };
        servers.down("all", &[("SERVERS_SIGNAL", "KILL"), ("SERVERS_WIPE", "1")]);
        servers
    }

    /// The same with one setting more, from the next start on.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.push((name, value.to_owned()));
        self
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(script(name));
        // The quick compiler is enough for minutes; the thorough one takes a third more of the machine until then.
        command.env("CASSANDRA_OPTIONS", "-XX:TieredStopAtLevel=1");
        if let Some(folder) = &self.folder {
            command.env("SERVERS_DIR", folder).env_remove("CLARION_SCYLLA").env_remove("CLARION_NATS");
        }
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }

    /// Brings one kind up, and gives its addresses.
    pub fn up(&self, which: &str) -> Vec<String> {
        let output = self.command("up").arg(which).output().expect("tests/servers/up starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let addresses: Option<Vec<String>> = said
            .lines()
            .find_map(|line| line.strip_prefix(&format!("CLARION_{}=", which.to_uppercase())))
            .map(|list| list.split(',').filter(|address| !address.is_empty()).map(str::to_owned).collect());
        match addresses {
            Some(addresses) if output.status.success() && !addresses.is_empty() => addresses,
            _ => panic!(
                "this test needs the server `{which}`, and `tests/servers/up {which}` could not bring it up:\n{said}{}",
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    /// Takes away what the store has acknowledged and not yet put into its tables on disk, as a loss of power does; the store
    /// must not run. False: it is in a container, where its files cannot be reached.
    pub fn forget_what_is_not_on_disk(&self) -> bool {
        let Some(folder) = &self.folder else { return false };
        let journal = folder.join("cassandra-1/data/commitlog");
        journal.exists() && std::fs::remove_dir_all(&journal).is_ok()
    }

    /// Sends a signal to one kind, or ends it.
    pub fn down(&self, which: &str, settings: &[(&str, &str)]) {
        let output = self.command("down").arg(which).envs(settings.iter().copied()).output().expect("tests/servers/down starts");
        assert!(output.status.success(), "tests/servers/down fails: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Those of one test end with it, whatever it finds.
impl Drop for Servers {
    fn drop(&mut self) {
        if self.folder.is_some() {
            self.down("all", &[("SERVERS_SIGNAL", "KILL"), ("SERVERS_WIPE", "1")]);
        }
    }
}

/// Addresses of the store that all tests share.
pub fn scylla() -> &'static [String] {
    static ADDRESSES: OnceLock<Vec<String>> = OnceLock::new();
    ADDRESSES.get_or_init(|| Servers::shared().up("scylla"))
}

/// Addresses of the log that all tests share.
pub fn nats() -> &'static [String] {
    static ADDRESSES: OnceLock<Vec<String>> = OnceLock::new();
    ADDRESSES.get_or_init(|| Servers::shared().up("nats"))
}
