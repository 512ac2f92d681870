//! Dangers of the way out: encodings and TLS beside each other, sockets that are full, sessions that end meanwhile, storms.

use crate::support::{Client, Server, text_message, text_of};
use protocol::codec::Encoding;
use protocol::command::{CreateGroup, History, Sync};
use protocol::event::Event;
use protocol::ids::ChatId;
use protocol::record::{Change, Record};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, rustls};

/// Many commands, and no heartbeat between what is looked at.
const SETTINGS: [(&str, &str); 2] = [("CLARION_COMMANDS_PER_SECOND", "100000"), ("CLARION_HEARTBEAT_SECONDS", "300")];

/// A server, with TLS or without, and how it is reached.
struct Place {
    server: Server,
    tls: Option<TlsConnector>,
    _certificate: tempfile::TempDir,
}

impl Place {
    async fn start(with_tls: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        if !with_tls {
            return Self { server: Server::start_with(&SETTINGS).await, tls: None, _certificate: folder };
        }
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate can be made");
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).expect("it can be written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("it can be written");
        let mut settings = SETTINGS.to_vec();
        settings.push(("CLARION_TLS_CERTIFICATE", certificate.to_str().expect("the path is text")));
        settings.push(("CLARION_TLS_KEY", key.to_str().expect("the path is text")));
        let server = Server::start_with(&settings).await;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&certificate).expect("it is one")).expect("it can be trusted");
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions are known")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { server, tls: Some(TlsConnector::from(Arc::new(config))), _certificate: folder }
    }

    /// A client whose kernel takes no more than this many bytes that it has not read.
    async fn client(&self, user_id: &str, device_id: &str, encoding: Encoding, receive_bytes: Option<u32>) -> Client {
        let address = self.server.address();
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes).expect("it can be set");
        }
        let tcp: TcpStream = socket.connect(address.parse().expect("an address")).await.expect("it connects");
        let mut client = match &self.tls {
            None => Client::over(tcp, address, encoding).await,
            Some(tls) => {
                let name = ServerName::try_from("localhost").expect("a name");
                Client::over(tls.connect(name, tcp).await.expect("TLS stands"), address, encoding).await
            }
        }
        .expect("the server takes the upgrade");
        let token = self.server.operator_token(user_id, device_id);
        client.hello(Some(&token), device_id, None).await.expect("the server welcomes");
        client
    }
}

async fn group(owner: &mut Client, user_ids: &[&str]) -> ChatId {
    let user_ids = user_ids.iter().map(|user_id| (*user_id).to_owned()).collect();
    owner.must(CreateGroup { client_message_id: "g".into(), name: "G".into(), user_ids, ..CreateGroup::default() }).await.chat_id
}

/// The next so many texts of a chat with their seqs, as they come.
async fn texts(client: &mut Client, count: usize) -> Vec<(u64, String)> {
    let mut texts = Vec::with_capacity(count);
    while texts.len() < count {
        let (record, message) = client
            .event("a message", |event| match event {
                Event::Gap(gap) => panic!("a gap of {}", gap.dropped),
                Event::Record(record) => match &record.change {
                    Change::Message(message) => Some((record.clone(), message.clone())),
                    _ => None,
                },
                _ => None,
            })
            .await;
        texts.push((record.seq, text_of(&message).to_owned()));
    }
    texts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_both_encodings_all_are_told_the_same_in_the_same_order_with_tls_and_without() {
    for with_tls in [false, true] {
        let place = Place::start(with_tls).await;
        let mut one = place.client("e1001", "device-of-one", Encoding::Msgpack, None).await;
        let mut other = place.client("e1002", "device-of-other", Encoding::Json, None).await;
        let mut readers = Vec::new();
        for number in 0..6 {
            let encoding = if number % 2 == 0 { Encoding::Msgpack } else { Encoding::Json };
            readers.push(place.client("e1003", &format!("reading-{number}"), encoding, None).await);
        }
        let chat = group(&mut one, &["e1002", "e1003"]).await;
        let say = async |client: &mut Client, whose: &str| {
            for number in 0..150 {
                client.must(text_message(chat, &format!("{whose}{number}"), &format!("{whose} {number} “好”"))).await;
            }
        };
        tokio::join!(say(&mut one, "one"), say(&mut other, "other"));
        let mut told = Vec::new();
        for reader in &mut readers {
            told.push(texts(reader, 300).await);
        }
        assert!(told[0].is_sorted_by(|before, after| before.0 + 1 == after.0), "with TLS: {with_tls}");
        assert!(told.iter().all(|texts| *texts == told[0]), "with TLS: {with_tls}");
        let of = |whose: &str| told[0].iter().filter(|(_, text)| text.starts_with(whose)).map(|(_, text)| text.clone()).collect::<Vec<_>>();
        assert_eq!(of("one"), (0..150).map(|number| format!("one {number} “好”")).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_a_full_socket_cuts_comes_whole_and_what_waits_comes_behind_it() {
    for with_tls in [false, true] {
        let place = Place::start(with_tls).await;
        let mut sender = place.client("e1001", "device-of-one", Encoding::Msgpack, None).await;
        let mut slow = place.client("e1002", "device-of-slow", Encoding::Msgpack, Some(2_048)).await;
        let chat = group(&mut sender, &["e1002"]).await;
        let (mut number, mut expected) = (0_usize, Vec::new());
        for round in 0..40 {
            // As much as may wait for one session, while it does not read: some of it directly into the socket, some queued.
            let mut bytes = 0;
            while bytes < 24_000 {
                let text = format!("{number} {}", "x".repeat(number * 977 % 9_000));
                bytes += text.len() + 200;
                sender.must(text_message(chat, &format!("m{number}"), &text)).await;
                expected.push(text);
                number += 1;
            }
            // Its own question waits in another lane, beside what is being written.
            let asked =
                if round % 2 == 0 { Some(slow.post(&History { chat_id: chat, limit: Some(1), ..History::default() }).await) } else { None };
            let here: Vec<String> = texts(&mut slow, expected.len()).await.into_iter().map(|(_, text)| text).collect();
            assert!(here == expected, "round {round}, with TLS: {with_tls}");
            expected.clear();
            if let Some(id) = asked {
                slow.reply::<History>(id).await.expect("it is answered");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_end_in_the_middle_of_a_fan_out_disturb_nobody() {
    let place = Place::start(false).await;
    let mut sender = place.client("e1001", "device-of-one", Encoding::Msgpack, None).await;
    let mut readers = Vec::new();
    for number in 0..90 {
        let user_id = ["e1002", "e1003", "e1004"][number % 3];
        let encoding = if number % 4 == 0 { Encoding::Json } else { Encoding::Msgpack };
        readers.push(place.client(user_id, &format!("reading-{number}"), encoding, None).await);
    }
    let chat = group(&mut sender, &["e1002", "e1003", "e1004"]).await;
    let mut pace = readers.pop().expect("there are many");
    let reading = |mut reader: Client| tokio::spawn(async move { texts(&mut reader, 240).await });
    let mut reading: Vec<_> = readers.into_iter().map(reading).collect();
    for number in 0..240 {
        // Posted, not awaited: some are on their way when a session goes, and not more than one that reads slowly may have waiting.
        sender.post(&text_message(chat, &format!("m{number}"), &number.to_string())).await;
        if number % 4 == 0 && reading.len() > 30 {
            reading.swap_remove(number % reading.len()).abort();
        }
        if number % 20 == 19 {
            texts(&mut pace, 20).await;
        }
    }
    assert_eq!(reading.len(), 30);
    for told in reading {
        let told: Vec<String> = told.await.expect("it goes on").into_iter().map(|(_, text)| text).collect();
        assert_eq!(told, (0..240).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

/// What a device has, and how it goes on after it was cut off.
struct Device {
    name: String,
    token: String,
    cursor: String,
    seen: BTreeMap<u64, u32>,
}

impl Device {
    fn keep(&mut self, chat: ChatId, record: &Record) {
        if record.chat_id == chat && matches!(record.change, Change::Message(_)) {
            *self.seen.entry(record.seq).or_default() += 1;
        }
    }

    /// Comes back, asks for what it missed, and reads for a while. Its cursor is the one it had when it went away.
    async fn visit(&mut self, address: &str, chat: ChatId, time: Duration) {
        let mut client = Client::connected(address, Encoding::Msgpack).await;
        let cursor = (!self.cursor.is_empty()).then(|| self.cursor.clone());
        client.hello(Some(&self.token), &self.name, cursor.as_deref()).await.expect("the server welcomes");
        if let Some(cursor) = cursor {
            let mut page = None;
            loop {
                let part = client.must(Sync { cursor: cursor.clone(), page }).await;
                assert!(!part.too_long_all && part.too_long.is_empty(), "little was missed");
                part.records.iter().for_each(|record| self.keep(chat, record));
                page = part.next;
                if page.is_none() {
                    self.cursor = part.cursor.expect("the last page has a cursor");
                    break;
                }
            }
        } else {
            self.cursor = client.welcome.cursor.clone();
        }
        for event in client.events_within(time).await {
            if let Event::Record(record) = event {
                self.keep(chat, &record);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_back_in_a_storm_misses_nothing_and_nothing_is_read_for_it_also_after_the_server_was_killed() {
    let mut server = Server::start_with(&SETTINGS).await;
    let mut sender = server.client("e1001").await;
    let chat = group(&mut sender, &["e1002", "e1003"]).await;
    let mut devices: Vec<Device> = (0..40)
        .map(|number| {
            let (user_id, name) = (["e1002", "e1003"][number % 2], format!("storm-{number:03}"));
            Device { token: server.operator_token(user_id, &name), name, cursor: String::new(), seen: BTreeMap::new() }
        })
        .collect();
    let address = server.address().to_owned();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let saying = tokio::spawn(async move {
        let mut said = 0;
        while !*stopped.borrow() {
            sender.say(chat, &said.to_string()).await;
            said += 1;
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        sender.must(History { chat_id: chat, limit: Some(1), ..History::default() }).await.to_seq
    });
    // All of them at once, cut off at once: what comes between two visits is missed by everybody.
    for _ in 0..5 {
        let visits = devices.into_iter().map(|mut device| {
            let address = address.clone();
            tokio::spawn(async move {
                device.visit(&address, chat, Duration::from_millis(250)).await;
                device
            })
        });
        devices = futures_util::future::join_all(visits.collect::<Vec<_>>())
            .await
            .into_iter()
            .map(|device| device.expect("it goes on"))
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.send(true).expect("somebody says something");
    let last = saying.await.expect("it was said");
    assert_eq!(server.metric("chat_missed_read_total").await, 0.0, "what was said lately is known by heart");
    server.kill_and_restart().await;
    for mut device in devices {
        device.visit(server.address(), chat, Duration::from_millis(50)).await;
        let first = *device.seen.keys().next().expect("something was said");
        let missing: Vec<u64> = (first..=last).filter(|seq| !device.seen.contains_key(seq)).collect();
        assert!(missing.is_empty(), "{} has not {missing:?} of {first} to {last}", device.name);
    }
    assert_eq!(server.metric("chat_missed_read_total").await, 0.0, "what was said before the start is, too");
}
