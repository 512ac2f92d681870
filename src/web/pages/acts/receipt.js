// Receipts and typing: what I have read and received, that I am writing, and how far the others have got.

import { SMALL_CHAT } from '../limits.js';
import { expectRefusal } from '../protocol/outcome.js';

const READ_EVERY_MS = 1_000;
const DELIVERED_EVERY_MS = 2_000;
const TYPING_EVERY_MS = 3_000;

export function receiptActs({ store, port, now }) {
  const read = new Map();
  const delivered = new Map();
  const typed = new Map();
  const asked = new Set();

  /** I have seen everything up to seq, on a screen. Told at most once a second a chat, only growing. */
  function seen(chat_id, seq) {
    const known = store.inbox.peek(chat_id)?.read_seq ?? 0;
    const chat = read.get(chat_id) ?? { told: 0, want: 0, timer: 0 };
    read.set(chat_id, chat);
    if (seq <= Math.max(known, chat.want)) return;
    chat.want = seq;
    if (chat.timer) return;
    const tell = async () => {
      chat.timer = 0;
      if (chat.want <= chat.told) return;
      const telling = chat.want;
      chat.told = telling;
      chat.timer = setTimeout(tell, READ_EVERY_MS);
      try {
        await port.command('receipt', { chat_id, delivered_seq: telling, read_seq: telling });
      } catch (error) {
        chat.told = Math.min(chat.told, known);
        expectRefusal(error);
      }
    };
    void tell();
  }

  /** This device has what came; told for chats whose members see it. */
  function received(record) {
    if (record.by === store.me.user_id) return;
    const entry = store.inbox.peek(record.chat_id);
    if (!entry || (entry.chat.member_count ?? 2) > SMALL_CHAT) return;
    if (delivered.has(record.chat_id)) return;
    delivered.set(
      record.chat_id,
      setTimeout(() => {
        delivered.delete(record.chat_id);
        const head = store.inbox.peek(record.chat_id);
        if (!head || (read.get(record.chat_id)?.told ?? head.read_seq) >= head.chat.head_seq) return;
        port.command('receipt', { chat_id: record.chat_id, delivered_seq: head.chat.head_seq }).catch(expectRefusal);
      }, DELIVERED_EVERY_MS),
    );
  }

  function typing(chat_id) {
    if (now() - (typed.get(chat_id) ?? 0) < TYPING_EVERY_MS) return;
    typed.set(chat_id, now());
    port.command('typing', { chat_id }).catch(expectRefusal);
  }

  /** After a message the next letter is news again. */
  function typingOver(chat_id) {
    typed.delete(chat_id);
  }

  /** Where everybody of a small chat has got to, from the readers of one message of mine. */
  async function load(chat_id, message_id) {
    const known = store.receipts.chat(chat_id);
    if (known.complete || asked.has(chat_id)) return;
    asked.add(chat_id);
    try {
      for (const unread of [false, true]) {
        let page;
        do {
          const answer = await port.command('readers', { message_id, unread, page });
          store.people.put(answer.readers.map((reader) => reader.person));
          store.receipts.complete(chat_id, answer.readers);
          page = answer.next;
        } while (page);
      }
    } catch (error) {
      expectRefusal(error);
    } finally {
      asked.delete(chat_id);
    }
  }

  /** How many have read one message, in a large chat. */
  async function loadCount(chat_id, seq, message_id) {
    const key = `${chat_id} ${seq}`;
    if (asked.has(key)) return;
    asked.add(key);
    try {
      const answer = await port.command('readers', { message_id, unread: false });
      store.receipts.applyCount({ chat_id, seq, count: answer.read_count });
    } catch (error) {
      expectRefusal(error);
    }
  }

  async function readers(message_id, { unread, query, page }) {
    const answer = await port.command('readers', { message_id, unread, query: query || undefined, page });
    store.people.put(answer.readers.map((reader) => reader.person));
    return answer;
  }

  return { seen, received, typing, typingOver, load, loadCount, readers };
}
