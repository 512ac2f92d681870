// Presence of the people on the screen.

import { signal } from '../vendor/signals.js';

export class PresenceStore {
  constructor() {
    this.known = new Map();
  }

  #signal(user_id) {
    let found = this.known.get(user_id);
    if (!found) this.known.set(user_id, (found = signal(null)));
    return found;
  }

  /** `{state, last_seen_ms}`, or null where nothing is known or to be drawn. */
  get(user_id) {
    const presence = this.#signal(user_id).value;
    return presence && presence.state !== 'hidden' ? presence : null;
  }

  apply(presence) {
    this.#signal(presence.user_id).value = presence;
  }

  /** Nobody is watched any more but these. */
  keep(user_ids) {
    const kept = new Set(user_ids);
    for (const user_id of this.known.keys()) if (!kept.has(user_id)) this.known.get(user_id).value = null;
  }
}
