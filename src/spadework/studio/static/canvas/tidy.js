// Specks: small connected regions take the class of their most frequent neighbour.

import { NOTHING } from "./layers.js";

const PASSES = 8; // two specks side by side may become a larger one, which is a speck still

/**
 * The regions of one id (connected by sides), numbered in the order of their first pixel.
 * @param {Uint16Array} ids
 * @returns {{region: Int32Array, sizes: number[]}} a region per pixel, pixels per region
 */
export function regionsOf(ids, width, height) {
  const parent = new Int32Array(ids.length);
  const root = (at) => {
    while (parent[at] !== at) at = parent[at] = parent[parent[at]];
    return at;
  };

  // Join each pixel with those of its id to the left and above; the earlier root wins.
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      parent[at] = at;
      if (x && ids[at - 1] === ids[at]) parent[at] = parent[at - 1];
      if (y && ids[at - width] === ids[at]) {
        const above = root(at - width);
        const here = root(at);
        if (above < here) parent[here] = above;
        else parent[above] = here;
      }
    }
  }
  const region = new Int32Array(ids.length);
  const sizes = [];
  for (let at = 0; at < ids.length; at++) {
    const first = root(at);
    region[at] = first === at ? sizes.push(0) - 1 : region[first];
    sizes[region[at]]++;
  }
  return { region, sizes };
}

/**
 * Ids without regions of fewer than `minimum` pixels.
 * @returns {{ids: Uint16Array, count: number}} a new map, and how many regions are gone
 */
export function withoutSpecks(ids, width, height, minimum) {
  let total = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    const cleaner = onePass(ids, width, height, minimum);
    ids = cleaner.ids;
    total += cleaner.count;
    if (!cleaner.count) break;
  }
  return { ids, count: total };
}

/**
 * Small regions in order of size, smallest first: the neighbour with most shared sides wins, then the smaller id. A
 * region sees what its neighbours became before.
 */
function onePass(ids, width, height, minimum) {
  const { region, sizes } = regionsOf(ids, width, height);
  const small = sizes.map((size, number) => number).filter((number) => sizes[number] < minimum);
  const result = ids.slice();
  if (!small.length) return { ids: result, count: 0 };

  // The pixels of small regions, side by side.
  const starts = new Int32Array(sizes.length).fill(-1);
  let total = 0;
  for (const number of small) {
    starts[number] = total;
    total += sizes[number];
  }
  const pixels = new Int32Array(total);
  const ends = starts.slice();
  for (let at = 0; at < ids.length; at++) if (starts[region[at]] >= 0) pixels[ends[region[at]]++] = at;

  let count = 0;
  small.sort((a, b) => sizes[a] - sizes[b] || a - b);
  for (const number of small) {
    const sides = new Map();
    const id = ids[pixels[starts[number]]];
    const look = (other) => {
      if (result[other] !== id) sides.set(result[other], (sides.get(result[other]) ?? 0) + 1);
    };
    for (let index = starts[number]; index < ends[number]; index++) {
      const at = pixels[index];
      const x = at % width;
      if (x) look(at - 1);
      if (x < width - 1) look(at + 1);
      if (at >= width) look(at - width);
      if (at + width < ids.length) look(at + width);
    }
    const [winner] = [...sides].sort(([a, most], [b, other]) => other - most || a - b)[0] ?? [];
    if (winner === undefined) continue;
    for (let index = starts[number]; index < ends[number]; index++) result[pixels[index]] = winner;
    count++;
  }
  return { ids: result, count };
}

/**
 * Take the specks of what is seen away, as one step: each pixel changes on the layer that it is seen on, unless that is
 * locked.
 * @param {import("./painting.js").Painting} painting
 * @returns {number} how many regions are gone
 */
export function tidy(painting, minimum) {
  const { width, height } = painting;
  const seen = painting.composite();
  const { ids, count } = withoutSpecks(seen, width, height, minimum);
  const visible = painting.layers.filter((layer) => layer.visible);
  const open = visible.filter((layer) => !layer.locked);
  if (!count || !open.length) return 0;

  // Where no layer has anything, the active one is painted on, or else the topmost.
  const ground = open.find(({ id }) => id === painting.active) ?? open.at(-1);
  let target = ground;
  painting.begin("tidy", ground.id);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (ids[at] === seen[at]) continue;
      const layer = visible.findLast((one) => one.ids[at] !== NOTHING) ?? ground;
      if (layer.locked) continue;
      if (layer !== target) painting.paintOn(layer.id);
      target = layer;
      painting.row(y, x, x + 1, ids[at]);
    }
  }
  return painting.commit().changed ? count : 0;
}
