// What a tab talks to: command() -> promise, listeners for everything else. Worker or page, same face.

import { ConnectionLost, Refused } from '../protocol/outcome.js';

/**
 * @param {{device_id: string, user_id: string, label: string, expires_in: number}} who
 */
export function createPort(who) {
  const listeners = new Map();
  const asked = new Map();
  let next_ticket = 1;
  let port = null;
  let ended = false;
  let start = null;
  const opening = openPort(who.user_id).then(({ opened, alone }) => {
    port = opened;
    port.onmessage = (event) => hear(event.data);
    start = { type: 'start', url: socketUrl(), device_id: alone ? `${who.device_id}.${tabId()}` : who.device_id, label: who.label, expires_in: who.expires_in, now_ms: Date.now() };
  });

  async function post(message) {
    if (!port) await opening;
    if (!ended) port.postMessage(message);
  }

  function hear(message) {
    if (message.type === 'ping') return void post({ type: 'pong' });
    const waiting = asked.get(message.ticket);
    if (message.type === 'reply' || message.type === 'refusal' || message.type === 'lost') {
      asked.delete(message.ticket);
      if (!waiting) return;
      if (message.type === 'reply') waiting.resolve(message.reply);
      else if (message.type === 'refusal') waiting.reject(new Refused(message.error));
      else waiting.reject(new ConnectionLost());
      return;
    }
    for (const listener of listeners.get(message.type) ?? []) listener(message);
  }

  addEventListener('pagehide', () => void post({ type: 'bye' }));
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  addEventListener('online', () => void post({ type: 'session', input: 'probe' }));

  return {
    /** @returns {Promise<any>} the reply's body; rejects with Refused or ConnectionLost */
    command(name, body) {
      return new Promise((resolve, reject) => {
        const ticket = next_ticket++;
        asked.set(ticket, { resolve, reject });
        void post({ type: 'command', ticket, name, body });
      });
    },
    /** Hears `event`, `entries`, `missed`, `caught_up`, `reset`, `welcome`, `status`, `sign_in`, `speaks`. */
    on(type, listener) {
      if (!listeners.has(type)) listeners.set(type, []);
      listeners.get(type).push(listener);
    },
    /** Joins the session; called once, when everybody who listens is there. */
    async begin() {
      await opening;
      port.postMessage(start);
    },
    look: (visible, focused) => void post({ type: 'look', visible, focused, now_ms: Date.now() }),
    watch: (user_ids) => void post({ type: 'watch', user_ids }),
    /** Something is missing between two records. */
    hole: () => void post({ type: 'hole' }),
    retry: () => void post({ type: 'session', input: 'retry' }),
    probe: () => void post({ type: 'session', input: 'probe' }),
    /** Another window had taken over; this one does now. */
    takeOver: () => void post({ type: 'session', input: 'start' }),
    signedIn: (expires_in) => void post({ type: 'session', input: 'signed_in', expires_in }),
    async end() {
      await post({ type: 'session', input: 'end' });
      await post({ type: 'bye' });
      ended = true;
    },
  };
}

function socketUrl() {
  return `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/ws`;
}

async function openPort(user_id) {
  if (typeof SharedWorker === 'function') {
    try {
      const url = new URL('./shared.js', import.meta.url).href;
      return { alone: false, opened: new SharedWorker(scriptUrl(url), { type: 'module', name: `clarion ${user_id}` }).port };
    } catch {
      // A browser that has the name but not the thing: the page does it itself.
    }
  }
  const { createShared } = await import('./shared.js');
  const channel = new MessageChannel();
  createShared()(channel.port1);
  return { alone: true, opened: channel.port2 };
}

/** Without a shared worker each tab is a session of its own, of the same device. */
function tabId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The one script URL that the page makes; the policy refuses every other. */
function scriptUrl(url) {
  if (!globalThis.trustedTypes) return url;
  const policy = globalThis.trustedTypes.createPolicy('clarion', {
    createScriptURL(given) {
      if (given !== new URL('./shared.js', import.meta.url).href) throw new TypeError('not a script of this page');
      return given;
    },
  });
  return policy.createScriptURL(url);
}
