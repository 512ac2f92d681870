// All state of one signed-in person, and the one way in for what the server tells.

import { batch, signal } from '../vendor/signals.js';
import { choice } from '../protocol/codec.js';
import { EPHEMERAL_A_CHAT, MESSAGES_TOTAL, RECORDS_ASIDE } from '../limits.js';
import { ChatStore } from './chat.js';
import { Drafts } from './drafts.js';
import { InboxStore } from './inbox.js';
import { createMe } from './me.js';
import { People } from './people.js';
import { PresenceStore } from './presence.js';
import { Receipts } from './receipts.js';

export class Store {
  /** @param {object} person me */
  constructor(person) {
    this.me = createMe(person);
    this.people = new People();
    this.people.put([person]);
    this.presence = new PresenceStore();
    this.inbox = new InboxStore(person.user_id);
    this.receipts = new Receipts();
    this.drafts = new Drafts();
    /** @type {Map<string, ChatStore>} the chat used last is last */
    this.chats = new Map();
    /** Unsent messages by chat, as rows; written by acts. */
    this.unsent = new Map();
    this.ephemeral = new Map();
    /** Intents that the server has not confirmed, by message: reactions, text, recall. */
    this.intents = new Map();
    /** Records that came before the ones they follow, by chat. */
    this.aside = new Map();
    /** Chats whose entry is to be asked for; acts take them. */
    this.stale_entries = signal(new Set());
    /** Chats that wait for missing records: since when, and up to which seq. */
    this.holes = new Map();
    /** I was removed from these, with the time; the open view says so. */
    this.left = signal(new Map());
  }

  chat(chat_id) {
    let found = this.chats.get(chat_id);
    if (found) this.chats.delete(chat_id);
    else found = new ChatStore(chat_id, this.me.user_id);
    this.chats.set(chat_id, found);
    return found;
  }

  unsentIn(chat_id) {
    let found = this.unsent.get(chat_id);
    if (!found) this.unsent.set(chat_id, (found = signal([])));
    return found;
  }

  intentsOf(message_id) {
    let found = this.intents.get(message_id);
    if (!found) this.intents.set(message_id, (found = signal(null)));
    return found;
  }

  wantEntry(chat_id) {
    const wanted = this.stale_entries.peek();
    if (!wanted.has(chat_id)) this.stale_entries.value = new Set([...wanted, chat_id]);
  }

  /** What the server tells unasked. */
  applyEvent(event, body, now) {
    batch(() => {
      if (event === 'record') this.applyRecord(body, now);
      else if (event === 'receipt') this.#receipt(body);
      else if (event === 'read_count') this.receipts.applyCount(body);
      else if (event === 'typing' && body.user_id !== this.me.user_id) this.receipts.applyTyping(body, now);
      else if (event === 'presence') this.presence.apply(body);
      else if (event === 'inbox_changed') this.#inboxChanged(body);
      else if (event === 'chat_left') this.#chatLeft(body, now);
      else if (event === 'joins_waiting') this.inbox.changeChat(body.chat_id, { pending_requests: body.count });
      else if (event === 'person_changed') this.people.put([body.person]);
      else if (event === 'ephemeral') this.#ephemeral(body);
      else if (event === 'ephemeral_gone') this.dropEphemeral(body.message_id);
    });
  }

  /** Cards for my eyes only, by chat: shown behind what was there when they came; no history has them. */
  ephemeralIn(chat_id) {
    let found = this.ephemeral.get(chat_id);
    if (!found) this.ephemeral.set(chat_id, (found = signal([])));
    return found;
  }

  #ephemeral(card) {
    this.people.put([card.by]);
    const cards = this.ephemeralIn(card.chat_id);
    const others = cards.peek().filter((one) => one.message_id !== card.message_id);
    const after_seq = cards.peek().find((one) => one.message_id === card.message_id)?.after_seq ?? this.inbox.peek(card.chat_id)?.chat.head_seq ?? 0;
    cards.value = [...others, { ...card, after_seq }].slice(-EPHEMERAL_A_CHAT);
  }

  /** Takes such a card away, wherever it is shown. */
  dropEphemeral(message_id) {
    for (const cards of this.ephemeral.values()) {
      if (cards.peek().some((one) => one.message_id === message_id)) cards.value = cards.peek().filter((one) => one.message_id !== message_id);
    }
  }

  #receipt(receipt) {
    this.receipts.applyReceipt(receipt);
    const entry = this.inbox.peek(receipt.chat_id);
    if (!entry || entry.chat.kind !== 'direct' || receipt.user_id === this.me.user_id) return;
    if (receipt.read_seq > (entry.peer_read_seq ?? 0) || receipt.delivered_seq > (entry.peer_delivered_seq ?? 0)) {
      this.inbox.change(receipt.chat_id, {
        peer_read_seq: Math.max(receipt.read_seq, entry.peer_read_seq ?? 0),
        peer_delivered_seq: Math.max(receipt.delivered_seq, entry.peer_delivered_seq ?? 0),
      });
    }
  }

  #inboxChanged(changed) {
    if (this.inbox.peek(changed.chat_id)) this.inbox.applyChanged(changed);
    else if (!changed.hidden) this.wantEntry(changed.chat_id);
  }

  #chatLeft({ chat_id }, now) {
    const entry = this.inbox.peek(chat_id);
    if (entry) this.left.value = new Map([...this.left.peek(), [chat_id, { at_ms: now, name: entry.chat.name }]]);
    this.inbox.remove(chat_id);
    this.aside.delete(chat_id);
    this.holes.delete(chat_id);
  }

  /** A record, live, missed, or made from the answer to a send. Each is applied once, in order. */
  applyRecord(record, now) {
    const { chat_id, seq } = record;
    const entry = this.inbox.peek(chat_id);
    if (!entry) return this.wantEntry(chat_id);
    if (seq <= entry.chat.head_seq) return;
    if (seq > entry.chat.head_seq + 1) {
      const waiting = this.aside.get(chat_id) ?? new Map();
      if (waiting.size < RECORDS_ASIDE) waiting.set(seq, record);
      this.aside.set(chat_id, waiting);
      this.#hole(chat_id, seq, now);
      return;
    }
    this.#next(record);
    const waiting = this.aside.get(chat_id);
    if (!waiting) return this.#filled(chat_id);
    for (let at = seq + 1; waiting.has(at); at += 1) {
      this.#next(waiting.get(at));
      waiting.delete(at);
    }
    const head = this.inbox.peek(chat_id).chat.head_seq;
    for (const at of waiting.keys()) if (at <= head) waiting.delete(at);
    if (waiting.size === 0) this.aside.delete(chat_id);
    this.#filled(chat_id);
  }

  /** Records up to seq are known to exist and are not here yet; they are waited for, then asked for. */
  #hole(chat_id, seq, now) {
    const hole = this.holes.get(chat_id);
    if (hole) hole.seq = Math.max(hole.seq, seq);
    else this.holes.set(chat_id, { since_ms: now, seq });
  }

  #filled(chat_id) {
    const hole = this.holes.get(chat_id);
    if (hole && this.inbox.peek(chat_id).chat.head_seq >= hole.seq) this.holes.delete(chat_id);
  }

  #next(record) {
    const { chat_id } = record;
    if (this.inbox.applyRecord(record)) this.wantEntry(chat_id);
    this.chats.get(chat_id)?.apply(record);
    const [kind, body] = choice(record.change);
    if (kind === 'message') {
      this.receipts.stopTyping(chat_id, record.by);
      // Who writes has read what stands above.
      this.#receipt({ chat_id, user_id: record.by, read_seq: record.seq, delivered_seq: record.seq });
    }
    if (kind === 'members_added' || kind === 'members_removed') this.receipts.forget(chat_id);
    if (kind === 'message' && record.by === this.me.user_id) {
      const unsent = this.unsentIn(chat_id);
      if (unsent.peek().some((item) => item.client_message_id === body.client_message_id)) {
        unsent.value = unsent.peek().filter((item) => item.client_message_id !== body.client_message_id);
      }
    }
  }

  /** A page of what was missed. Records first: they are counted from the head that is shown. */
  applyMissed(synced, now) {
    batch(() => {
      this.people.put(synced.people);
      for (const record of synced.records) if (this.inbox.peek(record.chat_id)) this.applyRecord(record, now);
      for (const entry of synced.entries) this.putEntry(entry, now);
      for (const entry of synced.too_long) this.replaceEntry(entry);
      for (const chat_id of synced.left) this.#chatLeft({ chat_id }, now);
    });
  }

  /**
   * Takes an entry as it was at some moment. One that is not of the same moment as the records that are here is asked for
   * again: an older one would undo what came since, a newer one would count twice what is still on its way.
   */
  putEntry(entry, now) {
    const { chat_id, head_seq } = entry.chat;
    const old = this.inbox.peek(chat_id);
    if (!old || old.chat.head_seq === head_seq) return this.replaceEntry(entry);
    if (head_seq > old.chat.head_seq) this.#hole(chat_id, head_seq, now);
    this.wantEntry(chat_id);
  }

  /** Takes an entry as the truth; what is loaded of its chat is doubted when the entry is ahead of it. */
  replaceEntry(entry) {
    const { chat_id, head_seq } = entry.chat;
    const old = this.inbox.peek(chat_id);
    if (!this.inbox.put(entry)) return this.wantEntry(chat_id);
    const chat = this.chats.get(chat_id);
    if (old && head_seq > old.chat.head_seq && chat && chat.runs.size() > 0) chat.forget();
    this.#filled(chat_id);
    const waiting = this.aside.get(chat_id);
    if (waiting) {
      this.aside.delete(chat_id);
      for (const record of [...waiting.values()].sort((a, b) => a.seq - b.seq)) this.applyRecord(record, 0);
    }
    const left = this.left.peek();
    if (left.has(chat_id)) {
      left.delete(chat_id);
      this.left.value = new Map(left);
    }
  }

  /** Everything may have changed: entries come anew, what is loaded of chats is replaced when it is next shown. */
  reset() {
    batch(() => {
      this.aside.clear();
      this.holes.clear();
      for (const chat of this.chats.values()) if (chat.runs.size() > 0) chat.forget();
      for (const chat_id of this.receipts.chats.keys()) this.receipts.forget(chat_id);
    });
  }

  /** Keeps the whole within its bound: chats used longest ago lose what is loaded of them first. */
  trim(open_ids) {
    let total = 0;
    for (const chat of this.chats.values()) total += chat.runs.size();
    for (const [chat_id, chat] of this.chats) {
      if (total <= MESSAGES_TOTAL) return;
      if (open_ids.has(chat_id)) continue;
      total -= chat.runs.size();
      this.chats.delete(chat_id);
    }
  }
}
