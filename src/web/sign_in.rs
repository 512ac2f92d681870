//! Signing in and out over HTTP: with tokens for programs, with cookies that no script can read for browsers.

use super::answer::Refusal;
use super::who::{Who, bearer, cookie};
use crate::auth::{Auth, SignInRefused, Tokens};
use crate::clock::Clock;
use crate::directory::{Directory, UserIndex};
use crate::error::Error;
use crate::net::ClientAddress;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::command::{SignIn, SignedIn};
use protocol::error::{CloseCode, ErrorBody, ErrorCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Bytes of a body: a password may have a KiB, the rest is short.
const BODY_BYTES_MAX: usize = 8 << 10;

/// What the routes of signing in need.
#[derive(Clone)]
pub struct SignInDoor {
    /// Sign-in and tokens.
    pub auth: Auth,
    /// Who people are.
    pub directory: Directory,
    /// Who asks.
    pub who: Arc<Who>,
    /// The clock that tokens expire by.
    pub clock: Clock,
}

impl SignInDoor {
    /// `/auth/v1/…` for programs, `/web/…` for browsers.
    pub fn router(self) -> Router {
        Router::new()
            .route("/auth/v1/sign_in", post(program_signs_in))
            .route("/auth/v1/refresh", post(program_refreshes))
            .route("/auth/v1/sign_out", post(program_signs_out))
            .route("/web/sign_in", post(browser_signs_in))
            .route("/web/session", get(browser_session))
            .route("/web/refresh", post(browser_refreshes))
            .route("/web/sign_out", post(browser_signs_out))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(self)
    }

    fn signed_in(&self, user: UserIndex, expires_in: u64, tokens: Option<Tokens>) -> SignedIn {
        let (access_token, refresh_token) = tokens.map(|tokens| (tokens.access_token, tokens.refresh_token)).unzip();
        SignedIn { me: self.directory.card(user), access_token, expires_in, refresh_token }
    }

    /// An answer that puts the tokens into cookies.
    fn with_cookies(&self, user: UserIndex, tokens: Tokens) -> Response {
        let expires_in = tokens.access_expires_in;
        let mut response = no_store(Json(self.signed_in(user, expires_in, None)));
        self.set_cookie(&mut response, self.who.session_cookie_name(), &tokens.access_token, "/", tokens.access_expires_in);
        self.set_cookie(&mut response, self.who.refresh_cookie_name(), &tokens.refresh_token, "/web", tokens.refresh_expires_in);
        response
    }

    fn without_cookies(&self, mut response: Response) -> Response {
        self.set_cookie(&mut response, self.who.session_cookie_name(), "", "/", 0);
        self.set_cookie(&mut response, self.who.refresh_cookie_name(), "", "/web", 0);
        response
    }

    fn set_cookie(&self, response: &mut Response, name: &str, value: &str, path: &str, seconds: u64) {
        let secure = if self.who.origins().secure() { "; Secure" } else { "" };
        match HeaderValue::try_from(format!("{name}={value}; HttpOnly; SameSite=Strict; Path={path}; Max-Age={seconds}{secure}")) {
            Ok(cookie) => {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Err(_) => tracing::error!("a token has characters that a cookie cannot hold"),
        }
    }
}

async fn program_signs_in(
    State(door): State<SignInDoor>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let (user, tokens) = door.auth.sign_in(read::<SignIn>(&headers, body)?, address(client)).await?;
    Ok(no_store(Json(door.signed_in(user, tokens.access_expires_in, Some(tokens)))))
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

async fn program_refreshes(
    State(door): State<SignInDoor>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let refresh: Refresh = read(&headers, body)?;
    let (user, tokens) = door.auth.refresh(&refresh.refresh_token, address(client)).await?;
    Ok(no_store(Json(door.signed_in(user, tokens.access_expires_in, Some(tokens)))))
}

async fn program_signs_out(State(door): State<SignInDoor>, headers: HeaderMap) -> Result<StatusCode, Refusal> {
    let principal = door.auth.verify(bearer(&headers).ok_or(CloseCode::TokenInvalid)?)?;
    door.auth.sign_out(principal.user, &principal.device_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn browser_signs_in(
    State(door): State<SignInDoor>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    door.who.from_our_page(&headers)?;
    let (user, tokens) = door.auth.sign_in(read::<SignIn>(&headers, body)?, address(client)).await?;
    Ok(door.with_cookies(user, tokens))
}

async fn browser_session(State(door): State<SignInDoor>, headers: HeaderMap) -> Result<Response, Refusal> {
    let principal = door.who.reading(&headers)?;
    let seconds = principal.expires_at_ms.saturating_sub(door.clock.now_ms()) / 1000;
    Ok(no_store(Json(door.signed_in(principal.user, seconds, None))))
}

async fn browser_refreshes(
    State(door): State<SignInDoor>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    door.who.from_our_page(&headers)?;
    let token = cookie(&headers, door.who.refresh_cookie_name()).ok_or(CloseCode::TokenInvalid)?;
    match door.auth.refresh(token, address(client)).await {
        Ok((user, tokens)) => Ok(door.with_cookies(user, tokens)),
        // A token that will never be good again need not come again.
        Err(refused) if refused.close_code().is_some() => Ok(door.without_cookies(Refusal::from(refused).into_response())),
        Err(refused) => Err(refused.into()),
    }
}

/// Signs the device out, also when its access token has run out meanwhile. Afterwards the browser has nothing of ours.
async fn browser_signs_out(
    State(door): State<SignInDoor>,
    client: Option<Extension<ClientAddress>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    door.who.from_our_page(&headers)?;
    let mut principal = door.who.reading(&headers).ok();
    if principal.is_none()
        && let Some(token) = cookie(&headers, door.who.refresh_cookie_name())
        && let Ok((_, tokens)) = door.auth.refresh(token, address(client)).await
    {
        principal = door.auth.verify(&tokens.access_token).ok();
    }
    if let Some(principal) = principal {
        match door.auth.sign_out(principal.user, &principal.device_id).await {
            Err(error) if error.code != ErrorCode::DeviceNotFound => return Err(error.into()),
            _ => {}
        }
    }
    let mut response = door.without_cookies(StatusCode::NO_CONTENT.into_response());
    if door.who.origins().trustworthy(&headers) {
        response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"cookies\", \"storage\""));
    }
    Ok(response)
}

/// The address that attempts are counted under. Without a listener in front (in tests) all come from one.
fn address(client: Option<Extension<ClientAddress>>) -> IpAddr {
    client.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |Extension(ClientAddress(address))| address)
}

fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let json = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    if !json.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::malformed("its Content-Type is not application/json").with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::new(
            ErrorCode::TooLarge,
            "the body of the request is too large",
            format!("the limit is {BODY_BYTES_MAX} bytes"),
            "send less",
        )
        .into(),
        _ => Refusal::malformed(rejection.body_text()),
    })?;
    // The parser's own words may quote what is in the body, and that may be a password.
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::malformed(format!("it is not the JSON that is expected here, at line {}, column {}", error.line(), error.column()))
    })
}

fn no_store(answer: impl IntoResponse) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

impl From<SignInRefused> for Refusal {
    fn from(refused: SignInRefused) -> Self {
        let why = refused.to_string();
        let body = |code: u16, what: &str, hint: &str| ErrorBody {
            code,
            what: what.into(),
            why: why.clone(),
            hint: hint.into(),
            retry_after_ms: refused.retry_after_ms(),
        };
        let (status, body) = match &refused {
            SignInRefused::WrongLogin => (
                StatusCode::UNAUTHORIZED,
                body(ErrorCode::SignInRefused.number(), "you were not signed in", "check both, and type the password again"),
            ),
            SignInRefused::TooManyAttempts { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, body(ErrorCode::RateLimited.number(), "you were not signed in", "wait, then try again"))
            }
            SignInRefused::Busy { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, body(ErrorCode::Busy.number(), "you were not signed in", "try again in a moment"))
            }
            SignInRefused::InvalidDevice(_) => (
                StatusCode::BAD_REQUEST,
                body(ErrorCode::InvalidValue.number(), "you were not signed in", "correct the device's id or name"),
            ),
            SignInRefused::Storage(error) => return error.clone().into(),
            SignInRefused::PersonDisabled => return CloseCode::PersonDisabled.into(),
            SignInRefused::TokenInvalid => return CloseCode::TokenInvalid.into(),
            SignInRefused::TokenExpired => return CloseCode::TokenExpired.into(),
            SignInRefused::DeviceRevoked => return CloseCode::DeviceRevoked.into(),
        };
        Self { status, body }
    }
}
