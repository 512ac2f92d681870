// Signing in: the first screen, or a dialog over the intact one when the session is over.

import { html, nothing, ref } from '../vendor/lit.js';
import { signal } from '../vendor/signals.js';
import { language, t } from '../words/words.js';
import { composing } from './ime.js';
import { icon } from './icons.js';
import { refusalWords } from './refusal.js';

/**
 * @param {{signIn: (login: string, password: string) => Promise<void>, reason?: string, login?: string}} of
 *   `signIn` rejects with an error that has `status` and `error`
 */
export function createSignIn({ signIn, reason, login, change }) {
  const working = signal(false);
  const failure = signal('');

  async function submit(event) {
    event.preventDefault();
    const form = event.currentTarget;
    if (working.value) return;
    const name = form.elements.login.value.trim();
    const password = form.elements.password.value;
    if (!name || !password) {
      failure.value = t('sign_in.missing');
      form.elements[name ? 'password' : 'login'].focus();
      return;
    }
    working.value = true;
    failure.value = '';
    try {
      await signIn(name, password);
    } catch (error) {
      failure.value = error.status === 0 ? t('sign_in.unreachable') : error.status === 401 ? t('sign_in.wrong') : error.status === 429 ? t('sign_in.too_often', { seconds: Math.ceil((error.error?.retry_after_ms ?? 60_000) / 1000) }) : refusalWords(error.error ?? { code: 0 });
      form.elements.password.select();
    } finally {
      working.value = false;
    }
  }

  return () => html`<main class="sign_in"><form class="sign_in_card" aria-labelledby="sign_in_title" @submit=${submit} @keydown=${(event) => event.key === 'Enter' && composing(event) && event.preventDefault()}>
    <span class="brand" aria-hidden="true"><svg viewBox="0 0 32 32" width="44" height="44"><rect width="32" height="32" rx="8" fill="currentColor"/><path class="brand_mark" d="M22.5 11.2A8 8 0 1 0 22.5 20.8" fill="none" stroke-width="3.2" stroke-linecap="round"/><circle class="brand_dot" cx="22.6" cy="16" r="2.4"/></svg></span>
    <h1 id="sign_in_title">${t('sign_in.title')}</h1>
    <p class="sign_in_hint">${reason ?? t('sign_in.hint')}</p>
    <label>${t('sign_in.login')}<input name="login" autocomplete="username" autocapitalize="none" spellcheck="false" .value=${login ?? ''} ?readonly=${Boolean(login)} ${ref((field) => field && !field.dataset.focused && ((field.dataset.focused = '1'), queueMicrotask(() => (login ? field.form.elements.password : field).focus())))}></label>
    <label>${t('sign_in.password')}<input name="password" type="password" autocomplete="current-password"></label>
    <div class="sign_in_failure" role="alert">${failure.value ? html`${icon('alert', 16)}<span>${failure.value}</span>` : nothing}</div>
    <button class="button primary wide" type="submit" ?disabled=${working.value}>${working.value ? t('sign_in.working') : t('sign_in.go')}</button>
    ${login ? html`<button class="link_button" type="button" @click=${change?.other}>${t('sign_in.change')}</button>` : html`<button class="link_button" type="button" @click=${change?.language}>${language.value === 'zh' ? 'English' : '中文'}</button>`}
  </form></main>`;
}
