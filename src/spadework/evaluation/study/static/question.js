// A question on screen: the layout, two pictures, and a choice by pointer, touch or keyboard.

import { arrange } from "./arrange.js";
import { element, heading, show } from "./elements.js";
import { picturesOf } from "./pictures.js";

const QUESTION = "Which looks more like a photo of this layout?";
const PAUSE = 350; // milliseconds after a question appears: the second half of a double click is no answer
const KEYS = { arrowleft: "A", a: "A", 1: "A", arrowright: "B", b: "B", 2: "B" };
const VERTICAL_KEYS = { arrowup: "A", arrowdown: "B" }; // where the pictures stand one below the other

let current = null; // what the keyboard and the window's size act on

/** Show a question; resolves to {side, milliseconds} once somebody chose, or to null when another screen came. */
export async function askQuestion(question) {
  const screen = await build(question, QUESTION, false);
  if (!screen) return null;
  const appeared = time();
  return new Promise((answered) => {
    screen.choose = (side) => {
      if (current !== screen || time() - appeared < PAUSE) return;
      screen.choose = () => {};
      mark(screen, side);
      answered({ side, milliseconds: Math.round(time() - appeared) });
    };
    screen.left = () => answered(null);
  });
}

/** Show a question that was answered before, with a button to go on. */
export async function showAnswered(question, goOn) {
  const button = element("button", { class: "go", onclick: goOn }, "Go on");
  const note = element("p", { class: "note" }, `You chose ${question.side}. Answers stay as they are.`, button);
  const screen = await build(question, `Question ${question.position}, answered`, true, note);
  if (screen) mark(screen, question.side);
}

/** Another screen comes: nothing may be chosen any more. */
export function leaveQuestion() {
  const left = current;
  current = null;
  left?.left?.();
}

async function build(question, title, answered, note = null) {
  leaveQuestion();
  const screen = { choose: () => {}, buttons: {} };
  current = screen;

  // The old screen stays until the pictures are there; a slow connection is told.
  const slow = setTimeout(() => current === screen && waiting(), 600);
  const images = await picturesOf(question);
  clearTimeout(slow);
  if (current !== screen) return null;

  const [layout, ...pictures] = images;
  layout.alt = question.legend.length ? `The layout: ${question.legend.map(([name]) => name).join(", ")}` : "The layout";
  const choices = ["A", "B"].map((side, index) => {
    pictures[index].alt = "";
    const attributes = { class: "choice", "aria-label": `Picture ${side}`, "aria-keyshortcuts": side, disabled: answered };
    const button = element(
      "button",
      { ...attributes, "data-side": side, onclick: () => screen.choose(side) },
      pictures[index],
      element("span", { class: "side", "aria-hidden": "true" }, side),
    );
    screen.buttons[side] = button;
    return button;
  });
  const figure = element("figure", { class: "layout" }, layout, legendOf(question.legend));
  screen.size = { width: layout.naturalWidth, height: layout.naturalHeight };
  const box = element("div", { class: "pictures", role: "group", "aria-label": title }, choices[0], figure, choices[1]);
  show(answered ? "question answered" : "question", heading(title), box, note ?? keys());
  fit();
  return screen;
}

function legendOf(legend) {
  if (!legend.length) return null;
  const entries = legend.map(([name, color]) => {
    const dot = element("i");
    dot.style.background = color;
    return element("li", {}, dot, name);
  });
  return element("figcaption", {}, element("ul", { class: "legend", "aria-label": "What the colours mean" }, ...entries));
}

function keys() {
  const key = (name) => element("kbd", {}, name);
  return element("p", { class: "keys", "aria-hidden": "true" }, key("←"), " or ", key("A"), ",  ", key("→"), " or ", key("B"));
}

function mark(screen, side) {
  for (const [name, button] of Object.entries(screen.buttons)) {
    button.classList.toggle("chosen", name === side);
    button.setAttribute("aria-pressed", String(name === side));
  }
}

function waiting() {
  show("message", heading("Fetching the pictures…"));
}

// Time passes only while the page can be seen.
let passed = 0;
let since = document.hidden ? null : performance.now();
const time = () => passed + (since === null ? 0 : performance.now() - since);

document.addEventListener("visibilitychange", () => {
  passed = time();
  since = document.hidden ? null : performance.now();
});

/** Make the pictures as large as the window allows. */
function fit() {
  const box = document.querySelector(".pictures");
  if (!box || !current?.size) return;
  const top = box.getBoundingClientRect().top + scrollY;
  const below = parseFloat(getComputedStyle(box.parentElement).paddingBottom) + (box.nextElementSibling?.offsetHeight ?? 0);
  const room = { width: box.clientWidth, height: innerHeight - top - below };
  const { kind, width, layoutWidth } = arrange(room, current.size, box.querySelectorAll(".legend li").length);
  box.dataset.kind = kind;
  box.style.setProperty("--picture", `${width}px`);
  box.style.setProperty("--layout", `${layoutWidth}px`);
}

addEventListener("resize", fit);

addEventListener("keydown", (event) => {
  if (!current || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const scrolls = document.documentElement.scrollHeight > innerHeight + 1;
  const vertical = document.querySelector(".pictures")?.dataset.kind === "column" && !scrolls;
  const key = event.key.toLowerCase();
  const side = KEYS[key] ?? (vertical ? VERTICAL_KEYS[key] : undefined);
  if (side) {
    event.preventDefault();
    current.choose(side);
  }
});
