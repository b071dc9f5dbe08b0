// Fetching pictures, those of the next question beforehand.

import { sleep } from "./elements.js";

const LONGEST_PAUSE = 8000; // milliseconds between two tries
const fetched = new Map(); // address -> promise of an image, of the questions on screen and next

/** The three images of a question, decoded; tried again until they are there. */
export function picturesOf(question) {
  return Promise.all(["layout", "A", "B"].map((picture) => image(question[picture])));
}

/** Fetch the pictures of these questions, and forget all others. */
export function fetchAhead(questions) {
  const wanted = new Set(questions.flatMap((question) => [question.layout, question.A, question.B]));
  for (const address of fetched.keys()) if (!wanted.has(address)) fetched.delete(address);
  for (const address of wanted) image(address);
}

function image(address) {
  if (!fetched.has(address)) fetched.set(address, load(address));
  return fetched.get(address);
}

async function load(address) {
  for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const made = new Image();
    made.src = address;
    try {
      await made.decode();
      return made;
    } catch {
      await sleep(pause);
    }
    if (!fetched.has(address)) return made; // Nobody waits for it any more.
  }
}
