// Puts the page together: one pool at a time, and the moment that is looked at.

class Page {
  constructor(model) {
    this.model = model;
    this.pools = new Map();
    this.canvas = byId('chart');
    this.context = this.canvas.getContext('2d');
    this.picture = document.createElement('canvas');
    this.hover = -1;   // the column that is pointed at
    this.pinned = -1;  // the moment that was clicked
    this.dirty = false;
    this.colours = pageColours();
    this.input = new Input(this);
  }

  async open(at) {
    if (!this.pools.has(at)) {
      const data = byId(`pool-${at}`);
      const bytes = await unpacked(data.textContent);
      data.textContent = '';
      const pool = new Pool(this.model.pools[at], this.model.names, bytes);
      this.pools.set(at, pool);
    }
    this.pool = this.pools.get(at);
    this.timeline = new Timeline(this.pool);
    this.lanes = lanesOf(this.pool);
    this.panel = new MomentPanel(this.pool);
    this.lieBy(this.pool.axis);
    this.hover = -1;
    this.pinned = -1;
    this.fillWords(at);
    this.layout();
    this.pin(this.peakMoment(), false);
  }

  lieBy(axis) {
    this.pool.lieBy(axis);
    this.overview = new Overview(this.pool);
    this.view = new View(this.pool.lastPlace, () => this.changed());
    const button = byId('axis');
    button.hidden = !this.pool.model.has_times;
    button.textContent = axis === 'time' ? 'by event' : 'by time';
    this.hover = -1;
    this.changed();
  }

  otherAxis() {
    if (this.pool.model.has_times) this.lieBy(this.pool.axis === 'time' ? 'event' : 'time');
  }

  /// The moment at which most was requested: what a reader asks for first.
  peakMoment() {
    const top = this.pool.levels[this.pool.levels.length - 1];
    const bands = this.pool.bandNames.length;
    let best = 0;
    let most = -1;
    for (let i = 0; i < top.count; ++i) {
      let requested = 0;
      for (let band = 0; band < bands; ++band) requested += top.bands[i * bands + band];
      if (requested > most) {
        most = requested;
        best = top.highest[i] + 1;
      }
    }
    return best;
  }

  fillWords(at) {
    const {pool, model} = this;
    const part = pool.model;
    byId('facts').replaceChildren(...factTiles(pool));
    byId('pool-words').textContent = [
      part.device !== part.name ? part.device : '', part.limit > 0 ? `limit ${bytesText(part.limit)}` : '', part.mode
    ].filter((each) => each !== '').join(' · ');
    byId('findings').replaceChildren(...findingItems(model, part.name));
    byId('owners').replaceChildren(...ownersTable(pool));
    byId('left-title').textContent =
        part.ended ? 'Leaks: live when the pool ended' : 'Live at the end of the recording';
    byId('left').replaceChildren(...leftTable(pool));
    byId('latencies').replaceChildren(...latenciesTable(pool));
    for (const [tab, each] of [...byId('tabs').children].entries())
      each.setAttribute('aria-selected', String(tab === at));
    byId('stacked').textContent = part.shape.bands_by_size ? 'by size of block, as owners are not told' : 'by owner';
    byId('empty').hidden = pool.count > 0;
    byId('chart').hidden = pool.count === 0;
  }

  // --- drawing ---

  layout() {
    this.ratio = Math.min(3, window.devicePixelRatio || 1);
    const width = Math.max(gutter + 60, this.canvas.parentElement.clientWidth);
    const chart = Math.max(200, Math.min(360, Math.round(window.innerHeight * 0.42)));
    const height = overviewHeight + 8 + chart + axisHeight + this.lanes.length * (laneHeight + 4) + 4;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    const left = Math.round(gutter * this.ratio);
    const across = {left, width: this.canvas.width - left};
    let top = 0;
    const area = (size, gap) => {
      const made = {...across, top: Math.round(top * this.ratio), height: Math.round(size * this.ratio)};
      top += size + gap;
      return made;
    };
    this.areas = {
      overview: area(overviewHeight, 8),
      chart: area(chart, 0),
      axis: area(axisHeight, 2),
      lanes: this.lanes.map(() => area(laneHeight, 4))
    };
    this.stale = true;  // the map has another width, too
    this.moved = true;
    this.draw();  // at once: a canvas that changes its size is empty
  }

  redraw() {
    if (this.dirty) return;
    this.dirty = true;
    requestAnimationFrame(() => {
      this.dirty = false;
      this.draw();
    });
  }

  draw() {
    if (this.moved) this.drawPicture();
    const {context, ratio, colours} = this;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.picture, 0, 0);
    const moment = this.shownMoment();
    this.drawCursor(moment);
    if (moment !== this.panel.moment || this.stale) {
      this.stale = false;
      this.shown = this.panel.show(moment, ratio, colours);
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.panel.settle(), 120);
    }
    this.placeTip(moment);
  }

  /// All but what follows the pointer, apart, so that a pointer that moves costs little.
  drawPicture() {
    this.moved = false;
    const {view, ratio, colours, areas, timeline, picture} = this;
    if (picture.width !== this.canvas.width || picture.height !== this.canvas.height) {
      picture.width = this.canvas.width;
      picture.height = this.canvas.height;
    }
    const context = picture.getContext('2d');
    context.clearRect(0, 0, picture.width, picture.height);
    this.overview.draw(context, view, areas.overview, ratio, colours);
    timeline.draw(context, view, areas.chart, ratio, colours);
    drawAxis(context, view, areas.axis, ratio, colours, this.pool.axis === 'time');
    this.lanes.forEach((lane, at) => {
      const area = areas.lanes[at];
      lane.draw(context, timeline, view, area, ratio, colours);
      context.font = `${11 * ratio}px system-ui, sans-serif`;
      context.textAlign = 'right';
      context.textBaseline = 'middle';
      context.fillStyle = colours.faint;
      context.fillText(lane.name, area.left - 6 * ratio, area.top + area.height / 2);
    });
  }

  /// What is shown has changed, beyond the pointer's place.
  changed() {
    this.moved = true;
    this.redraw();
  }

  /// The moment with most memory in the column that is pointed at; else the one that is pinned.
  shownMoment() {
    if (this.hover < 0) return Math.max(0, this.pinned);
    const {highest, width} = this.timeline.columns;
    const column = Math.min(this.hover, width - 1);
    if (highest[column] >= 0) return highest[column] + 1;
    return this.pool.momentAt(this.view.from + (column + 1) / width * this.view.span);
  }

  drawCursor(moment) {
    const {context, areas, view, ratio, colours} = this;
    const x = this.hover >= 0 ?
        areas.chart.left + this.hover :
        areas.chart.left + Math.floor((this.pool.placeOf(moment) - view.from) / view.span * areas.chart.width);
    if (x < areas.chart.left || x > areas.chart.left + areas.chart.width) return;
    const bottom = this.canvas.height;
    context.fillStyle = colours.accent;
    context.fillRect(Math.round(x), areas.chart.top, Math.max(1, Math.round(ratio)), bottom - areas.chart.top);
  }

  placeTip(moment) {
    const tip = byId('tip');
    tip.hidden = this.hover < 0;
    if (tip.hidden) return;
    const {pool, shown} = this;
    const lines = [make('div', {class: 'when'}, this.panel.when(moment))];
    const pair = (name, text, colour) => {
      const line = make('div', {class: 'pair'});
      if (colour) line.append(swatch(colour));
      line.append(ownerLabel(name), make('span', {class: 'figure'}, text));
      return line;
    };
    lines.push(pair('requested', bytesText(shown.state.requested)));
    if (pool.model.reserved.peak > 0) lines.push(pair('reserved', bytesText(shown.state.reserved)));
    const bySize = pool.model.shape.bands_by_size;
    if (bySize) {
      shown.state.bands.forEach((bytes, band) => {
        if (bytes > 0) lines.push(pair(pool.bandNames[band], bytesText(bytes), bandColour(pool, band)));
      });
    } else {
      for (const owner of shown.holders.owners.slice(0, 6)) {
        lines.push(pair(pool.ownerName(owner.tag), bytesText(owner.bytes), bandColour(pool, owner.band)));
      }
    }
    const step = this.view.span / this.timeline.columns.width;
    const from = this.view.from + this.hover * step;
    for (const words of laneWords(this.timeline, this.hover, from, from + step))
      lines.push(make('div', {class: 'faint'}, words));
    tip.replaceChildren(...lines);
    const box = this.canvas.parentElement;
    const x = (this.areas.chart.left + this.hover) / this.ratio;
    const right = x > box.clientWidth / 2;
    tip.style.left = right ? '' : `${x + 14}px`;
    tip.style.right = right ? `${box.clientWidth - x + 14}px` : '';
    tip.style.top = `${overviewHeight + 16}px`;
  }

  pin(moment, aloud) {
    this.pinned = Math.max(0, Math.min(this.pool.count, moment));
    this.stale = true;
    if (aloud) {
      this.view.reveal(this.pool.placeOf(this.pinned));
      const state = this.pool.stateAt(this.pinned, this.pool.newState());
      byId('said').textContent = `${this.panel.when(this.pinned)}: ${bytesText(state.requested)} requested`;
    }
    this.redraw();
  }
}

async function start() {
  const model = JSON.parse(byId('model').textContent);
  document.title = `${model.file.split('/').pop()} – weir report`;
  byId('file').textContent = model.file.split('/').pop();
  byId('file').title = model.file;
  if (model.began_ns > 0) byId('began').textContent = new Date(model.began_ns / 1e6).toLocaleString();
  byId('notes').replaceChildren(...model.notes.map((note) => make('li', {}, note)));
  const page = new Page(model);
  const tabs = model.pools.map((pool, at) => {
    const tab = make('button', {role: 'tab', type: 'button'}, pool.name === '' ? `pool ${at + 1}` : pool.name);
    tab.addEventListener('click', () => page.open(at));
    return tab;
  });
  byId('tabs').replaceChildren(...tabs);
  byId('tabs').hidden = tabs.length < 2;
  // First the pool that had most.
  let first = 0;
  model.pools.forEach((pool, at) => {
    if (pool.requested.peak > model.pools[first].requested.peak) first = at;
  });
  if (model.pools.length > 0) await page.open(first);
  window.weirReport = page;
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start().catch((error) => {
  byId('failed').hidden = false;
  byId('failed').textContent = `This page could not be shown: ${error.message}. It needs a browser of 2023 or later.`;
  throw error;
});
