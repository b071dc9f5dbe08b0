// Names of buttons that show only an icon, with their keys: shown on hover and on focus by keyboard.

import { element } from "./elements.js";

const PATIENCE = 450; // milliseconds before the first name appears

export function showTips() {
  const tip = element("div", { class: "tip", popover: "manual", "aria-hidden": "true" });
  document.body.append(tip);
  let timer;
  let last = 0; // when a name was shown: the next one comes at once

  const hide = () => {
    clearTimeout(timer);
    if (tip.matches(":popover-open")) tip.hidePopover();
  };
  const show = (owner) => {
    if (!owner.isConnected) return;
    tip.replaceChildren(owner.dataset.tip, ...(owner.dataset.key ? [element("kbd", {}, owner.dataset.key)] : []));
    tip.showPopover();
    const box = owner.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const below = box.bottom + 8 + own.height < innerHeight;
    tip.style.left = `${Math.max(6, Math.min(innerWidth - own.width - 6, box.left + (box.width - own.width) / 2))}px`;
    tip.style.top = `${below ? box.bottom + 8 : box.top - own.height - 8}px`;
    last = performance.now();
  };
  const over = (event) => {
    const owner = event.target.closest?.("[data-tip]");
    hide();
    if (!owner || event.pointerType === "touch" || owner.getAttribute("aria-expanded") === "true") return;
    timer = setTimeout(() => show(owner), performance.now() - last < 700 ? 0 : PATIENCE);
  };
  addEventListener("pointerover", over);
  addEventListener("focusin", (event) => {
    const owner = event.target.closest?.("[data-tip]");
    hide();
    if (owner && event.target.matches(":focus-visible")) timer = setTimeout(() => show(owner)); // Not while a menu is opening.
  });
  for (const name of ["pointerdown", "focusout", "wheel"]) addEventListener(name, hide, { passive: true });
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
}
