// Away longer than the server keeps: the list comes anew, and what one was doing stays as it was.

import assert from 'node:assert/strict';
import { composer, openChat, openPerson, scenario, speak, startWire, texts, until, wait, write } from '../stage.mjs';

await scenario('12-gap', async (stage) => {
  const wire = await startWire(stage.server.port);
  const page = await stage.person('e1001', { url: wire.url });
  await openPerson(page, '李四');
  await write(page, '走之前');
  await until('sent', async () => (await page.locator('.row.unsent').count()) === 0);
  const li = await speak(stage.server.url, 'e1002');
  const { chat_id } = (await li.ask('inbox', { chat_ids: [] })).entries[0].chat;
  const { chat_id: group } = await li.ask('create_group', { client_message_id: 'while-away', name: '离开时建的群', user_ids: ['e1001'], department_ids: [] });
  await until('told of the group', async () => (await page.locator('.chat_row').filter({ hasText: '离开时建的群' }).count()) === 1);
  await composer(page).fill('写到一半的话');
  await page.getByRole('button', { name: '聊天信息' }).last().click();
  await page.locator('.side .info').waitFor();

  wire.refuse(true);
  for (let n = 1; n <= 150; n += 1) await li.say(chat_id, `离开时 ${n}`);
  for (let n = 1; n <= 3; n += 1) await li.say(group, `群里 ${n}`);
  await wait(1_000);
  // A session that was away so long that it begins anew.
  wire.refuse(false);
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await until('the list is complete', async () => /离开时 150/.test(await page.locator('.chat_row').filter({ has: page.locator('.chat_name', { hasText: '李四' }) }).innerText()), 40_000);
  await until('the group too', async () => /群里 3/.test(await page.locator('.chat_row').filter({ hasText: '离开时建的群' }).innerText()));
  assert.equal(await composer(page).inputValue(), '写到一半的话');
  assert.equal(await page.locator('.side .info').count(), 1, 'what was open stays open');
  await page.locator('.scroller').focus();
  await page.keyboard.press('End');
  await until('the end of it', async () => (await texts(page)).at(-1) === '离开时 150');
  // Upwards to the message before: none is missing.
  const seen = new Set();
  for (let turn = 0; turn < 80 && !seen.has('走之前'); turn += 1) {
    for (const text of await texts(page)) seen.add(text);
    await page.locator('.scroller').evaluate((scroller) => scroller.scrollBy(0, -scroller.clientHeight * 0.7));
    await page.waitForTimeout(100);
  }
  for (let n = 1; n <= 150; n += 1) assert.ok(seen.has(`离开时 ${n}`), `离开时 ${n} is missing`);
  await openChat(page, '离开时建的群');
  await until('all of the group', async () => (await texts(page)).join() === '群里 1,群里 2,群里 3');
  li.close();
  await wire.close();
}, { cuts: true });
