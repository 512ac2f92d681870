//! What people do with urgents in a client stands in the audit log, as what business systems do.

use super::{RaisedUrgent, Urgents};
use crate::audit::{AuditEntry, Noted};
use crate::error::{Error, Result};
use protocol::codec::Encoding;
use protocol::command::{CancelUrgent, CommandBody, RaiseUrgent};
use protocol::urgent::{UrgentAudience, UrgentStep};
use serde::Serialize;
use std::sync::Arc;

/// Steps of a ladder that an entry has; the others are a number.
const STEPS_NOTED: usize = 10;
/// Departments that an entry has.
const DEPARTMENTS_NOTED: usize = 10;

/// What an entry says of an urgent that was asked for.
#[derive(Serialize)]
struct Summary<'a> {
    audience: &'static str,
    /// How many people or departments were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    named: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    department_ids: Vec<String>,
    ladder: &'a [UrgentStep],
    steps: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u64>,
    break_quiet_hours: bool,
}

impl<'a> Summary<'a> {
    fn of(command: &'a RaiseUrgent) -> Self {
        let (named, department_ids) = match &command.audience {
            UrgentAudience::People(people) => (Some(people.user_ids.len()), Vec::new()),
            UrgentAudience::Departments(departments) => {
                let ids = &departments.department_ids;
                (Some(ids.len()), ids.iter().take(DEPARTMENTS_NOTED).map(|id| crate::error::clip(id)).collect())
            }
            _ => (None, Vec::new()),
        };
        Self {
            audience: command.audience.kind(),
            named,
            department_ids,
            ladder: &command.ladder[..command.ladder.len().min(STEPS_NOTED)],
            steps: command.ladder.len(),
            deadline_ms: command.deadline_ms,
            break_quiet_hours: command.break_quiet_hours,
        }
    }
}

/// How it ended: 0 when it was done.
fn code_of<T>(outcome: &Result<T>) -> u32 {
    outcome.as_ref().map_or_else(|error: &Error| u32::from(error.code.number()), |_| 0)
}

impl Urgents {
    /// Raises an urgent as a person asks for it.
    ///
    /// # Errors
    /// Those of [`Urgents::raise`]; `StorageUnavailable` also when the audit log cannot be written.
    pub async fn raise_by_person(self: &Arc<Self>, by: u32, device_id: &str, command: RaiseUrgent) -> Result<RaisedUrgent> {
        let summary = Encoding::Json.encode(&Summary::of(&command));
        let message_id = command.message_id.to_string();
        let mut noted = self.begin::<RaiseUrgent>(by, device_id, message_id, String::from_utf8(summary).unwrap_or_default())?;
        let outcome = self.raise_as_asked(by, command).await;
        noted.entry.code = Some(code_of(&outcome));
        if let Ok(raised) = &outcome {
            noted.entry.targets.push(self.id(raised.key).to_string());
        }
        outcome
    }

    /// Ends an urgent as a person asks for it.
    ///
    /// # Errors
    /// Those of [`Urgents::cancel`]; `StorageUnavailable` also when the audit log cannot be written.
    pub async fn cancel_by_person(self: &Arc<Self>, user: u32, device_id: &str, command: CancelUrgent) -> Result<()> {
        let mut noted = self.begin::<CancelUrgent>(user, device_id, command.urgent_id.to_string(), String::new())?;
        let outcome = self.cancel(user, command).await;
        noted.entry.code = Some(code_of(&outcome));
        outcome
    }

    fn begin<C: CommandBody>(&self, user: u32, device_id: &str, target: String, summary: String) -> Result<Noted> {
        self.audit.begin(AuditEntry {
            user_id: self.chats.directory.user_id(user).to_string(),
            device_id: device_id.to_owned(),
            call: C::NAME.to_owned(),
            targets: vec![target],
            summary,
            ..AuditEntry::default()
        })
    }
}
