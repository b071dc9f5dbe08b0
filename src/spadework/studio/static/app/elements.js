// Making elements of the page.

import { icon } from "./icons.js";

/**
 * An element with attributes ("onclick" and the like are listeners) and children (elements or text; null is left out).
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

/**
 * A button that shows only an icon; `name` is what it is called, `key` the key that does the same.
 * @param {string} symbol
 * @param {string} name
 * @param {(event: Event) => void} action
 * @param {Record<string, any>} attributes
 */
export function iconButton(symbol, name, action, attributes = {}) {
  const { key, small, ...others } = attributes;
  return element(
    "button",
    {
      type: "button",
      class: small ? "icon small" : "icon",
      "aria-label": name,
      "data-tip": name,
      "data-key": key,
      onclick: action,
      ...others,
    },
    icon(symbol),
  );
}

/** A button with words, and an icon before them if one is named. */
export function button(name, action, { symbol = null, primary = false, ...others } = {}) {
  return element(
    "button",
    { type: "button", class: primary ? "button primary" : "button", onclick: action, ...others },
    symbol && icon(symbol),
    name,
  );
}

/** A slider whose filled part follows its value. */
export function slider(name, { min, max, step = 1, value, oninput, ...others }) {
  const made = element("input", { type: "range", min, max, step, "aria-label": name, ...others });
  made.value = value;
  const fill = () =>
    made.style.setProperty("--share", `${(100 * (made.value - made.min)) / (made.max - made.min || 1)}%`);
  made.addEventListener("input", () => (fill(), oninput?.(Number(made.value))));
  made.set = (to) => ((made.value = to), fill());
  fill();
  return made;
}

/** A labelled switch. */
export function toggle(name, checked, onchange) {
  const input = element("input", { type: "checkbox", role: "switch", onchange: () => onchange(input.checked) });
  input.checked = checked;
  const made = element("label", { class: "switch" }, name, input);
  made.input = input;
  return made;
}

/**
 * One of a few, side by side.
 * @param {string} name what is chosen
 * @param {{value: string, text: string, symbol?: string, disabled?: boolean, tip?: string}[]} choices
 */
export function segments(name, choices, value, onchange) {
  const group = `segments-${Math.random().toString(36).slice(2)}`;
  const made = element("div", { class: "segments", role: "radiogroup", "aria-label": name });
  for (const choice of choices) {
    const input = element("input", {
      type: "radio",
      name: group,
      value: choice.value,
      disabled: !!choice.disabled,
      onchange: () => onchange(choice.value),
    });
    if (choice.symbol) input.setAttribute("aria-label", choice.text);
    input.checked = choice.value === value;
    made.append(
      element(
        "label",
        { "data-tip": choice.tip ?? (choice.symbol ? choice.text : null) },
        input,
        choice.symbol ? icon(choice.symbol) : choice.text,
      ),
    );
  }
  made.set = (to) => made.querySelectorAll("input").forEach((input) => (input.checked = input.value === to));
  return made;
}

/** A sample of a class's colour, and of its pattern where there is one. */
export function swatch(color, pattern = null) {
  const made = element("i", { class: "swatch", "aria-hidden": "true" });
  paintSwatch(made, color, pattern);
  return made;
}

export function paintSwatch(made, color, pattern = null) {
  if (color) made.style.setProperty("--color", `rgb(${color.join(" ")})`);
  made.style.setProperty("--pattern", pattern ? `url(${pattern})` : "none");
}

/** Say something to those who hear the page. */
export function speak(text) {
  const spoken = document.getElementById("spoken");
  spoken.textContent = spoken.textContent === text ? `${text}\u00a0` : text;
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** On this machine the command key, elsewhere Ctrl. */
export const COMMAND = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
