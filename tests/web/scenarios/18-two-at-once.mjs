// Two people change the same messages at the same time: both screens end as the server has it.

import assert from 'node:assert/strict';
import { composer, makeGroup, openChat, options, scenario, speak, texts, until, write } from '../stage.mjs';

await scenario('18-two-at-once', async (stage) => {
  const a = await stage.person('e1001');
  await makeGroup(a, '一起改', ['李四', '王五']);
  for (const text of ['第一版', '第二版', '第三版']) await write(a, text);
  await until('sent', async () => (await a.locator('.row.unsent').count()) === 0);
  const b = await stage.person('e1002');
  await openChat(b, '一起改');
  const row = (page, text) => page.locator('.row.message').filter({ hasText: text });
  const menuOf = async (page, text) => {
    await row(page, text).locator('.bubble').click({ button: 'right' });
    await page.getByRole('menu').waitFor();
  };

  // Both react with the same, at once: two, mine pressed in each.
  await Promise.all([a, b].map(async (page) => {
    await row(page, '第一版').hover();
    await row(page, '第一版').getByRole('button', { name: '回应 👍' }).click();
  }));
  for (const page of [a, b]) await until('two', async () => (await row(page, '第一版').locator('.reaction[aria-pressed="true"] .count').allInnerTexts()).join() === '2');

  // B replies to what A edits at that moment.
  await menuOf(b, '第二版');
  await b.getByRole('menuitem', { name: /^回复 / }).click();
  await composer(a).focus();
  await menuOf(a, '第二版');
  await a.getByRole('menuitem', { name: /^编辑/ }).click();
  await composer(a).fill('第二版，改过');
  await composer(b).fill('同意第二版');
  await Promise.all([composer(a).press('Enter'), composer(b).press('Enter')]);
  for (const page of [a, b]) await until('edited and answered', async () => (await texts(page)).includes('第二版，改过') && (await texts(page)).includes('同意第二版'));

  // Recalled: gone in both, in the quote too, and it can be written again by its author only.
  await menuOf(a, '第二版，改过');
  await a.getByRole('menuitem', { name: /^撤回/ }).click();
  for (const page of [a, b]) await until('the quote says so', async () => /已撤回/.test(await page.locator('.quote').innerText().catch(() => '')));
  await a.getByRole('button', { name: '重新编辑' }).click();
  assert.equal(await composer(a).inputValue(), '第二版，改过');
  await composer(a).fill('');
  assert.equal(await b.getByRole('button', { name: '重新编辑' }).count(), 0);

  // Pinned by one, seen in the column of the other.
  await menuOf(b, '第三版');
  await b.getByRole('menuitem', { name: /^置顶消息/ }).click();
  await a.getByRole('button', { name: '置顶消息' }).click();
  await a.locator('.side .pin').filter({ hasText: '第三版' }).waitFor();
  await stage.shot(a, 'pinned');
  await a.locator('.side').getByRole('button', { name: '关闭' }).click();

  // Forwarded to somebody.
  await menuOf(a, '第三版');
  await a.getByRole('menuitem', { name: /^转发/ }).click();
  await a.getByRole('combobox').fill('王五');
  await options(a).filter({ hasText: '王五' }).first().click();
  await a.getByRole('button', { name: '转发', exact: true }).last().click();
  const wang = await speak(stage.server.url, 'e1003');
  await until('王五 has it', async () => (await wang.ask('inbox', { chat_ids: [] })).entries.some((entry) => entry.chat.kind === 'direct' && entry.last?.change.message?.content.text?.text === '第三版'));

  // What both show is what the server has.
  const { entries } = await wang.ask('inbox', { limit: 20, chat_ids: [] });
  const { chat_id } = entries.find((entry) => entry.chat.name === '一起改').chat;
  const { records } = await wang.ask('history', { chat_id, limit: 50 });
  const wanted = records.filter((record) => record.change.message && !record.change.message.recalled_by).map((record) => record.change.message.content.text.text);
  for (const page of [a, b]) assert.deepEqual(await texts(page), wanted);
  wang.close();
});
