// Members of a group, in pages: owner, managers, the others.

import { effect } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon, iconButton } from './icons.js';
import { openMenu } from './menu.js';
import { createPaged } from './paged.js';
import { personRow, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

/** Rows drawn at once; a longer list is searched, not scrolled. */
const DRAWN = 600;

export function createMembers(page, chat_id) {
  const paged = createPaged(async (query, next) => {
    const answer = await page.acts.chat.members(chat_id, { query, page: next });
    page.watchPresence(answer.members.map((member) => member.person.user_id));
    return { rows: answer.members, next: answer.next, total: answer.total };
  });
  let known = null;
  const stop = effect(() => {
    const entry = page.store.inbox.get(chat_id);
    const key = `${entry?.chat.member_count} ${entry?.chat.role}`;
    if (key !== known) void paged.reload();
    known = key;
  });

  async function done(work) {
    const error = await work;
    if (error) tell(page.screen, refusalWords(error));
    else void paged.reload();
  }

  function menu(event, member) {
    const rights = page.store.inbox.peek(chat_id).chat.rights;
    const { user_id, name } = member.person;
    const items = [{ icon: 'chats', words: t('profile.write'), act: () => page.openPerson(user_id) }];
    if (rights.own && user_id !== page.store.me.user_id && member.role !== 'owner') {
      items.push(member.role === 'manager' ? { icon: 'people', words: t('members.no_manager'), act: () => done(page.acts.chat.setManagers(chat_id, [], [user_id])) } : { icon: 'people', words: t('members.make_manager'), act: () => done(page.acts.chat.setManagers(chat_id, [user_id], [])) });
      items.push({ icon: 'group', words: t('members.make_owner'), act: () => (page.screen.layer.value = { kind: 'confirm', title: t('members.make_owner'), text: t('members.make_owner_sure', { name: visible(name) }), yes: t('members.make_owner'), act: () => done(page.acts.chat.transfer(chat_id, user_id)) }) });
    }
    if (rights.remove_members && user_id !== page.store.me.user_id && member.role !== 'owner') items.push(null, { icon: 'user_remove', words: t('members.remove'), danger: true, act: () => (page.screen.layer.value = { kind: 'confirm', title: t('members.remove'), text: t('members.remove_sure', { name: visible(name) }), yes: t('members.remove'), act: () => done(page.acts.chat.removeMembers(chat_id, [user_id])) }) });
    openMenu(page, event.currentTarget, items);
  }

  return {
    title: () => t('members.title'),
    view() {
      const entry = page.store.inbox.get(chat_id);
      if (!entry) return nothing;
      const rows = paged.rows.value.slice(0, DRAWN);
      return html`<label class="search_field">${icon('search', 18)}<input type="text" aria-label=${t('members.find')} placeholder=${t('members.find')} maxlength="64" @input=${(event) => paged.seek(event.target.value.replace(/'/g, ''))}></label>
        ${entry.chat.rights.add_members ? html`<button class="wide_row accent" type="button" @click=${() => (page.screen.layer.value = { kind: 'add_members', chat_id })}><span class="round_icon">${icon('user_add')}</span><span class="grow">${t('members.add')}</span></button>` : nothing}
        <div class="side_scroll" @scroll=${(event) => paged.scrolled(event)}>${repeat(rows, (member) => member.person.user_id, (member) => html`<div class="people_row"><button class="row_words" type="button" @click=${() => (page.screen.layer.value = { kind: 'profile', user_id: member.person.user_id })}>${personRow(page, member.person)}</button>${member.role === 'member' ? nothing : html`<span class="tag role_${member.role}">${t(`role.${member.role}`)}</span>`}${iconButton('more', t('members.more', { name: visible(member.person.name) }), (event) => menu(event, member), { size: 18 })}</div>`)}
        ${paged.state.value === 'loading' ? html`<p class="list_caption">${t('loading')}</p>` : paged.state.value === 'failed' ? html`<p class="list_caption">${t('find.failed')}</p>` : paged.rows.value.length > DRAWN ? html`<p class="list_caption">${t('members.search_more')}</p>` : rows.length === 0 ? html`<p class="list_caption">${t('members.nobody')}</p>` : nothing}</div>`;
    },
    dispose: stop,
  };
}
