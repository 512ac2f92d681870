// Rules of the page that a reader of its source can break without noticing.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'node:test';
import { files, PAGES } from './pages.mjs';

test('no way for text to become markup or script', () => {
  const forbidden = /\b(innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|unsafeSVG|unsafeStatic|unsafeMathML)\b|document\.write|\beval\(|new Function\b|\bsrcdoc\b|setAttribute\(\s*['"](style|on)|\sstyle=["$]|javascript:/;
  for (const { path, text } of files('.js')) assert.doesNotMatch(text, forbidden, path);
  const index = readFileSync(join(PAGES, 'index.html'), 'utf8');
  assert.doesNotMatch(index, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
});

test('exactly one policy makes exactly one script URL', () => {
  const made = files('.js').flatMap(({ path, text }) => (text.match(/createPolicy\(/g) ?? []).map(() => path));
  assert.deepEqual(made, ['link/port.js']);
});

test('imports go one way', () => {
  const rank = (path) => {
    const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : path;
    return { vendor: 0, words: 0, 'limits.js': 0, protocol: 1, link: 2, store: 2, acts: 3, views: 4, 'route.js': 1, 'theme.js': 1, 'announce.js': 0, 'notice.js': 2, 'alarm.js': 2, 'sound.js': 2, 'urgent.js': 5, 'head.js': 0, 'app.js': 9 }[folder] ?? 99;
  };
  for (const { path, text } of files('.js')) {
    for (const [, to] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      const target = normalize(join(dirname(path), to));
      const from_folder = path.split('/')[0];
      const to_folder = target.split('/')[0];
      assert.ok(rank(target) <= rank(path), `${path} imports ${target}`);
      if (from_folder !== to_folder) {
        if (from_folder === 'link') assert.ok(['protocol', 'limits.js', 'vendor'].includes(to_folder), `${path} imports ${target}: link sees protocol only`);
        if (to_folder === 'link') assert.equal(path, 'app.js', `${path} imports ${target}: only app.js sees link`);
      }
    }
    for (const [, to] of text.matchAll(/(?:from|import)\s*\(?\s*'([^.][^']*)'/g)) assert.fail(`${path} imports the bare name ${to}`);
  }
});

test('protocol and store touch neither page, nor network, nor clock', () => {
  for (const { path, text } of files('.js')) {
    if (!/^(protocol|store)\//.test(path)) continue;
    assert.doesNotMatch(text, /\b(document|window|localStorage|fetch|indexedDB|WebSocket)\b\s*[.(]|Date\.now|setTimeout|setInterval|requestAnimationFrame/, path);
  }
});

test('no file over 500 lines, none of the words that hide meaning', () => {
  for (const { path, text } of files('.js')) {
    assert.ok(text.split('\n').length <= 510, `${path} is too long`);
    if (!path.startsWith('words/')) assert.doesNotMatch(text, /\b(conversation|channel_id|topic|hub|helper|util|Manager|Handler)\b/, path);
  }
});

test('both languages have the same keys and placeholders, and every key is used', async () => {
  const { default: first } = await import(join(PAGES, 'words/zh.js'));
  const { default: urgent } = await import(join(PAGES, 'words/zh_urgent.js'));
  const zh = { ...first, ...urgent };
  const { default: en } = await import(join(PAGES, 'words/en.js'));
  const bases = (words, other) => new Map(Object.entries(words).map(([key, text]) => [other[key] === undefined ? key.replace(/\.(one|other)$/, '') : key, text]));
  const zh_keys = bases(zh, en);
  const en_keys = bases(en, zh);
  assert.deepEqual([...zh_keys.keys()].sort(), [...en_keys.keys()].sort());
  const holes = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join();
  for (const [key, text] of Object.entries(zh)) {
    for (const form of [key, `${key}.one`, `${key}.other`]) if (en[form] !== undefined) assert.equal(holes(en[form]), holes(text), form);
  }
  const source = files('.js').filter(({ path }) => !path.startsWith('words/zh') && !path.startsWith('words/en')).map(({ text }) => text).join('\n');
  const computed = [/^error\./, /^content\.(file|audio|media)_short$/, /^info\./, /^bots\./, /^link\./, /^list\.filter\./, /^presence\./, /^role\./, /^rule\./, /^settings\./, /^who\./, /^keys\./, /^urgent\.(deed|left_out|list|none|not_reached|outcome|over|person\.way|standing|step|step_other|whom)\./, /^urgent\.step_\w+$/];
  for (const key of zh_keys.keys()) assert.ok(source.includes(`'${key}'`) || computed.some((shape) => shape.test(key)), `nobody says ${key}`);
  for (const [, key] of source.matchAll(/\bt\(\s*'([a-z_][a-z_.A-Z0-9]*)'/g)) assert.ok(zh_keys.has(key), `no words for ${key}`);
});

test('no words of a language stand in views', () => {
  const allowed = new Set(['views/content.js', 'views/sign_in.js', 'views/reactions.js']);
  for (const { path, text } of files('.js')) {
    if (!/^(views|acts|store|protocol|link)\//.test(path) || allowed.has(path)) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1');
    assert.doesNotMatch(code, /\p{Script=Han}/u, path);
  }
});

test('vendored files are as published', () => {
  const listed = readFileSync(join(PAGES, 'vendor/VENDOR.toml'), 'utf8');
  let folder = '';
  const sums = new Map();
  for (const line of listed.split('\n')) {
    folder = /^folder = "(.+)"$/.exec(line)?.[1] ?? folder;
    const sum = /^"(.+)" = "([0-9a-f]{64})"$/.exec(line);
    if (sum) sums.set(`vendor/${folder}/${sum[1]}`, sum[2]);
  }
  const own = new Set(['vendor/lit.js', 'vendor/signals.js', 'vendor/virtual.js', 'vendor/environment.js', 'vendor/VENDOR.toml']);
  const present = files('', { vendor: true }).map(({ path }) => path).filter((path) => path.startsWith('vendor/') && !own.has(path));
  assert.deepEqual(present.sort(), [...sums.keys()].sort());
  for (const [path, sum] of sums) assert.equal(createHash('sha256').update(readFileSync(join(PAGES, path))).digest('hex'), sum, path);
  for (const library of listed.matchAll(/^folder = "(.+)"$/gm)) assert.ok(sums.has(`vendor/${library[1]}/LICENSE`), `${library[1]} has its licence beside it`);
});

test('head.js is small, and the skeleton needs no module', () => {
  assert.ok(readFileSync(join(PAGES, 'head.js')).length <= 1_200);
});
