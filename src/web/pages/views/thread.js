// A thread in the side column: its first message, the replies, and where one writes the next.

import { effect, signal, untracked } from '../vendor/signals.js';
import { html, nothing, ref, render, repeat } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { THREAD_MESSAGES } from '../limits.js';
import { t } from '../words/words.js';
import { Composer } from './composer.js';
import { messageRow, unsentRow } from './message.js';
import { refusalWords } from './refusal.js';
import { richReady } from './rich.js';
import { RowActs } from './row_acts.js';
import { GROUP_MS } from './timeline_rows.js';

/** Replies are seen when the end of them is nearer than this. px */
const END_PX = 80;

export function createThread(page, chat_id, side) {
  const view = new ThreadView(page, chat_id, side.message_id);
  const mount = (element) => element && untracked(() => view.mount(element));
  return {
    title: () => t('thread.name'),
    view: () => html`<div class="thread" ${ref(mount)}></div>`,
    dispose: () => view.dispose(),
  };
}

class ThreadView extends RowActs {
  constructor(page, chat_id, root) {
    super();
    Object.assign(this, { page, chat_id, thread: root });
    this.chat = page.store.chat(chat_id);
    this.expanded = new Set();
    this.focused = null;
    this.flashed = null;
    this.touch = matchMedia('(hover: none)').matches;
    this.group = page.store.inbox.peek(chat_id)?.chat.kind === 'group';
    this.window = { refresh: () => this.#draw() };
    this.seqs = new Set();
    this.held = [];
    this.next = undefined;
    this.refused = signal(null);
    this.stops = [];
    this.rows = [];
  }

  mount(element) {
    if (this.element) return;
    this.element = element;
    render(html`<div class="thread_scroller" tabindex="0" role="region" aria-label=${t('thread.name')}></div><div class="composer"></div>`, element);
    this.scroller = element.querySelector('.thread_scroller');
    this.scroller.addEventListener('scroll', () => this.#seen(), { passive: true });
    this.scroller.addEventListener('contextmenu', (event) => this.#contextMenu(event));
    this.composer = new Composer(element.querySelector('.composer'), this.page, {
      key: `thread:${this.thread}`, thread_root: this.thread,
      chat_id: () => this.chat_id, ready: () => Promise.resolve(this.chat_id), name: () => t('thread.name'),
      timeline: () => ({ editLast: () => this.editLast(), readAll: () => this.#toEnd() }),
    });
    this.page.focusThread = () => this.composer.focus();
    // The column comes into the page when this is done.
    if (!this.touch) requestAnimationFrame(() => !this.disposed && this.composer.focus());
    void this.#load(true);
    // Replies that come, and what waits to be sent.
    this.stops.push(effect(() => {
      this.chat.version.value;
      this.page.store.unsentIn(this.chat_id).value;
      queueMicrotask(() => !this.disposed && this.#changed());
    }));
  }

  entry() {
    return this.page.store.inbox.get(this.chat_id);
  }

  get may_post() {
    return this.entry()?.chat.rights.post ?? false;
  }

  async #load(first) {
    if (this.loading) return;
    this.loading = true;
    try {
      const page = await this.page.acts.message.thread(this.thread, this.next ?? undefined);
      await richReady(page.records);
      if (this.disposed) return;
      this.chat.hold(page.records);
      for (const record of page.records) {
        this.seqs.add(record.seq);
        this.held.push(record.seq);
      }
      this.next = page.next ?? null;
      if (this.seqs.size >= THREAD_MESSAGES) this.next = null;
    } catch (error) {
      if (!this.disposed) this.refused.value = error.error ?? { code: 0 };
    }
    this.loading = false;
    if (this.disposed) return;
    this.#draw();
    if (first) this.#toEnd();
  }

  #changed() {
    if (this.next === undefined) return;
    const at_end = this.#atEnd();
    // What came since is appended once everything before it is there.
    if (this.next === null) {
      const last = Math.max(0, ...this.seqs);
      const run = this.chat.runs.last();
      if (run) {
        for (const seq of this.chat.seqs(Math.max(last + 1, run[0]), run[1])) if (this.chat.peekRow(seq).thread_root === this.thread && this.seqs.size < THREAD_MESSAGES) this.seqs.add(seq);
      }
    }
    this.#draw();
    if (at_end) this.#toEnd();
  }

  #draw() {
    this.stop_drawing?.();
    let first = true;
    this.stop_drawing = effect(() => {
      if (!first) {
        this.frame ||= requestAnimationFrame(() => {
          this.frame = 0;
          if (!this.disposed) this.#draw();
        });
        return;
      }
      first = false;
      this.rows = this.#threadRows();
      const replies = this.rows.filter((row) => row.kind !== 'message' || row.message_id !== this.thread).length;
      const refused = this.refused.value;
      render(
        refused ? html`<p class="list_caption" role="alert">${refusalWords(refused)}</p>` : html`${repeat(this.rows, (row) => row.key, (row, index) => html`${row.kind === 'unsent' ? unsentRow(this, row, index) : messageRow(this, row, index)}${row.message_id === this.thread ? html`<div class="thread_count">${replies ? t('thread.replies', { n: this.chat.message(this.thread)?.thread_count ?? replies }) : t('thread.empty')}</div>` : nothing}`)}${this.next ? html`<button class="link_button thread_more" type="button" @click=${() => this.#load(false)}>${t('thread.more')}</button>` : nothing}`,
        this.scroller,
      );
    });
    this.#seen();
  }

  #threadRows() {
    const me_id = this.page.store.me.user_id;
    const rows = [];
    let last = null;
    for (const seq of [...this.seqs].sort((a, b) => a - b)) {
      const record = this.chat.row(seq);
      if (!record || record.kind !== 'message') continue;
      const own = record.by === me_id;
      const joined = last !== null && last.by === record.by && record.at_ms - last.at_ms <= GROUP_MS && last.message_id !== this.thread && !record.recalled_by;
      rows.push({ key: own ? `m:${record.client_message_id}` : `m:${seq}`, kind: 'message', seq, message_id: record.message_id, by: record.by, at_ms: record.at_ms, own, joined });
      last = record;
    }
    for (const item of this.page.store.unsentIn(this.chat_id).value) {
      if (item.thread_root !== this.thread) continue;
      rows.push({ key: `m:${item.client_message_id}`, kind: 'unsent', item, by: me_id, at_ms: item.at_ms, own: true, joined: last?.by === me_id });
      last = { by: me_id, at_ms: item.at_ms };
    }
    for (let at = 0; at < rows.length; at += 1) rows[at].tail = !rows[at + 1]?.joined;
    return rows;
  }

  #atEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < END_PX;
  }

  #toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#seen();
  }

  #seen() {
    if (this.next === null && this.#atEnd() && document.visibilityState === 'visible') this.chat.seenThread(this.thread, Math.max(0, ...this.seqs));
  }

  #contextMenu(event) {
    const element = event.target.closest('.row.message');
    const row = element && this.rows[Number(element.dataset.index)];
    if (row?.kind !== 'message' || event.target.closest('a, img') || String(getSelection()).length > 0) return;
    const message = this.chat.peekRow(row.seq);
    if (message.recalled_by) return;
    event.preventDefault();
    this.menu(row, message, row.own, { x: event.clientX, y: event.clientY });
  }

  /** The last own message of the thread, into its composer. */
  editLast() {
    const row = this.rows.findLast((one) => one.kind === 'message' && one.own && choice(this.chat.peekRow(one.seq).content)[0] === 'text' && !this.chat.peekRow(one.seq).recalled_by);
    if (row) this.edit(this.chat.peekRow(row.seq));
  }

  /** A quoted message is shown where the chat shows it. */
  jump(seq) {
    this.page.jump(seq);
  }

  dispose() {
    this.disposed = true;
    for (const stop of this.stops) stop();
    this.stop_drawing?.();
    cancelAnimationFrame(this.frame);
    this.composer?.dispose();
    this.chat.release(this.held);
    this.page.focusThread = undefined;
  }
}
