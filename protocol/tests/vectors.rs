//! The vectors in `vectors/` are the examples of the contract for clients in other languages. They are written from the
//! types, and these tests fail when they are stale, or when a kind of anything has none.
//!
//! After a change of the types run `UPDATE_VECTORS=1 cargo test -p protocol --test vectors`.

#[allow(dead_code, reason = "only its lists of types are used here")]
#[macro_use]
mod any;
#[path = "vectors/malformed.rs"]
mod malformed;
#[path = "vectors/samples.rs"]
mod samples;

use protocol::codec::{BadCommand, Encoding, Incoming, Outgoing};
use protocol::command::*;
use protocol::content::Content;
use protocol::error::{CloseCode, ErrorBody, ErrorCode};
use protocol::event::Event;
use protocol::record::Change;
use samples::Sample;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

const ID: u32 = 7;

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file)
}

/// Everything that was given stands in what came out: no misspelt field was ignored.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|there| holds(there, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(there, value)| holds(there, value))
        }
        (whole, part) => whole == part,
    }
}

/// One vector of a frame that both encodings write.
fn vector(name: &str, direction: &str, kind: (&str, &str), given: &Value, json: Vec<u8>, msgpack: &[u8]) -> Value {
    let json: Value = serde_json::from_slice(&json).expect("the codec writes JSON");
    let body = ["body", "reply", "error"].iter().find_map(|field| json.get(field)).expect("a frame has a body");
    assert!(holds(body, given), "{name}: {given} became {body}");
    json!({"name": name, "direction": direction, kind.0: kind.1, "json": json, "msgpack": hex::encode(msgpack)})
}

fn command_vector((name, command, body): &Sample) -> Value {
    // What is never answered is sent with id 0.
    let id = if *command == "alive" { 0 } else { ID };
    let frame = json!({"id": id, "command": command, "body": body}).to_string();
    let read = Encoding::Json.read_command(frame.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let command_read = read.command.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    macro_rules! test {
        ($body:ident) => {
            if let Command::$body(typed) = &command_read {
                let msgpack = Encoding::Msgpack.command(id, typed);
                let again = Encoding::Msgpack.read_command(&msgpack);
                assert_eq!(again, Ok(Incoming { id, command: Ok(command_read.clone()) }), "{name}");
                return vector(name, "client", ("command", command), body, Encoding::Json.command(id, typed), &msgpack);
            }
        };
    }
    each_command!(test);
    panic!("{name}: no such command");
}

fn reply_vector((name, command, body): &Sample) -> Value {
    macro_rules! test {
        ($body:ident) => {
            if <$body as CommandBody>::NAME == *command {
                let typed: <$body as CommandBody>::Reply =
                    Encoding::Json.decode(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
                let msgpack = Encoding::Msgpack.reply(ID, &typed);
                let Ok(Outgoing::Reply(ID, bytes)) = Encoding::Msgpack.read_outgoing(&msgpack) else { panic!("{name}: no reply") };
                assert_eq!(Encoding::Msgpack.decode(&bytes), Ok(typed.clone()), "{name}");
                return vector(name, "server", ("command", command), body, Encoding::Json.reply(ID, &typed), &msgpack);
            }
        };
    }
    each_command!(test);
    panic!("{name}: no such command");
}

fn refusal_vector((name, body): &(&str, Value)) -> Value {
    let error: ErrorBody = Encoding::Json.decode(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
    vector(name, "server", ("command", "send"), body, Encoding::Json.refusal(ID, &error), &Encoding::Msgpack.refusal(ID, &error))
}

fn event_vector((name, event, body): &Sample) -> Value {
    let frame = json!({"event": event, "body": body}).to_string();
    let Ok(Outgoing::Event(typed)) = Encoding::Json.read_outgoing(frame.as_bytes()) else { panic!("{name}: no event") };
    assert_ne!(typed, Event::Unknown, "{name}");
    let msgpack = Encoding::Msgpack.event(&typed);
    assert_eq!(Encoding::Msgpack.read_outgoing(&msgpack), Ok(Outgoing::Event(typed.clone())), "{name}");
    vector(name, "server", ("event", event), body, Encoding::Json.event(&typed), &msgpack)
}

/// An object with its fields in the order in which people read them; what is deeper stays in the order of the alphabet.
fn in_reading_order(value: &Value, outer: bool) -> String {
    const ORDER: &[&str] = &[
        "name",
        "direction",
        "id",
        "command",
        "event",
        "reply",
        "error",
        "encoding",
        "before_hello",
        "frame",
        "payload",
        "payload_hex",
        "padded_to_bytes",
        "json",
        "msgpack",
    ];
    let Value::Object(fields) = value else { return value.to_string() };
    let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
    sorted.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    let print = |(name, value): (&String, &Value)| {
        let value = if outer { in_reading_order(value, false) } else { value.to_string() };
        format!("\"{name}\":{value}")
    };
    format!("{{{}}}", sorted.into_iter().map(print).collect::<Vec<_>>().join(","))
}

fn files() -> Vec<(&'static str, Vec<Value>)> {
    let commands = |samples: &[Sample]| samples.iter().map(command_vector).collect::<Vec<_>>();
    let replies = |samples: &[Sample]| samples.iter().map(reply_vector).collect::<Vec<_>>();
    let handshake = commands(&samples::handshake_commands()).into_iter().chain(replies(&samples::handshake_replies())).collect();
    let answers = replies(&samples::replies()).into_iter().chain(samples::refusals().iter().map(refusal_vector)).collect();
    vec![
        ("handshake.json", handshake),
        ("commands.json", commands(&samples::commands())),
        ("replies.json", answers),
        ("events.json", samples::events().iter().map(event_vector).collect()),
        ("tolerated.json", malformed::tolerated()),
        ("malformed.json", malformed::malformed()),
    ]
}

#[test]
fn the_vectors_are_fresh() {
    let mut stale = Vec::new();
    for (file, vectors) in files() {
        // A vector a line, so that a change is seen as the change that it is.
        let lines: Vec<String> = vectors.iter().map(|vector| format!("  {}", in_reading_order(vector, true))).collect();
        let text = format!("[\n{}\n]\n", lines.join(",\n"));
        if std::fs::read_to_string(path(file)).ok().as_deref() != Some(&text) {
            stale.push(file);
            if std::env::var_os("UPDATE_VECTORS").is_some() {
                std::fs::write(path(file), text).expect("the vectors can be written");
            }
        }
    }
    if std::env::var_os("UPDATE_VECTORS").is_none() {
        assert!(stale.is_empty(), "stale: {stale:?}; run UPDATE_VECTORS=1 cargo test -p protocol --test vectors");
    }
}

#[test]
fn every_kind_of_everything_has_a_vector() {
    let mut commands = BTreeSet::new();
    let mut replies = BTreeSet::new();
    let mut events = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut objects = Vec::new();
    let mut texts = BTreeSet::new();
    for (file, vectors) in files() {
        for vector in vectors {
            assert!(names.insert(format!("{file} {}", vector["name"])), "{file}: two vectors have the name {}", vector["name"]);
            let text = |field: &str| vector[field].as_str().map(str::to_owned);
            match vector["direction"].as_str() {
                Some("client") if vector.get("json").is_some() => commands.extend(text("command")),
                Some("server") => {
                    replies.extend(text("command"));
                    events.extend(text("event"));
                }
                _ => {}
            }
            if let Some(json) = vector.get("json") {
                collect(json, &mut objects, &mut texts);
            }
        }
    }
    for (_, name, _, _) in Command::KINDS {
        assert!(commands.contains(*name), "the command `{name}` has no vector");
        assert!(replies.contains(*name), "the reply to `{name}` has no vector");
    }
    for (_, name) in Event::KINDS {
        assert!(events.contains(*name), "the event `{name}` has no vector");
    }
    for (kind, kinds) in [("change", Change::KINDS), ("content", Content::KINDS)] {
        for (_, name) in kinds {
            let there = objects.iter().any(|object| object[kind].get(name).is_some());
            assert!(there, "the {kind} `{name}` has no vector");
        }
    }
    for (list, words) in any::WORDS {
        for (_, word) in *words {
            assert!(texts.contains(*word), "the word `{word}` of {list} has no vector");
        }
    }
    for (name, fields) in any::STRUCTS.iter().filter(|(name, _)| !matches!(*name, "SignIn" | "SignedIn")) {
        for field in *fields {
            assert!(objects.iter().any(|object| object.get(field).is_some()), "the field `{field}` of {name} is given in no vector");
        }
    }
}

fn collect(value: &Value, objects: &mut Vec<Value>, texts: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            objects.push(value.clone());
            fields.values().for_each(|value| collect(value, objects, texts));
        }
        Value::Array(elements) => elements.iter().for_each(|value| collect(value, objects, texts)),
        Value::String(text) => drop(texts.insert(text.clone())),
        _ => {}
    }
}

fn encoding(name: &Value) -> Encoding {
    if name == "json" { Encoding::Json } else { Encoding::Msgpack }
}

#[test]
fn what_is_tolerated_is_read_as_the_document_says() {
    for vector in malformed::tolerated() {
        let name = &vector["name"];
        let (encoding, bytes) = match vector.get("json") {
            Some(json) => (Encoding::Json, json.to_string().into_bytes()),
            None => (Encoding::Msgpack, hex::decode(vector["msgpack"].as_str().expect("hexadecimal")).expect("hexadecimal")),
        };
        let expected = vector["reads_as"].to_string();
        if vector["direction"] == "client" {
            assert_eq!(encoding.read_command(&bytes), Encoding::Json.read_command(expected.as_bytes()), "{name}");
            assert!(encoding.read_command(&bytes).is_ok_and(|read| read.command.is_ok()), "{name}");
        } else {
            let read = encoding.read_outgoing(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            if vector["reads_as"].is_null() {
                assert_eq!(read, Outgoing::Event(Event::Unknown), "{name}");
            } else {
                assert_eq!(Ok(read), Encoding::Json.read_outgoing(expected.as_bytes()), "{name}");
            }
        }
    }
}

#[test]
fn what_is_malformed_ends_as_the_document_says() {
    for vector in malformed::malformed() {
        let name = &vector["name"];
        let outcome = &vector["outcome"];
        if let Some(number) = outcome.get("close") {
            let number = u16::try_from(number.as_u64().expect("a number")).expect("a close code");
            assert!(CloseCode::from_number(number).is_some(), "{name}");
        }
        if let Some(number) = outcome.get("error") {
            let number = u16::try_from(number.as_u64().expect("a number")).expect("an error");
            assert!(ErrorCode::from_number(number).is_some(), "{name}");
        }
        // What the codec alone decides; the rest is for the tests of a whole server.
        let matching_frame = (vector["encoding"] == "json") == (vector["frame"] == "text");
        if vector.get("padded_to_bytes").is_some() || vector["before_hello"] == true || !matching_frame {
            continue;
        }
        let bytes = malformed::payload(&vector);
        let read = encoding(&vector["encoding"]).read_command(&bytes);
        match (outcome["close"].as_u64(), outcome["error"].as_u64()) {
            (Some(4200), None) => assert!(read.is_err(), "{name}: {read:?}"),
            (None, Some(1001)) => assert!(matches!(&read, Ok(Incoming { command: Err(BadCommand::Malformed(_)), .. })), "{name}: {read:?}"),
            (None, Some(1002)) => assert!(matches!(&read, Ok(Incoming { command: Err(BadCommand::Unknown(_)), .. })), "{name}: {read:?}"),
            // A rule that stands behind the codec.
            (None, Some(_)) => assert!(matches!(&read, Ok(Incoming { command: Ok(_), .. })), "{name}: {read:?}"),
            (None, None) => assert!(matches!(&read, Ok(Incoming { id: 0, .. })), "{name}: {read:?}"),
            other => panic!("{name}: {other:?}"),
        }
        if let (Ok(read), Some(id)) = (&read, outcome["id"].as_u64()) {
            assert_eq!(u64::from(read.id), id, "{name}");
        }
    }
}
