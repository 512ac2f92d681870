// From records to rows: day lines, the unread divider, groups of one sender, unsent messages. Pure.

import { dayOf } from '../words/words.js';

/** Messages of one sender within this time stand together. */
export const GROUP_MS = 5 * 60_000;

/**
 * @param {{
 *   records: object[],        rows of the store in order
 *   unsent: object[],         items of the outbox, shown at the end
 *   ephemeral: object[],      cards for my eyes only, each with the seq behind which it stands
 *   divider_seq: number | null,  first unread seq
 *   start: boolean,           nothing before the first record is shown to me
 *   end: boolean,             the last record is the chat's last
 *   quiet: boolean,           lines about members that are for managers only are shown
 * }} of
 */
export function timelineRows({ records, unsent, ephemeral = [], divider_seq, start, end, me_id, manager }) {
  const rows = [];
  if (!start) rows.push({ key: 'before', kind: 'skeleton' });
  let day = null;
  let last = null;
  let divided = divider_seq === null;
  let next_ephemeral = 0;
  /** Cards for my eyes only that came before this seq. */
  const ephemeralBefore = (seq) => {
    for (; next_ephemeral < ephemeral.length && ephemeral[next_ephemeral].after_seq < seq; next_ephemeral += 1) {
      const card = ephemeral[next_ephemeral];
      rows.push({ key: `e:${card.message_id}`, kind: 'ephemeral', card, at_ms: card.at_ms });
      last = null;
    }
  };
  for (const record of records) {
    if (record.seq > records[0].seq) ephemeralBefore(record.seq);
    if ((record.kind === 'members_added' || record.kind === 'members_removed') && (record.body.quiet || (record.body.managers_only && !manager))) continue;
    const its_day = dayOf(record.at_ms);
    if (its_day !== day) {
      rows.push({ key: `d:${its_day}`, kind: 'day', at_ms: record.at_ms });
      day = its_day;
      last = null;
    }
    if (!divided && record.seq >= divider_seq) {
      rows.push({ key: 'unread', kind: 'divider' });
      divided = true;
      last = null;
    }
    if (record.kind === 'message' && record.content.divider) {
      rows.push({ key: `m:${record.seq}`, kind: 'line', seq: record.seq, at_ms: record.at_ms });
      last = null;
    } else if (record.kind === 'message' && record.thread_root) {
      // What is said in a thread is one line here: seen, counted, and read where it belongs.
      rows.push({ key: record.by === me_id ? `m:${record.client_message_id}` : `m:${record.seq}`, kind: 'reply', seq: record.seq, by: record.by, at_ms: record.at_ms });
      last = null;
    } else if (record.kind === 'message') {
      const own = record.by === me_id;
      const joined = last !== null && last.by === record.by && record.at_ms - last.at_ms <= GROUP_MS && !record.recalled_by && !last.recalled_by;
      rows.push({ key: own ? `m:${record.client_message_id}` : `m:${record.seq}`, kind: 'message', seq: record.seq, by: record.by, at_ms: record.at_ms, joined, own, size: textSize(record) });
      last = record;
    } else {
      rows.push({ key: `s:${record.seq}`, kind: 'line', seq: record.seq, at_ms: record.at_ms });
      last = null;
    }
  }
  if (end) {
    ephemeralBefore(Infinity);
    for (const item of unsent) {
      // What waits in a thread is shown there; what failed is shown here too, so that nobody misses it.
      if (item.thread_root && item.state !== 'failed') continue;
      const its_day = dayOf(item.at_ms);
      if (its_day !== day) {
        rows.push({ key: `d:${its_day}`, kind: 'day', at_ms: item.at_ms });
        day = its_day;
        last = null;
      }
      const joined = last !== null && last.by === me_id && item.at_ms - last.at_ms <= GROUP_MS;
      rows.push({ key: `m:${item.client_message_id}`, kind: 'unsent', item, by: me_id, at_ms: item.at_ms, joined, own: true, size: 40 });
      last = { by: me_id, at_ms: item.at_ms };
    }
  } else rows.push({ key: 'after', kind: 'skeleton' });
  for (let at = 0; at + 1 < rows.length; at += 1) rows[at].tail = !rows[at + 1].joined;
  if (rows.length) rows.at(-1).tail = true;
  return rows;
}

function textSize(record) {
  const content = record.content;
  if (content?.image) return { image: content.image };
  return content?.text?.text.length ?? content?.post?.post?.length ?? 60;
}

/** A guess of a row's height before it is measured. */
export function estimateRow(row, width) {
  if (row.kind === 'skeleton') return 600;
  if (row.kind === 'day') return 44;
  if (row.kind === 'divider') return 36;
  if (row.kind === 'line') return 32;
  if (row.kind === 'reply') return 34;
  if (row.kind === 'ephemeral') return 240;
  const head = row.joined ? 2 : 34;
  if (typeof row.size === 'object') {
    const { width: w = 240, height: h = 180 } = row.size.image;
    return head + Math.max(64, h * Math.min(1, 360 / w, 360 / h)) + 4;
  }
  const a_line = Math.max(16, Math.floor(Math.min(width * 0.78, 680) / 11));
  return head + 16 + 22 * Math.min(60, Math.max(1, Math.ceil(row.size / a_line)));
}
