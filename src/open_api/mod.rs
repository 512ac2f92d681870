//! The open API: Feishu's calls over HTTP, for business systems with the official SDKs.
//!
//! Promise: the wire is the platform's; every answer is JSON with a code, a text that says what, why and what to do, and
//! a log id. A bot is a person with an index of its own and comes to the domain as everybody does, so that its rights
//! are decided in [`crate::chat`].
//! Never: no rule of a chat, no store, no log. Every call has its entry in the table of [`calls`], from which the router
//! and the rest are made; how one is added stands there. What works and what does not yet stands in `COMPATIBILITY.md`.

mod announcement;
mod announcement_edit;
mod audit;
mod avatar;
mod batch;
mod bot;
mod bound;
pub mod calls;
mod chat;
mod contact;
mod content;
mod description;
mod envelope;
mod ephemeral;
mod error;
mod follow_up;
mod forward;
mod group_fields;
mod group_search;
mod hook;
mod identity;
mod input;
mod join_request;
mod many;
mod member;
mod menu;
mod message;
mod message_list;
mod moderation;
mod not_here;
mod page;
mod pin;
mod rate;
mod reaction;
mod reader;
mod resource;
mod router;
mod tab;
mod token;
mod upload;
mod urgent;
mod urgent_report;

pub use calls::scopes;
pub use router::router;

use crate::attachment::Attachments;
use crate::audit::AuditLog;
use crate::auth::Auth;
use crate::chat::Chats;
use crate::config::Config;
use crate::urgent::Urgents;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What every call needs.
pub struct OpenApi {
    chats: Arc<Chats>,
    urgents: Arc<Urgents>,
    auth: Auth,
    attachments: Arc<Attachments>,
    audit: Arc<AuditLog>,
    config: Arc<Config>,
    /// Address of the server as others reach it, without a slash at the end.
    url: String,
    /// Names the organisation in replies; the same for ever.
    tenant_key: String,
    rates: rate::Rates,
    /// Large bodies that may be served now.
    large_bodies: Arc<Semaphore>,
    description: description::Description,
}

impl OpenApi {
    /// The API over this domain; `url` is the address of the server as others reach it.
    pub fn new(
        chats: Arc<Chats>,
        urgents: Arc<Urgents>,
        auth: Auth,
        attachments: Arc<Attachments>,
        audit: Arc<AuditLog>,
        config: Arc<Config>,
        url: String,
    ) -> Arc<Self> {
        // Sealed, so that it is the organisation's own and tells nothing; nobody has this index.
        let tenant_key = chats.seal.union_id(u32::MAX).replace("on_", "").chars().take(16).collect();
        let url = url.trim_end_matches('/').to_owned();
        Arc::new(Self {
            description: description::Description::new(&url),
            chats,
            urgents,
            auth,
            attachments,
            audit,
            config,
            url,
            tenant_key,
            rates: rate::Rates::default(),
            large_bodies: Arc::new(Semaphore::new(envelope::LARGE_BODIES_AT_ONCE)),
        })
    }
}
