//! The one error that domain calls return: a number, what happened, why, what to do.

use protocol::error::{ErrorBody, ErrorCode};

/// What every domain call returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something was refused. The texts go to clients as they are, so they never hold a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// Number from the catalogue.
    pub code: ErrorCode,
    /// What happened.
    pub what: String,
    /// Why, with the numbers that matter.
    pub why: String,
    /// What to do about it.
    pub hint: String,
    /// The same may succeed after this many ms.
    pub retry_after_ms: Option<u64>,
    /// The field that is wrong, when it is one; for doors that have a number of their own for it.
    pub field: Option<String>,
}

impl Error {
    /// The store or the log does not answer now: what was asked may be had elsewhere, or later.
    pub fn is_unavailable(&self) -> bool {
        self.code == ErrorCode::StorageUnavailable
    }

    /// An error with its three texts.
    pub fn new(code: ErrorCode, what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, what: what.into(), why: why.into(), hint: hint.into(), retry_after_ms: None, field: None }
    }

    /// The same error, to be tried again after a while.
    pub fn retry_after(mut self, after_ms: u64) -> Self {
        self.retry_after_ms = Some(after_ms);
        self
    }

    /// The same error, of a field.
    pub fn of_field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// A field has a value that is not allowed.
    pub fn invalid(field: &str, why: impl Into<String>) -> Self {
        Self::new(
            ErrorCode::InvalidValue,
            format!("the field `{field}` has a value that is not allowed"),
            why,
            "correct the field and send the command again",
        )
        .of_field(field)
    }

    /// Something is over its limit.
    pub fn too_large(what: &str, is: u64, max: u64, unit: &str) -> Self {
        Self::new(
            ErrorCode::TooLarge,
            format!("{what} is too large"),
            format!("it has {is} {unit}, the limit is {max}"),
            "send less, or in parts",
        )
    }

    /// There is no such chat for the one who asks; said alike whether it exists or not.
    pub fn chat_not_found() -> Self {
        Self::new(
            ErrorCode::ChatNotFound,
            "there is no such chat for you",
            "it does not exist, or you are not a member of it",
            "check the chat_id, or ask to be added",
        )
    }

    /// There is no such message for the one who asks.
    pub fn message_not_found() -> Self {
        Self::new(
            ErrorCode::MessageNotFound,
            "there is no such message for you",
            "it does not exist, or it is not shown to you",
            "check the message_id",
        )
    }

    /// There is no such urgent for the one who asks.
    pub fn urgent_not_found() -> Self {
        Self::new(
            ErrorCode::UrgentNotFound,
            "there is no such urgent for you",
            "it does not exist, or it is neither for you nor raised by you",
            "check the urgent_id",
        )
    }

    /// There is no such person.
    pub fn person_not_found(user_id: &str) -> Self {
        Self::new(
            ErrorCode::PersonNotFound,
            "there is no such person",
            format!("nobody has the id `{}`", clip(user_id)),
            "check the user_id, or search by name",
        )
    }

    /// There is no such file for the one who asks.
    pub fn file_not_found() -> Self {
        Self::new(
            ErrorCode::FileNotFound,
            "there is no such file for you",
            "it does not exist, or it was not posted in a chat of yours",
            "check the key, or upload the file",
        )
    }

    /// Role or configuration forbids it.
    pub fn not_allowed(what: &str, why: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotAllowed, format!("you may not {what} here"), why, "ask the owner or a manager of the group")
    }

    /// Only the one whose it is may do that.
    pub fn not_yours(what: &str) -> Self {
        Self::new(ErrorCode::NotAllowed, format!("you may not {what}"), "it is somebody else's", "leave it to the one whose it is")
    }

    /// The group was dissolved.
    pub fn dissolved() -> Self {
        Self::new(ErrorCode::ChatDissolved, "the group was dissolved", "nothing can be changed in it any more", "make a new group")
    }

    /// The message was recalled.
    pub fn recalled() -> Self {
        Self::new(
            ErrorCode::MessageRecalled,
            "the message was recalled",
            "a recalled message cannot be changed, answered or reacted to",
            "choose another message",
        )
    }

    /// A direct chat cannot do this.
    pub fn not_a_group(what: &str) -> Self {
        Self::new(ErrorCode::NotAGroup, format!("a direct chat has no {what}"), "this is possible in groups only", "make a group")
    }

    /// Too much is waiting.
    pub fn busy(why: impl Into<String>) -> Self {
        Self::new(ErrorCode::Busy, "the server is busy", why, "send the same command again").retry_after(500)
    }

    /// Log or store cannot be written or read now.
    pub fn storage(why: impl Into<String>) -> Self {
        Self::new(ErrorCode::StorageUnavailable, "the storage does not answer now", why, "send the same command again; nothing was changed")
            .retry_after(1000)
    }

    /// The error that another node has told; a number of a later version is one to try again.
    pub fn of_body(body: ErrorBody, field: Option<String>) -> Self {
        let code = ErrorCode::from_number(body.code).unwrap_or(ErrorCode::Busy);
        Self { code, what: body.what, why: body.why, hint: body.hint, retry_after_ms: body.retry_after_ms, field }
    }

    /// As it stands on the wire.
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            code: self.code.number(),
            what: self.what.clone(),
            why: self.why.clone(),
            hint: self.hint.clone(),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "{}: {}; {}", self.what, self.why, self.hint)
    }
}

impl std::error::Error for Error {}

/// The beginning of a text that came from outside, short enough for a message.
pub fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(64).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}
