// The only place that knows everything: link + store + acts + views, and the start.

import { batch, computed, effect, signal, untracked } from './vendor/signals.js';
import { render } from './vendor/lit.js';
import { currentSession, device, randomId, signIn, signOut } from './link/account.js';
import { openDisk } from './link/disk.js';
import { createPort } from './link/port.js';
import { upload } from './link/upload.js';
import { Outbox } from './protocol/outbox.js';
import { expectRefusal } from './protocol/outcome.js';
import { Store } from './store/store.js';
import { chatActs } from './acts/chat.js';
import { groupActs } from './acts/group.js';
import { loadActs } from './acts/load.js';
import { messageActs } from './acts/message.js';
import { receiptActs } from './acts/receipt.js';
import { preview } from './views/content.js';
import { nameOf, visible } from './views/person.js';
import { createScreen, tell } from './views/screen.js';
import { createShell } from './views/shell.js';
import { preloadLayers } from './views/layers.js';
import { preloadSide } from './views/side.js';
import { createSignIn } from './views/sign_in.js';
import { stylesheet } from './views/stylesheet.js';
import { region } from './views/region.js';
import { loadRich } from './views/rich.js';
import { choice } from './protocol/codec.js';
import { go, replace, route } from './route.js';
import { change, settings, wordsReady } from './theme.js';
import { language, t } from './words/words.js';
import { refusalWords } from './views/refusal.js';

const element = document.getElementById('app');
const now = () => Date.now();
/** Sign-out is told to the other tabs. */
const tabs = typeof BroadcastChannel === 'function' ? new BroadcastChannel('clarion.session') : null;

sessionStorage.removeItem('clarion.tries');

async function start() {
  let session;
  try {
    [session] = await Promise.all([currentSession(), wordsReady()]);
  } catch {
    session = undefined;
  }
  document.getElementById('shell')?.remove();
  if (session === undefined) return unreachable();
  if (session === null) return askToSignIn();
  return run(session);
}

/** The server does not answer: say so, try again. */
function unreachable() {
  const view = region(element, () => createSignIn({ signIn: async () => {}, reason: t('sign_in.unreachable') })());
  setTimeout(async () => {
    view.dispose();
    render(null, element);
    await start();
  }, 3_000);
}

function askToSignIn() {
  document.title = 'Clarion';
  const form = createSignIn({
    async signIn(login, password) {
      const session = await signIn(login, password, device());
      view.dispose();
      render(null, element);
      await run(session);
    },
    change: { language: () => change({ language: language.peek() === 'zh' ? 'en' : 'zh' }) },
  });
  const view = region(element, form);
  performance.mark('clarion:shell');
}

async function run(session) {
  const { me, expires_in } = session;
  const store = new Store(me);
  const screen = createScreen();
  screen.new_version = signal(false);
  const disk = await openDisk(me.user_id);
  const port = createPort({ ...device(), user_id: me.user_id, label: 'clarion-web', expires_in });
  const outbox = new Outbox();
  const given = { store, port, disk, outbox, now, randomId, upload };
  const acts = { load: loadActs(given), message: messageActs(given), chat: chatActs(given), group: groupActs(given), receipt: receiptActs(given) };
  const shown_people = [];

  for (const { chat_id, text, mentions, reply_to } of await disk.drafts()) store.drafts.set(chat_id, { text, mentions, reply_to });

  const openChat = computed(() => {
    const at = route.value;
    if (at.kind === 'chat') return at.chat_id;
    return null;
  });

  const page = {
    store, acts, screen, port, disk, route, go, replace, now, openChat,
    online: signal(null),
    /** The store of urgents, null until it is loaded. */
    urgents: signal(null),
    /** Loads what urgents need. @returns {Promise<object | null>} the module; null when it does not come now */
    loadUrgents() {
      urgents ??= Promise.all([import('./urgent.js'), loadNotices(), stylesheet('urgent.css')]).then(
        ([module, notices]) => {
          urgent_parts = module.startUrgents(page, given, notices);
          return module;
        },
        () => {
          screen.new_version.value = true;
          return (urgents = null);
        },
      );
      return urgents;
    },
    serverNow: () => now() + store.me.clock_offset_ms,
    back() {
      if (screen.side.peek()) screen.side.value = null;
      else if (history.state?.inside) history.back();
      else go({ kind: 'none' });
    },
    openPerson(user_id) {
      const known = acts.chat.directWith(user_id);
      go(known ? { kind: 'chat', chat_id: known } : { kind: 'person', user_id });
    },
    /** Watches the people on the screen; `more` are those of a list that was just drawn. */
    watchPresence(more = []) {
      for (const user_id of more) {
        const at = shown_people.indexOf(user_id);
        if (at >= 0) shown_people.splice(at, 1);
        shown_people.unshift(user_id);
      }
      shown_people.length = Math.min(shown_people.length, 120);
      clearTimeout(watch_timer);
      watch_timer = setTimeout(() => {
        const peer = store.inbox.peek(openChat.peek())?.chat.peer;
        const wanted = [...new Set([...(peer ? [peer] : []), ...(page.visiblePeers?.() ?? []), ...shown_people])].filter((user_id) => user_id !== store.me.user_id).slice(0, 200);
        port.watch(wanted);
      }, 200);
    },
    async signOut() {
      await leave();
      await signOut().catch(() => {});
      tabs?.postMessage('signed_out');
      location.replace('/');
    },
  };
  let watch_timer = 0;
  let urgents = null;
  let urgent_parts = null;

  async function leave() {
    shell?.dispose();
    urgent_parts?.dispose();
    notices?.dispose();
    await disk.clear();
    await port.end();
  }

  let notices = null;
  let loading_notices = null;
  let speaks = true;

  function loadNotices() {
    loading_notices ??= import('./notice.js').then(({ askPermission, createNotices }) => {
      notices = createNotices({ ...page, words: noticeWords });
      notices.speaks(speaks);
      page.askPermission = askPermission;
      return notices;
    });
    return loading_notices;
  }

  /** What a notice says; a setting hides the text. */
  function noticeWords(record) {
    const { chat } = store.inbox.peek(record.chat_id);
    const body = settings.peek().notice_text === 'hidden' ? t('notices.hidden') : preview(page, choice(record.change)[1]);
    return { title: visible(chat.name), body: chat.kind === 'direct' ? body : `${nameOf(page, record.by)}${t('colon')}${body}` };
  }

  /** What became of my request to join, in words; once let in, the group stands in the list. */
  function joinDecided({ chat_id, name, user_id, outcome, reason }) {
    if (outcome === 'accepted') store.wantEntry(chat_id);
    if (user_id !== me.user_id) return;
    const words = { accepted: t('join.accepted', { name: visible(name) }), refused: reason ? t('join.refused_why', { name: visible(name), reason: visible(reason) }) : t('join.refused', { name: visible(name) }), group_gone: t('join.gone', { name: visible(name) }) }[outcome];
    if (words) tell(screen, words);
  }

  // ---- what the server tells
  port.on('welcome', ({ welcome }) => {
    store.me.limits.value = welcome.limits;
    store.me.person.value = { ...store.me.person.peek(), ...welcome.me };
    store.me.clock_offset_ms = welcome.server_time_ms - now();
    const mine = document.documentElement.dataset.prefix;
    if (welcome.page_prefix && mine && !mine.endsWith(welcome.page_prefix)) setTimeout(() => (screen.new_version.value = true), 600_000);
  });
  port.on('reset', async () => {
    store.reset();
    try {
      await acts.load.firstPage();
      if (!performance.getEntriesByName('clarion:inbox').length) performance.mark('clarion:inbox');
    } catch (error) {
      expectRefusal(error);
    }
  });
  port.on('status', ({ status }) => {
    const before = store.me.status.peek().phase;
    store.me.status.value = status;
    if (status.phase === 'ready' && before !== 'ready') acts.message.pump();
  });
  port.on('event', ({ event, body }) => {
    if (event === 'record') acts.receipt.received(body);
    store.applyEvent(event, body, now());
    if (event === 'join_decided') joinDecided(body);
    if (event === 'urgent') void page.loadUrgents();
    // The word that a card is gone has come, and need not come again.
    if (event === 'ephemeral_gone') void acts.group.gotEphemeral([body.message_id]);
    if (event === 'record') notices?.received(body, choice(body.change));
  });
  port.on('entries', ({ page: told }) => {
    batch(() => {
      store.people.put(told.people);
      for (const entry of told.entries) store.putEntry(entry, now());
    });
  });
  port.on('missed', ({ synced }) => store.applyMissed(synced, now()));
  port.on('speaks', ({ on }) => {
    speaks = on;
    notices?.speaks(on);
  });
  port.on('sign_in', ({ code }) => signInAgain(code));

  // ---- the screen
  let shell = null;
  shell = createShell(element, page);
  await port.begin();
  await acts.message.restore();

  const used = () => (screen.used_at_ms = now());
  for (const name of ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'focus']) addEventListener(name, used, { passive: true, capture: true });
  used();
  const look = () => port.look(document.visibilityState === 'visible', document.hasFocus());
  look();
  for (const name of ['focus', 'blur']) addEventListener(name, look);
  document.addEventListener('visibilitychange', () => {
    look();
    if (document.visibilityState === 'visible') port.probe();
  });
  setInterval(() => (screen.now_minute.value += 1), 60_000);
  if (tabs) tabs.onmessage = (message) => message.data === 'signed_out' && location.replace('/');

  // Who is online in the open group: asked when it is opened, and now and then.
  const countOnline = async () => {
    const chat_id = openChat.peek();
    const entry = chat_id && store.inbox.peek(chat_id);
    if (!entry || entry.chat.kind !== 'group' || document.visibilityState !== 'visible') return;
    try {
      const count = await acts.chat.onlineCount(chat_id);
      page.online.value = { chat_id, count };
    } catch (error) {
      expectRefusal(error);
    }
  };
  setInterval(countOnline, 60_000);
  const counted = computed(() => (openChat.value ? store.inbox.get(openChat.value)?.chat.kind === 'group' && openChat.value : null));
  effect(() => {
    if (counted.value) untracked(() => void countOnline());
  });
  // A link to a group: what it is stands in front, and the address goes back to what it was.
  effect(() => {
    const at = route.value;
    if (at.kind !== 'join') return;
    untracked(() => {
      replace({ kind: 'none' });
      screen.layer.value = { kind: 'join', token: at.token };
    });
  });
  effect(() => {
    const chat_id = openChat.value;
    untracked(() => {
      page.watchPresence();
      if (['readers', 'thread'].includes(screen.side.peek()?.kind)) screen.side.value = null;
      store.trim(new Set([chat_id]));
    });
  });

  performance.mark('clarion:ready');
  loadNotices().catch(() => (screen.new_version.value = true));
  // A tab that joins a session is told of no urgent.
  setTimeout(() => page.loadUrgents(), 2_000);
  const idle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, 2_000));
  setTimeout(() => idle(() => Promise.all([preloadLayers(), preloadSide(), page.loadUrgents().then((module) => module?.preloadPlaces()), loadRich(), import('./views/message_menu.js'), import('./views/emoji.js'), import('./words/en.js')]).catch(() => {})), 5_000);

  /** The session is over: a dialog over the intact screen. The same person goes on where they were. */
  function signInAgain(code) {
    if (document.querySelector('.over')) return;
    const over = document.createElement('dialog');
    over.className = 'over';
    document.body.append(over);
    const reason = code === 4102 ? t('sign_in.device_signed_out') : code === 4103 ? t('sign_in.disabled') : t('sign_in.again');
    const form = createSignIn({
      reason, login: me.user_id,
      async signIn(login, password) {
        const again = await signIn(login, password, device());
        if (again.me.user_id !== me.user_id) return location.reload();
        view.dispose();
        over.remove();
        port.signedIn(again.expires_in);
      },
      change: { other: async () => (await leave(), await signOut().catch(() => {}), location.replace('/')) },
    });
    const view = region(over, form);
    over.addEventListener('cancel', (event) => event.preventDefault());
    over.showModal();
  }

  return page;
}

start().catch((error) => {
  document.getElementById('announcer_urgent').textContent = refusalWords({ code: 0 });
  throw error;
});
