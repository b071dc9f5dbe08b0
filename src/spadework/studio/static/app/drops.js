// Files that are dropped on the page, or pasted.

import { element } from "./elements.js";

/** Files dropped anywhere, or pasted: maps and projects are opened; on the strip of styles a photo gives its style. */
export function takeDrops(files, offersStyle) {
  const veil = element(
    "div",
    { class: "drop", hidden: true, "aria-hidden": "true" },
    element("p", { class: "drop-open" }, element("b", {}, "Open"), "a label map, a photo or a project"),
    offersStyle && element("p", { class: "drop-style" }, element("b", {}, "Use its style"), "a photo"),
  );
  document.body.append(veil);
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const inSheet = () => document.querySelector("dialog[open]"); // It lies over the veil, and may take files itself.
  addEventListener("dragenter", (event) => carries(event) && !inSheet() && (veil.hidden = false));
  addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    for (const zone of veil.children) zone.classList.toggle("over", zone === event.target.closest?.(".drop > p"));
  });
  addEventListener("dragleave", (event) => !event.relatedTarget && (veil.hidden = true));
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    veil.hidden = true;
    const [file] = event.dataTransfer.files;
    if (!file) return;
    if (event.target.closest?.(".drop-style, .styles")) files.takeStyle(file);
    else files.open(file);
  });
  addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file && !event.target.closest?.("input")) files.open(file);
  });
}
