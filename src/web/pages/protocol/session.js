// The session as a state machine: (state, input, now) -> outputs. No socket, no clock, no page.
//
// It greets, gives ids, answers heartbeats, catches up by `sync`, backs off, and obeys close codes. Commands survive a cut:
// what may be repeated without harm is sent again, `send` is handed back to the outbox, which knows its own order.

import { encodeCommand, decodeFrame, afterMs, MalformedFrame } from './codec.js';
import { COMMANDS_WAITING, PROTOCOL_VERSION } from '../limits.js';

/** Delay before the first try to come back, and its bound; it doubles, with full jitter. */
export const BACK_OFF_FIRST_MS = 500;
export const BACK_OFF_MOST_MS = 30_000;
/** A connection must stand within this time, and a hello be answered. */
export const GREETING_MS = 15_000;
/** After waking up, a sign of life must come within this time. */
export const PROBE_MS = 3_000;
/** `gap` may come often while the server is busy; one catching up at a time, and then one more. */
const NOT_REPEATED = new Set(['send', 'typing', 'alive']);

/**
 * @typedef {object} Session
 * @property {'idle'|'connecting'|'greeting'|'ready'|'waiting'|'sign_in'|'stopped'} phase
 */

/**
 * @param {{device_id: string, client?: string}} identity
 * @param {() => number} random 0 to 1; tests give their own
 * @returns {Session & Record<string, any>}
 */
export function newSession(identity, random = Math.random) {
  return {
    phase: 'idle', identity, random,
    next_id: 1, asked: new Map(), queue: [],
    cursor: null, cursor_next: null, catching_up: false, gap_again: false,
    attempts: 0, retry_at_ms: 0, deadline_ms: 0, probe_until_ms: 0,
    heartbeat_ms: 30_000, heard_at_ms: 0, lost_at_ms: null, welcome: null, stop: null,
  };
}

/**
 * @param {ReturnType<typeof newSession>} state changed in place
 * @param {object} input `start`, `opened`, `text`, `closed`, `command`, `tick`, `retry`, `probe`, `signed_in`, `end`
 * @param {number} now ms since 1970
 * @returns {object[]} outputs: `open`, `close`, `write`, `reply`, `refusal`, `lost`, `event`, `missed`, `reset`, `refresh`, `status`
 */
export function step(state, input, now) {
  const out = [];
  inputs[input.type](state, input, now, out);
  return out;
}

/** When the state wants its next tick, or null. */
export function nextTick(state) {
  const times = [];
  if (state.phase === 'waiting') times.push(state.retry_at_ms);
  if (state.phase === 'connecting' || state.phase === 'greeting') times.push(state.deadline_ms);
  if (state.phase === 'ready') times.push(state.heard_at_ms + 2 * state.heartbeat_ms);
  if (state.probe_until_ms) times.push(state.probe_until_ms);
  return times.length ? Math.min(...times) : null;
}

/** What a screen needs to know of the session. */
export function statusOf(state) {
  return { phase: state.phase, lost_at_ms: state.lost_at_ms, retry_at_ms: state.phase === 'waiting' ? state.retry_at_ms : null, catching_up: state.catching_up, stop: state.stop };
}

const inputs = {
  start(state, _input, now, out) {
    if (state.phase === 'idle' || state.phase === 'stopped' || state.phase === 'sign_in') connect(state, now, out);
  },
  retry(state, _input, now, out) {
    if (state.phase === 'waiting') connect(state, now, out);
  },
  signed_in(state, _input, now, out) {
    state.attempts = 0;
    if (state.phase === 'sign_in' || state.phase === 'idle' || state.phase === 'waiting') connect(state, now, out);
  },
  end(state, _input, _now, out) {
    if (state.phase === 'ready' || state.phase === 'greeting' || state.phase === 'connecting') out.push({ type: 'close' });
    Object.assign(state, { phase: 'idle', cursor: null, cursor_next: null, lost_at_ms: null, catching_up: false, probe_until_ms: 0 });
    for (const asked of state.asked.values()) if (asked.ticket) out.push({ type: 'lost', ticket: asked.ticket });
    for (const queued of state.queue) out.push({ type: 'lost', ticket: queued.ticket });
    state.asked.clear();
    state.queue = [];
    status(state, out);
  },
  opened(state, _input, now, out) {
    if (state.phase !== 'connecting') return;
    state.phase = 'greeting';
    state.deadline_ms = now + GREETING_MS;
    state.heard_at_ms = now;
    const hello = { device_id: state.identity.device_id, version: PROTOCOL_VERSION };
    if (state.identity.client) hello.client = state.identity.client;
    if (state.cursor) hello.cursor = state.cursor;
    ask(state, { name: 'hello', body: hello }, out);
  },
  text(state, input, now, out) {
    state.heard_at_ms = now;
    state.probe_until_ms = 0;
    let frame;
    try {
      frame = decodeFrame(input.text);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      out.push({ type: 'close' });
      lose(state, now, null, out);
      return;
    }
    if (frame === null) return;
    if (frame.kind === 'event') {
      // Events may stand before the welcome on the wire.
      if (state.phase === 'ready' || state.phase === 'greeting') heard(state, frame, out);
      return;
    }
    const asked = state.asked.get(frame.id);
    if (!asked) return;
    state.asked.delete(frame.id);
    if (asked.name === 'hello') greeted(state, frame, now, out);
    else if (asked.name === 'sync' && !asked.ticket) caughtUp(state, frame, now, out);
    else if (frame.kind === 'reply') out.push({ type: 'reply', ticket: asked.ticket, reply: frame.reply });
    else out.push({ type: 'refusal', ticket: asked.ticket, error: frame.error });
  },
  command(state, input, _now, out) {
    const asked = { ticket: input.ticket, name: input.name, body: input.body };
    if (state.phase === 'ready') ask(state, asked, out);
    else if (NOT_REPEATED.has(input.name) || state.queue.length >= COMMANDS_WAITING) out.push({ type: 'lost', ticket: input.ticket });
    else state.queue.push(asked);
  },
  closed(state, input, now, out) {
    if (state.phase === 'idle' || state.phase === 'waiting') return;
    lose(state, now, input, out);
  },
  tick(state, _input, now, out) {
    if (state.phase === 'waiting' && now >= state.retry_at_ms) return connect(state, now, out);
    const late = (state.phase === 'connecting' || state.phase === 'greeting') && now >= state.deadline_ms;
    const silent = state.phase === 'ready' && now >= state.heard_at_ms + 2 * state.heartbeat_ms;
    const unanswered = state.probe_until_ms !== 0 && now >= state.probe_until_ms;
    if (late || silent || unanswered) {
      out.push({ type: 'close' });
      lose(state, now, null, out);
    }
  },
  probe(state, _input, now, out) {
    if (state.phase === 'waiting') return connect(state, now, out);
    if (state.phase !== 'ready' || state.probe_until_ms) return;
    state.probe_until_ms = now + PROBE_MS;
    // Any command with a reply will do; this one is cheap and changes nothing.
    ask(state, { name: 'people', body: { user_ids: [] } }, out);
  },
};

function connect(state, now, out) {
  state.phase = 'connecting';
  state.deadline_ms = now + GREETING_MS;
  state.stop = null;
  out.push({ type: 'open' });
  status(state, out);
}

function greeted(state, frame, now, out) {
  if (frame.kind === 'refusal') {
    out.push({ type: 'close' });
    lose(state, now, { code: frame.error.retry_after_ms === undefined ? 4200 : 4001, reason: '', error: frame.error }, out);
    return;
  }
  const welcome = frame.reply;
  state.phase = 'ready';
  state.attempts = 0;
  state.lost_at_ms = null;
  state.welcome = welcome;
  state.heartbeat_ms = welcome.heartbeat_ms;
  out.push({ type: 'welcome', welcome });
  if (state.cursor && welcome.resumable) {
    catchUp(state, out);
  } else {
    state.cursor = welcome.cursor;
    state.catching_up = false;
    out.push({ type: 'reset' });
    if (state.gap_again) catchUp(state, out);
  }
  const queued = state.queue;
  state.queue = [];
  for (const asked of queued) ask(state, asked, out);
  status(state, out);
}

function catchUp(state, out) {
  state.catching_up = true;
  state.gap_again = false;
  ask(state, { name: 'sync', body: { cursor: state.cursor } }, out);
}

function caughtUp(state, frame, now, out) {
  if (frame.kind === 'refusal') {
    if (frame.error.retry_after_ms !== undefined) {
      out.push({ type: 'close' });
      lose(state, now, { code: 4001, reason: `Busy;after_ms=${frame.error.retry_after_ms}` }, out);
      return;
    }
    // The cursor is of no use any more: everything anew, from the place that welcome told.
    state.cursor = state.welcome.cursor;
    state.catching_up = false;
    out.push({ type: 'reset' });
    status(state, out);
    return;
  }
  const synced = frame.reply;
  out.push({ type: 'missed', synced });
  if (synced.too_long_all) out.push({ type: 'reset' });
  if (synced.next !== undefined) {
    ask(state, { name: 'sync', body: { cursor: state.cursor, page: synced.next } }, out);
    return;
  }
  if (synced.cursor) state.cursor = synced.cursor;
  if (state.gap_again) return catchUp(state, out);
  state.catching_up = false;
  out.push({ type: 'caught_up' });
  status(state, out);
}

function heard(state, { event, body }, out) {
  if (event === 'heartbeat') {
    out.push({ type: 'write', text: encodeCommand(0, 'alive', {}) });
    if (body.cursor && state.phase === 'ready' && !state.catching_up) state.cursor = body.cursor;
  } else if (event === 'gap') {
    if (state.catching_up || state.phase !== 'ready') state.gap_again = true;
    else {
      catchUp(state, out);
      status(state, out);
    }
  } else {
    out.push({ type: 'event', event, body });
  }
}

function ask(state, asked, out) {
  const id = state.next_id;
  state.next_id = id >= 4_294_967_295 ? 1 : id + 1;
  state.asked.set(id, asked);
  out.push({ type: 'write', text: encodeCommand(id, asked.name, asked.body) });
}

/** The connection is gone: what may be repeated waits, the rest is given back; then come back, sign in, or stop. */
function lose(state, now, close, out) {
  for (const asked of state.asked.values()) {
    if (!asked.ticket) continue;
    if (NOT_REPEATED.has(asked.name) || state.queue.length >= COMMANDS_WAITING) out.push({ type: 'lost', ticket: asked.ticket });
    else state.queue.push(asked);
  }
  state.asked.clear();
  state.probe_until_ms = 0;
  state.catching_up = false;
  state.gap_again = false;
  state.lost_at_ms ??= now;
  const code = close?.code ?? 1006;
  if (code >= 4200 && code < 4300) {
    state.phase = 'stopped';
    state.stop = { code, error: close?.error ?? null };
  } else if (code >= 4100 && code < 4200) {
    state.phase = 'sign_in';
    state.stop = { code, error: null };
    out.push({ type: 'refresh', code });
  } else {
    state.phase = 'waiting';
    const bound = Math.min(BACK_OFF_MOST_MS, BACK_OFF_FIRST_MS * 2 ** Math.min(state.attempts, 10));
    state.attempts += 1;
    state.retry_at_ms = now + (afterMs(close?.reason) ?? Math.round(state.random() * bound));
  }
  status(state, out);
}

function status(state, out) {
  out.push({ type: 'status', status: statusOf(state) });
}
