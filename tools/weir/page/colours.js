// The colours of bands, as memory viewers and trace viewers have them (Tableau's ten and its greys), and those of the
// page, which follow its light or dark scheme.

const bandColours = [
  '#4e79a7', '#f28e2b', '#59a14f', '#e15759', '#76b7b2', '#edc948', '#b07aa1', '#ff9da7', '#9c755f', '#b6992d',
  '#d37295', '#a0a7ad'
];

/// The last band of many is that of all others, which is grey.
function bandColour(pool, band) {
  const others = !pool.model.shape.bands_by_size && pool.bandNames.length === bandColours.length;
  return others && band === bandColours.length - 1 ? '#a0a7ad' : bandColours[band % bandColours.length];
}

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/// Black or white, whichever is read more easily on a colour.
function inkOn(hex) {
  const [red, green, blue] = channels(hex);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? '#111' : '#fff';
}

/// As a pixel of ImageData.
function pixelOf(hex, alpha = 255) {
  const [red, green, blue] = channels(hex);
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function pageColours() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(name).trim();
  return {
    ink: named('--ink'),
    faint: named('--faint'),
    line: named('--line'),
    ground: named('--ground'),
    panel: named('--panel'),
    free: named('--free'),
    accent: named('--accent'),
    bad: named('--bad')
  };
}
