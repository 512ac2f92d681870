// English at twice the size of text: nothing is cut; the language changes without loading anew; dark without a light flash.

import assert from 'node:assert/strict';
import { openChat, scenario, speak, until, wait } from '../stage.mjs';

await scenario('24-languages', async (stage) => {
  const li = await speak(stage.server.url, 'e1002');
  const { chat_id } = await li.ask('create_group', { client_message_id: 'en', name: '国际业务', user_ids: ['e1001'], department_ids: [] });
  await li.say(chat_id, '请看下面的安排');
  const page = await stage.person('e1001', { locale: 'en-US', width: 1360 });
  await page.getByRole('heading', { name: 'Chats' }).waitFor();
  await openChat(page, '国际业务');
  await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.locator('dialog[open]').waitFor();
  const cut = () => page.evaluate(() => [...document.querySelectorAll('dialog[open] button, dialog[open] .choice_one span, .rail_words, .filter, .composer_closed')].filter((element) => element.offsetParent && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).overflow !== 'visible').map((element) => `${element.className}: ${element.textContent.trim()}`));
  assert.deepEqual(await cut(), [], 'nothing is cut in the settings');
  await stage.shot(page, 'english-settings');

  // The language changes in place: a draft and the open chat stay.
  await page.keyboard.press('Escape');
  await page.locator('.composer_text').fill('half a sentence');
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByText('中文', { exact: true }).click();
  await page.getByRole('heading', { name: '设置' }).waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('.composer_text').inputValue(), 'half a sentence');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await until('the list too', async () => (await page.getByRole('heading', { name: '聊天' }).count()) === 1);

  // Dark by choice: the first painted frame has the dark canvas.
  await page.getByRole('button', { name: '设置' }).click();
  await page.getByText('深色', { exact: true }).click();
  await page.keyboard.press('Escape');
  await page.addInitScript(() => {
    globalThis.__first = null;
    new PerformanceObserver(() => (globalThis.__first ??= getComputedStyle(document.body).backgroundColor)).observe({ type: 'paint', buffered: true });
  });
  await page.reload();
  await until('painted', () => page.evaluate(() => globalThis.__first));
  assert.equal(await page.evaluate(() => globalThis.__first), 'rgb(22, 24, 29)');
  await wait(300);
  await stage.shot(page, 'dark-by-choice');
  li.close();
});
