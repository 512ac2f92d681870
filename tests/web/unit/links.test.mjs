// Links end where the Chinese begins; only addresses that may be opened become links.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { PAGES } from './pages.mjs';

const { checkedUrl, findLinks } = await import(join(PAGES, 'views/links.js'));

const VECTORS = [
  ['当当网http://t.cn/RUy3HJN《红楼梦》', ['http://t.cn/RUy3HJN']],
  ['https://example.com/docs（中文说明）', ['https://example.com/docs']],
  ['http://t.cn/RZwjG7U（分享自微博）', ['http://t.cn/RZwjG7U']],
  ['见https://a.cn/wiki/Foo_(bar)。', ['https://a.cn/wiki/Foo_(bar)']],
  ['https://a.cn/b，然后', ['https://a.cn/b']],
  ['(https://a.cn/x)', ['https://a.cn/x']],
  ['https://a.cn/q?a=0&b=1', ['https://a.cn/q?a=0&b=1']],
  ['两个 https://a.cn/1、https://a.cn/2。', ['https://a.cn/1', 'https://a.cn/2']],
  ['写信 mailto:a@b.cn 给我', ['mailto:a@b.cn']],
  ['没有链接 http:// 和 https://', []],
  ['javascript:alert(1) data:text/html,x', []],
  ['https://a.cn/"onclick="x', ['https://a.cn/']],
  ['<https://a.cn/x>', ['https://a.cn/x']],
  ['https://a.cn/end.', ['https://a.cn/end']],
  ['https://a.cn/**', ['https://a.cn/']],
];

for (const [text, wanted] of VECTORS) {
  test(`links of ${JSON.stringify(text)}`, () => assert.deepEqual(findLinks(text).map(({ from, to }) => text.slice(from, to)), wanted));
}

test('only http, https and mailto may be opened', () => {
  for (const bad of ['javascript:alert(1)', 'data:text/html,<b>', 'vbscript:x', 'file:///etc/passwd', 'blob:https://a/b', ' java\nscript:alert(1)', 'about:blank', '//a.cn']) assert.equal(checkedUrl(bad), null, bad);
  assert.equal(checkedUrl('https://a.cn/x').href, 'https://a.cn/x');
});

test('a host in mixed scripts is shown in punycode', () => {
  // The first letter is Cyrillic.
  assert.match(checkedUrl('https://\u0430pple.com/').shown, /xn--/);
});
