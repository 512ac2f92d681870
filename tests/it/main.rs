//! Whole-server tests: the built binary, real sockets, real files. One file a story or a danger.

mod attachment;
mod audit;
mod cards;
mod direct_chat;
mod disk_full;
mod double_send;
mod drain;
mod forward;
mod group;
mod heartbeat;
mod kill;
mod malformed_frames;
mod open_api;
mod own_state;
mod pins;
mod presence;
mod reactions;
mod receipts;
mod removed_member;
mod resume;
mod scopes;
mod sign_in;
mod slow_reader;
mod strangers;
mod support;
