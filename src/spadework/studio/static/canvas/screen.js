// The canvases of the editor: the map, the marks over it, and the outline of the tip. Only what changed is drawn again,
// once per frame.

import { Bounds } from "./bounds.js";
import { Tip, drawMarks } from "./marks.js";
import { Picture } from "./picture.js";
import { View } from "./view.js";

export class Screen {
  #element;
  #map;
  #marks;
  #stale = new Bounds(); // pixels of the map whose picture is out of date
  #all = true; // whether all of the screen is to be drawn again
  #marked = false; // whether there are marks on screen
  #tip = new Tip();
  #overlay = null;
  #opacity = 1;
  view = new View();
  picture = new Picture();

  /** @param {HTMLElement} element @param {() => void} wake  asks for a frame */
  constructor(element, wake) {
    this.#element = element;
    this.wake = wake;
    const canvas = () => {
      const made = document.createElement("canvas");
      const style = { position: "absolute", inset: "0", width: "100%", height: "100%", pointerEvents: "none" };
      Object.assign(made.style, style);
      element.append(made);
      return made.getContext("2d");
    };
    this.#map = canvas();
    this.#marks = canvas();
    element.append(this.#tip.canvas);
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(element);
    this.#measure();
  }

  /** A map of another size, or the first. */
  setMap(width, height) {
    this.view.map = { width, height };
    this.picture.resize(width, height);
    this.changeAll();
    this.view.fit();
  }

  setOverlay(picture, opacity) {
    this.#overlay = picture;
    this.#opacity = opacity;
    this.moved();
  }

  /** @param {import("./bounds.js").Rectangle} rectangle  of the map */
  change(rectangle) {
    this.#stale.addRectangle(rectangle);
    this.wake();
  }

  changeAll() {
    this.change({ x: 0, y: 0, ...this.view.map });
  }

  /** The view was moved. */
  moved() {
    this.#all = true;
    this.wake();
  }

  #measure() {
    const { view } = this;
    const { clientWidth: width, clientHeight: height } = this.#element;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(view, { width: Math.max(width, 1), height: Math.max(height, 1), ratio });
    for (const { canvas } of [this.#map, this.#marks]) {
      Object.assign(canvas, { width: Math.round(view.width * ratio), height: Math.round(view.height * ratio) });
    }
    if (view.fitted) view.fit();
    else view.pan(0, 0);
    this.moved();
  }

  /** Draw a frame. @param {Uint16Array} ids @param {import("./marks.js").Marks} marks */
  draw(ids, marks) {
    const stale = this.#stale;
    if (!stale.empty) this.picture.update(ids, stale);
    if (this.#all || !stale.empty) this.#drawMap(this.#all ? null : stale);
    stale.clear();
    this.#all = false;
    const marked = Boolean(marks.outline || marks.cursor || marks.mirror);
    if (marked || this.#marked) drawMarks(this.#marks, this.view, marks);
    this.#marked = marked;
    this.#tip.show(this.view, marks.tip);
  }

  #drawMap(bounds) {
    const context = this.#map;
    const { view, picture } = this;
    const { width, height } = view.map;
    const scale = view.scale * view.ratio;
    context.save();
    if (bounds) {
      // One device pixel more, since smaller pictures are averages of their neighbours.
      const left = Math.floor(bounds.left * scale + view.x * view.ratio) - 2;
      const top = Math.floor(bounds.top * scale + view.y * view.ratio) - 2;
      const right = Math.ceil(bounds.right * scale + view.x * view.ratio) + 2;
      const bottom = Math.ceil(bounds.bottom * scale + view.y * view.ratio) + 2;
      context.beginPath();
      context.rect(left, top, right - left, bottom - top);
      context.clip();
    }
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.setTransform(scale, 0, 0, scale, view.x * view.ratio, view.y * view.ratio);
    context.imageSmoothingEnabled = scale < 1;
    context.drawImage(picture.canvas, 0, 0);
    if (this.#overlay) {
      context.globalAlpha = this.#opacity;
      context.imageSmoothingEnabled = true;
      context.drawImage(this.#overlay, 0, 0, width, height);
    }
    context.restore();
  }
}
