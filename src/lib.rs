#![doc = include_str!("ARCHITECTURE.md")]

pub mod auth;
pub mod directory;

pub mod log;
pub mod store;

pub mod clock;
pub mod config;
pub mod data_folder;
pub mod error;
pub mod limits;
pub mod metrics;
