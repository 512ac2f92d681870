// The list of those who may post where a list says so.

import { effect, signal } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { createPaged } from './paged.js';
import { icon, iconButton } from './icons.js';
import { personRow, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

export function createModerators(page, chat_id) {
  const listed = signal([]);
  const paged = createPaged(async (query, next) => {
    // Without a question the list itself; with one the members, to be put on it.
    const answer = query ? await page.acts.chat.members(chat_id, { query, page: next }) : await page.acts.group.moderators(chat_id, next);
    if (!query) listed.value = next ? [...listed.peek(), ...answer.members] : answer.members;
    return { rows: answer.members, next: answer.next, query };
  });
  let known = null;
  const stop = effect(() => {
    const head = page.store.inbox.get(chat_id)?.chat.head_seq;
    if (head !== known) void paged.reload();
    known = head;
  });

  async function change(what) {
    const error = await page.acts.group.setModeration(chat_id, what);
    if (error) tell(page.screen, refusalWords(error));
    else void paged.reload();
  }

  return {
    title: () => t('moderators.title'),
    view() {
      const may = page.store.inbox.get(chat_id)?.chat.rights.moderate;
      const on = new Set(listed.value.map((member) => member.person.user_id));
      return html`${may ? html`<label class="search_field">${icon('search', 18)}<input type="text" aria-label=${t('moderators.find')} placeholder=${t('moderators.find')} maxlength="64" @input=${(event) => paged.seek(event.target.value.replace(/'/g, ''))}></label>` : nothing}
        <div class="side_scroll" @scroll=${(event) => paged.scrolled(event)}>${repeat(paged.rows.value, (member) => member.person.user_id, ({ person }) => html`<div class="people_row"><button class="row_words" type="button" @click=${() => (page.screen.layer.value = { kind: 'profile', user_id: person.user_id })}>${personRow(page, person)}</button>${!may ? nothing : on.has(person.user_id) ? iconButton('close', t('moderators.remove', { name: visible(person.name) }), () => change({ remove: [person.user_id] }), { size: 18 }) : iconButton('plus', t('moderators.add', { name: visible(person.name) }), () => change({ add: [person.user_id] }), { size: 18 })}</div>`)}${paged.state.value === 'there' && paged.rows.value.length === 0 ? html`<p class="list_caption">${t('moderators.none')}</p>` : nothing}</div>`;
    },
    dispose: stop,
  };
}
