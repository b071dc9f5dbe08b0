// The first steps: three short hints, each beside what it speaks of. Doing what a hint says brings the next one.

import { element } from "./elements.js";
import { narrow } from "./layout.js";
import { preferences } from "./preferences.js";

/** The three hints. @param {any} studio */
export function firstSteps({ palette, painting, looks, dock }) {
  const once =
    (target, name, wanted = () => true) =>
    (next) => {
      const listen = (event) => wanted(event) && setTimeout(next, 250);
      target.addEventListener(name, listen);
      return () => target.removeEventListener(name, listen);
    };
  const find = palette.classes.find(({ name }) => /mountain/i.test(name)) ?? palette.classes[0];
  const on = (sheet, panel) => () => (narrow.matches ? dock.button(sheet) : document.querySelector(panel));
  const hints = [
    {
      title: "Choose what to paint",
      text: `Take a class, ${find.name} for example.`,
      where: on("palette", `#class-${find.id}`),
      done: once(palette, "choose"),
    },
    {
      title: "Paint it on the map",
      text: "Draw where it should be. The photo follows while you draw.",
      where: () => document.getElementById("map"),
      done: once(painting, "change", ({ detail }) => !detail.live),
    },
  ];
  if (looks.kind.size)
    hints.push({
      title: "Choose a look",
      text: "Same map, other light: take a style, or roll the dice.",
      where: on("styles", ".styles"),
      done: once(looks, "change"),
    });
  showHints(hints);
}

/** @param {{title: string, text: string, where: () => HTMLElement, done: (next: () => void) => () => void}[]} hints */
function showHints(hints) {
  document.querySelector(".hint")?.remove();
  let at = -1;
  let stopWatching = () => {};
  const title = element("h2", { id: "hint-title" });
  const text = element("p", { class: "soft" });
  const dots = element("span", { class: "hint-dots", "aria-hidden": "true" }, ...hints.map(() => element("i")));
  const go = element("button", { type: "button", class: "button primary", onclick: () => next() }, "Next");
  const skip = element("button", { type: "button", class: "button plain", onclick: () => end() }, "Skip");
  const made = element(
    "div",
    { class: "hint", role: "dialog", "aria-labelledby": "hint-title" },
    title,
    text,
    element("div", { class: "hint-row" }, dots, skip, go),
  );
  document.body.append(made);
  const place = () => settle(made, hints[at]?.where());
  const escape = (event) => event.key === "Escape" && end();
  addEventListener("resize", place);
  addEventListener("keydown", escape);

  function next() {
    stopWatching();
    at += 1;
    if (at === hints.length) return end();
    const hint = hints[at];
    title.textContent = hint.title;
    text.textContent = hint.text;
    [...dots.children].forEach((dot, index) => dot.classList.toggle("now", index === at));
    go.textContent = at === hints.length - 1 ? "Have fun" : "Next";
    skip.hidden = at === hints.length - 1;
    made.setAttribute("aria-label", `Step ${at + 1} of ${hints.length}`);
    place();
    const mine = at;
    stopWatching = hint.done(() => mine === at && next());
  }
  function end() {
    stopWatching();
    preferences.welcomed = true;
    removeEventListener("resize", place);
    removeEventListener("keydown", escape);
    made.remove();
  }
  next();
}

/** Beside the thing, with its tip towards it. */
function settle(made, thing) {
  const box = thing?.getBoundingClientRect();
  if (!box) return;
  const own = made.getBoundingClientRect();
  const room = 14;
  const clamp = (value, size, most) => Math.max(8, Math.min(value, most - size - 8));
  let [left, top, side] = [box.right + room, box.top + Math.min(box.height / 2, 90) - own.height / 2, "left"];
  if (narrow.matches || left + own.width > innerWidth - 8) {
    left = box.left + (box.width - own.width) / 2;
    const above = box.top - own.height - room;
    [top, side] = above > 8 ? [above, "bottom"] : [box.bottom + room, "top"];
    if (top + own.height > innerHeight - 8) [top, side] = [box.top + box.height / 2 - own.height / 2, "none"];
  }
  left = clamp(left, own.width, innerWidth);
  top = clamp(top, own.height, innerHeight);
  Object.assign(made.style, { left: `${left}px`, top: `${top}px` });
  made.dataset.side = side;
  const along = side === "left" ? box.top + Math.min(box.height / 2, 90) - top : box.left + box.width / 2 - left;
  made.style.setProperty(
    "--tip",
    `${Math.max(20, Math.min(along, (side === "left" ? own.height : own.width) - 20))}px`,
  );
}
