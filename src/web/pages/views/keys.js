// The sheet of keys.

import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';

const KEYS = [
  ['Ctrl K', 'keys.find'], ['Alt ↑ ↓', 'keys.neighbour'], ['Alt Shift ↑ ↓', 'keys.unread'], ['Alt N', 'keys.new_group'], ['Alt U', 'urgent.list.title'], ['↑', 'keys.edit_last'], ['Esc', 'keys.escape'],
  ['End', 'keys.end'], ['Ctrl F6', 'keys.regions'], ['R', 'keys.reply'], ['T', 'keys.thread'], ['E', 'keys.edit'], ['P', 'keys.pin'], ['U', 'keys.mark_unread'], ['+', 'keys.react'], ['?', 'keys.sheet'],
];

export function create() {
  return {
    label: () => t('keys.title'),
    view: () => html`<dl class="keys">${KEYS.map(([keys, words]) => html`<dt>${keys.split(' ').map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${t(words)}</dd>`)}</dl>`,
  };
}
