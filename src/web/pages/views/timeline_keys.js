// Keys, right clicks and long presses in the timeline.

import { composing } from './ime.js';

const FOCUSABLE = ['message', 'unsent', 'line', 'reply'];
const LONG_PRESS_MS = 450;

/** @param {import('./timeline.js').Timeline} timeline */
export function listenTo(timeline) {
  const { scroller } = timeline;
  scroller.addEventListener('keydown', (event) => key(timeline, event));
  scroller.addEventListener('contextmenu', (event) => contextMenu(timeline, event));
  longPress(timeline, scroller);
}

function key(timeline, event) {
  if (composing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'End' || event.key === 'Home') {
    event.preventDefault();
    if (event.key === 'End') timeline.readAll();
    else void timeline.toStart();
    return;
  }
  if (event.key === 'ArrowUp' || event.key === 'ArrowDown') return move(timeline, event);
  if (event.target === timeline.scroller || !event.target.classList.contains('row')) return;
  const [row, message] = timeline.messageAt(Number(event.target.dataset.index));
  if (row?.kind === 'reply' && event.key === 'Enter') {
    event.preventDefault();
    return timeline.openThread(timeline.chat.peekRow(row.seq).thread_root);
  }
  if (!message || message.recalled_by) return;
  const mine = row.own;
  const from = event.target.querySelector('.bubble');
  const acts = {
    KeyR: () => timeline.may_post && timeline.reply(message),
    KeyT: () => timeline.openThread(message.message_id),
    KeyE: () => mine && timeline.edit(message),
    KeyP: () => timeline.entry()?.chat.rights.pin && timeline.pin(message, !message.pinned),
    KeyU: () => !mine && timeline.markUnread(row),
    Equal: () => timeline.pickReaction(message, from),
    NumpadAdd: () => timeline.pickReaction(message, from),
    Enter: () => timeline.menu(row, message, mine, from),
  };
  const act = acts[event.code];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

/** The row focus goes up or down, over what is not a message. */
function move(timeline, event) {
  const step = event.key === 'ArrowUp' ? -1 : 1;
  const { rows } = timeline;
  const at = rows.findIndex((row) => row.key === timeline.focused);
  let index = at < 0 ? rows.length : at;
  do index += step;
  while (rows[index] && !FOCUSABLE.includes(rows[index].kind));
  if (!rows[index]) return;
  event.preventDefault();
  timeline.focusRow(index);
}

function contextMenu(timeline, event) {
  const element = event.target.closest('.row.message');
  if (!element || event.target.closest('a, img') || String(getSelection()).length > 0) return;
  const [row, message] = timeline.messageAt(Number(element.dataset.index));
  if (!message || message.recalled_by) return;
  event.preventDefault();
  timeline.menu(row, message, row.own, { x: event.clientX, y: event.clientY });
}

/** A long press opens the same as the pointer's menu. */
function longPress(timeline, scroller) {
  let timer = 0;
  const stop = () => clearTimeout(timer);
  scroller.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch') return;
    const element = event.target.closest('.row.message');
    if (!element) return;
    timer = setTimeout(() => {
      const [row, message] = timeline.messageAt(Number(element.dataset.index));
      if (message && !message.recalled_by) timeline.menu(row, message, row.own, { x: event.clientX, y: event.clientY });
    }, LONG_PRESS_MS);
  });
  for (const name of ['pointerup', 'pointercancel', 'pointermove', 'scroll']) scroller.addEventListener(name, stop, { passive: true });
}
