// Figure 3 of the SPADE paper as a toy: maps of one class through SPADE, and through norms that wash them away.

import { element, swatch } from "./elements.js";
import { attempt } from "./messages.js";
import { figure3 } from "./server.js";
import { openSheet } from "./sheet.js";

export function openFigure3(studio) {
  const body = element("div", { class: "figure3" }, element("p", { class: "soft", role: "status" }, "Computing…"));
  openSheet(
    "Why SPADE: figure 3 of the paper",
    [
      element(
        "p",
        {},
        "A map of nothing but sky and one of nothing but grass should give different photos. A generator that takes the map at its first layer and then normalises loses it: whatever the label was, the mean is subtracted. SPADE tells each layer again.",
      ),
      body,
    ],
    { wide: true },
  );
  return attempt(async () => {
    const { rows, numbers } = await figure3();
    const picture = (data, name) =>
      element("img", { src: `data:image/png;base64,${data}`, alt: name, width: 128, height: 128 });
    body.replaceChildren(
      element(
        "table",
        {},
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            element("th", { scope: "col" }, "All of the map is"),
            element("th", { scope: "col" }, "through SPADE"),
            element("th", { scope: "col" }, "map at the first layer only"),
          ),
        ),
        element(
          "tbody",
          {},
          ...rows.map(({ label, id, spade, washed }) =>
            element(
              "tr",
              {},
              element("th", { scope: "row" }, swatch(studio.colors[id]), label),
              element("td", {}, picture(spade, `${label} through SPADE`)),
              element("td", {}, picture(washed, `${label} washed away`)),
            ),
          ),
        ),
        element(
          "tfoot",
          {},
          element(
            "tr",
            {},
            element("th", { scope: "row" }, "How much the photos differ"),
            element("td", { class: "numbers" }, percent(numbers.spade)),
            element("td", { class: "numbers" }, percent(numbers.washed)),
          ),
        ),
      ),
      element(
        "p",
        { class: "small soft" },
        "Two small networks with random weights and instance norm: it is the architecture that loses the label, not the training. 0 % means that the label is lost.",
      ),
    );
  });
}

const percent = (share) => `${(100 * share).toFixed(share < 0.01 ? 3 : 0)} %`;
