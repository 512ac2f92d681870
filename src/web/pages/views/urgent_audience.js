// Whom an urgent is for: all members of the group, those who have not read the message, some of them, or departments.

import { signal } from '../vendor/signals.js';
import { html, nothing, repeat } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { icon } from './icons.js';
import { createPaged } from './paged.js';
import { personRow, visible } from './person.js';

const ROOT = '0';
const CHOICES = ['everyone', 'unread', 'people', 'departments'];

/** @param {{chat_id: string, message: object, mine: boolean, audience?: string}} of */
export function createAudience(page, { chat_id, message, mine, audience }) {
  const { chat } = page.store.inbox.peek(chat_id);
  const direct = chat.kind === 'direct';
  const me = page.store.me.user_id;
  const choice = signal(audience ?? CHOICES[0]);
  const unread_count = signal(null);
  const people = signal([]);
  const departments = signal([]);
  const opened = signal(null);
  const members = createPaged(async (query, next) => {
    const answer = await page.acts.chat.members(chat_id, { query, page: next });
    return { rows: answer.members.filter((member) => member.person.user_id !== me), next: answer.next };
  });

  async function countUnread() {
    try {
      unread_count.value = (await page.acts.receipt.readers(message.message_id, { unread: true })).unread_count ?? null;
    } catch {
      // The server counts them anyway.
      unread_count.value = null;
    }
  }

  function choose(next) {
    choice.value = next;
    if (next === 'people' && members.rows.peek().length === 0) void members.reload();
    if (next === 'departments' && !opened.peek()) void browse(ROOT, []);
    // How many have read is told of one's own messages only.
    if (next === 'unread' && mine) void countUnread();
  }
  if (!direct) choose(choice.peek());

  async function browse(department_id, trail) {
    try {
      opened.value = { trail, ...(await page.acts.chat.department(department_id)) };
    } catch {
      opened.value = { trail, departments: [], failed: true };
    }
  }

  const toggle = (chosen, key, one) => (chosen.value = chosen.peek().some((other) => other[key] === one[key]) ? chosen.peek().filter((other) => other[key] !== one[key]) : [...chosen.peek(), one]);
  const has = (chosen, key, one) => chosen.value.some((other) => other[key] === one[key]);

  const chosenPeople = () => html`<label class="search_field">${icon('search', 18)}<input type="text" aria-label=${t('urgent.raise.find')} placeholder=${t('urgent.raise.find')} maxlength="64" @input=${(event) => members.seek(event.target.value.replace(/'/g, ''))}></label>
    <div class="urgent_choices" @scroll=${(event) => members.scrolled(event)}>${repeat(members.rows.value, (member) => member.person.user_id, ({ person }) => html`<button class="people_row" type="button" role="checkbox" aria-checked=${String(has(people, 'user_id', person))} @click=${() => toggle(people, 'user_id', person)}><span class="tick">${icon('check', 14)}</span>${personRow(page, person)}</button>`)}${members.state.value === 'failed' ? html`<p class="list_caption">${t('error.0')}</p>` : nothing}</div>`;

  function chosenDepartments() {
    const at = opened.value;
    if (!at) return html`<p class="list_caption">${t('loading')}</p>`;
    const root = { department_id: ROOT, name: t('group.organisation') };
    return html`<div class="trail">${[root, ...at.trail].map((one, index) => html`<button class="link_button" type="button" @click=${() => browse(one.department_id, at.trail.slice(0, index))}>${visible(one.name)}</button>`)}</div>
      <div class="urgent_choices">${at.failed ? html`<p class="list_caption">${t('error.0')}</p>` : nothing}${at.departments.map((one) => html`<div class="people_row"><button class="tick" type="button" role="checkbox" aria-checked=${String(has(departments, 'department_id', one))} aria-label=${t('urgent.raise.department', { name: visible(one.name) })} @click=${() => toggle(departments, 'department_id', one)}>${icon('check', 14)}</button><button class="row_words" type="button" aria-label=${t('urgent.raise.department_open', { name: visible(one.name) })} @click=${() => browse(one.department_id, [...at.trail, one])}><span class="person_name grow">${visible(one.name)}</span>${icon('right', 18)}</button></div>`)}</div>`;
  }

  return {
    /** The audience as the server takes it; null while nobody is chosen. */
    value() {
      if (choice.value === 'people') return people.value.length ? { people: { user_ids: people.value.map((person) => person.user_id) } } : null;
      if (choice.value === 'departments') return departments.value.length ? { departments: { department_ids: departments.value.map((one) => one.department_id) } } : null;
      return { [choice.value]: {} };
    },
    /** Whom it is for, for a sentence. */
    words() {
      if (direct) return visible(chat.name);
      if (choice.value === 'people') return t('urgent.whom.people', { n: people.value.length });
      if (choice.value === 'departments') return departments.value.length ? departments.value.map((one) => visible(one.name)).join(t('comma')) : t('urgent.whom.departments');
      if (choice.value === 'unread') return unread_count.value === null ? t('urgent.whom.unread_unknown') : t('urgent.whom.unread', { n: unread_count.value });
      // Some groups do not tell how many they are.
      const members = page.store.inbox.get(chat_id)?.chat.member_count;
      return members === undefined ? t('urgent.whom.everyone_choice') : t('urgent.whom.everyone', { n: members - 1 });
    },
    view: () => (direct ? nothing : html`<fieldset class="choice"><legend>${t('urgent.raise.whom')}</legend><div class="choice_row">${CHOICES.map((name) => html`<label class="choice_one"><input type="radio" name="whom" value=${name} .checked=${choice.value === name} @change=${() => choose(name)}><span>${t(`urgent.whom.${name}_choice`)}</span></label>`)}</div></fieldset>${choice.value === 'people' ? chosenPeople() : choice.value === 'departments' ? chosenDepartments() : nothing}`),
  };
}
