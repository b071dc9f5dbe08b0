// The model of a painting: layers of ids, edits that can be undone, and a record of strokes. It knows no screen.

import { Bounds } from "./bounds.js";
import { Edit } from "./edit.js";
import { fromFile, toFile } from "./format.js";
import { History } from "./history.js";
import { NOTHING, checkKept, compose, emptyLayer, keep, revive } from "./layers.js";
import { Record } from "./record.js";
import { toggle } from "./runs.js";
import { drawAgain } from "./strokes.js";

export { NOTHING };

/**
 * @typedef {import("./bounds.js").Rectangle} Rectangle
 * @typedef {import("./layers.js").Layer} Layer
 * @typedef {import("./record.js").Stroke} Stroke
 */

const LAYERS = ["sky", "far", "near"];
const HISTORY = 64 * 2 ** 20; // bytes of steps to undo

/**
 * Events (CustomEvent): `change` with detail {rect: Rectangle, live: boolean}: the composite may differ there, live
 * while an edit goes on; `layers`: their list, an attribute or the active one; `history`: what can be undone; `ended`:
 * an edit is over, whoever ended it.
 * A `change` with detail.resized means another width or height.
 */
export class Painting extends EventTarget {
  #edit = null;
  #stale = new Bounds(); // where the composite is out of date
  #untold = new Bounds(); // where it changed, and nobody was told yet
  #seen;
  #record = new Record();
  #born = Date.now();
  #numbers = 0;

  /**
   * @param {object} options
   * @param {number} options.width
   * @param {number} options.height
   * @param {{id: number, name: string}[]} [options.classes]
   * @param {number} [options.unlabelled]  the id where no layer has anything
   * @param {string[]} [options.layers]  names, lowest first
   * @param {number} [options.historyBytes]
   */
  constructor({ width, height, classes = [], unlabelled = 255, layers = LAYERS, historyBytes = HISTORY }) {
    super();
    this.classes = classes;
    this.unlabelled = unlabelled;
    this.width = width;
    this.height = height;
    /** @type {Layer[]} lowest first; read only */
    this.layers = layers.map((name) => emptyLayer(name, name, width * height));
    checkKept(this.layers, width, height);
    this.active = layers.at(-1);
    this.history = new History(historyBytes);
    this.#seen = new Uint16Array(width * height).fill(unlabelled);
    this.#restartRecord();
  }

  /** @returns {Layer} */
  layer(id = this.active) {
    const found = this.layers.find((layer) => layer.id === id);
    const ids = this.layers.map((layer) => layer.id).join(", ");
    if (!found) throw new Error(`there is no layer ${id}; there are ${ids}`);
    return found;
  }

  /** What is seen: an id per pixel. The painting's own array: copy it to keep it. @returns {Uint16Array} */
  composite() {
    this.#compose();
    return this.#seen;
  }

  get editing() {
    return this.#edit !== null;
  }

  /** Why nothing can be painted on a layer now, or "". */
  refusal(id = this.active) {
    const { name, visible, locked } = this.layer(id);
    if (locked) return `The layer “${name}” is locked.`;
    return visible ? "" : `The layer “${name}” is hidden.`;
  }

  // Edits: begin, rows of ids, then commit or cancel.

  /** Begin an edit. Throws where the layer is locked or hidden. @param {string} name  for people */
  begin(name, layer = this.active) {
    if (this.#edit) this.commit();
    const refusal = this.refusal(layer);
    if (refusal) throw new Error(refusal);
    this.#edit = new Edit(name, this.#now(), this.width, this.height);
    this.paintOn(layer);
  }

  /** Within an edit: rows go to this layer from now on. */
  paintOn(id) {
    this.#edit.paintOn(this.layer(id));
  }

  /** Within an edit: give the pixels [left, right) of row y an id, or NOTHING; what lies outside is left out. */
  row(y, left, right, id) {
    this.#edit.row(y, left, right, id, this.#stale);
  }

  /** Within an edit: everything as before it; the edit goes on. */
  restore() {
    this.#edit.restore(this.#stale);
  }

  /** Tell of what was painted since the last time, as a live change: once per frame. */
  flush() {
    this.#tell(true);
  }

  /**
   * End the edit as one step.
   * @param {Partial<Stroke>} [stroke]  how to draw it again; without points the changed pixels are kept for that
   * @returns {{changed: boolean, shows: boolean}} whether pixels changed, and whether that can be seen
   */
  commit(stroke = {}) {
    const edit = this.#edit;
    const all = new Bounds();
    const patches = edit.patches(all);
    this.#compose();
    this.#endEdit();
    if (patches.length) {
      const drawn = stroke.points ? {} : { patches };
      const time = { time: edit.began, duration: this.#now() - edit.began };
      this.#did({ name: edit.name, patches }, { tool: edit.name, ...stroke, ...drawn, ...time });
    }
    this.#untold.addBounds(all);
    this.#tell(false);
    return { changed: patches.length > 0, shows: edit.shows };
  }

  /** End the edit as if it had never begun. */
  cancel() {
    if (!this.#edit) return;
    this.restore();
    this.#endEdit();
    this.#tell(false);
  }

  #endEdit() {
    this.#edit.end();
    this.#edit = null;
    this.dispatchEvent(new CustomEvent("ended"));
  }

  // Layers and whole maps: steps, too. Hiding, locking and naming are none.

  /** A new empty layer above all, and active. @returns {string} its id */
  addLayer(name, index = this.layers.length) {
    const taken = new Set(this.layers.map((layer) => layer.id));
    let number = this.layers.length + 1;
    while (taken.has(`layer-${number}`)) number++;
    const added = emptyLayer(`layer-${number}`, name ?? `layer ${number}`, this.width * this.height);
    this.#arrange("add layer", this.layers.toSpliced(index, 0, added), added.id);
    return added.id;
  }

  /** Throws for the last layer. */
  removeLayer(id) {
    const index = this.layers.indexOf(this.layer(id));
    if (this.layers.length === 1) throw new Error("A painting needs at least one layer.");
    const left = this.layers.toSpliced(index, 1);
    this.#arrange("remove layer", left, id === this.active ? left[Math.min(index, left.length - 1)].id : this.active);
  }

  /** @param {number} index  its new place; 0 is lowest */
  moveLayer(id, index) {
    const layer = this.layer(id);
    const others = this.layers.filter((other) => other !== layer);
    const place = Math.max(0, Math.min(index, others.length));
    if (this.layers.indexOf(layer) === place) return;
    this.#arrange("move layer", others.toSpliced(place, 0, layer), this.active);
  }

  /** @param {{visible?: boolean, locked?: boolean, name?: string}} attributes */
  setLayer(id, attributes) {
    const layer = this.layer(id);
    if (this.#edit) this.commit();
    const { visible = layer.visible, locked = layer.locked, name = layer.name } = attributes;
    const shown = visible !== layer.visible;
    Object.assign(layer, { visible, locked, name });
    this.dispatchEvent(new CustomEvent("layers"));
    if (shown) this.#everything();
  }

  /** Choose the layer that is painted on. */
  activate(id) {
    this.active = this.layer(id).id;
    this.dispatchEvent(new CustomEvent("layers"));
  }

  /**
   * A loaded map, as one step: it lies on the lowest layer, which becomes active; the others are empty.
   * @param {ArrayLike<number>} ids  rows of ids
   */
  replaceWith(ids, width, height, name = "open") {
    const layers = this.layers.map((layer) => ({ ...layer, ids: new Uint16Array(width * height).fill(NOTHING) }));
    checkKept(layers, width, height);
    if (ids.length !== width * height) throw new Error(`${ids.length} ids are no map of ${width} x ${height} pixels`);
    layers[0].ids.set(ids);
    Object.assign(layers[0], { visible: true, locked: false });
    this.#arrange(name, layers, layers[0].id, width, height);
  }

  /**
   * Ids that are not known become nothing, on all layers, as one step.
   * @param {Iterable<number>} known
   * @returns {number} how many pixels of the layers
   */
  keepOnly(known) {
    const strange = new Uint8Array(65536).fill(1);
    for (const id of [...known, NOTHING]) strange[id] = 0;
    let count = 0;
    const layers = this.layers.map((layer) => {
      const here = layer.ids.reduce((sum, id) => sum + strange[id], 0);
      count += here;
      return here ? { ...layer, ids: layer.ids.map((id) => (strange[id] ? NOTHING : id)) } : layer;
    });
    if (count) this.#arrange("leave out unknown classes", layers, this.active);
    return count;
  }

  #arrange(name, layers, active, width = this.width, height = this.height) {
    if (this.#edit) this.commit();
    const began = this.#now();
    const before = this.#arrangement(layers, width, height);
    const old = this.layers;
    Object.assign(this, { layers, active });
    const resized = this.#resize(width, height);
    const after = this.#arrangement(old, width, height);
    this.#did({ name, before, after }, { tool: name, after, time: began, duration: this.#now() - began });
    this.dispatchEvent(new CustomEvent("layers"));
    this.#everything(resized);
  }

  /** The layers as they are, with the pixels of those that `others` do not share. */
  #arrangement(others) {
    const { width, height, active } = this;
    const shared = new Set(others.map((layer) => layer.ids));
    const layers = this.layers.map((layer) => keep(layer, width, height, !shared.has(layer.ids)));
    return { width, height, active, layers };
  }

  #become({ width, height, active, layers }) {
    checkKept(layers, width, height);
    this.layers = layers.map((kept) => (kept.runs ? revive(kept, width, height) : this.layer(kept.id)));
    this.active = active;
    const resized = this.#resize(width, height);
    this.dispatchEvent(new CustomEvent("layers"));
    this.#everything(resized);
  }

  #resize(width, height) {
    const resized = width !== this.width || height !== this.height;
    if (resized) this.#seen = new Uint16Array(width * height).fill(this.unlabelled);
    Object.assign(this, { width, height });
    return resized;
  }

  // History.

  get canUndo() {
    return this.history.done > 0;
  }

  get canRedo() {
    return this.history.done < this.history.steps.length;
  }

  /** @returns {string | undefined} the name of what was undone; an edit that goes on is cancelled instead */
  undo() {
    if (this.#edit) {
      const { name } = this.#edit;
      this.cancel();
      return name;
    }
    const step = this.history.back();
    if (!step) return undefined;
    this.#apply(step, step.before);
    if (!this.#record.undo(step.number)) this.#restartRecord();
    this.dispatchEvent(new CustomEvent("history"));
    return step.name;
  }

  /** @returns {string | undefined} the name of what was done again */
  redo() {
    if (this.#edit) return undefined;
    const step = this.history.forward();
    if (!step) return undefined;
    this.#apply(step, step.after);
    if (!this.#record.redo(step.number)) this.#restartRecord();
    this.dispatchEvent(new CustomEvent("history"));
    return step.name;
  }

  #apply(step, arrangement) {
    if (arrangement) this.#become(arrangement);
    for (const patch of step.patches ?? []) {
      toggle(patch.runs, this.layer(patch.layer).ids, this.width, patch);
      this.#stale.addRectangle(patch);
    }
    this.#tell(false);
  }

  #did(step, stroke) {
    const number = ++this.#numbers;
    this.#record.push({ number, ...stroke }, this.history.push({ number, ...step }));
    if (this.#record.full) this.#restartRecord();
    this.dispatchEvent(new CustomEvent("history"));
  }

  /** The strokes so far, for a replay; `toJSON` gives them in a form for files. @returns {Stroke[]} */
  get strokes() {
    return this.#record.strokes();
  }

  /** Draw a stroke of a record, as it was drawn then. @param {Stroke} stroke */
  perform(stroke) {
    if (stroke.points) {
      this.begin(stroke.tool, stroke.layer);
      drawAgain(this, stroke);
      this.commit(stroke);
    } else this.#apply(stroke, stroke.after);
  }

  /** What was done cannot be undone any more, and the record begins with the map as it stands. */
  forgetHistory() {
    this.history.clear();
    this.#restartRecord();
    this.dispatchEvent(new CustomEvent("history"));
  }

  #restartRecord() {
    const after = this.#arrangement([]);
    this.#record.restart({ number: ++this.#numbers, tool: "open", after, time: this.#now(), duration: 0 });
  }

  #now() {
    return Date.now() - this.#born;
  }

  // Files and stores.

  /** Everything but the history. */
  toJSON() {
    return toFile(this.#arrangement([]), this.unlabelled, this.strokes);
  }

  /** Become what a file says, as one step. Throws, and leaves everything as it was, where that makes no sense. */
  fromJSON(json) {
    const { width, height, layers, active, strokes } = fromFile(json);
    this.#arrange("open", layers, active, width, height);

    // The strokes of the file take the place of those before.
    if (!strokes.length) return this.#restartRecord();
    for (const stroke of strokes) stroke.number = ++this.#numbers;
    this.#record.restore(strokes, strokes.map(({ number }) => number));
    const { time, duration } = strokes.at(-1);
    this.#born = Date.now() - (Number(time) + Number(duration) || 0);
  }

  /** A painting from what `toJSON` gave. @param {{classes?: {id: number, name: string}[]}} [options] */
  static fromJSON(json, options = {}) {
    const painting = new Painting({ width: 1, height: 1, unlabelled: json?.unlabelled, ...options });
    painting.fromJSON(json);
    painting.history.clear();
    return painting;
  }

  /**
   * What a store keeps, as plain data; pixels and steps are runs.
   * @param {number} [oldest]  steps before this number are left out
   */
  snapshot(oldest = 0, withStrokes = true) {
    const steps = this.history.steps.filter(({ number }) => number >= oldest);
    const done = Math.max(0, this.history.done - (this.history.steps.length - steps.length));
    const strokes = withStrokes ? [...this.#record.entries.values()] : [];
    const drawn = strokes.length ? [...this.#record.done] : [];
    return { ...this.#arrangement([]), steps, done, strokes, drawn, born: this.#born, numbers: this.#numbers };
  }

  /**
   * Become what a store kept. Damaged pixels throw; damaged steps and strokes are left out.
   * @returns {string[]} what was lost
   */
  reviveSnapshot(kept) {
    const lost = [];
    this.cancel();
    this.#become(kept);
    this.history.clear();
    this.#born = Number(kept.born) || Date.now();
    this.#numbers = Number(kept.numbers) || 0;
    try {
      this.history.restore(kept.steps, kept.done);
    } catch {
      this.history.clear();
      lost.push("the steps to undo");
    }
    try {
      this.#record.restore(kept.strokes, kept.drawn);
      if (!kept.drawn.length) this.#restartRecord();
    } catch {
      this.#restartRecord();
      lost.push("the record of strokes");
    }
    this.dispatchEvent(new CustomEvent("history"));
    return lost;
  }

  #compose() {
    if (this.#stale.empty) return;
    const shows = compose(this.layers, this.#seen, this.width, this.#stale, this.unlabelled);
    if (this.#edit && shows) this.#edit.shows = true;
    this.#untold.addBounds(this.#stale);
    this.#stale.clear();
  }

  #everything(resized = false) {
    this.#stale.clear();
    this.#untold.clear();
    this.#stale.add(0, 0, this.width, this.height);
    this.#tell(false, resized);
  }

  #tell(live, resized = false) {
    this.#compose();
    if (this.#untold.empty) return;
    const rect = this.#untold.rectangle();
    this.#untold.clear();
    this.dispatchEvent(new CustomEvent("change", { detail: { rect, live, resized } }));
  }
}
