// What a bot says to one person: a card for their eyes only, gone when it is taken away; bubbles that say the next thing.

import assert from 'node:assert/strict';
import { openChat, scenario, startBot, until } from '../stage.mjs';

await scenario('31-bots-words', async (stage) => {
  const { url } = stage.server;
  const bot = await startBot(url);
  const chat_id = await bot.makeGroup('审批群', ['e1001', 'e1002']);
  const { open_id } = await bot.person('e1001');
  const page = await stage.person('e1001');
  const other = await stage.person('e1002');
  await bot.send(chat_id, 'text', { text: '今天有 3 张单据' });
  for (const one of [page, other]) await openChat(one, '审批群');

  const card = { header: { template: 'orange', title: { tag: 'plain_text', content: '只给你看的单据' } }, elements: [{ tag: 'markdown', content: '金额 **¥3,200**' }] };
  const { message_id } = await bot.call('POST', 'ephemeral/v1/send', { chat_id, open_id, msg_type: 'interactive', card });
  const shown = page.getByRole('group', { name: '只给你看的单据' });
  await shown.waitFor();
  await page.getByText('仅你可见').waitFor();
  await stage.shot(page, 'only-you');
  await bot.send(chat_id, 'text', { text: '后来的消息' });
  await other.locator('.row.message').filter({ hasText: '后来的消息' }).waitFor();
  await page.locator('.row.message').filter({ hasText: '后来的消息' }).waitFor();
  assert.equal(await other.getByRole('group', { name: '只给你看的单据' }).count(), 0, 'nobody else has it');
  const order = await page.locator('.row.message').allInnerTexts();
  assert.ok(order.findIndex((text) => /只给你看/.test(text)) < order.findIndex((text) => /后来的消息/.test(text)), 'it stands where it came');
  await bot.call('POST', 'ephemeral/v1/delete', { message_id });
  await until('gone', async () => (await shown.count()) === 0);

  // Bubbles below the last message of a direct chat: one click says it.
  const told = (await bot.call('POST', 'im/v1/messages?receive_id_type=open_id', { receive_id: open_id, msg_type: 'text', content: JSON.stringify({ text: '需要我做什么？' }) })).message_id;
  await bot.call('POST', `im/v1/messages/${told}/push_follow_up`, { follow_ups: [{ content: '查看待办' }, { content: '请假' }] });
  await page.locator('.chat_row').filter({ hasText: '需要我做什么' }).click();
  await page.getByRole('button', { name: '请假' }).waitFor();
  await stage.shot(page, 'bubbles');
  await page.getByRole('button', { name: '请假' }).click();
  await page.locator('.row.own').filter({ hasText: '请假' }).waitFor();
  await until('the bubbles go', async () => (await page.getByRole('button', { name: '查看待办' }).count()) === 0);
  // A card that is taken away, and bubbles that come, give and take their place.
}, { shift: 0.05 });
