// What the report says in words and tables: facts, findings, owners, what is left, latencies.

function table(head, rows, numbers) {
  const cell = (tag, text, at) => make(tag, numbers.includes(at) ? {class: 'number'} : {}, text);
  const headRow = make('tr', {}, ...head.map((text, at) => cell('th', text, at)));
  const body = rows.map((row) => make('tr', {}, ...row.map((text, at) => cell('td', text, at))));
  return make('div', {class: 'scroll'}, make('table', {}, make('thead', {}, headRow), make('tbody', {}, ...body)));
}

function swatch(colour) {
  const made = make('span', {class: 'swatch'});
  made.style.background = colour;
  return made;
}

function factTiles(pool) {
  const {model} = pool;
  const served = model.cache_hits + model.arena_hits + model.misses;
  const tiles = [['peak requested', bytesText(model.requested.peak), model.requested.peak]];
  if (model.reserved.peak > 0) {
    tiles.push(['peak reserved', bytesText(model.reserved.peak), model.reserved.peak]);
    tiles.push(['utilization', percentText(model.requested.peak / model.reserved.peak), null]);
  }
  if (served > 0) tiles.push(['hit rate', percentText(model.cache_hits / model.allocations), null]);
  tiles.push(['allocations', countText(model.allocations), null]);
  if (model.has_times) tiles.push(['duration', durationText(model.duration_ns), null]);
  if (model.refusals > 0) tiles.push(['refused', countText(model.refusals), null]);
  return tiles.map(
      ([name, text, exact]) => make(
          'div', exact === null ? {class: 'tile'} : {class: 'tile', title: `${countText(exact)} B`},
          make('div', {class: 'figure'}, text), make('div', {class: 'what'}, name)));
}

function findingItems(model, poolName) {
  const found = model.findings.filter((each) => each.pool === poolName);
  if (found.length === 0) return [make('li', {class: 'none'}, 'Nothing stands out.')];
  return found.map((each) => {
    const item = make('li', {class: each.weight >= 1 ? 'grave' : ''}, each.text);
    if (each.setting !== '') item.append(' ', make('code', {}, each.setting));
    return item;
  });
}

function ownersTable(pool) {
  const {owners, other_owners: others} = pool.model;
  const colours = new Map();
  if (!pool.model.shape.bands_by_size)
    owners.forEach((owner, at) => {
      if (pool.bandNames[at] === pool.ownerName(owner.tag)) colours.set(owner.tag, bandColour(pool, at));
    });
  const resized = owners.some((owner) => owner.resizes > 0);
  const head = ['owner', 'peak', 'at the end', 'allocations', ...(resized ? ['resizes'] : [])];
  const rows = owners.slice(0, 100).map((owner) => {
    const name = ownerLabel(pool.ownerName(owner.tag));
    if (colours.has(owner.tag)) name.prepend(swatch(colours.get(owner.tag)));
    const copies =
        owner.copies > 0 ? `${countText(owner.resizes)} (${countText(owner.copies)} copied)` : countText(owner.resizes);
    return [
      name, bytesText(owner.peak), owner.live > 0 || owner.blocks > 0 ? bytesText(owner.live) : '–',
      countText(owner.allocations), ...(resized ? [owner.resizes > 0 ? copies : '–'] : [])
    ];
  });
  const more = owners.length - rows.length + others.owners;
  const made = [table(head, rows, [1, 2, 3, 4])];
  if (more > 0) made.push(make('p', {class: 'note'}, `and ${countText(more)} more owners`));
  return made;
}

/// Blocks that are live at the end, the largest first.
function leftTable(pool) {
  const left = [];
  let bytes = 0;
  for (let life = 0; life < pool.lives; ++life) {
    if (pool.end[life] !== never) continue;
    left.push(life);
    bytes += pool.bytes[life];
  }
  if (left.length === 0) return [make('p', {class: 'none'}, 'Nothing: every block was freed.')];
  left.sort((a, b) => pool.bytes[b] - pool.bytes[a]);
  const {has_times: timed, has_addresses: placed} = pool.model;
  const head = ['owner', 'bytes', ...(timed ? ['age'] : []), 'stream', ...(placed ? ['address'] : [])];
  const rows = left.slice(0, 100).map(
      (life) =>
          [ownerLabel(pool.ownerName(pool.tag[life])), bytesText(pool.bytes[life]),
           ...(timed ? [durationText(pool.lastTime - pool.bornAt(life))] : []), String(pool.stream[life]),
           ...(placed ? [make('code', {}, pool.addressText(pool.offset[life]))] : [])]);
  const made = [
    make(
        'p', {class: 'note'},
        `${countText(left.length)} ${left.length === 1 ? 'block' : 'blocks'}, ${bytesText(bytes)}`),
    table(head, rows, timed ? [1, 2, 3] : [1, 2])
  ];
  if (left.length > rows.length)
    made.push(make('p', {class: 'note'}, `and ${countText(left.length - rows.length)} smaller ones`));
  return made;
}

function latenciesTable(pool) {
  const known = pool.model.latencies;
  const rows = [
    ['request served from mapped memory', known.arena], ['request that had to grow the pool', known.growth],
    ['driver call for memory', known.mapping], ['wait for the device', known.wait], ['upload', known.upload],
    ['download', known.download], ['life of a block', pool.model.has_times ? known.lifetime : undefined]
  ].filter(([, each]) => each !== undefined && each.count > 0);
  if (rows.length === 0) return [make('p', {class: 'none'}, 'The recording tells none.')];
  const moved = (each) => (each.bytes_per_second ? `${bytesText(each.bytes_per_second)}/s` : '');
  const rates = rows.some(([, each]) => moved(each) !== '');
  const head = ['', 'count', 'median', '99 %', 'longest', ...(rates ? ['rate'] : [])];
  return [table(
      head, rows.map(([name, each]) => {
        const timed = each.ended !== 0;
        return [
          name, countText(each.count), timed ? durationText(each.p50_ns) : '–', timed ? durationText(each.p99_ns) : '–',
          timed ? durationText(each.max_ns) : '–', ...(rates ? [moved(each)] : [])
        ];
      }),
      [1, 2, 3, 4, 5])];
}
