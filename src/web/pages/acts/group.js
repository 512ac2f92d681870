// What a person does to a group beyond its members: letting people in, what stands on top and around, bots of its own.
// Answers are numbered errors, or null when it was done; questions give the server's reply.

import { outcome } from '../protocol/outcome.js';

export function groupActs({ store, port, randomId }) {
  const people = (answer, list) => {
    store.people.put(list(answer));
    return answer;
  };

  return {
    // ---- who comes in
    joinRequests: async (chat_id, page) => people(await port.command('join_requests', { chat_id, page }), (answer) => answer.requests.map((request) => request.person)),
    decideJoin: (chat_id, user_ids, accept) => outcome(() => port.command('decide_join', { chat_id, user_ids, accept })),
    /** Joins by id, or by the token of a link. @returns {Promise<{chat?: object, requested: boolean}>} */
    join: (chat_id, link) => port.command('join', { chat_id, link }),
    linked: (token) => port.command('linked_chat', { token }),
    shareLink: (chat_id, validity) => port.command('share_link', { chat_id, validity }),
    // ---- who may post
    setModeration: (chat_id, change) => outcome(() => port.command('set_moderation', { chat_id, add: [], remove: [], ...change })),
    moderators: async (chat_id, page) => people(await port.command('moderators', { chat_id, page }), (answer) => answer.members.map((member) => member.person)),
    // ---- what stands on top and around
    setTopNotice: (chat_id, what) => outcome(() => port.command('set_top_notice', { chat_id, announcement: false, ...what })),
    details: (chat_id) => port.command('chat_details', { chat_id }),
    setAnnouncement: (chat_id, text, revision) => outcome(() => port.command('set_announcement', { chat_id, text, revision })),
    addTab: (chat_id, name, url) => outcome(() => port.command('add_tab', { chat_id, name, url })),
    removeTab: (chat_id, tab_id) => outcome(() => port.command('remove_tab', { chat_id, tab_id })),
    // ---- bots of its own
    async customBots(chat_id) {
      return people(await port.command('custom_bots', { chat_id }), (answer) => answer.bots.map((bot) => bot.bot)).bots;
    },
    newBotId: () => randomId(),
    addCustomBot: (chat_id, given) => port.command('add_custom_bot', { chat_id, ...given }),
    changeCustomBot: (chat_id, user_id, change) => port.command('change_custom_bot', { chat_id, user_id, ...change }),
    renewCustomBot: (chat_id, user_id, secret) => port.command('renew_custom_bot', { chat_id, user_id, secret }),
    removeCustomBot: (chat_id, user_id) => outcome(() => port.command('remove_custom_bot', { chat_id, user_id })),
    /** The device has cards for its person's eyes only. */
    gotEphemeral: (message_ids) => outcome(() => port.command('got_ephemeral', { message_ids })),
  };
}
