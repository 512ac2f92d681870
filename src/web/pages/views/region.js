// A region of the screen: draws its template once a frame when what it read has changed.

import { effect } from '../vendor/signals.js';
import { Directive, PartType, directive, noChange, render } from '../vendor/lit.js';

/**
 * @param {HTMLElement} element
 * @param {() => unknown} template reads signals
 * @param {() => void} [after] runs after each drawing
 * @returns {{dispose: () => void, draw: () => void}}
 */
export function region(element, template, after) {
  let stop = null;
  let frame = 0;
  let disposed = false;
  const draw = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    stop?.();
    if (disposed) return;
    let first = true;
    stop = effect(() => {
      if (!first) return schedule();
      first = false;
      render(template(), element);
    });
    after?.();
  };
  const schedule = () => {
    if (!frame && !disposed) frame = requestAnimationFrame(draw);
  };
  draw();
  return {
    draw,
    dispose() {
      disposed = true;
      cancelAnimationFrame(frame);
      stop?.();
    },
  };
}

/** Sets custom properties of an element; the policy forbids `style=""`. */
class Vars extends Directive {
  constructor(part) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('vars stands in a tag');
    this.set = {};
  }

  update(part, [values]) {
    for (const name of Object.keys(values)) {
      if (this.set[name] === values[name]) continue;
      part.element.style.setProperty(name, values[name]);
    }
    this.set = values;
    return noChange;
  }
}

export const vars = directive(Vars);
