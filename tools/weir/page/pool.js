// One pool's history. A moment is a number of changes that have happened, from 0 to all of them.

const never = 0xffffffff;
const kinds = {
  begin: 0,
  end: 1,
  take: 2,
  give: 3
};
const ways = {
  cache: 1,
  arena: 2,
  miss: 3
};
const markNames = {
  9: 'refused',
  10: 'fallback',
  11: 'events lost',
  12: 'spilled',
  13: 'brought back'
};

/// How many of numbers that never fall are at most `value`.
function upperBound(numbers, value) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

class Pool {
  constructor(model, names, bytes) {
    this.model = model;
    this.names = names;
    const shape = model.shape;
    const from = new Columns(bytes);
    this.bandNames = shape.bands;
    this.readChanges(from, shape);
    this.readLives(from, shape);
    this.linkChanges();
    this.readRest(from, shape);
    this.readLevels(from, shape);
    let offset = 0;
    this.regions = shape.regions.map(([address, size]) => {
      offset += size;
      return {address: BigInt('0x' + address), bytes: size, offset: offset - size};
    });
    this.addressBytes = offset;
    this.lastTime = model.duration_ns;
    this.order = new Float64Array(this.count);
    for (let i = 0; i < this.count; ++i) this.order[i] = i + 1;
    this.lieBy(model.has_times ? 'time' : 'event');
  }

  /// Along what the chart lies: time, or the order of events, in which a program that waits takes no room.
  lieBy(axis) {
    this.axis = axis;
    const timed = axis === 'time';
    this.places = timed ? this.times : this.order;
    this.lastPlace = timed ? this.lastTime : this.count;
    const place = timed ? (time) => time : (time) => upperBound(this.times, time);
    this.transfers.from = timed ? this.transfers.start : this.transfers.start.map(place);
    this.transfers.to =
        timed ? this.transfers.end : this.transfers.end.map((time) => (Number.isNaN(time) ? NaN : place(time)));
    this.marks.place = timed ? this.marks.time : this.marks.time.map(place);
  }

  readChanges(from, shape) {
    const count = shape.changes;
    this.count = count;
    this.times = from.rises(count);
    this.kinds = from.raw(count);
    this.what = new Float64Array(count);
    let begun = 0;
    for (let i = 0; i < count; ++i) {
      const kind = this.kinds[i];
      this.what[i] = kind === kinds.begin ? begun++ : kind === kinds.end ? begun - from.number() : from.number();
    }
  }

  readLives(from, shape) {
    const count = shape.lives;
    this.lives = count;
    this.bytes = from.numbers(count);
    this.allocated = from.numbers(count);
    for (let i = 0; i < count; ++i) this.allocated[i] *= 512;
    this.offset = from.steps(count);
    this.tag = from.numbers(count, Uint32Array);
    this.stream = from.numbers(count, Uint32Array);
    this.thread = from.numbers(count, Uint32Array);
    this.way = from.raw(count);
    this.sinceBorn = from.numbers(count, Uint32Array);
    this.band = from.raw(count);
  }

  linkChanges() {
    this.begin = new Uint32Array(this.lives);
    this.end = new Uint32Array(this.lives).fill(never);
    for (let i = 0; i < this.count; ++i) {
      if (this.kinds[i] === kinds.begin) this.begin[this.what[i]] = i;
      if (this.kinds[i] === kinds.end) this.end[this.what[i]] = i;
    }
  }

  readRest(from, shape) {
    const mapped = shape.mapped;
    this.mapped = {count: mapped, offset: from.steps(mapped), bytes: from.numbers(mapped)};
    this.mapped.begin = from.numbers(mapped, Uint32Array);
    this.mapped.end =
        from.numbers(mapped, Float64Array).map((lasts, i) => (lasts === 0 ? never : this.mapped.begin[i] + lasts - 1));
    const moved = shape.transfers;
    this.transfers = {count: moved, start: from.rises(moved)};
    this.transfers.end = from.numbers(moved).map((took, i) => (took === 0 ? NaN : this.transfers.start[i] + took - 1));
    this.transfers.bytes = from.numbers(moved);
    this.transfers.stream = from.numbers(moved, Uint32Array);
    this.transfers.thread = from.numbers(moved, Uint32Array);
    this.transfers.upload = from.raw(moved);
    const marks = shape.marks;
    this.marks = {count: marks, time: from.rises(marks), kind: from.raw(marks)};
    this.marks.bytes = from.numbers(marks);
    this.marks.tag = from.numbers(marks, Uint32Array);
  }

  readLevels(from, shape) {
    const bands = this.bandNames.length;
    this.levels = shape.levels.map(([step, count]) => ({
                                     step,
                                     count,
                                     highest: from.rises(count),
                                     lowest: from.steps(count),
                                     allocated: from.steps(count),
                                     reserved: from.steps(count),
                                     cache: from.numbers(count),
                                     arena: from.numbers(count),
                                     miss: from.numbers(count),
                                     bands: from.bands(count, bands),
                                   }));
    this.step = shape.checkpoint_step;
    const count = Math.ceil(this.count / this.step) + 1;
    this.checkpoints = {allocated: from.steps(count), reserved: from.steps(count), bands: from.bands(count, bands)};
  }

  /// The moment after all changes up to and including a place of the axis.
  momentAt(place) { return upperBound(this.places, place); }

  placeOf(moment) { return moment === 0 ? 0 : this.places[moment - 1]; }

  timeOf(moment) { return moment === 0 ? 0 : this.times[moment - 1]; }

  /// When a life's block was allocated.
  bornAt(life) { return this.times[this.begin[life] - this.sinceBorn[life]]; }

  /// The books at a moment, into a state of `newState`.
  stateAt(moment, state) {
    // The last checkpoint is behind all changes, which need not be a whole step.
    const check = moment === this.count ? this.checkpoints.allocated.length - 1 : Math.floor(moment / this.step);
    const bands = this.bandNames.length;
    for (let band = 0; band < bands; ++band) state.bands[band] = this.checkpoints.bands[check * bands + band];
    state.allocated = this.checkpoints.allocated[check];
    state.reserved = this.checkpoints.reserved[check];
    state.requested = 0;
    for (let band = 0; band < bands; ++band) state.requested += state.bands[band];
    if (moment !== this.count) {
      for (let i = check * this.step; i < moment; ++i) this.apply(i, state);
    }
    return state;
  }

  newState() { return {bands: new Float64Array(this.bandNames.length), requested: 0, allocated: 0, reserved: 0}; }

  apply(change, state) {
    const what = this.what[change];
    switch (this.kinds[change]) {
      case kinds.take: state.reserved += what; return;
      case kinds.give: state.reserved = Math.max(0, state.reserved - what); return;
    }
    const sign = this.kinds[change] === kinds.begin ? 1 : -1;
    state.requested += sign * this.bytes[what];
    state.allocated += sign * this.allocated[what];
    state.bands[this.band[what]] += sign * this.bytes[what];
  }

  /// Calls each(life) for the blocks that are live at a moment, in the order in which they began.
  forLive(moment, each) {
    const begin = this.begin;
    const end = this.end;
    for (let life = 0; life < this.lives && begin[life] < moment; ++life) {
      if (end[life] >= moment) each(life);
    }
  }

  /// The live blocks at a moment: how many, by owner, and the largest few.
  holders(moment, few) {
    const owners = new Map();
    const largest = [];
    let blocks = 0;
    this.forLive(moment, (life) => {
      blocks += 1;
      const size = this.bytes[life];
      const owner = owners.get(this.tag[life]);
      if (owner === undefined)
        owners.set(this.tag[life], {bytes: size, blocks: 1, band: this.band[life]});
      else {
        owner.bytes += size;
        owner.blocks += 1;
      }
      if (largest.length < few || size > this.bytes[largest[few - 1]]) {
        let place = Math.min(largest.length, few - 1);
        while (place > 0 && this.bytes[largest[place - 1]] < size) {
          largest[place] = largest[place - 1];
          place -= 1;
        }
        largest[place] = life;
      }
    });
    const sorted = [...owners].map(([tag, owner]) => ({tag, ...owner})).sort((a, b) => b.bytes - a.bytes);
    return {blocks, owners: sorted, largest};
  }

  ownerName(tag) { return tag === 0 ? 'no owner' : this.names[tag]; }

  /// Of a place in the regions, which lie one behind the other.
  addressText(offset) {
    let region = this.regions[0];
    for (const each of this.regions) {
      if (each.offset <= offset) region = each;
    }
    if (region === undefined) return '';
    return '0x' + (region.address + BigInt(Math.round(offset - region.offset))).toString(16);
  }
}
