// Settings of this browser: language, look, text size, send key. Kept in localStorage, told to the other tabs.

import { effect, signal } from './vendor/signals.js';
import { useLanguage } from './words/words.js';

const KEY = 'clarion.settings';
/** `notices`: empty until the person was asked. */
const DEFAULTS = { language: '', look: 'system', text_size: '', send_key: 'enter', notices: '', notice_text: 'shown', sound: 'off' };

function stored() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') };
  } catch {
    return { ...DEFAULTS };
  }
}

export const settings = signal(stored());

const tabs = typeof BroadcastChannel === 'function' ? new BroadcastChannel(KEY) : null;
if (tabs) tabs.onmessage = (event) => (settings.value = { ...DEFAULTS, ...event.data });

/** @param {Partial<typeof DEFAULTS>} change */
export function change(change) {
  settings.value = { ...settings.peek(), ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.peek()));
  } catch {
    // A browser that keeps nothing: the choice holds until the tab closes.
  }
  tabs?.postMessage(settings.peek());
}

let words = Promise.resolve();

/** When the words of the chosen language are there. */
export function wordsReady() {
  return words;
}

effect(() => {
  const { language: chosen, look, text_size } = settings.value;
  const root = document.documentElement;
  const name = chosen || (navigator.languages.find((tag) => /^(zh|en)/.test(tag)) ?? 'zh').slice(0, 2);
  words = useLanguage(name);
  root.lang = name === 'zh' ? 'zh-CN' : 'en';
  if (look === 'system') delete root.dataset.theme;
  else root.dataset.theme = look;
  if (text_size) root.dataset.text = text_size;
  else delete root.dataset.text;
});
