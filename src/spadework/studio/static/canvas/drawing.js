// Drawing: the gesture that goes on, whether it is made by a pointer or by the keyboard's cursor.

import { GESTURES } from "./gestures.js";

const STEP = 1 / 4; // of the tool's size, for the keyboard's cursor
const FAST = 8; // times as far

/**
 * @typedef {import("./editor.js").Editor} Editor
 * @typedef {import("./gestures.js").Press} Press
 */

export class Drawing {
  /** The keyboard's cursor in map coordinates, once it was called. @type {{x: number, y: number} | null} */
  cursor = null;
  gesture = null;
  held = false; // whether the gesture is held down: by a pointer, space or Enter

  /** @param {Editor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** @param {Press} press @param {string} tool */
  press(press, tool) {
    const { editor } = this;
    this.held = true;
    if (this.gesture?.press) return this.gesture.press(press);
    this.cancel();
    const refusal = tool === "eyedropper" ? "" : editor.painting.refusal();
    if (refusal) return editor.notice(refusal);
    this.held = true;
    this.gesture = new GESTURES[tool](editor, tool, press);
  }

  move(x, y, pressure, time, shift) {
    if (this.held) this.gesture?.move(x, y, pressure, time, shift);
  }

  /** A pointer passes by: a polygon's open side follows it. */
  hover(x, y) {
    if (this.gesture && !this.held) this.gesture.move(x, y);
  }

  lift() {
    this.held = false;
    if (this.gesture?.lift()) this.gesture = null;
  }

  cancel() {
    this.held = false;
    const { gesture } = this;
    this.gesture = null;
    gesture?.cancel();
    return Boolean(gesture);
  }

  /** An edit of the painting is over; so is the gesture that had it open, where a layer was hidden or the page left. */
  ended() {
    if (!this.held || !this.gesture?.paints) return;
    this.held = false;
    this.gesture = null;
    if (this.cursor) this.editor.say("Lifted");
  }

  frame(time) {
    this.gesture?.frame(time);
  }

  // The keyboard's cursor.

  /** Move the cursor by steps of the tool's size; the first time it appears in the middle of what is seen. */
  moveCursor(dx, dy, fast) {
    const { editor } = this;
    const { width, height } = editor.painting;
    const within = (value, size) => Math.max(0.5, Math.min(Math.floor(value) + 0.5, size - 0.5));
    if (this.cursor) {
      const step = Math.max(1, Math.round(editor.size * STEP)) * (fast ? FAST : 1);
      this.cursor = { x: within(this.cursor.x + dx * step, width), y: within(this.cursor.y + dy * step, height) };
    } else this.appear();
    const { x, y } = this.cursor;
    if (this.held) this.move(x, y, 1, performance.now(), false);
    else this.hover(x, y);
    if (editor.view.reveal(x, y)) editor.pan(0, 0);
    editor.say(`${Math.floor(x)}, ${Math.floor(y)}: ${editor.nameOf(editor.classAt(x, y))}`);
  }

  appear() {
    const { view, painting } = this.editor;
    const middle = (value, size) => Math.max(0.5, Math.min(Math.floor(value) + 0.5, size - 0.5));
    const x = middle(view.toMapX(view.width / 2), painting.width);
    this.cursor = { x, y: middle(view.toMapY(view.height / 2), painting.height) };
  }

  /** Press with the keyboard's cursor. */
  keyPress(shift = false) {
    const { editor, cursor } = this;
    if (this.held) return;
    const press = { ...cursor, pressure: 1, pen: false, exact: true, time: performance.now(), shift, erase: false };
    if (editor.tool !== "hand") this.press(press, editor.tool);
    if (this.gesture) editor.say(editor.doing());
  }

  /** Enter closes a polygon; otherwise it holds the tool down, or lifts it. @returns {boolean} whether it did */
  enter() {
    if (this.gesture?.close && !this.held) {
      if (this.gesture.close()) this.gesture = null;
    } else if (this.held) this.lift();
    else if (this.cursor) this.keyPress();
    else return false;
    return true;
  }

  /** Backspace: takes a polygon's last point back. */
  back() {
    if (!this.gesture?.back || this.held) return false;
    if (this.gesture.back()) this.cancel();
    return true;
  }
}
