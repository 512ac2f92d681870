// All names that the open platform has published for emoji, beside those that are offered here; and the emoji of the composer.

export const MORE = {
  APPLAUSE: '👏', ANGRY: '😠', FISTBUMP: '👊', Yes: '🆗', No: '🙅', CAKE: '🎂', GIFT: '🎁', BEER: '🍺', CheckMark: '✔️', CrossMark: '❌', MinusOne: '➖', Get: '🫴', LGTM: '🆗', OneSecond: '☝️', PRAISE: '🙌',
  CHUCKLE: '🤭', JOYFUL: '😁', TEASE: '😜', TONGUE: '😛', SMIRK: '😏', SMUG: '😼', SHY: '☺️', SMART: '🤓', WITTY: '😎', SHOWOFF: '😎', PROUD: '😤', HUG: '🤗', KISS: '😘', SMOOCH: '😚', BIGKISS: '💋', LIPS: '👄',
  DROOL: '🤤', OBSESSED: '🤩', INNOCENTSMILE: '😇', COMFORT: '🤗', SPEECHLESS: '😑', SILENT: '🤐', SHHH: '🤫', DULL: '😐', DULLSTARE: '😶', WHAT: '❓', FROWN: '☹️', SCOWL: '😾', WAIL: '😫', WHIMPER: '🥺',
  WRONGED: '🥺', BLUBBER: '😭', EMBARRASSED: '😳', PETRIFIED: '😨', TERROR: '😱', CRAZY: '🤪', DIZZY: '😵', SICK: '🤒', PUKE: '🤮', RAINBOWPUKE: '🌈', SPITBLOOD: '😵', YAWN: '🥱', SLEEP: '😴', DROWSY: '😪',
  EYESCLOSED: '😌', NOSEPICK: '👃', SLAP: '👋', HAMMER: '🔨', ENOUGH: '✋', DONNOTGO: '🫷', SHAKE: '🤝', WAVE: '👋', YEAH: '✌️', UPPERLEFT: '👆', LUCK: '🍀', FORTUNE: '💰', MONEY: '💵', REDPACKET: '🧧',
  FIRECRACKER: '🧨', FIREWORKS: '🎆', BOMB: '💣', POOP: '💩', SKULL: '💀', HEARTBROKEN: '💔', BEAR: '🐻', BULL: '🐮', CALF: '🐮', HUSKY: '🐶', CUCUMBER: '🥒', CANDIEDHAWS: '🍡', Drumstick: '🍗', Pepper: '🌶️',
  Lemon: '🍋', BubbleTea: '🧋', EatingFood: '🍽️', EATING: '🍽️', StickyRiceBalls: '🍙', Snowman: '⛄', XmasTree: '🎄', XmasHat: '🎅', XBLUSH: '😳', Basketball: '🏀', Soccer: '⚽', Music: '🎵', Trophy: '🏆',
  Alarm: '⏰', Loudspeaker: '📢', Pin: '📌', ERROR: '⚠️', HEADSET: '🎧', VRHeadset: '🥽', Typing: '⌨️', Sigh: '😮‍💨', MeMeMe: '🙋', AWESOMEN: '👍', STRIVE: '💪', YouAreTheBest: '🥇', TOASTED: '🥂',
  GeneralSun: '☀️', GeneralMoonRest: '🌙', GeneralDoNotDisturb: '⛔', GeneralInMeetingBusy: '📅', GeneralBusinessTrip: '🧳', GeneralTravellingCar: '🚗', GeneralWorkFromHome: '🏠', StatusBus: '🚌',
  StatusInFlight: '✈️', StatusReading: '📖', StatusFlashOfInspiration: '💡', StatusEnjoyLife: '🏖️', Status_PrivateMessage: '✉️',
};

/** Offered in the composer, by kind. */
export const EMOJI = [
  '😀😄😁😆😅😂🤣😊🙂😉😍😘😋😜🤪😎🤩🥳😏😌😔😢😭😤😠😡🤯😱😨😥😓🤗🤔🤫🤭😶😐😬🙄😴🤒🤧🥺😇🤓',
  '👍👎👌✌️🤞🤝👏🙌🙏💪👋🤙☝️👆👇👈👉✊👊🤜🫡🫰',
  '❤️🧡💛💚💙💜🖤💔💯✨🔥🎉🎊🎁🎂🌹🌟⭐☀️🌙🌈⚡',
  '✅❌❗❓⚠️⏰📌📎📅📈📉📊📝📧📞💻🔒🔑🔍🚀☕🍺🍵🍚🍜🏆',
];
