// The browser's database: one record for the map as it stands, one per step and per stroke, written once each.

import { forgetLast, lastWords, sayLast } from "./last_words.js";

const DATABASE = "spadework";
const TABLES = ["paintings", "steps", "strokes"];

/** A request as a promise. */
const result = (request) =>
  new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });

export class Store {
  #database;
  #written = { steps: new Set(), strokes: new Set() };
  #known = false; // whether #written is what the database has
  #turn = 0; // of the newest writing
  readLast = false; // whether what was read is what a page said last

  /** @param {string} name  of the record */
  static async open(name) {
    const store = new Store();
    store.name = name;
    await store.#connect();
    return store;
  }

  async #connect() {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => TABLES.forEach((table) => request.result.createObjectStore(table));
    this.#database = await result(request);
    this.#database.onclose = () => (this.#database = null); // by the browser; the next write opens it again
    this.#database.onversionchange = () => this.close();
  }

  /** @returns {Promise<{painting: object, extras: object} | null>} */
  async read() {
    const [painting, steps, strokes] = await Promise.all(this.#requests());
    const last = lastWords(this.name);
    this.#turn = Math.max(painting?.turn ?? 0, last?.turn ?? 0);
    this.readLast = Boolean(last) && last.turn > (painting?.turn ?? 0);
    if (this.readLast) return this.#completed(last, steps, strokes);
    if (!painting) return null;
    this.#written = { steps: new Set(painting.stepNumbers), strokes: new Set(strokes.map(({ number }) => number)) };
    this.#known = true;
    const wanted = new Set(painting.stepNumbers);
    const kept = steps.filter(({ number }) => wanted.has(number));
    if (kept.length !== wanted.size) painting.done = -1; // Something is missing: that is noticed when it is taken up.
    return { painting: { ...painting, steps: kept, strokes }, extras: painting.extras };
  }

  /** What a page said last, with the steps and strokes that it knew to be in the database. */
  #completed({ painting, extras, strokeNumbers, ...news }, steps, strokes) {
    const all = (old, more, wanted) => {
      const found = new Map([...old, ...more].map((one) => [one.number, one]));
      return wanted.filter((number) => found.has(number)).map((number) => found.get(number));
    };
    steps = all(steps, news.steps, painting.stepNumbers);
    if (steps.length !== painting.stepNumbers.length) painting.done = -1;
    return { painting: { ...painting, steps, strokes: all(strokes, news.strokes, strokeNumbers) }, extras };
  }

  #requests() {
    const transaction = this.#database.transaction(TABLES);
    const [paintings, steps, strokes] = TABLES.map((table) => transaction.objectStore(table));
    const all = this.#numbers();
    return [paintings.get(this.name), steps.getAll(all), strokes.getAll(all)].map(result);
  }

  #numbers() {
    return IDBKeyRange.bound([this.name, -Infinity], [this.name, Infinity]);
  }

  /**
   * All or nothing. Rejects with a QuotaExceededError where the disk is full.
   * @param {boolean} [last]  whether the page may be gone before it is done
   */
  async write({ painting: { steps, strokes, ...painting }, extras }, last = false) {
    const turn = ++this.#turn;
    if (last) this.#sayLast({ turn, painting, extras }, steps, strokes);
    if (!this.#database) await this.#connect();
    const transaction = this.#database.transaction(TABLES, "readwrite");
    const over = new Promise((done, fail) => {
      transaction.oncomplete = () => done();
      transaction.onabort = () => fail(transaction.error ?? new Error("the browser gave up"));
    });
    let next;
    try {
      next = this.#put(transaction, steps, strokes, { ...painting, extras, turn });
    } catch (error) {
      over.catch(() => {});
      transaction.abort();
      throw error;
    }
    this.#known = false; // until it is done
    await over;
    this.#written = next;
    this.#known = true;
    forgetLast(this.name, turn);
  }

  #sayLast(words, steps, strokes) {
    const numbers = (some) => some.map(({ number }) => number);
    const missing = (kind, some) => (this.#known ? some.filter(({ number }) => !this.#written[kind].has(number)) : some);
    const painting = { ...words.painting, stepNumbers: numbers(steps) };
    const news = { steps: missing("steps", steps), strokes: missing("strokes", strokes) };
    sayLast(this.name, { ...words, painting, ...news, strokeNumbers: numbers(strokes) });
  }

  #put(transaction, steps, strokes, painting) {
    const [paintings, stepTable, strokeTable] = TABLES.map((table) => transaction.objectStore(table));
    if (!this.#known) for (const table of [stepTable, strokeTable]) table.delete(this.#numbers());
    const written = this.#known ? this.#written : { steps: new Set(), strokes: new Set() };
    const next = { steps: this.#difference(stepTable, written.steps, steps) };
    next.strokes = this.#difference(strokeTable, written.strokes, strokes);
    paintings.put({ ...painting, stepNumbers: [...next.steps] }, this.name);
    transaction.commit?.();
    return next;
  }

  /** Write what is new in a table, and delete what is gone. @returns {Set<number>} what it has then */
  #difference(table, written, wanted) {
    const numbers = new Set(wanted.map(({ number }) => number));
    for (const number of written) if (!numbers.has(number)) table.delete([this.name, number]);
    for (const one of wanted) if (!written.has(one.number)) table.put(one, [this.name, one.number]);
    return numbers;
  }

  /** Write everything the next time. */
  forgetWritten() {
    this.#known = false;
  }

  /** A record that cannot be read gets another name, so that nothing is lost and nothing stands in the way. */
  async setAside() {
    if (this.readLast) return forgetLast(this.name);
    const transaction = this.#database.transaction("paintings", "readwrite");
    const paintings = transaction.objectStore("paintings");
    const broken = await result(paintings.get(this.name));
    paintings.put(broken, `${this.name}, damaged, ${new Date().toISOString()}`);
    await result(paintings.delete(this.name));
    this.#known = false;
  }

  close() {
    this.#database?.close();
    this.#database = null;
  }
}
