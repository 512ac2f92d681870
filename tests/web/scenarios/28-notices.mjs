// Notices come when nobody looks, from one tab, after the person agreed; the tab says how much is unread; sound is off.

import assert from 'node:assert/strict';
import { openChat, scenario, signIn, speak, until, wait } from '../stage.mjs';

await scenario('28-notices', async (stage) => {
  const { url } = stage.server;
  const li = await speak(url, 'e1002');
  const { chat_id } = await li.ask('create_group', { client_message_id: 'n', name: '值班群', user_ids: ['e1001'], department_ids: [] });
  const context = await stage.browser.newContext({ viewport: { width: 1200, height: 800 }, locale: 'zh-CN' });
  // The browser's notices, as far as a page sees them.
  await context.addInitScript(() => {
    globalThis.__notices = [];
    globalThis.__sounds = 0;
    globalThis.Notification = class {
      static permission = localStorage.getItem('test.permission') ?? 'default';
      static async requestPermission() {
        localStorage.setItem('test.permission', 'granted');
        return (this.permission = 'granted');
      }
      constructor(title, options) {
        Object.assign(this, { title, ...options });
        globalThis.__notices.push(this);
      }
      close() {
        this.closed = true;
        this.onclose?.();
      }
    };
    globalThis.AudioContext = class {
      constructor() {
        globalThis.__sounds += 1;
        throw new Error('no sound here');
      }
    };
    globalThis.__focus = true;
    document.hasFocus = () => globalThis.__focus;
  });
  const page = await stage.open({ context });
  await signIn(page, 'e1001');
  await page.waitForFunction(() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('notice.js')));
  await wait(500);
  const focus = (one, on) => one.evaluate((value) => {
    globalThis.__focus = value;
    dispatchEvent(new Event(value ? 'focus' : 'blur'));
  }, on);
  const notices = (one) => one.evaluate(() => globalThis.__notices.map(({ title, body, tag, closed }) => ({ title, body, tag, closed: Boolean(closed) })));

  // Looked at: nothing is said, nothing is asked.
  await li.say(chat_id, '在吗');
  await until('counted', async () => /^\(1\) /.test(await page.title()));
  assert.equal(await page.getByText('让浏览器通知你').count(), 0);

  // Not looked at: asked once, by a bar, and only a click opens the browser's question.
  await focus(page, false);
  await li.say(chat_id, '有告警');
  await page.getByText('让浏览器通知你').waitFor();
  assert.deepEqual(await notices(page), []);
  assert.equal(await page.locator('link[rel="icon"]').getAttribute('href').then((href) => href.split('/').pop()), 'icon_unread.svg');
  await stage.shot(page, 'asked');
  await page.getByRole('button', { name: '打开通知' }).click();
  await focus(page, false);
  await li.say(chat_id, '数据库连接数过高');
  await until('one notice', async () => (await notices(page)).length === 1);
  assert.deepEqual((await notices(page))[0], { title: '值班群', body: '李四：数据库连接数过高', tag: chat_id, closed: false });

  // Two tabs, one notice.
  const second = await stage.open({ context });
  await second.getByRole('heading', { name: '聊天' }).waitFor();
  await second.waitForFunction(() => performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('notice.js')));
  await wait(500);
  for (const one of [page, second]) await focus(one, false);
  await wait(300);
  await li.say(chat_id, '已恢复');
  await until('told', async () => (await notices(page)).length + (await notices(second)).length === 2);
  await wait(500);
  assert.equal((await notices(page)).length + (await notices(second)).length, 2, 'one message, one notice');

  // Read anywhere: the notice goes. Muted: none comes.
  await second.close();
  const phone = await speak(url, 'e1001');
  await phone.ask('receipt', { chat_id, read_seq: (await phone.ask('inbox', { chat_ids: [chat_id] })).entries[0].chat.head_seq });
  await until('gone', async () => (await notices(page)).every((notice) => notice.closed));
  await until('no number any more', async () => !/^\(/.test(await page.title()));
  await phone.ask('my_chat', { chat_id, muted: true });
  await wait(300);
  const before = (await notices(page)).length;
  await li.say(chat_id, '免打扰时');
  await wait(800);
  assert.equal((await notices(page)).length, before);
  assert.equal(await page.evaluate(() => globalThis.__sounds), 0, 'no sound unless it was chosen');

  // The settings say how it stands.
  await focus(page, true);
  await page.getByRole('button', { name: '设置' }).click();
  await page.getByText('桌面通知').waitFor();
  await page.getByText('提示音').waitFor();
  await stage.shot(page, 'settings');
  await page.keyboard.press('Escape');
  await openChat(page, '值班群');
  phone.close();
  li.close();
});
