// The studio: asks the server which model it has, then puts painting, photo and panels together.

import { Autosave } from "../canvas/autosave.js";
import { paintSwatch, speak } from "./elements.js";
import { takeDrops } from "./drops.js";
import { fetchExample, plain } from "./gallery.js";
import { attempt, complain, say } from "./messages.js";
import { showStatus } from "./photo_view.js";
import { preferences } from "./preferences.js";
import { otherMeanings } from "./project.js";
import { getModel } from "./server.js";
import { makeBar } from "./bar.js";
import { makeDock, makeSplitter, setTheme } from "./layout.js";
import { makeLayers } from "./layer_panel.js";
import { Studio } from "./studio.js";
import { makeStyles } from "./style_panel.js";
import { makeToolOptions, makeTools } from "./toolbar.js";
import { showTips } from "./tips.js";

const $ = (selector) => document.querySelector(selector);

async function begin() {
  setTheme(preferences.theme);
  showTips();
  const waiting = (error) => say(error.message, { cure: error.cure, kind: "bad" });
  const studio = new Studio(await getModel(waiting));
  document.body.dataset.view = preferences.view;

  connectPainting(studio);
  const offered = connectStyle(studio);
  connectClasses(studio);
  arrange(studio);
  const restored = await restore(studio);
  if (!restored) await Promise.all([firstLook(studio, offered), firstMap(studio)]);
  document.body.dataset.state = "ready";
  studio.editor.fit();
  studio.editor.fitSizes();
  if (!preferences.welcomed) attempt(async () => (await import("./welcome.js")).firstSteps(studio));
  globalThis.studio = studio; // For the curious, and for tests.
}

/** What is painted goes to the server, photos come to the screen. */
function connectPainting(studio) {
  const { painting, live, photo, editor } = studio;
  painting.addEventListener("change", ({ detail }) => {
    live.changed(detail);
    if (!studio.looks.ofClass.size || detail.live) return;
    if (detail.resized) live.restyle(studio.looks.spec()); // Regions have the map's size: they come a little later.
    restyle(studio);
  });
  live.addEventListener("picture", ({ detail }) => {
    photo.show(detail);
    if (preferences.view === "over") studio.overlay();
  });
  live.addEventListener("refused", ({ detail }) =>
    complain(Object.assign(new Error(detail.message), { cure: detail.cure ?? "" })),
  );
  editor.addEventListener("notice", ({ detail }) => say(detail.message));
  editor.addEventListener("view", () => follow(studio));
  new ResizeObserver(() => (editor.view.fitted ? editor.fit() : follow(studio))).observe($("#map"));
  editor.addEventListener("hover", ({ detail }) => {
    photo.point(detail.class !== null ? [(detail.x + 0.5) / painting.width, (detail.y + 0.5) / painting.height] : null);
  });
  showStatus($(".stage"), live);
}

/** The photo shows the same part as the canvas. */
function follow({ editor, photo, painting }) {
  const { view } = editor;
  const { width, height } = painting;
  const centre = [view.toMapX(view.width / 2) / width, view.toMapY(view.height / 2) / height];
  photo.follow(view.fitted ? 1 : Math.max(view.scale / view.fitting, 0.25), centre);
}

let restyling = 0;
/** Another style for the live photo. */
function restyle(studio) {
  const mine = ++restyling;
  studio.live.styling += 1;
  attempt(async () => {
    const style = await studio.style();
    if (mine === restyling) studio.live.restyle(style);
  }).finally(() => (studio.live.styling -= 1));
}

function connectStyle(studio) {
  const { looks, live, photo, palette, model } = studio;
  const offered = (model.thumbnails ?? []).map(({ name, seed, vector_url, picture_url }) => ({
    name,
    picture: picture_url,
    ...(seed !== undefined && seed !== null
      ? { seed }
      : { resolve: async () => (await (await fetch(vector_url)).json()).vector }),
  }));
  const chosenClass = () => ({ id: palette.chosen, name: palette.name(palette.chosen) });
  const show = makeStyles($(".styles"), looks, offered, {
    takePhoto: (file) => studio.files.takeStyle(file),
    chosenClass,
  });
  looks.addEventListener("change", () => restyle(studio));
  palette.addEventListener("choose", () => looks.scope === "class" && show());

  // A look that was tried gets the photo that it made as its picture.
  live.addEventListener("picture", ({ detail }) => {
    const look = looks.current;
    if (!detail.final || look.picture || looks.mix || live.waiting) return;
    look.picture = photo.small();
    show();
  });
  return offered;
}

function connectClasses(studio) {
  const { palette, editor } = studio;
  palette.addEventListener("choose", ({ detail }) => {
    editor.class = detail.id;
    if (["hand", "eyedropper", "eraser"].includes(editor.tool)) editor.tool = "brush";
    studio.dock?.close();
  });
  editor.addEventListener("class", () => {
    palette.show(editor.class);
    showChosen(studio);
  });
  const first = studio.model.ontology.classes[0].id;
  palette.show(editor.class ?? first);
  editor.class = palette.chosen;
}

/** The chosen class, in the bar of phones. */
function showChosen({ dock, palette, editor, colors }) {
  const button = dock?.button("palette");
  if (!button || editor.class === null) return;
  paintSwatch(button.querySelector(".swatch"), colors[editor.class], palette.patterns[editor.class]);
  button.label.textContent = palette.name(editor.class);
}

/** Bars and panels. */
function arrange(studio) {
  makeBar(studio);
  makeTools($(".tools"), studio.editor, studio.takenKeys);
  makeToolOptions($(".pane-map .pane-head"), $(".tools"), studio);
  makeLayers($(".layers"), studio.painting);
  makeSplitter($(".stage"), $(".splitter"));
  const mark = document.createElement("i");
  mark.className = "swatch";
  studio.dock = makeDock($(".dock"), [
    { sheet: "palette", name: "Class", mark },
    { sheet: "tools", name: "Tools", symbol: "brush" },
    { sheet: "styles", name: "Style", symbol: "look" },
    { sheet: "layers", name: "Layers", symbol: "layers" },
  ]);
  $(".tools").addEventListener("click", ({ target }) => target.closest("[data-tool]") && studio.dock.close());
  showChosen(studio);
  studio.addEventListener("colors", () => showChosen(studio));
  takeDrops(studio.files, studio.model.style.encoder);
  studio.setPatterns(preferences.patterns);
  studio.setPressure(preferences.pressure);
}

/** What this browser kept of the last time with this model's classes. */
async function restore(studio) {
  const { painting, looks, model } = studio;
  const autosave = new Autosave(painting, model.ontology.name, () => studio.state());
  autosave.addEventListener("trouble", ({ detail }) => say(detail.message, { kind: "bad" }));
  const kept = await autosave.restore();
  const lost = studio.leaveOutUnknown();
  const extras = kept?.extras;
  const other = otherMeanings(extras?.classes ?? [], model);
  if (lost || other) {
    const which = other && ` (${other})`;
    const cure = lost || "Look at it: its parts may mean something else now.";
    say(`Welcome back. The map was painted with other classes${which}.`, { cure, stay: true });
  }
  if (extras?.looks) {
    if (model.style.size) looks.fromJSON(extras.looks, extras.hash === model.hash);
    if (extras.chosen !== null && extras.chosen !== undefined) studio.palette.choose(extras.chosen);
    studio.rename(extras.name);
    if (extras.hash !== model.hash && !lost && !other)
      say("Welcome back. Your map is as you left it; the model is another one.", { kind: "plain" });
  }
  looks.addEventListener("change", () => autosave.touch());
  studio.addEventListener("rename", () => autosave.touch());
  return Boolean(kept);
}

/** The first of the styles that come with the model, where it has some. */
async function firstLook({ looks }, [first]) {
  if (!first || !looks.kind.size) return;
  if (first.resolve) await attempt(async () => (first.vector = await first.resolve()));
  if (first.resolve && !first.vector) return;
  looks.history = [{ ...first }];
  looks.tell();
}

async function firstMap(studio) {
  const { painting, model } = studio;
  const [height, width] = model.size;
  let map = { ids: plain(model, width, height), width, height };
  const [example] = model.examples ?? [];
  if (example) await attempt(async () => (map = await fetchExample(example)));
  painting.replaceWith(map.ids, map.width, map.height, "begin");
  painting.activate(painting.layers.at(-1).id);
  painting.forgetHistory();
  studio.rename(example?.name ?? "Untitled");
}

begin().catch((error) => {
  complain(error, "The studio could not start. ");
  speak(error.message);
});
