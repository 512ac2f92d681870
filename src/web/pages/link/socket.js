// A WebSocket and a clock around session.js; the only place that opens a connection.

import { newSession, nextTick, statusOf, step } from '../protocol/session.js';

const SUBPROTOCOL = 'clarion.v1.json';
/** A refresh of the cookie is tried this long before it would be too old, as a share of its life. */
const REFRESH_AT = 0.8;

/**
 * @param {{url: string, device_id: string, label: string, deliver: (output: object) => void}} options
 *   `deliver` is given `reply`, `refusal`, `lost`, `event`, `missed`, `caught_up`, `reset`, `welcome`, `status`, `sign_in`
 */
export function createSocket({ url, device_id, label, deliver }) {
  const session = newSession({ device_id, client: label });
  let socket = null;
  let timer = 0;
  let refresh_timer = 0;
  let last_tick_ms = Date.now();

  function input(given) {
    const outputs = step(session, given, Date.now());
    for (const output of outputs) run(output);
    arm();
  }

  function run(output) {
    if (output.type === 'open') open();
    else if (output.type === 'write') socket?.send(output.text);
    else if (output.type === 'close') shut();
    else if (output.type === 'refresh') void refresh(output.code);
    else deliver(output);
  }

  function open() {
    shut();
    const opened = new WebSocket(url, SUBPROTOCOL);
    socket = opened;
    // A socket that was replaced may still speak; it is not listened to.
    opened.onopen = () => socket === opened && input({ type: 'opened' });
    opened.onmessage = (event) => socket === opened && typeof event.data === 'string' && input({ type: 'text', text: event.data });
    opened.onclose = (event) => {
      if (socket !== opened) return;
      socket = null;
      input({ type: 'closed', code: event.code, reason: event.reason });
    };
  }

  function shut() {
    const old = socket;
    socket = null;
    old?.close(1000);
  }

  function arm() {
    clearTimeout(timer);
    const at = nextTick(session);
    if (at !== null) timer = setTimeout(() => input({ type: 'tick' }), Math.max(0, at - Date.now()));
  }

  async function refresh(code) {
    // Signed out elsewhere, or no longer allowed: a new cookie cannot be had by asking.
    if (code === 4102 || code === 4103) return deliver({ type: 'sign_in', code });
    try {
      const answer = await fetch('/web/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
      if (answer.ok) {
        expiresIn((await answer.json()).expires_in);
        input({ type: 'signed_in' });
      } else if (answer.status === 401) deliver({ type: 'sign_in', code });
      else throw new Error(`status ${answer.status}`);
    } catch {
      // The server cannot be reached: try the whole way again later.
      setTimeout(() => session.phase === 'sign_in' && refresh(code), 3_000);
    }
  }

  function expiresIn(seconds) {
    clearTimeout(refresh_timer);
    if (!seconds) return;
    const ms = Math.min(seconds * 1000 * REFRESH_AT, 2_000_000_000);
    refresh_timer = setTimeout(async () => {
      try {
        const answer = await fetch('/web/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
        if (answer.ok) expiresIn((await answer.json()).expires_in);
      } catch {
        expiresIn(seconds * (1 - REFRESH_AT));
      }
    }, ms);
  }

  // A clock that jumped means that the machine slept: ask whether the connection still lives.
  const watch = setInterval(() => {
    const now = Date.now();
    if (now - last_tick_ms > 12_000) input({ type: 'probe' });
    last_tick_ms = now;
  }, 5_000);

  return {
    input,
    expiresIn,
    status: () => statusOf(session),
    welcome: () => session.welcome,
    dispose() {
      clearInterval(watch);
      clearTimeout(timer);
      clearTimeout(refresh_timer);
      shut();
    },
  };
}
