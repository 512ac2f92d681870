//! Ten thousand calls that no program in its senses would make: each is answered, and the server stays as it was.

use crate::support::Server;
use crate::support::app::{APP, App};
use clarion::open_api::calls::field::{Field, Kind};
use clarion::open_api::calls::{self, BodyForm};
use futures_util::StreamExt;
use reqwest::{Method, header};
use serde_json::{Map, Value, json};

const CALLS: usize = 10_000;
/// Calls after which the server has taken what it needs for such an hour.
const WARM: usize = 4_000;
/// What it may take more for the rest, in KB: allocators give back late.
const GROWTH_KB_MAX: u64 = 64 << 10;

/// A generator that is the same on every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.next(of.len())]
    }

    /// A text that some part of the server may take for something.
    fn text(&mut self, known: &[String]) -> String {
        match self.next(12) {
            0..=3 => known[self.next(known.len())].clone(),
            4 => "字".repeat(self.next(3_000)),
            5 => "\u{202e}\u{0}\u{ffff}\u{1f469}\u{200d}\u{1f680}".to_owned(),
            6 => format!("{}", self.0 as i64),
            7 => "{\"text\":\"<at user_id=\\\"all\\\"></at>\"}".to_owned(),
            8 => "[".repeat(self.next(500)),
            9 => "../../etc/passwd".to_owned(),
            10 => "%00%ff&=#?;".to_owned(),
            _ => String::new(),
        }
    }

    /// Anything that JSON can say.
    fn anything(&mut self, known: &[String], depth: usize) -> Value {
        match self.next(if depth > 4 { 6 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.next(2) == 0),
            2 => json!(self.0 as i64),
            3 => json!(self.0 as f64 / 3.0),
            4 | 5 => json!(self.text(known)),
            6 => (0..self.next(6)).map(|_| self.anything(known, depth + 1)).collect(),
            _ => (0..self.next(6)).map(|_| (self.text(known), self.anything(known, depth + 1))).collect::<Map<_, _>>().into(),
        }
    }

    /// Something of this kind, mostly.
    fn kind(&mut self, kind: &Kind, known: &[String], depth: usize) -> Value {
        if self.next(5) == 0 {
            return self.anything(known, depth);
        }
        match kind {
            Kind::Text | Kind::File => json!(self.text(known)),
            Kind::Number => json!(self.next(1 << 20)),
            Kind::Flag => json!(self.next(2) == 0),
            Kind::Words(words) => json!(self.one(words)),
            Kind::List(of) => (0..self.next(4)).map(|_| self.kind(of, known, depth + 1)).collect(),
            Kind::Object(fields) => self.object(fields, known, depth + 1),
            Kind::Map(of) => (0..self.next(4)).map(|_| (self.text(known), self.kind(of, known, depth + 1))).collect::<Map<_, _>>().into(),
            Kind::Any => self.anything(known, depth + 1),
        }
    }

    fn object(&mut self, fields: &[Field], known: &[String], depth: usize) -> Value {
        let mut object = Map::new();
        for field in fields {
            if self.next(3) > 0 {
                object.insert(field.name.to_owned(), self.kind(&field.kind, known, depth));
            }
        }
        object.into()
    }

    /// Method, path with query, and body of a call that is nearly right.
    fn call(&mut self, known: &[String]) -> (Method, String, Vec<u8>) {
        let all: Vec<_> = calls::all().collect();
        let entry = all[self.next(all.len())];
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        let path: Vec<String> = entry
            .path
            .split('/')
            .map(|part| {
                if part.starts_with(':') {
                    encoded(&known[self.next(known.len())])
                } else if self.next(60) == 0 {
                    encoded(&self.text(known))
                } else {
                    part.to_owned()
                }
            })
            .collect();
        let mut query = String::new();
        for field in entry.query {
            if self.next(2) == 0 {
                let value = match self.kind(&field.kind, known, 0) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                query.push_str(&format!("{}={}&", field.name, encoded(&value.chars().take(200).collect::<String>())));
            }
        }
        let body = match entry.body {
            _ if self.next(10) == 0 => (0..self.next(400)).map(|_| self.next(256) as u8).collect(),
            BodyForm::Json(fields) => {
                let mut body = self.object(fields, known, 0).to_string().into_bytes();
                if self.next(8) == 0 {
                    body.truncate(body.len() / 2);
                }
                body
            }
            _ => self.anything(known, 0).to_string().into_bytes(),
        };
        let method =
            if self.next(20) == 0 { self.one(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]) } else { entry.method.word() };
        (method.parse().expect("a method"), format!("{}?{query}", path.join("/")), body)
    }
}

fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory is told");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn no_call_however_strange_breaks_anything() {
    let server = Server::start_with(&[("CLARION_REQUESTS_PER_SECOND_PER_ADDRESS", "1000000")]).await;
    let app = App::of(&server, APP).await;
    let chat = app.group(&["e1001", "e1002"]).await;
    let message = app.send(&chat, "text", json!({ "text": "first" })).await["message_id"].as_str().expect("an id").to_owned();
    let open_id = app.open_id("e1001").await;
    let known: Vec<String> = [&*chat, &*message, &*open_id, "e1002", "e1003", APP.0, "0", "x", "oc_00000000000000000000000000000000", "字"]
        .map(str::to_owned)
        .to_vec();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut steady = 0;
    for (count, warm) in [(WARM, true), (CALLS - WARM, false)] {
        let asked: Vec<_> = (0..count).map(|_| random.call(&known)).collect();
        futures_util::stream::iter(asked)
            .for_each_concurrent(8, |(method, path, body)| {
                let (app, shown) = (&app, String::from_utf8_lossy(&body[..body.len().min(400)]).into_owned());
                async move {
                    let request = app.http.request(method.clone(), format!("{}/{path}", app.base));
                    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", app.token)).body(body);
                    let reply = request.send().await.unwrap_or_else(|error| panic!("{method} {path} {shown}: {error}"));
                    let status = reply.status().as_u16();
                    let is_json =
                        reply.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
                    let bytes = reply.bytes().await.unwrap_or_else(|error| panic!("{method} {path} {shown}: {error}"));
                    let text = String::from_utf8_lossy(&bytes);
                    assert!(status < 500, "{method} {path} {shown}: {status} {text}");
                    if is_json && method != Method::HEAD {
                        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {path} {shown}: {error}"));
                        assert!(value["code"].is_number() || value["openapi"].is_string(), "{method} {path}: {text}");
                    }
                }
            })
            .await;
        if warm {
            steady = resident_kb(server.pid());
        }
    }
    let after = resident_kb(server.pid());
    assert!(after < steady + GROWTH_KB_MAX, "the server grew from {steady} to {after} KB");
    app.group(&["e1001"]).await;
}
