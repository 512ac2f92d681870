// Names are found while the pinyin is still underlined; the keys of the input method choose nothing.

import assert from 'node:assert/strict';
import { composer, makeGroup, options, scenario, until } from '../stage.mjs';

await scenario('05-search-composing', async (stage) => {
  const page = await stage.person('e1002');
  await makeGroup(page, '拼音试验', ['张三', '王五']);
  const cdp = await page.context().newCDPSession(page);
  const compose = (text) => cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
  const keyOfIme = (key, code) => cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key, code, windowsVirtualKeyCode: 229 });

  // The search of people.
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').waitFor();
  await compose("zhang");
  await options(page).filter({ hasText: '张三' }).first().waitFor();
  for (const [key, code] of [['Enter', 'Enter'], [' ', 'Space'], ['1', 'Digit1'], ['ArrowDown', 'ArrowDown']]) await keyOfIme(key, code);
  await page.waitForTimeout(200);
  assert.equal(await page.getByRole('combobox').count(), 1, 'nothing was chosen');
  await stage.shot(page, 'composing');
  await cdp.send('Input.insertText', { text: '张三' });
  await until('found by the name too', async () => /张三/.test(await options(page).first().innerText()));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '张三' }).waitFor();

  // The picker of mentions.
  await page.locator('.chat_row').filter({ hasText: '拼音试验' }).click();
  await composer(page).focus();
  await page.keyboard.type('@');
  await options(page).first().waitFor();
  await compose('wang');
  await options(page).filter({ hasText: '王五' }).first().waitFor();
  for (const [key, code] of [['Enter', 'Enter'], ['Tab', 'Tab'], [' ', 'Space']]) await keyOfIme(key, code);
  await page.waitForTimeout(200);
  assert.ok((await options(page).count()) > 0, 'the picker stays');
  assert.equal(await page.locator('.row.message').count(), 0, 'nothing was sent');
  await cdp.send('Input.insertText', { text: '王五' });
  await until('one is left', async () => (await options(page).count()) === 1);
  await page.keyboard.press('Enter');
  assert.equal(await composer(page).inputValue(), '@王五 ');
});
