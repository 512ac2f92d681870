// A browser without SharedWorker: each tab has a connection of its own, and everything else holds.

import assert from 'node:assert/strict';
import { composer, openChat, openPerson, scenario, signIn, startWire, texts, until, write } from '../stage.mjs';

await scenario('11-no-shared-worker', async (stage) => {
  const wire = await startWire(stage.server.port);
  const context = await stage.browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'zh-CN' });
  await context.addInitScript(() => delete globalThis.SharedWorker);
  const a = await stage.open({ url: wire.url, context });
  await signIn(a, 'e1001');
  assert.equal(await a.evaluate(() => typeof SharedWorker), 'undefined');
  const b = await stage.person('e1002');
  await openPerson(a, '李四');
  await write(a, '没有共享线程');
  await until('B has it', async () => (await b.locator('.chat_row').filter({ hasText: '张三' }).count()) === 1);
  await openChat(b, '张三');
  await until('B sees it once', async () => (await texts(b)).join() === '没有共享线程');
  await until('A sees that it was read', async () => (await a.locator('.receipt.read').count()) === 1);
  await composer(b).pressSequentially('在');
  await a.getByText('正在输入').waitFor();
  await composer(b).press('Enter');

  // Cut while sending: nothing lost, nothing twice, in order.
  for (let n = 1; n <= 20; n += 1) {
    await write(a, `断 ${n}`);
    if (n % 4 === 0) wire.cut();
  }
  await until('everything was sent', async () => (await a.locator('.row.unsent').count()) === 0, 60_000);
  await until('B has all in order', async () => (await texts(b)).filter((text) => text.startsWith('断 ')).join() === Array.from({ length: 20 }, (_, at) => `断 ${at + 1}`).join(), 30_000);

  // A second tab is a session of its own, and both hear everything.
  const second = await stage.open({ url: `${wire.url}/#/`, context });
  await openChat(second, '李四');
  await write(b, '两个标签页都到');
  for (const page of [a, second]) await until('in each tab', async () => (await texts(page)).at(-1) === '两个标签页都到');
  await wire.close();
}, { cuts: true });
