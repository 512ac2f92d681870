// Mentions move with the text, and dissolve when one writes into them.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES, SEED, seeded } from './pages.mjs';

const { endingAt, mentioned, moved, sought } = await import(join(PAGES, 'views/mention_ranges.js'));
const range = (start, name, user_id = name) => ({ start, end: start + name.length + 1, user_id, name });

test('text before a mention moves it, text after leaves it', () => {
  assert.deepEqual(moved([range(0, '张三')], '@张三 好', '请@张三 好'), [range(1, '张三')]);
  assert.deepEqual(moved([range(0, '张三')], '@张三 好', '@张三 好的'), [range(0, '张三')]);
});

test('writing inside, or deleting a letter of it, dissolves it', () => {
  assert.deepEqual(moved([range(0, '张三')], '@张三 好', '@张x三 好'), []);
  assert.deepEqual(moved([range(0, '张三')], '@张三 好', '@张 好'), []);
});

test('of two mentions one may go', () => {
  assert.deepEqual(moved([range(0, '张三'), range(4, '李四')], '@张三 @李四 好', '@李四 好'), [range(0, '李四')]);
});

test('after any edits each range still says whom it means', () => {
  const random = seeded(SEED);
  const letters = ['张', '三', '@', ' ', 'a', '好'];
  for (let round = 0; round < 500; round += 1) {
    let text = '@张三 和@李四 ';
    let ranges = [range(0, '张三'), range(5, '李四')];
    for (let step = 0; step < 20; step += 1) {
      const from = Math.floor(random() * (text.length + 1));
      const to = Math.min(text.length, from + Math.floor(random() * 3));
      const put = random() < 0.6 ? letters[Math.floor(random() * letters.length)] : '';
      const next = text.slice(0, from) + put + text.slice(to);
      ranges = moved(ranges, text, next);
      text = next;
      for (const { start, end, name } of ranges) assert.equal(text.slice(start, end), `@${name}`, `seed ${SEED} round ${round} step ${step}`);
    }
  }
});

test('the picker opens after the start, white space and Han, and not within an address', () => {
  assert.deepEqual(sought('@', 1), { start: 0, query: '' });
  assert.deepEqual(sought('好@张', 3), { start: 1, query: '张' });
  assert.deepEqual(sought('hi @an', 6), { start: 3, query: 'an' });
  assert.equal(sought('a@b.cn', 6), null);
  assert.equal(sought('@张三 ', 4), null);
});

test('Backspace at its end takes a mention whole', () => {
  assert.deepEqual(endingAt([range(0, '张三')], 3), range(0, '张三'));
  assert.equal(endingAt([range(0, '张三')], 2), null);
});

test('what is sent names each person once, and everybody apart', () => {
  assert.deepEqual(mentioned([range(0, '张三', 'u1'), range(4, '张三', 'u1'), range(8, '所有人', 'all')]), { mentions: ['u1'], mention_all: true });
});
