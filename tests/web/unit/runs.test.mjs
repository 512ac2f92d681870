// What is loaded is known without holes, whatever order pages come in.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES, SEED, seeded } from './pages.mjs';

const { Runs } = await import(join(PAGES, 'store/runs.js'));

test('neighbours and overlaps grow together, others stay apart', () => {
  const runs = new Runs();
  runs.add(10, 20);
  runs.add(21, 25);
  runs.add(40, 50);
  assert.deepEqual(runs.list, [[10, 25], [40, 50]]);
  runs.add(24, 41);
  assert.deepEqual(runs.list, [[10, 50]]);
  runs.add(5, 4);
  assert.deepEqual(runs.list, [[10, 50]]);
});

test('random additions and removals equal a plain set of numbers', () => {
  const random = seeded(SEED);
  for (let round = 0; round < 200; round += 1) {
    const runs = new Runs();
    const plain = new Set();
    for (let step = 0; step < 40; step += 1) {
      const from = 1 + Math.floor(random() * 120);
      const to = from + Math.floor(random() * 20) - 1;
      const take = random() < 0.3;
      if (take) runs.remove(from, to);
      else runs.add(from, to);
      for (let seq = from; seq <= to; seq += 1) take ? plain.delete(seq) : plain.add(seq);
      assert.equal(runs.size(), plain.size, `seed ${SEED} round ${round} step ${step}`);
      for (let at = 1; at < runs.list.length; at += 1) assert.ok(runs.list[at][0] > runs.list[at - 1][1] + 1, `seed ${SEED}: sorted and apart`);
      for (let seq = 1; seq <= 141; seq += 1) assert.equal(runs.has(seq), plain.has(seq), `seed ${SEED} round ${round} step ${step} seq ${seq}`);
    }
  }
});
