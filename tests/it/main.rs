//! Whole-server tests: the built binary, real sockets, real files. One file a story or a danger.

mod support;

mod attachment;
mod audit;
mod batch_send;
mod cards;
mod custom_bot;
mod direct_chat;
mod disk_full;
mod double_send;
mod drain;
mod forward;
mod group;
mod group_api;
mod group_rules;
mod heartbeat;
mod joins;
mod kill;
mod leaver;
mod malformed_frames;
mod open_api;
mod own_state;
mod pins;
mod presence;
mod reactions;
mod read_users;
mod receipts;
mod removed_member;
mod resume;
mod scopes;
mod sign_in;
mod slow_reader;
mod strangers;
mod uploads;
