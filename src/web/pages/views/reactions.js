// Reactions by the open platform's names and the glyphs that stand for them.

export const GLYPHS = {
  THUMBSUP: '👍', OK: '👌', HEART: '❤️', SMILE: '🙂', LAUGH: '😄', LOL: '😂', CLAP: '👏', APPLAUSE: '👏', THANKS: '🙏', MUSCLE: '💪', DONE: '✅', PARTY: '🎉', Fire: '🔥', WOW: '😮', CRY: '😭', SOB: '😭',
  FINGERHEART: '🫰', ROSE: '🌹', BLUSH: '😊', THINKING: '🤔', FACEPALM: '🤦', ANGRY: '😠', SHOCKED: '😱', LOVE: '😍', WINK: '😉', JIAYI: '➕', ThumbsDown: '👎', FISTBUMP: '👊', HIGHFIVE: '🙌', SALUTE: '🫡', TEARS: '😢',
  SWEAT: '😅', Yes: '🆗', No: '🙅', CAKE: '🎂', GIFT: '🎁', BEER: '🍺', Coffee: '☕', CheckMark: '✔️', CrossMark: '❌', Hundred: '💯', MinusOne: '➖', Get: '🫴', LGTM: '🆗', OnIt: '🏃', OneSecond: '☝️', PRAISE: '🙌',
  CHUCKLE: '🤭', JOYFUL: '😁', TEASE: '😜', TONGUE: '😛', SMIRK: '😏', SMUG: '😼', SHY: '☺️', SMART: '🤓', WITTY: '😎', SHOWOFF: '😎', PROUD: '😤', HUG: '🤗', KISS: '😘', SMOOCH: '😚', BIGKISS: '💋', LIPS: '👄', DROOL: '🤤',
  OBSESSED: '🤩', INNOCENTSMILE: '😇', COMFORT: '🤗', SPEECHLESS: '😑', SILENT: '🤐', SHHH: '🤫', DULL: '😐', DULLSTARE: '😶', GLANCE: '👀', WHAT: '❓', FROWN: '☹️', SCOWL: '😾', WAIL: '😫', WHIMPER: '🥺', WRONGED: '🥺', BLUBBER: '😭',
  EMBARRASSED: '😳', PETRIFIED: '😨', TERROR: '😱', CRAZY: '🤪', DIZZY: '😵', SICK: '🤒', PUKE: '🤮', RAINBOWPUKE: '🌈', SPITBLOOD: '😵', YAWN: '🥱', SLEEP: '😴', DROWSY: '😪', EYESCLOSED: '😌', NOSEPICK: '👃', SLAP: '👋',
  HAMMER: '🔨', ENOUGH: '✋', DONNOTGO: '🫷', SHAKE: '🤝', WAVE: '👋', YEAH: '✌️', UPPERLEFT: '👆', LUCK: '🍀', FORTUNE: '💰', MONEY: '💵', REDPACKET: '🧧', FIRECRACKER: '🧨', FIREWORKS: '🎆', BOMB: '💣', POOP: '💩', SKULL: '💀',
  HEARTBROKEN: '💔', BEAR: '🐻', BULL: '🐮', CALF: '🐮', HUSKY: '🐶', CUCUMBER: '🥒', CANDIEDHAWS: '🍡', Drumstick: '🍗', Pepper: '🌶️', Lemon: '🍋', BubbleTea: '🧋', EatingFood: '🍽️', EATING: '🍽️', StickyRiceBalls: '🍙', Snowman: '⛄',
  XmasTree: '🎄', XmasHat: '🎅', XBLUSH: '😳', Basketball: '🏀', Soccer: '⚽', Music: '🎵', Trophy: '🏆', Alarm: '⏰', Loudspeaker: '📢', Pin: '📌', ERROR: '⚠️', HEADSET: '🎧', VRHeadset: '🥽', Typing: '⌨️', Sigh: '😮‍💨', MeMeMe: '🙋',
  AWESOMEN: '👍', STRIVE: '💪', YouAreTheBest: '🥇', TOASTED: '🥂', GeneralSun: '☀️', GeneralMoonRest: '🌙', GeneralDoNotDisturb: '⛔', GeneralInMeetingBusy: '📅', GeneralBusinessTrip: '🧳', GeneralTravellingCar: '🚗', GeneralWorkFromHome: '🏠',
  StatusBus: '🚌', StatusInFlight: '✈️', StatusReading: '📖', StatusFlashOfInspiration: '💡', StatusEnjoyLife: '🏖️', Status_PrivateMessage: '✉️',
};

/** Offered first. */
export const QUICK = ['THUMBSUP', 'HEART', 'LAUGH', 'CLAP', 'DONE', 'PARTY'];

/** Offered in the picker. */
export const OFFERED = ['THUMBSUP', 'OK', 'HEART', 'LAUGH', 'LOL', 'CLAP', 'THANKS', 'MUSCLE', 'DONE', 'PARTY', 'Fire', 'WOW', 'CRY', 'FINGERHEART', 'ROSE', 'BLUSH', 'THINKING', 'FACEPALM', 'SHOCKED', 'LOVE', 'WINK', 'JIAYI', 'ThumbsDown', 'HIGHFIVE', 'SALUTE', 'SWEAT', 'GLANCE', 'OnIt', 'Coffee', 'Hundred'];

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
