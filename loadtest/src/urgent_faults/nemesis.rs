//! Kills nodes as the plan says, near steps of the ladders, and starts them again.

use super::history::now_ms;
use super::plan::Kill;
use super::stage::Stage;
use crate::cluster::{Cluster, Node, is_ready};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long a cluster may take to be well again when nothing is done to it any more.
const WELL_WITHIN: Duration = Duration::from_secs(240);
/// A step that is further away than this is not waited for.
const STEP_WITHIN_MS: u64 = 1_500;

/// Goes through all kills. Gives how many processes were killed. When it returns, every node is there.
pub fn go_through(kills: &[Kill], cluster: &mut Cluster, stage: &Stage) -> Result<u64, String> {
    let mut processes = 0;
    let (begun, mut last_ms) = (Instant::now(), now_ms());
    for (number, kill) in kills.iter().enumerate() {
        if !kill.while_starting {
            // Something must be there that can die in the middle of its work.
            let until = Instant::now() + WELL_WITHIN;
            kill.nodes.iter().try_for_each(|node| cluster.nodes[*node].wait_until_ready(until))?;
        }
        let earliest_ms = (last_ms + kill.pause_ms).max(now_ms());
        let due_ms = stage.next_due(earliest_ms).filter(|due_ms| *due_ms < earliest_ms + STEP_WITHIN_MS).unwrap_or(earliest_ms);
        let at_ms = due_ms.saturating_add_signed(kill.aim_ms);
        std::thread::sleep(Duration::from_millis(at_ms.saturating_sub(now_ms())));
        eprintln!("{:>8.3} s  {:>4} kills nodes {:?}", begun.elapsed().as_secs_f64(), number + 1, kill.nodes);
        for node in &kill.nodes {
            cluster.nodes[*node].kill();
            processes += 1;
        }
        last_ms = now_ms();
        stage.history().kills.push(last_ms);
        stage.kills.fetch_add(1, Ordering::AcqRel);
        std::thread::sleep(Duration::from_millis(kill.down_ms));
        kill.nodes.iter().try_for_each(|node| cluster.nodes[*node].start())?;
    }
    let until = Instant::now() + WELL_WITHIN;
    cluster.nodes.iter_mut().try_for_each(|node: &mut Node| node.wait_until_ready(until))?;
    while !cluster.nodes.iter().all(|node| is_ready(node.address)) {
        if Instant::now() > until {
            return Err("not every node is ready although everything runs again".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(processes)
}
