// Which part of the map is on screen: screen = map * scale + offset, in CSS pixels.

const LARGEST = 64; // CSS pixels per map pixel
const MARGIN = 24; // CSS pixels around a fitted map
const KEPT = 48; // CSS pixels of the map that stay on screen, however far it is moved

export class View {
  constructor() {
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.width = 1; // of the screen
    this.height = 1;
    this.ratio = 1; // device pixels per CSS pixel
    this.fitted = true; // stays fitted when the screen changes its size
    this.map = { width: 1, height: 1 };
  }

  toMapX(screen) {
    return (screen - this.x) / this.scale;
  }

  toMapY(screen) {
    return (screen - this.y) / this.scale;
  }

  toScreenX(map) {
    return map * this.scale + this.x;
  }

  toScreenY(map) {
    return map * this.scale + this.y;
  }

  /** The scale at which all of the map is seen, as large as it can be. */
  get fitting() {
    const margin = Math.min(MARGIN, this.width / 20, this.height / 20);
    const { width, height } = this.map;
    return Math.min((this.width - 2 * margin) / width, (this.height - 2 * margin) / height, LARGEST);
  }

  /** The whole map, as large as it can be. */
  fit() {
    this.scale = Math.max(this.fitting, 1e-3);
    this.x = (this.width - this.map.width * this.scale) / 2;
    this.y = (this.height - this.map.height * this.scale) / 2;
    this.fitted = true;
    this.#settle();
  }

  /** Another scale; the point of the map under (x, y) on screen stays there. */
  zoomTo(scale, x = this.width / 2, y = this.height / 2) {
    const smallest = Math.min(this.fitting / 4, 1);
    scale = Math.max(smallest, Math.min(scale, LARGEST));
    this.x = x - ((x - this.x) / this.scale) * scale;
    this.y = y - ((y - this.y) / this.scale) * scale;
    this.scale = scale;
    this.fitted = false;
    this.#settle();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.#settle();
  }

  /** Move as little as needed to have a point of the map on screen, away from its edges. */
  reveal(mapX, mapY) {
    const shift = (at, size) => Math.max(KEPT - at, 0) + Math.min(size - KEPT - at, 0);
    const dx = shift(this.toScreenX(mapX), this.width);
    const dy = shift(this.toScreenY(mapY), this.height);
    if (dx || dy) this.pan(dx, dy);
    return dx !== 0 || dy !== 0;
  }

  /** The map stays within reach, and on whole device pixels. */
  #settle() {
    const within = (offset, map, screen) => Math.min(Math.max(offset, KEPT - map * this.scale), screen - KEPT);
    this.x = Math.round(within(this.x, this.map.width, this.width) * this.ratio) / this.ratio;
    this.y = Math.round(within(this.y, this.map.height, this.height) * this.ratio) / this.ratio;
  }
}
