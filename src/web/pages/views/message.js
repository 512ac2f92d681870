// One row of the timeline.

import { html, nothing } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { clock, langOf, language, list, moment, t } from '../words/words.js';
import { withReaction, withoutReaction } from '../store/chat.js';
import { contentView, preview } from './content.js';
import { icon, iconButton } from './icons.js';
import { avatar, nameOf, visible } from './person.js';
import { glyph, QUICK } from './reactions.js';
import { refusalWords } from './refusal.js';
import { vars } from './region.js';

/** A message as it is to be shown: the truth, and the intent beside it. */
export function intended(page, row) {
  const intent = page.store.intentsOf(row.message_id).value;
  if (!intent) return row;
  const me = page.store.me.user_id;
  let shown = row;
  if (intent.react) shown = { ...shown, reactions: intent.react.on ? withReaction(shown.reactions, intent.react.emoji, me, me) : withoutReaction(shown.reactions, intent.react.emoji, me, me) };
  if (intent.content) shown = { ...shown, content: intent.content, edited_at_ms: shown.edited_at_ms ?? 1 };
  if (intent.recalled) shown = { ...shown, recalled_by: me, reactions: [] };
  if (intent.pinned !== undefined) shown = { ...shown, pinned: intent.pinned };
  return shown;
}

/** @param {object} view of the timeline: page, chat_id, acts on rows */
export function messageRow(view, row, index) {
  const { page } = view;
  const stored = view.chat.row(row.seq);
  if (!stored) return html`<div class="row" data-index=${index}></div>`;
  const message = intended(page, stored);
  const name = nameOf(page, message.by);
  if (message.recalled_by) return recalledRow(view, row, message, name, index);
  const mine = row.own;
  const mentions_me = !mine && (message.mention_all || message.mentions.includes(page.store.me.user_id));
  const label = [name, clock(message.at_ms), preview(page, message), message.reactions.length ? t('message.reactions', { n: message.reactions.reduce((sum, one) => sum + one.count, 0) }) : ''].filter(Boolean).join(t('comma'));
  return html`<div class="row message ${mine ? 'own' : 'other'} ${row.joined ? 'joined' : ''} ${row.tail ? 'tail' : ''} ${mentions_me ? 'mentions_me' : ''} ${view.flashed === row.seq ? 'flash' : ''}" data-index=${index} data-seq=${row.seq} role="article" aria-label=${label} tabindex=${view.focused === row.key ? '0' : '-1'}>
    ${row.joined ? nothing : face(page, message, mine, name, view.group)}
    <div class="bubble_line">
      <div class="bubble ${bare(message) ? 'bare' : ''}">${quoteView(view, message)}${contentView(page, message, { expanded: view.expanded.has(row.key), onExpand: () => view.expand(row.key), parts: { has: (part) => view.expanded.has(`${row.key} ${part}`), open: (part) => view.expand(`${row.key} ${part}`) } })}${message.edited_at_ms ? html`<button class="edited" type="button" @click=${() => view.showEdits(message)}>${t('message.edited')}</button>` : nothing}</div>
      ${mine ? receiptView(view, row, message) : nothing}
      <time class="row_time" datetime=${new Date(message.at_ms).toISOString()} title=${moment(message.at_ms)}>${clock(message.at_ms)}</time>
      ${actBar(view, row, message, mine)}
    </div>
    ${reactionsView(view, message)}${threadView(view, message)}${followUpsView(view, message)}
  </div>`;
}

/** The way into the thread that starts here. */
function threadView(view, message) {
  if (view.thread || !message.thread_count) return nothing;
  const unread = view.threadUnread(message);
  return html`<button class="thread_line ${unread ? 'thread_unread' : ''}" type="button" @click=${() => view.openThread(message.message_id)}>${icon('thread', 16)}<span>${t('thread.replies', { n: message.thread_count })}</span>${unread ? html`<span class="thread_dot"></span><span class="unseen">${t('thread.unread')}</span>` : nothing}</button>`;
}

/** A card for my eyes only. */
export function ephemeralRow(view, row, index) {
  const { page } = view;
  const { card } = row;
  const name = nameOf(page, card.by.user_id);
  return html`<div class="row message other tail ephemeral" data-index=${index} role="article" aria-label=${`${name}${t('comma')}${t('ephemeral.only')}`} tabindex="-1">
    <span class="face">${avatar({ id: card.by.user_id, name, avatar: card.by.avatar, size: 'message' })}</span><div class="by"><span lang=${langOf(name) ?? nothing}>${name}</span><span class="tag">${t('person.bot')}</span></div>
    <div class="bubble_line"><div class="bubble bare">${contentView(page, { content: { card }, mentions: [] }, { parts: { has: (part) => view.expanded.has(`${row.key} ${part}`), open: (part) => view.expand(`${row.key} ${part}`) } })}</div></div>
    <div class="ephemeral_line">${icon('lock', 14)}<span>${t('ephemeral.only')}</span><button class="link_button" type="button" @click=${() => page.store.dropEphemeral(card.message_id)}>${t('ephemeral.close')}</button></div>
  </div>`;
}

/** What the reader may want to say next, below the last message of a bot. */
function followUpsView(view, message) {
  const offered = message.follow_ups ?? [];
  if (view.thread || offered.length === 0 || view.entry()?.last?.seq !== message.seq) return nothing;
  const said = (one) => (language.value === 'zh' ? ['zh_cn'] : ['en_us', 'en_gb']).map((locale) => one.texts?.find((other) => other.locale === locale)?.text).find(Boolean) ?? one.text;
  return html`<div class="follow_ups" role="group" aria-label=${t('follow_ups.label')}>${offered.map((one) => html`<button class="follow_up" type="button" @click=${() => view.page.acts.message.send(view.chat_id, { text: { text: said(one) } })}>${visible(said(one))}</button>`)}</div>`;
}

/** What was said in a thread, on one line of the chat. */
export function replyRow(view, row, index) {
  const { page } = view;
  const stored = view.chat.row(row.seq);
  if (!stored) return html`<div class="row" data-index=${index}></div>`;
  const message = intended(page, stored);
  const name = nameOf(page, message.by);
  const root = view.chat.message(message.thread_root);
  const about = root ? preview(page, root).slice(0, 40) : '';
  const words = preview(page, message).slice(0, 160);
  const mine = message.mention_all || message.mentions.includes(page.store.me.user_id);
  return html`<div class="row reply_row ${mine ? 'mentions_me' : ''} ${view.flashed === row.seq ? 'flash' : ''}" data-index=${index} data-seq=${row.seq} role="article" aria-label=${`${name}${t('comma')}${t('thread.in', { about })}${t('colon')}${words}`} tabindex=${view.focused === row.key ? '0' : '-1'}><button class="reply_line" type="button" tabindex="-1" @click=${() => view.openThread(message.thread_root)}>${icon('thread', 14)}<b>${name}</b><span class="reply_about">${t('thread.in', { about })}</span><span class="reply_words">${words}</span></button></div>`;
}

/** What stands without a bubble's colour: pictures, cards, large emoji. */
function bare(message) {
  const [kind, body] = choice(message.content);
  return (kind === 'image' || kind === 'card' || kind === 'file' || kind === 'media' || kind === 'sticker') && !message.reply_to ? true : kind === 'text' && body.text.length < 40 && /^\p{Extended_Pictographic}/u.test(body.text) && !/[\p{L}\p{N}]/u.test(body.text) && [...body.text.trim()].length <= 6 && !message.reply_to;
}

function face(page, message, mine, name, group) {
  const person = page.store.people.get(message.by);
  return html`<button class="face" type="button" tabindex="-1" aria-label=${t('person.open', { name })} @click=${() => (page.screen.layer.value = { kind: 'profile', user_id: message.by })}>${avatar({ id: message.by, name, avatar: person?.avatar, size: 'message' })}</button>${mine || !group ? nothing : html`<div class="by"><span lang=${langOf(name) ?? nothing}>${name}</span>${person?.kind === 'bot' ? html`<span class="tag">${t('person.bot')}</span>` : nothing}${sameName(page, person) ? html`<small>${visible(person.departments.at(-1) ?? person.user_id)}</small>` : nothing}</div>`}`;
}

function sameName(page, person) {
  return person && page.store.people.shared.value.has(person.name) && person.departments.length > 0;
}

function quoteView(view, message) {
  const quote = message.reply_to;
  // In a thread it goes without saying that one answers its first message.
  if (!quote || quote.message_id === view.thread) return nothing;
  const name = nameOf(view.page, quote.sender);
  return html`<button class="quote" type="button" @click=${() => view.jump(quote.seq)}><span class="quote_by">${name}</span><span class="quote_words">${quote.recalled ? t('message.recalled_short') : quote.preview || t('content.attachment')}</span></button>`;
}

function recalledRow(view, row, message, name, index) {
  const mine = message.recalled_by === view.page.store.me.user_id;
  const kept = mine && message.by === message.recalled_by ? view.kept(message.message_id) : null;
  const by = mine ? t('message.recalled_me') : message.recalled_by === message.by ? t('message.recalled', { name }) : t('message.recalled_by', { name, by: nameOf(view.page, message.recalled_by) });
  return html`<div class="row line" data-index=${index} data-seq=${row.seq} role="article" tabindex=${view.focused === row.key ? '0' : '-1'}><span>${by}</span>${kept ? html`<button class="link_button" type="button" @click=${() => view.writeAgain(kept)}>${t('message.write_again')}</button>` : nothing}</div>`;
}

function reactionsView(view, message) {
  if (message.reactions.length === 0) return nothing;
  return html`<div class="reactions">${message.reactions.map((reaction) => {
    const names = reaction.users.map((user_id) => nameOf(view.page, user_id));
    const label = t('message.reacted_by', { names: names.length < reaction.count ? t('names.more', { names: list(names.slice(0, 3)), n: reaction.count }) : list(names), emoji: glyph(reaction.emoji) });
    return html`<button class="reaction" type="button" aria-pressed=${String(reaction.mine)} aria-label=${label} data-tip=${label} @click=${() => view.react(message, reaction.emoji, !reaction.mine)}><span class="reaction_glyph">${glyph(reaction.emoji)}</span><span class="count">${reaction.count}</span></button>`;
  })}</div>`;
}

function actBar(view, row, message, mine) {
  if (view.touch) return nothing;
  return html`<div class="act_bar" role="toolbar" aria-label=${t('message.acts')}>${QUICK.slice(0, 3).map((emoji) => html`<button class="icon_button glyph" type="button" tabindex="-1" aria-label=${t('message.react_with', { emoji: glyph(emoji) })} @click=${() => view.react(message, emoji, !message.reactions.some((one) => one.emoji === emoji && one.mine))}>${glyph(emoji)}</button>`)}${iconButton('smile', t('message.react'), (event) => view.pickReaction(message, event.currentTarget), { size: 18 })}${view.may_post ? iconButton('reply', t('message.reply'), () => view.reply(message), { size: 18 }) : nothing}${view.may_post && !view.thread ? iconButton('thread', t('thread.begin'), () => view.openThread(message.message_id), { size: 18 }) : nothing}${iconButton('more', t('message.more'), (event) => view.menu(row, message, mine, event.currentTarget), { size: 18 })}</div>`;
}

/** Read or not: a ring that fills in groups, a word in direct chats. */
function receiptView(view, row, message) {
  const { page } = view;
  if (view.thread) return nothing;
  if (!view.group) {
    if (view.last_own_seq !== row.seq) return nothing;
    const read = (view.entry()?.peer_read_seq ?? 0) >= row.seq;
    return view.self ? nothing : html`<span class="receipt ${read ? 'read' : ''}">${read ? t('receipt.read') : t('receipt.unread')}</span>`;
  }
  const others = (view.entry()?.chat.member_count ?? 0) - 1;
  const count = page.store.receipts.readBy(view.chat_id, row.seq, page.store.me.user_id);
  if (count === null || others <= 0) {
    view.wantReceipts(row.seq, message.message_id);
    return html`<span class="receipt ring_place"></span>`;
  }
  const unread = Math.max(0, others - count);
  const label = t('receipt.counts', { read: count, unread });
  const share = Math.min(1, count / others);
  return html`<button class="receipt ring ${share >= 1 ? 'full' : ''}" type="button" aria-label=${label} data-tip=${label} ${vars({ '--share': String(share) })} @click=${() => (page.screen.side.value = { kind: 'readers', message_id: message.message_id, seq: row.seq })}>${share >= 1 ? icon('check', 12) : others > 200 ? html`<span class="count">${count}</span>` : nothing}</button>`;
}

/** A message that the server has not confirmed. */
export function unsentRow(view, row, index) {
  const { page } = view;
  const { item } = row;
  const message = { content: item.body.content, mentions: item.body.mentions, mention_all: item.body.mention_all, reply_to: item.quote, reactions: [], by: row.by };
  const failed = item.state === 'failed';
  const me = page.store.me.person.value;
  const late = !failed && page.store.me.status.value.phase === 'ready' ? '' : 'late';
  return html`<div class="row message own unsent ${row.joined ? 'joined' : ''} ${row.tail ? 'tail' : ''} ${failed ? 'failed' : ''}" data-index=${index} role="article" aria-label=${`${preview(page, message)} ${failed ? t('send.failed') : t('send.waiting')}`} tabindex=${view.focused === row.key ? '0' : '-1'}>
    ${row.joined ? nothing : html`<span class="face">${avatar({ id: me.user_id, name: me.name, avatar: me.avatar, size: 'message' })}</span>`}
    <div class="bubble_line">
      <div class="bubble ${bare(message) ? 'bare' : ''}">${quoteView(view, message)}${contentView(page, message, { progress: item.state === 'uploading' || failed ? item.progress : undefined, preview: view.localPicture(item) })}</div>
      ${failed ? html`<span class="receipt fail" title=${t('send.failed')}>${icon('alert', 16)}</span>` : html`<span class="receipt clock ${late}" title=${t('send.waiting')}>${icon('clock', 14)}</span>`}
    </div>
    ${failed ? html`<div class="failure"><span>${t('send.failed')}${item.error ? `${t('colon')}${refusalWords(item.error)}` : ''}</span><button class="link_button" type="button" @click=${() => page.acts.message.retry(item.client_message_id)}>${t('send.retry')}</button><button class="link_button" type="button" @click=${() => page.acts.message.discard(item.client_message_id)}>${t('send.discard')}</button></div>` : item.state === 'uploading' ? html`<div class="failure calm"><button class="link_button" type="button" @click=${() => page.acts.message.discard(item.client_message_id)}>${t('send.cancel')}</button></div>` : nothing}
  </div>`;
}

/** What happened in the chat, one line. */
export function lineRow(view, row, index) {
  const stored = view.chat.row(row.seq);
  if (!stored) return html`<div class="row" data-index=${index}></div>`;
  const words = stored.kind === 'message' ? preview(view.page, stored) : lineWords(view.page, stored);
  return html`<div class="row line ${stored.content?.divider ? 'chat_divider' : ''}" data-index=${index} data-seq=${row.seq} role="article" tabindex=${view.focused === row.key ? '0' : '-1'}><span>${words}</span></div>`;
}

export function lineWords(page, { kind, body, by }) {
  const name = by === page.store.me.user_id ? t('you') : nameOf(page, by);
  const names = (users, count) => {
    const shown = list(users.slice(0, 3).map((user_id) => (user_id === page.store.me.user_id ? t('you') : nameOf(page, user_id))));
    return count > Math.min(3, users.length) ? t('names.more', { names: shown, n: count }) : shown;
  };
  switch (kind) {
    case 'created':
      return t('line.created', { name, n: body.member_count });
    case 'members_added':
      return body.users.length === 1 && body.users[0] === by ? t('line.joined', { name }) : t('line.added', { name, names: names(body.users, body.count) });
    case 'members_removed':
      return body.users.length === 1 && body.users[0] === by ? t('line.left', { name }) : t('line.removed', { name, names: names(body.users, body.count) });
    case 'updated':
      return body.name !== undefined ? t('line.renamed', { name, chat: visible(body.name) }) : body.description !== undefined ? t('line.described', { name }) : body.avatar !== undefined ? t('line.pictured', { name }) : t('line.configured', { name });
    case 'managers_changed':
      return body.added.length ? t('line.managers', { name, names: names(body.added, body.added.length) }) : t('line.managers_gone', { name, names: names(body.removed, body.removed.length) });
    case 'owner_changed':
      return t('line.owner', { name: body.owner === page.store.me.user_id ? t('you') : nameOf(page, body.owner) });
    case 'pinned':
      return t('line.pinned', { name });
    case 'top_notice_changed':
      return body.notice ? t('line.topped', { name, what: visible(body.notice.preview) || t(body.notice.message_id ? 'content.attachment' : 'board.announcement') }) : t('line.topped_gone', { name });
    case 'announced':
      return t(body.preview ? 'line.announced' : 'line.announced_gone', { name });
    case 'tabs_changed':
      return t('line.tabs', { name });
    case 'menu_changed':
      return t('line.menu', { name });
    case 'moderation_changed':
      return t('line.moderated', { name });
    case 'dissolved':
      return t('line.dissolved', { name });
    default:
      return t('line.unknown');
  }
}
