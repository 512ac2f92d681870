// Sends that wait for their reply. Pure: which may go now, in which order, and what a reply or a cut makes of them.
//
// An item keeps its client_message_id for ever, so that sending it again is harmless. Per chat in order, a few in flight;
// after a failure that may pass, the later ones of the chat wait.

import { OUTBOX_AGE_MS, OUTBOX_ENTRIES, SAME_ID_MS, SENDS_IN_FLIGHT } from '../limits.js';

/**
 * @typedef {object} OutboxItem
 * @property {string} client_message_id
 * @property {string} chat_id
 * @property {object} body      body of the command `send`
 * @property {number} at_ms     when the person pressed Enter
 * @property {'uploading'|'waiting'|'in_flight'|'failed'} state
 * @property {number} not_before_ms
 * @property {object | null} error   why it failed
 */

export class Outbox {
  constructor() {
    /** @type {Map<string, OutboxItem>} in the order of Enter */
    this.items = new Map();
  }

  /** Takes a new item; false when the box is full. */
  add(item) {
    if (this.items.has(item.client_message_id)) return true;
    if (this.items.size >= OUTBOX_ENTRIES) return false;
    this.items.set(item.client_message_id, { state: 'waiting', not_before_ms: 0, error: null, ...item });
    return true;
  }

  get(client_message_id) {
    return this.items.get(client_message_id);
  }

  ofChat(chat_id) {
    return [...this.items.values()].filter((item) => item.chat_id === chat_id);
  }

  /** Items that may go now, each marked as in flight. */
  due(now) {
    const going = [];
    const seen = new Map();
    for (const item of this.items.values()) {
      const chat = seen.get(item.chat_id) ?? { in_flight: 0, blocked: false };
      seen.set(item.chat_id, chat);
      if (item.state === 'in_flight') chat.in_flight += 1;
      else if (item.state === 'uploading') chat.blocked = true;
      else if (item.state === 'waiting') {
        if (item.not_before_ms > now) chat.blocked = true;
        if (chat.blocked || chat.in_flight >= SENDS_IN_FLIGHT) continue;
        item.state = 'in_flight';
        chat.in_flight += 1;
        going.push(item);
      }
    }
    return going;
  }

  /** When `due` should be asked again, or null. */
  nextDue() {
    let at = null;
    for (const item of this.items.values()) {
      if (item.state === 'waiting' && item.not_before_ms > 0 && (at === null || item.not_before_ms < at)) at = item.not_before_ms;
    }
    return at;
  }

  /** The server has it; gives the item back, or undefined when it had been settled before. */
  settled(client_message_id) {
    const item = this.items.get(client_message_id);
    this.items.delete(client_message_id);
    return item;
  }

  /** The server refused it: for a time, or for good. */
  refused(client_message_id, error, now) {
    const item = this.items.get(client_message_id);
    if (!item) return;
    if (error.retry_after_ms !== undefined) {
      item.state = 'waiting';
      item.not_before_ms = now + Math.max(50, error.retry_after_ms);
    } else {
      item.state = 'failed';
      item.error = error;
    }
  }

  /** The connection was cut before the reply: it goes again, with the same id. */
  lost(client_message_id) {
    const item = this.items.get(client_message_id);
    if (item && item.state === 'in_flight') {
      item.state = 'waiting';
      item.not_before_ms = 0;
    }
  }

  /** A person asks to try again. An old item gets a new id, because the server has forgotten the old one. */
  retry(client_message_id, now, new_id) {
    const item = this.items.get(client_message_id);
    if (!item || item.state !== 'failed') return null;
    item.state = 'waiting';
    item.error = null;
    item.not_before_ms = 0;
    if (now - item.at_ms > SAME_ID_MS) {
      this.items.delete(client_message_id);
      item.client_message_id = new_id;
      item.body = { ...item.body, client_message_id: new_id };
      item.at_ms = now;
      this.items.set(new_id, item);
    }
    return item;
  }

  /** Items of an earlier visit, oldest first; those that are too old are left out and counted. */
  restore(items, now) {
    let dropped = 0;
    for (const item of [...items].sort((a, b) => a.at_ms - b.at_ms)) {
      if (now - item.at_ms > OUTBOX_AGE_MS) dropped += 1;
      else this.add({ ...item, state: item.state === 'uploading' || item.state === 'failed' ? item.state : 'waiting', not_before_ms: 0 });
    }
    return dropped;
  }
}
