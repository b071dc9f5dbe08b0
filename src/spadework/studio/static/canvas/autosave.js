// The painting, its steps to undo and its strokes, kept by the browser after each stroke: a reload loses nothing.

import { claim } from "./claim.js";
import { Store } from "./store.js";

const PAUSE = 250; // milliseconds after a change until it is kept
const LONGEST = 2000; // milliseconds until it is kept, however many follow
const SETBACKS = 6; // times that less is kept where the disk is full, before it is given up
const LATER = 5000; // milliseconds until what could not be kept is tried again

/**
 * Events: `saved` {time}; `trouble` {message}, when something could not be kept or taken up again.
 */
export class Autosave extends EventTarget {
  #timer = 0;
  #since = 0; // when the oldest change that is not kept was made; 0 for none
  #saving = null; // the promise of a save that goes on
  #oldest = 0; // number of the first step that is kept: later where the disk is full
  #withStrokes = true;
  #failing = false; // whether it was told that nothing could be kept
  #ready = false;
  #abort = new AbortController();

  /**
   * @param {import("./painting.js").Painting} painting
   * @param {string} key  what belongs together: a model's classes, for example
   * @param {() => object} extras  plain data to be kept beside it
   */
  constructor(painting, key, extras = () => ({})) {
    super();
    this.painting = painting;
    this.key = key;
    this.extras = extras;
  }

  /**
   * Take up what was kept, and keep what changes from now on.
   * @returns {Promise<{extras: object, lost: string[]} | null>} null where nothing was kept
   */
  async restore() {
    let found = null;
    try {
      this.store = await Store.open(await claim(this.key));
      found = await this.#takeUp();
    } catch (error) {
      this.store = null;
      this.#trouble(`This browser keeps nothing between visits (${error.message}). Save your work as a file.`);
    }
    this.#listen();
    return found;
  }

  async #takeUp() {
    const kept = await this.store.read();
    if (!kept) return null;
    try {
      const lost = this.painting.reviveSnapshot(kept.painting);
      const gone = lost.join(" and ");
      if (gone) this.#trouble(`The map is as it was, but without ${gone}: the browser's copy is damaged.`);
      return { extras: kept.extras, lost };
    } catch (error) {
      const { readLast } = this.store;
      await this.store.setAside();
      if (readLast) {
        this.#trouble("The last change before the page was left is lost: the browser's copy is damaged.");
        return this.#takeUp();
      }
      this.#trouble(`The map that this browser had kept is damaged (${error.message}). It was put aside.`);
      return null;
    }
  }

  #listen() {
    this.#ready = Boolean(this.store);
    const options = { signal: this.#abort.signal };
    const touch = () => this.touch();
    this.painting.addEventListener("change", ({ detail }) => detail.live || touch(), options);
    for (const name of ["layers", "history"]) this.painting.addEventListener(name, touch, options);

    // The page may never come back from here: what is left is kept at once.
    const now = () => (this.#since || this.painting.editing) && this.save(true);
    document.addEventListener("visibilitychange", () => document.hidden && now(), options);
    addEventListener("pagehide", now, options);
  }

  /** Something changed that is to be kept. */
  touch() {
    if (!this.#ready) return;
    this.#since ||= performance.now();
    clearTimeout(this.#timer);
    const waited = performance.now() - this.#since;
    this.#timer = setTimeout(() => this.save(), Math.max(0, Math.min(PAUSE, LONGEST - waited)));
  }

  /**
   * Keep everything now. Resolves when it is on its way to the disk, or when it was given up.
   * @param {boolean} [last]  whether there may be no later
   */
  async save(last = false) {
    if (!this.#ready) return;
    if (this.painting.editing) {
      if (!last) return this.touch();
      this.painting.commit();
    }
    clearTimeout(this.#timer);
    if (this.#saving && !last) return this.#saving.then(() => this.#since && this.save());
    this.#since = 0;
    this.#saving = this.#write(last).finally(() => (this.#saving = null));
    return this.#saving;
  }

  async #write(last) {
    const extras = this.extras();
    for (let setback = 0; ; setback++) {
      const painting = this.painting.snapshot(this.#oldest, this.#withStrokes);
      try {
        await this.store.write({ painting, extras }, last);
        this.#failing = false;
        return this.#emit("saved", { time: Date.now() });
      } catch (error) {
        if (error.name !== "QuotaExceededError" || setback === SETBACKS) {
          return this.#tryLater(error.message || error.name);
        }

        // The disk is full: the record of strokes is given up, then the older half of the steps, at last all of them.
        const { steps, numbers } = painting;
        const some = setback < SETBACKS - 1 && steps.length > 1;
        if (this.#withStrokes) this.#withStrokes = false;
        else this.#oldest = some ? steps[Math.ceil(steps.length / 2)].number : numbers + 1;
        this.store.forgetWritten();
      }
    }
  }

  /** What changed is still to be kept: in a while, or when the page goes. It is told once. */
  #tryLater(reason) {
    if (!this.#failing) this.#trouble(`This browser could not keep the map (${reason}). Save it as a file.`);
    this.#failing = true;
    if (!this.#ready) return;
    this.#since ||= performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.save(), LATER);
  }

  /** Keep nothing any more. */
  stop() {
    this.#ready = false;
    clearTimeout(this.#timer);
    this.#abort.abort();
    this.store?.close();
  }

  #trouble(message) {
    this.#emit("trouble", { message });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
