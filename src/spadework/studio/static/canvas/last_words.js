// What a page that is going had not yet kept: written at once, since a database may never hear of it.

import { fromText, toText } from "./runs.js";

const place = (name) => `spadework last ${name}`;

/** Keep plain data with a `turn`, if there is room. @param {{turn: number}} words */
export function sayLast(name, words) {
  try {
    localStorage.setItem(place(name), JSON.stringify(words, pack));
  } catch {
    // No room, or not allowed: it depends on the database then.
  }
}

/** @returns {{turn: number} | null} what was kept for this record; null for nothing */
export function lastWords(name) {
  try {
    return JSON.parse(localStorage.getItem(place(name)), unpack);
  } catch {
    return null;
  }
}

/** What is in the database by now. @param {number} turn  words of later turns stay */
export function forgetLast(name, turn = Infinity) {
  try {
    if ((lastWords(name)?.turn ?? 0) <= turn) localStorage.removeItem(place(name));
  } catch {
    // Then nothing was kept either.
  }
}

function pack(_, value) {
  return value instanceof Uint8Array ? { bytes: toText(value) } : value;
}

function unpack(_, value) {
  return typeof value?.bytes === "string" ? fromText(value.bytes) : value;
}
