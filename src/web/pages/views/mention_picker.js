// Who is meant: opens at `@`, shows during a composition, chooses only outside of one.

import { html, nothing, render, repeat } from '../vendor/lit.js';
import { SMALL_CHAT } from '../limits.js';
import { t } from '../words/words.js';
import { mark, personRow, visible } from './person.js';
import { icon } from './icons.js';

const ASK_MS = 120;
const SHOWN = 8;

export class MentionPicker {
  constructor(page, composer) {
    Object.assign(this, { page, composer, open: false, rows: [], chosen: 0, closed_at: -1, asked: 0, members: null });
  }

  /** Looks at the text before the caret: opens, follows, or closes. */
  look() {
    const chat_id = this.composer.target.chat_id();
    const entry = chat_id ? this.page.store.inbox.peek(chat_id) : null;
    const found = entry?.chat.kind === 'group' ? this.composer.sought() : null;
    if (!found || found.start === this.closed_at) {
      if (!found) this.closed_at = -1;
      return this.close();
    }
    this.open = true;
    this.found = found;
    // What an input method composes is Latin with apostrophes.
    const query = found.query.replace(/'/g, '');
    if (query !== this.query) this.chosen = 0;
    this.query = query;
    this.#filter(entry);
    void this.#ask(chat_id, entry, query);
  }

  async #ask(chat_id, entry, query) {
    const large = (entry.chat.member_count ?? 0) > SMALL_CHAT;
    if (!large && this.members) return;
    const turn = ++this.asked;
    if (large) await new Promise((done) => setTimeout(done, ASK_MS));
    if (turn !== this.asked) return;
    try {
      const people = [];
      let page;
      do {
        const answer = await this.page.acts.chat.members(chat_id, { query: large ? query : undefined, page });
        people.push(...answer.members.map((member) => member.person));
        page = large ? undefined : answer.next;
      } while (page);
      if (turn !== this.asked) return;
      this.members = people;
      if (this.open) this.#filter(entry);
    } catch {
      // Refused or cut: what is loaded is offered.
    }
  }

  #filter(entry) {
    const query = this.query.toLowerCase();
    const me = this.page.store.me.user_id;
    const matches = (person) => person.name.toLowerCase().includes(query) || (person.en_name ?? '').toLowerCase().replace(/\s/g, '').includes(query) || person.user_id.toLowerCase().startsWith(query);
    const rows = (this.members ?? []).filter((person) => person.user_id !== me && !person.resigned && matches(person));
    rows.sort((a, b) => Number(b.name.toLowerCase().startsWith(query)) - Number(a.name.toLowerCase().startsWith(query)));
    this.rows = rows.slice(0, SHOWN);
    const all = t('mention.all');
    if (entry.chat.rights.mention_all && (query === '' || all.toLowerCase().includes(query) || 'all'.startsWith(query))) this.rows.push({ user_id: 'all', name: all, count: entry.chat.member_count });
    this.chosen = Math.min(this.chosen, Math.max(0, this.rows.length - 1));
    this.#draw();
  }

  #draw() {
    const { input } = this.composer;
    const shown = this.open && this.rows.length > 0;
    if (shown) {
      input.setAttribute('aria-controls', 'mention_list');
      input.setAttribute('aria-activedescendant', `mention_${this.chosen}`);
    } else for (const name of ['aria-controls', 'aria-activedescendant']) input.removeAttribute(name);
    const place = this.composer.element.querySelector('.picker_place');
    if (!place) return;
    render(
      this.open && this.rows.length
        ? html`<div class="picker" id="mention_list" role="listbox" aria-label=${t('mention.label')}>${repeat(this.rows, (person) => person.user_id, (person, index) => html`<div class="picker_row" role="option" id=${`mention_${index}`} aria-selected=${String(index === this.chosen)} @mousedown=${(event) => (event.preventDefault(), this.#choose(index))} @mouseenter=${() => this.#move(index)}>${person.user_id === 'all' ? html`<span class="avatar avatar_row avatar_all">${icon('group')}</span><span class="person_words"><span class="person_name">${person.name}</span><span class="person_place">${person.count === undefined ? nothing : t('mention.all_count', { n: person.count })}</span></span>` : personRow(this.page, person, { marked: this.query })}</div>`)}</div>`
        : nothing,
      place,
    );
  }

  #move(index) {
    this.chosen = index;
    this.#draw();
  }

  /** @returns {boolean} the key was the picker's */
  key(event) {
    if (!this.open || this.rows.length === 0) return false;
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') this.#move((this.chosen + (key === 'ArrowDown' ? 1 : this.rows.length - 1)) % this.rows.length);
    else if (key === 'Enter' || key === 'Tab') this.#choose(this.chosen);
    else if (key === 'Escape') {
      this.closed_at = this.found.start;
      this.close();
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #choose(index) {
    const person = this.rows[index];
    const { start, query } = this.found;
    this.close();
    this.composer.mention(start, start + 1 + query.length, person);
  }

  close() {
    if (!this.open) return;
    this.open = false;
    this.query = undefined;
    this.asked += 1;
    this.#draw();
  }

  dispose() {
    this.asked += 1;
    this.open = false;
  }
}
