//! The audit log: what each call that changes something leaves in it, and the call that reads it.

use super::OpenApi;
use super::calls::field::{Field, Kind};
use super::calls::{BodyForm, CallEntry};
use super::envelope::{Answer, Call, Reply};
use super::error::{Act, Refusal, Refused};
use super::input::Input;
use super::page::{self, Page};
use crate::audit::{self, AuditEntry, Place, Wanted};
use crate::auth::AppEntry;
use serde_json::{Map, Value, json};

/// Entries on one page when nothing is said.
const PAGE_DEFAULT: usize = 50;
/// Entries on one page.
pub const PAGE_MAX: usize = 500;
/// Characters of one text in a summary.
const TEXT_CHARACTERS_MAX: usize = 64;
/// Entries of one list in a summary.
const LIST_ENTRIES_MAX: usize = 10;
/// Bytes of a summary, about: one field more may go over it.
const SUMMARY_BYTES_MAX: usize = 1_024;
/// Fields of a body and of a reply that say what a call is about.
const TARGETS: &[&str] = &[
    "chat_id",
    "message_id",
    "receive_id",
    "user_id",
    "open_id",
    "department_id",
    "open_department_id",
    "image_key",
    "file_key",
    "thread_id",
    "batch_message_id",
    "tab_id",
    "reaction_id",
    "urgent_id",
];
/// Objects of a reply that are what the call made.
const MADE: &[&str] = &["user", "department", "message", "pin"];
/// Parts of paths that are secrets.
const SECRET_PARTS: &[&str] = &["token"];

/// A call that is under way. When it ends, however that is, its entry is written down.
pub struct Noted(audit::Noted);

impl Noted {
    /// Takes a place for the entry of a call, before the call does anything.
    ///
    /// # Errors
    /// The audit log cannot be written, so that nothing may be changed.
    pub fn begin(
        api: &OpenApi,
        call: &CallEntry,
        app: Option<&AppEntry>,
        input: &Input,
        address: String,
        log_id: String,
    ) -> Result<Self, Refusal> {
        let mut targets: Vec<String> =
            input.parts().filter(|(name, _)| !SECRET_PARTS.contains(name)).map(|(_, value)| crate::error::clip(value)).collect();
        targets.extend(ids(input.body()));
        let summary = match call.body {
            BodyForm::Json(fields) if !input.body().is_empty() => summary(fields, input.body()),
            _ => String::new(),
        };
        let app_id = app.map(|app| app.app_id.clone()).unwrap_or_default();
        let entry = AuditEntry { app_id, call: format!("{call:?}"), targets, summary, address, log_id, ..AuditEntry::default() };
        api.audit.begin(entry).map(Self).or_refuse(Act::Chat)
    }

    /// Takes a place for the entry of a message to the address of a group's own bot. The address is a secret; which bot it is of
    /// and where that one posts stand in the entry's targets.
    ///
    /// # Errors
    /// The audit log cannot be written, so that nothing may be posted.
    pub fn begin_hook(api: &OpenApi, call: &CallEntry, targets: Vec<String>, address: String, log_id: String) -> Result<Self, Refusal> {
        let entry = AuditEntry { call: format!("{call:?}"), targets, address, log_id, ..AuditEntry::default() };
        api.audit.begin(entry).map(Self).or_refuse(Act::Send)
    }

    /// A message was posted, or refused with this.
    pub fn ended_hook(mut self, posted: &Result<(), Refusal>) {
        self.0.entry.code = Some(code_of(posted));
    }

    /// The call ended so.
    pub fn ended(mut self, outcome: &Answer) {
        self.0.entry.code = Some(code_of(outcome));
        if let Ok(Reply::Data(Value::Object(made))) = outcome {
            let inner = MADE.iter().filter_map(|name| made.get(*name)?.as_object());
            for id in ids(made).chain(inner.flat_map(ids)) {
                if !self.0.entry.targets.contains(&id) {
                    self.0.entry.targets.push(id);
                }
            }
        }
    }
}

/// How a call ended: 0 when it was done.
fn code_of<T>(outcome: &Result<T, Refusal>) -> u32 {
    outcome.as_ref().map_or_else(|refusal| refusal.code, |_| 0)
}

fn ids(object: &Map<String, Value>) -> impl Iterator<Item = String> {
    TARGETS.iter().filter_map(|name| object.get(*name)?.as_str()).filter(|id| !id.is_empty()).map(crate::error::clip)
}

/// A body, shortened, without what people wrote and without secrets. What the call does not know is left out.
fn summary(fields: &[Field], body: &Map<String, Value>) -> String {
    let mut short = Map::new();
    let mut size = 0;
    for field in fields {
        let Some(value) = body.get(field.name).filter(|value| !value.is_null()) else { continue };
        if size > SUMMARY_BYTES_MAX {
            short.insert("…".into(), json!("more fields"));
            break;
        }
        let value = shortened(field, value);
        size += field.name.len() + value.to_string().len();
        short.insert(field.name.to_owned(), value);
    }
    Value::Object(short).to_string()
}

fn shortened(field: &Field, value: &Value) -> Value {
    match value {
        Value::String(text) if field.private => json!(format!("({} characters)", text.chars().count())),
        _ if field.private => json!("(left out)"),
        _ => shortened_as(&field.kind, value),
    }
}

fn shortened_as(kind: &Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Object(fields), Value::Object(object)) => {
            let known = fields.iter().filter_map(|field| Some((field.name.to_owned(), shortened(field, object.get(field.name)?))));
            Value::Object(known.collect())
        }
        (Kind::List(of), Value::Array(list)) => {
            let mut short: Vec<Value> = list.iter().take(LIST_ENTRIES_MAX).map(|one| shortened_as(of, one)).collect();
            if list.len() > LIST_ENTRIES_MAX {
                short.push(json!(format!("({} in all)", list.len())));
            }
            Value::Array(short)
        }
        (Kind::Map(of), Value::Object(object)) => Value::Object(
            object.iter().take(LIST_ENTRIES_MAX).map(|(name, one)| (crate::error::clip(name), shortened_as(of, one))).collect(),
        ),
        (_, Value::String(text)) => match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
            Some((end, _)) => json!(format!("{}…", &text[..end])),
            None => value.clone(),
        },
        (_, Value::Array(_) | Value::Object(_)) => json!("(left out)"),
        _ => value.clone(),
    }
}

/// `GET clarion/v1/audit`
pub async fn list(mut call: Call) -> Answer {
    let input = &mut call.input;
    let forward = input.asked_word("sort_type", &["ByCreateTimeDesc", "ByCreateTimeAsc"], "ByCreateTimeDesc") == "ByCreateTimeAsc";
    let from_s = input.asked_number("start_time", 0, 0, u32::MAX.into());
    let until_s = input.asked_number("end_time", u32::MAX.into(), 0, u32::MAX.into());
    let (app_id, user_id) = (input.asked("app_id"), input.asked("user_id"));
    let (asked, target) = (input.asked("call"), input.asked("target_id"));
    let page = Page::read(input, PAGE_DEFAULT, PAGE_MAX);
    input.checked()?;
    let behind = page.token.as_deref().map(|token| parse_token(token, forward)).transpose()?;
    let wanted = Wanted {
        from_ms: from_s * 1_000,
        // A whole second belongs to its number.
        until_ms: (until_s + 1) * 1_000,
        backward: !forward,
        behind,
        app_id,
        user_id,
        call: asked,
        target,
        limit: page.size,
    };
    let (found, next) = call.api.audit.list(&wanted).await.or_refuse(Act::Chat)?;
    let items = found.into_iter().map(|(place, entry)| call.api.audit_object(place, entry)).collect();
    Ok(page::reply(items, next.map(|place| print_token(place, forward))))
}

fn print_token(place: Place, forward: bool) -> String {
    format!("{}{place}", if forward { 'a' } else { 'd' })
}

fn parse_token(token: &str, forward: bool) -> Result<Place, Refusal> {
    let place = token.strip_prefix(if forward { 'a' } else { 'd' });
    place.and_then(|place| place.parse().ok()).ok_or_else(|| page::wrong_token(token))
}

impl OpenApi {
    fn audit_object(&self, place: Place, entry: AuditEntry) -> Value {
        let mut object = json!({
            "create_time": place.at_ms.to_string(),
            "call": entry.call,
            "target_ids": entry.targets,
            "outcome": match entry.code { Some(0) => "done", Some(_) => "refused", None => "unknown" },
            "address": entry.address,
            "log_id": entry.log_id,
        });
        if let Some(app) = self.auth.app(&entry.app_id) {
            object["app_name"] = json!(app.name);
        }
        if !entry.app_id.is_empty() {
            object["app_id"] = json!(entry.app_id);
        }
        for (name, value) in [("user_id", entry.user_id), ("device_id", entry.device_id)] {
            if !value.is_empty() {
                object[name] = json!(value);
            }
        }
        if let Some(code) = entry.code {
            object["code"] = json!(code);
        }
        if let Ok(summary) = serde_json::from_str::<Value>(&entry.summary) {
            object["body"] = summary;
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_api::calls::field::{list, map, number, object, text, texts};

    #[test]
    fn a_summary_is_short_and_tells_nothing_that_people_wrote() {
        const FIELDS: &[Field] = &[
            text("name", "Name."),
            text("content", "What it says.").private(),
            texts("ids", "Ids."),
            object("card", &[text("title", "Title.").private(), number("size", "Size.")], "A card."),
            list("rows", &Kind::Object(&[text("text", "Text.").private()]), "Rows."),
            map("names", &Kind::Text, "Names."),
        ];
        let ids: Vec<String> = (0..10_000).map(|number| format!("e{number}")).collect();
        let body = json!({
            "name": "x".repeat(10_000), "content": "{\"text\":\"secret\"}", "ids": ids, "card": { "title": "secret", "size": 3, "more": "secret" },
            "rows": [{ "text": "secret" }], "names": { "zh_cn": "报警" }, "unknown": "secret",
        });
        let summary = summary(FIELDS, body.as_object().expect("an object"));
        assert!(!summary.contains("secret") && summary.len() < 1_000, "{summary}");
        let short: Value = serde_json::from_str(&summary).expect("JSON");
        assert_eq!((&short["content"], &short["ids"][10]), (&json!("(17 characters)"), &json!("(10000 in all)")));
        assert_eq!((&short["card"]["size"], &short["names"]["zh_cn"]), (&json!(3), &json!("报警")));
    }

    #[test]
    fn a_summary_of_any_body_is_bounded() {
        let fields: Vec<Field> = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| texts(name, "Texts.")).to_vec();
        let body: Map<String, Value> = fields.iter().map(|field| (field.name.to_owned(), json!(vec!["字".repeat(1_000); 1_000]))).collect();
        let summary = summary(&fields, &body);
        assert!(summary.len() < 4 * SUMMARY_BYTES_MAX && summary.contains("more fields"), "{}", summary.len());
    }
}
