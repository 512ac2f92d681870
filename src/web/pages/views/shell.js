// The frame: rail, list, chat, side, and what stands in front of them.

import { effect } from '../vendor/signals.js';
import { html, nothing, render } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { change } from '../theme.js';
import { createChatColumn } from './chat_column.js';
import { ChatList } from './chat_list.js';
import { icon } from './icons.js';
import { composing } from './ime.js';
import { createLayers } from './layers.js';
import { closeMenu, focusMenu, menuView } from './menu.js';
import { avatar } from './person.js';
import { region } from './region.js';
import { createSide } from './side.js';

export function createShell(element, page) {
  render(
    html`<a class="skip" href="#composer" @click=${(event) => (event.preventDefault(), page.focusComposer())}>${t('skip')}</a>
    <div class="shell" id="frame">
      <nav class="rail" aria-label=${t('rail.label')}></nav>
      <nav class="list" aria-label=${t('list.title')}></nav>
      <main class="chat" aria-label=${t('chat.label')}></main>
      <aside class="side" aria-label=${t('side.label')}></aside>
    </div>
    <div class="front"></div><div class="menus"></div><div class="notices"></div>`,
    element,
  );
  const place = (name) => element.querySelector(`.${name}`);
  const list = new ChatList(place('list'), page);
  const chat = createChatColumn(place('chat'), page);
  page.focusComposer = () => chat.composer()?.focus();
  page.jump = (seq) => chat.timeline()?.jump(seq);
  page.visiblePeers = () => list.visiblePeers();
  const side = createSide(place('side'), page);
  createLayers(place('front'), page);
  const regions = [
    region(place('rail'), () => rail(page)),
    region(place('menus'), () => menuView(page), () => {
      if (page.screen.menu.peek() && !place('menus').contains(document.activeElement)) focusMenu();
    }),
    region(place('notices'), () => notices(page)),
  ];
  const stops = [
    effect(() => {
      const route = page.route.value;
      document.documentElement.dataset.pane = route.kind === 'none' || route.kind === 'join' ? 'list' : 'chat';
    }),
    effect(() => {
      const unread = page.store.inbox.unread.value;
      const chat_id = page.openChat.value;
      const name = chat_id ? page.store.inbox.get(chat_id)?.chat.name : '';
      document.title = `${page.screen.title_mark.value}${unread ? `(${unread > 999 ? '999+' : unread}) ` : ''}${name ? `${name} · ` : ''}Clarion`;
    }),
  ];

  const key = (event) => shellKey(event, page, list);
  document.addEventListener('keydown', key);
  return {
    dispose() {
      document.removeEventListener('keydown', key);
      for (const stop of stops) stop();
      for (const one of regions) one.dispose();
      list.dispose();
      chat.dispose();
      side.dispose();
    },
  };
}

function rail(page) {
  const me = page.store.me.person.value;
  const unread = page.store.inbox.unread.value;
  const layer = page.screen.layer.value?.kind;
  const urgent = page.route.value.kind.startsWith('urgent');
  const entry = (name, words, act, on, badge) => html`<button class="rail_entry ${on ? 'on' : ''}" type="button" aria-current=${on ? 'page' : nothing} @click=${act}>${icon(name, 22)}<span class="rail_words">${words}</span>${badge ? html`<span class="badge"><span aria-hidden="true">${badge > 99 ? '99+' : badge}</span><span class="unseen">${t('list.unread', { n: badge })}</span></span>` : nothing}</button>`;
  return html`<button class="rail_me" type="button" aria-label=${t('rail.me', { name: me.name })} @click=${() => (page.screen.layer.value = { kind: 'profile', user_id: me.user_id })}>${avatar({ id: me.user_id, name: me.name, avatar: me.avatar, size: 'message', presence: { state: page.store.me.status.value.phase === 'ready' ? 'online' : 'offline' } })}</button>
    ${entry('chats', t('rail.chats'), () => page.go({ kind: 'none' }), !layer && !urgent, unread)}
    ${entry('urgent', t('rail.urgents'), () => page.go({ kind: 'urgents' }), !layer && urgent, page.urgents.value?.count.value)}
    ${entry('people', t('rail.people'), () => (page.screen.layer.value = { kind: 'find' }), layer === 'find')}
    ${entry('group', t('rail.new_group'), () => (page.screen.layer.value = { kind: 'new_group' }), layer === 'new_group')}
    <span class="grow"></span>
    ${entry('settings', t('rail.settings'), () => (page.screen.layer.value = { kind: 'settings' }), layer === 'settings')}`;
}

function notices(page) {
  const notice = page.screen.notice.value;
  return html`${page.screen.new_version.value ? html`<div class="notice" role="status"><span class="grow">${t('new_version')}</span><button class="link_button" type="button" @click=${() => location.reload()}>${t('connection.reload')}</button></div>` : nothing}${page.screen.ask_notices.value ? html`<div class="notice" role="status">${icon('bell', 18)}<span class="grow">${t('notices.ask')}</span><button class="link_button" type="button" @click=${() => ((page.screen.ask_notices.value = false), page.askPermission())}>${t('notices.open')}</button><button class="link_button" type="button" @click=${() => ((page.screen.ask_notices.value = false), change({ notices: 'off' }))}>${t('notices.no')}</button></div>` : nothing}${notice ? html`<div class="notice bad" role="alert">${icon('alert', 18)}<span class="grow">${notice.text}</span></div>` : nothing}`;
}

const REGIONS = ['.rail button', '.list .chat_row.selected, .list .chat_row, .list button', '.scroller', '.place .tab[aria-selected="true"], .place button', '.composer_text', '.side button'];

function shellKey(event, page, list) {
  if (composing(event)) return;
  const { screen } = page;
  const held = event.ctrlKey || event.metaKey;
  if (held && !event.altKey && !event.shiftKey && event.code === 'KeyK') {
    event.preventDefault();
    closeMenu(page);
    screen.layer.value = screen.layer.peek()?.kind === 'find' ? null : { kind: 'find' };
    return;
  }
  if (screen.layer.peek()) {
    // The dialog hears its own keys; before it is loaded, Escape takes the wish back.
    if (event.key === 'Escape') screen.layer.value = null;
    return;
  }
  if (event.altKey && !held && (event.code === 'ArrowUp' || event.code === 'ArrowDown')) {
    event.preventDefault();
    const next = list.neighbour(event.code === 'ArrowUp' ? -1 : 1, event.shiftKey);
    if (next) page.go({ kind: 'chat', chat_id: next });
    return;
  }
  if (event.altKey && !held && event.code === 'KeyU') {
    event.preventDefault();
    page.go({ kind: 'urgents' });
    return;
  }
  if (event.altKey && !held && event.code === 'KeyN') {
    event.preventDefault();
    screen.layer.value = { kind: 'new_group' };
    return;
  }
  if (event.ctrlKey && event.code === 'F6') {
    event.preventDefault();
    const places = REGIONS.map((selector) => document.querySelector(selector)).filter((found) => found && found.offsetParent !== null);
    const at = places.findIndex((found) => found.closest('nav, main, aside, .scroller, form') === document.activeElement?.closest('nav, main, aside, .scroller, form'));
    places[(at + (event.shiftKey ? places.length - 1 : 1)) % places.length]?.focus();
    return;
  }
  const typing = event.target.closest?.('input, textarea, select, [contenteditable]');
  if (event.key === 'Escape') {
    if (screen.menu.peek()) closeMenu(page);
    else if (screen.side.peek()) screen.side.value = null;
    else if (!typing) page.focusComposer();
    return;
  }
  if (typing || held || event.altKey) return;
  const in_row = event.target.closest?.('.row, .menu, dialog, .list .chat_row');
  if (event.key === '?' || (held && event.code === 'Slash')) {
    event.preventDefault();
    screen.layer.value = { kind: 'keys' };
    return;
  }
  // A letter typed elsewhere goes to the composer.
  if (event.key.length === 1 && event.key !== ' ' && !in_row) page.focusComposer();
}
