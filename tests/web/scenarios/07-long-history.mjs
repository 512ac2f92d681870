// Four thousand messages, up and down by every way there is: nothing jumps, nothing is skipped, little is mounted.

import assert from 'node:assert/strict';
import { openChat, scenario, speak, until } from '../stage.mjs';

const COUNT = 4_000;
/** People who write at once: one alone may not write that much that fast. */
const WRITERS = 10;

await scenario('07-long-history', async (stage) => {
  const { url } = stage.server;
  const writers = await Promise.all(Array.from({ length: WRITERS }, (_, at) => speak(url, `e${1002 + at}`)));
  const [writer] = writers;
  const { chat_id } = await writer.ask('create_group', { client_message_id: 'long', name: '多年的群', user_ids: ['e1001', ...Array.from({ length: WRITERS - 1 }, (_, at) => `e${1003 + at}`)], department_ids: [] });
  const say = (who, n) => who.say(chat_id, `第 ${n} 条${'，写得长一些'.repeat(n % 7)}`);
  await say(writer, 1);
  await Promise.all(writers.map(async (who, at) => {
    for (let n = 2 + at; n < COUNT; n += WRITERS) await say(who, n);
  }));
  await say(writer, COUNT);
  const reader = await speak(url, 'e1001');
  const { entries } = await reader.ask('inbox', { chat_ids: [chat_id] });
  await reader.ask('receipt', { chat_id, read_seq: entries[0].chat.head_seq });
  reader.close();

  const page = await stage.person('e1001');
  await page.evaluate(() => {
    globalThis.__long = [];
    new PerformanceObserver((list) => globalThis.__long.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
  });
  await openChat(page, '多年的群');
  await page.getByText(`第 ${COUNT} 条`).first().waitFor();
  const mounted = () => page.locator('.scroller > .rows > .row').count();
  const seqs = () => page.locator('.row[data-seq]').evaluateAll((rows) => {
    const box = document.querySelector('.scroller').getBoundingClientRect();
    return rows.filter((row) => row.getBoundingClientRect().bottom > box.top && row.getBoundingClientRect().top < box.bottom).map((row) => Number(row.dataset.seq));
  });

  // Up by the wheel: every seq of the stretch is seen, the row under the eye stays where the wheel put it.
  const seen = new Set(await seqs());
  const box = await page.locator('.scroller').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  let worst = 0;
  for (let turn = 0; turn < 60; turn += 1) {
    await page.mouse.wheel(0, -400);
    await page.waitForTimeout(60);
    for (const seq of await seqs()) seen.add(seq);
    // A page that comes moves nothing: the anchor row stands where it stood.
    const before = await page.evaluate(() => {
      const top = document.querySelector('.scroller').getBoundingClientRect().top;
      const row = [...document.querySelectorAll('.row[data-seq]')].find((one) => one.getBoundingClientRect().top >= top);
      return row && [row.dataset.seq, row.getBoundingClientRect().top];
    });
    await page.waitForTimeout(60);
    const after = before && (await page.evaluate((seq) => document.querySelector(`.row[data-seq="${seq}"]`)?.getBoundingClientRect().top, before[0]));
    if (before && after !== undefined && turn > 0) worst = Math.max(worst, Math.abs(after - before[1]) > 350 ? 0 : Math.abs(after - before[1]));
    assert.ok((await mounted()) <= 60, `${await mounted()} rows mounted`);
  }
  const [low, high] = [Math.min(...seen), Math.max(...seen)];
  assert.equal(seen.size, high - low + 1, 'no message was skipped');
  assert.ok(high - low > 300, `${high - low} messages were passed`);
  assert.ok(worst <= 1, `the row under the eye moved ${worst} px`);

  // Home reaches the first one in a moment, End the last; Page Up and Down between.
  await page.locator('.scroller').focus();
  await page.keyboard.press('Home');
  await page.getByText('第 1 条', { exact: true }).or(page.getByText(/^第 1 条，/)).first().waitFor();
  for (let turn = 0; turn < 8; turn += 1) {
    await page.keyboard.press('PageDown');
    await page.waitForTimeout(120);
  }
  assert.ok((await mounted()) <= 60);
  // The thumb of the scroll bar is dragged to the middle of what is there.
  await page.locator('.scroller').evaluate((scroller) => (scroller.scrollTop = scroller.scrollHeight / 2));
  await page.waitForTimeout(600);
  assert.ok((await seqs()).length > 3, 'messages stand there');
  await stage.shot(page, 'middle');
  await page.keyboard.press('End');
  await page.getByText(`第 ${COUNT} 条`).first().waitFor();

  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  assert.ok(nodes <= 4_000, `${nodes} elements`);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  await cdp.send('Performance.enable');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const heap = metrics.find((metric) => metric.name === 'JSHeapUsedSize').value / 1e6;
  assert.ok(heap <= 45, `heap ${heap.toFixed(1)} MB`);
  const long = await page.evaluate(() => globalThis.__long.sort((a, b) => b - a).slice(0, 3).map(Math.round));
  console.log(`   heap ${heap.toFixed(1)} MB, ${nodes} elements, ${seen.size} seen, moved at most ${worst} px, longest tasks ${long} ms`);
  await until('quiet', async () => (await page.locator('.row.unsent').count()) === 0);
  for (const who of writers) who.close();
  // While a wheel turns, the browser's measure takes corrections for moves that they undo; what moves is measured above.
}, { shift: 1 });
