// Example maps to begin with, and new empty ones.

import { paintIds } from "./colors.js";
import { element, button } from "./elements.js";
import { attempt } from "./messages.js";
import { decodeIds } from "./png_ids.js";
import { openSheet } from "./sheet.js";

/** An example's map: {ids, width, height}. */
export async function fetchExample({ url }) {
  const response = await fetch(url);
  if (!response.ok) throw Object.assign(new Error("The example could not be fetched."), { cure: "Try again." });
  return decodeIds(new Uint8Array(await response.arrayBuffer()));
}

/** A sheet with the examples and an empty map of any size. */
export function openGallery(studio) {
  const { model, files, palettes } = studio;
  const grid = element("div", { class: "gallery" });
  for (const example of model.examples ?? []) {
    const picture = element("canvas", { width: 4, height: 3, "aria-hidden": "true" });
    const made = element(
      "button",
      {
        type: "button",
        class: "example",
        onclick: () =>
          attempt(async () => {
            files.take(await fetchExample(example), `example ${example.name}`, example.name);
            sheet.close();
          }),
      },
      picture,
      element("span", {}, example.name),
    );
    fetchExample(example)
      .then(({ ids, width, height }) =>
        paintIds(ids, width, height, palettes[studio.paletteName] ?? palettes.own, picture),
      )
      .catch(() => made.remove());
    grid.append(made);
  }
  const [height, width] = model.size;
  const field = (name, value) => {
    const made = element("input", { type: "number", min: 16, max: 4096, "aria-label": name });
    made.value = value;
    return made;
  };
  const [wide, high] = [field("Width in pixels", width), field("Height in pixels", height)];
  const start = button(
    "New map",
    () =>
      attempt(async () => {
        const [w, h] = [wide, high].map((one) => Math.round(Number(one.value)));
        if (!(w >= 16 && h >= 16 && w <= 4096 && h <= 4096))
          throw Object.assign(new Error("A map has 16 to 4096 pixels a side."), {
            cure: `This model was trained at ${width} × ${height}.`,
          });
        files.take({ ids: plain(model, w, h), width: w, height: h }, "new map", "Untitled");
        sheet.close();
      }),
    { primary: true },
  );
  const sheet = openSheet(
    "Begin with",
    [
      grid.children.length ? grid : element("p", { class: "soft" }, "This model comes without examples."),
      element(
        "div",
        { class: "new-map" },
        element("span", {}, "An empty map of"),
        wide,
        "×",
        high,
        element("span", {}, "pixels"),
        start,
      ),
    ],
    { wide: true },
  );
}

/** A map to begin with: something like a sky above something like a ground, or the first class. */
export function plain({ ontology: { classes } }, width, height) {
  const find = (...words) =>
    classes.find(({ name }) => words.some((word) => new RegExp(`\\b${word}`, "i").test(name)))?.id;
  const above = find("sky") ?? classes[0].id;
  const below = find("grass", "field", "ground", "sea", "water", "road", "facade") ?? above;
  const ids = new Uint16Array(width * height).fill(above);
  ids.fill(below, width * Math.round(0.6 * height));
  return ids;
}
