// Cut in the middle of sending fifty messages: nothing is lost, nothing doubled, nothing out of order, nobody sees a failure.

import assert from 'node:assert/strict';
import { composer, openChat, openPerson, scenario, startWire, until, wait } from '../stage.mjs';

const COUNT = 50;

/** Texts of a whole chat, as the server has them. */
async function all(page) {
  const found = new Set();
  await page.locator('.scroller').focus();
  await page.keyboard.press('End');
  await page.waitForTimeout(300);
  const seen = [];
  for (let turn = 0; turn < 60; turn += 1) {
    const rows = await page.locator('.row.message[data-seq]').evaluateAll((elements) => elements.map((element) => [Number(element.dataset.seq), element.querySelector('.words')?.textContent]));
    let fresh = 0;
    for (const [seq, text] of rows) {
      if (found.has(seq)) continue;
      found.add(seq);
      seen.push([seq, text]);
      fresh += 1;
    }
    if (!fresh && turn > 2) break;
    await page.locator('.scroller').evaluate((scroller) => scroller.scrollBy(0, -scroller.clientHeight * 0.8));
    await page.waitForTimeout(150);
  }
  return seen.sort((x, y) => x[0] - y[0]).map(([, text]) => text);
}

await scenario('06-cut', async (stage) => {
  const wire = await startWire(stage.server.port);
  const a = await stage.person('e1001', { url: wire.url });
  const b = await stage.person('e1002');
  await openPerson(a, '李四');

  let failures = 0;
  const watch = setInterval(async () => {
    failures += await a.locator('.row.failed').count().catch(() => 0);
  }, 200);
  let killed = 0;
  for (let n = 1; n <= COUNT; n += 1) {
    await composer(a).fill(`第 ${n} 条`);
    await composer(a).press('Enter');
    if (n % 5 === 0) {
      await wait(Math.random() * 60);
      wire.cut();
    }
    if (n === 20 || n === 40) {
      killed += 1;
      await stage.server.kill();
      await wait(killed === 1 ? 300 : 2_500);
      if (killed === 2) await stage.shot(a, 'away');
      await stage.server.start();
    }
  }
  await until('everything was sent', async () => (await a.locator('.row.unsent').count()) === 0, 60_000);
  clearInterval(watch);
  assert.equal(failures, 0, 'no failed mark was shown');

  const wanted = Array.from({ length: COUNT }, (_, at) => `第 ${at + 1} 条`);
  await until('B has its list', async () => (await b.locator('.chat_row').filter({ hasText: '张三' }).count()) === 1, 60_000);
  await openChat(b, '张三');
  await until('B has the last', async () => (await b.getByText(`第 ${COUNT} 条`, { exact: true }).count()) > 0, 60_000);
  assert.deepEqual(await all(b), wanted, 'B has each once, in order');
  assert.deepEqual(await all(a), wanted, 'A too');
  await stage.shot(b, 'complete');

  // The line comes after two seconds, the bar after ten, and both leave.
  await a.bringToFront();
  wire.refuse(true);
  await wait(1_000);
  assert.equal(await a.locator('.connection_line, .connection_bar').count(), 0, 'nothing is said in the first two seconds');
  await until('a line', async () => (await a.locator('.connection_line').count()) === 1, 8_000);
  await until('a bar', async () => (await a.getByText('连接已断开').count()) > 0 && (await a.locator('.connection_bar').count()) === 1, 15_000);
  await composer(a).fill('断线时写的 1');
  await composer(a).press('Enter');
  for (let n = 2; n <= 5; n += 1) {
    await composer(a).fill(`断线时写的 ${n}`);
    await composer(a).press('Enter');
  }
  await until('five that wait', async () => (await a.locator('.row.unsent').count()) === 5);
  await stage.shot(a, 'bar');
  wire.refuse(false);
  await a.reload();
  await until('the five went once the page was there again', async () => (await a.locator('.row.unsent').count()) === 0 && (await a.locator('.row.own').getByText('断线时写的 5', { exact: true }).count()) === 1, 60_000);
  await b.locator('.scroller').focus();
  await b.keyboard.press('End');
  await until('B has the five', async () => (await b.getByText('断线时写的 5', { exact: true }).count()) > 0, 60_000);
  const last = await all(b);
  assert.deepEqual(last.slice(-5), [1, 2, 3, 4, 5].map((n) => `断线时写的 ${n}`), 'kept over the reload, sent once');
  assert.equal(last.length, COUNT + 5);
  await wire.close();
}, { cuts: true, ignore: /status of (503|502)/ });
