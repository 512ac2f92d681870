// A field that searches people, and the list under it: one way to find somebody everywhere.
//
// What is loaded answers in the same frame; the server's answer joins below without moving what is already shown.

import { signal } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon } from './icons.js';
import { composing } from './ime.js';
import { avatar, mark, personRow, visible } from './person.js';

const ASK_MS = 120;
const LOCAL = 8;

/**
 * @param {object} page
 * @param {{choose: (row: {person?: object, entry?: object}) => void, chats?: boolean, recent?: boolean, label: string, placeholder: string, chosen?: (row: object) => boolean, without?: (user_id: string) => boolean}} options
 */
export function createPeopleList(page, options) {
  const query = signal('');
  const rows = signal(local(''));
  const active = signal(0);
  const searching = signal(false);
  const failed = signal(false);
  let turn = 0;
  let timer = 0;
  const id = `people_${Math.floor(performance.now())}`;

  /** What is loaded: recent chats and people who match. */
  function local(text) {
    const found = [];
    const had = new Set();
    const sought = text.toLowerCase();
    for (const chat_id of page.store.inbox.order.peek()) {
      const entry = page.store.inbox.peek(chat_id);
      const { chat } = entry;
      if (chat.kind === 'direct') {
        const person = page.store.people.known.get(chat.peer)?.peek();
        if (!person || options.without?.(chat.peer) || !matches(person, sought)) continue;
        had.add(chat.peer);
        found.push({ key: `u:${chat.peer}`, person });
      } else if (options.chats && chat.name.toLowerCase().includes(sought)) found.push({ key: `c:${chat_id}`, entry });
      if (found.length >= (sought ? LOCAL : 12)) break;
    }
    if (sought) {
      for (const person of page.store.people.all()) {
        if (found.length >= LOCAL) break;
        if (had.has(person.user_id) || options.without?.(person.user_id) || !matches(person, sought)) continue;
        had.add(person.user_id);
        found.push({ key: `u:${person.user_id}`, person });
      }
    }
    return found;
  }

  function matches(person, sought) {
    return person.name.toLowerCase().includes(sought) || (person.en_name ?? '').toLowerCase().includes(sought) || person.user_id.toLowerCase().startsWith(sought);
  }

  function typed(event) {
    // While a candidate is not chosen yet the text is Latin with apostrophes.
    const text = event.target.value.replace(/'/g, '').trim();
    if (text === query.peek()) return;
    query.value = text;
    active.value = 0;
    rows.value = local(text);
    clearTimeout(timer);
    turn += 1;
    failed.value = false;
    if (!text) {
      searching.value = false;
      return;
    }
    searching.value = true;
    const mine = turn;
    timer = setTimeout(async () => {
      try {
        const answer = await page.acts.chat.searchPeople(text);
        if (mine !== turn) return;
        const had = new Set(rows.peek().map((row) => row.key));
        const more = answer.people.filter((person) => !had.has(`u:${person.user_id}`) && !options.without?.(person.user_id)).map((person) => ({ key: `u:${person.user_id}`, person }));
        rows.value = [...rows.peek(), ...more];
        page.watchPresence(rows.peek().map((row) => row.person?.user_id).filter(Boolean));
      } catch {
        if (mine === turn) failed.value = true;
      }
      if (mine === turn) searching.value = false;
    }, ASK_MS);
  }

  function key(event) {
    if (composing(event)) return;
    const count = rows.peek().length;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (count) active.value = (active.peek() + (event.key === 'ArrowDown' ? 1 : count - 1)) % count;
      queueMicrotask(() => requestAnimationFrame(() => document.getElementById(`${id}_${active.peek()}`)?.scrollIntoView({ block: 'nearest' })));
    } else if (event.keyCode === 13) {
      event.preventDefault();
      const row = rows.peek()[active.peek()];
      if (row) options.choose(row);
      else options.enterOnNothing?.();
    }
  }

  return {
    query,
    clear(field) {
      field.value = '';
      query.value = '';
      rows.value = local('');
      active.value = 0;
      turn += 1;
    },
    field: () => html`<label class="search_field">${icon('search', 18)}<input type="text" role="combobox" aria-expanded="true" aria-controls=${`${id}_list`} aria-activedescendant=${rows.value.length ? `${id}_${active.value}` : nothing} aria-label=${options.label} placeholder=${options.placeholder} autocomplete="off" spellcheck="false" maxlength="64" autofocus @input=${typed} @keydown=${key}></label>`,
    list: () => html`<div class="people_list" id=${`${id}_list`} role="listbox" aria-label=${options.label}>
      ${query.value === '' && rows.value.length ? html`<div class="list_caption">${t('find.recent')}</div>` : nothing}
      ${repeat(rows.value, (row) => row.key, (row, index) => html`<div class="people_row ${index === active.value ? 'active' : ''}" id=${`${id}_${index}`} role="option" aria-selected=${String(options.chosen ? options.chosen(row) : index === active.value)} @click=${() => options.choose(row)} @pointermove=${() => active.peek() !== index && (active.value = index)}>${row.person ? personRow(page, row.person, { marked: query.value }) : chatRow(row.entry, query.value)}${options.chosen?.(row) ? html`<span class="chosen_mark">${icon('check', 18)}</span>` : nothing}</div>`)}
      ${searching.value ? html`<div class="list_caption" role="status">${t('find.searching')}</div>` : failed.value ? html`<div class="list_caption" role="status">${t('find.failed')}</div>` : query.value && rows.value.length === 0 ? html`<div class="empty"><span class="empty_icon">${icon('search', 32)}</span><p>${t('find.nothing', { query: query.value })}</p></div>` : nothing}
    </div>`,
  };
}

function chatRow(entry, marked) {
  const { chat } = entry;
  return html`${avatar({ id: chat.chat_id, name: chat.name, avatar: chat.avatar, size: 'row' })}<span class="person_words"><span class="person_name">${mark(visible(chat.name), marked)}</span><span class="person_place">${chat.member_count === undefined ? t('content.group') : t('chat.members', { n: chat.member_count })}</span></span>`;
}
