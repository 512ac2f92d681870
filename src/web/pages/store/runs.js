// Intervals of `seq` without a hole. Gapless numbers make "is this complete?" arithmetic.

export class Runs {
  constructor() {
    /** @type {[number, number][]} sorted, apart by at least one missing seq */
    this.list = [];
  }

  /** Adds from..to, both included; neighbours grow together. An empty interval adds nothing. */
  add(from, to) {
    if (to < from) return;
    const kept = [];
    for (const [start, end] of this.list) {
      if (end + 1 < from || start > to + 1) kept.push([start, end]);
      else {
        from = Math.min(from, start);
        to = Math.max(to, end);
      }
    }
    kept.push([from, to]);
    kept.sort((a, b) => a[0] - b[0]);
    this.list = kept;
  }

  /** Takes from..to out, both included. */
  remove(from, to) {
    if (to < from) return;
    const kept = [];
    for (const [start, end] of this.list) {
      if (end < from || start > to) kept.push([start, end]);
      else {
        if (start < from) kept.push([start, from - 1]);
        if (end > to) kept.push([to + 1, end]);
      }
    }
    this.list = kept;
  }

  /** The run that holds seq, or null. */
  at(seq) {
    return this.list.find(([from, to]) => from <= seq && seq <= to) ?? null;
  }

  has(seq) {
    return this.at(seq) !== null;
  }

  /** The last run, or null. */
  last() {
    return this.list.at(-1) ?? null;
  }

  /** The run nearest to seq, or null. */
  near(seq) {
    let best = null;
    let distance = Infinity;
    for (const run of this.list) {
      const away = seq < run[0] ? run[0] - seq : seq > run[1] ? seq - run[1] : 0;
      if (away < distance) [best, distance] = [run, away];
    }
    return best;
  }

  /** How many seqs are held. */
  size() {
    return this.list.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  }

  clear() {
    this.list = [];
  }
}
