// What a group has around its messages: the announcement, tabs with pages, the menu.

import { effect, signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { langOf, language, moment, t } from '../words/words.js';
import { icon, iconButton } from './icons.js';
import { composing } from './ime.js';
import { inline } from './content.js';
import { checkedUrl } from './links.js';
import { nameOf, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

export function createBoard(page, chat_id) {
  const details = signal(null);
  const editing = signal(null);
  const adding = signal(false);

  async function load() {
    try {
      details.value = await page.acts.group.details(chat_id);
    } catch (error) {
      details.value ??= { tabs: [], menu: [] };
      tell(page.screen, refusalWords(error.error ?? { code: 0 }));
    }
  }

  let known = null;
  const stop = effect(() => {
    const seq = page.store.inbox.get(chat_id)?.chat.details_seq ?? 0;
    if (seq !== known) void load();
    known = seq;
  });

  async function done(work, after) {
    const error = await work;
    if (error) return tell(page.screen, refusalWords(error));
    after?.();
    void load();
  }

  function announcement(found, rights) {
    if (editing.value !== null) {
      return html`<textarea class="info_field board_field" rows="10" maxlength="30000" aria-label=${t('board.announcement')} .value=${editing.peek()} @input=${(event) => (editing.value = event.target.value)}></textarea>
        <div class="join_acts"><button class="button" type="button" @click=${() => (editing.value = null)}>${t('cancel')}</button><button class="button primary" type="button" @click=${() => done(page.acts.group.setAnnouncement(chat_id, editing.peek().trim(), found?.revision), () => (editing.value = null))}>${t('composer.save')}</button></div>`;
    }
    return html`${found ? html`<div class="board_text" lang=${langOf(found.text) ?? nothing}>${inline(page, found.text, null)}</div><p class="board_by">${t('board.by', { name: nameOf(page, found.modifier), time: moment(found.updated_at_ms) })}</p>` : html`<p class="list_caption">${t('board.none')}</p>`}
      <div class="join_acts">${found && rights.pin ? html`<button class="button" type="button" @click=${() => done(page.acts.group.setTopNotice(chat_id, { announcement: true }))}>${icon('up', 16)}${t('top.put')}</button>` : nothing}${rights.edit_info ? html`<button class="button" type="button" @click=${() => (editing.value = found?.text ?? '')}>${icon('edit', 16)}${t(found ? 'board.change' : 'board.write')}</button>` : nothing}</div>`;
  }

  const link = (url, words) => {
    const checked = url ? checkedUrl(url) : null;
    return checked ? html`<a class="wide_row" href=${checked.href} target="_blank" rel="noopener noreferrer">${icon('link')}<span class="grow">${words}</span></a>` : html`<span class="wide_row still">${icon('link')}<span class="grow">${words}</span></span>`;
  };

  function tabs(found, rights) {
    const own = found.filter((tab) => tab.tab_type === 'url' || tab.tab_type === 'doc');
    return html`${own.length === 0 ? html`<p class="list_caption">${t('board.no_tabs')}</p>` : own.map((tab) => html`<div class="tab_row">${link(tab.url, visible(tab.name))}${rights.edit_info ? iconButton('close', t('board.remove_tab', { name: visible(tab.name) }), () => done(page.acts.group.removeTab(chat_id, tab.tab_id)), { size: 16 }) : nothing}</div>`)}
      ${rights.edit_info ? (adding.value ? tabForm() : html`<button class="wide_row accent" type="button" @click=${() => (adding.value = true)}>${icon('plus')}<span class="grow">${t('board.add_tab')}</span></button>`) : nothing}`;
  }

  function tabForm() {
    const save = (event) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget);
      void done(page.acts.group.addTab(chat_id, String(form.get('name')).trim(), String(form.get('url')).trim()), () => (adding.value = false));
    };
    return html`<form class="board_form" @submit=${save} @keydown=${(event) => composing(event) && event.keyCode === 13 && event.preventDefault()}><label class="form_field"><span>${t('board.tab_name')}</span><input name="name" required maxlength="60"></label><label class="form_field"><span>${t('board.tab_url')}</span><input name="url" type="url" required placeholder="https://"></label><div class="join_acts"><button class="button" type="button" @click=${() => (adding.value = false)}>${t('cancel')}</button><button class="button primary" type="submit">${t('composer.save')}</button></div></form>`;
  }

  const nameIn = (entry) => visible((language.value === 'zh' ? entry.i18n_names?.zh_cn : entry.i18n_names?.en_us) ?? entry.name);
  const target = (entry) => entry.link && (entry.link.web_url ?? entry.link.pc_url ?? entry.link.common_url);
  const menu = (found) => found.map((entry) => html`${entry.children.length === 0 ? link(target(entry), nameIn(entry)) : html`<details class="menu_fold"><summary>${nameIn(entry)}</summary>${entry.children.map((child) => link(target(child), nameIn(child)))}</details>`}`);

  return {
    title: () => t('board.title'),
    view() {
      const entry = page.store.inbox.get(chat_id);
      const found = details.value;
      if (!entry || found === null) return html`<div class="side_scroll"><p class="list_caption">${t('loading')}</p></div>`;
      return html`<div class="side_scroll info"><section><h3>${t('board.announcement')}</h3>${announcement(found.announcement, entry.chat.rights)}</section><section><h3>${t('board.tabs')}</h3>${tabs(found.tabs, entry.chat.rights)}</section>${found.menu.length ? html`<section><h3>${t('board.menu')}</h3>${menu(found.menu)}</section>` : nothing}</div>`;
    },
    dispose: stop,
  };
}
