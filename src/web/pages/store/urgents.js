// Urgents: those that I am to confirm, which of them I have put aside, and where people stand with those that I raised.

import { computed, signal } from '../vendor/signals.js';
import { OPEN_URGENTS, URGENTS_REMEMBERED } from '../limits.js';

export class Urgents {
  constructor() {
    /** Those that I am to confirm, the one that ends first on top. */
    this.open = signal([]);
    /** How many more there are than are kept whole. */
    this.more = signal(0);
    /** All of them. */
    this.count = computed(() => this.open.value.length + this.more.value);
    /** By id, the level at which I have put an urgent aside; a higher one brings it back. */
    this.aside = signal(new Map());
    /** Those that are to stand before my eyes now. */
    this.waiting = computed(() => this.open.value.filter((urgent) => !isAside(this.aside.value, urgent)));
    /** Chats with an urgent that I am to confirm. */
    this.chats = computed(() => new Set(this.open.value.map((urgent) => urgent.message.chat_id)));
    /** Grows when the server's list of open ones should be asked for: what is here may not be all, or too much. */
    this.doubts = signal(0);
    /** Grows when one has ended: lists of them are to be had anew. */
    this.version = signal(0);
    /** Questions for the open ones that were asked; what is told later is newer than their answers. */
    this.turn = 0;
    /** By id, the turn in which an open one was told last, and in which one has ended. */
    this.told = new Map();
    this.ended = new Map();
    this.counts = new Map();
  }

  /** An urgent that the server tells, anew, again, or once more after a cut: of one and the same the highest level counts. */
  apply(urgent) {
    const { urgent_id } = urgent;
    if (urgent.over || (urgent.standing === 'confirmed' && urgent.about_count === 0)) return this.end(urgent_id);
    // It was on its way while it ended; or it comes to me a second time, as a manager. The server's list knows.
    if (this.ended.has(urgent_id)) return void (this.doubts.value += 1);
    this.told.set(urgent_id, this.turn);
    this.#put([urgent]);
  }

  /** Takes urgents among the open ones. When there are too many, those that were put aside go first: the rest must be seen. */
  #put(urgents) {
    const open = new Map(this.open.peek().map((urgent) => [urgent.urgent_id, urgent]));
    for (const urgent of urgents) {
      const known = open.get(urgent.urgent_id);
      // Who is asked, and leads others who are, is asked also when it comes for those.
      if (!known || levelOf(urgent) >= levelOf(known)) open.set(urgent.urgent_id, { ...urgent, for_me: urgent.about_count === 0 || known?.for_me === true });
    }
    const kept = [...open.values()].sort((a, b) => a.deadline_at_ms - b.deadline_at_ms || a.raised_at_ms - b.raised_at_ms || (a.urgent_id < b.urgent_id ? -1 : 1));
    while (kept.length > OPEN_URGENTS) {
      const last_aside = kept.findLastIndex((urgent) => isAside(this.aside.peek(), urgent));
      const [gone] = kept.splice(last_aside < 0 ? kept.length - 1 : last_aside, 1);
      this.told.delete(gone.urgent_id);
      this.more.value += 1;
    }
    this.open.value = kept;
  }

  /** It is over for me: confirmed here or on another device, cancelled, too late. */
  end(urgent_id) {
    this.#forget(new Set([urgent_id]));
    if (this.more.peek() > 0) this.doubts.value += 1;
  }

  #forget(ids) {
    for (const urgent_id of ids) {
      this.told.delete(urgent_id);
      this.ended.delete(urgent_id);
      this.ended.set(urgent_id, this.turn);
      if (this.ended.size > URGENTS_REMEMBERED) this.ended.delete(this.ended.keys().next().value);
    }
    const kept = this.open.peek().filter((urgent) => !ids.has(urgent.urgent_id));
    if (kept.length < this.open.peek().length) this.open.value = kept;
    if ([...ids].some((urgent_id) => this.aside.peek().has(urgent_id))) this.aside.value = new Map([...this.aside.peek()].filter(([urgent_id]) => !ids.has(urgent_id)));
    this.version.value += 1;
  }

  /** The server is asked for the open ones. @returns {number} the turn, for `listed` */
  asks() {
    this.turn += 1;
    return this.turn;
  }

  /** The first page of the open ones, the oldest first, as it was some time after `asks`. */
  listed(turn, { urgents, next, open_count }) {
    const here = urgents.filter((urgent) => (this.ended.get(urgent.urgent_id) ?? -1) < turn);
    const ids = new Set(here.map((urgent) => urgent.urgent_id));
    // What was told since, or stands on a later page, is no less open.
    const beyond = next === undefined ? Infinity : (urgents.at(-1)?.raised_at_ms ?? 0);
    const over = this.open.peek().filter(({ urgent_id, raised_at_ms }) => !ids.has(urgent_id) && !(this.told.get(urgent_id) >= turn) && raised_at_ms < beyond);
    if (over.length) this.#forget(new Set(over.map((urgent) => urgent.urgent_id)));
    for (const urgent_id of ids) this.ended.delete(urgent_id);
    this.#put(here);
    this.more.value = Math.max(0, open_count - this.open.peek().length);
  }

  /** Puts aside what stands before my eyes. @returns {[string, number][]} each with its level, to be told to my other windows */
  putAside() {
    const entries = this.waiting.peek().map((urgent) => [urgent.urgent_id, levelOf(urgent)]);
    this.asideElsewhere(entries);
    return entries;
  }

  /** Put aside in another window of this browser. */
  asideElsewhere(entries) {
    const open = new Set(this.open.peek().map((urgent) => urgent.urgent_id));
    const known = entries.filter(([urgent_id]) => open.has(urgent_id));
    if (known.length) this.aside.value = new Map([...this.aside.peek(), ...known]);
  }

  /** Brings one back before my eyes, or all. */
  look(urgent_id) {
    this.aside.value = urgent_id === undefined ? new Map() : new Map([...this.aside.peek()].filter(([id]) => id !== urgent_id));
  }

  /** Where the people of an urgent of mine stand; null while it is not known. */
  countsOf(urgent_id) {
    return this.#counts(urgent_id).value;
  }

  applyCounts(counts) {
    const known = this.#counts(counts.urgent_id);
    const old = known.peek();
    // The same numbers once more are no news.
    if (!old || ['pending', 'delivered', 'shown', 'confirmed', 'failed', 'over'].some((name) => old[name] !== counts[name])) known.value = counts;
  }

  #counts(urgent_id) {
    let found = this.counts.get(urgent_id);
    if (!found) {
      this.counts.set(urgent_id, (found = signal(null)));
      if (this.counts.size > URGENTS_REMEMBERED) this.counts.delete(this.counts.keys().next().value);
    }
    return found;
  }
}

function isAside(aside, urgent) {
  return (aside.get(urgent.urgent_id) ?? -1) >= levelOf(urgent);
}

/** How often it has called for me: each reminder does, and when it comes to me as the manager of others it does so once more. */
export function levelOf(urgent) {
  return urgent.reminder + (urgent.about_count > 0 ? 0.5 : 0);
}

/** For how many people an urgent is. */
export function totalOf(counts) {
  return counts.pending + counts.delivered + counts.shown + counts.confirmed + counts.failed;
}
