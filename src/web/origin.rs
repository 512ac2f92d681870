//! Which origins are ours: the public address, and the addresses that nobody else can pretend to be.
//!
//! A browser sends our cookie with requests that any page in the world makes it send. What tells ours from theirs is
//! `Sec-Fetch-Site` and `Origin`, which no page can invent. An `Origin` that equals the `Host` is ours too when the host
//! is an address or `localhost`: a *name* could be anybody's that was turned to our address for a moment.

use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// The origins of this server.
#[derive(Debug, Clone)]
pub struct Origins {
    public_url: String,
    secure: bool,
}

impl Origins {
    /// `public_url` is scheme, host and port, without a path.
    pub fn new(public_url: &str) -> Self {
        let public_url = normal(public_url);
        Self { secure: public_url.starts_with("https://"), public_url }
    }

    /// What people type into their browsers.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// People come by HTTPS, so cookies are for HTTPS only.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The request was made by a page of ours.
    pub fn made_by_our_page(&self, headers: &HeaderMap) -> bool {
        if headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
            return true;
        }
        let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return false };
        let origin = normal(origin);
        origin == self.public_url
            || host(headers).is_some_and(|host| {
                safe(host) && [format!("http://{host}"), format!("https://{host}")].iter().any(|ours| normal(ours) == origin)
            })
    }

    /// Where pages may open a socket to, as sources of a content security policy.
    pub fn socket_sources(&self, headers: &HeaderMap) -> String {
        let public = self.public_url.replacen("http", "ws", 1);
        match host(headers).filter(|host| safe(host)).map(|host| format!("{}://{host}", if self.secure { "wss" } else { "ws" })) {
            Some(here) if here != public => format!("{public} {here}"),
            _ => public,
        }
    }

    /// The browser counts this connection as safe from others: HTTPS, or the machine itself. Elsewhere it complains
    /// about some headers.
    pub fn trustworthy(&self, headers: &HeaderMap) -> bool {
        self.secure
            || host(headers)
                .map(name)
                .is_some_and(|name| name.eq_ignore_ascii_case("localhost") || address(name).is_some_and(|address| address.is_loopback()))
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte)).then_some(host)
}

/// The name or address of a host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn address(name: &str) -> Option<IpAddr> {
    name.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn safe(host: &str) -> bool {
    let name = name(host);
    name.eq_ignore_ascii_case("localhost") || address(name).is_some()
}

/// In small letters, without the port that the scheme has by itself.
fn normal(origin: &str) -> String {
    let origin = origin.trim_end_matches('/').to_ascii_lowercase();
    let plain = match origin.split_once("://") {
        Some(("http", host)) => host.strip_suffix(":80").map(|host| format!("http://{host}")),
        Some(("https", host)) => host.strip_suffix(":443").map(|host| format!("https://{host}")),
        _ => None,
    };
    plain.unwrap_or(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(public_url: &str, pairs: &[(&'static str, &str)]) -> bool {
        Origins::new(public_url).made_by_our_page(&headers(pairs))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_page_of_somebody_else_is_told_from_ours() {
        let public = "https://chat.example.com";
        assert!(ours(public, &[("origin", "https://chat.example.com"), ("host", "10.0.0.7:7700")]));
        assert!(ours(public, &[("origin", "https://CHAT.example.com:443")]));
        assert!(ours(public, &[("origin", "http://127.0.0.1:7700"), ("host", "127.0.0.1:7700")]));
        assert!(ours(public, &[("origin", "http://[::1]:7700"), ("host", "[::1]:7700")]));
        assert!(ours(public, &[("sec-fetch-site", "same-origin")]));
        assert!(!ours(public, &[("origin", "https://evil.example"), ("host", "chat.example.com")]));
        assert!(!ours(public, &[("origin", "http://evil.example"), ("host", "evil.example")]), "a name that was turned to us");
        assert!(!ours(public, &[("origin", "http://chat.example.com"), ("host", "chat.example.com")]), "not encrypted");
        assert!(!ours(public, &[("origin", "null"), ("host", "127.0.0.1")]));
        assert!(!ours(public, &[("origin", "http://127.0.0.1:8000"), ("host", "127.0.0.1:7700")]));
        assert!(!ours(public, &[("sec-fetch-site", "cross-site")]));
        assert!(!ours(public, &[("host", "chat.example.com")]));
        assert!(!ours(public, &[]));
    }

    #[test]
    fn sockets_may_be_opened_where_the_page_came_from() {
        let origins = Origins::new("http://127.0.0.1:7700/");
        assert_eq!(origins.socket_sources(&headers(&[("host", "127.0.0.1:7700")])), "ws://127.0.0.1:7700");
        assert_eq!(origins.socket_sources(&headers(&[("host", "localhost:7700")])), "ws://127.0.0.1:7700 ws://localhost:7700");
        assert_eq!(origins.socket_sources(&headers(&[("host", "x; script-src *")])), "ws://127.0.0.1:7700");
        assert_eq!(Origins::new("https://chat.example.com").socket_sources(&headers(&[])), "wss://chat.example.com");
    }
}
