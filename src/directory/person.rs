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
    /// What only business systems ask for; none when nothing of it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<Box<PersonMore>>,
}

/// What business systems keep of a person beside what colleagues see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PersonMore {
    /// May not sign in for now; unlike one who has resigned still found and written to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// A group's own bot: it belongs to no app and is not found by search.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub custom_bot: bool,
    /// Colleagues do not see the mobile number.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mobile_hidden: bool,
    /// Second name, as colleagues call this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// 0 unknown, 1 male, 2 female, 3 other.
    #[serde(skip_serializing_if = "none")]
    pub gender: u8,
    /// Number on the pay sheet, where it is not the `user_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employee_no: Option<String>,
    /// 1 regular, 2 intern, 3 outsourced, 4 labour, 5 consultant, larger ones the organisation's own; 0 counts as 1.
    #[serde(skip_serializing_if = "none")]
    pub employee_type: u8,
    /// First day, s since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_time_s: Option<u64>,
    /// Place of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Country's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_station: Option<String>,
    /// E-mail address that the organisation gave, where it is not `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enterprise_email: Option<String>,
    /// Level, in another system's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_level_id: Option<String>,
    /// Family of jobs, in another system's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_family_id: Option<String>,
    /// Ids of further people who lead this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dotted_leaders: Vec<String>,
    /// Place within each department, and of the departments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<PersonOrder>,
    /// Fields of the organisation's own, a JSON list as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_attrs: Option<String>,
}

/// Place of a person in one of his or her departments. Larger numbers come first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PersonOrder {
    /// Which department.
    pub department_id: String,
    /// Place among its people.
    pub user_order: u32,
    /// Place of this department among the person's own.
    pub department_order: u32,
}

/// A number that says nothing, so that it need not be kept.
fn none(number: &u8) -> bool {
    *number == 0
}

impl PersonEntry {
    /// Sets what only business systems ask for; nothing is kept when there is nothing to say.
    pub fn set_more(&mut self, more: PersonMore) {
        self.more = (more != PersonMore::default()).then(|| Box::new(more));
    }

    /// What only business systems ask for.
    pub fn more(&self) -> PersonMore {
        self.more.as_deref().cloned().unwrap_or_default()
    }

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
            more: None,
        }
    }
}

/// A department, as the table `Departments` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DepartmentEntry {
    /// `od-…`, the same for ever; the root is `0`.
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
    /// Id that other systems chose for it; it can be changed, and no two departments have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
    /// Name in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en_name: Option<String>,
    /// Name in Japanese.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ja_name: Option<String>,
    /// Ids of the people who lead it beside the leader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deputies: Vec<String>,
    /// Ids of the people who care for its staff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hrbps: Vec<String>,
    /// Units that it belongs to, in other systems' ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unit_ids: Vec<String>,
    /// Key of the department's own group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<u64>,
}

impl DepartmentEntry {
    /// A department of which nothing but id, name and parent is known.
    pub fn new(department_id: impl Into<String>, name: impl Into<String>, parent: impl Into<String>) -> Self {
        Self { department_id: department_id.into(), name: name.into(), parent: parent.into(), ..Self::default() }
    }

    /// The id that other systems use for it.
    pub fn shown_id(&self) -> &str {
        self.custom_id.as_deref().unwrap_or(&self.department_id)
    }
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
