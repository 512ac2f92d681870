//! Whole-server tests: the built binary, real sockets, real files. One file a story or a danger.

mod support;

mod attachment;
mod direct_chat;
mod disk_full;
mod double_send;
mod drain;
mod group;
mod heartbeat;
mod kill;
mod malformed_frames;
mod open_api;
mod own_state;
mod presence;
mod receipts;
mod removed_member;
mod resume;
mod scopes;
mod sign_in;
mod slow_reader;
mod strangers;
