// The session: greets, answers, catches up, comes back as the close code says.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES, SEED, seeded } from './pages.mjs';

const { newSession, nextTick, step, statusOf } = await import(join(PAGES, 'protocol/session.js'));

const WELCOME = { me: {}, session_id: 's', server_time_ms: 0, heartbeat_ms: 10_000, cursor: 'k1', resumable: false, limits: {}, server: 'x' };
const writes = (out) => out.filter((one) => one.type === 'write').map((one) => JSON.parse(one.text));
const has = (out, type) => out.some((one) => one.type === type);

function ready(welcome = WELCOME, random = () => 0.5) {
  const state = newSession({ device_id: 'd'.repeat(16) }, random);
  step(state, { type: 'start' }, 0);
  const [hello] = writes(step(state, { type: 'opened' }, 0));
  assert.equal(hello.command, 'hello');
  const out = step(state, { type: 'text', text: JSON.stringify({ id: hello.id, reply: welcome }) }, 0);
  return { state, out };
}

test('the first frame is hello without a token, and what was asked before waits for the welcome', () => {
  const state = newSession({ device_id: 'd'.repeat(16) });
  step(state, { type: 'start' }, 0);
  step(state, { type: 'command', ticket: 1, name: 'inbox', body: {} }, 0);
  const first = writes(step(state, { type: 'opened' }, 0));
  assert.deepEqual(first.map((frame) => frame.command), ['hello']);
  assert.equal(first[0].body.token, undefined);
  const out = step(state, { type: 'text', text: JSON.stringify({ id: first[0].id, reply: WELCOME }) }, 0);
  assert.deepEqual(writes(out).map((frame) => frame.command), ['inbox']);
  assert.ok(has(out, 'reset'));
});

test('a heartbeat is answered at once, and its place is kept for the next hello', () => {
  const { state } = ready();
  const out = step(state, { type: 'text', text: '{"event":"heartbeat","body":{"server_time_ms":1,"cursor":"k2"}}' }, 5);
  assert.deepEqual(writes(out), [{ id: 0, command: 'alive', body: {} }]);
  step(state, { type: 'closed', code: 1006, reason: '' }, 10);
  step(state, { type: 'tick' }, 10_000_000);
  assert.equal(writes(step(state, { type: 'opened' }, 10_000_000))[0].body.cursor, 'k2');
});

test('after coming back everything missed is asked for, page by page, before a heartbeat moves the place', () => {
  const { state } = ready();
  step(state, { type: 'closed', code: 4000, reason: 'Drain;after_ms=700' }, 100);
  assert.equal(statusOf(state).retry_at_ms, 800);
  assert.equal(nextTick(state), 800);
  step(state, { type: 'tick' }, 800);
  const hello = writes(step(state, { type: 'opened' }, 800))[0];
  let out = step(state, { type: 'text', text: JSON.stringify({ id: hello.id, reply: { ...WELCOME, resumable: true, cursor: 'k9' } }) }, 800);
  let [sync] = writes(out);
  assert.deepEqual([sync.command, sync.body.cursor], ['sync', 'k1']);
  assert.ok(!has(out, 'reset'));
  step(state, { type: 'text', text: '{"event":"heartbeat","body":{"server_time_ms":1,"cursor":"k8"}}' }, 801);
  out = step(state, { type: 'text', text: JSON.stringify({ id: sync.id, reply: { records: [], next: 'p2', too_long: [], entries: [], left: [], people: [] } }) }, 802);
  assert.ok(has(out, 'missed'));
  [sync] = writes(out);
  assert.deepEqual([sync.body.cursor, sync.body.page], ['k1', 'p2']);
  out = step(state, { type: 'text', text: JSON.stringify({ id: sync.id, reply: { records: [], cursor: 'k10', too_long: [], entries: [], left: [], people: [] } }) }, 803);
  assert.ok(has(out, 'caught_up'));
  assert.equal(state.cursor, 'k10');
});

test('a gap asks for what is missing, once at a time', () => {
  const { state } = ready();
  const gap = { type: 'text', text: '{"event":"gap","body":{"dropped":5}}' };
  const [sync] = writes(step(state, gap, 1));
  assert.equal(sync.command, 'sync');
  assert.deepEqual(writes(step(state, gap, 2)), []);
  const out = step(state, { type: 'text', text: JSON.stringify({ id: sync.id, reply: { records: [], cursor: 'k3', too_long: [], entries: [], left: [], people: [] } }) }, 3);
  assert.deepEqual(writes(out).map((frame) => [frame.command, frame.body.cursor]), [['sync', 'k3']]);
});

test('a cut gives sends back and repeats the rest', () => {
  const { state } = ready();
  step(state, { type: 'command', ticket: 7, name: 'send', body: {} }, 0);
  step(state, { type: 'command', ticket: 8, name: 'history', body: { chat_id: 'c' } }, 0);
  const out = step(state, { type: 'closed', code: 1006, reason: '' }, 1);
  assert.deepEqual(out.filter((one) => one.type === 'lost').map((one) => one.ticket), [7]);
  step(state, { type: 'tick' }, 10_000_000);
  const hello = writes(step(state, { type: 'opened' }, 10_000_000))[0];
  const frames = writes(step(state, { type: 'text', text: JSON.stringify({ id: hello.id, reply: WELCOME }) }, 10_000_000));
  const history = frames.find((frame) => frame.command === 'history');
  const answered = step(state, { type: 'text', text: JSON.stringify({ id: history.id, reply: { ok: 1 } }) }, 10_000_001);
  assert.deepEqual(answered, [{ type: 'reply', ticket: 8, reply: { ok: 1 } }]);
});

test('close codes decide: come back, sign in, or stay away', () => {
  for (const [code, phase] of [[4000, 'waiting'], [4003, 'waiting'], [1006, 'waiting'], [4100, 'sign_in'], [4101, 'sign_in'], [4102, 'sign_in'], [4200, 'stopped'], [4201, 'stopped'], [4203, 'stopped']]) {
    const { state } = ready();
    const out = step(state, { type: 'closed', code, reason: '' }, 1);
    assert.equal(state.phase, phase, String(code));
    assert.equal(has(out, 'refresh'), phase === 'sign_in');
  }
});

test('back-off doubles with jitter up to half a minute, and starts anew after a welcome', () => {
  const state = newSession({ device_id: 'd'.repeat(16) }, () => 1);
  step(state, { type: 'start' }, 0);
  const delays = [];
  let now = 0;
  for (let n = 0; n < 9; n += 1) {
    step(state, { type: 'closed', code: 1006, reason: '' }, now);
    delays.push(state.retry_at_ms - now);
    now = state.retry_at_ms;
    step(state, { type: 'tick' }, now);
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('two heartbeats of silence, an unanswered probe and a late hello are losses', () => {
  const silent = ready().state;
  assert.equal(nextTick(silent), 20_000);
  assert.ok(has(step(silent, { type: 'tick' }, 20_000), 'close'));
  assert.equal(silent.phase, 'waiting');
  const probed = ready().state;
  step(probed, { type: 'probe' }, 100);
  assert.ok(has(step(probed, { type: 'tick' }, 3_100), 'close'));
  const alive = ready().state;
  const [probe] = writes(step(alive, { type: 'probe' }, 100));
  step(alive, { type: 'text', text: JSON.stringify({ id: probe.id, reply: { people: [] } }) }, 200);
  assert.deepEqual(step(alive, { type: 'tick' }, 3_100), []);
});

test('malformed frames end the connection, unknown events do not', () => {
  const { state } = ready();
  assert.deepEqual(step(state, { type: 'text', text: '{"event":"of_the_future","body":{}}' }, 1), []);
  assert.ok(has(step(state, { type: 'text', text: '{"what"' }, 2), 'close'));
});

test('random plans: no ticket is forgotten, none answered twice', () => {
  const random = seeded(SEED);
  for (let round = 0; round < 200; round += 1) {
    const state = newSession({ device_id: 'd'.repeat(16) }, random);
    const open = new Set();
    const settled = new Map();
    const wire = [];
    let now = 0;
    let ticket = 0;
    const run = (input) => {
      for (const out of step(state, input, now)) {
        if (out.type === 'write') wire.push(JSON.parse(out.text));
        if (out.type === 'open') wire.length = 0;
        if (['reply', 'refusal', 'lost'].includes(out.type) && out.ticket !== undefined) {
          settled.set(out.ticket, (settled.get(out.ticket) ?? 0) + 1);
          open.delete(out.ticket);
        }
      }
    };
    run({ type: 'start' });
    for (let n = 0; n < 120; n += 1) {
      now += Math.floor(random() * 3_000);
      const dice = random();
      if (dice < 0.3) {
        ticket += 1;
        open.add(ticket);
        run({ type: 'command', ticket, name: random() < 0.5 ? 'send' : 'history', body: {} });
      } else if (dice < 0.45 && state.phase === 'connecting') run({ type: 'opened' });
      else if (dice < 0.8 && wire.length) {
        const frame = wire.splice(Math.floor(random() * wire.length), 1)[0];
        if (frame.id === 0) continue;
        const reply = frame.command === 'hello' ? { ...WELCOME, resumable: random() < 0.5 } : frame.command === 'sync' ? { records: [], too_long: [], entries: [], left: [], people: [], cursor: 'k' } : {};
        run({ type: 'text', text: JSON.stringify(random() < 0.9 || frame.command === 'hello' ? { id: frame.id, reply } : { id: frame.id, error: { code: 1, what: '' } }) });
      } else if (dice < 0.88) run({ type: 'closed', code: [1006, 4000, 4002][Math.floor(random() * 3)], reason: '' });
      else if (dice < 0.94) run({ type: 'text', text: '{"event":"gap","body":{"dropped":1}}' });
      else run({ type: 'tick' });
    }
    run({ type: 'end' });
    assert.equal(open.size, 0, `seed ${SEED} round ${round}`);
    for (const [, times] of settled) assert.equal(times, 1, `seed ${SEED} round ${round}`);
    assert.equal(settled.size, ticket, `seed ${SEED} round ${round}`);
  }
});
