//! Hours of the day in which nobody is to be woken.

use super::value::{At, Value};

/// Quiet hours: from when to when, in minutes of the day, and how many minutes the organisation's clock is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: u32,
    to: u32,
    ahead: i32,
}

const DAY_MINUTES: i64 = 24 * 60;

impl QuietHours {
    /// Is it quiet at a time, in ms since 1970?
    pub fn at(&self, at_ms: u64) -> bool {
        let minute = ((at_ms / 60_000) as i64 + i64::from(self.ahead)).rem_euclid(DAY_MINUTES) as u32;
        if self.from <= self.to { (self.from..self.to).contains(&minute) } else { minute >= self.from || minute < self.to }
    }

    fn parse(text: &str) -> Option<Self> {
        let (hours, offset) = text.trim().split_once(' ')?;
        let (from, to) = hours.split_once('-')?;
        let offset = offset.trim();
        let (sign, offset) = match offset.split_at_checked(1)? {
            ("+", offset) => (1, offset),
            ("-", offset) => (-1, offset),
            _ => return None,
        };
        let ahead = minutes(offset)? as i32;
        let (from, to) = (minutes(from)?, minutes(to)?);
        (ahead <= 14 * 60 && from != to).then_some(Self { from, to, ahead: sign * ahead })
    }
}

/// Minutes of `hh:mm`.
fn minutes(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl Value for QuietHours {
    fn read(at: &At) -> Option<Self> {
        at.text().and_then(Self::parse)
    }
    fn toml(&self) -> Option<String> {
        let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let sign = if self.ahead < 0 { '-' } else { '+' };
        Some(format!("\"{}-{} {sign}{}\"", clock(self.from), clock(self.to), clock(self.ahead.unsigned_abs())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_goes_over_midnight_and_is_that_of_the_organisations_clock() {
        let night = QuietHours::parse("22:00-07:00 +08:00").unwrap();
        let at = |hour: u64, minute: u64| (hour * 60 + minute) * 60_000;
        for (utc, quiet) in
            [(at(13, 59), false), (at(14, 0), true), (at(20, 0), true), (at(22, 59), true), (at(23, 0), false), (at(5, 0), false)]
        {
            assert_eq!(night.at(utc), quiet, "{utc}");
        }
        let siesta = QuietHours::parse("13:00-14:30 -03:00").unwrap();
        assert!(siesta.at(at(16, 0)) && !siesta.at(at(17, 30)));
        assert_eq!(siesta.toml().as_deref(), Some("\"13:00-14:30 -03:00\""));
        for wrong in ["", "22:00-07:00", "22:00-22:00 +00:00", "24:00-07:00 +00:00", "22-7 +8", "22:00-07:00 08:00"] {
            assert_eq!(QuietHours::parse(wrong), None, "{wrong}");
        }
    }
}
