//! Frames that are not as the document says: those that are read all the same, and those that are not, with what becomes
//! of them.

use super::samples::{CHAT, MESSAGE};
use protocol::codec::Encoding;
use protocol::command::{Alive, Inbox, Send};
use protocol::content::{Content, Merged, MergedMessage, Text};
use serde::Serialize;
use serde_json::{Value, json};

fn packed<T: Serialize>(value: &T) -> String {
    hex::encode(rmp_serde::to_vec(value).expect("writing to memory does not fail"))
}

/// Bytes of a vector's frame, without what it is padded with.
pub fn payload(vector: &Value) -> Vec<u8> {
    match vector["payload"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex::decode(vector["payload_hex"].as_str().expect("a payload")).expect("hexadecimal"),
    }
}

pub fn tolerated() -> Vec<Value> {
    let mut vectors = Vec::new();
    let mut json = |name: &str, direction: &str, frame: Value, reads_as: Value| {
        vectors.push(json!({"name": name, "direction": direction, "json": frame, "reads_as": reads_as}));
    };
    let typing = json!({"event": "typing", "body": {"chat_id": CHAT, "user_id": "10002"}});
    json("json_event_of_a_later_version", "server", json!({"event": "hologram", "body": {"of": [1, {"x": null}]}}), Value::Null);
    json("json_event_of_a_later_version_without_body", "server", json!({"event": "hologram"}), Value::Null);
    json(
        "json_fields_of_a_later_version",
        "server",
        json!({"event": "typing", "priority": 1, "body": {"chat_id": CHAT, "mood": {"deep": ["x"]}, "user_id": "10002"}}),
        typing.clone(),
    );
    json("json_lists_and_booleans_left_out", "server", json!({"id": 7, "reply": {"seq": 20}}), json!({"id": 7, "reply": {"seq": 20}}));
    json(
        "json_null_is_missing",
        "client",
        json!({"id": 7, "command": "history", "body": {"chat_id": CHAT, "before": null, "limit": null}}),
        json!({"id": 7, "command": "history", "body": {"chat_id": CHAT}}),
    );
    json(
        "json_body_left_out",
        "client",
        json!({"id": 7, "command": "inbox"}),
        json!({"id": 7, "command": "inbox", "body": {"chat_ids": []}}),
    );
    json(
        "json_word_as_number",
        "client",
        json!({"id": 7, "command": "set_presence", "body": {"state": 2}}),
        json!({"id": 7, "command": "set_presence", "body": {"state": "away"}}),
    );

    let chat = hex::decode(&CHAT[3..]).expect("hexadecimal");
    let chat = Bytes(&chat);
    let mut msgpack = |name: &str, direction: &str, frame: String, reads_as: Value| {
        vectors.push(json!({"name": name, "direction": direction, "msgpack": frame, "reads_as": reads_as}));
    };
    msgpack("msgpack_event_of_a_later_version", "server", packed(&(99, ("x", [1, 2]))), Value::Null);
    msgpack("msgpack_event_with_a_large_number", "server", packed(&(70_000, 1)), Value::Null);
    msgpack("msgpack_elements_of_a_later_version", "server", packed(&(13, (&chat, "10002", ["mood"], 5), "after the body")), typing);
    msgpack("msgpack_body_left_out", "client", packed(&(14, 7)), json!({"id": 7, "command": "inbox", "body": {"chat_ids": []}}));
    msgpack(
        "msgpack_nil_at_the_end",
        "client",
        packed(&(12, 7, (&chat, (), (), (), ()))),
        json!({"id": 7, "command": "history", "body": {"chat_id": CHAT}}),
    );
    msgpack(
        "msgpack_map_with_names_and_texts",
        "client",
        packed(&(3, 7, json!({"chat_id": CHAT, "client_message_id": "a", "content": {"text": {"text": "hi"}}, "mention_all": true}))),
        json!({"id": 7, "command": "send", "body": {"chat_id": CHAT, "client_message_id": "a", "content": {"text": {"text": "hi"}}, "in_thread": false, "mentions": [], "mention_all": true}}),
    );
    msgpack(
        "msgpack_word_as_text",
        "client",
        packed(&(41, 7, ("away",))),
        json!({"id": 7, "command": "set_presence", "body": {"state": "away"}}),
    );
    // The id 7 in nine bytes, the body's array with a length of four.
    msgpack(
        "msgpack_wide_numbers_and_lengths",
        "client",
        "dd00000003cd0029cf0000000000000007dc0001cc02".to_owned(),
        json!({"id": 7, "command": "set_presence", "body": {"state": "away"}}),
    );
    vectors
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn deep(levels: usize) -> Send {
    let innermost = Content::Text(Text { text: "innermost".to_owned() });
    let content = (0..levels).fold(innermost, |content, _| {
        Content::Merged(Merged { title: "t".to_owned(), messages: vec![MergedMessage { sender: "1".to_owned(), sent_at_ms: 1, content }] })
    });
    Send { chat_id: CHAT.parse().expect("an id"), client_message_id: "a".to_owned(), content, ..Send::default() }
}

/// Bytes of one frame that a connection takes by default.
const FRAME_BYTES: usize = 262_144;

pub fn malformed() -> Vec<Value> {
    let mut vectors = Vec::new();
    let close = |number: u16| json!({"close": number});
    let error = |number: u16| json!({"error": number, "id": 7});
    let send = |field: &str, value: Value| {
        let mut body = json!({"chat_id": CHAT, "client_message_id": "a", "content": {"text": {"text": "hi"}}});
        body[field] = value;
        json!({"id": 7, "command": "send", "body": body}).to_string()
    };

    let mut json = |name: &str, payload: &str, outcome: Value| {
        vectors.push(json!({"name": name, "encoding": "json", "frame": "text", "payload": payload, "outcome": outcome}));
    };
    json("json_empty", "", close(4200));
    json("json_no_json", "hello", close(4200));
    json("json_cut_off", r#"{"id":7,"command":"inbox","body":{"#, close(4200));
    json("json_two_frames", r#"{"id":7,"command":"devices"}{"id":8,"command":"devices"}"#, close(4200));
    json("json_a_number", "7", close(4200));
    json("json_without_id", r#"{"command":"inbox","body":{}}"#, close(4200));
    json("json_without_command", r#"{"id":7,"body":{}}"#, close(4200));
    json("json_negative_id", r#"{"id":-1,"command":"inbox","body":{}}"#, close(4200));
    json("json_id_too_large", r#"{"id":4294967296,"command":"inbox","body":{}}"#, close(4200));
    json("json_id_as_text", r#"{"id":"7","command":"inbox","body":{}}"#, close(4200));
    json("json_command_as_number", r#"{"id":7,"command":14,"body":{}}"#, close(4200));
    json("json_an_event_from_a_client", r#"{"event":"typing","body":{}}"#, close(4200));
    json("json_unknown_command", r#"{"id":7,"command":"teleport","body":{"to":"mars"}}"#, error(1002));
    json("json_unknown_command_without_id", r#"{"id":0,"command":"teleport"}"#, json!({"silence": true}));
    json("json_bad_body_without_id", r#"{"id":0,"command":"send","body":{}}"#, json!({"silence": true}));
    json("json_command_in_capitals", r#"{"id":7,"command":"INBOX","body":{}}"#, error(1002));
    json("json_body_missing", r#"{"id":7,"command":"send"}"#, error(1001));
    json("json_body_is_a_text", r#"{"id":7,"command":"send","body":"hi"}"#, error(1001));
    json("json_chat_id_missing", r#"{"id":7,"command":"history","body":{}}"#, error(1001));
    json("json_chat_id_too_short", &send("chat_id", json!("oc_12")), error(1001));
    json("json_chat_id_is_a_message_id", &send("chat_id", json!(MESSAGE)), error(1001));
    json("json_chat_id_is_null", &send("chat_id", Value::Null), error(1001));
    json("json_content_is_a_text", &send("content", json!("hi")), error(1001));
    json("json_text_is_a_number", &send("content", json!({"text": {"text": 7}})), error(1001));
    json("json_mentions_is_null", &send("mentions", Value::Null), error(1001));
    json("json_mentions_is_a_text", &send("mentions", json!("10002")), error(1001));
    json("json_mention_all_is_a_number", &send("mention_all", json!(1)), error(1001));
    json("json_seq_is_negative", &format!(r#"{{"id":7,"command":"history","body":{{"chat_id":"{CHAT}","before":-1}}}}"#), error(1001));
    json("json_seq_has_a_fraction", &format!(r#"{{"id":7,"command":"history","body":{{"chat_id":"{CHAT}","before":1.5}}}}"#), error(1001));
    json("json_unknown_word", r#"{"id":7,"command":"set_presence","body":{"state":"asleep"}}"#, error(1001));
    json("json_word_that_is_not_allowed", r#"{"id":7,"command":"set_presence","body":{"state":"offline"}}"#, error(1004));
    json("json_unpaired_surrogate", &send("content", json!({"text": {"text": "X"}})).replace('X', r"\ud800"), error(1001));
    json(
        "json_nests_too_deep",
        &send("content", json!(null)).replace("null", &format!("{}0{}", r#"{"merged":"#.repeat(500), "}".repeat(500))),
        error(1001),
    );
    json("json_a_chat_of_nobody", &send("in_thread", json!(false)), error(2001));
    json("json_a_message_of_nobody", &format!(r#"{{"id":7,"command":"recall","body":{{"message_id":"{MESSAGE}"}}}}"#), error(2003));
    json("json_a_second_hello", r#"{"id":7,"command":"hello","body":{"device_id":"laptop-7f3a","version":1}}"#, error(1005));

    let mut msgpack = |name: &str, payload: String, outcome: Value| {
        vectors.push(json!({"name": name, "encoding": "msgpack", "frame": "binary", "payload_hex": payload, "outcome": outcome}));
    };
    let inbox = hex::encode(Encoding::Msgpack.command(7, &Inbox::default()));
    let two = format!("{inbox}{inbox}");
    msgpack("msgpack_empty", String::new(), close(4200));
    msgpack("msgpack_reserved_byte", "c1".to_owned(), close(4200));
    msgpack("msgpack_a_number", packed(&7), close(4200));
    msgpack("msgpack_a_map", packed(&json!({"id": 7, "command": "inbox"})), close(4200));
    msgpack("msgpack_empty_array", "90".to_owned(), close(4200));
    msgpack("msgpack_without_id", packed(&(14,)), close(4200));
    msgpack("msgpack_command_as_text", packed(&("inbox", 7, ())), close(4200));
    msgpack("msgpack_negative_id", packed(&(14, -1, ())), close(4200));
    msgpack("msgpack_id_too_large", packed(&(14, 1u64 << 32, ())), close(4200));
    msgpack("msgpack_id_is_nil", packed(&(14, (), ())), close(4200));
    msgpack("msgpack_cut_off_in_the_id", "930ecd00".to_owned(), close(4200));
    msgpack("msgpack_unknown_command", packed(&(200, 7, ["mars"])), error(1002));
    msgpack("msgpack_unknown_command_over_a_byte", packed(&(70_000, 7, ["mars"])), error(1002));
    msgpack("msgpack_body_left_out_that_must_be_given", packed(&(10, 7)), error(1001));
    msgpack("msgpack_cut_off_in_the_body", "93030791c410".to_owned(), error(1001));
    msgpack("msgpack_two_frames", two, error(1001));
    msgpack("msgpack_body_is_nil", packed(&(12, 7, ())), error(1001));
    msgpack("msgpack_chat_id_of_15_bytes", packed(&(12, 7, (Bytes(&[1; 15]),))), error(1001));
    msgpack("msgpack_chat_id_is_nil", packed(&(12, 7, ((), 5))), error(1001));
    msgpack("msgpack_mentions_is_nil", packed(&(3, 7, (Bytes(&[1; 16]), "a", (1, ("hi",)), (), false, ()))), error(1001));
    msgpack("msgpack_text_is_not_utf8", format!("93030793c410{}a161920191a2c328", "01".repeat(16)), error(1001));
    msgpack("msgpack_unknown_word", packed(&(41, 7, (9,))), error(1001));
    msgpack("msgpack_list_with_a_lying_length", "93320791ddffffffff".to_owned(), error(1001));
    msgpack("msgpack_text_with_a_lying_length", "933d0791dbffffffff".to_owned(), error(1001));
    msgpack("msgpack_nests_too_deep", hex::encode(Encoding::Msgpack.command(7, &deep(40))), error(1001));
    msgpack("msgpack_arrays_without_end", format!("93030796{}", "91".repeat(5_000)), error(1001));

    let alive = String::from_utf8(Encoding::Json.command(0, &Alive {})).expect("JSON is UTF-8");
    let binary_alive = hex::encode(Encoding::Msgpack.command(0, &Alive {}));
    vectors.extend([
        json!({"name": "json_in_a_binary_frame", "encoding": "json", "frame": "binary", "payload_hex": hex::encode(&alive), "outcome": close(4200)}),
        json!({"name": "text_frame_on_msgpack", "encoding": "msgpack", "frame": "text", "payload": alive, "outcome": close(4200)}),
        json!({"name": "json_frame_too_large", "encoding": "json", "frame": "text", "payload": alive, "padded_to_bytes": FRAME_BYTES + 1, "outcome": close(4202)}),
        json!({"name": "json_frame_just_not_too_large", "encoding": "json", "frame": "text", "payload": alive, "padded_to_bytes": FRAME_BYTES, "outcome": {"silence": true}}),
        json!({"name": "msgpack_frame_too_large", "encoding": "msgpack", "frame": "binary", "payload_hex": binary_alive, "padded_to_bytes": FRAME_BYTES + 1, "outcome": close(4202)}),
        json!({"name": "no_hello_but_inbox", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"inbox"}"#, "outcome": close(4200)}),
        json!({"name": "no_hello_but_an_unknown_command", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"teleport"}"#, "outcome": close(4200)}),
        json!({"name": "no_hello_but_alive", "encoding": "msgpack", "frame": "binary", "before_hello": true, "payload_hex": binary_alive, "outcome": close(4200)}),
        json!({"name": "hello_without_device", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"hello","body":{"token":"t","version":1}}"#, "outcome": close(4200)}),
        json!({"name": "hello_with_a_bad_device", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"hello","body":{"token":"t","device_id":"a b","version":1}}"#, "outcome": close(4200)}),
        json!({"name": "hello_with_version_0", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"hello","body":{"token":"t","device_id":"laptop-7f3a","version":0}}"#, "outcome": close(4201)}),
        json!({"name": "hello_without_token", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"hello","body":{"device_id":"laptop-7f3a","version":1}}"#, "outcome": close(4100)}),
        json!({"name": "hello_with_a_token_of_nobody", "encoding": "json", "frame": "text", "before_hello": true, "payload": r#"{"id":7,"command":"hello","body":{"token":"not-a-token","device_id":"laptop-7f3a","version":1}}"#, "outcome": close(4100)}),
    ]);
    vectors
}
