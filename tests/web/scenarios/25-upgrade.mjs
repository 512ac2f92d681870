// The server is upgraded under an open tab: it goes on, what is loaded later still opens, draft and unsent messages stay.

import assert from 'node:assert/strict';
import { composer, openPerson, scenario, startWire, until, wait, write } from '../stage.mjs';

await scenario('25-upgrade', async (stage) => {
  const wire = await startWire(stage.server.port);
  const page = await stage.person('e1001', { url: wire.url });
  await openPerson(page, '李四');
  await write(page, '升级之前');
  await until('sent', async () => (await page.locator('.row.unsent').count()) === 0);
  // What comes later has come.
  await page.waitForFunction(() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('settings.js')), null, { timeout: 20_000 });
  await wait(1_000);

  // From now on the server has other files: those of this page are gone.
  await page.route(/\/web\/[0-9a-f]+\//, (route) => route.fulfill({ status: 404, headers: { 'cache-control': 'no-store' }, body: 'gone' }));
  await composer(page).fill('写到一半');
  await stage.server.kill();
  await stage.server.start();
  await until('connected again', async () => (await page.locator('.connection_bar, .connection_line').count()) === 0, 30_000);
  for (const open of ['设置', '同事', '建群']) {
    await page.getByRole('navigation', { name: '主导航' }).getByRole('button', { name: open }).click();
    await page.locator('dialog[open]').waitFor();
    await page.keyboard.press('Escape');
    await until('closed', async () => (await page.locator('dialog[open]').count()) === 0);
  }
  await page.getByRole('button', { name: '聊天信息' }).last().click();
  await page.locator('.side .info').waitFor();
  assert.equal(await composer(page).inputValue(), '写到一半');
  await composer(page).press('Enter');
  await until('sent after the upgrade', async () => (await page.locator('.row.unsent').count()) === 0 && (await page.locator('.row.own').filter({ hasText: '写到一半' }).count()) === 1, 20_000);
  await stage.shot(page, 'goes-on');

  // Unsent and drafted, then loaded anew: both are there.
  wire.refuse(true);
  await write(page, '还没发出');
  await composer(page).fill('草稿还在');
  await wait(700);
  await page.unroute(/\/web\/[0-9a-f]+\//);
  wire.refuse(false);
  await page.reload();
  await until('sent once', async () => (await page.locator('.row.own').filter({ hasText: '还没发出' }).count()) === 1 && (await page.locator('.row.unsent').count()) === 0, 30_000);
  assert.equal(await composer(page).inputValue(), '草稿还在');
  await wire.close();
}, { cuts: true, ignore: /status of (404|502|503)/ });
