// The page's parts: two pictures and the bar between them, sheets on phones, light and dark.

import { element } from "./elements.js";
import { icon } from "./icons.js";
import { preferences } from "./preferences.js";

const [LEAST, MOST] = [20, 80]; // percent of the stage for the first picture

/** Whether the photo lies above the canvas, as on phones. */
export const narrow = matchMedia("(max-width: 860px), (max-height: 480px)");
const sideways = matchMedia("(max-height: 480px) and (min-width: 560px)");

/** The bar between the pictures: dragged, or moved by keys; a double click brings it to the middle. */
export function makeSplitter(stage, bar) {
  const upright = () => narrow.matches && !sideways.matches;
  const set = (percent) => {
    const at = Math.round(Math.max(LEAST, Math.min(MOST, percent)) * 10) / 10;
    preferences.split = at;
    stage.style.setProperty("--split", `${at}%`);
    bar.setAttribute("aria-valuenow", String(Math.round(at)));
  };
  const describe = () => bar.setAttribute("aria-orientation", upright() ? "horizontal" : "vertical");
  for (const [name, value] of Object.entries({
    role: "separator",
    tabindex: "0",
    "aria-label": "Room for the two pictures",
    "aria-valuemin": LEAST,
    "aria-valuemax": MOST,
  }))
    bar.setAttribute(name, value);
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    bar.classList.add("held");
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    set(upright() ? (100 * (event.clientY - box.top)) / box.height : (100 * (event.clientX - box.left)) / box.width);
  });
  for (const end of ["pointerup", "pointercancel"]) bar.addEventListener(end, () => bar.classList.remove("held"));
  bar.addEventListener("dblclick", () => set(50));
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2, PageUp: -10, PageDown: 10 }[event.key];
    const to = { Home: LEAST, End: MOST, Enter: 50 }[event.key] ?? (by && preferences.split + by);
    if (to === undefined) return;
    set(to);
    event.preventDefault();
    event.stopPropagation();
  });
  narrow.addEventListener("change", describe);
  set(preferences.split);
  describe();
}

/** A strip that scrolls sideways fades out where it goes on. @param {HTMLElement} strip */
export function fadeEnds(strip) {
  const look = () => {
    const left = strip.scrollLeft;
    strip.classList.toggle("from-left", left > 1);
    strip.classList.toggle("to-right", strip.scrollWidth - strip.clientWidth - left > 1);
  };
  strip.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(strip);
  new MutationObserver(look).observe(strip, { childList: true });
}

/** Light, dark, or as the system has it. */
export function setTheme(theme) {
  preferences.theme = theme;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/**
 * The bar at the bottom of phones: each button brings a sheet.
 * @param {HTMLElement} dock
 * @param {{sheet: string, name: string, symbol?: string, mark?: Node}[]} parts
 */
export function makeDock(dock, parts) {
  const buttons = new Map();
  const open = (sheet) => {
    if (sheet) document.body.dataset.sheet = sheet;
    else delete document.body.dataset.sheet;
    for (const [name, button] of buttons) button.setAttribute("aria-expanded", String(name === sheet));
  };
  for (const { sheet, name, symbol, mark } of parts) {
    const label = element("span", {}, name);
    const button = element(
      "button",
      {
        type: "button",
        "aria-expanded": "false",
        onclick: () => open(document.body.dataset.sheet === sheet ? null : sheet),
      },
      mark ?? icon(symbol),
      label,
    );
    button.label = label;
    buttons.set(sheet, button);
    dock.append(button);
  }
  // A touch beside the sheet, a choice in it, or Escape: it goes.
  addEventListener(
    "pointerdown",
    ({ target }) => document.body.dataset.sheet && target.closest?.(".stage, .bar") && open(null),
    true,
  );
  addEventListener("keydown", (event) => event.key === "Escape" && open(null));
  return { open, close: () => open(null), button: (sheet) => buttons.get(sheet) };
}
