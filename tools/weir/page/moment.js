// The panel about one moment: what there was, who held it, how the addresses look.

class MomentPanel {
  constructor(pool) {
    this.pool = pool;
    this.state = pool.newState();
    this.map = new AddressMap(pool, byId('map'));
    this.moment = -1;
    const placed = pool.model.has_addresses && pool.lives > 0;
    byId('map-section').hidden = !placed;
    byId('no-addresses').hidden = placed || pool.lives === 0;
  }

  /// What a pointer over the chart shows at once.
  show(moment, ratio, colours) {
    this.moment = moment;
    const {pool} = this;
    const state = pool.stateAt(moment, this.state);
    const holders = pool.holders(moment, 8);
    byId('moment-when').textContent = this.when(moment);
    const figures = [['requested', bytesText(state.requested)], ['allocated', bytesText(state.allocated)]];
    if (pool.model.reserved.peak > 0) {
      figures.push(['reserved', bytesText(state.reserved)]);
      if (state.reserved > 0) figures.push(['fragmentation', percentText(Math.max(0, 1 - state.requested / state.reserved))]);
    }
    figures.push(['blocks', countText(holders.blocks)]);
    byId('moment-figures').replaceChildren(...figures.map(
        ([name, text]) => make('div', {class: 'pair'}, make('span', {class: 'what'}, name), make('span', {class: 'figure'}, text))));
    byId('moment-owners').replaceChildren(...this.ownerRows(holders, state.requested));
    byId('moment-blocks').replaceChildren(...this.blockRows(holders.largest, moment));
    if (pool.model.has_addresses && pool.lives > 0) this.map.draw(moment, ratio, colours);
    byId('map-words').textContent = '';
    return {state, holders};
  }

  /// What takes longer, and waits until the pointer rests.
  settle() {
    const {pool} = this;
    if (!pool.model.has_addresses || pool.lives === 0) return;
    const ranges = freeRanges(pool, this.moment);
    byId('map-words').textContent = ranges === null ? 'The recording does not tell which addresses have memory.'
        : ranges.count === 0 ? 'No free range.'
        : `${countText(ranges.count)} free ${ranges.count === 1 ? 'range' : 'ranges'}, ${bytesText(ranges.free)}; the largest has ${bytesText(ranges.largest)}.`;
  }

  when(moment) {
    const {pool} = this;
    if (moment === 0) return 'before the first event';
    if (!pool.model.has_times) return `event ${countText(moment)} of ${countText(pool.count)}`;
    return `at ${momentText(pool.timeOf(moment), Math.max(1, pool.lastTime / 1e6))}, event ${countText(moment)} of ${countText(pool.count)}`;
  }

  ownerRows(holders, requested) {
    const few = 10;
    const bySize = this.pool.model.shape.bands_by_size;
    return holders.owners.slice(0, few).map((owner) => {
      const bar = make('span', {class: 'bar'});
      bar.style.width = `${requested > 0 ? 100 * owner.bytes / requested : 0}%`;
      const colour = bySize ? 'var(--faint)' : bandColour(this.pool, owner.band);
      bar.style.background = colour;
      const name = this.pool.ownerName(owner.tag);
      return make('li', {}, make('span', {class: 'owner', title: name}, name),
                  make('span', {class: 'number'}, `${bytesText(owner.bytes)} · ${countText(owner.blocks)}`), make('span', {class: 'track'}, bar));
    });
  }

  blockRows(lives, moment) {
    const {pool} = this;
    return lives.map((life) => {
      const name = pool.ownerName(pool.tag[life]);
      const age = pool.model.has_times ? `, ${durationText(pool.timeOf(moment) - pool.times[pool.begin[life]])} old` : '';
      return make('li', {}, swatch(bandColour(pool, pool.band[life])), make('span', {class: 'number'}, bytesText(pool.bytes[life])), ' ',
                  make('span', {class: 'owner', title: name}, name), make('span', {class: 'faint'}, age));
    });
  }
}
