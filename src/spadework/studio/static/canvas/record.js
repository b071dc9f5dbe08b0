// The record of what was drawn, in order, for a replay: strokes as they were made, without those that were undone.

import { fromText, toText } from "./runs.js";

/**
 * Something that was done. Drawn again on the painting as it was before, it gives the same pixels (see replay.js).
 * `points` are map coordinates x, y, x, y, ...; `sizes` one diameter per point where a pen was pressed unevenly.
 * `time` is when it began and `duration` how long it took, in milliseconds since the painting was made.
 * @typedef {object} Stroke
 * @property {number} number
 * @property {string} tool
 * @property {number} [class]  an id; 65535 for nothing
 * @property {number[]} [points]
 * @property {number} [size]
 * @property {number[]} [sizes]
 * @property {string} [mirror]
 * @property {string} [layer]
 * @property {number} time
 * @property {number} duration
 * @property {import("./history.js").Patch[]} [patches]  what changed, where points do not say it (fill, tidy)
 * @property {import("./history.js").Arrangement} [after]  the layers afterwards, where those were changed
 */

const LIMIT = 2_000_000; // numbers and bytes; beyond it the record begins anew with the map as it stands

export class Record {
  constructor() {
    this.clear();
  }

  clear() {
    /** @type {Map<number, Stroke>} */
    this.entries = new Map(); // those that were undone, too
    this.done = []; // numbers, in order
    this.weight = 0;
  }

  /** @param {Stroke} stroke @param {number[]} gone  numbers of undone steps that cannot be redone any more */
  push(stroke, gone) {
    for (const number of gone) this.#forget(number);
    this.entries.set(stroke.number, stroke);
    this.done.push(stroke.number);
    this.weight += weightOf(stroke);
  }

  get full() {
    return this.weight > LIMIT;
  }

  /** Whether the undone step could be taken out: only the last one can. */
  undo(number) {
    if (this.done.at(-1) !== number) return false;
    this.done.pop();
    return true;
  }

  redo(number) {
    if (!this.entries.has(number)) return false;
    this.done.push(number);
    return true;
  }

  /** Begin anew. @param {Stroke} stroke  one that shows the map as it stands */
  restart(stroke) {
    this.clear();
    this.push(stroke, []);
  }

  /** @returns {Stroke[]} */
  strokes() {
    return this.done.map((number) => this.entries.get(number));
  }

  /** Strokes from a store. @param {Stroke[]} strokes @param {number[]} done */
  restore(strokes, done) {
    this.clear();
    for (const stroke of strokes) {
      this.entries.set(stroke.number, stroke);
      this.weight += weightOf(stroke);
    }
    if (!done.every((number) => this.entries.has(number))) throw new Error("strokes are missing");
    this.done = [...done];
  }

  #forget(number) {
    const stroke = this.entries.get(number);
    if (!stroke) return;
    this.weight -= weightOf(stroke);
    this.entries.delete(number);
  }
}

function weightOf(stroke) {
  const pieces = [...(stroke.patches ?? []), ...(stroke.after?.layers ?? [])];
  return pieces.reduce((sum, piece) => sum + (piece.runs?.length ?? 0), 20 + (stroke.points?.length ?? 0));
}

/** A stroke for JSON. @param {Stroke} stroke */
export function strokeToJSON(stroke) {
  return withRuns(stroke, toText);
}

/** @returns {Stroke} */
export function strokeFromJSON(json) {
  return withRuns(json, fromText);
}

function withRuns(stroke, change) {
  const changed = (piece) => (piece.runs === undefined ? piece : { ...piece, runs: change(piece.runs) });
  const result = { ...stroke };
  if (stroke.patches) result.patches = stroke.patches.map(changed);
  if (stroke.after) result.after = { ...stroke.after, layers: stroke.after.layers.map(changed) };
  return result;
}
