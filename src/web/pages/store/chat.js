// One chat's records: what is loaded of it, and how a live record changes what is loaded.

import { signal } from '../vendor/signals.js';
import { choice } from '../protocol/codec.js';
import { MESSAGES_A_CHAT } from '../limits.js';
import { Runs } from './runs.js';

/** Records that change a message instead of standing in a row of their own. */
const CHANGES = new Set(['edited', 'recalled', 'reacted', 'unreacted', 'pinned', 'unpinned', 'followed_up']);
/** Records that have a row of their own beside messages. */
const LINES = new Set(['created', 'members_added', 'members_removed', 'updated', 'managers_changed', 'owner_changed', 'dissolved', 'pinned', 'top_notice_changed', 'announced', 'tabs_changed', 'menu_changed', 'moderation_changed']);

export class ChatStore {
  constructor(chat_id, me_id) {
    this.chat_id = chat_id;
    this.me_id = me_id;
    this.runs = new Runs();
    /** @type {Map<number, {value: object}>} rows by seq: messages and lines */
    this.rows = new Map();
    this.by_message = new Map();
    /** Changes when rows come or go; a row's own changes are heard by those who drew it. */
    this.version = signal(0);
    /** The loaded part is not to be trusted any more: the next page replaces it. */
    this.stale = signal(false);
    /** First seq that is shown to me, once a page has told it. */
    this.start_seq = null;
    /** Threads by the id of their first message: last seq known of each, and how far I have seen it. */
    this.threads = new Map();
    this.loads = 0;
    this.changed_while_loading = [];
  }

  /** What I write while I have not loaded anything; 0 where nothing is loaded. */
  lastLoaded() {
    return this.runs.last()?.[1] ?? 0;
  }

  /** A request for history is on its way: changes that come meanwhile may be missing in it. */
  loading() {
    this.loads += 1;
  }

  /**
   * Takes a page of history.
   * @returns {number[]} seqs of messages that changed while the page was on its way; they should be asked for again
   */
  merge(page) {
    this.loads -= 1;
    if (this.stale.peek()) {
      this.runs.clear();
      this.rows.clear();
      this.by_message.clear();
      this.stale.value = false;
    }
    for (const record of page.records) this.#put(record);
    this.runs.add(page.from_seq, page.to_seq);
    if (page.start) this.start_seq = page.from_seq;
    const again = this.changed_while_loading.filter((seq) => seq >= page.from_seq && seq <= page.to_seq);
    if (this.loads === 0) this.changed_while_loading = [];
    this.version.value += 1;
    return again;
  }

  /** The page did not come. */
  loadFailed() {
    this.loads -= 1;
    if (this.loads === 0) this.changed_while_loading = [];
  }

  /** One message as it stands now, asked for by itself. */
  refresh(record) {
    if (this.runs.has(record.seq)) this.#put(record);
  }

  /** What is loaded may have missed something; it is shown until the next page comes. */
  forget() {
    this.stale.value = true;
  }

  /** A record that just happened. The caller gives each once, in the chat's order. */
  apply(record) {
    const [kind, body] = choice(record.change);
    if (CHANGES.has(kind)) {
      if (this.loads > 0) this.changed_while_loading.push(body.target_seq);
      this.#change(kind, body, record);
    }
    if (kind === 'message' && body.thread_root) {
      const root = this.rows.get(this.by_message.get(body.thread_root));
      if (root) root.value = { ...root.peek(), thread_count: (root.peek().thread_count ?? 0) + 1 };
    }
    this.#put(record);
    this.runs.add(record.seq, record.seq);
    this.version.value += 1;
  }

  /** Takes messages of a thread that stand outside of what is loaded, so that changes reach them. */
  hold(records) {
    for (const record of records) if (!this.runs.has(record.seq)) this.#put(record);
  }

  /** Lets them go again. */
  release(seqs) {
    for (const seq of seqs) {
      if (this.runs.has(seq)) continue;
      const row = this.rows.get(seq)?.peek();
      if (row?.message_id) this.by_message.delete(row.message_id);
      this.rows.delete(seq);
    }
  }

  /** What is known of a thread; whoever reads it hears of changes. */
  thread(message_id) {
    let found = this.threads.get(message_id);
    if (!found) this.threads.set(message_id, (found = signal({ last_seq: 0, seen_seq: 0 })));
    return found;
  }

  /** I have seen a thread up to here. */
  seenThread(message_id, seq) {
    const thread = this.thread(message_id);
    if (seq > thread.peek().seen_seq) thread.value = { ...thread.peek(), seen_seq: seq };
  }

  #put(record) {
    const [kind, body] = choice(record.change);
    const { seq, position, at_ms, by } = record;
    if (kind === 'message') {
      this.by_message.set(body.message_id, seq);
      if (body.thread_root) {
        const thread = this.thread(body.thread_root);
        const seen_seq = by === this.me_id ? Math.max(seq, thread.peek().seen_seq) : thread.peek().seen_seq;
        if (seq > thread.peek().last_seq || seen_seq > thread.peek().seen_seq) thread.value = { last_seq: Math.max(seq, thread.peek().last_seq), seen_seq };
      }
      this.#row(seq, { kind, seq, position, at_ms, by, ...body });
    } else if (LINES.has(kind) || !CHANGES.has(kind)) {
      this.#row(seq, { kind: kind === 'unknown' ? 'unknown' : kind, seq, position, at_ms, by, body });
    }
  }

  #row(seq, row) {
    const found = this.rows.get(seq);
    if (found) found.value = row;
    else this.rows.set(seq, signal(row));
  }

  #change(kind, body, record) {
    const found = this.rows.get(body.target_seq);
    if (found && found.peek().kind === 'message') found.value = changed(found.peek(), kind, body, record, this.me_id);
    if (kind !== 'recalled') return;
    // Every quote of it says so too.
    for (const row of this.rows.values()) {
      const quote = row.peek().reply_to;
      if (quote?.message_id === body.message_id) row.value = { ...row.peek(), reply_to: { ...quote, recalled: true, preview: '' } };
    }
  }

  /** The row of a seq, or null. */
  row(seq) {
    return this.rows.get(seq)?.value ?? null;
  }

  peekRow(seq) {
    return this.rows.get(seq)?.peek() ?? null;
  }

  message(message_id) {
    return this.peekRow(this.by_message.get(message_id));
  }

  /** Seqs with a row within from..to, in order. */
  seqs(from, to) {
    const found = [];
    for (const seq of this.rows.keys()) if (seq >= from && seq <= to) found.push(seq);
    return found.sort((a, b) => a - b);
  }

  /** Drops what is farthest from seq until at most `most` seqs are held. */
  trim(seq, most = MESSAGES_A_CHAT) {
    let over = this.runs.size() - most;
    while (over > 0) {
      const first = this.runs.list[0];
      const last = this.runs.list.at(-1);
      const front = seq - first[0] >= last[1] - seq;
      const run = front ? first : last;
      const count = Math.min(over, run[1] - run[0] + 1);
      const [from, to] = front ? [run[0], run[0] + count - 1] : [run[1] - count + 1, run[1]];
      this.runs.remove(from, to);
      for (const held of this.seqs(from, to)) {
        const row = this.rows.get(held).peek();
        if (row.message_id) this.by_message.delete(row.message_id);
        this.rows.delete(held);
      }
      over -= count;
      this.version.value += 1;
    }
  }
}

/** A message after a change. Pure. */
export function changed(message, kind, body, record, me_id) {
  switch (kind) {
    case 'edited':
      return { ...message, content: body.content, mentions: body.mentions, mention_all: body.mention_all, edited_at_ms: record.at_ms };
    case 'recalled':
      return { ...message, content: { text: { text: '' } }, recalled_by: record.by, reactions: [], mentions: [], mention_all: false };
    case 'reacted':
      return { ...message, reactions: withReaction(message.reactions, body.emoji, record.by, me_id) };
    case 'unreacted':
      return { ...message, reactions: withoutReaction(message.reactions, body.emoji, record.by, me_id) };
    case 'pinned':
      return { ...message, pinned: true };
    case 'unpinned':
      return { ...message, pinned: false };
    case 'followed_up':
      return { ...message, follow_ups: body.follow_ups };
    default:
      return message;
  }
}

export function withReaction(reactions, emoji, by, me_id) {
  const found = reactions.find((reaction) => reaction.emoji === emoji);
  if (!found) return [...reactions, { emoji, count: 1, mine: by === me_id, users: [by] }];
  if (found.users.includes(by) || (by === me_id && found.mine)) return reactions;
  return reactions.map((reaction) => (reaction === found ? { ...found, count: found.count + 1, mine: found.mine || by === me_id, users: found.users.length < 20 ? [...found.users, by] : found.users } : reaction));
}

export function withoutReaction(reactions, emoji, by, me_id) {
  const found = reactions.find((reaction) => reaction.emoji === emoji);
  if (!found || (by === me_id && !found.mine)) return reactions;
  if (found.count <= 1) return reactions.filter((reaction) => reaction !== found);
  return reactions.map((reaction) => (reaction === found ? { ...found, count: found.count - 1, mine: found.mine && by !== me_id, users: found.users.filter((user_id) => user_id !== by) } : reaction));
}
