// Mentions in a text: ranges that move with each edit. Editing inside one dissolves it. Pure.

/**
 * @typedef {{start: number, end: number, user_id: string, name: string}} Range `user_id` `all` means everybody
 */

/**
 * Ranges after the text changed from `before` to `after`, by the one stretch in which they differ. Where equal letters let
 * the stretch be read in several ways, the one that keeps the most mentions is meant.
 * @param {Range[]} ranges
 */
export function moved(ranges, before, after) {
  if (before === after || ranges.length === 0) return ranges;
  let from = 0;
  const most = Math.min(before.length, after.length);
  while (from < most && before[from] === after[from]) from += 1;
  let tail = 0;
  while (tail < most - from && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const to = before.length - tail;
  const longer = before.length >= after.length ? before : after;
  const longer_to = longer.length - tail;
  let best = kept(ranges, from, to, before, after);
  for (let back = 1; back <= from && longer[from - back] === longer[longer_to - back] && best.length < ranges.length; back += 1) {
    const other = kept(ranges, from - back, to - back, before, after);
    if (other.length > best.length) best = other;
  }
  return best;
}

/** The ranges outside of from..to, moved; each still stands there. */
function kept(ranges, from, to, before, after) {
  const delta = after.length - before.length;
  const out = [];
  for (const range of ranges) {
    if (range.end <= from) out.push(range);
    else if (range.start >= to) out.push({ ...range, start: range.start + delta, end: range.end + delta });
  }
  return out.filter((range) => after.slice(range.start, range.end) === `@${range.name}`);
}

/** The range that ends at the caret, or null: Backspace takes it whole. */
export function endingAt(ranges, caret) {
  return ranges.find((range) => range.end === caret) ?? null;
}

/**
 * What is being sought: the text after an `@` that follows the start, white space or Han.
 * @returns {{start: number, query: string} | null}
 */
export function sought(text, caret) {
  const before = text.slice(0, caret);
  const at = before.lastIndexOf('@');
  if (at < 0 || caret - at > 32) return null;
  const query = before.slice(at + 1);
  if (/[\s@]/.test(query)) return null;
  const previous = at > 0 ? before[at - 1] : '';
  if (previous && !/[\s\p{Script=Han}\p{P}]/u.test(previous)) return null;
  return { start: at, query };
}

/** What the command carries. */
export function mentioned(ranges) {
  const user_ids = [...new Set(ranges.filter((range) => range.user_id !== 'all').map((range) => range.user_id))];
  return { mentions: user_ids.slice(0, 100), mention_all: ranges.some((range) => range.user_id === 'all') };
}
