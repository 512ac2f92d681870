// Ctrl+K: to a person or a group, before the server has answered.

import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { createPeopleList } from './people_list.js';

export function create(page, _layer, close) {
  const people = createPeopleList(page, {
    chats: true, label: t('find.label'), placeholder: t('find.placeholder'),
    choose(row) {
      close();
      if (row.entry) page.go({ kind: 'chat', chat_id: row.entry.chat.chat_id });
      else page.openPerson(row.person.user_id);
    },
  });
  return {
    bare: true,
    label: () => t('find.label'),
    view: () => html`<div class="find">${people.field()}${people.list()}<div class="find_foot"><span><kbd>↑</kbd><kbd>↓</kbd> ${t('find.move')}</span><span><kbd>Enter</kbd> ${t('find.open')}</span><span><kbd>Esc</kbd> ${t('close')}</span></div></div>`,
  };
}
