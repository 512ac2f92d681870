// Urgents in words: how long is left, what a step of the ladder does, what became of it.

import { addChinese, clock, day, dayOf, t } from '../words/words.js';
import zh from '../words/zh_urgent.js';
import { visible } from './person.js';

addChinese(zh);

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** "12 分 30 秒", "3 小时 5 分", "29 天"; where it does not tick, without seconds. */
function leftWords(ms, ticking) {
  if (ms >= 48 * HOUR) return t('urgent.left.days', { n: Math.floor(ms / (24 * HOUR)) });
  if (ms >= HOUR) return t('urgent.left.hours', { h: Math.floor(ms / HOUR), m: Math.floor((ms % HOUR) / MINUTE) });
  if (!ticking) return t('urgent.time.minutes', { n: Math.ceil(ms / MINUTE) });
  return t('urgent.left.minutes', { m: Math.floor(ms / MINUTE), s: Math.floor((ms % MINUTE) / SECOND) });
}

/** "09:12", with the day when it is another. */
export function timeWords(at_ms, now_ms) {
  return dayOf(at_ms) === dayOf(now_ms) ? clock(at_ms) : `${day(at_ms, now_ms)} ${clock(at_ms)}`;
}

const exact = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** "09:12:05", with the day when it is another. */
export function exactTime(at_ms, now_ms) {
  return dayOf(at_ms) === dayOf(now_ms) ? exact.format(at_ms) : `${day(at_ms, now_ms)} ${exact.format(at_ms)}`;
}

/** When it ends, and how long that is from now. `ticking`: it is drawn each second. */
export function deadlineWords(urgent, now_ms, ticking = false) {
  const left_ms = urgent.deadline_at_ms - now_ms;
  const time = timeWords(urgent.deadline_at_ms, now_ms);
  return left_ms > 0 ? t('urgent.deadline', { time, left: leftWords(left_ms, ticking) }) : t('urgent.deadline_gone', { time });
}

function spanWords(ms) {
  if (ms % HOUR === 0) return t('urgent.time.hours', { n: ms / HOUR });
  return ms % MINUTE === 0 ? t('urgent.time.minutes', { n: ms / MINUTE }) : t('urgent.time.seconds', { n: Math.round(ms / SECOND) });
}

/** A step of a ladder as a sentence. */
export function stepWords({ way, after_ms, every_ms, times }) {
  if (way === 'remind' && every_ms === after_ms && every_ms % MINUTE === 0) return t('urgent.step_remind', { every: every_ms / MINUTE, times: times ?? 1 });
  const first = t(`urgent.step_other.${way}`, { after: spanWords(after_ms) });
  return every_ms === undefined || (times ?? 1) < 2 ? first : t('urgent.step_other.then', { first, every: spanWords(every_ms), n: times });
}

/** Where people stand: their numbers in words. */
export function standingWords(standing, n) {
  return t('urgent.standing_count', { standing: t(`urgent.standing.${standing}`), n });
}

export function overWords(why) {
  return t(`urgent.over.${why}`);
}

/** The group's name; direct chats have none. */
export function chatWords(urgent) {
  return urgent.chat_name === undefined ? t('urgent.chat_direct') : visible(urgent.chat_name);
}
