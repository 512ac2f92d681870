//! Who sends a request: by a token in `Authorization`, or by the cookie of a browser that one of our pages has used.

use super::answer::Refusal;
use super::origin::Origins;
use crate::auth::{Auth, Principal};
use crate::config::Config;
use axum::http::{HeaderMap, header};
use protocol::error::CloseCode;
use std::net::SocketAddr;
use std::sync::Arc;

/// Tells who sends a request.
pub struct Who {
    auth: Auth,
    origins: Arc<Origins>,
}

impl Who {
    /// `listening` is where the server listens.
    pub fn new(auth: Auth, config: &Config, listening: SocketAddr) -> Self {
        Self { auth, origins: Arc::new(Origins::new(&config.url(listening))) }
    }

    /// The origins of this server.
    pub fn origins(&self) -> &Arc<Origins> {
        &self.origins
    }

    /// Who reads something. No page of others can read the answer, so its origin does not matter.
    pub fn reading(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        let token = bearer(headers).or_else(|| self.session_cookie(headers)).ok_or(CloseCode::TokenInvalid)?;
        Ok(self.auth.verify(token)?)
    }

    /// Who changes something. A cookie counts only from a page of ours.
    pub fn acting(&self, headers: &HeaderMap) -> Result<Principal, Refusal> {
        if bearer(headers).is_none() && self.session_cookie(headers).is_some() {
            self.from_our_page(headers)?;
        }
        self.reading(headers)
    }

    /// Whose browser asks for a WebSocket, or the code to close with when its first command brings no token: the cookie may
    /// be too old, and a page renews it then.
    ///
    /// # Errors
    /// Why the cookie does not count: the page that asks is not ours, and any page in the world can open a socket.
    pub fn by_cookie_of_upgrade(&self, headers: &HeaderMap) -> Result<Result<Principal, CloseCode>, String> {
        let Some(token) = self.session_cookie(headers) else { return Ok(Err(CloseCode::TokenInvalid)) };
        match self.from_our_page(headers) {
            Ok(()) => Ok(self.auth.verify(token)),
            Err(refusal) => Err(format!("{}; {}", refusal.body.why, refusal.body.hint)),
        }
    }

    /// Refuses what a page of others makes a browser send.
    pub fn from_our_page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.origins.made_by_our_page(headers) { Ok(()) } else { Err(Refusal::foreign_origin(self.origins.public_url())) }
    }

    fn session_cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        cookie(headers, self.session_cookie_name())
    }

    /// The cookie that holds the access token. With `__Host-` a browser takes it from this host only, by HTTPS only.
    pub fn session_cookie_name(&self) -> &'static str {
        if self.origins.secure() { "__Host-clarion_session" } else { "clarion_session" }
    }

    /// The cookie that holds the refresh token; it is sent to the sign-in routes only.
    pub fn refresh_cookie_name(&self) -> &'static str {
        if self.origins.secure() { "__Secure-clarion_refresh" } else { "clarion_refresh" }
    }
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(found, _)| *found == name).map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_and_tokens_are_found_as_browsers_and_programs_send_them() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; clarion_session=first.second; xclarion_session=no".parse().unwrap());
        assert_eq!(cookie(&headers, "clarion_session"), Some("first.second"));
        assert_eq!(cookie(&headers, "session"), None);
        headers.insert(header::AUTHORIZATION, "bearer  token ".parse().unwrap());
        assert_eq!(bearer(&headers), Some("token"));
        headers.insert(header::AUTHORIZATION, "Basic dXNlcg==".parse().unwrap());
        assert_eq!(bearer(&headers), None);
    }
}
