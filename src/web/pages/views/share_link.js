// A link by which others join a group.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { moment, t } from '../words/words.js';
import { icon } from './icons.js';
import { copy } from './message_menu.js';
import { refusalWords } from './refusal.js';

const VALIDITIES = ['week', 'year', 'permanently'];

export function create(page, layer) {
  const validity = signal('week');
  const link = signal(null);
  const failure = signal('');

  async function make(value) {
    validity.value = value;
    link.value = null;
    failure.value = '';
    try {
      const made = await page.acts.group.shareLink(layer.chat_id, value);
      if (validity.peek() === value) link.value = made;
    } catch (error) {
      failure.value = refusalWords(error.error ?? { code: 0 });
    }
  }
  void make('week');

  return {
    label: () => t('link.title'),
    view() {
      const address = link.value ? new URL(link.value.path, location.origin).href : '';
      return html`<div class="bot_form"><fieldset class="choice"><legend>${t('link.validity')}</legend><div class="choice_row">${VALIDITIES.map((value) => html`<label class="choice_one"><input type="radio" name="validity" value=${value} .checked=${validity.value === value} @change=${() => make(value)}><span>${t(`link.${value}`)}</span></label>`)}</div></fieldset>
        ${failure.value ? html`<p class="word_bad" role="alert">${failure.value}</p>` : html`<div class="form_field"><span>${link.value?.expires_at_ms ? t('link.until', { time: moment(link.value.expires_at_ms) }) : t('link.address')}</span><span class="secret_line"><input readonly aria-label=${t('link.title')} .value=${address} @focus=${(event) => event.target.select()}><button class="button primary" type="button" ?disabled=${!address} @click=${() => copy(page, address)}>${icon('copy', 16)}${t('message.copy')}</button></span></div>`}${nothing}</div>`;
    },
  };
}
