// What is open and where the focus is: the only state that views have of their own.

import { signal } from '../vendor/signals.js';

export function createScreen() {
  return {
    /** Overlay in front of everything: `{kind, …}` or null. */
    layer: signal(null),
    /** Side column: `{kind: 'info'|'members'|'readers'|'pins', …}` or null. */
    side: signal(null),
    /** Small menu at a place: `{x, y, items, from}` or null. */
    menu: signal(null),
    /** A sentence that concerns what was just done, with an optional act. */
    notice: signal(null),
    /** The bar that offers notices is shown. */
    ask_notices: signal(false),
    /** What stands before the title of the tab. */
    title_mark: signal(''),
    /** Filter of the list of chats. */
    filter: signal('all'),
    /** Where each chat was left: seq and offset of its first row. */
    places: new Map(),
    /** Text of what I recalled, for writing it again, by message. */
    recalled: new Map(),
    /** Object URLs of pictures that are being sent. */
    local_pictures: new Map(),
    /** Chats that were marked unread by hand: nothing is read there until they are left. */
    kept_unread: new Set(),
    /** Time of the last key, click or move of the person. */
    used_at_ms: 0,
    now_minute: signal(0),
  };
}

let notice_timer = 0;

/** Shows a refusal in words for a while. */
export function tell(screen, text, act) {
  screen.notice.value = { text, act };
  clearTimeout(notice_timer);
  notice_timer = setTimeout(() => (screen.notice.value = null), 6_000);
}
