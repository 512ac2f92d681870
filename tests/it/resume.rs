//! Whoever was away gets everything that was missed, or is told plainly to reload.

use crate::support::{Client, Server, text_message};
use protocol::codec::Encoding;
use protocol::command::{AddMembers, CreateGroup, Dissolve, Inbox, Leave, MyChat, ReceiptUpTo, RemoveMembers, Send, Sync, Synced};
use protocol::ids::ChatId;
use protocol::record::Record;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::time::Duration;

const PEOPLE: [&str; 4] = ["e1001", "e1002", "e1003", "e1004"];

async fn all_pages(client: &mut Client, cursor: &str) -> Synced {
    let mut whole = Synced::default();
    let mut page = None;
    loop {
        let part = client.must(Sync { cursor: cursor.to_owned(), page }).await;
        whole.records.extend(part.records);
        whole.too_long.extend(part.too_long);
        whole.entries.extend(part.entries);
        whole.left.extend(part.left);
        whole.too_long_all |= part.too_long_all;
        page = part.next;
        if page.is_none() {
            whole.cursor = part.cursor;
            return whole;
        }
    }
}

fn seqs(records: &[Record], chat: protocol::ids::ChatId) -> Vec<u64> {
    records.iter().filter(|record| record.chat_id == chat).map(|record| record.seq).collect()
}

#[tokio::test]
async fn a_device_that_was_away_misses_nothing() {
    let mut server = Server::start_with(&[("CLARION_HEARTBEAT_SECONDS", "1")]).await;
    let mut one = server.client("e1001").await;
    let mut other = server.client("e1002").await;
    let chat = one.direct("e1002").await;
    one.say(chat, "before").await;
    other.message().await;
    // A heartbeat behind the message carries a cursor that has it.
    tokio::join!(other.events_within(Duration::from_millis(2500)), one.events_within(Duration::from_millis(2500)));
    let cursor = other.cursor.clone();
    drop(other);

    for number in 0..30 {
        one.say(chat, &number.to_string()).await;
    }
    let group = one
        .must(CreateGroup {
            client_message_id: "new".into(),
            name: "Group".into(),
            user_ids: vec!["e1002".into()],
            ..CreateGroup::default()
        })
        .await
        .chat_id;
    one.say(group, "in the group").await;
    server.kill_and_restart().await;

    let token = server.token("e1002", "device-of-e1002").await;
    let mut other = Client::connected(server.address(), Encoding::Msgpack).await;
    other.hello(Some(&token), "device-of-e1002", Some(&cursor)).await.unwrap();
    assert!(other.welcome.resumable);
    let synced = all_pages(&mut other, &cursor).await;
    assert_eq!(seqs(&synced.records, chat), (2..=31).collect::<Vec<_>>());
    assert_eq!(seqs(&synced.records, group), [1, 2]);
    assert!(synced.entries.iter().any(|entry| entry.chat.chat_id == group), "a new chat comes with its entry");
    assert!(synced.too_long.is_empty() && !synced.too_long_all);
    let again = all_pages(&mut other, &synced.cursor.unwrap()).await;
    assert!(again.records.is_empty(), "nothing is told twice from the new cursor");
}

#[tokio::test]
async fn no_heartbeat_passes_over_what_a_device_has_not_asked_for_yet() {
    let server = Server::start_with(&[("CLARION_HEARTBEAT_SECONDS", "1")]).await;
    let mut one = server.client("e1001").await;
    let other = server.client("e1002").await;
    let cursor = other.welcome.cursor.clone();
    drop(other);
    let chat = one.direct("e1002").await;
    one.say(chat, "missed").await;

    let token = server.token("e1002", "device-of-e1002").await;
    let mut other = Client::connected(server.address(), Encoding::Msgpack).await;
    other.hello(Some(&token), "device-of-e1002", Some(&cursor)).await.unwrap();
    assert!(other.welcome.resumable);
    let before = other.cursor.clone();
    let beats = Duration::from_millis(2500);
    tokio::join!(other.events_within(beats), one.events_within(beats));
    assert_eq!(other.cursor, before, "a heartbeat that came with a cursor would have made the device forget that it missed something");
    let synced = all_pages(&mut other, &cursor).await;
    assert_eq!(seqs(&synced.records, chat), [1]);
    tokio::join!(other.events_within(beats), one.events_within(beats));
    assert_ne!(other.cursor, before, "from then on heartbeats carry one");
}

#[tokio::test]
async fn too_much_of_one_chat_is_told_as_such_and_the_others_still_come_whole() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "10000")]).await;
    let mut one = server.client("e1001").await;
    let other = server.client("e1002").await;
    let cursor = other.welcome.cursor.clone();
    drop(other);
    let chat = one.direct("e1002").await;
    let mut waiting = std::collections::VecDeque::new();
    for number in 0..400 {
        waiting.push_back(one.post(&text_message(chat, &format!("many-{number}"), "x")).await);
        if waiting.len() == 50 {
            one.reply::<protocol::command::Send>(waiting.pop_front().unwrap()).await.unwrap();
        }
    }
    while let Some(id) = waiting.pop_front() {
        one.reply::<protocol::command::Send>(id).await.unwrap();
    }
    let group = one
        .must(CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids: vec!["e1002".into()], ..CreateGroup::default() })
        .await
        .chat_id;

    let mut other = server.client("e1002").await;
    let synced = all_pages(&mut other, &cursor).await;
    assert_eq!(synced.too_long.len(), 1);
    assert_eq!((synced.too_long[0].chat.chat_id, synced.too_long[0].unread), (chat, 400));
    assert!(seqs(&synced.records, chat).is_empty());
    assert_eq!(seqs(&synced.records, group), [1]);
}

#[tokio::test]
async fn much_of_one_chat_comes_in_pages_of_which_none_is_large_and_each_record_comes_once() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "10000")]).await;
    let mut one = server.client("e1001").await;
    let other = server.client("e1002").await;
    let cursor = other.welcome.cursor.clone();
    drop(other);
    let (chat, later) = (one.direct("e1002").await, one.direct("e1003").await);
    let text = "x".repeat(4_000);
    for _ in 0..200 {
        one.say(chat, &text).await;
    }
    one.say(later, "and this").await;
    let mut other = server.client("e1002").await;
    let (mut page, mut pages, mut found, mut entries) = (None, 0, Vec::new(), 0);
    loop {
        let part = other.must(Sync { cursor: cursor.clone(), page }).await;
        assert!(Encoding::Msgpack.encode(&part).len() < 300_000, "a page is a frame, and what is urgent waits behind a whole frame");
        found.extend(seqs(&part.records, chat));
        entries += part.entries.len();
        pages += 1;
        page = part.next;
        if page.is_none() {
            break;
        }
    }
    let first = found[0];
    assert_eq!(found, (first..first + found.len() as u64).collect::<Vec<_>>());
    assert!(found.len() >= 200 && pages > 2, "{} records in {pages} pages", found.len());
    assert_eq!(entries, 1, "the chat, which is new to the device, is told once");
    assert_eq!(other.refused(Sync { cursor: cursor.clone(), page: Some("rubbish".into()) }).await, 1004);
}

#[tokio::test]
async fn a_cursor_of_another_world_means_to_load_everything_anew() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let future = Sync { cursor: "ffffffff-0".into(), page: None };
    assert!(one.must(future).await.too_long_all);
    assert_eq!(one.refused(Sync { cursor: "rubbish".into(), page: None }).await, 1004);
}

#[tokio::test]
async fn my_settings_of_a_chat_reach_a_device_that_was_away() {
    let server = Server::start().await;
    let mut one = server.client("e1001").await;
    let chat = one.direct("e1002").await;
    one.say(chat, "x").await;
    let away = server.client_on("e1001", "second-device").await;
    let cursor = away.welcome.cursor.clone();
    drop(away);
    one.must(MyChat { chat_id: chat, pinned: Some(true), muted: Some(true), hidden: None }).await;
    let mut back = server.client_on("e1001", "second-device").await;
    let synced = all_pages(&mut back, &cursor).await;
    assert_eq!(synced.entries.len(), 1);
    assert!(synced.entries[0].pinned && synced.entries[0].muted);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_sending_loses_and_doubles_nothing() {
    let server = Server::start().await;
    let mut receiver = server.client("e1002").await;
    let token = server.token("e1001", "device-of-e1001").await;
    let mut sender = Client::welcomed(server.address(), &token, "device-of-e1001", Encoding::Msgpack).await;
    let chat = sender.direct("e1002").await;
    let mut unanswered: Vec<u32> = (0..50).collect();
    let mut round = 0;
    while !unanswered.is_empty() {
        // Sends all that has no answer, reads a few answers, and is cut.
        let posted: Vec<(u32, u32)> = {
            let mut posted = Vec::new();
            for number in &unanswered {
                posted.push((*number, sender.post(&text_message(chat, &format!("cut-{number}"), &number.to_string())).await));
            }
            posted
        };
        let answers = if round == 4 { posted.len() } else { 5.min(posted.len()) };
        for (number, id) in posted.into_iter().take(answers) {
            if sender.reply::<protocol::command::Send>(id).await.is_ok() {
                unanswered.retain(|other| *other != number);
            }
        }
        drop(sender);
        sender = Client::welcomed(server.address(), &token, "device-of-e1001", Encoding::Msgpack).await;
        round += 1;
    }
    let mut texts = Vec::new();
    for seq in 1..=50 {
        let (record, message) = receiver.message().await;
        assert_eq!(record.seq, seq, "one order without holes");
        texts.push(crate::support::text_of(&message).parse::<u32>().unwrap());
    }
    assert_eq!(texts, (0..50).collect::<Vec<_>>(), "each once, in the order in which they were sent");
    assert!(receiver.events_within(Duration::from_millis(300)).await.is_empty());
}

/// What a person did elsewhere, and what others did to their chats, a device is told that was away, also when the server was killed
/// meanwhile; and nothing of that is read for this person alone, but for the entries that are told.
#[tokio::test]
async fn what_happened_to_my_chats_elsewhere_reaches_a_device_that_was_away_without_a_read_for_it() {
    let mut server = Server::start().await;
    for restarted in [false, true] {
        let mut owner = server.client("e1001").await;
        let mut laptop = server.client_on("e1002", "laptop-of-e1002").await;
        let mut group = async |name: &str| {
            let create = CreateGroup {
                client_message_id: format!("{name} {restarted}"),
                name: name.into(),
                user_ids: vec!["e1002".into()],
                ..CreateGroup::default()
            };
            owner.must(create).await.chat_id
        };
        let (muted, lost, dissolved) = (group("Muted").await, group("Lost").await, group("Dissolved").await);
        let (read, quiet) = (group("Read").await, group("Quiet").await);
        let away = server.client_on("e1002", "phone-of-e1002").await;
        let cursor = away.welcome.cursor.clone();
        drop(away);

        laptop.must(MyChat { chat_id: muted, muted: Some(true), ..MyChat::default() }).await;
        owner.must(RemoveMembers { chat_id: lost, user_ids: vec!["e1002".into()] }).await;
        owner.must(Dissolve { chat_id: dissolved }).await;
        let said = owner.say(read, "read on the laptop").await;
        laptop.must(ReceiptUpTo { chat_id: read, delivered_seq: None, read_seq: Some(said.seq) }).await;
        let new = owner
            .must(CreateGroup {
                client_message_id: format!("new {restarted}"),
                name: "New".into(),
                user_ids: vec!["e1002".into()],
                ..CreateGroup::default()
            })
            .await
            .chat_id;
        if restarted {
            // Receipts are written together a second later.
            server.receipts_written().await;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            server.kill_and_restart().await;
        }

        let mut phone = server.client_on("e1002", "phone-of-e1002").await;
        let reads = async |table: &str| server.metric(&format!("store_reads_total{{table=\"{table}\"}}")).await;
        let before = (reads("memberships").await, reads("personal").await);
        let synced = all_pages(&mut phone, &cursor).await;
        let entries: Vec<(ChatId, bool)> = synced.entries.iter().map(|entry| (entry.chat.chat_id, entry.muted)).collect();
        assert_eq!(entries.iter().find(|(chat, _)| *chat == muted), Some(&(muted, true)), "restarted: {restarted}, {entries:?}");
        assert_eq!(entries.iter().find(|(chat, _)| *chat == new), Some(&(new, false)), "restarted: {restarted}, {entries:?}");
        assert_eq!(synced.left, [lost]);
        assert_eq!(seqs(&synced.records, dissolved), [2]);
        assert_eq!(seqs(&synced.records, read), [said.seq]);
        assert!(seqs(&synced.records, quiet).is_empty() && entries.iter().all(|(chat, _)| *chat != quiet), "nothing happened there");
        let after = (reads("memberships").await, reads("personal").await);
        assert_eq!(after.0, before.0, "restarted: {restarted}: nobody's chats were read");
        assert!(after.1 - before.1 <= entries.len() as f64, "restarted: {restarted}: {before:?}, {after:?} for {entries:?}");
        assert_eq!(server.metric("chat_memberships_read_total").await, 0.0, "restarted: {restarted}");
        let page = phone.must(Inbox { chat_ids: vec![read], ..Inbox::default() }).await;
        assert_eq!((page.entries[0].read_seq, page.entries[0].unread), (said.seq, 0), "restarted: {restarted}");
        let again = all_pages(&mut phone, &synced.cursor.unwrap()).await;
        assert!(again.records.is_empty() && again.entries.is_empty() && again.left.is_empty(), "nothing is told twice: {again:?}");
    }
    server.terminate().await;
    let audit = server.operator(&["check"]);
    assert!(audit.status.success(), "notes are of no chat: {}", String::from_utf8_lossy(&audit.stdout));
}

/// Reads of every table that chats and their people are made of. What the server looks for by itself now and then is in others.
async fn reads_of_chats(server: &Server) -> f64 {
    let tables = ["memberships", "personal", "cursors", "mentions", "messages", "changes", "chats", "members", "recalled", "join_requests"];
    let mut reads = 0.0;
    for table in tables {
        reads += server.metric(&format!("store_reads_total{{table=\"{table}\"}}")).await;
    }
    reads
}

/// A session that comes back to chats in which others talk asks the store for nothing at all. After a start it is read once for
/// everybody who the chats are.
#[tokio::test]
async fn a_session_that_comes_back_reads_nothing_from_the_store() {
    let mut server = Server::start().await;
    let mut owner = server.client("e1001").await;
    let create = CreateGroup {
        client_message_id: "g".into(),
        name: "G".into(),
        user_ids: PEOPLE[1..].iter().map(|user_id| (*user_id).to_owned()).collect(),
        ..CreateGroup::default()
    };
    let group = owner.must(create).await.chat_id;
    let direct = owner.direct("e1002").await;
    owner.say(direct, "before").await;
    let mut cursors = Vec::new();
    for user_id in &PEOPLE[1..] {
        cursors.push(server.client_on(user_id, "device-away").await.welcome.cursor.clone());
    }
    let mut missed = Vec::new();
    for number in 0..5 {
        missed.push(owner.say(group, &format!("missed {number}")).await.seq);
    }
    owner.say(direct, "missed, too").await;

    for restarted in [false, true] {
        if restarted {
            server.kill_and_restart().await;
        }
        for (number, (user_id, cursor)) in PEOPLE[1..].iter().zip(&cursors).enumerate() {
            let mut back = server.client_on(user_id, "device-away").await;
            let before = reads_of_chats(&server).await;
            let synced = all_pages(&mut back, cursor).await;
            assert_eq!(seqs(&synced.records, group), missed);
            let read = reads_of_chats(&server).await - before;
            // After a start the first one finds nothing in memory of who is in the group and how it stands.
            let first = restarted && number == 0;
            assert!(if first { read > 0.0 } else { read == 0.0 }, "restarted: {restarted}, {user_id}: {read} reads");
        }
        assert_eq!(server.metric("store_reads_total{table=\"memberships\"}").await, 0.0, "restarted: {restarted}");
        assert_eq!(server.metric("store_reads_total{table=\"personal\"}").await, 0.0, "restarted: {restarted}");
    }
}

/// What was missed does not depend on how it is found out: by heart, by heart after a start, or by what is kept of a person.
#[tokio::test]
async fn what_was_missed_is_the_same_by_heart_and_from_what_is_kept() {
    for seed in 1..=2 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "100000")]).await;
        let mut clients = Vec::new();
        for user_id in PEOPLE {
            clients.push(server.client(user_id).await);
        }
        let mut chats: Vec<ChatId> = Vec::new();
        for number in 0..12 {
            let create = CreateGroup {
                client_message_id: format!("g{number}"),
                name: format!("G{number}"),
                user_ids: PEOPLE[1..].iter().filter(|_| random.random_bool(0.7)).map(|user_id| (*user_id).to_owned()).collect(),
                ..CreateGroup::default()
            };
            chats.push(clients[0].must(create).await.chat_id);
        }
        // What stands before their cursors is not told to them, nor is it what was changed long before.
        let early = MyChat { chat_id: chats[0], pinned: Some(true), ..MyChat::default() };
        clients[0].must(early).await;
        let mut cursors = Vec::new();
        for user_id in PEOPLE {
            cursors.push(server.client_on(user_id, "device-away").await.welcome.cursor.clone());
        }
        // The clock of what is kept is coarse: so that both find the same, this one is changed behind the cursors, too.
        clients[0].must(MyChat { chat_id: chats[0], pinned: Some(false), ..MyChat::default() }).await;
        for number in 0..80 {
            let who = random.random_range(0..PEOPLE.len());
            let chat_id = chats[random.random_range(0..chats.len())];
            let user_ids = vec![PEOPLE[random.random_range(1..PEOPLE.len())].to_owned()];
            // Whoever may not do something is refused, which is as good here.
            match random.random_range(0..9) {
                0..=2 => drop(clients[who].ask(text_message(chat_id, &format!("m{number}"), "hello")).await),
                3 => drop(clients[0].ask(AddMembers { chat_id, user_ids, ..AddMembers::default() }).await),
                4 => drop(clients[0].ask(RemoveMembers { chat_id, user_ids }).await),
                5 => drop(clients[who].ask(Leave { chat_id }).await),
                6 => drop(clients[who].ask(MyChat { chat_id, muted: Some(number % 2 == 0), ..MyChat::default() }).await),
                7 => {
                    let other = PEOPLE[(who + 1) % PEOPLE.len()];
                    let direct = clients[who].direct(other).await;
                    clients[who].say(direct, "hello").await;
                }
                _ => {
                    let create = CreateGroup { client_message_id: format!("n{number}"), user_ids, ..CreateGroup::default() };
                    chats.extend(clients[who].ask(create).await.map(|chat| chat.chat_id));
                }
            }
        }
        let by_heart = missed(&server, &cursors).await;
        assert_eq!(server.metric("chat_memberships_read_total").await, 0.0, "seed {seed}: nobody's chats were read");
        assert!(by_heart.iter().any(|synced| !synced.left.is_empty()) && by_heart.iter().all(|synced| synced.records.len() > 10));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        server.kill_and_restart().await;
        let after_start = missed(&server, &cursors).await;
        assert_eq!(server.metric("chat_memberships_read_total").await, 0.0, "seed {seed}: nobody's chats were read after a start");
        // In a chat that none of those who were away is in, more is said than a node that starts reads of the log.
        let mut others = server.client("e1010").await;
        let noise = others.direct("e1011").await;
        let words = "x".repeat(NOISE_BYTES);
        for batch in 0..NOISE_MESSAGES / 20 {
            let mut ids = Vec::new();
            for number in 0..20 {
                ids.push(others.post(&text_message(noise, &format!("{batch}.{number}"), &words)).await);
            }
            for id in ids {
                others.reply::<Send>(id).await.expect("it is taken");
            }
        }
        server.kill_and_restart().await;
        let kept = missed(&server, &cursors).await;
        assert_eq!(server.metric("chat_memberships_read_total").await, PEOPLE.len() as f64, "seed {seed}: it is read");
        for (((by_heart, after_start), kept), user_id) in by_heart.iter().zip(&after_start).zip(&kept).zip(PEOPLE) {
            assert_eq!(by_heart, kept, "seed {seed}, {user_id}");
            assert_eq!(after_start, kept, "seed {seed}, {user_id}, after a start");
        }
    }
}

/// More than a node that starts reads of the log into its memory, 16 MiB.
const NOISE_BYTES: usize = 15_000;
const NOISE_MESSAGES: usize = 1_300;

/// What everybody is told who was away, each list in an order of its own.
async fn missed(server: &Server, cursors: &[String]) -> Vec<Synced> {
    let mut all = Vec::new();
    for (user_id, cursor) in PEOPLE.iter().zip(cursors) {
        let mut back = server.client_on(user_id, "device-away").await;
        let mut synced = all_pages(&mut back, cursor).await;
        synced.records.sort_by_key(|record| (record.chat_id, record.seq));
        synced.entries.sort_by_key(|entry| entry.chat.chat_id);
        synced.left.sort_unstable();
        synced.cursor = None;
        all.push(synced);
    }
    all
}
