// People by id. A row that shows somebody subscribes to that person only.

import { signal } from '../vendor/signals.js';
import { PEOPLE } from '../limits.js';

export class People {
  constructor() {
    /** @type {Map<string, {value: object | null}>} */
    this.known = new Map();
    /** Ids that were asked for by a view and are not known yet; acts fetch them. */
    this.wanted = new Set();
    this.wants = signal(0);
    /** Ids by name, to tell people of one name apart. */
    this.names = new Map();
    this.shared = signal(new Set());
  }

  #signal(user_id) {
    let found = this.known.get(user_id);
    if (!found) {
      found = signal(null);
      this.known.set(user_id, found);
      if (this.known.size > PEOPLE) this.#forgetOldest();
    }
    return found;
  }

  #forgetOldest() {
    const [user_id, oldest] = this.known.entries().next().value;
    this.names.get(oldest.peek()?.name)?.delete(user_id);
    this.known.delete(user_id);
  }

  /** The person, or null while not known; whoever reads it hears when it comes. */
  get(user_id) {
    const found = this.#signal(user_id);
    if (found.value === null && user_id && !this.wanted.has(user_id)) {
      this.wanted.add(user_id);
      // Asked for while drawing: told after it.
      queueMicrotask(() => (this.wants.value += 1));
    }
    return found.value;
  }

  /** Takes people of a page; what a fuller answer had told is kept. */
  put(people) {
    for (const person of people ?? []) {
      const found = this.#signal(person.user_id);
      found.value = found.value ? { ...found.value, ...person } : person;
      this.wanted.delete(person.user_id);
      const ids = this.names.get(person.name);
      if (!ids) this.names.set(person.name, new Set([person.user_id]));
      else if (!ids.has(person.user_id)) {
        ids.add(person.user_id);
        if (!this.shared.peek().has(person.name)) this.shared.value = new Set([...this.shared.peek(), person.name]);
      }
    }
  }

  /** The ids to fetch now, at most `count`. They stay wanted, so they are asked for once. */
  takeWanted(taken, count) {
    const ids = [];
    for (const user_id of this.wanted) if (!taken.has(user_id) && ids.length < count) ids.push(user_id);
    return ids;
  }

  /** Everybody who is loaded. */
  all() {
    return [...this.known.values()].map((found) => found.value).filter(Boolean);
  }
}
