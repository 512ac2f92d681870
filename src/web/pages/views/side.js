// The side column: what the chat is, its members, who asks to join, its board and bots, readers of a message, pinned
// messages, a thread.

import { effect } from '../vendor/signals.js';
import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { iconButton } from './icons.js';
import { region } from './region.js';
import { stylesheet } from './stylesheet.js';

/** Loaded when they are first opened, and when the page is idle. */
const LAZY = {
  info: () => import('./chat_info.js').then((module) => module.createChatInfo),
  members: () => import('./members.js').then((module) => module.createMembers),
  readers: () => import('./readers.js').then((module) => module.createReaders),
  pins: () => import('./pins.js').then((module) => module.createPins),
  joins: () => import('./joins.js').then((module) => module.createJoins),
  board: () => import('./board.js').then((module) => module.createBoard),
  moderators: () => import('./moderators.js').then((module) => module.createModerators),
  bots: () => import('./bots.js').then((module) => module.createBots),
  thread: () => import('./thread.js').then((module) => module.createThread),
};

/** Loads them all, so that an upgrade of the server cannot break an open tab. */
export function preloadSide() {
  return Promise.all(Object.values(LAZY).map((load) => load()));
}

/** @returns {{dispose: () => void}} */
export function createSide(element, page) {
  let current = null;
  const leave = () => {
    current?.region.dispose();
    current?.view.dispose?.();
    current = null;
    element.replaceChildren();
  };
  const stop = effect(() => {
    const side = page.screen.side.value;
    const chat_id = page.openChat.value;
    leave();
    document.documentElement.classList.toggle('with_side', Boolean(side && chat_id));
    if (!side || !chat_id) return;
    Promise.all([LAZY[side.kind](), stylesheet('layers.css')]).then(
      ([create]) => {
        if (page.screen.side.peek() !== side || page.openChat.peek() !== chat_id || current) return;
        const place = document.createElement('div');
        place.className = 'side_inside';
        element.append(place);
        const view = create(page, chat_id, side);
        current = { view, region: region(place, () => html`<header class="side_head"><h2>${view.title()}</h2><span class="grow"></span>${iconButton('close', t('close'), () => (page.screen.side.value = null))}</header><div class="side_body">${view.view()}</div>`) };
      },
      () => {
        page.screen.side.value = null;
        page.screen.new_version.value = true;
      },
    );
  });
  return {
    dispose() {
      stop();
      leave();
    },
  };
}
