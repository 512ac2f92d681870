// What a person does to messages: send, try again, edit, recall, react, pin. Each changes the screen at once.

import { effect } from '../vendor/signals.js';
import { ConnectionLost, Refused } from '../protocol/outcome.js';
import { OUTBOX_FILE_BYTES } from '../limits.js';

/** An intent is shown this long after its reply when its record does not come; then what the server said last is shown. */
const INTENT_MS = 8_000;

export function messageActs({ store, port, disk, outbox, now, randomId, upload }) {
  const uploads = new Map();
  let timer = 0;

  function show(chat_id) {
    store.unsentIn(chat_id).value = outbox.ofChat(chat_id).map((item) => ({ ...item }));
  }

  function keep(item) {
    const { file, ...rest } = item;
    void disk.putOutbox(file && file.size <= OUTBOX_FILE_BYTES ? { ...rest, file } : rest);
  }

  /** Sends what may go now; called after every change of the outbox and when the connection stands. */
  function pump() {
    clearTimeout(timer);
    if (store.me.status.peek().phase !== 'ready') return;
    for (const item of outbox.due(now())) void sendItem(item);
    const at = outbox.nextDue();
    if (at !== null) timer = setTimeout(pump, Math.max(20, at - now()));
  }

  async function sendItem(item) {
    const id = item.client_message_id;
    show(item.chat_id);
    try {
      const sent = await port.command('send', item.body);
      outbox.settled(id);
      void disk.dropOutbox(id);
      settle(item, sent);
    } catch (error) {
      if (error instanceof Refused) {
        outbox.refused(id, error.error, now());
        if (outbox.get(id)) keep(outbox.get(id));
      } else if (error instanceof ConnectionLost) outbox.lost(id);
      else throw error;
    }
    show(item.chat_id);
    pump();
  }

  /** The answer makes the record, in case that it comes before the event. */
  function settle(item, sent) {
    const { chat_id, body } = item;
    if (!store.inbox.peek(chat_id)) return store.wantEntry(chat_id);
    store.applyRecord(
      {
        chat_id, seq: sent.seq, position: sent.position, at_ms: sent.sent_at_ms, by: store.me.user_id,
        change: {
          message: {
            message_id: sent.message_id, client_message_id: item.client_message_id, content: body.content, reply_to: item.quote, thread_root: item.thread_root,
            mentions: body.mentions, mention_all: body.mention_all, reactions: [], pinned: false,
          },
        },
      },
      now(),
    );
  }

  function take(item) {
    if (!outbox.add(item)) return false;
    keep(item);
    show(item.chat_id);
    pump();
    return true;
  }

  /** `thread_root`: the first message of the thread that it goes into; it need not be quoted. */
  function newItem(chat_id, content, { mentions = [], mention_all = false, quote, thread_root } = {}) {
    const client_message_id = randomId();
    const body = { chat_id, client_message_id, content, in_thread: false, mentions, mention_all };
    if (quote) body.reply_to = quote.message_id;
    if (thread_root) {
      body.reply_to ??= thread_root;
      body.in_thread = true;
    }
    return { client_message_id, chat_id, at_ms: now(), body, quote, thread_root: thread_root ?? quote?.thread_root };
  }

  /** @returns {boolean} false when too much is unsent already */
  function send(chat_id, content, options) {
    return take(newItem(chat_id, content, options));
  }

  /** A file: shown at once, uploaded, then sent. */
  function sendFile(chat_id, file, name, size, options) {
    const picture = /^image\/(png|jpeg|gif|webp|avif)$/.test(file.type);
    const content = picture ? { image: { key: '', width: size?.width, height: size?.height, name, size_bytes: file.size } } : { file: { key: '', name, size_bytes: file.size, media_type: file.type } };
    const item = { ...newItem(chat_id, content, options), state: 'uploading', file, progress: 0 };
    if (!outbox.add(item)) return false;
    keep(item);
    startUpload(outbox.get(item.client_message_id));
    return true;
  }

  function startUpload(item) {
    const id = item.client_message_id;
    Object.assign(item, { state: 'uploading', progress: 0, error: null });
    show(item.chat_id);
    const name = item.body.content.image?.name ?? item.body.content.file?.name ?? 'file';
    const running = upload(item.file, name, (share) => {
      item.progress = share;
      show(item.chat_id);
    });
    uploads.set(id, running);
    running.done.then(
      (stored) => {
        uploads.delete(id);
        const content = stored.width && item.body.content.image ? { image: { key: stored.key, width: stored.width, height: stored.height, name: stored.name, size_bytes: stored.size_bytes } } : { file: { key: stored.key, name: stored.name, size_bytes: stored.size_bytes, media_type: stored.media_type } };
        item.body = { ...item.body, content };
        item.state = 'waiting';
        item.progress = 1;
        keep({ ...item, file: undefined });
        show(item.chat_id);
        pump();
      },
      (error) => {
        uploads.delete(id);
        if (error.status === -1 || !outbox.get(id)) return;
        item.state = 'failed';
        item.error = error.error ?? { code: 0 };
        keep(item);
        show(item.chat_id);
        pump();
      },
    );
  }

  function retry(client_message_id) {
    const old = outbox.get(client_message_id);
    if (!old) return;
    const item = outbox.retry(client_message_id, now(), randomId());
    if (!item) return;
    if (item.client_message_id !== client_message_id) void disk.dropOutbox(client_message_id);
    if (item.file && !(item.body.content.image?.key || item.body.content.file?.key)) startUpload(item);
    keep(item);
    show(item.chat_id);
    pump();
  }

  function discard(client_message_id) {
    const item = outbox.settled(client_message_id);
    uploads.get(client_message_id)?.cancel();
    uploads.delete(client_message_id);
    void disk.dropOutbox(client_message_id);
    if (item) show(item.chat_id);
    pump();
  }

  /** What an earlier visit had not sent. */
  async function restore() {
    const items = await disk.outbox();
    for (const item of items) if (item.state === 'uploading' && !item.file) item.state = 'failed';
    outbox.restore(items, now());
    for (const item of outbox.items.values()) {
      if (item.state === 'uploading') startUpload(item);
      show(item.chat_id);
    }
    pump();
  }

  /** Shows an intent beside the truth until its record came or the server refused. */
  async function intend(chat_id, message_id, intent, name, body) {
    const shown = store.intentsOf(message_id);
    const mine = { ...(shown.peek() ?? {}), ...intent };
    shown.value = mine;
    const over = () => {
      if (shown.peek() === mine) shown.value = null;
    };
    try {
      const { seq } = await port.command(name, { message_id, ...body });
      let stop = () => {};
      const late = setTimeout(() => {
        stop();
        over();
      }, INTENT_MS);
      let done = false;
      stop = effect(() => {
        if (done || (store.inbox.get(chat_id)?.chat.head_seq ?? Infinity) < seq) return;
        done = true;
        clearTimeout(late);
        queueMicrotask(() => stop());
        over();
      });
      return null;
    } catch (error) {
      over();
      if (error instanceof Refused) return error.error;
      if (error instanceof ConnectionLost) return { code: 0 };
      throw error;
    }
  }

  return {
    pump, send, sendFile, retry, discard, restore,
    unsentCount: () => outbox.items.size,
    react: (chat_id, message_id, emoji) => intend(chat_id, message_id, { react: { emoji, on: true } }, 'react', { emoji }),
    unreact: (chat_id, message_id, emoji) => intend(chat_id, message_id, { react: { emoji, on: false } }, 'unreact', { emoji }),
    edit: (chat_id, message_id, content, { mentions, mention_all }) => intend(chat_id, message_id, { content }, 'edit', { content, mentions, mention_all }),
    recall: (chat_id, message_id) => intend(chat_id, message_id, { recalled: true }, 'recall', {}),
    pin: (chat_id, message_id) => intend(chat_id, message_id, { pinned: true }, 'pin', {}),
    unpin: (chat_id, message_id) => intend(chat_id, message_id, { pinned: false }, 'unpin', {}),
    async edits(message_id) {
      return (await port.command('edits', { message_id })).versions;
    },
    /** A page of a thread, oldest first. */
    async thread(message_id, page) {
      const answer = await port.command('thread', { message_id, page });
      store.people.put(answer.people);
      return answer;
    },
    async pins(chat_id) {
      const page = await port.command('pins', { chat_id });
      store.people.put(page.people);
      return page.records;
    },
    async forward(message_ids, chat_ids, form) {
      for (const chat_id of chat_ids) await port.command('forward', { message_ids, chat_id, client_message_id: randomId(), form });
    },
  };
}
