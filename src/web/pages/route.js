// The address is the state: `#/chat/<chat_id>`, `#/chat/<chat_id>/<seq>`, `#/person/<user_id>`, `#/urgents`,
// `#/urgents/<list>`, `#/urgent/<urgent_id>`; a link to a group is `#/join/<token>`.

import { signal } from './vendor/signals.js';

export const route = signal(read());

function read() {
  const [, kind, id, rest] = location.hash.split('/').map(decodeURIComponent);
  if (kind === 'chat' && id) return { kind: 'chat', chat_id: id, seq: rest ? Number(rest) || null : null };
  if (kind === 'join' && id) return { kind: 'join', token: id };
  if (kind === 'person' && id) return { kind: 'person', user_id: id };
  if (kind === 'urgents') return { kind: 'urgents', list: ['confirmed', 'raised'].includes(id) ? id : 'open' };
  if (kind === 'urgent' && id) return { kind: 'urgent', urgent_id: id };
  return { kind: 'none' };
}

addEventListener('hashchange', () => (route.value = read()));

function hashOf(to) {
  if (to.kind === 'chat') return `#/chat/${encodeURIComponent(to.chat_id)}${to.seq ? `/${to.seq}` : ''}`;
  if (to.kind === 'person') return `#/person/${encodeURIComponent(to.user_id)}`;
  if (to.kind === 'urgents') return to.list && to.list !== 'open' ? `#/urgents/${to.list}` : '#/urgents';
  if (to.kind === 'urgent') return `#/urgent/${encodeURIComponent(to.urgent_id)}`;
  return '#/';
}

/** Goes there; back comes back here. */
export function go(to) {
  if (hashOf(to) === location.hash) return void (route.value = { ...to });
  history.pushState(null, '', hashOf(to));
  route.value = read();
}

/** Goes there in the place of where one is. */
export function replace(to) {
  history.replaceState(null, '', hashOf(to));
  route.value = read();
}
