//! The form of every answer, and the way of every call: log id, body, token, allowance, act, answer.

use super::OpenApi;
use super::audit::Noted;
use super::calls::{CallEntry, Serve};
use super::error::Refusal;
use super::identity;
use super::input::Input;
use crate::auth::AppEntry;
use crate::net::ClientAddress;
use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use axum::response::Response;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of a JSON body: the longest text, escaped, or ten thousand ids.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes of a body with ids of everybody of the largest group.
const LARGE_BODY_BYTES_MAX: usize = 24 << 20;
/// Large bodies that are read and served at the same time: with what is made of it, each takes up to 160 MB.
pub const LARGE_BODIES_AT_ONCE: usize = 2;
/// How long a large body waits for its turn.
const LARGE_BODY_WAITS: Duration = Duration::from_secs(10);
/// How long a large body may take to come, so that a slow one does not keep others waiting.
const LARGE_BODY_COMES_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of a body that are taken before a caller who sends too much is cut off.
const TAKEN_BYTES_MAX: usize = 16 << 20;
/// Bytes of a request id that is taken from the caller.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Name of the header that names a call in the server's log.
pub const LOG_ID: HeaderName = HeaderName::from_static("x-tt-logid");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ogw-ratelimit-limit");
const RATE_RESET: HeaderName = HeaderName::from_static("x-ogw-ratelimit-reset");

/// What a call is answered with.
pub enum Reply {
    /// `{"code":0,"msg":"success","data":…}`.
    Data(Value),
    /// `{"code":0,"msg":"ok",…}` with these fields beside the code, as a few old calls have it.
    Flat(Value),
    /// Bytes of a file with their headers.
    Raw(Box<Response>),
}

/// Result of a call.
pub type Answer = Result<Reply, Refusal>;

/// A call of an app whose token is good.
pub struct Call {
    /// The API.
    pub api: Arc<OpenApi>,
    /// The app; its bot is the one who acts.
    pub app: Arc<AppEntry>,
    /// What it brings.
    pub input: Input,
}

impl Call {
    /// Whether the app has a scope that only a part of the call needs.
    pub fn has_scope(&self, scope: &str) -> bool {
        debug_assert!(super::calls::scopes().contains(scope), "the scope `{scope}` is not in the table of calls; add it to PARTIAL_SCOPES");
        self.app.scopes.has(scope)
    }
}

type Sent = Pin<Box<dyn Future<Output = Response> + Send>>;

impl Handler<(), Arc<OpenApi>> for &'static CallEntry {
    type Future = Sent;

    fn call(self, request: Request, api: Arc<OpenApi>) -> Sent {
        if let Serve::Own(act) = self.serve {
            return act(self, api, request);
        }
        serve(request, api, move |api, parts, body, log_id| async move {
            let reply = self.answer(api, parts, body, log_id).await?;
            #[cfg(debug_assertions)]
            super::calls::held::replied(self, &reply);
            Ok(reply)
        })
    }
}

impl CallEntry {
    async fn answer(&'static self, api: Arc<OpenApi>, mut parts: Parts, body: Body, log_id: String) -> Answer {
        let app = match self.serve {
            // The last one is served before it comes here.
            Serve::WithoutToken(_) | Serve::Own(_) => None,
            Serve::WithToken(_) | Serve::WithBody(_) => match admitted(&api, &parts.headers) {
                Ok(app) => Some(app),
                Err(refusal) => return refuse(body, refusal).await,
            },
        };
        // Held until the call is answered: what is made of a large body is as large.
        let turn = if self.large && is_large(&parts.headers) { Some(api.turn_of_large().await?) } else { None };
        let (read, body) = match self.serve {
            Serve::WithBody(_) => (Vec::new(), body),
            Serve::WithToken(_) | Serve::WithoutToken(_) | Serve::Own(_) if turn.is_some() => (read_large(body).await?, Body::empty()),
            Serve::WithToken(_) | Serve::WithoutToken(_) | Serve::Own(_) => (read(body, BODY_BYTES_MAX).await?, Body::empty()),
        };
        let path = path(&mut parts).await?;
        let input = match turn {
            Some(_) => tokio::task::block_in_place(|| Input::read(path, &parts.uri, &read))?,
            None => Input::read(path, &parts.uri, &read)?,
        };
        drop(read);
        let input = input.of(self);
        let noted = if self.changes {
            let address = parts.extensions.get::<ClientAddress>().map(|address| address.0.to_string()).unwrap_or_default();
            Some(Noted::begin(&api, self, app.as_deref(), &input, address, log_id)?)
        } else {
            None
        };
        let outcome = match (self.serve, app) {
            (Serve::WithoutToken(act), _) => act(api, input).await,
            (_, Some(app)) if !self.allows(&app) => refuse(body, Refusal::no_scope(self.scopes)).await,
            (Serve::WithToken(act), Some(app)) => act(Call { api, app, input }).await,
            (Serve::WithBody(act), Some(app)) => act(Call { api, app, input }, Request::from_parts(parts, body)).await,
            (Serve::WithToken(_) | Serve::WithBody(_) | Serve::Own(_), _) => Err(Refusal::internal()),
        };
        if let Some(noted) = noted {
            noted.ended(&outcome);
        }
        outcome
    }

    /// Whether the app has one of the scopes.
    fn allows(&self, app: &AppEntry) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|scope| app.scopes.has(scope))
    }
}

/// The app of the token, when it may call now.
fn admitted(api: &OpenApi, headers: &HeaderMap) -> Result<Arc<AppEntry>, Refusal> {
    let app = identity::app_of(&api.auth, headers)?;
    api.app_may_call(app.bot)?;
    Ok(app)
}

/// Answers a path that no call has.
pub fn no_path(request: Request, api: Arc<OpenApi>) -> Sent {
    serve(request, api, |_, parts, body, _| async move { refuse(body, Refusal::no_path(parts.uri.path())).await })
}

/// Answers a method that the path does not have.
pub fn no_method(request: Request, api: Arc<OpenApi>) -> Sent {
    serve(request, api, |_, parts, body, _| async move { refuse(body, Refusal::no_method(parts.method.as_str(), parts.uri.path())).await })
}

fn serve<F, Fut>(request: Request, api: Arc<OpenApi>, act: F) -> Sent
where
    F: FnOnce(Arc<OpenApi>, Parts, Body, String) -> Fut + Send + 'static,
    Fut: Future<Output = Answer> + Send + 'static,
{
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let log_id = log_id(&api);
        let request_id = request_id(&parts.headers).unwrap_or_else(|| log_id.clone());
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let mut response = match AssertUnwindSafe(act(api, parts, body, log_id.clone())).catch_unwind().await {
            Ok(Ok(reply)) => reply_response(reply),
            Ok(Err(refusal)) => {
                tracing::info!(log_id, %method, path, code = refusal.code, msg = refusal.msg, "a call of the open API was refused");
                refusal_response(&refusal, &log_id)
            }
            Err(panic) => {
                tracing::error!(log_id, %method, path, "a call of the open API failed by a fault of the server");
                refusal_response(&fault(&*panic), &log_id)
            }
        };
        let headers = response.headers_mut();
        put(headers, LOG_ID, &log_id);
        put(headers, REQUEST_ID, &request_id);
        response
    })
}

/// A fault of the server. Who builds it is told which one; callers are not.
fn fault(panic: &(dyn Any + Send)) -> Refusal {
    let mut refusal = Refusal::internal();
    if cfg!(debug_assertions)
        && let Some(text) = panic.downcast_ref::<String>()
    {
        refusal.msg = format!("{}: {text}", refusal.msg);
    }
    refusal
}

async fn path(parts: &mut Parts) -> Result<Vec<(String, String)>, Refusal> {
    let params = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Refusal::no_path(parts.uri.path()))?;
    Ok(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Reads a JSON body.
async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let (bytes, size) = take(body, limit).await?;
    if size > limit {
        return Err(Refusal::bad_request(format!("the body is larger than {limit} bytes")).with_status(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(bytes)
}

/// Reads a large JSON body.
async fn read_large(body: Body) -> Result<Vec<u8>, Refusal> {
    let read = tokio::time::timeout(LARGE_BODY_COMES_WITHIN, read(body, LARGE_BODY_BYTES_MAX)).await;
    read.unwrap_or_else(|_| {
        let seconds = LARGE_BODY_COMES_WITHIN.as_secs();
        Err(Refusal::bad_request(format!("its body is large and did not come within {seconds} s")))
    })
}

/// A body is large, or may be: its length is not told.
fn is_large(headers: &HeaderMap) -> bool {
    let told = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    told.is_none_or(|length| length > BODY_BYTES_MAX)
}

impl OpenApi {
    /// Waits until a large body may be read.
    async fn turn_of_large(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        match tokio::time::timeout(LARGE_BODY_WAITS, self.large_bodies.clone().acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Refusal::busy()),
        }
    }
}

/// Refuses a call whose body was not looked at. It is taken all the same, so that the caller gets the answer and not a
/// connection that breaks while it sends.
async fn refuse<T>(body: Body, refusal: Refusal) -> Result<T, Refusal> {
    // A body that breaks off leaves nobody to tell.
    take(body, 0).await.map(drop).unwrap_or_default();
    Err(refusal)
}

/// The first bytes of a body, and how many came; what is over the limit is taken and let go, up to a bound.
pub async fn take(body: Body, limit: usize) -> Result<(Vec<u8>, usize), Refusal> {
    let mut parts = body.into_data_stream();
    let (mut kept, mut size) = (Vec::new(), 0usize);
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| Refusal::bad_request(format!("the body did not come whole: {error}")))?;
        size += part.len();
        if size <= limit {
            kept.extend_from_slice(&part);
        } else if size > TAKEN_BYTES_MAX.max(limit + limit / 2) {
            break;
        }
    }
    Ok((kept, size))
}

fn reply_response(reply: Reply) -> Response {
    match reply {
        Reply::Data(data) => json_response(StatusCode::OK, &json!({ "code": 0, "msg": "success", "data": data })),
        Reply::Flat(mut fields) => {
            fields["code"] = json!(0);
            fields["msg"] = json!("ok");
            json_response(StatusCode::OK, &fields)
        }
        Reply::Raw(response) => *response,
    }
}

/// A refusal as it stands on the wire.
pub fn refusal_response(refusal: &Refusal, log_id: &str) -> Response {
    let mut error = json!({ "log_id": log_id });
    if !refusal.violations.is_empty() {
        let violations: Vec<Value> = refusal
            .violations
            .iter()
            .map(|one| json!({ "field": one.field, "value": one.value, "description": one.description }))
            .collect();
        error["field_violations"] = Value::Array(violations);
    }
    if !refusal.scopes.is_empty() {
        let missing = |scope: &&str| json!({ "type": "action_scope_required", "subject": scope, "description": "one of these is enough" });
        error["permission_violations"] = refusal.scopes.iter().map(missing).collect();
    }
    let mut response = json_response(refusal.status, &json!({ "code": refusal.code, "msg": refusal.msg, "error": error }));
    if let Some(reset_seconds) = refusal.reset_seconds {
        let headers = response.headers_mut();
        put(headers, RATE_RESET, &reset_seconds.to_string());
        put(headers, header::RETRY_AFTER, &reset_seconds.to_string());
    }
    if let Some(size_bytes) = refusal.size_bytes {
        put(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{size_bytes}"));
    }
    if let Some(per_second) = refusal.per_second {
        put(response.headers_mut(), RATE_LIMIT, &per_second.to_string());
    }
    response
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Names a call in the log and to the caller: its time in ms and 16 random digits, so that it sorts and does not repeat.
pub fn log_id(api: &OpenApi) -> String {
    format!("{:014}{:016X}", api.chats.clock.now_ms(), rand::random::<u64>())
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(&REQUEST_ID)?.to_str().ok()?;
    (!given.is_empty() && given.len() <= REQUEST_ID_BYTES_MAX).then(|| given.to_owned())
}
