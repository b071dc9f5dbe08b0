// A painting as JSON, for project files: layers as runs, and the record of strokes.

import { checkKept, revive } from "./layers.js";
import { strokeFromJSON, strokeToJSON } from "./record.js";
import { fromText, toText } from "./runs.js";

const FORMAT = "spadework painting";
const VERSION = 1;

/** @param {import("./history.js").Arrangement} arrangement @param {import("./record.js").Stroke[]} strokes */
export function toFile(arrangement, unlabelled, strokes) {
  const layers = arrangement.layers.map((layer) => ({ ...layer, runs: toText(layer.runs) }));
  return { format: FORMAT, version: VERSION, unlabelled, ...arrangement, layers, strokes: strokes.map(strokeToJSON) };
}

/** Throws, and says why, where the file makes no sense. */
export function fromFile(json) {
  if (json?.format !== FORMAT) throw new Error(`This is no painting: its format is ${json?.format}, not “${FORMAT}”.`);
  if (json.version !== VERSION) {
    throw new Error(`This painting has version ${json.version}; this studio reads version ${VERSION}.`);
  }
  const { width, height, strokes = [], unlabelled } = json;
  const kept = Array.from(json.layers ?? [], (layer) => ({ ...layer, runs: fromText(layer.runs) }));
  checkKept(kept, width, height);
  const layers = kept.map((layer) => revive(layer, width, height));
  const active = layers.find(({ id }) => id === json.active) ?? layers.at(-1);
  return { width, height, unlabelled, layers, active: active.id, strokes: strokes.map(strokeFromJSON) };
}
