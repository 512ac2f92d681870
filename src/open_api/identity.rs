//! Who calls, and who is meant: tokens of apps, and every form of an id.

use super::OpenApi;
use super::error::Refusal;
use super::input::Input;
use crate::auth::{AppEntry, Auth, TenantTokenError};
use crate::chat::Actor;
use crate::ids::ChatKey;
use axum::http::{HeaderMap, StatusCode, header};
use protocol::ids::{ChatId, MessageId};
use protocol::person::PersonKind;
use std::sync::Arc;

/// The form in which people are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdType {
    /// `ou_…`, as one app sees a person.
    Open,
    /// `on_…`, as all apps see a person.
    Union,
    /// Staff number.
    User,
    /// `cli_…`, a bot.
    App,
}

impl IdType {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open_id",
            Self::Union => "union_id",
            Self::User => "user_id",
            Self::App => "app_id",
        }
    }

    /// Reads a parameter like `user_id_type`.
    pub fn read(input: &mut Input, name: &str) -> Self {
        Self::of(input.asked_word(name, &["open_id", "union_id", "user_id"], "open_id"))
    }

    /// Reads `member_id_type`, which may name bots too.
    pub fn read_with_apps(input: &mut Input, name: &str) -> Self {
        Self::of(input.asked_word(name, &["open_id", "union_id", "user_id", "app_id"], "open_id"))
    }

    fn of(word: &str) -> Self {
        match word {
            "union_id" => Self::Union,
            "user_id" => Self::User,
            "app_id" => Self::App,
            _ => Self::Open,
        }
    }
}

/// The app of the token in `Authorization`.
pub fn app_of(auth: &Auth, headers: &HeaderMap) -> Result<Arc<AppEntry>, Refusal> {
    let missing = || {
        Refusal::new(
            99_991_661,
            "missing access token: the request has no `Authorization: Bearer <token>`; get a tenant_access_token and send it",
        )
    };
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let value = value.to_str().map_err(|_| malformed())?.trim();
    if value.is_empty() {
        return Err(missing());
    }
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(malformed()),
    };
    if token.starts_with("u-") {
        return Err(Refusal::new(
            99_991_668,
            "user access tokens are not taken: this server knows apps by their tenant_access_token only; call with the token of an app",
        ));
    }
    if !token.starts_with("t-") {
        return Err(malformed());
    }
    auth.verify_tenant(token).map_err(|error| match error {
        TenantTokenError::Invalid => {
            Refusal::new(99_991_663, "invalid access token: it was not issued here; get a new tenant_access_token")
        }
        TenantTokenError::Expired => Refusal::new(99_991_663, "invalid access token: it has expired; get a new tenant_access_token"),
        TenantTokenError::AppDisabled => Refusal::new(99_991_662, "the app is disabled; ask the operator to enable it"),
    })
}

fn malformed() -> Refusal {
    Refusal::new(
        99_991_671,
        "invalid access token: the header must be `Authorization: Bearer ` and a token that starts with t-; get a tenant_access_token",
    )
}

impl super::envelope::Call {
    /// Who acts: the app's bot; with the scope for it, in groups that it has made, with the owner's standing.
    pub fn actor(&self) -> Actor {
        Actor { user: self.app.bot, as_owner: self.has_scope("im:chat:operate_as_owner") }
    }
}

/// The person is outside of what the app may see.
fn outside_of_range(id: &str) -> Refusal {
    Refusal::new(
        41_050,
        format!(
            "no user authority: `{}` is outside of what this app may see; ask the operator to extend the app's range",
            crate::error::clip(id)
        ),
    )
    .with_status(StatusCode::FORBIDDEN)
}

impl OpenApi {
    /// Somebody's id in a form, as this app sees it.
    pub fn id_of(&self, app: &AppEntry, form: IdType, index: u32) -> String {
        match form {
            IdType::Open => self.chats.seal.open_id(app.bot, index),
            IdType::Union => self.chats.seal.union_id(index),
            IdType::User | IdType::App => self.chats.directory.user_id(index).to_string(),
        }
    }

    /// Who is meant by an id, when this app may see the person.
    pub fn meant(&self, app: &AppEntry, form: IdType, id: &str) -> Result<u32, Refusal> {
        let index = self.whoever(app, form, id)?;
        if self.auth.sees_person(app, index) { Ok(index) } else { Err(outside_of_range(id)) }
    }

    fn whoever(&self, app: &AppEntry, form: IdType, id: &str) -> Result<u32, Refusal> {
        let shown = crate::error::clip(id);
        match form {
            IdType::Open => match self.chats.seal.open(id) {
                Some((bot, index)) if bot == app.bot => {
                    self.existing(index).ok_or_else(|| Refusal::new(99_992_351, format!("not a valid open_id: nobody has `{shown}`")))
                }
                Some(_) => Err(Refusal::new(
                    99_992_361,
                    format!(
                        "open_id cross app: `{shown}` was given to another app and means nobody to this one; use the open_id that this app got, or the union_id or user_id"
                    ),
                )),
                None => Err(Refusal::new(
                    99_992_351,
                    format!("not a valid open_id: `{shown}` was not issued here; an open_id starts with ou_, for others give the id type"),
                )),
            },
            IdType::Union => {
                let found = self.chats.seal.union(id).and_then(|index| self.existing(index));
                found.ok_or_else(|| {
                    Refusal::new(99_992_364, format!("not a valid union_id: nobody has `{shown}`; a union_id starts with on_"))
                })
            }
            IdType::User => {
                let found = self.chats.directory.index(id);
                found.ok_or_else(|| {
                    Refusal::new(
                        99_992_360,
                        format!("not a valid user_id: nobody has the staff number `{shown}`; to use an open_id set the id type to open_id"),
                    )
                })
            }
            IdType::App => {
                let found = self.auth.app(id).map(|app| app.bot);
                found.ok_or_else(|| Refusal::new(232_004, format!("there is no app `{shown}`; an app_id starts with cli_")))
            }
        }
    }

    fn existing(&self, index: u32) -> Option<u32> {
        self.chats.directory.entry(index).map(|_| index)
    }

    /// Is this one a bot?
    pub fn is_bot(&self, index: u32) -> bool {
        self.chats.directory.kind(index) == PersonKind::Bot
    }

    /// The chat of a `chat_id`.
    pub fn chat_meant(&self, id: &str) -> Result<ChatKey, Refusal> {
        id.parse::<ChatId>().ok().and_then(|id| self.chats.seal.chat(id)).ok_or_else(|| {
            Refusal::new(
                99_992_356,
                format!(
                    "not a valid chat_id: `{}` was not issued here; a chat_id starts with oc_ and comes from a reply or an event",
                    crate::error::clip(id)
                ),
            )
        })
    }

    /// The message of a `message_id`.
    pub fn message_meant(&self, id: &str) -> Result<MessageId, Refusal> {
        let found = id.parse::<MessageId>().ok().filter(|id| self.chats.seal.message(*id).is_some());
        found.ok_or_else(|| {
            Refusal::new(
                99_992_354,
                format!(
                    "not a valid message_id: `{}` was not issued here; a message_id starts with om_ and comes from a reply or an event",
                    crate::error::clip(id)
                ),
            )
        })
    }

    /// A thread's id, made of the id of its first message.
    pub fn thread_id(root: MessageId) -> String {
        format!("omt_{}", hex::encode(root.0))
    }

    /// The first message of a thread.
    pub fn thread_meant(&self, id: &str) -> Result<MessageId, Refusal> {
        let mut bytes = [0; 16];
        let found = id.strip_prefix("omt_").and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok());
        let root = found.map(|()| MessageId(bytes)).filter(|root| self.chats.seal.message(*root).is_some());
        root.ok_or_else(|| Refusal::new(230_019, format!("there is no thread `{}`; a thread_id starts with omt_", crate::error::clip(id))))
    }
}
