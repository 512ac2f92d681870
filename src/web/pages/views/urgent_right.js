// Who may make a message urgent.

/** May I make this message urgent? My own, or anyone's as owner or manager. */
export function mayRaise(chat, mine) {
  return Boolean(chat?.rights.raise_urgent) && (mine || chat.role === 'owner' || chat.role === 'manager');
}
