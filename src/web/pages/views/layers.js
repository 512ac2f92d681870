// What stands in front: overlays, loaded when they are first opened, in one modal dialog.

import { effect } from '../vendor/signals.js';
import { html, nothing, render } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { iconButton } from './icons.js';
import { composing } from './ime.js';
import { region } from './region.js';
import { stylesheet } from './stylesheet.js';

const LAZY = {
  find: () => import('./people_search.js'),
  new_group: () => import('./new_group.js'),
  add_members: () => import('./new_group.js'),
  forward: () => import('./forward.js'),
  profile: () => import('./profile.js'),
  settings: () => import('./settings.js'),
  devices: () => import('./devices.js'),
  keys: () => import('./keys.js'),
  picture: () => import('./picture.js'),
  edits: () => import('./edits.js'),
  merged: () => import('./edits.js'),
  join: () => import('./join.js'),
  share_link: () => import('./share_link.js'),
  custom_bot: () => import('./custom_bot.js'),
  confirm: () => import('./confirm.js'),
  raise_urgent: () => import('./urgent_raise.js'),
};

/** Loads them all, so that an upgrade of the server cannot break an open tab. */
export function preloadLayers() {
  return Promise.all([stylesheet('layers.css'), ...Object.values(LAZY).map((load) => load())]);
}

/** Keeps the dialog in step with `screen.layer`. */
export function createLayers(element, page) {
  const dialog = document.createElement('dialog');
  dialog.className = 'layer';
  element.append(dialog);
  let current = null;
  let came_from = null;

  const close = () => (page.screen.layer.value = null);
  dialog.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  dialog.addEventListener('pointerdown', (event) => event.target === dialog && close());
  dialog.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || composing(event)) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  });

  function leave() {
    current?.region.dispose();
    current?.view.dispose?.();
    current = null;
  }

  effect(() => {
    const layer = page.screen.layer.value;
    const was_open = current !== null;
    leave();
    if (!layer) {
      if (dialog.open) dialog.close();
      render(nothing, dialog);
      page.screen.covered = false;
      if (was_open && came_from?.isConnected) came_from.focus({ preventScroll: true });
      else if (was_open) page.focusComposer();
      came_from = null;
      return;
    }
    if (!was_open) came_from = document.activeElement;
    void Promise.all([LAZY[layer.kind](), stylesheet('layers.css')]).then(
      ([module]) => {
        if (page.screen.layer.peek() !== layer) return;
        const view = module.create(page, layer, close);
        dialog.className = `layer layer_${layer.kind}`;
        dialog.setAttribute('aria-label', view.label());
        render(nothing, dialog);
        current = { view, region: region(dialog, () => frame(view, close)) };
        page.screen.covered = true;
        if (!dialog.open) dialog.showModal();
        (dialog.querySelector('[autofocus]') ?? dialog.querySelector('input, textarea') ?? dialog.querySelector('.layer_title') ?? dialog).focus();
        view.opened?.(dialog);
      },
      () => {
        page.screen.layer.value = null;
        page.screen.new_version.value = true;
      },
    );
  });
}

function frame(view, close) {
  if (view.bare) return view.view();
  return html`<div class="layer_head"><h2 class="layer_title" tabindex="-1">${view.label()}</h2><span class="grow"></span>${iconButton('close', t('close'), close)}</div>${view.view()}`;
}
