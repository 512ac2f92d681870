// The owner adds a bot to a group and gets its address; what a tool sends there stands in the group; checks hold; a member
// sees the bot but not the address.

import assert from 'node:assert/strict';
import { makeGroup, openChat, scenario, until } from '../stage.mjs';

await scenario('29-custom-bots', async (stage) => {
  const { url } = stage.server;
  const page = await stage.person('e1001');
  await makeGroup(page, '运维群', ['李四']);
  await page.getByRole('button', { name: '聊天信息' }).last().click();
  const side = page.locator('.side');
  await side.getByRole('button', { name: '群机器人' }).click();
  await side.getByText('还没有自定义机器人').waitFor();
  await side.getByRole('button', { name: '添加自定义机器人' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.getByLabel('名称').fill('发布通知');
  await dialog.getByLabel('描述').fill('每次发布时说一声');
  await dialog.getByLabel('关键词').fill('发布，回滚');
  await stage.shot(page, 'form');
  await dialog.getByRole('button', { name: '添加', exact: true }).click();
  await dialog.getByText('发布通知 已添加').waitFor();
  const address = await dialog.getByRole('textbox', { name: 'Webhook 地址' }).inputValue();
  assert.match(address, /^http.*\/open-apis\/bot\/v2\/hook\/[0-9a-f-]{36}$/);
  await stage.shot(page, 'address');
  await dialog.getByRole('button', { name: '复制' }).click();
  await dialog.getByRole('button', { name: '完成' }).click();
  await side.locator('.people_row').filter({ hasText: '发布通知' }).waitFor();

  const send = (body) => fetch(new URL(new URL(address).pathname, url), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then((answer) => answer.json());
  assert.equal((await send({ msg_type: 'text', content: { text: '没有那个词' } })).code, 19024);
  assert.equal((await send({ msg_type: 'text', content: { text: '发布 2.41 完成' } })).StatusCode, 0);
  await send({ msg_type: 'interactive', card: { header: { template: 'green', title: { tag: 'plain_text', content: '发布成功' } }, elements: [{ tag: 'markdown', content: '**order-gateway** 已到 2.41' }] } });
  await page.locator('.row.message').filter({ hasText: '发布 2.41 完成' }).waitFor();
  await page.getByRole('group', { name: '发布成功' }).waitFor();
  await page.locator('.by').filter({ hasText: '发布通知' }).getByText('机器人').first().waitFor();
  await stage.shot(page, 'posted');

  // Changed: another word counts. A new address ends the old one.
  await side.locator('.people_row').filter({ hasText: '发布通知' }).getByRole('button').first().click();
  await dialog.getByLabel('关键词').fill('上线');
  await dialog.getByRole('button', { name: '保存' }).click();
  await until('closed', async () => (await dialog.count()) === 0);
  assert.equal((await send({ msg_type: 'text', content: { text: '发布' } })).code, 19024);
  assert.equal((await send({ msg_type: 'text', content: { text: '上线了' } })).code, 0);
  await side.locator('.people_row').filter({ hasText: '发布通知' }).getByRole('button').first().click();
  await dialog.getByRole('button', { name: '重新生成Webhook 地址' }).click();
  await until('another address', async () => (await dialog.getByRole('textbox', { name: 'Webhook 地址' }).inputValue()) !== address);
  assert.notEqual((await send({ msg_type: 'text', content: { text: '上线' } })).code, 0);
  await page.keyboard.press('Escape');

  // A member sees it, without the address and the ways to change it.
  const member = await stage.person('e1002');
  await openChat(member, '运维群');
  await member.getByRole('button', { name: '聊天信息' }).last().click();
  await member.locator('.side').getByRole('button', { name: '群机器人' }).click();
  await member.locator('.side .people_row').filter({ hasText: '发布通知' }).waitFor();
  assert.equal(await member.locator('.side').getByRole('button', { name: '添加自定义机器人' }).count(), 0);
  assert.equal(await member.locator('.side').getByRole('button', { name: '发布通知 的更多操作' }).count(), 0);

  // Removed: it posts no more, what it said stays.
  await side.getByRole('button', { name: '发布通知 的更多操作' }).click();
  await page.getByRole('menuitem', { name: '移除机器人' }).click();
  await page.getByRole('button', { name: '移除机器人' }).last().click();
  await side.getByText('还没有自定义机器人').waitFor();
  assert.ok((await page.locator('.row.message').filter({ hasText: '上线了' }).count()) > 0);
});
