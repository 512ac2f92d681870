// Markdown of posts and cards as tokens: never as HTML. Pure; linear in the length of the text.
//
// What Markdown says of Chinese badly is done as people mean it: `**重点。**后面` is bold, whatever stands behind it.

import { checkedUrl, findLinks } from './links.js';
import { MORE } from './emoji_names.js';
import { GLYPHS } from './reactions.js';

/** Every name that may stand between colons. */
const NAMES = { ...MORE, ...GLYPHS };

/** Levels of lists, quotes and marks within marks; deeper ones are plain text. */
const DEPTH = 6;
/** Rows of a table. */
const TABLE_ROWS = 100;

/** Colours that a text may ask for, by the platform's names. */
export const COLOURS = new Set(['blue', 'wathet', 'turquoise', 'green', 'lime', 'yellow', 'orange', 'red', 'carmine', 'violet', 'purple', 'indigo', 'grey']);

/** `red-600`, `Red`, `neutral` -> a name of COLOURS, or null for the colour of the text. */
export function colourName(value) {
  const name = typeof value === 'string' ? /^[a-z]+/.exec(value.toLowerCase())?.[0] : undefined;
  if (name === 'neutral' || name === 'gray') return 'grey';
  return COLOURS.has(name) ? name : null;
}

/**
 * @typedef {{kind: string, [name: string]: any}} Token
 * @param {string} text
 * @returns {Token[]} paragraph, heading, list, code, quote, rule, table, image
 */
export function blocks(text, depth = 0) {
  const lines = text.replace(/\r\n?/g, '\n').replace(/<br\s*\/?>/gi, '\n').replace(/<hr\s*\/?>/gi, '\n---\n').split('\n');
  const found = [];
  let words = [];
  const close = () => {
    while (words.length && !words[0].trim()) words.shift();
    while (words.length && !words.at(-1).trim()) words.pop();
    if (words.length) found.push({ kind: 'paragraph', inline: inline(words.join('\n')) });
    words = [];
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    const fence = /^\s*(```|~~~)\s*([\w+#.-]*)\s*$/.exec(line);
    if (fence) {
      const end = lines.findIndex((one, index) => index > at && one.trim().startsWith(fence[1]));
      const until = end < 0 ? lines.length : end;
      close();
      found.push({ kind: 'code', language: fence[2], text: lines.slice(at + 1, until).join('\n') });
      at = until + 1;
      continue;
    }
    const heading = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/.exec(line);
    if (heading) {
      close();
      found.push({ kind: 'heading', level: heading[1].length, inline: inline(heading[2]) });
    } else if (/^\s*(?:-\s*){3,}$|^\s*(?:\*\s*){3,}$|^\s*(?:_\s*){3,}$/.test(line)) {
      close();
      found.push({ kind: 'rule' });
    } else if (/^\s*>/.test(line) && depth < DEPTH) {
      close();
      let to = at;
      while (to < lines.length && /^\s*>/.test(lines[to])) to += 1;
      found.push({ kind: 'quote', blocks: blocks(lines.slice(at, to).map((one) => one.replace(/^\s*>\s?/, '')).join('\n'), depth + 1) });
      at = to;
      continue;
    } else if (listMark(line) && depth < DEPTH) {
      close();
      const [list, to] = readList(lines, at, depth);
      found.push(list);
      at = to;
      continue;
    } else if (line.includes('|') && tableRule(lines[at + 1])) {
      close();
      const [table, to] = readTable(lines, at);
      found.push(table);
      at = to;
      continue;
    } else if (/^\s*!\[[^\]]*\]\([^)\s]+\)\s*$/.test(line)) {
      close();
      const [, alt, key] = /!\[([^\]]*)\]\(([^)\s]+)\)/.exec(line);
      found.push({ kind: 'image', alt, key });
    } else if (!line.trim() && words.length && !words.at(-1).trim()) {
      // More than one empty line is one.
    } else words.push(line);
    at += 1;
  }
  close();
  return found;
}

function listMark(line) {
  const found = /^(\s*)(?:([-*+•])|(\d{1,9})[.)])\s+(\S.*)?$/.exec(line ?? '');
  return found && { indent: width(found[1]), ordered: found[3] !== undefined, number: Number(found[3] ?? 1), text: found[4] ?? '' };
}

const width = (space) => space.replace(/\t/g, '    ').length;

/** A list: items of one indent, what stands deeper belongs to the item above it. */
function readList(lines, from, depth) {
  const first = listMark(lines[from]);
  const list = { kind: 'list', ordered: first.ordered, start: first.number, items: [] };
  let at = from;
  while (at < lines.length) {
    const mark = listMark(lines[at]);
    if (!mark || mark.indent < first.indent || (mark.indent < first.indent + 2 && mark.ordered !== first.ordered)) break;
    let to = at + 1;
    while (to < lines.length) {
      const next = listMark(lines[to]);
      const deeper = lines[to].trim() && width(/^\s*/.exec(lines[to])[0]) >= first.indent + 2;
      if (next ? next.indent < first.indent + 2 : !deeper) break;
      to += 1;
    }
    const below = lines.slice(at + 1, to).map((line) => line.replace(new RegExp(`^\\s{0,${first.indent + 2}}`), ''));
    list.items.push({ inline: inline(mark.text), blocks: below.length ? blocks(below.join('\n'), depth + 1) : [] });
    at = to;
  }
  return [list, at];
}

const cells = (line) => line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, '|'));

function tableRule(line) {
  return line !== undefined && line.includes('-') && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(line);
}

function readTable(lines, from) {
  const aligns = cells(lines[from + 1]).map((cell) => (cell.startsWith(':') && cell.endsWith(':') ? 'center' : cell.endsWith(':') ? 'right' : 'left'));
  const head = cells(lines[from]).map((cell) => inline(cell));
  const rows = [];
  let at = from + 2;
  while (at < lines.length && lines[at].includes('|') && lines[at].trim()) {
    if (rows.length < TABLE_ROWS) rows.push(head.map((_, column) => inline(cells(lines[at])[column] ?? '')));
    at += 1;
  }
  return [{ kind: 'table', aligns, head, rows }, at];
}

/** Marks that enclose a text, the longer first. */
const PAIRS = [['***', 'bold_italic'], ['**', 'bold'], ['__', 'bold'], ['~~', 'strike'], ['*', 'italic'], ['_', 'italic'], ['~', 'strike']];
/** Tags of the platform that enclose a text, and what they mean. */
const TAGS = { b: 'bold', strong: 'bold', i: 'italic', em: 'italic', u: 'underline', s: 'strike', del: 'strike', font: 'font', text_tag: 'tag', number_tag: 'tag', a: 'link', link: 'link', at: 'at', person: 'at', code: 'code', raw: 'raw', local_datetime: 'time', span: 'plain', p: 'plain' };
const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', ensp: '\u2002', emsp: '\u2003' };

/**
 * @param {string} text
 * @returns {Token[]} text, bold, italic, strike, underline, code, link, at, font, tag, time
 */
export function inline(text, depth = 0) {
  const out = [];
  let plain = '';
  /** Marks that close nowhere behind this place: they are not sought again. */
  const nowhere = new Set();
  const flush = () => {
    for (const part of linked(plain)) out.push(part);
    plain = '';
  };
  const push = (token) => {
    flush();
    out.push(token);
  };
  for (let at = 0; at < text.length; ) {
    const character = text[at];
    if (character === '\\' && /[\\`*_{}[\]()#+\-.!~|<>:]/.test(text[at + 1] ?? '')) {
      plain += text[at + 1];
      at += 2;
    } else if (character === '&') {
      const entity = /^&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,4}));/i.exec(text.slice(at, at + 12));
      const code = entity && (entity[1] ? Number(entity[1]) : entity[2] ? parseInt(entity[2], 16) : null);
      const said = entity && (code === null ? (Object.hasOwn(ENTITIES, entity[3].toLowerCase()) ? ENTITIES[entity[3].toLowerCase()] : undefined) : code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined);
      plain += said ?? '&';
      at += said === undefined || !entity ? 1 : entity[0].length;
    } else if (character === '`') {
      const mark = /^`+/.exec(text.slice(at))[0];
      const end = nowhere.has(mark) ? -1 : text.indexOf(mark, at + mark.length);
      if (end < 0) {
        nowhere.add(mark);
        plain += mark;
        at += mark.length;
      } else {
        push({ kind: 'code', text: text.slice(at + mark.length, end).trim() });
        at = end + mark.length;
      }
    } else if (character === '<') {
      const read = depth < DEPTH ? readTag(text, at, depth, nowhere) : null;
      if (read) {
        push(read.token);
        at = read.to;
      } else {
        plain += character;
        at += 1;
      }
    } else if (character === '[' || (character === '!' && text[at + 1] === '[')) {
      const read = depth < DEPTH ? readLink(text, at, depth) : null;
      if (read) {
        push(read.token);
        at = read.to;
      } else {
        plain += character;
        at += 1;
      }
    } else if (character === ':') {
      const name = /^:([A-Za-z_]{1,30}):/.exec(text.slice(at, at + 34))?.[1];
      if (name && Object.hasOwn(NAMES, name)) {
        plain += NAMES[name];
        at += name.length + 2;
      } else {
        plain += character;
        at += 1;
      }
    } else {
      const address = character === 'h' && /^https?:\/\//.test(text.slice(at, at + 8)) ? findLinks(text.slice(at, at + 2_100))[0] : null;
      if (address?.from === 0) {
        // What looks like a mark within an address is none.
        plain += text.slice(at, at + address.to);
        at += address.to;
        continue;
      }
      const pair = depth < DEPTH ? readPair(text, at, nowhere) : null;
      if (pair) {
        const inner = inline(text.slice(pair.from, pair.end), depth + 1);
        push(pair.kind === 'bold_italic' ? { kind: 'bold', inline: [{ kind: 'italic', inline: inner }] } : { kind: pair.kind, inline: inner });
        at = pair.to;
      } else {
        plain += character;
        at += 1;
      }
    }
  }
  flush();
  return out;
}

/** A text with the addresses in it as links. */
function linked(text) {
  if (!text) return [];
  const out = [];
  let at = 0;
  for (const link of findLinks(text)) {
    if (link.from > at) out.push({ kind: 'text', text: text.slice(at, link.from) });
    out.push({ kind: 'link', href: link.href, inline: [{ kind: 'text', text: link.shown }] });
    at = link.to;
  }
  if (at < text.length) out.push({ kind: 'text', text: text.slice(at) });
  return out;
}

function readPair(text, at, nowhere) {
  for (const [mark, kind] of PAIRS) {
    if (!text.startsWith(mark, at) || nowhere.has(mark)) continue;
    const from = at + mark.length;
    const before = text[at - 1] ?? ' ';
    if (/\s/.test(text[from] ?? ' ') || text[from] === mark[0]) continue;
    // snake_case and 3*4 are words, not marks.
    if (mark.length === 1 && /[A-Za-z0-9]/.test(before) && (mark === '_' || /[A-Za-z0-9]/.test(text[from]))) continue;
    let end = text.indexOf(mark, from + 1);
    while (end >= 0 && (/\s/.test(text[end - 1]) || text[end - 1] === '\\' || (mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark)) || (mark === '_' && /[A-Za-z0-9]/.test(text[end + 1] ?? ' ')))) {
      end = text.indexOf(mark, end + 1);
    }
    if (end < 0) {
      nowhere.add(mark);
      continue;
    }
    // A single tilde encloses a stretch of one line, as in "1~2 days" it does not.
    if (mark === '~' && (/[\d\p{Script=Han}]/u.test(before) || text.slice(from, end).includes('\n'))) continue;
    return { kind, from, end, to: end + mark.length };
  }
  return null;
}

function readLink(text, at, depth) {
  const picture = text[at] === '!';
  const from = at + (picture ? 2 : 1);
  const close = text.indexOf('](', from);
  if (close < 0 || close - from > 2_000 || text.slice(from, close).includes('\n\n')) return null;
  let level = 1;
  let end = close + 2;
  for (; end < text.length && end - close < 2_100; end += 1) {
    if (text[end] === '(') level += 1;
    else if (text[end] === ')') level -= 1;
    else if (/\s/.test(text[end]) && text[end] !== ' ') return null;
    if (level === 0) break;
  }
  if (level !== 0) return null;
  const target = text.slice(close + 2, end).trim().split(/\s+["']/)[0];
  const words = text.slice(from, close);
  // A picture within a line is its words: pictures stand in paragraphs of their own.
  if (picture) return { token: { kind: 'text', text: words }, to: end + 1 };
  const url = checkedUrl(target);
  return { token: url ? { kind: 'link', href: url.href, inline: inline(words || url.href, depth + 1) } : { kind: 'text', text: words }, to: end + 1 };
}

function readTag(text, at, depth, nowhere) {
  const open = /^<([a-z_]+)((?:\s[^<>]*)?)(\/?)>/i.exec(text.slice(at, at + 2_100));
  if (!open) return null;
  const name = open[1].toLowerCase();
  if (!Object.hasOwn(TAGS, name)) return null;
  const kind = TAGS[name];
  const given = attributes(open[2]);
  const from = at + open[0].length;
  const closing = `</${name}>`;
  let end = from;
  let to = from;
  if (!open[3] && !open[2].trimEnd().endsWith('/')) {
    end = nowhere.has(closing) ? -1 : text.indexOf(closing, from);
    if (end < 0) {
      nowhere.add(closing);
      if (kind !== 'at') return null;
      end = from;
      to = from;
    } else to = end + closing.length;
  }
  const inside = text.slice(from, end);
  return { token: meaning(kind, given, inside, depth), to };
}

function meaning(kind, given, inside, depth) {
  switch (kind) {
    case 'at':
      return { kind: 'at', id: given.user_id ?? given.open_id ?? given.id ?? given.email ?? '', name: inside };
    case 'code':
      return { kind: 'code', text: inside };
    case 'raw':
      return { kind: 'text', text: inside };
    case 'font':
      return { kind: 'font', colour: colourName(given.color), inline: inline(inside, depth + 1) };
    case 'tag':
      return { kind: 'tag', colour: colourName(given.color ?? given.background_color) ?? 'grey', text: inside };
    case 'link': {
      const url = checkedUrl(given.href ?? given.url ?? given.pc_url ?? '');
      const words = inline(inside || url?.href || '', depth + 1);
      return url ? { kind: 'link', href: url.href, inline: words } : { kind: 'plain', inline: words };
    }
    case 'time': {
      const at_ms = Number(given.millisecond);
      return Number.isFinite(at_ms) && at_ms > 0 && at_ms < 8.64e15 ? { kind: 'time', at_ms, format: given.format_type ?? '' } : { kind: 'text', text: inside };
    }
    default:
      return { kind, inline: inline(inside, depth + 1) };
  }
}

function attributes(text) {
  const given = {};
  for (const [, name, double, single, bare] of text.matchAll(/([a-z_]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'/>]+))/gi)) given[name.toLowerCase()] ??= double ?? single ?? bare;
  return given;
}

/** The words of tokens, without their form. */
export function wordsOf(tokens, say = (token) => token.name || token.id) {
  return tokens.map((token) => (token.kind === 'at' ? `@${say(token)}` : token.text ?? (token.inline ? wordsOf(token.inline, say) : token.blocks ? wordsOf(token.blocks, say) : ''))).join('');
}
