//! What every engine behind a seam must do: the same cases on each of them.

mod log;
mod log_audit;
mod log_jetstream;
mod log_tls;
mod logs;
mod store;
mod store_cql;
mod stores;
