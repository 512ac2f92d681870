//! Why an edit of the organisation is refused, so finely that each door can say it in its own codes.

use crate::error::{Error, clip};

/// What no two people, or no two departments, have alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// Id of a person.
    UserId,
    /// E-mail address of somebody who has not left.
    Email,
    /// Mobile number of somebody who has not left.
    Mobile,
    /// Id that other systems chose for a department.
    DepartmentId,
    /// Name among the departments below the same one.
    DepartmentName,
}

impl Unique {
    fn field(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::Email => "email",
            Self::Mobile => "mobile",
            Self::DepartmentId => "department_id",
            Self::DepartmentName => "name",
        }
    }
}

/// Why an edit was refused; nothing was changed.
#[derive(Debug, Clone, PartialEq)]
pub enum EditRefused {
    /// Nobody has this index.
    NoPerson,
    /// The person has left the organisation.
    Resigned,
    /// There is no such department.
    NoDepartment(String),
    /// Somebody else, or another department, has the same.
    Taken {
        /// What.
        field: Unique,
        /// Id of the other one.
        by: String,
    },
    /// The id that was chosen for a department cannot be taken; why.
    CustomId(String),
    /// The department has people; so many.
    HasPeople(u64),
    /// The department has departments below it; so many.
    HasDepartments(usize),
    /// This is not done with the root.
    Root,
    /// The department would stand below itself.
    Circle,
    /// The tree would be too deep.
    TooDeep,
    /// Everything else.
    Other(Error),
}

impl From<Error> for EditRefused {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl EditRefused {
    /// The same for doors that have no words of their own for it.
    pub fn into_error(self) -> Error {
        match self {
            Self::NoPerson => Error::person_not_found(""),
            Self::Resigned => Error::invalid("user_id", "the person has left the organisation"),
            Self::NoDepartment(id) => Error::invalid("departments", format!("there is no department `{}`", clip(&id))),
            Self::Taken { field, by } => Error::invalid(field.field(), format!("`{by}` has the same")),
            Self::CustomId(why) => Error::invalid("department_id", why),
            Self::HasPeople(count) => Error::invalid("department_id", format!("{count} people are in the department")),
            Self::HasDepartments(count) => Error::invalid("department_id", format!("{count} departments are below it")),
            Self::Root => Error::invalid("department_id", "this is not possible with the department `0`"),
            Self::Circle => Error::invalid("parent", "the department would stand above itself"),
            Self::TooDeep => Error::invalid("parent", "the tree would be too deep"),
            Self::Other(error) => error,
        }
    }
}
