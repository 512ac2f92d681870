// Loading: the list of chats, pages of history, entries and people that something on the screen asks for.

import { batch, effect } from '../vendor/signals.js';
import { HISTORY_PAGE, INBOX_PAGE, LIST_PAGE } from '../limits.js';
import { ConnectionLost, Refused, expectRefusal } from '../protocol/outcome.js';

/** Entries that may have changed are asked for after this long: several records that say the same are one question. */
const ENTRY_MS = 150;
/** A page that the server cannot give now is asked for again so often. */
const TRIES = 6;
/** A missing record is waited for this long; then everything since the last safe place is asked for. */
const HOLE_MS = 1_000;

export function loadActs({ store, port, now }) {
  const asked_people = new Set();
  const asked_entries = new Set();
  const loading = new Map();
  let tellListed;
  /** The first page of the list is there. */
  const listed = new Promise((done) => (tellListed = done));

  async function firstPage() {
    const page = await patiently(() => port.command('inbox', { limit: INBOX_PAGE, chat_ids: [] }));
    batch(() => {
      store.people.put(page.people);
      const listed = new Set(page.entries.map((entry) => entry.chat.chat_id));
      for (const chat_id of [...store.inbox.entries.keys()]) {
        if (listed.has(chat_id)) continue;
        // It is further down, or gone: what is open is asked for by itself.
        if (store.chats.has(chat_id)) store.wantEntry(chat_id);
        else store.inbox.remove(chat_id);
      }
      for (const entry of page.entries) store.replaceEntry(entry);
      store.inbox.pageEnds(page.next);
    });
    tellListed();
  }

  async function nextPage() {
    const page_token = store.inbox.next.peek();
    if (!page_token || loading.has('inbox')) return;
    loading.set('inbox', true);
    try {
      const page = await port.command('inbox', { page: page_token, limit: INBOX_PAGE, chat_ids: [] });
      batch(() => {
        store.people.put(page.people);
        for (const entry of page.entries) store.putEntry(entry, now());
        store.inbox.pageEnds(page.next);
      });
    } catch (error) {
      expectRefusal(error);
    } finally {
      loading.delete('inbox');
    }
  }

  /** Entries by id, put into the list; those that I may not see any more leave it. */
  async function entries(chat_ids) {
    const page = await port.command('inbox', { chat_ids });
    batch(() => {
      store.people.put(page.people);
      const found = new Set(page.entries.map((entry) => entry.chat.chat_id));
      for (const entry of page.entries) store.putEntry(entry, now());
      for (const chat_id of chat_ids) if (!found.has(chat_id) && store.inbox.peek(chat_id)?.chat.head_seq > 0) store.inbox.remove(chat_id);
    });
    return page.entries;
  }

  /**
   * A page of a chat into its store: `before`, `after` or `around` a seq, or the last one.
   * @returns {Promise<object | null>} the page; null when it could not be had
   */
  async function history(chat_id, where = {}, limit = HISTORY_PAGE) {
    const key = `${chat_id} ${JSON.stringify(where)}`;
    if (loading.has(key)) return loading.get(key);
    const chat = store.chat(chat_id);
    chat.loading();
    const work = (async () => {
      try {
        const page = await patiently(() => port.command('history', { chat_id, limit, ...where }));
        let again = [];
        batch(() => {
          store.people.put(page.people);
          again = chat.merge(page);
        });
        for (const seq of again) void refresh(chat_id, seq);
        return page;
      } catch (error) {
        chat.loadFailed();
        if (error instanceof Refused) return { refused: error.error };
        if (error instanceof ConnectionLost) return null;
        throw error;
      } finally {
        loading.delete(key);
      }
    })();
    loading.set(key, work);
    return work;
  }

  /** Asks again when the server says that it may be asked again. */
  async function patiently(ask) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof Refused) || error.error.retry_after_ms === undefined || tries >= TRIES) throw error;
        await new Promise((done) => setTimeout(done, error.error.retry_after_ms + 50 * tries));
      }
    }
  }

  /** One message as it stands now. */
  async function refresh(chat_id, seq) {
    try {
      const page = await port.command('history', { chat_id, around: seq, limit: 1 });
      const record = page.records.find((found) => found.seq === seq);
      if (record) store.chat(chat_id).refresh(record);
    } catch (error) {
      expectRefusal(error);
    }
  }

  // People whom a view has drawn without knowing them.
  effect(() => {
    store.people.wants.value;
    const ids = store.people.takeWanted(asked_people, LIST_PAGE);
    if (ids.length === 0) return;
    for (const user_id of ids) asked_people.add(user_id);
    port.command('people', { user_ids: ids }).then(
      ({ people }) => {
        batch(() => store.people.put(people));
        if (ids.length === LIST_PAGE) store.people.wants.value += 1;
      },
      () => {
        for (const user_id of ids) asked_people.delete(user_id);
      },
    );
  });

  // Chats whose entry is not what the server would say now.
  effect(() => {
    const ids = [...store.stale_entries.value].filter((chat_id) => !asked_entries.has(chat_id)).slice(0, LIST_PAGE);
    if (ids.length === 0) return;
    for (const chat_id of ids) asked_entries.add(chat_id);
    setTimeout(async () => {
      for (const chat_id of ids) asked_entries.delete(chat_id);
      const left = new Set(store.stale_entries.peek());
      for (const chat_id of ids) left.delete(chat_id);
      store.stale_entries.value = left;
      try {
        await entries(ids);
      } catch (error) {
        expectRefusal(error);
      }
    }, ENTRY_MS);
  });

  setInterval(() => {
    store.receipts.expireTyping(now());
    for (const hole of store.holes.values()) {
      if (now() - hole.since_ms < HOLE_MS) continue;
      hole.since_ms = now();
      port.hole();
      break;
    }
  }, 500);

  return { listed, firstPage, nextPage, entries, history, refresh };
}
