// What a person does with urgents, and what this device tells of them by itself: that it has them, that they were seen.

import { batch, effect, untracked } from '../vendor/signals.js';
import { LIST_PAGE, OPEN_URGENTS, URGENTS_TOLD } from '../limits.js';
import { expectRefusal, outcome } from '../protocol/outcome.js';

/** What comes within this time is answered at once. */
const GOT_MS = 100;
/** There is nothing to confirm any more: it is over, or not shown to me. */
const GONE = [2100, 2102];

/** Where somebody may stand, from the first to the last. */
export const STANDINGS = ['pending', 'delivered', 'shown', 'confirmed', 'failed'];

/** @param {{urgents: import('../store/urgents.js').Urgents}} given and what all acts are given */
export function urgentActs({ store, urgents, port, randomId }) {
  const got = new Set();
  const shown = new Set();
  let got_timer = 0;
  let asking = false;
  let again = false;

  /** What the server tells unasked. */
  function heard(event, body) {
    if (event === 'urgent') {
      batch(() => {
        putPeople([body]);
        urgents.apply(body);
      });
      came(body.urgent_id);
    } else if (event === 'urgent_over') urgents.end(body.urgent_id);
    else if (event === 'urgent_counts') urgents.applyCounts(body);
  }

  /** This device has it. */
  function came(urgent_id) {
    got.add(urgent_id);
    got_timer ||= setTimeout(() => {
      got_timer = 0;
      const urgent_ids = [...got];
      got.clear();
      for (let at = 0; at < urgent_ids.length; at += URGENTS_TOLD) port.command('urgent_got', { urgent_ids: urgent_ids.slice(at, at + URGENTS_TOLD), shown: false }).catch(expectRefusal);
    }, GOT_MS);
  }

  /** It stood before the person's eyes. Told once. */
  function seen(urgent_id) {
    if (shown.has(urgent_id)) return;
    shown.add(urgent_id);
    port.command('urgent_got', { urgent_ids: [urgent_id], shown: true }).catch((error) => {
      shown.delete(urgent_id);
      expectRefusal(error);
    });
  }

  /** Asks what I am to confirm: what is not in the answer, and was not told since, is over. */
  async function refresh() {
    if (asking) return void (again = true);
    asking = true;
    const turn = urgents.asks();
    try {
      const page = await port.command('urgents', { list: 'open', limit: OPEN_URGENTS });
      batch(() => {
        putPeople(page.urgents);
        urgents.listed(turn, page);
      });
      // Events that came before anybody heard them are answered here.
      for (const { urgent_id } of page.urgents) came(urgent_id);
    } catch (error) {
      expectRefusal(error);
    } finally {
      asking = false;
    }
    if (again) {
      again = false;
      await refresh();
    }
  }

  function putPeople(some) {
    store.people.put(some.flatMap((urgent) => [urgent.raised_by, ...urgent.about, ...urgent.people]));
    for (const { counts } of some) if (counts) urgents.applyCounts(counts);
  }

  effect(() => {
    if (urgents.doubts.value > 0) untracked(() => void refresh());
  });

  async function people(urgent_id, standing, page, times = false) {
    const answer = await port.command('urgent_people', { urgent_id, standing, page, limit: LIST_PAGE, times });
    store.people.put(answer.people.map((one) => one.person));
    return answer;
  }

  return {
    heard, seen, refresh, people,
    /** @returns {Promise<object | null>} an error's body; null when there is nothing to be confirmed any more */
    async confirm(urgent_id) {
      const error = await outcome(() => port.command('confirm_urgent', { urgent_id }));
      if (error && !GONE.includes(error.code)) return error;
      urgents.end(urgent_id);
      return null;
    },
    cancel: (urgent_id) => outcome(() => port.command('cancel_urgent', { urgent_id })),
    newId: () => randomId(),
    /** @param {object} urgent the command's body @returns {Promise<object>} for how many it was raised, and for whom not */
    raise: (urgent) => port.command('raise_urgent', urgent),
    async list(list, page) {
      const answer = await port.command('urgents', { list, page });
      putPeople(answer.urgents);
      return answer;
    },
    async report(urgent_id) {
      const report = await port.command('urgent_report', { urgent_id });
      putPeople([report.urgent]);
      return report;
    },
    /** What was done for one person, and when the person went on. */
    async person(urgent_id, user_id) {
      const answer = await port.command('urgent_person', { urgent_id, user_id });
      store.people.put([answer.person]);
      return answer;
    },
    /** Everybody for whom it was raised, once each, with where they stand and since when. */
    async everybody(urgent_id) {
      const found = new Map();
      for (const standing of STANDINGS) {
        let page;
        do {
          const answer = await people(urgent_id, standing, page, true);
          // Who went on while the pages came is found again further on.
          for (const one of answer.people) found.set(one.person.user_id, { ...one, standing });
          page = answer.next;
        } while (page);
      }
      return [...found.values()];
    },
  };
}
