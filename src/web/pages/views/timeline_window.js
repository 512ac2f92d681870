// The window over a long list: which rows are mounted, and where they stand. It alone owns scrollTop.
//
// Rows stand in normal flow inside one padded box. The virtualiser is behind a few functions, so that it can be replaced here.

import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from '../vendor/virtual.js';

/** A change of size this long after a click or a key is the reader's own doing. */
const OWN_ACT_MS = 400;

/**
 * @param {{
 *   scroller: HTMLElement, box: HTMLElement, overscan?: number, follow?: boolean,
 *   estimate: (index: number) => number, key: (index: number) => string,
 *   draw: (items: {index: number, key: string}[]) => void, scrolled?: () => void, gap_end?: number,
 * }} options `draw` renders the rows of the items into the box, each with `data-index`
 */
export function createWindow(options) {
  const { scroller, box } = options;
  let count = 0;
  let drawing = false;
  let again = false;
  /** Until then a change of size is taken as what the reader has just done. ms */
  let acted_until = 0;
  const acted = () => (acted_until = performance.now() + OWN_ACT_MS);
  for (const name of ['click', 'keydown']) scroller.addEventListener(name, acted, { capture: true, passive: true });
  const virtualizer = new Virtualizer(settings());
  // What is read is the first row that is wholly visible: a row that reaches over the upper edge and grows, by a reaction or
  // an edit, pushes nothing down. What the reader unfolds grows downwards.
  virtualizer.shouldAdjustScrollPositionOnItemSizeChange = (item, _delta, { itemSizeCache, scrollDirection }) => {
    const scrollOffset = virtualizer.getScrollOffset();
    if (!itemSizeCache.has(item.key)) return item.start < scrollOffset;
    if (scrollDirection === 'backward' && performance.now() >= acted_until && virtualizer.isScrolling) return false;
    if (item.end <= scrollOffset) return true;
    return item.start < scrollOffset && item.end < scrollOffset + scroller.clientHeight / 2 && performance.now() >= acted_until;
  };
  const unmount = virtualizer._didMount();

  function settings() {
    return {
      count,
      getScrollElement: () => scroller,
      estimateSize: options.estimate,
      getItemKey: options.key,
      overscan: options.overscan ?? 8,
      anchorTo: options.follow ? 'end' : 'start',
      followOnAppend: options.follow ? 'auto' : false,
      scrollEndThreshold: 40,
      scrollPaddingStart: options.padding_start ?? 0,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => {
        update();
        options.scrolled?.();
      },
    };
  }

  /**
   * Renders what should be mounted now, and measures it; again while measuring changes what should be. A size that is known
   * the virtualiser takes anew only from its observer, which can come a frame late. When rows have changed that is too
   * late: what is read would move and come back.
   */
  function update(changed = false) {
    if (drawing) {
      again = true;
      return;
    }
    drawing = true;
    let rounds = 0;
    do {
      again = false;
      const items = virtualizer.getVirtualItems();
      const total = virtualizer.getTotalSize();
      const before = items.length ? items[0].start : 0;
      const after = items.length ? total - items.at(-1).end : 0;
      box.style.setProperty('--before', `${Math.max(0, before)}px`);
      box.style.setProperty('--after', `${Math.max(0, after)}px`);
      options.draw(items);
      virtualizer._willUpdate();
      for (const row of box.querySelectorAll(':scope > [data-index]')) {
        virtualizer.measureElement(row);
        if (changed) virtualizer.resizeItem(Number(row.dataset.index), Math.round(row.getBoundingClientRect().height));
      }
      virtualizer.measureElement(null);
      rounds += 1;
    } while (again && rounds < 5);
    drawing = false;
  }

  return {
    /** The list has this many rows now; keys and estimates may have changed. */
    rows(next) {
      count = next;
      virtualizer.setOptions(settings());
      update(true);
    },
    /** Draws the mounted rows anew. */
    refresh: () => update(true),
    /** The row stands at the top, `offset` px below (negative: above) it. */
    scrollToRow(index, { align = 'start', offset } = {}) {
      if (offset === undefined) {
        virtualizer.scrollToIndex(index, { align });
        return update();
      }
      // Twice: the first time measures what stands above the row.
      for (let turn = 0; turn < 2; turn += 1) {
        virtualizer.getTotalSize();
        const row = virtualizer.measurementsCache[index];
        if (!row) return;
        virtualizer.scrollToOffset(Math.max(0, row.start - offset));
        update();
      }
    },
    scrollToEnd() {
      virtualizer.scrollToEnd();
      update();
    },
    atEnd: (threshold = 40) => virtualizer.getDistanceFromEnd() <= threshold,
    distanceFromEnd: () => virtualizer.getDistanceFromEnd(),
    /** The first row that is visible and how far its top is below the top of the view. */
    anchor() {
      const top = scroller.scrollTop;
      const item = virtualizer.getVirtualItemForOffset(top);
      return item ? { index: item.index, offset: item.start - top } : null;
    },
    /** Rows that are wholly visible, or fill the view; first and last index. */
    visible() {
      const top = scroller.scrollTop;
      const bottom = top + scroller.clientHeight;
      let first = null;
      let last = null;
      for (const item of virtualizer.getVirtualItems()) {
        const whole = item.start >= top - 1 && item.end <= bottom + 1;
        const fills = item.start <= top && item.end >= bottom;
        const tall_end = item.end - item.start > scroller.clientHeight && item.end <= bottom + 1 && item.end > top;
        if (!whole && !fills && !tall_end) continue;
        first ??= item.index;
        if (!fills) last = item.index;
      }
      return first === null ? null : { first, last: last ?? first - 1 };
    },
    topIndex: () => virtualizer.getVirtualItemForOffset(scroller.scrollTop)?.index ?? null,
    start: (index) => virtualizer.measurementsCache[index]?.start ?? 0,
    dispose() {
      for (const name of ['click', 'keydown']) scroller.removeEventListener(name, acted, { capture: true });
      unmount();
    },
  };
}
