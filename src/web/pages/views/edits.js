// What a message said before its edits; and the whole of a merged forward.

import { signal } from '../vendor/signals.js';
import { html } from '../vendor/lit.js';
import { moment, t } from '../words/words.js';
import { contentView, mergedList } from './content.js';
import { visible } from './person.js';

export function create(page, layer) {
  if (layer.kind === 'merged') return { label: () => t('content.merged', { title: visible(layer.body.title) }), view: () => html`<div class="edits">${mergedList(page, layer.body)}</div>` };
  const versions = signal(null);
  page.acts.message.edits(layer.message_id).then((found) => (versions.value = found), () => (versions.value = []));
  return {
    label: () => t('message.edits'),
    view: () => html`<div class="edits">${versions.value === null ? html`<p class="muted">${t('loading')}</p>` : versions.value.map((version) => html`<div class="merged_row"><div class="merged_by"><time>${moment(version.at_ms)}</time></div><div class="bubble">${contentView(page, { content: version.content, mentions: [] })}</div></div>`)}</div>`,
  };
}
