// Makes or changes a bot of a group; then shows where to send to.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon, iconButton } from './icons.js';
import { copy } from './message_menu.js';
import { visible } from './person.js';
import { refusalWords } from './refusal.js';

/** What is separated by commas, spaces or new lines. */
const split = (text, by) => [...new Set(text.split(by).map((part) => part.trim()).filter(Boolean))];

export function create(page, layer, close) {
  const { chat_id } = layer;
  const bot = signal(layer.bot ?? null);
  const made = signal(false);
  const failure = signal('');
  const working = signal(false);
  // The same one if it has to be tried again.
  const client_message_id = page.acts.group.newBotId();

  async function ask(work) {
    working.value = true;
    failure.value = '';
    try {
      bot.value = await work();
      return true;
    } catch (error) {
      failure.value = refusalWords(error.error ?? { code: 0 });
      return false;
    } finally {
      working.value = false;
    }
  }

  async function save(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = {
      name: String(form.get('name')).trim(), description: String(form.get('description')).trim(),
      checks: { keywords: split(String(form.get('keywords')), /[,，;；\n]+/), addresses: split(String(form.get('addresses')), /[\s,，;；]+/), signature: form.get('signature') !== null },
    };
    const known = bot.peek();
    if (await ask(() => (known ? page.acts.group.changeCustomBot(chat_id, known.bot.user_id, given) : page.acts.group.addCustomBot(chat_id, { client_message_id, ...given })))) {
      if (known) close();
      else made.value = true;
    }
  }

  const field = (name, value, { area = false, hint = '', required = false, most = 500 } = {}) => html`<label class="form_field"><span>${t(`bots.${name}`)}</span>${area ? html`<textarea name=${name} rows="2" maxlength=${most} .defaultValue=${value} placeholder=${hint}></textarea>` : html`<input name=${name} maxlength=${most} ?required=${required} .defaultValue=${value} placeholder=${hint}>`}</label>`;
  /** The server may not know its own name. */
  const address = (found) => (found.url?.startsWith('/') ? `${location.origin}${found.url}` : found.url);
  const secret = (label, value, renew) => html`<div class="form_field"><span>${label}</span><span class="secret_line"><input readonly .value=${value} aria-label=${label} @focus=${(event) => event.target.select()}><button class="button" type="button" @click=${() => copy(page, value)}>${icon('copy', 16)}${t('message.copy')}</button>${iconButton('recall', t('bots.renew', { what: label }), renew, { size: 18 })}</span></div>`;

  function reach() {
    const found = bot.value;
    if (!found?.url) return nothing;
    const renew = (of_secret) => () => ask(() => page.acts.group.renewCustomBot(chat_id, found.bot.user_id, of_secret));
    return html`<div class="bot_reach">${secret(t('bots.url'), address(found), renew(false))}${found.checks?.signature && found.secret ? secret(t('bots.secret'), found.secret, renew(true)) : nothing}<p class="muted note">${icon('info', 16)}${t('bots.careful')}</p></div>`;
  }

  return {
    label: () => (layer.bot ? t('bots.change_title', { name: visible(layer.bot.bot.name) }) : t('bots.add')),
    view() {
      const found = layer.bot;
      if (made.value) return html`<div class="bot_form"><p class="bot_made">${icon('check', 18)}${t('bots.made', { name: visible(bot.value.bot.name) })}</p>${reach()}<div class="join_acts"><button class="button primary" type="button" @click=${close}>${t('bots.done')}</button></div></div>`;
      return html`<form class="bot_form" @submit=${save}>${found ? reach() : nothing}
        ${field('name', found?.bot.name ?? '', { required: true, most: 60 })}${field('description', found?.description ?? '')}
        ${field('keywords', (found?.checks?.keywords ?? []).join('，'), { hint: t('bots.keywords_hint') })}${field('addresses', (found?.checks?.addresses ?? []).join('\n'), { area: true, hint: '10.1.0.0/16' })}
        <label class="toggle_row"><span class="grow">${t('bots.signature')}</span><input type="checkbox" role="switch" name="signature" ?checked=${found?.checks?.signature}><span class="toggle" aria-hidden="true"></span></label>
        ${failure.value ? html`<p class="word_bad" role="alert">${failure.value}</p>` : nothing}
        <div class="join_acts"><button class="button" type="button" @click=${close}>${t('cancel')}</button><button class="button primary" type="submit" ?disabled=${working.value}>${t(found ? 'composer.save' : 'bots.make')}</button></div></form>`;
    },
  };
}
