//! What is told at the end: one Markdown table for people, one JSON object for programs.

use crate::check::Faults;
use crate::course::{BesideCost, Filling, Growth, Passage};
use crate::fleet::UrgentsSeen;
use crate::latency::{Latencies, Percentiles};
use crate::machine::Machine;
use crate::scenario::{Ask, Scenario};
use crate::server::StoreReads;
use crate::timeline::Moment;
use serde::Serialize;

/// Everything about one run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the scenario.
    pub scenario: String,
    /// What was asked for.
    pub parameters: Scenario,
    /// How it was called.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// Commit of the working directory; a plus says that something was not committed.
    pub commit: String,
    /// What the server says that it is.
    pub server: String,
    /// Sessions at the end.
    pub sessions: u64,
    /// Sends that were due in the measured part.
    pub sent: u64,
    /// Sends acknowledged in the measured part.
    pub acked: u64,
    /// Sends refused for now in the measured part.
    pub refused: u64,
    /// Error numbers that came, with how often.
    pub refusal_codes: Vec<(u16, u64)>,
    /// Messages that came to sessions other than the sender's.
    pub delivered: u64,
    /// Messages that came to the sender's own session as events.
    pub echoes: u64,
    /// Records that a member should have and has not.
    pub lost: u64,
    /// Records that came again.
    pub doubled: u64,
    /// Records that came after a later one.
    pub reordered: u64,
    /// All faults, by kind.
    pub faults: Faults,
    /// The first faults in words.
    pub complaints: Vec<String>,
    /// `gap` events.
    pub gaps: u64,
    /// Chats of which a `sync` said `too_long`; these are not judged.
    pub too_long: u64,
    /// Connections that were tried again while people came in.
    pub connect_retries: u64,
    /// Length of the measured part with its settling.
    pub seconds: f64,
    /// Acknowledged sends a second.
    pub acked_per_second: f64,
    /// Deliveries a second.
    pub delivered_per_second: f64,
    /// From the intended time of a send to its acknowledgement.
    pub send_to_ack_us: Percentiles,
    /// From the intended time of a send to its arrival at another member.
    pub send_to_receive_us: Percentiles,
    /// From the intended time of a send to a great group until the last member had it, over the messages.
    pub until_all_us: Option<Percentiles>,
    /// `send_to_receive_us` in groups that are not great.
    pub small_send_to_receive_us: Percentiles,
    /// Sessions that ended and have gone on, and those that could not.
    pub resumed: u64,
    /// The latter.
    pub not_resumed: u64,
    /// From the end of a session until it has gone on without a hole.
    pub resumed_us: Percentiles,
    /// Pages that came.
    pub pages: u64,
    /// From the time at which a page was to be asked for until it came.
    pub paged_us: Percentiles,
    /// Events that told of somebody's presence.
    pub presence: u64,
    /// From the welcome of somebody who came until a watcher was told.
    pub presence_told_us: Percentiles,
    /// Of urgents; none: none were raised.
    pub urgents: Option<UrgentsReport>,
    /// From the start of a connection to `welcome`.
    pub sign_in_us: Percentiles,
    /// CPU time of the server for each acknowledged send, deliveries included.
    pub server_cpu_us_per_send: Option<f64>,
    /// Nodes of the server that was measured, when it was started here.
    pub nodes: usize,
    /// Processes of the clients.
    pub clients: usize,
    /// What the log and the store of a cluster have cost in the measured part.
    pub beside: Vec<BesideCost>,
    /// CPU time of the server for each delivery, everything included.
    pub server_cpu_us_per_delivery: Option<f64>,
    /// CPU time of the server for each connection, from TCP to `welcome`.
    pub server_cpu_us_per_sign_in: Option<f64>,
    /// Reads of the server's store for each session that came in, all tables together; none when the server does not say so.
    pub store_reads_per_sign_in: Option<f64>,
    /// The same by table.
    pub connect_store_reads: StoreReads,
    /// Reads of the store in the measured part, all tables together, and by table.
    pub store_reads: u64,
    /// The latter.
    pub store_reads_of: StoreReads,
    /// CPU time of the server for each session and second, without messages.
    pub server_idle_cpu_us_per_session_second: Option<f64>,
    /// Resident memory of the server for each session.
    pub server_bytes_per_session: Option<i64>,
    /// The same by three ways of counting.
    pub server_growth: Option<Growth>,
    /// How far memory went up in the measured part.
    pub filling: Filling,
    /// How far the kernel's memory for TCP went up, in bytes.
    pub tcp_bytes_more: u64,
    /// By how much the server's memory went up for each reader that had stopped, in bytes.
    pub server_bytes_per_stalled: Option<u64>,
    /// Bytes of a message's frame.
    pub frame_bytes: f64,
    /// CPU time of one bare `send` of as many bytes, in the control's loop over as many sockets.
    pub control_cpu_us_per_send: Option<f64>,
    /// Each pass of the control, in their order: before, after.
    pub control: Vec<ControlReport>,
    /// Server's CPU for each delivery (`connect`: for each heartbeat; `saturate-offline`: for each send), divided by that of a bare `send`.
    pub ratio_to_control: Option<f64>,
    /// Server's acknowledged sends a second, divided by the control's.
    pub sends_ratio_to_control: Option<f64>,
    /// CPU time of the harness for each frame that it received.
    pub client_cpu_us_per_frame: f64,
    /// Memory of the harness for each client.
    pub client_bytes_per_session: u64,
    /// Cores that were idle in the measured part.
    pub idle_cores: f64,
    /// Cores that neither the server nor the harness used, but others on the machine.
    pub others_cores: Option<f64>,
    /// A core was left, so that latencies say something.
    pub idle: bool,
    /// Figures that are asked for, and whether they were reached.
    pub figures: Vec<Figure>,
    /// What went on, second by second.
    pub timeline: Vec<Moment>,
    /// From send to receive: shares of all messages, and within which time in microseconds they came.
    pub curve_us: Vec<(f64, u64)>,
}

/// What was seen of urgents.
#[derive(Debug, Clone, Serialize)]
pub struct UrgentsReport {
    /// Raised, refused or too late, shown to people, confirmed.
    pub raised: u64,
    /// Those that could not be raised.
    pub not_raised: u64,
    /// Times that a person was shown one.
    pub shown: u64,
    /// Confirmations that were acknowledged.
    pub confirmed: u64,
    /// From the time at which one was to be raised until it was acknowledged.
    pub raise_to_ack_us: Percentiles,
    /// From the time at which one was to be raised until a person was shown it.
    pub raise_to_shown_us: Percentiles,
    /// The same while nothing else went on.
    pub alone_us: Percentiles,
    /// To people who read slowly.
    pub to_slow_us: Percentiles,
    /// The p99 of the measured part divided by that.
    pub to_alone_p99: Option<f64>,
    /// From send to receive of ordinary messages to the same people in the same time.
    pub as_ordinary_us: Percentiles,
    /// From confirming to its acknowledgement.
    pub confirm_to_ack_us: Percentiles,
}

impl UrgentsReport {
    fn of(seen: &UrgentsSeen) -> Self {
        let (shown, alone) = (seen.raise_to_shown.percentiles(), seen.alone.percentiles());
        Self {
            raised: seen.raised,
            not_raised: seen.not_raised,
            shown: seen.shown,
            confirmed: seen.confirmed,
            raise_to_ack_us: seen.raise_to_ack.percentiles(),
            raise_to_shown_us: shown,
            alone_us: alone,
            to_slow_us: seen.to_slow.percentiles(),
            to_alone_p99: (alone.p99 > 0).then(|| round(shown.p99 as f64 / alone.p99 as f64)),
            as_ordinary_us: seen.as_ordinary.percentiles(),
            confirm_to_ack_us: seen.confirm_to_ack.percentiles(),
        }
    }
}

/// One pass of the control.
#[derive(Debug, Clone, Serialize)]
pub struct ControlReport {
    /// CPU time of one bare `send`.
    pub cpu_us_per_send: Option<f64>,
    /// CPU time of the whole control for each acknowledged send.
    pub cpu_us_per_acked: Option<f64>,
    /// Acknowledged sends a second.
    pub acked_per_second: f64,
    /// Its resident memory for each connection.
    pub bytes_per_session: Option<i64>,
    /// Its CPU time for each upgrade.
    pub cpu_us_per_sign_in: Option<f64>,
    /// From intended send to receive.
    pub send_to_receive_us: Percentiles,
    /// The same until the last member of a great group had it.
    pub until_all_us: Option<Percentiles>,
    /// Cores that were idle.
    pub idle_cores: f64,
    /// Faults; anything but 0 says that the harness itself is wrong.
    pub faults: u64,
}

/// A figure that is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What.
    pub what: String,
    /// What it was.
    pub was: String,
    /// What it should be.
    pub should: String,
    /// Whether it is.
    pub reached: bool,
}

/// With fewer idle cores than this, a latency says how full the machine was.
const IDLE_CORES_MIN: f64 = 0.25;

impl Report {
    /// Puts together what the server's pass and the control's gave.
    pub fn new(scenario: &Scenario, passage: &Passage, controls: &[Passage]) -> Self {
        let outcome = &passage.outcome;
        let counts = outcome.counts;
        let per = |total: Option<u64>, count: u64| total.filter(|_| count > 0).map(|total| round(total as f64 / count as f64));
        let control: Vec<ControlReport> = controls.iter().map(control_report).collect();
        let control_cpu_us_per_send = mean(control.iter().filter_map(|control| control.cpu_us_per_send));
        let control_acked = mean(control.iter().map(|control| control.acked_per_second).filter(|rate| *rate > 0.0));
        let per_delivery = per(passage.server_cpu_us, counts.delivered);
        let per_send = per(passage.server_cpu_us, counts.acked);
        let idle_run = scenario.rate.is_none() && scenario.in_flight.is_none();
        let per_heartbeat = if idle_run { per(passage.server_cpu_us, counts.heartbeats) } else { None };
        let acked_per_second = round(counts.acked as f64 / passage.seconds);
        let mut report = Self {
            scenario: scenario.name.clone(),
            parameters: scenario.clone(),
            command: std::env::args().skip(1).fold("loadtest".to_owned(), |command, argument| command + " " + &argument),
            machine: Machine::here(),
            commit: crate::machine::commit(),
            server: outcome.server.clone(),
            sessions: outcome.sessions,
            sent: counts.sent,
            acked: counts.acked,
            refused: counts.refused,
            refusal_codes: outcome.refusal_codes.clone(),
            delivered: counts.delivered,
            echoes: counts.echoes,
            lost: outcome.faults.lost,
            doubled: outcome.faults.doubled,
            reordered: outcome.faults.reordered,
            faults: outcome.faults,
            complaints: outcome.complaints.clone(),
            gaps: counts.gaps,
            too_long: counts.too_long,
            connect_retries: counts.connect_retries,
            seconds: round(passage.seconds),
            acked_per_second,
            delivered_per_second: round(counts.delivered as f64 / passage.seconds),
            send_to_ack_us: outcome.send_to_ack.percentiles(),
            send_to_receive_us: outcome.send_to_receive.percentiles(),
            until_all_us: until_all(passage),
            small_send_to_receive_us: outcome.small_send_to_receive.percentiles(),
            resumed: counts.resumed,
            not_resumed: counts.not_resumed,
            resumed_us: outcome.resumed.percentiles(),
            pages: counts.pages,
            paged_us: outcome.paged.percentiles(),
            presence: counts.presence,
            presence_told_us: outcome.presence_told.percentiles(),
            urgents: (scenario.urgents > 0.0).then(|| UrgentsReport::of(&outcome.urgents)),
            sign_in_us: outcome.sign_in.percentiles(),
            server_cpu_us_per_send: per_send,
            nodes: passage.nodes,
            clients: passage.clients,
            beside: passage.beside.clone(),
            server_cpu_us_per_delivery: per_delivery,
            server_cpu_us_per_sign_in: per(passage.connect_cpu_us, outcome.sessions),
            store_reads_per_sign_in: per(Some(passage.connect_store_reads.values().sum()), outcome.sessions),
            connect_store_reads: passage.connect_store_reads.clone(),
            store_reads: passage.store_reads.values().sum(),
            store_reads_of: passage.store_reads.clone(),
            server_idle_cpu_us_per_session_second: if idle_run {
                per(passage.server_cpu_us, (outcome.sessions as f64 * passage.seconds) as u64)
            } else {
                None
            },
            // A server that gave back more than the sessions took says nothing of what they took.
            server_bytes_per_session: passage.growth.map(|growth| growth.rss).filter(|bytes| *bytes > 0),
            server_growth: passage.growth,
            filling: passage.filling,
            tcp_bytes_more: more(passage.filling.tcp),
            server_bytes_per_stalled: more(passage.filling.server).checked_div(u64::from(scenario.stalled)),
            frame_bytes: round(counts.message_bytes as f64 / (counts.delivered + counts.echoes).max(1) as f64),
            control_cpu_us_per_send,
            ratio_to_control: per_delivery
                .or(per_heartbeat)
                .or(per_send)
                .zip(control_cpu_us_per_send)
                .map(|(server, control)| round(server / control)),
            sends_ratio_to_control: control_acked.filter(|_| acked_per_second > 0.0).map(|control| round(acked_per_second / control)),
            control,
            client_cpu_us_per_frame: round(passage.client_cpu_us as f64 / counts.frames.max(1) as f64),
            client_bytes_per_session: passage.client_bytes,
            idle_cores: round(passage.idle_cores),
            others_cores: passage.server_cpu_us.map(|cpu| {
                let beside: u64 = passage.beside.iter().map(|beside| beside.cpu_us).sum();
                let used = (cpu + beside + passage.client_cpu_us) as f64 / 1e6 / passage.seconds;
                round((Machine::here().cores as f64 - passage.idle_cores - used).max(0.0))
            }),
            idle: passage.idle_cores >= IDLE_CORES_MIN,
            figures: Vec::new(),
            timeline: passage.timeline.clone(),
            curve_us: curve(&outcome.send_to_receive),
        };
        report.figures = report.asked_figures();
        report
    }

    /// The figures that the scenario asks for. One that is not there was not reached.
    fn asked_figures(&self) -> Vec<Figure> {
        let told = serde_json::to_value(self).unwrap_or_default();
        let figure = |ask: &Ask| {
            let was = told.pointer(&ask.figure).and_then(serde_json::Value::as_f64);
            let unit = &ask.unit;
            let bounds = [
                ask.at_most.map(|bound| format!("≤ {bound} {unit}").trim_end().to_owned()),
                ask.at_least.map(|bound| format!("≥ {bound} {unit}").trim_end().to_owned()),
            ];
            Figure {
                what: ask.what.clone(),
                was: was.map_or("not known".to_owned(), |was| format!("{was} {unit}").trim_end().to_owned()),
                should: bounds.into_iter().flatten().collect::<Vec<_>>().join(", "),
                reached: was
                    .is_some_and(|was| ask.at_most.is_none_or(|bound| was <= bound) && ask.at_least.is_none_or(|bound| was >= bound)),
            }
        };
        self.parameters.asks.iter().map(figure).collect()
    }

    /// The table.
    pub fn markdown(&self) -> String {
        let mut table = format!("{}\n\n| {} | |\n|---|---|\n", self.origin(), self.scenario);
        for (what, value) in self.rows() {
            table += &format!("| {what} | {value} |\n");
        }
        table
    }

    /// The table beside that of another run, in which the server had this setting.
    pub fn beside(&self, other: &Self, setting: &str) -> String {
        let mut table = format!("{}\n\n| {} | | with `{setting}` |\n|---|---|---|\n", self.origin(), self.scenario);
        let mut others = other.rows();
        for (what, value) in self.rows() {
            let place = others.iter().position(|(other, _)| *other == what);
            table += &format!("| {what} | {value} | {} |\n", place.map_or_else(String::new, |place| others.remove(place).1));
        }
        for (what, value) in others {
            table += &format!("| {what} | | {value} |\n");
        }
        table
    }

    /// What was measured where.
    fn origin(&self) -> String {
        let machine = &self.machine;
        format!(
            "`{}` · commit {} · {} cores {}, {} MiB, Linux {}",
            self.command, self.commit, machine.cores, machine.processor, machine.memory_mib, machine.kernel
        )
    }

    /// What stands in the table.
    fn rows(&self) -> Vec<(String, String)> {
        let beside: Vec<String> = self.beside.iter().map(|beside| format!("{}: CPU for each send; memory", beside.name)).collect();
        let mut rows: Vec<(&str, String)> = Vec::new();
        let figure = |value: Option<f64>, unit: &str| value.map_or("not known".to_owned(), |value| format!("{value} {unit}"));
        let latencies = |percentiles: &Percentiles| {
            let Percentiles { p50, p90, p99, p999, max } = *percentiles;
            let milliseconds = [p50, p90, p99, p999, max].map(|value| format!("{:.2}", value as f64 / 1e3)).join(" / ");
            format!("{milliseconds}{}", if self.idle { "" } else { " (no core was idle: not a latency of the server)" })
        };
        rows.push((
            "sessions",
            match (self.nodes, self.clients) {
                (0 | 1, 1) => self.sessions.to_string(),
                (nodes, clients) => format!("{} from {clients} processes, server in {nodes}", self.sessions),
            },
        ));
        if self.sent > 0 {
            rows.push(("sent, acknowledged, refused", format!("{}, {}, {}", self.sent, self.acked, self.refused)));
            rows.push(("delivered (and to the sender's own session)", format!("{} ({})", self.delivered, self.echoes)));
            rows.push(("acknowledged/s, delivered/s", format!("{}, {}", self.acked_per_second, self.delivered_per_second)));
        }
        rows.push(("lost, doubled, reordered", format!("{}, {}, {}", self.lost, self.doubled, self.reordered)));
        rows.push(("faults in all", self.faults.total().to_string()));
        if self.gaps + self.too_long > 0 {
            rows.push(("gaps, chats told too long", format!("{}, {}", self.gaps, self.too_long)));
        }
        if self.sent > 0 {
            rows.push(("send to acknowledgement, ms: p50 / p90 / p99 / p99.9 / max", latencies(&self.send_to_ack_us)));
            if self.delivered > 0 {
                rows.push(("send to receive, ms: p50 / p90 / p99 / p99.9 / max", latencies(&self.send_to_receive_us)));
            }
            if let Some(until_all) = &self.until_all_us {
                rows.push(("send until the last member has it, ms: p50 / p90 / p99 / p99.9 / max", latencies(until_all)));
                let control = mean(self.control.iter().filter_map(|control| Some(control.until_all_us?.p50 as f64)));
                let ratio = control.map(|control| round(until_all.p50 as f64 / control));
                rows.push(("the same against the control, p50", figure(ratio, "×")));
            }
            if self.until_all_us.is_some() && self.small_send_to_receive_us.max > 0 {
                rows.push(("the same in the small chats", latencies(&self.small_send_to_receive_us)));
            }
            rows.push(("server CPU for each send", figure(self.server_cpu_us_per_send, "µs")));
            if self.delivered > 0 {
                rows.push(("server CPU for each delivery", figure(self.server_cpu_us_per_delivery, "µs")));
            }
            for (name, cost) in beside.iter().zip(&self.beside) {
                let cpu = round(cost.cpu_us as f64 / self.acked.max(1) as f64);
                rows.push((name, format!("{cpu} µs; {} MiB", cost.rss >> 20)));
            }
            rows.push(("bytes of a message's frame", self.frame_bytes.to_string()));
        } else {
            rows.push(("server CPU for each idle session", figure(self.server_idle_cpu_us_per_session_second, "µs a second")));
        }
        if self.resumed + self.not_resumed > 0 {
            rows.push(("sessions that ended and went on, that could not", format!("{}, {}", self.resumed, self.not_resumed)));
            rows.push(("until they had gone on without a hole, ms: p50 / p90 / p99 / p99.9 / max", latencies(&self.resumed_us)));
        }
        if self.pages > 0 {
            rows.push(("pages", self.pages.to_string()));
            rows.push(("until a page came, ms: p50 / p90 / p99 / p99.9 / max", latencies(&self.paged_us)));
        }
        if self.presence > 0 {
            rows.push(("events of presence", self.presence.to_string()));
            rows.push(("until a watcher was told, ms: p50 / p90 / p99 / p99.9 / max", latencies(&self.presence_told_us)));
        }
        if let Some(urgents) = &self.urgents {
            let UrgentsReport { raised, not_raised, shown, confirmed, .. } = urgents;
            rows.push(("urgents: raised, not raised, shown, confirmed", format!("{raised}, {not_raised}, {shown}, {confirmed}")));
            rows.push(("raise to shown, ms: p50 / p90 / p99 / p99.9 / max", latencies(&urgents.raise_to_shown_us)));
            rows.push(("the same while nothing else went on", latencies(&urgents.alone_us)));
            if urgents.to_slow_us.max > 0 {
                rows.push(("raise to shown, to people who read slowly", latencies(&urgents.to_slow_us)));
            }
            rows.push(("ordinary messages to the same people in the same time", latencies(&urgents.as_ordinary_us)));
            rows.push(("raise to acknowledgement", latencies(&urgents.raise_to_ack_us)));
            rows.push(("confirm to acknowledgement", latencies(&urgents.confirm_to_ack_us)));
        }
        rows.push(("sign-in, ms: p50 / p90 / p99 / p99.9 / max", {
            let Percentiles { p50, p90, p99, p999, max } = self.sign_in_us;
            [p50, p90, p99, p999, max].map(|value| format!("{:.2}", value as f64 / 1e3)).join(" / ")
        }));
        rows.push(("server CPU for each sign-in", figure(self.server_cpu_us_per_sign_in, "µs")));
        if let Some(each) = self.server_bytes_per_stalled {
            let (before, most) = self.filling.tcp;
            rows.push(("kernel's memory for TCP on this machine: before, at most", format!("{}, {} MiB", before >> 20, most >> 20)));
            rows.push(("server memory for each reader that had stopped", format!("{each} B")));
        }
        rows.push((
            "reads of the store: for each sign-in; in the measured part",
            format!("{}; {}", figure(self.store_reads_per_sign_in, ""), by_table(self.store_reads, &self.store_reads_of)),
        ));
        let growth =
            self.server_growth.map_or("not known".to_owned(), |growth| format!("{}, {}, {} B", growth.rss, growth.private, growth.pss));
        rows.push(("server memory for each session: resident, private, proportional", growth));
        for (control, when) in self.control.iter().zip(["before", "after"]) {
            let name = if when == "before" {
                "control before: CPU for each bare send; acknowledged/s; idle cores"
            } else {
                "control after: the same"
            };
            rows.push((name, format!("{}; {}; {}", figure(control.cpu_us_per_send, "µs"), control.acked_per_second, control.idle_cores)));
        }
        rows.push((
            "ratio to the control: CPU, sends/s",
            format!("{}, {}", figure(self.ratio_to_control, "×"), figure(self.sends_ratio_to_control, "×")),
        ));
        rows.push((
            "cores idle, cores used by others on the machine",
            format!("{}, {}", self.idle_cores, self.others_cores.unwrap_or_default()),
        ));
        rows.push((
            "harness itself: CPU for each frame, memory for each client",
            format!("{} µs, {} B", self.client_cpu_us_per_frame, self.client_bytes_per_session),
        ));
        let mut rows: Vec<(String, String)> = rows.into_iter().map(|(what, value)| (what.to_owned(), value)).collect();
        for figure in &self.figures {
            let reached = if figure.reached { "reached" } else { "missed" };
            rows.push((format!("**{}**", figure.what), format!("**{}**, asked {}: {reached}", figure.was, figure.should)));
        }
        rows
    }
}

fn control_report(passage: &Passage) -> ControlReport {
    let bare = passage.bare.unwrap_or_default();
    let counts = passage.outcome.counts;
    ControlReport {
        cpu_us_per_send: (bare.sends > 0).then(|| round(bare.cpu_ns as f64 / 1e3 / bare.sends as f64)),
        cpu_us_per_acked: passage.server_cpu_us.filter(|_| counts.acked > 0).map(|cpu| round(cpu as f64 / counts.acked as f64)),
        acked_per_second: round(counts.acked as f64 / passage.seconds),
        bytes_per_session: passage.growth.map(|growth| growth.rss),
        cpu_us_per_sign_in: passage.connect_cpu_us.map(|cpu| round(cpu as f64 / passage.outcome.sessions.max(1) as f64)),
        send_to_receive_us: passage.outcome.send_to_receive.percentiles(),
        until_all_us: until_all(passage),
        idle_cores: round(passage.idle_cores),
        faults: passage.outcome.faults.total(),
    }
}

/// Over the messages to great groups: until the last member had it.
fn until_all(passage: &Passage) -> Option<Percentiles> {
    let mut last = Latencies::new();
    passage.outcome.last_had_it.iter().for_each(|(_, latency_us)| last.record_ns(latency_us * 1_000));
    (last.count() > 0).then(|| last.percentiles())
}

/// Points of a curve of latencies, the closer together the rarer what they tell of.
fn curve(latencies: &Latencies) -> Vec<(f64, u64)> {
    let steps = (0..=60).map(|step| 1.0 - 10f64.powf(-f64::from(step) / 12.0));
    if latencies.count() == 0 { Vec::new() } else { steps.map(|share| (share, latencies.at(share))).collect() }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| round(values.iter().sum::<f64>() / values.len() as f64))
}

/// Three digits after the point are more than a measurement has.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// How much more it was.
fn more((before, most): (u64, u64)) -> u64 {
    most.saturating_sub(before)
}

/// A sum of reads, with the tables that had most of them.
fn by_table(sum: u64, reads: &StoreReads) -> String {
    let mut most: Vec<(&String, &u64)> = reads.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let most: Vec<String> = most.iter().take(3).map(|(table, count)| format!("{table} {count}")).collect();
    if most.is_empty() { sum.to_string() } else { format!("{sum} ({})", most.join(", ")) }
}
