//! Proxies in front of this server: which ones are trusted, and whose request it really is.

use axum::http::HeaderMap;
use std::net::IpAddr;

/// The address that a request comes from, for limits and for people. Behind a trusted proxy it is the last address of
/// `X-Forwarded-For` that is not a trusted proxy itself; whatever stands before that one, the client may have invented.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusts: impl Fn(IpAddr) -> bool) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusts(peer) {
        return peer;
    }
    let mut client = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for text in value.to_str().unwrap_or("").split(',').rev() {
            let Ok(address) = text.trim().parse::<IpAddr>() else { return client };
            client = address.to_canonical();
            if !trusts(client) {
                return client;
            }
        }
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &str, trusted: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        client_address(peer.parse().unwrap(), &headers, |address| !trusted.is_empty() && address.to_string().starts_with(trusted))
            .to_string()
    }

    #[test]
    fn an_invented_address_is_not_believed() {
        assert_eq!(seen("192.0.2.9", "198.51.100.1", ""), "192.0.2.9");
        assert_eq!(seen("10.1.2.3", "198.51.100.1", "10."), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "1.2.3.4, 198.51.100.1", "10."), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "198.51.100.1, 10.9.9.9", "10."), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "198.51.100.1, nonsense", "10."), "10.1.2.3");
        assert_eq!(seen("::ffff:10.1.2.3", "2001:db8::7", "10.1.2.3"), "2001:db8::7");
    }
}
