// Where the page's files are, and how tests read them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PAGES = fileURLToPath(new URL('../../../src/web/pages/', import.meta.url));

/** Every file of the page with its text, by its path in the folder. */
export function files(ending, { vendor = false } = {}) {
  const found = [];
  const walk = (folder) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) {
        if (vendor || name !== 'vendor') walk(path);
      } else if (name.endsWith(ending)) found.push({ path: relative(PAGES, path), text: readFileSync(path, 'utf8') });
    }
  };
  walk(PAGES);
  return found;
}

/** A small generator of numbers that can be repeated from its seed. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The seed of this run: from the environment, or new; printed by the test that fails. */
export const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
