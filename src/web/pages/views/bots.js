// A group's own bots: those that post what is sent to an address.

import { effect, signal } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon, iconButton } from './icons.js';
import { openMenu } from './menu.js';
import { personRow, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

export function createBots(page, chat_id) {
  const bots = signal(null);

  async function load() {
    try {
      bots.value = await page.acts.group.customBots(chat_id);
    } catch (error) {
      bots.value ??= [];
      tell(page.screen, refusalWords(error.error ?? { code: 0 }));
    }
  }

  // Made, changed or removed: here, or by somebody else.
  let known = null;
  const stop = effect(() => {
    const key = `${page.store.inbox.get(chat_id)?.chat.head_seq} ${page.screen.layer.value?.kind}`;
    if (key !== known) void load();
    known = key;
  });

  async function remove(bot) {
    const error = await page.acts.group.removeCustomBot(chat_id, bot.bot.user_id);
    if (error) tell(page.screen, refusalWords(error));
    else void load();
  }

  function menu(event, bot) {
    const name = visible(bot.bot.name);
    openMenu(page, event.currentTarget, [
      { icon: 'edit', words: t('bots.change'), act: () => (page.screen.layer.value = { kind: 'custom_bot', chat_id, bot }) },
      null,
      { icon: 'trash', words: t('bots.remove'), danger: true, act: () => (page.screen.layer.value = { kind: 'confirm', title: t('bots.remove'), text: t('bots.remove_sure', { name }), yes: t('bots.remove'), act: () => remove(bot) }) },
    ]);
  }

  return {
    title: () => t('bots.title'),
    view() {
      const chat = page.store.inbox.get(chat_id)?.chat;
      const may = chat && chat.role !== 'member';
      return html`${may ? html`<button class="wide_row accent" type="button" @click=${() => (page.screen.layer.value = { kind: 'custom_bot', chat_id })}><span class="round_icon">${icon('plus')}</span><span class="grow">${t('bots.add')}</span></button>` : nothing}
        <div class="side_scroll">${bots.value === null ? html`<p class="list_caption">${t('loading')}</p>` : bots.value.length === 0 ? html`<div class="empty"><span class="empty_icon">${icon('bot', 32)}</span><p>${t('bots.none')}</p></div>` : repeat(bots.value, (bot) => bot.bot.user_id, (bot) => html`<div class="people_row"><button class="row_words" type="button" @click=${() => may && (page.screen.layer.value = { kind: 'custom_bot', chat_id, bot })}>${personRow(page, bot.bot, { detail: visible(bot.description) })}</button>${may ? iconButton('more', t('members.more', { name: visible(bot.bot.name) }), (event) => menu(event, bot), { size: 18 }) : nothing}</div>`)}</div>`;
    },
    dispose: stop,
  };
}
