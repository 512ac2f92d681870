// Unsent messages: in order, once, with the same id, whatever happens on the way.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES, SEED, seeded } from './pages.mjs';

const { Outbox } = await import(join(PAGES, 'protocol/outbox.js'));
const item = (id, chat_id = 'c', at_ms = 0) => ({ client_message_id: id, chat_id, at_ms, body: { client_message_id: id } });

test('a few at once, in the order of Enter', () => {
  const outbox = new Outbox();
  for (let n = 0; n < 8; n += 1) outbox.add(item(`m${n}`));
  assert.deepEqual(outbox.due(0).map((one) => one.client_message_id), ['m0', 'm1', 'm2', 'm3', 'm4']);
  assert.deepEqual(outbox.due(0), []);
  outbox.settled('m0');
  assert.deepEqual(outbox.due(0).map((one) => one.client_message_id), ['m5']);
});

test('after a failure that may pass, the later ones of the chat wait, those of others do not', () => {
  const outbox = new Outbox();
  for (const [id, chat] of [['a', 'c'], ['b', 'c'], ['x', 'd']]) outbox.add(item(id, chat));
  outbox.due(0);
  outbox.refused('a', { retry_after_ms: 1000 }, 0);
  outbox.lost('b');
  outbox.lost('x');
  assert.deepEqual(outbox.due(10).map((one) => one.client_message_id), ['x']);
  assert.equal(outbox.nextDue(), 1000);
  assert.deepEqual(outbox.due(1000).map((one) => one.client_message_id), ['a', 'b']);
});

test('an upload holds back what was written after it', () => {
  const outbox = new Outbox();
  outbox.add({ ...item('file'), state: 'uploading' });
  outbox.add(item('words'));
  assert.deepEqual(outbox.due(0), []);
  outbox.get('file').state = 'waiting';
  assert.equal(outbox.due(0).length, 2);
});

test('a retry keeps the id for six days, later it takes a new one', () => {
  const outbox = new Outbox();
  outbox.add(item('old'));
  outbox.due(0);
  outbox.refused('old', { code: 2002 }, 0);
  assert.equal(outbox.retry('old', 1000, 'new').client_message_id, 'old');
  outbox.due(1000);
  outbox.refused('old', { code: 2002 }, 1000);
  const later = outbox.retry('old', 6.5 * 86_400_000, 'new');
  assert.equal(later.client_message_id, 'new');
  assert.equal(later.body.client_message_id, 'new');
});

test('random cuts: the server gets each message, in order for each chat, once by id', () => {
  const random = seeded(SEED);
  for (let round = 0; round < 100; round += 1) {
    const outbox = new Outbox();
    const server = new Map();
    const order = [];
    let now = 0;
    for (let n = 0; n < 30; n += 1) outbox.add(item(`m${n}`, n % 3 ? 'c' : 'd', n));
    for (let step = 0; step < 2000 && outbox.items.size; step += 1) {
      now += 100;
      const going = outbox.due(now);
      const cut = random() < 0.3 ? Math.floor(random() * (going.length + 1)) : going.length;
      going.forEach((one, index) => {
        const id = one.client_message_id;
        if (index < cut) {
          if (!server.has(id)) {
            server.set(id, order.length);
            order.push(one);
          }
          // The answer may be lost with the connection.
          if (random() < 0.8) outbox.settled(id);
          else outbox.lost(id);
        } else outbox.lost(id);
      });
    }
    assert.equal(outbox.items.size, 0, `seed ${SEED} round ${round}`);
    for (const chat of ['c', 'd']) {
      const ids = order.filter((one) => one.chat_id === chat).map((one) => one.at_ms);
      assert.deepEqual(ids, [...ids].sort((a, b) => a - b), `seed ${SEED} round ${round}`);
    }
    assert.equal(order.length, 30);
  }
});

test('an earlier visit is taken up; what is older than a week is not', () => {
  const outbox = new Outbox();
  const dropped = outbox.restore([{ ...item('new', 'c', 8 * 86_400_000), state: 'in_flight' }, { ...item('old', 'c', 0), state: 'waiting' }, item('fresh', 'c', 8 * 86_400_000)], 8 * 86_400_000);
  assert.equal(dropped, 1);
  assert.deepEqual(outbox.due(8 * 86_400_000).map((one) => one.client_message_id), ['new', 'fresh']);
});
