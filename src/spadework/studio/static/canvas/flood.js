// Bucket fill: the connected pixels of one id.

/**
 * Rows of the pixels that have the id of (x, y) and are connected with it by their sides.
 * @param {Uint16Array} ids  rows of `width` pixels
 * @param {(y: number, left: number, right: number) => void} row  half-open; each pixel comes once
 */
export function flood(ids, width, height, x, y, row) {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const id = ids[y * width + x];
  const filled = new Uint8Array(ids.length);
  const stack = [y * width + x];
  while (stack.length) {
    const seed = stack.pop();
    if (filled[seed]) continue;

    // The run around the seed.
    const line = Math.floor(seed / width);
    const start = line * width;
    let left = seed;
    let right = seed + 1;
    while (left > start && ids[left - 1] === id) left--;
    while (right < start + width && ids[right] === id) right++;
    filled.fill(1, left, right);
    row(line, left - start, right - start);

    // One seed for each run above and below that touches it.
    for (const shift of [-width, width]) {
      if (left + shift < 0 || left + shift >= ids.length) continue;
      let inside = false;
      for (let at = left + shift; at < right + shift; at++) {
        const fits = ids[at] === id && !filled[at];
        if (fits && !inside) stack.push(at);
        inside = fits;
      }
    }
  }
}

/** Rows of all pixels that have the id of (x, y), connected or not. */
export function everywhere(ids, width, height, x, y, row) {
  const id = ids[y * width + x];
  for (let line = 0; line < height; line++) {
    const start = line * width;
    let left = -1;
    for (let column = 0; column <= width; column++) {
      const fits = column < width && ids[start + column] === id;
      if (fits && left < 0) left = column;
      else if (!fits && left >= 0) {
        row(line, left, column);
        left = -1;
      }
    }
  }
}
