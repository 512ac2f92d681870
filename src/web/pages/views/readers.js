// Who has read a message, and who has not.

import { signal } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { effect } from '../vendor/signals.js';
import { t } from '../words/words.js';
import { createPaged } from './paged.js';
import { icon } from './icons.js';
import { personRow } from './person.js';
import { mayRaise } from './urgent_right.js';

export function createReaders(page, chat_id, side) {
  const unread = signal(false);
  const paged = createPaged(async (query, next) => {
    const answer = await page.acts.receipt.readers(side.message_id, { unread: unread.peek(), query, page: next });
    return { rows: answer.readers, next: answer.next, read_count: answer.read_count, unread_count: answer.unread_count };
  });
  void paged.reload();
  void page.loadUrgents();
  let first = true;
  const stop = effect(() => {
    page.store.receipts.chat(chat_id).version.value;
    unread.value;
    if (!first) void paged.reload();
    first = false;
  });
  const tab = (name, count, value) => html`<button class="tab" type="button" role="tab" aria-selected=${String(unread.value === value)} @click=${() => (unread.value = value)}>${t(name)}${count === undefined ? nothing : html` <span class="count">${count}</span>`}</button>`;
  /** An urgent to exactly those who have not read it. */
  function urge() {
    const count = paged.extra.value?.unread_count;
    const message = page.store.chats.get(chat_id)?.message(side.message_id);
    if (!page.urgents.value || !unread.value || !count || !message || !mayRaise(page.store.inbox.get(chat_id)?.chat, true)) return nothing;
    return html`<button class="wide_row accent" type="button" @click=${() => (page.screen.layer.value = { kind: 'raise_urgent', chat_id, message, mine: true, audience: 'unread' })}><span class="round_icon">${icon('urgent')}</span><span class="grow">${t('urgent.raise.unread', { n: count })}</span></button>`;
  }

  return {
    title: () => t('readers.title'),
    view: () => html`<div class="tabs" role="tablist">${tab('receipt.read', paged.extra.value?.read_count, false)}${tab('receipt.unread', paged.extra.value?.unread_count, true)}</div>
      <label class="search_field">${icon('search', 18)}<input type="text" aria-label=${t('members.find')} placeholder=${t('members.find')} maxlength="64" @input=${(event) => paged.seek(event.target.value.replace(/'/g, ''))}></label>
      ${urge()}<div class="side_scroll" @scroll=${(event) => paged.scrolled(event)}>${repeat(paged.rows.value, (reader) => reader.person.user_id, (reader) => html`<div class="people_row"><button class="row_words" type="button" @click=${() => (page.screen.layer.value = { kind: 'profile', user_id: reader.person.user_id })}>${personRow(page, reader.person)}</button></div>`)}${paged.state.value === 'failed' ? html`<p class="list_caption">${t('find.failed')}</p>` : paged.state.value === 'there' && paged.rows.value.length === 0 ? html`<p class="list_caption">${unread.value ? t('readers.all_read') : t('readers.nobody')}</p>` : nothing}</div>`,
    dispose: stop,
  };
}
