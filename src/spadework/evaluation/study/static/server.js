// Speaking to the server. What fails for want of a connection is tried again until it works.

import { showTrouble, sleep } from "./elements.js";

const LONGEST_PAUSE = 8000; // milliseconds between two tries

/** The server understood, and said no. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Ask until there is an answer; throws Refused. */
export async function ask(path, body) {
  for (let pause = 500; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      const answer = await once(path, body);
      showTrouble();
      return answer;
    } catch (error) {
      if (error instanceof Refused) {
        showTrouble();
        throw error;
      }
    }
    const kept = path.endsWith("/votes") ? " Your answer is kept and will be sent." : "";
    showTrouble(`No connection to the study. Trying again…${kept}`);
    await Promise.race([sleep(pause), new Promise((done) => addEventListener("online", done, { once: true }))]);
  }
}

async function once(path, body) {
  const settings = { signal: AbortSignal.timeout(20000) };
  if (body !== undefined) {
    Object.assign(settings, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }
  const response = await fetch(path, settings);
  if (response.status >= 500 || response.status === 429) throw new Error(`status ${response.status}`);
  const data = await response.json();
  if (!response.ok) throw new Refused(response.status, String(data.detail));
  return data;
}

// The answer that is on its way outlives the page: it is sent when the page is opened again.

const key = (token) => `spadework-study-${token}`;

export function keepAnswer(token, answer) {
  try {
    if (answer) localStorage.setItem(key(token), JSON.stringify(answer));
    else localStorage.removeItem(key(token));
  } catch {
    // A browser that stores nothing: the answer lives as long as the page.
  }
}

export function keptAnswer(token) {
  try {
    return JSON.parse(localStorage.getItem(key(token)));
  } catch {
    return null;
  }
}
