//! What every message and every second goes through, piece by piece: `cargo bench --bench hot_path`.
//!
//! Times of one machine and hour; only compare what was measured side by side. What a whole server does is measured by `loadtest`.

use clarion::chat::members::{Joined, MemberSet};
use clarion::clock::Clock;
use clarion::net::Socket;
use clarion::session::{EventFrame, Lane, Registry, Session};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocol::codec::Encoding;
use protocol::command::Send;
use protocol::content::{Content, Text};
use protocol::event::Event;
use protocol::record::{Change, Message, Record};
use roaring::RoaringBitmap;
use std::hint::black_box;
use std::io::Read as _;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// The whole staff.
const STAFF: u32 = 371_000;
/// Sessions of one node of twenty.
const SESSIONS: u32 = 18_550;
/// Seconds between two heartbeats of a session.
const HEARTBEAT: usize = 25;

const ENCODINGS: [(&str, Encoding); 2] = [("msgpack", Encoding::Msgpack), ("json", Encoding::Json)];

fn message() -> Event {
    let content = Content::Text(Text { text: "x".repeat(100) });
    let message = Message { client_message_id: "0123456789abcdef".into(), content, ..Message::default() };
    Event::Record(Record {
        seq: 1_000_000,
        by: "e123456".into(),
        at_ms: 1_764_000_000_000,
        change: Change::Message(message),
        ..Record::default()
    })
}

fn codec(criterion: &mut Criterion) {
    for (name, encoding) in ENCODINGS {
        let event = message();
        criterion.bench_function(&format!("codec/{name}/event"), |bench| bench.iter(|| encoding.event(black_box(&event))));
        let send = Send {
            client_message_id: "0123456789abcdef".into(),
            content: Content::Text(Text { text: "x".repeat(100) }),
            ..Send::default()
        };
        let command = encoding.command(7, &send);
        criterion.bench_function(&format!("codec/{name}/command"), |bench| bench.iter(|| encoding.read_command(black_box(&command))));
    }
}

/// A session whose other end is read by a thread.
fn session(runtime: &tokio::runtime::Runtime, user: u32) -> Arc<Session> {
    let socket = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let client = TcpStream::connect(listener.local_addr().expect("it has one")).await.expect("it connects");
        let mut client = client.into_std().expect("it is one");
        client.set_nonblocking(false).expect("it can be set");
        std::thread::spawn(move || {
            let mut bytes = vec![0; 1 << 20];
            while client.read(&mut bytes).is_ok_and(|count| count > 0) {}
        });
        Socket::plain(listener.accept().await.expect("it comes").0).expect("it is prepared")
    });
    Session::new(user, "device-of-bench", Encoding::Msgpack, Arc::new(socket), &Clock::default())
}

fn outbox(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let session = session(&runtime, 1);
    let frame = EventFrame::new(message()).frame(Encoding::Msgpack);
    let mut group = criterion.benchmark_group("outbox");
    for count in [1, 4, 16] {
        let frames = vec![frame.clone(); count];
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} in one write"), |bench| bench.iter(|| session.write_all(Lane::Ordinary, black_box(&frames))));
    }
    group.finish();
    session.close(protocol::error::CloseCode::Drain, None);
}

fn wheel(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    // What is looked after is the sessions; one socket serves them all here, because nothing is written.
    let socket = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        Arc::new(
            Socket::plain(TcpStream::connect(listener.local_addr().expect("it has one")).await.expect("it connects"))
                .expect("it is prepared"),
        )
    });
    let registry = Registry::new(16, HEARTBEAT);
    let sessions: Vec<Arc<Session>> = (0..SESSIONS)
        .map(|user| Session::new(user * 20, "device-of-bench", Encoding::Msgpack, socket.clone(), &Clock::default()))
        .collect();
    for session in &sessions {
        registry.insert(session);
    }
    let mut second = 0;
    criterion.bench_function("wheel/a second of 18,550 sessions", |bench| {
        bench.iter(|| {
            second += 1;
            registry.due(second).len()
        });
    });
    let everybody: RoaringBitmap = (0..STAFF).collect();
    let group: RoaringBitmap = (0..200).map(|member| member * 20).collect();
    criterion.bench_function("online/of a group of 200", |bench| bench.iter(|| registry.online_count(black_box(&group), 64)));
    criterion.bench_function("online/of everybody, in shards", |bench| {
        bench.iter(|| (0..16).map(|shard| registry.online_of(shard, black_box(&everybody)).len()).sum::<u64>());
    });
}

fn members(criterion: &mut Criterion) {
    let mut members = MemberSet::default();
    members.add(&(0..STAFF).collect(), Joined { seq: 1, position: 1, at_ms: 1 });
    let kept = members.encode();
    criterion.bench_function("members/write down everybody", |bench| bench.iter(|| black_box(&members).encode()));
    criterion.bench_function("members/read everybody", |bench| bench.iter(|| MemberSet::decode(black_box(&kept))));
    let one: RoaringBitmap = [7].into_iter().collect();
    criterion.bench_function("members/one goes and comes", |bench| {
        bench.iter(|| {
            members.remove(black_box(&one));
            members.add(black_box(&one), Joined { seq: 2, position: 2, at_ms: 2 });
        });
    });
}

criterion_group!(hot_path, codec, outbox, wheel, members);
criterion_main!(hot_path);
