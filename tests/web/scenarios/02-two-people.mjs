// Two people chat: at once on the sender's screen, once on the other's; reading, typing and presence are seen.

import assert from 'node:assert/strict';
import { composer, openChat, openPerson, options, scenario, texts, until, write } from '../stage.mjs';

await scenario('02-two-people', async (stage) => {
  const a = await stage.person('e1001');
  const b = await stage.person('e1002', { locale: 'en-US', dark: true });

  await openPerson(a, '李四');
  await a.evaluate(() => {
    globalThis.__states = [];
    new MutationObserver(() => {
      const row = [...document.querySelectorAll('.row.own')].at(-1);
      if (row) globalThis.__states.push(row.classList.contains('unsent') ? 'waiting' : 'sent');
    }).observe(document.querySelector('.timeline'), { subtree: true, childList: true, attributes: true });
  });
  await composer(a).fill('你好，李四！');
  const took = await a.evaluate(async () => {
    const start = performance.now();
    const field = document.querySelector('.composer_text');
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', keyCode: 13, bubbles: true, cancelable: true }));
    for (let frame = 0; frame < 60; frame += 1) {
      if (document.querySelector('.row.own')) return { frames: frame, ms: performance.now() - start };
      await new Promise((done) => requestAnimationFrame(done));
    }
    return null;
  });
  assert.ok(took && took.frames <= 3, `own message on the screen in the next frame: ${JSON.stringify(took)}`);
  await until('sent', () => a.evaluate(() => document.querySelectorAll('.row.own:not(.unsent)').length === 1));
  const states = await a.evaluate(() => globalThis.__states);
  assert.equal(states.indexOf('waiting') <= states.indexOf('sent'), true, states.join());

  // B's list shows it, with its count, before the chat is opened.
  const row = b.locator('.chat_row').filter({ hasText: '张三' });
  await row.locator('.badge').getByText('1', { exact: true }).waitFor();
  assert.match(await b.title(), /^\(1\)/);
  assert.equal(await a.locator('.own .receipt').last().innerText(), '未读');
  await openChat(b, '张三');
  await until('once', async () => (await texts(b)).join() === '你好，李四！');
  await until('read', async () => (await a.locator('.own .receipt').last().innerText()) === '已读');
  await until('badge gone', async () => (await row.locator('.badge').count()) === 0);

  // Typing appears, and goes with the message.
  await composer(b).pressSequentially('Got it', { delay: 20 });
  await a.getByText('李四正在输入…').waitFor();
  await stage.shot(a, 'typing');
  await composer(b).press('Enter');
  await until('typing gone', async () => (await a.getByText('李四正在输入…').count()) === 0);
  await until('both have both', async () => (await texts(a)).length === 2 && (await texts(b)).length === 2);

  // Presence.
  await until('online', async () => /在线/.test(await a.locator('.head_detail').innerText()));
  await b.context().close();
  await until('offline', async () => !/^在线/.test(await a.locator('.head_detail').innerText()), 30_000);
  await stage.shot(a, 'offline');

  // In a group: the ring fills.
  const c = await stage.person('e1003');
  const d = await stage.person('e1004');
  await a.bringToFront();
  await a.keyboard.press('Alt+n');
  await a.getByLabel('群名称').fill('项目组');
  for (const name of ['王五', '赵敏']) {
    await a.getByRole('combobox').fill(name);
    await options(a).filter({ hasText: name }).first().click();
  }
  await a.getByRole('button', { name: '创建群组' }).last().click();
  await a.getByRole('heading', { name: '项目组' }).waitFor();
  await write(a, '大家好，下午三点开会');
  await c.locator('.chat_row').filter({ hasText: '项目组' }).waitFor();
  const ring = a.locator('.own .ring').last();
  await until('nobody has read', async () => /已读 0 · 未读 2/.test((await ring.getAttribute('aria-label')) ?? ''));
  await openChat(c, '项目组');
  await until('one has read', async () => /已读 1 · 未读 1/.test((await ring.getAttribute('aria-label')) ?? ''));
  await openChat(d, '项目组');
  await until('all have read', async () => /已读 2 · 未读 0/.test((await ring.getAttribute('aria-label')) ?? ''));
  await ring.click();
  await a.getByRole('tab', { name: /已读 2/ }).waitFor();
  await a.locator('.side').getByText('赵敏').first().waitFor();
  await stage.shot(a, 'ring');
  await stage.shot(c, 'group');
});
