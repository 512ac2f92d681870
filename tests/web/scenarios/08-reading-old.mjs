// Reading old messages while much arrives below, and reactions, edits and pictures above: the line that is read stays.

import assert from 'node:assert/strict';
import { openChat, scenario, speak, startBot, until } from '../stage.mjs';

await scenario('08-reading-old', async (stage) => {
  const { url } = stage.server;
  const bot = await startBot(url);
  const chat_id = await bot.makeGroup('边读边来', ['e1001', 'e1002']);
  const writer = await speak(url, 'e1002');
  const old = [];
  for (let n = 1; n <= 120; n += 1) old.push(await writer.say(chat_id, `旧消息 ${n}${'，多写一点内容'.repeat(n % 5)}`));
  const reader = await speak(url, 'e1001');
  await reader.ask('receipt', { chat_id, read_seq: (await reader.ask('inbox', { chat_ids: [chat_id] })).entries[0].chat.head_seq });
  reader.close();

  const page = await stage.person('e1001');
  await openChat(page, '边读边来');
  await page.getByText('旧消息 120').first().waitFor();
  await page.locator('.scroller').evaluate((scroller) => scroller.scrollBy(0, -2_600));
  await page.waitForTimeout(800);
  // As painted: between a change and the end of its frame, rows stand where nobody sees them.
  const painted = (page_side, given) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))).then(() => page.evaluate(page_side, given));
  const anchor = await painted(() => {
    const top = document.querySelector('.scroller').getBoundingClientRect().top;
    const row = [...document.querySelectorAll('.row.message[data-seq]')].find((one) => one.getBoundingClientRect().top >= top);
    return { seq: Number(row.dataset.seq), top: row.getBoundingClientRect().top };
  });
  const place = () => painted((seq) => document.querySelector(`.row[data-seq="${seq}"]`)?.getBoundingClientRect().top, anchor.seq);

  // Many reactions and ten edits above, two hundred messages and twenty pictures below.
  const above = old.filter((sent) => sent.seq < anchor.seq).slice(-40);
  assert.ok(above.length > 30);
  const image = await bot.picture(400, 300);
  await Promise.all([
    ...above.map((sent) => writer.ask('react', { message_id: sent.message_id, emoji: 'THUMBSUP' })),
    ...above.slice(0, 10).map((sent, at) => writer.ask('edit', { message_id: sent.message_id, content: { text: { text: `改过的 ${at}\n多了一行\n又多一行` } }, mentions: [], mention_all: false })),
    (async () => {
      for (let n = 1; n <= 200; n += 1) await writer.say(chat_id, `新消息 ${n}`);
      for (let n = 1; n <= 20; n += 1) await bot.send(chat_id, 'image', { image_key: image });
    })(),
  ]);
  const chip = page.getByRole('button', { name: /条新消息/ });
  await until('the chip counts them', async () => /220/.test(await chip.innerText().catch(() => '')), 30_000);
  const moved = (await place()) - anchor.top;
  assert.ok(Math.abs(moved) <= 1, `the line that is read moved ${moved} px`);
  await stage.shot(page, 'reading');

  await page.locator('.scroller').focus();
  await page.keyboard.press('End');
  await until('the pictures at the end', () => page.locator('.row .picture img').last().evaluate((img) => img.complete && img.naturalWidth === 400));
  await until('no chip', async () => (await chip.count()) === 0);
  const from_end = () => page.locator('.scroller').evaluate((scroller) => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight);
  await until('the end of the list', async () => (await from_end()) <= 2).catch(async (why) => assert.fail(`${why.message}; ${await from_end()} px from it`));
  writer.close();
});
