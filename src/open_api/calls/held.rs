//! Holds the table of calls true while the server runs in a debug build: what is read was declared, and so is what is
//! replied. A difference is loud: the call fails, and the text says what to change.

use super::field::{Field, Kind};
use super::{BodyForm, CallEntry, ReplyForm};
use crate::open_api::envelope::Reply;
use serde_json::{Map, Value};

/// What is being read of a request.
#[derive(Debug, Clone, Copy)]
pub enum Read<'a> {
    /// Whatever it holds.
    AsItIs,
    /// It must be there.
    Required,
    /// True or false.
    Flag,
    /// A number between these.
    Number(u64, u64),
    /// A text with at most so many characters.
    Text(usize),
    /// A list with at most so many entries.
    List(usize),
    /// One of these words.
    Word(&'a [&'a str]),
    /// One of the words of a type.
    Typed,
}

/// Fails when the query's field is not declared, or otherwise.
pub fn asked(entry: &CallEntry, name: &str, read: Read) {
    declared(entry, "query", entry.query, name, read);
}

/// Fails when the body's field is not declared, or otherwise.
pub fn sent(entry: &CallEntry, name: &str, read: Read) {
    let fields = match entry.body {
        BodyForm::None | BodyForm::Bytes => &[],
        BodyForm::Json(fields) | BodyForm::Multipart(fields) => fields,
    };
    declared(entry, "body", fields, name, read);
}

fn declared(entry: &CallEntry, place: &str, fields: &[Field], name: &str, read: Read) {
    let field = fields.iter().find(|field| field.name == name);
    assert!(field.is_some(), "the call `{entry:?}` reads `{name}` of its {place}, which its entry in the table of calls does not declare");
    let Some(field) = field else { return };
    let fits = match (read, &field.kind) {
        (Read::Required, _) => field.required,
        (Read::AsItIs, _) | (Read::Flag, Kind::Flag) | (Read::Typed, Kind::Words(_)) => true,
        (Read::Number(min, max), Kind::Number) => field.min.unwrap_or(0) == min && field.max == Some(max),
        (Read::Text(max), Kind::Text) | (Read::List(max), Kind::List(_)) => field.max == Some(max as u64),
        (Read::Word(read), Kind::Words(words)) => read.iter().filter(|word| !word.is_empty()).eq(words.iter()),
        _ => false,
    };
    assert!(
        fits,
        "the call `{entry:?}` reads `{name}` of its {place} as {read:?}, but its entry in the table of calls declares {:?} from {:?} to {:?}",
        field.kind, field.min, field.max
    );
}

/// Fails when a reply is not as declared.
pub fn replied(entry: &CallEntry, reply: &Reply) {
    match (&entry.reply, reply) {
        (ReplyForm::Data(fields), Reply::Data(value)) | (ReplyForm::Flat(fields), Reply::Flat(value)) => {
            fits(entry, "", &Kind::Object(fields), value)
        }
        (declared, replied) => {
            let bytes = matches!((declared, replied), (ReplyForm::Bytes(_), Reply::Raw(_)));
            assert!(bytes, "the call `{entry:?}` replies in another form than its entry declares: {declared:?}");
        }
    }
}

fn compare(entry: &CallEntry, at: &str, fields: &[Field], object: &Map<String, Value>) {
    for (name, value) in object {
        let field = fields.iter().find(|field| field.name == name);
        assert!(field.is_some(), "the call `{entry:?}` replies `{at}.{name}`, which its entry in the table of calls does not declare");
        if let Some(field) = field {
            fits(entry, &format!("{at}.{name}"), &field.kind, value);
        }
    }
    let missing = fields.iter().find(|field| field.required && !object.contains_key(field.name)).map(|field| field.name);
    assert!(missing.is_none(), "the call `{entry:?}` replies `{at}` without {missing:?}, which its entry declares to be always there");
}

fn fits(entry: &CallEntry, at: &str, kind: &Kind, value: &Value) {
    let fits_kind = match (kind, value) {
        (Kind::Any, _) | (Kind::Text, Value::String(_)) | (Kind::Flag, Value::Bool(_)) => true,
        (Kind::Number, Value::Number(number)) => !number.is_f64(),
        (Kind::Words(words), Value::String(word)) => words.contains(&word.as_str()),
        (Kind::List(of), Value::Array(entries)) => {
            entries.iter().for_each(|one| fits(entry, &format!("{at}[]"), of, one));
            true
        }
        (Kind::Object(fields), Value::Object(object)) => {
            compare(entry, at, fields, object);
            true
        }
        (Kind::Map(of), Value::Object(object)) => {
            object.iter().for_each(|(name, one)| fits(entry, &format!("{at}.{name}"), of, one));
            true
        }
        _ => false,
    };
    assert!(
        fits_kind,
        "the call `{entry:?}` replies {} for `{at}`, but its entry declares {kind:?}",
        crate::error::clip(&value.to_string())
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_api::calls;
    use crate::open_api::input::Input;
    use serde_json::json;

    fn entry(call: &str) -> &'static CallEntry {
        calls::all().find(|entry| format!("{entry:?}") == call).expect("the call is in the table")
    }

    /// What a check says when it fails.
    fn said(check: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = std::panic::catch_unwind(check).expect_err("the check fails");
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    }

    #[test]
    fn a_reply_that_is_not_as_declared_is_told() {
        let is_in_chat = entry("GET im/v1/chats/:chat_id/members/is_in_chat");
        replied(is_in_chat, &Reply::Data(json!({ "is_in_chat": true })));
        for (reply, expected) in [
            (json!({ "is_in_chat": true, "chat_id": "oc_1" }), "replies `.chat_id`"),
            (json!({}), "replies `` without Some(\"is_in_chat\")"),
            (json!({ "is_in_chat": "true" }), "replies \"true\" for `.is_in_chat`"),
            (json!({ "is_in_chat": null }), "replies null for `.is_in_chat`"),
            (json!([]), "replies [] for ``"),
        ] {
            let text = said(|| replied(is_in_chat, &Reply::Data(reply)));
            assert!(text.contains(expected), "{text}");
        }
        let text = said(|| replied(is_in_chat, &Reply::Flat(json!({ "is_in_chat": true }))));
        assert!(text.contains("in another form"), "{text}");
        let list = entry("GET im/v1/chats/:chat_id/members");
        let text = said(|| replied(list, &Reply::Data(json!({ "has_more": false, "items": [{ "member_id": 1 }] }))));
        assert!(text.contains("`.items[].member_id`"), "{text}");
    }

    #[test]
    fn a_field_that_is_read_otherwise_than_declared_is_told() {
        let list = entry("GET im/v1/chats");
        let input = || Input::read(Vec::new(), &"/".parse().expect("a path"), b"").expect("no body is one").of(list);
        assert_eq!(input().asked_number("page_size", 20, 1, 100), 20);
        for (read, expected) in [
            ((|mut input| _ = input.asked_number("page_size", 20, 1, 50)) as fn(Input), "reads `page_size` of its query as Number(1, 50)"),
            (|mut input| _ = input.asked_flag("page_size"), "as Flag"),
            (|input| _ = input.asked("colour"), "reads `colour` of its query"),
            (|mut input| _ = input.asked_required("sort_type"), "as Required"),
            (|mut input| _ = input.asked_word("sort_type", &["ByCreateTimeAsc"], "").len(), "as Word([\"ByCreateTimeAsc\"])"),
            (|mut input| _ = input.text("name"), "reads `name` of its body"),
        ] {
            let input = input();
            let text = said(std::panic::AssertUnwindSafe(move || read(input)));
            assert!(text.contains(expected), "{text}");
        }
    }
}
