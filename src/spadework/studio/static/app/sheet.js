// Sheets in front of the page: a heading, what there is to see, buttons.

import { element, iconButton } from "./elements.js";

/**
 * Open a sheet; it goes with Escape, its cross, or a click beside it.
 * @param {string} title
 * @param {Node[]} children
 * @param {{wide?: boolean, actions?: Node[], closed?: () => void}} more
 * @returns {HTMLDialogElement}
 */
export function openSheet(title, children, { wide = false, actions = [], closed = () => {} } = {}) {
  const heading = element("h2", { id: `sheet-${Math.random().toString(36).slice(2)}` }, title);
  const made = element(
    "dialog",
    { class: wide ? "sheet wide" : "sheet", "aria-labelledby": heading.id },
    element(
      "div",
      { class: "sheet-head" },
      heading,
      iconButton("close", "Close", () => made.close()),
    ),
    element("div", { class: "sheet-body", tabindex: "0", role: "region", "aria-labelledby": heading.id }, ...children),
    actions.length ? element("div", { class: "sheet-actions" }, ...actions) : null,
  );
  const before = document.activeElement;
  made.addEventListener("close", () => {
    made.remove();
    before?.focus?.();
    closed();
  });
  made.addEventListener("pointerdown", (event) => event.target === made && made.close());
  made.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(made);
  made.showModal();
  return made;
}

/** Ask one question with a few answers; the answer's value, or null. @returns {Promise<string|null>} */
export function choose(title, text, answers) {
  return new Promise((done) => {
    let answer = null;
    const buttons = answers.map(({ value, name, primary = false }) =>
      element(
        "button",
        {
          type: "button",
          class: primary ? "button primary" : "button",
          onclick: () => ((answer = value), made.close()),
        },
        name,
      ),
    );
    const made = openSheet(title, [element("p", {}, text)], { actions: buttons, closed: () => done(answer) });
  });
}
