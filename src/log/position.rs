//! Places in the whole log: one number for each of its groups.

use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, Ordering};

/// A place in the order of everything: how far each group of the log is. Chats are spread over the groups, and each
/// group has an order of its own; on one machine there is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position(SmallVec<[u64; 8]>);

impl Position {
    /// As clients keep it: the groups' numbers, hexadecimal, with points between.
    pub fn print(&self) -> String {
        let offsets: Vec<String> = self.0.iter().map(|offset| format!("{offset:x}")).collect();
        offsets.join(".")
    }

    /// Reads what a client kept.
    pub fn parse(text: &str) -> Option<Self> {
        let offsets: Option<SmallVec<[u64; 8]>> = text.split('.').map(|offset| u64::from_str_radix(offset, 16).ok()).collect();
        offsets.map(Self)
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.0.len()
    }

    /// How far a group is; 0 for one that the position does not know.
    pub fn of(&self, group: usize) -> u64 {
        self.0.get(group).copied().unwrap_or(0)
    }

    /// Is no group farther than in the other one, and are they the same groups?
    pub fn within(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(own, other)| own <= other)
    }
}

impl FromIterator<u64> for Position {
    fn from_iter<T: IntoIterator<Item = u64>>(offsets: T) -> Self {
        Self(offsets.into_iter().collect())
    }
}

/// How far something has got in each group. It only goes on.
#[derive(Debug)]
pub struct Reached(Box<[AtomicU64]>);

impl Reached {
    /// From here on.
    pub fn from(position: &Position) -> Self {
        Self(position.0.iter().map(|offset| AtomicU64::new(*offset)).collect())
    }

    /// It has got so far in a group.
    pub fn raise(&self, group: usize, offset: u64) {
        if let Some(reached) = self.0.get(group) {
            reached.fetch_max(offset, Ordering::AcqRel);
        }
    }

    /// How far it is in a group.
    pub fn of(&self, group: usize) -> u64 {
        self.0.get(group).map_or(0, |reached| reached.load(Ordering::Acquire))
    }

    /// How far it is.
    pub fn now(&self) -> Position {
        self.0.iter().map(|reached| reached.load(Ordering::Acquire)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_printed_and_compared_group_by_group() {
        let position: Position = [1, 0, u64::MAX].into_iter().collect();
        assert_eq!(Position::parse(&position.print()), Some(position.clone()));
        assert_eq!((Position::parse(""), Position::parse("1..2"), Position::parse("x")), (None, None, None));
        let reached = Reached::from(&[1, 5].into_iter().collect());
        reached.raise(0, 3);
        reached.raise(1, 4);
        assert_eq!(reached.now(), [3, 5].into_iter().collect());
        let before: Position = [3, 4].into_iter().collect();
        assert!(before.within(&reached.now()) && !reached.now().within(&before));
        assert!(!Position::parse("1").unwrap().within(&reached.now()), "a log of other groups");
    }
}
