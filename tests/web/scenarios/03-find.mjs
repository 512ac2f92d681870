// A colleague is found by name, letters or number, told apart from others of the name, and written to at once: one chat a pair.

import assert from 'node:assert/strict';
import { composer, options, scenario, speak, until, write } from '../stage.mjs';

await scenario('03-find', async (stage) => {
  const page = await stage.person('e1001');
  const field = () => page.getByRole('combobox');
  const find = async (query) => {
    await page.keyboard.press('Control+k');
    await field().fill(query);
    await options(page).first().waitFor();
  };

  // By a prefix, by Latin letters, by staff number.
  await find('单雪');
  await options(page).filter({ hasText: '单雪梅' }).first().waitFor();
  await page.keyboard.press('Escape');
  await find('shan xue');
  await options(page).filter({ hasText: '单雪梅' }).first().waitFor();
  await page.keyboard.press('Escape');
  await find('e1005');
  assert.match(await options(page).first().innerText(), /单雪梅/);
  await page.keyboard.press('Escape');

  // Three of one name: the department tells them apart.
  await find('张伟');
  await until('all three', async () => (await options(page).filter({ hasText: '张伟' }).count()) === 3);
  const places = await options(page).filter({ hasText: '张伟' }).allInnerTexts();
  assert.equal(new Set(places).size, 3, places.join('\n'));
  for (const place of places) assert.match(place, /部/);
  await stage.shot(page, 'three-of-one-name');
  await options(page).filter({ hasText: '销售部' }).first().click();

  // The composer takes keys at once, before the server has said anything about the chat.
  await composer(page).waitFor();
  await write(page, '你好，看下合同');
  await until('sent', async () => (await page.locator('.row.unsent').count()) === 0 && (await page.locator('.row.own').count()) === 1);

  // The second search finds the same chat; the server has one.
  await page.goto(`${stage.server.url}/#/`);
  await find('张伟');
  await options(page).filter({ hasText: '销售部' }).first().click();
  await page.locator('.row.own').filter({ hasText: '看下合同' }).waitFor();
  const me = await speak(stage.server.url, 'e1001');
  const { entries } = await me.ask('inbox', { limit: 50, chat_ids: [] });
  assert.equal(entries.filter((entry) => entry.chat.kind === 'direct').length, 1);
  me.close();
});
