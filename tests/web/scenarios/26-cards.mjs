// Six cards of a bot: drawn as they are meant, in both looks and on a phone; changed in place; nothing in them runs.

import assert from 'node:assert/strict';
import { cards } from '../cards.mjs';
import { openChat, scenario, startBot, until, wait } from '../stage.mjs';


await scenario('26-cards', async (stage) => {
  const { url } = stage.server;
  const bot = await startBot(url);
  const chat_id = await bot.makeGroup('业务通知', ['e1001', 'e1002', 'e1003']);
  const image = await bot.picture();
  const { open_id } = await bot.person('e1002');
  const shown = cards({ picture: image, person: open_id });
  // What is no element at all the server refuses; the page would leave it out.
  shown.hostile.elements = shown.hostile.elements.filter((element) => element?.tag);
  shown.approval.config = { update_multi: true };
  const sent = {};
  for (const [name, one] of Object.entries(shown)) sent[name] = await bot.sendCard(chat_id, one);

  const page = await stage.person('e1001', { height: 1200 });
  await openChat(page, '业务通知');
  const card = (title) => page.getByRole('group', { name: title });
  await page.evaluate(() => document.querySelector('.scroller').scrollTo(0, 0));
  await card('【P1】订单服务 5xx 超过阈值').waitFor();
  const alert = card('【P1】订单服务 5xx 超过阈值');
  assert.equal(await alert.locator('.card_head.card_red').count(), 1);
  await alert.getByRole('button', { name: '@李四' }).waitFor();
  assert.equal(await alert.getByRole('link', { name: '打开看板' }).getAttribute('href'), 'https://grafana.example.com/d/1');
  assert.ok(await alert.getByRole('button', { name: '认领' }).isDisabled(), 'presses come later');
  assert.equal(await alert.locator('.ink_red').innerText(), '7.4%');
  await stage.shot(page, 'light');

  const approval = card('请假审批');
  await approval.scrollIntoViewIfNeeded();
  assert.ok(await approval.getByRole('textbox', { name: '意见' }).isDisabled());
  const report = card('门店日报');
  await report.scrollIntoViewIfNeeded();
  assert.equal(await report.getByRole('row').count(), 5);
  await report.getByRole('button', { name: '还有 2 行' }).click();
  assert.equal(await report.getByRole('row').count(), 7);
  await report.getByText('口径说明').click();
  await report.getByText('以支付成功时间计').waitFor();
  await stage.shot(page, 'table');

  const welcome = card('欢迎加入项目组');
  await welcome.scrollIntoViewIfNeeded();
  await until('the picture', () => welcome.locator('.card_picture img').evaluate((img) => img.complete && img.naturalWidth > 0));
  const release = card('order-gateway 2.41 发布');
  await release.scrollIntoViewIfNeeded();
  assert.ok((await release.boundingBox()).height < 640, 'a long card is folded');
  await stage.shot(page, 'folded');
  await release.getByRole('button', { name: '展开全部' }).click();
  await until('the whole card', async () => (await release.boundingBox()).height > 800);
  await stage.shot(page, 'unfolded');

  await page.locator('.scroller').focus();
  await page.keyboard.press('End');
  const hostile = page.locator('.card').filter({ hasText: '不是我们的图片' });
  await hostile.waitFor();
  await hostile.scrollIntoViewIfNeeded();
  const inside = await hostile.evaluate((element) => ({ links: [...element.querySelectorAll('a')].map((a) => a.href), pictures: [...element.querySelectorAll('img')].map((img) => img.src), scripts: element.querySelectorAll('script').length, text: element.innerText }));
  assert.deepEqual([inside.links, inside.pictures, inside.scripts], [['https://a.example.com/'], [], 0]);
  assert.match(inside.text, /<script>alert\(1\)<\/script>/);
  assert.match(inside.text, /将来的元素/);
  await stage.shot(page, 'hostile');

  // The bot changes a card: the same row, the new words, the place kept.
  await page.evaluate(() => document.querySelector('.scroller').scrollTo(0, 0));
  const mine = card('请假审批');
  await mine.waitFor();
  const top = (await mine.boundingBox()).y;
  await bot.changeCard(sent.approval, { ...shown.approval, header: { template: 'green', title: { tag: 'plain_text', content: '请假审批：已同意' } } });
  const changed = card('请假审批：已同意');
  await changed.waitFor();
  assert.ok(Math.abs((await changed.boundingBox()).y - top) <= 1, 'it stays where it was');
  assert.equal(await changed.locator('.card_head.card_green').count(), 1);
  await changed.getByRole('button', { name: '李四' }).waitFor();

  const phone = await stage.person('e1003', { width: 360, height: 740, touch: true, dark: true });
  await phone.locator('.chat_row').filter({ hasText: '业务通知' }).tap();
  await phone.locator('.card').first().waitFor();
  await wait(600);
  const [scroll, width] = await phone.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(scroll <= width, `${scroll} px wide on a screen of ${width}`);
  await stage.shot(phone, 'phone-dark');
  await phone.evaluate(() => document.querySelector('.scroller').scrollTo(0, 0));
  await phone.getByRole('group', { name: '【P1】订单服务 5xx 超过阈值' }).waitFor();
  await wait(300);
  await stage.shot(phone, 'phone-dark-top');
  const dark = await stage.person('e1002', { dark: true, locale: 'en-US', height: 1200 });
  await openChat(dark, '业务通知');
  await dark.evaluate(() => document.querySelector('.scroller').scrollTo(0, 900));
  await dark.getByRole('group', { name: 'Welcome to the team' }).waitFor();
  await wait(600);
  await stage.shot(dark, 'dark-english');
});
