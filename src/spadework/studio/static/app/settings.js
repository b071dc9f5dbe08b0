// How somebody likes the studio: class colours, patterns, the pen, light or dark.

import { element, segments, toggle } from "./elements.js";
import { paletteName } from "./colors.js";
import { setTheme } from "./layout.js";
import { preferences } from "./preferences.js";

/** The settings, to be shown in a menu. */
export function settingsOf(studio) {
  const palettes = Object.keys(studio.palettes).map((name) => ({ value: name, text: paletteName(name) }));
  const colors =
    palettes.length > 1
      ? element(
          "div",
          { class: "group" },
          element("h3", {}, "Colours of the map"),
          segments("Colours of the map", palettes, studio.paletteName, (name) => studio.setPalette(name)),
        )
      : null;
  const theme = segments(
    "Appearance",
    [
      { value: "system", text: "System" },
      { value: "light", text: "Light" },
      { value: "dark", text: "Dark" },
    ],
    preferences.theme,
    setTheme,
  );
  return element(
    "div",
    { class: "settings" },
    colors,
    element(
      "div",
      { class: "group" },
      toggle("Patterns on the map", preferences.patterns, (on) => studio.setPatterns(on)),
      toggle("Pen pressure sets the brush size", preferences.pressure, (on) => studio.setPressure(on)),
    ),
    element("div", { class: "group" }, element("h3", {}, "Appearance"), theme),
  );
}
