// Cards and Markdown are drawn by modules of their own, loaded before the first message that needs them is shown.

import { signal } from '../vendor/signals.js';
import { choice } from '../protocol/codec.js';
import { stylesheet } from './stylesheet.js';

/** The module, once it is there; null before. */
export const rich = signal(null);
let loading = null;

/** Loads it; what does not come is asked for again the next time. */
export function loadRich() {
  loading ??= Promise.all([import('./card.js'), stylesheet('cards.css')]).then(
    ([module]) => (rich.value = module),
    (error) => {
      loading = null;
      throw error;
    },
  );
  return loading;
}

/** Does this content need it? */
export function needsRich(content) {
  const [kind, body] = choice(content);
  return kind === 'card' || (kind === 'post' && /"tag"\s*:\s*"md"/.test(body.post));
}

/**
 * Before messages are drawn: loads what they need, so that no row changes its height afterwards.
 * @param {object[]} records of a page
 * @returns {Promise<unknown> | null} null when nothing is missing
 */
export function richReady(records) {
  if (rich.peek() || !records.some((record) => needsRich(choice(record.change)[1]?.content))) return null;
  return loadRich().catch(() => {});
}
