// A group that one is not in: what it is, and the way in. It was shared in a message, or a link leads to it.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { avatar, visible } from './person.js';
import { refusalWords } from './refusal.js';

export function create(page, layer, close) {
  const found = signal(layer.chat_id ? { chat_id: layer.chat_id, name: layer.name ?? '', description: '' } : null);
  const failure = signal('');
  const asked = signal(false);
  if (layer.token) {
    page.acts.group.linked(layer.token).then(
      (group) => {
        found.value = group;
        asked.value = group.requested;
      },
      (error) => (failure.value = refusalWords(error.error ?? { code: 0 })),
    );
  }

  function go(chat_id) {
    close();
    page.go({ kind: 'chat', chat_id });
  }

  async function join() {
    failure.value = '';
    try {
      const { chat, requested } = await page.acts.group.join(found.peek().chat_id, layer.token);
      if (chat) go(chat.chat_id);
      else asked.value = requested;
    } catch (error) {
      failure.value = refusalWords(error.error ?? { code: 0 });
    }
  }

  return {
    label: () => t('join.title'),
    view() {
      const group = found.value;
      return html`<div class="join_card">${group ? html`<div class="info_head">${avatar({ id: group.chat_id, name: group.name, avatar: group.avatar, size: 'large' })}<span class="profile_words"><b>${visible(group.name)}</b>${group.member_count === undefined ? nothing : html`<span class="muted">${t('chat.members', { n: group.member_count })}</span>`}</span></div>${group.description ? html`<p>${visible(group.description)}</p>` : nothing}` : failure.value ? nothing : html`<p class="muted">${t('loading')}</p>`}
        ${failure.value ? html`<p class="word_bad" role="alert">${failure.value}</p>` : nothing}${asked.value ? html`<p class="muted" role="status">${t('join.asked')}</p>` : nothing}
        <div class="join_acts"><button class="button" type="button" @click=${close}>${t('close')}</button>${!group || asked.value ? nothing : group.joined ? html`<button class="button primary" type="button" @click=${() => go(group.chat_id)}>${t('join.open')}</button>` : html`<button class="button primary" type="button" @click=${join}>${t(group.approval ? 'join.ask' : 'join.go')}</button>`}</div></div>`;
    },
  };
}
