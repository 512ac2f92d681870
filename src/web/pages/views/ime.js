// Is the person composing? One rule, first in every keydown: Safari ends a composition before the key that confirmed it,
// and some input methods say `key: "Enter"` while composing.

let open = false;

addEventListener('compositionstart', () => (open = true), true);
addEventListener('compositionend', () => (open = false), true);

/** @param {KeyboardEvent} event */
export function composing(event) {
  return event.isComposing || event.keyCode === 229 || open;
}

/** A composition is open: the field must not lose the focus now. */
export function midComposition() {
  return open;
}

/** The Enter key, not one that an input method is using. */
export function enter(event) {
  return event.keyCode === 13 && event.key === 'Enter' && !composing(event);
}
