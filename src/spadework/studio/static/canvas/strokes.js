// Strokes on a painting: the same code draws them under the pointer and in a replay, so both give the same pixels.

import { box, capsule, pixelLine, polygon, taper } from "./shapes.js";

const SNAPPED = 8; // diameters up to this are laid on the pixel grid, so that a small tip keeps its shape

/** Coordinates are kept to an eighth of a pixel, and stay within their pixel. */
export const rounded = (value) => Math.floor(value * 8) / 8;

/** Draws one stroke, point by point. Each point changes the edit that the painting has begun. */
export class Pen {
  #painting;
  #stroke;
  #sink;

  /**
   * @param {import("./painting.js").Painting} painting
   * @param {{tool: string, class: number, size: number, mirror?: string}} stroke  `mirror`: "", "x", "y" or "xy"
   */
  constructor(painting, stroke) {
    this.#painting = painting;
    this.#stroke = stroke;
    this.#sink = mirrored(painting, stroke.class, stroke.mirror ?? "");
    this.points = [];
    this.sizes = [];
    this.pressed = false; // whether sizes differ from the stroke's
  }

  /** The stroke as it stands, to be kept. */
  get stroke() {
    const { points, sizes, pressed } = this;
    return { ...this.#stroke, points, ...(pressed ? { sizes } : {}) };
  }

  /** Go on to a point; the first one makes a dot. */
  to(x, y, size = this.#stroke.size) {
    const { points, sizes } = this;
    x = rounded(x);
    y = rounded(y);
    size = rounded(size);
    const count = points.length;
    const x0 = count ? points[count - 2] : x;
    const y0 = count ? points[count - 1] : y;
    const size0 = count ? sizes[sizes.length - 1] : size;
    if (count && x === x0 && y === y0 && size <= size0) return;
    points.push(x, y);
    sizes.push(size);
    this.pressed ||= size !== this.#stroke.size;
    this.#segment(x0, y0, size0, x, y, size);
  }

  #segment(x0, y0, size0, x1, y1, size1) {
    if (this.#stroke.square) pixelLine(this.#sink, x0, y0, x1, y1, Math.max(1, Math.round(size1)));
    else if (size0 === size1 && size0 <= SNAPPED) {
      const on = Math.round(size0) % 2 ? (value) => Math.floor(value) + 0.5 : Math.round;
      capsule(this.#sink, on(x0), on(y0), on(x1), on(y1), Math.round(size0) / 2);
    } else taper(this.#sink, x0, y0, size0 / 2, x1, y1, size1 / 2);
  }

  /** A whole shape instead of points one by one. @param {number[]} points */
  shape(points) {
    const { tool } = this.#stroke;
    this.points = points.map(rounded);
    const [x0, y0, x1, y1] = this.points;
    if (tool === "rectangle") box(this.#sink, x0, y0, x1, y1);
    else if (tool === "line") this.#segment(x0, y0, this.#stroke.size, x1, y1, this.#stroke.size);
    else polygon(this.#sink, this.points, this.#painting.height);
  }
}

const SHAPES = new Set(["line", "rectangle", "polygon", "lasso"]);

/** Draw a stroke that was kept, within an edit that has begun. */
export function drawAgain(painting, stroke) {
  const pen = new Pen(painting, stroke);
  if (SHAPES.has(stroke.tool)) return pen.shape(stroke.points);
  for (let at = 0; at < stroke.points.length; at += 2) {
    pen.to(stroke.points[at], stroke.points[at + 1], stroke.sizes?.[at / 2] ?? stroke.size);
  }
}

/** Rows go to the painting, and to the other side where a mirror stands in the middle. */
function mirrored(painting, id, mirror) {
  const { width, height } = painting;
  const across = mirror.includes("x");
  const down = mirror.includes("y");
  const both = (y, left, right) => {
    painting.row(y, left, right, id);
    if (across) painting.row(y, width - right, width - left, id);
  };
  const row = (y, left, right) => {
    both(y, left, right);
    if (down) both(height - 1 - y, left, right);
  };
  return { row };
}
