// What counts as read: a row that was wholly visible for half a second, in a tab that somebody looks at.

/** A row must have been visible this long to count as read. */
const SEEN_MS = 500;
/** Reading needs a sign of the person within this time. */
const USED_WITHIN_MS = 60_000;

export class Reading {
  /** @param {import('./timeline.js').Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.seen_since = new Map();
    this.look = () => this.check();
    document.addEventListener('visibilitychange', this.look);
    for (const name of ['focus', 'pointerdown', 'keydown']) addEventListener(name, this.look, { passive: true });
  }

  #may() {
    const { page, chat_id } = this.timeline;
    const { screen } = page;
    return document.visibilityState === 'visible' && document.hasFocus() && page.now() - screen.used_at_ms < USED_WITHIN_MS && !screen.kept_unread.has(chat_id) && screen.covered !== true;
  }

  /** Looks at what is visible now; called after every drawing and scrolling. */
  check() {
    clearTimeout(this.timer);
    const { timeline } = this;
    if (timeline.disposed || !this.#may()) {
      this.seen_since.clear();
      return;
    }
    const visible = timeline.window.visible();
    if (!visible) return;
    const now = performance.now();
    const known = timeline.page.store.inbox.peek(timeline.chat_id)?.read_seq ?? 0;
    const current = new Map();
    let best = 0;
    let waits = false;
    for (let index = visible.first; index <= visible.last; index += 1) {
      const row = timeline.rows[index];
      if (!row?.seq) continue;
      if (timeline.divider_seq !== null && row.seq >= timeline.divider_seq && row.seq <= timeline.divider_seq + 1) timeline.seen_first = true;
      if (row.seq <= known) continue;
      const since = this.seen_since.get(row.seq) ?? now;
      current.set(row.seq, since);
      if (now - since >= SEEN_MS) best = Math.max(best, row.seq);
      else waits = true;
    }
    this.seen_since = current;
    // Records without a row that follow the last seen one are seen with it.
    const last = timeline.rows.findLast((row) => row.seq)?.seq ?? 0;
    if (best && timeline.at_head && best >= last) best = Math.max(best, timeline.run?.[1] ?? best);
    if (best) timeline.page.acts.receipt.seen(timeline.chat_id, best);
    if (waits) this.timer = setTimeout(this.look, SEEN_MS + 20);
  }

  dispose() {
    clearTimeout(this.timer);
    document.removeEventListener('visibilitychange', this.look);
    for (const name of ['focus', 'pointerdown', 'keydown']) removeEventListener(name, this.look);
  }
}
