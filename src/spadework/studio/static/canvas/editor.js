// The canvas that people paint on: tools, keys, pointers and the view, around a Painting.

import { Announcer } from "./announcer.js";
import { Drawing } from "./drawing.js";
import { GESTURES } from "./gestures.js";
import { Keyboard } from "./keyboard.js";
import { LARGEST_TIP } from "./marks.js";
import { Pointers } from "./pointers.js";
import { Screen } from "./screen.js";
import { tidy } from "./tidy.js";

export { TOOL_KEYS } from "./keyboard.js";

export const TOOLS = [...Object.keys(GESTURES), "hand"];

const SIZES = { brush: 24, pencil: 1, eraser: 24, line: 8 }; // map pixels
const SIDE = 256; // of the maps that these sizes suit
const ANY = "brush"; // whose size the tools without one show
const LARGEST = 512; // map pixels
const CURSORS = { hand: "grab", eyedropper: "crosshair", fill: "crosshair" };

/**
 * Events (CustomEvent, what they tell in `detail`): `tool` {tool}, `class` {class}, `size` {size}, `mirror` {mirror},
 * `view` {scale, fitted}, `hover` {x, y, class} (class null outside), `notice` {message} (why nothing was painted).
 */
export class Editor extends EventTarget {
  #tool = "brush";
  #before = "brush"; // the tool before the eyedropper
  #class;
  #mirror = "";
  #patterns = false;
  #palette;
  #checked; // the id that is drawn as grey checks, or null
  #sizes = { ...SIZES };
  #hovered = null; // {x, y} in map coordinates
  #alt = false;
  #frame = 0;
  #screen;
  #pointers;
  #drawing = new Drawing(this);
  #keyboard = new Keyboard(this, this.#drawing);
  #announcer;
  #abort = new AbortController();

  /** The class that the eraser leaves; null for nothing. @type {number | null} */
  eraseTo = null;
  /** 0 (the pointer's own path) to 1. */
  smoothing = 0.5;
  /** Whether a pen's pressure changes the size. */
  pressure = false;

  /**
   * @param {HTMLElement} element  is filled with the canvas
   * @param {import("./painting.js").Painting} painting
   * @param {object} options
   * @param {{id: number, name: string, color?: number[]}[]} options.classes
   * @param {Record<number, number[]>} [options.palette]
   * @param {number | null} [options.unlabelled]  the id that is drawn as grey checks; null where all ids are classes
   */
  constructor(element, painting, { classes, palette, unlabelled = painting.unlabelled }) {
    super();
    this.painting = painting;
    this.classes = classes;
    this.names = new Map(classes.map(({ id, name }) => [id, name]));
    this.#palette = palette ?? Object.fromEntries(classes.map(({ id, color }) => [id, color]));
    this.#checked = unlabelled;
    this.#class = classes[0]?.id ?? painting.unlabelled;
    this.element = this.#prepare(element);
    this.#announcer = new Announcer(element);
    this.#screen = new Screen(this.element, () => this.refresh());
    this.#pointers = new Pointers(this.element, this.#onPointers());
    this.#listen();
    this.#look();
    this.#screen.setMap(painting.width, painting.height);
  }

  #prepare(host) {
    if (getComputedStyle(host).position === "static") host.style.position = "relative";
    const element = document.createElement("div");
    element.className = "label-map";
    const style = { position: "absolute", inset: "0", overflow: "hidden", touchAction: "none", userSelect: "none" };
    Object.assign(element.style, style);
    element.tabIndex = 0;
    const attributes = {
      role: "application",
      "aria-roledescription": "label map",
      "aria-label": "Label map. Arrow keys move a cursor, space paints, Enter holds the brush down.",
    };
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    host.append(element);
    return element;
  }

  #listen() {
    const options = { signal: this.#abort.signal };
    const { element, painting } = this;
    element.addEventListener("keydown", (event) => this.handleKey(event), options);
    element.addEventListener("keyup", (event) => this.#keyboard.up(event), options);
    element.addEventListener("blur", () => this.#keyboard.blur(), options);
    element.addEventListener("wheel", (event) => this.#wheel(event), { ...options, passive: false });
    addEventListener("blur", () => this.#keyboard.blur(), options);
    painting.addEventListener("change", ({ detail }) => this.#changed(detail), options);
    painting.addEventListener("ended", () => this.#drawing.ended(), options);
  }

  /** Take the canvas away. */
  destroy() {
    this.#abort.abort();
    this.#screen.observer.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#drawing.cancel();
    this.element.remove();
    this.#announcer.region.remove();
  }

  // Settings.

  get tool() {
    return this.#tool;
  }

  set tool(tool) {
    if (!TOOLS.includes(tool)) throw new Error(`there is no tool ${tool}; there are ${TOOLS.join(", ")}`);
    if (tool === this.#tool) return;
    this.#drawing.cancel();
    if (this.#tool !== "eyedropper") this.#before = this.#tool;
    const size = this.size;
    this.#tool = tool;
    this.#pointers.moves = tool === "hand";
    this.#emit("tool", { tool });
    if (size !== this.size) this.#emit("size", { size: this.size });
    this.say(tool);
    this.refresh();
  }

  get class() {
    return this.#class;
  }

  set class(id) {
    if (id === this.#class) return;
    this.#class = id;
    this.#emit("class", { class: id });
    this.say(this.nameOf(id));
  }

  /** The diameter of the present tool, in map pixels; each tool has its own. */
  get size() {
    return this.sizeOf(this.#tool);
  }

  set size(size) {
    const rounded = Math.max(1, Math.min(LARGEST, Math.round(size)));
    if (!(rounded >= 1) || rounded === this.size) return;
    this.#sizes[this.#tool in SIZES ? this.#tool : ANY] = rounded;
    this.#emit("size", { size: rounded });
    this.refresh();
  }

  /** Sizes that suit the map: what they were to begin with, on maps of 256 pixels. */
  fitSizes() {
    const factor = Math.min(this.painting.width, this.painting.height) / SIDE;
    for (const tool in SIZES) this.#sizes[tool] = Math.max(1, Math.min(LARGEST, Math.round(SIZES[tool] * factor)));
    this.#sizes.pencil = SIZES.pencil;
    this.#emit("size", { size: this.size });
    this.refresh();
  }

  sizeOf(tool) {
    return this.#sizes[tool] ?? this.#sizes[ANY];
  }

  /** "", "x" (left and right), "y" (top and bottom) or "xy". */
  get mirror() {
    return this.#mirror;
  }

  set mirror(mirror) {
    const wanted = mirror === true ? "x" : mirror || "";
    if (!["", "x", "y", "xy"].includes(wanted)) throw new Error(`mirror is "", "x", "y" or "xy", not ${mirror}`);
    if (wanted === this.#mirror) return;
    this.#mirror = wanted;
    this.#emit("mirror", { mirror: wanted });
    const ways = { "": "off", x: "left and right", y: "top and bottom", xy: "both ways" };
    this.say(`Mirror ${ways[wanted]}`);
    this.refresh();
  }

  nameOf(id) {
    return this.names.get(id) ?? (id === this.painting.unlabelled ? "unlabelled" : `class ${id}`);
  }

  /** The id at a point of the map, or null outside. */
  classAt(x, y) {
    const { width, height } = this.painting;
    const [column, line] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || line < 0 || column >= width || line >= height) return null;
    return this.painting.composite()[line * width + column];
  }

  // Look and view.

  /** @param {Record<number, number[]>} colors  id -> [red, green, blue] */
  setPalette(colors) {
    this.#palette = colors;
    this.#look();
  }

  /** Patterns over the colours. */
  setPatterns(on) {
    this.#patterns = on;
    this.#look();
  }

  /** A picture over the map. @param {CanvasImageSource | null} picture @param {number} opacity  0 to 1 */
  setOverlay(picture, opacity = 1) {
    this.#screen.setOverlay(picture, opacity);
  }

  get view() {
    return this.#screen.view;
  }

  fit() {
    this.view.fit();
    this.#viewed();
  }

  /** @param {number} [x] @param {number} [y]  the point on screen that stays, in CSS pixels of the canvas */
  zoomBy(factor, x, y) {
    this.zoomTo(this.view.scale * factor, x, y);
  }

  /** @param {number} scale  CSS pixels per map pixel */
  zoomTo(scale, x, y) {
    this.view.zoomTo(scale, x, y);
    this.#viewed();
  }

  pan(dx, dy) {
    this.view.pan(dx, dy);
    this.#viewed();
  }

  #viewed() {
    this.#screen.moved();
    this.#emit("view", { scale: this.view.scale, fitted: this.view.fitted });
  }

  #look() {
    this.#screen.picture.setLook(this.classes, this.#palette, this.#checked, this.#patterns);
    this.#screen.changeAll();
  }

  #changed({ rect, resized }) {
    if (!resized) return this.#screen.change(rect);
    this.#screen.setMap(this.painting.width, this.painting.height);
    this.#viewed();
  }

  // Pointers, wheel and keys.

  #onPointers() {
    const drawing = this.#drawing;
    const toMap = (x, y) => [this.view.toMapX(x), this.view.toMapY(y)];
    return {
      press: (x, y, event) => {
        const [mapX, mapY] = toMap(x, y);
        const { pressure, pointerType, timeStamp: time, shiftKey: shift } = event;
        const erase = pointerType === "pen" && event.button === 5;
        const tool = erase ? "eraser" : event.altKey ? "eyedropper" : this.#tool;
        this.element.focus({ preventScroll: true });
        drawing.cursor = null;
        drawing.press({ x: mapX, y: mapY, pressure, pen: pointerType === "pen", time, shift }, tool);
        this.#hover(mapX, mapY);
      },
      move: (x, y, pressure, time, shift) => {
        drawing.move(this.view.toMapX(x), this.view.toMapY(y), pressure, time, shift);
      },
      lift: () => {
        drawing.lift();
        this.refresh();
      },
      abandon: () => {
        drawing.cancel();
        this.refresh();
      },
      hover: (x, y, event) => {
        const [mapX, mapY] = toMap(x, y);
        if (event.movementX || event.movementY) drawing.cursor = null;
        drawing.hover(mapX, mapY);
        this.#alt = event.altKey;
        this.#hover(mapX, mapY);
      },
      leave: () => this.#hover(null, null),
      pan: (dx, dy) => this.pan(dx, dy),
      pinch: (factor, x, y, dx, dy) => {
        this.view.pan(dx, dy);
        this.zoomBy(factor, x, y);
      },
    };
  }

  #hover(x, y) {
    const id = x === null ? null : this.classAt(x, y);
    this.#hovered = x === null ? null : { x, y };
    this.refresh();
    this.#emit("hover", { x: x === null ? null : Math.floor(x), y: x === null ? null : Math.floor(y), class: id });
  }

  /** The wheel zooms (with control, too: so touchpads pinch); with alt it sets the size, with shift it moves. */
  #wheel(event) {
    event.preventDefault();
    const unit = [1, 20, 400][event.deltaMode];
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    if (event.altKey) return this.stepSize(-Math.sign(dy || dx), false);
    if (event.shiftKey || Math.abs(dx) > Math.abs(dy)) return this.pan(-(dx || dy), dx ? -dy : 0);
    const { left, top } = this.element.getBoundingClientRect();
    const speed = event.ctrlKey ? 0.01 : 0.002;
    this.zoomBy(Math.exp(-Math.max(-240, Math.min(dy, 240)) * speed), event.clientX - left, event.clientY - top);
  }

  /**
   * Keys may come from elsewhere on the page, too.
   * @param {KeyboardEvent} event
   * @returns {boolean} whether it was one of ours
   */
  handleKey(event) {
    return this.#keyboard.down(event);
  }

  /** Escape: the shape that is being drawn is given up. @returns {boolean} whether there was one */
  escape() {
    const given = this.#drawing.cancel();
    if (given) this.say("Given up");
    else if (this.#drawing.cursor) this.#drawing.cursor = null;
    else return false;
    this.refresh();
    return true;
  }

  /** Whether the pointer moves the view for now. */
  holdHand(on) {
    this.#pointers.moves = on || this.#tool === "hand";
    this.refresh();
  }

  /** One step of the size: by a pixel where it is small, by a tenth where it is large. */
  stepSize(direction, far) {
    const step = Math.max(1, Math.round(this.size / 10)) * (far ? 5 : 1);
    this.size += direction * step;
    this.say(`Size ${this.size}`);
  }

  /** The place of the keyboard's cursor, or null. Setting true calls it, false sends it away. */
  get keyboardCursor() {
    return this.#drawing.cursor;
  }

  set keyboardCursor(on) {
    if (!on) this.#drawing.cursor = null;
    else if (!this.#drawing.cursor) this.#drawing.appear();
    this.refresh();
  }

  // What is done to the painting.

  undo() {
    // A polygon loses its last point first.
    if (this.#drawing.back()) return this.refresh();
    const name = this.painting.undo();
    this.#drawing.cancel();
    this.say(name ? `Undone: ${name}` : "Nothing to undo");
    return name;
  }

  redo() {
    const name = this.painting.redo();
    this.say(name ? `Done again: ${name}` : "Nothing to do again");
    return name;
  }

  /** Regions of fewer pixels take their most frequent neighbour. @returns {number} how many did */
  tidy(minimumPixels) {
    this.#drawing.cancel();
    const count = tidy(this.painting, minimumPixels);
    this.say(`${count} specks removed`);
    return count;
  }

  /** After a gesture: say what cannot be seen. @param {{changed: boolean, shows: boolean}} result */
  committed({ changed, shows }) {
    const { name } = this.painting.layer();
    const erased = this.#tool === "eraser" && this.eraseTo === null;
    if (changed && !shows) this.notice(`Nothing changed to the eye: other layers lie over “${name}”.`);
    else if (!changed && erased) this.notice(`There is nothing to erase on the layer “${name}” here.`);
    else if (this.#drawing.cursor) this.say(changed ? this.doing() : "Nothing changed");
  }

  /** The eyedropper took a class. */
  picked() {
    if (this.#tool === "eyedropper") this.tool = this.#before;
  }

  /** What the tool does, for those who hear it. */
  doing() {
    const erased = this.eraseTo === null ? "nothing" : this.nameOf(this.eraseTo);
    return `${this.#tool}: ${this.#tool === "eraser" ? erased : this.nameOf(this.#class)}`;
  }

  notice(message) {
    this.say(message);
    this.#emit("notice", { message });
  }

  say(text) {
    this.#announcer?.say(text);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // Frames.

  /** Have the screen drawn with the next frame. */
  refresh() {
    this.#frame ||= requestAnimationFrame((time) => this.#draw(time));
  }

  #draw(time) {
    this.#frame = 0;
    this.#drawing.frame(time);
    this.#screen.draw(this.painting.composite(), this.#marks());
    this.element.style.cursor = this.#pointers.moves ? "grab" : this.#cursor();
    if (this.#drawing.held) this.refresh();
  }

  /** Tools with a size show its outline instead. */
  #cursor() {
    const outlined = this.#tool in SIZES && this.size * this.view.scale <= LARGEST_TIP;
    return this.#alt || !outlined ? (CURSORS[this.#tool] ?? "crosshair") : "none";
  }

  #marks() {
    const { gesture, cursor, held } = this.#drawing;
    const place = cursor ?? this.#hovered;
    const sized = this.#tool in SIZES && !this.#alt && !this.#pointers.moves;
    const tip = place && sized ? { ...place, size: this.size, square: this.#tool === "pencil" } : null;
    const outline = gesture?.outline ?? null;
    return { tip, outline, cursor: cursor && { ...cursor, down: held }, mirror: this.#mirror };
  }
}
