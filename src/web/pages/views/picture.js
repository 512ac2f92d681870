// A picture alone.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon, iconButton } from './icons.js';
import { vars } from './region.js';

export function create(_page, layer, close) {
  const zoom = signal(1);
  const wheel = (event) => {
    event.preventDefault();
    zoom.value = Math.min(6, Math.max(1, zoom.value * (event.deltaY < 0 ? 1.15 : 1 / 1.15)));
  };
  return {
    bare: true,
    label: () => layer.name,
    view: () => html`<div class="viewer" @wheel=${wheel} @click=${(event) => event.target.classList.contains('viewer') && close()}><div class="viewer_head"><span class="grow">${layer.name}</span>${layer.key ? html`<a class="icon_button" href=${layer.source} download=${layer.name} aria-label=${t('content.download', { name: layer.name })}>${icon('download')}</a>` : nothing}${iconButton('close', t('close'), close)}</div><div class="viewer_place"><img src=${layer.source} alt=${layer.name} ${vars({ '--zoom': String(zoom.value) })}></div></div>`,
  };
}
