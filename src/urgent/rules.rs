//! Who may raise urgents for whom: the operator's rules, the first one that fits counts.

use crate::config::{Side, UrgentRule, UrgentRules};
use crate::directory::Directory;

fn fits(side: &Side, directory: &Directory, user: u32) -> bool {
    match side {
        Side::Everybody => true,
        Side::One(user_id) => *directory.user_id(user) == **user_id,
        Side::Department(id) => directory.person_within(user, id),
    }
}

/// The rules that may fit one person or app.
pub(super) struct RulesOf<'a> {
    directory: &'a Directory,
    rules: Vec<&'a UrgentRule>,
}

impl<'a> RulesOf<'a> {
    /// Those for urgents that somebody raises.
    pub fn new(rules: &'a UrgentRules, directory: &'a Directory, who: u32) -> Self {
        Self { directory, rules: rules.0.iter().filter(|rule| fits(&rule.who, directory, who)).collect() }
    }

    /// May an urgent be raised for somebody?
    pub fn allow(&self, whom: u32) -> bool {
        self.rules.iter().find(|rule| fits(&rule.whom, self.directory, whom)).is_none_or(|rule| rule.allow)
    }
}
