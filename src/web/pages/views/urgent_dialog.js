// The urgents that are to stand before the person's eyes, one at a time, in front of everything.
//
// None is confirmed by accident: after each drawing the dialog takes no key and no click for a while, the focus is on its
// heading, and only the button confirms. Closing in any other way puts aside what it showed.

import { effect, signal, untracked } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { choice } from '../protocol/codec.js';
import { unheard } from '../alarm.js';
import { announceNow } from '../announce.js';
import { list, moment, t } from '../words/words.js';
import { contentView, preview } from './content.js';
import { icon, iconButton } from './icons.js';
import { composing, midComposition } from './ime.js';
import { avatar, nameOf, placeOf, visible } from './person.js';
import { refusalWords } from './refusal.js';
import { region } from './region.js';
import { chatWords, deadlineWords, timeWords } from './urgent_words.js';

/** It takes nothing for so long after it was drawn. */
const ARMING_MS = 800;
/** What is being composed in a field is waited for, at most so long. */
const COMPOSING_MS = 3_000;

export function createUrgentDialog(page) {
  const urgents = page.urgents.peek();
  const dialog = document.createElement('dialog');
  dialog.className = 'urgent_dialog';
  dialog.setAttribute('role', 'alertdialog');
  dialog.setAttribute('aria-labelledby', 'urgent_title');
  dialog.setAttribute('aria-describedby', 'urgent_message');
  document.body.append(dialog);
  const current = signal(null);
  const armed = signal(false);
  const working = signal(false);
  const failure = signal('');
  const unfolded = signal(new Set());
  const second = signal(0);
  let drawing = null;
  let waiting_to_open = false;
  let arm_timer = 0;
  let second_timer = 0;
  let pressed_armed = true;
  /** Where the person was: element and caret. */
  let place = null;

  const stop = effect(() => {
    urgents.waiting.value;
    untracked(follow);
  });

  function follow() {
    const waiting = urgents.waiting.peek();
    if (waiting.length === 0) return leave();
    if (!dialog.open) return void (waiting_to_open ||= whenWritten(open));
    if (!waiting.some((urgent) => urgent.urgent_id === current.peek())) show(waiting[0].urgent_id);
  }

  function open() {
    waiting_to_open = false;
    const [first] = urgents.waiting.peek();
    if (!first || dialog.open) return;
    place = caretOf(document.activeElement);
    current.value = first.urgent_id;
    drawing = region(dialog, view);
    dialog.showModal();
    second_timer = setInterval(() => (second.value += 1), 1_000);
    show(first.urgent_id);
  }

  /** Another one stands there now: whatever had the focus, it is not about this one. */
  function show(urgent_id) {
    current.value = urgent_id;
    failure.value = '';
    unfolded.value = new Set();
    dialog.querySelector('.urgent_message')?.scrollTo(0, 0);
    dialog.querySelector('#urgent_title').focus({ preventScroll: true });
    const shown = urgents.waiting.peek().find((urgent) => urgent.urgent_id === urgent_id);
    announceNow(`${t('urgent.by', { name: visible(shown.raised_by.name) })}${t('colon')}${preview(page, choice(shown.message.change)[1])}`);
    arm();
    painted();
  }

  function arm() {
    armed.value = false;
    clearTimeout(arm_timer);
    // In a hidden window nothing is drawn, and no time runs.
    requestAnimationFrame(() => {
      clearTimeout(arm_timer);
      arm_timer = setTimeout(() => (armed.value = true), ARMING_MS);
    });
  }

  /** Tells that it was seen: it stood on a visible screen for a whole frame. */
  function painted() {
    const urgent_id = current.peek();
    const there = () => dialog.open && document.visibilityState === 'visible' && current.peek() === urgent_id;
    if (there()) requestAnimationFrame(() => requestAnimationFrame(() => there() && page.acts.urgent.seen(urgent_id)));
  }
  document.addEventListener('visibilitychange', painted);

  function leave() {
    if (!dialog.open) return;
    clearInterval(second_timer);
    clearTimeout(arm_timer);
    drawing.dispose();
    dialog.close();
    putCaret(place, page);
  }

  function putAside() {
    page.tellAside(urgents.putAside());
  }

  async function confirm(urgent_id) {
    if (working.peek()) return;
    working.value = true;
    const error = await page.acts.urgent.confirm(urgent_id);
    working.value = false;
    failure.value = error ? refusalWords(error) : '';
  }

  /** Shows the one before or after; the focus stays on the button. */
  function turn(step) {
    const waiting = urgents.waiting.peek();
    const at = waiting.findIndex((urgent) => urgent.urgent_id === current.peek());
    const from = document.activeElement;
    show(waiting[(at + step + waiting.length) % waiting.length].urgent_id);
    from.focus();
  }

  function lookInChat(urgent) {
    putAside();
    page.screen.layer.value = null;
    page.go({ kind: 'chat', chat_id: urgent.message.chat_id, seq: urgent.message.seq });
  }

  // ---- what it takes
  dialog.addEventListener('keydown', (event) => {
    // Nothing behind it hears a key; a key that was held down when it came is not meant for it.
    event.stopPropagation();
    if (composing(event)) return;
    const held = event.repeat && (event.key === 'Enter' || event.key === ' ');
    if (!armed.peek() || held) return event.preventDefault();
    if (event.key !== 'Escape') return;
    event.preventDefault();
    putAside();
  }, true);
  dialog.addEventListener('pointerdown', () => (pressed_armed = armed.peek()), true);
  // Such a press gives a button no focus either: the next Enter would act on it.
  dialog.addEventListener('mousedown', (event) => armed.peek() || event.preventDefault(), true);
  dialog.addEventListener('click', (event) => {
    // A press that began before it was armed is none, wherever it ends.
    if (armed.peek() && (event.detail === 0 || pressed_armed)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    if (armed.peek()) putAside();
  });
  // The browser may close it all the same.
  dialog.addEventListener('close', () => urgents.waiting.peek().length > 0 && !dialog.open && (drawing.dispose(), clearInterval(second_timer), putAside()));

  function view() {
    const waiting = urgents.waiting.value;
    const at = waiting.findIndex((urgent) => urgent.urgent_id === current.value);
    const urgent = waiting[at];
    if (!urgent) return nothing;
    second.value;
    const off = String(!armed.value);
    return html`<header class="urgent_head">${icon('urgent', 24)}<h2 id="urgent_title" tabindex="-1">${t('urgent.title')}${urgent.reminder > 0 ? html`<span class="urgent_times">${t('urgent.reminder', { n: urgent.reminder })}</span>` : nothing}</h2><span class="grow"></span>
        ${waiting.length > 1 ? html`${iconButton('back', t('urgent.previous'), () => turn(-1), { size: 18 })}<span class="count">${t('urgent.place', { n: at + 1, of: waiting.length })}</span>${iconButton('right', t('urgent.next'), () => turn(1), { size: 18 })}` : nothing}</header>
      <div class="urgent_who">${avatar({ id: urgent.raised_by.user_id, name: urgent.raised_by.name, avatar: urgent.raised_by.avatar, size: 'row' })}<span class="person_words"><b class="person_name">${visible(urgent.raised_by.name)}</b><span class="person_place">${placeOf(urgent.raised_by)}</span></span></div>
      <p class="urgent_where"><b>${chatWords(urgent)}</b><time title=${moment(urgent.raised_at_ms)}>${t('urgent.since', { time: timeWords(urgent.raised_at_ms, page.serverNow()) })}</time><span class="urgent_left">${deadlineWords(urgent, page.serverNow(), true)}</span></p>
      ${aboutView(urgent)}${messageView(urgent)}
      ${failure.value ? html`<p class="urgent_note word_bad" role="alert">${failure.value}</p>` : nothing}${unheard.value ? html`<p class="urgent_note muted">${icon('muted', 16)}${t('urgent.unheard')}</p>` : nothing}
      <footer class="urgent_foot">${!urgent.for_me && !page.store.inbox.peek(urgent.message.chat_id) ? nothing : html`<button class="link_button" type="button" @click=${() => lookInChat(urgent)}>${t('urgent.open_chat')}</button>`}<span class="grow"></span><button class="button" type="button" aria-disabled=${off} @click=${putAside}>${t('urgent.aside')}</button><button class="button urgent_button" type="button" aria-disabled=${String(!armed.value || working.value)} @click=${() => confirm(urgent.urgent_id)}>${working.value ? t('urgent.confirming') : t(urgent.for_me ? 'urgent.confirm' : 'urgent.confirm_about')}</button></footer>`;
  }

  /** It comes to me as the manager of others. */
  function aboutView({ about, about_count }) {
    if (about_count === 0) return nothing;
    const names = list(about.slice(0, 3).map((person) => visible(person.name)));
    return html`<p class="urgent_about">${t('urgent.about', { n: about_count, names: about_count > 3 ? t('names.more', { names, n: about_count }) : names })}</p>`;
  }

  function messageView(urgent) {
    const [, message] = choice(urgent.message.change);
    const parts = { has: (part) => unfolded.value.has(part), open: (part) => (unfolded.value = new Set([...unfolded.peek(), part])) };
    return html`<div class="urgent_message" id="urgent_message" tabindex="0" role="group" aria-label=${t('urgent.message')}>${urgent.message.by === urgent.raised_by.user_id ? nothing : html`<p class="urgent_author muted">${t('urgent.message_by', { name: nameOf(page, urgent.message.by) })}</p>`}${contentView(page, message, { expanded: true, parts })}</div>`;
  }

  return {
    dispose() {
      stop();
      document.removeEventListener('visibilitychange', painted);
      if (dialog.open) leave();
      dialog.remove();
    },
  };
}

/** Runs it now, or when what is being composed in a field is written. */
function whenWritten(run) {
  if (!midComposition()) {
    run();
    return false;
  }
  let done = false;
  const go = () => {
    if (done) return;
    done = true;
    clearTimeout(late);
    removeEventListener('compositionend', written, true);
    run();
  };
  // The field hears of the end first.
  const written = () => setTimeout(go);
  const late = setTimeout(go, COMPOSING_MS);
  addEventListener('compositionend', written, true);
  return true;
}

function caretOf(element) {
  const field = element && 'selectionStart' in element && element.selectionStart !== null;
  return { element, selection: field ? [element.selectionStart, element.selectionEnd, element.selectionDirection] : null };
}

function putCaret({ element, selection }, page) {
  if (!element?.isConnected || element === document.body) return page.focusComposer();
  element.focus({ preventScroll: true });
  if (selection) element.setSelectionRange(...selection);
}
