// Hostile content: nothing runs, rows stay within their bounds, the others are drawn; foreign pages get nothing.

import assert from 'node:assert/strict';
import http from 'node:http';
import { scenario, openChat, speak, until, write } from '../stage.mjs';

const POISON = '<img src=x onerror="globalThis.__ran=1"><script>globalThis.__ran=1</script>';

await scenario('19-hostile', async (stage) => {
  const { url } = stage.server;
  const bad = await speak(url, 'e1001');
  const chat = await bad.ask('create_group', { client_message_id: 'bad', name: `${POISON} \u202e反转`, user_ids: ['e1002', 'e1003'], department_ids: [] });
  const { chat_id } = chat;
  const sent = [
    POISON,
    'javascript:globalThis.__ran=1 data:text/html,<script>globalThis.__ran=1</script> https://example.com/ok',
    '\u202egnp.exe\u202c \u2066x\u2069 反向文字',
    `长${'字'.repeat(30_000)}`,
    '😀'.repeat(10_000),
    'a'.repeat(100_000),
    `${'嵌'.repeat(5)}\n`.repeat(3_000),
    '```\n<script>globalThis.__ran=1</script>\n```',
    '{{constructor.constructor("globalThis.__ran=1")()}} ${globalThis.__ran=1}',
  ];
  for (const text of sent) await bad.say(chat_id, text);
  const contents = [
    { card: { card: JSON.stringify({ header: { title: { content: POISON }, template: '"><img onerror=1>' }, elements: [{ tag: 'markdown', content: `${POISON} [点](javascript:globalThis.__ran=1)` }, { tag: 'made_up', text: { content: '未知的组件' } }] }) } },
    { card: { card: JSON.stringify({ schema: '2.0', body: { elements: 'not a list' } }) } },
    { card: { card: '{"elements":[null,1,{"tag":null},[[[[]]]]]}' } },
    { post: { post: JSON.stringify({ title: POISON, content: [[{ tag: 'text', text: POISON }, { tag: 'a', text: '点我', href: 'javascript:globalThis.__ran=1' }, { tag: 'img', image_key: '../../etc/passwd' }, { tag: 'made_up', text: '别的' }, null]] }) } },
  ];
  let refused = 0;
  for (const content of contents) await bad.say(chat_id, '', { content }).catch(() => (refused += 1));
  const upload = await fetch(`${url}/files?name=${encodeURIComponent('<img src=x onerror=globalThis.__ran=1>\u202egnp.exe')}`, { method: 'POST', headers: { cookie: bad.cookie, origin: url, 'content-type': 'application/octet-stream' }, body: 'x' });
  if (upload.ok) await bad.say(chat_id, '', { content: { file: { key: (await upload.json()).key } } });
  await bad.say(chat_id, '最后一条是好的');
  console.log(`   ${refused} of ${contents.length} broken contents were refused by the server, the others are drawn`);

  const b = await stage.person('e1002');
  await openChat(b, 'onerror');
  await until('the good one is there', async () => (await b.getByText('最后一条是好的').count()) > 0 || (await b.locator('.scroller').evaluate((scroller) => scroller.scrollBy(0, 4_000)), false), 20_000);
  const heights = [];
  for (let turn = 0; turn < 12; turn += 1) {
    heights.push(...(await b.locator('.scroller .row').evaluateAll((rows) => rows.map((row) => row.offsetHeight))));
    assert.ok((await b.locator('.scroller .row').count()) <= 60);
    assert.ok((await b.evaluate(() => document.querySelectorAll('*').length)) <= 4_000);
    if (turn === 0) await stage.shot(b, 'end');
    await b.locator('.scroller').evaluate((scroller) => scroller.scrollBy(0, -700));
    await b.waitForTimeout(120);
  }
  await stage.shot(b, 'above');
  assert.ok(Math.max(...heights) < 6_000, `the tallest row is ${Math.max(...heights)} px`);
  const page_width = await b.evaluate(() => [document.documentElement.scrollWidth, innerWidth, document.querySelector('.scroller').scrollWidth, document.querySelector('.scroller').clientWidth]);
  assert.ok(page_width[0] <= page_width[1] && page_width[2] <= page_width[3], `nothing is wider than its place: ${page_width}`);
  assert.equal(await b.evaluate(() => globalThis.__ran), undefined, 'nothing ran');
  const links = await b.locator('.scroller a[href]').evaluateAll((found) => found.map((link) => link.getAttribute('href')));
  for (const link of links) assert.match(link, /^(https?:|mailto:|\/files\/)/);
  assert.equal(await b.locator('.scroller img[onerror], .scroller script, .scroller iframe').count(), 0);
  assert.doesNotMatch(await b.locator('.head_name').innerText(), /[\u202a-\u202e\u2066-\u2069]/, 'signs that turn the writing are shown as marks');

  // The page can still be used.
  await write(b, '我没事');
  await until('sent', async () => (await b.locator('.row.own:not(.unsent)').count()) > 0);

  // Trusted Types stand.
  const blocked = await b.evaluate(() => {
    const before = globalThis.__violations.length;
    try {
      document.createElement('div').innerHTML = '<b>x</b>';
      return false;
    } catch {
      globalThis.__violations.length = before;
      return true;
    }
  });
  assert.ok(blocked, 'text cannot become markup');
  await b.waitForTimeout(100);
  await b.evaluate(() => (globalThis.__violations = []));

  // A foreign page: in a frame it shows nothing, its socket is refused.
  const foreign = http.createServer((_request, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end(`<iframe src="${url}/" id="f"></iframe>`);
  }).listen(0, '127.0.0.1');
  await new Promise((done) => foreign.once('listening', done));
  const context = b.context();
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${foreign.address().port}/`);
  await page.waitForTimeout(800);
  const inside = page.frames().find((frame) => frame !== page.mainFrame());
  const shown = await inside?.evaluate(() => document.body?.innerText ?? '').catch(() => '');
  assert.doesNotMatch(shown ?? '', /登录|聊天/, 'a frame shows nothing of ours');
  const socket = await page.evaluate((address) => new Promise((done) => {
    const opened = new WebSocket(address, 'clarion.v1.json');
    opened.onopen = () => done('open');
    opened.onerror = () => done('refused');
  }), `${url.replace('http', 'ws')}/ws`);
  assert.equal(socket, 'refused', 'a socket of a foreign page is refused');
  foreign.close();
  await page.close();
  bad.close();
}, { ignore: /TrustedHTML|Trusted Type|require-trusted-types-for/ });
