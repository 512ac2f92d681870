//! A node that starts before its servers are there: it waits, says so, and goes on when they come.

use super::settings;
use crate::support::servers::Servers;
use crate::support::{PATIENCE, Server, http};
use serde_json::Value;
use std::time::{Duration, Instant};

/// An address at which nobody is: the port was free a moment ago.
fn nobody() -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    taken.local_addr().expect("it has a number").to_string()
}

async fn start(settings: &[(&'static str, String)]) -> Server {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start_waiting(&settings).await
}

async fn readiness(server: &Server) -> (u16, String) {
    let answer = http().get(server.url("/readyz")).send().await.expect("the server answers");
    (answer.status().as_u16(), answer.text().await.expect("the answer is whole"))
}

#[tokio::test]
async fn a_node_without_its_log_says_so_and_goes_on_when_it_comes() {
    let servers = tokio::task::spawn_blocking(|| Servers::own("waiting", &[])).await.expect("a folder is made");
    let mut settings = settings().await;
    // Where the log is going to be is known when it was there once.
    let (servers, addresses) = tokio::task::spawn_blocking(move || {
        let addresses = servers.up("nats");
        servers.down("nats", &[("SERVERS_SIGNAL", "KILL")]);
        (servers, addresses)
    })
    .await
    .expect("the log can be brought up");
    settings.retain(|(name, _)| *name != "CLARION_NATS");
    settings.push(("CLARION_NATS", addresses.join(",")));
    let node = start(&settings).await;

    let started = Instant::now();
    loop {
        let (status, why) = readiness(&node).await;
        assert_eq!(status, 503, "{why}");
        // The store is there, and after its schema was made only the log is named.
        if why.contains(&format!("the log is waited for: {}", addresses[0])) && !why.contains("the cluster store") {
            break;
        }
        assert!(started.elapsed() < 3 * PATIENCE, "{why}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let page = http().get(node.url("/")).send().await.expect("the server answers");
    assert_eq!(page.status(), 503);
    assert!(page.headers()["retry-after"].to_str().is_ok_and(|seconds| seconds.parse::<u64>().is_ok()));
    let body: Value = page.json().await.expect("the error is JSON");
    assert!(body["hint"].as_str().is_some_and(|hint| hint.contains("come back")), "{body}");
    assert_eq!(http().get(node.url("/livez")).send().await.expect("the server answers").status(), 200);
    assert!(node.log().contains("the log of the cluster is waited for"), "{}", node.log());

    let _servers = tokio::task::spawn_blocking(move || {
        servers.up("nats");
        servers
    })
    .await
    .expect("the log comes up");
    let started = Instant::now();
    while readiness(&node).await.0 != 200 {
        assert!(started.elapsed() < 3 * PATIENCE, "{}", node.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut client = node.client("e1001").await;
    let chat = client.direct("e1002").await;
    client.say(chat, "there at last").await;
}

#[tokio::test]
async fn a_node_that_waits_names_every_server_that_is_away_and_ends_at_once_when_it_is_told_to() {
    let (store, log) = (nobody(), nobody());
    let mut node = start(&[("CLARION_SCYLLA", store.clone()), ("CLARION_NATS", log.clone())]).await;
    let started = Instant::now();
    loop {
        let (status, why) = readiness(&node).await;
        assert_eq!(status, 503);
        if why.contains(&format!("the log is waited for: {log}")) && why.contains(&format!("the cluster store is waited for: {store}")) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{why}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());
}
