// The addresses of a pool at a moment, in rows like lines of text: blocks in their owners' colours, free memory, and
// addresses with nothing behind them. A cell is a few pixels; of several blocks in one, it has the largest one's
// colour.

class AddressMap {
  constructor(pool, canvas) {
    this.pool = pool;
    this.canvas = canvas;
  }

  layout(ratio) {
    const width = Math.max(40, Math.round(this.canvas.clientWidth * ratio));
    const rowHeight = Math.round(9 * ratio);
    const gap = Math.max(1, Math.round(2 * ratio));
    const rows = Math.max(4, Math.min(24, Math.ceil(this.pool.addressBytes / (1 << 20) / 4)));
    const height = rows * (rowHeight + gap);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.canvas.style.height = `${height / ratio}px`;
    }
    if (this.cells !== width * rows) {
      this.cells = width * rows;
      this.used = new Float32Array(this.cells);    // parts of a cell that blocks have
      this.backed = new Float32Array(this.cells);  // parts that memory is behind
      this.largest = new Float32Array(this.cells);
      this.bands = new Uint8Array(this.cells);
    }
    Object.assign(this, {width, rowHeight, gap, rows, ratio});
    this.cellBytes = Math.max(1, this.pool.addressBytes / this.cells);
  }

  draw(moment, ratio, colours) {
    const {pool} = this;
    this.layout(ratio);
    const {cells, cellBytes, used, backed, largest, bands} = this;
    for (const each of [used, backed, largest]) each.fill(0);
    const forCells = (offset, bytes, each) => {
      const start = offset / cellBytes;
      const end = (offset + bytes) / cellBytes;
      const last = Math.min(cells - 1, Math.ceil(end) - 1);
      for (let cell = Math.floor(start); cell <= last; ++cell) {
        each(cell, Math.min(end, cell + 1) - Math.max(start, cell));
      }
    };
    const {mapped} = pool;
    for (let i = 0; i < mapped.count; ++i) {
      if (mapped.begin[i] > moment || mapped.end[i] <= moment) continue;
      forCells(mapped.offset[i], mapped.bytes[i], (cell, part) => {
        backed[cell] += part;
      });
    }
    pool.forLive(moment, (life) => {
      forCells(pool.offset[life], pool.allocated[life], (cell, part) => {
        used[cell] += part;
        if (part > largest[cell]) {
          largest[cell] = part;
          bands[cell] = pool.band[life];
        }
      });
    });
    this.paint(colours);
  }

  paint(colours) {
    const context = this.canvas.getContext('2d');
    const {width, rows, rowHeight, gap, used, backed, bands} = this;
    if (!this.image || this.image.width !== width || this.image.height !== this.canvas.height) {
      this.image = context.createImageData(width, this.canvas.height);
    }
    const words = new Uint32Array(this.image.data.buffer);
    const owners = this.pool.bandNames.map((_, band) => channels(bandColour(this.pool, band)));
    const free = channels(colours.free);
    const nothing = channels(colours.line);
    for (let row = 0; row < rows; ++row) {
      for (let x = 0; x < width; ++x) {
        const cell = row * width + x;
        const block = Math.min(1, used[cell]);
        const behind = Math.min(1, Math.max(backed[cell], block));
        let word = 255;
        for (let channel = 2; channel >= 0; --channel) {
          const ground = nothing[channel] + (free[channel] - nothing[channel]) * behind;
          word = (word << 8) | Math.round(ground + (owners[bands[cell]][channel] - ground) * block);
        }
        let at = row * (rowHeight + gap) * width + x;
        for (let y = 0; y < rowHeight; ++y, at += width) words[at] = word >>> 0;
      }
    }
    context.putImageData(this.image, 0, 0);
  }

  /// What is at a place of the canvas, in CSS pixels.
  wordsAt(x, y, moment) {
    const {pool} = this;
    const row = Math.floor(y * this.ratio / (this.rowHeight + this.gap));
    const cell = row * this.width + Math.min(this.width - 1, Math.max(0, Math.floor(x * this.ratio)));
    const from = cell * this.cellBytes;
    const to = from + this.cellBytes;
    let found = -1;
    let best = 0;
    let blocks = 0;
    pool.forLive(moment, (life) => {
      const part = Math.min(to, pool.offset[life] + pool.allocated[life]) - Math.max(from, pool.offset[life]);
      if (part <= 0) return;
      blocks += 1;
      if (part > best) {
        best = part;
        found = life;
      }
    });
    if (found >= 0) {
      const lines = [
        pool.ownerName(pool.tag[found]), `${bytesText(pool.bytes[found])} at ${pool.addressText(pool.offset[found])}`
      ];
      if (blocks > 1) lines.push(`and ${countText(blocks - 1)} more in the ${bytesText(this.cellBytes)} of this point`);
      return lines;
    }
    const {mapped} = pool;
    for (let i = 0; i < mapped.count; ++i) {
      const live = mapped.begin[i] <= moment && mapped.end[i] > moment;
      if (live && mapped.offset[i] < to && mapped.offset[i] + mapped.bytes[i] > from) {
        return ['free', `reserved, at ${pool.addressText(from)}`];
      }
    }
    return ['nothing', mapped.count > 0 ? 'no memory behind these addresses' : 'no block at these addresses'];
  }
}

/// Free ranges between blocks in mapped memory at a moment; null where the recording does not tell what is mapped.
function freeRanges(pool, moment) {
  const {mapped} = pool;
  if (mapped.count === 0) return null;
  const ranges = [];
  for (let i = 0; i < mapped.count; ++i) {
    if (mapped.begin[i] <= moment && mapped.end[i] > moment)
      ranges.push([mapped.offset[i], mapped.offset[i] + mapped.bytes[i]]);
  }
  ranges.sort((a, b) => a[0] - b[0]);
  const blocks = [];
  pool.forLive(moment, (life) => blocks.push(life));
  blocks.sort((a, b) => pool.offset[a] - pool.offset[b]);
  let count = 0;
  let largest = 0;
  let free = 0;
  let open = 0;  // a free range that the mapped range before ended with
  let openEnd = -1;
  const add = (from, to) => {
    if (to <= from) return;
    const joins = openEnd === from;
    const size = to - from + (joins ? open : 0);
    if (!joins) count += 1;
    free += to - from;
    largest = Math.max(largest, size);
    open = size;
    openEnd = to;
  };
  let next = 0;
  for (const [from, to] of ranges) {
    let at = from;
    while (next < blocks.length && pool.offset[blocks[next]] < to) {
      const life = blocks[next];
      const end = pool.offset[life] + pool.allocated[life];
      if (end > from) {
        add(at, Math.min(to, pool.offset[life]));
        at = Math.max(at, Math.min(to, end));
      }
      if (end > to) break;  // it goes on in the next range
      next += 1;
    }
    add(at, to);
  }
  return {count, largest, free};
}
