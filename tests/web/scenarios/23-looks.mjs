// Phone, dark, English: nothing is wider than the screen, the way back works, targets are large enough; pictures for people.

import assert from 'node:assert/strict';
import { openChat, scenario, speak, until, wait } from '../stage.mjs';

await scenario('23-looks', async (stage) => {
  const { url } = stage.server;
  const people = { zhang: await speak(url, 'e1001'), li: await speak(url, 'e1002'), wang: await speak(url, 'e1003'), zhao: await speak(url, 'e1004') };
  const { zhang, li, wang, zhao } = people;
  const group = await zhang.ask('create_group', { client_message_id: 'looks', name: '华东区周会', user_ids: ['e1002', 'e1003', 'e1004'], department_ids: [] });
  const { chat_id } = group;
  await zhang.say(chat_id, '大家早上好，今天的周会改到下午三点，会议室 A301。');
  await li.say(chat_id, '收到 👍');
  const plan = await wang.say(chat_id, '我把上周的数据整理好了：\n1. 订单量环比 +12.5%\n2. 平均交付 3.2 天\n看板在 https://example.com/board/east（内网可看）');
  await zhao.say(chat_id, '@张三 需要我准备投影吗？', { mentions: ['e1001'] });
  await zhang.say(chat_id, '需要，谢谢！', {});
  await li.say(chat_id, '数据很漂亮，辛苦了', { reply_to: plan.message_id });
  await zhang.ask('react', { message_id: plan.message_id, emoji: 'THUMBSUP' });
  await li.ask('react', { message_id: plan.message_id, emoji: 'THUMBSUP' });
  await zhao.ask('react', { message_id: plan.message_id, emoji: 'PARTY' });
  await wang.say(chat_id, 'Anna from Frankfurt will join online; please send her the link.');
  await wang.say(chat_id, '🎉🎉');
  const direct = await li.ask('open_direct', { user_id: 'e1001' });
  await li.say(direct.chat_id, '合同我看完了，有两处需要再确认，下午细说。');
  for (const [n, name] of ['采购协同', '值班与告警', '产品评审', '上海办事处', '新员工入职', '年会筹备'].entries()) {
    const chat = await zhao.ask('create_group', { client_message_id: `more${n}`, name, user_ids: ['e1001', 'e1005'], department_ids: [] });
    await zhao.say(chat.chat_id, ['单子已经提交', '夜间无告警，一切正常', '原型链接已更新', '客户周四到访', '本周三位同事报到', '节目单请在周五前报名'][n]);
  }

  const wide = await stage.person('e1001');
  await openChat(wide, '华东区周会');
  await wait(1_200);
  await stage.shot(wide, 'wide');
  const dark = await stage.person('e1001', { dark: true, locale: 'en-US' });
  await openChat(dark, '华东区周会');
  await dark.getByRole('button', { name: 'Members' }).first().click();
  await dark.locator('.side').getByText('赵敏').first().waitFor();
  await wait(1_000);
  await stage.shot(dark, 'dark-english');

  const phone = await stage.person('e1001', { width: 360, height: 740, touch: true });
  const narrow = async (where) => {
    const [scroll, width] = await phone.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(scroll <= width, `${where} is ${scroll} px wide on a screen of ${width}`);
    const small = await phone.evaluate(() => [...document.querySelectorAll('.rail_entry, .chat_row, .composer_tools .icon_button, .chat_head .icon_button, .search_button')].filter((element) => element.offsetParent && Math.min(element.offsetWidth, element.offsetHeight) < 32).map((element) => `${element.className} ${element.offsetWidth}x${element.offsetHeight}`));
    assert.deepEqual(small, [], `targets of ${where}`);
  };
  await wait(600);
  await narrow('list');
  await stage.shot(phone, 'phone-list');
  await phone.locator('.chat_row').filter({ hasText: '华东区周会' }).tap();
  await phone.locator('.row.message').first().waitFor();
  await wait(800);
  await narrow('chat');
  await stage.shot(phone, 'phone-chat');
  await phone.getByRole('button', { name: '群成员' }).tap();
  await phone.locator('.side').getByText('赵敏').first().waitFor();
  await narrow('members');
  await stage.shot(phone, 'phone-members');
  await phone.getByRole('button', { name: '关闭' }).tap();
  await phone.getByRole('button', { name: '返回' }).tap();
  await until('the list again', () => phone.locator('.list').isVisible());
  await phone.goBack();
  await until('the chat again', () => phone.locator('.chat_head').isVisible());

  // The first painted frame has the background of the chosen look.
  await dark.reload();
  const background = await dark.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(background, 'rgb(22, 24, 29)');

  // Reduced motion: nothing runs.
  const calm = await stage.browser.newContext({ viewport: { width: 1000, height: 700 }, reducedMotion: 'reduce', forcedColors: 'active', locale: 'zh-CN' });
  const page = await stage.open({ context: calm });
  await page.getByRole('button', { name: '登录' }).waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().filter((animation) => animation.playState === 'running' && animation.effect.getTiming().duration > 1).length), 0);
  await stage.shot(page, 'forced-colours');
  for (const tool of Object.values(people)) tool.close();
});
