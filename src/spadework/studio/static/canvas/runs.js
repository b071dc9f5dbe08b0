// Rectangles of ids as runs: (length, value) pairs of variable-length numbers, a few kilobytes for a drawn map.
//
// Values are stored plus one, so that both "nothing" (65535) and "no difference" (0) take one byte.

/** @typedef {import("./bounds.js").Rectangle} Rectangle */

let scratch = new Uint8Array(1 << 16); // grows to the longest encoding so far
let used = 0;

/**
 * The runs of a rectangle of `ids`; with `other`, of the bits in which the two differ.
 * @param {Uint16Array} ids  rows of `stride` pixels
 * @param {number} stride
 * @param {Rectangle} rectangle
 * @param {Uint16Array | null} other
 * @returns {Uint8Array}
 */
export function encode(ids, stride, { x, y, width, height }, other = null) {
  used = 0;
  let value = -1;
  let length = 0;
  for (let row = y; row < y + height; row++) {
    const end = row * stride + x + width;
    for (let at = end - width; at < end; at++) {
      const here = other ? ids[at] ^ other[at] : ids[at];
      if (here === value) length++;
      else {
        if (length) putRun(length, value);
        value = here;
        length = 1;
      }
    }
  }
  if (length) putRun(length, value);
  return scratch.slice(0, used);
}

/** Write encoded ids into a rectangle of `ids`. Damaged runs throw before anything is written. */
export function decode(bytes, ids, stride, rectangle) {
  spread(bytes, stride, rectangle, (start, end, value) => ids.fill(value, start, end));
}

/** Flip the encoded bits in a rectangle of `ids`: does a change, or takes it back. */
export function toggle(bytes, ids, stride, rectangle) {
  spread(bytes, stride, rectangle, (start, end, value) => {
    if (value) for (let at = start; at < end; at++) ids[at] ^= value;
  });
}

/** Throws unless these are the runs of exactly `pixels` pixels. */
export function check(bytes, pixels) {
  let covered = 0;
  each(bytes, (length) => (covered += length));
  if (covered !== pixels) {
    throw new Error(`damaged runs: they cover ${covered} pixels of ${pixels}`);
  }
}

/** Whether these are the runs of zeros only: no difference. */
export function isZero(bytes) {
  let zero = true;
  each(bytes, (length, value) => (zero &&= value === 0));
  return zero;
}

/** Call `use(start, end, value)` for every piece of a run that lies in one row. */
function spread(bytes, stride, { x, y, width, height }, use) {
  check(bytes, width * height);
  let column = 0;
  let start = y * stride + x;
  each(bytes, (length, value) => {
    while (length) {
      const piece = Math.min(length, width - column);
      use(start + column, start + column + piece, value);
      length -= piece;
      column += piece;
      if (column === width) {
        column = 0;
        start += stride;
      }
    }
  });
}

function each(bytes, use) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error("damaged runs: they end in the middle of a number");
  };
  while (at < bytes.length) {
    const length = number();
    const value = number();
    if (length < 1 || value > 65535) throw new Error(`damaged runs: ${length} pixels of value ${value}`);
    use(length, (value + 65535) & 65535);
  }
}

function putRun(length, value) {
  if (used + 10 > scratch.length) {
    const larger = new Uint8Array(2 * scratch.length);
    larger.set(scratch);
    scratch = larger;
  }
  putNumber(length);
  putNumber((value + 1) & 65535);
}

function putNumber(value) {
  while (value > 127) {
    scratch[used++] = 128 | (value & 127);
    value >>>= 7;
  }
  scratch[used++] = value;
}

/** Bytes as text for JSON. */
export function toText(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** @returns {Uint8Array} */
export function fromText(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
