// One socket for all tabs: runs in a SharedWorker, or, where there is none, in the page over a MessageChannel.
// It forwards commands and events, and merges what the tabs want to be told of presence.

import { createSocket } from './socket.js';
import { WATCHED } from '../limits.js';

const PING_MS = 20_000;
const WATCH_DELAY_MS = 300;

/** @returns {(port: MessagePort) => void} takes a tab's port */
export function createShared() {
  /** @type {Map<MessagePort, {watched: string[], at_ms: number, answered: boolean, visible: boolean, focused: boolean, speaks: boolean | null, missed: number, loaded: boolean}>} */
  const tabs = new Map();
  const tickets = new Map();
  let next_ticket = 1;
  let socket = null;
  let watched = '';
  let watch_timer = 0;
  let away_told = false;

  function deliver(output) {
    if (output.type === 'reply' || output.type === 'refusal' || output.type === 'lost') {
      const asked = tickets.get(output.ticket);
      tickets.delete(output.ticket);
      if (!asked) return;
      if (asked.own) return asked.own(output);
      asked.port.postMessage({ ...output, ticket: asked.ticket });
      if (output.type === 'reply') tellOwn(asked, output.reply);
      return;
    }
    if (output.type === 'caught_up') {
      // A tab that came while the session was away has nothing to which the missed could be added.
      for (const [port, tab] of tabs) if (!tab.loaded) port.postMessage({ type: 'reset' });
    }
    if (output.type === 'reset' || output.type === 'caught_up') {
      for (const tab of tabs.values()) tab.loaded = true;
      watched = '';
      watch();
      away_told = false;
      tellAway();
    }
    for (const port of tabs.keys()) port.postMessage(output);
  }

  /**
   * The server tells what I did to my own state to my other sessions. All tabs are one session, so they are told here: by the
   * answer where it says all, else by asking. Nobody counts unread messages but the server.
   */
  function tellOwn({ name, body }, reply) {
    if (name === 'my_chat') for (const port of tabs.keys()) port.postMessage({ type: 'event', event: 'inbox_changed', body: reply });
    else if (name === 'receipt' && body.read_seq !== undefined) {
      command('inbox', { chat_ids: [body.chat_id] }, { own(output) {
        if (output.type === 'reply') for (const port of tabs.keys()) port.postMessage({ type: 'entries', page: output.reply });
      } });
    }
  }

  function command(name, body, then) {
    const ticket = next_ticket++;
    tickets.set(ticket, then);
    socket.input({ type: 'command', ticket, name, body });
  }

  /** The union over the tabs, those of the tab used last first. */
  function watch() {
    clearTimeout(watch_timer);
    watch_timer = setTimeout(() => {
      const wanted = new Set();
      for (const tab of [...tabs.values()].sort((a, b) => b.at_ms - a.at_ms)) for (const user_id of tab.watched) if (wanted.size < WATCHED) wanted.add(user_id);
      const key = [...wanted].sort().join();
      if (key === watched || !socket) return;
      watched = key;
      command('watch', { user_ids: [...wanted] }, { own(output) {
        if (output.type !== 'reply') {
          watched = '';
          return;
        }
        for (const presence of output.reply.presences) for (const port of tabs.keys()) port.postMessage({ type: 'event', event: 'presence', body: presence });
      } });
    }, WATCH_DELAY_MS);
  }

  /** Away when no tab is looked at. */
  function tellAway() {
    const away = ![...tabs.values()].some((tab) => tab.visible);
    if (away === away_told || !socket || tabs.size === 0) return;
    away_told = away;
    command('set_presence', { state: away ? 'away' : 'online' }, { own() {} });
  }

  /** One tab shows notices: the one used last, and none while one is looked at. */
  function tellSpeaker() {
    const looked = [...tabs.values()].some((tab) => tab.visible && tab.focused);
    let last = null;
    for (const [port, tab] of tabs) if (last === null || tab.at_ms > tabs.get(last).at_ms) last = port;
    for (const [port, tab] of tabs) {
      const speaks = !looked && port === last;
      if (tab.speaks !== speaks) port.postMessage({ type: 'speaks', on: speaks });
      tab.speaks = speaks;
    }
  }

  function leave(port) {
    tabs.delete(port);
    for (const [ticket, asked] of tickets) if (asked.port === port) tickets.delete(ticket);
    if (tabs.size === 0) {
      socket?.dispose();
      socket = null;
    } else {
      watch();
      tellAway();
      tellSpeaker();
    }
  }

  setInterval(() => {
    for (const [port, tab] of tabs) {
      tab.missed = tab.answered ? 0 : tab.missed + 1;
      tab.answered = false;
      if (tab.missed > 2) leave(port);
      else port.postMessage({ type: 'ping' });
    }
  }, PING_MS);

  const takes = {
    start(port, given) {
      const fresh = socket === null;
      if (fresh) {
        socket = createSocket({ url: given.url, device_id: given.device_id, label: given.label, deliver });
        watched = '';
      }
      socket.expiresIn(given.expires_in);
      tabs.set(port, { watched: [], at_ms: given.now_ms, answered: true, visible: true, focused: true, speaks: null, missed: 0, loaded: false });
      if (!fresh && socket.welcome() && socket.status().phase === 'ready') {
        port.postMessage({ type: 'welcome', welcome: socket.welcome() });
        port.postMessage({ type: 'reset' });
        tabs.get(port).loaded = true;
      }
      port.postMessage({ type: 'status', status: socket.status() });
      socket.input({ type: 'start' });
    },
    command(port, given) {
      if (!socket) return port.postMessage({ type: 'lost', ticket: given.ticket });
      command(given.name, given.body, { port, ticket: given.ticket, name: given.name, body: given.body });
    },
    look(port, given) {
      const tab = tabs.get(port);
      if (!tab) return;
      tab.visible = given.visible;
      tab.focused = given.focused;
      if (given.visible) tab.at_ms = given.now_ms;
      tellAway();
      tellSpeaker();
    },
    watch(port, given) {
      const tab = tabs.get(port);
      if (!tab) return;
      tab.watched = given.user_ids;
      watch();
    },
    session(_port, given) {
      socket?.input({ type: given.input });
      if (given.expires_in) socket?.expiresIn(given.expires_in);
    },
    hole() {
      socket?.input({ type: 'text', text: '{"event":"gap","body":{"dropped":0}}' });
    },
    pong() {},
    bye: (port) => leave(port),
  };

  return (port) => {
    port.onmessage = (event) => {
      const tab = tabs.get(port);
      if (tab) tab.answered = true;
      takes[event.data.type](port, event.data);
    };
  };
}

if (typeof SharedWorkerGlobalScope !== 'undefined' && globalThis instanceof SharedWorkerGlobalScope) {
  const take = createShared();
  globalThis.onconnect = (event) => take(event.ports[0]);
}
