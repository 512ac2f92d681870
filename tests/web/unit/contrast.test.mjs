// Every pair of colours that may meet is readable: text 4.5, marks and rings 3.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES } from './pages.mjs';

const source = readFileSync(join(PAGES, 'tokens.css'), 'utf8');

function block(from) {
  const start = source.indexOf('{', source.indexOf(from)) + 1;
  const text = source.slice(start, source.indexOf('}', start));
  return new Map([...text.matchAll(/(--[\w-]+):\s*(#[0-9A-F]{6})\b/gi)].map(([, name, value]) => [name.slice(2), value]));
}

const light = block(':root {');
const dark = new Map([...light, ...block(':root[data-theme="dark"] {')]);

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(a, b) {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
}

const SURFACES = ['canvas', 'sunken', 'raised', 'rail', 'hover', 'selected', 'bubble-own', 'bubble-other', 'code-bg'];
const LISTS = ['canvas', 'sunken', 'raised', 'hover', 'selected'];

/** token, surfaces, least ratio */
const TABLE = [
  ['text', SURFACES, 4.5], ['text-2', SURFACES, 4.5], ['text-3', SURFACES, 4.5], ['link', SURFACES, 4.5],
  ['on-accent', ['accent', 'accent-hover', 'badge', 'badge-muted'], 4.5], ['focus', SURFACES, 3], ['border-strong', ['canvas', 'sunken', 'raised'], 3],
  ['danger', ['danger-bg'], 4.5], ['warning', ['warning-bg'], 4.5], ['success', ['success-bg'], 4.5], ['mention-me', ['mention-me-bg'], 4.5],
  ['badge', LISTS, 3], ['badge-muted', LISTS, 3], ['online', LISTS, 3], ['away', LISTS, 3], ['on-urgent', ['urgent'], 4.5], ['danger', ['canvas', 'sunken', 'raised', 'hover', 'selected'], 4.4],
  // Coloured words of cards.
  ...['blue', 'wathet', 'turquoise', 'green', 'yellow', 'orange', 'red', 'carmine', 'violet', 'purple', 'indigo', 'grey'].map((colour) => [`card-${colour}`, [`card-${colour}-bg`, 'raised', 'canvas', 'bubble-other'], 4.5]),
];

for (const [name, tokens] of [['light', light], ['dark', dark]]) {
  test(`colours are readable in ${name}`, () => {
    for (const [token, surfaces, least] of TABLE) {
      for (const surface of surfaces) {
        assert.ok(tokens.has(token) && tokens.has(surface), `${token} ${surface}`);
        const found = ratio(tokens.get(token), tokens.get(surface));
        assert.ok(found >= least, `${token} on ${surface}: ${found.toFixed(2)} is under ${least}`);
      }
    }
    for (let at = 0; at < 12; at += 1) assert.ok(ratio('#FFFFFF', tokens.get(`avatar-${at}`)) >= 4.5, `avatar ${at}`);
    for (const [token] of tokens) if (/^card-\w+-bg$/.test(token)) assert.ok(ratio(tokens.get(token), tokens.get(token.slice(0, -3))) >= 5.5, token);
  });
}

test('dark by the system and dark by choice are the same', () => {
  assert.deepEqual([...block(':root:not([data-theme="light"]) {')], [...block(':root[data-theme="dark"] {')]);
});
