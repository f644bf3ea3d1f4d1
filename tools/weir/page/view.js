// The part of the axis that is shown: of time in nanoseconds, or of the order of events. Calls `changed` when it moves.

class View {
  constructor(end, changed) {
    this.end = Math.max(1, end);
    // 20 ns or events; of a recording that lasts years, what numbers still tell apart.
    this.least = Math.min(this.end, Math.max(20, this.end / 2 ** 40));
    this.changed = changed;
    this.from = 0;
    this.to = this.end;
  }

  get span() { return this.to - this.from; }

  /// Keeps within the recording, and no closer than it may be.
  set(from, to) {
    const span = Math.min(this.end, Math.max(this.least, to - from));
    const start = Math.max(0, Math.min(this.end - span, from));
    if (start === this.from && start + span === this.to) return;
    this.from = start;
    this.to = start + span;
    this.changed();
  }

  /// Around the place `at`, from 0 on the left to 1 on the right.
  zoom(factor, at) {
    const fixed = this.from + at * this.span;
    const span = Math.min(this.end, Math.max(this.least, this.span * factor));
    this.set(fixed - at * span, fixed + (1 - at) * span);
  }

  pan(part) { this.set(this.from + part * this.span, this.to + part * this.span); }

  whole() { this.set(0, this.end); }

  /// So that a place is in it.
  reveal(place) {
    if (place < this.from || place > this.to) this.set(place - this.span / 2, place + this.span / 2);
  }
}
