// Layers of a painting: each holds an id per pixel, or nothing; the topmost that is seen and has something wins.

import { check, decode, encode } from "./runs.js";

export const NOTHING = 65535;

/**
 * @typedef {object} Layer
 * @property {string} id
 * @property {string} name
 * @property {boolean} visible
 * @property {boolean} locked
 * @property {Uint16Array} ids  rows of ids; 65535 where there is nothing
 */

/** @returns {Layer} */
export function emptyLayer(id, name, pixels) {
  return { id, name, visible: true, locked: false, ids: new Uint16Array(pixels).fill(NOTHING) };
}

/** What a list of layers says of a layer: all but its pixels, and those as runs where asked for. */
export function keep({ id, name, visible, locked, ids }, width, height, withPixels) {
  const kept = { id, name, visible, locked };
  if (withPixels) kept.runs = encode(ids, width, { x: 0, y: 0, width, height });
  return kept;
}

/** A layer from what was kept of it. Throws where the runs are damaged. @returns {Layer} */
export function revive({ id, name, visible, locked, runs }, width, height) {
  const layer = emptyLayer(String(id), String(name), width * height);
  decode(runs, layer.ids, width, { x: 0, y: 0, width, height });
  return { ...layer, visible: visible !== false, locked: locked === true };
}

/** Throws unless the kept layers make sense in a painting of this size. */
export function checkKept(layers, width, height) {
  const whole = (value) => Number.isInteger(value) && value > 0 && value <= 32768;
  if (!whole(width) || !whole(height)) throw new Error(`a painting cannot be ${width} x ${height} pixels`);
  if (!Array.isArray(layers) || !layers.length) throw new Error("the painting has no layers");
  if (new Set(layers.map((layer) => layer.id)).size !== layers.length) throw new Error("two layers have the same id");
  for (const layer of layers) if (layer.runs) check(layer.runs, width * height);
}

/**
 * Write what is seen of the layers (lowest first) within bounds; `unlabelled` where none has anything.
 * @param {Layer[]} layers
 * @param {Uint16Array} seen
 * @param {import("./bounds.js").Bounds} bounds
 * @returns {boolean} whether anything looks different now
 */
export function compose(layers, seen, width, { left, top, right, bottom }, unlabelled) {
  const visible = layers.filter((layer) => layer.visible).map((layer) => layer.ids);
  let changed = false;
  for (let y = top; y < bottom; y++) {
    for (let at = y * width + left; at < y * width + right; at++) {
      let id = NOTHING;
      for (let layer = visible.length - 1; layer >= 0 && id === NOTHING; layer--) id = visible[layer][at];
      if (id === NOTHING) id = unlabelled;
      if (seen[at] !== id) {
        seen[at] = id;
        changed = true;
      }
    }
  }
  return changed;
}
