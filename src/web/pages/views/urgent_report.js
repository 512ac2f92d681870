// What became of an urgent: how many stand where, now; who they are; what was done and what comes next.

import { effect, signal, untracked } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { STANDINGS } from '../acts/urgent.js';
import { LIST_PAGE } from '../limits.js';
import { totalOf } from '../store/urgents.js';
import { moment, t } from '../words/words.js';
import { preview } from './content.js';
import { icon } from './icons.js';
import { createPaged } from './paged.js';
import { nameOf, personRow, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';
import { countsBar } from './urgent_counts.js';
import { reportTable, save } from './urgent_csv.js';
import { createUrgentPerson } from './urgent_person.js';
import { failedWords } from './urgent_reasons.js';
import { chatWords, deadlineWords, overWords, stepWords, timeWords } from './urgent_words.js';

/** Lists follow the numbers after this long: many changes are one question. */
const FOLLOW_MS = 500;
/** A step is done a little after its time. */
const STEP_MS = 1_500;

/** Date and time here, for the name of a file: 202511281405. */
function localDigits(at_ms) {
  return new Date(at_ms - new Date(at_ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16).replace(/\D/g, '');
}

export function createUrgentReport(page, { urgent_id }) {
  const report = signal(null);
  const failure = signal(null);
  const standing = signal('pending');
  const exporting = signal(false);
  let chosen = false;
  let follow_timer = 0;
  let step_timer = 0;
  const people = createPaged(async (_query, next) => {
    const answer = await page.acts.urgent.people(urgent_id, standing.peek(), next);
    return { rows: answer.people, next: answer.next };
  });

  const one = createUrgentPerson(page, urgent_id);

  const counts = () => page.urgents.peek().countsOf(urgent_id) ?? report.value?.urgent.counts;
  const over = () => counts()?.over ?? report.value?.urgent.over;

  async function load() {
    try {
      report.value = await page.acts.urgent.report(urgent_id);
      failure.value = null;
    } catch (error) {
      // What is shown stays: the numbers come by themselves.
      if (!report.peek()) failure.value = error.error ?? { code: 0 };
      return;
    }
    clearTimeout(step_timer);
    const { next_step_at_ms } = report.peek();
    if (next_step_at_ms !== undefined) step_timer = setTimeout(load, Math.min(2_000_000_000, Math.max(0, next_step_at_ms - page.serverNow()) + STEP_MS));
    if (!chosen) choose(STANDINGS.find((one) => report.peek().urgent.counts?.[one] > 0) ?? 'pending');
  }

  function choose(next) {
    chosen = true;
    standing.value = next;
    people.rows.value = [];
    void people.reload();
  }

  // The numbers come by themselves; the rest is asked for when they have changed.
  const stop = effect(() => {
    const now = page.urgents.peek().countsOf(urgent_id);
    untracked(() => {
      if (!report.peek() || !now) return;
      follow_timer ||= setTimeout(() => {
        follow_timer = 0;
        void load();
        // Who reads further down is not moved back to the top.
        if (people.rows.peek().length <= LIST_PAGE) void people.reload();
        void one.reload();
      }, FOLLOW_MS);
    });
  });
  void load();

  async function download() {
    if (exporting.peek()) return;
    exporting.value = true;
    try {
      save(t('urgent.export_file', { time: localDigits(report.peek().urgent.raised_at_ms) }), reportTable(await page.acts.urgent.everybody(urgent_id)));
    } catch (error) {
      tell(page.screen, refusalWords(error.error ?? { code: 0 }));
    }
    exporting.value = false;
  }

  function cancel() {
    page.screen.layer.value = {
      kind: 'confirm', title: t('urgent.cancel'), text: t('urgent.cancel_sure'), yes: t('urgent.cancel_yes'),
      async act() {
        const error = await page.acts.urgent.cancel(urgent_id);
        if (error) tell(page.screen, refusalWords(error));
        void load();
      },
    };
  }

  const about = (urgent) => html`<button class="urgent_row still" type="button" @click=${() => page.go({ kind: 'chat', chat_id: urgent.message.chat_id, seq: urgent.message.seq })}><span class="person_words"><span class="chat_line"><b class="chat_name">${chatWords(urgent)}</b><time class="chat_time" title=${moment(urgent.raised_at_ms)}>${t('urgent.since', { time: timeWords(urgent.raised_at_ms, page.serverNow()) })}</time></span><span class="urgent_preview">${nameOf(page, urgent.message.by)}${t('colon')}${preview(page, choice(urgent.message.change)[1])}</span><span class="urgent_deadline">${over() ? overWords(over()) : deadlineWords(urgent, page.serverNow())}</span></span>${icon('right', 18)}</button>`;

  function key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = STANDINGS[(STANDINGS.indexOf(standing.peek()) + step + STANDINGS.length) % STANDINGS.length];
    choose(next);
    event.currentTarget.querySelector(`[data-standing="${next}"]`).focus();
  }

  const tabs = (now) => html`<div class="urgent_standings" role="tablist" aria-label=${t('urgent.report_people')} @keydown=${key}>${STANDINGS.map((name) => html`<button class="urgent_standing" type="button" role="tab" data-standing=${name} aria-selected=${String(standing.value === name)} tabindex=${standing.value === name ? '0' : '-1'} @click=${() => choose(name)}><span class="urgent_dot standing_${name}"></span><span>${t(`urgent.standing.${name}`)}</span><b class="count">${now[name]}</b></button>`)}</div>`;

  const personView = ({ person, ...failed }) => html`<div class="people_row"><button class="row_words" type="button" aria-expanded=${String(one.isOpen(person.user_id))} @click=${() => one.toggle(person.user_id)}>${personRow(page, person)}</button>${failed.why ? html`<span class="urgent_why">${visible(failedWords(failed))}</span>` : nothing}</div>${one.isOpen(person.user_id) ? one.view() : nothing}`;

  function peopleView() {
    if (people.state.value === 'failed') return html`<p class="list_caption">${t('error.0')}</p>`;
    if (people.rows.value.length === 0) return html`<p class="list_caption">${people.state.value === 'there' ? t('urgent.nobody_here') : t('loading')}</p>`;
    return html`<div class="urgent_people">${repeat(people.rows.value, ({ person }) => person.user_id, personView)}</div>${people.extra.value?.next ? html`<button class="link_button urgent_more" type="button" @click=${people.more}>${t('urgent.list.more')}</button>` : nothing}`;
  }

  function deedWords(deed) {
    if (deed.over) return t('urgent.deed.ended', { why: overWords(deed.over) });
    if (!deed.way) return t('urgent.deed.raised', { n: deed.people });
    const outcome = [deed.reached ? t('urgent.deed.reached', { n: deed.reached }) : '', deed.failed ? t('urgent.deed.failed', { n: deed.failed }) : ''].filter(Boolean);
    return [t(`urgent.deed.${deed.way}`, { n: deed.people }), ...outcome].join(t('comma'));
  }

  const deeds = ({ timeline, next_step_at_ms }) => html`<ol class="urgent_deeds">${timeline.map((deed) => html`<li><time title=${moment(deed.at_ms)}>${timeWords(deed.at_ms, page.serverNow())}</time><span>${deedWords(deed)}</span></li>`)}${next_step_at_ms !== undefined && !over() ? html`<li class="muted"><span></span><span>${t('urgent.next_step', { time: timeWords(next_step_at_ms, page.serverNow()) })}</span></li>` : nothing}</ol>`;

  const acts = () => html`<div class="urgent_acts"><button class="button" type="button" aria-disabled=${String(exporting.value)} @click=${download}>${icon('download', 16)}${t(exporting.value ? 'urgent.exporting' : 'urgent.export')}</button>${over() ? nothing : html`<button class="button danger_button" type="button" @click=${cancel}>${t('urgent.cancel')}</button>`}</div>`;

  return {
    title: () => t('urgent.report'),
    back: () => page.go({ kind: 'urgents', list: 'raised' }),
    view() {
      page.screen.now_minute.value;
      if (failure.value) return html`<div class="empty"><span class="empty_icon">${icon('urgent', 32)}</span><p>${refusalWords(failure.value)}</p></div>`;
      const now = counts();
      if (!report.value || !now) return html`<p class="list_caption">${t('loading')}</p>`;
      const { urgent, ladder } = report.value;
      return html`<div class="place_scroll urgent_report" tabindex="-1">
        ${about(urgent)}
        <p class="urgent_total">${t('urgent.total', { n: totalOf(now), confirmed: now.confirmed })}</p>${countsBar(now)}${acts()}
        <section><h2>${t('urgent.report_people')}</h2>${tabs(now)}${peopleView()}</section>
        <section><h2>${t('urgent.report_ladder')}</h2><ul class="urgent_ladder_words">${ladder.length === 0 ? html`<li>${t('urgent.report_no_ladder')}</li>` : ladder.map((step) => html`<li>${stepWords(step)}</li>`)}</ul></section>
        <section><h2>${t('urgent.report_deeds')}</h2>${deeds(report.value)}</section></div>`;
    },
    dispose() {
      stop();
      clearTimeout(follow_timer);
      clearTimeout(step_timer);
    },
  };
}
