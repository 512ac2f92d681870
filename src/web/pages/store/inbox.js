// My list of chats. Order is computed; counts are the server's numbers, moved along by the positions of records.

import { computed, signal } from '../vendor/signals.js';
import { choice } from '../protocol/codec.js';
import { INBOX_ENTRIES } from '../limits.js';

export class InboxStore {
  constructor(me_id) {
    this.me_id = me_id;
    /** @type {Map<string, {value: object}>} */
    this.entries = new Map();
    this.version = signal(0);
    /** `undefined` before the first page, a text while there is more, null at the end. */
    this.next = signal(undefined);
    this.hidden = new Set();
    /** Chat ids, pinned first, then newest first. */
    this.order = computed(() => {
      this.version.value;
      const found = [];
      for (const [chat_id, entry] of this.entries) {
        // A direct chat in which nothing was said yet is open somewhere, but not in the list.
        if (!this.hidden.has(chat_id) && !(entry.peek().chat.kind === 'direct' && entry.peek().chat.head_seq === 0)) found.push(entry.peek());
      }
      found.sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.active_at_ms - a.active_at_ms || (a.chat.chat_id < b.chat.chat_id ? -1 : 1));
      return found.map((entry) => entry.chat.chat_id);
    });
    /** Unread messages over the chats that are not muted. */
    this.unread = computed(() => {
      this.version.value;
      let sum = 0;
      for (const entry of this.entries.values()) if (!entry.value.muted) sum += entry.value.unread;
      return sum;
    });
  }

  /** The entry, or undefined; whoever reads it hears of changes. */
  get(chat_id) {
    const found = this.entries.get(chat_id);
    if (!found) {
      this.version.value;
      return undefined;
    }
    return found.value;
  }

  peek(chat_id) {
    return this.entries.get(chat_id)?.peek();
  }

  /** @returns {boolean} false when it is older than what is shown, and should be asked for again */
  put(entry) {
    const chat_id = entry.chat.chat_id;
    const found = this.entries.get(chat_id);
    this.hidden.delete(chat_id);
    if (found) {
      const old = found.peek();
      // An answer that was on its way while records came is older than what is shown.
      if (entry.chat.head_seq < old.chat.head_seq) return false;
      found.value = entry;
      if (old.pinned !== entry.pinned || old.active_at_ms !== entry.active_at_ms) this.version.value += 1;
    } else {
      this.entries.set(chat_id, signal(entry));
      this.version.value += 1;
    }
    return true;
  }

  /** Where the next page begins; none any more when there are as many as may be kept. */
  pageEnds(next) {
    this.next.value = this.entries.size >= INBOX_ENTRIES ? null : (next ?? null);
  }

  change(chat_id, change) {
    const found = this.entries.get(chat_id);
    if (!found) return;
    const old = found.peek();
    found.value = { ...old, ...change };
    if ((change.pinned !== undefined && change.pinned !== old.pinned) || (change.active_at_ms !== undefined && change.active_at_ms !== old.active_at_ms)) this.version.value += 1;
  }

  changeChat(chat_id, change) {
    const old = this.peek(chat_id);
    if (old) this.change(chat_id, { chat: { ...old.chat, ...change } });
  }

  /** My own state, told by another device or as the answer to mine. */
  applyChanged(changed) {
    const { chat_id, hidden, ...own } = changed;
    if (hidden && !this.hidden.has(chat_id)) this.hidden.add(chat_id);
    else if (!hidden && this.hidden.has(chat_id)) this.hidden.delete(chat_id);
    this.change(chat_id, own);
    this.version.value += 1;
  }

  remove(chat_id) {
    if (this.entries.delete(chat_id)) this.version.value += 1;
  }

  clear() {
    this.entries.clear();
    this.hidden.clear();
    this.next.value = undefined;
    this.version.value += 1;
  }

  /**
   * One record of a chat of mine, the next after its head.
   * @returns {boolean} what I may do there may have changed: the entry should be asked for anew
   */
  applyRecord(record) {
    const { chat_id, seq, position } = record;
    const old = this.peek(chat_id);
    const [kind, body] = choice(record.change);
    const change = { chat: { ...old.chat, head_seq: seq, head_position: position } };
    let again = false;
    if (kind === 'message') {
      change.last = record;
      change.active_at_ms = record.at_ms;
      if (this.hidden.delete(chat_id) || old.chat.head_seq === 0) this.version.value += 1;
      if (record.by === this.me_id) {
        // Who writes has read what stands above.
        Object.assign(change, { read_seq: seq, read_position: position, unread: 0, mentions: [] });
      } else {
        change.unread = old.unread + 1;
        if ((body.mention_all || body.mentions?.includes(this.me_id)) && old.mentions.length < 100) change.mentions = [...old.mentions, seq];
      }
    } else if (kind === 'edited' || kind === 'recalled') {
      // A message on top of the group that is recalled stands there no more.
      if (kind === 'recalled' && old.chat.top_notice?.message_id === body.message_id) change.chat.top_notice = undefined;
      const [last_kind, last] = choice(old.last?.change);
      if (last_kind === 'message' && last.message_id === body.message_id) {
        const now = kind === 'edited' ? { ...last, content: body.content, edited_at_ms: record.at_ms } : { ...last, content: { text: { text: '' } }, recalled_by: record.by };
        change.last = { ...old.last, change: { message: now } };
      }
      // Nobody counts here: whether the recalled one was mine, or unread, the server knows.
      if (kind === 'recalled' && body.target_seq > old.read_seq) again = true;
    } else if (kind === 'updated') {
      for (const name of ['name', 'description', 'avatar']) if (body[name] !== undefined) change.chat[name] = body[name];
      if (body.config) {
        change.chat.config = { ...old.chat.config, ...body.config };
        again = true;
      }
    } else if (kind === 'members_added' || kind === 'members_removed') {
      if (old.chat.member_count !== undefined) change.chat.member_count = body.member_count;
      again = body.me === true;
    } else if (kind === 'managers_changed' || kind === 'owner_changed') {
      again = true;
    } else if (kind === 'top_notice_changed') {
      change.chat.top_notice = body.notice;
    } else if (kind === 'announced' || kind === 'tabs_changed' || kind === 'menu_changed') {
      change.chat.details_seq = seq;
    } else if (kind === 'moderation_changed') {
      again = true;
    } else if (kind === 'dissolved') {
      change.chat.dissolved = true;
      change.chat.rights = { ...old.chat.rights, post: false };
      again = true;
    }
    this.change(chat_id, change);
    return again;
  }
}
