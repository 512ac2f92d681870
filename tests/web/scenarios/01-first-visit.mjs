// First visit, cold: the shell is painted before any module ran, the budgets hold, and plain HTTP in an intranet works.

import assert from 'node:assert/strict';
import http from 'node:http';
import { scenario, signIn, startBrowser, until } from '../stage.mjs';

// The headers of five answers are in it.
const SHELL_BYTES = 24_000;
// To ready, the worker's script and the headers of every answer with it; the least compressed form counts.
const READY_BYTES = 110_000;
const READY_REQUESTS = 32;
const ALL_BYTES = 260_000;

/** Bytes of a body as it comes over the wire. */
function weigh(url, coding) {
  return new Promise((done, failed) => {
    http.get(url, { headers: { 'accept-encoding': coding } }, (answer) => {
      let bytes = 0;
      assert.equal(answer.statusCode, 200, url);
      assert.equal(answer.headers['content-encoding'], coding, url);
      assert.match(answer.headers['cache-control'], /immutable/, url);
      answer.on('data', (data) => (bytes += data.length));
      answer.on('end', () => done(bytes));
    }).on('error', failed);
  });
}

await scenario('01-first-visit', async (stage) => {
  const context = await stage.browser.newContext({ viewport: { width: 1360, height: 860 }, locale: 'zh-CN' });
  const page = await stage.open({ url: 'about:blank', context });
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  const requests = new Map();
  session.on('Network.requestWillBeSent', ({ requestId, request }) => requests.set(requestId, { url: request.url, bytes: 0 }));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => requests.has(requestId) && (requests.get(requestId).bytes = encodedDataLength));
  const sum = (some) => some.reduce((total, one) => total + one.bytes, 0);
  const of = (shape) => [...requests.values()].filter((one) => shape.test(new URL(one.url).pathname));

  const answer = await page.goto(stage.server.url);
  const headers = answer.headers();
  for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", 'trusted-types lit-html clarion']) assert.ok(headers['content-security-policy'].includes(part), part);
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  const html = await answer.text();
  assert.ok(!html.includes('{{'), 'every place holder was filled');
  assert.match(html, /<div id="shell"/);

  await page.getByRole('button', { name: '登录' }).waitFor();
  await stage.shot(page, 'sign-in');
  const shell = [...of(/^\/$/), ...of(/\.css$|head\.js$/)];
  assert.ok(sum(shell) <= SHELL_BYTES, `shell: ${sum(shell)} bytes`);

  await page.getByLabel('密码').fill('wrong');
  await page.getByLabel('工号或邮箱').fill('e1001');

  await signIn(page, 'e1001');
  await page.waitForFunction(() => performance.getEntriesByName('clarion:ready').length > 0);
  await stage.shot(page, 'ready');
  // Urgents come with the first one, or two seconds later: on a slow machine that may be now.
  const ready = [...requests.values()].filter((one) => !/\/urgent\.(js|css)$/.test(one.url));
  const modules = of(/\.js$/).map((one) => new URL(one.url).pathname.split('/').slice(3).join('/')).filter((path) => !['link/shared.js', 'notice.js', 'urgent.js'].includes(path));
  assert.deepEqual(modules.sort(), ['app.js', 'head.js'], 'nothing else is loaded before ready; notices come right behind it, urgents with the first one or later');
  // The worker's script is fetched where this page does not see it.
  const prefix = /data-prefix="([^"]+)"/.exec(html)[1];
  const worker_bytes = await weigh(`${stage.server.url}${prefix}/link/shared.js`, 'br');
  const bytes = sum(ready) + worker_bytes;
  assert.ok(bytes <= READY_BYTES, `ready: ${bytes} bytes in ${ready.length} requests`);
  assert.ok(ready.length + 1 <= READY_REQUESTS, `ready: ${ready.length + 1} requests`);
  console.log(`   shell ${sum(shell)} bytes in ${shell.length} requests, ready ${bytes} bytes in ${ready.length + 1} requests`);
  // Over plain HTTP browsers take gzip only: the budget holds there too.
  const named = ['head.js', 'tokens.css', 'layout.css', 'parts.css', 'app.js', 'link/shared.js'];
  const plain = await Promise.all(named.filter((name) => name !== 'head.js').map((name) => weigh(`${stage.server.url}${prefix}/${name}`, 'gzip')));
  const plain_bytes = plain.reduce((total, one) => total + one, 0) + 9_000;
  assert.ok(plain_bytes <= READY_BYTES, `ready by gzip: ${plain_bytes} bytes`);
  console.log(`   by gzip ${plain_bytes} bytes`);
  const marks = await page.evaluate(() => performance.getEntriesByType('mark').map((mark) => `${mark.name} ${Math.round(mark.startTime)} ms`));
  console.log(`   ${marks.join(', ')}`);

  // The lazy parts come when the page is idle.
  await until('the lazy parts', () => of(/settings\.js$/).length > 0, 20_000);
  await page.waitForTimeout(500);
  assert.ok(sum([...requests.values()]) <= ALL_BYTES, `all: ${sum([...requests.values()])} bytes`);
  console.log(`   everything ${sum([...requests.values()])} bytes in ${requests.size} requests`);

  // A second visit asks the server for the start page only.
  const before = requests.size;
  await page.reload();
  await page.getByRole('heading', { name: '聊天' }).waitFor();
  const again = [...requests.values()].slice(before).filter((one) => /\/web\/[0-9a-f]+\//.test(one.url) && one.bytes > 0);
  assert.deepEqual(again.map((one) => one.url), [], 'what was loaded once is kept');

  const dump = await page.evaluate(() => ({ cookie: document.cookie, stored: JSON.stringify(localStorage) }));
  assert.equal(dump.cookie, '', 'the cookie cannot be read by script');
  assert.doesNotMatch(dump.stored, /token/i);
});

// Under a plain-HTTP name of an intranet, which is no secure context.
const NAME = 'clarion.intranet.test';
await scenario('01-intranet', async (stage) => {
  const browser = await startBrowser([`--host-resolver-rules=MAP ${NAME} 127.0.0.1`]);
  try {
    const page = await (await browser.newContext({ locale: 'zh-CN' })).newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`http://${NAME}:${stage.server.port}`);
    assert.equal(await page.evaluate(() => isSecureContext), false);
    await signIn(page, 'e1002');
    await page.getByRole('button', { name: '设置' }).click();
    await page.getByText('通过 HTTPS 打开时').waitFor();
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
  }
}, { environment: (port) => ({ CLARION_PUBLIC_URL: `http://${NAME}:${port}` }) });
