//! The log: the same cases on SQLite and on JetStream.

use super::logs::{More, PATIENCE, Place, message};
use super::stores::{runtime, some_chat};
use clarion::ids::ChatKey;
use clarion::log::{Appended, Refused};
use clarion::store::{Range, Table, Write, tables};
use std::collections::BTreeMap;

macro_rules! on_each_engine {
    ($($case:ident)*) => {
        mod sqlite_engine {
            $(#[test] fn $case() { super::runtime().block_on(async { super::$case(super::Place::sqlite().await).await }); })*
        }
        mod jetstream_engine {
            $(#[test] fn $case() { super::runtime().block_on(async { super::$case(super::Place::jetstream().await).await }); })*
        }
    };
}

on_each_engine! {
    what_is_appended_at_once_stands_in_its_order_and_is_handed_out_once
    what_expects_another_end_is_refused_and_what_was_behind_it_too
    a_repeated_send_is_answered_with_the_first_record
    rows_are_there_as_soon_as_the_record_is_acknowledged
    a_log_that_is_opened_again_goes_on_where_it_was
    records_may_be_large_and_in_any_language
    many_chats_at_once_lose_and_double_nothing
    a_read_has_no_more_than_was_asked_for_and_goes_on_over_buckets
    the_end_of_a_group_is_whole_as_far_back_as_it_says
    urgents_are_handed_out_by_themselves_though_nobody_takes_what_chats_say
}

async fn urgents_are_handed_out_by_themselves_though_nobody_takes_what_chats_say(mut place: Place) {
    let (chat, urgent) = (some_chat(), ChatKey::urgent(1_764_000_000_000).0);
    let mut urgents = place.log.follow_urgents().expect("nobody follows them yet");
    // More than may wait for whoever follows the chats, who does not take any of it; and no answer to it is waited for.
    let waiting: Vec<_> = (1..=2_000).map(|seq| place.begin(message(chat, seq, 5, "chat"), 1, More::default())).collect();
    let raised = place.begin(message(urgent, 1, 5, "urgent"), 2, More::default());
    assert_eq!(raised.await.unwrap(), Ok(Appended::New));
    let told = tokio::time::timeout(PATIENCE, urgents.recv()).await.expect("it is handed out").expect("the log goes on");
    assert_eq!(told.iter().map(|one| (one.record.chat, one.record.seq)).collect::<Vec<_>>(), [(urgent, 1)]);
    assert_eq!(told[0].group, place.log.group(urgent));
    assert!(place.committed(2_000).await.iter().all(|one| one.record.chat == chat), "chats are handed out without it");
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), Ok(Appended::New));
    }
    assert_eq!(place.seqs(urgent).await, [1]);
    assert!(place.log.may_have(&place.log.head()));
    let mut place = place.reopened().await;
    let mut urgents = place.log.follow_urgents().expect("nobody follows them yet");
    assert_eq!(place.append(message(urgent, 2, 5, "urgent"), 3, More::default()).await, Ok(Appended::New), "it goes on where it was");
    let told = tokio::time::timeout(PATIENCE, urgents.recv()).await.expect("it is handed out").expect("the log goes on");
    assert_eq!(told.iter().map(|one| one.record.seq).collect::<Vec<_>>(), [2]);
    assert_eq!(place.append(message(chat, 2_001, 5, "chat"), 3, More::default()).await, Ok(Appended::New));
    assert_eq!(place.committed(1).await[0].record.seq, 2_001);
}

async fn the_end_of_a_group_is_whole_as_far_back_as_it_says(mut place: Place) {
    let chat = some_chat();
    let text = "x".repeat(100);
    for first in (1..=900).step_by(50) {
        let waiting: Vec<_> = (first..first + 50).map(|seq| place.begin(message(chat, seq, 5, &text), 1, More::default())).collect();
        for outcome in waiting {
            assert_eq!(outcome.await.unwrap(), Ok(Appended::New));
        }
    }
    let committed = place.committed(900).await;
    let place = place.reopened().await;
    let group = committed[0].group;
    let times: Vec<u64> = committed.iter().map(|one| one.record.at_ms).collect();
    for (since_ms, bytes, at_least) in [(0, 1 << 20, 900), (times[880], 1 << 20, 20), (times[899] + 1, 1 << 20, 0), (0, 1, 0)] {
        let end = place.log.end(group, since_ms, bytes).await.unwrap();
        let found: Vec<(u64, u64)> = end.records.iter().map(|one| (one.entry.offset, one.entry.record.seq)).collect();
        let expected = committed.iter().filter(|one| one.offset > end.behind).map(|one| (one.offset, one.record.seq));
        assert_eq!(found, expected.collect::<Vec<_>>());
        assert!(found.len() >= at_least, "{} of {at_least}", found.len());
        // Of a cluster's log, what was appended together is one message, and some hundred are read at once.
        assert!(at_least > 0 || found.is_empty(), "nothing is so young, or there is no room for it");
        assert!(end.records.iter().all(|one| one.bytes > 100));
    }
}

async fn what_is_appended_at_once_stands_in_its_order_and_is_handed_out_once(mut place: Place) {
    let chat = some_chat();
    assert!(place.log.last(chat).await.unwrap().is_none());
    // Nobody waits for the one before.
    let waiting: Vec<_> = (1..=300).map(|seq| place.begin(message(chat, seq, 5, &format!("{seq}")), 1, More::default())).collect();
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), Ok(Appended::New));
    }
    let committed = place.committed(300).await;
    assert_eq!(committed.iter().map(|one| one.record.seq).collect::<Vec<_>>(), (1..=300).collect::<Vec<_>>());
    assert!(committed.windows(2).all(|pair| pair[0].offset < pair[1].offset), "offsets grow");
    assert!(committed.iter().all(|one| one.members.as_ref().is_some_and(|members| members.contains(5))), "who is told stands with it");
    assert_eq!(place.seqs(chat).await, (1..=300).collect::<Vec<_>>());
    let last = place.log.last(chat).await.unwrap().unwrap();
    assert_eq!((last.record.seq, last.offset), (300, committed[299].offset));
    assert_eq!(place.log.group(chat), committed[0].group);
    assert!(place.log.head().of(committed[0].group) >= last.offset);
}

async fn what_expects_another_end_is_refused_and_what_was_behind_it_too(place: Place) {
    let chat = some_chat();
    place.append(message(chat, 1, 5, "one"), 1, More::default()).await.unwrap();
    assert_eq!(place.append(message(chat, 3, 5, "too far"), 2, More::default()).await, Err(Refused::Conflict));
    // It would fit now, and was made of a head that was wrong.
    assert_eq!(place.append(message(chat, 2, 5, "behind it"), 2, More::default()).await, Err(Refused::Conflict));
    assert_eq!(place.append(message(chat, 2, 5, "anew"), 3, More::default()).await, Ok(Appended::New));
    assert_eq!(place.append(message(chat, 2, 6, "late"), 4, More::default()).await, Err(Refused::Conflict));
    let wrong: Vec<_> = [9, 10, 11].map(|seq| place.begin(message(chat, seq, 5, "wrong"), 5, More::default())).into_iter().collect();
    for outcome in wrong {
        assert_eq!(outcome.await.unwrap(), Err(Refused::Conflict));
    }
    assert_eq!(place.seqs(chat).await, [1, 2]);
}

async fn a_repeated_send_is_answered_with_the_first_record(place: Place) {
    let (chat, other) = (some_chat(), some_chat());
    let sender = rand::random();
    let once = || More { client_message_id: Some("m1"), ..More::default() };
    assert_eq!(place.append(message(chat, 1, sender, "hello"), 1, once()).await, Ok(Appended::New));
    let duplicate = Ok(Appended::Duplicate { chat, seq: 1 });
    assert_eq!(place.append(message(chat, 2, sender, "hello"), 1, once()).await, duplicate);
    assert_eq!(place.append(message(other, 1, sender, "hello"), 2, once()).await, duplicate, "also when it comes to another chat");
    assert_eq!(place.append(message(other, 1, sender + 1, "hello"), 3, once()).await, Ok(Appended::New), "another sender's is another one");
    // Behind the repeat, what was made of the same head does not fit.
    let (repeat, behind) =
        (place.begin(message(chat, 2, sender, "hello"), 4, once()), place.begin(message(chat, 3, sender, "x"), 4, More::default()));
    assert_eq!((repeat.await.unwrap(), behind.await.unwrap()), (duplicate.clone(), Err(Refused::Conflict)));
    let place = place.reopened().await;
    assert_eq!(place.append(message(chat, 2, sender, "hello"), 9, once()).await, duplicate, "after a restart, too");
    assert_eq!(place.seqs(chat).await, [1]);
}

async fn rows_are_there_as_soon_as_the_record_is_acknowledged(place: Place) {
    let (chat, user) = (some_chat(), rand::random::<u32>());
    let row = |value: &[u8]| Write::Put(Table::Memberships, tables::u32_key(user), tables::u64_key(chat), value.to_vec());
    for seq in 1..=20u64 {
        let writes = vec![row(&seq.to_be_bytes()), Write::Put(Table::Mentions, tables::u64_key(chat), tables::u64_key(seq), Vec::new())];
        place.append(message(chat, seq, 5, "x"), 1, More { writes, ..More::default() }).await.unwrap();
        let read = place.store.get(Table::Memberships, tables::u32_key(user), tables::u64_key(chat)).await.unwrap();
        assert_eq!(read, Some(seq.to_be_bytes().to_vec()));
    }
    let gone = Write::Delete(Table::Memberships, tables::u32_key(user), tables::u64_key(chat));
    place.append(message(chat, 21, 5, "x"), 1, More { writes: vec![gone], ..More::default() }).await.unwrap();
    for place in [place.reopened().await] {
        assert_eq!(place.store.get(Table::Memberships, tables::u32_key(user), tables::u64_key(chat)).await.unwrap(), None);
        let mentions = place.store.scan(Table::Mentions, tables::u64_key(chat), Range::last(5)).await.unwrap();
        let seqs: Vec<u64> = mentions.iter().filter_map(|(row, _)| tables::read_u64(row, 0)).collect();
        assert_eq!(seqs, [20, 19, 18, 17, 16]);
    }
}

async fn a_log_that_is_opened_again_goes_on_where_it_was(place: Place) {
    let chat = some_chat();
    for seq in 1..=5 {
        place.append(message(chat, seq, 5, "before"), 1, More::default()).await.unwrap();
    }
    let (head, last) = (place.log.head(), place.log.last(chat).await.unwrap().unwrap());
    let mut place = place.reopened().await;
    assert!(head.within(&place.log.head()), "places that were given out are good on");
    assert!(place.log.may_have(&head));
    assert_eq!(place.log.last(chat).await.unwrap().unwrap().offset, last.offset);
    place.append(message(chat, 6, 5, "after"), 2, More::default()).await.unwrap();
    let next = place.committed(1).await;
    assert_eq!(next[0].record.seq, 6, "what was handed out before does not come again");
    assert!(next[0].offset > last.offset);
}

async fn records_may_be_large_and_in_any_language(place: Place) {
    let chat = some_chat();
    let texts = ["报警 🔥\u{0}\u{7f}", &"长".repeat(50_000), &"x".repeat(150_000)];
    // Together they are more than one message of a log may have.
    let waiting: Vec<_> =
        (1..).zip(texts.iter().cycle().take(12)).map(|(seq, text)| place.begin(message(chat, seq, 5, text), 1, More::default())).collect();
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), Ok(Appended::New));
    }
    for place in [place.reopened().await] {
        for (seq, text) in (1..).zip(texts.iter().cycle().take(12)) {
            let entry = place.log.read(chat, seq, seq, 1).await.unwrap().pop().unwrap();
            assert_eq!(*entry.record, message(chat, seq, 5, text));
        }
    }
}

async fn many_chats_at_once_lose_and_double_nothing(mut place: Place) {
    let chats: Vec<u64> = (0..100).map(|_| some_chat()).collect();
    let mut waiting = Vec::new();
    for seq in 1..=20 {
        for chat in &chats {
            waiting.push(place.begin(message(*chat, seq, 5, "x"), 1, More::default()));
        }
    }
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), Ok(Appended::New));
    }
    let expected: BTreeMap<u64, Vec<u64>> = chats.iter().map(|chat| (*chat, (1..=20).collect())).collect();
    assert_eq!(place.committed_seqs(2_000).await, expected);
    for chat in chats.iter().step_by(10) {
        assert_eq!(place.seqs(*chat).await, expected[chat]);
    }
}

async fn a_read_has_no_more_than_was_asked_for_and_goes_on_over_buckets(place: Place) {
    let chat = some_chat();
    let last = tables::BUCKET_SEQS + 20;
    let waiting: Vec<_> = (1..=last).map(|seq| place.begin(message(chat, seq, 5, "x"), 1, More::default())).collect();
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), Ok(Appended::New));
    }
    let seqs = async |from: u64, to: u64, limit: usize| -> Vec<u64> {
        place.log.read(chat, from, to, limit).await.unwrap().iter().map(|entry| entry.record.seq).collect()
    };
    assert_eq!(
        seqs(tables::BUCKET_SEQS - 3, tables::BUCKET_SEQS + 3, 100).await,
        (tables::BUCKET_SEQS - 3..=tables::BUCKET_SEQS + 3).collect::<Vec<_>>()
    );
    assert_eq!(seqs(tables::BUCKET_SEQS - 3, last, 5).await, (tables::BUCKET_SEQS - 3..tables::BUCKET_SEQS + 2).collect::<Vec<_>>());
    assert_eq!(seqs(last + 1, last + 9, 5).await, [0; 0]);
    assert_eq!(place.log.last(chat).await.unwrap().unwrap().record.seq, last);
}
