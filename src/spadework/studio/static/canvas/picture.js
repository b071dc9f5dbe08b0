// The map as a picture: one pixel of a canvas per pixel of the map, in the palette's colours.

import { CHECKS, PLAIN, ink, patternOf } from "./patterns.js";

const UNKNOWN = [128, 128, 128];
const CHECK = [
  [150, 152, 158],
  [128, 130, 136],
];

export class Picture {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.plain = new Uint32Array(65536); // colour by id
    this.inked = new Uint32Array(65536); // colour by id where its pattern has ink
    this.pattern = new Uint8Array(65536);
  }

  /**
   * Colours and patterns.
   * @param {{id: number}[]} classes
   * @param {Record<number, number[]>} palette
   * @param {number | null} unlabelled  the id that is drawn as grey checks; null: every id has its colour
   */
  setLook(classes, palette, unlabelled, patterns) {
    this.plain.fill(word(UNKNOWN));
    this.inked.fill(word(UNKNOWN));
    this.pattern.fill(PLAIN);
    for (const [id, color] of Object.entries(palette)) {
      this.plain[id] = word(color);
      this.inked[id] = word(inkOn(color));
    }
    if (patterns) classes.forEach(({ id }, place) => (this.pattern[id] = patternOf(place)));
    if (unlabelled === null) return;
    this.plain[unlabelled] = word(CHECK[0]);
    this.inked[unlabelled] = word(CHECK[1]);
    this.pattern[unlabelled] = CHECKS;
  }

  resize(width, height) {
    Object.assign(this.canvas, { width, height });
    this.context = this.canvas.getContext("2d");
    this.data = new ImageData(width, height);
    this.words = new Uint32Array(this.data.data.buffer);
    this.fine = Math.max(0, Math.floor(Math.log2(Math.max(width, height) / 512))); // larger maps, larger patterns
  }

  /**
   * Paint the map anew within bounds, and only there.
   * @param {Uint16Array} ids
   * @param {import("./bounds.js").Bounds} bounds
   */
  update(ids, { left, top, right, bottom }) {
    const { words, plain, inked, pattern, fine } = this;
    const width = this.canvas.width;
    for (let y = top; y < bottom; y++) {
      const row = ((y >> fine) & 15) << 4;
      for (let x = left, at = y * width + left; x < right; x++, at++) {
        const id = ids[at];
        const place = (pattern[id] << 8) + row + ((x >> fine) & 15);
        words[at] = ink[place] ? inked[id] : plain[id];
      }
    }
    this.context.putImageData(this.data, 0, 0, left, top, right - left, bottom - top);
  }
}

/** An opaque colour as a word of image data. */
function word([red, green, blue]) {
  return new Uint32Array(new Uint8Array([red, green, blue, 255]).buffer)[0];
}

/** The colour of ink: darker on light colours, lighter on dark ones. */
function inkOn(color) {
  const [red, green, blue] = color;
  const light = 0.299 * red + 0.587 * green + 0.114 * blue > 110;
  return color.map((value) => Math.round(light ? value * 0.62 : value + (255 - value) * 0.38));
}
