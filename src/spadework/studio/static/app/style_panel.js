// The strip of styles: thumbnails, random ones with lock and history, a seed, a photo's style, and mixing two.

import { element, iconButton, segments, slider, speak } from "./elements.js";
import { icon } from "./icons.js";
import { fadeEnds } from "./layout.js";
import { same } from "./looks.js";
import { attempt } from "./messages.js";

const SHOWN = 8; // tried styles in the strip

/**
 * @param {HTMLElement} place
 * @param {import("./looks.js").Looks} looks
 * @param {{name: string, seed?: number, vector?: number[], picture?: string, resolve?: () => Promise<number[]>}[]} offered
 * @param {{takePhoto: (file: File) => void, chosenClass: () => {id: number, name: string}}} studio
 */
export function makeStyles(place, looks, offered, studio) {
  if (!looks.kind.size) {
    place.append(
      element("p", { class: "no-style soft" }, icon("look"), "This model has one look: a label map gives one photo."),
    );
    return () => {};
  }
  let seen; // the name of the style that was chosen when the strip was drawn last
  let picking = false; // whether the next thumbnail is the second style of a mix

  const choose = async (look) => {
    if (look.resolve && !look.vector)
      await attempt(async () => (look.vector = await look.resolve()), "The style could not be fetched. ");
    if (look.resolve && !look.vector) return;
    if (picking) {
      picking = false;
      looks.mixWith(look);
      speak(`Mixing with ${look.name}`);
      mixing.querySelector("input")?.focus();
    } else {
      looks.choose({ ...look }, studio.chosenClass().id);
      speak(`Style: ${look.name}`);
    }
  };

  // Left: random, lock, back and forward, seed.
  const dice = element(
    "button",
    {
      type: "button",
      class: "button dice",
      "data-tip": "A style nobody has seen",
      "data-key": "D",
      onclick: () => {
        if (!looks.random(studio.chosenClass().id)) speak("The style is locked");
        dice.classList.remove("rolled");
        void dice.offsetWidth;
        dice.classList.add("rolled");
      },
    },
    icon("dice"),
    "Random",
  );
  const lock = iconButton("unlock", "Lock the style", () => looks.lock(!looks.locked), { small: true });
  const back = iconButton("left", "Style before", () => looks.step(-1), { small: true });
  const on = iconButton("right", "Style after", () => looks.step(1), { small: true });
  const seed = element("input", {
    type: "text",
    inputmode: "numeric",
    pattern: "[0-9]*",
    "aria-label": "Seed",
    placeholder: "seed",
    autocomplete: "off",
    maxlength: 15,
  });
  seed.addEventListener("change", () => {
    const value = Number(seed.value.trim());
    if (seed.value.trim() === "" || !Number.isSafeInteger(value) || value < 0) return show();
    looks.choose({ name: `Seed ${value}`, seed: value }, studio.chosenClass().id);
  });
  const scopes = [{ value: "picture", text: "Photo", tip: "The style of the whole photo" }];
  if (looks.kind.regional) scopes.push({ value: "class", text: "Class", tip: "The style of the class you paint with" });
  const scope = scopes.length > 1 ? segments("Style of", scopes, looks.scope, (value) => looks.setScope(value)) : null;

  // Middle: thumbnails.
  const strip = element("div", {
    class: "thumbs",
    role: "group",
    "aria-label": "Styles",
    onkeydown: (event) => moveAlong(event, strip),
  });
  fadeEnds(strip);
  const input = element("input", {
    type: "file",
    accept: "image/*",
    hidden: true,
    onchange: () => (input.files[0] && studio.takePhoto(input.files[0]), (input.value = "")),
  });
  const fromPhoto = looks.kind.encoder
    ? element(
        "button",
        {
          type: "button",
          class: "thumb from-photo",
          "data-tip": "Take the style of a photo; you can drop one here",
          onclick: () => input.click(),
        },
        element("span", { class: "thumb-picture" }, icon("photo")),
        element("span", { class: "thumb-name" }, "From photo"),
      )
    : null;

  // Right: mixing.
  const mixing = element("div", { class: "mixing", role: "group", "aria-label": "Mix two styles" });

  place.append(
    element(
      "div",
      { class: "style-left" },
      element("div", { class: "style-row" }, dice, lock, back, on),
      element(
        "div",
        { class: "style-row" },
        element("label", { class: "seed" }, element("span", { class: "soft small" }, "Seed"), seed),
        scope,
      ),
    ),
    strip,
    input,
    mixing,
  );

  const thumb = (look) => {
    const chosen =
      looks.scope === "class"
        ? same(looks.ofClass.get(studio.chosenClass().id) ?? looks.current, look)
        : same(looks.current, look);
    const picture = look.picture
      ? element("img", { class: "thumb-picture", src: look.picture, alt: "", loading: "lazy", draggable: "false" })
      : element("span", { class: "thumb-picture blank", "aria-hidden": "true" }, icon("look"));
    const label = look.name.replace(/^Seed /, "");
    return element(
      "button",
      {
        type: "button",
        class: "thumb",
        "aria-pressed": String(chosen),
        "aria-label": `Style ${look.name}`,
        tabindex: chosen ? "0" : "-1",
        onclick: () => choose(look),
      },
      picture,
      element("span", { class: "thumb-name", "aria-hidden": "true" }, label),
    );
  };

  function showMix() {
    if (looks.mix) {
      const percent = (t) => `${Math.round(100 * t)} %`;
      const amount = slider(`From ${looks.current.name} to ${looks.mix.look.name}`, {
        min: 0,
        max: 1,
        step: 0.01,
        value: looks.mix.t,
        oninput: (t) => {
          amount.setAttribute("aria-valuetext", percent(t));
          looks.mixWith(looks.mix.look, t);
        },
      });
      amount.setAttribute("aria-valuetext", percent(looks.mix.t));
      mixing.replaceChildren(
        end(looks.current),
        amount,
        end(looks.mix.look),
        iconButton("close", "Stop mixing", () => looks.mixWith(null), { small: true }),
      );
    } else {
      mixing.replaceChildren(
        element(
          "button",
          {
            type: "button",
            class: "button mix-button",
            "aria-pressed": String(picking),
            onclick: () => {
              picking = !picking;
              showMix();
              if (picking) speak("Choose the second style");
            },
          },
          icon("swap"),
          picking ? "Now choose a style" : "Mix two styles",
        ),
      );
    }
  }
  const end = (look) =>
    look.picture
      ? element("img", { class: "mix-end", src: look.picture, alt: look.name, "data-tip": look.name })
      : element("span", { class: "mix-end blank", "data-tip": look.name }, icon("look"));

  function show() {
    const presets = offered;
    const tried = looks.history
      .filter((look) => !presets.some((preset) => same(preset, look)))
      .slice(-SHOWN)
      .reverse();
    const focused = strip.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const left = strip.scrollLeft;
    strip.replaceChildren(
      ...(fromPhoto ? [fromPhoto] : []),
      ...presets.map(thumb),
      ...(presets.length && tried.length ? [element("span", { class: "rule" })] : []),
      ...tried.map(thumb),
    );
    if (!strip.querySelector('.thumb[tabindex="0"]'))
      strip.querySelector(".thumb:not(.from-photo)")?.setAttribute("tabindex", "0");
    strip.scrollLeft = left;
    const chosen = strip.querySelector('[aria-pressed="true"]');
    const name = chosen?.getAttribute("aria-label");
    if (seen && name !== seen) chosen?.scrollIntoView({ block: "nearest", inline: "nearest" });
    seen = name;
    if (focused) [...strip.children].find((child) => child.getAttribute("aria-label") === focused)?.focus();
    const look = looks.current;
    if (document.activeElement !== seed) seed.value = look.vector ? "" : String(look.seed);
    back.disabled = looks.at === 0;
    on.disabled = looks.at === looks.history.length - 1;
    dice.disabled = looks.locked;
    lock.setAttribute("aria-pressed", String(looks.locked));
    lock.replaceChildren(icon(looks.locked ? "lock" : "unlock"));
    scope?.set(looks.scope);
    if (!mixing.contains(document.activeElement) || document.activeElement.type !== "range" || !looks.mix) showMix();
  }
  looks.addEventListener("change", show);
  looks.addEventListener("history", show);
  show();
  return show;
}

function moveAlong(event, strip) {
  const thumbs = [...strip.querySelectorAll("button")];
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const next = thumbs[thumbs.indexOf(document.activeElement) + by];
  if (!by || !next) return;
  next.focus();
  event.preventDefault();
  event.stopPropagation();
}
