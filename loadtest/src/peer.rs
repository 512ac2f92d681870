//! Peers: other servers under the same work, beside the control and Clarion, in one run.
//!
//! A peer is a script in `loadtest/peers/` that fetches and starts it, and a dialect that says how its clients talk.

mod clients;
mod mqtt;
mod nats;
mod socket_io;
mod xmpp;

use crate::report::Report;
use crate::scenario::Scenario;
use crate::server::start;
use clients::{Clients, Dialect, Found};
use std::path::PathBuf;
use std::process::Command;

/// A peer that can be measured.
struct Peer {
    name: &'static str,
    /// What an acknowledgement means.
    acknowledged: &'static str,
    script: &'static str,
    dialect: fn() -> Box<dyn Dialect>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "nats",
        acknowledged: "one's own message comes back; not kept",
        script: "nats",
        dialect: || Box::new(nats::Nats { durable: false }),
    },
    Peer {
        name: "nats-jetstream",
        acknowledged: "on disk (sync_interval: always)",
        script: "nats",
        dialect: || Box::new(nats::Nats { durable: true }),
    },
    Peer { name: "socket-io", acknowledged: "given to the room; not kept", script: "socket-io", dialect: || Box::new(socket_io::SocketIo) },
    Peer {
        name: "mosquitto",
        acknowledged: "PUBACK, in memory (QoS 1; subscribers QoS 0)",
        script: "mosquitto",
        dialect: || Box::new(mqtt::Mqtt),
    },
    Peer { name: "ejabberd", acknowledged: "comes back from the room; not kept", script: "ejabberd", dialect: || Box::new(xmpp::Xmpp) },
];

/// Names of all peers.
fn names() -> String {
    PEERS.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ")
}

/// What an acknowledgement of a peer means.
fn acknowledged(name: &str) -> &'static str {
    PEERS.iter().find(|peer| peer.name == name).map_or("", |peer| peer.acknowledged)
}

/// Starts a peer, drives the scenario against it, and ends it.
pub fn measure(name: &str, scenario: &Scenario, say: &dyn Fn(&str)) -> Result<Found, String> {
    let peer = PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| format!("there is no peer `{name}`; there are {}", names()))?;
    say(&format!("{name}: fetching and starting"));
    let folder = std::env::temp_dir().join(format!("clarion-loadtest-peer-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let mut command = Command::new(scripts().join(peer.script));
    command.arg(&folder);
    let (mut started, url) = start(&mut command, "peer is ready: ").inspect_err(|_| crate::server::remove(&folder))?;
    started.folder = Some(folder);
    let address = url.strip_prefix("http://").unwrap_or(&url).parse().map_err(|_| format!("{name} is at `{url}`, which is no address"))?;
    let dialect = (peer.dialect)();
    Clients::new(&*dialect, address, scenario)?.measure(started.child.id(), scenario, &|step| say(&format!("{name}: {step}")))
}

/// What a server was measured to do, whatever it is.
struct Row {
    name: String,
    acknowledged: String,
    found: Found,
}

/// All side by side, against the control.
pub fn table(clarion: &Report, peers: &[(String, Found)]) -> String {
    let control = clarion.control_cpu_us_per_send;
    let measured = Found {
        acked_per_second: clarion.acked_per_second,
        delivered_per_second: clarion.delivered_per_second,
        missing: clarion.lost as i64,
        send_to_ack_us: clarion.send_to_ack_us,
        send_to_receive_us: clarion.send_to_receive_us,
        cpu_us: (clarion.server_cpu_us_per_send.unwrap_or(0.0), clarion.server_cpu_us_per_delivery.unwrap_or(0.0)),
        sign_in_cpu_us: clarion.server_cpu_us_per_sign_in.unwrap_or(0.0),
        bytes_per_session: clarion.server_bytes_per_session.unwrap_or(0),
        idle_cores: clarion.idle_cores,
        client_cpu_us: clarion.client_cpu_us_per_frame,
    };
    let own = Row { name: "Clarion".into(), acknowledged: "on disk, in order, once".into(), found: measured };
    let others =
        peers.iter().map(|(name, found)| Row { name: name.clone(), acknowledged: acknowledged(name).into(), found: found.clone() });
    let mut table = format!(
        "`{}` · commit {} · {} cores {}, {} MiB, Linux {}\n\nThe control's bare send: {} µs. Latencies in ms.\n\n\
         | `{}` | an acknowledgement means | acked/s | delivered/s | missing | to ack p50 / p99 | to receive p50 / p99 | CPU µs: send, delivery | delivery ÷ control | sign-in µs | bytes a session | idle cores | clients' own µs |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
        clarion.command,
        clarion.commit,
        clarion.machine.cores,
        clarion.machine.processor,
        clarion.machine.memory_mib,
        clarion.machine.kernel,
        control.unwrap_or(0.0),
        clarion.scenario
    );
    for Row { name, acknowledged, found } in std::iter::once(own).chain(others) {
        let ms = |us: u64| us as f64 / 1e3;
        let ratio =
            control.filter(|_| found.delivered_per_second > 0.0).map_or("–".into(), |control| format!("{:.2}", found.cpu_us.1 / control));
        table += &format!(
            "| {name} | {acknowledged} | {:.0} | {:.0} | {} | {:.2} / {:.2} | {:.2} / {:.2} | {:.1}, {:.1} | {ratio} | {:.0} | {} | {:.2} | {:.1} |\n",
            found.acked_per_second,
            found.delivered_per_second,
            found.missing,
            ms(found.send_to_ack_us.p50),
            ms(found.send_to_ack_us.p99),
            ms(found.send_to_receive_us.p50),
            ms(found.send_to_receive_us.p99),
            found.cpu_us.0,
            found.cpu_us.1,
            found.sign_in_cpu_us,
            found.bytes_per_session,
            found.idle_cores,
            found.client_cpu_us
        );
    }
    table
}

fn scripts() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))
}
