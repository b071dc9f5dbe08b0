// The colours that classes are painted in: the ontology's own, or ones that everybody can tell apart.

import { Picture } from "../canvas/picture.js";

const SAMPLE = 16; // pixels: one repetition of a pattern

/** Palettes by name, each {id: [r, g, b]} with a colour for every class. */
export function palettesOf(model) {
  const own = Object.fromEntries(model.ontology.classes.map(({ id, color }) => [id, color ?? made(id)]));
  const palettes = { own };
  for (const [name, colors] of Object.entries(model.palettes ?? {})) palettes[name] = { ...own, ...colors };
  return palettes;
}

/** What a palette is called on the screen. */
export function paletteName(name) {
  const known = {
    own: "Class colours",
    ontology: "Class colours",
    "colour-blind": "Colour-blind safe",
    "color-blind": "Colour-blind safe",
    safe: "Colour-blind safe",
  };
  return known[name] ?? name;
}

/** A colour for a class that has none: hues by the golden angle. */
function made(id) {
  const hue = (id * 137.508) % 360;
  const part = (shift) => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (0.55 - 0.3 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

/** Samples of the patterns that classes have on the canvas: id -> address of a picture. */
export function patternSamples(classes, colors) {
  const picture = new Picture();
  picture.setLook(classes, colors, null, true);
  picture.resize(SAMPLE, SAMPLE);
  const all = { left: 0, top: 0, right: SAMPLE, bottom: SAMPLE };
  const sample = (id) => {
    picture.update(new Uint16Array(SAMPLE * SAMPLE).fill(id), all);
    return picture.canvas.toDataURL();
  };
  return Object.fromEntries(classes.map(({ id }) => [id, sample(id)]));
}

/** Ids [H * W] painted in colours, as a canvas. */
export function paintIds(ids, width, height, colors, target = document.createElement("canvas")) {
  Object.assign(target, { width, height });
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const known = new Map(
    Object.entries(colors).map(([id, [r, g, b]]) => [Number(id), (255 << 24) | (b << 16) | (g << 8) | r]),
  );
  for (let i = 0; i < ids.length; i++) pixels[i] = known.get(ids[i]) ?? 0xff000000;
  target.getContext("2d").putImageData(image, 0, 0);
  return target;
}
