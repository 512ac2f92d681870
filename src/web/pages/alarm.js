// What makes an urgent heard: two notes when it comes and at each reminder, and again while it stands unanswered before
// somebody's eyes; a notice where nobody looks; the title, where the browser is still silent.

import { effect, signal } from './vendor/signals.js';
import { looked } from './notice.js';
import { levelOf } from './store/urgents.js';
import { settings } from './theme.js';
import { t } from './words/words.js';

const AGAIN_MS = 20_000;
/** After this long without another reminder it is only seen. */
const LOUD_MS = 300_000;
const BLINK_MS = 1_000;

/** There is an urgent, and the browser plays no sound yet. */
export const unheard = signal(false);

/**
 * @param {object} page
 * @param {object} urgents the store
 * @param {{sound: object, heard: () => boolean, notify: (what: object) => object | null}} notices
 * @param {(urgent: object) => {title: string, body: string}} words of a notice
 */
export function createAlarm(page, urgents, { sound, heard, notify }, words) {
  const { screen } = page;
  /** The title says that there is an urgent; it blinks while nothing is heard. */
  const lit = signal(true);
  const called = new Map();
  const notices = new Map();
  let again_timer = 0;
  let blink_timer = 0;
  let loud_until_ms = 0;

  function call(urgent) {
    loud_until_ms = page.now() + LOUD_MS;
    again_timer ||= setInterval(again, AGAIN_MS);
    if (!heard()) return;
    sound.urgent();
    if (!sound.allowed()) waitForTouch();
    if (looked()) return;
    const { title, body } = words(urgent);
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
    } else if (document.visibilityState === 'visible' && heard()) sound.urgent();
  }

  function waitForTouch() {
    if (unheard.peek()) return;
    unheard.value = true;
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) blink_timer = setInterval(() => (lit.value = !lit.peek()), BLINK_MS);
    for (const name of ['pointerup', 'keydown']) addEventListener(name, touched, true);
  }

  function touched() {
    if (!sound.allowed()) return;
    for (const name of ['pointerup', 'keydown']) removeEventListener(name, touched, true);
    clearInterval(blink_timer);
    lit.value = true;
    unheard.value = false;
  }

  const stops = [effect(() => {
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
  }), effect(() => {
    screen.title_mark.value = urgents.open.value.length > 0 && lit.value ? t('urgent.title_mark') : '';
  })];

  return {
    dispose() {
      for (const stop of stops) stop();
      clearInterval(again_timer);
      clearInterval(blink_timer);
      for (const name of ['pointerup', 'keydown']) removeEventListener(name, touched, true);
      for (const notice of notices.values()) notice.close();
    },
  };
}
