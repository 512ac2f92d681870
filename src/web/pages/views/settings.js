// Settings of this browser, and the way out.

import { html, nothing } from '../vendor/lit.js';
import { askPermission, permission } from '../notice.js';
import { change, settings } from '../theme.js';
import { t } from '../words/words.js';
import { icon } from './icons.js';
import { avatar, placeOf, visible } from './person.js';

const CHOICES = {
  language: ['', 'zh', 'en'],
  look: ['system', 'light', 'dark'],
  text_size: ['', '15', '16', '18'],
  send_key: ['enter', 'ctrl_enter'],
  sound: ['off', 'on'],
};

export function create(page, _layer, close) {
  return {
    label: () => t('settings.title'),
    view() {
      const me = page.store.me.person.value;
      return html`<div class="settings"><div class="settings_me">${avatar({ id: me.user_id, name: me.name, avatar: me.avatar, size: 'large' })}<span class="profile_words"><b>${visible(me.name)}</b><span class="muted">${placeOf(me)}</span><span class="muted">${me.user_id}</span></span></div>
        ${Object.entries(CHOICES).map(([name, values]) => html`<fieldset class="choice"><legend>${t(`settings.${name}`)}</legend><div class="choice_row">${values.map((value) => html`<label class="choice_one"><input type="radio" name=${name} value=${value} .checked=${settings.value[name] === value} @change=${() => change({ [name]: value })}><span>${t(`settings.${name}.${value || 'auto'}`)}</span></label>`)}</div></fieldset>`)}
        ${noticesView()}
        ${isSecureContext ? nothing : html`<p class="muted note">${icon('info', 16)}${t('settings.insecure')}</p>`}
        <div class="settings_links"><button class="wide_row" type="button" @click=${() => (page.screen.layer.value = { kind: 'devices' })}>${icon('device')}<span class="grow">${t('devices.title')}</span>${icon('right', 18)}</button><button class="wide_row" type="button" @click=${() => (page.screen.layer.value = { kind: 'keys' })}>${icon('info')}<span class="grow">${t('keys.title')}</span>${icon('right', 18)}</button><button class="wide_row danger" type="button" @click=${() => leave(page, close)}>${icon('leave')}<span class="grow">${t('settings.sign_out')}</span></button></div></div>`;
    },
  };
}

/** Notices: asked for after a click; where they were refused, how to undo it. */
function noticesView() {
  const allowed = permission.value;
  if (allowed === 'none') return nothing;
  const choiceRow = (name, values) => html`<fieldset class="choice"><legend>${t(`settings.${name}`)}</legend><div class="choice_row">${values.map((value) => html`<label class="choice_one"><input type="radio" name=${name} value=${value} .checked=${(settings.value[name] || 'off') === value} @change=${() => change({ [name]: value })}><span>${t(`settings.${name}.${value}`)}</span></label>`)}</div></fieldset>`;
  if (allowed === 'granted') return html`${choiceRow('notices', ['off', 'on'])}${settings.value.notices === 'on' ? choiceRow('notice_text', ['shown', 'hidden']) : nothing}`;
  return html`<fieldset class="choice"><legend>${t('settings.notices')}</legend>${allowed === 'denied' ? html`<p class="muted">${t('settings.notices.denied')}</p>` : html`<button class="button" type="button" @click=${askPermission}>${t('notices.open')}</button>`}</fieldset>`;
}

function leave(page) {
  const unsent = page.acts.message.unsentCount();
  page.screen.layer.value = { kind: 'confirm', title: t('settings.sign_out'), text: unsent ? t('settings.sign_out_unsent', { n: unsent }) : t('settings.sign_out_sure'), yes: t('settings.sign_out'), act: () => page.signOut() };
}
