// What a chat is: name, description, its rules in sentences, my own settings of it.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { composing } from './ime.js';
import { icon } from './icons.js';
import { avatar, placeOf, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

/** Settings of a group and their values, in the open platform's words. */
const RULES = {
  edit_permission: ['all_members', 'only_owner'],
  add_member_permission: ['all_members', 'only_owner'],
  at_all_permission: ['all_members', 'only_owner'],
  moderation_permission: ['all_members', 'only_owner', 'moderator_list'],
  membership_approval: ['no_approval_required', 'approval_required'],
  pin_manage_setting: ['all_members', 'only_owner'],
  urgent_setting: ['all_members', 'only_owner'],
  history: ['all', 'since_join'],
};

export function createChatInfo(page, chat_id) {
  const editing = signal(null);
  const told = async (work) => {
    const error = await work;
    if (error) tell(page.screen, refusalWords(error));
  };

  function save(event, name) {
    const value = event.currentTarget.value.trim();
    const old = page.store.inbox.peek(chat_id).chat[name];
    editing.value = null;
    if (value !== old && (name !== 'name' || value)) void told(page.acts.chat.update(chat_id, { [name]: value }));
  }

  function field(chat, name, may) {
    const shown = visible(chat[name]) || (may ? t(`info.no_${name}`) : t('info.none'));
    if (editing.value === name) {
      return html`<textarea class="info_field" rows=${name === 'name' ? 1 : 4} maxlength=${name === 'name' ? 120 : 2000} aria-label=${t(`info.${name}`)} .value=${chat[name]} autofocus @blur=${(event) => save(event, name)} @keydown=${(event) => {
        if (composing(event)) return;
        if (event.keyCode === 13 && (name === 'name' || event.ctrlKey)) (event.preventDefault(), event.currentTarget.blur());
        if (event.key === 'Escape') (event.stopPropagation(), (editing.value = null));
      }}></textarea>`;
    }
    return may ? html`<button class="info_value" type="button" aria-label=${`${t('info.change', { what: t(`info.${name}`) })}${t('colon')}${shown}`} @click=${() => ((editing.value = name), requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector('.info_field')?.focus())))}><span>${shown}</span>${icon('edit', 16)}</button>` : html`<span class="info_value still">${shown}</span>`;
  }

  const toggle = (label, on, act) => html`<label class="toggle_row"><span class="grow">${label}</span><input type="checkbox" role="switch" .checked=${on} @change=${(event) => act(event.target.checked)}><span class="toggle" aria-hidden="true"></span></label>`;

  function leave(chat) {
    const ask = (what, act) => (page.screen.layer.value = { kind: 'confirm', title: t(`info.${what}`), text: t(`info.${what}_sure`, { name: visible(chat.name) }), yes: t(`info.${what}`), act: () => told(act()) });
    return html`${chat.rights.leave ? html`<button class="wide_row danger" type="button" @click=${() => ask('leave', () => page.acts.chat.leave(chat_id))}>${icon('leave')}<span class="grow">${t('info.leave')}</span></button>` : nothing}${chat.rights.own && !chat.dissolved ? html`<button class="wide_row danger" type="button" @click=${() => ask('dissolve', () => page.acts.chat.dissolve(chat_id))}>${icon('trash')}<span class="grow">${t('info.dissolve')}</span></button>` : nothing}`;
  }

  /** Ways to what a group has beside its members. */
  function around(chat) {
    const row = (name, words, to, count) => html`<button class="wide_row" type="button" @click=${to}>${icon(name)}<span class="grow">${words}</span>${count ? html`<span class="count">${count}</span>` : nothing}${icon('right', 18)}</button>`;
    const side = (kind) => () => (page.screen.side.value = { kind });
    return html`${chat.rights.decide_joins && (chat.pending_requests || chat.config.membership_approval === 'approval_required') ? row('user_add', t('info.joins'), side('joins'), chat.pending_requests) : nothing}${row('board', t('info.board'), side('board'))}${row('bot', t('info.bots'), side('bots'))}${chat.config.moderation_permission === 'moderator_list' ? row('chats', t('info.moderators'), side('moderators')) : nothing}${chat.rights.add_members && !chat.dissolved ? row('link', t('info.link'), () => (page.screen.layer.value = { kind: 'share_link', chat_id })) : nothing}`;
  }

  return {
    title: () => t('chat.info'),
    view() {
      const entry = page.store.inbox.get(chat_id);
      if (!entry) return nothing;
      const { chat } = entry;
      const group = chat.kind === 'group';
      const person = chat.peer ? page.store.people.get(chat.peer) : null;
      return html`<div class="side_scroll info">
        <div class="info_head">${avatar({ id: chat.peer ?? chat_id, name: chat.name, avatar: chat.avatar ?? person?.avatar, size: 'large' })}<span class="profile_words"><b>${visible(chat.name)}</b><span class="muted">${group ? (chat.member_count === undefined ? '' : t('chat.members', { n: chat.member_count })) : person ? placeOf(person) : ''}</span></span></div>
        ${group ? html`<section><h3>${t('info.name')}</h3>${field(chat, 'name', chat.rights.edit_info)}<h3>${t('info.description')}</h3>${field(chat, 'description', chat.rights.edit_info)}</section>` : nothing}
        ${group ? html`<section><button class="wide_row" type="button" @click=${() => (page.screen.side.value = { kind: 'members' })}>${icon('people')}<span class="grow">${t('chat.show_members')}</span>${chat.member_count === undefined ? nothing : html`<span class="count">${chat.member_count}</span>`}${icon('right', 18)}</button>${around(chat)}</section>` : html`<section><button class="wide_row" type="button" @click=${() => (page.screen.layer.value = { kind: 'new_group', people: person ? [person] : [] })}>${icon('user_add')}<span class="grow">${t('info.group_with')}</span>${icon('right', 18)}</button></section>`}
        <section><h3>${t('info.mine')}</h3>${toggle(t('info.muted'), entry.muted, (muted) => told(page.acts.chat.my(chat_id, { muted })))}${toggle(t('info.pinned'), entry.pinned, (pinned) => told(page.acts.chat.my(chat_id, { pinned })))}</section>
        ${group ? html`<section><h3>${t('info.rules')}</h3>${Object.entries(RULES).map(([name, values]) => html`<label class="rule"><span>${t(`rule.${name}`)}</span>${chat.rights.edit_config ? html`<select aria-label=${t(`rule.${name}`)} @change=${(event) => told(page.acts.chat.update(chat_id, { config: { [name]: event.target.value } }))}>${(values.includes(chat.config[name]) ? values : [...values, chat.config[name]]).map((value) => html`<option value=${value} ?selected=${chat.config[name] === value}>${t(`who.${value}`)}</option>`)}</select>` : html`<span class="muted">${t(`who.${chat.config[name]}`)}</span>`}</label>`)}</section><section>${leave(chat)}</section>` : nothing}</div>`;
    },
  };
}
