// Notes that the page plays.

import { change } from './theme.js';

/** Two short notes, softly: a message. Each is its height in Hz, its begin and its length in seconds. */
export const MESSAGE = { volume: 0.08, notes: [[660, 0, 0.08], [880, 0.07, 0.08]] };
/** Two long notes: an urgent. */
export const URGENT = { volume: 0.3, notes: [[988, 0, 0.5], [740, 0.55, 0.6]] };

/** Browsers are silent until a person has touched the page once. */
export const mayPlay = () => navigator.userActivation?.hasBeenActive ?? true;

export function createSound() {
  let audio = null;
  return {
    play({ volume, notes }) {
      if (!mayPlay()) return;
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
    },
    dispose: () => void audio?.close(),
  };
}
