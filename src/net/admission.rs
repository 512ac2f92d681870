//! Who may connect: caps on connections and on handshakes in progress, in all and for each address.
//!
//! A place is taken before anything is read and given back when the connection is dropped, whatever became of it.
//! An IPv6 address counts as its /64 network, because one machine usually has a whole one. The machine itself and the
//! trusted proxies have no cap of their own: many people stand behind them.

use crate::metrics;
use dashmap::DashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tells the proxies that are trusted from everybody else.
pub type Trusted = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// How many connections are taken.
#[derive(Clone)]
pub struct Caps {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address. A branch office may have one address for thousands of people.
    pub connections_per_address: usize,
    /// Connections whose first request is not there yet: TLS handshake and first head. With more, no further one is
    /// accepted until one has a place, and the kernel holds the queue.
    pub handshakes: usize,
    /// The same of one address, so that one that only opens connections does not take every place.
    pub handshakes_per_address: usize,
    /// Requests of one address on average, with bursts of ten times as many.
    pub requests_per_second_per_address: u64,
    /// Says of an address whether it is a proxy whose `X-Forwarded-For` is believed.
    pub trusted_proxy: Trusted,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            connections: 19_000,
            connections_per_address: 5_000,
            handshakes: 1_024,
            handshakes_per_address: 256,
            trusted_proxy: Arc::new(|_| false),
            requests_per_second_per_address: 1_000,
        }
    }
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdmitted {
    /// There are as many as may be.
    Full,
    /// This address has as many as it may have.
    Address,
}

impl NotAdmitted {
    /// Label of the metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
        }
    }
}

/// What one address has.
#[derive(Default)]
struct Held {
    connections: usize,
    handshakes: usize,
}

/// Keeps the counts. Bounded: an address is forgotten with its last connection.
pub struct Admission {
    caps: Caps,
    open: AtomicUsize,
    addresses: DashMap<IpAddr, Held>,
    handshakes: Arc<Semaphore>,
}

/// A place among the connections.
pub struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

/// A place among the handshakes, to be dropped when the first request is there.
pub struct Handshake {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    /// Counts from zero.
    pub fn new(caps: Caps) -> Arc<Self> {
        let handshakes = Arc::new(Semaphore::new(caps.handshakes.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { caps, open: AtomicUsize::new(0), addresses: DashMap::new(), handshakes })
    }

    /// The caps.
    pub fn caps(&self) -> &Caps {
        &self.caps
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until another handshake may begin.
    pub async fn handshake_permit(&self) -> OwnedSemaphorePermit {
        self.handshakes.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Takes a place for a connection from this address, or says why not.
    pub fn admit(self: &Arc<Self>, address: IpAddr, permit: OwnedSemaphorePermit) -> Result<(Admitted, Handshake), NotAdmitted> {
        let counted = self.counted(address);
        if self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < self.caps.connections).then_some(open + 1)).is_err()
        {
            return Err(NotAdmitted::Full);
        }
        if let Some(network) = counted {
            let mut held = self.addresses.entry(network).or_default();
            if held.connections >= self.caps.connections_per_address || held.handshakes >= self.caps.handshakes_per_address {
                drop(held);
                self.open.fetch_sub(1, Ordering::Relaxed);
                return Err(NotAdmitted::Address);
            }
            held.connections += 1;
            held.handshakes += 1;
        }
        metrics::CONNECTIONS.inc();
        let admitted = Admitted { admission: self.clone(), address: counted };
        Ok((admitted, Handshake { admission: self.clone(), address: counted, _permit: permit }))
    }

    /// The address under which a connection is counted, if it is.
    pub(super) fn counted(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        if address.is_loopback() || (self.caps.trusted_proxy)(address) {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        })
    }

    fn release(&self, address: IpAddr, give_back: impl FnOnce(&mut Held)) {
        self.addresses.remove_if_mut(&address, |_, held| {
            give_back(held);
            held.connections == 0 && held.handshakes == 0
        });
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        metrics::CONNECTIONS.dec();
        if let Some(address) = self.address {
            self.admission.release(address, |held| held.connections -= 1);
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            self.admission.release(address, |held| held.handshakes -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn admit(admission: &Arc<Admission>, address: &str) -> Result<(Admitted, Handshake), NotAdmitted> {
        let permit = admission.handshake_permit().await;
        admission.admit(address.parse().unwrap(), permit)
    }

    #[tokio::test]
    async fn one_address_cannot_take_every_place_and_gives_back_what_it_took() {
        let admission = Admission::new(Caps { connections: 4, connections_per_address: 2, ..Caps::default() });
        let first = admit(&admission, "192.0.2.1").await.unwrap();
        let _second = admit(&admission, "192.0.2.1").await.unwrap();
        assert_eq!(admit(&admission, "192.0.2.1").await.err(), Some(NotAdmitted::Address));
        let _other = admit(&admission, "192.0.2.2").await.unwrap();
        let _mine = admit(&admission, "127.0.0.1").await.unwrap();
        assert_eq!(admit(&admission, "192.0.2.3").await.err(), Some(NotAdmitted::Full));
        drop(first);
        assert!(admit(&admission, "192.0.2.1").await.is_ok());
        assert_eq!(admission.addresses.len(), 2, "addresses without a connection are forgotten");
    }

    #[tokio::test]
    async fn one_ipv6_network_counts_as_one_address() {
        let admission = Admission::new(Caps { connections_per_address: 1, ..Caps::default() });
        let _first = admit(&admission, "2001:db8::1").await.unwrap();
        assert_eq!(admit(&admission, "2001:db8::2").await.err(), Some(NotAdmitted::Address));
        assert!(admit(&admission, "2001:db8:0:1::1").await.is_ok());
        let _mapped = admit(&admission, "::ffff:192.0.2.1").await.unwrap();
        assert_eq!(admit(&admission, "192.0.2.1").await.err(), Some(NotAdmitted::Address));
    }
}
