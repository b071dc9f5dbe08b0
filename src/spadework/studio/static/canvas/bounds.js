// Rectangles of map pixels, gathered while something is drawn.

/**
 * A rectangle of map pixels, as events carry it.
 * @typedef {{x: number, y: number, width: number, height: number}} Rectangle
 */

/** The smallest rectangle around what was added: half-open, empty at first. Adding makes no garbage. */
export class Bounds {
  constructor() {
    this.clear();
  }

  clear() {
    this.left = this.top = Infinity;
    this.right = this.bottom = -Infinity;
  }

  get empty() {
    return this.left >= this.right || this.top >= this.bottom;
  }

  add(left, top, right, bottom) {
    if (left < this.left) this.left = left;
    if (top < this.top) this.top = top;
    if (right > this.right) this.right = right;
    if (bottom > this.bottom) this.bottom = bottom;
  }

  /** @param {Rectangle} rectangle */
  addRectangle({ x, y, width, height }) {
    this.add(x, y, x + width, y + height);
  }

  /** @param {Bounds} other */
  addBounds(other) {
    if (!other.empty) this.add(other.left, other.top, other.right, other.bottom);
  }

  /** @returns {Rectangle} */
  rectangle() {
    if (this.empty) return { x: 0, y: 0, width: 0, height: 0 };
    return { x: this.left, y: this.top, width: this.right - this.left, height: this.bottom - this.top };
  }
}
