// Sending messages on to other chats.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon } from './icons.js';
import { createPeopleList } from './people_list.js';
import { visible } from './person.js';
import { refusalWords } from './refusal.js';

export function create(page, layer, close) {
  const targets = signal([]);
  const working = signal(false);
  const failure = signal('');
  const people = createPeopleList(page, {
    chats: true, label: t('forward.find'), placeholder: t('forward.find'),
    chosen: (row) => targets.value.some((one) => one.key === row.key),
    choose(row) {
      failure.value = '';
      targets.value = targets.peek().some((one) => one.key === row.key) ? targets.peek().filter((one) => one.key !== row.key) : [...targets.peek(), row];
    },
  });

  async function done() {
    if (working.value) return;
    if (targets.value.length === 0) return void (failure.value = t('find.nobody'));
    working.value = true;
    failure.value = '';
    try {
      const chat_ids = await Promise.all(targets.value.map((row) => (row.entry ? row.entry.chat.chat_id : page.acts.chat.openDirect(row.person.user_id))));
      await page.acts.message.forward(layer.message_ids, chat_ids, layer.message_ids.length > 1 ? 'merged' : 'each');
      close();
    } catch (error) {
      failure.value = refusalWords(error.error ?? { code: 0 });
    }
    working.value = false;
  }

  return {
    label: () => t('forward.title'),
    view: () => html`<div class="group_maker"><div class="chosen">${targets.value.map((row) => html`<span class="chosen_one">${visible(row.person?.name ?? row.entry.chat.name)}<button type="button" aria-label=${t('group.take_out', { name: row.person?.name ?? row.entry.chat.name })} @click=${() => (targets.value = targets.value.filter((one) => one !== row))}>${icon('close', 12)}</button></span>`)}</div>${people.field()}<div class="group_people">${people.list()}</div>
      <div class="layer_foot">${failure.value ? html`<span class="failure_words" role="alert">${failure.value}</span>` : nothing}<span class="grow"></span><button class="button" type="button" @click=${close}>${t('cancel')}</button><button class="button primary" type="button" aria-disabled=${String(working.value || targets.value.length === 0)} @click=${done}>${t('forward.go')}</button></div></div>`,
  };
}
