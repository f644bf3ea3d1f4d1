// Numbers as people read them, and the making of elements. Names from the recording become text nodes, never markup.

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

function bytesText(bytes) {
  let unit = 0;
  let value = Math.abs(bytes);
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  return `${bytes < 0 ? '−' : ''}${value.toFixed(digits)} ${units[unit]}`;
}

const countText = (count) => count.toLocaleString('en-US');

const percentText = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;

const timeUnits = [['ns', 1], ['µs', 1e3], ['ms', 1e6], ['s', 1e9], ['min', 60e9], ['h', 3600e9]];

function timeUnit(nanoseconds) {
  let unit = timeUnits[0];
  for (const each of timeUnits) {
    if (Math.abs(nanoseconds) >= each[1]) unit = each;
  }
  return unit;
}

function durationText(nanoseconds) {
  const [name, size] = timeUnit(nanoseconds);
  const value = nanoseconds / size;
  const digits = size === 1 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${name}`;
}

/// A moment, with as many digits as tell it from those a `step` away.
function momentText(nanoseconds, step) {
  const [name, size] = timeUnit(Math.max(Math.abs(nanoseconds), step));
  const digits = Math.min(9, Math.max(0, Math.ceil(Math.log10(size / Math.max(step, 1)))));
  return `${(nanoseconds / size).toFixed(digits)} ${name}`;
}

/// make('td', {class: 'number'}, 'text', child...)
function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const byId = (id) => document.getElementById(id);

/// Of a line of a program "/a/b/c/train.py:7 step" the end, "c/train.py:7 step".
function shortName(name) {
  const space = name.indexOf(' ');
  const path = space < 0 ? name : name.slice(0, space);
  const parts = path.split('/');
  return parts.length < 3 ? name : parts.slice(-2).join('/') + name.slice(path.length);
}

/// An owner's name, short; the whole is told when it is pointed at.
function ownerLabel(name) { return make('span', {class: 'owner', title: name}, shortName(name)); }
