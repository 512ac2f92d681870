//! The provider: takes signed calls, remembers every one, and is as unreliable as a plan says.
//!
//! It knows keys as `src/urgent/PROVIDERS.md` asks for: a key that was remembered before is not sent again.

use super::history::{Call, Did, now_ms};
use super::stage::{Phase, Stage};
use crate::websocket::{head_length, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use protocol::urgent::UrgentWay;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::Sha256;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::thread::Scope;
use std::time::Duration;

/// What calls are signed with.
pub const SECRET: &str = "shared with the provider";
/// How often whoever waits here looks whether the run is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A call is not longer than this.
const CALL_BYTES_MAX: usize = 64 << 10;
/// Longer than a server waits for an answer.
const FAR_TOO_LATE_MS: u64 = 11_000;

/// Listens for the calls.
pub struct Provider {
    listener: TcpListener,
    /// What was remembered, by key.
    memory: Mutex<HashMap<String, Memory>>,
}

/// One key.
struct Memory {
    tries: u64,
    reached: bool,
    /// What its first call said, without the time.
    body: Vec<u8>,
}

/// How a call is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Reached, and said so, after so many ms.
    Takes(u64),
    /// Nothing is done, and this is said.
    NotNow(u16),
    /// The connection is cut; the person was reached before that, or not.
    Cuts { reached: bool },
    /// It never can be.
    Refuses,
}

impl Provider {
    /// On a free port.
    pub fn bind() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.9.1:0").and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let listener = listener.map_err(|error| format!("the provider has no port: {error}"))?;
        Ok(Self { listener, memory: Mutex::default() })
    }

    /// Settings of a server that calls it.
    pub fn settings(&self) -> Result<Vec<(String, String)>, String> {
        let address = self.listener.local_addr().map_err(|error| format!("the provider has no address: {error}"))?;
        let set = |name: &str, value: String| (format!("CLARION_URGENT_{name}"), value);
        let quotas = ["SMS_PER_PERSON", "SMS_PER_ORGANISATION", "PHONE_PER_PERSON", "PHONE_PER_ORGANISATION"];
        let urls = ["PUSH", "SMS", "PHONE"].map(|way| set(&format!("{way}_URL"), format!("http://{address}/{}", way.to_lowercase())));
        let quotas = quotas.map(|quota| set(quota, "0".to_owned()));
        Ok(urls.into_iter().chain(quotas).chain([set("PROVIDER_SECRET", SECRET.to_owned())]).collect())
    }

    /// Takes calls until the run is over.
    pub fn serve<'scope>(&'scope self, stage: &'scope Stage, scope: &'scope Scope<'scope, '_>) {
        while !stage.reached(Phase::Over) {
            match self.listener.accept() {
                Ok((socket, _)) => drop(scope.spawn(move || self.converse(stage, socket))),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// One connection, with one call after the other. It ends when a server that was killed has left it.
    fn converse(&self, stage: &Stage, mut socket: TcpStream) {
        let ready = socket.set_nonblocking(false).and_then(|()| socket.set_read_timeout(Some(LOOK_EVERY)));
        let mut received = Vec::new();
        while ready.is_ok() && !stage.reached(Phase::Over) {
            if let Some((head, body, length)) = whole(&received) {
                received.drain(..length);
                if !self.answer(stage, &mut socket, &head, &body) {
                    let _ = socket.shutdown(Shutdown::Both);
                    return;
                }
                continue;
            }
            let mut more = [0; 8 << 10];
            match socket.read(&mut more) {
                Ok(0) => return,
                Ok(length) if received.len() + length <= CALL_BYTES_MAX => received.extend_from_slice(&more[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Takes a call. `false`: the connection is to end.
    fn answer(&self, stage: &Stage, socket: &mut TcpStream, head: &str, body: &[u8]) -> bool {
        let mut call = read(head, body);
        let manner = {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            let known = memory.entry(call.key.clone()).or_insert_with(|| Memory { tries: 0, reached: false, body: body.to_vec() });
            known.tries += 1;
            call.genuine &= known.body == body;
            let manner = manner(stage.seed, &call.key, known.tries, stage.reached(Phase::Settles));
            known.reached |= matches!(manner, Manner::Takes(_) | Manner::Cuts { reached: true });
            call.did = match manner {
                Manner::Refuses => Did::Refused,
                _ if known.reached => Did::Reached,
                _ => Did::Nothing,
            };
            manner
        };
        let at = {
            let mut history = stage.history();
            history.calls.push(call);
            history.calls.len() - 1
        };
        let status = match manner {
            Manner::Cuts { .. } => return false,
            Manner::Takes(after_ms) => {
                std::thread::sleep(Duration::from_millis(after_ms));
                200
            }
            Manner::NotNow(status) => status,
            Manner::Refuses => 400,
        };
        let in_time = !matches!(manner, Manner::Takes(FAR_TOO_LATE_MS));
        let written = say(socket, status);
        if written.is_ok() && in_time && matches!(status, 200 | 400) {
            stage.history().calls[at].answered_ms = Some(now_ms());
        }
        written.is_ok()
    }
}

/// How a call is answered: the seed, its key and the number of its try decide. When all is `well`, what can be taken is.
fn manner(seed: u64, key: &str, tries: u64, well: bool) -> Manner {
    // Ids differ from run to run with the organisation's key, so which person has which manner does too.
    let hash = |what: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        (seed, key).hash(&mut hasher);
        what(&mut hasher);
        hasher.finish()
    };
    if hash(&|_| {}) % 25 == 0 {
        return Manner::Refuses;
    }
    let mut rng = StdRng::seed_from_u64(hash(&|hasher| tries.hash(hasher)));
    match rng.random_range(0..100) {
        _ if well => Manner::Takes(0),
        0..50 => Manner::Takes(0),
        50..62 => Manner::Takes(rng.random_range(100..2_500)),
        62..80 => Manner::NotNow([503, 503, 500, 429][rng.random_range(0..4)]),
        80..89 => Manner::Cuts { reached: false },
        89..99 => Manner::Cuts { reached: true },
        _ => Manner::Takes(FAR_TOO_LATE_MS),
    }
}

/// Head and body of a request that is whole, and its length.
fn whole(received: &[u8]) -> Option<(String, Vec<u8>, usize)> {
    let begins = head_length(received)?;
    let head = String::from_utf8_lossy(&received[..begins]).into_owned();
    let length = begins + header(&head, "content-length")?.parse::<usize>().ok()?;
    Some((head, received.get(begins..length)?.to_vec(), length))
}

/// What a call says; not genuine when it cannot be read, or is not signed as it should be.
fn read(head: &str, body: &[u8]) -> Call {
    let said: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let key = text("idempotency_key");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length will do");
    mac.update(header(head, "x-clarion-timestamp").unwrap_or_default().as_bytes());
    mac.update(b".");
    mac.update(body);
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let way = match text("way").as_str() {
        "push" => Some(UrgentWay::Push),
        "sms" => Some(UrgentWay::Sms),
        "phone" => Some(UrgentWay::Phone),
        _ => None,
    };
    let genuine = header(head, "x-clarion-signature") == Some(&signature)
        && header(head, "idempotency-key") == Some(&key)
        && head.starts_with(&format!("POST /{} ", text("way")))
        && said["mobile"].is_string() == (way != Some(UrgentWay::Push));
    Call {
        at_ms: now_ms(),
        urgent_id: text("urgent_id"),
        step: said["step"].as_u64().and_then(|step| step.try_into().ok()).unwrap_or(u32::MAX),
        user_id: text("user_id"),
        key,
        way,
        genuine,
        did: Did::Nothing,
        answered_ms: None,
    }
}

fn say(socket: &mut TcpStream, status: u16) -> io::Result<()> {
    socket.write_all(format!("HTTP/1.1 {status} As planned\r\nContent-Length: 0\r\n\r\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manner_comes_and_a_well_provider_takes_what_can_be_taken() {
        let manners: Vec<Manner> = (0..500).map(|number| manner(1, &format!("key {number}"), 1, false)).collect();
        assert!(manners.contains(&Manner::Takes(0)) && manners.contains(&Manner::Takes(FAR_TOO_LATE_MS)));
        assert!(manners.contains(&Manner::Refuses) && manners.contains(&Manner::NotNow(503)));
        assert!(manners.contains(&Manner::Cuts { reached: true }) && manners.contains(&Manner::Cuts { reached: false }));
        for (number, before) in manners.iter().enumerate() {
            let key = format!("key {number}");
            assert_eq!(*before == Manner::Refuses, manner(1, &key, 2, false) == Manner::Refuses, "a refusal stays one");
            assert!(matches!(manner(1, &key, 3, true), Manner::Takes(0) | Manner::Refuses));
        }
    }

    #[test]
    fn a_call_is_read_and_one_that_is_not_signed_so_is_not_genuine() {
        let body = br#"{"way":"push","idempotency_key":"u:0:e1","urgent_id":"u","step":0,"user_id":"e1"}"#;
        // Made with: printf '%s' '1.{"way":…}' | openssl dgst -sha256 -hmac 'shared with the provider'
        let signature = "466d2fe3c93f359d492ee50ff9d1aa0acfbd45df5e8b95d551757edce7093a7b";
        let head = |signature: &str| {
            let length = body.len();
            format!(
                "POST /push HTTP/1.1\r\nIdempotency-Key: u:0:e1\r\nX-Clarion-Timestamp: 1\r\n\
                 X-Clarion-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
            )
        };
        let call = read(&head(signature), body);
        assert!(call.genuine, "{call:?}");
        assert_eq!((call.key.as_str(), call.step, call.user_id.as_str(), call.way), ("u:0:e1", 0, "e1", Some(UrgentWay::Push)));
        assert!(!read(&head(&signature.replace('0', "1")), body).genuine);
        let bytes = [head(signature).as_bytes(), body].concat();
        assert!((0..bytes.len()).all(|cut| whole(&bytes[..cut]).is_none()));
        assert_eq!(whole(&bytes).map(|(_, body, length)| (body.len(), length)), Some((body.len(), bytes.len())));
    }
}
