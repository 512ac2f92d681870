// Two tabs of one browser: one session on the server, the same in both, each with its own draft; signing out ends both.

import assert from 'node:assert/strict';
import { composer, openChat, openPerson, scenario, speak, texts, until, write } from '../stage.mjs';

await scenario('10-two-tabs', async (stage) => {
  const one = await stage.person('e1001');
  await openPerson(one, '李四');
  await write(one, '第一条');
  const two = await stage.open({ context: one.context() });
  await two.getByRole('heading', { name: '聊天' }).waitFor();
  await openChat(two, '李四');
  await until('loaded', async () => (await texts(two)).join() === '第一条');

  // One session: a tool of the same person sees one browser online.
  const tool = await speak(stage.server.url, 'e1001');
  const { devices } = await tool.ask('devices');
  assert.equal(devices.filter((device) => device.online && !device.current).length, 1);

  await write(one, '从第一个窗口');
  await until('in the second', async () => (await texts(two)).at(-1) === '从第一个窗口');
  await write(two, '从第二个窗口');
  await until('in the first', async () => (await texts(one)).at(-1) === '从第二个窗口');
  assert.equal(new Set(await texts(one)).size, 3, 'nothing twice');
  assert.equal(new Set(await texts(two)).size, 3);

  // Reading in one is reading in both.
  const other = await speak(stage.server.url, 'e1002');
  const { entries } = await other.ask('inbox', { chat_ids: [] });
  const { chat_id } = entries[0].chat;
  await one.keyboard.press('Control+k');
  await one.keyboard.press('Escape');
  await one.goto(`${stage.server.url}/#/`);
  await two.evaluate(() => (location.hash = '#/'));
  await other.say(chat_id, '有人吗');
  const badge = (page) => page.locator('.chat_row').filter({ hasText: '李四' }).locator('.badge');
  await until('badges', async () => (await badge(one).count()) === 1 && (await badge(two).count()) === 1);
  await openChat(two, '李四');
  await two.bringToFront();
  await until('read in both', async () => (await badge(one).count()) === 0 && (await badge(two).count()) === 0);

  // Mute in one is muted in the other.
  await two.getByRole('button', { name: '聊天信息' }).last().click();
  await two.getByText('消息免打扰').click();
  await until('muted in both', async () => (await one.locator('.muted_mark').count()) === 1 && (await two.locator('.muted_mark').count()) === 1);

  // Drafts are kept by chat, each tab its own words.
  await openChat(one, '李四');
  await composer(one).fill('草稿一');
  await composer(two).fill('草稿二');
  assert.equal(await composer(one).inputValue(), '草稿一');

  // Closing one keeps the other.
  await one.close();
  await write(two, '还在');
  await until('sent', async () => (await two.locator('.row.unsent').count()) === 0 && (await texts(two)).at(-1) === '还在');
  await stage.shot(two, 'the-other-stays');

  // Signing a device out elsewhere ends it here, with the reason; signing in again goes on where one was.
  const mine = (await tool.ask('devices')).devices.find((device) => device.online && !device.current);
  await tool.ask('sign_out', { device_id: mine.device_id });
  await two.getByText('这台设备已在别处被退出登录').waitFor();
  await stage.shot(two, 'signed-out-elsewhere');
  await two.getByLabel('密码').fill('demo');
  await two.getByRole('button', { name: '登录' }).click();
  await until('back', async () => (await two.locator('dialog.over').count()) === 0);
  await write(two, '回来了');
  await until('sent again', async () => (await two.locator('.row.unsent').count()) === 0 && (await texts(two)).at(-1) === '回来了', 20_000);

  // Signing out in one signs out both.
  const three = await stage.open({ context: two.context() });
  await three.getByRole('heading', { name: '聊天' }).waitFor();
  await three.getByRole('button', { name: '设置' }).click();
  await three.getByRole('button', { name: '退出登录' }).click();
  await three.getByRole('button', { name: '退出登录' }).last().click();
  for (const page of [two, three]) await page.getByRole('button', { name: '登录' }).waitFor();
  tool.close();
  other.close();
}, { ignore: /status of 401/ });
