// What was done for one person of an urgent, and when: below the person's row in the report, one person at a time.

import { signal } from '../vendor/signals.js';
import { html } from '../vendor/lit.js';
import { moment, t } from '../words/words.js';
import { visible } from './person.js';
import { refusalWords } from './refusal.js';
import { exactTime, overWords } from './urgent_words.js';

/** What is told in other words than its time: a step took longer than this. */
const LATER_MS = 1_000;

export function createUrgentPerson(page, urgent_id) {
  const opened = signal(null);
  const told = signal(null);
  const failure = signal(null);

  async function load() {
    const user_id = opened.peek();
    if (!user_id) return;
    try {
      const answer = await page.acts.urgent.person(urgent_id, user_id);
      if (opened.peek() !== user_id) return;
      told.value = answer;
      failure.value = null;
    } catch (error) {
      // What is shown stays.
      if (opened.peek() === user_id && !told.peek()) failure.value = error.error ?? { code: 0 };
    }
  }

  function outcomeWords({ outcome, at_ms, outcome_at_ms, why, detail }) {
    const reason = why ? [t(`urgent.not_reached.${why}`), detail ? visible(detail) : ''].filter(Boolean).join(t('colon')) : '';
    const later = outcome_at_ms - at_ms > LATER_MS ? t('urgent.outcome_at', { time: exactTime(outcome_at_ms, page.serverNow()) }) : '';
    return [t(`urgent.outcome.${outcome}`), reason, later].filter(Boolean).join(t('comma'));
  }

  /** Each with its time, in the order of time. */
  function deeds({ raised_at_ms, delivered_at_ms, shown_at_ms, confirmed_at_ms, left_at_ms, over, over_at_ms, attempts }) {
    const own = [
      [raised_at_ms, t('urgent.person.raised')], [delivered_at_ms, t('urgent.person.delivered')], [shown_at_ms, t('urgent.person.shown')],
      [confirmed_at_ms, t('urgent.standing.confirmed')], [left_at_ms, t('urgent.person.left')], [over_at_ms, over ? t('urgent.deed.ended', { why: overWords(over) }) : ''],
    ];
    const steps = attempts.map((attempt) => {
      const way = attempt.manager ? t('urgent.person.manager', { name: visible(attempt.manager.name) }) : t(`urgent.person.way.${attempt.way}`);
      return [attempt.at_ms, `${way}${t('colon')}${outcomeWords(attempt)}`];
    });
    return [...own, ...steps].filter(([at_ms]) => at_ms !== undefined).sort(([a], [b]) => a - b);
  }

  return {
    reload: load,
    isOpen: (user_id) => opened.value === user_id,
    toggle(user_id) {
      opened.value = opened.peek() === user_id ? null : user_id;
      told.value = null;
      failure.value = null;
      void load();
    },
    view() {
      if (failure.value) return html`<p class="list_caption">${refusalWords(failure.value)}</p>`;
      if (!told.value) return html`<p class="list_caption">${t('loading')}</p>`;
      const { user_id } = told.value.person;
      return html`<div class="urgent_person"><ol class="urgent_deeds">${deeds(told.value).map(([at_ms, words]) => html`<li><time title=${moment(at_ms)}>${exactTime(at_ms, page.serverNow())}</time><span>${words}</span></li>`)}</ol>
        <button class="link_button" type="button" @click=${() => (page.screen.layer.value = { kind: 'profile', user_id })}>${t('urgent.person.profile')}</button></div>`;
    },
  };
}
