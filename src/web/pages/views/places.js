// Screens in the place of a chat: my urgents, the report of one. Each is loaded when it is first opened, and when the page is idle.

import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { iconButton } from './icons.js';
import { region } from './region.js';
import { stylesheet } from './stylesheet.js';

const LAZY = {
  urgents: () => import('./urgents.js').then((module) => module.createUrgents),
  urgent: () => import('./urgent_report.js').then((module) => module.createUrgentReport),
};

/** Loads them all, so that an upgrade of the server cannot break an open tab. */
export function preloadPlaces() {
  return Promise.all(Object.values(LAZY).map((load) => load()));
}

/** @returns {{dispose: () => void}} */
export function createPlace(element, page, route) {
  let current = null;
  let disposed = false;
  Promise.all([LAZY[route.kind](), stylesheet('layers.css')]).then(
    ([create]) => {
      if (disposed) return;
      const view = create(page, route);
      current = { view, drawing: region(element, () => html`<header class="chat_head">${iconButton('back', t('chat.back'), view.back ?? page.back, { extra: 'back_button' })}<h1 class="head_name" tabindex="-1">${view.title()}</h1></header><div class="place">${view.view()}</div>`) };
      // What had the focus is gone with the screen before.
      if (document.activeElement === document.body) element.querySelector('h1').focus();
    },
    () => (page.screen.new_version.value = true),
  );
  return {
    dispose() {
      disposed = true;
      current?.drawing.dispose();
      current?.view.dispose?.();
    },
  };
}
