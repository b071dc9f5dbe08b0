// The screens around the questions: welcome, thanks, and what went wrong.

import { element, heading, show, showProgress } from "./elements.js";
import { leaveQuestion } from "./question.js";

/** What this is about, in three sentences, and a button. `about` is what the server says of the study or the worker. */
export function showWelcome(about, start) {
  leaveQuestion();
  showProgress();
  const back = about.answered > 0;
  const kept = about.name ? `with the name in your link (${about.name})` : "nothing about you";
  const sentences = [
    "You see a layout, each colour of it a kind of thing, and two pictures that computers made from it.",
    "Choose the picture that looks more like a photo of this layout; take your time.",
    `We keep your choices and how long they took, ${kept}; you may stop at any time.`,
  ];
  const left = about.total - (about.answered ?? 0);
  const number = back ? `${about.answered} of ${about.total} are done.` : `${left} questions.`;
  const button = element("button", { class: "go", onclick: start }, back ? "Go on" : "I agree, start");
  show(
    "card",
    picture(),
    heading(back ? "Welcome back" : "Which looks more like a photo?"),
    element("ol", { class: "sentences" }, ...sentences.map((sentence) => element("li", {}, sentence))),
    button,
    element("p", { class: "soft" }, `${number} Stop whenever you like: this page brings you back to where you were.`),
    about.contact ? element("p", { class: "soft" }, `Any questions about this study? ${about.contact}`) : null,
  );
}

/** The end. */
export function showThanks(state) {
  leaveQuestion();
  showProgress();
  const many = state.answered === 1 ? "1 answer" : `${state.answered} answers`;
  show(
    "card",
    heading("Thank you!"),
    element("p", {}, `That was all. Your ${many} are stored.`.replace("1 answer are", "1 answer is")),
    element("p", { class: "soft" }, "If somebody asks you for a code, it is this one:"),
    element("p", {}, element("output", { class: "code" }, state.code)),
    state.contact ? element("p", { class: "soft" }, `Any questions about this study? ${state.contact}`) : null,
  );
}

export function showMessage(title, text) {
  leaveQuestion();
  showProgress();
  show("card", heading(title), element("p", {}, text));
}

/** A layout between two pictures, drawn. */
function picture() {
  const drawn = element("div", { class: "drawn", "aria-hidden": "true" });
  drawn.append(element("i", { class: "plain" }), element("i", { class: "map" }), element("i", { class: "rich" }));
  return drawn;
}
