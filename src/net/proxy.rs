//! Proxies in front of this server: which ones are trusted, and whose request it really is.

use axum::http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses with the same beginning, for example `10.0.0.0/8`, or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u32,
}

impl Network {
    /// The address belongs to it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => first.to_bits() == masked_v4(address, self.prefix_bits),
            (IpAddr::V6(first), IpAddr::V6(address)) => first.to_bits() == masked_v6(address, self.prefix_bits),
            _ => false,
        }
    }
}

fn masked_v4(address: Ipv4Addr, prefix_bits: u32) -> u32 {
    address.to_bits() & u32::MAX.checked_shl(32 - prefix_bits).unwrap_or(0)
}

fn masked_v6(address: Ipv6Addr, prefix_bits: u32) -> u128 {
    address.to_bits() & u128::MAX.checked_shl(128 - prefix_bits).unwrap_or(0)
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address or a network; write for example 10.0.0.5 or 10.0.0.0/8");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.unwrap_or(longest);
        if prefix_bits > longest {
            return Err(wrong());
        }
        let first = match address {
            IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(masked_v4(address, prefix_bits))),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(masked_v6(address, prefix_bits))),
        };
        Ok(Self { first, prefix_bits })
    }
}

/// The address that a request comes from, for limits and for people. Behind a trusted proxy it is the last address of
/// `X-Forwarded-For` that is not a trusted proxy itself; whatever stands before that one, the client may have invented.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
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
        let trusted: Vec<Network> = trusted.split_whitespace().map(|text| text.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn an_invented_address_is_not_believed() {
        assert_eq!(seen("192.0.2.9", "198.51.100.1", ""), "192.0.2.9");
        assert_eq!(seen("10.1.2.3", "198.51.100.1", "10.0.0.0/8"), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "1.2.3.4, 198.51.100.1", "10.0.0.0/8"), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "198.51.100.1, 10.9.9.9", "10.0.0.0/8"), "198.51.100.1");
        assert_eq!(seen("10.1.2.3", "198.51.100.1, nonsense", "10.0.0.0/8"), "10.1.2.3");
        assert_eq!(seen("::ffff:10.1.2.3", "2001:db8::7", "10.1.2.3"), "2001:db8::7");
    }

    #[test]
    fn a_network_is_written_as_people_write_it() {
        assert!("10.1.2.3/8".parse::<Network>().unwrap().contains("10.200.0.1".parse().unwrap()));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!(!"2001:db8::/32".parse::<Network>().unwrap().contains("2001:db9::1".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().unwrap_err().contains("10.0.0.0/8"));
        assert!("proxy".parse::<Network>().is_err());
    }
}
