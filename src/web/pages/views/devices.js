// Where I am signed in, and signing a device out.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { ago, t } from '../words/words.js';
import { icon } from './icons.js';
import { visible } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

export function create(page) {
  const devices = signal(null);
  const load = () => page.acts.chat.devices().then((found) => (devices.value = found), () => (devices.value = []));
  void load();
  async function out(device) {
    const error = await page.acts.chat.signOutDevice(device.device_id);
    if (error) tell(page.screen, refusalWords(error));
    void load();
  }
  return {
    label: () => t('devices.title'),
    view: () => html`<div class="devices">${devices.value === null ? html`<p class="muted">${t('loading')}</p>` : devices.value.map((device) => html`<div class="device">${icon('device', 24)}<span class="person_words"><span class="person_name">${visible(device.name)}${device.current ? html`<span class="tag">${t('devices.this')}</span>` : nothing}</span><span class="person_place">${[device.online ? t('devices.online') : t('devices.seen', { ago: ago(device.last_seen_ms, page.serverNow()) }), device.address ?? ''].filter(Boolean).join(' · ')}</span></span>${device.current ? nothing : html`<button class="button" type="button" @click=${() => out(device)}>${t('devices.sign_out')}</button>`}</div>`)}</div>`,
  };
}
