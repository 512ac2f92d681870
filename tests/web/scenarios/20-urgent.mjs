// Urgents: one stands in front of everything until it is confirmed, never by accident; put aside it stays in sight and comes
// back; it ends on all devices at once; who has raised it sees where everybody stands.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { composer, makeGroup, openChat, scenario, signIn, speak, until, wait, write } from '../stage.mjs';

/** It takes no key and no click for so long after it was drawn. */
const ARMING_MS = 800;

/** The browser's notices and sounds, as far as a page sees them; notices are allowed. */
function seenAndHeard() {
  localStorage.setItem('clarion.settings', '{"notices":"on"}');
  globalThis.__notices = [];
  globalThis.__notes = 0;
  globalThis.__focus = true;
  // A browser that plays no sound yet; the tools of a test touch every page.
  globalThis.__touched = !location.hash.startsWith('#/urgents');
  Object.defineProperty(navigator, 'userActivation', { get: () => ({ hasBeenActive: globalThis.__touched }) });
  document.hasFocus = () => globalThis.__focus;
  globalThis.Notification = class {
    static permission = 'granted';
    constructor(title, how) {
      globalThis.__notices.push(Object.assign(this, { title, ...how }));
    }
    close() {
      this.closed = true;
    }
  };
  const silent = { setValueAtTime() {}, exponentialRampToValueAtTime() {} };
  const node = () => ({ frequency: {}, gain: silent, connect: (to) => to, start: () => (globalThis.__notes += 1), stop() {} });
  globalThis.AudioContext = class {
    currentTime = 0;
    createOscillator = node;
    createGain = node;
    close() {}
  };
}

await scenario('20-urgent', async (stage) => {
  const { url } = stage.server;
  const boss = await stage.person('e1001');
  await makeGroup(boss, '夜班值守', ['李四', '王五', '赵敏']);
  await write(boss, '请立即关闭 7 号阀门');
  await until('sent', async () => (await boss.locator('.row.unsent').count()) === 0);

  const context = await stage.browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'zh-CN' });
  await context.addInitScript(seenAndHeard);
  const li = await stage.open({ context });
  await signIn(li, 'e1002');
  const dialog = li.getByRole('alertdialog');
  const bar = li.locator('.urgent_bar');
  const phone = await speak(url, 'e1002');
  const wang = await speak(url, 'e1003');
  await openChat(li, '夜班值守');
  const { chat_id } = (await phone.ask('inbox', { chat_ids: [] })).entries.find((entry) => entry.chat.name === '夜班值守').chat;
  const armed = () => until('armed', async () => (await dialog.locator('.urgent_button').getAttribute('aria-disabled')) === 'false');

  // Raised from the menu of a message; one line says what will be done.
  await boss.locator('.row.own .bubble').last().click({ button: 'right' });
  await boss.getByRole('menuitem', { name: '加急…' }).click();
  const form = boss.locator('dialog.layer_raise_urgent');
  await form.getByText('立即对所有成员（3 人）弹窗提醒；每 5 分钟再次弹窗，共 3 次', { exact: true }).waitFor();
  await form.getByRole('radio', { name: '指定成员' }).check({ force: true });
  await form.getByRole('checkbox', { name: /赵敏/ }).click();
  await form.getByText('立即对所选的 1 人弹窗提醒').waitFor();
  await stage.shot(boss, 'raise');
  await form.getByRole('radio', { name: '所有成员' }).check({ force: true });
  await form.getByLabel('截止').selectOption('60');

  // It comes while somebody composes: the bar at once, the dialog when the word is written; the keys typed on do nothing.
  const tools = await li.context().newCDPSession(li);
  await composer(li).focus();
  await composer(li).pressSequentially('上午的');
  await li.keyboard.press('ArrowLeft');
  await tools.send('Input.imeSetComposition', { text: 'ni\'hao', selectionStart: 6, selectionEnd: 6 });
  await form.getByRole('button', { name: '加急', exact: true }).click();
  await form.getByText('已对 3 人加急').waitFor();
  await bar.getByText('1 条加急待确认').waitFor();
  assert.equal(await dialog.count(), 0, 'what is being composed is waited for');
  assert.match(await li.title(), /^【加急】/);
  assert.match(await li.locator('link[rel="icon"]').getAttribute('href'), /icon_urgent/);
  assert.equal(await li.evaluate(() => globalThis.__notes), 2, 'two notes, at once');
  await wait(400);
  await tools.send('Input.insertText', { text: '你好' });
  await dialog.waitFor();
  await li.keyboard.press('Enter');
  await li.keyboard.press('Space');
  await li.keyboard.press('Tab');
  await li.keyboard.press('Enter');
  assert.equal(await dialog.locator('.urgent_button').getAttribute('aria-disabled'), 'true');
  await dialog.locator('.urgent_button').click({ force: true });
  await wait(ARMING_MS + 200);
  assert.ok(await dialog.isVisible(), 'nothing confirms it, and nothing closes it, while it is new');
  await li.keyboard.press('Enter');
  await li.keyboard.press('Space');
  await li.keyboard.type('继续写');
  await wait(300);
  assert.ok(await dialog.isVisible(), 'Enter acts on a button only, and none has the focus');
  assert.equal(await li.evaluate(() => document.activeElement.id), 'urgent_title');
  for (const text of ['张三', '夜班值守', '请立即关闭 7 号阀门']) await dialog.getByText(text).first().waitFor();
  await dialog.getByText(/截止 · 还剩 59 分/).waitFor();
  await stage.shot(li, 'dialog');

  // Told as seen only when it was painted; so far by one of three.
  const urgent_id = (await phone.ask('urgents', { list: 'open' })).urgents[0].urgent_id;
  const standing = async () => (await phone.ask('urgents', { list: 'open' })).urgents.find((one) => one.urgent_id === urgent_id)?.standing;
  await until('seen', async () => (await standing()) === 'shown');

  // Put aside: the bar stays, the caret is where it was, the draft too.
  await li.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await bar.getByText('1 条加急待确认').waitFor();
  assert.equal(await composer(li).inputValue(), '上午你好的');
  assert.deepEqual(await li.evaluate(() => [document.activeElement.className, document.activeElement.selectionStart]), ['composer_text', 4]);
  await wait(300);
  await stage.shot(li, 'aside');
  assert.ok(await li.locator('.chat_head').evaluate((head) => head.getBoundingClientRect().top >= 36), 'the bar covers nothing');
  assert.match(await li.locator('.chat_row').filter({ hasText: '夜班值守' }).innerText(), /\[加急\]/);
  await li.reload();
  await dialog.waitFor();
  await armed();
  await dialog.getByRole('button', { name: '稍后处理' }).click();
  await dialog.waitFor({ state: 'hidden' });

  // Nobody looks: a notice stands until it is over.
  const look = (on) => li.evaluate((value) => {
    globalThis.__focus = value;
    dispatchEvent(new Event(value ? 'focus' : 'blur'));
  }, on);
  const notices = () => li.evaluate(() => globalThis.__notices.filter((one) => one.tag.startsWith('urgent')).map(({ title, body, requireInteraction, closed }) => ({ title, body, requireInteraction, closed: Boolean(closed) })));
  await look(false);
  await wait(300);

  // A second one, of a tool, with a reminder after ten seconds: two in one dialog; put aside, the reminder brings one back.
  const tool = await speak(url, 'e1001');
  const said = await tool.say(chat_id, '备用泵也请检查');
  const second = await tool.ask('raise_urgent', { message_id: said.message_id, client_message_id: 'second', audience: { everyone: {} }, ladder: [{ way: 'remind', after_ms: 10_000 }], deadline_ms: 120_000 });
  await dialog.getByText('备用泵也请检查').waitFor();
  assert.deepEqual(await notices(), [{ title: '【加急】张三', body: '备用泵也请检查', requireInteraction: true, closed: false }]);
  await look(true);
  await bar.getByText('2 条加急待确认').waitFor();
  await armed();
  await dialog.getByRole('button', { name: '稍后处理' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await bar.getByRole('button', { name: '查看' }).click();
  await dialog.getByText('1 / 2').waitFor();
  await dialog.getByText('备用泵也请检查').waitFor();
  await armed();
  await dialog.getByRole('button', { name: '下一条' }).click();
  await dialog.getByText('2 / 2').waitFor();
  await dialog.getByText('请立即关闭 7 号阀门').waitFor();
  await stage.shot(li, 'two');
  await armed();
  await li.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await dialog.getByText('第 1 次提醒').waitFor({ timeout: 15_000 });
  await dialog.getByText('备用泵也请检查').waitFor();
  assert.equal(await dialog.getByText('1 / 2').count(), 0, 'the other one stays aside');

  // Confirmed on the second device: it closes here within a second; the other one stays.
  const before = Date.now();
  await phone.ask('confirm_urgent', { urgent_id: second.urgent_id });
  await dialog.waitFor({ state: 'hidden' });
  assert.ok(Date.now() - before < 1_000, `it closed after ${Date.now() - before} ms`);
  await bar.getByText('1 条加急待确认').waitFor();
  await until('no notice any more', async () => (await notices()).every((one) => one.closed));

  // The report: numbers in words that add up to the audience, live; who stands where.
  await form.getByRole('button', { name: '查看报告' }).click();
  await boss.getByRole('heading', { name: '加急报告' }).waitFor();
  await boss.bringToFront();
  const counts = async () => Object.fromEntries(await boss.locator('.urgent_standing').evaluateAll((tabs) => tabs.map((tab) => [tab.dataset.standing, Number(tab.querySelector('.count').textContent)])));
  const sum = async () => Object.values(await counts()).reduce((total, one) => total + one, 0);
  await until('numbers', async () => (await boss.locator('.urgent_standing').count()) === 5);
  assert.equal(await sum(), 3);
  assert.deepEqual(await counts(), { pending: 2, delivered: 0, shown: 1, confirmed: 0, failed: 0 });
  await boss.getByText('共 3 人，0 人已确认').waitFor();
  await wang.ask('urgent_got', { urgent_ids: [urgent_id], shown: false });
  await until('delivered, live', async () => (await counts()).delivered === 1);
  assert.equal(await sum(), 3);
  await boss.getByRole('tab', { name: /已弹出/ }).click();
  await boss.locator('.urgent_people').getByText('李四').waitFor();

  // Confirmed by the button: only that does.
  await bar.getByRole('button', { name: '查看' }).click();
  await armed();
  await dialog.getByRole('button', { name: '确认收到' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await until('no bar', async () => (await bar.count()) === 0);
  assert.doesNotMatch(await li.title(), /加急/);
  await until('confirmed, live', async () => (await counts()).confirmed === 1);
  assert.equal(await sum(), 3);
  await boss.getByRole('tab', { name: /已确认/ }).click();
  await boss.locator('.urgent_people').getByText('李四').waitFor();
  await boss.locator('.urgent_deeds').getByText('发起，3 人').waitFor();
  // One person: what was done for this one, each with its time; closed again by the same row.
  const row = boss.locator('.urgent_people .row_words').filter({ hasText: '李四' });
  await row.click();
  const deeds = boss.locator('.urgent_person .urgent_deeds li');
  await until('a timeline', async () => (await deeds.count()) === 4);
  assert.deepEqual((await deeds.allInnerTexts()).map((text) => text.split(/\s+/).at(-1)), ['发起', '设备已收到', '已在屏幕上弹出', '已确认']);
  for (const time of await boss.locator('.urgent_person time').allInnerTexts()) assert.match(time, /\d\d:\d\d:\d\d$/);
  assert.equal(await row.getAttribute('aria-expanded'), 'true');
  await stage.shot(boss, 'person');
  await row.click();
  await until('closed', async () => (await deeds.count()) === 0);
  await boss.getByText('每 5 分钟再次弹窗，共 3 次').waitFor();
  await stage.shot(boss, 'report');

  // The table has everybody once.
  const [file] = await Promise.all([boss.waitForEvent('download'), boss.getByRole('button', { name: '导出' }).click()]);
  const rows = readFileSync(await file.path(), 'utf8').trim().split('\r\n').slice(1);
  assert.equal(rows.length, 3);
  assert.ok(rows.some((row) => /^李四,e1002,.*,已确认(,\d{4}-\d\d-\d\d \d\d:\d\d:\d\d){3},$/.test(row)), rows.join('\n'));

  // Cancelled: over for everybody, and the report says so.
  await boss.getByRole('button', { name: '取消加急' }).click();
  await boss.locator('dialog[open]').getByRole('button', { name: '取消加急' }).click();
  await boss.locator('.urgent_deeds').getByText('已结束：已取消').waitFor();
  assert.equal(await sum(), 3);
  await until('over for the others', () => wang.events.some((one) => one.event === 'urgent_over' && one.body.why === 'cancelled'));

  // My lists, by the keyboard.
  await li.keyboard.press('Alt+u');
  await li.getByRole('heading', { name: '我的加急' }).waitFor();
  await li.getByText('没有待确认的加急').waitFor();
  await li.getByRole('tab', { name: '我已确认' }).click();
  await until('both', async () => (await li.locator('.urgent_row').count()) === 2);
  await stage.shot(li, 'confirmed');
  await boss.getByRole('button', { name: '加急', exact: true }).click();
  await boss.getByRole('tab', { name: '我发起的' }).click();
  await boss.getByText('共 3 人，1 人已确认 · 已取消').waitFor();
  await stage.shot(boss, 'raised');

  // From the readers of a message: an urgent to exactly those who have not read it.
  await openChat(boss, '夜班值守');
  await write(boss, '泵房钥匙在门卫处');
  await openChat(li, '夜班值守');
  const ring = boss.locator('.own .ring').last();
  await until('one has read', async () => /已读 1 · 未读 2/.test((await ring.getAttribute('aria-label')) ?? ''));
  await ring.click();
  await boss.getByRole('tab', { name: /未读 2/ }).click();
  await boss.getByRole('button', { name: '催一下（2 人未读）' }).click();
  await form.getByText(/立即对未读的 2 人弹窗提醒/).waitFor();
  await form.getByRole('button', { name: '加急', exact: true }).click();
  await form.getByText('已对 2 人加急').waitFor();
  await wait(500);
  assert.equal(await dialog.count(), 0, 'who has read it is not urged');
  await form.getByRole('button', { name: '完成' }).click();

  // Two tabs: one that comes later shows it too; put aside or confirmed in one, it is so in both.
  const third = await tool.ask('raise_urgent', { message_id: said.message_id, client_message_id: 'third', audience: { people: { user_ids: ['e1002', 'e9999'] } }, ladder: [] });
  assert.deepEqual([third.audience_count, third.left_out_count], [1, 1]);
  await dialog.getByText('备用泵也请检查').waitFor();
  const tab = await stage.open({ context, url: `${url}/#/urgents` });
  const there = tab.getByRole('alertdialog');
  await there.getByText('备用泵也请检查').waitFor();
  const silent = there.getByText('点击或按任意键之前，浏览器不允许播放提示音。');
  await silent.waitFor();
  const titles = new Set();
  await until('the title blinks', async () => titles.add((await tab.title()).startsWith('【加急】')).size === 2);
  assert.equal(await tab.evaluate(() => globalThis.__notes), 0);
  await until('armed', async () => (await there.locator('.urgent_button').getAttribute('aria-disabled')) === 'false');
  await tab.evaluate(() => (globalThis.__touched = true));
  await tab.keyboard.press('Tab');
  await silent.waitFor({ state: 'hidden' });
  await tab.keyboard.press('Escape');
  for (const one of [there, dialog]) await one.waitFor({ state: 'hidden' });
  await bar.getByRole('button', { name: '查看' }).click();
  await armed();
  await dialog.getByRole('button', { name: '确认收到' }).click();
  for (const one of [li, tab]) await until('no bar', async () => (await one.locator('.urgent_bar').count()) === 0);
  await tab.close();

  // On a phone, in the dark.
  await tool.ask('cancel_urgent', { urgent_id: second.urgent_id });
  const zhao = await stage.person('e1004', { width: 360, height: 740, touch: true, dark: true });
  await zhao.getByRole('alertdialog').getByText('泵房钥匙在门卫处').waitFor();
  const [scroll, width] = await zhao.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(scroll <= width, `the dialog is ${scroll} px wide on a screen of ${width}`);
  await wait(ARMING_MS + 200);
  await stage.shot(zhao, 'phone');
  await zhao.getByRole('button', { name: '稍后处理' }).tap();
  await zhao.locator('.urgent_bar').waitFor();
  await wait(300);
  await stage.shot(zhao, 'phone-aside');
  for (const one of [phone, wang, tool]) one.close();
});
