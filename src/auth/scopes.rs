//! What an app may ask of the open API.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Scopes that an app has only when they were given to it by name: those of this server's own administration, what
/// raises a bot above the members of a group, and what changes who works here. One with `:` at the end stands for all
/// that begin with it.
const RESERVED: &[&str] = &["clarion:", "im:chat:operate_as_owner", "contact:contact", "contact:contact:update_department_id"];

/// The scopes of an app. Everything is allowed to an app that was made without a list, but for what is reserved; so a
/// later version's calls are open to it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Every scope that is not reserved.
    ordinary: bool,
    /// Given by name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    given: BTreeSet<String>,
    /// Taken away by name.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    taken: BTreeSet<String>,
}

/// Of an app that was made before there were scopes.
impl Default for Scopes {
    fn default() -> Self {
        Self { ordinary: true, given: BTreeSet::new(), taken: BTreeSet::new() }
    }
}

impl Scopes {
    /// These and no others; without any, every ordinary one.
    pub fn of<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        let given: BTreeSet<String> = scopes.into_iter().map(Into::into).collect();
        Self { ordinary: given.is_empty(), given, taken: BTreeSet::new() }
    }

    /// The same with these as well.
    pub fn with<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        for scope in scopes {
            let scope = scope.into();
            self.taken.remove(&scope);
            if !self.has(&scope) {
                self.given.insert(scope);
            }
        }
        self
    }

    /// The same without these.
    pub fn without<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        for scope in scopes {
            let scope = scope.into();
            self.given.remove(&scope);
            if self.has(&scope) {
                self.taken.insert(scope);
            }
        }
        self
    }

    /// Whether this one is among them.
    pub fn has(&self, scope: &str) -> bool {
        self.given.contains(scope) || (self.ordinary && !is_reserved(scope) && !self.taken.contains(scope))
    }
}

/// Whether an app has this scope only when it is named.
pub fn is_reserved(scope: &str) -> bool {
    RESERVED.iter().any(|reserved| if reserved.ends_with(':') { scope.starts_with(reserved) } else { scope == *reserved })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_of_before_may_everything_but_administer() {
        let scopes = Scopes::default();
        assert!(scopes.has("im:chat") && scopes.has("contact:contact.base:readonly"));
        assert!(!scopes.has("clarion:audit:read") && !scopes.has("im:chat:operate_as_owner") && !scopes.has("contact:contact"));
        let scopes = scopes.with(["clarion:audit:read"]).without(["im:chat"]);
        assert!(scopes.has("clarion:audit:read") && !scopes.has("im:chat") && scopes.has("im:chat:read"));
        let scopes = scopes.with(["im:chat"]).without(["clarion:audit:read"]);
        assert_eq!(scopes, Scopes::default(), "what was given and taken back leaves nothing");
    }

    #[test]
    fn an_app_with_a_list_has_only_what_it_names() {
        let scopes = Scopes::of(["im:chat:read"]);
        assert!(scopes.has("im:chat:read") && !scopes.has("im:chat") && !scopes.has("im:message"));
        assert!(!scopes.clone().without(["im:chat:read"]).has("im:chat:read"));
        assert!(scopes.with(["im:chat"]).has("im:chat"));
    }
}
