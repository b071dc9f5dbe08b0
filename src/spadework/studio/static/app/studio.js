// Everything that the parts of the page share: the model, the painting, its photo, the style, and what people chose.

import { Editor } from "../canvas/editor.js";
import { Painting } from "../canvas/painting.js";
import { palettesOf, patternSamples } from "./colors.js";
import { Files } from "./files.js";
import { Live } from "./live.js";
import { Looks } from "./looks.js";
import { Palette } from "./palette.js";
import { PhotoView } from "./photo_view.js";
import { preferences } from "./preferences.js";
import { askWith, styleByClass } from "./regions.js";

const $ = (selector) => document.querySelector(selector);

/** Events: `rename`, `colors` (other colours or patterns). */
export class Studio extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.name = "Untitled";
    this.palettes = palettesOf(model);
    this.paletteName = preferences.palette in this.palettes ? preferences.palette : "own";
    const { classes, unlabelled_id: unlabelled } = model.ontology; // null: then what is empty is the first class
    const [height, width] = model.size;
    this.painting = new Painting({ width, height, classes, unlabelled: unlabelled ?? classes[0].id });
    this.editor = new Editor($("#map"), this.painting, { classes, palette: this.colors, unlabelled });
    this.looks = new Looks(model.style);
    this.palette = new Palette($(".palette"), classes, this.colors);
    this.photo = new PhotoView($(".pane-photo .pane-view"));
    this.live = new Live(this.painting);
    this.files = new Files(this);
    askWith(classes[0].id);
  }

  /** Keys that belong to classes. */
  get takenKeys() {
    return new Set(this.model.ontology.classes.filter(({ key }) => key).map(({ key }) => key.toLowerCase()));
  }

  get colors() {
    return this.palettes[this.paletteName];
  }

  setPalette(name) {
    preferences.palette = this.paletteName = name;
    this.editor.setPalette(this.colors);
    this.recolor();
  }

  setPatterns(patterns) {
    preferences.patterns = patterns;
    this.editor.setPatterns(patterns);
    this.recolor();
  }

  /** Whether a pen's pressure changes the size of strokes. */
  setPressure(pressure) {
    preferences.pressure = this.editor.pressure = pressure;
  }

  recolor() {
    this.palette.recolor(
      this.colors,
      preferences.patterns ? patternSamples(this.model.ontology.classes, this.colors) : {},
    );
    this.dispatchEvent(new Event("colors"));
  }

  /** Beside each other, or the photo over the map. */
  setView(view) {
    preferences.view = document.body.dataset.view = view;
    this.overlay();
  }

  overlay() {
    const over = preferences.view === "over" && !this.photo.empty;
    this.editor.setOverlay(over ? this.photo.canvas : null, preferences.opacity);
  }

  rename(name) {
    this.name = name || "Untitled";
    document.title = `${this.name} – spadework studio`;
    this.dispatchEvent(new Event("rename"));
  }

  /** The style as the API takes it, by class where classes have looks of their own. */
  style() {
    return styleByClass(this.looks, this.painting);
  }

  /** The style of whole photos. */
  async wholeStyle() {
    return this.looks.spec();
  }

  /**
   * Pixels of classes that this model does not have become empty, since the server refuses maps that hold them.
   * @returns {string} how many there were, for people; "" for none
   */
  leaveOutUnknown() {
    const { classes, unlabelled } = this.model.ontology;
    const count = this.painting.keepOnly([...classes.map(({ id }) => id), ...unlabelled]);
    if (!count) return "";
    return `${count.toLocaleString("en")} of its pixels had classes that this model does not have; they are empty now.`;
  }

  /** What is kept beside the painting. */
  state() {
    const classes = this.model.ontology.classes.map(({ id, name }) => ({ id, name }));
    return { name: this.name, looks: this.looks.toJSON(), hash: this.model.hash, classes, chosen: this.palette.chosen };
  }
}
