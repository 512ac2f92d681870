// The dialog of urgents, loaded when the first one comes, and when the page is idle.

import { effect } from '../vendor/signals.js';
import { stylesheet } from './stylesheet.js';

/** Loads it, so that an upgrade of the server cannot break an open tab. */
export function loadUrgentDialog() {
  return Promise.all([import('./urgent_dialog.js'), stylesheet('urgent.css')]).then(([module]) => module.createUrgentDialog);
}

/** @returns {{dispose: () => void}} */
export function createUrgentFront(element, page) {
  let dialog = null;
  let loading = false;
  let disposed = false;
  const stop = effect(() => {
    if (page.store.urgents.waiting.value.length === 0 || dialog || loading) return;
    loading = true;
    loadUrgentDialog().then(
      (create) => {
        loading = false;
        if (!disposed) dialog = create(element, page);
      },
      () => {
        // The bar stands; the next reminder, or a click on it, tries again.
        loading = false;
        page.screen.new_version.value = true;
      },
    );
  });
  return {
    dispose() {
      disposed = true;
      stop();
      dialog?.dispose();
    },
  };
}
