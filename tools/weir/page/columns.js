// What each column of pixels shows: the moment at which most was requested in the time that it stands for. Costs about
// its width, whatever there is in the recording: whole buckets are taken where one lies within a column.

class PixelColumns {
  constructor(pool) {
    this.pool = pool;
    this.state = pool.newState();
    this.width = 0;
  }

  resize(width) {
    if (width === this.width) return;
    this.width = width;
    this.requested = new Float64Array(width);
    this.lowest = new Float64Array(width);
    this.allocated = new Float64Array(width);
    this.reserved = new Float64Array(width);
    this.cache = new Float64Array(width);
    this.arena = new Float64Array(width);
    this.miss = new Float64Array(width);
    this.bands = new Float64Array(width * this.pool.bandNames.length);
    this.highest = new Int32Array(width);  // the change, or -1 in a column without one
  }

  fill(from, to, width) {
    this.resize(width);
    const pool = this.pool;
    this.from = from;
    this.scale = width / (to - from);
    this.first = pool.momentAt(from);
    this.last = pool.momentAt(to);
    this.reached = -1;
    this.highest.fill(-1);
    this.cache.fill(0);
    this.arena.fill(0);
    this.miss.fill(0);
    if (this.first < this.last) {
      const top = pool.levels.length - 1;
      const step = pool.levels[top].step;
      const end = Math.floor((this.last - 1) / step);
      for (let bucket = Math.floor(this.first / step); bucket <= end; ++bucket) this.visit(top, bucket);
    }
    if (this.reached < width - 1) this.stay(width, pool.stateAt(this.last, this.state));
  }

  column(change) {
    return Math.max(0, Math.min(this.width - 1, Math.floor((this.pool.places[change] - this.from) * this.scale)));
  }

  visit(level, bucket) {
    const pool = this.pool;
    const {step} = pool.levels[level];
    const start = bucket * step;
    const end = Math.min(pool.count, start + step);
    if (end <= this.first || start >= this.last) return;
    if (start >= this.first && end <= this.last) {
      const column = this.column(start);
      if (column === this.column(end - 1)) {
        this.take(level, bucket, start, column);
        return;
      }
    }
    if (level > 0) {
      const finer = step / pool.levels[level - 1].step;
      const last = Math.min(pool.levels[level - 1].count, (bucket + 1) * finer);
      for (let each = bucket * finer; each < last; ++each) this.visit(level - 1, each);
    } else {
      this.walk(start, Math.min(end, this.last));
    }
  }

  /// A whole bucket in one column.
  take(level, bucket, start, column) {
    const pool = this.pool;
    const from = pool.levels[level];
    const bands = pool.bandNames.length;
    if (this.reached < column - 1) this.stay(column, pool.stateAt(start, this.state));
    const at = bucket * bands;
    let requested = 0;
    for (let band = 0; band < bands; ++band) requested += from.bands[at + band];
    this.put(
        column, from.highest[bucket], requested, from.lowest[bucket], from.allocated[bucket], from.reserved[bucket],
        from.bands, at);
    this.cache[column] += from.cache[bucket];
    this.arena[column] += from.arena[bucket];
    this.miss[column] += from.miss[bucket];
  }

  /// Change by change.
  walk(start, end) {
    const pool = this.pool;
    const state = pool.stateAt(start, this.state);
    for (let change = start; change < end; ++change) {
      const column = change < this.first ? -1 : this.column(change);
      if (column >= 0 && this.reached < column - 1) this.stay(column, state);
      pool.apply(change, state);
      if (column < 0) continue;
      this.put(column, change, state.requested, state.requested, state.allocated, state.reserved, state.bands, 0);
      if (pool.kinds[change] !== kinds.begin) continue;
      const way = pool.way[pool.what[change]];
      if (way === ways.cache) this.cache[column] += 1;
      if (way === ways.arena) this.arena[column] += 1;
      if (way === ways.miss) this.miss[column] += 1;
    }
  }

  put(column, change, requested, lowest, allocated, reserved, bands, at) {
    const count = this.pool.bandNames.length;
    const fresh = column > this.reached;
    if (fresh || requested > this.requested[column]) {
      this.requested[column] = requested;
      this.highest[column] = change;
      const to = column * count;
      for (let band = 0; band < count; ++band) this.bands[to + band] = bands[at + band];
    }
    this.lowest[column] = fresh ? lowest : Math.min(this.lowest[column], lowest);
    this.allocated[column] = fresh ? allocated : Math.max(this.allocated[column], allocated);
    this.reserved[column] = fresh ? reserved : Math.max(this.reserved[column], reserved);
    this.reached = column;
  }

  /// Nothing changes up to a column.
  stay(end, state) {
    for (let column = this.reached + 1; column < end; ++column) {
      this.put(column, -1, state.requested, state.requested, state.allocated, state.reserved, state.bands, 0);
    }
  }
}
