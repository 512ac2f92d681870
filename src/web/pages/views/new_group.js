// A new group, or more members for one: people first, then the name.

import { signal } from '../vendor/signals.js';
import { html, nothing } from '../vendor/lit.js';
import { list, t } from '../words/words.js';
import { icon } from './icons.js';
import { createPeopleList } from './people_list.js';
import { avatar, visible } from './person.js';
import { refusalWords } from './refusal.js';

export function create(page, layer, close) {
  const adding = layer.kind === 'add_members';
  const chosen = signal(layer.people ?? []);
  const departments = signal([]);
  const opened = signal(null);
  const working = signal(false);
  const failure = signal('');
  const name = signal('');
  const people = createPeopleList(page, {
    label: t('group.find'), placeholder: t('group.find'),
    without: (user_id) => user_id === page.store.me.user_id,
    chosen: (row) => chosen.value.some((one) => one.user_id === row.person.user_id),
    choose(row) {
      failure.value = '';
      const has = chosen.peek().some((one) => one.user_id === row.person.user_id);
      chosen.value = has ? chosen.peek().filter((one) => one.user_id !== row.person.user_id) : [...chosen.peek(), row.person];
      const field = document.querySelector('.layer .search_field input');
      people.clear(field);
      field.focus();
    },
  });

  const suggested = () => list([page.store.me.person.value, ...chosen.value].slice(0, 4).map((person) => visible(person.name)));

  async function browse(department_id, trail) {
    try {
      const answer = await page.acts.chat.department(department_id);
      opened.value = { department_id, trail, ...answer };
    } catch {
      failure.value = t('error.0');
    }
  }

  function toggleDepartment(department) {
    const has = departments.peek().some((one) => one.department_id === department.department_id);
    departments.value = has ? departments.peek().filter((one) => one.department_id !== department.department_id) : [...departments.peek(), department];
  }

  async function done() {
    if (working.value) return;
    if (chosen.value.length + departments.value.length === 0) return void (failure.value = t('find.nobody'));
    working.value = true;
    failure.value = '';
    const user_ids = chosen.value.map((person) => person.user_id);
    const department_ids = departments.value.map((department) => department.department_id);
    try {
      if (adding) {
        const error = await page.acts.chat.addMembers(layer.chat_id, user_ids, department_ids);
        if (error) throw Object.assign(new Error(), { error });
        close();
      } else {
        const chat_id = await page.acts.chat.createGroup({ name: name.value.trim(), user_ids, department_ids });
        close();
        page.go({ kind: 'chat', chat_id });
      }
    } catch (error) {
      failure.value = refusalWords(error.error ?? { code: 0 });
    }
    working.value = false;
  }

  const browser = () => {
    const at = opened.value;
    if (!at) return html`<button class="people_row plain" type="button" @click=${() => browse('0', [{ department_id: '0', name: t('group.organisation') }])}><span class="avatar avatar_row avatar_all">${icon('tree')}</span><span class="person_words"><span class="person_name">${t('group.by_department')}</span></span>${icon('right', 18)}</button>`;
    return html`<div class="trail">${at.trail.map((one, index) => html`<button class="link_button" type="button" @click=${() => browse(one.department_id, at.trail.slice(0, index + 1))}>${visible(one.name)}</button>`)}</div>
      ${at.departments.map((department) => html`<div class="people_row"><button class="tick" type="button" role="checkbox" aria-checked=${String(departments.value.some((one) => one.department_id === department.department_id))} aria-label=${visible(department.name)} @click=${() => toggleDepartment(department)}>${icon('check', 14)}</button><button class="row_words" type="button" @click=${() => browse(department.department_id, [...at.trail, department])}><span class="person_name">${visible(department.name)}</span><span class="count">${department.people_count}</span>${icon('right', 18)}</button></div>`)}
      ${at.people.map((person) => html`<div class="people_row" role="option" @click=${() => (chosen.value = chosen.peek().some((one) => one.user_id === person.user_id) ? chosen.peek().filter((one) => one.user_id !== person.user_id) : [...chosen.peek(), person])}>${avatar({ id: person.user_id, name: person.name, avatar: person.avatar, size: 'row' })}<span class="person_words"><span class="person_name">${visible(person.name)}</span><span class="person_place">${person.title ?? ''}</span></span>${chosen.value.some((one) => one.user_id === person.user_id) ? html`<span class="chosen_mark">${icon('check', 18)}</span>` : nothing}</div>`)}`;
  };

  return {
    label: () => (adding ? t('group.add_title') : t('group.title')),
    view: () => html`<div class="group_maker">
      ${adding ? nothing : html`<label class="field">${t('group.name')}<input type="text" maxlength="120" placeholder=${chosen.value.length ? suggested() : t('group.name_hint')} @input=${(event) => (name.value = event.target.value)}></label>`}
      <div class="chosen">${departments.value.map((department) => html`<span class="chosen_one">${icon('tree', 14)}${visible(department.name)} · ${department.people_count}<button type="button" aria-label=${t('group.take_out', { name: department.name })} @click=${() => toggleDepartment(department)}>${icon('close', 12)}</button></span>`)}${chosen.value.map((person) => html`<span class="chosen_one">${avatar({ id: person.user_id, name: person.name, avatar: person.avatar, size: 'small' })}${visible(person.name)}<button type="button" aria-label=${t('group.take_out', { name: person.name })} @click=${() => (chosen.value = chosen.value.filter((one) => one !== person))}>${icon('close', 12)}</button></span>`)}</div>
      ${people.field()}
      <div class="group_people">${people.query.value === '' ? browser() : nothing}${people.list()}</div>
      <div class="layer_foot">${failure.value ? html`<span class="failure_words" role="alert">${failure.value}</span>` : nothing}<span class="grow"></span><button class="button" type="button" @click=${close}>${t('cancel')}</button><button class="button primary" type="button" aria-disabled=${String(working.value || chosen.value.length + departments.value.length === 0)} @click=${done}>${adding ? t('group.add', { n: chosen.value.length + departments.value.length }) : t('group.make')}</button></div>
    </div>`,
  };
}
