// Who I am, what the server allows, how the connection stands.

import { signal } from '../vendor/signals.js';

export function createMe(person) {
  return {
    user_id: person.user_id,
    person: signal(person),
    /** Limits of `welcome`, null before it. */
    limits: signal(null),
    /** Of session.js: phase, lost_at_ms, retry_at_ms, catching_up, stop. */
    status: signal({ phase: 'connecting', lost_at_ms: null, retry_at_ms: null, catching_up: false, stop: null }),
    /** The server's clock minus ours, ms. */
    clock_offset_ms: 0,
    /** Prefix of the pages that the server has now; another than ours means that there is a new version. */
    page_prefix: signal(null),
  };
}
