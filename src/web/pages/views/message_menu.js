// What one may do to a message. What I may not do is absent; what is impossible now says why.

import { html } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { t } from '../words/words.js';
import { preview } from './content.js';
import { openMenu } from './menu.js';
import { mayRaise } from './urgent_right.js';
import { glyph, OFFERED } from './reactions.js';
import { tell } from './screen.js';

export function messageMenu(timeline, row, message, mine, from) {
  const { page } = timeline;
  const entry = timeline.entry();
  const rights = entry?.chat.rights;
  const limits = page.store.me.limits.peek();
  const [kind] = choice(message.content);
  const age_ms = page.serverNow() - message.at_ms;
  const items = [];
  if (rights?.post) items.push({ icon: 'reply', words: t('message.reply'), key: 'R', act: () => timeline.reply(message) });
  if (!timeline.thread && (rights?.post || message.thread_count)) items.push({ icon: 'thread', words: t(message.thread_count ? 'thread.open' : 'thread.begin'), key: 'T', act: () => timeline.openThread(message.message_id) });
  items.push({ icon: 'smile', words: t('message.react'), key: '+', act: () => timeline.pickReaction(message, from) });
  if ((kind === 'text' || kind === 'post') && rights?.forward !== false) items.push({ icon: 'copy', words: t('message.copy'), act: () => copy(page, kind === 'text' ? message.content.text.text : preview(page, message)) });
  if (rights?.forward !== false) items.push({ icon: 'forward', words: t('message.forward'), act: () => (page.screen.layer.value = { kind: 'forward', message_ids: [message.message_id] }) });
  if (mine && kind === 'text' && rights?.post) items.push(age_ms > (limits?.edit_ms ?? Infinity) ? { icon: 'edit', words: t('message.edit_late'), disabled: true } : { icon: 'edit', words: t('message.edit'), key: 'E', act: () => timeline.edit(message) });
  if (rights?.pin) items.push({ icon: 'pin', words: message.pinned ? t('message.unpin') : t('message.pin'), key: 'P', act: () => timeline.pin(message, !message.pinned) });
  if (rights?.pin && timeline.group && !timeline.thread) items.push({ icon: 'up', words: t('message.top'), act: () => timeline.putOnTop(message) });
  if (mine && timeline.group) items.push({ icon: 'check', words: t('message.readers'), act: () => (page.screen.side.value = { kind: 'readers', message_id: message.message_id, seq: message.seq }) });
  if (page.urgents.peek() && mayRaise(entry?.chat, mine)) items.push({ icon: 'urgent', words: t('urgent.raise.menu'), act: () => (page.screen.layer.value = { kind: 'raise_urgent', chat_id: entry.chat.chat_id, message, mine }) });
  if (!mine && !timeline.thread) items.push({ icon: 'bell', words: t('message.mark_unread'), key: 'U', act: () => timeline.markUnread(row) });
  if (message.edited_at_ms) items.push({ icon: 'clock', words: t('message.edits'), act: () => timeline.showEdits(message) });
  const late = mine && !rights?.recall_others && age_ms > (limits?.recall_ms ?? Infinity);
  if (mine || rights?.recall_others) items.push(null, late ? { icon: 'recall', words: t('message.recall_late'), disabled: true } : { icon: 'recall', words: t('message.recall'), danger: true, act: () => timeline.recall(message) });
  openMenu(page, from, items);
}

/** Copies over plain HTTP too, where the clipboard has no interface. */
export async function copy(page, text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    const place = document.createElement('textarea');
    place.className = 'unseen';
    place.value = text;
    document.body.append(place);
    place.select();
    const done = document.execCommand('copy');
    place.remove();
    if (!done) tell(page.screen, t('message.copy_failed'));
  }
}

export function reactionMenu(page, from, choose) {
  openMenu(page, from, {
    view: (close) => html`<div class="glyphs">${OFFERED.map((emoji) => html`<button class="glyph" type="button" aria-label=${t('message.react_with', { emoji: glyph(emoji) })} @click=${() => (close(), choose(emoji))}>${glyph(emoji)}</button>`)}</div>`,
  });
}
