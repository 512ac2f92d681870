#![doc = include_str!("ARCHITECTURE.md")]

pub mod app;
pub mod engines;
pub mod operator;

pub mod gateway;
pub mod open_api;
pub mod web;

pub mod delivery;

pub mod urgent;

pub mod chat;

pub mod attachment;
pub mod audit;
pub mod auth;
pub mod session;

pub mod directory;

pub mod log;
pub mod peers;
pub mod store;

pub mod config;
pub mod data_folder;
pub mod net;

pub mod clock;
pub mod error;
pub mod ids;
pub mod limits;
pub mod metrics;
pub mod patience;
