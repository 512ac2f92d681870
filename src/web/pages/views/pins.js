// Pinned messages of a chat.

import { effect, signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { moment, t } from '../words/words.js';
import { contentView } from './content.js';
import { icon } from './icons.js';
import { nameOf } from './person.js';

export function createPins(page, chat_id) {
  const records = signal(null);
  const load = () => page.acts.message.pins(chat_id).then((found) => (records.value = found), () => (records.value = []));
  let head = null;
  const stop = effect(() => {
    const now = page.store.inbox.get(chat_id)?.chat.head_seq;
    if (now !== head) void load();
    head = now;
  });
  return {
    title: () => t('chat.pins'),
    view: () => html`<div class="side_scroll">${records.value === null ? html`<p class="list_caption">${t('loading')}</p>` : records.value.length === 0 ? html`<div class="empty"><span class="empty_icon">${icon('pin', 32)}</span><p>${t('pins.none')}</p></div>` : records.value.map((record) => html`<div class="pin"><div class="merged_by"><b>${nameOf(page, record.by)}</b> <time>${moment(record.at_ms)}</time></div>${contentView(page, choice(record.change)[1])}<button class="link_button" type="button" @click=${() => page.jump(record.seq)}>${t('pins.show')}</button></div>`)}${nothing}</div>`,
    dispose: stop,
  };
}
