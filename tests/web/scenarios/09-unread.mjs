// Unread honesty: counts are the server's, reading is seeing, and where a chat opens is said beforehand.

import assert from 'node:assert/strict';
import { openChat, scenario, speak, until } from '../stage.mjs';

await scenario('09-unread', async (stage) => {
  const { url } = stage.server;
  const sender = await speak(url, 'e1001');
  const asker = await speak(url, 'e1002');
  const chat = await sender.ask('create_group', { client_message_id: 'group-9', name: '已读测试', user_ids: ['e1002'], department_ids: [] });
  const { chat_id } = chat;
  const entry = async () => (await asker.ask('inbox', { chat_ids: [chat_id] })).entries[0];
  for (let n = 1; n <= 60; n += 1) await sender.say(chat_id, `开头 ${n}`);
  await asker.ask('receipt', { chat_id, read_seq: (await entry()).chat.head_seq });
  for (let n = 1; n <= 40; n += 1) await sender.say(chat_id, `未读消息 ${n}，内容稍微长一点，好占一行的位置`);

  const b = await stage.person('e1002');
  const second = await stage.person('e1002', { width: 1000 });
  const badge = async (page) => Number((await page.locator('.chat_row').filter({ hasText: '已读测试' }).locator('.badge > [aria-hidden]').allInnerTexts())[0] ?? 0);
  await until('40 on both', async () => (await badge(b)) === 40 && (await badge(second)) === 40);

  // Opens at the divider, a quarter down.
  await b.bringToFront();
  await openChat(b, '已读测试');
  const divider = b.locator('.divider');
  await divider.waitFor();
  const place = await b.evaluate(() => {
    const scroller = document.querySelector('.scroller').getBoundingClientRect();
    return (document.querySelector('.divider').getBoundingClientRect().top - scroller.top) / scroller.height;
  });
  assert.ok(place > 0.1 && place < 0.45, `the divider stands at ${place.toFixed(2)} of the height`);
  await stage.shot(b, 'divider');

  // What was seen for half a second is read, no more.
  const seen = () => b.evaluate(() => {
    const scroller = document.querySelector('.scroller').getBoundingClientRect();
    return Math.max(0, ...[...document.querySelectorAll('.row[data-seq]')].filter((row) => row.getBoundingClientRect().bottom <= scroller.bottom + 1).map((row) => Number(row.dataset.seq)));
  });
  await b.waitForTimeout(1_800);
  const visible = await seen();
  await until('the server says what was seen', async () => (await entry()).read_seq === visible);
  await until('all badges say the same', async () => {
    const { unread } = await entry();
    return unread > 0 && (await badge(b)) === unread && (await badge(second)) === unread;
  });
  const left = (await entry()).unread;
  assert.ok(left < 40 && left > 5, `unread: ${left}`);

  // Nobody looks at the tab: nothing is read, though everything is visible.
  const cdp = await b.context().newCDPSession(b);
  await cdp.send('Emulation.setFocusEmulationEnabled', { enabled: false });
  await b.evaluate(() => {
    Object.defineProperty(document, 'hasFocus', { configurable: true, value: () => false });
  });
  await b.locator('.scroller').evaluate((scroller) => scroller.scrollBy(0, 400));
  await b.waitForTimeout(1_500);
  assert.equal((await entry()).read_seq, visible, 'an unfocused tab reads nothing');
  await b.evaluate(() => {
    delete document.hasFocus;
    dispatchEvent(new Event('focus'));
  });
  await cdp.send('Emulation.setFocusEmulationEnabled', { enabled: true });
  await until('focused again, it reads on', async () => (await entry()).read_seq > visible);

  // To the end: all read, everywhere.
  await b.locator('.scroller').focus();
  await b.keyboard.press('End');
  await until('0 everywhere', async () => (await entry()).unread === 0 && (await badge(b)) === 0 && (await badge(second)) === 0);

  // Mark unread from a message: it survives new messages until the chat is left.
  const marked = b.locator('.row.message').last();
  await marked.hover();
  await marked.getByRole('button', { name: '更多' }).click();
  await b.getByRole('menuitem', { name: '从这里标为未读' }).click();
  await sender.say(chat_id, '标为未读之后的消息');
  await b.getByText('标为未读之后的消息').first().waitFor();
  await b.waitForTimeout(1_500);
  assert.equal((await entry()).unread, 1, 'reading stops until the chat is left');

  // Five thousand unread: opens at the end, with a chip.
  // Ten people write, because one may not write that fast.
  const writers = ['e1003', 'e1004', 'e1005', 'e1006', 'e1007', 'e1008', 'e1009', 'e1010', 'e1011', 'e1012'];
  const many = await sender.ask('create_group', { client_message_id: 'group-9b', name: '五千未读', user_ids: ['e1002', ...writers], department_ids: [] });
  await Promise.all(writers.map(async (login) => {
    const writer = await speak(url, login);
    for (let n = 0; n < 500; n += 25) await Promise.all(Array.from({ length: 25 }, (_, at) => patient(() => writer.say(many.chat_id, `${login} 的第 ${n + at + 1} 条`, { client_message_id: `many-${n + at}` }))));
    writer.close();
  }));
  await until('5000', async () => (await b.locator('.chat_row').filter({ hasText: '五千未读' }).locator('.badge > [aria-hidden]').innerText()) === '999+', 60_000);
  await openChat(b, '五千未读');
  await b.locator('.chip').filter({ hasText: '条未读' }).waitFor();
  await until('at the end', () => b.locator('.scroller').evaluate((scroller) => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60));
  await stage.shot(b, 'five-thousand');
  await b.getByRole('button', { name: '全部已读' }).click();
  await until('all read', async () => (await asker.ask('inbox', { chat_ids: [many.chat_id] })).entries[0].unread === 0);
  sender.close();
  asker.close();
});

/** Asks again where the server says when. */
async function patient(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error.error?.retry_after_ms === undefined) throw error;
      await new Promise((done) => setTimeout(done, error.error.retry_after_ms + 20));
    }
  }
}
