// Notes that the page plays.

import { change } from './theme.js';

/** Two short notes, softly. Each is its height in Hz, its begin and its length in seconds. */
const MESSAGE = { volume: 0.08, notes: [[660, 0, 0.08], [880, 0.07, 0.08]] };
/** Two long ones. */
const URGENT = { volume: 0.3, notes: [[988, 0, 0.5], [740, 0.55, 0.6]] };

export function createSound() {
  let audio = null;

  /** Browsers are silent until a person has touched the page once. */
  const allowed = () => navigator.userActivation?.hasBeenActive ?? true;

  function play({ volume, notes }) {
    if (!allowed()) return;
    try {
      audio ??= new AudioContext();
      const at = audio.currentTime;
      for (const [height, begin, length] of notes) {
        const tone = audio.createOscillator();
        const loudness = audio.createGain();
        tone.frequency.value = height;
        loudness.gain.setValueAtTime(volume, at + begin);
        loudness.gain.exponentialRampToValueAtTime(0.001, at + begin + length);
        tone.connect(loudness).connect(audio.destination);
        tone.start(at + begin);
        tone.stop(at + begin + length);
      }
    } catch {
      // A browser without sound.
      change({ sound: 'off' });
    }
  }

  return {
    allowed,
    message: () => play(MESSAGE),
    urgent: () => play(URGENT),
    dispose: () => void audio?.close(),
  };
}
