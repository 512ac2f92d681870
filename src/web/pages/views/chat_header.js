// Name of the open chat, who is there, and the way to its side column.

import { html, nothing } from '../vendor/lit.js';
import { ago, langOf, number, t } from '../words/words.js';
import { iconButton } from './icons.js';
import { avatar, placeOf, presenceWords, visible } from './person.js';

/** @param {object} page @param {{entry?: object, user_id?: string}} of an entry, or a person with whom nothing was said yet */
export function chatHeader(page, { entry, user_id }) {
  const { screen, store } = page;
  const peer = entry?.chat.peer ?? user_id ?? null;
  const person = peer ? store.people.get(peer) : null;
  const name = visible(entry?.chat.name ?? person?.name ?? user_id ?? '');
  const presence = peer && peer !== store.me.user_id ? store.presence.get(peer) : null;
  const toggle = (kind) => () => (screen.side.value = screen.side.peek()?.kind === kind ? null : { kind });
  const members = entry?.chat.member_count;
  const online = page.online.value;
  const detail = peer
    ? [peer === store.me.user_id ? t('chat.self') : presenceWords(presence, ago, page.now()), person ? placeOf(person) : ''].filter(Boolean).join(' · ')
    : [members === undefined ? '' : t('chat.members', { n: members }), online && online.chat_id === entry?.chat.chat_id && online.count > 0 ? t('chat.online', { n: number(online.count) }) : ''].filter(Boolean).join(' · ');
  return html`<button class="icon_button back_button" type="button" aria-label=${t('chat.back')} @click=${() => page.back()}>${backIcon()}</button>
    <button class="head_face" type="button" aria-label=${peer ? t('person.open', { name }) : `${t('chat.info')}${t('colon')}${name}`} @click=${peer ? () => (screen.layer.value = { kind: 'profile', user_id: peer }) : toggle('info')}>${avatar({ id: peer ?? entry?.chat.chat_id ?? '', name, avatar: entry?.chat.avatar ?? person?.avatar, size: 'message', presence })}</button>
    <div class="head_words"><h2 class="head_name" lang=${langOf(name) ?? nothing}>${name}</h2><div class="head_detail">${detail}</div></div>
    <span class="grow"></span>
    ${entry && entry.chat.kind === 'group' ? iconButton('people', t('chat.show_members'), toggle('members'), { pressed: screen.side.value?.kind === 'members' }) : nothing}
    ${entry && entry.chat.kind === 'group' && entry.chat.details_seq ? iconButton('board', t('board.title'), toggle('board'), { pressed: screen.side.value?.kind === 'board' }) : nothing}
    ${entry ? iconButton('pin', t('chat.pins'), toggle('pins'), { pressed: screen.side.value?.kind === 'pins' }) : nothing}
    ${entry ? iconButton('info', t('chat.info'), toggle('info'), { pressed: screen.side.value?.kind === 'info' }) : nothing}`;
}

function backIcon() {
  return html`<svg class="icon" width="22" height="22" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M14.5 5.500 8 12l6.500 6.500"/></svg>`;
}
