// Why an urgent was not for somebody, or has not reached somebody, in the language of the page.

import { hasWords, t } from '../words/words.js';

/** Why somebody is not among those who are asked. A server of another version may say it in its own words only. */
export function leftOutWords({ reason, why }) {
  const key = `urgent.left_out.${reason}`;
  return hasWords(key) ? t(key) : why;
}

/** What failed for somebody, or why it is over for this one. What a provider has answered stands in the server's words. */
export function failedWords({ reason, failed_way, why }) {
  if (reason === 'left') return t('urgent.person.left');
  const key = `urgent.not_reached.${reason}`;
  if (!failed_way || !hasWords(key)) return why;
  const words = `${t(`urgent.person.way.${failed_way}`)}${t('colon')}${t(key)}`;
  return reason === 'refused' ? [words, why].join(t('comma')) : words;
}
