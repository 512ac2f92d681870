//! Bytes on the network: takes connections, does TLS, serves HTTP, and gives the bare socket of an upgrade back.
//!
//! Promise: everything that a stranger can use up has a cap and a time limit.
//! Never: who somebody is, what a request means.

pub mod admission;
mod body;
pub mod listener;
pub mod open_files;
pub mod proxy;
pub mod range;
mod rate;
pub mod socket;
pub mod tls;
mod transport;

pub use body::BodyError;
pub use listener::{ClientAddress, Listener, Times};
pub use socket::Socket;

#[cfg(test)]
pub mod tests;
