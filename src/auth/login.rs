//! The seam for the company's own login: who is it that types this?
//!
//! Promise: a module only says who it is. Counting attempts, devices and tokens stay here, whatever the module.

use crate::directory::UserIndex;
use crate::error::Error;
use std::pin::Pin;

/// Why a module does not say who it is.
#[derive(Debug, Clone, PartialEq)]
pub enum LoginRefused {
    /// There is nobody with this login and password; said alike whichever is wrong.
    Wrong,
    /// Too many are being checked.
    Busy,
    /// What the module needs does not answer.
    Storage(Error),
}

/// What a module answers.
pub type Checked = Result<UserIndex, LoginRefused>;

/// A way to find out who somebody is.
pub trait LoginModule: Send + Sync {
    /// Who has this login and password. May take long; the number of calls at once is the module's own business.
    fn check<'a>(&'a self, login: &'a str, password: &'a str) -> Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;
}
