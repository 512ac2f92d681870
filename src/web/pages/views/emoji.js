// Emoji for the composer.

import { html } from '../vendor/lit.js';
import { openMenu } from './menu.js';
import { EMOJI } from './emoji_names.js';

const characters = typeof Intl.Segmenter === 'function' ? (text) => [...new Intl.Segmenter().segment(text)].map((one) => one.segment) : (text) => [...text];

export function emojiMenu(page, from, choose) {
  openMenu(page, from, {
    view: (close) => html`<div class="glyphs wide">${EMOJI.map((kind) => html`${characters(kind).map((glyph) => html`<button class="glyph" type="button" @click=${() => (close(), choose(glyph))}>${glyph}</button>`)}<hr>`)}</div>`,
  });
}
