// The photo: it follows the canvas's view, tells how long it took, and shows where the pointer is on the map.

import { element } from "./elements.js";

const ROUNDED = 0.1; // by how much a preview's sides may differ in ratio from the photo's

/** Event `resize` when a photo of another size comes. */
export class PhotoView extends EventTarget {
  /** @param {HTMLElement} place */
  constructor(place) {
    super();
    this.place = place;
    this.canvas = element("canvas", {
      class: "photo",
      role: "img",
      "aria-label": "The photo of your label map",
      width: 1,
      height: 1,
    });
    this.heat = element("canvas", { class: "photo heat", "aria-hidden": "true", width: 1, height: 1, hidden: true });
    this.cross = element("i", { class: "cross", hidden: true });
    this.holder = element("div", { class: "photo-holder" }, this.canvas, this.heat, this.cross);
    this.waiting = element("p", { class: "photo-waiting soft" }, "Your photo appears here.");
    place.append(this.holder, this.waiting);
    this.empty = true;
    this.zoom = 1;
    this.centre = [0.5, 0.5];
    new ResizeObserver(() => this.arrange()).observe(place);
  }

  /** Put a picture, or the rectangle of one that has changed, on the screen; a preview in the place of the photo. */
  show({ bitmap, rect, size, final = true }) {
    const [height, width] = size ?? [bitmap.height, bitmap.width];
    const { canvas } = this;
    if (!final && !this.empty && Math.abs(width / height - canvas.width / canvas.height) < ROUNDED) {
      return canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    }
    const whole = !rect || (rect[2] === width && rect[3] === height);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      if (!whole) return;
      Object.assign(this.canvas, { width, height });
      this.arrange();
      this.dispatchEvent(new Event("resize"));
    }
    const context = this.canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    if (whole) context.drawImage(bitmap, 0, 0, width, height);
    else context.drawImage(bitmap, rect[0], rect[1], rect[2], rect[3]);
    if (this.empty) this.holder.classList.add("arrived");
    this.empty = false;
    this.waiting.hidden = true;
  }

  /** Show the part that the canvas shows: `zoom` is 1 where all of it fits; `centre` in shares of the picture. */
  follow(zoom, centre) {
    this.zoom = zoom;
    this.centre = centre;
    this.arrange();
  }

  /** A cross where the pointer is on the map (shares of it), or none. */
  point(at) {
    this.cross.hidden = !at || this.empty;
    if (!at) return;
    this.cross.style.left = `${100 * at[0]}%`;
    this.cross.style.top = `${100 * at[1]}%`;
  }

  /** Values drawn over the photo, or none. @param {HTMLCanvasElement|null} picture */
  overlay(picture) {
    this.heat.hidden = !picture;
    if (!picture) return;
    Object.assign(this.heat, { width: picture.width, height: picture.height });
    this.heat.getContext("2d").drawImage(picture, 0, 0);
  }

  arrange() {
    const { clientWidth, clientHeight } = this.place;
    const { width, height } = this.canvas;
    if (!clientWidth || width < 2) return;
    const margin = Math.min(24, clientWidth / 20, clientHeight / 20); // as the canvas has it
    const scale = Math.min((clientWidth - 2 * margin) / width, (clientHeight - 2 * margin) / height) * this.zoom;
    const { style } = this.holder;
    style.width = `${width * scale}px`;
    style.height = `${height * scale}px`;
    const [x, y] = this.zoom <= 1 ? [0.5, 0.5] : this.centre;
    style.transform = `translate(${clientWidth / 2 - x * width * scale}px, ${clientHeight / 2 - y * height * scale}px)`;
    this.holder.classList.toggle("enlarged", scale > 4);
  }

  /** The picture as a small data address, for thumbnails. */
  small(side = 96) {
    if (this.empty) return null;
    const { width, height } = this.canvas;
    const square = Math.min(width, height);
    const made = element("canvas", { width: side, height: side });
    const context = made.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(this.canvas, (width - square) / 2, (height - square) / 2, square, square, 0, 0, side, side);
    return made.toDataURL("image/jpeg", 0.8);
  }
}

/**
 * The line that says how things stand: connection, time, preview.
 * @param {HTMLElement} place
 * @param {import("./live.js").Live} live
 */
export function showStatus(place, live) {
  const text = element("span", { class: "numbers" }, "Connecting…");
  const retry = element(
    "button",
    { type: "button", class: "button", hidden: true, onclick: () => live.retry() },
    "Try now",
  );
  const chip = element(
    "div",
    { class: "status", role: "status", "data-state": "connecting" },
    element("i", { class: "status-dot", "aria-hidden": "true" }),
    text,
    retry,
  );
  // The times change all the time: they are there to be read, not to be heard.
  const times = (words) => {
    chip.setAttribute("aria-live", "off");
    text.textContent = words;
  };
  const news = (words) => {
    chip.setAttribute("aria-live", "polite");
    text.textContent = words;
  };
  place.append(chip);

  let counting;
  live.addEventListener("state", ({ detail }) => {
    clearInterval(counting);
    if (detail.state === "connecting" && chip.dataset.state === "lost")
      return times("No connection. Your map is kept. Trying…");
    chip.dataset.state = detail.state;
    retry.hidden = detail.state !== "lost";
    if (detail.state === "live") news("Connected");
    if (detail.state === "lost") {
      let left = Math.ceil(detail.retryIn / 1000);
      const why = detail.reason ? `${detail.reason} ` : "";
      news(`${why}No connection. Your map is kept. Trying again…`);
      counting = setInterval(
        () => times(`${why}No connection. Your map is kept. Again in ${Math.max((left -= 1), 0)} s`),
        1000,
      );
    }
  });
  live.addEventListener("busy", ({ detail }) =>
    times(`Waiting for ${detail.waiting} ${detail.waiting === 1 ? "other" : "others"}…`),
  );
  live.addEventListener("picture", ({ detail }) => {
    chip.dataset.state = detail.final ? "live" : "preview";
    times(`${Math.round(detail.milliseconds)} ms${detail.final ? "" : " · preview"}`);
    chip.title =
      detail.waited === null
        ? ""
        : `Computed in ${Math.round(detail.milliseconds)} ms; ${Math.round(detail.waited)} ms from the stroke to the screen.`;
  });
  return chip;
}
