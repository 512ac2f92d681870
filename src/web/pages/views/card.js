// A card as it is shown. The tree comes from card_model.js: nothing here reads what a sender wrote but texts and checked
// addresses. Controls that would tell the sender something stand there, closed: presses come with events.

import { html, nothing } from '../vendor/lit.js';
import { day, clock, langOf, language, moment, t } from '../words/words.js';
import { TALL_PX, fileKey, readCard } from './card_model.js';
import { linkView, mentionView } from './content.js';
import { icon } from './icons.js';
import { blocks } from './markdown.js';
import { nameOf, visible } from './person.js';
import { vars } from './region.js';

/** Cards that were read, by language and text: rows are drawn often. */
const READ = 100;
const read = new Map();

function cardOf(source) {
  const key = `${language.value} ${source}`;
  let found = read.get(key);
  if (found) read.delete(key);
  else found = readCard(source, language.peek());
  read.set(key, found);
  if (read.size > READ) read.delete(read.keys().next().value);
  return found;
}

/**
 * @param {object} page
 * @param {{card: string, people?: {id: string, user_id: string}[], images?: {key: string, width: number, height: number}[]}} body
 * @param {{has: (part: string) => boolean, open: (part: string) => void}} [parts] what the reader has unfolded; without it all is
 */
export function cardView(page, body, parts = { has: () => true, open() {} }) {
  const card = cardOf(body.card);
  const { header, elements } = card;
  if (!header && elements.length === 0) return html`<span class="muted">${visible(card.summary) || t('content.card')}</span>`;
  const view = { page, parts, people: body.people ?? [], images: body.images ?? [], tables: 0 };
  const tall = card.height_px > TALL_PX;
  const folded = tall && !parts.has('card');
  const title = header?.title ? visible(header.title) : '';
  return html`<div class="card ${card.wide ? 'card_wide' : ''} ${folded ? 'card_folded' : ''}" role="group" aria-label=${title || t('content.card')}>
    ${header ? headView(view, card, header, title) : nothing}
    ${elements.length ? html`<div class="card_body">${elements.map((element) => elementView(view, element))}</div>` : nothing}
    ${card.cut ? html`<div class="card_cut muted">${t('card.cut')}</div>` : nothing}
    ${folded ? html`<div class="card_more"><button class="more_text" type="button" @click=${() => parts.open('card')}>${t('card.more')}</button></div>` : nothing}
  </div>`;
}

function headView(view, card, header, title) {
  const words = html`${header.icon ? html`<img class="card_icon" src=${fileOf(header.icon)} alt="">` : nothing}<span class="card_titles">${title ? html`<span class="card_title" lang=${langOf(title) ?? nothing}>${title}</span>` : nothing}${header.subtitle ? html`<span class="card_subtitle">${visible(header.subtitle)}</span>` : nothing}</span>${header.tags.map((tag) => tagView(tag))}`;
  const look = `card_head ${header.plain ? 'card_plain' : `card_${header.template}`}`;
  return card.link ? html`<a class=${look} href=${card.link} target="_blank" rel="noopener noreferrer">${words}</a>` : html`<div class=${look}>${words}</div>`;
}

const fileOf = (key) => `/files/${encodeURIComponent(key)}`;
const tagView = ({ text, colour }) => html`<span class="card_tag card_${colour === 'lime' ? 'green' : colour}">${visible(text)}</span>`;

// ---- elements

function elementView(view, element) {
  return VIEWS[element.kind](view, element);
}

const VIEWS = {
  text: (view, element) => html`<div class="card_text ${formOf(element)}">${blocksView(view, element.blocks)}</div>`,
  div(view, element) {
    const words = html`${element.blocks.length ? html`<div class="card_text ${formOf(element)}">${blocksView(view, element.blocks)}</div>` : nothing}${element.fields.length ? html`<div class="card_fields">${element.fields.map((field) => html`<div class="card_text ${field.short ? 'card_short' : ''}">${blocksView(view, field.blocks)}</div>`)}</div>` : nothing}`;
    return element.extra ? html`<div class="card_line"><div class="grow">${words}</div><div class="card_extra">${elementView(view, element.extra)}</div></div>` : words;
  },
  hr: () => html`<hr>`,
  img: (view, element) => pictureView(view, element),
  pictures: (view, element) => html`<div class="card_pictures">${element.keys.map((key) => pictureView(view, { key, alt: '', title: '', size: [180, 120], crop: true }))}</div>`,
  note: (view, element) => html`<div class="card_note">${element.parts.map((part) => (part.key ? html`<img class="card_icon" src=${fileOf(part.key)} alt=${part.alt}>` : html`<span>${inlineView(view, part.inline ?? [])}</span>`))}</div>`,
  actions: (view, element) => html`<div class="card_actions card_${element.layout}">${element.items.map((item) => elementView(view, item))}</div>`,
  button: (_view, element) => buttonView(element),
  overflow: (_view, element) => html`<span class="card_overflow">${element.options.map((option) => buttonView({ text: option.text, look: 'text', url: option.url }))}</span>`,
  select(view, element) {
    const names = [...element.chosen, ...(element.people ?? []).map((id) => whoIs(view, id))];
    const shown = names.length ? names.join('、') : element.placeholder || t('card.choose');
    return field(element, html`<select class="card_control" disabled aria-label=${element.label || element.placeholder || t('card.choose')} title=${t('card.later')}><option>${visible(shown)}</option></select>`);
  },
  date: (_view, element) => field(element, html`<span class="card_control card_closed" role="note" title=${t('card.later')}>${icon(element.form === 'time' ? 'clock' : 'day', 16)}<span class="grow">${visible(element.value || element.placeholder || t('card.date'))}</span></span>`),
  input: (_view, element) => field(element, element.long ? html`<textarea class="card_control" rows="3" disabled title=${t('card.later')} aria-label=${element.label || element.placeholder || t('card.input')} placeholder=${element.placeholder} .value=${element.value}></textarea>` : html`<input class="card_control" disabled title=${t('card.later')} aria-label=${element.label || element.placeholder || t('card.input')} placeholder=${element.placeholder} .value=${element.value}>`),
  checker: (view, element) => html`<label class="card_checker"><input type="checkbox" disabled ?checked=${element.checked}><span class="card_text ${element.checked ? 'card_done' : ''}">${blocksView(view, element.blocks)}</span></label>`,
  columns: (view, element) => html`<div class="card_columns card_flex_${element.flex} ${shade(element)}">${element.columns.map((column) => html`<div class="card_column card_at_${column.vertical} ${shade(column)} ${column.weight ? '' : 'card_own'}" ${vars({ '--weight': String(column.weight || 0), '--own': column.width ? `${column.width}px` : 'auto' })}>${column.elements.map((one) => elementView(view, one))}</div>`)}</div>`,
  group: (view, element) => html`<div class="card_group">${element.elements.map((one) => elementView(view, one))}</div>`,
  container(view, element) {
    const look = `card_group ${element.border ? 'card_framed' : ''} ${shade(element)}`;
    const inside = element.elements.map((one) => elementView(view, one));
    return html`<div class=${look}>${inside}${element.url ? html`<a class="card_open" href=${element.url} target="_blank" rel="noopener noreferrer">${t('card.open')}${icon('right', 14)}</a>` : nothing}</div>`;
  },
  panel: (view, element) => html`<details class="card_panel ${element.border ? 'card_framed' : ''}" ?open=${element.open}><summary>${inlineView(view, element.title)}</summary><div class="card_group">${element.elements.map((one) => elementView(view, one))}</div></details>`,
  people: (view, element) => html`<div class="card_people">${element.ids.map((id) => personView(view, id))}</div>`,
  table: (view, element) => tableView(view, element),
  chart: (_view, element) => html`<div class="card_note">${icon('chart', 16)}<span>${visible(element.title) || t('card.chart')}${t('colon')}${t('card.chart_elsewhere')}</span></div>`,
};

const formOf = ({ align, size }) => `${align ? `card_${align}` : ''} ${size ? `card_size_${size}` : ''}`;
const shade = ({ shaded }) => (shaded ? `card_shaded ${shaded === 'grey' ? '' : `card_${shaded === 'lime' ? 'green' : shaded}`}` : '');

function field(element, control) {
  return element.label ? html`<label class="card_field"><span>${visible(element.label)}</span>${control}</label>` : control;
}

function buttonView({ text, look, url, fill, tip, disabled }) {
  const form = `card_button card_button_${look} ${fill ? 'card_fill' : ''}`;
  if (url && !disabled) return html`<a class=${form} href=${url} target="_blank" rel="noopener noreferrer" title=${tip || nothing}>${visible(text)}</a>`;
  return html`<button class=${form} type="button" disabled title=${disabled ? tip || nothing : t('card.later')}>${visible(text)}</button>`;
}

function pictureView(view, element) {
  const { page } = view;
  const known = view.images.find((image) => image.key === element.key);
  const name = element.alt || element.title || t('content.picture');
  const [width, height] = element.size ?? [null, null];
  // The box is known before the picture: from its size where the server told it, else a wide one.
  const share = known?.width && known.height ? Math.min(4, Math.max(element.crop ? 0.75 : 0.4, known.width / known.height)) : 16 / 9;
  const source = fileOf(element.key);
  return html`<figure class="card_figure"><button class="card_picture ${element.crop ? 'card_crop' : ''}" type="button" aria-label=${t('content.open_picture', { name })} ${vars({ '--width': width ? `${width}px` : '100%', '--share': String(height ? width / height : share) })}
    @click=${() => (page.screen.layer.value = { kind: 'picture', source, name, key: element.key })}><img src=${source} alt=${name} loading="lazy" decoding="async" @error=${(event) => event.target.closest('.card_picture').classList.add('picture_failed')}><span class="picture_broken">${icon('picture')}${t('content.picture_failed')}</span></button>${element.title ? html`<figcaption>${visible(element.title)}</figcaption>` : nothing}</figure>`;
}

function tableView(view, element) {
  view.tables += 1;
  const part = `table${view.tables}`;
  const whole = view.parts.has(part);
  const rows = whole ? element.rows : element.rows.slice(0, element.page_rows);
  return html`<div class="card_table" role="region" aria-label=${t('card.table')} tabindex="0"><table><thead><tr>${element.columns.map((column) => html`<th scope="col" class="card_${column.align}">${visible(column.words)}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell, at) => html`<td class="card_${element.columns[at].align}">${cellView(view, cell)}</td>`)}</tr>`)}</tbody></table></div>${rows.length < element.rows.length ? html`<button class="more_text" type="button" @click=${() => view.parts.open(part)}>${t('card.more_rows', { n: element.rows.length - rows.length })}</button>` : nothing}${whole && element.cut ? html`<div class="card_cut muted">${t('card.cut')}</div>` : nothing}`;
}

function cellView(view, cell) {
  if (cell.tags) return cell.tags.map(tagView);
  if (cell.ids) return cell.ids.map((id) => personView(view, id));
  if (cell.at_ms !== undefined) return moment(cell.at_ms);
  return blocksView(view, cell.blocks);
}

// ---- people

/** Whose id stands in the card: the server says whom the ids of an app mean. */
function userOf(view, id) {
  return view.people.find((one) => one.id === id)?.user_id ?? (/^o[nu]_/.test(id) || id.includes('@') ? null : id);
}

function whoIs(view, id, written = '') {
  const user_id = userOf(view, id);
  return user_id ? nameOf(view.page, user_id) : visible(written) || (id.includes('@') ? visible(id) : t('card.somebody'));
}

function personView(view, id) {
  const user_id = userOf(view, id);
  return user_id ? mentionView(view.page, nameOf(view.page, user_id), { user_id }) : html`<span class="muted">${whoIs(view, id)}</span>`;
}

// ---- texts

/** Markdown of a post. */
export function markdownView(page, text) {
  return blocksView({ page, people: [], images: [], parts: null }, blocks(text.slice(0, 100_000)));
}

function blocksView(view, found) {
  return found.map((block) => blockView(view, block));
}

function blockView(view, block) {
  switch (block.kind) {
    case 'heading':
      return html`<div class="md_heading md_heading_${block.level}" role="heading" aria-level=${Math.min(6, block.level + 2)}>${inlineView(view, block.inline)}</div>`;
    case 'list': {
      const items = block.items.map((item) => html`<li>${inlineView(view, item.inline)}${blocksView(view, item.blocks)}</li>`);
      return block.ordered ? html`<ol class="md_list" start=${block.start}>${items}</ol>` : html`<ul class="md_list">${items}</ul>`;
    }
    case 'code':
      return html`<pre class="code" tabindex="0"><code>${block.text}</code></pre>`;
    case 'quote':
      return html`<blockquote class="md_quote">${blocksView(view, block.blocks)}</blockquote>`;
    case 'rule':
      return html`<hr>`;
    case 'table':
      return html`<div class="card_table" role="region" aria-label=${t('card.table')} tabindex="0"><table><thead><tr>${block.head.map((cell, at) => html`<th scope="col" class="card_${block.aligns[at] ?? 'left'}">${inlineView(view, cell)}</th>`)}</tr></thead><tbody>${block.rows.map((row) => html`<tr>${row.map((cell, at) => html`<td class="card_${block.aligns[at] ?? 'left'}">${inlineView(view, cell)}</td>`)}</tr>`)}</tbody></table></div>`;
    case 'image': {
      const key = fileKey(block.key);
      return key ? pictureView(view, { key, alt: block.alt, title: '', size: null, crop: false }) : html`<p class="md_words">${block.alt}</p>`;
    }
    default:
      return html`<p class="md_words">${inlineView(view, block.inline)}</p>`;
  }
}

function inlineView(view, tokens) {
  return tokens.map((token) => tokenView(view, token));
}

function tokenView(view, token) {
  switch (token.kind) {
    case 'text':
      return token.text;
    case 'bold':
      return html`<b>${inlineView(view, token.inline)}</b>`;
    case 'italic':
      return html`<i>${inlineView(view, token.inline)}</i>`;
    case 'strike':
      return html`<s>${inlineView(view, token.inline)}</s>`;
    case 'underline':
      return html`<u>${inlineView(view, token.inline)}</u>`;
    case 'code':
      return html`<code class="md_code">${token.text}</code>`;
    case 'link':
      return linkView(token.href, inlineView(view, token.inline));
    case 'font':
      return token.colour ? html`<span class="ink_${token.colour}">${inlineView(view, token.inline)}</span>` : inlineView(view, token.inline);
    case 'tag':
      return tagView(token);
    case 'time':
      return token.format.includes('time') && !token.format.includes('date') ? clock(token.at_ms) : token.format === 'date' ? day(token.at_ms, view.page.now()) : moment(token.at_ms);
    case 'at':
      if (token.id === 'all') return mentionView(view.page, `@${t('mention.all')}`, { all: true });
      return userOf(view, token.id) ? mentionView(view.page, `@${whoIs(view, token.id)}`, { user_id: userOf(view, token.id) }) : html`<span class="mention_unknown">@${whoIs(view, token.id, token.name)}</span>`;
    default:
      return inlineView(view, token.inline);
  }
}
