// Small menus at a button or a place, and the layer in which they stand.

import { html, nothing } from '../vendor/lit.js';
import { icon } from './icons.js';
import { composing } from './ime.js';
import { vars } from './region.js';

/**
 * @param {object} page
 * @param {Element | {x: number, y: number}} from
 * @param {{icon?: string, words: string, key?: string, danger?: boolean, act: () => void}[] | {view: unknown}} content
 */
export function openMenu(page, from, content) {
  const box = from instanceof Element ? from.getBoundingClientRect() : { left: from.x, right: from.x, top: from.y, bottom: from.y };
  page.screen.menu.value = { box, from: from instanceof Element ? from : document.activeElement, content };
}

export function closeMenu(page) {
  const menu = page.screen.menu.peek();
  if (!menu) return;
  page.screen.menu.value = null;
  // What opened it may be no place for the focus itself: then what holds it is.
  if (menu.from?.isConnected) (menu.from.closest('button, a, input, textarea, [tabindex]') ?? menu.from).focus?.({ preventScroll: true });
}

/** The open menu. */
export function menuView(page) {
  const menu = page.screen.menu.value;
  if (!menu) return nothing;
  const { box, content } = menu;
  const above = box.bottom > innerHeight * 0.6;
  const right = box.left > innerWidth * 0.6;
  const place = {
    '--left': right ? 'auto' : `${Math.max(8, box.left)}px`, '--right': right ? `${Math.max(8, innerWidth - box.right)}px` : 'auto',
    '--top': above ? 'auto' : `${box.bottom + 4}px`, '--bottom': above ? `${innerHeight - box.top + 4}px` : 'auto',
  };
  const close = () => closeMenu(page);
  return html`<div class="menu_scrim" @pointerdown=${close} @contextmenu=${(event) => (event.preventDefault(), close())}></div>
    <div class="menu ${Array.isArray(content) ? '' : 'menu_free'}" role=${Array.isArray(content) ? 'menu' : 'dialog'} ${vars(place)} @keydown=${(event) => key(event, close)}>
      ${Array.isArray(content) ? content.map((item) => (item === null ? html`<hr>` : html`<button class="menu_item ${item.danger ? 'danger' : ''}" type="button" role="menuitem" ?disabled=${item.disabled} @click=${() => (close(), item.act())}>${item.icon ? icon(item.icon, 18) : html`<span class="no_icon"></span>`}<span class="grow">${item.words}</span>${item.key ? html`<kbd>${item.key}</kbd>` : nothing}</button>`)) : content.view(close)}
    </div>`;
}

function key(event, close) {
  if (composing(event)) return;
  const items = [...event.currentTarget.querySelectorAll('button:not([disabled])')];
  const at = items.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (event.key === 'Escape') close();
  else if (step) items[(at + step + items.length) % items.length]?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Focus goes into a menu when it has been drawn. */
export function focusMenu() {
  document.querySelector('.menu button:not([disabled])')?.focus({ preventScroll: true });
}
