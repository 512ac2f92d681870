//! What a call brings: path, query and body, read leniently, with every wrong field named at once.

use super::calls::CallEntry;
#[cfg(debug_assertions)]
use super::calls::held::{self, Read};
use super::error::{Refusal, Violation};
use axum::http::Uri;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Characters of a `uuid`, by which a call is recognised that is made again.
pub const UUID_CHARACTERS_MAX: usize = 50;

/// Path, query and body of a call. The readers note what is wrong; [`Input::checked`] refuses the call for it.
#[derive(Debug, Default)]
pub struct Input {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Map<String, Value>,
    violations: Vec<Violation>,
    /// What is read is held against it.
    #[cfg(debug_assertions)]
    entry: Option<&'static CallEntry>,
}

/// In debug builds, fails when the entry of the call does not declare what is read here.
macro_rules! held {
    ($input:ident, $place:ident, $name:ident, $read:expr) => {
        #[cfg(debug_assertions)]
        if let Some(entry) = $input.entry {
            held::$place(entry, $name, $read);
        }
    };
}

impl Input {
    /// Reads a request. The content type does not matter; an empty body is an empty object.
    ///
    /// # Errors
    /// `9499` when the body is not a JSON object.
    pub fn read(path: Vec<(String, String)>, uri: &Uri, body: &[u8]) -> Result<Self, Refusal> {
        let query = uri.query().map(pairs).unwrap_or_default();
        let body = if body.iter().all(u8::is_ascii_whitespace) {
            Map::new()
        } else {
            match serde_json::from_slice(body) {
                Ok(Value::Object(body)) => body,
                Ok(Value::Null) => Map::new(),
                Ok(_) => return Err(Refusal::bad_request("the body is JSON, but not an object")),
                Err(error) => return Err(Refusal::bad_request(format!("the body is not JSON: {error}"))),
            }
        };
        Ok(Self { path, query, body, ..Self::default() })
    }

    /// The same as the input of this call.
    #[cfg_attr(not(debug_assertions), expect(unused_mut, unused_variables))]
    pub fn of(mut self, entry: &'static CallEntry) -> Self {
        #[cfg(debug_assertions)]
        {
            self.entry = Some(entry);
        }
        self
    }

    /// Notes that a field is wrong.
    pub fn wrong(&mut self, field: &str, value: &str, description: impl Into<String>) {
        self.violations.push(Violation { field: field.to_owned(), value: crate::error::clip(value), description: description.into() });
    }

    /// Refuses the call when something that was read is wrong.
    pub fn checked(&mut self) -> Result<(), Refusal> {
        if self.violations.is_empty() { Ok(()) } else { Err(Refusal::fields(std::mem::take(&mut self.violations))) }
    }

    /// Name and value of every part of the path.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.path.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body as it came.
    pub fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// A part of the path.
    pub fn path(&self, name: &str) -> String {
        self.path.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// A value of the query; an empty one is none. Of several the last counts, because the SDKs repeat a key that is set
    /// anew.
    pub fn asked(&self, name: &str) -> Option<String> {
        held!(self, asked, name, Read::AsItIs);
        self.query.iter().rev().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.clone())
    }

    /// A value of the query that must be there.
    pub fn asked_required(&mut self, name: &str) -> String {
        held!(self, asked, name, Read::Required);
        self.asked(name).unwrap_or_else(|| {
            self.wrong(name, "", "is required in the query");
            String::new()
        })
    }

    /// Every value of a repeated key; a comma parts several in one.
    pub fn asked_list(&mut self, name: &str, max: usize) -> Vec<String> {
        held!(self, asked, name, Read::List(max));
        let bracketed = format!("{name}[]");
        let values: Vec<String> = self
            .query
            .iter()
            .filter(|(known, _)| known == name || *known == bracketed)
            .flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
            .collect();
        if values.len() > max {
            self.wrong(name, &values.len().to_string(), format!("has {} values, the limit is {max}", values.len()));
            return Vec::new();
        }
        values
    }

    /// One of some words in the query.
    pub fn asked_word<'a>(&mut self, name: &str, words: &[&'a str], default: &'a str) -> &'a str {
        held!(self, asked, name, Read::Word(words));
        let Some(value) = self.asked(name) else { return default };
        words.iter().copied().find(|word| *word == value).unwrap_or_else(|| {
            self.wrong(name, &value, format!("must be one of {}", words.join(", ")));
            default
        })
    }

    /// A number in the query.
    pub fn asked_number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        held!(self, asked, name, Read::Number(min, max));
        let Some(value) = self.asked(name) else { return default };
        match value.parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => number,
            _ => {
                self.wrong(name, &value, format!("must be a number from {min} to {max}"));
                default
            }
        }
    }

    /// A truth value in the query, as programs of several languages write it.
    pub fn asked_flag(&mut self, name: &str) -> bool {
        held!(self, asked, name, Read::Flag);
        match self.asked(name).as_deref().map(truth) {
            None => false,
            Some(Some(value)) => value,
            Some(None) => {
                let value = self.asked(name).unwrap_or_default();
                self.wrong(name, &value, "must be true or false");
                false
            }
        }
    }

    /// A field of the body as it came; null is none.
    pub fn value(&self, name: &str) -> Option<&Value> {
        held!(self, sent, name, Read::AsItIs);
        self.body.get(name).filter(|value| !value.is_null())
    }

    /// A text of the body; a number is taken as its digits.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            other => {
                let shown = other.to_string();
                self.wrong(name, &shown, "must be a text");
                None
            }
        }
    }

    /// A text of the body that must be there and not be empty.
    pub fn required(&mut self, name: &str) -> String {
        held!(self, sent, name, Read::Required);
        let before = self.violations.len();
        let text = self.text(name).unwrap_or_default();
        if text.is_empty() && self.violations.len() == before {
            self.wrong(name, "", "is required and cannot be empty");
        }
        text
    }

    /// A text of at most so many characters.
    pub fn bounded(&mut self, name: &str, characters_max: usize) -> Option<String> {
        held!(self, sent, name, Read::Text(characters_max));
        let text = self.text(name)?;
        let characters = text.chars().count();
        if characters > characters_max {
            self.wrong(name, &text, format!("has {characters} characters, the limit is {characters_max}"));
        }
        Some(text)
    }

    /// The `uuid` of the body.
    pub fn uuid(&mut self) -> Option<String> {
        self.bounded("uuid", UUID_CHARACTERS_MAX)
    }

    /// A truth value of the body.
    pub fn flag(&mut self, name: &str) -> bool {
        held!(self, sent, name, Read::Flag);
        let read = match self.value(name) {
            None => return false,
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::String(text)) => truth(text),
            Some(Value::Number(number)) => number.as_u64().filter(|number| *number < 2).map(|number| number == 1),
            Some(_) => None,
        };
        read.unwrap_or_else(|| {
            let shown = self.value(name).map(Value::to_string).unwrap_or_default();
            self.wrong(name, &shown, "must be true or false");
            false
        })
    }

    /// An object of the body, of a type in which everything may be missing; what is null is missing.
    pub fn object<T: DeserializeOwned + serde::Serialize + Default>(&mut self, name: &str) -> Option<T> {
        let given = self.value(name)?.clone();
        let read = (|| {
            let mut whole = serde_json::to_value(T::default()).ok()?;
            let fields = given.as_object()?.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone()));
            whole.as_object_mut()?.extend(fields);
            Some(serde_json::from_value(whole))
        })();
        match read {
            Some(Ok(read)) => Some(read),
            other => {
                let why = other.and_then(Result::err).map_or("must be an object".to_owned(), |error| format!("is not right: {error}"));
                self.wrong(name, &given.to_string(), why);
                None
            }
        }
    }

    /// A list of texts of the body. It is taken out: a very long one would else be there twice.
    pub fn take_list(&mut self, name: &str, max: usize) -> Vec<String> {
        let fits = |value: &Value| value.as_array().is_some_and(|list| list.len() <= max && list.iter().all(Value::is_string));
        if !self.body.get(name).is_some_and(fits) {
            return self.list(name, max);
        }
        held!(self, sent, name, Read::List(max));
        let Some(Value::Array(list)) = self.body.remove(name) else { return Vec::new() };
        list.into_iter().filter_map(|one| if let Value::String(text) = one { Some(text) } else { None }).collect()
    }

    /// An object of the body, taken out, to be read as a body is; an empty one when there is none. What is found wrong in it comes back
    /// with [`Input::wrong_within`].
    pub fn within(&mut self, name: &str) -> Self {
        held!(self, sent, name, Read::AsItIs);
        match self.body.remove(name) {
            Some(Value::Object(body)) => Self::of_object(body),
            None | Some(Value::Null) => Self::default(),
            Some(other) => {
                self.wrong(name, &other.to_string(), "must be an object");
                Self::default()
            }
        }
    }

    /// An object, to be read as a body is.
    pub fn of_object(body: Map<String, Value>) -> Self {
        Self { body, ..Self::default() }
    }

    /// Notes what was found wrong in an object of the body.
    pub fn wrong_within(&mut self, name: &str, inner: Self) {
        self.violations.extend(inner.violations.into_iter().map(|one| Violation { field: format!("{name}.{}", one.field), ..one }));
    }

    /// A list of texts of the body.
    pub fn list(&mut self, name: &str, max: usize) -> Vec<String> {
        held!(self, sent, name, Read::List(max));
        let Some(value) = self.value(name) else { return Vec::new() };
        let texts: Option<Vec<String>> = value.as_array().and_then(|list| {
            let texts = list.iter().map(|one| match one {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            texts.collect()
        });
        match texts {
            Some(texts) if texts.len() <= max => texts,
            Some(texts) => {
                self.wrong(name, &texts.len().to_string(), format!("has {} entries, the limit is {max}", texts.len()));
                Vec::new()
            }
            None => {
                let shown = value.to_string();
                self.wrong(name, &shown, "must be a list of texts");
                Vec::new()
            }
        }
    }

    /// A whole number of the body; its digits as a text are taken too.
    pub fn given_number(&mut self, name: &str, min: u64, max: u64) -> Option<u64> {
        held!(self, sent, name, Read::Number(min, max));
        let value = self.value(name)?;
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
            return Some(number);
        }
        let shown = value.to_string();
        self.wrong(name, &shown, format!("must be a number from {min} to {max}"));
        None
    }

    /// Notes that a value of the query is wrong.
    pub fn refuse_asked(&mut self, name: &str, description: impl Into<String>) {
        let shown = self.asked(name).unwrap_or_default();
        self.wrong(name, &shown, description);
    }

    /// Notes that a field of the body is wrong.
    pub fn refuse(&mut self, name: &str, description: impl Into<String>) {
        let shown = self.value(name).map(Value::to_string).unwrap_or_default();
        self.wrong(name, &shown, description);
    }

    /// A number of the body; a text of digits is taken too.
    pub fn number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        held!(self, sent, name, Read::Number(min, max));
        let read = match self.value(name) {
            None => return default,
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_u64(),
        };
        read.filter(|number| (min..=max).contains(number)).unwrap_or_else(|| {
            let shown = self.value(name).map(Value::to_string).unwrap_or_default();
            self.wrong(name, &shown, format!("must be a number from {min} to {max}"));
            default
        })
    }

    /// A list of objects of the body, of at least and at most so many.
    pub fn objects(&mut self, name: &str, min: usize, max: usize) -> Vec<Map<String, Value>> {
        held!(self, sent, name, Read::List(max));
        let found: Option<Vec<Map<String, Value>>> = match self.value(name) {
            None => Some(Vec::new()),
            Some(value) => value.as_array().and_then(|list| list.iter().map(|one| one.as_object().cloned()).collect()),
        };
        match found {
            Some(list) if (min..=max).contains(&list.len()) => list,
            Some(list) => {
                self.wrong(name, &list.len().to_string(), format!("has {} entries; {min} to {max} are allowed", list.len()));
                Vec::new()
            }
            None => {
                let shown = self.value(name).map(Value::to_string).unwrap_or_default();
                self.wrong(name, &shown, "must be a list of objects");
                Vec::new()
            }
        }
    }

    /// A field that is one of the words of a type.
    pub fn word<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        held!(self, sent, name, Read::Typed);
        let value = self.value(name).filter(|value| value.as_str() != Some(""))?;
        match T::deserialize(value) {
            Ok(word) => Some(word),
            Err(error) => {
                let (shown, error) = (value.to_string(), error.to_string());
                let allowed = error.split_once("expected ").map_or(error.as_str(), |(_, allowed)| allowed).to_owned();
                self.wrong(name, &shown, format!("must be {allowed}"));
                None
            }
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "1" => Some(true),
        "false" | "False" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

/// Name and value of everything in a query, in its order.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::chat::Who;

    fn input(query: &str, body: &str) -> Input {
        Input::read(Vec::new(), &format!("/path?{query}").parse().unwrap(), body.as_bytes()).unwrap()
    }

    #[test]
    fn what_the_sdks_send_is_understood() {
        let mut input = input("flag=True&other=0&user_ids=a&user_ids=b&name=%E5%BC%A0+%E4%B8%89", " {\"n\": null, \"reply\": true} ");
        assert!(input.asked_flag("flag") && !input.asked_flag("other") && !input.asked_flag("missing"));
        assert_eq!(input.asked_list("user_ids", 5), ["a", "b"]);
        assert_eq!(input.asked("name").as_deref(), Some("张 三"));
        assert!(input.text("n").is_none() && input.flag("reply"));
        assert!(input.checked().is_ok());
        assert!(Input::read(Vec::new(), &"/".parse().unwrap(), b"").is_ok(), "no body is an empty one");
    }

    #[test]
    fn what_stands_within_an_object_is_read_as_a_body_is() {
        let mut input = input("", r#"{"audience":{"ids":["a","b"],"all":"maybe"},"ids":["c"],"more":[1,2]}"#);
        let mut audience = input.within("audience");
        assert_eq!(audience.take_list("ids", 2), ["a", "b"]);
        assert!(audience.take_list("ids", 2).is_empty(), "it was taken");
        assert!(!audience.flag("all"));
        input.wrong_within("audience", audience);
        assert!(input.take_list("ids", 0).is_empty());
        assert_eq!(input.take_list("more", 2), ["1", "2"], "numbers are taken as their digits");
        assert!(input.within("missing").body().is_empty() && input.within("more").body().is_empty());
        let fields: Vec<String> = input.checked().unwrap_err().violations.into_iter().map(|one| one.field).collect();
        assert_eq!(fields, ["audience.all", "ids", "more"]);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut input = input("page_size=many", "{\"name\": [1], \"edit_permission\": \"nobody\"}");
        input.asked_number("page_size", 20, 1, 100);
        input.required("name");
        input.required("receive_id");
        let _: Option<Who> = input.word("edit_permission");
        let refusal = input.checked().unwrap_err();
        assert_eq!(refusal.code, 99_992_402);
        let fields: Vec<&str> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["page_size", "name", "receive_id", "edit_permission"]);
        assert!(refusal.violations[3].description.contains("only_owner"));
    }

    #[test]
    fn a_body_that_is_not_an_object_is_refused() {
        for body in ["[1]", "{", "1", "\"x\"", "\u{7f}"] {
            assert_eq!(Input::read(Vec::new(), &"/".parse().unwrap(), body.as_bytes()).unwrap_err().code, 9_499);
        }
    }
}
