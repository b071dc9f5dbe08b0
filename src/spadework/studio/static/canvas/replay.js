// The strokes of a painting once more, one after the other.

import { Painting } from "./painting.js";
import { strokeFromJSON } from "./record.js";

/**
 * Draws the strokes of a project file anew. All layers are seen until the end, when they are as the file has them.
 * @param {object} json  what `Painting.toJSON` gave
 * @returns {Generator<{painting: Painting, stroke: import("./record.js").Stroke}>} after each stroke; one painting
 */
export function* replay(json) {
  const painting = new Painting({ width: 1, height: 1, unlabelled: json.unlabelled });
  for (const stroke of json.strokes.map(strokeFromJSON)) {
    for (const { id } of painting.layers) painting.setLayer(id, { visible: true, locked: false });
    painting.perform(stroke);
    yield { painting, stroke };
  }
  for (const { id, visible, locked } of json.layers) painting.setLayer(id, { visible, locked });
}
