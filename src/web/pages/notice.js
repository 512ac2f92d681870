// Desktop notices, the sound, the icon of the tab: what is seen and heard while nobody looks at the page.
//
// Among several tabs one speaks: the one that was used last, and only while none is looked at. The shared connection
// decides which. A chat has one notice at a time.

import { effect, signal } from './vendor/signals.js';
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
  let audio = null;

  function received(record, [kind, body]) {
    const entry = page.store.inbox.peek(record.chat_id);
    if (kind !== 'message' || !entry || entry.muted || record.by === page.store.me.user_id || body.recalled_by) return;
    const here = looked();
    if ((here || speaks) && settings.peek().sound === 'on' && !(here && page.openChat.peek() === record.chat_id)) play();
    if (here || !speaks) return;
    if (permission.peek() === 'default' && settings.peek().notices === '') page.screen.ask_notices.value = true;
    if (permission.peek() === 'granted' && settings.peek().notices === 'on') show(record);
  }

  function show(record) {
    const { title, body } = page.words(record);
    try {
      const notice = new Notification(title, { body, tag: record.chat_id, icon: `${document.documentElement.dataset.prefix}/icon.svg`, silent: true });
      shown.set(record.chat_id, notice);
      notice.onclick = () => {
        window.focus();
        page.go({ kind: 'chat', chat_id: record.chat_id, seq: record.seq });
        notice.close();
      };
      notice.onclose = () => shown.get(record.chat_id) === notice && shown.delete(record.chat_id);
    } catch {
      // Some browsers have the name, but only a service worker may use it.
      permission.value = 'none';
    }
  }

  /** Two short notes, softly. */
  function play() {
    try {
      audio ??= new AudioContext();
      const at = audio.currentTime;
      for (const [note, begin] of [[660, 0], [880, 0.07]]) {
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        tone.frequency.value = note;
        volume.gain.setValueAtTime(0.08, at + begin);
        volume.gain.exponentialRampToValueAtTime(0.001, at + begin + 0.08);
        tone.connect(volume).connect(audio.destination);
        tone.start(at + begin);
        tone.stop(at + begin + 0.08);
      }
    } catch {
      // A browser without sound.
      change({ sound: 'off' });
    }
  }

  // A notice goes when its chat was read anywhere.
  stops.push(effect(() => {
    page.store.inbox.unread.value;
    for (const [chat_id, notice] of shown) if (!page.store.inbox.peek(chat_id)?.unread) notice.close();
  }));

  // The icon: something unread, the connection gone, or nothing.
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
    const name = gone.value ? 'icon_offline.svg' : unread > 0 ? 'icon_unread.svg' : 'icon.svg';
    if (name !== icon) document.querySelector('link[rel="icon"]').href = `${document.documentElement.dataset.prefix}/${name}`;
    icon = name;
    (unread > 0 ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.())?.catch(() => {});
  }));

  return {
    received,
    /** Whether this tab is the one that speaks. */
    speaks: (on) => (speaks = on),
    dispose() {
      clearTimeout(offline_timer);
      for (const stop of stops) stop();
      for (const notice of shown.values()) notice.close();
      void audio?.close();
    },
  };
}
