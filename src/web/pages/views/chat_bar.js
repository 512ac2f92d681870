// What stands between the header and the messages: the top notice of the group, and people who ask to be let in.

import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon, iconButton } from './icons.js';
import { nameOf, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

/** @param {object} page @param {object | undefined} entry of the open chat */
export function chatBar(page, entry) {
  if (!entry) return nothing;
  const { chat } = entry;
  const waiting = chat.rights.decide_joins ? (chat.pending_requests ?? 0) : 0;
  return html`${waiting > 0 ? html`<div class="chat_bar">${icon('user_add', 18)}<button class="bar_button" type="button" @click=${() => (page.screen.side.value = { kind: 'joins' })}><span class="bar_text">${t('joins.waiting', { n: waiting })}</span></button><button class="link_button" type="button" @click=${() => (page.screen.side.value = { kind: 'joins' })}>${t('joins.look')}</button></div>` : nothing}${chat.top_notice ? topNotice(page, chat) : nothing}`;
}

function topNotice(page, chat) {
  const { top_notice: notice } = chat;
  const open = () => (notice.message_id ? page.jump(notice.seq) : (page.screen.side.value = { kind: 'board' }));
  const take = async () => {
    const error = await page.acts.group.setTopNotice(chat.chat_id, {});
    if (error) tell(page.screen, refusalWords(error));
  };
  return html`<div class="chat_bar">${icon(notice.message_id ? 'pin' : 'board', 18)}<button class="bar_button" type="button" @click=${open}><span class="bar_text">${visible(notice.preview) || t(notice.message_id ? 'content.attachment' : 'board.announcement')}</span><small>${t('top.by', { name: nameOf(page, notice.by) })}</small></button>${chat.rights.pin ? iconButton('close', t('top.take_down'), take, { size: 16 }) : nothing}</div>`;
}
