// What is done for those who do not confirm an urgent, chosen as sentences.

import { signal } from '../vendor/signals.js';
import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';

const MINUTE_MS = 60_000;
const MINUTES = [1, 2, 5, 10, 15, 30, 60, 120];
const TIMES = [1, 2, 3, 5, 10];
/** Steps that reach people outside of the page; they may cost something. */
export const PAID = ['sms', 'phone'];

/** What is offered, in the order of its urgency. */
const OFFERED = [
  { way: 'remind', on: true, every: 5, times: 3 },
  { way: 'push', on: false, after: 5 },
  { way: 'sms', on: false, after: 15 },
  { way: 'phone', on: false, after: 30 },
  { way: 'manager', on: false, after: 60 },
];

/** @param {string[]} ways Those that the server can go. */
export function createLadder(ways) {
  const steps = signal(OFFERED.filter((step) => ways.includes(step.way)));
  const change = (way, change) => (steps.value = steps.peek().map((step) => (step.way === way ? { ...step, ...change } : step)));

  /** A sentence whose numbers are chosen in it. */
  function sentence(step) {
    const parts = t(`urgent.step_${step.way}`).split(/\{(\w+)\}/);
    return parts.map((part, index) => (index % 2 === 0 ? part : html`<select class="urgent_number" aria-label=${t(`urgent.step.${part}`)} ?disabled=${!step.on} @change=${(event) => change(step.way, { [part]: Number(event.target.value) })}>${(part === 'times' ? TIMES : MINUTES).map((value) => html`<option value=${value} ?selected=${step[part] === value}>${value}</option>`)}</select>`));
  }

  return {
    /** The ladder as the server takes it. */
    steps: () => steps.value.filter((step) => step.on).map(({ way, every, times, after }) => (way === 'remind' ? { way, after_ms: every * MINUTE_MS, ...(times > 1 ? { every_ms: every * MINUTE_MS, times } : {}) } : { way, after_ms: after * MINUTE_MS })),
    view: () => html`<fieldset class="choice"><legend>${t('urgent.raise.ladder')}</legend>${steps.value.map((step) => html`<div class="urgent_step"><label class="urgent_step_on"><input type="checkbox" .checked=${step.on} aria-label=${t(`urgent.step_${step.way}`, { every: step.every, after: step.after, times: step.times })} @change=${(event) => change(step.way, { on: event.target.checked })}></label><span class=${step.on ? '' : 'muted'}>${sentence(step)}</span></div>`)}</fieldset>`,
  };
}
