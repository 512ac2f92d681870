// For everybody: no violation of WCAG 2.2 AA that a machine can find, in both looks and languages; and the keyboard is enough.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { composer, makeGroup, openChat, openPerson, scenario, speak, until, wait, write } from '../stage.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const violations = [];

async function check(page, where) {
  // Injected by the protocol of the browser's tools; the policy of the page would not let it in.
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations: all } = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
    return all.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.target} ${node.any?.[0]?.message ?? node.failureSummary}`).join(' | ')}`);
  });
  for (const one of found) violations.push(`${where}: ${one}`);
}

/** Raising an urgent, its report, the dialog of one, the bar, my list of them. */
async function urgents(page, url, group, where) {
  await openChat(page, group);
  await page.locator('.row.own .bubble').last().click({ button: 'right' });
  await page.getByRole('menuitem', { name: /加急|Make urgent/ }).click();
  const form = page.locator('dialog.layer_raise_urgent');
  await form.getByText(/指定成员|Some members/).click();
  await form.locator('.urgent_choices .people_row').last().click();
  await wait(300);
  await check(page, `raising an urgent, ${where}`);
  await form.locator('.urgent_button').click();
  await form.getByRole('button', { name: /查看报告|Show the report/ }).click();
  await page.locator('.urgent_people .people_row').first().waitFor();
  await check(page, `the report of an urgent, ${where}`);
  const wang = await speak(url, 'e1003');
  const { chat_id } = (await wang.ask('inbox', { chat_ids: [] })).entries.find((entry) => entry.chat.name === group).chat;
  const { message_id } = await wang.say(chat_id, '马上看一下 https://example.com/b');
  await wang.ask('raise_urgent', { message_id, client_message_id: group, audience: { everyone: {} }, ladder: [] });
  const dialog = page.getByRole('alertdialog');
  await until('armed', async () => (await dialog.locator('.urgent_button').getAttribute('aria-disabled')) === 'false');
  await check(page, `an urgent, ${where}`);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Alt+u');
  await page.locator('.urgent_row').first().waitFor();
  await check(page, `my urgents, ${where}`);
  await page.locator('.place .tab').last().click();
  await page.locator('.urgent_counts').first().waitFor();
  await check(page, `urgents of mine, ${where}`);
  await page.locator('.urgent_bar_look').click();
  await until('armed', async () => (await dialog.locator('.urgent_button').getAttribute('aria-disabled')) === 'false');
  await dialog.locator('.urgent_button').click();
  wang.close();
}

await scenario('22-accessible', async (stage) => {
  for (const [locale, dark] of [['zh-CN', false], ['en-US', true]]) {
    const where = `${locale} ${dark ? 'dark' : 'light'}`;
    const out = await stage.open({ locale, dark });
    await out.getByRole('button', { name: /^(登录|Sign in)$/ }).waitFor();
    await check(out, `sign in, ${where}`);
    await out.close();
    const page = await stage.person('e1001', { locale, dark });
    await check(page, `empty list, ${where}`);
    await openPerson(page, '李四');
    await write(page, '你好 https://example.com/a');
    await write(page, 'Second message');
    await until('sent', async () => (await page.locator('.row.unsent').count()) === 0);
    await page.locator('.row.own').last().hover();
    await check(page, `direct chat, ${where}`);
    await makeGroup(page, `组 ${locale}`, ['王五', '赵敏']);
    await write(page, '大家好');
    await until('sent', async () => (await page.locator('.row.unsent').count()) === 0);
    await page.getByRole('button', { name: /^(聊天信息|Chat details)$/ }).last().click();
    await page.locator('.side .info').waitFor();
    await wait(500);
    await check(page, `group and its details, ${where}`);
    await page.getByRole('button', { name: /^(群成员|Members)$/ }).first().click();
    await page.locator('.side .role_owner').waitFor();
    await check(page, `members, ${where}`);
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('张');
    await page.locator('dialog [role=option]').first().waitFor();
    await wait(400);
    await check(page, `search, ${where}`);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^(设置|Settings)$/ }).last().click();
    await page.locator('.settings').waitFor();
    await wait(300);
    await check(page, `settings, ${where}`);
    await page.keyboard.press('Escape');
    await urgents(page, stage.server.url, `组 ${locale}`, where);
    await page.close();
  }

  assert.deepEqual(violations, []);

  // The keyboard only: find somebody, write, reply to a message, react; the focus is never lost.
  const a = await stage.person('e1003');
  const b = await stage.person('e1001');
  await a.bringToFront();
  await a.keyboard.press('Control+k');
  await a.getByRole('combobox').waitFor();
  await a.keyboard.type('张三');
  await a.locator('dialog [role=option]').filter({ hasText: '张三' }).first().waitFor();
  await a.keyboard.press('Enter');
  await composer(a).waitFor();
  for (const text of ['一', '二', '三']) {
    await a.keyboard.type(text);
    await a.keyboard.press('Enter');
  }
  await until('sent', async () => (await a.locator('.row.own:not(.unsent)').count()) === 3);
  await a.keyboard.press('Control+Shift+F6');
  assert.equal(await a.evaluate(() => document.activeElement.className), 'scroller');
  await a.keyboard.press('ArrowUp');
  await a.keyboard.press('ArrowUp');
  assert.match(await a.evaluate(() => document.activeElement.getAttribute('aria-label')), /王五，\d\d:\d\d，二/);
  await a.keyboard.press('r');
  await a.keyboard.type('回复二');
  await a.keyboard.press('Enter');
  await a.locator('.quote').getByText('二').waitFor();
  await a.keyboard.press('?');
  assert.equal(await a.locator('dialog[open]').count(), 0, 'a question mark in the field is a question mark');
  assert.notEqual(await a.evaluate(() => document.activeElement.tagName), 'BODY');

  // What comes is said once; the log itself is silent.
  assert.equal(await a.locator('.scroller').getAttribute('aria-live'), 'off');
  await openChat(b, '王五');
  await write(b, '好的');
  await until('announced', async () => (await a.locator('#announcer').textContent()) === '张三：好的');
});
