// The panel about one moment: what there was, who held it, how the addresses look.

class MomentPanel {
  constructor(pool) {
    this.pool = pool;
    this.state = pool.newState();
    this.map = new AddressMap(pool, byId('map'));
    this.moment = -1;
    byId('moment-by').textContent = pool.model.shape.bands_by_size ? 'Sizes' : 'Owners';
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
      if (state.reserved > 0)
        figures.push(['fragmentation', percentText(Math.max(0, 1 - state.requested / state.reserved))]);
    }
    figures.push(['blocks', countText(holders.blocks)]);
    byId('moment-figures')
        .replaceChildren(...figures.map(
            ([name, text]) => make(
                'div', {class: 'pair'}, make('span', {class: 'what'}, name), make('span', {class: 'figure'}, text))));
    byId('moment-owners').replaceChildren(...this.ownerRows(holders, state));
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
    byId('map-words').textContent = ranges === null ? 'The recording does not tell which addresses have memory.' :
        ranges.count === 0                          ? 'No free range.' :
                             `${countText(ranges.count)} free ${ranges.count === 1 ? 'range' : 'ranges'}, ${
                                 bytesText(ranges.free)}; the largest has ${bytesText(ranges.largest)}.`;
  }

  when(moment) {
    const {pool} = this;
    if (moment === 0) return 'before the first event';
    if (!pool.model.has_times) return `event ${countText(moment)} of ${countText(pool.count)}`;
    return `at ${momentText(pool.timeOf(moment), Math.max(1, pool.lastTime / 1e6))}, event ${countText(moment)} of ${
        countText(pool.count)}`;
  }

  /// By owner, or by size where owners are not told.
  ownerRows(holders, state) {
    const few = 10;
    const {pool} = this;
    const rows = pool.model.shape.bands_by_size ?
        pool.bandNames
            .map((name, band) => ({name, band, bytes: state.bands[band], words: bytesText(state.bands[band])}))
            .filter((each) => each.bytes > 0) :
        holders.owners.slice(0, few).map((owner) => ({
                                           name: pool.ownerName(owner.tag),
                                           band: owner.band,
                                           bytes: owner.bytes,
                                           words: `${bytesText(owner.bytes)} · ${countText(owner.blocks)}`,
                                         }));
    return rows.map(({name, band, bytes, words}) => {
      const bar = make('span', {class: 'bar'});
      bar.style.width = `${state.requested > 0 ? 100 * bytes / state.requested : 0}%`;
      bar.style.background = bandColour(pool, band);
      return make(
          'li', {}, ownerLabel(name), make('span', {class: 'number'}, words), make('span', {class: 'track'}, bar));
    });
  }

  blockRows(lives, moment) {
    const {pool} = this;
    return lives.map((life) => {
      const name = pool.ownerName(pool.tag[life]);
      const age = pool.model.has_times ? `, ${durationText(pool.timeOf(moment) - pool.bornAt(life))} old` : '';
      return make(
          'li', {}, swatch(bandColour(pool, pool.band[life])),
          make('span', {class: 'number'}, bytesText(pool.bytes[life])), ' ', ownerLabel(name),
          make('span', {class: 'faint'}, age));
    });
  }
}
