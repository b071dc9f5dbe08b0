// Why the photo looks as it does: what a layer makes of the labels, as a heat map over the photo, and of the window under
// the pointer.

import { element, iconButton, segments, swatch } from "./elements.js";
import { complain } from "./messages.js";
import { fromBase64, why } from "./server.js";

const PAUSE = 250; // milliseconds after the last change or movement before the server is asked

let open = null;

/** Open the panel, or close it. */
export function toggleWhy(studio) {
  if (open) open.close();
  else open = new WhyPanel(studio, () => (open = null));
}

class WhyPanel {
  constructor(studio, closed) {
    Object.assign(this, { studio, closed, layer: undefined, shown: "gamma" });
    this.at = [studio.painting.width >> 1, studio.painting.height >> 1];
    this.layers = element("select", {
      "aria-label": "Layer",
      onchange: () => ((this.layer = this.layers.value), this.soon()),
    });
    this.which = segments(
      "What is shown",
      [
        { value: "gamma", text: "γ scale" },
        { value: "beta", text: "β shift" },
        { value: "none", text: "Photo" },
      ],
      "gamma",
      (value) => ((this.shown = value), this.paint()),
    );
    this.scale = element("p", { class: "heat-scale small numbers" });
    this.window = element("div", { class: "why-window" });
    this.text = element(
      "p",
      { class: "soft small" },
      "Move over the map: the window of labels under the pointer is all that this layer sees there.",
    );
    this.bars = element("div", { class: "why-bars" });
    this.drawer = element(
      "aside",
      { class: "drawer", "aria-label": "Why this photo?" },
      element(
        "div",
        { class: "panel-head" },
        element("h2", { class: "panel-title" }, "Why this photo?"),
        iconButton("close", "Close", () => this.close(), { small: true }),
      ),
      element(
        "div",
        { class: "drawer-body" },
        element(
          "p",
          { class: "small soft" },
          "Each layer scales (γ) and shifts (β) its features by what the label map says nearby. Bright: much.",
        ),
        element("label", { class: "field" }, element("span", { class: "small soft" }, "Layer"), this.layers),
        this.which,
        this.scale,
        element("h3", {}, "Under the pointer"),
        this.window,
        this.text,
        this.bars,
      ),
    );
    document.body.dataset.drawer = "why";
    document.querySelector(".styles").after(this.drawer);
    document.getElementById("why-button")?.setAttribute("aria-pressed", "true");
    const { painting, editor, looks } = studio;
    this.abort = new AbortController();
    const options = { signal: this.abort.signal };
    painting.addEventListener("change", ({ detail }) => !detail.live && this.soon(), options);
    looks.addEventListener("change", () => this.soon(), options);
    editor.addEventListener(
      "hover",
      ({ detail }) => {
        if (detail.class === null) return;
        this.at = [detail.x, detail.y];
        this.soon();
      },
      options,
    );
    this.drawer.addEventListener(
      "keydown",
      (event) => ["Escape", "y"].includes(event.key) && (this.close(), event.stopPropagation()),
    );
    this.layers.focus();
    this.ask();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    this.asking?.abort();
    this.asking = new AbortController();
    const { studio, layer, at } = this;
    const { width, height } = studio.painting;
    const inside = at[0] < width && at[1] < height;
    try {
      const answer = await why(
        {
          label_map: await studio.files.encoded(),
          style: await studio.style(),
          ...(layer && { layer }),
          ...(inside && { at }),
        },
        this.asking.signal,
      );
      if (!this.drawer.isConnected) return;
      this.answer = answer;
      this.layer = answer.layer;
      this.showLayers(answer);
      this.paint();
      this.showWindow(answer.window);
    } catch (error) {
      if (error.name === "AbortError") return;
      complain(error);
      if (error.status === 404) this.close();
    }
  }

  showLayers({ layers, layer }) {
    if (this.layers.length !== layers.length)
      this.layers.replaceChildren(...layers.map((name) => element("option", { value: name }, name)));
    this.layers.value = layer;
  }

  /** The heat map over the photo. */
  async paint() {
    const { photo } = this.studio;
    const heat = this.answer?.[this.shown];
    if (!heat) {
      this.scale.textContent = "";
      return photo.overlay(null);
    }
    const bitmap = await createImageBitmap(new Blob([fromBase64(heat.picture)], { type: "image/png" }));
    if (!this.drawer.isConnected) return;
    photo.overlay(glowing(bitmap));
    this.scale.replaceChildren(
      element("span", {}, heat.min.toFixed(2)),
      element("i", { class: "heat-bar" }),
      element("span", {}, heat.max.toFixed(2)),
    );
  }

  showWindow(found) {
    if (!found) return;
    const { colors, palette } = this.studio;
    const rows = found.labels;
    const cells = rows
      .flat()
      .map((id) => (id === null ? element("i", { class: "swatch beyond" }) : swatch(colors[id])));
    this.window.style.setProperty("--side", rows[0].length);
    this.window.replaceChildren(...cells);
    const names = [...new Set(rows.flat().filter((id) => id !== null))].map((id) => palette.name(id));
    this.window.setAttribute("role", "img");
    this.window.setAttribute(
      "aria-label",
      `A window of ${rows[0].length} by ${rows.length} labels: ${names.join(", ")}`,
    );
    const share = found.share < 0.001 ? "less than 0.1 %" : `${(100 * found.share).toFixed(1)} %`;
    this.text.textContent = `${names.join(", ")}: the same window stands at ${share} of this layer's pixels, and gets the same γ ${found.gamma.toFixed(2)} and β ${found.beta.toFixed(2)} at each.`;
    const most = Math.max(...found.layers.map(({ gamma }) => gamma), 1e-9);
    this.bars.replaceChildren(
      element("h3", {}, "Mean |γ| in each layer"),
      ...found.layers.map(({ name, gamma }) => {
        const bar = element("i", { class: "bar-fill" });
        bar.style.setProperty("--share", `${(100 * gamma) / most}%`);
        return element(
          "button",
          {
            type: "button",
            class: name === this.layer ? "bar-row now" : "bar-row",
            "data-tip": name,
            onclick: () => ((this.layer = name), this.ask()),
          },
          element("span", { class: "bar-name small" }, short(name)),
          bar,
          element("span", { class: "small numbers soft" }, gamma.toFixed(2)),
        );
      }),
    );
  }

  close() {
    this.abort.abort();
    this.asking?.abort();
    clearTimeout(this.timer);
    this.studio.photo.overlay(null);
    this.drawer.remove();
    delete document.body.dataset.drawer;
    const button = document.getElementById("why-button");
    button?.setAttribute("aria-pressed", "false");
    button?.focus();
    this.closed();
  }
}

/** Gray values in colours from dark violet through red to light yellow, which differ in lightness above all. */
function glowing(bitmap) {
  const made = element("canvas", { width: bitmap.width, height: bitmap.height });
  const context = made.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, made.width, made.height);
  const { data } = image;
  for (let at = 0; at < data.length; at += 4) {
    const t = data[at] / 255;
    data[at] = 255 * Math.min(1, 0.05 + 1.5 * t);
    data[at + 1] = 255 * Math.max(0, Math.min(1, 1.6 * t - 0.5));
    data[at + 2] =
      255 * Math.max(0.12, Math.min(1, t < 0.4 ? 0.15 + 0.9 * t : t < 0.8 ? 0.84 - 1.6 * t : 3.2 * t - 2.4));
  }
  context.putImageData(image, 0, 0);
  return made;
}

/** The end of a layer's name, which tells most. */
const short = (name) => name.split(".").slice(-3).join(".");
