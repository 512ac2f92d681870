// A group of the whole organisation: its members are found, not scrolled; what is mounted stays little.

import assert from 'node:assert/strict';
import { openChat, scenario, speak, until } from '../stage.mjs';

await scenario('16-everyone', async (stage) => {
  const owner = await speak(stage.server.url, 'e1001');
  const { departments } = await owner.ask('department', { department_id: '0' });
  const { chat_id, member_count } = await owner.ask('create_group', { client_message_id: 'all', name: '全员群', user_ids: [], department_ids: departments.map((department) => department.department_id) });
  assert.ok(member_count > 60, `${member_count} members`);
  await owner.say(chat_id, '欢迎大家');

  const page = await stage.person('e1001');
  await openChat(page, '全员群');
  await page.getByText(`${member_count} 人`).first().waitFor();
  const frames = [];
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => frames.push(String(payload))));
  await page.getByRole('button', { name: '群成员' }).click();
  const side = page.locator('.side');
  await side.getByText('群主').waitFor();
  await side.getByRole('textbox', { name: '搜索成员' }).fill('于谦');
  await until('found', async () => (await side.locator('.people_row').count()) === 1);
  await stage.shot(page, 'found');
  await side.getByRole('textbox', { name: '搜索成员' }).fill('');
  await until('all again', async () => (await side.locator('.people_row').count()) > 20);
  // Down to the end: nobody twice.
  for (let turn = 0; turn < 10; turn += 1) {
    await side.locator('.side_scroll').evaluate((scroller) => scroller.scrollTo(0, scroller.scrollHeight));
    await page.waitForTimeout(120);
  }
  const names = await side.locator('.people_row .person_place').allInnerTexts();
  assert.equal(names.length, member_count);
  assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 4_000);
  await page.keyboard.press('Escape');

  // Everybody is mentioned with the number of those who will hear it.
  await page.locator('.composer_text').first().fill('@');
  await page.locator('.picker').getByRole('option').filter({ hasText: '所有人' }).waitFor();
  assert.match(await page.locator('.picker').getByRole('option').filter({ hasText: '所有人' }).innerText(), new RegExp(String(member_count)));
  owner.close();
  // A list that is searched anew changes under the field; that is what was asked for.
}, { shift: 0.05 });
