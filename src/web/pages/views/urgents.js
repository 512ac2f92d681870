// My urgents: those that I am to confirm, those that I have confirmed, those that I have raised.

import { effect } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { totalOf } from '../store/urgents.js';
import { moment, t } from '../words/words.js';
import { preview } from './content.js';
import { icon } from './icons.js';
import { createPaged } from './paged.js';
import { avatar, visible } from './person.js';
import { countsBar } from './urgent_counts.js';
import { chatWords, deadlineWords, overWords, timeWords } from './urgent_words.js';

const LISTS = ['open', 'confirmed', 'raised'];

export function createUrgents(page) {
  const urgents = page.urgents.peek();
  const list = () => page.route.value.list ?? 'open';
  const paged = Object.fromEntries(['confirmed', 'raised'].map((name) => [name, createPaged(async (_query, next) => {
    const answer = await page.acts.urgent.list(name, next);
    return { rows: answer.urgents, next: answer.next };
  })]));
  // A list is asked for when it is shown, and again when one has ended.
  const stop = effect(() => {
    urgents.version.value;
    if (page.route.value.kind === 'urgents' && list() !== 'open') void paged[list()].reload();
  });

  function key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = LISTS[(LISTS.indexOf(list()) + step + LISTS.length) % LISTS.length];
    page.replace({ kind: 'urgents', list: next });
    event.currentTarget.querySelector(`[data-list="${next}"]`).focus();
  }

  const tabs = () => html`<div class="tabs" role="tablist" aria-label=${t('urgent.list.title')} @keydown=${key}>${LISTS.map((name) => html`<button class="tab" type="button" role="tab" data-list=${name} aria-selected=${String(list() === name)} tabindex=${list() === name ? '0' : '-1'} @click=${() => page.replace({ kind: 'urgents', list: name })}>${t(`urgent.list.${name}`)}${name === 'open' && urgents.count.value ? html` <span class="count">${urgents.count.value}</span>` : nothing}</button>`)}</div>`;

  const face = (urgent) => avatar({ id: urgent.raised_by.user_id, name: urgent.raised_by.name, avatar: urgent.raised_by.avatar, size: 'row' });
  const words = (urgent) => preview(page, choice(urgent.message.change)[1]);
  const when = (urgent) => html`<time class="chat_time" title=${moment(urgent.raised_at_ms)}>${timeWords(urgent.raised_at_ms, page.serverNow())}</time>`;
  const said = (urgent, about, more = nothing) => html`<span class="person_words"><span class="chat_line"><b class="chat_name">${about}</b>${when(urgent)}</span><span class="urgent_preview">${words(urgent)}</span>${more}</span>`;
  const about = (urgent) => `${visible(urgent.raised_by.name)} · ${chatWords(urgent)}`;

  const openRow = (urgent) => html`<button class="urgent_row" type="button" role="listitem" @click=${() => urgents.look(urgent.urgent_id)}>${face(urgent)}${said(urgent, about(urgent), html`<span class="urgent_deadline">${deadlineWords(urgent, page.serverNow())}</span>`)}${icon('right', 18)}</button>`;
  const confirmedRow = (urgent) => html`<button class="urgent_row" type="button" role="listitem" @click=${() => page.go({ kind: 'chat', chat_id: urgent.message.chat_id, seq: urgent.message.seq })}>${face(urgent)}${said(urgent, about(urgent))}${icon('right', 18)}</button>`;
  function raisedRow(urgent) {
    const counts = urgents.countsOf(urgent.urgent_id) ?? urgent.counts;
    const over = counts?.over ?? urgent.over;
    return html`<button class="urgent_row" type="button" role="listitem" @click=${() => page.go({ kind: 'urgent', urgent_id: urgent.urgent_id })}>${said(urgent, chatWords(urgent), counts ? html`${countsBar(counts)}<span class="urgent_deadline">${t('urgent.total', { n: totalOf(counts), confirmed: counts.confirmed })}${over ? ` · ${overWords(over)}` : ''}</span>` : nothing)}${icon('right', 18)}</button>`;
  }

  const none = (name) => html`<div class="empty"><span class="empty_icon">${icon(name === 'open' ? 'check' : 'urgent', 32)}</span><p>${t(`urgent.none.${name}`)}</p></div>`;

  function openList() {
    page.screen.now_minute.value;
    if (urgents.open.value.length === 0) return none('open');
    return html`<div role="list">${repeat(urgents.open.value, (urgent) => urgent.urgent_id, openRow)}</div>${urgents.more.value ? html`<p class="list_caption">${t('urgent.list.rest', { n: urgents.more.value })}</p>` : nothing}`;
  }

  function pagedList(name) {
    const { rows, state, extra, more } = paged[name];
    if (state.value === 'failed') return html`<p class="list_caption">${t('error.0')}</p>`;
    if (rows.value.length === 0) return state.value === 'there' ? none(name) : html`<p class="list_caption">${t('loading')}</p>`;
    return html`<div role="list">${repeat(rows.value, (urgent) => urgent.urgent_id, name === 'raised' ? raisedRow : confirmedRow)}</div>${extra.value?.next ? html`<button class="link_button urgent_more" type="button" @click=${more}>${t('urgent.list.more')}</button>` : nothing}`;
  }

  return {
    title: () => t('urgent.list.title'),
    view: () => html`${tabs()}<div class="place_scroll" tabindex="-1">${list() === 'open' ? openList() : pagedList(list())}</div>`,
    dispose: stop,
  };
}
