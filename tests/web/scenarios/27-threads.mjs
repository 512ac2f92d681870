// Threads: opened from a message, read and answered in the side column, seen in the chat and on a phone, unread until looked at.

import assert from 'node:assert/strict';
import { composer, makeGroup, openChat, scenario, speak, until, wait, write } from '../stage.mjs';

await scenario('27-threads', async (stage) => {
  const zhang = await stage.person('e1001');
  await makeGroup(zhang, '版本讨论', ['李四', '王五']);
  await write(zhang, '周五能发版吗？');
  await zhang.locator('.row.message.own:not(.unsent)').waitFor();
  const li = await stage.person('e1002');
  await openChat(li, '版本讨论');

  // Answered in a thread, by the key of the row.
  const asked = li.locator('.row.message').filter({ hasText: '周五能发版吗' });
  await asked.focus();
  await li.keyboard.press('t');
  const column = li.locator('.side');
  await column.getByRole('heading', { name: '话题' }).waitFor();
  const answer = column.getByRole('textbox', { name: '给 话题 的消息' });
  await answer.waitFor();
  await until('the caret in the thread', () => answer.evaluate((element) => element === document.activeElement));
  await answer.fill('还有两个缺陷没关');
  await answer.press('Enter');
  await column.locator('.row.message:not(.unsent)').filter({ hasText: '还有两个缺陷没关' }).waitFor();
  await answer.fill('明天中午再看');
  await answer.press('Enter');
  await column.getByText('2 条回复').waitFor();
  assert.equal(await column.locator('.quote').count(), 0, 'what is answered stands above');
  await stage.shot(li, 'column');

  // In the chat: the way into it with its count, a mark until it was looked at, a line for each reply.
  const way = zhang.getByRole('button', { name: /2 条回复/ });
  await way.waitFor();
  await zhang.locator('.thread_unread').waitFor();
  assert.equal(await zhang.locator('.reply_row').count(), 2);
  await stage.shot(zhang, 'chat');
  await way.click();
  const own = zhang.locator('.side');
  await own.locator('.row.message').filter({ hasText: '明天中午再看' }).waitFor();
  await until('no mark any more', async () => (await zhang.locator('.thread_unread').count()) === 0);

  // A reply that comes while it is open, a reaction, an edit, a recall: all in place.
  await answer.fill('缺陷都关了');
  await answer.press('Enter');
  const last = own.locator('.row.message').filter({ hasText: '缺陷都关了' });
  await last.waitFor();
  await last.hover();
  await last.getByRole('button', { name: '回应 👍' }).click();
  await column.locator('.reaction').waitFor();
  await answer.press('ArrowUp');
  await answer.fill('缺陷今早都关了');
  await answer.press('Enter');
  await own.getByText('缺陷今早都关了').waitFor();
  await until('three replies', async () => (await zhang.getByRole('button', { name: /3 条回复/ }).count()) === 1);
  await stage.shot(zhang, 'reacted');
  // The composer of the chat is another one.
  await composer(zhang).first().fill('大家辛苦');
  await composer(zhang).first().press('Enter');
  await zhang.locator('.timeline .row.message').filter({ hasText: '大家辛苦' }).waitFor();
  assert.equal(await own.locator('.row.message').filter({ hasText: '大家辛苦' }).count(), 0);

  // On a phone it is a page, and the way back leads to the chat.
  const phone = await stage.person('e1003', { width: 360, height: 740, touch: true });
  await phone.locator('.chat_row').filter({ hasText: '版本讨论' }).tap();
  await phone.locator('.thread_line').tap();
  await phone.locator('.side .row.message').filter({ hasText: '缺陷今早都关了' }).waitFor();
  const box = await phone.locator('.side').boundingBox();
  assert.deepEqual([box.x, box.width], [0, 360]);
  await phone.locator('.side .composer_text').fill('我来发版');
  await phone.locator('.side .send_button').tap();
  await own.getByText('我来发版').waitFor();
  await wait(300);
  const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 360, `${wide} px wide`);
  await stage.shot(phone, 'phone');
  await phone.locator('.side').getByRole('button', { name: '关闭' }).tap();
  await phone.locator('.chat_head').waitFor();

  // Many replies: in pages, oldest first.
  const wang = await speak(stage.server.url, 'e1003');
  const { entries } = await wang.ask('inbox', { limit: 10, chat_ids: [] });
  const { chat_id } = entries.find((entry) => entry.chat.name === '版本讨论').chat;
  const { records } = await wang.ask('history', { chat_id, limit: 50 });
  const root = records.find((record) => record.change.message?.content.text?.text === '周五能发版吗？').change.message.message_id;
  for (let at = 1; at <= 60; at += 1) await wang.say(chat_id, `补充 ${at}`, { reply_to: root, in_thread: true });
  await zhang.reload();
  await zhang.locator('.thread_line').first().waitFor().catch(() => {});
  await zhang.keyboard.press('Escape');
  await zhang.evaluate(() => document.querySelector('.scroller').scrollTo(0, 0));
  await zhang.locator('.thread_line').first().click();
  await zhang.locator('.side .row.message').filter({ hasText: '周五能发版吗' }).waitFor();
  await zhang.locator('.side').getByRole('button', { name: '加载更多回复' }).click();
  await zhang.locator('.side .row.message').filter({ hasText: '补充 60' }).waitFor();
  wang.close();
});
