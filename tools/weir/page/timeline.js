// The chart of memory over time: bands of what was requested, lines of what was allocated, reserved and allowed, the
// axes, and the line of the moment that is looked at.

const gutter = 74;  // pixels left of the chart, for labels
const axisHeight = 24;
const overviewHeight = 30;

/// Round numbers of bytes up to `most`, about `count` of them.
function byteTicks(most, count) {
  const rough = Math.max(1, most / count);
  const unit = 1024 ** Math.floor(Math.log(rough) / Math.log(1024));
  let step = unit;
  for (const each of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]) {
    step = each * unit;
    if (step >= rough) break;
  }
  const ticks = [];
  for (let tick = 0; tick <= most; tick += step) ticks.push(tick);
  return ticks;
}

function roundTicks(from, to, count, least) {
  const rough = Math.max(least, (to - from) / count);
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * scale).find((each) => each >= rough);
  const first = Math.ceil(from / step);
  // By number: far out a step may be less than what numbers tell apart.
  const ticks = [];
  for (let i = 0; i <= count + 1 && (first + i) * step <= to; ++i) ticks.push((first + i) * step);
  return {ticks, step};
}

class Timeline {
  constructor(pool) {
    this.pool = pool;
    this.columns = new PixelColumns(pool);
    this.pixels = pool.bandNames.map((_, band) => pixelOf(bandColour(pool, band)));
    this.thinned = pool.bandNames.map((_, band) => pixelOf(bandColour(pool, band), 130));
  }

  /// The highest value in view, with room above it.
  scaleOf(limit) {
    let most = 1;
    const {requested, allocated, reserved, width} = this.columns;
    for (let i = 0; i < width; ++i) most = Math.max(most, requested[i], allocated[i], reserved[i]);
    if (limit > most && limit < 1.5 * most) most = limit;
    return most * 1.08;
  }

  /// `area` is in device pixels.
  draw(context, view, area, ratio, colours) {
    this.columns.fill(view.from, view.to, area.width);
    this.most = this.scaleOf(this.pool.model.limit);
    this.fillImage(context, area);
    this.paintLine(area, this.columns.allocated, pixelOf(colours.ink, 120), Math.round(ratio));
    if (this.pool.model.reserved.peak > 0) {
      this.paintLine(area, this.columns.reserved, pixelOf(colours.ink), Math.round(2 * ratio));
    }
    context.putImageData(this.image, area.left, area.top);
    const limit = this.pool.model.limit;
    if (limit > 0 && limit <= this.most) this.drawLimit(context, area, limit, ratio, colours);
    this.drawBytesAxis(context, area, ratio, colours);
    this.drawBandNames(context, area, ratio);
    this.drawLineNames(context, area, ratio, colours);
  }

  y(area, value) { return area.top + area.height * (1 - value / this.most); }

  /// The bands, pixel by pixel: faster than as thousands of shapes.
  fillImage(context, area) {
    const {width, height} = area;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.image = context.createImageData(width, height);
      this.words = new Uint32Array(this.image.data.buffer);
    }
    const words = this.words;
    const bands = this.pixels.length;
    words.fill(0);
    const {columns} = this;
    for (let x = 0; x < width; ++x) {
      let sum = 0;
      let bottom = height;
      // Above the least in this column memory came and went: it is drawn thinner.
      const steady = height - Math.round(height * columns.lowest[x] / this.most);
      for (let band = 0; band < bands; ++band) {
        const value = columns.bands[x * bands + band];
        if (value <= 0) continue;
        sum += value;
        const top = Math.max(0, height - Math.round(height * sum / this.most));
        for (let y = bottom - 1; y >= top; --y)
          words[y * width + x] = y < steady ? this.thinned[band] : this.pixels[band];
        bottom = Math.min(bottom, top);
      }
    }
  }

  paintLine(area, values, pixel, thickness) {
    const {width, height} = area;
    let before = -1;
    for (let x = 0; x < width; ++x) {
      const y = Math.max(0, Math.min(height - thickness, Math.round(height * (1 - values[x] / this.most))));
      const top = before < 0 ? y : Math.min(before, y);
      const bottom = (before < 0 ? y : Math.max(before, y)) + thickness;
      for (let at = top * width + x, end = bottom * width; at < end; at += width) this.words[at] = pixel;
      before = y;
    }
  }

  drawLimit(context, area, limit, ratio, colours) {
    const y = Math.round(this.y(area, limit));
    context.save();
    context.strokeStyle = colours.bad;
    context.lineWidth = 1.5 * ratio;
    context.setLineDash([6 * ratio, 4 * ratio]);
    context.beginPath();
    context.moveTo(area.left, y);
    context.lineTo(area.left + area.width, y);
    context.stroke();
    context.restore();
    this.tag(
        context, `limit ${bytesText(limit)}`, area.left + 6 * ratio, y - 8 * ratio, ratio, colours.bad, colours,
        'left');
  }

  drawBytesAxis(context, area, ratio, colours) {
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const tick of byteTicks(this.most, Math.max(2, area.height / (44 * ratio)))) {
      const y = Math.round(this.y(area, tick));
      context.globalAlpha = 0.5;
      context.fillStyle = colours.line;
      context.fillRect(area.left, y, area.width, Math.max(1, Math.round(ratio / 2)));
      context.globalAlpha = 1;
      context.fillStyle = colours.faint;
      if (y > area.top + 4 * ratio) context.fillText(bytesText(tick).replace('.00', ''), area.left - 6 * ratio, y);
    }
  }

  /// In each band, where it is thick enough for long enough.
  drawBandNames(context, area, ratio) {
    const bands = this.pixels.length;
    const {columns} = this;
    const need = 15 * ratio;
    context.font = `600 ${11 * ratio}px system-ui, sans-serif`;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    const step = Math.max(1, Math.round(2 * ratio));
    for (let band = 0; band < bands; ++band) {
      const name = shortName(this.pool.bandNames[band]);
      let best = null;
      let run = null;
      for (let x = 0; x < area.width; x += step) {
        let below = 0;
        for (let each = 0; each < band; ++each) below += columns.bands[x * bands + each];
        const low = area.height * below / this.most;
        const high = area.height * (below + columns.bands[x * bands + band]) / this.most;
        const from = run === null ? low : Math.max(run.low, low);
        const to = run === null ? high : Math.min(run.high, high);
        if (to - from >= need) {
          if (run === null) run = {start: x, low, high};
          run.low = from;
          run.high = to;
          run.end = x;
          if (best === null || run.end - run.start > best.end - best.start) best = {...run};
        } else {
          run = high - low >= need ? {start: x, end: x, low, high} : null;
        }
      }
      if (best === null) continue;
      const room = best.end - best.start - 10 * ratio;
      const text = fitted(context, name, room);
      if (text === '') continue;
      context.fillStyle = inkOn(bandColour(this.pool, band));
      context.fillText(text, area.left + best.start + 5 * ratio, area.top + area.height - (best.low + best.high) / 2);
    }
  }

  /// At the right end of each line, what it is.
  drawLineNames(context, area, ratio, colours) {
    const last = this.columns.width - 1;
    const right = area.left + area.width - 6 * ratio;
    const reserved = this.columns.reserved[last];
    const allocated = this.columns.allocated[last];
    const requested = this.columns.requested[last];
    const place = (value) => this.y(area, value) - 9 * ratio;
    const taken = [];
    const put = (text, value, colour) => {
      let y = place(value);
      while (taken.some((each) => Math.abs(each - y) < 15 * ratio)) y += 15 * ratio;
      if (y > area.top + area.height - 6 * ratio) return;
      taken.push(y);
      this.tag(context, text, right, y, ratio, colour, colours, 'right');
    };
    if (reserved > 0) put(`reserved ${bytesText(reserved)}`, reserved, colours.ink);
    if (allocated > 1.02 * requested) put(`allocated ${bytesText(allocated)}`, allocated, colours.ink);
    if (requested > 0) put(`requested ${bytesText(requested)}`, requested, colours.ink);
  }

  tag(context, text, x, y, ratio, colour, colours, align) {
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.textAlign = align;
    context.textBaseline = 'middle';
    const width = context.measureText(text).width;
    context.save();
    context.globalAlpha = 0.82;
    context.fillStyle = colours.panel;
    context.fillRect(
        align === 'right' ? x - width - 4 * ratio : x - 4 * ratio, y - 7 * ratio, width + 8 * ratio, 14 * ratio);
    context.restore();
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }
}

/// As much of the end of a text as there is room for: an owner's name tells more at its end.
function fitted(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText('…' + text.slice(text.length - middle)).width <= room)
      low = middle;
    else
      high = middle - 1;
  }
  return low < 4 ? '' : '…' + text.slice(text.length - low);
}

function drawAxis(context, view, area, ratio, colours, timed) {
  const {ticks, step} = roundTicks(view.from, view.to, Math.max(2, area.width / (110 * ratio)), timed ? 0 : 1);
  context.font = `${11 * ratio}px system-ui, sans-serif`;
  context.textBaseline = 'top';
  for (const tick of ticks) {
    const x = Math.round(area.left + area.width * (tick - view.from) / view.span);
    context.fillStyle = colours.line;
    context.fillRect(x, area.top, Math.max(1, Math.round(ratio / 2)), 5 * ratio);
    context.fillStyle = colours.faint;
    const text = timed ? momentText(tick, step) : `event ${countText(tick)}`;
    const half = context.measureText(text).width / 2;
    context.textAlign = 'center';
    const middle = Math.min(area.left + area.width - half, Math.max(area.left + half - gutter * ratio / 2, x));
    context.fillText(text, middle, area.top + 7 * ratio);
  }
}

/// The whole recording, small, with the part that is shown.
class Overview {
  constructor(pool) {
    this.columns = new PixelColumns(pool);
    this.pool = pool;
  }

  draw(context, view, area, ratio, colours) {
    const looks = `${area.width} ${area.height} ${colours.faint}`;
    if (this.looks !== looks) {
      this.looks = looks;
      this.paint(context, view, area, colours);
    }
    context.putImageData(this.image, area.left, area.top);
    const from = area.left + area.width * view.from / view.end;
    const to = area.left + area.width * view.to / view.end;
    context.save();
    context.fillStyle = colours.ground;
    context.globalAlpha = 0.72;
    context.fillRect(area.left, area.top, from - area.left, area.height);
    context.fillRect(to, area.top, area.left + area.width - to, area.height);
    context.restore();
    context.strokeStyle = colours.accent;
    context.lineWidth = 2 * ratio;
    context.strokeRect(from, area.top + ratio, Math.max(to - from, 2 * ratio), area.height - 2 * ratio);
  }

  paint(context, view, area, colours) {
    const {width, height} = area;
    this.columns.fill(0, view.end, width);
    this.image = context.createImageData(width, height);
    const words = new Uint32Array(this.image.data.buffer).fill(pixelOf(colours.line));
    const pixel = pixelOf(colours.faint);
    let most = 1;
    for (let x = 0; x < width; ++x) most = Math.max(most, this.columns.requested[x]);
    for (let x = 0; x < width; ++x) {
      const top = height - Math.round(height * this.columns.requested[x] / most);
      for (let y = top; y < height; ++y) words[y * width + x] = pixel;
    }
  }
}
