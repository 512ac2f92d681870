// A question before what cannot be undone.

import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';

/** @param {object} _page @param {{title: string, text: string, yes: string, act: () => void}} layer */
export function create(_page, layer, close) {
  return {
    label: () => layer.title,
    view: () => html`<div class="confirm"><p>${layer.text}</p><div class="layer_foot"><span class="grow"></span><button class="button" type="button" autofocus @click=${close}>${t('cancel')}</button><button class="button danger_button" type="button" @click=${() => (close(), layer.act())}>${layer.yes}</button></div></div>`,
  };
}
