// Reactions by the open platform's names and the glyphs that stand for them.

export const GLYPHS = {
  THUMBSUP: '👍', OK: '👌', HEART: '❤️', SMILE: '🙂', LAUGH: '😄', LOL: '😂', CLAP: '👏', APPLAUSE: '👏', THANKS: '🙏', MUSCLE: '💪', DONE: '✅', PARTY: '🎉', FIRE: '🔥',
  WOW: '😮', CRY: '😭', SOB: '😭', FINGERHEART: '🫰', ROSE: '🌹', BLUSH: '😊', THINKING: '🤔', FACEPALM: '🤦', ANGRY: '😠', SHOCKED: '😱', LOVE: '😍', WINK: '😉', JIAYI: '➕', ThumbsDown: '👎',
  THUMBSDOWN: '👎', FISTBUMP: '🤜', HIGHFIVE: '🙌', SALUTE: '🫡', TEARS: '😢', SWEAT: '😅', YES: '🆗', No: '🙅', EYES: '👀', ROCKET: '🚀', CAKE: '🎂', GIFT: '🎁', BEER: '🍺', COFFEE: '☕', CheckMark: '✔️', CrossMark: '❌', Hundred: '💯',
};

/** Offered first. */
export const QUICK = ['THUMBSUP', 'HEART', 'LAUGH', 'CLAP', 'DONE', 'PARTY'];

/** Offered in the picker. */
export const OFFERED = ['THUMBSUP', 'OK', 'HEART', 'LAUGH', 'LOL', 'CLAP', 'THANKS', 'MUSCLE', 'DONE', 'PARTY', 'FIRE', 'WOW', 'CRY', 'FINGERHEART', 'ROSE', 'BLUSH', 'THINKING', 'FACEPALM', 'SHOCKED', 'LOVE', 'WINK', 'JIAYI', 'THUMBSDOWN', 'HIGHFIVE', 'SALUTE', 'SWEAT', 'EYES', 'ROCKET', 'COFFEE', 'Hundred'];

/** The glyph; an unknown name shows itself. */
export function glyph(emoji) {
  return GLYPHS[emoji] ?? emoji;
}

/** Offered in the composer, by kind. */
export const EMOJI = [
  '😀😄😁😆😅😂🤣😊🙂😉😍😘😋😜🤪😎🤩🥳😏😌😔😢😭😤😠😡🤯😱😨😥😓🤗🤔🤫🤭😶😐😬🙄😴🤒🤧🥺😇🤓',
  '👍👎👌✌️🤞🤝👏🙌🙏💪👋🤙☝️👆👇👈👉✊👊🤜🫡🫰',
  '❤️🧡💛💚💙💜🖤💔💯✨🔥🎉🎊🎁🎂🌹🌟⭐☀️🌙🌈⚡',
  '✅❌❗❓⚠️⏰📌📎📅📈📉📊📝📧📞💻🔒🔑🔍🚀☕🍺🍵🍚🍜🏆',
];
