// Urgents: what I am to confirm stays true through reminders, other devices, cuts and late answers; what was put aside comes back.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES, SEED, seeded } from './pages.mjs';

const { OPEN_URGENTS, URGENTS_REMEMBERED } = await import(join(PAGES, 'limits.js'));
const { Urgents, totalOf } = await import(join(PAGES, 'store/urgents.js'));
const { addChinese } = await import(join(PAGES, 'words/words.js'));
addChinese((await import(join(PAGES, 'words/zh_urgent.js'))).default);
const { reportTable } = await import(join(PAGES, 'views/urgent_csv.js'));

const HOUR = 3_600_000;

function urgent(urgent_id, more = {}) {
  return { urgent_id, message: { chat_id: `oc_${urgent_id}`, seq: 1, change: {} }, raised_by: { user_id: 'u' }, raised_at_ms: 1, deadline_at_ms: 720 * HOUR, reminder: 0, standing: 'pending', about: [], about_count: 0, people: [], ...more };
}

const ids = (rows) => rows.map((one) => one.urgent_id).join();
const open = (store) => ids(store.open.peek());
const waiting = (store) => ids(store.waiting.peek());
const page = (urgents, more = {}) => ({ urgents, open_count: urgents.length, ...more });

test('the one that ends first is on top, the older one before the newer', () => {
  const store = new Urgents();
  store.apply(urgent('a', { raised_at_ms: 3 }));
  store.apply(urgent('b', { raised_at_ms: 2 }));
  store.apply(urgent('c', { raised_at_ms: 9, deadline_at_ms: HOUR }));
  assert.equal(open(store), 'c,b,a');
  assert.ok(store.chats.peek().has('oc_b'));
});

test('what was put aside comes back with the next reminder, and not with the same one told again', () => {
  const store = new Urgents();
  store.apply(urgent('a'));
  store.apply(urgent('b', { raised_at_ms: 2 }));
  assert.deepEqual(store.putAside(), [['a', 0], ['b', 0]]);
  assert.equal(waiting(store), '');
  assert.equal(open(store), 'a,b');
  store.apply(urgent('a'));
  assert.equal(waiting(store), '', 'after a cut it is told once more');
  store.apply(urgent('a', { reminder: 1 }));
  assert.equal(waiting(store), 'a');
  store.apply(urgent('a'));
  assert.equal(store.open.peek()[0].reminder, 1, 'an older one that was on its way changes nothing');
  store.look();
  assert.equal(waiting(store), 'a,b');
  store.putAside();
  store.look('b');
  assert.equal(waiting(store), 'b');
});

test('put aside in another window: only what is open, and only this reminder', () => {
  const store = new Urgents();
  store.apply(urgent('a', { reminder: 2 }));
  store.asideElsewhere([['a', 1], ['gone', 5]]);
  assert.equal(waiting(store), 'a');
  store.asideElsewhere([['a', 2]]);
  assert.equal(waiting(store), '');
  assert.equal(store.aside.peek().size, 1);
});

test('over is over: on every device, and for what was still on its way', () => {
  const store = new Urgents();
  store.apply(urgent('a'));
  store.apply(urgent('b', { raised_at_ms: 2 }));
  store.end('a');
  assert.equal(open(store), 'b');
  const doubts = store.doubts.peek();
  store.apply(urgent('a', { reminder: 1 }));
  assert.equal(open(store), 'b');
  assert.equal(store.doubts.peek(), doubts + 1, 'the server is asked whether it is open after all');
  store.apply(urgent('b', { over: 'cancelled' }));
  store.apply(urgent('c', { standing: 'confirmed' }));
  assert.equal(open(store), '');
  store.apply(urgent('d', { standing: 'confirmed', about_count: 2, about: [{}, {}] }));
  assert.equal(open(store), 'd', 'as a manager I see it though I have confirmed my own');
});

test('after a cut: what the list does not hold is over, what came since is not', () => {
  const store = new Urgents();
  for (const id of ['a', 'b', 'c']) store.apply(urgent(id));
  store.putAside();
  const turn = store.asks();
  store.apply(urgent('new', { raised_at_ms: 5 }));
  store.end('c');
  store.listed(turn, page([urgent('a'), urgent('c'), urgent('d', { raised_at_ms: 4 })]));
  assert.equal(open(store), 'a,d,new', 'b is over; c ended while the answer was on its way');
  assert.equal(waiting(store), 'd,new');
  assert.equal(store.more.peek(), 0);
  // It is open after all: the list, asked for later, says so.
  store.listed(store.asks(), page([urgent('a'), urgent('b', { reminder: 1 }), urgent('d'), urgent('new')]));
  assert.equal(open(store), 'a,b,d,new');
});

test('more than are kept: a number stands for them, none that waits is dropped, and they come up later', () => {
  const store = new Urgents();
  for (let at = 0; at < OPEN_URGENTS; at += 1) store.apply(urgent(`a${String(at).padStart(2, '0')}`, { raised_at_ms: at }));
  store.putAside();
  store.apply(urgent('z', { raised_at_ms: 999 }));
  assert.equal(store.open.peek().length, OPEN_URGENTS);
  assert.equal(store.more.peek(), 1);
  assert.equal(waiting(store), 'z');
  const doubts = store.doubts.peek();
  store.end('a00');
  assert.equal(store.doubts.peek(), doubts + 1);
  // The list has another page: what was raised later than its last one is no less open.
  const first = store.open.peek().slice(0, 10);
  store.listed(store.asks(), page(first, { next: 'p', open_count: 60 }));
  assert.equal(store.open.peek().length, OPEN_URGENTS - 1);
  assert.equal(store.more.peek(), 60 - (OPEN_URGENTS - 1));
});

test('random plans: events late and doubled, cuts and lists end in what the server holds', () => {
  const random = seeded(SEED);
  for (let round = 0; round < 200; round += 1) {
    const store = new Urgents();
    const server = new Map();
    const wire = [];
    let number = 0;
    for (let step = 0; step < 60; step += 1) {
      const dice = random();
      const known = [...server.keys()];
      const one = known[Math.floor(random() * known.length)];
      if (dice < 0.3) {
        number += 1;
        server.set(`u${number}`, urgent(`u${number}`, { raised_at_ms: number }));
        wire.push({ event: server.get(`u${number}`) });
      } else if (dice < 0.5 && one) {
        server.set(one, { ...server.get(one), reminder: server.get(one).reminder + 1 });
        wire.push({ event: server.get(one) });
      } else if (dice < 0.7 && one) {
        server.delete(one);
        wire.push({ over: one });
      } else if (dice < 0.8) store.putAside();
      // One connection keeps the order; a reminder may overtake the end of the same urgent.
      while (wire.length && random() < 0.6) {
        const { event, over } = wire.shift();
        if (over) store.end(over);
        else if (random() < 0.9) store.apply(event);
        if (event && random() < 0.1) store.apply(event);
      }
      if (random() < 0.1) {
        // A cut: what was on its way is lost, everything open is told again, the list is asked for.
        wire.length = 0;
        const turn = store.asks();
        for (const told of server.values()) store.apply(told);
        store.listed(turn, page([...server.values()]));
      }
    }
    store.listed(store.asks(), page([...server.values()]));
    assert.deepEqual(store.open.peek().map((one) => [one.urgent_id, one.reminder]), [...server.values()].map((one) => [one.urgent_id, one.reminder]), `seed ${SEED} round ${round}`);
    assert.ok(store.aside.peek().size <= server.size, 'nothing is remembered of what is over');
  }
});

test('who is asked, and leads others who are: it calls once more, and stays to be confirmed', () => {
  const store = new Urgents();
  store.apply(urgent('a'));
  store.putAside();
  store.apply(urgent('a', { about: [{}], about_count: 1 }));
  assert.equal(waiting(store), 'a');
  assert.equal(store.open.peek()[0].for_me, true);
  store.apply(urgent('b', { about: [{}], about_count: 1, raised_at_ms: 2 }));
  assert.equal(store.open.peek()[1].for_me, false);
});

test('what has ended is remembered within a bound', () => {
  const store = new Urgents();
  for (let at = 0; at < URGENTS_REMEMBERED + 50; at += 1) store.end(`u${at}`);
  assert.equal(store.ended.size, URGENTS_REMEMBERED);
  for (let at = 0; at < URGENTS_REMEMBERED + 50; at += 1) store.countsOf(`u${at}`);
  assert.equal(store.counts.size, URGENTS_REMEMBERED);
});

test('numbers of mine: the last ones count, the same ones are no news', () => {
  const store = new Urgents();
  assert.equal(store.countsOf('a'), null);
  const counts = { urgent_id: 'a', pending: 1, delivered: 2, shown: 3, confirmed: 4, failed: 5 };
  store.applyCounts(counts);
  assert.equal(store.countsOf('a'), counts);
  store.applyCounts({ ...counts });
  assert.equal(store.countsOf('a'), counts);
  store.applyCounts({ ...counts, over: 'cancelled' });
  assert.equal(store.countsOf('a').over, 'cancelled');
  assert.equal(totalOf(counts), 15);
});

test('the table for spreadsheets quotes what has to be, and runs no formula', () => {
  const at = (minute) => new Date(2026, 2, 1, 8, minute, 5).getTime();
  const table = reportTable([
    { person: { name: '=HYPERLINK("x")', user_id: 'e1', departments: ['总部', '华东, 上海'] }, standing: 'confirmed', delivered_at_ms: at(9), shown_at_ms: at(10), confirmed_at_ms: at(11) },
    { person: { name: '张三', user_id: 'e2', departments: [] }, standing: 'failed', why: '第一行\n第二行' },
    { person: { name: '李四', user_id: 'e3', departments: [] }, standing: 'shown', why: 'sms: no mobile number is known', failed_way: 'sms', reason: 'no_number' },
    { person: { name: '王五', user_id: 'e4', departments: [] }, standing: 'failed', why: 'left the chat or the organisation', reason: 'left' },
  ]);
  assert.equal(table, '\ufeff姓名,工号,部门,状态,送达时间,弹出时间,确认时间,说明\r\n"\'=HYPERLINK(""x"")",e1,"总部 / 华东, 上海",已确认,2026-03-01 08:09:05,2026-03-01 08:10:05,2026-03-01 08:11:05,\r\n张三,e2,,已结束,,,,"第一行\n第二行"\r\n李四,e3,,已弹出,,,,短信：没有手机号\r\n王五,e4,,已结束,,,,已离开聊天或组织\r\n');
});

test('why somebody is left out stands in the language of the page; what it has no words for, in those of the server', async () => {
  const { failedWords, leftOutWords } = await import(join(PAGES, 'views/urgent_reasons.js'));
  assert.equal(leftOutWords({ why: 'not a member of the chat', reason: 'not_a_member' }), '不是聊天成员');
  assert.equal(leftOutWords({ why: 'for a later reason', reason: 'later' }), 'for a later reason');
  assert.equal(leftOutWords({ why: 'of an older server' }), 'of an older server');
  assert.equal(failedWords({ why: 'push: the provider answered 404', failed_way: 'push', reason: 'refused' }), '推送：服务商拒绝，push: the provider answered 404');
  assert.equal(failedWords({ why: 'of an older server' }), 'of an older server');
});
