// Icons: 24 units, one stroke, the colour of the text.

import { html, svg } from '../vendor/lit.js';

const PATHS = {
  chats: svg`<path d="M20 11.5a7.5 7.5 0 0 1-7.5 7.5c-1.2 0-2.4-.3-3.4-.8L4 20l1.7-4.6A7.5 7.5 0 1 1 20 11.5Z"/>`,
  people: svg`<circle cx="9" cy="8" r="3.5"/><path d="M2.8 19.5c.6-3.4 3-5.2 6.2-5.2s5.6 1.8 6.2 5.2"/><path d="M15.5 4.9a3.4 3.4 0 0 1 0 6.2M17.6 14.8c1.9.7 3.2 2.2 3.6 4.7"/>`,
  settings: svg`<circle cx="12" cy="12" r="3"/><path d="M12 3.5v2M12 18.5v2M3.5 12h2M18.5 12h2M6 6l1.4 1.4M16.6 16.6 18 18M18 6l-1.4 1.4M7.4 16.6 6 18"/>`,
  search: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  send: svg`<path d="M4 12 20.5 4.5 16 20l-4.5-6.5L4 12ZM11.5 13.5l9-9"/>`,
  smile: svg`<circle cx="12" cy="12" r="8.5"/><path d="M8.5 14.2c.8 1.3 2 2 3.5 2s2.7-.7 3.5-2M9 9.5v.6M15 9.5v.6"/>`,
  at: svg`<circle cx="12" cy="12" r="3.5"/><path d="M15.5 8.5v4.6c0 1.5 1 2.4 2.3 2.4 1.6 0 2.7-1.4 2.7-3.5a8.5 8.5 0 1 0-3.4 6.8"/>`,
  picture: svg`<rect x="3.5" y="4.5" width="17" height="15" rx="2"/><circle cx="9" cy="10" r="1.6"/><path d="m4 17 5-4.2 3.4 2.8L16 12l4.5 4"/>`,
  file: svg`<path d="M13.5 3.5H7a1.5 1.5 0 0 0-1.5 1.5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5l-5-5Z"/><path d="M13.5 3.5v5h5"/>`,
  attach: svg`<path d="m19.5 11.5-7.6 7.6a4.6 4.6 0 0 1-6.5-6.5l8-8a3.1 3.1 0 0 1 4.4 4.4l-7.9 7.9a1.5 1.5 0 0 1-2.2-2.2l7.2-7.1"/>`,
  reply: svg`<path d="M9.5 6 4 11.5 9.5 17M4.5 11.5h9a6 6 0 0 1 6 6v.5"/>`,
  forward: svg`<path d="M14.5 6 20 11.5 14.5 17M19.5 11.5h-9a6 6 0 0 0-6 6v.5"/>`,
  more: svg`<path d="M5.5 12h.01M12 12h.01M18.5 12h.01" stroke-width="2.6"/>`,
  edit: svg`<path d="m14.5 6 3.5 3.5M4.5 19.5l1-4.5L16.3 4.2a1.6 1.6 0 0 1 2.3 0l1.2 1.2a1.6 1.6 0 0 1 0 2.3L9 18.5l-4.5 1Z"/>`,
  recall: svg`<path d="M4.5 5.5V10H9"/><path d="M5 10a8 8 0 1 1-.6 4.5"/>`,
  pin: svg`<path d="M14.5 4 20 9.5l-3.4.9-3.2 3.2-.4 4.2-2-2-4 4M11 15.800l-5-5 4.2-.4 3.2-3.2L14.5 4"/>`,
  copy: svg`<rect x="8.5" y="8.5" width="11" height="11" rx="2"/><path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2"/>`,
  trash: svg`<path d="M5 7h14M10 7V4.800h4V7M7 7l.8 12.500h8.400L17 7M10.500 10.500v6M13.500 10.500v6"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  back: svg`<path d="M14.5 5.500 8 12l6.500 6.500"/>`,
  down: svg`<path d="M12 5v14M6 13l6 6 6-6"/>`,
  up: svg`<path d="M12 19V5M6 11l6-6 6 6"/>`,
  right: svg`<path d="m9.500 5.500 6.500 6.500-6.500 6.500"/>`,
  info: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 11v5.500M12 7.800v.2"/>`,
  muted: svg`<path d="M6 16.500h12l-1.500-2V10A4.500 4.500 0 0 0 9 6.700M7.500 10v4.500l-1.500 2M10.500 19.500h3M4 4l16 16"/>`,
  urgent: svg`<path d="M7 18.500v-6a5 5 0 0 1 10 0v6M4.500 18.500h15M12 3.500v1.500M4.500 7.500l1.200 1M19.500 7.500l-1.200 1M12 11v3"/>`,
  bell: svg`<path d="M6 16.500h12l-1.500-2V10a4.500 4.500 0 0 0-9 0v4.500l-1.500 2ZM10.500 19.500h3"/>`,
  check: svg`<path d="m5 12.500 4.500 4.500L19 7.500"/>`,
  clock: svg`<circle cx="12" cy="12" r="8"/><path d="M12 7.500V12l3 2"/>`,
  alert: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 7.500v5.500M12 16v.2"/>`,
  group: svg`<circle cx="12" cy="8" r="3.200"/><path d="M6 19c.5-3.300 2.800-5 6-5s5.500 1.700 6 5"/><path d="M5.500 11.500a2.400 2.400 0 1 1 .6-4.700M18.500 11.500a2.400 2.400 0 1 0-.6-4.700M2.500 17c.2-1.600.9-2.700 2-3.300M21.500 17c-.2-1.600-.9-2.700-2-3.300"/>`,
  user_add: svg`<circle cx="10" cy="8" r="3.500"/><path d="M3.500 19.500c.6-3.400 3-5.200 6.500-5.200 1.200 0 2.300.2 3.200.7M18 13.500v6M15 16.500h6"/>`,
  user_remove: svg`<circle cx="10" cy="8" r="3.500"/><path d="M3.500 19.500c.6-3.400 3-5.200 6.500-5.200 1.200 0 2.300.2 3.200.7M15 16.500h6"/>`,
  leave: svg`<path d="M10 4.500H6A1.500 1.500 0 0 0 4.500 6v12A1.500 1.500 0 0 0 6 19.500h4M15 8l4 4-4 4M18.500 12H10"/>`,
  device: svg`<rect x="3.500" y="5" width="17" height="11" rx="1.500"/><path d="M9 19.500h6M12 16v3.500"/>`,
  lock: svg`<rect x="5.500" y="10.500" width="13" height="9" rx="2"/><path d="M8.500 10.500V8a3.500 3.500 0 0 1 7 0v2.500"/>`,
  download: svg`<path d="M12 4.500v10M7.500 10.500 12 15l4.500-4.500M5 19h14"/>`,
  thread: svg`<path d="M4.500 5.500h15v10h-8l-4 3.500v-3.500h-3zM8 9h8M8 12h5"/>`,
  board: svg`<path d="M4.500 9.500v5h3l6 4v-13l-6 4zM17 9.500a4 4 0 0 1 0 5"/>`,
  link: svg`<path d="M10 14a3.500 3.500 0 0 0 5 0l3.500-3.500a3.500 3.500 0 0 0-5-5L12 7M14 10a3.500 3.500 0 0 0-5 0l-3.500 3.500a3.500 3.500 0 0 0 5 5L12 17"/>`,
  bot: svg`<rect x="4.500" y="8.500" width="15" height="11" rx="3"/><path d="M12 8.500v-4M9 13v1.500M15 13v1.500M2.500 13v3M21.500 13v3"/>`,
  day: svg`<rect x="4" y="5.500" width="16" height="14" rx="2"/><path d="M4 10h16M8.500 3.500v4M15.500 3.500v4"/>`,
  chart: svg`<path d="M4.500 4.500v15h15M8.500 16v-4M12.500 16V8M16.500 16v-6"/>`,
  tree: svg`<rect x="8.500" y="3.500" width="7" height="5" rx="1"/><rect x="3" y="15.500" width="7" height="5" rx="1"/><rect x="14" y="15.500" width="7" height="5" rx="1"/><path d="M12 8.500V12M6.500 15.500V12h11v3.500"/>`,
};

/**
 * @param {keyof typeof PATHS} name
 * @param {number} [size] px
 */
export function icon(name, size = 20) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${PATHS[name]}</svg>`;
}

/** A button that shows only an icon; its name is its label and its tooltip. */
export function iconButton(name, label, onClick, { size = 20, pressed, extra = '', disabled = false } = {}) {
  return html`<button class="icon_button ${extra}" type="button" aria-label=${label} data-tip=${label} aria-pressed=${pressed === undefined ? 'undefined' : String(pressed)} ?disabled=${disabled} @click=${onClick}>${icon(name, size)}</button>`;
}
