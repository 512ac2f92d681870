// By keys alone: find somebody, write, answer, react, open a thread, make a group, confirm an urgent, sign out another device.

import assert from 'node:assert/strict';
import { composer, options, scenario, speak, until } from '../stage.mjs';

await scenario('21-keyboard', async (stage) => {
  const other_device = await speak(stage.server.url, 'e1001');
  const page = await stage.person('e1001');
  const focused = () => page.evaluate(() => (document.activeElement === document.body ? 'body' : `${document.activeElement.tagName}.${document.activeElement.className}`));
  const held = async (what) => assert.notEqual(await focused(), 'body', `the focus is lost: ${what}`);

  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await page.keyboard.type('王五');
  await options(page).filter({ hasText: '王五' }).first().waitFor();
  await page.keyboard.press('Enter');
  await composer(page).waitFor();
  await until('the caret in the composer', async () => /composer_text/.test(await focused()));
  for (const text of ['一', '二', '三', '四']) {
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }
  await until('sent', async () => (await page.locator('.row.unsent').count()) === 0);

  // The third message: by the regions, then by rows.
  const regionOf = () => page.evaluate(() => document.activeElement.closest('.scroller') !== null);
  for (let turn = 0; turn < 6 && !(await regionOf()); turn += 1) await page.keyboard.press('Control+F6');
  assert.ok(await regionOf(), 'the messages are a region');
  for (let turn = 0; turn < 2; turn += 1) await page.keyboard.press('ArrowUp');
  assert.match(await page.evaluate(() => document.activeElement.innerText), /三/);
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(ring, 'none', 'the focus is seen');
  await page.keyboard.press('r');
  await until('the caret in the composer', async () => /composer_text/.test(await focused()));
  await page.keyboard.type('回复三');
  await page.keyboard.press('Enter');
  await page.locator('.row .quote').filter({ hasText: '三' }).waitFor();

  // A reaction, with the keyboard's plus.
  for (let turn = 0; turn < 6 && !(await regionOf()); turn += 1) await page.keyboard.press('Control+F6');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('+');
  await page.locator('.menu .glyph').first().waitFor();
  await held('in the picker of reactions');
  await page.keyboard.press('Enter');
  await page.locator('.reaction').waitFor();
  await held('after the reaction');

  // A group.
  await page.keyboard.press('Alt+n');
  await page.getByLabel(/^群名称/).fill('键盘建的群');
  await page.getByRole('button', { name: '创建群组' }).last().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: '请先选择' }).waitFor();
  await page.getByRole('combobox').focus();
  await page.keyboard.type('李四');
  await options(page).filter({ hasText: '李四' }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: '创建群组' }).last().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '键盘建的群' }).waitFor();
  await until('the caret in the new chat', async () => /composer_text/.test(await focused()));

  // An urgent: confirmed by its button, which the person goes to; then one is where one was.
  const wang = await speak(stage.server.url, 'e1003');
  const { chat_id } = await wang.ask('open_direct', { user_id: 'e1001' });
  const { message_id } = await wang.say(chat_id, '请马上回电');
  await page.keyboard.type('半句');
  await wang.ask('raise_urgent', { message_id, client_message_id: 'keys', audience: { everyone: {} }, ladder: [] });
  const urgent = page.getByRole('alertdialog');
  await urgent.getByText('请马上回电').waitFor();
  await held('before the urgent');
  await until('armed', async () => (await urgent.locator('.urgent_button').getAttribute('aria-disabled')) === 'false');
  for (let turn = 0; turn < 6 && !/urgent_button/.test(await focused()); turn += 1) await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'the focus is seen');
  await page.keyboard.press('Enter');
  await urgent.waitFor({ state: 'hidden' });
  await until('the caret again', async () => /composer_text/.test(await focused()));
  assert.equal(await composer(page).inputValue(), '半句');
  await page.keyboard.press('Alt+u');
  await page.getByRole('heading', { name: '我的加急' }).waitFor();
  await held('in my urgents');
  wang.close();

  // Another device is signed out.
  await page.getByRole('button', { name: '设置' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
  await page.getByRole('button', { name: '登录的设备' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.device').first().waitFor();
  await page.getByRole('button', { name: '退出登录' }).first().focus();
  await page.keyboard.press('Enter');
  await until('signed out', async () => (await page.locator('.device').count()) <= 1);
  await page.keyboard.press('Escape');
  await until('closed', async () => (await page.locator('dialog[open]').count()) === 0);
  await held('after the layers');
  await stage.shot(page, 'done');
  other_device.close();
});
