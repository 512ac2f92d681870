// Drafts by chat: text, who is mentioned in it, what it answers. Never moved from one chat to another.

import { signal } from '../vendor/signals.js';
import { DRAFTS, DRAFT_CHARACTERS } from '../limits.js';

export class Drafts {
  constructor() {
    this.known = new Map();
    this.version = signal(0);
  }

  /** `{text, mentions, reply_to, editing}` or undefined. */
  get(key) {
    return this.known.get(key);
  }

  /** The text for the list of chats. */
  preview(chat_id) {
    this.version.value;
    return this.known.get(chat_id)?.text.trim() ?? '';
  }

  set(key, draft) {
    const empty = !draft || (!draft.text && !draft.reply_to && !draft.editing);
    const had = (this.known.get(key)?.text.trim() ?? '') !== '';
    this.known.delete(key);
    if (!empty) {
      this.known.set(key, { ...draft, text: draft.text.slice(0, DRAFT_CHARACTERS) });
      if (this.known.size > DRAFTS) this.known.delete(this.known.keys().next().value);
    }
    // The list shows the first words of a draft only after one has left the chat; while writing it does not change.
    if (had !== !empty) this.changed();
  }

  changed() {
    this.version.value += 1;
  }
}
