// What a card shows, read from its JSON: both schemas become one tree of known elements. Pure.
//
// Nothing of the card reaches the page but texts, checked addresses, keys of our own files and names from fixed lists.
// What is not known degrades to its own words; what has none is left out.

import { checkedUrl } from './links.js';
import { blocks, colourName, inline, wordsOf } from './markdown.js';

/** Elements of a card that are drawn, and how deep they may stand within each other. */
const ELEMENTS = 200;
const DEPTH = 6;
/** Rows of a table, options of a choice, fields of a text, people of a list. */
const ROWS = 100;
const OPTIONS = 100;
/** Characters of one text. */
const CHARACTERS = 30_000;
/** Above this estimate a card is shown in part, with a button for the rest. px */
export const TALL_PX = 640;

const TEMPLATES = new Set(['blue', 'wathet', 'turquoise', 'green', 'yellow', 'orange', 'red', 'carmine', 'violet', 'purple', 'indigo', 'grey']);
const LOCALES = { zh: ['zh_cn', 'zh_hk', 'zh_tw'], en: ['en_us', 'en_gb'] };
const FLEX = new Set(['none', 'stretch', 'flow', 'bisect', 'trisect']);
const BUTTONS = { primary: 'primary', primary_filled: 'primary', primary_text: 'text_primary', danger: 'danger', danger_filled: 'danger', danger_text: 'text_danger', text: 'text', laser: 'primary' };

/**
 * @param {string} source JSON text
 * @param {'zh' | 'en'} [language]
 * @returns {{header: object | null, elements: object[], wide: boolean, link: string | null, summary: string, height_px: number, cut: boolean}}
 * @throws when it is not the JSON of an object
 */
export function readCard(source, language = 'zh') {
  const card = JSON.parse(source);
  if (!isObject(card)) throw new TypeError('a card is an object');
  const reader = new Reader(language);
  const listed = list(card.body?.elements) ?? list(card.elements) ?? list(reader.ofLanguage(card.i18n_elements)) ?? list(reader.ofLanguage(card.i18n_body)?.elements) ?? [];
  const header = reader.header(reader.ofLanguage(card.i18n_header) ?? card.header);
  const elements = reader.elements(listed, 0);
  const read = {
    header, elements,
    wide: card.config?.wide_screen_mode === true || card.config?.width_mode === 'fill',
    link: reader.address(card.card_link),
    summary: reader.said(card.config?.summary),
    cut: reader.cut,
  };
  return { ...read, height_px: (header ? 48 : 0) + heightOf(elements) };
}

class Reader {
  constructor(language) {
    this.own = LOCALES[language];
    this.locales = [...this.own, ...LOCALES[language === 'zh' ? 'en' : 'zh']];
    this.left = ELEMENTS;
    this.cut = false;
  }

  /** The value for the reader's language, else any. */
  ofLanguage(values) {
    if (!isObject(values)) return undefined;
    for (const locale of this.locales) if (values[locale] !== undefined) return values[locale];
    return Object.values(values)[0];
  }

  /** The text of a text object, or of a text. */
  said(text) {
    if (typeof text === 'string') return text.slice(0, CHARACTERS);
    if (typeof text === 'number' || typeof text === 'boolean') return String(text);
    if (!isObject(text)) return '';
    const other = text.i18n_content ?? text.i18n;
    const own = isObject(other) ? this.own.map((locale) => other[locale]).find((said) => said !== undefined) : undefined;
    const found = own ?? text.content ?? text.text ?? this.ofLanguage(other);
    return typeof found === 'string' ? found.slice(0, CHARACTERS) : typeof found === 'number' ? String(found) : isObject(found) ? plain(found.content).slice(0, CHARACTERS) : '';
  }

  /** Blocks of a text: Markdown where it says so. */
  blocks(text) {
    const said = this.said(text);
    if (!said) return [];
    return isObject(text) && text.tag === 'plain_text' ? [{ kind: 'paragraph', inline: [{ kind: 'text', text: said }] }] : blocks(said);
  }

  /** The address that something opens; the one for computers first. */
  address(value) {
    if (typeof value === 'string') return checkedUrl(value)?.href ?? null;
    if (!isObject(value)) return null;
    for (const name of ['pc_url', 'default_url', 'url']) {
      const found = typeof value[name] === 'string' && value[name] ? checkedUrl(value[name]) : null;
      if (found) return found.href;
    }
    return null;
  }

  /** The address of a control: of its own, or of its behaviours. */
  opens(element) {
    const opening = list(element.behaviors)?.find((one) => isObject(one) && one.type === 'open_url');
    return this.address(element.multi_url) ?? this.address(element.url) ?? this.address(opening);
  }

  header(header) {
    if (!isObject(header)) return null;
    const title = this.said(header.title);
    const subtitle = this.said(header.subtitle);
    const tags = (list(header.text_tag_list) ?? list(this.ofLanguage(header.i18n_text_tag_list)) ?? []).filter(isObject).slice(0, 3).map((tag) => ({ text: this.said(tag.text), colour: colourName(tag.color) ?? 'blue' })).filter((tag) => tag.text);
    if (!title && !subtitle && tags.length === 0) return null;
    return { title, subtitle, tags, template: TEMPLATES.has(header.template) ? header.template : 'grey', plain: !TEMPLATES.has(header.template), icon: fileKey(header.icon?.img_key ?? header.ud_icon?.img_key) };
  }

  elements(elements, depth) {
    const found = [];
    for (const element of elements) {
      const read = this.element(element, depth);
      if (read) found.push(read);
    }
    return found;
  }

  element(element, depth) {
    if (!isObject(element)) return null;
    if (depth > DEPTH || this.left <= 0) {
      this.cut = true;
      return null;
    }
    this.left -= 1;
    const read = Object.hasOwn(KNOWN, plain(element.tag)) ? KNOWN[element.tag](this, element, depth) : undefined;
    return read === undefined ? this.degraded(element, depth) : read;
  }

  /** What is not known shows its own words, and what stands in it. */
  degraded(element, depth) {
    const text = this.said(element.text) || this.said(element.content) || this.said(element.title) || this.said(element.placeholder);
    const inside = list(element.elements) ?? list(element.columns) ?? list(element.actions);
    const below = inside ? this.elements(inside, depth + 1) : [];
    const own = text ? [{ kind: 'text', blocks: isObject(element.text) ? this.blocks(element.text) : blocks(text) }] : [];
    if (own.length + below.length === 0) return null;
    return below.length === 0 ? own[0] : { kind: 'group', elements: [...own, ...below] };
  }

  options(element) {
    return (list(element.options) ?? []).filter(isObject).slice(0, OPTIONS).map((option) => ({ value: plain(option.value), text: this.said(option.text) || this.said(option.value), url: this.opens(option) })).filter((option) => option.text);
  }
}

/** What is chosen at first: its words. */
function chosen(element, options) {
  const values = list(element.selected_values) ?? list(element.initial_options);
  if (values) return options.filter((option) => values.map(plain).includes(option.value)).map((option) => option.text);
  const initial = plain(element.initial_option);
  const by_index = Number.isInteger(element.initial_index) && element.initial_index > 0 ? options[element.initial_index - 1] : undefined;
  const found = options.find((option) => option.value === initial || (initial && option.text === initial)) ?? by_index;
  return found ? [found.text] : [];
}

const text = (card, element) => ({ kind: 'text', blocks: card.blocks(element), align: align(element.text_align), size: textSize(element.text_size) });
const select = (card, element) => {
  const options = card.options(element);
  return { kind: 'select', name: plain(element.name), label: card.said(element.label), placeholder: card.said(element.placeholder), options, chosen: chosen(element, options), multi: plain(element.tag).startsWith('multi') };
};
const selectPerson = (card, element) => {
  const ids = list(element.selected_values) ?? [element.initial_option].filter(Boolean);
  return { kind: 'select', name: plain(element.name), label: card.said(element.label), placeholder: card.said(element.placeholder), options: [], chosen: [], people: ids.map(plain).slice(0, OPTIONS), multi: plain(element.tag).startsWith('multi') };
};
const date = (card, element) => ({ kind: 'date', label: card.said(element.label), placeholder: card.said(element.placeholder), value: plain(element.initial_date ?? element.initial_time ?? element.initial_datetime), form: element.tag === 'date_picker' ? 'date' : element.tag === 'picker_time' ? 'time' : 'datetime' });

/** Each known tag: how it is read; null draws nothing, undefined degrades. */
const KNOWN = {
  markdown: text,
  plain_text: text,
  lark_md: text,
  div(card, element) {
    const fields = (list(element.fields) ?? []).filter(isObject).slice(0, OPTIONS).map((field) => ({ short: field.is_short === true, blocks: card.blocks(field.text) })).filter((field) => field.blocks.length > 0);
    const extra = element.extra ? card.element(element.extra, 1) : null;
    const own = card.blocks(element.text);
    if (own.length + fields.length === 0 && !extra) return null;
    return { kind: 'div', blocks: own, fields, extra, align: align(element.text?.text_align), size: textSize(element.text?.text_size) };
  },
  hr: () => ({ kind: 'hr' }),
  img(card, element) {
    const key = fileKey(element.img_key ?? element.image_key);
    const alt = card.said(element.alt);
    const title = card.said(element.title);
    if (!key) return alt || title ? { kind: 'text', blocks: [{ kind: 'paragraph', inline: [{ kind: 'text', text: alt || title }] }] } : null;
    return { kind: 'img', key, alt, title, size: imageSize(element), crop: plain(element.scale_type ?? element.mode ?? 'crop_center').startsWith('crop') };
  },
  img_combination(_card, element) {
    const keys = (list(element.img_list) ?? []).map((one) => fileKey(one?.img_key)).filter(Boolean).slice(0, 9);
    return keys.length ? { kind: 'pictures', keys } : null;
  },
  note(card, element) {
    const parts = (list(element.elements) ?? []).filter(isObject).slice(0, 20).map((part) => (part.tag === 'img' ? { key: fileKey(part.img_key), alt: card.said(part.alt) } : { inline: part.tag === 'plain_text' ? [{ kind: 'text', text: card.said(part) }] : inline(card.said(part)) })).filter((part) => part.key || part.inline?.length);
    return parts.length ? { kind: 'note', parts } : undefined;
  },
  action: (card, element, depth) => actions(card, element, depth),
  actions: (card, element, depth) => actions(card, element, depth),
  button(card, element) {
    const words = card.said(element.text);
    if (!words && !element.icon) return null;
    return { kind: 'button', text: words || card.said(element.hover_tips) || '…', look: Object.hasOwn(BUTTONS, plain(element.type)) ? BUTTONS[element.type] : 'default', url: card.opens(element), disabled: element.disabled === true, fill: element.width === 'fill', tip: card.said(element.hover_tips) };
  },
  overflow(card, element) {
    const options = card.options(element);
    return options.length ? { kind: 'overflow', options } : null;
  },
  select_static: select,
  multi_select_static: select,
  select_img: (card, element) => {
    const options = (list(element.options) ?? []).filter(isObject).slice(0, 20);
    const keys = options.map((option) => fileKey(option.img_key)).filter(Boolean);
    return keys.length ? { kind: 'pictures', keys } : null;
  },
  select_person: selectPerson,
  multi_select_person: selectPerson,
  date_picker: date,
  picker_time: date,
  picker_datetime: date,
  input: (card, element) => ({ kind: 'input', name: plain(element.name), label: card.said(element.label), placeholder: card.said(element.placeholder), value: card.said(element.default_value), long: element.input_type === 'multiline_text' || Number(plain(element.rows)) > 1 }),
  checker: (card, element) => ({ kind: 'checker', blocks: card.blocks(element.text), checked: element.checked === true }),
  column_set(card, element, depth) {
    const columns = (list(element.columns) ?? []).filter(isObject).slice(0, 12).map((column) => ({
      elements: card.elements(list(column.elements) ?? [], depth + 1),
      weight: column.width === 'weighted' || column.width === undefined ? bounded(column.weight, 1, 5, 1) : 0,
      width: /^\d{1,3}px$/.test(plain(column.width)) ? Math.min(600, Number.parseInt(column.width, 10)) : null,
      vertical: column.vertical_align === 'center' ? 'center' : column.vertical_align === 'bottom' ? 'end' : 'start',
      shaded: shaded(column.background_style),
    }));
    if (columns.every((column) => column.elements.length === 0)) return null;
    return { kind: 'columns', flex: FLEX.has(element.flex_mode) ? element.flex_mode : 'none', shaded: shaded(element.background_style), columns: columns.filter((column) => column.elements.length > 0), url: card.opens(element.action ?? {}) };
  },
  column: (card, element, depth) => group(card, element, depth),
  form: (card, element, depth) => group(card, element, depth),
  interactive_container(card, element, depth) {
    const inside = card.elements(list(element.elements) ?? [], depth + 1);
    return inside.length ? { kind: 'container', elements: inside, url: card.opens(element), shaded: shaded(element.background_style), border: element.has_border === true } : null;
  },
  collapsible_panel(card, element, depth) {
    const inside = card.elements(list(element.elements) ?? [], depth + 1);
    const title = card.said(element.header?.title);
    return inside.length || title ? { kind: 'panel', title: element.header?.title?.tag === 'plain_text' ? [{ kind: 'text', text: title }] : inline(title), open: element.expanded === true, elements: inside, border: isObject(element.border) } : null;
  },
  person: (_card, element) => (plain(element.user_id) ? { kind: 'people', ids: [plain(element.user_id)] } : null),
  person_list(_card, element) {
    const ids = (list(element.persons) ?? []).map((one) => plain(one?.id ?? one)).filter(Boolean).slice(0, ROWS);
    return ids.length ? { kind: 'people', ids } : null;
  },
  table(card, element) {
    const columns = (list(element.columns) ?? []).filter(isObject).slice(0, 20).map((column) => ({ name: plain(column.name), words: card.said(column.display_name), type: plain(column.data_type) || 'text', align: align(column.horizontal_align) ?? 'left' }));
    if (columns.length === 0) return null;
    const given = (list(element.rows) ?? []).filter(isObject);
    const rows = given.slice(0, ROWS).map((row) => columns.map((column) => cell(card, row[column.name], column.type)));
    return { kind: 'table', columns, rows, page_rows: bounded(element.page_size, 1, 10, 5), cut: given.length > ROWS };
  },
  chart(card, element) {
    const title = card.said(element.chart_spec?.title?.text) || card.said(element.chart_spec?.title?.[0]?.text);
    return { kind: 'chart', title };
  },
};

function actions(card, element, depth) {
  const items = card.elements(list(element.actions) ?? [], depth + 1);
  return items.length ? { kind: 'actions', layout: ['bisected', 'trisection', 'flow'].includes(element.layout) ? element.layout : 'flow', items } : null;
}

function group(card, element, depth) {
  const inside = card.elements(list(element.elements) ?? [], depth + 1);
  return inside.length ? { kind: 'group', elements: inside } : undefined;
}

/** A cell of a table: blocks, marks with colours, or people. */
function cell(card, value, type) {
  if (value === undefined || value === null || value === '') return { blocks: [] };
  if (type === 'options' && Array.isArray(value)) return { tags: value.filter(isObject).slice(0, 20).map((one) => ({ text: card.said(one.text), colour: colourName(one.color) ?? 'grey' })) };
  if (type === 'persons' || type === 'person') return { ids: (Array.isArray(value) ? value : [value]).map(plain).slice(0, 20) };
  if (type === 'date' && Math.abs(Number(plain(value) || NaN)) < 8.64e15) return { at_ms: Number(plain(value)) };
  const said = Array.isArray(value) ? value.map((one) => card.said(isObject(one) ? (one.text ?? one) : one)).join('、') : card.said(value);
  if (type === 'markdown' || type === 'lark_md') return { blocks: blocks(said) };
  return { blocks: said ? [{ kind: 'paragraph', inline: [{ kind: 'text', text: said }] }] : [] };
}

/** A key of a file of ours; what is none (an address, a path) draws nothing. */
export function fileKey(value) {
  return typeof value === 'string' && /^[\w-]{1,120}$/.test(value) ? value : null;
}

const PICTURES = { tiny: [16, 16], small: [40, 40], medium: [80, 80], large: [160, 160] };

/** The box of a picture where the card says it, px; null takes the width of the card. */
function imageSize(element) {
  const given = /^(\d{1,4})(?:px)?\s+(\d{1,4})(?:px)?$/.exec(plain(element.size));
  if (given) return [bounded(Number(given[1]), 1, 600, 16), bounded(Number(given[2]), 1, 600, 16)];
  if (Object.hasOwn(PICTURES, plain(element.size))) return PICTURES[element.size];
  return element.mode === 'tiny' ? PICTURES.tiny : element.mode === 'small' ? PICTURES.small : element.mode === 'medium' ? PICTURES.medium : element.mode === 'large' ? PICTURES.large : null;
}

const align = (value) => (['left', 'center', 'right'].includes(value) ? value : null);
const textSize = (value) => (/^heading|^xx?-large|^large$/.test(plain(value)) ? 'large' : value === 'notation' || value === 'small' || value === 'x-small' ? 'small' : null);
const shaded = (value) => (value && value !== 'default' ? (colourName(value) ?? 'grey') : null);
const bounded = (value, least, most, other) => (Number.isFinite(value) ? Math.min(most, Math.max(least, Math.round(value))) : other);
/** What stands in a field for a word: JSON may hold an object there, and one that cannot be made a text at that. */
const plain = (value) => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '');
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const list = (value) => (Array.isArray(value) ? value : undefined);

/** A guess of the height of elements, px: enough to tell long cards from short ones. */
export function heightOf(elements) {
  return elements.reduce((sum, element) => sum + height(element) + 8, 0);
}

function height(element) {
  switch (element.kind) {
    case 'text':
    case 'checker':
      return linesOf(element.blocks) * 22;
    case 'div':
      return (linesOf(element.blocks) + element.fields.reduce((sum, field) => sum + linesOf(field.blocks) * (field.short ? 0.5 : 1), 0)) * 22;
    case 'img':
      return element.size ? element.size[1] : 220;
    case 'pictures':
      return 120 * Math.ceil(element.keys.length / 3);
    case 'hr':
      return 9;
    case 'table':
      return 36 * (Math.min(element.rows.length, element.page_rows) + 1);
    case 'columns':
      return Math.max(...element.columns.map((column) => heightOf(column.elements)));
    case 'panel':
      return 36 + (element.open ? heightOf(element.elements) : 0);
    case 'group':
    case 'container':
      return heightOf(element.elements);
    case 'input':
    case 'select':
    case 'date':
      return element.label ? 60 : 36;
    default:
      return 36;
  }
}

function linesOf(found) {
  return found.reduce((sum, block) => {
    if (block.kind === 'code') return sum + block.text.split('\n').length;
    if (block.kind === 'list') return sum + block.items.reduce((all, item) => all + 1 + linesOf(item.blocks), 0);
    if (block.kind === 'quote') return sum + linesOf(block.blocks);
    if (block.kind === 'table') return sum + block.rows.length + 1;
    if (block.kind === 'image') return sum + 8;
    return sum + (block.inline ? wordsOf(block.inline).split('\n').reduce((all, line) => all + Math.max(1, Math.ceil(line.length / 26)), 0) : 1);
  }, 0);
}
