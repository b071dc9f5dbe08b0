// An edit that goes on: rows of ids on one or more layers, and what those were before.

import { Bounds } from "./bounds.js";
import { encode, isZero } from "./runs.js";

/** @typedef {import("./layers.js").Layer} Layer */

const spare = []; // arrays for the pixels before an edit, used again

export class Edit {
  #layers = new Map(); // layer -> {before, touched}
  #ids;
  #touched;
  shows = false; // whether anything looks different since

  /** @param {string} name  for people @param {number} began  milliseconds */
  constructor(name, began, width, height) {
    Object.assign(this, { name, began, width, height });
  }

  /** Rows go to this layer from now on. @param {Layer} layer */
  paintOn(layer) {
    let kept = this.#layers.get(layer);
    if (!kept) {
      let before = spare.pop();
      if (before?.length !== layer.ids.length) before = new Uint16Array(layer.ids.length);
      before.set(layer.ids);
      kept = { before, touched: new Bounds() };
      this.#layers.set(layer, kept);
    }
    this.#ids = layer.ids;
    this.#touched = kept.touched;
  }

  /** Give the pixels [left, right) of row y an id. @param {Bounds} stale  grows by them */
  row(y, left, right, id, stale) {
    if (left < 0) left = 0;
    if (right > this.width) right = this.width;
    if (y < 0 || y >= this.height || left >= right) return;
    this.#ids.fill(id, y * this.width + left, y * this.width + right);
    this.#touched.add(left, y, right, y + 1);
    stale.add(left, y, right, y + 1);
  }

  /** Everything as before. @param {Bounds} stale  grows by what was touched */
  restore(stale) {
    for (const [layer, { before, touched }] of this.#layers) {
      for (let y = touched.top; y < touched.bottom; y++) {
        const start = y * this.width + touched.left;
        layer.ids.set(before.subarray(start, y * this.width + touched.right), start);
      }
      stale.addBounds(touched);
      touched.clear();
    }
  }

  /**
   * What changed, layer by layer.
   * @param {Bounds} all  grows by what was touched
   * @returns {import("./history.js").Patch[]}
   */
  patches(all) {
    const patches = [];
    for (const [layer, { before, touched }] of this.#layers) {
      if (touched.empty) continue;
      all.addBounds(touched);
      const rectangle = touched.rectangle();
      const runs = encode(layer.ids, this.width, rectangle, before);
      if (!isZero(runs)) patches.push({ layer: layer.id, ...rectangle, runs });
    }
    return patches;
  }

  /** It is over. */
  end() {
    for (const { before } of this.#layers.values()) if (spare.length < 2) spare.push(before);
  }
}
