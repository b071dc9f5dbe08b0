// Sharing: one HTML file with the map, the photo, the styles that were tried and a replay of the strokes.

import { replay } from "../canvas/replay.js";
import { button, element } from "./elements.js";
import { specOf } from "./looks.js";
import { attempt } from "./messages.js";
import { encodeIds } from "./png_ids.js";
import { download, fileName } from "./project.js";
import { generate, toBase64 } from "./server.js";
import { openSheet } from "./sheet.js";
import { pageOf } from "./share_page.js";

const MOST_STEPS = 300;
const PHOTOS = 12; // between the strokes, besides the last one
const STYLES = 6;
const FREEHAND = new Set(["brush", "pencil", "eraser", "line"]);
const ARRANGING = new Set(["add layer", "remove layer", "move layer"]);

/** A sheet that makes the page. */
export function openShare(studio) {
  let wanted = true;
  const report = element(
    "p",
    { role: "status" },
    "One file with your map, its photo, the styles you tried, and how it was painted. It opens in any browser, without a connection, and asks nobody for anything.",
  );
  const bar = element("progress", { max: 1, value: 0, hidden: true, "aria-label": "Photos made" });
  const go = button(
    "Make the page",
    async () => {
      go.disabled = true;
      bar.hidden = false;
      const done = await attempt(async () => {
        const shared = await gather(studio, (share, text) => {
          bar.value = share;
          report.textContent = text;
          if (!wanted) throw new DOMException("The sheet was closed.", "AbortError");
        });
        const page = new Blob([pageOf(shared)], { type: "text/html" });
        download(page, fileName(studio.name, ".html"));
        report.textContent = `${fileName(studio.name, ".html")} is in your downloads: ${(page.size / 1024).toFixed(0)} KB, ${shared.steps.length} steps. Send it to a friend.`;
      }, "The page could not be made. ");
      go.disabled = false;
      bar.hidden = true;
      if (!done) report.textContent = "Nothing was saved.";
    },
    { symbol: "save", primary: true },
  );
  openSheet("Share as a page", [element("div", { class: "share-made" }, report, bar)], {
    actions: [go],
    closed: () => (wanted = false),
  });
}

/** Everything that the page holds. @returns {Promise<import("./share_page.js").Shared>} */
async function gather(studio, progress) {
  const { painting, looks, palettes, paletteName, palette, model } = studio;
  const { width, height } = painting;
  const last = painting.composite().slice();
  const { first, steps } = stepsOf(painting.toJSON(), last, width, height);

  // Photos: of the first map, of some in between, and of the last one in each style.
  const style = await studio.style();
  const tried = model.style.size
    ? [...new Set([looks.current, ...looks.history.toReversed()])].slice(0, STYLES)
    : [{ name: "Photo" }];
  const every = Math.max(1, Math.ceil(steps.length / PHOTOS));
  const between = steps.map((_, at) => at).filter((at) => (at + 1) % every === 0 && at < steps.length - 1);
  const count = 1 + between.length + tried.length;
  let made = 0;
  const photoOf = async (ids, look) => {
    progress(made / count, `Photo ${made + 1} of ${count}…`);
    const { picture } = await generate({
      label_map: toBase64(await encodeIds(ids, width, height)),
      style: look,
      format: "jpeg",
    });
    made += 1;
    return `data:image/jpeg;base64,${toBase64(new Uint8Array(await picture.arrayBuffer()))}`;
  };
  const firstPhoto = await photoOf(first, style);
  const photos = [];
  const map = first.slice();
  for (const [
    at,
    {
      rect: [x, y, w, h],
      ids,
    },
  ] of steps.entries()) {
    for (let row = 0; row < h; row++) map.set(ids.subarray(row * w, row * w + w), (y + row) * width + x);
    if (between.includes(at)) steps[at].photo = photos.push(await photoOf(map, style)) - 1;
  }
  const styles = [];
  for (const [at, look] of tried.entries())
    styles.push({ name: look.name, photo: await photoOf(last, at === 0 ? style : specOf(look)) });

  // Colours and names of what occurs.
  const occurring = [...new Set([first, ...steps.map(({ ids }) => ids)].flatMap((ids) => [...new Set(ids)]))];
  const colors = Object.fromEntries(occurring.map((id) => [id, palettes[paletteName][id] ?? [0, 0, 0]]));
  return {
    name: studio.name,
    width,
    height,
    colors,
    names: Object.fromEntries(occurring.map((id) => [id, palette.name(id)])),
    first: runsOf(first),
    firstPhoto,
    photos,
    styles,
    steps: steps.map(({ rect, ids, points, size, photo }) => ({ rect, ids: runsOf(ids), points, size, photo })),
    made: `Painted with the spadework studio, model ${model.name}.`,
  };
}

/**
 * What each stroke changed to the eye, since a map was opened last; strokes before the last 300 are left out.
 * @param {Uint16Array} last the map as it is seen now
 */
function stepsOf(json, last, width, height) {
  let before = new Uint16Array(width * height).fill(json.unlabelled);
  let first = before;
  let steps = [];
  const add = (now, stroke) => {
    const rect = difference(before, now, width, height);
    const path = FREEHAND.has(stroke?.tool) && stroke.points && !stroke.mirror;
    if (rect)
      steps.push({
        rect,
        ids: cut(now, width, rect),
        ...(path && { points: thinned(stroke.points), size: stroke.size }),
      });
    before = now.slice();
  };
  for (const { painting, stroke } of replay(json)) {
    if (painting.width !== width || painting.height !== height) continue;
    if (stroke.after && !ARRANGING.has(stroke.tool)) {
      first = before = painting.composite().slice();
      steps = [];
    } else add(painting.composite(), stroke);
  }
  add(last); // Layers may be hidden.
  for (const {
    rect: [x, y, w, h],
    ids,
  } of steps.splice(0, Math.max(0, steps.length - MOST_STEPS))) {
    for (let row = 0; row < h; row++) first.set(ids.subarray(row * w, row * w + w), (y + row) * width + x);
  }
  return { first, steps };
}

/** The rectangle [x, y, w, h] in which two maps differ, or null. */
function difference(a, b, width, height) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (a[y * width + x] === b[y * width + x]) continue;
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), y + 1];
    }
  }
  return right ? [left, top, right - left, bottom - top] : null;
}

function cut(ids, width, [left, top, w, h]) {
  const made = new Uint16Array(w * h);
  for (let y = 0; y < h; y++) made.set(ids.subarray((top + y) * width + left, (top + y) * width + left + w), y * w);
  return made;
}

/** At most a hundred points, whole pixels: enough to follow. */
function thinned(points) {
  const every = Math.max(1, Math.ceil(points.length / 200));
  return points.filter((_, at) => (at >> 1) % every === 0 || at >= points.length - 2).map(Math.round);
}

/** Ids as id, count, id, count, ... */
function runsOf(ids) {
  const runs = [];
  for (let at = 0; at < ids.length;) {
    let end = at;
    while (end < ids.length && ids[end] === ids[at]) end++;
    runs.push(ids[at], end - at);
    at = end;
  }
  return runs;
}
