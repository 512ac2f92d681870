//! The operator at the command line: settings, people, apps, tokens, the audit, and every sentence when something is wrong.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// The binary, without any setting of this machine.
fn clarion() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clarion"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CLARION_")) {
        command.env_remove(name);
    }
    command
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    clarion().args(arguments).arg("--data").arg(data).output().expect("the binary starts")
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

struct Office {
    folder: TempDir,
}

impl Office {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder can be made") }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the file can be written");
        path
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        said(&run(&self.data(), arguments))
    }

    fn import(&self, table: impl AsRef<[u8]>) -> (Option<i32>, String, String) {
        let file = self.file("people.csv", table);
        self.run(&["people", "import", file.to_str().expect("the path is text")])
    }
}

/// A server that ends with the value.
struct Server(Child, String);

impl Server {
    fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = clarion()
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .arg("--data")
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is ours");
        BufReader::new(stdout).read_line(&mut line).expect("the server says a line");
        let address = line.trim().strip_prefix("clarion is ready: http://").unwrap_or_else(|| panic!("not ready: {line}")).to_owned();
        Self(child, address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn wrong_settings_are_refused_with_one_sentence_and_nothing_is_made() {
    let office = Office::new();
    let key = office.file("key.toml", "sesions_max = 5\n");
    let value = office.file("value.toml", "heartbeat_seconds = 0\n");
    let broken = office.file("broken.toml", "listen = \n");
    let cases: &[(&[&str], &str)] = &[
        (&["--config", key.to_str().unwrap()], "is not known; did you mean `sessions_max`?"),
        (&["--config", value.to_str().unwrap()], "cannot be taken: 0 is not seconds, 1 to 300"),
        (&["--config", broken.to_str().unwrap()], "is not valid TOML: line 1"),
        (&["--config", "/nowhere/clarion.toml"], "cannot be read"),
        (&["--listen", "here"], "the flag `--listen` cannot be taken: \"here\" is not an address and a port"),
        (&["check", "--config", key.to_str().unwrap()], "is not known"),
    ];
    for (arguments, expected) in cases {
        let (code, stdout, stderr) = office.run(arguments);
        assert_eq!((code, stdout.as_str(), stderr.lines().count()), (Some(2), "", 1), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("clarion: ") && stderr.contains(expected), "{arguments:?}: {stderr}");
    }
    let output = clarion().env("CLARION_LISTN", "x").arg("--data").arg(office.data()).output().unwrap();
    let (code, _, stderr) = said(&output);
    assert!(
        code == Some(2) && stderr.contains("the environment variable `CLARION_LISTN` is not known; did you mean `listen`?"),
        "{stderr}"
    );
    assert_eq!(office.run(&["no-such-command"]).0, Some(2));
    assert!(!office.data().exists());
}

#[test]
fn what_cannot_be_had_is_told_with_one_sentence() {
    let office = Office::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, stdout, stderr) = office.run(&["--listen", &address]);
    assert!(code == Some(1) && stdout.is_empty(), "{stderr}");
    let sentence = stderr.lines().last().unwrap_or_default();
    assert!(sentence.starts_with("clarion: ") && sentence.contains(&address), "{stderr}");

    let file = office.file("a-file", "");
    let (code, _, stderr) = said(&run(&file.join("data"), &["run", "--listen", "127.0.0.1:0"]));
    assert!(code == Some(1) && stderr.contains("clarion: the data folder ") && stderr.contains("cannot be made"), "{stderr}");

    // Whoever is root may write everywhere but here.
    let (code, _, stderr) = said(&run(Path::new("/proc/clarion"), &["run", "--listen", "127.0.0.1:0"]));
    assert!(code == Some(1) && stderr.contains("clarion: the data folder /proc/clarion cannot be made"), "{stderr}");

    let (code, _, stderr) = office.run(&["run", "--listen", "0.0.0.0:0"]);
    assert!(code == Some(1) && stderr.contains("the demo organisation is not made on 0.0.0.0:0"), "{stderr}");
}

#[test]
fn a_folder_in_use_can_be_read_and_not_written() {
    let office = Office::new();
    let server = Server::start(&office.data(), &[]);
    let table = office.file("people.csv", "user_id,name\nx1,x\n");
    for arguments in
        [&["run", "--listen", "127.0.0.1:0"][..], &["app", "create", "--name", "Alarm"], &["people", "import", table.to_str().unwrap()]]
    {
        let (code, stdout, stderr) = office.run(arguments);
        assert!(
            code == Some(1) && stdout.is_empty() && stderr.contains("is in use by another clarion (process "),
            "{arguments:?}: {stderr}"
        );
    }
    let (code, token, stderr) = office.run(&["token", "--user", "e1001", "--device", "operator-1"]);
    assert!(code == Some(0) && token.starts_with("at-"), "{stderr}");
    let mut stream = std::net::TcpStream::connect(&server.1).unwrap();
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.1).unwrap();
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).unwrap();
    assert!(first.contains("200"), "the server goes on: {first}");
    let (code, stdout, _) = office.run(&["check"]);
    assert!(code == Some(0) && stdout.contains("0 differences"), "{stdout}");
}

#[test]
fn the_demo_stays_on_this_machine() {
    let office = Office::new();
    drop(Server::start(&office.data(), &[]));
    let (code, _, stderr) = office.run(&["run", "--listen", "0.0.0.0:0"]);
    assert!(code == Some(1) && stderr.contains("holds the demo organisation, whose passwords everybody knows"), "{stderr}");
}

#[test]
fn an_operator_makes_an_app_and_gets_tokens() {
    let office = Office::new();
    let (code, _, stderr) = office.run(&["token", "--user", "e1", "--device", "operator-1"]);
    assert!(code == Some(1) && stderr.contains("there is no database in "), "{stderr}");
    let (code, stdout, stderr) = office.import("user_id,name,resigned\ne1,张三,\ne2,李四,yes\ne3,\"a \"\"b\"\"\",\n");
    assert!(code == Some(0) && stdout.starts_with("3 rows: 3 people new,"), "{stdout}{stderr}");
    let (code, stdout, _) = office.run(&["app", "create", "--name", "Alarm"]);
    let app_id = stdout.lines().next().and_then(|line| line.strip_prefix("app_id: cli_")).expect("the id is printed");
    let secret = stdout.lines().nth(1).and_then(|line| line.strip_prefix("app_secret: ")).expect("the secret is printed");
    assert!(code == Some(0) && app_id.len() == 16 && secret.len() == 32);
    let kept = std::fs::read(office.data().join("clarion.db")).unwrap();
    assert!(!kept.windows(32).any(|part| part == secret.as_bytes()), "the secret is not kept in clear");
    assert_eq!(office.run(&["app", "create", "--name", " "]).0, Some(1));

    let (code, stdout, _) = office.run(&["token", "--all", "--device", "load-test", "--limit", "5"]);
    let lines: Vec<(&str, &str)> = stdout.lines().filter_map(|line| line.split_once('\t')).collect();
    assert_eq!((code, lines.iter().map(|line| line.0).collect::<Vec<_>>()), (Some(0), vec!["e1", "e3"]));
    assert!(lines.iter().all(|(_, token)| token.starts_with("at-")));
    for (arguments, expected) in [
        (&["token", "--user", "e2", "--device", "operator-1"][..], "`e2` has left the organisation"),
        (&["token", "--user", "e9", "--device", "operator-1"], "nobody has the id `e9`"),
        (&["token", "--user", "e1", "--device", "short"], "the device `short` must have 8 to 64"),
    ] {
        let (code, stdout, stderr) = office.run(arguments);
        assert!(code == Some(1) && stdout.is_empty() && stderr.contains(expected), "{stderr}");
    }
    assert_eq!(office.run(&["token", "--device", "operator-1"]).0, Some(2), "whose?");
}

#[test]
fn an_import_says_what_it_did_and_what_it_could_not() {
    let office = Office::new();
    let table = "user_id,name,email,department\ne1,张三,a@x.example,总部/财务\n,x,,\ne3,three,nonsense,\n";
    let (code, stdout, stderr) = office.import(table);
    assert_eq!(code, Some(0));
    assert_eq!(stdout, "3 rows: 1 people new, 0 changed, 0 as they were, 2 refused; 2 departments new; 0 passwords set; 0 warnings\n");
    assert!(stderr.contains("people.csv: line 3: ") && stderr.contains("people.csv: line 4: "), "{stderr}");
    let (code, stdout, _) = office.import("user_id,name\n,x\n");
    assert!(code == Some(1) && stdout.starts_with("1 rows: 0 people new"), "{stdout}");
    let (code, _, stderr) = office.import("name\nx\n");
    assert!(code == Some(1) && stderr.contains("the header has no column `user_id`"), "{stderr}");
    let (code, _, stderr) = office.run(&["people", "import", "/nowhere.csv"]);
    assert!(code == Some(1) && stderr.contains("the file /nowhere.csv cannot be read"), "{stderr}");
}

/// The reference customer's staff: 371,000 in 2,000 companies.
fn everybody() -> Vec<u8> {
    const SURNAMES: [(&str, &str); 8] =
        [("张", "Zhang"), ("王", "Wang"), ("李", "Li"), ("单", "Shan"), ("曾", "Zeng"), ("欧阳", "Ouyang"), ("赵", "Zhao"), ("陈", "Chen")];
    const GIVEN: [(&str, &str); 9] = [
        ("伟", "Wei"),
        ("娜", "Na"),
        ("重光", "Chongguang"),
        ("静", "Jing"),
        ("磊", "Lei"),
        ("洋", "Yang"),
        ("敏", "Min"),
        ("国荣", "Guorong"),
        ("芳", "Fang"),
    ];
    let mut table = Vec::with_capacity(48 << 20);
    table.extend_from_slice("user_id,name,en_name,email,mobile,department,title,leader\n".as_bytes());
    for i in 0..371_000 {
        let (surname, given, company) = (SURNAMES[i % 8], GIVEN[i / 8 % 9], i % 2000);
        writeln!(
            table,
            "n{i:06},{}{},{} {},n{i:06}@corp.example,13{i:09},公司{company}/部门{},员工,n{:06}",
            surname.0,
            given.0,
            given.1,
            surname.1,
            i / 2000 % 5,
            company
        )
        .unwrap();
    }
    table
}

#[test]
fn the_whole_staff_is_imported_twice_and_then_works() {
    let office = Office::new();
    let file = office.file("everybody.csv", everybody());
    let import = ["people", "import", file.to_str().unwrap(), "--password-for-all", "first day"];
    let (code, stdout, stderr) = office.run(&import);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(
        stdout,
        "371000 rows: 371000 people new, 0 changed, 0 as they were, 0 refused; 12000 departments new; 371000 passwords set; 0 warnings\n"
    );
    let (code, stdout, _) = office.run(&import);
    assert_eq!(code, Some(0));
    assert_eq!(
        stdout,
        "371000 rows: 0 people new, 0 changed, 371000 as they were, 0 refused; 0 departments new; 0 passwords set; 0 warnings\n"
    );
    let (code, stdout, _) = office.run(&["token", "--all", "--device", "load-test"]);
    assert_eq!((code, stdout.lines().count()), (Some(0), 371_000));
    let server = Server::start(&office.data(), &["--config", office.file("c.toml", "").to_str().unwrap()]);
    let body = r#"{"login":"N370999@corp.example","password":"first day","device_id":"operator-1","device_kind":"tool","device_name":"x"}"#;
    let mut stream = std::net::TcpStream::connect(&server.1).unwrap();
    write!(stream, "POST /auth/v1/sign_in HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", server.1, body.len()).unwrap();
    let mut first = String::new();
    BufReader::new(stream).read_line(&mut first).unwrap();
    assert!(first.contains("200"), "{first}");
}
