//! Many people at once: those of departments, and everybody, beside the ids that a call names.

use super::contact::departments_of;
use super::envelope::Call;
use super::error::Refusal;
use crate::limits::BOUND_DEPARTMENTS_MAX;
use roaring::RoaringBitmap;

/// Ids that a dry run names; of more people only the number is told.
pub const IDS_SHOWN_MAX: usize = crate::limits::PEOPLE_OF_A_CALL_MAX;

impl Call {
    /// Everybody whom `department_ids`, `direct_only` and `everyone` mean, of those whom the app may see; none when the
    /// call has neither.
    pub fn many(&mut self) -> Result<Option<RoaringBitmap>, Refusal> {
        let ids = self.input.list("department_ids", BOUND_DEPARTMENTS_MAX);
        let (direct_only, everyone) = (self.input.flag("direct_only"), self.input.flag("everyone"));
        let (departments, _) = departments_of(self, &ids)?;
        if everyone {
            return Ok(Some(self.api.auth.people_seen(&self.app)));
        }
        if departments.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.api.chats.directory.people_of(&departments, !direct_only)))
    }
}
