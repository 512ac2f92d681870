//! Rules of who may raise urgents for whom, as an operator writes them.

use super::value::{At, Value};

/// One side of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// Everybody.
    Everybody,
    /// One person or app, by `user_id`.
    One(String),
    /// Everybody in a department and below it.
    Department(String),
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrgentRule {
    /// It may be.
    pub allow: bool,
    /// Who raises it.
    pub who: Side,
    /// For whom.
    pub whom: Side,
}

/// The rules, in their order; in the environment they are parted by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UrgentRules(pub Vec<UrgentRule>);

impl Side {
    fn read(text: &str) -> Self {
        match text.strip_prefix("department:") {
            Some(id) => Self::Department(id.to_owned()),
            None if text == "*" => Self::Everybody,
            None => Self::One(text.to_owned()),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Everybody => "*".to_owned(),
            Self::One(user_id) => user_id.clone(),
            Self::Department(id) => format!("department:{id}"),
        }
    }
}

fn rule(line: &str) -> Option<UrgentRule> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [verb @ ("allow" | "deny"), who, "to", whom] = words[..] else { return None };
    Some(UrgentRule { allow: verb == "allow", who: Side::read(who), whom: Side::read(whom) })
}

impl Value for UrgentRules {
    fn read(at: &At) -> Option<Self> {
        match at {
            At::Toml(value) => value.as_array()?.iter().map(|line| line.as_str().and_then(rule)).collect::<Option<_>>().map(Self),
            At::Text(text) => text.split(',').filter(|line| !line.trim().is_empty()).map(rule).collect::<Option<_>>().map(Self),
        }
    }
    fn toml(&self) -> Option<String> {
        let line = |rule: &UrgentRule| {
            let line = format!("{} {} to {}", if rule.allow { "allow" } else { "deny" }, rule.who.print(), rule.whom.print());
            toml::Value::String(line).to_string()
        };
        Some(format!("[{}]", self.0.iter().map(line).collect::<Vec<_>>().join(", ")))
    }
}
