//! The table of calls: what every call is named, needs, takes and gives, and which function serves it.
//!
//! The router, the description for programs, the audit log and the tests are made from this table. It is held true by
//! running: in debug builds `Input` refuses to read a field that the entry does not declare, and every reply is
//! compared with its entry, so that a test that calls is a test of the description too.
//!
//! # A new call
//!
//! 1. Write the function where its family is, as `pub async fn name(mut call: Call) -> Answer`.
//! 2. Give it an entry in the file of its family below `calls/`, such as
//!    ```text
//!    post("im/v1/chats/:chat_id/link", with_token!(link::share))
//!        .means("Makes a link by which people join.")
//!        .scopes(&["im:chat", "im:chat:read"])
//!        .changes()
//!        .json(&[words("validity_period", &["week", "year", "permanently"], "How long it is good.")])
//!        .reply(&[text("share_link", "The address.").required(), flag("is_permanent", "It never ends.")]),
//!    ```
//!    Without `.scopes` none is needed; without `.json` or `.reply` there are no fields. What changes something is
//!    audited; a body's field that people write or keep secret is `.private()`. Limits stand both here and where the
//!    field is read, and have to be equal.
//!    A scope that only a part of the call needs goes into [`PARTIAL_SCOPES`] and is asked for by `call.has_scope("…")`.
//! 3. Give it a line in `COMPATIBILITY.md`.
//!    A body with hundreds of thousands of ids is `.large()`, and its list is taken with `input.take_list("…")`.
//! 4. A family of its own is a file with a `FAMILY`, and a name in [`FAMILIES`].

mod app;
mod batch;
mod bound;
mod card;
mod contact;
pub mod field;
mod forward;
mod group;
mod group_pages;
#[cfg(debug_assertions)]
pub mod held;
mod hook;
mod member;
mod message;
mod not_here;
mod reaction;
mod resource;
mod urgent;

use super::OpenApi;
use super::envelope::{Answer, Call};
use super::input::Input;
use axum::extract::Request;
use axum::response::Response;
use field::Field;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What a call's function gives.
pub type Served = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What a function gives that answers in a form of its own.
pub type Answered = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The function of a call, by what it needs.
#[derive(Clone, Copy)]
pub enum Serve {
    /// The token of an app, and a body in JSON or none.
    WithToken(fn(Call) -> Served),
    /// Anybody may call.
    WithoutToken(fn(Arc<OpenApi>, Input) -> Served),
    /// The token of an app; the function reads the body itself.
    WithBody(fn(Call, Request) -> Served),
    /// Anybody may call, and the function reads and answers in a form of its own.
    Own(fn(&'static CallEntry, Arc<OpenApi>, Request) -> Answered),
}

/// Method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// In capitals.
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub enum BodyForm {
    /// There is none; what comes does no harm.
    None,
    /// A JSON object with these fields.
    Json(&'static [Field]),
    /// Parts with these names.
    Multipart(&'static [Field]),
    /// The bytes of a file.
    Bytes,
}

/// The form of a reply.
#[derive(Debug, Clone, Copy)]
pub enum ReplyForm {
    /// These fields in `data`.
    Data(&'static [Field]),
    /// These fields beside `code`.
    Flat(&'static [Field]),
    /// Bytes of a file, of this media type.
    Bytes(&'static str),
}

/// One call.
#[derive(Clone, Copy)]
pub struct CallEntry {
    /// Its method.
    pub method: Method,
    /// Path below `/open-apis/`, with `:name` for what differs.
    pub path: &'static str,
    /// What it does, in a sentence.
    pub meaning: &'static str,
    /// Any one of these is enough; none is needed when there are none.
    pub scopes: &'static [&'static str],
    /// It changes something, and is therefore audited.
    pub changes: bool,
    /// Fields of the query.
    pub query: &'static [Field],
    /// Its body.
    pub body: BodyForm,
    /// Its body may have hundreds of thousands of ids.
    pub large: bool,
    /// Its reply.
    pub reply: ReplyForm,
    /// Also a refusal has the HTTP status 200, as a few old calls have it; programs look at the code.
    pub refused_with_200: bool,
    /// Its function.
    pub serve: Serve,
}

impl std::fmt::Debug for CallEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method.word(), self.path)
    }
}

/// Calls that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// For people.
    pub name: &'static str,
    /// What they are about.
    pub meaning: &'static str,
    /// The calls.
    pub calls: &'static [CallEntry],
}

/// Every family, in the order of the description.
pub const FAMILIES: &[Family] = &[
    app::FAMILY,
    contact::FAMILY,
    hook::FAMILY,
    bound::FAMILY,
    group::FAMILY,
    member::FAMILY,
    group_pages::FAMILY,
    message::FAMILY,
    forward::FAMILY,
    card::FAMILY,
    reaction::FAMILY,
    batch::FAMILY,
    urgent::FAMILY,
    urgent::OWN,
    not_here::FAMILY,
    resource::FAMILY,
];

/// Every call.
pub fn all() -> impl Iterator<Item = &'static CallEntry> {
    FAMILIES.iter().flat_map(|family| family.calls)
}

/// Scopes that no call needs as a whole, but a part of what it does: its function asks with `Call::has_scope`.
pub const PARTIAL_SCOPES: &[&str] = &["im:chat:operate_as_owner", "im:message.group_msg"];

/// Every scope that there is.
pub fn scopes() -> BTreeSet<&'static str> {
    all().flat_map(|entry| entry.scopes).chain(PARTIAL_SCOPES).copied().collect()
}

const fn entry(method: Method, path: &'static str, serve: Serve) -> CallEntry {
    CallEntry {
        method,
        path,
        meaning: "",
        scopes: &[],
        changes: false,
        query: &[],
        body: BodyForm::None,
        large: false,
        reply: ReplyForm::Data(&[]),
        refused_with_200: false,
        serve,
    }
}

/// A call that reads.
pub const fn get(path: &'static str, serve: Serve) -> CallEntry {
    entry(Method::Get, path, serve)
}

/// A call that makes or does something.
pub const fn post(path: &'static str, serve: Serve) -> CallEntry {
    entry(Method::Post, path, serve)
}

/// A call that replaces something.
pub const fn put(path: &'static str, serve: Serve) -> CallEntry {
    entry(Method::Put, path, serve)
}

/// A call that changes a part of something.
pub const fn patch(path: &'static str, serve: Serve) -> CallEntry {
    entry(Method::Patch, path, serve)
}

/// A call that removes something.
pub const fn delete(path: &'static str, serve: Serve) -> CallEntry {
    entry(Method::Delete, path, serve)
}

impl CallEntry {
    /// What it does.
    pub const fn means(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    /// Scopes of which one is enough.
    pub const fn scopes(mut self, scopes: &'static [&'static str]) -> Self {
        self.scopes = scopes;
        self
    }

    /// It changes something.
    pub const fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Fields of the query.
    pub const fn query(mut self, fields: &'static [Field]) -> Self {
        self.query = fields;
        self
    }

    /// Fields of a body in JSON.
    pub const fn json(mut self, fields: &'static [Field]) -> Self {
        self.body = BodyForm::Json(fields);
        self
    }

    /// Its body may have hundreds of thousands of ids; few of these are read at once.
    pub const fn large(mut self) -> Self {
        self.large = true;
        self
    }

    /// Parts of a multipart body.
    pub const fn multipart(mut self, parts: &'static [Field]) -> Self {
        self.body = BodyForm::Multipart(parts);
        self
    }

    /// The body is bytes.
    pub const fn bytes_in(mut self) -> Self {
        self.body = BodyForm::Bytes;
        self
    }

    /// Also a refusal has the HTTP status 200.
    pub const fn refused_with_200(mut self) -> Self {
        self.refused_with_200 = true;
        self
    }

    /// Fields of the reply's `data`.
    pub const fn reply(mut self, fields: &'static [Field]) -> Self {
        self.reply = ReplyForm::Data(fields);
        self
    }

    /// Fields of the reply, beside `code`.
    pub const fn flat(mut self, fields: &'static [Field]) -> Self {
        self.reply = ReplyForm::Flat(fields);
        self
    }

    /// The reply is bytes.
    pub const fn bytes(mut self, media_type: &'static str) -> Self {
        self.reply = ReplyForm::Bytes(media_type);
        self
    }

    /// The path as the router has it.
    pub fn route(&self) -> String {
        let parts = self.path.split('/').map(|part| part.strip_prefix(':').map_or(part.to_owned(), |name| format!("{{{name}}}")));
        format!("/open-apis/{}", parts.collect::<Vec<_>>().join("/"))
    }
}

/// The function of a call that needs a token.
macro_rules! with_token {
    ($function:path) => {
        $crate::open_api::calls::Serve::WithToken(|call| Box::pin($function(call)))
    };
}

/// The function of a call that anybody may make.
macro_rules! without_token {
    ($function:path) => {
        $crate::open_api::calls::Serve::WithoutToken(|api, input| Box::pin($function(api, input)))
    };
}

/// The function of a call that reads its body itself.
macro_rules! with_body {
    ($function:path) => {
        $crate::open_api::calls::Serve::WithBody(|call, request| Box::pin($function(call, request)))
    };
}

/// The function of a call that reads and answers in a form of its own.
macro_rules! own {
    ($function:path) => {
        $crate::open_api::calls::Serve::Own(|entry, api, request| Box::pin($function(entry, api, request)))
    };
}

use {own, with_body, with_token, without_token};

#[cfg(test)]
mod tests {
    use super::*;
    use field::Kind;
    use std::collections::HashSet;

    /// Every field, with those within it.
    fn each(fields: &'static [Field], at: &str, look: &mut impl FnMut(&str, &'static Field)) {
        let mut names = HashSet::new();
        for field in fields {
            assert!(names.insert(field.name), "{at} has `{}` twice", field.name);
            look(at, field);
            let mut kind = &field.kind;
            while let Kind::List(of) | Kind::Map(of) = kind {
                kind = of;
            }
            if let Kind::Object(inner) = kind {
                each(inner, &format!("{at}.{}", field.name), look);
            }
        }
    }

    #[test]
    fn every_entry_is_whole() {
        let mut seen = HashSet::new();
        for entry in all() {
            assert!(seen.insert((entry.method, entry.path)), "{entry:?} is there twice");
            assert!(entry.meaning.ends_with('.') && entry.meaning.len() > 10, "{entry:?} does not say what it does");
            assert!(!entry.path.starts_with('/'), "{entry:?}");
            for scope in entry.scopes {
                assert!(scope.contains(':') && !scope.contains(' '), "{entry:?}: `{scope}` is not a scope");
            }
            let changes_by_nature = !matches!(entry.method, Method::Get | Method::Post);
            assert!(entry.changes || !changes_by_nature, "{entry:?} changes something by its method");
            assert!(!entry.changes || entry.method != Method::Get, "{entry:?} must not change anything");
            let body = match entry.body {
                BodyForm::None | BodyForm::Bytes => &[],
                BodyForm::Json(fields) | BodyForm::Multipart(fields) => fields,
            };
            let reply = match entry.reply {
                ReplyForm::Data(fields) | ReplyForm::Flat(fields) => fields,
                ReplyForm::Bytes(_) => &[],
            };
            for (place, fields) in [("query", entry.query), ("body", body), ("reply", reply)] {
                each(fields, &format!("{entry:?} {place}"), &mut |at, field| {
                    assert!(!field.name.is_empty() && field.meaning.ends_with('.'), "{at}: `{}` has no meaning", field.name);
                    assert!(field.min.unwrap_or(0) <= field.max.unwrap_or(u64::MAX), "{at}: `{}`", field.name);
                });
            }
        }
    }

    #[test]
    fn the_document_tells_every_call_and_no_other() {
        let document = include_str!("../COMPATIBILITY.md");
        let told = |line: &str| line.strip_prefix("| `")?.split_once('`').map(|(call, _)| call.to_owned());
        let mut told: Vec<String> = document.lines().filter_map(told).collect();
        let mut served: Vec<String> = all().map(|entry| format!("{entry:?}")).collect();
        told.sort();
        served.sort();
        assert_eq!(served, told);
    }
}
