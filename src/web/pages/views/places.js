// Screens in the place of a chat: my urgents, the report of one. Loaded when they are first opened, and when the page is idle.

import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { iconButton } from './icons.js';
import { region } from './region.js';
import { stylesheet } from './stylesheet.js';

const LAZY = {
  urgents: () => import('./urgents.js').then((module) => module.createUrgents),
  urgent: () => import('./urgent_report.js').then((module) => module.createUrgentReport),
};

/** Is it one of these, and no chat? */
export const isPlace = (kind) => kind in LAZY;

/** Loads them all, so that an upgrade of the server cannot break an open tab. */
export function preloadPlaces() {
  return Promise.all([stylesheet('urgent.css'), ...Object.values(LAZY).map((load) => load())]);
}

export function placeKey(route) {
  return `place:${route.kind}:${route.urgent_id ?? ''}`;
}

/** @returns {{key: string, dispose: () => void}} */
export function openPlace(element, page, route) {
  let current = null;
  let disposed = false;
  Promise.all([LAZY[route.kind](), stylesheet('layers.css'), stylesheet('urgent.css')]).then(
    ([create]) => {
      if (disposed) return;
      const view = create(page, route);
      current = { view, drawing: region(element, () => html`<header class="chat_head">${iconButton('back', t('chat.back'), () => page.back(), { extra: 'back_button' })}<h1 class="head_name" tabindex="-1">${view.title()}</h1><span class="grow"></span>${view.acts?.()}</header><div class="place">${view.view()}</div>`) };
      // What had the focus is gone with the screen before.
      if (document.activeElement === document.body) element.querySelector('h1').focus();
    },
    () => (page.screen.new_version.value = true),
  );
  return {
    key: placeKey(route),
    dispose() {
      disposed = true;
      current?.drawing.dispose();
      current?.view.dispose?.();
    },
  };
}
