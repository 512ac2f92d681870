//! A page shows messages as they stand now, wherever they are read from.

use crate::support::{Client, Server, text_message, text_of};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, Edit, History, HistoryPage, Pin, React, Recall, Send, Unpin, Unreact};
use protocol::content::{Content, Text};
use protocol::ids::{ChatId, MessageId};
use protocol::record::Change;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const PEOPLE: [&str; 3] = ["e1001", "e1002", "e1003"];

/// Every page of a chat up to here in several cuts, as each of them sees it.
async fn pages(server: &Server, chat_id: ChatId, last: u64) -> Vec<HistoryPage> {
    let mut pages = Vec::new();
    for user_id in PEOPLE {
        let mut client: Client = server.client(user_id).await;
        let mut before = Some(last + 1);
        loop {
            let page = client.must(History { chat_id, before, limit: Some(23), ..History::default() }).await;
            let (start, from_seq) = (page.start, page.from_seq);
            pages.push(page);
            if start {
                break;
            }
            before = Some(from_seq);
        }
        for seq in [3, 17, 40] {
            pages.push(client.must(History { chat_id, around: Some(seq), limit: Some(9), ..History::default() }).await);
            pages.push(client.must(History { chat_id, after: Some(seq), limit: Some(11), ..History::default() }).await);
        }
    }
    pages
}

#[tokio::test]
async fn a_page_is_the_same_by_heart_and_from_what_is_kept() {
    for seed in 1..=3 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "10000")]).await;
        let mut clients = Vec::new();
        for user_id in PEOPLE {
            clients.push(server.client(user_id).await);
        }
        let user_ids = PEOPLE[1..].iter().map(|user_id| (*user_id).to_owned()).collect();
        let create = CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids, ..CreateGroup::default() };
        let chat_id = clients[0].must(create).await.chat_id;
        let mut said: Vec<(usize, MessageId)> = Vec::new();
        for number in 0..160 {
            let who = random.random_range(0..PEOPLE.len());
            let client = &mut clients[who];
            let kind = if said.is_empty() { 0 } else { random.random_range(0..10) };
            let (author, message_id) = *said.get(random.random_range(0..said.len().max(1))).unwrap_or(&(0, MessageId::default()));
            let emoji = ["OK", "HEART"][random.random_range(0..2)].to_owned();
            // Whoever may not do something is refused, which is as good here.
            match kind {
                0..=3 => {
                    let in_thread = kind == 3 && !said.is_empty();
                    let message = text_message(chat_id, &format!("m{number}"), &format!("text {number}"));
                    let sent = client.ask(Send { reply_to: in_thread.then_some(message_id), in_thread, ..message }).await;
                    said.extend(sent.map(|sent| (who, sent.message_id)));
                }
                4 => drop(clients[author].ask(Recall { message_id }).await),
                5 => {
                    let content = Content::Text(Text { text: format!("edited {number}") });
                    drop(clients[author].ask(Edit { message_id, content, ..Edit::default() }).await);
                }
                6 | 7 => drop(client.ask(React { message_id, emoji }).await),
                8 => drop(client.ask(Unreact { message_id, emoji }).await),
                _ if number % 2 == 0 => drop(client.ask(Pin { message_id }).await),
                _ => drop(client.ask(Unpin { message_id }).await),
            }
        }
        let last = clients[0].must(History { chat_id, limit: Some(1), ..History::default() }).await.to_seq;
        let by_heart = pages(&server, chat_id, last).await;
        server.restart_in_peace().await;
        let by_heart_again = pages(&server, chat_id, last).await;
        // What is farther back than so much is not taken from memory.
        let mut more = server.client(PEOPLE[0]).await;
        for number in 0..520 {
            more.must(text_message(chat_id, &format!("more{number}"), "more")).await;
        }
        let mut kept = pages(&server, chat_id, last).await;
        for page in &mut kept {
            // More stands behind the last page now.
            page.end = page.to_seq == last;
        }
        assert_eq!(by_heart, by_heart_again, "seed {seed}: after a start");
        assert!(by_heart.iter().any(|page| page.records.len() > 5));
        for (by_heart, kept) in by_heart.iter().zip(&kept) {
            assert_eq!(by_heart, kept, "seed {seed}");
        }
        assert_eq!(by_heart.len(), kept.len());
    }
}

#[tokio::test]
async fn the_last_page_of_a_large_group_is_made_once_and_yet_each_sees_their_own_reactions_and_what_was_done_since() {
    let server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "10000")]).await;
    let mut owner = server.client(PEOPLE[0]).await;
    let everybody =
        CreateGroup { client_message_id: "g".into(), name: "G".into(), department_ids: vec!["0".into()], ..CreateGroup::default() };
    let chat = owner.must(everybody).await;
    let chat_id = chat.chat_id;
    assert!(chat.member_count.is_some_and(|count| count >= 50), "so large that its last page is shared: {chat:?}");
    let first = owner.say(chat_id, "first").await;
    let mut in_json =
        Client::welcomed(server.address(), &server.token(PEOPLE[1], "device-in-json").await, "device-in-json", Encoding::Json).await;
    let mut third = server.client(PEOPLE[2]).await;
    in_json.must(React { message_id: first.message_id, emoji: "OK".into() }).await;

    let last_page = || History { chat_id, ..History::default() };
    let said = |page: &HistoryPage| {
        let messages = page.records.iter().filter_map(|record| match &record.change {
            Change::Message(message) => {
                let own: Vec<_> = message.reactions.iter().map(|reaction| (reaction.count, reaction.mine)).collect();
                Some((text_of(message).to_owned(), own))
            }
            _ => None,
        });
        messages.collect::<Vec<_>>()
    };
    let first_as = |text: &str, count, mine| (text.to_owned(), vec![(count, mine)]);
    assert_eq!(said(&owner.must(last_page()).await), [first_as("first", 1, false)]);
    assert_eq!(said(&in_json.must(last_page()).await), [first_as("first", 1, true)]);
    assert_eq!(said(&third.must(last_page()).await), [first_as("first", 1, false)], "as the owner has it");

    // Each act is in the very next page of whoever has done it.
    third.must(React { message_id: first.message_id, emoji: "OK".into() }).await;
    assert_eq!(said(&third.must(last_page()).await), [first_as("first", 2, true)]);
    assert_eq!(said(&owner.must(last_page()).await), [first_as("first", 2, false)]);
    let content = Content::Text(Text { text: "edited".into() });
    owner.must(Edit { message_id: first.message_id, content, ..Edit::default() }).await;
    assert_eq!(said(&owner.must(last_page()).await), [first_as("edited", 2, false)]);
    for number in 0..20 {
        let text = format!("more {number}");
        owner.say(chat_id, &text).await;
        for client in [&mut owner, &mut in_json] {
            let page = client.must(last_page()).await;
            assert_eq!((said(&page).last().map(|(text, _)| text.clone()), page.end), (Some(text.clone()), true));
        }
    }

    // Who comes later sees no more than before, and knows where it begins.
    let from = third.must(last_page()).await;
    assert!(from.start && from.from_seq == 1);
    let stranger = third.refused(History { chat_id: ChatId::default(), ..History::default() }).await;
    assert_eq!(stranger, 2001);
    owner.must(protocol::command::RemoveMembers { chat_id, user_ids: vec![PEOPLE[2].into()] }).await;
    assert_eq!(third.refused(last_page()).await, 2001, "a page that others share is not for who was taken out");
}
