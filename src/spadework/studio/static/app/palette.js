// The classes: a list with colours, names and keys, a search, and those that were used last.

import { element, paintSwatch, speak, swatch } from "./elements.js";
import { icon } from "./icons.js";

const RECENT = 6;
const FEW = 20; // classes that are seen at a glance: without headings, and without those used last

/** Event `choose` {id}. */
export class Palette extends EventTarget {
  /**
   * @param {HTMLElement} place
   * @param {{id: number, name: string, key?: string, group?: string}[]} classes
   * @param {Record<number, number[]>} colors
   */
  constructor(place, classes, colors) {
    super();
    this.classes = classes;
    this.colors = colors;
    this.patterns = {}; // id -> address of a picture, where classes have patterns
    this.recent = [];
    this.chosen = null;
    this.rows = new Map();
    this.search = element("input", {
      type: "search",
      placeholder: "Find a class",
      "aria-label": "Find a class",
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this.filter(),
      onkeydown: (event) => this.searchKey(event),
    });
    this.list = element("div", {
      class: "class-list",
      role: "listbox",
      "aria-label": "Classes",
      onkeydown: (event) => this.key(event),
    });
    this.row = element("div", { class: "recent", role: "group", "aria-label": "Used last" });
    this.none = element("p", { class: "soft small none", hidden: true }, "No class has such a name.");
    place.append(
      element("div", { class: "panel-head" }, element("h2", { class: "panel-title" }, "Paint with")),
      element("div", { class: "search" }, icon("search"), this.search, element("kbd", { "aria-hidden": "true" }, "/")),
      this.row,
      this.list,
      this.none,
    );
    this.fill();
  }

  /** The rows, by group where classes have groups; groups stand in the order of their first class. */
  fill() {
    const groups = new Map();
    for (const each of this.classes) groups.set(each.group ?? "", [...(groups.get(each.group ?? "") ?? []), each]);
    for (const [name, members] of groups) {
      const part = element("div", {
        class: "class-group",
        role: groups.size > 1 ? "group" : "presentation",
        "aria-label": groups.size > 1 ? name || "others" : null,
      });
      if (groups.size > 1 && this.classes.length > FEW)
        part.append(element("h3", { "aria-hidden": "true" }, name || "others"));
      part.append(...members.map((each) => this.option(each)));
      this.list.append(part);
    }
    this.list.querySelector("[role=option]")?.setAttribute("tabindex", "0");
  }

  option(each) {
    const row = element(
      "div",
      {
        class: "class",
        role: "option",
        id: `class-${each.id}`,
        tabindex: "-1",
        "aria-selected": "false",
        "data-id": each.id,
        onclick: () => this.choose(each.id),
      },
      swatch(this.colors[each.id]),
      element("span", { class: "class-name" }, each.name),
      each.key && element("kbd", { "aria-hidden": "true" }, each.key.toUpperCase()),
    );
    if (each.key) row.setAttribute("aria-keyshortcuts", each.key);
    this.rows.set(each.id, row);
    return row;
  }

  name(id) {
    return this.classes.find((each) => each.id === id)?.name ?? "unlabelled";
  }

  /** Choose a class, and tell everybody; one that is not in the list was another model's. */
  choose(id) {
    if (!this.rows.has(id)) return;
    this.show(id);
    this.dispatchEvent(new CustomEvent("choose", { detail: { id } }));
    speak(`Painting ${this.name(id)}`);
  }

  /** Show that a class is chosen. */
  show(id) {
    if (!this.rows.has(id) || id === this.chosen) return;
    for (const [other, row] of this.rows) {
      row.setAttribute("aria-selected", String(other === id));
      row.tabIndex = other === id ? 0 : -1;
    }
    this.chosen = id;
    const row = this.rows.get(id);
    if (this.list.clientHeight) {
      const [top, bottom] = [
        row.offsetTop - this.list.offsetTop,
        row.offsetTop - this.list.offsetTop + row.offsetHeight,
      ];
      if (top < this.list.scrollTop) this.list.scrollTop = top - 24;
      else if (bottom > this.list.scrollTop + this.list.clientHeight)
        this.list.scrollTop = bottom - this.list.clientHeight + 24;
    }
    this.remember(id);
  }

  remember(id) {
    if (this.recent.includes(id)) return;
    this.recent = [id, ...this.recent].slice(0, RECENT);
    this.showRecent();
  }

  showRecent() {
    this.row.replaceChildren(
      ...this.recent.map((id) =>
        element(
          "button",
          {
            type: "button",
            class: "recent-one",
            "aria-label": `Paint ${this.name(id)}`,
            "data-tip": this.name(id),
            onclick: () => this.choose(id),
          },
          swatch(this.colors[id], this.patterns[id]),
        ),
      ),
    );
    this.row.hidden = this.classes.length <= FEW || this.recent.length < 2;
  }

  /** Other colours or patterns for the same classes. */
  recolor(colors, patterns) {
    Object.assign(this, { colors, patterns });
    for (const [id, row] of this.rows) paintSwatch(row.querySelector(".swatch"), colors[id], patterns[id]);
    this.showRecent();
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase();
    for (const { id, name, group } of this.classes) {
      this.rows.get(id).hidden = !(
        name.toLowerCase().includes(wanted) || (group ?? "").toLowerCase().startsWith(wanted)
      );
    }
    for (const group of this.list.children) group.hidden = !group.querySelector(".class:not([hidden])");
    this.none.hidden = this.shown().length > 0;
  }

  shown() {
    return [...this.list.querySelectorAll(".class")].filter((row) => !row.hidden && !row.parentElement.hidden);
  }

  searchKey(event) {
    const first = this.shown()[0];
    if (event.key === "Enter" && first) this.choose(Number(first.dataset.id));
    else if (event.key === "ArrowDown" && first) first.focus();
    else if (event.key === "Escape" && this.search.value) this.search.value = "";
    else return;
    if (event.key !== "ArrowDown") {
      this.search.value = "";
      this.filter();
      this.rows.get(this.chosen)?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  key(event) {
    const rows = this.shown();
    const at = rows.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") this.choose(Number(document.activeElement.dataset.id));
    else if (to === -1) this.search.focus();
    else if (to !== undefined && rows[to]) rows[to].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  focusSearch() {
    this.search.focus();
    this.search.select();
  }
}
