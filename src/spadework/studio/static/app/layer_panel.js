// The layers, uppermost first: shown or hidden, locked, reordered, renamed.

import { element, iconButton, speak } from "./elements.js";

/**
 * @param {HTMLElement} place
 * @param {import("../canvas/painting.js").Painting} painting
 */
export function makeLayers(place, painting) {
  const list = element("ol", { class: "layer-list" });
  place.append(
    element(
      "div",
      { class: "panel-head" },
      element("h2", { class: "panel-title" }, "Layers"),
      iconButton("plus", "Add a layer", () => painting.addLayer(freeName(painting)), { small: true }),
    ),
    list,
  );
  const show = () => {
    const focused = document.activeElement?.closest?.(".layer") ? document.activeElement.dataset.focus : null;
    const uppermostFirst = [...painting.layers].reverse();
    list.replaceChildren(...uppermostFirst.map((layer, at) => row(painting, layer, at, uppermostFirst.length)));
    if (focused) list.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  };
  painting.addEventListener("layers", show);
  show();
}

function row(painting, layer, at, count) {
  const active = painting.active === layer.id;
  const place = count - 1 - at; // in the painting's order, lowest first
  const move = (to) => {
    if (to < 0 || to >= count) return;
    painting.moveLayer(layer.id, to);
    speak(`${layer.name} is layer ${count - to} of ${count} from above`);
  };
  const small = (symbol, name, action, more = {}) =>
    iconButton(symbol, name, action, { small: true, "data-focus": `${layer.id} ${symbol.split("-")[0]}`, ...more });
  const name = element(
    "button",
    {
      type: "button",
      class: "layer-name",
      "aria-pressed": String(active),
      "data-focus": `${layer.id} name`,
      onclick: () => painting.activate(layer.id),
      ondblclick: () => rename(painting, layer, name),
      onkeydown: (event) => {
        if (event.key === "F2") rename(painting, layer, name);
        else if (event.altKey && event.key === "ArrowUp") move(place + 1);
        else if (event.altKey && event.key === "ArrowDown") move(place - 1);
        else if (event.key === "Delete" && count > 1) painting.removeLayer(layer.id);
        else return;
        event.preventDefault();
        event.stopPropagation();
      },
    },
    layer.name,
  );
  const made = element(
    "li",
    { class: active ? "layer active" : "layer", draggable: "true", "data-layer": layer.id },
    small(layer.visible ? "eye" : "eye-off", layer.visible ? `Hide ${layer.name}` : `Show ${layer.name}`, () =>
      painting.setLayer(layer.id, { visible: !layer.visible }),
    ),
    name,
    element(
      "span",
      { class: "layer-more" },
      small("up", `Move ${layer.name} up`, () => move(place + 1), { disabled: at === 0, "data-key": "Alt ↑" }),
      small("down", `Move ${layer.name} down`, () => move(place - 1), {
        disabled: at === count - 1,
        "data-key": "Alt ↓",
      }),
      small("trash", `Remove ${layer.name}`, () => painting.removeLayer(layer.id), { disabled: count === 1 }),
    ),
    small(
      layer.locked ? "lock" : "unlock",
      layer.locked ? `Unlock ${layer.name}` : `Lock ${layer.name}`,
      () => painting.setLayer(layer.id, { locked: !layer.locked }),
      { "aria-pressed": String(layer.locked) },
    ),
  );
  made.addEventListener("dragstart", (event) => event.dataTransfer.setData("application/x-spadework-layer", layer.id));
  made.addEventListener(
    "dragover",
    (event) => event.dataTransfer.types.includes("application/x-spadework-layer") && event.preventDefault(),
  );
  made.addEventListener("drop", (event) => {
    const dragged = event.dataTransfer.getData("application/x-spadework-layer");
    const found = painting.layers.find((other) => String(other.id) === dragged);
    if (!found) return;
    event.preventDefault();
    event.stopPropagation();
    painting.moveLayer(found.id, place);
  });
  return made;
}

function rename(painting, layer, name) {
  const field = element("input", { type: "text", "aria-label": "Name of the layer", maxlength: 40 });
  field.value = layer.name;
  name.replaceWith(field);
  field.select();
  let done = false;
  const finish = (keep) => {
    if (done) return;
    done = true;
    const wanted = field.value.trim();
    painting.setLayer(layer.id, { name: (keep && wanted) || layer.name });
  };
  field.addEventListener("blur", () => finish(true));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") finish(false);
  });
}

function freeName(painting) {
  const taken = new Set(painting.layers.map((layer) => layer.name));
  for (let number = painting.layers.length + 1; ; number++) if (!taken.has(`layer ${number}`)) return `layer ${number}`;
}
