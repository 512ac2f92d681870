// A list that comes in pages, as one scrolls or searches.

import { signal } from '../vendor/signals.js';

const ASK_MS = 150;

/**
 * @param {(query: string, page?: string) => Promise<{rows: object[], next?: string}>} ask
 */
export function createPaged(ask) {
  const rows = signal([]);
  const next = signal(undefined);
  const state = signal('loading');
  const extra = signal(null);
  let turn = 0;
  let timer = 0;
  let query = '';

  async function load(more) {
    const mine = more ? turn : ++turn;
    state.value = 'loading';
    try {
      const answer = await ask(query, more ? next.peek() : undefined);
      if (mine !== turn) return;
      rows.value = more ? [...rows.peek(), ...answer.rows] : answer.rows;
      next.value = answer.next ?? null;
      extra.value = answer;
      state.value = 'there';
    } catch {
      if (mine === turn) state.value = 'failed';
    }
  }

  return {
    rows, state, extra,
    reload: () => load(false),
    more: () => state.peek() !== 'loading' && next.peek() && load(true),
    seek(text) {
      query = text.trim();
      clearTimeout(timer);
      timer = setTimeout(() => load(false), ASK_MS);
    },
    /** For a scroller: asks for more when its end is near. */
    scrolled(event) {
      const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
      if (scrollHeight - scrollTop - clientHeight < clientHeight) this.more();
    },
  };
}
