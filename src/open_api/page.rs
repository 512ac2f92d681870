//! Pages of lists: `page_size`, `page_token`, `has_more`.

use super::envelope::Reply;
use super::error::{Act, Refusal};
use super::input::Input;
use crate::error::Error;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

/// What a caller asks of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// Entries wanted.
    pub size: usize,
    /// Where the page before had ended.
    pub token: Option<String>,
}

impl Page {
    /// Reads `page_size` and `page_token`.
    pub fn read(input: &mut Input, default: usize, max: usize) -> Self {
        Self { size: input.asked_number("page_size", default as u64, 1, max as u64) as usize, token: input.asked("page_token") }
    }

    /// The token as a number; none for the first page.
    pub fn number<T: std::str::FromStr>(&self) -> Result<Option<T>, Refusal> {
        self.token.as_deref().map(|token| token.parse().map_err(|_| wrong_token(token))).transpose()
    }

    /// What the domain refused of a list: of a page behind the first, an invalid value is the token.
    pub fn refused(&self, act: Act, error: Error) -> Refusal {
        match (error.code, &self.token) {
            (ErrorCode::InvalidValue, Some(token)) => wrong_token(token),
            _ => Refusal::of(act, error),
        }
    }
}

/// The token is of another list, or made up.
pub fn wrong_token(token: &str) -> Refusal {
    Refusal::field("page_token", token, "is not a page_token of this list; start without one, and keep the other parameters while paging")
}

/// A page in a reply. On the last one there is no token: programs that look only at the token stop by that.
pub fn reply(items: Vec<Value>, next: Option<String>) -> Reply {
    Reply::Data(fields(items, next))
}

/// The fields of a page, for replies that have more of them.
pub fn fields(items: Vec<Value>, next: Option<String>) -> Value {
    let mut data = json!({ "items": items, "has_more": next.is_some() });
    if let Some(next) = next {
        data["page_token"] = Value::String(next);
    }
    data
}
