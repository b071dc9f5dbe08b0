// The bar at the top: the project's name and menu, undo and redo, how the photo is shown, sharing and help.

import { settingsOf } from "./settings.js";
import { COMMAND, button, element, iconButton, segments } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { opensMenu } from "./menu.js";
import { attempt } from "./messages.js";
import { preferences } from "./preferences.js";

/** @param {any} studio what main.js puts together */
export function makeBar(studio) {
  const { painting, files, editor } = studio;

  // What opens only when it is asked for is fetched only then.
  const sheet = (module, open) => () => attempt(async () => (await import(module))[open](studio));
  const gallery = sheet("./gallery.js", "openGallery");
  const batch = sheet("./batch.js", "openBatch");
  const share = sheet("./share.js", "openShare");
  const figure3 = sheet("./figure3.js", "openFigure3");
  const why = sheet("./why_panel.js", "toggleWhy");
  const help = () =>
    attempt(async () =>
      (await import("./help.js")).openHelp({
        taken,
        classes: studio.model.ontology.classes,
        welcome: async () => (await import("./welcome.js")).firstSteps(studio),
      }),
    );

  // Left: menu and name.
  const menu = opensMenu(
    iconButton("menu", "Menu", () => {}),
    () => [
      { name: "Open…", symbol: "folder", key: `${COMMAND} O`, run: () => files.ask() },
      { name: "New, and examples…", symbol: "new", run: gallery },
      null,
      { name: "Save the project", symbol: "save", key: `${COMMAND} S`, run: () => files.saveProject() },
      { name: "Save the photo", symbol: "photo", key: `${COMMAND} ⇧ S`, run: () => files.savePhoto() },
      { name: "Save the map as ids", symbol: "map", run: () => files.saveIds() },
      { name: "Save the map in colours", symbol: "map", run: () => files.saveColors() },
      { name: "Copy the photo", symbol: "copy", key: `${COMMAND} ⇧ C`, run: () => files.copyPhoto() },
      null,
      { name: "Share as a page…", symbol: "share", run: share },
      { name: "Many maps…", symbol: "stack", run: batch },
      null,
      { name: "Why this photo?", symbol: "why", key: "Y", run: why },
      { name: "Figure 3 of the paper", symbol: "figure", run: figure3 },
      { name: "Help", symbol: "help", key: "?", run: help },
    ],
  );
  const name = element("input", {
    type: "text",
    class: "project-name",
    "aria-label": "Name of the project",
    maxlength: 80,
    spellcheck: "false",
    autocomplete: "off",
  });
  name.addEventListener("change", () => studio.rename(name.value.trim()));
  name.addEventListener("keydown", (event) => event.key === "Enter" && name.blur());
  studio.addEventListener("rename", () => (name.value = studio.name));
  studio.rename(studio.name);
  document
    .querySelector(".bar-start")
    .append(
      menu,
      element(
        "span",
        { class: "brand" },
        element("img", { src: "/static/icon.svg", alt: "", width: 26, height: 26 }),
        name,
      ),
    );

  // Right.
  const undo = () => editor.undo();
  const redo = () => editor.redo();
  const undoButton = iconButton("undo", "Undo", undo, { key: `${COMMAND} Z` });
  const redoButton = iconButton("redo", "Redo", redo, { key: `${COMMAND} ⇧ Z` });
  const showHistory = () => {
    undoButton.disabled = !painting.canUndo;
    redoButton.disabled = !painting.canRedo;
  };
  painting.addEventListener("history", showHistory);
  showHistory();

  const view = segments(
    "The photo",
    [
      { value: "side", text: "Beside the map", symbol: "side" },
      { value: "over", text: "Over the map", symbol: "over" },
    ],
    preferences.view,
    (value) => setView(value),
  );
  const setView = (value) => {
    studio.setView(value);
    view.set(value);
  };
  const settings = opensMenu(
    iconButton("settings", "Colours and appearance", () => {}),
    () => [settingsOf(studio)],
  );
  const end = document.querySelector(".bar-end");
  end.append(
    undoButton,
    redoButton,
    element("span", { class: "rule wide-only" }),
    view,
    element("span", { class: "rule wide-only" }),
    iconButton("why", "Why this photo?", why, {
      key: "Y",
      id: "why-button",
      "aria-pressed": "false",
      class: "icon wide-only",
    }),
    settings,
    iconButton("help", "Help", help, { key: "?", class: "icon wide-only" }),
    button("Share", share, { symbol: "share", primary: true, class: "button primary wide-only" }),
  );
  makePhotoHead(studio, share);

  const taken = studio.takenKeys;
  listenToKeys(studio, taken, {
    "Ctrl+z": undo,
    "Ctrl+Shift+z": redo,
    "Ctrl+y": redo,
    "Ctrl+o": () => files.ask(),
    "Ctrl+s": () => files.saveProject(),
    "Ctrl+Shift+s": () => files.savePhoto(),
    "Ctrl+Shift+c": () => files.copyPhoto(),
    "/": () => {
      studio.dock?.open("palette");
      studio.palette.focusSearch();
    },
    "?": help,
    v: () => setView(preferences.view === "side" ? "over" : "side"),
    y: why,
    d: () => studio.looks.kind.size && studio.looks.random(studio.palette.chosen),
  });
}

/** Above the photo: its size, saving and copying. */
function makePhotoHead({ photo, files }) {
  const size = element("span", { class: "soft small numbers" });
  photo.addEventListener("resize", () => (size.textContent = `${photo.canvas.width} × ${photo.canvas.height}`));
  document.querySelector(".pane-photo .pane-head").append(
    element("h2", { class: "pane-title" }, "Photo"),
    size,
    element("span", { class: "push" }),
    iconButton("copy", "Copy the photo", () => files.copyPhoto(), { small: true, key: `${COMMAND} ⇧ C` }),
    iconButton("save", "Save the photo", () => files.savePhoto(), { small: true, key: `${COMMAND} ⇧ S` }),
  );
}
