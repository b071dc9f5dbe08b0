// What the tools do between pressing and lifting: by pointer or by keyboard, in map coordinates.
//
// A gesture has `move(x, y, pressure, time, shift)`, `frame(time)` once per frame, `lift()` (whether it is over) and
// `cancel()`, and may have `outline`, points to be shown while nothing is painted yet. One that `paints` has an edit of
// the painting open from the press to the lift, and ends with it.

import { NOTHING } from "./layers.js";
import { everywhere, flood } from "./flood.js";
import { Smoother } from "./smoothing.js";
import { Pen } from "./strokes.js";

/**
 * @typedef {import("./editor.js").Editor} Editor
 * @typedef {{x: number, y: number, pressure: number, pen: boolean, time: number, shift: boolean, erase: boolean}} Press
 */

const CLOSE = 10; // CSS pixels: this near to its first point a polygon is closed
const LIGHTEST = 0.2; // of the size, for a pen that hardly touches

/** Brush, pencil and eraser. */
class Freehand {
  paints = true;

  /** @param {Editor} editor @param {Press} press */
  constructor(editor, tool, press) {
    this.editor = editor;
    this.tool = tool;
    this.heavy = editor.pressure && press.pen && tool !== "pencil";
    const size = editor.sizeOf(tool);
    const stroke = { tool, class: tool === "eraser" ? (editor.eraseTo ?? NOTHING) : editor.class, size };
    if (tool === "pencil") stroke.square = true;
    editor.painting.begin(tool);
    const pen = new Pen(editor.painting, { ...stroke, layer: editor.painting.active, mirror: editor.mirror });
    const sizeAt = (pressure) => Math.max(1, size * (LIGHTEST + (1 - LIGHTEST) * pressure));
    const emit = (x, y, pressure) => pen.to(x, y, this.heavy ? sizeAt(pressure) : size);
    this.pen = pen;
    this.smoother = new Smoother(tool === "pencil" || press.exact ? 0 : editor.smoothing, editor.view.scale, emit);
    this.move(press.x, press.y, press.pressure, press.time);
  }

  move(x, y, pressure, time) {
    this.moved = true;
    this.smoother.to(x, y, pressure, time);
  }

  frame(time) {
    if (!this.moved) this.smoother.rest(time);
    this.moved = false;
    this.editor.painting.flush();
  }

  lift() {
    this.smoother.finish();
    this.editor.committed(this.editor.painting.commit(this.pen.stroke));
    return true;
  }

  cancel() {
    this.editor.painting.cancel();
  }
}

/** Line and rectangle: drawn anew while they are stretched. */
class Stretched {
  paints = true;

  /** @param {Editor} editor @param {Press} press */
  constructor(editor, tool, { x, y }) {
    Object.assign(this, { editor, x, y, endX: x, endY: y, changed: true });
    const { class: id, mirror, painting } = editor;
    this.stroke = { tool, class: id, size: editor.sizeOf(tool), layer: painting.active, mirror };
    painting.begin(tool);
  }

  move(x, y, pressure, time, shift) {
    const [dx, dy] = shift ? this.#straightened(x - this.x, y - this.y) : [x - this.x, y - this.y];
    this.endX = this.x + dx;
    this.endY = this.y + dy;
    this.changed = true;
  }

  /** A square, or a line in steps of 15 degrees. */
  #straightened(dx, dy) {
    if (this.stroke.tool === "rectangle") {
      const side = Math.max(Math.abs(dx), Math.abs(dy));
      return [side * (Math.sign(dx) || 1), side * (Math.sign(dy) || 1)];
    }
    const step = Math.PI / 12;
    const angle = Math.round(Math.atan2(dy, dx) / step) * step;
    return [Math.hypot(dx, dy) * Math.cos(angle), Math.hypot(dx, dy) * Math.sin(angle)];
  }

  frame() {
    if (!this.changed) return;
    this.changed = false;
    this.editor.painting.restore();
    this.pen = new Pen(this.editor.painting, this.stroke);
    this.pen.shape([this.x, this.y, this.endX, this.endY]);
    this.editor.painting.flush();
  }

  lift() {
    this.frame();
    this.editor.committed(this.editor.painting.commit(this.pen.stroke));
    return true;
  }

  cancel() {
    this.editor.painting.cancel();
  }
}

/** Lasso and polygon: an outline first, which is filled when it is closed. */
class Outlined {
  /** @param {Editor} editor @param {Press} press */
  constructor(editor, tool, { x, y }) {
    this.editor = editor;
    this.tool = tool;
    this.outline = [x, y];
  }

  frame() {}

  cancel() {}

  /** Fill the outline, unless the layer was locked or hidden meanwhile. @returns {boolean} whether it was filled */
  close(outline = this.outline) {
    const { class: id, mirror, painting } = this.editor;
    const refusal = painting.refusal();
    if (refusal) {
      this.editor.notice(refusal);
      return false;
    }
    painting.begin(this.tool);
    const pen = new Pen(painting, { tool: this.tool, class: id, layer: painting.active, mirror });
    pen.shape(outline);
    this.editor.committed(painting.commit(pen.stroke));
    return true;
  }
}

class Lasso extends Outlined {
  move(x, y) {
    this.outline.push(x, y);
  }

  /** A lasso ends where it is let go, be it filled or not. */
  lift() {
    this.close();
    return true;
  }
}

/** Every press adds a point; the last of `outline` follows the pointer. It stays until it can be filled. */
class Polygon extends Outlined {
  constructor(editor, tool, press) {
    super(editor, tool, press);
    this.outline.push(press.x, press.y);
    this.pressed = true;
  }

  press({ x, y }) {
    this.pressed = true;
    this.move(x, y);
  }

  move(x, y) {
    this.outline.splice(-2, 2, x, y);
  }

  /** @returns {boolean} whether the polygon is closed */
  lift() {
    const { outline } = this;
    const [x, y] = outline.slice(-2);
    const near = (at) => Math.hypot(x - outline[at], y - outline[at + 1]) * this.editor.view.scale < CLOSE;
    const again = outline.length > 4 && near(outline.length - 4); // the second half of a double click
    if (outline.length > 6 && (near(0) || again)) return this.close();
    if (!again) outline.push(x, y);
    return false;
  }

  close() {
    return super.close(this.outline.slice(0, -2));
  }

  /** Take the last point back. @returns {boolean} whether none is left */
  back() {
    this.outline.splice(-4, 2);
    return this.outline.length < 4;
  }
}

/** Bucket fill of what is seen; with shift all of that class. */
class Fill {
  /** @param {Editor} editor @param {Press} press */
  constructor(editor, tool, { x, y, shift }) {
    const { painting, class: id, mirror } = editor;
    const { width, height } = painting;
    const [column, line] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || line < 0 || column >= width || line >= height) return;
    painting.begin(tool);
    const seen = painting.composite();
    const columns = mirror.includes("x") ? [column, width - 1 - column] : [column];
    const lines = mirror.includes("y") ? [line, height - 1 - line] : [line];
    const fill = shift ? everywhere : flood;
    const row = (y, left, right) => painting.row(y, left, right, id);
    for (const one of columns) {
      for (const other of lines) if (seen[other * width + one] !== id) fill(seen, width, height, one, other, row);
    }
    editor.committed(painting.commit({ class: id, seed: [column, line], layer: painting.active, mirror }));
  }

  move() {}

  frame() {}

  lift() {
    return true;
  }

  cancel() {}
}

/** Takes the class under the pointer. */
class Eyedropper {
  /** @param {Editor} editor @param {Press} press */
  constructor(editor, tool, { x, y }) {
    this.editor = editor;
    this.move(x, y);
  }

  move(x, y) {
    const id = this.editor.classAt(x, y);
    if (id !== null) this.editor.class = id;
  }

  frame() {}

  lift() {
    this.editor.picked();
    return true;
  }

  cancel() {}
}

export const GESTURES = {
  brush: Freehand,
  pencil: Freehand,
  eraser: Freehand,
  line: Stretched,
  rectangle: Stretched,
  polygon: Polygon,
  lasso: Lasso,
  fill: Fill,
  eyedropper: Eyedropper,
};
