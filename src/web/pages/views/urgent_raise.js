// Makes a message urgent: for whom, what is done for those who do not confirm, until when. One line says it all before it
// goes out; then it says for how many it was raised, and who is left out.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { Refused } from '../protocol/outcome.js';
import { t } from '../words/words.js';
import { preview } from './content.js';
import { icon } from './icons.js';
import { nameOf, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { createAudience } from './urgent_audience.js';
import { createLadder, PAID } from './urgent_ladder.js';
import { leftOutWords } from './urgent_reasons.js';
import { stepWords } from './urgent_words.js';

const MINUTE_MS = 60_000;
/** Minutes after which it is over; 0: when everybody has confirmed. */
const DEADLINES = [0, 30, 60, 240, 480, 1_440];

/** @param {object} page @param {{chat_id: string, message: object, mine: boolean, audience?: string}} layer */
export function create(page, layer, close) {
  const { chat_id, message } = layer;
  const audience = createAudience(page, layer);
  const limits = page.store.me.limits.peek();
  const ladder = createLadder(limits?.urgent_ways ?? []);
  const deadline = signal(0);
  const break_quiet_hours = signal(false);
  const working = signal(false);
  const failure = signal('');
  const raised = signal(null);
  // The same one when it has to be tried again without an answer.
  let client_message_id = page.acts.urgent.newId();

  const may_break = () => limits?.break_quiet_hours && ladder.steps().some((step) => PAID.includes(step.way));
  const deadlineWords = (minutes) => (minutes === 0 ? t('urgent.raise.deadline_none') : minutes < 60 ? t('urgent.raise.deadline_minutes', { n: minutes }) : t('urgent.raise.deadline_hours', { n: minutes / 60 }));

  function summary() {
    const parts = [t('urgent.raise.sum_now', { whom: audience.words() }), ...ladder.steps().map(stepWords)];
    if (deadline.value > 0) parts.push(t('urgent.raise.sum_deadline', { time: deadlineWords(deadline.value) }));
    return parts.join(t('urgent.joint'));
  }

  async function raise(event) {
    event.preventDefault();
    if (working.peek()) return;
    const whom = audience.value();
    if (!whom) return void (failure.value = t('urgent.raise.nobody'));
    working.value = true;
    failure.value = '';
    try {
      raised.value = await page.acts.urgent.raise({
        message_id: message.message_id, client_message_id, audience: whom, ladder: ladder.steps(),
        deadline_ms: deadline.peek() > 0 ? deadline.peek() * MINUTE_MS : undefined, break_quiet_hours: may_break() && break_quiet_hours.peek(),
      });
    } catch (error) {
      failure.value = refusalWords(error.error ?? { code: 0 });
      if (error instanceof Refused) client_message_id = page.acts.urgent.newId();
    }
    working.value = false;
  }

  function made({ urgent_id, audience_count, left_out, left_out_count }) {
    return html`<div class="urgent_form"><p class="bot_made">${icon('check', 18)}${t('urgent.raise.made', { n: audience_count })}</p>
      ${left_out_count ? html`<div><p class="muted">${t('urgent.raise.left_out', { n: left_out_count })}</p><ul class="urgent_left_out">${left_out.map((one) => html`<li>${t('urgent.raise.left_out_why', { name: nameOf(page, one.user_id), why: visible(leftOutWords(one)) })}</li>`)}</ul></div>` : nothing}</div>
      <div class="layer_foot"><span class="grow"></span><button class="button" type="button" @click=${() => (close(), page.go({ kind: 'urgent', urgent_id }))}>${t('urgent.raise.report')}</button><button class="button primary" type="button" @click=${close}>${t('urgent.raise.done')}</button></div>`;
  }

  function form() {
    return html`<form class="urgent_raise" @submit=${raise}><div class="urgent_form">
        <p class="urgent_quote"><b>${nameOf(page, message.by)}</b>${t('colon')}${preview(page, message)}</p>
        ${audience.view()}${ladder.view()}
        <label class="rule"><span>${t('urgent.raise.deadline')}</span><select @change=${(event) => (deadline.value = Number(event.target.value))}>${DEADLINES.map((minutes) => html`<option value=${minutes} ?selected=${deadline.value === minutes}>${deadlineWords(minutes)}</option>`)}</select></label>
        ${may_break() ? html`<label class="toggle_row"><span class="grow">${t('urgent.raise.break_quiet')}</span><input type="checkbox" role="switch" .checked=${break_quiet_hours.value} @change=${(event) => (break_quiet_hours.value = event.target.checked)}><span class="toggle" aria-hidden="true"></span></label>` : nothing}</div>
      <p class="urgent_summary" aria-live="polite">${summary()}</p>
      <div class="layer_foot">${failure.value ? html`<span class="failure_words" role="alert">${failure.value}</span>` : nothing}<span class="grow"></span><button class="button" type="button" @click=${close}>${t('cancel')}</button><button class="button urgent_button" type="submit" aria-disabled=${String(working.value || audience.value() === null)}>${t('urgent.raise.go')}</button></div></form>`;
  }

  return {
    label: () => t('urgent.raise.title'),
    view: () => (raised.value ? made(raised.value) : form()),
  };
}
