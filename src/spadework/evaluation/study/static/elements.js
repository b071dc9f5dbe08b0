// Making elements of the page.

/** An element with attributes ("onclick" and the like are listeners) and children (elements or text). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** Put a screen in the place of the one before, and bring the readers of screens to its heading. */
export function show(kind, ...children) {
  const stage = document.getElementById("stage");
  stage.className = kind;
  stage.replaceChildren(...children.filter((child) => child != null));
  scrollTo(0, 0);
  stage.querySelector("h1")?.focus({ preventScroll: true });
}

/** A heading that can be given the focus. */
export function heading(text) {
  return element("h1", { tabindex: "-1" }, text);
}

/** Say something to those who hear the page. */
export function speak(text) {
  document.querySelector(".spoken").textContent = text;
}

/** Progress at the top of the page; without numbers it is hidden. */
export function showProgress(answered, total) {
  const top = document.querySelector(".top");
  top.hidden = total === undefined;
  if (top.hidden) return;
  const share = Math.min(answered / total, 1);
  const bar = top.querySelector(".progress");
  bar.setAttribute("aria-valuemax", total);
  bar.setAttribute("aria-valuenow", answered);
  bar.querySelector("i").style.transform = `scaleX(${share})`;
  top.querySelector(".count").textContent = `${Math.min(answered + 1, total)} of ${total}`;
}

/** A line about trouble, at the bottom of the page; without text it goes away. */
export function showTrouble(text = "") {
  const line = document.querySelector(".trouble");
  line.textContent = text;
  line.hidden = !text;
}

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
