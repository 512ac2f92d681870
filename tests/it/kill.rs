//! kill -9 at any moment: every acknowledged message is there with its seq, in order, once.

use crate::support::{Client, Server, text_message, text_of};
use protocol::codec::Encoding;
use protocol::command::{History, Send};
use protocol::ids::ChatId;
use protocol::record::Change;
use std::collections::BTreeMap;
use std::time::Duration;

/// At least this many kills.
const KILLS: usize = 50;
const SENDERS: usize = 3;

struct Sender {
    login: String,
    token: String,
    chat: ChatId,
    next: u32,
    /// Sent, without an answer.
    open: Vec<u32>,
    /// seq by number, as it was acknowledged.
    acknowledged: BTreeMap<u32, u64>,
}

impl Sender {
    /// Sends until the server is gone.
    async fn send_until_cut(&mut self, address: &str) {
        let device = format!("device-of-{}", self.login);
        // Killed before it has taken the upgrade, on a slow machine.
        let Ok(mut client) = Client::try_connected(address, Encoding::Msgpack).await else { return };
        if client.hello(Some(&self.token), &device, None).await.is_err() {
            return;
        }
        let mut waiting = std::collections::VecDeque::new();
        let mut repeats: Vec<u32> = self.open.clone();
        repeats.reverse();
        loop {
            while waiting.len() < 8 {
                let number = repeats.pop().unwrap_or_else(|| {
                    self.next += 1;
                    self.open.push(self.next);
                    self.next
                });
                waiting.push_back((
                    number,
                    client.post(&text_message(self.chat, &format!("{}-{number}", self.login), &number.to_string())).await,
                ));
            }
            let Some((number, id)) = waiting.pop_front() else { continue };
            match client.reply_or_end::<Send>(id).await {
                Ok(Ok(sent)) => {
                    self.open.retain(|open| *open != number);
                    let before = self.acknowledged.insert(number, sent.seq);
                    assert!(before.is_none_or(|before| before == sent.seq), "{number} has two places: {before:?} and {}", sent.seq);
                }
                Ok(Err(error)) => assert!(error.retry_after_ms.is_some(), "{error:?}"),
                Err(_) => return,
            }
        }
    }
}

#[tokio::test]
async fn fifty_kills_lose_double_and_reorder_nothing() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut server = Server::start_with(&[("CLARION_COMMANDS_PER_SECOND", "100000")]).await;
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let login = format!("e10{:02}", number + 1);
        let device = format!("device-of-{login}");
        let token = server.token(&login, &device).await;
        let mut client = Client::welcomed(server.address(), &token, &device, Encoding::Msgpack).await;
        // All write to the same person; two of them into one chat from both sides.
        let peer = if number == 0 { "e1002" } else { "e1001" };
        let chat = client.direct(peer).await;
        senders.push(Sender { login, token, chat, next: 0, open: Vec::new(), acknowledged: BTreeMap::new() });
    }
    for round in 0..KILLS {
        let address = server.address().to_owned();
        let pause = Duration::from_millis(20 + (seed.rotate_left(round as u32) % 80));
        let killing = async {
            tokio::time::sleep(pause).await;
            server.kill();
        };
        let [one, two, three] = &mut senders[..] else { unreachable!("there are three senders") };
        tokio::join!(killing, one.send_until_cut(&address), two.send_until_cut(&address), three.send_until_cut(&address));
        server.restart().await;
    }
    let total: usize = senders.iter().map(|sender| sender.acknowledged.len()).sum();
    assert!(total > KILLS, "only {total} messages were acknowledged over {KILLS} kills");
    for sender in &senders {
        let mut client = server.client(&sender.login).await;
        let found = read_all(&mut client, sender.chat).await;
        for (number, seq) in &sender.acknowledged {
            let (by, text) =
                found.get(seq).unwrap_or_else(|| panic!("{} of {} at {seq} was acknowledged and is lost", number, sender.login));
            assert_eq!((by, text), (&sender.login, &number.to_string()));
        }
        let mut mine: Vec<&String> = found.values().filter(|(by, _)| *by == sender.login).map(|(_, text)| text).collect();
        let count = mine.len();
        mine.sort();
        mine.dedup();
        assert_eq!(mine.len(), count, "a message of {} is there twice", sender.login);
    }
    assert_eq!(server.terminate().await, Some(0));
    let check = server.operator(&["check"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

async fn read_all(client: &mut Client, chat_id: ChatId) -> BTreeMap<u64, (String, String)> {
    let mut found = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = client.must(History { chat_id, after: Some(after), limit: Some(100), ..History::default() }).await;
        for record in &page.records {
            if let Change::Message(message) = &record.change {
                found.insert(record.seq, (record.by.clone(), text_of(message).to_owned()));
            }
        }
        after = page.to_seq;
        if page.end {
            assert_eq!(found.len() as u64, after, "seqs run without a hole");
            return found;
        }
    }
}
