// The bar on top of every screen while there are urgents that I am to confirm.
//
// Nothing moves by itself: the bar lies over what is there until the person has put the urgents aside; then the screen makes
// room. What happens in another window, or on another device, changes the room with the person's next click or key here.

import { effect } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon } from './icons.js';
import { region } from './region.js';
import { timeWords } from './urgent_words.js';

/** What follows on a click or a key within this time is no surprise. */
const EXPECTED_MS = 400;
const TOUCHES = ['click', 'keyup'];

export function createUrgentBar(page) {
  const urgents = page.urgents.peek();
  const element = document.createElement('div');
  document.body.prepend(element);
  let touched_at = -Infinity;
  /** Whether there is to be room, once the person has touched something; null: as it is. */
  let wanted = null;

  const room = (on) => document.documentElement.classList.toggle('with_urgents', on);
  const touched = () => {
    touched_at = performance.now();
    if (wanted !== null) room(wanted);
    wanted = null;
  };
  for (const name of TOUCHES) addEventListener(name, touched, true);

  const stop = effect(() => {
    const any = urgents.open.value.length > 0;
    wanted = any && urgents.waiting.value.length > 0 ? null : any;
    if (wanted === null || performance.now() - touched_at > EXPECTED_MS) return;
    room(wanted);
    wanted = null;
  });

  const drawing = region(element, () => {
    const open = urgents.open.value;
    if (open.length === 0) return nothing;
    page.screen.now_minute.value;
    const first_ms = Math.min(...open.map((urgent) => urgent.raised_at_ms));
    const words = t('urgent.bar', { n: urgents.count.value, time: timeWords(first_ms, page.serverNow()) });
    return html`<div class="urgent_bar" role="region" aria-label=${t('urgent.title')}>${icon('urgent', 18)}<span class="grow">${words}</span><button class="urgent_bar_look" type="button" @click=${() => urgents.look()}>${t('urgent.bar_look')}</button></div>`;
  });

  return {
    dispose() {
      for (const name of TOUCHES) removeEventListener(name, touched, true);
      stop();
      room(false);
      drawing.dispose();
      element.remove();
    },
  };
}
