// Whatever the order in which records, answers and pages come: each record once, in order, none missing.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES, SEED, seeded } from './pages.mjs';

const { Store } = await import(join(PAGES, 'store/store.js'));
const { timelineRows } = await import(join(PAGES, 'views/timeline_rows.js'));

const ME = { user_id: 'me', name: 'Me', kind: 'person', departments: [], resigned: false };
const CHAT = 'oc_1';

function entryAt(log, read = 0) {
  const head = log.length;
  return {
    chat: { chat_id: CHAT, kind: 'group', name: 'G', description: '', role: 'member', config: {}, rights: { post: true }, created_at_ms: 1, head_seq: head, head_position: log.at(-1)?.position ?? 0, first_seq: 1, dissolved: false, member_count: 3 },
    active_at_ms: 1, read_seq: read, read_position: read, unread: 0, mentions: [], pinned: false, muted: false, last: log.findLast((record) => record.change.message),
  };
}

/** A chat's log as a server would make it: messages, edits, recalls, reactions. */
function makeLog(random, length) {
  const log = [];
  let position = 0;
  for (let seq = 1; seq <= length; seq += 1) {
    const messages = log.filter((record) => record.change.message);
    const kind = messages.length === 0 || random() < 0.7 ? 'message' : ['edited', 'recalled', 'reacted'][Math.floor(random() * 3)];
    const target = messages[Math.floor(random() * messages.length)];
    const at_ms = seq * 60_000;
    if (kind === 'message') {
      position += 1;
      log.push({ chat_id: CHAT, seq, position, at_ms, by: random() < 0.3 ? 'me' : 'other', change: { message: { message_id: `om_${seq}`, client_message_id: `c_${seq}`, content: { text: { text: `t${seq}` } }, mentions: [], mention_all: false, reactions: [], pinned: false } } });
    } else {
      const body = { message_id: target.change.message.message_id, target_seq: target.seq };
      if (kind === 'edited') Object.assign(body, { content: { text: { text: `e${seq}` } }, mentions: [], mention_all: false });
      if (kind === 'recalled') body.target_position = target.position;
      if (kind === 'reacted') body.emoji = 'OK';
      log.push({ chat_id: CHAT, seq, position, at_ms, by: `u${seq}`, change: { [kind]: body } });
    }
  }
  return log;
}

/** What a history page would hold: messages as they stand at `now`. */
function page(log, from, to, now) {
  const fold = new Store(ME);
  const all = log.slice(0, now);
  fold.replaceEntry(entryAt([]));
  for (const record of all) fold.applyRecord(record, 0);
  const chat = fold.chat(CHAT);
  chat.runs.clear();
  const truth = foldAll(all);
  const records = [];
  for (let seq = from; seq <= to; seq += 1) {
    const record = log[seq - 1];
    if (record.change.message) records.push({ ...record, change: { message: truth.get(seq) } });
  }
  return { from_seq: from, to_seq: to, records, start: from === 1, end: to === log.length, people: [] };
}

function foldAll(log) {
  const messages = new Map();
  for (const record of log) {
    const [kind, body] = Object.entries(record.change)[0];
    if (kind === 'message') messages.set(record.seq, { ...structuredClone(body) });
    const target = messages.get(body.target_seq);
    if (kind === 'edited') Object.assign(target, { content: body.content, edited_at_ms: record.at_ms });
    if (kind === 'recalled') Object.assign(target, { content: { text: { text: '' } }, recalled_by: record.by, reactions: [] });
    if (kind === 'reacted') {
      const found = target.reactions.find((reaction) => reaction.emoji === body.emoji);
      if (!found) target.reactions.push({ emoji: body.emoji, count: 1, mine: false, users: [record.by] });
      else Object.assign(found, { count: found.count + 1, users: [...found.users, record.by].slice(0, 20) });
    }
  }
  return messages;
}

test('random plans: cut, doubled, late and reordered records end in the log of the server', () => {
  const random = seeded(SEED);
  for (let round = 0; round < 60; round += 1) {
    const log = makeLog(random, 80);
    const store = new Store(ME);
    const opened = 20 + Math.floor(random() * 20);
    store.replaceEntry(entryAt(log.slice(0, opened)));
    const chat = store.chat(CHAT);
    chat.loading();
    chat.merge(page(log, Math.max(1, opened - 9), opened, opened));
    const coming = log.slice(opened);
    const shuffled = [];
    for (let at = 0; at < coming.length; at += 1) {
      shuffled.push(coming[at]);
      if (random() < 0.2) shuffled.push(coming[Math.max(0, at - Math.floor(random() * 5))]);
      if (random() < 0.2 && shuffled.length > 1) shuffled.push(shuffled.splice(-2, 1)[0]);
    }
    const dropped = shuffled.filter(() => random() > 0.05);
    for (const record of dropped) store.applyEvent('record', record, 1);
    // What is missing is asked for: everything since the last safe place.
    store.applyMissed({ records: coming, entries: [entryAt(log)], too_long: [], left: [], people: [] }, 2);
    if (opened > 10) {
      chat.loading();
      chat.merge(page(log, 1, opened - 10, log.length));
    }
    const where = `seed ${SEED} round ${round}`;
    assert.deepEqual(chat.runs.list, [[1, log.length]], where);
    assert.equal(store.inbox.peek(CHAT).chat.head_seq, log.length, where);
    assert.equal(store.aside.size, 0, where);
    const truth = foldAll(log);
    assert.deepEqual(chat.seqs(1, log.length), [...truth.keys()], where);
    for (const [seq, message] of truth) {
      const row = chat.peekRow(seq);
      assert.deepEqual([row.content, row.recalled_by, row.reactions], [message.content, message.recalled_by, message.reactions], `${where} seq ${seq}`);
    }
    const keys = timelineRows({ records: chat.seqs(1, log.length).map((seq) => chat.peekRow(seq)), unsent: [], divider_seq: null, start: true, end: true, me_id: 'me' }).map((row) => row.key);
    assert.equal(new Set(keys).size, keys.length, `${where}: no row twice`);
  }
});

test('a page that was on its way while a message changed is asked for again', () => {
  const store = new Store(ME);
  const log = makeLog(seeded(7), 10).filter((record) => record.change.message).map((record, at) => ({ ...record, seq: at + 1, position: at + 1 }));
  store.replaceEntry(entryAt(log));
  const chat = store.chat(CHAT);
  chat.loading();
  store.applyEvent('record', { chat_id: CHAT, seq: log.length + 1, position: log.length, at_ms: 1, by: 'x', change: { edited: { message_id: log[0].change.message.message_id, target_seq: 1, content: { text: { text: 'new' } }, mentions: [], mention_all: false } } }, 1);
  const again = chat.merge({ from_seq: 1, to_seq: log.length, records: log, start: true, end: true, people: [] });
  assert.deepEqual(again, [1]);
});

test('unread grows with what others write, ends with what I write, and never counts a record twice', () => {
  const store = new Store(ME);
  store.replaceEntry(entryAt([]));
  const message = (seq, by) => ({ chat_id: CHAT, seq, position: seq, at_ms: seq, by, change: { message: { message_id: `om_${seq}`, client_message_id: `c_${seq}`, content: { text: { text: 'x' } }, mentions: seq === 3 ? ['me'] : [], mention_all: false, reactions: [], pinned: false } } });
  for (const [seq, by] of [[1, 'a'], [1, 'a'], [2, 'me'], [3, 'a'], [3, 'a']]) store.applyEvent('record', message(seq, by), 1);
  assert.equal(store.inbox.peek(CHAT).unread, 1);
  assert.equal(store.inbox.peek(CHAT).read_seq, 2);
  assert.deepEqual(store.inbox.peek(CHAT).mentions, [3]);
});

test('a quote says that what it quotes was recalled', () => {
  const store = new Store(ME);
  store.replaceEntry(entryAt([]));
  const base = { chat_id: CHAT, at_ms: 1, by: 'a' };
  const body = (id, extra) => ({ message: { message_id: id, client_message_id: id, content: { text: { text: 'x' } }, mentions: [], mention_all: false, reactions: [], pinned: false, ...extra } });
  const chat = store.chat(CHAT);
  store.applyEvent('record', { ...base, seq: 1, position: 1, change: body('om_1') }, 1);
  store.applyEvent('record', { ...base, seq: 2, position: 2, change: body('om_2', { reply_to: { message_id: 'om_1', seq: 1, sender: 'a', preview: 'x', recalled: false } }) }, 1);
  store.applyEvent('record', { ...base, seq: 3, position: 2, change: { recalled: { message_id: 'om_1', target_seq: 1, target_position: 1 } } }, 1);
  assert.equal(chat.peekRow(2).reply_to.recalled, true);
  assert.equal(chat.peekRow(2).reply_to.preview, '');
  assert.equal(chat.peekRow(1).recalled_by, 'a');
});

test('a member who writes has read what stands above', () => {
  const log = makeLog(seeded(SEED), 40);
  const store = new Store(ME);
  store.replaceEntry(entryAt([]));
  store.receipts.complete(CHAT, []);
  for (const record of log) store.applyRecord(record, 0);
  const others = log.findLast((record) => record.change.message && record.by === 'other').seq;
  assert.equal(store.receipts.chat(CHAT).members.get('other'), others);
  assert.equal(store.receipts.readBy(CHAT, others, 'me'), 1, 'the ring of a message above it counts one');
  assert.equal(store.receipts.readBy(CHAT, others + 1, 'me'), 0);
});
