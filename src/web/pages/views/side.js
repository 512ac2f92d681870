// The side column: what the chat is, its members, readers of a message, pinned messages.

import { effect } from '../vendor/signals.js';
import { html } from '../vendor/lit.js';
import { t } from '../words/words.js';
import { createChatInfo } from './chat_info.js';
import { iconButton } from './icons.js';
import { createMembers } from './members.js';
import { createPins } from './pins.js';
import { createReaders } from './readers.js';
import { region } from './region.js';

const KINDS = { info: createChatInfo, members: createMembers, readers: createReaders, pins: createPins };

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
    const place = document.createElement('div');
    place.className = 'side_inside';
    element.append(place);
    const view = KINDS[side.kind](page, chat_id, side);
    current = { view, region: region(place, () => html`<header class="side_head"><h2>${view.title()}</h2><span class="grow"></span>${iconButton('close', t('close'), () => (page.screen.side.value = null))}</header><div class="side_body">${view.view()}</div>`) };
  });
  return {
    dispose() {
      stop();
      leave();
    },
  };
}
