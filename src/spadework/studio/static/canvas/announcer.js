// What is said to those who hear the page: a live region, filled a moment after the last of several changes.

const PAUSE = 150; // milliseconds

export class Announcer {
  /** @param {HTMLElement} element  the region is put into it */
  constructor(element) {
    this.region = document.createElement("div");
    this.region.setAttribute("role", "status");
    this.region.setAttribute("aria-live", "polite");
    const hidden = { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" };
    Object.assign(this.region.style, { ...hidden, whiteSpace: "nowrap" });
    element.append(this.region);
    this.timer = 0;
  }

  say(text) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (this.region.textContent = text), PAUSE);
  }
}
