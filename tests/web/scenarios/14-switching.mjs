// A hundred switches while writing: each message is in the chat whose header was shown at Enter, each draft in its own.

import assert from 'node:assert/strict';
import { composer, options, scenario, speak, until } from '../stage.mjs';

const CHATS = 12;
const TURNS = 100;
const HEAP_FACTOR = 1.15;

await scenario('14-switching', async (stage) => {
  const { url } = stage.server;
  const tool = await speak(url, 'e1001');
  const ids = new Map();
  for (let n = 1; n <= CHATS; n += 1) {
    const name = `群 ${String(n).padStart(2, '0')}`;
    const chat = await tool.ask('create_group', { client_message_id: `g${n}`, name, user_ids: ['e1002'], department_ids: [] });
    ids.set(name, chat.chat_id);
    for (let m = 0; m < 30; m += 1) await tool.say(chat.chat_id, `${name} 的旧消息 ${m}`);
  }
  const a = await stage.person('e1001');
  const cdp = await a.context().newCDPSession(a);
  await cdp.send('Performance.enable');
  const heap = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    return metrics.find((one) => one.name === 'JSHeapUsedSize').value;
  };
  const names = [...ids.keys()];
  const open = async (name) => {
    await a.keyboard.press('Control+k');
    await a.getByRole('combobox').fill(name);
    await options(a).filter({ hasText: name }).first().waitFor();
    await a.keyboard.press('Enter');
  };
  for (const name of names) {
    await open(name);
    await a.getByRole('heading', { name, exact: true }).waitFor();
  }
  const before = await heap();
  let seed = Number(process.env.SEED ?? 14);
  console.log(`   seed ${seed}`);
  const random = () => ((seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff);
  const wanted = new Map(names.map((name) => [name, []]));
  const drafts = new Map();
  for (let turn = 0; turn < TURNS; turn += 1) {
    const name = names[Math.floor(random() * names.length)];
    await open(name);
    // Not waited for: the keys go on while the chat is being drawn.
    if (random() < 0.6) {
      await a.keyboard.type(` 消息${turn}`);
      const shown = await a.evaluate(() => [document.querySelector('.head_name').textContent, document.querySelector('.composer_text').value]);
      await a.keyboard.press('Enter');
      wanted.get(shown[0]).push(shown[1]);
      drafts.delete(shown[0]);
    } else {
      await a.keyboard.type(`稿${turn}`);
      const shown = await a.evaluate(() => [document.querySelector('.head_name').textContent, document.querySelector('.composer_text').value]);
      drafts.set(shown[0], shown[1]);
    }
  }
  await stage.shot(a, 'drafts');
  for (const [name, chat_id] of ids) {
    await until(`messages of ${name}`, async () => {
      const page = await tool.ask('history', { chat_id, limit: 100 });
      const found = page.records.map((record) => record.change.message?.content.text.text).filter((text) => text && !text.includes('旧消息'));
      return JSON.stringify(found) === JSON.stringify(wanted.get(name)) || (globalThis.last = found) === null;
    }, 10_000);
  }
  for (const name of names) {
    await open(name);
    await a.getByRole('heading', { name, exact: true }).waitFor();
    assert.equal(await composer(a).inputValue(), drafts.get(name) ?? '', `draft of ${name}`);
  }
  const after = await heap();
  console.log(`   heap ${(before / 1e6).toFixed(1)} MB before, ${(after / 1e6).toFixed(1)} MB after`);
  assert.ok(after <= before * HEAP_FACTOR + 1_000_000, `heap grew from ${before} to ${after}`);
  assert.ok(after <= 45_000_000);
  const nodes = await a.evaluate(() => [document.querySelectorAll('*').length, document.querySelectorAll('.scroller .row').length]);
  assert.ok(nodes[0] <= 4_000 && nodes[1] <= 60, `nodes ${nodes.join()}`);
  tool.close();
});
