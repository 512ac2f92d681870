// What a group has around its messages: who is let in, who may post, what stands on top, announcement and tabs, a link.

import assert from 'node:assert/strict';
import { composer, makeGroup, openChat, scenario, until, write } from '../stage.mjs';

await scenario('30-groups', async (stage) => {
  const owner = await stage.person('e1001');
  await makeGroup(owner, '采购联络', ['李四']);
  await write(owner, '供应商名单见附件');
  await until('sent', async () => (await owner.locator('.row.unsent').count()) === 0);
  const member = await stage.person('e1002');
  await openChat(member, '采购联络');

  // Joining needs consent; a link leads to a request; the owner sees it and decides.
  await owner.getByRole('button', { name: '聊天信息' }).last().click();
  const side = owner.locator('.side');
  await side.getByLabel('加入群聊').selectOption('approval_required');
  await until('saved', async () => /需要同意/.test(await side.getByLabel('加入群聊').locator('option:checked').innerText()));
  await side.getByRole('button', { name: '分享群链接' }).click();
  const dialog = owner.locator('dialog[open]');
  await until('a link', async () => /#\/join\//.test(await dialog.getByRole('textbox', { name: '群链接' }).inputValue()));
  const link = await dialog.getByRole('textbox', { name: '群链接' }).inputValue();
  await stage.shot(owner, 'link');
  await owner.keyboard.press('Escape');

  const stranger = await stage.person('e1003');
  await stranger.evaluate((hash) => (location.hash = hash), new URL(link).hash);
  await stranger.locator('dialog[open]').getByText('采购联络').waitFor();
  await stranger.getByRole('button', { name: '申请加入' }).click();
  await stranger.getByText('等待群主或管理员同意').waitFor();
  await stage.shot(stranger, 'asked');
  await stranger.keyboard.press('Escape');

  await owner.locator('.chat_bar').getByText('1 人申请入群').waitFor();
  await owner.locator('.chat_bar').getByRole('button', { name: '查看' }).click();
  await side.getByText('王五').waitFor();
  await stage.shot(owner, 'waiting');
  await side.getByRole('button', { name: '同意', exact: true }).click();
  await stranger.locator('.chat_row').filter({ hasText: '采购联络' }).waitFor();
  await until('nobody waits', async () => (await owner.locator('.chat_bar').getByText('申请入群').count()) === 0);

  // On top of the group: a message; the member goes to it by a click, the owner takes it down.
  await owner.locator('.row.message').filter({ hasText: '供应商名单' }).locator('.bubble').click({ button: 'right' });
  await owner.getByRole('menuitem', { name: '置于群顶部' }).click();
  await member.locator('.chat_bar').getByText('供应商名单见附件').waitFor();
  await stage.shot(member, 'top');
  await owner.locator('.chat_bar').getByRole('button', { name: '取消顶部置顶' }).click();
  await until('down', async () => (await member.locator('.chat_bar').count()) === 0);

  // Announcement and a tab.
  await owner.getByRole('button', { name: '聊天信息' }).last().click();
  await side.getByRole('button', { name: '公告与标签页' }).click();
  await side.getByRole('button', { name: '写公告' }).click();
  await side.getByLabel('群公告').fill('周五前交报价单，见 https://example.com/quote');
  await side.getByRole('button', { name: '保存' }).click();
  await side.getByText('周五前交报价单').waitFor();
  await side.getByRole('button', { name: '添加标签页' }).click();
  await side.getByLabel('名称').fill('报价表');
  await side.getByLabel('网址').fill('https://example.com/sheet');
  await side.getByRole('button', { name: '保存' }).click();
  await side.getByRole('link', { name: '报价表' }).waitFor();
  await side.getByRole('button', { name: '置于群顶部' }).click();
  await member.locator('.chat_bar').getByText('周五前交报价单').waitFor();
  await member.locator('.chat_bar .bar_button').click();
  await member.locator('.side').getByRole('link', { name: '报价表' }).waitFor();
  assert.equal(await member.locator('.side').getByRole('link', { name: '报价表' }).getAttribute('href'), 'https://example.com/sheet');
  await stage.shot(member, 'board');
  await member.locator('.side').getByRole('button', { name: '关闭' }).click();

  // Who may post: a list. The member loses the composer at once, and has it again when on the list.
  await owner.getByRole('button', { name: '聊天信息' }).last().click();
  await side.getByLabel('谁可以发言').selectOption('moderator_list');
  await member.getByText('仅允许部分成员发言').waitFor();
  await side.getByRole('button', { name: '可发言的成员' }).click();
  await side.getByRole('textbox').fill('李四');
  await side.getByRole('button', { name: '允许 李四 发言' }).click();
  await until('李四 writes again', async () => composer(member).isVisible());
  await write(member, '收到');
  await owner.locator('.timeline .row.message').filter({ hasText: '收到' }).waitFor();
  await stage.shot(owner, 'moderators');
  // Each bar that comes and goes while the chat is open takes its place and gives it back.
}, { shift: 0.1 });
