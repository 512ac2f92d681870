// A report as a table for spreadsheets.

import { t } from '../words/words.js';
import { failedWords } from './urgent_reasons.js';

/** What a spreadsheet takes for a formula begins with one of these. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value) {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Date and time here, as spreadsheets read it; empty for none. */
function time(at_ms) {
  return at_ms === undefined ? '' : new Date(at_ms - new Date(at_ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace('T', ' ');
}

/** @param {{person: object, standing: string, why?: string, reason?: string, failed_way?: string, delivered_at_ms?: number, shown_at_ms?: number, confirmed_at_ms?: number}[]} people @returns {string} with the mark by which spreadsheets know UTF-8 */
export function reportTable(people) {
  const head = ['urgent.csv_name', 'urgent.csv_number', 'urgent.csv_department', 'urgent.csv_standing', 'urgent.csv_delivered', 'urgent.csv_shown', 'urgent.csv_confirmed', 'urgent.csv_why'].map((key) => t(key));
  const rows = people.map((one) => [one.person.name, one.person.user_id, one.person.departments.join(' / '), t(`urgent.standing.${one.standing}`), time(one.delivered_at_ms), time(one.shown_at_ms), time(one.confirmed_at_ms), one.why ? failedWords(one) : '']);
  return `\ufeff${[head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n')}\r\n`;
}

/** Saves a text as a file of the person's. */
export function save(name, text) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
