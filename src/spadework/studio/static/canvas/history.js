// What can be undone and redone: small steps, bounded by the bytes that they take.

import { check } from "./runs.js";

/**
 * One step. Either patches (the bits that changed in rectangles of layers), or the arrangement of layers on both sides.
 * Plain data: it can be stored in a database of the browser as it is.
 * @typedef {{layer: string, x: number, y: number, width: number, height: number, runs: Uint8Array}} Patch
 * @typedef {{id: string, name: string, visible: boolean, locked: boolean, runs?: Uint8Array}} KeptLayer
 * @typedef {{width: number, height: number, active: string, layers: KeptLayer[]}} Arrangement
 * @typedef {{number: number, name: string, patches?: Patch[], before?: Arrangement, after?: Arrangement}} Step
 */

const OVERHEAD = 200; // bytes of a step beside its runs, roughly

export class History {
  /** @param {number} limit  bytes */
  constructor(limit) {
    this.limit = limit;
    this.clear();
  }

  clear() {
    /** @type {Step[]} */
    this.steps = [];
    this.done = 0; // how many of them are done; the others were undone
    this.bytes = 0;
  }

  /**
   * A new step; what was undone is gone, and the oldest steps where memory runs out.
   * @param {Step} step
   * @returns {number[]} the numbers of undone steps that are gone
   */
  push(step) {
    const gone = this.steps.splice(this.done);
    for (const lost of gone) this.bytes -= bytesOf(lost);
    this.steps.push(step);
    this.bytes += bytesOf(step);
    this.done = this.steps.length;
    while (this.bytes > this.limit && this.steps.length > 1) {
      this.bytes -= bytesOf(this.steps.shift());
      this.done--;
    }
    return gone.map((lost) => lost.number);
  }

  /** @returns {Step | undefined} the step that is to be undone now */
  back() {
    return this.done ? this.steps[--this.done] : undefined;
  }

  /** @returns {Step | undefined} the step that is to be done again now */
  forward() {
    return this.done < this.steps.length ? this.steps[this.done++] : undefined;
  }

  /** Steps from a store, of which the first `done` are done. @param {Step[]} steps */
  restore(steps, done) {
    if (!(done >= 0 && done <= steps.length)) throw new Error(`${done} of ${steps.length} steps cannot be done`);
    for (const { patches = [] } of steps) for (const { runs, width, height } of patches) check(runs, width * height);
    this.steps = steps;
    this.done = done;
    this.bytes = steps.reduce((sum, step) => sum + bytesOf(step), 0);
  }
}

function bytesOf(step) {
  const pieces = step.patches ?? [...step.before.layers, ...step.after.layers];
  return pieces.reduce((sum, piece) => sum + (piece.runs?.length ?? 0), OVERHEAD);
}
