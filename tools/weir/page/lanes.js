// Below the chart, on the same time: how requests were served, the transfers, and what was rare.

const laneHeight = 20;

const laneColours = {
  cache: '#59a14f',
  arena: '#edc948',
  miss: '#e15759',
  upload: '#4e79a7',
  download: '#f28e2b'
};

/// The lanes that this pool has something for.
function lanesOf(pool) {
  const lanes = [];
  const {cache_hits: cache, arena_hits: arena, misses} = pool.model;
  if (cache + arena + misses > 0) lanes.push({name: 'served by', draw: drawServed});
  let uploads = 0;
  for (let i = 0; i < pool.transfers.count; ++i) uploads += pool.transfers.upload[i];
  if (uploads > 0) lanes.push({name: 'uploads', draw: (...all) => drawTransfers(1, ...all)});
  if (uploads < pool.transfers.count) lanes.push({name: 'downloads', draw: (...all) => drawTransfers(0, ...all)});
  if (pool.marks.count > 0) lanes.push({name: 'events', draw: drawMarks});
  return lanes;
}

/// In each column the shares of the cache (below), of mapped memory and of the driver (above).
function drawServed(context, timeline, view, area, ratio, colours) {
  const {cache, arena, miss} = timeline.columns;
  context.fillStyle = colours.line;
  context.fillRect(area.left, area.top, area.width, area.height);
  const bottom = area.top + area.height;
  const bars = (colour, from, count) => {
    context.fillStyle = colour;
    for (let x = 0; x < area.width; ++x) {
      if (count[x] === 0) continue;
      const part = area.height / (cache[x] + arena[x] + miss[x]);
      const below = from(x) * part;
      context.fillRect(area.left + x, bottom - below - Math.max(1, count[x] * part), 1, Math.max(1, count[x] * part));
    }
  };
  bars(laneColours.cache, () => 0, cache);
  bars(laneColours.arena, (x) => cache[x], arena);
  bars(laneColours.miss, (x) => cache[x] + arena[x], miss);
}

/// As much of a column's height as transfers were under way in its time.
function drawTransfers(upload, context, timeline, view, area, ratio, colours) {
  const {transfers} = timeline.pool;
  const scale = area.width / view.span;
  const busy = new Float64Array(area.width + 1);
  for (let i = 0; i < transfers.count && transfers.from[i] < view.to; ++i) {
    if (transfers.upload[i] !== upload) continue;
    const start = (transfers.from[i] - view.from) * scale;
    // One whose end is not told is a tick.
    const end = Number.isNaN(transfers.to[i]) ? start : (transfers.to[i] - view.from) * scale;
    if (end < 0 || start >= area.width) continue;
    const first = Math.max(0, Math.floor(start));
    const last = Math.min(area.width - 1, Math.floor(end));
    if (first === last)
      busy[first] += Math.max(0.15, end - start);
    else {
      busy[first] += first + 1 - Math.max(start, first);
      for (let x = first + 1; x < last; ++x) busy[x] += 1;
      busy[last] += Math.min(1, end - last);
    }
  }
  context.fillStyle = colours.line;
  context.fillRect(area.left, area.top, area.width, area.height);
  context.fillStyle = upload ? laneColours.upload : laneColours.download;
  for (let x = 0; x < area.width; ++x) {
    if (busy[x] === 0) continue;
    const height = Math.max(2 * ratio, area.height * Math.min(1, busy[x]));
    context.fillRect(area.left + x, area.top + area.height - height, 1, height);
  }
}

function drawMarks(context, timeline, view, area, ratio, colours) {
  const {marks} = timeline.pool;
  context.fillStyle = colours.line;
  context.fillRect(area.left, area.top, area.width, area.height);
  const drawn = new Set();
  for (let i = 0; i < marks.count; ++i) {
    if (marks.place[i] < view.from || marks.place[i] > view.to) continue;
    const x = Math.min(area.width - 1, Math.floor((marks.place[i] - view.from) / view.span * area.width));
    if (drawn.has(x)) continue;
    drawn.add(x);
    const grave = markNames[marks.kind[i]] === 'refused' || markNames[marks.kind[i]] === 'events lost';
    context.fillStyle = grave ? colours.bad : colours.accent;
    context.fillRect(area.left + x - ratio, area.top + 2 * ratio, 2 * ratio, area.height - 4 * ratio);
  }
}

/// What the lanes say about a stretch of the axis: lines of text.
function laneWords(timeline, column, from, to) {
  const lines = [];
  const {cache, arena, miss} = timeline.columns;
  const all = cache[column] + arena[column] + miss[column];
  if (all > 0) {
    const parts = [];
    if (cache[column]) parts.push(`cache ${percentText(cache[column] / all)}`);
    if (arena[column]) parts.push(`mapped memory ${percentText(arena[column] / all)}`);
    if (miss[column]) parts.push(`driver ${percentText(miss[column] / all)}`);
    lines.push(`${countText(all)} ${all === 1 ? 'request' : 'requests'} served by ${parts.join(', ')}`);
  }
  const {transfers, marks} = timeline.pool;
  const moving = {0: {count: 0, bytes: 0}, 1: {count: 0, bytes: 0}};
  for (let i = 0; i < transfers.count && transfers.from[i] < to; ++i) {
    const end = Number.isNaN(transfers.to[i]) ? transfers.from[i] : transfers.to[i];
    if (end < from) continue;
    moving[transfers.upload[i]].count += 1;
    moving[transfers.upload[i]].bytes += transfers.bytes[i];
  }
  for (const [upload, name] of [[1, 'upload'], [0, 'download']]) {
    const {count, bytes} = moving[upload];
    if (count > 0) lines.push(`${countText(count)} ${name}${count === 1 ? '' : 's'} of ${bytesText(bytes)}`);
  }
  let named = 0;
  for (let i = 0; i < marks.count && named < 3; ++i) {
    if (marks.place[i] < from || marks.place[i] >= to) continue;
    named += 1;
    const owner = marks.tag[i] === 0 ? '' : ` of ${timeline.pool.ownerName(marks.tag[i])}`;
    const what = markNames[marks.kind[i]];
    lines.push(
        what === 'events lost' ? `${countText(marks.bytes[i])} ${what}` :
                                 `${what}: ${bytesText(marks.bytes[i])}${owner}`);
  }
  return lines;
}
