// What makes an urgent heard: two notes when it comes and at each reminder, and again while it stands unanswered before
// somebody's eyes; a notice where nobody looks; the title, where the browser is still silent.

import { effect } from './vendor/signals.js';
import { levelOf } from './store/urgents.js';
import { settings } from './theme.js';
import { mayPlay, URGENT } from './sound.js';

const AGAIN_MS = 20_000;
/** After this long without another reminder it is only seen. */
const LOUD_MS = 300_000;
const BLINK_MS = 1_000;

/**
 * @param {object} page
 * @param {{play: (what: object) => void, mine: () => boolean, looked: () => boolean, notify: (what: object) => object | null}} speaker
 *   `mine`: among several windows this one is heard; `notify` shows a notice, or gives null
 */
export function createAlarm(page, { play, mine, looked, notify }) {
  const { screen } = page;
  const { urgents } = page.store;
  const called = new Map();
  const notices = new Map();
  let again_timer = 0;
  let blink_timer = 0;
  let loud_until_ms = 0;

  function call(urgent) {
    loud_until_ms = page.now() + LOUD_MS;
    again_timer ||= setInterval(again, AGAIN_MS);
    if (!mine()) return;
    play(URGENT);
    if (!mayPlay()) waitForTouch();
    if (looked()) return;
    const { title, body } = page.urgentWords(urgent);
    const shown = notify({
      title, body: settings.peek().notice_text === 'hidden' ? '' : body, tag: `urgent ${urgent.urgent_id}`, requireInteraction: true, renotify: true,
      click: () => urgents.look(urgent.urgent_id),
    });
    if (shown) notices.set(urgent.urgent_id, shown);
  }

  function again() {
    if (urgents.waiting.peek().length === 0 || page.now() >= loud_until_ms) {
      clearInterval(again_timer);
      again_timer = 0;
    } else if (document.visibilityState === 'visible' && mine()) play(URGENT);
  }

  function waitForTouch() {
    if (screen.unheard.peek()) return;
    screen.unheard.value = true;
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) blink_timer = setInterval(() => (screen.title_lit.value = !screen.title_lit.peek()), BLINK_MS);
    for (const name of ['pointerup', 'keydown']) addEventListener(name, touched, true);
  }

  function touched() {
    if (!mayPlay()) return;
    for (const name of ['pointerup', 'keydown']) removeEventListener(name, touched, true);
    clearInterval(blink_timer);
    screen.title_lit.value = true;
    screen.unheard.value = false;
  }

  const stop = effect(() => {
    const open = new Set(urgents.open.value.map((urgent) => urgent.urgent_id));
    for (const urgent_id of called.keys()) if (!open.has(urgent_id)) called.delete(urgent_id);
    for (const [urgent_id, notice] of notices) {
      if (open.has(urgent_id)) continue;
      notices.delete(urgent_id);
      notice.close();
    }
    for (const urgent of urgents.waiting.value) {
      if ((called.get(urgent.urgent_id) ?? -1) >= levelOf(urgent)) continue;
      called.set(urgent.urgent_id, levelOf(urgent));
      call(urgent);
    }
  });

  return {
    dispose() {
      stop();
      clearInterval(again_timer);
      clearInterval(blink_timer);
      for (const name of ['pointerup', 'keydown']) removeEventListener(name, touched, true);
      for (const notice of notices.values()) notice.close();
    },
  };
}
