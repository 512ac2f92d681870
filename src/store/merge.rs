//! Rows that wait, laid over the rows of a store: what a reader gets is as if they had been stored.

use super::Range;
use super::tables::Key;
use std::ops::Bound;
use std::sync::Arc;

/// A row as it waits; none: it is to be removed.
pub(super) type Value = Option<Arc<[u8]>>;

/// A range that can hold nothing; a tree's `range` panics on it.
pub(super) fn empty(from: &Bound<Key>, to: &Bound<Key>) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
        _ => false,
    }
}

/// Do the rows that wait make the whole range, so that the store need not be asked? So it is with the last records of a chat:
/// their rows are numbers without a hole.
pub(super) fn covers(waiting: &[(Key, Value)], range: &Range) -> bool {
    let number = |key: &Key| <[u8; 8]>::try_from(key.as_slice()).ok().map(u64::from_be_bytes);
    let numbers: Option<Vec<u64>> = waiting.iter().take(range.limit).map(|(key, value)| value.as_ref().and(number(key))).collect();
    let Some(numbers) = numbers else { return false };
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return false };
    let step = |pair: &[u64]| if range.backward { pair[0] == pair[1] + 1 } else { pair[0] + 1 == pair[1] };
    if !numbers.windows(2).all(step) {
        return false;
    }
    let is = |bound: &Bound<Key>, at: u64| match bound {
        Bound::Included(key) => number(key) == Some(at),
        _ => false,
    };
    let (near, far) = if range.backward { (&range.to, &range.from) } else { (&range.from, &range.to) };
    is(near, *first) && (numbers.len() == range.limit || is(far, *last))
}

/// Both lists are in the order of the range; of a row that is in both, what waits counts.
pub(super) fn merge<K: Ord + Clone>(
    below: Vec<(K, Vec<u8>)>,
    waiting: Vec<(K, Value)>,
    backward: bool,
    limit: usize,
    asked: usize,
) -> Vec<(K, Vec<u8>)> {
    // Behind the end of a page that is full, the store may have rows that nobody has seen.
    let end = (below.len() >= asked).then(|| below.last().map(|(row, _)| row.clone())).flatten();
    let before = |one: &K, other: &K| if backward { one > other } else { one < other };
    let mut merged = Vec::with_capacity(limit.min(below.len() + waiting.len()));
    let (mut below, mut waiting) = (below.into_iter().peekable(), waiting.into_iter().peekable());
    while merged.len() < limit {
        let take_waiting = match (below.peek(), waiting.peek()) {
            (None, None) => break,
            (Some(_), None) => false,
            (None, Some((row, _))) => {
                if end.as_ref().is_some_and(|end| before(end, row)) {
                    break;
                }
                true
            }
            (Some((under, _)), Some((over, _))) => !before(under, over),
        };
        if take_waiting {
            let Some((row, value)) = waiting.next() else { break };
            if below.peek().is_some_and(|(under, _)| *under == row) {
                below.next();
            }
            merged.extend(value.map(|value| (row, value.to_vec())));
        } else {
            merged.extend(below.next());
        }
    }
    merged
}
