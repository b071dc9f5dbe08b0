// What the studio says: lines at the bottom of the page, never a window in the way.

import { element, iconButton } from "./elements.js";
import { icon } from "./icons.js";

const READ = 5000; // milliseconds for which good news stays
const LONG = 14000; // and trouble
const MOST = 3;

const place = () => document.querySelector(".messages");

/**
 * Say something; `cure` is what helps, `action` {name, run} a button.
 * @param {string} text
 * @param {{cure?: string, kind?: "good"|"bad"|"plain", action?: {name: string, run: () => void}, stay?: boolean}} more
 */
export function say(text, { cure = "", kind = "plain", action = null, stay = false } = {}) {
  for (const shown of place().children) if (shown.dataset.text === text) shown.remove();
  const made = element(
    "div",
    { class: `message ${kind}`, role: kind === "bad" ? "alert" : "status", "data-text": text },
    icon(kind === "bad" ? "warning" : kind === "good" ? "check" : "help"),
    element("p", {}, text, cure && element("span", { class: "cure" }, ` ${cure}`)),
    action &&
      element("button", { type: "button", class: "button", onclick: () => (made.remove(), action.run()) }, action.name),
    iconButton("close", "Dismiss", () => made.remove(), { small: true }),
  );
  place().append(made);
  while (place().children.length > MOST) place().firstChild.remove();
  if (stay) return made;

  // It waits while somebody is reading it.
  let timer;
  const start = () => (timer = setTimeout(() => made.remove(), kind === "bad" || action ? LONG : READ));
  made.addEventListener("pointerenter", () => clearTimeout(timer));
  made.addEventListener("pointerleave", start);
  made.addEventListener("focusin", () => clearTimeout(timer));
  made.addEventListener("focusout", start);
  start();
  return made;
}

/** Say what went wrong, and what helps. */
export function complain(error, doing = "") {
  if (error.name === "AbortError") return;
  if (!("cure" in error)) console.error(error);
  const text = sentence(error.message, !doing.endsWith(": "));
  say(`${doing}${text}`, { cure: sentence(error.cure ?? ""), kind: "bad" });
}

/** The server's messages are lines of a log; on the page they are sentences. */
function sentence(text, capital = true) {
  if (!text) return "";
  return (capital ? text[0].toUpperCase() : text[0]) + text.slice(1) + (/[.!?…]$/.test(text) ? "" : ".");
}

/** Do something; what goes wrong is said. True if it went well. */
export async function attempt(action, doing = "") {
  try {
    await action();
    return true;
  } catch (error) {
    complain(error, doing);
    return false;
  }
}
