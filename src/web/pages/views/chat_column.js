// The open chat, or another screen in its place: header, state of the connection, messages, composer. One composer a chat; it outlives the moment in which
// a direct chat that was opened by its person gets its id.

import { computed, effect, signal, untracked } from '../vendor/signals.js';
import { html, nothing, render } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { chatBar } from './chat_bar.js';
import { chatHeader } from './chat_header.js';
import { Composer } from './composer.js';
import { icon } from './icons.js';
import { visible } from './person.js';
import { refusalWords } from './refusal.js';
import { region } from './region.js';
import { tell } from './screen.js';
import { Timeline } from './timeline.js';

/** A bar instead of a thin line after this long without a connection. */
const LINE_AFTER_MS = 2_000;
const BAR_AFTER_MS = 10_000;

/** The name under which drafts of a chat are kept: a direct chat has one before it has an id. */
export function draftKey(chat) {
  return chat.kind === 'direct' && chat.peer ? `person:${chat.peer}` : chat.chat_id;
}

export function createChatColumn(element, page) {
  let open = null;

  function close() {
    open?.dispose();
    open = null;
  }

  const stop = effect(() => {
    const route = page.route.value;
    untracked(() => follow(route));
  });

  function follow(route) {
    if (route.kind === 'none' || route.kind === 'join') {
      close();
      const place = fresh(element);
      const drawing = region(place, () => html`<div class="no_chat"><span class="no_chat_mark">${icon('chats', 48)}</span><p>${t('chat.none')}</p></div>`);
      open = { key: '', dispose: drawing.dispose };
      return;
    }
    if (route.kind.startsWith('urgent')) {
      const key = `${route.kind} ${route.urgent_id}`;
      if (open?.key === key) return;
      close();
      open = openPlace(fresh(element), page, key, route);
      return;
    }
    const entry = route.kind === 'chat' ? page.store.inbox.peek(route.chat_id) : null;
    const key = route.kind === 'person' ? `person:${route.user_id}` : entry ? draftKey(entry.chat) : route.chat_id;
    if (open?.key === key) return open.again(route);
    close();
    open = openChat(fresh(element), page, key, route);
  }

  return {
    composer: () => open?.composer,
    timeline: () => open?.timeline?.(),
    dispose() {
      stop();
      close();
    },
  };
}

/** A new element in the place of what was there. */
function fresh(element) {
  const place = document.createElement('div');
  place.className = 'inside';
  element.replaceChildren(place);
  return place;
}

/** A screen that is no chat; it comes when it is loaded. */
function openPlace(element, page, key, route) {
  let place = null;
  let disposed = false;
  void page.loadUrgents().then((module) => {
    if (module && !disposed) place = module.createPlace(element, page, route);
  });
  return {
    key,
    dispose() {
      disposed = true;
      place?.dispose();
    },
  };
}

function openChat(element, page, key, route) {
  const user_id = key.startsWith('person:') ? key.slice(7) : null;
  const chat_id = signal(route.kind === 'chat' ? route.chat_id : page.acts.chat.directWith(user_id));
  const failure = signal(null);
  const entry = computed(() => (chat_id.value ? page.store.inbox.get(chat_id.value) : undefined));
  const left = computed(() => (chat_id.value ? page.store.left.value.get(chat_id.value) : undefined));
  const clock = signal(0);
  let timeline = null;
  let opening = null;
  let disposed = false;

  const head = document.createElement('header');
  head.className = 'chat_head';
  const state = document.createElement('div');
  state.className = 'connection';
  const main = document.createElement('div');
  main.className = 'timeline';
  const foot = document.createElement('div');
  foot.className = 'composer';
  const bar = document.createElement('div');
  bar.className = 'chat_bars';
  element.append(head, state, bar, main, foot);
  const regions = [
    region(head, () => chatHeader(page, { entry: entry.value, user_id })),
    region(state, () => connectionView(page, clock)),
    region(bar, () => chatBar(page, left.value ? undefined : entry.value)),
  ];

  /** The chat's id; makes the direct chat when it is not there yet. */
  function ready() {
    if (chat_id.peek()) return Promise.resolve(chat_id.peek());
    opening ??= page.acts.chat.openDirect(user_id).then(
      (found) => {
        opening = null;
        if (!disposed) {
          chat_id.value = found;
          if (page.route.peek().kind === 'person') page.replace({ kind: 'chat', chat_id: found });
        }
        return found;
      },
      (error) => {
        opening = null;
        throw error;
      },
    );
    return opening;
  }

  const composer = new Composer(foot, page, {
    key, chat_id: () => chat_id.value, ready, timeline: () => timeline,
    name: () => visible(entry.value?.chat.name ?? (user_id ? (page.store.people.get(user_id)?.name ?? '') : '')),
  });

  const stops = [
    effect(() => {
      // The first time that there is an entry, its messages are shown.
      if (timeline || !entry.value || left.value) return;
      untracked(() => {
        // Opened by its id alone, before the list was there.
        if (draftKey(entry.peek().chat) !== key) {
          key = draftKey(entry.peek().chat);
          composer.adopt(key);
        }
        timeline = new Timeline(fresh(main), page, chat_id.peek(), composer, route.seq ?? null);
        failure.value = null;
      });
    }),
    effect(() => {
      const gone = left.value;
      foot.hidden = Boolean(gone || failure.value);
      if (!gone && !failure.value) return;
      untracked(() => {
        timeline?.dispose();
        timeline = null;
        render(html`<div class="no_chat"><span class="no_chat_mark">${icon('lock', 48)}</span><p>${gone ? t('chat.left', { name: visible(gone.name) }) : refusalWords(failure.value)}</p></div>`, fresh(main));
      });
    }),
  ];

  if (route.kind === 'chat' && !entry.peek()) void page.acts.load.listed.then(() => (entry.peek() || disposed ? null : page.acts.chat.ensure(route.chat_id))).then((error) => !disposed && error && !entry.peek() && (failure.value = error));
  else if (route.kind === 'person') void ready().catch((error) => !disposed && tell(page.screen, refusalWords(error.error ?? { code: 0 })));

  const ticking = setInterval(() => page.store.me.status.peek().lost_at_ms !== null && (clock.value += 1), 1_000);

  function drag(event) {
    if (![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    element.classList.add('dropping');
    element.dataset.drop = t('composer.drop', { name: visible(entry.peek()?.chat.name ?? '') });
  }
  function dragOff(event) {
    if (event.type === 'dragleave' && element.contains(event.relatedTarget)) return;
    element.classList.remove('dropping');
  }
  function drop(event) {
    dragOff(event);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items];
    if (items.some((item) => item.webkitGetAsEntry?.()?.isDirectory)) return tell(page.screen, t('composer.no_folders'));
    void composer.takeFiles([...event.dataTransfer.files]);
  }
  element.addEventListener('dragover', drag);
  element.addEventListener('dragleave', dragOff);
  element.addEventListener('drop', drop);

  return {
    get key() {
      return key;
    },
    composer,
    timeline: () => timeline,
    again(next) {
      if (next.kind === 'chat' && next.seq && timeline) void timeline.jump(next.seq);
    },
    dispose() {
      disposed = true;
      clearInterval(ticking);
      element.removeEventListener('dragover', drag);
      element.removeEventListener('dragleave', dragOff);
      element.removeEventListener('drop', drop);
      for (const one of stops) one();
      for (const one of regions) one.dispose();
      composer.dispose();
      timeline?.dispose();
    },
  };
}

/** By the time since the loss: nothing, a thin line, a bar in words. */
function connectionView(page, clock) {
  const status = page.store.me.status.value;
  if (status.phase === 'stopped') {
    const key = status.stop?.code === 4203 ? 'connection.replaced' : 'connection.stopped';
    return html`<div class="connection_bar" role="status">${icon('alert', 18)}<span class="grow">${t(key)}</span><button class="link_button" type="button" @click=${() => (status.stop?.code === 4203 ? page.port.takeOver() : location.reload())}>${t(status.stop?.code === 4203 ? 'connection.use_here' : 'connection.reload')}</button></div>`;
  }
  if (status.lost_at_ms === null || status.phase === 'ready') return nothing;
  clock.value;
  const away_ms = page.now() - status.lost_at_ms;
  if (away_ms < LINE_AFTER_MS) return nothing;
  if (away_ms < BAR_AFTER_MS) return html`<div class="connection_line" role="status"><span class="unseen">${t('connection.lost')}</span></div>`;
  const seconds = status.retry_at_ms === null ? 0 : Math.max(0, Math.ceil((status.retry_at_ms - page.now()) / 1000));
  return html`<div class="connection_bar" role="status">${icon('alert', 18)}<span class="grow">${t('connection.lost')}${seconds > 0 ? ` · ${t('connection.retry_in', { n: seconds })}` : ''}</span><button class="link_button" type="button" @click=${() => page.port.retry()}>${t('connection.retry')}</button></div>`;
}
