// Where one writes. One element a chat, which owns its chat_id; what is sent is what stands in it at that moment.

import { effect, untracked } from '../vendor/signals.js';
import { html, nothing, ref, render } from '../vendor/lit.js';
import { UPLOADS_QUEUED } from '../limits.js';
import { settings } from '../theme.js';
import { bytes, list, t } from '../words/words.js';
import { preview } from './content.js';
import { icon, iconButton } from './icons.js';
import { composing } from './ime.js';
import { endingAt, mentioned, moved, sought } from './mention_ranges.js';
import { MentionPicker } from './mention_picker.js';
import { nameOf } from './person.js';
import { refusalWords } from './refusal.js';
import { tell } from './screen.js';

const DRAFT_MS = 400;

export class Composer {
  /**
   * @param {HTMLElement} element
   * @param {object} page
   * @param {{key: string, chat_id: () => string | null, ready: () => Promise<string>, name: () => string, timeline: () => any, thread_root?: string}} target
   *   `thread_root`, if given: everything goes into that thread; `key` names the draft; `ready` gives the chat_id, making sure that there is a chat
   */
  constructor(element, page, target) {
    Object.assign(this, { element, page, target });
    const draft = page.store.drafts.get(target.key);
    this.ranges = draft?.mentions ?? [];
    this.last = draft?.text ?? '';
    this.reply_to = draft?.reply_to ?? null;
    this.editing = null;
    this.files = [];
    this.touch = matchMedia('(hover: none)').matches;
    this.stops = [];
    this.picker = new MentionPicker(page, this);
    this.#draw();
    this.input.value = this.last;
    this.#grow();
    // Rights, language, the send key and who is writing change what stands around the field, never the field.
    this.stops.push(effect(() => {
      settings.value;
      this.#entry();
      const chat_id = this.target.chat_id();
      if (chat_id) this.page.store.receipts.typingIn(chat_id);
      untracked(() => this.#draw());
    }));
    if (!this.touch) this.focus();
  }

  #entry() {
    const chat_id = this.target.chat_id();
    return chat_id ? this.page.store.inbox.get(chat_id) : undefined;
  }

  /** The same chat has become known under another name: a draft that was kept under it is shown, unless one writes already. */
  adopt(key) {
    this.target.key = key;
    const draft = this.page.store.drafts.get(key);
    if (!draft || this.input.value || this.reply_to) return;
    this.reply_to = draft.reply_to ?? null;
    this.#set(draft.text, draft.mentions ?? []);
    this.#draw();
  }

  focus() {
    this.input?.focus({ preventScroll: true });
  }

  // ---- drawing

  #draw() {
    const entry = this.#entry();
    const chat_id = this.target.chat_id();
    const may_post = !entry || entry.chat.rights.post;
    const send_key = settings.peek().send_key;
    const hint = this.touch ? t('composer.hint_touch', { name: this.target.name() }) : t(send_key === 'enter' ? 'composer.hint' : 'composer.hint_ctrl', { name: this.target.name() });
    render(
      html`<div class="typing" aria-hidden="true">${chat_id && !this.target.thread_root ? this.#typing(chat_id) : nothing}</div>
      ${may_post ? nothing : html`<div class="composer_closed" role="note">${icon('lock', 18)}${entry.chat.dissolved ? t('composer.dissolved') : t('composer.closed')}</div>`}
      <form class="composer_box" ?hidden=${!may_post} aria-label=${t('composer.label', { name: this.target.name() })} @submit=${(event) => (event.preventDefault(), this.send())}>
        ${this.editing ? html`<div class="composer_bar">${icon('edit', 16)}<span class="bar_words">${t('composer.editing')}</span>${iconButton('close', t('composer.stop_editing'), () => this.stopEditing(), { size: 16 })}</div>` : nothing}
        ${this.reply_to && !this.editing ? html`<div class="composer_bar">${icon('reply', 16)}<span class="bar_words"><b>${nameOf(this.page, this.reply_to.sender)}</b> ${this.reply_to.preview || t('content.attachment')}</span>${iconButton('close', t('composer.no_reply'), () => this.reply(null), { size: 16 })}</div>` : nothing}
        ${this.files.length ? html`<div class="file_strip">${this.files.map((one, index) => html`<span class="strip_file">${one.url ? html`<img src=${one.url} alt="">` : icon('file', 24)}<span class="strip_words"><span>${one.name}</span><small>${bytes(one.file.size)}</small></span>${iconButton('close', t('composer.drop_file', { name: one.name }), () => this.dropFile(index), { size: 14 })}</span>`)}</div>` : nothing}
        <textarea class="composer_text" rows="1" aria-label=${t('composer.text', { name: this.target.name() })} placeholder=${hint} spellcheck="true" enterkeyhint=${this.touch ? 'enter' : 'send'}
          ${ref((found) => found && (this.input = found))} @input=${() => this.#typed()} @keydown=${(event) => this.#key(event)} @paste=${(event) => this.#paste(event)} @compositionend=${() => this.#typed()} @blur=${() => this.picker.close()} @click=${() => this.picker.look()}></textarea>
        <div class="composer_tools">
          ${iconButton('smile', t('composer.emoji'), (event) => this.#emoji(event.currentTarget))}
          ${entry && entry.chat.kind === 'group' ? iconButton('at', t('composer.mention'), () => this.insert('@')) : nothing}
          ${iconButton('picture', t('composer.picture'), () => this.#choose('image/png,image/jpeg,image/gif,image/webp,image/avif'))}
          ${iconButton('attach', t('composer.file'), () => this.#choose(''))}
          <span class="grow"></span>
          <button class="send_button" type="submit" aria-label=${this.editing ? t('composer.save') : t('composer.send')} data-tip=${this.editing ? t('composer.save') : t('composer.send')}>${icon(this.editing ? 'check' : 'send', 20)}</button>
        </div>
        <div class="picker_place"></div>
      </form>`,
      this.element,
    );
    this.#ready();
  }

  #typing(chat_id) {
    const names = this.page.store.receipts.typingIn(chat_id).map((one) => nameOf(this.page, one.user_id));
    if (names.length === 0) return nothing;
    return html`<span class="dots"><i></i><i></i><i></i></span>${names.length > 3 ? t('typing.many', { n: names.length }) : t('typing', { names: list(names), n: names.length })}`;
  }

  #ready() {
    const filled = Boolean(this.input?.value.trim()) || this.files.length > 0;
    this.element.querySelector('.send_button')?.classList.toggle('ready', filled);
  }

  #grow() {
    // Browsers with field-sizing grow by themselves.
    if (CSS.supports('field-sizing', 'content')) return;
    this.input.style.setProperty('height', 'auto');
    this.input.style.setProperty('height', `${Math.min(this.input.scrollHeight, 240)}px`);
  }

  // ---- writing

  #typed() {
    const text = this.input.value;
    this.ranges = moved(this.ranges, this.last, text);
    this.last = text;
    this.#grow();
    this.#ready();
    this.picker.look();
    if (!this.editing) {
      clearTimeout(this.draft_timer);
      this.draft_timer = setTimeout(() => this.saveDraft(), DRAFT_MS);
      const chat_id = this.target.chat_id();
      if (text.trim() && chat_id && this.page.store.inbox.peek(chat_id)?.chat.head_seq) this.page.acts.receipt.typing(chat_id);
    }
  }

  saveDraft() {
    clearTimeout(this.draft_timer);
    if (this.editing) return;
    const draft = { text: this.input.value, mentions: this.ranges, reply_to: this.reply_to };
    this.page.store.drafts.set(this.target.key, draft);
    void this.page.disk.putDraft(this.target.key, draft.text || draft.reply_to ? draft : null);
  }

  #key(event) {
    if (composing(event)) return;
    if (this.picker.key(event)) return;
    const text = this.input.value;
    if (event.keyCode === 13) {
      const wanted = settings.peek().send_key === 'enter' ? !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey : event.ctrlKey || event.metaKey;
      if (this.touch || !wanted) return;
      event.preventDefault();
      return this.send();
    }
    if (event.key === 'Backspace' && this.input.selectionStart === this.input.selectionEnd) {
      const range = endingAt(this.ranges, this.input.selectionStart);
      if (range) {
        event.preventDefault();
        return this.replace(range.start, range.end, '');
      }
    }
    if (event.key === 'ArrowUp' && text === '' && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      return this.target.timeline()?.editLast?.();
    }
    // With something on its way to the front, Escape is meant for that.
    if (event.key === 'Escape' && !this.page.screen.layer.peek()) {
      if (this.editing) this.stopEditing();
      else if (this.reply_to) this.reply(null);
      else this.target.timeline()?.readAll();
      event.preventDefault();
      event.stopPropagation();
    }
  }

  /** Puts a text in place of a stretch, as one step that can be undone. */
  replace(from, to, text) {
    this.focus();
    this.input.setSelectionRange(from, to);
    // The only way that keeps the undo of the browser.
    if (!document.execCommand(text ? 'insertText' : 'delete', false, text)) {
      this.input.setRangeText(text, from, to, 'end');
      this.#typed();
    }
  }

  insert(text) {
    this.replace(this.input.selectionStart, this.input.selectionEnd, text);
    this.picker.look();
  }

  /** Called by the picker. */
  mention(start, end, person) {
    const name = person.user_id === 'all' ? t('mention.all') : person.name;
    this.replace(start, end, `@${name} `);
    this.ranges = [...this.ranges, { start, end: start + name.length + 1, user_id: person.user_id, name }].sort((a, b) => a.start - b.start);
    this.last = this.input.value;
  }

  sought() {
    return this.input.selectionStart === this.input.selectionEnd ? sought(this.input.value, this.input.selectionStart) : null;
  }

  reply(message) {
    this.reply_to = message ? { message_id: message.message_id, seq: message.seq, sender: message.by, preview: preview(this.page, message).slice(0, 120), recalled: false, thread_root: message.thread_root } : null;
    if (message) this.editing = null;
    this.#draw();
    this.saveDraft();
    this.focus();
  }

  edit(message) {
    const text = message.content?.text?.text;
    if (text === undefined) return tell(this.page.screen, t('message.edit_only_text'));
    this.saveDraft();
    this.editing = message;
    this.kept = { text: this.input.value, ranges: this.ranges };
    const ranges = [];
    for (const user_id of [...message.mentions, ...(message.mention_all ? ['all'] : [])]) {
      const name = user_id === 'all' ? t('mention.all') : this.page.store.people.get(user_id)?.name;
      const at = name ? text.indexOf(`@${name}`) : -1;
      if (at >= 0) ranges.push({ start: at, end: at + name.length + 1, user_id, name });
    }
    this.#set(text, ranges);
    this.#draw();
    this.focus();
  }

  stopEditing() {
    if (!this.editing) return;
    this.editing = null;
    this.#set(this.kept.text, this.kept.ranges);
    this.#draw();
    this.focus();
  }

  write(text) {
    this.#set(text, []);
    this.saveDraft();
    this.focus();
  }

  #set(text, ranges) {
    this.input.value = text;
    this.last = text;
    this.ranges = ranges;
    this.#grow();
    this.#ready();
  }

  // ---- sending

  send() {
    const text = this.input.value;
    const { reply_to, editing, files } = this;
    const { thread_root } = this.target;
    const said = mentioned(this.ranges);
    if (editing) {
      if (!text.trim()) return;
      this.stopEditing();
      if (text !== editing.content.text.text) void this.page.acts.message.edit(this.target.chat_id(), editing.message_id, { text: { text } }, said).then((error) => error && tell(this.page.screen, refusalWords(error)));
      return;
    }
    if (!text.trim() && files.length === 0) return;
    const limit = this.page.store.me.limits.peek()?.text_bytes;
    if (limit && new Blob([text]).size > limit) return tell(this.page.screen, t('composer.too_long', { most: bytes(limit) }));
    const go = (chat_id) => {
      let room = true;
      for (const one of files) room = this.page.acts.message.sendFile(chat_id, one.file, one.name, one.size, { thread_root }) && room;
      if (text.trim()) room = this.page.acts.message.send(chat_id, { text: { text } }, { ...said, quote: reply_to ?? undefined, thread_root }) && room;
      if (!room) tell(this.page.screen, t('send.full'));
      this.page.acts.receipt.typingOver(chat_id);
    };
    this.files = [];
    this.reply_to = null;
    this.#set('', []);
    this.#draw();
    this.saveDraft();
    const chat_id = this.target.chat_id();
    if (chat_id) go(chat_id);
    else {
      this.target.ready().then(go, (error) => {
        this.write(text);
        tell(this.page.screen, refusalWords(error.error ?? { code: 0 }));
      });
    }
    if (!this.touch) this.focus();
    this.target.timeline()?.readAll();
  }

  async #emoji(from) {
    const { emojiMenu } = await import('./emoji.js');
    emojiMenu(this.page, from, (glyph) => this.insert(glyph));
  }

  // ---- files

  #paste(event) {
    const data = event.clipboardData;
    // Text from Word or Excel brings a picture of itself along: text wins.
    if (data.getData('text/plain')) return;
    const files = [...data.files];
    if (files.length === 0) return;
    event.preventDefault();
    this.takeFiles(files);
  }

  #choose(accept) {
    const chooser = document.createElement('input');
    chooser.type = 'file';
    chooser.multiple = true;
    chooser.accept = accept;
    chooser.addEventListener('change', () => this.takeFiles([...chooser.files]));
    chooser.click();
  }

  /** Puts files into the strip; they go with Enter. */
  async takeFiles(files) {
    const most = this.page.store.me.limits.peek()?.file_bytes ?? Infinity;
    for (const file of files) {
      if (this.files.length >= UPLOADS_QUEUED) {
        tell(this.page.screen, t('composer.too_many', { n: UPLOADS_QUEUED }));
        break;
      }
      if (file.size > most) {
        tell(this.page.screen, t('composer.file_too_large', { name: file.name, most: bytes(most) }));
        continue;
      }
      if (file.size === 0) {
        tell(this.page.screen, t('composer.file_empty', { name: file.name }));
        continue;
      }
      const picture = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type);
      const name = file.name && file.name !== 'image.png' ? file.name : `${t('content.picture')} ${new Date(this.page.now()).toISOString().slice(0, 19).replace(/[:T]/g, '-')}.png`;
      this.files.push({ file, name, size: picture ? await sizeOf(file) : undefined, url: picture ? URL.createObjectURL(file) : null });
    }
    this.#draw();
    this.focus();
  }

  dropFile(index) {
    const [gone] = this.files.splice(index, 1);
    if (gone?.url) URL.revokeObjectURL(gone.url);
    this.#draw();
  }

  dispose() {
    this.saveDraft();
    this.page.store.drafts.changed();
    for (const stop of this.stops) stop();
    for (const one of this.files) if (one.url) URL.revokeObjectURL(one.url);
    this.picker.dispose();
  }
}

async function sizeOf(file) {
  try {
    const picture = await createImageBitmap(file);
    const size = { width: picture.width, height: picture.height };
    picture.close();
    return size;
  } catch {
    return undefined;
  }
}
