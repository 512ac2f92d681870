//! What got better or worse between two reports, beyond the noise.
//!
//! The speed of a machine moves by a factor of two within an hour. So CPU and latencies are held against the control of the same
//! run, and nothing counts that is not more than the controls moved within the two runs, and a twentieth besides.

use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

/// A figure, and what it is held against.
struct Measure {
    what: &'static str,
    pointer: &'static str,
    /// Less of it is better.
    less: bool,
    against: Against,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    /// Bytes and counts: a faster machine does not change them.
    Nothing,
    /// The cost of the control's bare send.
    ControlCpu,
    /// The same; and both runs had left a core idle, or it says how full the machine was.
    ControlCpuWhenIdle,
    /// It is a ratio to the control already.
    IsRatio,
}

const MEASURES: &[Measure] = &[
    Measure { what: "server CPU for each send", pointer: "/server_cpu_us_per_send", less: true, against: Against::ControlCpu },
    Measure { what: "server CPU for each delivery", pointer: "/server_cpu_us_per_delivery", less: true, against: Against::ControlCpu },
    Measure { what: "server CPU for each sign-in", pointer: "/server_cpu_us_per_sign_in", less: true, against: Against::ControlCpu },
    Measure {
        what: "server CPU for each idle session and second",
        pointer: "/server_idle_cpu_us_per_session_second",
        less: true,
        against: Against::ControlCpu,
    },
    Measure { what: "server memory for each session", pointer: "/server_bytes_per_session", less: true, against: Against::Nothing },
    Measure { what: "reads of the store for each sign-in", pointer: "/store_reads_per_sign_in", less: true, against: Against::Nothing },
    Measure { what: "sends a second, against the control", pointer: "/sends_ratio_to_control", less: false, against: Against::IsRatio },
    Measure { what: "send to acknowledgement, p50", pointer: "/send_to_ack_us/p50", less: true, against: Against::ControlCpuWhenIdle },
    Measure { what: "send to acknowledgement, p99", pointer: "/send_to_ack_us/p99", less: true, against: Against::ControlCpuWhenIdle },
    Measure { what: "send to receive, p50", pointer: "/send_to_receive_us/p50", less: true, against: Against::ControlCpuWhenIdle },
    Measure { what: "send to receive, p99", pointer: "/send_to_receive_us/p99", less: true, against: Against::ControlCpuWhenIdle },
    Measure {
        what: "send until the last member has it, p50",
        pointer: "/until_all_us/p50",
        less: true,
        against: Against::ControlCpuWhenIdle,
    },
    Measure { what: "until a session had gone on, p99", pointer: "/resumed_us/p99", less: true, against: Against::ControlCpuWhenIdle },
    Measure { what: "until a page came, p99", pointer: "/paged_us/p99", less: true, against: Against::ControlCpuWhenIdle },
    Measure { what: "bytes of a message's frame", pointer: "/frame_bytes", less: true, against: Against::Nothing },
    Measure { what: "messages lost", pointer: "/lost", less: true, against: Against::Nothing },
];

/// Smaller changes are never told.
const NOISE_MIN: f64 = 0.05;
/// A percentile of few is noisier than the machine.
const TAIL_NOISE: f64 = 0.25;

/// Reads two reports and says what changed. `false` when something got worse.
pub fn compare(before: &Path, after: &Path) -> Result<(String, bool), String> {
    let read = |path: &Path| -> Result<Value, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{} is no report: {error}", path.display()))
    };
    table(&read(before)?, &read(after)?)
}

fn table(before: &Value, after: &Value) -> Result<(String, bool), String> {
    let name = |report: &Value| report.get("scenario").and_then(Value::as_str).unwrap_or("?").to_owned();
    if name(before) != name(after) {
        return Err(format!("`{}` and `{}` are different scenarios, and cannot be compared", name(before), name(after)));
    }
    if without_asks(before) != without_asks(after) {
        return Err("the two runs were asked for different things: compare runs with the same parameters".to_owned());
    }
    let noise = NOISE_MIN + spread(before).max(spread(after));
    let (mut better, mut worse, mut same) = (Vec::new(), Vec::new(), 0);
    for measure in MEASURES {
        let (Some(was), Some(is)) = (number(before, measure.pointer), number(after, measure.pointer)) else { continue };
        let idle = |report: &Value| report.get("idle").and_then(Value::as_bool).unwrap_or(false);
        if measure.against == Against::ControlCpuWhenIdle && !(idle(before) && idle(after)) {
            continue;
        }
        let machine = match measure.against {
            Against::Nothing | Against::IsRatio => 1.0,
            _ => {
                number(after, "/control_cpu_us_per_send").zip(number(before, "/control_cpu_us_per_send")).map_or(1.0, |(is, was)| is / was)
            }
        };
        if was <= 0.0 && is <= 0.0 {
            continue;
        }
        let change = is / machine / was.max(f64::MIN_POSITIVE) - 1.0;
        let noise = match measure.against {
            Against::Nothing => NOISE_MIN,
            Against::ControlCpuWhenIdle => noise + TAIL_NOISE,
            _ => noise,
        };
        if change.abs() <= noise {
            same += 1;
            continue;
        }
        let line = format!("| {} | {was} | {is} | {:+.0} % | ± {:.0} % |", measure.what, change * 100.0, noise * 100.0);
        if (change < 0.0) == measure.less { better.push(line) } else { worse.push(line) }
    }
    let mut told = format!(
        "`{}`: commit {} against {}\n\n| | before | after | change, against the control | noise |\n|---|---|---|---|---|\n",
        name(before),
        before.get("commit").and_then(Value::as_str).unwrap_or("?"),
        after.get("commit").and_then(Value::as_str).unwrap_or("?")
    );
    for (title, lines) in [("worse", &worse), ("better", &better)] {
        for line in lines {
            let _ = writeln!(told, "{}", line.replacen("| ", &format!("| **{title}**: "), 1));
        }
    }
    let _ = writeln!(told, "\n{same} figures are the same within the noise.");
    Ok((told, worse.is_empty()))
}

fn number(report: &Value, pointer: &str) -> Option<f64> {
    report.pointer(pointer).and_then(Value::as_f64)
}

/// How much the control moved from before to after within a run.
fn spread(report: &Value) -> f64 {
    let controls = report.get("control").and_then(Value::as_array);
    let costs: Vec<f64> = controls.into_iter().flatten().filter_map(|control| control.get("cpu_us_per_send")?.as_f64()).collect();
    let (least, most) = costs.iter().fold((f64::INFINITY, 0.0f64), |(least, most), cost| (least.min(*cost), most.max(*cost)));
    if least.is_finite() && least > 0.0 { most / least - 1.0 } else { 0.0 }
}

fn without_asks(report: &Value) -> Option<Value> {
    let mut parameters = report.get("parameters")?.clone();
    let object = parameters.as_object_mut()?;
    for name in ["asks", "says", "seed"] {
        object.remove(name);
    }
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(cpu: f64, control: [f64; 2], bytes: u64) -> Value {
        json!({
            "scenario": "steady", "commit": "c", "parameters": { "people": 5, "asks": [] }, "idle": true,
            "server_cpu_us_per_send": cpu, "control_cpu_us_per_send": (control[0] + control[1]) / 2.0,
            "control": [{ "cpu_us_per_send": control[0] }, { "cpu_us_per_send": control[1] }],
            "server_bytes_per_session": bytes,
        })
    }

    #[test]
    fn a_slower_machine_is_no_change() {
        let (told, fine) = table(&report(100.0, [10.0, 10.0], 3_000), &report(200.0, [20.0, 20.0], 3_000)).unwrap();
        assert!(fine && told.contains("2 figures are the same"), "{told}");
    }

    #[test]
    fn what_got_worse_beyond_the_noise_is_told_and_what_did_not_is_not() {
        let (told, fine) = table(&report(100.0, [10.0, 10.0], 3_000), &report(130.0, [10.0, 10.0], 4_000)).unwrap();
        assert!(!fine && told.contains("**worse**: server CPU for each send") && told.contains("**worse**: server memory"), "{told}");
        let (told, fine) = table(&report(100.0, [10.0, 14.0], 3_000), &report(130.0, [12.0, 12.0], 2_000)).unwrap();
        assert!(fine && told.contains("**better**: server memory") && !told.contains("CPU for each send |"), "{told}");
    }

    #[test]
    fn different_runs_are_not_compared() {
        let mut other = report(1.0, [1.0, 1.0], 1);
        other["parameters"]["people"] = 6.into();
        assert!(table(&report(1.0, [1.0, 1.0], 1), &other).unwrap_err().contains("different things"));
    }
}
