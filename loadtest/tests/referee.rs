//! The harness as a program, against the control: it is silent about a right server and tells each wrong one.

use std::process::{Command, Output};

fn loadtest(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(arguments).output().expect("the harness starts")
}

fn steady(more: &[&str]) -> (Option<i32>, serde_json::Value, String) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let json = folder.path().join("report.json");
    let path = json.to_string_lossy().into_owned();
    let output = loadtest(
        &[
            &["steady", "--bare", "--people", "60", "--rate", "300", "--seconds", "1", "--warmup", "0.3", "--settle", "2", "--json", &path],
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
        (&["steady", "--bare", "--people", "400000"][..], "open files"),
        (&["steady", "--url", "http://127.0.0.1:1", "--tokens", "/nowhere/tokens"][..], "cannot be read"),
        (&["connect", "--bare", "--rate", "5"][..], "sends nothing"),
    ] {
        let output = loadtest(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word), "{said}");
    }
}
