// A report as a table for spreadsheets.

import { t } from '../words/words.js';

/** What a spreadsheet takes for a formula begins with one of these. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value) {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {{person: object, standing: string, why?: string}[]} people @returns {string} with the mark by which spreadsheets know UTF-8 */
export function reportTable(people) {
  const head = ['urgent.csv_name', 'urgent.csv_number', 'urgent.csv_department', 'urgent.csv_standing', 'urgent.csv_why'].map((key) => t(key));
  const rows = people.map(({ person, standing, why }) => [person.name, person.user_id, person.departments.join(' / '), t(`urgent.standing.${standing}`), why ?? '']);
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
