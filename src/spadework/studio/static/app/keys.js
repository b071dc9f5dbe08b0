// Keys that work everywhere. Those of classes come first, even on the canvas; a field that is being typed into keeps its own.

import { keyOf, TOOLS } from "./toolbar.js";

const TYPED = 'input:not([type="range"], [type="radio"], [type="checkbox"]), select, textarea';
const EDITS = new Set(["a", "c", "v", "x", "y", "z"]); // with Ctrl, in a field

/**
 * @param {any} studio
 * @param {Set<string>} taken keys that belong to classes
 * @param {Record<string, () => void>} commands by "Ctrl+Shift+s", "?" and the like
 */
export function listenToKeys({ model, editor, palette }, taken, commands) {
  const ofClass = new Map(
    model.ontology.classes.filter(({ key }) => key).map(({ id, key }) => [key.toLowerCase(), id]),
  );
  const ofTool = new Map(Object.keys(TOOLS).map((tool) => [keyOf(tool, taken), tool]));
  const free = (event) =>
    !event.defaultPrevented && !event.isComposing && !document.querySelector("dialog[open], .menu:popover-open");
  const plain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;
  const letter = (event) => (event.key.length === 1 ? event.key.toLowerCase() : event.key);

  // Classes: before the canvas hears of it.
  addEventListener(
    "keydown",
    (event) => {
      if (
        !free(event) ||
        !plain(event) ||
        event.shiftKey ||
        event.target.closest?.(TYPED) ||
        !ofClass.has(letter(event))
      )
        return;
      palette.choose(ofClass.get(letter(event)));
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );

  // Everything else: after it.
  addEventListener("keydown", (event) => {
    if (!free(event)) return;
    const command = event.ctrlKey || event.metaKey;
    const key = letter(event);
    if (event.target.closest?.(TYPED) && (!command || EDITS.has(key))) return;
    const name = [command && "Ctrl", command && event.shiftKey && "Shift", event.altKey && "Alt", key]
      .filter(Boolean)
      .join("+");
    if (event.shiftKey && event.code === "Digit1" && !command) editor.fit();
    else if (commands[name]) commands[name](event);
    else if (plain(event) && ofTool.has(key)) editor.tool = ofTool.get(key);
    else if (plain(event) && /^[\][{}+=_m0-]$/.test(key)) editor.handleKey(event);
    else return;
    event.preventDefault();
  });
}
