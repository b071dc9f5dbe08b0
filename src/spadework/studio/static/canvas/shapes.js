// Shapes as rows of whole pixels. A pixel belongs to a shape when its centre does: hard edges, at any zoom.
//
// A sink is anything with `row(y, left, right)`, the pixels [left, right) of row y. Coordinates are of the map: pixel
// (0, 0) reaches from 0 to 1.

/**
 * All pixels whose centre is at most `radius` from the segment.
 * @param {{row: (y: number, left: number, right: number) => void}} sink
 */
export function capsule(sink, x0, y0, x1, y1, radius) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  const ux = length ? (x1 - x0) / length : 1;
  const uy = length ? (y1 - y0) / length : 0;
  const first = Math.ceil(Math.min(y0, y1) - radius - 0.5);
  const last = Math.floor(Math.max(y0, y1) + radius - 0.5);
  for (let y = first; y <= last; y++) {
    const dy0 = y + 0.5 - y0;
    const dy1 = y + 0.5 - y1;
    let left = Infinity;
    let right = -Infinity;

    // The discs at both ends.
    const half0 = radius * radius - dy0 * dy0;
    if (half0 >= 0) {
      left = x0 - Math.sqrt(half0);
      right = x0 + Math.sqrt(half0);
    }
    const half1 = radius * radius - dy1 * dy1;
    if (half1 >= 0) {
      left = Math.min(left, x1 - Math.sqrt(half1));
      right = Math.max(right, x1 + Math.sqrt(half1));
    }

    // The band between them: |across| <= radius and 0 <= along <= length, both linear in x.
    let low = -Infinity;
    let high = Infinity;
    if (uy !== 0) {
      const a = (dy0 * ux - radius) / uy;
      const b = (dy0 * ux + radius) / uy;
      low = Math.min(a, b);
      high = Math.max(a, b);
    } else if (Math.abs(dy0) > radius) continue;
    if (ux !== 0) {
      const a = (-dy0 * uy) / ux;
      const b = (length - dy0 * uy) / ux;
      low = Math.max(low, Math.min(a, b));
      high = Math.min(high, Math.max(a, b));
    } else if (dy0 * uy < 0 || dy0 * uy > length) high = -Infinity;
    if (low <= high) {
      left = Math.min(left, x0 + low);
      right = Math.max(right, x0 + high);
    }
    if (left <= right) sink.row(y, Math.ceil(left - 0.5), Math.floor(right - 0.5) + 1);
  }
}

/** A capsule whose radius goes from one end's to the other's. */
export function taper(sink, x0, y0, radius0, x1, y1, radius1) {
  const pieces = Math.max(1, Math.ceil(Math.abs(radius1 - radius0) / 0.25));
  for (let piece = 0; piece < pieces; piece++) {
    const from = piece / pieces;
    const to = (piece + 1) / pieces;
    const radius = radius0 + (radius1 - radius0) * ((from + to) / 2);
    capsule(sink, x0 + (x1 - x0) * from, y0 + (y1 - y0) * from, x0 + (x1 - x0) * to, y0 + (y1 - y0) * to, radius);
  }
}

/** A square tip of `size` pixels moved along a Bresenham line between two pixels. */
export function pixelLine(sink, x0, y0, x1, y1, size) {
  let x = Math.floor(x0);
  let y = Math.floor(y0);
  const endX = Math.floor(x1);
  const endY = Math.floor(y1);
  const dx = Math.abs(endX - x);
  const dy = -Math.abs(endY - y);
  const stepX = Math.sign(endX - x);
  const stepY = Math.sign(endY - y);
  const before = Math.floor((size - 1) / 2);
  let error = dx + dy;
  for (;;) {
    for (let row = y - before; row < y - before + size; row++) sink.row(row, x - before, x - before + size);
    if (x === endX && y === endY) return;
    const twice = 2 * error;
    if (twice >= dy) {
      error += dy;
      x += stepX;
    }
    if (twice <= dx) {
      error += dx;
      y += stepY;
    }
  }
}

/** The box between two corners, both pixels included. */
export function box(sink, x0, y0, x1, y1) {
  const left = Math.floor(Math.min(x0, x1));
  const right = Math.floor(Math.max(x0, x1)) + 1;
  for (let y = Math.floor(Math.min(y0, y1)); y <= Math.floor(Math.max(y0, y1)); y++) sink.row(y, left, right);
}

/**
 * The inside of a closed polygon: everything that it goes around, loops that overlap included (non-zero winding).
 * @param {number[]} points  x, y, x, y, ...
 * @param {number} height  rows below it are left out
 */
export function polygon(sink, points, height) {
  /** @type {[number, number][][]} crossings of each row's centre line: [x, direction] pairs */
  const rows = [];
  for (let at = 0; at < points.length; at += 2) {
    const [x0, y0] = [points[at], points[at + 1]];
    const [x1, y1] = [points[(at + 2) % points.length], points[(at + 3) % points.length]];
    const first = Math.max(0, Math.ceil(Math.min(y0, y1) - 0.5));
    const end = Math.min(height, Math.ceil(Math.max(y0, y1) - 0.5));
    for (let y = first; y < end; y++) {
      (rows[y] ??= []).push([x0 + ((y + 0.5 - y0) * (x1 - x0)) / (y1 - y0), Math.sign(y1 - y0)]);
    }
  }
  rows.forEach((crossings, y) => {
    crossings.sort(([a], [b]) => a - b);
    let winding = 0;
    crossings.forEach(([x, direction], index) => {
      if (winding !== 0) sink.row(y, Math.ceil(crossings[index - 1][0] - 0.5), Math.ceil(x - 0.5));
      winding += direction;
    });
  });
}
