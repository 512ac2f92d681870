// What outlives the tab: unsent messages and drafts, in IndexedDB, by user. Nothing that was received is kept.

const NAME = 'clarion';
const VERSION = 1;

function wait(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Opens the disk of one person. Where the browser refuses (private windows), everything still works but is not kept.
 * @param {string} user_id
 */
export async function openDisk(user_id) {
  let database = null;
  try {
    const opening = indexedDB.open(NAME, VERSION);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore('outbox', { keyPath: ['user_id', 'client_message_id'] });
      opening.result.createObjectStore('drafts', { keyPath: ['user_id', 'chat_id'] });
    };
    database = await wait(opening);
  } catch {
    database = null;
  }
  const all = IDBKeyRange.bound([user_id], [user_id, []]);

  async function run(table, mode, work) {
    if (!database) return undefined;
    try {
      return await wait(work(database.transaction(table, mode).objectStore(table)));
    } catch {
      return undefined;
    }
  }

  return {
    outbox: async () => (await run('outbox', 'readonly', (table) => table.getAll(all))) ?? [],
    putOutbox: (item) => run('outbox', 'readwrite', (table) => table.put({ ...item, user_id })),
    dropOutbox: (client_message_id) => run('outbox', 'readwrite', (table) => table.delete([user_id, client_message_id])),
    drafts: async () => (await run('drafts', 'readonly', (table) => table.getAll(all))) ?? [],
    putDraft: (chat_id, draft) => run('drafts', 'readwrite', (table) => (draft ? table.put({ ...draft, chat_id, user_id }) : table.delete([user_id, chat_id]))),
    /** Sign-out: nothing of this person stays. */
    async clear() {
      await run('outbox', 'readwrite', (table) => table.delete(all));
      await run('drafts', 'readwrite', (table) => table.delete(all));
    },
  };
}
