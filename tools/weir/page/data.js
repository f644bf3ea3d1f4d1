// The numbers in the page: base64 text, packed by zlib, columns of varints (tools/weir/page_data.cpp writes them).

async function unpacked(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; ++i) bytes[i] = letters.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class Columns {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get done() { return this.at === this.bytes.length; }

  number() {
    const bytes = this.bytes;
    let byte = bytes[this.at++];
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = bytes[this.at++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }

  raw(count) {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  numbers(count, Type = Float64Array) {
    const to = new Type(count);
    for (let i = 0; i < count; ++i) to[i] = this.number();
    return to;
  }

  /// Numbers that never fall, by their differences.
  rises(count) {
    const to = new Float64Array(count);
    let value = 0;
    for (let i = 0; i < count; ++i) to[i] = value += this.number();
    return to;
  }

  /// Numbers by their differences of either sign, written to every `stride`-th place.
  steps(count, to = new Float64Array(count), start = 0, stride = 1) {
    let value = 0;
    for (let i = 0; i < count; ++i) {
      const folded = this.number();
      value += folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
      to[start + i * stride] = value;
    }
    return to;
  }

  bands(count, bands) {
    const to = new Float64Array(count * bands);
    for (let band = 0; band < bands; ++band) this.steps(count, to, band, bands);
    return to;
  }
}
