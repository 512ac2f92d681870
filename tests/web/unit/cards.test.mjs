// Cards of both schemas are read as they are meant; whatever a sender writes, only texts, checked addresses and known names
// come out.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { cards } from '../cards.mjs';
import { PAGES, seeded, SEED } from './pages.mjs';

const { readCard, TALL_PX } = await import(join(PAGES, 'views/card_model.js'));
const { blocks, inline, wordsOf } = await import(join(PAGES, 'views/markdown.js'));

const read = (card, language) => readCard(JSON.stringify(card), language);
const kinds = (elements) => elements.map((element) => element.kind);

test('an alert of schema 1.0: header, fields in pairs, controls, a note', () => {
  const { header, elements, wide, cut } = read(cards().alert);
  assert.deepEqual([header.template, header.tags, wide, cut], ['red', [{ text: '生产', colour: 'carmine' }], true, false]);
  assert.deepEqual(kinds(elements), ['div', 'text', 'hr', 'actions', 'note']);
  assert.deepEqual(elements[0].fields.map((field) => field.short), [true, true, true, true]);
  const [take, mute, open] = elements[3].items;
  assert.deepEqual([take.look, take.url, mute.look, open.url], ['primary', null, 'danger', 'https://grafana.example.com/d/1']);
});

test('an approval of schema 2.0: columns, a person, a form', () => {
  const { header, elements } = read(cards({ person: 'ou_1' }).approval);
  assert.equal(header.subtitle, '李四 · 华东销售部');
  assert.deepEqual(kinds(elements), ['columns', 'people', 'group']);
  assert.deepEqual(elements[0].columns.map((column) => column.weight), [1, 2]);
  assert.deepEqual(kinds(elements[2].elements), ['select', 'date', 'input', 'button']);
  assert.equal(elements[2].elements[1].value, '2026-12-01');
});

test('a report: shaded columns, a table with pages, a closed panel', () => {
  const { elements } = read(cards().report);
  const [columns, table, panel] = elements;
  assert.ok(columns.columns.every((column) => column.shaded === 'grey'));
  assert.deepEqual([table.page_rows, table.rows.length, table.rows[2][2]], [4, 6, { tags: [{ text: '偏低', colour: 'orange' }] }]);
  assert.deepEqual([panel.kind, panel.open], ['panel', false]);
});

test('each reader has the card in their language', () => {
  const zh = read(cards().welcome, 'zh');
  const en = read(cards().welcome, 'en');
  assert.deepEqual([zh.header.title, en.header.title, zh.link], ['欢迎加入项目组', 'Welcome to the team', 'https://wiki.example.com/start']);
  assert.equal(zh.elements[1].extra.text, '签到');
  assert.equal(wordsOf(en.elements[1].blocks), 'Start here: handbook');
});

test('a long card is known to be long before it is drawn', () => {
  assert.ok(read(cards().release).height_px > TALL_PX);
  assert.ok(read(cards().alert).height_px < TALL_PX);
});

test('nothing of a hostile card comes out but texts, checked addresses and names from lists', () => {
  const { header, elements, link } = read(cards().hostile);
  assert.deepEqual([header.template, link], ['grey', null]);
  assert.deepEqual(kinds(elements), ['text', 'text', 'text', 'text', 'actions', 'chart']);
  assert.equal(wordsOf(elements[1].blocks), '不是我们的图片');
  assert.deepEqual(elements[4].items.map((item) => item.url ?? item.options?.map((option) => option.url) ?? null), [null, ['https://a.example.com/']]);
  const walk = (value, name = '') => {
    if (Array.isArray(value)) value.forEach((one) => walk(one, name));
    else if (value && typeof value === 'object') for (const key of Object.keys(value)) walk(value[key], key);
    else if (['url', 'href', 'link'].includes(name) && value) assert.match(value, /^(https?|mailto):/);
    else if (['key'].includes(name) && value && !/evil/.test(value)) assert.match(value, /^[\w-]+$/);
    else if (['template', 'colour', 'look', 'flex', 'shaded', 'align', 'size', 'layout', 'form', 'vertical'].includes(name) && typeof value === 'string') assert.match(value, /^[a-z_]+$/);
  };
  walk([header, elements]);
});

test('elements and depth are bounded, and what is left out is said', () => {
  assert.equal(read({ elements: Array.from({ length: 250 }, () => ({ tag: 'hr' })) }).elements.length, 200);
  assert.equal(read({ elements: Array.from({ length: 250 }, () => ({ tag: 'hr' })) }).cut, true);
  let nested = { tag: 'markdown', content: 'deep' };
  for (let level = 0; level < 40; level += 1) nested = { tag: 'form', elements: [nested] };
  assert.equal(read({ elements: [nested] }).cut, true);
});

test('any JSON is read without failing', () => {
  const random = seeded(SEED);
  const pick = (values) => values[Math.floor(random() * values.length)];
  const names = ['tag', 'elements', 'text', 'content', 'columns', 'actions', 'fields', 'options', 'rows', 'img_key', 'size', 'width', 'url', 'multi_url', 'behaviors', 'value', 'header', 'title', 'extra', 'img_list', 'persons', 'chart_spec', 'weight', 'i18n_content', 'background_style', 'initial_option', 'selected_values', 'alt', 'page_size', 'data_type', 'name', 'border', 'mode'];
  const tags = ['markdown', 'div', 'img', 'img_combination', 'note', 'action', 'button', 'overflow', 'select_static', 'multi_select_static', 'select_person', 'select_img', 'date_picker', 'input', 'checker', 'column_set', 'column', 'form', 'interactive_container', 'collapsible_panel', 'person', 'person_list', 'table', 'chart', 'hr', 'constructor', 'toString', 'x'];
  const any = (depth) => {
    const kind = random();
    if (depth > 5 || kind < 0.3) return pick([null, true, 0, -1, 1e99, '', 'text', '**b**', '16 16', 'red', [], {}, { toString: 1, valueOf: 1 }]);
    if (kind < 0.5) return Array.from({ length: Math.floor(random() * 4) }, () => any(depth + 1));
    const made = { tag: pick(tags) };
    for (let count = 0; count < 5; count += 1) made[pick(names)] = any(depth + 1);
    return made;
  };
  for (let round = 0; round < 3_000; round += 1) {
    const card = { elements: [any(0), any(0)], header: any(3), body: any(3), i18n_elements: any(3), config: any(4), card_link: any(4) };
    assert.doesNotThrow(() => readCard(JSON.stringify(card)), `SEED=${SEED} ${JSON.stringify(card)}`);
  }
});

test('Markdown as people mean it', () => {
  const TABLE = [
    ['**重点。**后面', [['bold', '重点。'], ['text', '后面']]],
    ['snake_case_name 3*4*5', [['text', 'snake_case_name 3*4*5']]],
    ['*斜*与_斜_', [['italic', '斜'], ['text', '与'], ['italic', '斜']]],
    ['~~旧~~ 1~2 天、3~5 天', [['strike', '旧'], ['text', ' 1~2 天、3~5 天']]],
    ['`a*b*c` 见https://a.cn/x_y_z，好', [['code', 'a*b*c'], ['text', ' 见'], ['link', 'https://a.cn/x_y_z'], ['text', '，好']]],
    ['[括号](https://a.cn/w_(x)) 后', [['link', '括号'], ['text', ' 后']]],
    ['<b>粗</b><font color=red>红</font><font>无</font>', [['bold', '粗'], ['font', '红'], ['font', '无']]],
    ['&lt;b&gt; &amp; &#42; &nosuch;', [['text', '<b> & * &nosuch;']]],
    ['<at id=ou_1></at>:THUMBSUP: :constructor:', [['at', '@ou_1'], ['text', '👍 :constructor:']]],
    ['\\*星\\*', [['text', '*星*']]],
  ];
  for (const [text, expected] of TABLE) assert.deepEqual(inline(text).map((token) => [token.kind, wordsOf([token])]), expected, text);
  assert.deepEqual(blocks('# 题\n- a\n  - b\n- c\n\n1. x\n2. y\n> q\n---\n|a|b|\n|-|-:|\n|1|2|\n```js\nx\n```').map((block) => block.kind), ['heading', 'list', 'list', 'quote', 'rule', 'table', 'code']);
});

test('Markdown of any form is read in time in proportion to its length', () => {
  for (const part of ['*', '**a ', '[', '<font ', '<b>', '`', '_a', '~', 'a](', '![', '<at id=x>', '> ', '- ', '|-|\n', '&#', '((', '[a](', '\n\n#']) {
    const text = part.repeat(Math.floor(100_000 / part.length));
    const before = process.cpuUsage().user;
    blocks(text);
    assert.ok(process.cpuUsage().user - before < 5_000_000, `${JSON.stringify(part)} takes too long`);
  }
});
