// Urgents: what the page needs of them is loaded with the first one, with a screen of theirs, or soon after the start.

import { choice } from './protocol/codec.js';
import { Urgents } from './store/urgents.js';
import { urgentActs } from './acts/urgent.js';
import { createAlarm } from './alarm.js';
import { preview } from './views/content.js';
import { visible } from './views/person.js';
import { createUrgentBar } from './views/urgent_bar.js';
import { createUrgentDialog } from './views/urgent_dialog.js';
import { t } from './words/words.js';

export { createPlace, preloadPlaces } from './views/places.js';

/** What was put aside in one tab is put aside in all. */
const CHANNEL = 'clarion.urgents';

/**
 * @param {object} page
 * @param {{store: object, port: object, randomId: () => string}} given
 * @param {object} notices of this tab
 * @returns {{dispose: () => void}}
 */
export function startUrgents(page, given, notices) {
  const urgents = new Urgents();
  const acts = urgentActs({ ...given, urgents });
  const tabs = typeof BroadcastChannel === 'function' ? new BroadcastChannel(CHANNEL) : null;
  if (tabs) tabs.onmessage = (message) => urgents.asideElsewhere(message.data);
  page.acts.urgent = acts;
  page.tellAside = (entries) => tabs?.postMessage(entries);
  page.urgents.value = urgents;

  given.port.on('welcome', () => void acts.refresh());
  given.port.on('event', ({ event, body }) => acts.heard(event, body));
  void acts.refresh();

  const noticeWords = (urgent) => ({ title: t('urgent.notice', { name: visible(urgent.raised_by.name) }), body: preview(page, choice(urgent.message.change)[1]) });
  const parts = [createUrgentBar(page), createUrgentDialog(page), createAlarm(page, urgents, notices, noticeWords)];
  return {
    dispose() {
      for (const part of parts) part.dispose();
      tabs?.close();
      page.urgents.value = null;
    },
  };
}
