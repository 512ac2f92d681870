// What a person does to chats and their members. Answers are numbered errors, or null when it was done.

import { batch } from '../vendor/signals.js';
import { outcome } from '../protocol/outcome.js';
import { LIST_PAGE } from '../limits.js';

export function chatActs({ store, port, randomId }) {
  const opening = new Map();

  /** An entry for a chat of which nothing but itself is known yet; it is listed once something was said in it. */
  function putNewChat(chat) {
    if (store.inbox.peek(chat.chat_id)) return store.inbox.changeChat(chat.chat_id, chat);
    store.replaceEntry({ chat, active_at_ms: chat.created_at_ms, read_seq: 0, read_position: 0, unread: 0, mentions: [], pinned: false, muted: false });
    if (chat.head_seq > 0) store.wantEntry(chat.chat_id);
  }

  /** The direct chat with somebody that is loaded already. */
  function directWith(user_id) {
    for (const entry of store.inbox.entries.values()) if (entry.peek().chat.kind === 'direct' && entry.peek().chat.peer === user_id) return entry.peek().chat.chat_id;
    return null;
  }

  return {
    directWith,
    /** @returns {Promise<string>} chat_id; the server makes one chat a pair, whoever starts */
    openDirect(user_id) {
      const known = directWith(user_id);
      if (known) return Promise.resolve(known);
      if (!opening.has(user_id)) {
        opening.set(
          user_id,
          port.command('open_direct', { user_id }).then(
            (chat) => {
              opening.delete(user_id);
              putNewChat(chat);
              return chat.chat_id;
            },
            (error) => {
              opening.delete(user_id);
              throw error;
            },
          ),
        );
      }
      return opening.get(user_id);
    },
    /** Makes sure that a chat of the address bar is there. @returns {Promise<object | null>} an error's body, or null */
    ensure: (chat_id) => outcome(async () => {
      if (store.inbox.peek(chat_id)) return;
      const page = await port.command('inbox', { chat_ids: [chat_id] });
      batch(() => {
        store.people.put(page.people);
        for (const entry of page.entries) store.replaceEntry(entry);
      });
      if (!page.entries.length) putNewChat(await port.command('chat', { chat_id }));
    }),
    async createGroup({ name, user_ids, department_ids }) {
      const chat = await port.command('create_group', { client_message_id: randomId(), name, user_ids, department_ids });
      putNewChat(chat);
      return chat.chat_id;
    },
    update: (chat_id, change) => outcome(() => port.command('update_chat', { chat_id, ...change })),
    async members(chat_id, { query, page } = {}) {
      const answer = await port.command('members', { chat_id, query: query || undefined, page, limit: LIST_PAGE });
      store.people.put(answer.members.map((member) => member.person));
      return answer;
    },
    addMembers: (chat_id, user_ids, department_ids) => outcome(() => port.command('add_members', { chat_id, user_ids, department_ids })),
    removeMembers: (chat_id, user_ids) => outcome(() => port.command('remove_members', { chat_id, user_ids })),
    setManagers: (chat_id, add, remove) => outcome(() => port.command('set_managers', { chat_id, add, remove })),
    transfer: (chat_id, user_id) => outcome(() => port.command('transfer', { chat_id, user_id })),
    leave: (chat_id) => outcome(() => port.command('leave', { chat_id })),
    dissolve: (chat_id) => outcome(() => port.command('dissolve', { chat_id })),
    onlineCount: async (chat_id) => (await port.command('online_count', { chat_id })).online,
    my: (chat_id, change) => outcome(async () => {
      store.inbox.applyChanged(await port.command('my_chat', { chat_id, ...change }));
    }),
    async searchPeople(query, page) {
      const answer = await port.command('search_people', { query, limit: 20, page });
      store.people.put(answer.people);
      return answer;
    },
    async department(department_id, page) {
      const answer = await port.command('department', { department_id, page });
      store.people.put(answer.people);
      return answer;
    },
    async person(user_id) {
      const answer = await port.command('people', { user_ids: [user_id] });
      store.people.put(answer.people);
      return answer.people[0] ?? null;
    },
    devices: async () => (await port.command('devices', {})).devices,
    signOutDevice: (device_id) => outcome(() => port.command('sign_out', { device_id })),
    setHidden: (hidden) => outcome(() => port.command('set_presence', { state: 'online', hidden })),
  };
}
