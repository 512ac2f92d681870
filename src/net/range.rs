//! The header `Range`: which part of a file is wanted.

use std::ops::Range;

/// Which part of a file is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The whole of it.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that it does not have.
    Outside,
}

/// Reads a `Range`. Several parts at once, and what is no range of bytes, get the whole file, as the standard allows.
pub fn wanted_part(range: &str, size: u64) -> Wanted {
    let Some((first, last)) =
        range.strip_prefix("bytes=").filter(|parts| !parts.contains(',')).and_then(|part| part.trim().split_once('-'))
    else {
        return Wanted::All;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => return Wanted::All,
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(length)) if first.is_empty() => size.saturating_sub(length)..size,
        _ => return Wanted::All,
    };
    if part.start >= part.end { Wanted::Outside } else { Wanted::Part(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_browsers_and_players_send_them() {
        assert_eq!(wanted_part("bytes=0-9", 100), Wanted::Part(0..10));
        assert_eq!(wanted_part("bytes=90-", 100), Wanted::Part(90..100));
        assert_eq!(wanted_part("bytes=-10", 100), Wanted::Part(90..100));
        assert_eq!(wanted_part("bytes=-1000", 100), Wanted::Part(0..100));
        assert_eq!(wanted_part("bytes=50-18446744073709551615", 100), Wanted::Part(50..100));
        for outside in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(wanted_part(outside, 100), Wanted::Outside, "{outside}");
        }
        assert_eq!(wanted_part("bytes=0-", 0), Wanted::Outside);
        for whole in ["bytes=9-0", "bytes=0-1,5-6", "lines=1-2", "bytes=", "bytes=a-b", "bytes=5", "bytes=18446744073709551616-"] {
            assert_eq!(wanted_part(whole, 100), Wanted::All, "{whole}");
        }
    }
}
