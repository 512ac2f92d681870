//! One person or bot, and one department, as they are kept.

use protocol::person::PersonKind;
use serde::{Deserialize, Serialize};

/// Number of a person or bot: dense, never used again for somebody else.
pub type UserIndex = u32;

/// Id of the department above all others.
pub const ROOT: &str = "0";

/// Everything that is known of a person or bot. This is also the row of the table `People`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEntry {
    /// Staff number, or `cli_…` of a bot.
    pub user_id: String,
    /// Name as it is written.
    pub name: String,
    /// Person or bot.
    pub kind: PersonKind,
    /// Name in Latin letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en_name: Option<String>,
    /// E-mail address; at most one person has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Mobile number; at most one person has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mobile: Option<String>,
    /// Job title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Ids of the departments that the person is directly in; none means the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<String>,
    /// Id of the person who leads this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Key of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// No longer with the organisation: may not sign in, is not found by search.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resigned: bool,
    /// Shows nobody whether he or she is here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub presence_hidden: bool,
}

impl PersonEntry {
    /// Somebody of whom nothing but id and name is known.
    pub fn new(user_id: impl Into<String>, name: impl Into<String>, kind: PersonKind) -> Self {
        Self {
            user_id: user_id.into(),
            name: name.into(),
            kind,
            en_name: None,
            email: None,
            mobile: None,
            title: None,
            departments: Vec::new(),
            leader: None,
            avatar: None,
            resigned: false,
            presence_hidden: false,
        }
    }
}

/// A department, as the table `Departments` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepartmentEntry {
    /// `od-…`; the root is `0`.
    pub department_id: String,
    /// Its name.
    pub name: String,
    /// Id of the department above it; the root has itself.
    pub parent: String,
    /// Place among its sisters: smaller numbers first, then by name.
    #[serde(default)]
    pub order: u32,
    /// Id of the person who leads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchPage {
    /// The best first.
    pub people: Vec<UserIndex>,
    /// Give it back as `page` for the next ones; none at the end.
    pub next: Option<String>,
}

/// What a change of people or departments did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Upserted {
    /// New ones.
    pub created: usize,
    /// Those that are different now.
    pub changed: usize,
    /// Those that were so already; nothing was written for them.
    pub unchanged: usize,
}
