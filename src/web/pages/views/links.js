// Where a link ends. From http:// or https:// to the first white space, quote, `<`, Han or kana character, or CJK and
// full-width punctuation; then trailing punctuation and unbalanced brackets are not part of it.

const START = /https?:\/\/|mailto:/gi;
const STOP = /[\s"'<>`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef\u2018-\u201f\u2026\u00b7]/u;

/**
 * @param {string} text
 * @returns {{from: number, to: number, href: string, shown: string}[]}
 */
export function findLinks(text) {
  const found = [];
  START.lastIndex = 0;
  for (let match = START.exec(text); match; match = START.exec(text)) {
    const from = match.index;
    if (from > 0 && /[A-Za-z0-9_]/.test(text[from - 1])) continue;
    let to = from + match[0].length;
    while (to < text.length && !STOP.test(text[to])) to += 1;
    to = trimmed(text, from, to);
    const href = checkedUrl(text.slice(from, to));
    if (to <= from + match[0].length || !href) continue;
    found.push({ from, to, href: href.href, shown: href.shown ?? text.slice(from, to) });
    START.lastIndex = to;
  }
  return found;
}

function trimmed(text, from, to) {
  for (;;) {
    const last = text[to - 1];
    if (/[.,:;!?*_~]/.test(last)) to -= 1;
    else if ((last === ')' && !balanced(text.slice(from, to), '(', ')')) || (last === ']' && !balanced(text.slice(from, to), '[', ']'))) to -= 1;
    else return to;
    if (to <= from) return to;
  }
}

function balanced(text, open, close) {
  return text.split(close).length <= text.split(open).length;
}

/**
 * An address that may be opened: http, https, mailto. A host that mixes scripts is shown in punycode.
 * @returns {{href: string, shown?: string} | null}
 */
export function checkedUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) return null;
  if (url.protocol !== 'mailto:' && !url.hostname) return null;
  const written = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  return { href: url.href, shown: /[^\x00-\x7f]/.test(written) ? url.href : undefined };
}
