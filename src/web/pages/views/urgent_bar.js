// The bar on top of every screen while there are urgents that I am to confirm.
//
// Nothing moves when an urgent comes: the bar lies over what is there until the person has put it aside; then the screen
// makes room. When the last one ends by itself, the room stays until the person's next click or key.

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
  let leaving = false;

  const room = (on) => document.documentElement.classList.toggle('with_urgents', on);
  const touched = () => {
    touched_at = performance.now();
    if (!leaving) return;
    leaving = false;
    room(false);
  };
  for (const name of TOUCHES) addEventListener(name, touched, true);

  const stop = effect(() => {
    const none = urgents.open.value.length === 0;
    const aside = !none && urgents.waiting.value.length === 0;
    leaving = false;
    if (aside) room(true);
    else if (none && performance.now() - touched_at < EXPECTED_MS) room(false);
    else if (none) leaving = true;
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
