// People who ask to be let into a group, for those who decide.

import { effect, signal } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { ago, t } from '../words/words.js';
import { icon } from './icons.js';
import { nameOf, personRow, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

export function createJoins(page, chat_id) {
  const requests = signal(null);
  const next = signal(null);
  const deciding = signal(new Set());

  async function load(more) {
    try {
      const answer = await page.acts.group.joinRequests(chat_id, more ? next.peek() : undefined);
      requests.value = more ? [...requests.peek(), ...answer.requests] : answer.requests;
      next.value = answer.next ?? null;
    } catch (error) {
      requests.value ??= [];
      tell(page.screen, refusalWords(error.error ?? { code: 0 }));
    }
  }

  let known = null;
  const stop = effect(() => {
    const count = page.store.inbox.get(chat_id)?.chat.pending_requests ?? 0;
    if (count !== known) void load(false);
    known = count;
  });

  async function decide(user_ids, accept) {
    deciding.value = new Set([...deciding.peek(), ...user_ids]);
    const error = await page.acts.group.decideJoin(chat_id, user_ids, accept);
    deciding.value = new Set([...deciding.peek()].filter((user_id) => !user_ids.includes(user_id)));
    if (error) return tell(page.screen, refusalWords(error));
    requests.value = requests.peek().filter((request) => !user_ids.includes(request.person.user_id));
  }

  const row = (request) => html`<div class="join_row"><div class="people_row">${personRow(page, request.person)}</div>
    <p class="join_words">${request.asked_by === request.person.user_id ? ago(request.at_ms, page.serverNow()) : t('joins.by', { name: nameOf(page, request.asked_by), ago: ago(request.at_ms, page.serverNow()) })}${request.reason ? html`<span class="join_reason">${visible(request.reason)}</span>` : nothing}</p>
    <div class="join_acts"><button class="button" type="button" ?disabled=${deciding.value.has(request.person.user_id)} @click=${() => decide([request.person.user_id], false)}>${t('joins.refuse')}</button><button class="button primary" type="button" ?disabled=${deciding.value.has(request.person.user_id)} @click=${() => decide([request.person.user_id], true)}>${t('joins.accept')}</button></div></div>`;

  return {
    title: () => t('joins.title'),
    view: () => html`<div class="side_scroll">${requests.value === null ? html`<p class="list_caption">${t('loading')}</p>` : requests.value.length === 0 ? html`<div class="empty"><span class="empty_icon">${icon('user_add', 32)}</span><p>${t('joins.none')}</p></div>` : html`${requests.value.length > 1 ? html`<div class="join_all"><button class="button" type="button" @click=${() => decide(requests.peek().map((request) => request.person.user_id), true)}>${t('joins.accept_all', { n: requests.value.length })}</button></div>` : nothing}${repeat(requests.value, (request) => request.person.user_id, row)}${next.value ? html`<button class="link_button thread_more" type="button" @click=${() => load(true)}>${t('joins.more')}</button>` : nothing}`}</div>`,
    dispose: stop,
  };
}
