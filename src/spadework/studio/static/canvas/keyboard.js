// The keys of the canvas: a cursor that paints, tools, sizes, view and history.

/** Key -> tool; for tooltips and the help sheet, too. */
export const TOOL_KEYS = {
  b: "brush",
  p: "pencil",
  e: "eraser",
  l: "line",
  r: "rectangle",
  g: "polygon",
  o: "lasso",
  f: "fill",
  i: "eyedropper",
  h: "hand",
};

const MIRRORS = ["", "x", "y", "xy"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN = 48; // CSS pixels

export class Keyboard {
  #editor;
  #drawing;
  #space = false;

  /** @param {import("./editor.js").Editor} editor @param {import("./drawing.js").Drawing} drawing */
  constructor(editor, drawing) {
    this.#editor = editor;
    this.#drawing = drawing;
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key means something here */
  down(event) {
    const used = event.ctrlKey || event.metaKey ? this.#withControl(event) : !event.altKey && this.#plain(event);
    if (used) event.preventDefault();
    return used;
  }

  /** @param {{key: string}} event */
  up({ key }) {
    if (key !== " " || !this.#space) return;
    this.#space = false;
    this.#editor.holdHand(false);
    if (this.#drawing.cursor && this.#drawing.held) this.#drawing.lift();
  }

  /** Keys may be let go where nobody sees it. */
  blur() {
    this.up({ key: " " });
  }

  #withControl({ key, shiftKey }) {
    const editor = this.#editor;
    const letter = key.toLowerCase();
    if (letter === "z" && !shiftKey) editor.undo();
    else if (letter === "y" || letter === "z") editor.redo();
    else if (ARROWS[key]) editor.pan(-ARROWS[key][0] * PAN, -ARROWS[key][1] * PAN);
    else return false;
    return true;
  }

  #plain({ key, shiftKey, repeat }) {
    const editor = this.#editor;
    const drawing = this.#drawing;
    if (ARROWS[key]) drawing.moveCursor(...ARROWS[key], shiftKey);
    else if (key === " ") this.#spaceDown(repeat);
    else if (key === "Enter") return drawing.enter();
    else if (key === "Escape") return editor.escape();
    else if (key === "Backspace") return drawing.back();
    else if (key === "[" || key === "{") editor.stepSize(-1, key === "{");
    else if (key === "]" || key === "}") editor.stepSize(1, key === "}");
    else if (key === "+" || key === "=") editor.zoomBy(1.25);
    else if (key === "-" || key === "_") editor.zoomBy(0.8);
    else if (key === "0") editor.fit();
    else if (key === "m") editor.mirror = MIRRORS[(MIRRORS.indexOf(editor.mirror) + 1) % MIRRORS.length];
    else if (TOOL_KEYS[key]) editor.tool = TOOL_KEYS[key];
    else return false;
    editor.refresh();
    return true;
  }

  /** Space paints with the keyboard's cursor; without one it turns the pointer into a hand. */
  #spaceDown(repeat) {
    if (repeat || this.#space) return;
    this.#space = true;
    if (this.#drawing.cursor) this.#drawing.keyPress();
    else this.#editor.holdHand(true);
  }
}
