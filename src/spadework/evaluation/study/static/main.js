// The way through the study: welcome, questions one after the other, thanks.
//
// Every question is an entry in the browser's history, numbered by its place: the back button shows what was answered.

import { showProgress, sleep, speak } from "./elements.js";
import { fetchAhead } from "./pictures.js";
import { askQuestion, showAnswered } from "./question.js";
import { showMessage, showThanks, showWelcome } from "./screens.js";
import { ask, keepAnswer, keptAnswer, Refused } from "./server.js";

const SEEN = 220; // milliseconds for which a choice is shown before the next question comes

const token = location.pathname.match(/^\/w\/([^/]+)$/)?.[1];
const worker = `/api/workers/${token}`;
const started = `spadework-started-${token}`;
let state = null; // what the server said last: answered, total, upcoming, code

async function begin() {
  if (!token) return welcomeByOpenLink();
  const unsent = keptAnswer(token);
  if (unsent) await send(unsent);
  const about = await ask(worker);
  if (remembered()) return goOn();
  history.replaceState({ place: 0 }, "", location.pathname);
  showWelcome(about, goOn);
}

async function welcomeByOpenLink() {
  const about = await ask("/api/study");
  if (!about.open) return showMessage("This study is by invitation", "Please use the link that you were given.");
  const name = new URLSearchParams(location.search).get("id");
  showWelcome({ ...about, name }, async () => {
    const joined = await guarded(() => ask("/api/join", { name }));
    if (!joined) return;
    remember(`spadework-started-${joined.token}`);
    location.replace(`/w/${joined.token}`);
  });
}

/** Fetch what comes next, and show it. */
async function goOn() {
  remember(started);
  await guarded(async () => {
    state = await ask(`${worker}/questions`, {});
    await next();
  });
}

/** Show the question that the state says is next, send the answer, and so on to the end. */
async function next() {
  for (;;) {
    const place = state.answered + 1;
    if (history.state?.place !== place) history.pushState({ place }, "", `#${place}`);
    if (!state.upcoming.length) return showThanks(state);
    showProgress(state.answered, state.total);
    fetchAhead(state.upcoming);
    const asked = state.upcoming[0];
    const choice = askQuestion(asked);
    speak(`Question ${place} of ${state.total}`);
    const answer = await choice;
    if (!answer) return;
    await Promise.all([send({ question: asked.question, ...answer }), sleep(SEEN)]);
    if (history.state?.place !== place) return lookBack();
  }
}

/** Send an answer until the server has confirmed it; meanwhile it is kept in the browser. */
async function send(answer) {
  keepAnswer(token, answer);
  try {
    state = await ask(`${worker}/votes`, answer);
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 404) throw error;
    state = await ask(`${worker}/questions`, {}); // Not an answer that this study wants.
  }
  keepAnswer(token, null);
}

/** The history has moved: show the place where it stands. */
async function lookBack() {
  const place = history.state?.place ?? 0;
  await guarded(async () => {
    if (place === 0) return showWelcome(await ask(worker), goOn);
    if (!state || place > state.answered) return goOn();
    const question = await ask(`${worker}/votes/${place}`);
    if (history.state?.place !== place) return;
    showProgress(place - 1, state.total);
    speak(`Question ${place}, answered`);
    await showAnswered(question, goOn);
  });
}

/** Do something, and say what the server refuses. */
async function guarded(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 404) showMessage("This link leads nowhere", "Please check that you have the whole link.");
    else showMessage("That did not work", error.message);
  }
}

function remember(key) {
  try {
    sessionStorage.setItem(key, "yes");
  } catch {
    // A browser that stores nothing: a reload begins with the welcome.
  }
}

function remembered() {
  try {
    return sessionStorage.getItem(started) === "yes";
  } catch {
    return false;
  }
}

addEventListener("popstate", lookBack);
guarded(begin);
