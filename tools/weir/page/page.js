// Puts the page together: one pool at a time, the pointer, touch and the keys.

class Page {
  constructor(model) {
    this.model = model;
    this.pools = new Map();
    this.canvas = byId('chart');
    this.context = this.canvas.getContext('2d');
    this.hover = -1;   // the column that is pointed at
    this.pinned = -1;  // the moment that was clicked
    this.pointers = new Map();
    this.dirty = false;
    this.colours = pageColours();
    this.listen();
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
    this.view = new View(this.pool.lastPlace, () => this.redraw());
    const button = byId('axis');
    button.hidden = !this.pool.model.has_times;
    button.textContent = axis === 'time' ? 'by event' : 'by time';
    this.hover = -1;
    this.redraw();
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
    this.draw();        // at once: a canvas that changes its size is empty
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
    const {context, view, ratio, colours, areas, timeline} = this;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.overview.draw(context, view, areas.overview, ratio, colours);
    timeline.draw(context, view, areas.chart, ratio, colours);
    drawAxis(context, view, areas.axis, ratio, colours, this.pool.axis === 'time');
    this.lanes.forEach((lane, at) => {
      lane.draw(context, timeline, view, areas.lanes[at], ratio, colours);
      context.font = `${11 * ratio}px system-ui, sans-serif`;
      context.textAlign = 'right';
      context.textBaseline = 'middle';
      context.fillStyle = colours.faint;
      context.fillText(lane.name, areas.lanes[at].left - 6 * ratio, areas.lanes[at].top + areas.lanes[at].height / 2);
    });
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

  // --- input ---

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

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) * this.ratio) - this.areas.chart.left;
    const y = (event.clientY - box.top) * this.ratio;
    return {
      x,
      y,
      part: Math.max(0, Math.min(1, x / this.areas.chart.width)),
      overview: y < this.areas.overview.top + this.areas.overview.height
    };
  }

  listen() {
    const {canvas} = this;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const {part} = this.place(event);
      const unit = event.deltaMode === 1 ? 30 : 1;
      const across = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (Math.abs(across) > Math.abs(event.deltaY) || event.shiftKey)
        this.view.pan(across * unit / 1000);
      else
        this.view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit / 500))), part);
    }, {passive: false});
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => this.release(event));
    canvas.addEventListener('pointerleave', () => {
      this.hover = -1;
      this.redraw();
    });
    canvas.addEventListener('dblclick', () => this.view.whole());
    canvas.addEventListener('keydown', (event) => this.key(event));
    byId('map').addEventListener('pointermove', (event) => {
      const box = event.target.getBoundingClientRect();
      byId('map-words').textContent =
          this.panel.map.wordsAt(event.clientX - box.left, event.clientY - box.top, this.panel.moment).join(' · ');
    });
    byId('map').addEventListener('pointerleave', () => this.panel.settle());
    for (const [id, act] of [
             ['zoom-in', () => this.view.zoom(0.5, 0.5)], ['zoom-out', () => this.view.zoom(2, 0.5)],
             ['whole', () => this.view.whole()], ['peak', () => this.pin(this.peakMoment(), true)],
             ['axis', () => this.otherAxis()]]) {
      byId(id).addEventListener('click', act);
    }
    new ResizeObserver(() => this.pool && this.layout()).observe(canvas.parentElement);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.colours = pageColours();
      this.stale = true;
      this.redraw();
    });
  }

  press(event) {
    const at = this.place(event);
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, {...at, moved: 0});
    if (at.overview && this.pointers.size === 1) this.centre(at.part);
  }

  /// Of the whole recording, what is at this place.
  centre(part) {
    const {span, end} = this.view;
    this.view.set(part * end - span / 2, part * end + span / 2);
  }

  move(event) {
    const at = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      this.hover = at.overview || at.x < 0 || at.x >= this.areas.chart.width ? -1 : at.x;
      this.redraw();
      return;
    }
    this.hover = -1;
    if (before.overview)
      this.centre(at.part);
    else if (this.pointers.size === 1)
      this.view.pan((before.x - at.x) / this.areas.chart.width);
    else {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, each]) => each);
      const apart = Math.max(20, Math.abs(other.x - before.x));
      this.view.zoom(apart / Math.max(20, Math.abs(other.x - at.x)), (other.x + at.x) / 2 / this.areas.chart.width);
    }
    this.pointers.set(
        event.pointerId, {...at, overview: before.overview, moved: before.moved + Math.abs(at.x - before.x)});
  }

  release(event) {
    const before = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (event.type === 'pointercancel' || before === undefined || before.overview || before.moved > 4 * this.ratio)
      return;
    this.hover = Math.max(0, Math.min(this.areas.chart.width - 1, before.x));
    const moment = this.shownMoment();
    if (event.pointerType !== 'mouse') this.hover = -1;
    this.pin(moment, false);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 100 : 1;
    const acts = {
      w: () => this.view.zoom(0.7, 0.5),
      s: () => this.view.zoom(1 / 0.7, 0.5),
      '+': () => this.view.zoom(0.7, 0.5),
      '-': () => this.view.zoom(1 / 0.7, 0.5),
      a: () => this.view.pan(-0.15),
      d: () => this.view.pan(0.15),
      ArrowLeft: () => this.pin(this.pinned - step, true),
      ArrowRight: () => this.pin(this.pinned + step, true),
      Home: () => this.pin(1, true),
      End: () => this.pin(this.pool.count, true),
      0: () => this.view.whole(),
      p: () => this.pin(this.peakMoment(), true),
      e: () => this.otherAxis(),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act === undefined) return;
    event.preventDefault();
    this.hover = -1;
    act();
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
