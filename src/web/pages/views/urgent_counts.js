// Where the people of an urgent stand, as one bar. What it shows stands beside it in words.

import { html } from '../vendor/lit.js';
import { STANDINGS } from '../acts/urgent.js';
import { vars } from './region.js';
import { standingWords } from './urgent_words.js';
import { list } from '../words/words.js';

export function countsBar(counts) {
  const there = STANDINGS.filter((standing) => counts[standing] > 0);
  return html`<span class="urgent_counts" role="img" aria-label=${list(there.map((standing) => standingWords(standing, counts[standing])))}>${there.map((standing) => html`<span class="urgent_share standing_${standing}" ${vars({ '--share': String(counts[standing]) })}></span>`)}</span>`;
}
