// The tools, how wide they paint, and the few things that belong to them.

import { element, iconButton, segments, slider } from "./elements.js";
import { icon } from "./icons.js";
import { narrow } from "./layout.js";
import { say } from "./messages.js";
import { preferences } from "./preferences.js";

/** Tool -> icon, name, keys. Keys that the ontology gives to a class belong to the class; the next one takes over. */
export const TOOLS = {
  brush: ["brush", "Brush", ["b"]],
  pencil: ["pencil", "Pencil", ["p", "n"]],
  line: ["line", "Line", ["l"]],
  polygon: ["polygon", "Polygon", ["g"]],
  lasso: ["lasso", "Lasso", ["o"]],
  rectangle: ["rectangle", "Rectangle", ["r"]],
  fill: ["fill", "Fill", ["f"]],
  eyedropper: ["eyedropper", "Pick a class from the map", ["i"]],
  eraser: ["eraser", "Eraser", ["e"]],
  hand: ["hand", "Move the view", ["h"]],
};

/** The key of a tool, or null where classes took them all. @param {Set<string>} taken */
export function keyOf(tool, taken) {
  return TOOLS[tool][2].find((key) => !taken.has(key)) ?? null;
}

const SIZED = new Set(["brush", "pencil", "line", "eraser"]);
const LARGEST = 128; // pixels of the map
const SPECK = 32; // pixels: regions below that are specks

/**
 * @param {HTMLElement} place
 * @param {import("../canvas/editor.js").Editor} editor
 * @param {Set<string>} taken keys that belong to classes
 */
export function makeTools(place, editor, taken) {
  const buttons = new Map();
  for (const [tool, [symbol, name]] of Object.entries(TOOLS)) {
    const key = keyOf(tool, taken);
    const made = iconButton(symbol, name, () => (editor.tool = tool), {
      key: key?.toUpperCase(),
      "aria-pressed": "false",
      "data-tool": tool,
      "aria-keyshortcuts": key,
    });
    made.append(element("span", { class: "tool-name", "aria-hidden": "true" }, name.replace(/ (a|the) .*/, "")));
    buttons.set(tool, made);
  }
  place.append(...buttons.values());
  place.addEventListener("keydown", (event) => moveAmong(event, [...buttons.values()]));

  const show = () => {
    for (const [tool, made] of buttons) {
      made.setAttribute("aria-pressed", String(tool === editor.tool));
      made.tabIndex = tool === editor.tool ? 0 : -1;
    }
  };
  editor.addEventListener("tool", show);
  show();
}

/** Arrow keys among the buttons of a bar. */
function moveAmong(event, buttons) {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const at = buttons.indexOf(document.activeElement);
  if (!by || at < 0) return;
  const next = buttons[(at + by + buttons.length) % buttons.length];
  next.focus();
  event.preventDefault();
  event.stopPropagation();
}

/**
 * Size, mirror, tidying and zoom: above the canvas, on phones in the sheet of tools.
 * @param {HTMLElement} above
 * @param {HTMLElement} sheet
 * @param {any} studio what main.js puts together
 */
export function makeToolOptions(above, sheet, studio) {
  const { editor } = studio;
  const place = element("div", { class: "tool-options" });
  const settle = () => (narrow.matches ? sheet : above).append(place);
  narrow.addEventListener("change", settle);
  settle();

  // The size grows faster where it is larger already.
  const toSize = (at) => Math.round(LARGEST ** (at / 100));
  const toPlace = (size) => (100 * Math.log(size)) / Math.log(LARGEST);
  const number = element("output", { class: "numbers small soft size-number" });
  const size = slider("Brush size", {
    min: 0,
    max: 100,
    value: toPlace(editor.size),
    oninput: (at) => (editor.size = toSize(at)),
  });
  const sized = element(
    "div",
    { class: "size", "data-tip": "Brush size", "data-key": "[ ]" },
    element("i", { class: "size-dot", "aria-hidden": "true" }),
    size,
    number,
  );

  const eraseTo = segments(
    "Erase to",
    [
      { value: "nothing", text: "Layer below", tip: "Erase to what lies below" },
      { value: "class", text: "Class", tip: "Erase to the chosen class" },
    ],
    "nothing",
    (value) => {
      editor.eraseTo = value === "class" ? editor.class : null;
    },
  );
  editor.addEventListener("class", () => editor.eraseTo !== null && (editor.eraseTo = editor.class));
  const mirror = iconButton(
    "mirror",
    "Mirror",
    () => {
      editor.mirror = editor.mirror ? "" : "x";
    },
    { small: true, key: "M", "aria-pressed": "false", "data-tip": "Mirror: paint both halves at once" },
  );
  editor.addEventListener("mirror", () => mirror.setAttribute("aria-pressed", String(editor.mirror !== "")));
  const smooth = iconButton(
    "smooth",
    "Smooth strokes",
    () => {
      editor.smoothing = editor.smoothing ? 0 : 0.5;
      smooth.setAttribute("aria-pressed", String(Boolean(editor.smoothing)));
    },
    { small: true, "aria-pressed": String(Boolean(editor.smoothing)) },
  );
  const tidy = iconButton(
    "tidy",
    "Tidy up specks",
    () => {
      const count = editor.tidy(SPECK);
      say(count ? `${count} ${count === 1 ? "speck is" : "specks are"} gone.` : "There are no specks.", {
        kind: count ? "good" : "plain",
      });
    },
    { small: true },
  );

  const opacity = slider("Opacity of the photo", {
    min: 0,
    max: 1,
    step: 0.01,
    value: preferences.opacity,
    oninput: (value) => {
      preferences.opacity = value;
      studio.overlay();
    },
  });
  const over = element("span", { class: "opacity", "data-tip": "Opacity of the photo" }, icon("photo"), opacity);
  const zoom = element("button", {
    type: "button",
    class: "zoom numbers",
    "aria-label": "Fit the map into the window",
    "data-tip": "Fit",
    "data-key": "⇧ 1",
    onclick: () => editor.fit(),
  });
  place.append(
    sized,
    eraseTo,
    element("span", { class: "push" }),
    over,
    smooth,
    mirror,
    tidy,
    element("span", { class: "rule" }),
    iconButton("minus", "Zoom out", () => editor.zoomBy(0.8), { small: true, key: "−" }),
    zoom,
    iconButton("plus", "Zoom in", () => editor.zoomBy(1.25), { small: true, key: "+" }),
  );

  const show = () => {
    number.textContent = `${Math.round(editor.size)} px`;
    size.set(toPlace(editor.size));
    size.setAttribute("aria-valuetext", `${Math.round(editor.size)} pixels`);
    sized.querySelector(".size-dot").style.setProperty("--dot-size", `${4 + (14 * toPlace(editor.size)) / 100}px`);
    sized.hidden = !SIZED.has(editor.tool);
    eraseTo.hidden = editor.tool !== "eraser";
  };
  const showZoom = () => (zoom.textContent = `${Math.round(100 * editor.view.scale)} %`);
  for (const name of ["tool", "size"]) editor.addEventListener(name, show);
  editor.addEventListener("view", showZoom);
  show();
  showZoom();
}
