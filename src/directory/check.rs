//! What an id, a name, an address may be.

use super::person::{DepartmentEntry, PersonEntry, ROOT};
use crate::error::{Error, Result};
use crate::limits::{DEPARTMENTS_PER_PERSON_MAX, EMAIL_BYTES_MAX, NAME_BYTES_MAX, PERSON_MORE_BYTES_MAX, USER_ID_BYTES_MAX};
use protocol::person::PersonKind;

/// Ids that begin so are others' in the open API.
const TAKEN_PREFIXES: [&str; 5] = ["cli_", "ou_", "on_", "oc_", "om_"];

/// Whether somebody can be taken as he or she is.
///
/// # Errors
/// `InvalidValue` with the field and what is allowed.
pub fn check_person(person: &PersonEntry) -> Result<()> {
    let id = &person.user_id;
    if id.is_empty() || id.len() > USER_ID_BYTES_MAX || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(Error::invalid(
            "user_id",
            format!("it must have 1 to {USER_ID_BYTES_MAX} letters, digits, `-`, `_` or `.`, and is \"{}\"", crate::error::clip(id)),
        ));
    }
    let of_a_bot = id.starts_with("cli_");
    if (person.kind == PersonKind::Bot) != of_a_bot
        || id == "all"
        || (!of_a_bot && TAKEN_PREFIXES.iter().any(|prefix| id.starts_with(prefix)))
    {
        return Err(Error::invalid("user_id", "`all`, and what begins with cli_, ou_, on_, oc_ or om_, is not for people"));
    }
    line("name", &person.name)?;
    for (field, text) in [("en_name", &person.en_name), ("title", &person.title), ("avatar", &person.avatar)] {
        if let Some(text) = text {
            line(field, text)?;
        }
    }
    if let Some(email) = &person.email {
        let parts = email.split_once('@');
        let formed = parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
        if !formed || email.len() > EMAIL_BYTES_MAX || email.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(Error::invalid("email", format!("it must be an e-mail address, and is \"{}\"", crate::error::clip(email))));
        }
    }
    if let Some(mobile) = &person.mobile {
        let digits = mobile.bytes().filter(u8::is_ascii_digit).count();
        if !(4..=20).contains(&digits) || !mobile.bytes().all(|byte| byte.is_ascii_digit() || b"+- ()".contains(&byte)) {
            return Err(Error::invalid(
                "mobile",
                format!("it must be a number of 4 to 20 digits, and is \"{}\"", crate::error::clip(mobile)),
            ));
        }
    }
    if person
        .leader
        .as_ref()
        .is_some_and(|leader| leader.is_empty() || leader.len() > USER_ID_BYTES_MAX || leader.contains(char::is_control))
    {
        return Err(Error::invalid("leader", "it must be the user_id of a person"));
    }
    if let Some(more) = &person.more {
        let bytes = serde_json::to_string(more).map_or(0, |json| json.len());
        if bytes > PERSON_MORE_BYTES_MAX {
            return Err(Error::too_large("what is kept of a person", bytes as u64, PERSON_MORE_BYTES_MAX as u64, "bytes"));
        }
    }
    if person.departments.len() > DEPARTMENTS_PER_PERSON_MAX {
        return Err(Error::too_large(
            "the list of departments",
            person.departments.len() as u64,
            DEPARTMENTS_PER_PERSON_MAX as u64,
            "departments",
        ));
    }
    Ok(())
}

/// Whether a department can be taken; whether its parent exists is seen when it is.
///
/// # Errors
/// `InvalidValue` with the field and what is allowed.
pub fn check_department(department: &DepartmentEntry) -> Result<()> {
    let id = &department.department_id;
    if id != ROOT
        && (id.is_empty() || id.len() > USER_ID_BYTES_MAX || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)))
    {
        return Err(Error::invalid("department_id", format!("it must have 1 to {USER_ID_BYTES_MAX} letters, digits, `-`, `_` or `.`")));
    }
    if id == ROOT && department.parent != ROOT {
        return Err(Error::invalid("parent", "nothing is above the department `0`"));
    }
    for (field, name) in [("en_us", &department.en_name), ("ja_jp", &department.ja_name)] {
        if let Some(name) = name {
            line(field, name)?;
        }
    }
    line("name", &department.name)
}

fn line(field: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("it must be one line of 1 to {NAME_BYTES_MAX} bytes")));
    }
    Ok(())
}
