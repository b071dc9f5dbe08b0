// The help sheet: every key, and how things are done.

import { COMMAND, element } from "./elements.js";
import { openSheet } from "./sheet.js";
import { keyOf, TOOLS } from "./toolbar.js";

/** @param {{taken: Set<string>, classes: {name: string, key?: string}[], welcome: () => void}} about */
export function openHelp({ taken, classes, welcome }) {
  const keys = (rows) =>
    element(
      "dl",
      { class: "keys" },
      ...rows.flatMap(([name, ...caps]) => [
        element("dt", {}, name),
        element("dd", {}, ...caps.flatMap((cap, at) => [...(at ? [" "] : []), element("kbd", {}, cap)])),
      ]),
    );
  const part = (title, ...children) => element("section", {}, element("h3", {}, title), ...children);
  const tools = Object.entries(TOOLS)
    .filter(([tool]) => keyOf(tool, taken))
    .map(([tool, [, name]]) => [name, keyOf(tool, taken).toUpperCase()]);
  const classKeys = classes.filter(({ key }) => key).map(({ name, key }) => [name, key.toUpperCase()]);
  const sheet = openSheet(
    "How it works",
    [
      element(
        "p",
        {},
        "Choose a class, paint where it should be, and the photo follows. The map says what is where; the style says how it looks.",
      ),
      element(
        "div",
        { class: "help-columns" },
        part(
          "Paint",
          keys([
            ...tools,
            ["Smaller, larger", "[", "]"],
            ["Mirror", "M"],
            ["Eyedropper while painting", "Alt"],
            ["Undo", COMMAND, "Z"],
            ["Redo", COMMAND, "Shift", "Z"],
          ]),
        ),
        part(
          "Paint by keyboard",
          element("p", { class: "small soft" }, "Go to the canvas with Tab, then:"),
          keys([
            ["Move the cursor", "↑", "↓", "←", "→"],
            ["Faster", "Shift", "↑"],
            ["Paint while it is held", "Space"],
            ["Brush down, brush up", "Enter"],
            ["Give up", "Esc"],
          ]),
        ),
        part(
          "Look",
          keys([
            ["Zoom", "+", "−"],
            ["Everything", "Shift", "1"],
            ["Move the view", "Space", "drag"],
            ["Brush size", "Alt", "wheel"],
            ["Beside or over", "V"],
            ["Random style", "D"],
            ["Why this photo?", "Y"],
          ]),
        ),
        part(
          "Files",
          keys([
            ["Open", COMMAND, "O"],
            ["Save the project", COMMAND, "S"],
            ["Save the photo", COMMAND, "Shift", "S"],
            ["Copy the photo", COMMAND, "Shift", "C"],
            ["Find a class", "/"],
            ["This help", "?"],
          ]),
          element("p", { class: "small soft" }, "Or drop a label map, a photo or a project anywhere."),
        ),
        classKeys.length ? part("Classes", keys(classKeys)) : null,
      ),
    ],
    {
      wide: true,
      actions: [
        element(
          "button",
          { type: "button", class: "button", onclick: () => (sheet.close(), welcome()) },
          "Show the first steps again",
        ),
      ],
    },
  );
}
