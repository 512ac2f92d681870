// Desktop notices, the sound, the icon of the tab: what is seen and heard while nobody looks at the page.
//
// Among several tabs one speaks: the one that was used last, and only while none is looked at. The shared connection
// decides which. A chat has one notice at a time.

import { effect, signal } from './vendor/signals.js';
import { createSound } from './sound.js';
import { change, settings } from './theme.js';

/** The icon says that the connection is gone after this long. */
const OFFLINE_MS = 10_000;

/** Is this page looked at? */
export const looked = () => document.visibilityState === 'visible' && document.hasFocus();

/** What the browser allows: `granted`, `denied`, `default`, or `none` where there are no notices. */
export const permission = signal(typeof Notification === 'function' && isSecureContext ? Notification.permission : 'none');

/** Asks the person, by way of the browser; only after a click. */
export async function askPermission() {
  permission.value = await Notification.requestPermission();
  change({ notices: permission.value === 'granted' ? 'on' : 'off' });
}

/**
 * @param {{store: object, screen: object, go: (to: object) => void, openChat: {peek: () => string | null}, words: (record: object) => {title: string, body: string}}} page
 */
export function createNotices(page) {
  const shown = new Map();
  const stops = [];
  let speaks = true;
  const sound = createSound();

  function received(record, [kind, body]) {
    const entry = page.store.inbox.peek(record.chat_id);
    if (kind !== 'message' || !entry || entry.muted || record.by === page.store.me.user_id || body.recalled_by) return;
    const here = looked();
    if ((here || speaks) && settings.peek().sound === 'on' && !(here && page.openChat.peek() === record.chat_id)) sound.message();
    if (here || !speaks) return;
    const notice = notify({ ...page.words(record), tag: record.chat_id, click: () => page.go({ kind: 'chat', chat_id: record.chat_id, seq: record.seq }) });
    if (!notice) return;
    shown.set(record.chat_id, notice);
    notice.onclose = () => shown.get(record.chat_id) === notice && shown.delete(record.chat_id);
  }

  /** Shows a notice where the person wants them; where they were never asked, a bar asks. */
  function notify({ title, click, ...how }) {
    if (permission.peek() === 'default' && settings.peek().notices === '') page.screen.ask_notices.value = true;
    if (permission.peek() !== 'granted' || settings.peek().notices !== 'on') return null;
    try {
      const notice = new Notification(title, { ...how, icon: `${document.documentElement.dataset.prefix}/icon.svg`, silent: true });
      notice.onclick = () => {
        window.focus();
        click();
        notice.close();
      };
      return notice;
    } catch {
      // Some browsers have the name, but only a service worker may use it.
      permission.value = 'none';
      return null;
    }
  }

  // A notice goes when its chat was read anywhere.
  stops.push(effect(() => {
    page.store.inbox.unread.value;
    for (const [chat_id, notice] of shown) if (!page.store.inbox.peek(chat_id)?.unread) notice.close();
  }));

  // The icon: an urgent, the connection gone, something unread, or nothing.
  let icon = '';
  let offline_timer = 0;
  const gone = signal(false);
  stops.push(effect(() => {
    const lost = page.store.me.status.value.lost_at_ms !== null;
    clearTimeout(offline_timer);
    if (!lost) gone.value = false;
    else offline_timer = setTimeout(() => (gone.value = true), OFFLINE_MS);
  }));
  stops.push(effect(() => {
    const unread = page.store.inbox.unread.value;
    const name = page.urgents.value?.open.value.length ? 'icon_urgent.svg' : gone.value ? 'icon_offline.svg' : unread > 0 ? 'icon_unread.svg' : 'icon.svg';
    if (name !== icon) document.querySelector('link[rel="icon"]').href = `${document.documentElement.dataset.prefix}/${name}`;
    icon = name;
    (unread > 0 ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => {});
  }));

  return {
    received, notify, sound,
    /** Among several windows this one is heard. */
    heard: () => looked() || speaks,
    /** Whether this tab is the one that speaks. */
    speaks: (on) => (speaks = on),
    dispose() {
      clearTimeout(offline_timer);
      for (const stop of stops) stop();
      for (const notice of shown.values()) notice.close();
      sound.dispose();
    },
  };
}
