// What screen readers are told: one line at most once a second, many joined by the caller.

const EVERY_MS = 1_000;
let next = '';
let timer = 0;

/** Says a text politely; a later one within the second takes its place. */
export function announce(text) {
  next = text;
  if (timer) return;
  timer = setTimeout(() => {
    timer = 0;
    document.getElementById('announcer').textContent = next;
  }, EVERY_MS);
}

/** Says at once what cannot wait: an urgent. */
export function announceNow(text) {
  document.getElementById('announcer_urgent').textContent = text;
}
