//! Dangers: a value that does not come back as it went, and bytes from outside that make the codec panic, overflow or hang.

#[macro_use]
mod any;

use any::{Any, Source};
use proptest::prelude::*;
use protocol::codec::{BadCommand, DEPTH, Encoding, Incoming, Outgoing};
use protocol::command::*;
use protocol::content::{Content, Merged, MergedMessage, Text};
use protocol::error::ErrorBody;
use protocol::event::Event;
use protocol::ids::{ChatId, MessageId};
use protocol::record::{Change, Record};

const BOTH: [Encoding; 2] = [Encoding::Msgpack, Encoding::Json];

fn entropy() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_command_comes_back_as_it_went(bytes in entropy(), id in any::<u32>()) {
        macro_rules! test {
            ($body:ident) => {
                let body = $body::any(&mut Source::new(&bytes));
                for encoding in BOTH {
                    let frame = encoding.command(id, &body);
                    let read = encoding.read_command(&frame);
                    prop_assert_eq!(read, Ok(Incoming { id, command: Ok(Command::$body(body.clone())) }));
                }
            };
        }
        each_command!(test);
    }

    #[test]
    fn every_reply_comes_back_as_it_went(bytes in entropy(), id in any::<u32>()) {
        macro_rules! test {
            ($reply:ident) => {
                let reply = $reply::any(&mut Source::new(&bytes));
                for encoding in BOTH {
                    let frame = encoding.reply(id, &reply);
                    prop_assert_eq!(&encoding.reply_of(id, &encoding.encode(&reply)), &frame);
                    let Ok(Outgoing::Reply(read_id, body)) = encoding.read_outgoing(&frame) else {
                        return Err(TestCaseError::fail(format!("no reply in {frame:02x?}")));
                    };
                    prop_assert_eq!(read_id, id);
                    prop_assert_eq!(encoding.decode::<$reply>(&body), Ok(reply.clone()));
                }
            };
        }
        use protocol::chat::Chat;
        use protocol::event::InboxChanged;
        each_reply!(test);
    }

    #[test]
    fn every_event_and_refusal_comes_back_as_it_went(bytes in entropy(), id in any::<u32>()) {
        let event = Event::any(&mut Source::new(&bytes));
        let error = ErrorBody::any(&mut Source::new(&bytes));
        for encoding in BOTH {
            prop_assert_eq!(encoding.read_outgoing(&encoding.event(&event)), Ok(Outgoing::Event(event.clone())));
            prop_assert_eq!(encoding.read_outgoing(&encoding.refusal(id, &error)), Ok(Outgoing::Refusal(id, error.clone())));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for encoding in BOTH {
            let _ = encoding.read_command(&bytes);
            let _ = encoding.read_outgoing(&bytes);
        }
    }

    #[test]
    fn damaged_frames_never_panic(bytes in entropy(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let event = Event::any(&mut Source::new(&bytes));
        let send = Send::any(&mut Source::new(&bytes));
        for encoding in BOTH {
            for mut frame in [encoding.event(&event), encoding.command(1, &send)] {
                let place = at.index(frame.len());
                frame[place] = with;
                let _ = encoding.read_outgoing(&frame);
                let _ = encoding.read_command(&frame);
                frame.truncate(cut.index(frame.len()));
                let _ = encoding.read_outgoing(&frame);
                let _ = encoding.read_command(&frame);
            }
        }
    }

    #[test]
    fn what_a_later_version_adds_is_ignored(bytes in entropy()) {
        let record = Record::any(&mut Source::new(&bytes));

        let mut json: serde_json::Value = serde_json::from_slice(&Encoding::Json.encode(&record)).unwrap();
        json["of_a_later_version"] = serde_json::json!({"deep": [1, null, {"x": "y"}]});
        prop_assert_eq!(Encoding::Json.decode::<Record>(json.to_string().as_bytes()), Ok(record.clone()));

        // All six fields of a record must be given, so its array has always six elements: 0x96.
        let mut msgpack = Encoding::Msgpack.encode(&record);
        prop_assert_eq!(msgpack[0], 0x96);
        msgpack[0] = 0x98;
        msgpack.extend_from_slice(&[0x81, 0xa1, b'x', 0x93, 1, 2, 3, 0xc0]);
        prop_assert_eq!(Encoding::Msgpack.decode::<Record>(&msgpack), Ok(record));
    }

    #[test]
    fn a_structure_may_come_as_a_map_in_msgpack_too(bytes in entropy()) {
        let send = Send::any(&mut Source::new(&bytes));
        // The JSON form, translated value by value: names instead of places, texts instead of bytes and numbers.
        let json: serde_json::Value = serde_json::from_slice(&Encoding::Json.encode(&send)).unwrap();
        let map = rmp_serde::to_vec(&json).unwrap();
        prop_assert_eq!(Encoding::Msgpack.decode::<Send>(&map), Ok(send));
    }
}

fn text(text: &str) -> Content {
    Content::Text(Text { text: text.to_owned() })
}

fn nested(levels: usize) -> Content {
    (0..levels).fold(text("innermost"), |content, _| {
        Content::Merged(Merged {
            title: "a chat".to_owned(),
            messages: vec![MergedMessage { sender: "10001".to_owned(), sent_at_ms: 1, content }],
        })
    })
}

fn send(content: Content) -> Send {
    Send { chat_id: ChatId([7; 16]), client_message_id: "c".to_owned(), content, ..Send::default() }
}

#[test]
fn unknown_kinds_become_unknown() {
    let json = br#"{"event":"hologram","body":{"where":"here"}}"#;
    assert_eq!(Encoding::Json.read_outgoing(json), Ok(Outgoing::Event(Event::Unknown)));
    let without_body = br#"{"event":"hologram"}"#;
    assert_eq!(Encoding::Json.read_outgoing(without_body), Ok(Outgoing::Event(Event::Unknown)));
    for number in [2u64, 99, 255, 256, 70_000] {
        let frame = rmp_serde::to_vec(&(number, ("here", [1, 2, 3]))).unwrap();
        assert_eq!(Encoding::Msgpack.read_outgoing(&frame), Ok(Outgoing::Event(Event::Unknown)), "{number}");
    }
    let content: Content = Encoding::Json.decode(br#"{"hologram":{"key":"k"}}"#).unwrap();
    assert_eq!(content, Content::Unknown);
    let change: Change = Encoding::Msgpack.decode(&rmp_serde::to_vec(&(77, "anything")).unwrap()).unwrap();
    assert_eq!(change, Change::Unknown);
}

#[test]
fn unknown_commands_keep_their_id() {
    let json = br#"{"id":9,"command":"teleport","body":{"to":"mars"}}"#;
    let read = Encoding::Json.read_command(json).unwrap();
    assert_eq!(read, Incoming { id: 9, command: Err(BadCommand::Unknown("teleport".to_owned())) });
    for number in [0u64, 200, 255, 256, u64::MAX] {
        let frame = rmp_serde::to_vec(&(number, 9, ["mars"])).unwrap();
        let read = Encoding::Msgpack.read_command(&frame).unwrap();
        assert_eq!(read, Incoming { id: 9, command: Err(BadCommand::Unknown(number.to_string())) });
    }
}

#[test]
fn a_bad_body_keeps_its_id() {
    let cases = [
        (Encoding::Json, br#"{"id":9,"command":"send","body":{"chat_id":"oc_short"}}"#.to_vec()),
        (Encoding::Json, br#"{"id":9,"command":"send","body":7}"#.to_vec()),
        (Encoding::Json, br#"{"id":9,"command":"send"}"#.to_vec()),
        (Encoding::Msgpack, rmp_serde::to_vec(&(3, 9, ("oc_short",))).unwrap()),
        (Encoding::Msgpack, vec![0x93, 3, 9, 0x97, 0xc4]),
        (Encoding::Msgpack, vec![0x92, 3, 9]),
    ];
    for (encoding, frame) in cases {
        let read = encoding.read_command(&frame).unwrap();
        assert!(matches!(read, Incoming { id: 9, command: Err(BadCommand::Malformed(_)) }), "{frame:02x?}: {read:?}");
    }
}

#[test]
fn a_message_holds_one_frame() {
    let mut two = Encoding::Msgpack.command(1, &Alive {});
    two.extend(Encoding::Msgpack.command(2, &Alive {}));
    let read = Encoding::Msgpack.read_command(&two).unwrap();
    assert!(matches!(read, Incoming { id: 1, command: Err(BadCommand::Malformed(_)) }), "{read:?}");
    let mut two = Encoding::Json.command(1, &Alive {});
    two.extend(Encoding::Json.command(2, &Alive {}));
    assert!(Encoding::Json.read_command(&two).is_err());
}

#[test]
fn lengths_that_lie_take_no_memory() {
    // An array of 4,294,967,295 people, a text of 4 GiB, a map of as many entries: in a frame of a few bytes.
    for lie in [[0xdd, 0xff, 0xff, 0xff, 0xff], [0xdb, 0xff, 0xff, 0xff, 0xff], [0xdf, 0xff, 0xff, 0xff, 0xff]] {
        let mut frame = vec![0x93, 50, 1, 0x91];
        frame.extend(lie);
        let read = Encoding::Msgpack.read_command(&frame).unwrap();
        assert!(matches!(read.command, Err(BadCommand::Malformed(_))), "{read:?}");
    }
}

#[test]
fn deep_nesting_is_refused_before_the_stack_ends() {
    let within_a_small_stack = || {
        let levels = 60_000;
        for byte in [0x91u8, 0x81] {
            // Arrays in arrays, and maps in maps, where a body stands and where an unknown field stands.
            for head in [vec![0x93, 3, 1], vec![0x93, 61, 1, 0x92, 0xa1, b'd']] {
                let mut frame = head;
                frame.extend(std::iter::repeat_n(byte, levels));
                let read = Encoding::Msgpack.read_command(&frame).unwrap();
                assert!(matches!(read.command, Err(BadCommand::Malformed(_))), "{read:?}");
            }
        }
        for (open, close) in [("[", "]"), (r#"{"merged":"#, "}")] {
            let deep = format!("{}0{}", open.repeat(levels), close.repeat(levels));
            let body = format!(r#"{{"id":1,"command":"send","body":{{"content":{deep}}}}}"#);
            let read = Encoding::Json.read_command(body.as_bytes());
            assert!(!matches!(read, Ok(Incoming { command: Ok(_), .. })), "{read:?}");
        }
        // What is just within the bound is read, in the smallest stack that a thread of the server has.
        for encoding in BOTH {
            let deepest = (0..DEPTH).rev().find(|levels| {
                let frame = encoding.command(1, &send(nested(*levels)));
                encoding.read_command(&frame).is_ok_and(|read| read.command.is_ok())
            });
            assert!(deepest.is_some_and(|levels| levels > 8), "{encoding:?}: {deepest:?}");
        }
    };
    // A thread of tokio has 2 MiB.
    std::thread::Builder::new().stack_size(2 << 20).spawn(within_a_small_stack).unwrap().join().unwrap();
}

#[test]
fn both_encodings_refuse_the_same_depth() {
    let deepest = BOTH.map(|encoding| {
        (0..DEPTH).find(|levels| {
            let frame = encoding.command(1, &send(nested(*levels)));
            !encoding.read_command(&frame).is_ok_and(|read| read.command.is_ok())
        })
    });
    assert_eq!(deepest[0], deepest[1]);
}

#[test]
fn empty_fields_at_the_end_are_left_out_in_msgpack() {
    let send = Send { chat_id: ChatId([1; 16]), client_message_id: "a".to_owned(), content: text("hi"), ..Send::default() };
    let frame = Encoding::Msgpack.command(7, &send);
    let mut expected = vec![0x93, 3, 7, 0x93, 0xc4, 16];
    expected.extend([1; 16]);
    expected.extend([0xa1, b'a', 0x92, 1, 0x91, 0xa2, b'h', b'i']);
    assert_eq!(frame, expected);

    let answered = Send { reply_to: Some(MessageId([2; 16])), ..send };
    let Ok(Incoming { command: Ok(Command::Send(read)), .. }) = Encoding::Msgpack.read_command(&Encoding::Msgpack.command(7, &answered))
    else {
        panic!("it is a send");
    };
    assert_eq!(read, answered);
}

#[test]
fn ids_are_read_in_either_letter_case_and_in_no_other_form() {
    let id: ChatId = "oc_00112233445566778899aAbBcCdDeEfF".parse().unwrap();
    assert_eq!(id.to_string(), "oc_00112233445566778899aabbccddeeff");
    for wrong in [
        "",
        "oc_",
        "om_00112233445566778899aabbccddeeff",
        "oc_00112233445566778899aabbccddeef",
        "oc_00112233445566778899aabbccddeeff0",
        "oc_+0112233445566778899aabbccddeeff",
    ] {
        assert!(wrong.parse::<ChatId>().is_err(), "{wrong}");
    }
    assert!(Encoding::Msgpack.decode::<ChatId>(&rmp_serde::to_vec(&serde_bytes_of(&[1; 15])).unwrap()).is_err());
}

/// A value that MessagePack writes as bytes.
fn serde_bytes_of(bytes: &[u8]) -> impl serde::Serialize + '_ {
    struct Bytes<'a>(&'a [u8]);
    impl serde::Serialize for Bytes<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    Bytes(bytes)
}
