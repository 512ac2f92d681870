//! The harness as a program, against the control: it is silent about a right server and tells each wrong one.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output().expect("the harness starts")
}

fn steady(more: &[&str]) -> (Option<i32>, serde_json::Value, String) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let json = folder.path().join("report.json");
    let path = json.to_string_lossy().into_owned();
    let output = loadtest(
        &[
            &[
                "steady",
                "--bare",
                "--people",
                "60",
                "--groups",
                "6x10",
                "--rate",
                "300",
                "--seconds",
                "1",
                "--warmup",
                "0.3",
                "--settle",
                "2",
                "--json",
                &path,
            ],
            more,
        ]
        .concat(),
    );
    let report = std::fs::read_to_string(&json).unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), serde_json::from_str(&report).expect("the report is JSON"), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_right_server_passes_and_every_field_is_there() {
    let (code, report, said) = steady(&[]);
    assert_eq!(code, Some(0), "{said}");
    for field in [
        "scenario",
        "parameters",
        "machine",
        "commit",
        "sessions",
        "acked",
        "delivered",
        "lost",
        "doubled",
        "reordered",
        "send_to_ack_us",
        "send_to_receive_us",
        "server_cpu_us_per_send",
        "server_cpu_us_per_delivery",
        "server_bytes_per_session",
        "control_cpu_us_per_send",
        "ratio_to_control",
    ] {
        assert!(report.get(field).is_some(), "{field} is missing");
    }
    assert_eq!(report["sessions"], 60);
    assert!(report["acked"].as_u64() > Some(0));
    assert_eq!(report["delivered"].as_u64(), report["acked"].as_u64().map(|acked| acked * 9));
    assert!(report["send_to_receive_us"]["p99"].as_u64() > Some(0));
}

#[test]
fn clients_in_several_processes_are_judged_together() {
    let (code, report, said) = steady(&["--clients", "3"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((&report["sessions"], &report["clients"], &report["nodes"]), (&60.into(), &3.into(), &3.into()));
    assert_eq!(report["delivered"].as_u64(), report["acked"].as_u64().map(|acked| acked * 9));
    let (code, report, said) = steady(&["--clients", "3", "--fault", "lose:100"]);
    assert_eq!(code, Some(1));
    assert!(report["lost"].as_u64() > Some(0) && said.contains("lost"), "{said}");
    assert_eq!((&report["doubled"], &report["reordered"]), (&0.into(), &0.into()));
}

/// A part of the harness that runs until this is dropped.
struct Running {
    child: Child,
    /// Its first line.
    said: String,
}

impl Running {
    fn start(arguments: &[&str], (name, secret): (&str, &str)) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(arguments)
            .env(name, secret)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("it has a stdout")).read_line(&mut said).expect("it says something");
        Self { child, said: said.trim_end().to_owned() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn agents_elsewhere_do_the_same_for_who_knows_the_secret() {
    let secret = ("CLARION_LOADTEST_SECRET", "0123456789abcdef");
    let agents: Vec<Running> = (0..2).map(|_| Running::start(&["agent", "--listen", "127.0.0.1:0"], secret)).collect();
    let addresses =
        agents.iter().map(|agent| agent.said.strip_prefix("agent is ready: ").expect("it says where it is")).collect::<Vec<_>>();
    let bare = Running::start(&["bare-server", "--listen", "127.0.0.1:0"], secret);
    let url = bare.said.strip_prefix("bare is ready: ").expect("it says where it is");
    let folder = tempfile::tempdir().unwrap();
    let (tokens, json) = (folder.path().join("tokens"), folder.path().join("report.json"));
    std::fs::write(&tokens, (0..20).map(|number| format!("load{number:06}\tload{number:06}\n")).collect::<String>()).unwrap();
    let run = |secret: &str| {
        Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["pairs", "--people", "20", "--groups", "2x10", "--rate", "200", "--seconds", "1", "--warmup", "0", "--no-control"])
            .args(["--agents", &addresses.join(","), "--url", url, "--tokens"])
            .arg(&tokens)
            .arg("--json")
            .arg(&json)
            .env("CLARION_LOADTEST_SECRET", secret)
            .output()
            .expect("the harness starts")
    };
    let refused = run("another secret of sixteen");
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    let output = run(secret.1);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&report["sessions"], &report["clients"]), (&20.into(), &2.into()));
    assert_eq!(report["delivered"].as_u64(), report["acked"].as_u64().map(|acked| acked * 9));
}

#[test]
fn the_page_shows_the_figures_and_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let (code, _, said) = steady(&["--html", &page.to_string_lossy()]);
    assert_eq!(code, Some(0), "{said}");
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("send to receive") && html.contains("sessions"), "{html}");
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("<script"), "it loads nothing");
}

#[test]
fn a_scenario_of_ones_own_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, json) = (folder.path().join("mine.toml"), folder.path().join("report.json"));
    let text = "says = \"a few\"\npeople = 20\ngroups = [{ size = 5 }]\nrate = 100\nseconds = 1\nwarmup_seconds = 0\nsettle_seconds = 2\n\
                [[asks]]\nwhat = \"sends\"\nfigure = \"/acked\"\nat_least = 1\nunit = \"\"\n";
    std::fs::write(&file, text).unwrap();
    let output = loadtest(&["run", &file.to_string_lossy(), "--bare", "--json", &json.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&report["scenario"], &report["figures"][0]["reached"]), (&"mine".into(), &true.into()));
}

#[test]
fn a_server_that_loses_is_told() {
    let (code, report, said) = steady(&["--fault", "lose:200"]);
    assert_eq!(code, Some(1));
    assert!(report["lost"].as_u64() > Some(0) && said.contains("lost"), "{said}");
    assert_eq!((&report["doubled"], &report["reordered"]), (&0.into(), &0.into()));
}

#[test]
fn a_server_that_doubles_is_told() {
    let (code, report, said) = steady(&["--fault", "double:200"]);
    assert_eq!(code, Some(1));
    assert!(report["doubled"].as_u64() > Some(0) && said.contains("doubled"), "{said}");
    assert_eq!((&report["lost"], &report["reordered"]), (&0.into(), &0.into()));
}

#[test]
fn a_server_that_changes_the_order_is_told() {
    let (code, report, said) = steady(&["--fault", "swap:200"]);
    assert_eq!(code, Some(1));
    assert!(report["reordered"].as_u64() > Some(0) && said.contains("reordered"), "{said}");
    assert_eq!(report["doubled"], 0);
}

#[test]
fn what_cannot_be_measured_is_said_in_one_sentence() {
    for (arguments, word) in [
        (&["steady"][..], "--spawn"),
        (&["steady", "--bare", "--people", "400000", "--clients", "1"][..], "open files"),
        (&["steady", "--url", "http://127.0.0.1:1", "--tokens", "/nowhere/tokens"][..], "cannot be read"),
        (&["connect", "--bare", "--rate", "5"][..], "no rate"),
    ] {
        let output = loadtest(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word), "{said}");
    }
}
