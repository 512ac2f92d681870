// My chats. The order waits while the pointer moves in the list; rows change in place.

import { computed, effect, signal } from '../vendor/signals.js';
import { html, nothing, render, repeat } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { number, langOf, shortTime, t } from '../words/words.js';
import { preview } from './content.js';
import { icon, iconButton } from './icons.js';
import { lineWords } from './message.js';
import { openMenu } from './menu.js';
import { avatar, nameOf, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';
import { createWindow } from './timeline_window.js';

const FROZEN_MS = 2_000;
const FILTERS = ['all', 'unread', 'mentions', 'direct', 'group'];

export class ChatList {
  constructor(element, page) {
    Object.assign(this, { element, page });
    this.stops = [];
    this.frozen = signal(false);
    this.order = [];
    const filtered = computed(() => {
      const filter = page.screen.filter.value;
      const order = page.store.inbox.order.value;
      if (filter === 'all') return order;
      return order.filter((chat_id) => {
        const entry = page.store.inbox.get(chat_id);
        if (filter === 'unread') return entry.unread > 0 || this.#current() === chat_id;
        if (filter === 'mentions') return entry.mentions.length > 0;
        return entry.chat.kind === filter;
      });
    });
    render(html`<div class="list_head"></div><div class="list_scroller" tabindex="-1"><div class="rows" role="listbox"></div><div class="list_empty"></div></div><div class="list_chips"></div>`, element);
    this.head = element.querySelector('.list_head');
    this.scroller = element.querySelector('.list_scroller');
    this.box = element.querySelector('.rows');
    this.window = createWindow({
      scroller: this.scroller, box: this.box, overscan: 6,
      estimate: () => (matchMedia('(max-width: 767px)').matches ? 72 : 64),
      key: (index) => this.order[index],
      draw: (items) => this.#draw(items),
      scrolled: () => this.#scrolled(),
    });
    this.scroller.addEventListener('pointermove', (event) => event.pointerType === 'mouse' && this.#freeze());
    this.scroller.addEventListener('pointerleave', () => this.#thaw());
    this.stops.push(
      effect(() => {
        const next = filtered.value;
        if (this.frozen.value) {
          // New chats come on top, those that are gone go; the rest waits.
          const wanted = new Set(next);
          const kept = this.order.filter((chat_id) => wanted.has(chat_id));
          const had = new Set(kept);
          this.order = [...next.filter((chat_id) => !had.has(chat_id)), ...kept];
        } else this.order = next;
        this.#later();
      }),
      effect(() => {
        this.page.route.value;
        this.#later();
      }),
      effect(() => this.#drawHead()),
    );
  }

  #later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.disposed) {
        this.window.rows(this.order.length);
        this.#scrolled();
      }
    });
  }

  #freeze() {
    this.frozen.value = true;
    clearTimeout(this.thaw_timer);
    this.thaw_timer = setTimeout(() => this.#thaw(), FROZEN_MS);
  }

  #thaw() {
    clearTimeout(this.thaw_timer);
    this.frozen.value = false;
  }

  #current() {
    return this.page.openChat.value;
  }

  #drawHead() {
    const { page } = this;
    const filter = page.screen.filter.value;
    const status = page.store.me.status.value;
    render(
      html`<div class="list_title"><h1>${t('list.title')}</h1>${status.phase !== 'ready' && status.lost_at_ms !== null ? html`<span class="list_state">${t('list.connecting')}</span>` : nothing}<span class="grow"></span>${iconButton('plus', t('list.new_group'), () => (page.screen.layer.value = { kind: 'new_group' }))}</div>
      <button class="search_button" type="button" @click=${() => (page.screen.layer.value = { kind: 'find' })}>${icon('search', 16)}<span class="grow">${t('list.search')}</span><kbd>Ctrl K</kbd></button>
      <div class="filters" role="tablist">${FILTERS.map((name) => html`<button class="filter" type="button" role="tab" aria-selected=${String(filter === name)} @click=${() => (page.screen.filter.value = name)}>${t(`list.filter.${name}`)}</button>`)}</div>`,
      this.head,
    );
  }

  #draw(items) {
    this.stop_drawing?.();
    let first = true;
    this.stop_drawing = effect(() => {
      if (!first) return this.#later();
      first = false;
      this.page.screen.now_minute.value;
      this.page.store.drafts.version.value;
      this.box.setAttribute('aria-label', t('list.title'));
      const empty = this.order.length === 0 && this.page.store.inbox.next.value !== undefined;
      render(
        repeat(items, (item) => item.key, (item) => this.#row(this.order[item.index], item.index)),
        this.box,
      );
      // A list without choices is no list to those who hear it.
      this.box.hidden = this.order.length === 0;
      render(empty ? this.#empty() : nothing, this.element.querySelector('.list_empty'));
    });
  }

  #empty() {
    const all = this.page.screen.filter.value === 'all';
    return html`<div class="empty"><span class="empty_icon">${icon(all ? 'chats' : 'check', 32)}</span><p>${t(all ? 'list.empty' : 'list.empty_filter')}</p>${all ? html`<button class="button" type="button" @click=${() => (this.page.screen.layer.value = { kind: 'find' })}>${t('list.find_somebody')}</button>` : nothing}</div>`;
  }

  #row(chat_id, index) {
    const entry = this.page.store.inbox.get(chat_id);
    if (!entry) return html`<div class="chat_row" data-index=${index}></div>`;
    const { page } = this;
    const { chat } = entry;
    const selected = this.#current() === chat_id;
    const presence = chat.peer && chat.peer !== page.store.me.user_id ? page.store.presence.get(chat.peer) : null;
    const person = chat.peer ? page.store.people.get(chat.peer) : null;
    const name = visible(chat.name);
    const words = this.#words(entry, selected);
    return html`<a class="chat_row ${selected ? 'selected' : ''} ${entry.unread ? 'unread' : ''} ${entry.pinned ? 'pinned' : ''}" href=${`#/chat/${chat_id}`} role="option" aria-selected=${String(selected)} aria-setsize=${this.order.length} aria-posinset=${index + 1} data-index=${index} draggable="false"
      @click=${(event) => this.#open(event, chat_id)} @contextmenu=${(event) => this.#menu(event, entry)} @keydown=${(event) => this.#key(event, index)}>
      ${avatar({ id: chat.peer ?? chat_id, name: chat.name, avatar: chat.avatar ?? person?.avatar, size: 'row', presence })}
      <span class="chat_words"><span class="chat_line"><span class="chat_name" lang=${langOf(name) ?? nothing}>${name}${person?.kind === 'bot' ? html`<span class="tag">${t('person.bot')}</span>` : nothing}</span><time class="chat_time">${shortTime(entry.active_at_ms, page.now())}</time></span>
      <span class="chat_line"><span class="chat_preview">${words}</span>${entry.muted ? html`<span class="muted_mark">${icon('muted', 14)}<span class="unseen">${t('list.muted')}</span></span>` : nothing}${entry.mentions.length > 0 && entry.muted ? html`<span class="badge">@</span>` : nothing}${entry.unread > 0 ? html`<span class="badge ${entry.muted ? 'badge_muted' : ''}"><span aria-hidden="true">${entry.unread > 999 ? '999+' : entry.unread}</span><span class="unseen">${t('list.unread', { n: entry.unread })}</span></span>` : nothing}</span></span>
    </a>`;
  }

  #words(entry, selected) {
    const { page } = this;
    const { chat, last } = entry;
    const unsent = page.store.unsentIn(chat.chat_id).value;
    const failed = unsent.some((item) => item.state === 'failed') ? html`<span class="word_bad">[${t('list.failed')}]</span> ` : nothing;
    const draft = selected ? '' : page.store.drafts.preview(chat.kind === 'direct' && chat.peer ? `person:${chat.peer}` : chat.chat_id);
    const mentioned = entry.mentions.length > 0 ? html`<span class="word_bad">[${t('list.mentioned')}]</span> ` : nothing;
    const urgent = page.urgents.value?.chats.value.has(chat.chat_id) ? html`<span class="word_bad">[${t('list.urgent')}]</span> ` : nothing;
    if (draft && urgent === nothing && mentioned === nothing && failed === nothing) return html`<span class="word_bad">[${t('list.draft')}]</span> ${draft.slice(0, 80)}`;
    const pending = unsent.at(-1);
    if (pending && failed === nothing) return html`<span class="word_wait">${icon('clock', 12)}</span> ${preview(page, { content: pending.body.content })}`;
    return html`${failed}${urgent}${mentioned}${last ? this.#lastWords(chat, last) : ''}`;
  }

  #lastWords(chat, last) {
    const { page } = this;
    const [kind, body] = choice(last.change);
    if (kind !== 'message') return lineWords(page, { kind, body, by: last.by });
    const words = preview(page, body);
    if (body.recalled_by) return body.recalled_by === page.store.me.user_id ? t('message.recalled_me') : t('message.recalled', { name: nameOf(page, last.by) });
    if (chat.kind === 'direct' || last.by === page.store.me.user_id) return words;
    return `${nameOf(page, last.by)}${t('colon')}${words}`;
  }

  #open(event, chat_id) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    this.page.go({ kind: 'chat', chat_id });
  }

  #menu(event, entry) {
    event.preventDefault();
    const { page } = this;
    const { chat_id } = entry.chat;
    const my = (change) => page.acts.chat.my(chat_id, change).then((error) => error && tell(page.screen, refusalWords(error)));
    const items = [
      { icon: 'pin', words: entry.pinned ? t('list.unpin') : t('list.pin'), act: () => my({ pinned: !entry.pinned }) },
      { icon: entry.muted ? 'bell' : 'muted', words: entry.muted ? t('list.unmute') : t('list.mute'), act: () => my({ muted: !entry.muted }) },
    ];
    if (entry.unread > 0) items.push({ icon: 'check', words: t('list.mark_read'), act: () => page.acts.receipt.seen(chat_id, entry.chat.head_seq) });
    items.push(null, { icon: 'close', words: t('list.hide'), act: () => my({ hidden: true }) });
    openMenu(page, { x: event.clientX, y: event.clientY }, items);
  }

  #key(event, index) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(this.order.length - 1, index + step));
    this.window.scrollToRow(next, { align: 'auto' });
    this.box.querySelector(`[data-index="${next}"]`)?.focus({ preventScroll: true });
  }

  /** The chat before or after the open one, or the next unread one. */
  neighbour(step, unread) {
    const at = this.order.indexOf(this.#current());
    for (let index = at + step; index >= 0 && index < this.order.length; index += step) {
      if (!unread || this.page.store.inbox.peek(this.order[index]).unread > 0) return this.order[index];
    }
    return null;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollHeight - scrollTop - clientHeight < 2 * clientHeight && this.page.store.inbox.next.peek()) void this.page.acts.load.nextPage();
    const shown = this.box.querySelectorAll('.chat_row').length;
    if (!shown) return render(nothing, this.element.querySelector('.list_chips'));
    const row = this.box.querySelector('.chat_row').offsetHeight || 64;
    const last = Math.floor((scrollTop + clientHeight) / row) - 1;
    let below = 0;
    let next = null;
    for (let index = last + 1; index < this.order.length; index += 1) {
      const entry = this.page.store.inbox.peek(this.order[index]);
      if (!entry || entry.unread === 0 || entry.muted) continue;
      below += entry.unread;
      next ??= index;
    }
    render(next === null ? nothing : html`<button class="chip" type="button" @click=${() => this.window.scrollToRow(next, { align: 'center' })}>${icon('down', 14)}${t('list.unread_below', { n: number(below) })}</button>`, this.element.querySelector('.list_chips'));
    this.page.watchPresence();
  }

  /** Direct chats on the screen, for presence. */
  visiblePeers() {
    return [...this.box.querySelectorAll('.chat_row')].map((row) => this.page.store.inbox.peek(this.order[Number(row.dataset.index)])?.chat.peer).filter(Boolean);
  }

  dispose() {
    this.disposed = true;
    for (const stop of this.stops) stop();
    this.stop_drawing?.();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.thaw_timer);
    this.window.dispose();
  }
}
