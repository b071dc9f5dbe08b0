// The live connection: what is painted goes to the server while it is painted, photos come back. The newest wins.
//
// Whatever happens to the connection, the map is here: after each new connection all of it is sent again.

const LONGEST_PAUSE = 8000; // milliseconds between two tries to connect
const BUSY = 1 << 20; // bytes that wait to be sent: enough for now

/**
 * Events: `picture` {bitmap, rect, size, final, milliseconds, waited}, `state` {state, retryIn}, `refused` {message, cure}.
 */
export class Live extends EventTarget {
  /** @param {import("../canvas/painting.js").Painting} painting */
  constructor(painting, address = new URL("/v1/live", location.href.replace(/^http/, "ws"))) {
    super();
    this.painting = painting;
    this.address = address;
    this.state = "connecting";
    this.style = {};
    this.styling = 0; // styles that are being prepared
    this.sequence = 0;
    this.shown = 0; // the newest sequence that a photo was shown for, be it a preview
    this.finished = 0; // the newest sequence that was shown in full size, or refused
    this.sent = new Map(); // sequence -> when what it shows was painted
    this.pause = 500;
    this.dirty = null; // rectangle that the server doesn't know yet
    this.since = 0; // when the oldest change in it was made
    this.connect();
    addEventListener("online", () => this.retry());
  }

  /** Whether there is something that no photo shows in full size yet. */
  get waiting() {
    return this.finished < this.sequence || this.dirty !== null || this.styling > 0;
  }

  /**
   * A rectangle of the painting has changed.
   * @param {{rect: {x: number, y: number, width: number, height: number}, resized?: boolean}} change
   */
  changed({ rect: { x, y, width, height }, resized = false }) {
    if (resized) this.whole = true;
    if (!this.dirty) this.since = performance.now();
    const [left, top, right, bottom] = this.dirty ?? [Infinity, Infinity, 0, 0];
    this.dirty = [Math.min(left, x), Math.min(top, y), Math.max(right, x + width), Math.max(bottom, y + height)];
    this.soon();
  }

  /** Another style, as the API takes it. */
  restyle(style) {
    this.style = style;
    this.styleDirty = true;
    this.since ||= performance.now();
    this.soon();
  }

  /** Try to connect now. */
  retry() {
    if (this.state !== "lost") return;
    clearTimeout(this.timer);
    this.connect();
  }

  connect() {
    this.set("connecting");
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.pause = 500;
      this.whole = this.styleDirty = true;
      this.dirty = [0, 0, this.painting.width, this.painting.height];
      this.since = performance.now();
      this.set("live");
      this.soon();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.told(JSON.parse(data));
      else this.pictured(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      this.set("lost", { retryIn: this.pause, reason: code === 1008 || code >= 4000 ? reason : "" });
      this.timer = setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    };
  }

  set(state, more = {}) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, ...more } }));
  }

  /** Send what has changed, once per frame at most. */
  soon() {
    if (this.planned) return;
    this.planned = true;
    const go = () => {
      this.planned = false;
      if (this.state !== "live") return;
      if (this.socket.bufferedAmount > BUSY) return void setTimeout(() => this.soon(), 50);
      if (this.whole && this.styleDirty) this.sendStyle(); // A map of another size never meets regions of the old one.
      if (this.dirty) this.sendMap();
      if (this.styleDirty) this.sendStyle();
    };
    if (document.hidden) setTimeout(go, 50);
    else requestAnimationFrame(go);
  }

  sendMap() {
    const { width, height } = this.painting;
    const [left, top, right, bottom] = this.whole ? [0, 0, width, height] : this.dirty;
    const [w, h] = [right - left, bottom - top];
    this.dirty = null;
    const ids = cut(this.painting.composite(), width, left, top, w, h);
    const type16 = ids.some((id) => id > 255);
    const bytes = type16 ? new Uint8Array(ids.buffer) : Uint8Array.from(ids);
    this.whole = false;
    this.send({ type: "map", size: [height, width], rect: [left, top, w, h], ...(type16 && { type16 }) }, bytes);
  }

  sendStyle() {
    this.styleDirty = false;
    this.send({ type: "style", style: this.style });
  }

  /** A message, with pixels behind it where there are some: length of the JSON, JSON, pixels. */
  send(message, pixels = null) {
    this.sequence += 1;
    this.sent.set(this.sequence, this.since || performance.now());
    this.since = 0;
    if (this.sent.size > 200) this.sent.delete(this.sent.keys().next().value);
    const text = JSON.stringify({ ...message, sequence: this.sequence });
    if (!pixels) return this.socket.send(text);
    const json = new TextEncoder().encode(text);
    const frame = new Uint8Array(4 + json.length + pixels.length);
    new DataView(frame.buffer).setUint32(0, json.length, true);
    frame.set(json, 4);
    frame.set(pixels, 4 + json.length);
    this.socket.send(frame);
  }

  told(message) {
    if (message.type === "error") {
      if (message.sequence) this.shown = this.finished = Math.max(this.shown, message.sequence);
      this.dispatchEvent(new CustomEvent("refused", { detail: message }));
    } else if (message.type === "busy") this.dispatchEvent(new CustomEvent("busy", { detail: message }));
  }

  /** A frame with a photo: length of its header, header, picture. */
  async pictured(data) {
    const length = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    if (header.sequence < this.shown) return;
    const picture = new Blob([new Uint8Array(data, 4 + length)], { type: `image/${header.format}` });
    const bitmap = await createImageBitmap(picture).catch(() => null);
    if (!bitmap || header.sequence < this.shown) return;
    this.shown = header.sequence;
    if (header.final) this.finished = header.sequence;

    // From the stroke to here.
    let began = null;
    for (const [sequence, when] of this.sent) {
      if (sequence > header.sequence) break;
      began = Math.min(began ?? when, when);
      if (header.final) this.sent.delete(sequence);
    }
    const waited = began === null ? null : performance.now() - began;
    this.dispatchEvent(new CustomEvent("picture", { detail: { ...header, picture, bitmap, waited } }));
  }
}

/** A rectangle out of ids. */
export function cut(ids, width, left, top, w, h) {
  const made = new Uint16Array(w * h);
  for (let y = 0; y < h; y++) made.set(ids.subarray((top + y) * width + left, (top + y) * width + left + w), y * w);
  return made;
}
