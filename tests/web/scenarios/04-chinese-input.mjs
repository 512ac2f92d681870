// Chinese input: Enter that picks a candidate sends nothing, in Chromium's order of events and in Safari's.

import assert from 'node:assert/strict';
import { composer, makeGroup, openPerson, options, scenario, texts, until } from '../stage.mjs';

await scenario('04-chinese-input', async (stage) => {
  const a = await stage.person('e1001');
  const input = await a.context().newCDPSession(a);
  const compose = (text) => input.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
  /** Enter as an input method sends it while it is open. */
  const enterOfTheMethod = async () => {
    await input.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', windowsVirtualKeyCode: 229, key: 'Enter', code: 'Enter' });
    await input.send('Input.dispatchKeyEvent', { type: 'keyUp', windowsVirtualKeyCode: 229, key: 'Enter', code: 'Enter' });
  };
  const commit = (text) => input.send('Input.insertText', { text });
  /** Safari: the composition ends before the key that confirmed it, which then says that nobody composes. */
  const asSafari = (selector) => a.evaluate((given) => {
    const field = document.querySelector(given);
    field.focus();
    field.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
    field.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '好' }));
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', keyCode: 229, which: 229, bubbles: true, cancelable: true }));
  }, selector);

  await openPerson(a, '李四');
  await composer(a).focus();
  await compose("ni'hao");
  await enterOfTheMethod();
  await a.waitForTimeout(300);
  assert.equal(await a.locator('.row.own').count(), 0, 'nothing was sent by the Enter of the input method');
  await stage.shot(a, 'composing');
  await commit('你好');
  await a.keyboard.press('Enter');
  await until('exactly one', async () => (await texts(a)).join() === '你好');
  assert.equal(await composer(a).inputValue(), '');

  await composer(a).fill('再见');
  await asSafari('.composer_text');
  await a.waitForTimeout(300);
  assert.deepEqual(await texts(a), ['你好'], 'the order of Safari sends nothing');
  assert.equal(await composer(a).inputValue(), '再见');
  await composer(a).fill('');

  // In editing.
  await composer(a).press('ArrowUp');
  await a.getByText('编辑消息').waitFor();
  await compose('ma');
  await enterOfTheMethod();
  await a.waitForTimeout(200);
  assert.ok(await a.getByText('编辑消息').isVisible(), 'still editing');
  await commit('吗');
  await a.keyboard.press('Enter');
  await until('edited once', async () => (await texts(a)).join() === '你好吗');
  await until('marked', async () => (await a.locator('.edited').count()) === 1);

  // In the search for people: what is composed is already sought; Enter opens nothing.
  await a.keyboard.press('Control+k');
  await a.getByRole('combobox').focus();
  await compose("zhang'san");
  await enterOfTheMethod();
  await a.waitForTimeout(300);
  assert.ok(await a.getByRole('combobox').isVisible(), 'the search is still open');
  await commit('王芳');
  await until('both of one name, told apart', async () => (await options(a).filter({ hasText: '王芳' }).count()) >= 2);
  const places = await options(a).filter({ hasText: '王芳' }).locator('.person_place').allInnerTexts();
  assert.equal(new Set(places).size, places.length, `told apart: ${places.join(' | ')}`);
  await stage.shot(a, 'two-of-one-name');
  await asSafari('.search_field input');
  await a.waitForTimeout(200);
  assert.ok(await a.getByRole('combobox').isVisible());
  await a.keyboard.press('Escape');

  // In the mention picker: shown while composing, chosen only outside of it.
  await makeGroup(a, '输入法', ['李四', '王五']);
  await composer(a).focus();
  await a.keyboard.type('@');
  await options(a).filter({ hasText: '李四' }).waitFor();
  await compose("wang'wu");
  await enterOfTheMethod();
  await a.waitForTimeout(200);
  assert.doesNotMatch(await composer(a).inputValue(), /@(王五|李四|所有人) /, 'nobody was chosen');
  await commit('王');
  await options(a).filter({ hasText: '王五' }).waitFor();
  await a.keyboard.press('Enter');
  await until('chosen', async () => (await composer(a).inputValue()) === '@王五 ');
  await a.keyboard.type('请看');
  await a.keyboard.press('Enter');
  await until('sent with a mention', async () => (await a.locator('.row.own .mention').innerText()) === '@王五');
  await stage.shot(a, 'mentioned');

  const b = await stage.person('e1003');
  await b.locator('.chat_row').filter({ hasText: '有人@我' }).waitFor();
});
