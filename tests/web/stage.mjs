// The stage of a scenario: a server of its own, a browser, people in it, a wire that can be cut; and what holds in every one:
// nothing in the console, no violation of the policy, nothing unhandled, nothing that moves by itself.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SHOTS = join(ROOT, 'target/web');
const BINARY = process.env.CLARION_BIN ?? join(ROOT, 'target/debug/clarion');
const BROWSER = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
export const PASSWORD = 'demo';
const READY_MS = 60_000;

export const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `look` gives something true; throws with the last value after `ms`. */
export async function until(what, look, ms = 15_000) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    last = await look();
    if (last) return last;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}; last ${JSON.stringify(last)}`);
    await wait(50);
  }
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** What is set for the tests is not a setting of the server. */
const outside = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CLARION_')));

/** A server with a data folder of its own. `kill` and `start` again keep the folder. */
export async function startServer({ environment = {} } = {}) {
  const data = mkdtempSync(join(tmpdir(), 'clarion-web-'));
  const port = await freePort();
  const settings = typeof environment === 'function' ? environment(port) : environment;
  let child = null;
  let log = '';

  async function start() {
    child = spawn(BINARY, ['--listen', `127.0.0.1:${port}`, '--data', data], { env: { ...outside, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
    const started = child;
    child.stderr.on('data', (text) => (log = (log + text).slice(-20_000)));
    await new Promise((done, failed) => {
      const late = setTimeout(() => failed(new Error(`the server was not ready in time\n${log}`)), READY_MS);
      started.stdout.on('data', (text) => /clarion is ready/.test(String(text)) && (clearTimeout(late), done()));
      started.once('exit', (code) => (clearTimeout(late), failed(new Error(`the server ended with ${code}\n${log}`))));
      started.once('error', failed);
    });
  }

  async function stop(signal) {
    const ended = child;
    if (!ended || ended.exitCode !== null) return;
    const gone = new Promise((done) => ended.once('exit', done));
    ended.kill(signal);
    await gone;
    child = null;
  }

  await start();
  return {
    port, url: `http://127.0.0.1:${port}`, start,
    log: () => log,
    kill: () => stop('SIGKILL'),
    async close() {
      await stop('SIGKILL');
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A wire to the server that can be cut, stalled or refused, as networks do. */
export async function startWire(server_port) {
  const pairs = new Set();
  let refused = false;
  let stalled = false;
  const wire = net.createServer((near) => {
    near.on('error', () => {});
    if (refused) return near.destroy();
    const far = net.connect(server_port, '127.0.0.1');
    far.on('error', () => near.destroy());
    const pair = { near, far, dead: false };
    pairs.add(pair);
    near.on('data', (data) => !stalled && !pair.dead && far.write(data));
    far.on('data', (data) => !stalled && !pair.dead && near.write(data));
    const over = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.on('close', over);
    far.on('close', over);
  });
  wire.listen(0, '127.0.0.1');
  await new Promise((done) => wire.once('listening', done));
  const cut = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    port: wire.address().port,
    url: `http://127.0.0.1:${wire.address().port}`,
    cut,
    refuse(on) {
      refused = on;
      if (on) cut();
    },
    /** What stands now is half open from here on: nothing goes through it, and neither end is told. */
    halfOpen() {
      for (const pair of pairs) pair.dead = true;
    },
    stall: (on) => (stalled = on),
    close: () => {
      cut();
      return new Promise((done) => wire.close(done));
    },
  };
}

export async function startBrowser(extra = []) {
  assert.ok(BROWSER, 'no Chromium here: install the package `chromium`, or name it in CHROMIUM');
  return chromium.launch({ executablePath: BROWSER, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...extra] });
}

/** Words that the network makes a browser say; whether a scenario may cut the wire, it says itself. */
const OF_THE_NETWORK = /WebSocket connection to|Failed to load resource: net::|ERR_CONNECTION|ERR_EMPTY_RESPONSE/;

/**
 * Runs a scenario and holds what all have in common.
 * @param {string} name also of its screenshots
 * @param {(stage: object) => Promise<void>} play
 * @param {{cuts?: boolean, ignore?: RegExp, browser?: string[], environment?: object}} [options]
 */
export async function scenario(name, play, options = {}) {
  mkdirSync(SHOTS, { recursive: true });
  const server = await startServer({ environment: options.environment });
  const browser = await startBrowser(options.browser);
  const pages = [];
  const complaints = [];
  const note = (text) => {
    if (options.cuts && OF_THE_NETWORK.test(text)) return;
    if (options.ignore?.test(text)) return;
    complaints.push(text);
  };

  async function open({ url = server.url, width = 1360, height = 860, locale = 'zh-CN', dark = false, touch = false, context } = {}) {
    const own = context ?? (await browser.newContext({ viewport: { width, height }, locale, colorScheme: dark ? 'dark' : 'light', hasTouch: touch }));
    const page = await own.newPage();
    pages.push(page);
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && note(`console: ${message.text()} ${message.location().url}`));
    page.on('pageerror', (error) => note(`page: ${error.stack ?? error}`));
    await page.addInitScript(() => {
      globalThis.__violations = [];
      globalThis.__shift = 0;
      globalThis.__moved = [];
      document.addEventListener('securitypolicyviolation', (event) => globalThis.__violations.push(`${event.violatedDirective} ${event.blockedURI}`));
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          if (entry.hadRecentInput) continue;
          globalThis.__shift += entry.value;
          if (entry.value > 0.001) globalThis.__moved.push(`${entry.value.toFixed(4)} ${entry.sources.map((source) => `${source.node?.className ?? source.node?.nodeName} ${source.previousRect.y}>${source.currentRect.y}`).join(' | ')}`);
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto(url);
    return page;
  }

  /** Somebody signs in through the form. */
  async function person(login, how = {}) {
    const page = await open(how);
    await signIn(page, login);
    return page;
  }

  let number = 0;
  const stage = {
    server, browser, open, person,
    async shot(page, what) {
      number += 1;
      await page.screenshot({ path: join(SHOTS, `${name}-${number}-${what}.png`) });
    },
  };
  try {
    await play(stage);
    for (const page of pages) {
      if (page.isClosed()) continue;
      const violations = await page.evaluate(() => globalThis.__violations ?? []).catch(() => []);
      assert.deepEqual(violations, [], 'violations of the policy');
      const [shift, moved] = await page.evaluate(() => [globalThis.__shift ?? 0, globalThis.__moved ?? []]).catch(() => [0, []]);
      assert.ok(shift <= (options.shift ?? 0.01), `something moved by itself: layout shift ${shift}\n${moved.slice(0, 8).join('\n')}`);
    }
    assert.deepEqual(complaints, [], 'console and errors');
  } catch (error) {
    for (const [index, page] of pages.entries()) if (!page.isClosed()) await page.screenshot({ path: join(SHOTS, `${name}-failed-${index}.png`) }).catch(() => {});
    if (complaints.length) console.error(complaints.slice(0, 10).join('\n'));
    throw error;
  } finally {
    await browser.close();
    await server.close();
  }
}

export async function signIn(page, login) {
  await page.getByLabel(/^(工号或邮箱|Staff number or e-mail)$/).fill(login);
  await page.getByLabel(/^(密码|Password)$/).fill(PASSWORD);
  await page.getByRole('button', { name: /^(登录|Sign in)$/ }).click();
  await page.getByRole('heading', { name: /^(聊天|Chats)$/ }).waitFor();
  // Ready is when the server has answered: the list is there, or says that it is empty.
  await page.waitForFunction(() => performance.getEntriesByName('clarion:inbox').length > 0);
}

/** Choices of what is in front: the dialog or the mention picker. The list of chats behind it is one too. */
export const options = (page) => page.locator('dialog[open], .picker').getByRole('option');

/** Opens the direct chat with somebody by name or staff number. */
export async function openPerson(page, query, detail = query) {
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox');
  await field.fill(query);
  await options(page).filter({ hasText: detail }).first().click();
  await page.getByRole('textbox', { name: /的消息|Message to/ }).waitFor();
}

export const composer = (page) => page.getByRole('textbox', { name: /的消息$|^Message to/ });

export async function write(page, text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}

/** Texts of the messages that are mounted, in order. */
export const texts = (page) => page.locator('.row.message .bubble .words').allInnerTexts();

/** Makes a group through the page; gives nothing back but leaves it open. */
export async function makeGroup(page, name, people) {
  await page.keyboard.press('Alt+n');
  await page.getByLabel(/^(群名称|Group name)/).fill(name);
  for (const person of people) {
    await page.getByRole('combobox').fill(person);
    await options(page).filter({ hasText: person }).first().click();
  }
  await page.getByRole('button', { name: /^(创建群组|Create group)$/ }).last().click();
  await page.getByRole('heading', { name }).waitFor();
}

/** Opens a chat of the list by its name. */
export async function openChat(page, name) {
  await page.locator('.chat_row').filter({ hasText: name }).first().click();
  await composer(page).waitFor();
}

/** A client over the same port without a page: for filling chats quickly and for asking the server. */
export async function speak(url, login) {
  const device_id = `test-${login}-${Math.random().toString(36).slice(2, 12)}`;
  const answer = await fetch(`${url}/web/sign_in`, { method: 'POST', headers: { 'content-type': 'application/json', origin: url }, body: JSON.stringify({ login, password: PASSWORD, device_id, device_kind: 'browser', device_name: 'test' }) });
  if (!answer.ok) throw new Error(`sign in: ${answer.status} ${await answer.text()}`);
  const cookie = answer.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ');
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'clarion.v1.json', { headers: { cookie, origin: url } });
  await new Promise((done, failed) => {
    socket.once('open', done);
    socket.once('error', failed);
  });
  let next = 1;
  const asked = new Map();
  const events = [];
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data));
    if (frame.event === 'heartbeat') return socket.send('{"id":0,"command":"alive","body":{}}');
    if (frame.event) return events.push(frame);
    const waiting = asked.get(frame.id);
    asked.delete(frame.id);
    if (frame.error) waiting?.failed(Object.assign(new Error(frame.error.what), { error: frame.error }));
    else waiting?.done(frame.reply);
  });
  const ask = (command, body = {}) => new Promise((done, failed) => {
    const id = next++;
    asked.set(id, { done, failed });
    socket.send(JSON.stringify({ id, command, body }));
  });
  const welcome = await ask('hello', { device_id, version: 1 });
  return {
    ask, events, welcome, cookie, url,
    say: (chat_id, text, extra = {}) => ask('send', { chat_id, client_message_id: Math.random().toString(36).slice(2), content: { text: { text } }, in_thread: false, mentions: [], mention_all: false, ...extra }),
    close: () => socket.close(),
  };
}

/** A picture of one colour, as PNG. */
export function png(width, height, [red, green, blue] = [47, 111, 222]) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([head, body, sum]);
  };
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width);
  size.writeUInt32BE(height, 4);
  size.set([8, 2, 0, 0, 0], 8);
  const line = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from([red, green, blue]))]);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', size), chunk('IDAT', deflateSync(Buffer.concat(Array(height).fill(line)))), chunk('IEND', Buffer.alloc(0))]);
}

function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** A demo app of the open platform, as a business system is one. */
export async function startBot(url, app_id = 'cli_c1a7104000000001', app_secret = 'clarion-demo-secret-1') {
  const token = await fetch(`${url}/open-apis/auth/v3/tenant_access_token/internal`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ app_id, app_secret }) }).then((answer) => answer.json());
  const call = async (method, path, body) => {
    const form = body instanceof FormData;
    const answer = await fetch(`${url}/open-apis/${path}`, { method, headers: { authorization: `Bearer ${token.tenant_access_token}`, ...(form || !body ? {} : { 'content-type': 'application/json' }) }, body: form ? body : body && JSON.stringify(body) });
    const told = await answer.json();
    if (told.code !== 0) throw new Error(`${method} ${path}: ${told.code} ${told.msg}`);
    return told.data;
  };
  return {
    call,
    makeGroup: async (name, user_ids) => (await call('POST', 'im/v1/chats?user_id_type=user_id', { name, user_id_list: user_ids })).chat_id,
    person: async (user_id) => (await call('GET', `contact/v3/users/${user_id}?user_id_type=user_id`)).user,
    send: async (chat_id, msg_type, content) => (await call('POST', 'im/v1/messages?receive_id_type=chat_id', { receive_id: chat_id, msg_type, content: JSON.stringify(content) })).message_id,
    sendCard: async (chat_id, card) => (await call('POST', 'im/v1/messages?receive_id_type=chat_id', { receive_id: chat_id, msg_type: 'interactive', content: JSON.stringify(card) })).message_id,
    changeCard: (message_id, card) => call('PATCH', `im/v1/messages/${message_id}`, { content: JSON.stringify(card) }),
    async picture(width = 640, height = 300) {
      const form = new FormData();
      form.set('image_type', 'message');
      form.set('image', new Blob([png(width, height)], { type: 'image/png' }), 'picture.png');
      return (await call('POST', 'im/v1/images', form)).image_key;
    },
  };
}
