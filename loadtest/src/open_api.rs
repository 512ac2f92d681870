//! The open API under load: business systems that write, look and manage groups, over connections that stay open.
//!
//! Each call is measured by itself: first the cheapest request that the same server answers (`/livez`), as the floor to
//! hold the others against, then writing, then reading, then the calls that move many people at once.

use crate::http::{self, Tally};
use crate::latency::{Latencies, Percentiles};
use crate::machine::{Machine, MachineSample, commit, own_cpu_us, sample_processes};
use crate::people;
use crate::progress::Progress;
use crate::readiness::now_ns;
use crate::server::Server;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use serde_json::{Value, json};

/// What is asked of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// People of the organisation.
    pub people: u32,
    /// Connections that are kept busy.
    pub connections: usize,
    /// Length of each measured part in seconds.
    pub seconds: f64,
    /// Groups that are written into.
    pub groups: usize,
    /// Bytes of each text.
    pub text_bytes: usize,
    /// Decides which group a request is about.
    pub seed: u64,
}

/// One call, measured.
#[derive(Debug, Serialize)]
pub struct CallReport {
    /// Which call.
    pub call: &'static str,
    /// Requests at the same time.
    pub connections: usize,
    /// Answered as they should.
    pub fine: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// Requests a second.
    pub per_second: f64,
    /// From the request to the last byte of its answer. With all connections busy, this tells how full the machine is.
    pub latency_us: Percentiles,
    /// CPU time of the server for each request.
    pub server_cpu_us_per_request: Option<f64>,
    /// The same, divided by that of the cheapest request.
    pub ratio_to_floor: Option<f64>,
    /// Bytes of an answer's body.
    pub body_bytes: u64,
    /// CPU time of the harness for each request.
    pub client_cpu_us_per_request: f64,
    /// Cores that were idle.
    pub idle_cores: f64,
}

/// Everything about one run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Always `open-api`.
    pub scenario: &'static str,
    /// What was asked for.
    pub parameters: Plan,
    /// How it was called.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// Commit of the working directory; a plus says that something was not committed.
    pub commit: String,
    /// The calls, in the order in which they were measured.
    pub calls: Vec<CallReport>,
    /// Figures that are asked for: what, what it was, what it should be, whether it is.
    pub figures: Vec<crate::report::Figure>,
}

/// The start of every answer of a call that was done.
const DONE: &[u8] = b"{\"code\":0,";
/// Calls with many people are made this often, one after the other.
const GREAT_CALLS: usize = 5;
/// People of one call of adding.
const ADDED_AT_ONCE: u32 = 10_000;

struct Caller<'a> {
    server: &'a Server,
    token: String,
    plan: &'a Plan,
    floor_cpu_us: Option<f64>,
}

/// Runs the scenario against a server that was started for it.
pub fn run(plan: &Plan, server: &Server, app: &(String, String), progress: &Progress) -> Result<Report, String> {
    let mut caller = Caller { server, token: String::new(), plan, floor_cpu_us: None };
    let body = json!({ "app_id": app.0, "app_secret": app.1 });
    let token = caller.once("POST", "/open-apis/auth/v3/tenant_access_token/internal", &body)?;
    caller.token = token["tenant_access_token"].as_str().ok_or("the app got no token")?.to_owned();
    progress.step("making groups");
    let groups = (0..plan.groups).map(|number| caller.group(number)).collect::<Result<Vec<_>, _>>()?;
    let mut random = StdRng::seed_from_u64(plan.seed);
    let text = json!({ "text": "x".repeat(plan.text_bytes) }).to_string();
    let mut calls = Vec::new();

    progress.step("the cheapest request");
    let floor = caller.busy("GET /livez", b"", || caller.request("GET", "/livez", ""))?;
    caller.floor_cpu_us = floor.server_cpu_us_per_request;
    calls.push(floor);
    let mut number = 0u64;
    progress.step("writing messages");
    calls.push(caller.busy("POST im/v1/messages", DONE, || {
        number += 1;
        let chat = &groups[random.random_range(0..groups.len())];
        let body = json!({ "receive_id": chat, "msg_type": "text", "content": text, "uuid": format!("{}-{number}", plan.seed) });
        caller.request("POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", &body.to_string())
    })?);
    let mut random = StdRng::seed_from_u64(plan.seed);
    let mut chat = || groups[random.random_range(0..groups.len())].clone();
    progress.step("looking at groups");
    calls.push(caller.busy("GET im/v1/chats/:chat_id", DONE, || caller.request("GET", &format!("/open-apis/im/v1/chats/{}", chat()), ""))?);
    progress.step("listing members");
    calls.push(caller.busy("GET im/v1/chats/:chat_id/members", DONE, || {
        caller.request("GET", &format!("/open-apis/im/v1/chats/{}/members?page_size=100", chat()), "")
    })?);
    progress.step("a group of everyone");
    let mut everyone = String::new();
    calls.push(caller.one_by_one("POST im/v1/chats, with everyone", GREAT_CALLS, |number| {
        let made = caller.once("POST", "/open-apis/im/v1/chats", &json!({ "name": format!("Everyone {number}"), "everyone": true }))?;
        everyone = made["data"]["chat_id"].as_str().unwrap_or_default().to_owned();
        Ok(made)
    })?);
    let count = caller.user_count(&everyone)?;
    if count < plan.people {
        return Err(format!("a group of everyone has {count} people, and there are {}", plan.people));
    }
    calls.push(caller.one_by_one("GET im/v1/chats/:chat_id/members, of everyone", 200, |_| {
        caller.once("GET", &format!("/open-apis/im/v1/chats/{everyone}/members?page_size=100"), &Value::Null)
    })?);
    let read = json!({ "receive_id": everyone, "msg_type": "text", "content": text });
    let message = caller.once("POST", "/open-apis/im/v1/messages?receive_id_type=chat_id", &read)?;
    let message = message["data"]["message_id"].as_str().unwrap_or_default().to_owned();
    calls.push(caller.one_by_one("GET im/v1/messages/:message_id/read_users, of everyone", 200, |_| {
        caller.once("GET", &format!("/open-apis/im/v1/messages/{message}/read_users?user_id_type=user_id&page_size=100"), &Value::Null)
    })?);
    progress.step("adding many");
    let ids: Vec<String> = (0..plan.people.min(ADDED_AT_ONCE)).map(people::user_id).collect();
    let mut fresh = (0..GREAT_CALLS).map(|number| caller.group(plan.groups + number)).collect::<Result<Vec<_>, _>>()?;
    let mut filled = String::new();
    calls.push(caller.one_by_one("POST im/v1/chats/:chat_id/members, 10,000 at once", GREAT_CALLS, |_| {
        let chat = fresh.pop().unwrap_or_default();
        filled.clone_from(&chat);
        caller.once("POST", &format!("/open-apis/im/v1/chats/{chat}/members?member_id_type=user_id"), &json!({ "id_list": ids }))
    })?);
    let count = caller.user_count(&filled)?;
    if (count as usize) < ids.len() {
        return Err(format!("a group to which {} people were added has {count}", ids.len()));
    }
    progress.clear();
    let figures = figures(plan, &calls);
    Ok(Report {
        scenario: "open-api",
        parameters: plan.clone(),
        command: std::env::args().skip(1).fold("loadtest".to_owned(), |command, argument| command + " " + &argument),
        machine: Machine::here(),
        commit: commit(),
        calls,
        figures,
    })
}

impl Caller<'_> {
    fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let token = (!self.token.is_empty()).then_some(self.token.as_str());
        http::request(method, path, &self.server.targets[0].host, token, body)
    }

    /// One call by itself; what it is answered with.
    fn once(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = http::ask(self.server.targets[0].address, &self.request(method, path, &body))?;
        let value: Value = serde_json::from_slice(&answer.body).map_err(|error| format!("{method} {path}: no JSON came: {error}"))?;
        if value["code"] != 0 { Err(format!("{method} {path}: {} {value}", answer.status)) } else { Ok(value) }
    }

    /// People in a group.
    fn user_count(&self, chat: &str) -> Result<u32, String> {
        let look = self.once("GET", &format!("/open-apis/im/v1/chats/{chat}"), &Value::Null)?;
        look["data"]["user_count"].as_str().and_then(|count| count.parse().ok()).ok_or_else(|| format!("a group has no user_count: {look}"))
    }

    /// A group of the app and ten people.
    fn group(&self, number: usize) -> Result<String, String> {
        let people = self.plan.people.max(1);
        let ids: Vec<String> = (0..10).map(|member| people::user_id((number as u32 * 10 + member) % people)).collect();
        let body = json!({ "name": format!("Group {number}"), "user_id_list": ids });
        let made = self.once("POST", "/open-apis/im/v1/chats?user_id_type=user_id", &body)?;
        made["data"]["chat_id"].as_str().map(str::to_owned).ok_or_else(|| format!("a group has no chat_id: {made}"))
    }

    /// All connections busy with one call.
    fn busy(&self, call: &'static str, begins: &[u8], next: impl FnMut() -> Vec<u8>) -> Result<CallReport, String> {
        let Plan { connections, seconds, .. } = *self.plan;
        let mut next = next;
        // What is loaded at the first request of a group is not what the call costs.
        http::saturate(self.server.targets[0].address, connections, (seconds / 4.0).min(2.0), begins, &mut next)?;
        self.measured(call, connections, || http::saturate(self.server.targets[0].address, connections, seconds, begins, &mut next))
    }

    /// A call of its own each time, one after the other.
    fn one_by_one(
        &self,
        call: &'static str,
        times: usize,
        mut each: impl FnMut(usize) -> Result<Value, String>,
    ) -> Result<CallReport, String> {
        self.measured(call, 1, || {
            let (began, mut latencies, mut tally) = (now_ns(), Latencies::new(), Tally::default());
            for number in 0..times {
                let asked = now_ns();
                let answer = each(number)?;
                latencies.record_ns(now_ns() - asked);
                tally.fine += 1;
                tally.body_bytes += answer.to_string().len() as u64;
            }
            Ok(Tally { nanoseconds: now_ns() - began, latency_us: latencies.percentiles(), ..tally })
        })
    }

    fn measured(&self, call: &'static str, connections: usize, work: impl FnOnce() -> Result<Tally, String>) -> Result<CallReport, String> {
        let cpu = || -> Result<Option<u64>, String> {
            if self.server.pids.is_empty() { Ok(None) } else { sample_processes(&self.server.pids).map(|sample| Some(sample.cpu_us)) }
        };
        let (before, machine, own) = (cpu()?, MachineSample::now(), own_cpu_us());
        let tally = work()?;
        let idle_cores = MachineSample::now().idle_cores_since(&machine);
        let count = (tally.fine + tally.refused).max(1);
        let per = |cpu: u64| round(cpu as f64 / count as f64);
        let server_cpu_us_per_request = before.zip(cpu()?).map(|(before, after)| per(after - before));
        Ok(CallReport {
            call,
            connections,
            fine: tally.fine,
            refused: tally.refused,
            per_second: round(tally.fine as f64 * 1e9 / tally.nanoseconds as f64),
            latency_us: tally.latency_us,
            server_cpu_us_per_request,
            ratio_to_floor: server_cpu_us_per_request.zip(self.floor_cpu_us).map(|(cpu, floor)| round(cpu / floor)),
            body_bytes: tally.body_bytes / count,
            client_cpu_us_per_request: per(own_cpu_us() - own),
            idle_cores: round(idle_cores),
        })
    }
}

fn figures(plan: &Plan, calls: &[CallReport]) -> Vec<crate::report::Figure> {
    let mut figures = Vec::new();
    let mut figure = |what: &str, call: &str, figure: &dyn Fn(&CallReport) -> (String, String, bool)| {
        if let Some(call) = calls.iter().find(|found| found.call == call) {
            let (was, should, reached) = figure(call);
            figures.push(crate::report::Figure { what: what.into(), was, should, reached });
        }
    };
    let rate = |least: f64| move |call: &CallReport| (format!("{}/s", call.per_second), format!("≥ {least}/s"), call.per_second >= least);
    let time = |most_ms: f64| {
        move |call: &CallReport| {
            let ms = call.latency_us.max as f64 / 1e3;
            (format!("{ms:.1} ms at most"), format!("≤ {most_ms} ms"), ms <= most_ms)
        }
    };
    figure("durable messages a second", "POST im/v1/messages", &rate(5_000.0));
    figure("looks at groups a second", "GET im/v1/chats/:chat_id", &rate(15_000.0));
    if plan.people >= 371_000 {
        figure("a group of everyone", "POST im/v1/chats, with everyone", &time(3_000.0));
        figure("a page of its members", "GET im/v1/chats/:chat_id/members, of everyone", &time(10.0));
        figure("a page of who has read", "GET im/v1/messages/:message_id/read_users, of everyone", &time(50.0));
    }
    if plan.people >= ADDED_AT_ONCE {
        figure("adding 10,000 people", "POST im/v1/chats/:chat_id/members, 10,000 at once", &time(300.0));
    }
    figures
}

impl Report {
    /// The tables.
    pub fn markdown(&self) -> String {
        let mut table = format!(
            "`{}` · commit {} · {} cores {}, {} MiB, Linux {}\n\n",
            self.command, self.commit, self.machine.cores, self.machine.processor, self.machine.memory_mib, self.machine.kernel
        );
        table += "| call | at once | a second | fine, refused | ms: p50 / p99 / max | server CPU, µs | × the cheapest | body, B | harness CPU, µs | idle cores |\n";
        table += "|---|---|---|---|---|---|---|---|---|---|\n";
        for call in &self.calls {
            let Percentiles { p50, p99, max, .. } = call.latency_us;
            let milliseconds = [p50, p99, max].map(|value| format!("{:.2}", value as f64 / 1e3)).join(" / ");
            let known = |value: Option<f64>| value.map_or("not known".to_owned(), |value| value.to_string());
            table += &format!(
                "| `{}` | {} | {} | {}, {} | {milliseconds} | {} | {} | {} | {} | {} |\n",
                call.call,
                call.connections,
                call.per_second,
                call.fine,
                call.refused,
                known(call.server_cpu_us_per_request),
                known(call.ratio_to_floor),
                call.body_bytes,
                call.client_cpu_us_per_request,
                call.idle_cores
            );
        }
        table += "\n| figure | was | asked | |\n|---|---|---|---|\n";
        for figure in &self.figures {
            let reached = if figure.reached { "reached" } else { "missed" };
            table += &format!("| {} | {} | {} | {reached} |\n", figure.what, figure.was, figure.should);
        }
        table
    }

    /// Answers that were not as they should be.
    pub fn refused(&self) -> u64 {
        self.calls.iter().map(|call| call.refused).sum()
    }
}

/// Three digits after the point are more than a measurement has.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
