//! Tables by retention class and period: what a period is, and what its table is called.
//!
//! Records are kept in a table for each class and period, and a period that is over is dropped as a whole: no row expires
//! and none is deleted one by one, so nothing has to be compacted away, and a hold that is placed a minute before the drop
//! still stops it. Nothing is dropped yet: with the one class that there is, everything is kept. The job that drops a
//! period has to ask the register of holds before it does, and belongs to the classes that come with retention.

use crate::store::Table;

/// Tables that are cut by period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Family {
    /// Records.
    Messages,
    /// Records under what they changed. One that replaces an earlier one takes it away, which is why these tables have
    /// deletions: a card that changes every second has one row, not a thousand.
    Changes,
}

impl Family {
    pub(super) const ALL: &'static [Self] = &[Self::Messages, Self::Changes];

    /// The family of a table; none for those that are one table.
    pub(super) fn of(table: Table) -> Option<Self> {
        match table {
            Table::Messages => Some(Self::Messages),
            Table::Changes => Some(Self::Changes),
            _ => None,
        }
    }

    /// Its name, in names of tables and in `chat_periods`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Messages => Table::Messages.name(),
            Self::Changes => Table::Changes.name(),
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|family| family.name() == name)
    }
}

/// How long records are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Class {
    /// For ever, in periods of a year.
    Ever,
}

impl Class {
    pub(super) const ALL: &'static [Self] = &[Self::Ever];

    /// Its name, in names of tables and in `chat_periods`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ever => "ever",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|class| class.name() == name)
    }

    /// The period of a time, ms since 1970.
    pub(super) fn period(self, at_ms: u64) -> Period {
        match self {
            Self::Ever => Period(year(at_ms)),
        }
    }

    /// The periods of which there must be tables now: this one, and the next one ahead of its time.
    pub(super) fn due(self, now_ms: u64) -> [Period; 2] {
        let now = self.period(now_ms);
        [now, Period(now.0 + 1)]
    }
}

/// A period of a class: a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Period(pub(super) i32);

impl Period {
    /// Name of its table.
    pub(super) fn table(self, family: Family, class: Class) -> String {
        format!("{}_{}_{}", family.name(), class.name(), self.0)
    }
}

/// The year of a time in UTC. A clock that is wrong by millennia still gives a name of four digits.
fn year(at_ms: u64) -> i32 {
    let days = (at_ms / 86_400_000).min(2_932_896) as i64 + 719_468;
    // The calendar repeats itself every 400 years; years begin in March here, so that the leap day is the last one.
    let (era, day) = (days / 146_097, days % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let after_new_year = i64::from(day_of_year >= 306);
    (era * 400 + year_of_era + after_new_year) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_ends_where_the_calendar_says() {
        for (at_ms, is) in [
            (0, 1970),
            (31_535_999_999, 1970),
            (31_536_000_000, 1971),
            (951_782_400_000, 2000),
            (978_307_199_999, 2000),
            (978_307_200_000, 2001),
            (1_798_761_599_999, 2026),
            (1_798_761_600_000, 2027),
            (u64::MAX, 9999),
        ] {
            assert_eq!(year(at_ms), is, "{at_ms}");
        }
        assert_eq!(Class::Ever.period(1_798_761_600_000).table(Family::Changes, Class::Ever), "changes_ever_2027");
    }
}
