//! An upgrade: the nodes are ended and started one after the other while people write, and nobody loses anything.

use super::{node, settings, texts};
use crate::support::{Client, Server, text_message};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, Send};
use protocol::ids::ChatId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writes until told to stop, on whichever node lets it in, and repeats what has no answer. Gives what was acknowledged.
async fn writer(addresses: Vec<String>, token: String, device: String, chat: ChatId, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut said = Vec::new();
    let mut at = 0;
    let mut client: Option<Client> = None;
    while !stop.load(Ordering::Acquire) {
        let text = format!("{device} {}", said.len());
        let answered = match &mut client {
            None => {
                at += 1;
                let address = &addresses[at % addresses.len()];
                if tokio::net::TcpStream::connect(address).await.is_ok() {
                    let mut new = Client::connected(address, Encoding::Msgpack).await;
                    if new.hello(Some(&token), &device, None).await.is_ok() {
                        client = Some(new);
                        continue;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            Some(client) => {
                let id = client.post(&text_message(chat, &text, &text)).await;
                client.reply_or_end::<Send>(id).await
            }
        };
        match answered {
            Ok(Ok(_)) => said.push(text),
            Ok(Err(error)) => {
                assert!(error.retry_after_ms.is_some(), "{error:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(_) => client = None,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    said
}

#[tokio::test]
async fn all_nodes_are_restarted_one_after_the_other_and_nobody_loses_a_message() {
    let settings = settings().await;
    let (first, second) = tokio::join!(node(&settings), node(&settings));
    let mut owner = first.client("e1001").await;
    let people: Vec<String> = (2..6).map(|number| format!("e100{number}")).collect();
    let group = CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids: people.clone(), ..CreateGroup::default() };
    let chat = owner.must(group).await.chat_id;
    drop(owner);
    let addresses = vec![first.address().to_owned(), second.address().to_owned()];
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for user in &people {
        let device = format!("device-of-{user}");
        let token = first.token(user, &device).await;
        writers.push(tokio::spawn(writer(addresses.clone(), token, device, chat, stop.clone())));
    }
    let mut nodes: Vec<Server> = vec![first, second];
    for node in &mut nodes {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        node.restart_in_peace().await;
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stop.store(true, Ordering::Release);
    let mut acknowledged: Vec<Vec<String>> = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.expect("a writer ends well"));
    }
    for node in &nodes {
        let mut reader = node.client("e1001").await;
        let all = texts(&mut reader, chat).await;
        for (user, said) in people.iter().zip(&acknowledged) {
            let stands: Vec<&String> = all.iter().filter(|text| text.starts_with(&format!("device-of-{user}"))).collect();
            // The last one may stand without having been acknowledged.
            assert!(stands.len() >= said.len() && stands.len() <= said.len() + 1, "{user}: {} of {}", stands.len(), said.len());
            assert!(stands.iter().zip(said).all(|(stands, said)| *stands == said), "{user}: another order");
            assert!(said.len() > 20, "{user} could hardly write: {}", said.len());
        }
    }
}
