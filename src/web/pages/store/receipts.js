// How far others have read, as one number a member; and who is writing.

import { signal } from '../vendor/signals.js';

/** Typing is over after this long without another sign. */
export const TYPING_MS = 6_000;

export class Receipts {
  constructor() {
    /** @type {Map<string, {members: Map<string, number>, counts: Map<number, number>, complete: boolean, version: any}>} */
    this.chats = new Map();
    this.typing = new Map();
  }

  chat(chat_id) {
    let found = this.chats.get(chat_id);
    if (!found) this.chats.set(chat_id, (found = { members: new Map(), counts: new Map(), complete: false, version: signal(0) }));
    return found;
  }

  applyReceipt({ chat_id, user_id, read_seq }) {
    const chat = this.chat(chat_id);
    if (read_seq <= (chat.members.get(user_id) ?? -1)) return;
    chat.members.set(user_id, read_seq);
    chat.version.value += 1;
  }

  applyCount({ chat_id, seq, count }) {
    const chat = this.chat(chat_id);
    chat.counts.set(seq, count);
    chat.version.value += 1;
  }

  /** Everybody's number of a small chat is known now. */
  complete(chat_id, readers) {
    const chat = this.chat(chat_id);
    for (const { person, read_seq } of readers) chat.members.set(person.user_id, Math.max(read_seq, chat.members.get(person.user_id) ?? 0));
    chat.complete = true;
    chat.version.value += 1;
  }

  /** Somebody came or went: the numbers of a chat are to be had anew. */
  forget(chat_id) {
    const chat = this.chats.get(chat_id);
    if (!chat) return;
    chat.complete = false;
    chat.members.clear();
    chat.version.value += 1;
  }

  /** How many beside me have read seq; null while not known. */
  readBy(chat_id, seq, me) {
    const chat = this.chat(chat_id);
    chat.version.value;
    if (chat.counts.has(seq)) return chat.counts.get(seq);
    if (!chat.complete) return null;
    let count = 0;
    for (const [user_id, read_seq] of chat.members) if (user_id !== me && read_seq >= seq) count += 1;
    return count;
  }

  #typing(chat_id) {
    let found = this.typing.get(chat_id);
    if (!found) this.typing.set(chat_id, (found = signal([])));
    return found;
  }

  /** Who is writing in a chat now, first come first. */
  typingIn(chat_id) {
    return this.#typing(chat_id).value;
  }

  applyTyping({ chat_id, user_id }, now) {
    const found = this.#typing(chat_id);
    found.value = [...found.value.filter((one) => one.user_id !== user_id), { user_id, until_ms: now + TYPING_MS }];
  }

  /** Their message came, or their time is over. */
  stopTyping(chat_id, user_id) {
    const found = this.typing.get(chat_id);
    if (found?.value.some((one) => one.user_id === user_id)) found.value = found.value.filter((one) => one.user_id !== user_id);
  }

  expireTyping(now) {
    for (const found of this.typing.values()) if (found.value.some((one) => one.until_ms <= now)) found.value = found.value.filter((one) => one.until_ms > now);
  }
}
