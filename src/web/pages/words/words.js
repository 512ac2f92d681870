// Words, times and numbers in the language of the interface. Formatters are made once: making one is slow.

import { signal } from '../vendor/signals.js';
import zh from './zh.js';

/** Chinese is there from the start; another language comes when it is chosen. */
const LANGUAGES = { zh: { words: zh, tag: 'zh-CN' }, en: { words: null, tag: 'en' } };

/** `zh` or `en`; whoever draws words hears of a change. */
export const language = signal('zh');

/**
 * Loads a language and switches to it.
 * @param {'zh' | 'en'} name
 */
export async function useLanguage(name) {
  const wanted = LANGUAGES[name] ? name : 'zh';
  LANGUAGES[wanted].words ??= (await import('./en.js')).default;
  language.value = wanted;
}

/** Takes words in Chinese that come later, with the part that says them. */
export function addChinese(words) {
  Object.assign(zh, words);
}

const formats = new Map();

function format(key, make) {
  const name = `${language.value} ${key}`;
  let found = formats.get(name);
  if (!found) formats.set(name, (found = make(LANGUAGES[language.peek()].tag)));
  return found;
}

/**
 * The words of a key, `{name}` filled in. A key may end in `.one` and `.other`: `n` chooses.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values) {
  const { words } = LANGUAGES[language.value];
  let text = words[key];
  if (text === undefined && values?.n !== undefined) {
    const form = format('plural', (tag) => new Intl.PluralRules(tag)).select(values.n);
    text = words[`${key}.${form}`] ?? words[`${key}.other`];
  }
  if (text === undefined) return key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => (values[name] === undefined ? whole : typeof values[name] === 'number' ? number(values[name]) : values[name])) : text;
}

/** Is there a text for this key? */
export function hasWords(key) {
  return LANGUAGES[language.value].words[key] !== undefined;
}

export function number(value) {
  return format('number', (tag) => new Intl.NumberFormat(tag)).format(value);
}

/** Names one after another, "A、B和C". */
export function list(names) {
  return format('list', (tag) => new Intl.ListFormat(tag, { type: 'conjunction' })).format(names);
}

/** 09:12 */
export function clock(at_ms) {
  return format('clock', (tag) => new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })).format(at_ms);
}

/** Full date and time, for tooltips and screen readers. */
export function moment(at_ms) {
  return format('moment', (tag) => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' })).format(at_ms);
}

/** The day number in local time, to compare days. */
export function dayOf(at_ms) {
  const date = new Date(at_ms);
  return Math.floor((at_ms - date.getTimezoneOffset() * 60_000) / 86_400_000);
}

/** "今天", "昨天", "11月20日 周五", with the year when it is another. */
export function day(at_ms, now_ms) {
  const away = dayOf(now_ms) - dayOf(at_ms);
  if (away === 0 || away === 1) return t(away === 0 ? 'day.today' : 'day.yesterday');
  if (new Date(at_ms).getFullYear() === new Date(now_ms).getFullYear()) return format('day', (tag) => new Intl.DateTimeFormat(tag, { month: 'short', day: 'numeric', weekday: 'short' })).format(at_ms);
  return format('year', (tag) => new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'short', day: 'numeric' })).format(at_ms);
}

/** The time in a list of chats: the clock today, else the day, short. */
export function shortTime(at_ms, now_ms) {
  if (!at_ms) return '';
  const away = dayOf(now_ms) - dayOf(at_ms);
  if (away === 0) return clock(at_ms);
  if (away === 1) return t('day.yesterday');
  if (away > 1 && away < 7) return format('weekday', (tag) => new Intl.DateTimeFormat(tag, { weekday: 'short' })).format(at_ms);
  if (new Date(at_ms).getFullYear() === new Date(now_ms).getFullYear()) return format('short', (tag) => new Intl.DateTimeFormat(tag, { month: 'numeric', day: 'numeric' })).format(at_ms);
  return format('short_year', (tag) => new Intl.DateTimeFormat(tag, { year: 'numeric', month: 'numeric', day: 'numeric' })).format(at_ms);
}

/** "3 分钟前" */
export function ago(at_ms, now_ms) {
  const seconds = Math.round((at_ms - now_ms) / 1000);
  const relative = format('relative', (tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' }));
  for (const [unit, size] of [['day', 86_400], ['hour', 3_600], ['minute', 60]]) if (Math.abs(seconds) >= size) return relative.format(Math.round(seconds / size), unit);
  return t('time.just_now');
}

/** Bytes as people say them. */
export function bytes(size) {
  const units = ['B', 'KB', 'MB', 'GB'];
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${format('bytes', (tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 1 })).format(size)} ${units[at]}`;
}

/** Names in the order of the language; Chinese by pinyin. */
export function compareNames(a, b) {
  return format('names', (tag) => new Intl.Collator(tag === 'en' ? 'en' : 'zh-u-co-pinyin', { numeric: true })).compare(a, b);
}

/** `zh-CN` for text with Han and no kana, else nothing: an English page draws Japanese glyphs otherwise. */
export function langOf(text) {
  return /\p{Script=Han}/u.test(text) && !/[\u3040-\u30ff]/.test(text) ? 'zh-CN' : undefined;
}
