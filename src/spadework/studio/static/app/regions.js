// Styles by class, for models whose style may differ from region to region.

import { encodeIds } from "./png_ids.js";
import { generate, toBase64 } from "./server.js";
import { specOf } from "./looks.js";

const vectors = new Map(); // seed -> the vector that the model draws from it

/**
 * The style as the API takes it, with a region for each class that has a look of its own.
 * @param {import("./looks.js").Looks} looks
 * @param {import("../canvas/painting.js").Painting} painting
 */
export async function styleByClass(looks, painting) {
  const chosen = [...looks.ofClass];
  if (!looks.kind.regional || !chosen.length) return looks.spec();
  const ids = painting.composite();
  const numbers = new Uint16Array(ids.length);
  chosen.forEach(([id], at) => ids.forEach((value, i) => value === id && (numbers[i] = at + 1)));
  const map = toBase64(await encodeIds(numbers, painting.width, painting.height));
  const all = await Promise.all([looks.spec(), ...chosen.map(([, look]) => specOf(look))].map(vectorOf));
  return { regions: { map, vectors: all } };
}

/** The vector of a style; the server says which one a seed draws. */
async function vectorOf(style) {
  if (style.vector) return style.vector;
  const key = JSON.stringify(style);
  if (!vectors.has(key)) {
    const tiny = toBase64(await encodeIds(new Uint16Array(16 * 16).fill(vectorOf.id), 16, 16));
    vectors.set(key, (await generate({ label_map: tiny, style, format: "jpeg" })).style.vector);
  }
  return vectors.get(key);
}

/** Which class to ask with: any that the model knows. */
export function askWith(id) {
  vectorOf.id = id;
}
