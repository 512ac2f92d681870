// How a person or a group is drawn: picture or letters, name, presence.

import { html, nothing } from '../vendor/lit.js';
import { NAME_CHARACTERS } from '../limits.js';
import { langOf, t } from '../words/words.js';

/** Letters of a picture: the last two Han characters of a person, the first two of a group, or the initials. */
export function letters(name, group = false) {
  const han = [...name].filter((character) => /\p{Script=Han}/u.test(character));
  if (han.length > 0) return (group ? han.slice(0, 2) : han.slice(-2)).join('');
  const parts = name.split(/[\s._-]+/).filter(Boolean);
  return ((parts[0]?.[0] ?? '?') + (parts.length > 1 ? parts.at(-1)[0] : '')).toUpperCase();
}

/** One of the twelve colours, always the same for an id. */
export function colour(id) {
  let sum = 0;
  for (let at = 0; at < id.length; at += 1) sum = (sum * 31 + id.charCodeAt(at)) >>> 0;
  return sum % 12;
}

/**
 * @param {{id: string, name: string, avatar?: string, size: 'small'|'row'|'message'|'large', group?: boolean, presence?: object | null}} of
 */
export function avatar({ id, name, avatar: key, size = 'row', presence = null }) {
  const shown = letters(visible(name), id.startsWith('oc_'));
  // The letters are a picture, not text: they are neither read aloud nor copied.
  return html`<span class="avatar avatar_${size} avatar_colour_${colour(id)}" aria-hidden="true" data-letters=${key ? nothing : shown} lang=${langOf(shown) ?? nothing}>${key ? html`<img src="/files/${encodeURIComponent(key)}" alt="" loading="lazy" decoding="async">` : nothing}${presence && presence.state !== 'offline' ? html`<span class="presence presence_${presence.state}"></span>` : nothing}</span>`;
}

/** Control characters and bidi overrides are shown as marks; length is bounded. */
export function visible(text) {
  const cut = text.length > NAME_CHARACTERS ? `${text.slice(0, NAME_CHARACTERS)}…` : text;
  return cut.replace(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\u25a1');
}

/** The name of a person by id, the id while it is not known. */
export function nameOf(page, user_id) {
  const person = page.store.people.get(user_id);
  return person ? visible(person.name) : user_id;
}

/** The last two departments: enough to tell people of one name apart. */
export function placeOf(person) {
  return person.departments.slice(-2).map(visible).join(' / ');
}

/** Presence in words; nothing where it is hidden or unknown. */
export function presenceWords(presence, ago, now) {
  if (!presence) return '';
  if (presence.state === 'offline') return presence.last_seen_ms ? t('presence.last_seen', { ago: ago(presence.last_seen_ms, now) }) : t('presence.offline');
  return t(`presence.${presence.state}`);
}

/** A row of a list of people. */
export function personRow(page, person, { detail, action = nothing, marked = '' } = {}) {
  const presence = page.store.presence.get(person.user_id);
  return html`${avatar({ id: person.user_id, name: person.name, avatar: person.avatar, size: 'row', presence })}
    <span class="person_words"><span class="person_name" lang=${langOf(person.name) ?? nothing}>${mark(visible(person.name), marked)}${person.kind === 'bot' ? html`<span class="tag">${t('person.bot')}</span>` : nothing}${person.resigned ? html`<span class="tag">${t('person.resigned')}</span>` : nothing}</span>
    <span class="person_place">${detail ?? [placeOf(person), person.title ? visible(person.title) : '', person.kind === 'person' ? person.user_id : ''].filter(Boolean).join(' · ')}</span></span>${action}`;
}

/** The matching part of a name, marked. */
export function mark(text, part) {
  const at = part ? text.toLowerCase().indexOf(part.toLowerCase()) : -1;
  if (at < 0) return text;
  return html`${text.slice(0, at)}<mark>${text.slice(at, at + part.length)}</mark>${text.slice(at + part.length)}`;
}
