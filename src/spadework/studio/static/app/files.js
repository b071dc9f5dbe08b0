// Files in and out: label maps of any form, photos, projects; pictures to save and to copy.

import { paintIds } from "./colors.js";
import { element } from "./elements.js";
import { attempt, say } from "./messages.js";
import { decodeIds, encodeIds } from "./png_ids.js";
import { describeProject, difference, download, fileName, readProject, SUFFIX, trouble } from "./project.js";
import { encodeStyle, fromBase64, generate, readLabelMap, segment, toBase64 } from "./server.js";
import { choose } from "./sheet.js";

const DOUBTFUL = 0.2; // share of snapped pixels above which a picture is rather a photo
const LOSSY = /\.(jpe?g|webp|heic|avif)$/i;

/** @param {any} studio what main.js puts together */
export class Files {
  constructor(studio) {
    this.studio = studio;
    this.input = element("input", {
      type: "file",
      hidden: true,
      "aria-hidden": "true",
      tabindex: "-1",
      onchange: () => {
        const file = this.input.files[0];
        if (file) this.open(file);
        this.input.value = "";
      },
    });
    document.body.append(this.input);
  }

  /** Let somebody choose a file. */
  ask() {
    this.input.click();
  }

  /** Open whatever it is. */
  open(file) {
    return attempt(async () => {
      if (file.size > (this.studio.model.limits?.max_request_bytes ?? Infinity) && !/json$/i.test(file.name)) {
        throw trouble(
          `it has ${megabytes(file.size)}; the studio takes ${megabytes(this.studio.model.limits.max_request_bytes)} at most.`,
          "Make it smaller first.",
        );
      }
      if (/\.json$/i.test(file.name) || file.type === "application/json")
        return this.openProject(await file.text(), file.name);
      if (LOSSY.test(file.name) || file.type === "image/jpeg") return this.openPhoto(file);
      await this.openMap(file);
    }, `${file.name}: `);
  }

  async openMap(file, sure = false) {
    const read = await readLabelMap(file);
    if (read.snapped > DOUBTFUL && !sure) return this.openPhoto(file, read);
    this.take(await decodeIds(fromBase64(read.label_map)), `open ${file.name}`, stem(file.name));
    const share =
      read.snapped > 0
        ? `${percent(read.snapped)} of its pixels had colours of no class and became the nearest one.`
        : "";
    const notes = (read.notes ?? []).filter((note) => !share || !/nearest/.test(note));
    say(`${file.name} is open: ${describeForm(read.form)}, ${read.size[1]} × ${read.size[0]}.`, {
      kind: "good",
      cure: [share, ...notes].filter(Boolean).join(" "),
      stay: false,
    });
  }

  /** A photo can be three things: a layout, a style, or a label map after all. */
  async openPhoto(file, read = null) {
    const { model } = this.studio;
    const answers = [
      model.segmenter && { value: "segment", name: "Paint on its layout", primary: true },
      model.style.encoder && { value: "style", name: "Use its style", primary: !model.segmenter },
      { value: "map", name: "Read it as a label map" },
    ].filter(Boolean);
    const about = read
      ? `${percent(read.snapped)} of the pixels of ${file.name} have colours of no class, as photos do.`
      : `${file.name} seems to be a photo.`;
    const without = model.segmenter ? "" : " To turn photos into label maps, start the studio with --segmenter.";
    const answer = await choose("What is this picture for?", about + without, answers);
    if (answer === "style") return this.takeStyle(file);
    if (answer === "map") return this.openMap(file, true);
    if (answer === "segment") return this.segment(file);
  }

  async segment(file) {
    const waiting = say(`Looking at ${file.name}…`, { stay: true });
    try {
      const { label_map } = await segment(file);
      this.take(await decodeIds(fromBase64(label_map)), `segment ${file.name}`, stem(file.name));
    } finally {
      waiting.remove();
    }
    say(`The layout of ${file.name} is on the canvas.`, {
      kind: "good",
      action: this.studio.model.style.encoder ? { name: "Use its style too", run: () => this.takeStyle(file) } : null,
    });
  }

  /** The style of a photo. */
  takeStyle(file) {
    return attempt(async () => {
      const { model, looks } = this.studio;
      if (!model.style.encoder)
        throw trouble(
          "This model cannot take its style from a photo.",
          "Train with a style encoder (--encoder), or choose a seed.",
        );
      const [vector, picture] = await Promise.all([encodeStyle(file), thumbnail(file)]);
      looks.choose({ name: stem(file.name).slice(0, 24), vector, picture }, this.studio.palette.chosen);
    });
  }

  openProject(text, name) {
    const { model, painting, looks } = this.studio;
    const project = readProject(text);
    try {
      painting.fromJSON(project.painting);
    } catch (error) {
      throw trouble(`it cannot be opened: ${error.message}.`, "The file may be damaged. Your painting is as it was.");
    }
    const other = difference(project, model);
    const notes = [other, this.studio.leaveOutUnknown()].filter(Boolean).join(" ");
    if (model.style.size) looks.fromJSON(project.style, !other);
    this.studio.rename(project.name ?? stem(name));
    this.studio.editor.fit();
    say(`${project.name ?? name} is open.`, { kind: notes ? "plain" : "good", cure: notes, stay: Boolean(notes) });
  }

  /** A map that came from somewhere. */
  take({ ids, width, height }, why, name) {
    const { painting, editor, model } = this.studio;
    const most = model.limits?.max_pixels;
    if (most && width * height > most)
      throw trouble(
        `The map has ${width} × ${height} pixels; this studio takes ${most.toLocaleString("en")} at most.`,
        "Make it smaller first.",
      );
    painting.replaceWith(ids, width, height, why);
    if (name) this.studio.rename(name);
    editor.fit();
  }

  // Out.

  get name() {
    return this.studio.name;
  }

  /** The map as the API takes it. */
  async encoded() {
    const { painting } = this.studio;
    return toBase64(await encodeIds(painting.composite(), painting.width, painting.height));
  }

  /** The photo without loss. */
  async photo() {
    return (await generate({ label_map: await this.encoded(), style: await this.studio.style(), format: "png" }))
      .picture;
  }

  saveProject() {
    return attempt(async () => {
      const text = JSON.stringify(describeProject(this.studio));
      download(new Blob([text], { type: "application/json" }), fileName(this.name, SUFFIX));
    });
  }

  savePhoto() {
    return attempt(
      async () => download(await this.photo(), fileName(this.name, ".png")),
      "The photo could not be saved. ",
    );
  }

  saveIds() {
    return attempt(async () => {
      const { painting } = this.studio;
      const bytes = await encodeIds(painting.composite(), painting.width, painting.height);
      download(new Blob([bytes], { type: "image/png" }), fileName(this.name, "-ids.png"));
    });
  }

  saveColors() {
    return attempt(async () => {
      const { painting, palettes } = this.studio;
      const picture = paintIds(painting.composite(), painting.width, painting.height, palettes.own);
      download(await blobOf(picture), fileName(this.name, "-colours.png"));
    });
  }

  copyPhoto() {
    return attempt(async () => {
      if (!navigator.clipboard?.write)
        throw trouble("This browser does not let pages copy pictures here.", "Save the photo instead.");
      try {
        await navigator.clipboard.write([new ClipboardItem({ "image/png": this.photo() })]);
      } catch (error) {
        throw error.name === "NotAllowedError"
          ? trouble("The browser did not allow to copy.", "Allow the clipboard for this page, or save the photo.")
          : error;
      }
      say("The photo is in the clipboard.", { kind: "good" });
    });
  }
}

async function blobOf(canvas, type = "image/png", quality) {
  return new Promise((done) => canvas.toBlob(done, type, quality));
}

/** A photo as a small square data address. */
async function thumbnail(file, side = 96) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  const square = Math.min(bitmap.width, bitmap.height);
  const made = element("canvas", { width: side, height: side });
  made
    .getContext("2d")
    .drawImage(bitmap, (bitmap.width - square) / 2, (bitmap.height - square) / 2, square, square, 0, 0, side, side);
  return made.toDataURL("image/jpeg", 0.8);
}

const stem = (name) => name.replace(/^.*[\\/]/, "").replace(/(\.spadework)?\.[^.]*$/, "");
const percent = (share) => (share < 0.001 ? "Less than 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
const describeForm = (form) =>
  ({ ids: "ids", palette: "a palette", colors: "colours", npy: "ids", segmented: "a layout" })[form] ?? form;
