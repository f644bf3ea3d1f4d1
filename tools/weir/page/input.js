// The pointer, touch and the keys: they move the view and choose the moment.

class Input {
  constructor(page) {
    this.page = page;
    this.pointers = new Map();  // those that are down, and where
    this.listen();
  }

  place(event) {
    const box = this.page.canvas.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) * this.page.ratio) - this.page.areas.chart.left;
    const y = (event.clientY - box.top) * this.page.ratio;
    return {
      x,
      y,
      part: Math.max(0, Math.min(1, x / this.page.areas.chart.width)),
      overview: y < this.page.areas.overview.top + this.page.areas.overview.height
    };
  }

  listen() {
    const {canvas} = this.page;
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const {part} = this.place(event);
      const unit = event.deltaMode === 1 ? 30 : 1;
      const across = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (Math.abs(across) > Math.abs(event.deltaY) || event.shiftKey)
        this.page.view.pan(across * unit / 1000);
      else
        this.page.view.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * unit / 500))), part);
    }, {passive: false});
    canvas.addEventListener('pointerdown', (event) => this.press(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    for (const name of ['pointerup', 'pointercancel']) canvas.addEventListener(name, (event) => this.release(event));
    canvas.addEventListener('pointerleave', () => {
      this.page.hover = -1;
      this.page.redraw();
    });
    canvas.addEventListener('dblclick', () => this.page.view.whole());
    canvas.addEventListener('keydown', (event) => this.key(event));
    byId('map').addEventListener('pointermove', (event) => {
      const box = event.target.getBoundingClientRect();
      byId('map-words').textContent =
          this.page.panel.map.wordsAt(event.clientX - box.left, event.clientY - box.top, this.page.panel.moment)
              .join(' · ');
    });
    byId('map').addEventListener('pointerleave', () => this.page.panel.settle());
    for (const [id, act] of [
             ['zoom-in', () => this.page.view.zoom(0.5, 0.5)], ['zoom-out', () => this.page.view.zoom(2, 0.5)],
             ['whole', () => this.page.view.whole()], ['peak', () => this.page.pin(this.page.peakMoment(), true)],
             ['axis', () => this.page.otherAxis()]]) {
      byId(id).addEventListener('click', act);
    }
    new ResizeObserver(() => this.page.pool && this.page.layout()).observe(canvas.parentElement);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.page.colours = pageColours();
      this.page.stale = true;
      this.page.changed();
    });
  }

  press(event) {
    const at = this.place(event);
    this.page.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, {...at, moved: 0});
    if (at.overview && this.pointers.size === 1) this.centre(at.part);
  }

  /// Of the whole recording, what is at this place.
  centre(part) {
    const {span, end} = this.page.view;
    this.page.view.set(part * end - span / 2, part * end + span / 2);
  }

  move(event) {
    const at = this.place(event);
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      this.page.hover = at.overview || at.x < 0 || at.x >= this.page.areas.chart.width ? -1 : at.x;
      this.page.redraw();
      return;
    }
    this.page.hover = -1;
    if (before.overview)
      this.centre(at.part);
    else if (this.pointers.size === 1)
      this.page.view.pan((before.x - at.x) / this.page.areas.chart.width);
    else {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, each]) => each);
      const apart = Math.max(20, Math.abs(other.x - before.x));
      this.page.view.zoom(
          apart / Math.max(20, Math.abs(other.x - at.x)), (other.x + at.x) / 2 / this.page.areas.chart.width);
    }
    this.pointers.set(
        event.pointerId, {...at, overview: before.overview, moved: before.moved + Math.abs(at.x - before.x)});
  }

  release(event) {
    const before = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (event.type === 'pointercancel' || before === undefined || before.overview || before.moved > 4 * this.page.ratio)
      return;
    this.page.hover = Math.max(0, Math.min(this.page.areas.chart.width - 1, before.x));
    const moment = this.page.shownMoment();
    if (event.pointerType !== 'mouse') this.page.hover = -1;
    this.page.pin(moment, false);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 100 : 1;
    const acts = {
      w: () => this.page.view.zoom(0.7, 0.5),
      s: () => this.page.view.zoom(1 / 0.7, 0.5),
      '+': () => this.page.view.zoom(0.7, 0.5),
      '-': () => this.page.view.zoom(1 / 0.7, 0.5),
      a: () => this.page.view.pan(-0.15),
      d: () => this.page.view.pan(0.15),
      ArrowLeft: () => this.page.pin(this.page.pinned - step, true),
      ArrowRight: () => this.page.pin(this.page.pinned + step, true),
      Home: () => this.page.pin(1, true),
      End: () => this.page.pin(this.page.pool.count, true),
      0: () => this.page.view.whole(),
      p: () => this.page.pin(this.page.peakMoment(), true),
      e: () => this.page.otherAxis(),
    };
    const act = acts[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act === undefined) return;
    event.preventDefault();
    this.page.hover = -1;
    act();
  }
}
