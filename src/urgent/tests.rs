//! A whole ladder under a turned clock, without a socket.

use super::*;
use crate::attachment::Attachments;
use crate::chat::NewGroup;
use crate::clock::Clock;
use crate::config::{CONSOLE, Config};
use crate::directory::{Directory, PersonEntry};
use crate::ids::Seal;
use crate::log::{Log, SqliteLog};
use crate::peers::Peers;
use crate::store::SqliteStore;
use protocol::command::{GetUrgentPeople, GetUrgentPerson, GetUrgentReport, Send, UrgentPersonReport};
use protocol::content::{Content, Text};
use protocol::error::ErrorCode;
use protocol::person::PersonKind;
use protocol::urgent::{UrgentNotReached, UrgentOutcome, UrgentPerson, UrgentStanding, UrgentStep, UrgentWay};
use roaring::RoaringBitmap;
use tokio::sync::watch;

struct Office {
    urgents: Arc<Urgents>,
    clock: Clock,
    directory: Directory,
    told: Arc<Mutex<Vec<Tell>>>,
    tasks: tokio::task::JoinSet<()>,
    stop: watch::Sender<bool>,
    sqlite: SqliteStore,
}

/// A server without doors: the log is followed, time is looked at, and what would be told is kept.
async fn office(folder: &std::path::Path, clock: &Clock) -> Office {
    office_with(folder, clock, &[]).await
}

/// The same with settings.
async fn office_with(folder: &std::path::Path, clock: &Clock, settings: &[(&str, &str)]) -> Office {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::read(None, settings, None, Some(folder)).unwrap();
    let config = Config { urgent_sms_url: Some(CONSOLE.into()), ..config };
    let sqlite = SqliteStore::open(folder).unwrap();
    let (log, store) = (Arc::new(SqliteLog::open(sqlite.clone()).await.unwrap()), Arc::new(sqlite.clone()));
    let mut tasks = tokio::task::JoinSet::new();
    let (mut committed, urgents_committed) = (log.follow().unwrap(), log.follow_urgents().unwrap());
    let directory = Directory::load(store.clone()).await.unwrap();
    let files = Arc::new(Attachments::open(&config, store.clone(), clock.clone()).await.unwrap());
    let seal = Seal::new([7; 16]);
    let chats = Chats::load(log, store, directory.clone(), files, Peers::alone(), seal, clock.clone(), Arc::new(config)).await.unwrap();
    let audit = AuditLog::new(Arc::new(sqlite.clone()), clock.clone(), 30);
    let urgents = Urgents::load(chats.clone(), audit, tokio::runtime::Handle::current()).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let follower = urgents.clone();
    tasks.spawn(async move {
        while let Some(batch) = committed.recv().await {
            for committed in batch {
                chats.committed(&committed);
                follower.chat_changed(&committed);
            }
        }
    });
    let (follower, mut committed) = (urgents.clone(), urgents_committed);
    tasks.spawn(async move {
        while let Some(batch) = committed.recv().await {
            for committed in batch {
                follower.committed(&committed).await;
            }
        }
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let (mut tells, kept) = (urgents.tells().unwrap(), told.clone());
    tasks.spawn(async move {
        while let Some(tell) = tells.recv().await {
            kept.lock().push(tell);
        }
    });
    tasks.spawn(urgents.clone().run(stopped.clone()));
    tasks.spawn(urgents.clone().run_providers(stopped));
    Office { urgents, clock: clock.clone(), directory, told, tasks, stop, sqlite }
}

impl Office {
    /// The server goes.
    async fn away(mut self) {
        self.stop.send_replace(true);
        self.tasks.shutdown().await;
        self.sqlite.close();
    }

    fn index(&self, user_id: &str) -> u32 {
        self.directory.index(user_id).unwrap()
    }

    /// Who raises an urgent, and which: for two of a group, each with a manager who is not in it.
    async fn prepared(&self, ladder: Vec<UrgentStep>) -> (u32, NewUrgent) {
        let person = |id: &str, leader: Option<&str>| PersonEntry {
            leader: leader.map(str::to_owned),
            mobile: (id == "anna").then(|| "+8613800000001".to_owned()),
            ..PersonEntry::new(id, id, PersonKind::Person)
        };
        let people = vec![person("boss", None), person("chief", None), person("anna", Some("chief")), person("bert", Some("chief"))];
        self.directory.upsert_people(people).await.unwrap();
        let chats = &self.urgents.chats;
        let (boss, members) = (self.index("boss"), [self.index("anna"), self.index("bert")]);
        let group =
            NewGroup { client_message_id: "g".into(), name: "Night".into(), members: members.into_iter().collect(), ..NewGroup::default() };
        let chat = chats.create_group(boss, group).await.unwrap();
        let content = Content::Text(Text { text: "Close valve 7 now".into() });
        let send = Send { chat_id: chats.seal.chat_id(chat), client_message_id: "m".into(), content, ..Send::default() };
        let sent = chats.send(boss, send).await.unwrap().await.unwrap();
        let new = NewUrgent {
            message_id: sent.message_id,
            client_message_id: "u".into(),
            audience: Audience::Everyone,
            ladder,
            deadline_ms: Some(3_600_000),
            breaks_quiet_hours: false,
        };
        (boss, new)
    }

    /// Raises one.
    async fn raised(&self, ladder: Vec<UrgentStep>) -> ChatKey {
        let (boss, new) = self.prepared(ladder).await;
        self.urgents.raise(boss, new).await.unwrap().key
    }

    fn with<T>(&self, key: ChatKey, ask: impl FnOnce(&Urgent) -> T) -> T {
        self.urgents.cells.get(&key).unwrap().with(ask).unwrap()
    }

    /// Waits until the urgent is as expected.
    async fn until(&self, key: ChatKey, what: &str, fits: impl Fn(&Urgent) -> bool) {
        for _ in 0..500 {
            if self.with(key, &fits) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: {:?}", self.with(key, Clone::clone));
    }
}

fn step(way: UrgentWay, after_ms: u64) -> UrgentStep {
    UrgentStep { way, after_ms, every_ms: None, times: None }
}

#[tokio::test]
async fn a_ladder_is_climbed_to_the_manager_whatever_the_clock_and_the_server_do() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let minute: u64 = 60_000;
    let office = office(folder.path(), &clock).await;
    let repeat = UrgentStep { way: UrgentWay::Remind, after_ms: 5 * minute, every_ms: Some(5 * minute), times: Some(3) };
    let ladder = vec![repeat, step(UrgentWay::Sms, 12 * minute), step(UrgentWay::Manager, 20 * minute)];
    let key = office.raised(ladder).await;
    let (anna, bert, chief) = (office.index("anna"), office.index("bert"), office.index("chief"));
    let begun = |urgent: &Urgent| urgent.attempts.len();

    // The clock goes back: nothing is done early, and nothing twice.
    office.clock.turn(-60 * 60_000);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(office.with(key, begun), 0);
    office.clock.turn(65 * 60_000 + 1_000);
    office.until(key, "the first reminder", |urgent| urgent.attempts.len() == 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(office.with(key, begun), 1);
    office.clock.turn(5 * 60_000);
    office.until(key, "the second one", |urgent| urgent.attempts.len() == 2).await;

    // Anna confirms; the text message at 12 minutes is for Bert alone, who has no number.
    office.urgents.confirm(anna, office.urgents.id(key)).await.unwrap();
    office.clock.turn(2 * 60_000 + 1_000);
    office.until(key, "the text message", |urgent| urgent.attempts.get(&2).is_some_and(|attempt| !attempt.failed.is_empty())).await;
    let attempt = office.with(key, |urgent| urgent.attempts[&2].clone());
    assert_eq!((attempt.people.iter().collect::<Vec<_>>(), attempt.failed.keys().copied().collect::<Vec<_>>()), (vec![bert], vec![bert]));

    // The server is away while two steps come due; both are done when it is back, in their order.
    let before = office.with(key, Clone::clone);
    office.away().await;
    clock.turn(10 * 60_000);
    // A second server on the same folder, as after a crash: its memory is what the log and the rows say.
    let again = self::office(folder.path(), &clock).await;
    assert_eq!(again.with(key, |urgent| urgent.confirmed.clone()), before.confirmed);
    again.until(key, "the third reminder and the manager", |urgent| urgent.attempts.len() == 5).await;
    let (managers, last) = again.with(key, |urgent| (urgent.managers.clone(), urgent.attempts.last_key_value().map(|(step, _)| *step)));
    assert_eq!((managers, last), (RoaringBitmap::from_iter([chief]), Some(4)));
    assert!(again.with(key, |urgent| urgent.asks_manager(chief) && urgent.asks(bert) && !urgent.asks(anna)));
    let seen = again.urgents.open_of(chief, 10).await.unwrap();
    assert_eq!((seen.len(), seen[0].about_count, seen[0].about[0].user_id.as_str()), (1, 1, "bert"));
    again.urgents.confirm(chief, again.urgents.id(key)).await.unwrap();
    assert!(again.urgents.open_of(chief, 10).await.unwrap().is_empty());
    assert!(again.with(key, |urgent| urgent.asks(bert)), "the manager's confirmation is not Bert's");

    // The deadline ends it; Bert stays where he stood.
    clock.turn(40 * 60_000);
    again.until(key, "the deadline", |urgent| urgent.over.is_some()).await;
    let (why, counts) = again.with(key, |urgent| (urgent.over.map(|(why, _)| why), urgent.counts()));
    assert_eq!((why, counts.confirmed, counts.pending), (Some(UrgentOverWhy::Expired), 1, 1));

    // What was done for each of them, with its times, as the records of both servers have it.
    let boss = again.index("boss");
    let person = async |user_id: &str| {
        let asked = GetUrgentPerson { urgent_id: again.urgents.id(key), user_id: user_id.to_owned() };
        again.urgents.person(boss, asked).await.unwrap()
    };
    let raised_at_ms = again.with(key, |urgent| urgent.raised_at_ms);
    let (of_anna, of_bert) = (person("anna").await, person("bert").await);
    let outcomes = |report: &UrgentPersonReport| report.attempts.iter().map(|one| (one.way, one.outcome, one.why)).collect::<Vec<_>>();
    let confirmed = |way| (way, UrgentOutcome::NotDone, Some(UrgentNotReached::Confirmed));
    assert_eq!(
        (of_anna.standing, of_anna.over, of_anna.raised_at_ms),
        (UrgentStanding::Confirmed, Some(UrgentOverWhy::Expired), raised_at_ms)
    );
    assert_eq!(
        outcomes(&of_anna),
        [
            // She had no device, and confirmed on one that had told nobody of it.
            (UrgentWay::Remind, UrgentOutcome::Reached, None),
            (UrgentWay::Remind, UrgentOutcome::Reached, None),
            confirmed(UrgentWay::Sms),
            confirmed(UrgentWay::Remind),
            confirmed(UrgentWay::Manager),
        ]
    );
    let over = |way| (way, UrgentOutcome::NotDone, Some(UrgentNotReached::Over));
    assert_eq!(
        outcomes(&of_bert),
        [
            over(UrgentWay::Remind),
            over(UrgentWay::Remind),
            (UrgentWay::Sms, UrgentOutcome::Failed, Some(UrgentNotReached::NoNumber)),
            over(UrgentWay::Remind),
            (UrgentWay::Manager, UrgentOutcome::Reached, None),
        ]
    );
    assert_eq!(of_bert.attempts[4].manager.as_ref().map(|manager| manager.user_id.as_str()), Some("chief"));
    assert!(of_bert.attempts.is_sorted_by_key(|attempt| attempt.at_ms) && of_bert.attempts[0].at_ms >= raised_at_ms + 5 * minute);
    let asked = GetUrgentPerson { urgent_id: again.urgents.id(key), user_id: "chief".into() };
    assert_eq!(again.urgents.person(boss, asked).await.unwrap_err().code, ErrorCode::InvalidValue, "it is not for the manager");
    let asked = GetUrgentPeople {
        urgent_id: again.urgents.id(key),
        standing: UrgentStanding::Confirmed,
        times: true,
        ..GetUrgentPeople::default()
    };
    let listed = again.urgents.people(boss, asked.clone()).await.unwrap().people;
    let times = |one: &UrgentPerson| (one.delivered_at_ms, one.shown_at_ms, one.confirmed_at_ms);
    assert_eq!(listed.iter().map(times).collect::<Vec<_>>(), [(of_anna.delivered_at_ms, of_anna.shown_at_ms, of_anna.confirmed_at_ms)]);
    assert!(of_anna.confirmed_at_ms.is_some_and(|at_ms| at_ms > of_anna.attempts[1].at_ms && at_ms < of_anna.attempts[2].at_ms));
    let listed = again.urgents.people(boss, GetUrgentPeople { times: false, ..asked }).await.unwrap().people;
    assert_eq!(listed.iter().map(times).collect::<Vec<_>>(), [(None, None, None)], "only who asks for times gets them");
    let told = again.told.lock().clone();
    assert!(
        matches!(&told[..], [Tell::Step(..), Tell::Step(..), .., Tell::Over(_, people, UrgentOverWhy::Expired)] if people.iter().eq([bert])),
        "{told:?}"
    );
}

#[tokio::test]
async fn who_may_see_a_report_is_not_told_that_there_is_none_while_the_store_is_away() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let first = office(folder.path(), &clock).await;
    let key = first.raised(Vec::new()).await;
    first.away().await;
    let again = office(folder.path(), &clock).await;
    let asked = || GetUrgentReport { urgent_id: again.urgents.id(key) };
    let chief = again.index("chief");
    assert_eq!(again.urgents.report(chief, asked()).await.unwrap_err().code, ErrorCode::UrgentNotFound);
    again.away().await;
    // The chat is not in memory, and cannot be read.
    let third = office(folder.path(), &clock).await;
    third.sqlite.close();
    let asked = GetUrgentReport { urgent_id: third.urgents.id(key) };
    assert_eq!(third.urgents.report(third.index("chief"), asked).await.unwrap_err().code, ErrorCode::StorageUnavailable);
}

#[tokio::test]
async fn a_text_message_waits_for_the_end_of_the_quiet_hours_unless_who_is_named_breaks_them() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
    let minute: u64 = 60_000;
    let day = 24 * 60 * minute;
    let settings = [("CLARION_URGENT_QUIET_HOURS", "22:00-06:00 +00:00"), ("CLARION_URGENT_QUIET_HOURS_BROKEN_BY", "boss")];
    // A minute before the quiet hours of tomorrow.
    let tomorrow = (clock.now_ms() / day + 1) * day + 22 * 60 * minute - minute;
    clock.turn(tomorrow as i64 - clock.now_ms() as i64);
    let office = office_with(folder.path(), &clock, &settings).await;
    let (boss, new) = office.prepared(vec![step(UrgentWay::Sms, 2 * minute)]).await;
    let new = NewUrgent { deadline_ms: Some(day), ..new };
    let waits = office.urgents.raise(boss, new.clone()).await.unwrap().key;
    let broken = NewUrgent { client_message_id: "now".into(), breaks_quiet_hours: true, ..new.clone() };
    let breaks = office.urgents.raise(boss, broken.clone()).await.unwrap().key;
    let anna = office.index("anna");
    let hers = {
        let chat_id = office.urgents.chats.seal.chat_id(office.with(waits, |urgent| urgent.chat_key()));
        let content = Content::Text(Text { text: "and valve 8".into() });
        let send = Send { chat_id, client_message_id: "hers".into(), content, ..Send::default() };
        office.urgents.chats.send(anna, send).await.unwrap().await.unwrap().message_id
    };
    let hers = NewUrgent { message_id: hers, client_message_id: "hers".into(), ladder: Vec::new(), ..broken };
    assert_eq!(office.urgents.raise(anna, hers.clone()).await.unwrap_err().code, ErrorCode::NotAllowed, "who is not named may not");
    office.urgents.raise(anna, NewUrgent { breaks_quiet_hours: false, ..hers }).await.unwrap();

    clock.turn(2 * minute as i64 + 1_000);
    let known = |urgent: &Urgent| urgent.attempts.get(&0).is_some_and(|attempt| attempt.without_outcome().is_empty());
    office.until(breaks, "the text message that breaks them", known).await;
    office.until(waits, "the step has begun", |urgent| urgent.attempts.len() == 1).await;
    let person = async |office: &Office| {
        let asked = GetUrgentPerson { urgent_id: office.urgents.id(waits), user_id: "anna".into() };
        let report = office.urgents.person(boss, asked).await.unwrap();
        report.attempts.iter().map(|one| (one.outcome, one.why)).collect::<Vec<_>>()
    };
    // All night, whatever the server does.
    let held = [(UrgentOutcome::Waiting, Some(UrgentNotReached::QuietHours))];
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(!office.with(waits, known), "{:?}", office.with(waits, Clone::clone));
        assert_eq!(person(&office).await, held);
        clock.turn(3 * 60 * minute as i64);
    }
    office.away().await;
    let again = office_with(folder.path(), &clock, &settings).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(person(&again).await, held, "at four in the morning");
    clock.turn(2 * 60 * minute as i64);
    again.until(waits, "the text message in the morning", known).await;
    assert_eq!(person(&again).await, [(UrgentOutcome::Reached, None)]);
    let morning = again.with(waits, |urgent| urgent.attempts[&0].reached.clone());
    assert_eq!(morning, RoaringBitmap::from_iter([anna]), "Bert has no number");
}
