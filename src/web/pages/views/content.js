// What a message says, as nodes. User text reaches the page only as text nodes and checked attributes.

import { html, nothing } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { DRAWN_CHARACTERS, DRAWN_LINES } from '../limits.js';
import { bytes, clock, langOf, language, t } from '../words/words.js';
import { checkedUrl, findLinks } from './links.js';
import { icon } from './icons.js';
import { nameOf, visible } from './person.js';
import { glyph } from './reactions.js';
import { vars } from './region.js';
import { loadRich, rich } from './rich.js';

/**
 * @param {object} page
 * @param {object} message of the store
 * @param {{expanded?: boolean, onExpand?: () => void, parts?: {has: (part: string) => boolean, open: (part: string) => void}, progress?: number, preview?: string}} [options]
 *   `parts`: what the reader has unfolded of a card
 */
export function contentView(page, message, options = {}) {
  const [kind, body] = choice(message.content);
  try {
    switch (kind) {
      case 'text':
        return textView(page, body.text, message, options);
      case 'post':
        return postView(page, body.post, message);
      case 'image':
        return imageView(page, body, options);
      case 'file':
        return fileView(body, 'file', options);
      case 'audio':
        return body.key ? html`<audio class="audio" controls preload="none" src="/files/${encodeURIComponent(body.key)}"></audio>` : fileView(body, 'file', options);
      case 'media':
        return body.key ? html`<video class="video" controls preload="none" src="/files/${encodeURIComponent(body.key)}"></video>` : fileView(body, 'file', options);
      case 'card':
        return rich.value ? rich.value.cardView(page, body, options.parts) : cardWaiting(page, body);
      case 'sticker':
        return stickerView(body);
      case 'share_chat':
        return html`<button class="share" type="button" aria-label=${`${t('content.join_group')}${t('colon')}${visible(body.name ?? t('content.group'))}`} @click=${() => (page.store.inbox.peek(body.chat_id) ? page.go({ kind: 'chat', chat_id: body.chat_id }) : (page.screen.layer.value = { kind: 'join', chat_id: body.chat_id, name: body.name }))}>${icon('group')}<span><b>${visible(body.name ?? t('content.group'))}</b><small>${t('content.share_chat')}</small></span></button>`;
      case 'share_user':
        return html`<button class="share" type="button" @click=${() => (page.screen.layer.value = { kind: 'profile', user_id: body.user_id })}>${icon('people')}<span><b>${nameOf(page, body.user_id)}</b><small>${t('content.share_user')}</small></span></button>`;
      case 'merged':
        return mergedView(page, body);
      default:
        return html`<span class="muted">${t('content.unknown')}</span>`;
    }
  } catch {
    // A broken card or post must not break the row.
    return html`<span class="muted">${t('content.broken')}</span>`;
  }
}

const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?(?:\u200d\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})?)*){1,3}$/u;

function textView(page, text, message, { expanded, onExpand }) {
  if (text.length < 40 && ONLY_EMOJI.test(text.trim())) return html`<span class="big_emoji">${text.trim()}</span>`;
  const cut = expanded ? text.length : drawnLength(text);
  const shown = text.slice(0, cut);
  return html`<span class="words" lang=${langOf(shown) ?? nothing}>${fenced(page, shown, message)}</span>${cut < text.length ? html`<button class="more_text" type="button" @click=${onExpand}>${t('content.expand', { n: text.length })}</button>` : nothing}`;
}

function drawnLength(text) {
  let lines = 0;
  const most = Math.min(text.length, DRAWN_CHARACTERS);
  for (let at = 0; at < most; at += 1) if (text.charCodeAt(at) === 10 && (lines += 1) >= DRAWN_LINES) return at;
  // Not through the middle of a pair.
  return most < text.length && /[\ud800-\udbff]/.test(text[most - 1]) ? most - 1 : most;
}

function fenced(page, text, message) {
  if (!text.includes('```')) return inline(page, text, message);
  const parts = text.split(/```(?:[\w+-]*\n)?/);
  if (parts.length < 3) return inline(page, text, message);
  return parts.map((part, index) => (index % 2 === 1 ? html`<pre class="code"><code>${part.replace(/\n$/, '')}</code></pre>` : inline(page, part.replace(/^\n/, ''), message)));
}

/** Links and mentions of a plain text. */
export function inline(page, text, message) {
  const marks = findLinks(text).map((link) => ({ ...link, view: linkView(link.href, link.shown) }));
  const people = (message?.mentions ?? []).map((user_id) => ({ user_id, name: page.store.people.get(user_id)?.name }));
  if (message?.mention_all) people.push({ all: true, name: t('mention.all') }, { all: true, name: 'all' }, { all: true, name: '所有人' }, { all: true, name: 'everyone' });
  for (const person of people) {
    if (!person.name) continue;
    const sought = `@${person.name}`;
    for (let at = text.indexOf(sought); at >= 0; at = text.indexOf(sought, at + sought.length)) {
      marks.push({ from: at, to: at + sought.length, view: mentionView(page, sought, person) });
    }
  }
  if (marks.length === 0) return text;
  marks.sort((a, b) => a.from - b.from || b.to - a.to);
  const out = [];
  let at = 0;
  for (const found of marks) {
    if (found.from < at) continue;
    out.push(text.slice(at, found.from), found.view);
    at = found.to;
  }
  out.push(text.slice(at));
  return out;
}

/** @param {string} href checked @param {unknown} shown a text or nodes */
export function linkView(href, shown) {
  return html`<a href=${href} target="_blank" rel="noopener noreferrer">${typeof shown === 'string' && shown.length > 400 ? `${shown.slice(0, 400)}…` : shown}</a>`;
}

/** @param {{user_id?: string, all?: boolean}} of */
export function mentionView(page, shown, { user_id, all }) {
  if (all) return html`<span class="mention mention_me">${shown}</span>`;
  const mine = user_id === page.store.me.user_id;
  return html`<button type="button" class="mention ${mine ? 'mention_me' : ''}" @click=${() => (page.screen.layer.value = { kind: 'profile', user_id })}>${shown}</button>`;
}

/** Rich text of the open platform: paragraphs of nodes, told apart by `tag`. */
function postView(page, source, message) {
  const parsed = JSON.parse(source);
  const post = parsed.content ? parsed : (parsed.zh_cn ?? parsed.en_us ?? Object.values(parsed)[0]);
  const paragraphs = (post.content ?? []).slice(0, 200);
  return html`<div class="words">${post.title ? html`<b class="post_title">${visible(String(post.title))}</b>` : nothing}${paragraphs.map((nodes) => html`<div class="paragraph">${(Array.isArray(nodes) ? nodes : []).slice(0, 200).map((node) => postNode(page, node, message))}</div>`)}</div>`;
}

function postNode(page, node, message) {
  const text = String(node.text ?? '');
  switch (node.tag) {
    case 'text': {
      const styles = Array.isArray(node.style) ? node.style : [];
      const shown = inline(page, text, message);
      const named = ['bold', 'italic', 'underline', 'lineThrough'].filter((style) => styles.includes(style));
      return named.length ? html`<span class=${named.map((style) => `post_${style}`).join(' ')}>${shown}</span>` : shown;
    }
    case 'a': {
      const url = checkedUrl(String(node.href ?? ''));
      return url ? linkView(url.href, text || url.shown || url.href) : text;
    }
    case 'at': {
      if (node.user_id === 'all') return mentionView(page, `@${t('mention.all')}`, { all: true });
      const name = page.store.people.get(String(node.user_id ?? ''))?.name ?? node.user_name ?? node.user_id ?? '';
      return mentionView(page, `@${visible(String(name))}`, { user_id: String(node.user_id ?? '') });
    }
    case 'img':
      return node.image_key ? imageView(page, { key: String(node.image_key), width: node.width, height: node.height }, {}) : nothing;
    case 'code_block':
      return html`<pre class="code"><code>${text}</code></pre>`;
    case 'hr':
      return html`<hr>`;
    case 'emotion': {
      const name = String(node.emoji_type ?? '');
      return glyph(name) === name ? text || `[${name}]` : glyph(name);
    }
    case 'md':
      if (rich.value) return html`<div class="markdown">${rich.value.markdownView(page, text)}</div>`;
      void loadRich().catch(() => {});
      return inline(page, text, message);
    default:
      return text;
  }
}

/** The box of a picture is known before it is loaded, so that nothing moves when it comes. */
export function pictureBox(width, height, most_width = 360, most_height = 360) {
  const w = Number(width) > 0 ? Number(width) : 240;
  const h = Number(height) > 0 ? Number(height) : 180;
  const scale = Math.min(1, most_width / w, most_height / h);
  return { width: Math.max(96, Math.round(w * scale)), height: Math.max(64, Math.round(h * scale)) };
}

function imageView(page, body, { progress, preview }) {
  const box = pictureBox(body.width, body.height, innerWidth < 768 ? 240 : 360, innerWidth < 768 ? 320 : 360);
  const name = body.name ? visible(body.name) : t('content.picture');
  const source = preview ?? (body.key ? `/files/${encodeURIComponent(body.key)}` : '');
  return html`<button class="picture" type="button" aria-label=${t('content.open_picture', { name })} ${vars({ '--width': `${box.width}px`, '--height': `${box.height}px` })}
    @click=${() => source && (page.screen.layer.value = { kind: 'picture', source, name, key: body.key })}>
    ${source ? html`<img src=${source} alt=${name} loading="lazy" decoding="async" @error=${(event) => event.target.closest('.picture').classList.add('picture_failed')}>` : nothing}<span class="picture_broken">${icon('picture')}${t('content.picture_failed')}</span>
    ${progress !== undefined && progress < 1 ? html`<span class="progress" ${vars({ '--share': String(progress) })}></span>` : nothing}
  </button>`;
}

/** A picture that says what words would; it is not opened. */
function stickerView(body) {
  const box = pictureBox(body.width ?? 120, body.height ?? 120, 160, 160);
  return html`<span class="picture sticker" ${vars({ '--width': `${box.width}px`, '--height': `${box.height}px` })}><img src=${`/files/${encodeURIComponent(body.key)}`} alt=${t('content.sticker')} loading="lazy" decoding="async"></span>`;
}

/** The middle of a long file name is cut; its ending stays. */
export function shortFileName(name, most = 28) {
  const shown = visible(name);
  if (shown.length <= most) return shown;
  const dot = shown.lastIndexOf('.');
  const ending = dot > 0 && shown.length - dot <= 8 ? shown.slice(Math.max(0, dot - 4)) : shown.slice(-8);
  return `${shown.slice(0, most - ending.length - 1)}…${ending}`;
}

function fileView(body, kind, { progress }) {
  const name = body.name ?? t('content.file');
  const inside = html`<span class="file_icon">${icon(kind, 24)}</span><span class="file_words"><span class="file_name">${shortFileName(name)}</span><small>${body.size_bytes === undefined ? '' : bytes(body.size_bytes)}</small></span>${body.key ? html`<span class="file_get">${icon('download', 18)}</span>` : nothing}${progress !== undefined && progress < 1 ? html`<span class="progress" ${vars({ '--share': String(progress) })}></span>` : nothing}`;
  return body.key ? html`<a class="file" href="/files/${encodeURIComponent(body.key)}" download=${visible(name)} aria-label=${t('content.download', { name: visible(name) })}>${inside}</a>` : html`<span class="file">${inside}</span>`;
}

/** The place of a card until its module is there; it comes before the first one is shown, unless the connection is slow. */
function cardWaiting(page, body) {
  void loadRich().catch(() => {});
  return html`<div class="card card_waiting">${preview(page, { content: { card: body } })}</div>`;
}

function mergedView(page, body) {
  return html`<span class="merged"><b>${t('content.merged', { title: visible(body.title) })}</b>${body.messages.slice(0, 4).map((one) => html`<span class="merged_line">${nameOf(page, one.sender)}: ${preview(page, { content: one.content }).slice(0, 80)}</span>`)}<button class="more_text" type="button" @click=${() => (page.screen.layer.value = { kind: 'merged', body })}>${t('content.merged_all', { n: body.messages.length })}</button></span>`;
}

/** All of a merged forward, in its own layer. */
export function mergedList(page, body) {
  return body.messages.map((one) => html`<div class="merged_row"><div class="merged_by">${nameOf(page, one.sender)} <time>${clock(one.sent_at_ms)}</time></div><div class="bubble">${contentView(page, { content: one.content, mentions: [] })}</div></div>`);
}

/** What a card is about: its title, its summary, or its first text. */
function cardTitle(card) {
  const first = (card.body?.elements ?? card.elements)?.[0];
  for (const text of [card.header?.title, card.config?.summary, first?.text, first]) {
    const said = text?.content ?? text;
    if (typeof said === 'string' && said) return (text?.tag === 'plain_text' ? said : said.replace(/<[^>]{0,200}>|[*#`~]/g, '')).slice(0, 120).replace(/\s+/g, ' ');
  }
  return '';
}

/** One line of plain text for the list of chats, quotes and the announcer. */
export function preview(page, message) {
  if (message.recalled_by) return t('message.recalled_short');
  const [kind, body] = choice(message.content);
  switch (kind) {
    case 'text':
      return body.text.slice(0, 200).replace(/\s+/g, ' ');
    case 'post':
      try {
        const parsed = JSON.parse(body.post);
        const post = parsed.content ? parsed : (parsed.zh_cn ?? parsed.en_us ?? Object.values(parsed)[0]);
        return [post.title, ...post.content.flat().map((node) => node.text ?? node.user_name ?? '')].filter(Boolean).join(' ').slice(0, 200);
      } catch {
        return t('content.post');
      }
    case 'image':
      return t('content.picture_short');
    case 'file':
    case 'audio':
    case 'media':
      return t(`content.${kind}_short`, { name: body.name ? shortFileName(body.name) : '' });
    case 'card':
      try {
        const card = JSON.parse(body.card);
        return `${t('content.card')} ${visible(cardTitle(card))}`.trim();
      } catch {
        return t('content.card');
      }
    case 'sticker':
      return t('content.sticker_short');
    case 'divider': {
      const own = language.value === 'zh' ? 'zh_cn' : 'en_us';
      return visible(body.texts?.find((one) => one.locale === own)?.text ?? body.text) || t('content.divider_short');
    }
    case 'share_chat':
      return t('content.share_chat_short', { name: body.name ?? '' });
    case 'share_user':
      return t('content.share_user_short', { name: nameOf(page, body.user_id) });
    case 'merged':
      return t('content.merged', { title: visible(body.title) });
    default:
      return t('content.unknown');
  }
}
