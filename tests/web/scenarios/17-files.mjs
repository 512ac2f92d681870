// Files: paste, drop, text before pictures, progress, retry after a cut; what is not a picture is never drawn.

import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { composer, openChat, openPerson, scenario, speak, startWire, until, write } from '../stage.mjs';

/** A picture of one colour. */
export function png(width, height, [r, g, b] = [31, 90, 224]) {
  const crcTable = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const crc = (data) => {
    let c = 0xffffffff;
    for (const byte of data) c = crcTable[(c ^ byte) & 255] ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
  };
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(8);
    out.writeUInt32BE(data.length, 0);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc(body), 0);
    return Buffer.concat([out.subarray(0, 4), body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const line = Buffer.concat([Buffer.from([0]), Buffer.from(Array.from({ length: width }, () => [r, g, b]).flat())]);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(Array.from({ length: height }, () => line)))), chunk('IEND', Buffer.alloc(0))]);
}

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>globalThis.__ran = 1</script></svg>';
const HTML = '<!doctype html><script>globalThis.__ran = 1</script>';

/** A clipboard or a drop, as the system would give it. */
async function give(page, kind, items) {
  await page.evaluate(async ([type, given]) => {
    const data = new DataTransfer();
    for (const item of given) {
      if (item.text !== undefined) data.setData('text/plain', item.text);
      else data.items.add(new File([Uint8Array.from(atob(item.base64), (c) => c.charCodeAt(0))], item.name, { type: item.type }));
    }
    const target = type === 'paste' ? document.querySelector('.composer_text') : document.querySelector('.chat .inside');
    if (type === 'paste') target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    else {
      target.dispatchEvent(new DragEvent('dragover', { dataTransfer: data, bubbles: true, cancelable: true }));
      target.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  }, [kind, items]);
}

const picture = (name, size = [640, 400], colour) => ({ name, type: 'image/png', base64: png(...size, colour).toString('base64') });
const file = (name, type, text) => ({ name, type, base64: Buffer.from(text).toString('base64') });

await scenario('17-files', async (stage) => {
  const wire = await startWire(stage.server.port);
  const a = await stage.person('e1001', { url: wire.url });
  const b = await stage.person('e1002');
  await openPerson(a, '李四');
  await write(a, '看看这些文件');

  // A pasted screenshot: in the strip, then sent with Enter.
  await composer(a).focus();
  await give(a, 'paste', [picture('image.png')]);
  await a.locator('.strip_file').waitFor();
  await stage.shot(a, 'strip');
  await a.keyboard.press('Enter');
  await until('picture sent', async () => (await a.locator('.row.own:not(.unsent) .picture').count()) === 1, 20_000);

  // Three dropped at once.
  await give(a, 'drop', [picture('红.png', [300, 900], [198, 36, 28]), file('说明 — 一个名字非常非常非常非常长的文件，结尾还在.txt', 'text/plain', '内容'), file('表.csv', 'text/csv', '1,2')]);
  await until('three in the strip', async () => (await a.locator('.strip_file').count()) === 3);
  await composer(a).press('Enter');
  await until('all sent', async () => (await a.locator('.row.unsent').count()) === 0 && (await a.locator('.row.own .file').count()) === 2, 20_000);
  assert.match((await a.locator('.file_name').allInnerTexts()).join(' '), /….*\.txt/, 'the ending of a long name stays');

  // The clipboard of Word and Excel has text and a picture of it: text wins.
  await composer(a).focus();
  await give(a, 'paste', [{ text: '甲\t乙' }, picture('image.png')]);
  await a.waitForTimeout(200);
  assert.equal(await a.locator('.strip_file').count(), 0, 'text wins');

  // B sees them; a picture's box is there before its bytes.
  await b.route(/\/files\//, async (route) => {
    await new Promise((done) => setTimeout(done, 600));
    await route.continue();
  });
  await openChat(b, '张三');
  const box = b.locator('.picture').first();
  await box.waitFor();
  const before = await box.boundingBox();
  await until('loaded', () => b.locator('.picture img').first().evaluate((image) => image.complete && image.naturalWidth > 0), 20_000);
  assert.deepEqual(await box.boundingBox(), before, 'nothing moved when it came');
  assert.ok(before.width <= 361 && before.height <= 361);
  await stage.shot(b, 'received');
  await b.unroute(/\/files\//);
  await box.click();
  await b.locator('.viewer img').waitFor();
  await stage.shot(b, 'viewer');
  await b.keyboard.press('Escape');

  // SVG and HTML are downloads, never drawn.
  await give(a, 'drop', [file('坏.svg', 'image/svg+xml', SVG), file('坏.html', 'text/html', HTML)]);
  await composer(a).press('Enter');
  await until('sent as files', async () => (await b.locator('.file').filter({ hasText: '坏' }).count()) === 2, 20_000);
  const bad = await b.locator('a.file').filter({ hasText: '坏' }).evaluateAll((links) => links.map((link) => link.href));
  for (const href of bad) {
    const answer = await b.request.get(href);
    assert.match(answer.headers()['content-disposition'], /^attachment/, href);
    assert.equal(answer.headers()['x-content-type-options'], 'nosniff');
  }
  assert.equal(await b.evaluate(() => globalThis.__ran), undefined);

  // Somebody else's file.
  const stranger = await speak(stage.server.url, 'e1005');
  for (const href of [...bad, await b.locator('.picture img').first().evaluate((image) => image.src)]) {
    const answer = await fetch(href, { headers: { cookie: stranger.cookie } });
    assert.ok([403, 404].includes(answer.status), `a stranger got ${answer.status}`);
    assert.ok([401, 403, 404].includes((await fetch(href)).status), 'nobody is told to nobody');
  }
  stranger.close();

  // The wire is cut during an upload: it fails with words, and goes after a retry.
  await give(a, 'drop', [{ name: '大.bin', type: 'application/octet-stream', base64: Buffer.alloc(3_000_000, 7).toString('base64') }]);
  wire.stall(true);
  await composer(a).press('Enter');
  await a.locator('.row.unsent').waitFor();
  await a.waitForTimeout(400);
  wire.stall(false);
  wire.refuse(true);
  await a.locator('.row.failed').waitFor({ timeout: 20_000 });
  await stage.shot(a, 'failed');
  wire.refuse(false);
  await a.locator('.row.failed').getByRole('button', { name: '重试' }).click();
  await until('sent after the retry', async () => (await b.locator('.file').filter({ hasText: '大.bin' }).count()) === 1, 20_000);

  // Cancel.
  wire.stall(true);
  await give(a, 'drop', [{ name: '取消.bin', type: 'application/octet-stream', base64: Buffer.alloc(2_000_000, 7).toString('base64') }]);
  await composer(a).press('Enter');
  await a.getByRole('button', { name: '取消', exact: true }).click();
  await until('gone', async () => (await a.locator('.row.unsent').count()) === 0);
  wire.stall(false);
  wire.cut();
  await wire.close();
  // The strip of files makes the composer grow; a drop made by a script is no input of a person to the browser's measure.
}, { cuts: true, shift: 0.05 });
