// The messages of the open chat: where it opens, what is loaded, what has been seen, how one gets to the end.

import { effect, untracked } from '../vendor/signals.js';
import { html, nothing, render, repeat } from '../vendor/lit.js';
import { day, t } from '../words/words.js';
import { announce } from '../announce.js';
import { preview } from './content.js';
import { icon } from './icons.js';
import { ephemeralRow, lineRow, messageRow, replyRow, unsentRow } from './message.js';
import { nameOf } from './person.js';
import { Reading } from './reading.js';
import { refusalWords } from './refusal.js';
import { RowActs } from './row_acts.js';
import { tell } from './screen.js';
import { listenTo } from './timeline_keys.js';
import { richReady } from './rich.js';
import { createWindow } from './timeline_window.js';
import { estimateRow, timelineRows } from './timeline_rows.js';

/** Above this many unread the chat opens at its end. */
const OPEN_AT_DIVIDER = 300;

export class Timeline extends RowActs {
  /**
   * @param {HTMLElement} element
   * @param {object} page
   * @param {string} chat_id
   * @param {{reply: (message: object) => void, edit: (message: object) => void, write: (text: string) => void}} composer
   * @param {number | null} at_seq where to open, from the address
   */
  constructor(element, page, chat_id, composer, at_seq) {
    super();
    Object.assign(this, { element, page, chat_id, composer });
    this.chat = page.store.chat(chat_id);
    this.rows = [];
    this.expanded = new Set();
    this.focused = null;
    this.flashed = null;
    this.touch = matchMedia('(hover: none)').matches;
    this.loading_before = false;
    this.loading_after = false;
    this.refused = null;
    this.below = 0;
    this.following = true;
    this.stops = [];
    const entry = untracked(() => page.store.inbox.get(chat_id));
    this.group = entry?.chat.kind === 'group';
    this.self = entry?.chat.peer === page.store.me.user_id;
    this.opened_read_seq = entry?.read_seq ?? 0;
    this.divider_seq = entry && entry.unread > 0 ? entry.read_seq + 1 : null;
    this.opened_unread = entry?.unread ?? 0;
    this.at_seq = at_seq;
    this.opened_at_ms = page.now();
    this.head_seen = entry?.chat.head_seq ?? 0;
    render(html`<div class="scroller" tabindex="0" role="log" aria-live="off" aria-label=${t('timeline.label', { name: entry?.chat.name ?? '' })}><div class="rows"></div></div><div class="floating_day" aria-hidden="true"></div><div class="chips"></div>`, element);
    this.scroller = element.querySelector('.scroller');
    this.box = element.querySelector('.rows');
    this.window = createWindow({
      scroller: this.scroller, box: this.box, follow: true, overscan: 8, padding_start: 8,
      estimate: (index) => estimateRow(this.rows[index], this.scroller.clientWidth),
      key: (index) => this.rows[index].key,
      draw: (items) => this.#draw(items),
      scrolled: () => this.#scrolled(),
    });
    listenTo(this);
    this.#open();
    this.#watch();
    this.reading = new Reading(this);
    this.reading.check();
  }

  entry() {
    return this.page.store.inbox.get(this.chat_id);
  }

  get may_post() {
    return this.entry()?.chat.rights.post ?? false;
  }

  // ---- opening and loading

  async #open() {
    const entry = this.page.store.inbox.peek(this.chat_id);
    const head = entry?.chat.head_seq ?? 0;
    const place = this.page.screen.places.get(this.chat_id);
    this.anchor_seq = head;
    let first = { end: true };
    if (this.at_seq) first = { seq: this.at_seq, flash: true };
    else if (this.divider_seq !== null && this.opened_unread <= OPEN_AT_DIVIDER && !entry.muted) first = { seq: this.divider_seq, divider: true };
    else if (this.divider_seq === null && place && !place.end) first = { seq: place.seq, offset: place.offset };
    if (head === 0) {
      this.chat.start_seq = 1;
      this.rebuild();
      return;
    }
    const want = first.end ? head : Math.min(first.seq, head);
    this.anchor_seq = want;
    if (this.chat.runs.has(want) && !this.chat.stale.peek()) this.#show(first);
    else {
      const skeleton = setTimeout(() => this.rows.length === 0 && this.element.classList.add('waiting'), 150);
      const page = await this.page.acts.load.history(this.chat_id, first.end ? {} : { around: want });
      if (page?.records) await richReady(page.records);
      clearTimeout(skeleton);
      this.element.classList.remove('waiting');
      if (this.disposed) return;
      if (page?.refused) {
        this.refused = page.refused;
        this.#chips();
        return;
      }
      if (page && page.to_seq < page.from_seq) this.anchor_seq = page.to_seq;
      this.#show(first);
    }
  }

  #show(first) {
    this.shown = true;
    this.rebuild();
    this.following = Boolean(first.end);
    if (first.end) this.window.scrollToEnd();
    else {
      let index = first.divider ? this.rows.findIndex((row) => row.kind === 'divider') : this.rows.findIndex((row) => row.seq >= first.seq);
      if (index < 0) index = this.rows.length - 1;
      const height = this.scroller.clientHeight;
      if (first.divider) {
        this.window.scrollToRow(index, { offset: Math.round(height / 4) });
        // All of it fits: then the end is shown, with the divider somewhere above.
        requestAnimationFrame(() => !this.disposed && this.#scrolled());
      } else if (first.flash) {
        this.window.scrollToRow(index, { align: 'center' });
        this.#flash(first.seq);
      } else this.window.scrollToRow(index, { offset: first.offset ?? 0 });
    }
    requestAnimationFrame(() => !this.disposed && this.#scrolled());
  }

  /** Rows of the run that is shown, from the store. */
  rebuild() {
    const { chat } = this;
    const entry = this.page.store.inbox.peek(this.chat_id);
    const run = chat.runs.at(this.anchor_seq) ?? chat.runs.near(this.anchor_seq);
    const head = entry?.chat.head_seq ?? 0;
    const records = run ? chat.seqs(run[0], run[1]).map((seq) => chat.peekRow(seq)) : [];
    this.run = run;
    this.at_start = head === 0 || (run !== null && (run[0] <= Math.max(1, entry?.chat.first_seq ?? 1) || run[0] === chat.start_seq));
    this.at_head = run === null ? head === 0 : run[1] >= head;
    this.rows = timelineRows({
      records, unsent: this.page.store.unsentIn(this.chat_id).peek(), ephemeral: this.page.store.ephemeralIn(this.chat_id).peek(), divider_seq: this.divider_seq, start: this.at_start, end: this.at_head,
      me_id: this.page.store.me.user_id, manager: entry?.chat.role !== 'member',
    });
    this.last_own_seq = records.findLast((row) => row.kind === 'message' && !row.thread_root && row.by === this.page.store.me.user_id && !row.recalled_by)?.seq ?? null;
    this.window.rows(this.rows.length);
  }

  async #load(direction) {
    const flag = `loading_${direction}`;
    if (this[flag] || !this.run || this.page.store.me.status.peek().phase !== 'ready') return;
    this[flag] = true;
    const seq = direction === 'before' ? this.run[0] : this.run[1];
    // While the first visible row is the place holder, it is the first real one that must stay where it is.
    const page = await this.page.acts.load.history(this.chat_id, { [direction]: seq });
    this[flag] = false;
    if (this.disposed || !page || page.refused) return;
    if (direction === 'before' && page.start) this.chat.start_seq = page.from_seq <= page.to_seq ? page.from_seq : seq;
    const anchor = this.window.anchor();
    const held = anchor && this.rows[anchor.index]?.kind === 'skeleton' && direction === 'before' ? this.rows[anchor.index + 1]?.key : null;
    const held_offset = held ? this.window.start(anchor.index + 1) - this.scroller.scrollTop : 0;
    if (direction === 'after') this.anchor_seq = Math.max(this.anchor_seq, seq);
    this.rebuild();
    if (held) {
      const index = this.rows.findIndex((row) => row.key === held);
      if (index >= 0) this.window.scrollToRow(index, { offset: held_offset });
    }
    this.#scrolled();
  }

  // ---- drawing

  #watch() {
    let frame = 0;
    const later = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        if (!this.disposed) this.#changed();
      });
    };
    // Structure: rows that come and go, unsent messages, the place of the head.
    this.stops.push(
      effect(() => {
        this.chat.version.value;
        this.page.store.unsentIn(this.chat_id).value;
        this.#gotEphemeral(this.page.store.ephemeralIn(this.chat_id).value);
        this.chat.stale.value;
        later();
      }),
      () => cancelAnimationFrame(frame),
    );
    // The chips need the unread count.
    this.stops.push(effect(() => {
      this.entry();
      untracked(() => this.#chips());
    }));
    this.stops.push(effect(() => {
      if (this.page.store.me.status.value.phase === 'ready' && !this.page.store.me.status.value.catching_up && this.chat.stale.value) untracked(() => this.#reload());
    }));
  }

  /** What is loaded may have missed something: the page around what is being read replaces it. */
  async #reload() {
    const top = this.window.anchor();
    const at_end = this.window.atEnd();
    const row = top && this.rows.slice(top.index).find((one) => one.seq);
    if (row && !at_end) this.anchor_seq = row.seq;
    const page = await this.page.acts.load.history(this.chat_id, at_end || !row ? {} : { around: row.seq });
    if (this.disposed || !page || page.refused) return;
    if (at_end || !row) this.anchor_seq = page.to_seq;
    this.#changed();
  }

  #changed() {
    // Before the messages are there, only what was just written is shown: an earlier visit's unsent ones come with them.
    if (!this.shown && this.run === undefined && !this.page.store.unsentIn(this.chat_id).peek().some((item) => item.at_ms >= this.opened_at_ms)) return;
    const entry = this.page.store.inbox.peek(this.chat_id);
    const head = entry?.chat.head_seq ?? 0;
    const was_head = this.at_head ?? true;
    const was_end = this.following;
    // A run that holds the head is followed as it grows.
    if (was_head && this.chat.runs.has(head)) this.anchor_seq = was_end ? head : Math.min(this.anchor_seq, head);
    const unsent = this.page.store.unsentIn(this.chat_id).peek();
    const sent_now = unsent.length > 0 && unsent.at(-1).client_message_id !== this.last_unsent;
    this.last_unsent = unsent.at(-1)?.client_message_id ?? this.last_unsent;
    this.rebuild();
    if (was_end && was_head && this.at_head) this.window.scrollToEnd();
    if (sent_now && this.ready_for_sends) this.toEnd();
    else if (head > this.head_seen) {
      const fresh = this.chat.seqs(this.head_seen + 1, head).map((seq) => this.chat.peekRow(seq)).filter((row) => row.kind === 'message' && row.by !== this.page.store.me.user_id);
      if (!was_end) this.below += fresh.length;
      if (fresh.length === 1) announce(`${nameOf(this.page, fresh[0].by)}${t('colon')}${preview(this.page, fresh[0])}`);
      else if (fresh.length > 1) announce(t('timeline.new', { n: fresh.length }));
    }
    this.ready_for_sends = true;
    this.head_seen = Math.max(this.head_seen, head);
    this.#scrolled();
  }

  /** Cards for my eyes only are shown: the server need not send them again. */
  #gotEphemeral(cards) {
    const fresh = cards.filter((card) => !card.got).map((card) => card.message_id);
    if (fresh.length === 0) return;
    for (const card of cards) card.got = true;
    void richReady(cards.map((card) => ({ change: { message: { content: { card } } } })));
    queueMicrotask(() => void this.page.acts.group.gotEphemeral(fresh));
  }

  /** Renders the mounted rows; what they read is heard, and they are rendered again. */
  #draw(items) {
    this.stop_drawing?.();
    let first = true;
    this.stop_drawing = effect(() => {
      if (!first) {
        this.redraw ||= requestAnimationFrame(() => {
          this.redraw = 0;
          if (!this.disposed) this.window.refresh();
        });
        return;
      }
      first = false;
      render(repeat(items, (item) => item.key, (item) => this.#row(this.rows[item.index], item.index)), this.box);
    });
  }

  #row(row, index) {
    if (!row) return nothing;
    switch (row.kind) {
      case 'message':
        return messageRow(this, row, index);
      case 'unsent':
        return unsentRow(this, row, index);
      case 'line':
        return lineRow(this, row, index);
      case 'ephemeral':
        return ephemeralRow(this, row, index);
      case 'reply':
        return replyRow(this, row, index);
      case 'day':
        return html`<div class="row day_row" data-index=${index} role="separator"><span>${day(row.at_ms, this.page.now())}</span></div>`;
      case 'divider':
        return html`<div class="row divider" data-index=${index} role="separator"><span>${t('timeline.unread_below')}</span></div>`;
      default:
        return html`<div class="row skeleton_rows" data-index=${index} aria-hidden="true">${[0, 1, 2, 3, 4, 5].map((at) => html`<span class="skeleton_row skeleton_${at % 3}"></span>`)}</div>`;
    }
  }

  // ---- scrolling, chips, reading

  #scrolled() {
    if (this.disposed || !this.rows.length) return;
    const height = this.scroller.clientHeight;
    const { scrollTop, scrollHeight } = this.scroller;
    // The end is followed until the reader leaves it upwards; that much came at once does not mean that somebody left.
    this.following = this.window.atEnd() || (this.following && scrollTop >= (this.scrolled_top ?? 0) - 1);
    this.scrolled_top = scrollTop;
    const anchor = this.window.anchor();
    const row = anchor && this.rows.slice(anchor.index).find((one) => one.seq);
    if (row) {
      if (!this.at_head || scrollTop > 0) this.anchor_seq = this.at_head && this.window.atEnd() ? this.run?.[1] ?? row.seq : row.seq;
      this.page.screen.places.set(this.chat_id, { seq: row.seq, offset: this.window.start(this.rows.indexOf(row)) - scrollTop, end: this.at_head && this.window.atEnd() });
    }
    if (!this.at_start && scrollTop < 2 * height + 600) void this.#load('before');
    if (!this.at_head && scrollHeight - scrollTop - height < 2 * height + 600) void this.#load('after');
    if (this.at_head && this.window.atEnd()) this.below = 0;
    this.#floatingDay(anchor);
    this.#chips();
    this.reading?.check();
  }

  #floatingDay(anchor) {
    const place = this.element.querySelector('.floating_day');
    const row = anchor ? this.rows[anchor.index] : null;
    const shown = row && row.at_ms && row.kind !== 'day' && this.scroller.scrollTop > 20 && this.scrolling();
    place.classList.toggle('shown', Boolean(shown));
    if (shown) place.textContent = day(row.at_ms, this.page.now());
  }

  scrolling() {
    const moved = this.scroller.scrollTop !== this.last_top;
    this.last_top = this.scroller.scrollTop;
    clearTimeout(this.day_timer);
    this.day_timer = setTimeout(() => this.element.querySelector('.floating_day')?.classList.remove('shown'), 1_200);
    return moved || this.element.querySelector('.floating_day').classList.contains('shown');
  }

  #chips() {
    const place = this.element.querySelector('.chips');
    if (!place) return;
    if (this.refused) return render(html`<div class="empty_words" role="alert">${refusalWords(this.refused)}</div>`, place);
    const entry = this.page.store.inbox.peek(this.chat_id);
    const far = this.rows.length > 0 && (!this.at_head || this.window.distanceFromEnd() > this.scroller.clientHeight);
    const first_unread = this.divider_seq;
    const above = first_unread !== null && entry && entry.unread > 0 && this.rows.length > 0 && (this.run?.[0] > first_unread || this.#above(first_unread)) && !this.seen_first;
    const mentions = entry?.mentions ?? [];
    render(
      html`${above ? html`<span class="chip_pair top"><button class="chip" type="button" @click=${() => this.jump(first_unread, { divider: true })}>${icon('up', 16)}${t('chip.unread', { n: entry.unread })}</button><button class="chip quiet" type="button" @click=${() => this.readAll()}>${t('chip.read_all')}</button></span>` : nothing}
      <span class="chip_pair bottom">${mentions.length > 0 && (far || above) ? html`<button class="chip mention_chip" type="button" aria-label=${t('chip.mentions', { n: mentions.length })} @click=${() => this.jump(mentions[0])}>@ ${mentions.length}</button>` : nothing}${far || this.below > 0 ? html`<button class="chip ${this.below > 0 ? 'strong' : ''}" type="button" @click=${() => this.toEnd()}>${icon('down', 16)}${this.below > 0 ? t('chip.new', { n: this.below }) : t('chip.end')}</button>` : nothing}</span>`,
      place,
    );
  }

  #above(seq) {
    const top = this.window.topIndex();
    if (top === null) return false;
    const row = this.rows.slice(top).find((one) => one.seq);
    return row ? row.seq > seq : false;
  }

  // ---- acts

  async jump(seq, { divider = false } = {}) {
    this.page.go({ kind: 'chat', chat_id: this.chat_id, seq: divider ? null : seq });
    if (!this.chat.runs.has(seq) || this.chat.runs.at(seq) !== this.run) {
      if (!this.chat.runs.has(seq)) {
        const page = await this.page.acts.load.history(this.chat_id, { around: seq });
        if (this.disposed || !page) return;
        if (page.refused) return tell(this.page.screen, refusalWords(page.refused));
      }
      this.anchor_seq = seq;
      this.rebuild();
    }
    const index = divider ? this.rows.findIndex((row) => row.kind === 'divider') : this.rows.findIndex((row) => row.seq >= seq);
    if (index >= 0) this.window.scrollToRow(index, divider ? { offset: Math.round(this.scroller.clientHeight / 4) } : { align: 'center' });
    if (!divider) this.#flash(seq);
    this.#scrolled();
  }

  #flash(seq) {
    this.flashed = seq;
    this.window.refresh();
    setTimeout(() => {
      if (this.flashed === seq) this.flashed = null;
      if (!this.disposed) this.window.refresh();
    }, 1_400);
  }

  /** To the last message, loading it when it is not there. */
  async toEnd() {
    const head = this.page.store.inbox.peek(this.chat_id)?.chat.head_seq ?? 0;
    if (!this.at_head) {
      if (!this.chat.runs.has(head)) await this.page.acts.load.history(this.chat_id, {});
      if (this.disposed) return;
      this.anchor_seq = head;
      this.rebuild();
    }
    this.below = 0;
    this.following = true;
    this.window.scrollToEnd();
    this.#scrolled();
  }

  /** To the first message that is shown to me, in one request. */
  async toStart() {
    const first = this.page.store.inbox.peek(this.chat_id)?.chat.first_seq ?? 1;
    if (!this.at_start) {
      const page = await this.page.acts.load.history(this.chat_id, { after: Math.max(0, first - 1) });
      if (this.disposed || !page || page.refused) return;
      this.anchor_seq = page.from_seq;
      this.rebuild();
    }
    this.window.scrollToRow(0, { offset: 0 });
    this.#scrolled();
  }

  readAll() {
    this.page.screen.kept_unread.delete(this.chat_id);
    this.page.acts.receipt.seen(this.chat_id, this.page.store.inbox.peek(this.chat_id)?.chat.head_seq ?? 0);
    this.seen_first = true;
    void this.toEnd();
  }

  /** The row and the message of an index. */
  messageAt(index) {
    const row = this.rows[index];
    return row?.kind === 'message' ? [row, this.chat.peekRow(row.seq)] : [row, null];
  }

  focusRow(index) {
    const row = this.rows[index];
    if (!row) return;
    this.focused = row.key;
    this.window.refresh();
    let element = this.box.querySelector(`[data-index="${index}"]`);
    if (!element) {
      this.window.scrollToRow(index, { align: 'auto' });
      element = this.box.querySelector(`[data-index="${index}"]`);
    }
    element?.focus({ preventScroll: true });
    element?.scrollIntoView({ block: 'nearest' });
  }

  dispose() {
    this.disposed = true;
    for (const stop of this.stops) stop();
    this.stop_drawing?.();
    cancelAnimationFrame(this.redraw);
    this.reading.dispose();
    clearTimeout(this.day_timer);
    this.page.screen.kept_unread.delete(this.chat_id);
    this.window.dispose();
    this.chat.trim(this.anchor_seq ?? 0);
  }
}
