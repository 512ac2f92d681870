// Frames of the protocol in JSON: text <-> command, reply, refusal, event. Unknown kinds are skipped.

/** Events that this page understands; others are skipped, as the protocol asks. */
const EVENTS = new Set(['record', 'receipt', 'read_count', 'typing', 'presence', 'inbox_changed', 'gap', 'heartbeat', 'drain', 'chat_left', 'joins_waiting', 'join_decided', 'ephemeral', 'ephemeral_gone', 'person_changed', 'urgent', 'urgent_over', 'urgent_counts']);

/** A frame that cannot be read at all. */
export class MalformedFrame extends Error {}

/**
 * @param {number} id chosen by us; 0 wants no reply
 * @param {string} command
 * @param {object} body
 * @returns {string} the frame's text
 */
export function encodeCommand(id, command, body) {
  return JSON.stringify({ id, command, body });
}

/**
 * @param {string} text
 * @returns {{kind: 'reply', id: number, reply: object} | {kind: 'refusal', id: number, error: object} | {kind: 'event', event: string, body: object} | null}
 *   null for an event that is not known
 */
export function decodeFrame(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch (error) {
    throw new MalformedFrame(`the frame is not JSON: ${error.message}`);
  }
  if (frame === null || typeof frame !== 'object' || Array.isArray(frame)) throw new MalformedFrame('the frame is not an object');
  if (Number.isInteger(frame.id)) {
    if (isObject(frame.reply)) return { kind: 'reply', id: frame.id, reply: frame.reply };
    if (isObject(frame.error)) return { kind: 'refusal', id: frame.id, error: frame.error };
    throw new MalformedFrame('a frame with an id has a reply or an error');
  }
  if (typeof frame.event === 'string' && !EVENTS.has(frame.event)) return null;
  if (typeof frame.event === 'string' && isObject(frame.body)) return { kind: 'event', event: frame.event, body: frame.body };
  throw new MalformedFrame('a frame has an id with a reply or an error, or an event with a body');
}

/**
 * A choice is an object with one name: `{"text": {…}}`.
 * @param {object | undefined} value
 * @returns {[string, any]} its kind and its body; `['unknown', null]` for what is not a choice
 */
export function choice(value) {
  if (isObject(value)) for (const kind of Object.keys(value)) return [kind, value[kind]];
  return ['unknown', null];
}

/**
 * The time after which to come back, as the reason of a close gives it: `name;after_ms=N`.
 * @param {string} reason
 * @returns {number | null} ms
 */
export function afterMs(reason) {
  const found = /(?:^|;)after_ms=(\d{1,9})(?:;|$)/.exec(reason ?? '');
  return found ? Number(found[1]) : null;
}

function isObject(value) {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
