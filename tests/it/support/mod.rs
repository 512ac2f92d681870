//! A server of its own for each test, and clients that can be cut.

pub mod app;
mod client;
pub mod keyspaces;
mod server;
pub mod servers;

pub use client::{Client, text_message, text_of};
pub use server::{DEMO_PASSWORD, Server, clarion, http};

use std::time::Duration;

/// How long a test waits for something that should come; long, because machines are slow when many tests run.
pub const PATIENCE: Duration = Duration::from_secs(20);
