// The network goes without a word, as when a computer sleeps: seen again, the page is complete within seconds.

import assert from 'node:assert/strict';
import { openChat, openPerson, scenario, speak, startWire, texts, until, wait, write } from '../stage.mjs';

await scenario('13-wake', async (stage) => {
  const wire = await startWire(stage.server.port);
  const a = await stage.person('e1001', { url: wire.url });
  await openPerson(a, '李四');
  await write(a, '睡前');
  const b = await speak(stage.server.url, 'e1002');
  const { entries } = await until('B has it', async () => {
    const page = await b.ask('inbox', { chat_ids: [] });
    return page.entries.length ? page : null;
  });
  const { chat_id } = entries[0].chat;
  await openChat(a, '李四');
  await until('sent', async () => (await texts(a)).join() === '睡前');

  // Half open: neither end is told.
  wire.halfOpen();
  for (let n = 1; n <= 5; n += 1) await b.say(chat_id, `梦里 ${n}`);
  await wait(1_500);
  assert.deepEqual(await texts(a), ['睡前']);
  await a.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  const before = Date.now();
  await until('complete', async () => (await texts(a)).length === 6, 30_000);
  console.log(`   complete ${Date.now() - before} ms after waking`);
  assert.deepEqual(await texts(a), ['睡前', ...Array.from({ length: 5 }, (_, at) => `梦里 ${at + 1}`)]);
  await write(a, '醒了');
  await until('the way back works', async () => (await a.locator('.row.unsent').count()) === 0, 20_000);
  b.close();
  await wire.close();
}, { cuts: true });
