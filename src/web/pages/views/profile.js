// Who somebody is, and the way to write to them.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { ago, t } from '../words/words.js';
import { copy } from './message_menu.js';
import { icon, iconButton } from './icons.js';
import { avatar, nameOf, presenceWords, visible } from './person.js';

export function create(page, layer, close) {
  const { user_id } = layer;
  const full = signal(null);
  page.watchPresence([user_id]);
  page.acts.chat.person(user_id).then((person) => (full.value = person), () => {});
  return {
    bare: true,
    label: () => t('profile.label', { name: nameOf(page, user_id) }),
    view() {
      const person = full.value ?? page.store.people.get(user_id);
      if (!person) return html`<div class="profile"><p class="muted">${t('profile.loading')}</p></div>`;
      const presence = user_id === page.store.me.user_id ? null : page.store.presence.get(user_id);
      const lines = [
        [t('profile.department'), person.departments.map(visible).join(' / ')],
        [t('profile.title'), person.title && visible(person.title)],
        [t('profile.staff_number'), person.kind === 'person' ? person.user_id : null],
        [t('profile.email'), person.email],
        [t('profile.mobile'), person.mobile],
        [t('profile.leader'), person.leader ? nameOf(page, person.leader) : null],
      ].filter(([, value]) => value);
      return html`<div class="profile"><div class="profile_head">${avatar({ id: user_id, name: person.name, avatar: person.avatar, size: 'large', presence })}<span class="profile_words"><h2 class="layer_title" tabindex="-1">${visible(person.name)}${person.kind === 'bot' ? html`<span class="tag">${t('person.bot')}</span>` : nothing}</h2><span class="muted">${person.en_name && person.en_name !== person.name ? visible(person.en_name) : ''}</span><span class="muted">${presenceWords(presence, ago, page.now())}</span></span><span class="grow"></span>${iconButton('close', t('close'), close)}</div>
        <dl>${lines.map(([label, value]) => html`<dt>${label}</dt><dd>${value}${iconButton('copy', t('profile.copy', { what: label }), () => copy(page, value), { size: 14 })}</dd>`)}</dl>
        <div class="layer_foot"><span class="grow"></span><button class="button primary" type="button" @click=${() => (close(), page.openPerson(user_id))}>${icon('chats', 18)}${t('profile.write')}</button></div></div>`;
    },
  };
}
