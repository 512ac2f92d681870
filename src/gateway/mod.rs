//! The door for clients: sockets, TLS, HTTP.
pub mod admission;
mod body;
pub mod listener;
pub mod proxy;
pub mod socket;
pub mod tls;
mod transport;

pub use body::BodyError;

#[cfg(test)]
pub mod fixture;
#[cfg(test)]
mod listener_tests;
