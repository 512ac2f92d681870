// Reactions by the open platform's names and the glyphs that stand for them.

import { signal } from '../vendor/signals.js';

export const GLYPHS = {
  THUMBSUP: '👍', OK: '👌', HEART: '❤️', SMILE: '🙂', LAUGH: '😄', LOL: '😂', CLAP: '👏', THANKS: '🙏', MUSCLE: '💪', DONE: '✅', PARTY: '🎉', Fire: '🔥', WOW: '😮', CRY: '😭', SOB: '😭', FINGERHEART: '🫰',
  ROSE: '🌹', BLUSH: '😊', THINKING: '🤔', FACEPALM: '🤦', SHOCKED: '😱', LOVE: '😍', WINK: '😉', JIAYI: '➕', ThumbsDown: '👎', HIGHFIVE: '🙌', SALUTE: '🫡', TEARS: '😢', SWEAT: '😅', Coffee: '☕', Hundred: '💯',
  OnIt: '🏃', GLANCE: '👀',
};

/** The other published names, once one of them was met. */
const more = signal({});
let asked = false;

/** Offered first. */
export const QUICK = ['THUMBSUP', 'HEART', 'LAUGH', 'CLAP', 'DONE', 'PARTY'];

/** Offered in the picker. */
export const OFFERED = ['THUMBSUP', 'OK', 'HEART', 'LAUGH', 'LOL', 'CLAP', 'THANKS', 'MUSCLE', 'DONE', 'PARTY', 'Fire', 'WOW', 'CRY', 'FINGERHEART', 'ROSE', 'BLUSH', 'THINKING', 'FACEPALM', 'SHOCKED', 'LOVE', 'WINK', 'JIAYI', 'ThumbsDown', 'HIGHFIVE', 'SALUTE', 'SWEAT', 'GLANCE', 'OnIt', 'Coffee', 'Hundred'];

/** The glyph; an unknown name shows itself. */
export function glyph(emoji) {
  if (Object.hasOwn(GLYPHS, emoji)) return GLYPHS[emoji];
  if (!asked) {
    asked = true;
    import('./emoji_names.js').then(({ MORE }) => (more.value = MORE), () => (asked = false));
  }
  return Object.hasOwn(more.value, emoji) ? more.value[emoji] : emoji;
}
