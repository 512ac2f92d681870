// A group's life: made, renamed, joined, left; and who is removed sees nothing new at once.

import assert from 'node:assert/strict';
import { composer, makeGroup, openChat, options, scenario, until, write } from '../stage.mjs';

await scenario('15-group', async (stage) => {
  const a = await stage.person('e1001');
  const b = await stage.person('e1002');
  await makeGroup(a, '平台项目组', ['李四', '王五']);
  await write(a, '欢迎大家');
  await openChat(b, '平台项目组');

  // Renamed: both see it.
  await a.getByRole('button', { name: '聊天信息' }).last().click();
  await a.getByRole('button', { name: '修改群名称' }).click();
  await a.locator('.info_field').fill('平台项目组（二期）');
  await a.locator('.info_field').press('Enter');
  await b.getByRole('heading', { name: '平台项目组（二期）' }).waitFor();
  await b.getByText('张三将群名称改为“平台项目组（二期）”').first().waitFor();
  await stage.shot(a, 'info');

  // The rules are sentences; a member reads them, the owner changes them.
  await b.getByRole('button', { name: '聊天信息' }).last().click();
  assert.equal(await b.locator('.side select').count(), 0, 'a member only reads');
  await a.getByLabel('谁可以发言').selectOption('only_owner');
  await b.getByText('这个群现在仅允许部分成员发言').waitFor();
  await stage.shot(b, 'closed');
  await a.getByLabel('谁可以发言').selectOption('all_members');
  await composer(b).waitFor();

  // Members: added, made manager, removed.
  await a.getByRole('button', { name: '群成员' }).first().click();
  await a.getByRole('button', { name: '添加成员' }).click();
  await a.getByRole('combobox').fill('赵敏');
  await options(a).filter({ hasText: '赵敏' }).first().click();
  await a.getByRole('button', { name: /^添加（1）$/ }).click();
  await a.locator('.side').getByText('赵敏').first().waitFor();
  await until('the count', async () => /4 人/.test(await b.locator('.head_detail').innerText()));
  await stage.shot(a, 'members');
  await a.getByRole('button', { name: '李四 的更多操作' }).click();
  await a.getByRole('menuitem', { name: '设为管理员' }).click();
  await a.locator('.side .role_manager').waitFor();
  await a.getByRole('button', { name: '李四 的更多操作' }).click();
  await a.getByRole('menuitem', { name: '移出群聊' }).click();
  await a.getByRole('button', { name: '移出群聊' }).last().click();
  await b.getByText('你已不在「平台项目组（二期）」中').waitFor();
  assert.equal(await b.getByRole('textbox', { name: /的消息/ }).count(), 0, 'nothing to write into');
  await write(a, '他看不到');
  await b.waitForTimeout(800);
  assert.equal(await b.getByText('他看不到').count(), 0);
  await stage.shot(b, 'removed');

  // Reactions, replies, edits and recalls are the same on both screens.
  const c = await stage.person('e1003');
  await openChat(c, '平台项目组（二期）');
  const last = c.locator('.row.message').last();
  await last.hover();
  await last.locator('.act_bar .glyph').first().click();
  await until('reaction', async () => (await a.locator('.reaction').count()) === 1);
  await last.hover();
  await last.getByRole('button', { name: '回复', exact: true }).click();
  await write(c, '收到，我来跟进');
  await a.locator('.quote').getByText('他看不到').waitFor();
  await c.locator('.composer_text').press('ArrowUp');
  await write(c, '收到，我下午来跟进');
  await until('edited', async () => (await a.getByText('我下午来跟进').count()) > 0 && (await a.locator('.edited').count()) === 1);
  await stage.shot(a, 'replied');
  const mine = a.locator('.row.own').filter({ hasText: '他看不到' });
  await mine.hover();
  await mine.getByRole('button', { name: '更多' }).click();
  await a.getByRole('menuitem', { name: '撤回' }).click();
  await c.getByText('张三撤回了一条消息').first().waitFor();
  await until('the quote says so', async () => /消息已撤回/.test(await c.locator('.quote').first().innerText()));
  await a.getByRole('button', { name: '重新编辑' }).click();
  assert.equal(await composer(a).inputValue(), '他看不到');
  await stage.shot(c, 'recalled');
});
