//! The audit log over a real store.

use super::*;
use crate::store::SqliteStore;
use protocol::error::ErrorCode;

struct Office {
    _folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Office {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
        Self { _folder: folder, store, clock: Clock::default() }
    }

    fn log(&self) -> Arc<AuditLog> {
        AuditLog::new(self.store.clone(), self.clock.clone(), 30)
    }

    /// Writes these down and ends, as at the end of the process.
    async fn write(&self, calls: impl IntoIterator<Item = (&str, String)>) {
        let log = self.log();
        for (app_id, target) in calls {
            let entry = AuditEntry {
                app_id: app_id.into(),
                call: "POST im/v1/chats".into(),
                targets: vec![target],
                code: Some(0),
                ..AuditEntry::default()
            };
            log.reserve().unwrap().put(entry);
        }
        let (_keep, stop) = watch::channel(true);
        log.write(stop).await;
    }
}

fn everything(limit: usize) -> Wanted {
    Wanted { until_ms: u64::MAX, limit, ..Wanted::default() }
}

async fn pages(log: &AuditLog, mut wanted: Wanted) -> Vec<String> {
    let mut targets = Vec::new();
    loop {
        let (found, next) = log.list(&wanted).await.unwrap();
        assert!(found.len() <= wanted.limit);
        targets.extend(found.into_iter().map(|(_, entry)| entry.targets[0].clone()));
        match next {
            Some(next) => wanted.behind = Some(next),
            None => return targets,
        }
    }
}

#[tokio::test]
async fn entries_are_read_in_their_order_over_restarts_and_days() {
    let office = Office::new();
    office.write((0..1_500).map(|number| ("cli_a", number.to_string()))).await;
    office.clock.turn(3 * DAY_MS as i64);
    office.write((1_500..2_100).map(|number| (if number % 100 == 0 { "cli_b" } else { "cli_a" }, number.to_string()))).await;
    // A clock that is put back a little does not mix the order of one start.
    let log = office.log();
    let all: Vec<String> = (0..2_100).map(|number: u32| number.to_string()).collect();
    for size in [1_000, 333] {
        assert_eq!(pages(&log, everything(size)).await, all);
        let mut backward = pages(&log, Wanted { backward: true, ..everything(size) }).await;
        backward.reverse();
        assert_eq!(backward, all);
    }
    let of_b = pages(&log, Wanted { app_id: Some("cli_b".into()), ..everything(2) }).await;
    assert_eq!(of_b, ["1500", "1600", "1700", "1800", "1900", "2000"]);
    assert_eq!(pages(&log, Wanted { target: Some("77".into()), backward: true, ..everything(5) }).await, ["77"]);
    assert!(pages(&log, Wanted { call: Some("POST im/v1/messages".into()), ..everything(5) }).await.is_empty());
    let now = office.clock.now_ms();
    assert_eq!(pages(&log, Wanted { from_ms: now - DAY_MS, ..everything(500) }).await.len(), 600);
    assert_eq!(pages(&log, Wanted { until_ms: now - DAY_MS, ..everything(500) }).await.len(), 1_500);
}

#[tokio::test]
async fn a_day_that_is_too_old_goes_and_the_others_stay() {
    let office = Office::new();
    office.write([("cli_a", "old".to_owned())]).await;
    office.clock.turn(20 * DAY_MS as i64);
    office.write([("cli_a", "young".to_owned())]).await;
    office.clock.turn(12 * DAY_MS as i64);
    office.log().tidy().await;
    let rows = office.store.all(Table::Audit).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(pages(&office.log(), everything(5)).await, ["young"]);
}

#[tokio::test]
async fn when_the_line_is_full_nothing_more_is_begun() {
    let office = Office::new();
    let log = office.log();
    let places: Vec<Reserved> = (0..AUDIT_ENTRIES_WAITING).map(|_| log.reserve().unwrap()).collect();
    assert_eq!(log.reserve().err().map(|error| error.code), Some(ErrorCode::StorageUnavailable));
    drop(places);
    assert!(log.reserve().is_ok(), "a place that is not used comes back");
}

#[test]
fn a_place_is_printed_and_read() {
    let place = Place { at_ms: 1_700_000_000_123, start: 7, number: u32::MAX };
    assert_eq!(place.to_string().parse(), Ok(place));
    for wrong in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.fffffffff.2"] {
        assert_eq!(wrong.parse::<Place>(), Err(()), "{wrong}");
    }
}
