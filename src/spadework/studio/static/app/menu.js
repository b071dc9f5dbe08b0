// Menus that hang from a button.

import { element } from "./elements.js";
import { icon } from "./icons.js";

/**
 * Open a menu below `owner`.
 * @param {HTMLElement} owner
 * @param {(null | {name: string, symbol?: string, key?: string, run: () => void} | HTMLElement)[]} entries null is a line between groups
 */
export function openMenu(owner, entries) {
  const made = element("div", {
    class: "menu",
    popover: "auto",
    role: entries.some((entry) => entry instanceof Element) ? "dialog" : "menu",
    "aria-label": owner.getAttribute("aria-label") ?? owner.textContent,
  });
  for (const entry of entries) {
    if (!entry) made.append(element("hr", { role: "separator" }));
    else if (entry instanceof Element) made.append(entry);
    else
      made.append(
        element(
          "button",
          { type: "button", role: "menuitem", tabindex: "-1", onclick: () => (made.hidePopover(), entry.run()) },
          entry.symbol && icon(entry.symbol),
          entry.name,
          entry.key && element("kbd", {}, entry.key),
        ),
      );
  }
  made.addEventListener("keydown", (event) => moveInMenu(event, made));
  made.addEventListener("toggle", ({ newState }) => {
    owner.setAttribute("aria-expanded", String(newState === "open"));
    if (newState !== "closed") return;
    const inside = made.contains(document.activeElement) || document.activeElement === document.body;
    made.remove();
    if (inside) owner.focus();
  });
  owner.after(made);
  made.showPopover({ source: owner });
  const box = owner.getBoundingClientRect();
  const own = made.getBoundingClientRect();
  made.style.left = `${Math.max(8, Math.min(innerWidth - own.width - 8, box.left + own.width > innerWidth ? box.right - own.width : box.left))}px`;
  made.style.top = `${Math.max(8, Math.min(box.bottom + 6, innerHeight - own.height - 8))}px`;
  (made.querySelector('[role="menuitem"]') ?? made.querySelector("input, select, button"))?.focus();
  return made;
}

/** A button that opens a menu of entries made on the spot. */
export function opensMenu(owner, entries) {
  owner.setAttribute("aria-haspopup", "menu");
  owner.setAttribute("aria-expanded", "false");
  owner.addEventListener("click", () => owner.getAttribute("aria-expanded") !== "true" && openMenu(owner, entries()));
  return owner;
}

function moveInMenu(event, made) {
  const items = [...made.querySelectorAll('[role="menuitem"]')];
  const at = items.indexOf(document.activeElement);
  if (at < 0) return;
  const to = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  }[event.key];
  const letter =
    event.key.length === 1 && !event.ctrlKey && !event.metaKey
      ? [...items.slice(at + 1), ...items.slice(0, at + 1)].find((item) =>
          item.textContent.toLowerCase().startsWith(event.key.toLowerCase()),
        )
      : null;
  const next = to !== undefined ? items[to] : letter;
  event.stopPropagation();
  if (!next) return;
  next.focus();
  event.preventDefault();
}
