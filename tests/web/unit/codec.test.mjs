// The same vectors that bind the server's types bind the page's codec.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES } from './pages.mjs';

const { afterMs, choice, decodeFrame, encodeCommand, MalformedFrame } = await import(join(PAGES, 'protocol/codec.js'));
const vectors = (name) => JSON.parse(readFileSync(new URL(`../../../protocol/vectors/${name}.json`, import.meta.url), 'utf8'));

test('commands are written as the vectors say', () => {
  for (const { name, json } of [...vectors('commands'), ...vectors('handshake').filter((one) => one.direction === 'client')]) {
    assert.deepEqual(JSON.parse(encodeCommand(json.id, json.command, json.body)), json, name);
  }
});

test('every reply, refusal and event of the vectors is read', () => {
  for (const { name, json } of [...vectors('replies'), ...vectors('events'), ...vectors('handshake').filter((one) => one.direction === 'server')]) {
    const frame = decodeFrame(JSON.stringify(json));
    if (json.event) assert.deepEqual([frame.kind, frame.event, frame.body], ['event', json.event, json.body], name);
    else if (json.error) assert.deepEqual([frame.kind, frame.id, frame.error], ['refusal', json.id, json.error], name);
    else assert.deepEqual([frame.kind, frame.id, frame.reply], ['reply', json.id, json.reply], name);
  }
});

test('what a later version says is skipped, not an error', () => {
  for (const { name, direction, json } of vectors('tolerated')) {
    if (direction === 'server' && json !== undefined) assert.doesNotThrow(() => decodeFrame(JSON.stringify(json)), name);
  }
});

test('every kind of record and content in the vectors has a name by which it is drawn', () => {
  for (const { json } of vectors('events')) {
    if (json.event !== 'record') continue;
    const [kind, body] = choice(json.body.change);
    assert.notEqual(kind, 'unknown');
    if (kind === 'message') assert.notEqual(choice(body.content)[0], 'unknown');
  }
  assert.deepEqual(choice({}), ['unknown', null]);
  assert.deepEqual(choice(undefined), ['unknown', null]);
});

test('rubbish is malformed', () => {
  for (const text of ['', '{', '[]', 'null', '7', '{"id":1}', '{"event":"record"}']) assert.throws(() => decodeFrame(text), MalformedFrame, text);
});

test('the time to come back stands in the reason of a close', () => {
  assert.equal(afterMs('Drain;after_ms=1500'), 1500);
  assert.equal(afterMs('Drain'), null);
  assert.equal(afterMs(''), null);
  assert.equal(afterMs('x;after_ms=-5'), null);
});
