// Speaking to the server over HTTP. What it refuses is told with its cure; what fails for want of a connection is tried again.

import { sleep } from "./elements.js";

const LONGEST_PAUSE = 8000; // milliseconds between two tries

/** The server understood, and said no. */
export class Refused extends Error {
  constructor(status, { code = "refused", message = `The server answered ${status}.`, cure = "" } = {}, wait = 0) {
    super(message);
    this.status = status;
    this.code = code;
    this.cure = cure;
    this.wait = wait; // seconds until another try makes sense
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super("The studio's server does not answer.");
    this.cure = "Is it still running in its terminal? Your map is kept here; try again once it is.";
  }
}

/** What is being served: see the API's documentation for its fields. Asked until there is an answer. */
export async function getModel(waiting) {
  for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await json("model");
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      waiting(error);
    }
    await Promise.race([sleep(pause), new Promise((done) => addEventListener("online", done, { once: true }))]);
  }
}

/**
 * A photo for a label map: {picture: Blob, milliseconds, style: {vector}}.
 * @param {{label_map: string, style?: object, format?: string, size?: number[]}} wanted
 */
export async function generate(wanted) {
  const answer = await json("generate", { ...wanted });
  const type = `image/${wanted.format ?? "png"}`;
  return { ...answer, picture: new Blob([fromBase64(answer.picture)], { type }) };
}

/** The style of a photo: numbers. */
export async function encodeStyle(photo) {
  return (await form("style/encode", "photo", photo)).vector;
}

/** Any label map file as ids: {label_map, size, form, snapped, notes}. */
export const readLabelMap = (file) => form("label-map", "file", file);

/** A photo as a label map: {label_map}. */
export const segment = (photo) => form("segment", "photo", photo);

/** What the labels do inside the generator. */
export const why = (asked, signal) => json("why", asked, signal);

/** Flat maps through SPADE and through a generator that washes them away. */
export const figure3 = () => json("figure3");

async function form(path, field, file) {
  const body = new FormData();
  body.append(field, file, file.name ?? field);
  return (await ask(path, { method: "POST", body })).json();
}

async function json(path, body, signal) {
  const settings = { headers: { Accept: "application/json" }, signal };
  if (body !== undefined)
    Object.assign(settings, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { ...settings.headers, "Content-Type": "application/json" },
    });
  return (await ask(path, settings)).json();
}

async function ask(path, settings) {
  for (let tries = 0; ; tries++) {
    const response = await fetch(`/v1/${path}`, settings).catch((error) => {
      throw error.name === "AbortError" ? error : new Unreachable();
    });
    if (response.ok) return response;
    const refused = await refusal(response);
    if (response.status !== 429 || tries >= 5) throw refused;
    await sleep(1000 * Math.max(refused.wait, 0.5)); // Too many requests: as long as the server says.
  }
}

async function refusal(response) {
  const said = await response.json().catch(() => null);
  const error = said?.error ?? (typeof said?.detail === "string" ? { message: said.detail } : undefined);
  return new Refused(response.status, error, Number(response.headers.get("Retry-After")) || 0);
}

/** Bytes -> base64. */
export function toBase64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000)
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(text);
}

/** Base64 -> bytes. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
