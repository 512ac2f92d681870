// Numbered errors in words: by number where we have them, else the server's own text.

import { hasWords, t } from '../words/words.js';

export function refusalWords(error) {
  if (!error) return '';
  const key = `error.${error.code}`;
  if (hasWords(key)) return t(key, { seconds: Math.ceil((error.retry_after_ms ?? 0) / 1000) });
  return [error.what, error.why, error.hint].filter(Boolean).join(' ') || t('error.0');
}
