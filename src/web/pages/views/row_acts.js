// What one does to the messages of a timeline, from a row, its bar, its menu or a key.

import { choice } from '../protocol/codec.js';
import { SMALL_CHAT } from '../limits.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

/** How long the text of what I recalled is kept for writing it again. */
const KEPT_MS = 300_000;
/** Recalled texts kept, and pictures shown from the disk. */
const KEPT = 50;
const LOCAL_PICTURES = 40;

/** Base of the timeline: needs its page, chat_id, chat, rows, window, composer. */
export class RowActs {
  wantReceipts(seq, message_id) {
    const members = this.page.store.inbox.peek(this.chat_id)?.chat.member_count ?? 0;
    // Told after drawing, once a chat or a message.
    queueMicrotask(() => {
      if (members <= SMALL_CHAT) void this.page.acts.receipt.load(this.chat_id, message_id);
      else void this.page.acts.receipt.loadCount(this.chat_id, seq, message_id);
    });
  }

  async #tellRefusal(work) {
    const error = await work;
    if (error) tell(this.page.screen, refusalWords(error));
  }

  react(message, emoji, on) {
    void this.#tellRefusal(this.page.acts.message[on ? 'react' : 'unreact'](this.chat_id, message.message_id, emoji));
  }

  pickReaction(message, from) {
    void import('./message_menu.js').then(({ reactionMenu }) => reactionMenu(this.page, from, (emoji) => this.react(message, emoji, true)), () => (this.page.screen.new_version.value = true));
  }

  reply(message) {
    this.composer.reply(message);
  }

  /** The side column with the thread that starts at a message. */
  openThread(message_id) {
    if (this.page.screen.side.peek()?.message_id === message_id && this.page.screen.side.peek().kind === 'thread') return this.page.focusThread?.();
    this.page.screen.side.value = { kind: 'thread', message_id };
  }

  /** Replies that came since this chat was opened, or since the thread was looked at. */
  threadUnread(message) {
    const { last_seq, seen_seq } = this.chat.thread(message.message_id).value;
    return last_seq > Math.max(seen_seq, this.opened_read_seq ?? 0);
  }

  menu(row, message, mine, from) {
    // Whether it may be made urgent is known with what urgents need.
    void Promise.all([import('./message_menu.js'), this.page.loadUrgents()]).then(([{ messageMenu }]) => messageMenu(this, row, message, mine, from), () => (this.page.screen.new_version.value = true));
  }

  edit(message) {
    this.composer.edit(message);
  }

  /** The last own message that may be edited, into the composer. */
  editLast() {
    const row = this.rows.findLast((one) => one.kind === 'message' && one.own && this.chat.peekRow(one.seq)?.content?.text && !this.chat.peekRow(one.seq).recalled_by);
    if (row) this.edit(this.chat.peekRow(row.seq));
  }

  recall(message) {
    const [kind, body] = choice(message.content);
    if (kind === 'text') this.page.screen.recalled.set(message.message_id, { text: body.text, until_ms: this.page.now() + KEPT_MS });
    if (this.page.screen.recalled.size > KEPT) this.page.screen.recalled.delete(this.page.screen.recalled.keys().next().value);
    void this.#tellRefusal(this.page.acts.message.recall(this.chat_id, message.message_id));
  }

  kept(message_id) {
    const kept = this.page.screen.recalled.get(message_id);
    return kept && kept.until_ms > this.page.now() ? kept.text : null;
  }

  writeAgain(text) {
    this.composer.write(text);
  }

  pin(message, on) {
    void this.#tellRefusal(this.page.acts.message[on ? 'pin' : 'unpin'](this.chat_id, message.message_id));
  }

  putOnTop(message) {
    void this.#tellRefusal(this.page.acts.group.setTopNotice(this.chat_id, { message_id: message.message_id }));
  }

  showEdits(message) {
    this.page.screen.layer.value = { kind: 'edits', message_id: message.message_id };
  }

  expand(key) {
    this.expanded.add(key);
    this.window.refresh();
  }

  markUnread(row) {
    this.page.screen.kept_unread.add(this.chat_id);
    this.divider_seq = row.seq;
    this.rebuild();
  }

  /** A picture that is being uploaded is shown from the disk. */
  localPicture(item) {
    if (!item.file || !item.body.content.image) return undefined;
    const pictures = this.page.screen.local_pictures;
    let url = pictures.get(item.client_message_id);
    if (!url) {
      pictures.set(item.client_message_id, (url = URL.createObjectURL(item.file)));
      if (pictures.size > LOCAL_PICTURES) {
        const [oldest, gone] = pictures.entries().next().value;
        URL.revokeObjectURL(gone);
        pictures.delete(oldest);
      }
    }
    return url;
  }
}
