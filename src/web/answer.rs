//! What the routes of this door answer when something is refused: a status, and the error as the protocol has it.

use crate::error::Error;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::error::{CloseCode, ErrorBody, ErrorCode};

/// A refusal, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// Its body.
    pub body: ErrorBody,
}

impl Refusal {
    /// With another status than the number has by itself.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The body of the request is not the JSON that is expected.
    pub fn malformed(why: impl Into<String>) -> Self {
        Error::new(ErrorCode::Malformed, "the body of the request cannot be read", why, "send the JSON that the protocol's document shows")
            .into()
    }

    /// The request comes from a page of somebody else.
    pub fn foreign_origin(public_url: &str) -> Self {
        Error::new(
            ErrorCode::NotAllowed,
            "the request comes from a page of another origin",
            "a browser sent it with a cookie, but not from one of our pages",
            format!("open {public_url}; when people use another address than this, set `public_url` to theirs"),
        )
        .into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { status: status(error.code), body: error.body() }
    }
}

/// Numbers of close codes serve over HTTP too.
impl From<CloseCode> for Refusal {
    fn from(code: CloseCode) -> Self {
        let status = if code == CloseCode::PersonDisabled { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
        let hint = match code {
            CloseCode::TokenExpired => "refresh the token, then ask again",
            CloseCode::PersonDisabled => "ask the administrators of your organisation",
            _ => "sign in, then ask again",
        };
        let body = ErrorBody {
            code: code.number(),
            what: "you are not signed in".into(),
            why: code.meaning().into(),
            hint: hint.into(),
            retry_after_ms: None,
        };
        Self { status, body }
    }
}

/// The status that goes with a number.
fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::ChatNotFound
        | ErrorCode::MessageNotFound
        | ErrorCode::PersonNotFound
        | ErrorCode::FileNotFound
        | ErrorCode::DeviceNotFound => StatusCode::NOT_FOUND,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::StorageUnavailable | ErrorCode::Draining => StatusCode::SERVICE_UNAVAILABLE,
        code if code.number() < 2000 => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry_after_ms = self.body.retry_after_ms;
        let body = serde_json::to_vec(&self.body).expect("an error's body is plain texts and numbers");
        let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body).into_response();
        if let Some(after_ms) = retry_after_ms {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after_ms.div_ceil(1000).max(1)));
        }
        response
    }
}
