#![doc = include_str!("ARCHITECTURE.md")]

pub mod gateway;

pub mod log;
pub mod store;

pub mod clock;
pub mod error;
pub mod metrics;
