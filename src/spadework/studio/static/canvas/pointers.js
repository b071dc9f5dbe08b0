// Mouse, pen and fingers: what is meant for painting, what moves the view, and which touch is a palm.
//
// Once a pen was seen, fingers do not paint: one moves the view, two zoom. A finger that had begun to paint when the
// pen came, or when a second finger came soon, has painted nothing.

const YOUNG = 300; // milliseconds in which a stroke of one finger may turn into a pinch
const PALM = 60; // CSS pixels: larger contacts are no fingertips
const SLACK = 6; // CSS pixels that a finger may move before it moves the view

export class Pointers {
  #element;
  #on;
  #painter = null; // {id, kind, began} of the pointer that paints
  #panner = null; // {id, x, y} of a pointer that moves the view
  #fingers = new Map(); // id -> {x, y, startX, startY}
  #box = { left: 0, top: 0 };
  penSeen = false;
  moves = false; // whether pressing moves the view: space is held, or the hand chosen

  /**
   * @param {HTMLElement} element
   * @param {object} on  `press(x, y, event, kind)`, `move(x, y, pressure, time, shift)`, `lift()`, `abandon()`,
   *   `hover(x, y, event)`, `leave()`, `pan(dx, dy)`, `pinch(factor, x, y, dx, dy)`;
   *   x and y in CSS pixels of the element
   */
  constructor(element, on) {
    this.#element = element;
    this.#on = on;
    const listen = (name, handle) => element.addEventListener(name, handle);
    listen("pointerenter", () => this.measure());
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#up(event, false));
    listen("pointercancel", (event) => this.#up(event, true));
    listen("lostpointercapture", (event) => this.#up(event, false));
    listen("pointerleave", (event) => event.pointerId !== this.#painter?.id && on.leave());
    listen("contextmenu", (event) => (event.pointerType !== "mouse" || this.#painter) && event.preventDefault());
  }

  /** Where the element lies in the window: asked for as rarely as possible, since it forces a layout. */
  measure() {
    this.#box = this.#element.getBoundingClientRect();
  }

  get painting() {
    return this.#painter !== null;
  }

  #down(event) {
    this.measure();
    const { pointerType: kind, pointerId: id, button } = event;
    if (kind === "pen") this.#penCame();
    if (kind === "touch") return this.#fingerDown(event);
    if (button === 1 || (button === 0 && this.moves)) this.#startPan(event);
    else if ((button === 0 || (kind === "pen" && button === 5)) && !this.#painter) this.#startPaint(event);
    else return;
    this.#capture(id);
    if (button === 1) event.preventDefault();
  }

  #penCame() {
    this.penSeen = true;
    if (this.#painter?.kind === "touch") this.#abandon();
    this.#fingers.clear();
  }

  #startPaint(event) {
    this.#painter = { id: event.pointerId, kind: event.pointerType, began: event.timeStamp };
    this.#on.press(event.clientX - this.#box.left, event.clientY - this.#box.top, event);
  }

  #startPan({ pointerId: id, clientX: x, clientY: y }) {
    this.#panner = { id, x, y };
  }

  #fingerDown(event) {
    const { pointerId: id, clientX: x, clientY: y, width, height } = event;
    const palm = this.penSeen && (this.#painter?.kind === "pen" || Math.max(width, height) > PALM);
    if (palm) return;
    this.#fingers.set(id, { x, y, startX: x, startY: y });
    this.#capture(id);
    if (this.#fingers.size === 1) {
      if (!this.penSeen && !this.moves && !this.#painter) this.#startPaint(event);
    } else if (this.#painter?.kind === "touch") {
      if (event.timeStamp - this.#painter.began < YOUNG) this.#abandon();
      else this.#lift();
    }
  }

  #move(event) {
    const { pointerId: id, clientX, clientY } = event;
    if (id === this.#painter?.id) {
      // All places since the last frame, not only the latest.
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) {
        const { clientX: x, clientY: y, pressure, timeStamp } = one;
        this.#on.move(x - this.#box.left, y - this.#box.top, pressure, timeStamp, event.shiftKey);
      }
    } else if (id === this.#panner?.id) {
      this.#on.pan(clientX - this.#panner.x, clientY - this.#panner.y);
      Object.assign(this.#panner, { x: clientX, y: clientY });
    } else if (this.#fingers.has(id)) return this.#moveFinger(event);
    if (event.pointerType !== "touch" || id === this.#painter?.id) {
      if (event.pointerType === "pen") this.penSeen = true;
      this.#on.hover(clientX - this.#box.left, clientY - this.#box.top, event);
    }
  }

  #moveFinger({ pointerId: id, clientX: x, clientY: y }) {
    const finger = this.#fingers.get(id);
    const before = this.#grip();
    if (this.#fingers.size === 1) {
      const far = Math.hypot(x - finger.startX, y - finger.startY) > SLACK;
      if ((finger.loose ||= far)) this.#on.pan(x - finger.x, y - finger.y);
    }
    Object.assign(finger, { x, y });
    if (this.#fingers.size < 2) return;
    const after = this.#grip();
    const factor = before.spread > 0 ? after.spread / before.spread : 1;
    const [dx, dy] = [after.x - before.x, after.y - before.y];
    this.#on.pinch(factor, after.x - this.#box.left, after.y - this.#box.top, dx, dy);
  }

  /** The middle of two fingers and the distance between them. */
  #grip() {
    const [one, other = one] = this.#fingers.values();
    const spread = Math.hypot(one.x - other.x, one.y - other.y);
    return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2, spread };
  }

  #up({ pointerId: id, pointerType: kind }, cancelled) {
    this.#fingers.delete(id);
    if (id === this.#panner?.id) this.#panner = null;
    if (id !== this.#painter?.id) return;
    if (cancelled && kind === "touch") this.#abandon();
    else this.#lift();
  }

  #lift() {
    this.#painter = null;
    this.#on.lift();
  }

  #abandon() {
    this.#painter = null;
    this.#on.abandon();
  }

  #capture(id) {
    try {
      this.#element.setPointerCapture(id);
    } catch {
      // The pointer is gone already: its events end anyway.
    }
  }
}
