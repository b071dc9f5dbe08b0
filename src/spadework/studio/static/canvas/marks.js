// What lies over the map while one works: the tip's outline, a shape not yet closed, the keyboard's cursor, mirrors.

const DARK = "rgb(0 0 0 / 75%)";
const EDGE = 3; // CSS pixels around the tip, for its line
const LIGHT = "rgb(255 255 255 / 95%)";

/** Strokes a path twice, so that it shows on any colour. */
function contrast(context, path) {
  context.lineWidth = 3;
  context.strokeStyle = DARK;
  context.stroke(path);
  context.lineWidth = 1.25;
  context.strokeStyle = LIGHT;
  context.stroke(path);
}

/**
 * What is drawn anew in each frame.
 * @typedef {object} Marks
 * @property {{x: number, y: number, size: number, square: boolean} | null} tip  in map coordinates; moved by `Tip`
 * @property {number[] | null} outline  points of a shape, in map coordinates
 * @property {{x: number, y: number, down: boolean} | null} cursor  of the keyboard
 * @property {string} mirror
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./view.js").View} view
 * @param {Marks} marks
 */
export function drawMarks(context, view, { outline, cursor, mirror }) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  if (mirror) drawMirrors(context, view, mirror);
  if (outline) drawOutline(context, view, outline);
  if (cursor) drawCursor(context, view, cursor);
}

export const LARGEST_TIP = 1200; // CSS pixels: a larger one has no outline, since it would not be seen either

/** The outline of the tip: a small canvas that is moved, and drawn again only when its shape changes. */
export class Tip {
  #context = document.createElement("canvas").getContext("2d");
  #drawn = "";

  constructor() {
    this.canvas = this.#context.canvas;
    const style = { position: "absolute", left: "0", top: "0", pointerEvents: "none", willChange: "transform" };
    Object.assign(this.canvas.style, style);
  }

  /** @param {import("./view.js").View} view @param {Marks["tip"]} tip */
  show(view, tip) {
    const side = tip ? Math.max(tip.size * view.scale, 3) : Infinity;
    this.canvas.hidden = side > LARGEST_TIP;
    if (this.canvas.hidden) return;
    const square = tip.square || tip.size === 1;
    const shape = `${side} ${square} ${view.ratio}`;
    if (shape !== this.#drawn) this.#draw(side, square, view.ratio);
    this.#drawn = shape;

    // Square tips lie on the grid of the map.
    const before = Math.floor((tip.size - 1) / 2);
    const left = square ? view.toScreenX(Math.floor(tip.x) - before) : view.toScreenX(tip.x) - side / 2;
    const top = square ? view.toScreenY(Math.floor(tip.y) - before) : view.toScreenY(tip.y) - side / 2;
    this.canvas.style.transform = `translate(${left - EDGE}px, ${top - EDGE}px)`;
  }

  #draw(side, square, ratio) {
    const size = Math.ceil((side + 2 * EDGE) * ratio);
    Object.assign(this.canvas, { width: size, height: size });
    Object.assign(this.canvas.style, { width: `${size / ratio}px`, height: `${size / ratio}px` });
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const path = new Path2D();
    if (square) path.rect(EDGE, EDGE, side, side);
    else path.arc(EDGE + side / 2, EDGE + side / 2, side / 2, 0, 2 * Math.PI);
    contrast(this.#context, path);
  }
}

function drawOutline(context, view, points) {
  const path = new Path2D();
  for (let at = 0; at < points.length; at += 2) path.lineTo(view.toScreenX(points[at]), view.toScreenY(points[at + 1]));
  const closed = new Path2D(path);
  closed.closePath();
  context.fillStyle = "rgb(255 255 255 / 25%)";
  context.fill(closed);
  contrast(context, path);
  const start = new Path2D();
  start.arc(view.toScreenX(points[0]), view.toScreenY(points[1]), 4, 0, 2 * Math.PI);
  contrast(context, start);
}

function drawCursor(context, view, { x, y, down }) {
  const path = new Path2D();
  const [left, top] = [view.toScreenX(Math.floor(x) + 0.5), view.toScreenY(Math.floor(y) + 0.5)];
  const gap = down ? 2 : 5;
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(left + dx * gap, top + dy * gap);
    path.lineTo(left + dx * (gap + 9), top + dy * (gap + 9));
  }
  contrast(context, path);
}

function drawMirrors(context, view, mirror) {
  const { width, height } = view.map;
  const path = new Path2D();
  if (mirror.includes("x")) {
    path.moveTo(view.toScreenX(width / 2), view.toScreenY(0));
    path.lineTo(view.toScreenX(width / 2), view.toScreenY(height));
  }
  if (mirror.includes("y")) {
    path.moveTo(view.toScreenX(0), view.toScreenY(height / 2));
    path.lineTo(view.toScreenX(width), view.toScreenY(height / 2));
  }
  context.setLineDash([6, 6]);
  contrast(context, path);
  context.setLineDash([]);
}
